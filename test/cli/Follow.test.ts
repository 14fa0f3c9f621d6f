import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Ownership } from "open-agent-workflows/store/RunStore"
import { RunStore } from "open-agent-workflows/store/RunStore"
import * as Follow from "../../src/cli/live/Follow.ts"
import type { Signal } from "../../src/cli/live/Signal.ts"
import { ended, finished, newAttempt, newCall, newRun, outcome, runId, start, temporary } from "../lib/store.ts"
import { store } from "../report/world.ts"

const id = runId(1)
const call = { runId: id, index: 1 }

/** Time in which somebody may look. */
const moment = Effect.zipRight(
  TestClock.adjust("1 second"),
  Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
)

/** What a watcher is told while steps are taken one after the other; it looks again after each. */
const told = (steps: (runs: RunStore["Type"], ownership: Ownership) => ReadonlyArray<Effect.Effect<void, unknown>>) =>
  Effect.flatMap(temporary, (home) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(start)
      const runs = yield* RunStore
      const { ownership } = yield* runs.create(newRun(id), null)
      const signals: Array<Array<Signal>> = []
      let looks = 0
      const tell = (signal: Signal) => void signals.at(-1)?.push(signal)
      const watching = yield* Effect.fork(
        Follow.signals(id, { before: tell, signal: tell, run: () => void looks++ })
      )
      for (const step of [...steps(runs, ownership), runs.finish(ownership, finished(id))]) {
        yield* step
        signals.push([])
        const before = looks
        // a look may be under way, which has not seen the step
        yield* Effect.repeat(moment, { until: () => looks >= before + 2 || watching.unsafePoll() !== null })
      }
      yield* Fiber.join(watching)
      return signals.map((signals) => signals.flatMap(shown))
    }).pipe(Effect.provide(store(home))))

const shown = (signal: Signal): ReadonlyArray<string> => {
  switch (signal._tag) {
    case "Asked":
      return [`asked ${signal.attempt}`]
    case "Paused":
      return [`paused for ${signal.attempt}, until ${signal.until}: ${signal.why}`]
    case "CallEnded":
      return [`ended ${signal.status}, ${signal.used.tokens} tokens, ${signal.used.costUsd}`]
    default:
      return []
  }
}

const failure = { status: "failed", errorKind: "Overloaded", error: "503: overloaded" } as const

describe("who watches a run of another process", () => {
  it.scoped("sees that a call pauses between two tries, and why", () =>
    Effect.map(
      told((runs, ownership) => [
        runs.begin(ownership, newCall(id, 1), newAttempt(id, 1)),
        runs.retry(ownership, ended(id, 1, failure), null),
        runs.retry(ownership, null, newAttempt(id, 1, { attempt: 2, at: start + 5_000 })),
        runs.settle(ownership, ended(id, 1, { attempt: 2 }), outcome(id, 1))
      ]),
      (signals) =>
        assert.deepStrictEqual(signals, [
          ["asked 1"],
          ["paused for 2, until null: 503: overloaded"],
          ["asked 2"],
          ["ended done, 240 tokens, 0.000002468"],
          []
        ])
    ))

  it.scoped("sees until when a call waits, and what for", () => {
    const until = start + 60_000
    const recoveryJson = JSON.stringify({ until: new Date(until).toISOString() })
    const event = { type: "call_waiting", message: "reset 1: the limit is used up", dataJson: recoveryJson }
    return Effect.map(
      told((runs, ownership) => [
        runs.begin(ownership, newCall(id, 1), newAttempt(id, 1)),
        runs.stand(ownership, ended(id, 1, failure), {
          ...call,
          status: "waiting",
          recoveryJson,
          event,
          at: start + 10
        })
      ]),
      ([begun, waiting]) =>
        assert.deepStrictEqual([begun, waiting], [
          ["asked 1"],
          [`paused for null, until ${until}: reset 1: the limit is used up`]
        ])
    )
  })
})
