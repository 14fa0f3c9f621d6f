/**
 * `owf explain-cache RUN_ID`: says for every call why it was or was not answered from earlier work.
 */
import * as Effect from "effect/Effect"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { loadReport, reading, runId, withStore } from "./shared.ts"

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
      const report = yield* loadReport(id, home)
      const calls = report.calls.filter(({ runId }) => runId === report.run.id)
      if (json) {
        return yield* printJson(calls.map(({ cacheStatus, explanation, id, index, label, phase }) => ({
          call_index: index,
          call_id: id,
          label,
          phase,
          cache_status: cacheStatus,
          reason: explanation.reason,
          differs: explanation.differs,
          nearest_call_id: explanation.nearest
        })))
      }
      if (calls.length === 0) return yield* note(`Run ${report.run.id} has made no calls.`)
      yield* print(Format.table(calls.map(({ cacheStatus, explanation, index, label, prompt }) => [
        Format.callNumber(index),
        cacheStatus,
        Format.clip(label ?? prompt.text, label === null ? 40 : 60),
        explanation.reason
      ])))
    })
  ))
