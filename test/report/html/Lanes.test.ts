import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { barAt, load, pack } from "../../../src/report/viewer/Lanes.ts"
import { attempt, call, start } from "./samples.ts"

const callAt = (index: number, at: number, took: number) =>
  call(index, { at, took, attempts: [attempt(1, { at, took })] })

describe("the lanes of the timeline", () => {
  it("holds calls that overlap in different lanes, in as many as are under way at once", () => {
    const times = FastCheck.array(FastCheck.tuple(FastCheck.nat(500), FastCheck.nat(200)), {
      minLength: 1,
      maxLength: 40
    })
    FastCheck.assert(FastCheck.property(times, (times) => {
      const calls = times.map(([at, took], index) => callAt(index, at, took + 1))
      const lanes = pack(calls, start, 1000, 0)
      for (const bars of lanes.bars) {
        for (const [at, bar] of bars.entries()) assert.isTrue(at === 0 || bars[at - 1]!.to <= bar.from)
      }
      const most = Math.max(
        ...calls.map((one) =>
          calls.filter((other) => other.createdAt <= one.createdAt && other.completedAt! > one.createdAt).length
        )
      )
      assert.strictEqual(lanes.count, most)
      assert.strictEqual(lanes.bars.flat().length, calls.length)
    }))
  })

  it("has no more lanes than it may", () => {
    const calls = Array.from({ length: 50 }, (_, index) => callAt(index, index, 1000))
    assert.strictEqual(pack(calls, start, 8, 0).count, 8)
    assert.strictEqual(pack(calls, start, 8, 0).bars.flat().length, 50)
  })

  it("shows that a call was queued as far as its lane was free", () => {
    const first = callAt(0, 0, 100)
    const second = call(1, { at: 0, took: 250, attempts: [attempt(1, { at: 150, took: 100 })] })
    const [bars] = pack([first, second], start, 8, 0).bars
    assert.deepInclude(bars?.[1], { from: start + 150, queuedFrom: start + 100 })
  })

  it("finds what is at a moment", () => {
    const bars = pack([callAt(0, 0, 100), callAt(1, 200, 100), callAt(2, 400, 100)], start, 1, 0).bars[0]!
    assert.strictEqual(barAt(bars, start + 250, 0)?.call.index, 1)
    assert.strictEqual(barAt(bars, start + 395, 0), undefined)
    assert.strictEqual(barAt(bars, start + 395, 10)?.call.index, 2)
    assert.strictEqual(barAt([], start, 10), undefined)
  })

  it("counts the requests that are under way", () => {
    const calls = [callAt(0, 0, 500), callAt(1, 250, 500), callAt(2, 900, 100)]
    assert.deepStrictEqual(load(calls, start, start + 1000, 4, start + 1000), [1, 2, 1, 1])
  })
})
