/**
 * `owf calls RUN_ID`: lists the calls of a run.
 */
import * as Effect from "effect/Effect"
import * as LoadSlice from "../../report/LoadSlice.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading, runId, withStore } from "./shared.ts"

/**
 * Lists the calls of a run.
 * @category constructors
 * @since 0.1.0
 */
export const calls = Spec.make({
  name: "calls",
  summary: "List the calls of a run",
  details: "Each line has the call's number, status, cache status, provider and model, tokens, and label. " +
    "`owf cat RUN_ID_call_0001` prints the answer of the first.",
  positional: runId,
  examples: ["owf calls latest", "owf calls latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      if (json) {
        const run = yield* LoadSlice.run(id)
        return yield* printJson((yield* LoadSlice.calls(run.id)).map(ReportJson.call))
      }
      const { calls, run } = yield* LoadSlice.standing(id)
      const found = calls.filter(({ runId }) => runId === run.id)
      if (found.length === 0) return yield* note(`Run ${run.id} has made no calls.`)
      yield* print(Format.table(found.map((call) => [
        Format.callNumber(call.index),
        call.status,
        call.cacheStatus,
        `${call.provider}:${call.model}`,
        Format.tokens(call.usage.inputTokens + call.usage.outputTokens),
        Format.clip(call.title, 60)
      ])))
    })
  ))
