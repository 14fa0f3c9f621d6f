import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import * as CliEnvironment from "../../src/provider/CliEnvironment.ts"
import * as CliOutput from "../../src/provider/CliOutput.ts"

const encoder = new TextEncoder()
const asIs = (text: string) => text

const readAll = (pieces: ReadonlyArray<Uint8Array>, bounds?: CliOutput.Bounds, mask = asIs) => {
  const output = CliOutput.make(mask, bounds)
  const lines = pieces.flatMap((piece) => [...output.push(piece)])
  return { output, lines: [...lines, ...output.rest()] }
}

describe("CliOutput", () => {
  it("gives the same lines wherever the output is cut", () => {
    const text = "{\"a\":\"é\"}\n数🦊\r\n\u2028\u0085x\n\nlast"
    const bytes = encoder.encode(text)
    const expected = ["{\"a\":\"é\"}", "数🦊", "\u2028\u0085x", "", "last"]
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepStrictEqual(readAll([bytes.subarray(0, at), bytes.subarray(at)]).lines, expected)
    }
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const pieces = at.slice(1).map((to, index) => bytes.subarray(at[index], to))
        assert.deepStrictEqual(readAll(pieces).lines, expected)
      })
    )
  })

  it("reads what is not UTF-8 as the replacement character, and leaves out a mark of the byte order", () => {
    const bytes = Uint8Array.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xfe, 0x62, 0x0a])
    assert.deepStrictEqual(readAll([bytes]).lines, ["a\ufffd\ufffdb"])
  })

  it("does not hold on to the buffers it is given", () => {
    const output = CliOutput.make(asIs)
    const piece = encoder.encode("begun")
    output.push(piece)
    piece.fill(0x78)
    assert.deepStrictEqual(output.push(encoder.encode(" ended\n")), ["begun ended"])
  })

  it("keeps the first lines and the last, and says what it left out", () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `line ${index}`)
    const { output } = readAll([encoder.encode(lines.join("\n"))], { line: 1_000, head: 100, tail: 200 })
    const kept = output.kept()
    assert.isTrue(kept.startsWith("line 0\nline 1\n"))
    assert.isTrue(kept.endsWith("line 9998\nline 9999\n"))
    assert.match(kept, /^\[\d+ characters are left out\]$/m)
    assert.isBelow(kept.length, 400)
    const left = Number(/\[(\d+) characters/.exec(kept)?.[1])
    assert.strictEqual(kept.replace(/\[.*\]\n/, "").length + left, lines.join("\n").length + 1)
  })

  it("keeps the last line whole, however long, and drops one that is longer than may be", () => {
    const bounds = { line: 1_000, head: 10, tail: 20 }
    const { output } = readAll([encoder.encode(`short\n${"a".repeat(900)}\n`)], bounds)
    assert.isTrue(output.kept().endsWith(`${"a".repeat(900)}\n`))
    const pieces = ["short\n", "b".repeat(600), "b".repeat(600), "b".repeat(600), "\nnext\n"]
    const long = readAll(pieces.map((text) => encoder.encode(text)), { ...bounds, tail: 200 })
    assert.deepStrictEqual(long.lines, ["short", "next"])
    assert.strictEqual(long.output.dropped(), 1)
    assert.deepStrictEqual(long.output.last(), { number: 3, text: "next" })
    assert.include(long.output.kept(), "a line of 1800 bytes is left out")
  })

  it("knows an output that is blank", () => {
    assert.isTrue(readAll([]).output.isBlank())
    assert.isTrue(readAll([encoder.encode(" \n\t\r\n")]).output.isBlank())
    assert.isFalse(readAll([encoder.encode(" x")]).output.isBlank())
  })

  it("masks lines before anybody reads them, in linear time", () => {
    const mask = CliEnvironment.mask({ A_KEY: "sk-ant-0123456789abcdef", B_TOKEN: "token-0123456789abcdef" })
    const text = `${"{\"type\":\"user\",\"text\":\"nothing of note, really\"}".repeat(20)}\n`.repeat(10_000)
    const bytes = encoder.encode(`${text}sk-ant-0123456789abcdef\n`)
    const from = performance.now()
    const { lines, output } = readAll([bytes], undefined, mask)
    const seconds = (performance.now() - from) / 1_000
    assert.strictEqual(lines.at(-1), "[masked]")
    assert.notInclude(output.kept(), "0123456789")
    assert.isAbove(bytes.length / 1_048_576 / seconds, 1, "megabytes per second")
  })

  it("leaves out of an error output what may be the rest of a secret", () => {
    assert.strictEqual(CliOutput.endOf("short sk-1"), "short sk-1")
    assert.strictEqual(CliOutput.endOf(`half-a-key\n${"e".repeat(65_000)}`), "e".repeat(65_000))
    assert.strictEqual(CliOutput.endOf("e".repeat(65_000)).length, 65_000 - 8_192)
  })
})
