import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Ids from "open-agent-workflows/domain/Ids"

const isRunId = Schema.is(Ids.RunId)
const isCallId = Schema.is(Ids.CallId)
const runId = Schema.decodeSync(Ids.RunId)("20260528-143201-0sj04k7m2x9")

describe("run ids", () => {
  it.effect("made in one millisecond are unique and sort in the order they were made", () =>
    Effect.gen(function*() {
      // more than the sequence holds, so that its end is passed in between
      for (let batch = 0; batch < 4; batch++) {
        yield* TestClock.adjust("1 millis")
        const ids = yield* Effect.replicateEffect(Ids.makeRunId, 10_000)
        assert.strictEqual(new Set(ids).size, 10_000)
        assert.deepStrictEqual(ids.toSorted(), ids)
        assert.isTrue(ids.every(isRunId))
      }
    }))

  it.effect("sort by the time they were made", () =>
    Effect.gen(function*() {
      const ids: Array<Ids.RunId> = []
      for (
        const step of ["1 millis", "998 millis", "1 millis", "59 seconds", "1 hours", "31 days", "365 days"] as const
      ) {
        ids.push(yield* Ids.makeRunId)
        yield* TestClock.adjust(step)
      }
      assert.deepStrictEqual(ids.toSorted(), ids)
    }))

  it.effect("start with the UTC second", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 4, 28, 14, 32, 1, 999))
      assert.match(yield* Ids.makeRunId, /^20260528-143201-[0-9a-z]+$/)
    }))
})

describe("call ids", () => {
  it("give back their run and index", () => {
    FastCheck.assert(FastCheck.property(FastCheck.integer({ min: 1, max: 10_000_000 }), (index) => {
      const id = Ids.callId(runId, index)
      assert.isTrue(isCallId(id))
      assert.deepStrictEqual(Ids.splitCallId(id), { runId, index })
    }))
  })

  it("have four digits at least and as many as they need", () => {
    const of = (index: number) => Ids.callId(runId, index).slice(runId.length)
    assert.deepStrictEqual([1, 999, 1000, 9_999, 10_000, 123_456].map(of), [
      "_call_0001",
      "_call_0999",
      "_call_1000",
      "_call_9999",
      "_call_10000",
      "_call_123456"
    ])
  })

  it("are not run ids, nor the other way round", () => {
    assert.isFalse(isRunId(Ids.callId(runId, 1)))
    assert.isFalse(isCallId(runId))
    for (
      const wrong of ["", "latest", "20260528-143201-", "20260528-143201-ABCDEFGH", "../20260528-143201-0sj04k7m2x9"]
    ) {
      assert.isFalse(isRunId(wrong), wrong)
    }
    assert.isFalse(isCallId(`${runId}_call_12`))
  })
})
