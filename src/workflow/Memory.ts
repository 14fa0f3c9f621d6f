/**
 * What a run remembers of its earlier attempts beside its calls: events, steps, and what people answered.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Records from "../domain/Records.ts"
import type { RunStore, StoreError } from "../store/RunStore.ts"
import type { Run } from "./Run.ts"
import * as Steps from "./Steps.ts"

/**
 * The memory of a run.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly run: Records.Run
  readonly store: RunStore["Type"]
  readonly event: Run["Type"]["event"]
  /** Ends the run: the store cannot be used any more. */
  readonly abort: (error: StoreError) => Effect.Effect<never>
}): Pick<Run["Type"], "history" | "steps" | "approvals"> => {
  const { abort, event, run, store } = options
  const history: Run["Type"]["history"] = (type, each) =>
    run.attempt === 1 ? Effect.void : Effect.gen(function*() {
      for (let after = 0;;) {
        const page = yield* Effect.catchAll(store.events(run.id, { type, after, limit: pageSize }), abort)
        for (const event of page) if (event.runAttempt < run.attempt) each(event)
        if (page.length < pageSize) return
        after = page.at(-1)?.id ?? after
      }
    })
  return {
    history,
    steps: Steps.make({ history, record: event }),
    approvals: {
      ask: (name, question) =>
        Effect.flatMap(
          Clock.currentTimeMillis,
          (at) => Effect.catchAll(store.ask({ runId: run.id, name, question, at }), abort)
        ),
      expire: (name) =>
        Effect.flatMap(
          Clock.currentTimeMillis,
          (at) => Effect.catchAll(store.decide({ runId: run.id, name, decision: "expired", message: null, at }), abort)
        ),
      answer: (name) =>
        Effect.map(Effect.catchAll(store.approvals(run.rootRunId), abort), (approvals) => {
          const found = approvals.find((approval) => approval.runId === run.id && approval.name === name)
          return found === undefined || found.decision === null || found.decision === "expired"
            ? undefined
            : { approved: found.decision === "approved", message: found.message }
        })
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// events may hold much, so not many are read at once
const pageSize = 100
