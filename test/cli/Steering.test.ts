import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PassThrough } from "node:stream"
import * as Output from "../../src/cli/Output.ts"

/** What a stream is given when a text is printed to it. */
const printed = (text: string, isTTY: boolean, noColor = false): Promise<string> => {
  // of a terminal the output asks nothing but whether it is one
  const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream & PassThrough
  const output = Output.make(stream, stream, noColor)
  return Effect.runPromise(Effect.map(output.print(text), () => String(stream.read())))
}

const steering: ReadonlyArray<readonly [name: string, text: string]> = [
  ["moves the cursor", "\u001B[2J\u001B[1;1Hgone"],
  ["asks for the title", "\u001B[21t"],
  ["makes a link", "\u001B]8;;https://example.test\u0007here\u001B]8;;\u0007"],
  ["fills the clipboard", "\u001B]52;c;cm0gLXJm\u0007"],
  ["rings", "\u0007"],
  ["writes over the line", "rm -rf /\rls"],
  ["steers with one character", "\u009B2J"],
  ["turns the text around", "user\u202Enimda\u202C"]
]

describe("PC-12: what an agent said and steers a terminal", () => {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  const control = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/
  for (const [name, text] of steering) {
    it(`is shown by a terminal, and does not happen: ${name}`, async () => {
      assert.match(text, control)
      assert.notMatch(await printed(text, true), control)
      assert.notMatch(await printed(text, true, true), control)
    })

    it(`is in a file as it was said: ${name}`, async () => {
      assert.strictEqual(await printed(text, false), `${text}\n`)
    })
  }

  it("leaves colours, lines and tabs", async () => {
    assert.strictEqual(
      await printed("\u001B[1;31mred\u001B[0m\n\tnext ✓", true),
      "\u001B[1;31mred\u001B[0m\n\tnext ✓\n"
    )
  })
})
