import { assert, describe, it } from "@effect/vitest"
import * as CliNotes from "../../src/node/CliNotes.ts"

const turn = () => new Promise((resolve) => setImmediate(resolve))

const recorded = () => {
  const written: Array<string> = []
  return { written, notes: CliNotes.make((lines) => void written.push(lines)) }
}

describe("what a command tells on stderr", () => {
  it("is written at once where it comes alone", async () => {
    const { notes, written } = recorded()
    for (const line of ["one", "two", "three"]) {
      notes.tell(line)
      assert.strictEqual(written.at(-1), line)
      await turn()
      await turn()
    }
    assert.deepStrictEqual(written, ["one", "two", "three"])
  })

  it("is written together where much comes at once, in order and none twice", async () => {
    const { notes, written } = recorded()
    const lines = Array.from({ length: 10_000 }, (_, index) => `line ${index}`)
    for (const [index, line] of lines.entries()) {
      notes.tell(line)
      if (index % 100 === 99) await turn()
    }
    await turn()
    await turn()
    assert.isAtMost(written.length, 110)
    assert.deepStrictEqual(written.join("\n").split("\n"), lines)
  })

  it("does not wait for ever where nothing else gets its turn, nor when it is to be written now", () => {
    const { notes, written } = recorded()
    for (let index = 0; index < 1_500; index++) notes.tell("a line")
    assert.strictEqual(written.join("\n").split("\n").length, 1_001)
    notes.flush()
    assert.strictEqual(written.join("\n").split("\n").length, 1_500)
    notes.flush()
    assert.strictEqual(written.length, 4)
  })
})
