import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Ids from "open-agent-workflows/domain/Ids"
import * as Usage from "open-agent-workflows/domain/Usage"
import type { Settled } from "open-agent-workflows/store/RunStore"
import * as Replay from "../../src/workflow/Replay.ts"

const runId = Schema.decodeSync(Ids.RunId)("20260528-143201-0sj04k7m2x9")

interface Made {
  readonly callKey: string
  readonly position: string
}

/** Makes calls in this order, and gives what a store would have recorded of them. */
const record = (made: ReadonlyArray<Made>, from: ReadonlyArray<Settled> = []): ReadonlyArray<Settled> => {
  const replay = Replay.make(from)
  return made.map(({ callKey, position }) => {
    const { index, ordinal } = replay.take(callKey, position)
    return {
      callId: Ids.callId(runId, index),
      index,
      callKey,
      cacheKey: callKey,
      ordinal,
      position,
      status: "done",
      outputText: `${callKey} at ${position}`,
      outputJson: null,
      partial: false,
      attempts: 1,
      usage: Usage.zero,
      cost: null,
      durationMs: 1
    }
  })
}

const key = FastCheck.constantFrom("a", "b", "c")
const calls = FastCheck.array(key, { maxLength: 30 }).map((keys) =>
  keys.map((callKey, index): Made => ({ callKey, position: `/0[${index}]` }))
)
const shuffled = <A>(list: ReadonlyArray<A>) => FastCheck.shuffledSubarray([...list], { minLength: list.length })
const property = FastCheck.property
const assertProperty = FastCheck.assert

describe("a new run", () => {
  it("numbers its calls from 1, and equal ones among themselves from 0", () => {
    const made = ["a", "b", "a", "a", "b"].map((callKey) => ({ callKey, position: "" }))
    assert.deepStrictEqual(record(made).map(({ index, ordinal }) => [index, ordinal]), [
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 2],
      [
        5,
        1
      ]
    ])
    assert.strictEqual(Replay.make([]).take("a", "").recorded, undefined)
  })
})

describe("a resumed run", () => {
  it("finds for each call a record of its own key, each at most once, in whatever order the calls come", () => {
    const resumed = calls.chain((made) => FastCheck.tuple(FastCheck.constant(made), shuffled(made)))
    assertProperty(property(resumed, ([made, again]) => {
      const journal = record(made)
      const replay = Replay.make(journal)
      const places = again.map((call) => ({ call, place: replay.take(call.callKey, call.position) }))
      const used = places.map(({ place }) => place.recorded)
      assert.isTrue(used.every((one) => one !== undefined), "every call has a record")
      assert.strictEqual(new Set(used).size, made.length, "each is used once")
      for (const { call, place } of places) {
        assert.deepInclude(place.recorded, { ...call, index: place.index, ordinal: place.ordinal })
      }
    }))
  })

  it("leaves an item its record when another item of the fan-out, which had not come that far, asks first", () => {
    const journal = record([
      { callKey: "before 1", position: "/0[1]" },
      { callKey: "sample", position: "/0[0]" },
      { callKey: "sample", position: "/0[2]" }
    ])
    const replay = Replay.make(journal)
    assert.strictEqual(replay.take("before 1", "/0[1]").recorded, journal[0])
    assert.isUndefined(replay.take("sample", "/0[1]").recorded)
    assert.strictEqual(replay.take("sample", "/0[0]").recorded, journal[1])
    assert.strictEqual(replay.take("sample", "/0[2]").recorded, journal[2])
  })

  it("gives the items of an edited fan-out what their calls had recorded at other numbers", () => {
    const journal = record(["a", "b", "c"].map((callKey, index) => ({ callKey, position: `/0[${index}]` })))
    const replay = Replay.make(journal)
    const found = ["new", "a", "b", "c"].map((callKey, index) => replay.take(callKey, `/0[${index}]`).recorded)
    assert.deepStrictEqual(found, [undefined, ...journal])
  })

  it("gives any calls at any positions only records of their key, and no record twice", () => {
    const other = FastCheck.array(
      FastCheck.record({ callKey: key, position: FastCheck.constantFrom("", "/0[0]", "/9") })
    )
    assertProperty(property(calls, other, (made, again) => {
      const journal = record(made)
      const replay = Replay.make(journal)
      const used = new Set<Settled>()
      const indices = new Set<number>()
      const numbers = new Set<string>()
      for (const { callKey, position } of again) {
        const left = journal.filter((one) => one.callKey === callKey && !used.has(one))
        const { index, ordinal, recorded } = replay.take(callKey, position)
        const fanOut = (path: string) => path.replaceAll(/\d+(?=\])/g, "")
        const elsewhere = left.filter((one) => fanOut(one.position) !== fanOut(position))
        const own = left.find((one) => one.position === position)
        if (recorded === undefined) {
          assert.isUndefined(own)
          assert.isEmpty(elsewhere, "only what another item of its fan-out will ask for is left alone")
        } else {
          assert.deepStrictEqual([recorded.index, recorded.ordinal], [index, ordinal])
          assert.include([own ?? left[0], own ?? elsewhere[0]], recorded, "its own, else the oldest")
          used.add(recorded)
        }
        assert.isFalse(indices.has(index) || numbers.has(`${callKey} ${ordinal}`), "a place is given once")
        indices.add(index)
        numbers.add(`${callKey} ${ordinal}`)
      }
    }))
  })

  it("gives a call that is new the next index and number after everything recorded", () => {
    assertProperty(property(calls, key, (made, callKey) => {
      const journal = record(made)
      const replay = Replay.make(journal)
      for (const call of journal) replay.take(call.callKey, call.position)
      assert.deepStrictEqual(replay.take(callKey, "new"), {
        index: made.length + 1,
        ordinal: made.filter((call) => call.callKey === callKey).length,
        recorded: undefined
      })
    }))
  })

  it("does not give a new call the index of one it has not come to yet", () => {
    const replay = Replay.make(record([{ callKey: "a", position: "" }, { callKey: "b", position: "" }]))
    assert.strictEqual(replay.take("new", "").index, 3)
    assert.strictEqual(replay.take("b", "").index, 2)
    assert.strictEqual(replay.take("newer", "").index, 4)
    assert.strictEqual(replay.take("a", "").index, 1)
  })

  it("keeps index and number of a call that failed and is made again", () => {
    const [first, second, third] = record(["a", "a", "a"].map((callKey) => ({ callKey, position: "" })))
    assert.isDefined(first)
    assert.isDefined(second)
    assert.isDefined(third)
    const journal: ReadonlyArray<Settled> = [first, { ...second, status: "provider_failed" }, third]
    const replay = Replay.make(journal)
    replay.take("a", "")
    assert.deepInclude(replay.take("a", ""), { index: 2, ordinal: 1, recorded: journal[1] })
  })

  it("leaves no gap for another attempt when it has no records of some indices", () => {
    const [first, , third] = record(["a", "b", "a"].map((callKey) => ({ callKey, position: "" })))
    assert.isDefined(first)
    assert.isDefined(third)
    const replay = Replay.make([first, third])
    assert.deepInclude(replay.take("b", ""), { index: 4, ordinal: 0 })
  })
})

it("ten thousand equal calls find their own records in the reverse order in no time to speak of", () => {
  const made = Array.from({ length: 10_000 }, (_, index): Made => ({ callKey: "a", position: `/0[${index}]` }))
  const replay = Replay.make(record(made))
  const started = performance.now()
  for (const { callKey, position } of made.toReversed()) {
    assert.strictEqual(replay.take(callKey, position).recorded?.position, position)
  }
  assert.isBelow(performance.now() - started, 5_000)
})
