/**
 * `owf explain-cache RUN_ID`: says for every call why it was or was not answered from earlier work.
 */
import * as Effect from "effect/Effect"
import * as Explain from "../../cache/Explain.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { findRun, reading, runId, withStore } from "./shared.ts"

/**
 * Says for every call why it was or was not answered from earlier work.
 * @category constructors
 * @since 0.1.0
 */
export const explainCache = Spec.make({
  name: "explain-cache",
  summary: "Say why calls were or were not answered from the cache",
  details: "For a miss it names what differs from the most similar call of an earlier run of the same workflow.",
  positional: runId,
  examples: ["owf explain-cache latest", "owf explain-cache latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* findRun(id)
      const store = yield* RunStore
      const calls = yield* store.calls(run.id)
      const explained = Explain.explain(calls, yield* store.earlierCalls(run.id, earlier))
      if (json) {
        return yield* printJson(explained.map(({ call, differs, nearest, reason }) => ({
          call_index: call.index,
          call_id: call.id,
          label: call.label,
          phase: call.phase,
          cache_status: call.cacheStatus,
          reason,
          differs,
          nearest_call_id: nearest
        })))
      }
      if (explained.length === 0) return yield* note(`Run ${run.id} has made no calls.`)
      yield* print(Format.table(explained.map(({ call, reason }) => [
        Format.callNumber(call.index),
        call.cacheStatus,
        call.label ?? Format.clip(call.prompt, 40),
        reason
      ])))
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Earlier calls to compare with; the newest are the ones people mean. */
const earlier = 5000
