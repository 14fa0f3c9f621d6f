import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { agent, Engine, log, OwfTest, parallel, phase, RunStore, Scripted, Usage } from "open-agent-workflows"
import { Wait, withFallback, Workflow, workflow } from "open-agent-workflows"
import type { Answer, Listener, Provider, Request } from "open-agent-workflows/provider/Provider"
import { ProviderError } from "open-agent-workflows/provider/Provider"
import * as Follow from "../../src/cli/live/Follow.ts"
import type { Signal } from "../../src/cli/live/Signal.ts"
import { State } from "../../src/cli/live/State.ts"
import * as Progress from "../../src/cli/Progress.ts"

const answer: Answer = {
  text: "done",
  structured: undefined,
  raw: "done",
  usage: Usage.make({ inputTokens: 10, outputTokens: 5 }),
  cost: undefined,
  model: undefined,
  session: undefined
}

const refusal = (reason: ProviderError["reason"]) => new ProviderError({ provider: "teller", reason, detail: "no" })

/** Tells what it used before it answers; fails the first request of a prompt that says so. */
const teller = (): Provider => {
  const asked = new Set<string>()
  const ask = ({ prompt }: Request, listener: Listener): Effect.Effect<Answer, ProviderError> =>
    Effect.gen(function*() {
      const isFirst = !asked.has(prompt)
      asked.add(prompt)
      yield* listener.usage(Usage.make({ inputTokens: 10, outputTokens: 1 }))
      if (prompt.includes("fail")) return yield* refusal("Refused")
      if (prompt.includes("flaky") && isFirst) return yield* refusal("Overloaded")
      return answer
    })
  return { ...Scripted.make([], { name: "teller" }), ask }
}

const child = Workflow.make({ name: "child" }, function*() {
  return (yield* agent("inner", { label: "inner" })).text
})

const sample = Workflow.make({ name: "sample" }, function*() {
  yield* phase("ask")
  yield* log("begins")
  yield* agent("flaky", { label: "flaky" })
  yield* Wait.duration("nap", "20 millis")
  yield* parallel([agent("plain"), agent("fail"), agent("interrupted by nobody")])
  yield* withFallback(agent("fail for good", { label: "stood in" }), "a value")
  return yield* workflow(child)
})

const layer = OwfTest.layer({ provider: teller(), retry: { base: Duration.millis(10) } })

/** Runs an effect in an engine that is watched; gives what was told. */
const watched = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const signals: Array<Signal> = []
    const engine = Progress.observe(yield* Engine.Engine, {
      starting: Effect.void,
      started: () => {},
      signal: (signal) => void signals.push(signal),
      stop: Effect.never
    })
    yield* Effect.provideService(effect, Engine.Engine, engine)
    return signals
  })

const stateOf = (signals: ReadonlyArray<Signal>): State => {
  const state = new State()
  for (const signal of signals) state.apply(signal)
  return state
}

/** What two watchers of one run agree on. */
const common = (state: State) => ({
  status: state.status,
  total: state.total,
  phases: state.phases,
  failures: [...state.failures.values()],
  waits: state.waits.size,
  open: state.open.size
})

describe("a run that is watched in its own process", () => {
  it.scopedLive("is told of as it goes: requests, what they report, retries, waits, ends", () =>
    Effect.gen(function*() {
      const signals = yield* watched(Workflow.start(sample, undefined))
      const first = signals.find((signal) => signal._tag === "Placed")?.callId
      const ofFirst = signals.filter((signal) =>
        ("callId" in signal && signal.callId === first) || ("call" in signal && signal.call.callId === first)
      )
      assert.deepStrictEqual(ofFirst.map(({ _tag }) => _tag), [
        "Placed",
        "Asked",
        "Reported",
        "Paused",
        "Asked",
        "Reported",
        "CallEnded"
      ])
      const tags = signals.map(({ _tag }) => _tag)
      assert.isBelow(tags.indexOf("Waiting"), tags.indexOf("Waited"))
      assert.deepStrictEqual(tags.filter((tag) => tag === "RunBegan" || tag === "RunEnded"), [
        "RunBegan",
        "RunBegan",
        "RunEnded",
        "RunEnded"
      ])
      const { open, status, total } = stateOf(signals)
      assert.deepInclude(total, { done: 4, failed: 1, degraded: 1, running: 0, queued: 0, waiting: 0 })
      assert.deepStrictEqual([status, open.size], ["degraded", 0])
    }).pipe(Effect.provide(layer)))

  it.scopedLive("ends as somebody sees it who reads the store, then and when it is resumed", () =>
    Effect.gen(function*() {
      const inside = stateOf(yield* watched(Workflow.start(sample, undefined)))
      const store = yield* RunStore.RunStore
      const run = yield* store.run("latest")
      const outside = new State()
      const apply = (signal: Signal) => outside.apply(signal)
      const ended = yield* Follow.signals(run.id, { before: apply, signal: apply, run: () => {} })
      assert.strictEqual(ended.status, "degraded")
      assert.deepStrictEqual(common(outside), common(inside))
    }).pipe(Effect.provide(layer)))

  it.scopedLive("shows an answer of another run with what it saved, and one of its own journal as kept", () =>
    Effect.gen(function*() {
      const twice = Workflow.make({ name: "twice" }, function*() {
        yield* agent("shared", { readScope: [] })
        return yield* Effect.fail("not yet")
      })
      yield* watched(Effect.exit(Workflow.start(twice, undefined)))
      const hit = stateOf(yield* watched(Effect.exit(Workflow.start(twice, undefined))))
      assert.deepInclude(hit.total, { hits: 1, done: 0, tokens: 0 })
      assert.strictEqual(hit.saved.tokens, 15)
      const store = yield* RunStore.RunStore
      const resumed = yield* watched(
        Effect.flatMap(store.run("latest"), (run) => Effect.exit(Workflow.resume(twice, run)))
      )
      assert.deepInclude(stateOf(resumed).total, { replayed: 1, hits: 0 })
    }).pipe(Effect.provide(layer)))

  it.scopedLive("tells of calls that are broken off", () =>
    Effect.gen(function*() {
      const never = Scripted.make(Scripted.never)
      const stuck = Workflow.make({ name: "stuck" }, function*() {
        return yield* Effect.exit(Effect.timeout(agent("Wait"), "50 millis"))
          .pipe(Effect.map(Exit.isFailure))
      })
      const signals = yield* Effect.provide(
        watched(Workflow.start(stuck, undefined)),
        OwfTest.layer({ provider: never })
      )
      assert.deepInclude(stateOf(signals).total, { cancelled: 1, running: 0 })
    }))
})
