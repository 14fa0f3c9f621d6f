/**
 * `owf calls RUN_ID`: lists the calls of a run.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { encode, findRun, loadReport, reading, runId, withStore } from "./shared.ts"

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
        const { id: run } = yield* findRun(id)
        const { calls } = yield* RunStore
        return yield* printJson((yield* calls(run)).map((call) => encode(Records.Call, call)))
      }
      const report = yield* loadReport(id, home)
      const found = report.calls.filter(({ runId }) => runId === report.run.id)
      if (found.length === 0) return yield* note(`Run ${report.run.id} has made no calls.`)
      yield* print(Format.table(found.map((call) => [
        Format.callNumber(call.index),
        call.status,
        call.cacheStatus,
        `${call.provider}:${call.model}`,
        Format.tokens(call.usage.inputTokens + call.usage.outputTokens),
        Format.clip(call.label ?? call.prompt.text, 60)
      ])))
    })
  ))
