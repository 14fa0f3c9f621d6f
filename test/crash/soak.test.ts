import * as Path from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import * as Children from "../lib/children.ts"
import { directoryInMemory, root } from "../lib/node.ts"
import type { Round } from "./fixtures/soak.ts"

const mebibyte = 2 ** 20

/** What a line through the values rises by from one to the next. */
const slopeOf = (values: ReadonlyArray<number>): number => {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, _, index) => sum + (index - middle) ** 2, 0)
  return values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0) / squares
}

describe("twenty thousand calls in a row in one process", () => {
  let rounds: ReadonlyArray<Round>

  beforeAll(async () => {
    const program = Children.compiled(Path.join(root, "test/crash/fixtures/soak.ts"), ".crash")
    const { code, stderr, stdout } = await Children.start(["--expose-gc", program, "20", "1000", directoryInMemory()])
      .ended
    assert.strictEqual(code, 0, stderr.slice(0, 1000))
    rounds = stdout.trim().split("\n").map((line): Round => JSON.parse(line))
    assert.deepStrictEqual(rounds.map(({ done }) => done), Array.from({ length: 20 }, () => 1000))
  }, 240_000)

  // the first rounds compile the code and fill what is kept of it
  const settled = (of: (round: Round) => number) => rounds.slice(5).map(of)

  it("use less than 1 MiB of memory more for each thousand", () => {
    for (const bytes of [settled(({ residentBytes }) => residentBytes), settled(({ heapBytes }) => heapBytes)]) {
      assert.isBelow(slopeOf(bytes) / mebibyte, 1, bytes.join(" "))
    }
  })

  it("leave no descriptor open", () => {
    // a file of a run may just be written: what stays open is the least there is
    const all = rounds.map(({ descriptors }) => descriptors)
    assert.strictEqual(Math.min(...all.slice(-5)), Math.min(...all.slice(0, 5)), all.join(" "))
  })

  it("keep the log below 64 MiB, and make the database grow evenly", () => {
    for (const { logBytes } of rounds) assert.isBelow(logBytes, 64 * mebibyte)
    const sizes = settled(({ databaseBytes }) => databaseBytes)
    const half = Math.floor(sizes.length / 2)
    const [early, late] = [slopeOf(sizes.slice(0, half)), slopeOf(sizes.slice(half))]
    assert.isAbove(early, 0)
    assert.closeTo(late / early, 1, 0.5, sizes.join(" "))
  })

  it("are recorded in less than 50 ms, all but one of a hundred, after ten thousand as well", () => {
    // the least of ten rounds: others have the machine too
    const slow = rounds.slice(10).map(({ slowMs }) => slowMs)
    assert.isBelow(Math.min(...slow), 50, slow.join(" "))
  })
})
