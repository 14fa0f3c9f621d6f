/**
 * `owf output RUN_ID`: prints what a run returned.
 */
import * as Effect from "effect/Effect"
import * as Format from "../Format.ts"
import { note, print } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { findRun, reading, runId, withStore } from "./shared.ts"

/**
 * Prints what a run returned.
 * @category constructors
 * @since 0.1.0
 */
export const output = Spec.make({
  name: "output",
  summary: "Print what a run returned",
  details: "The output is JSON; a run that has none yet prints null.",
  positional: runId,
  examples: ["owf output latest", "owf output latest | jq '.[0]'"],
  flags: reading
}, ({ home }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* findRun(id)
      if (run.outputJson === null) yield* note(`Run ${run.id} is ${run.status} and has no output.`)
      yield* print(Format.prettyJson(run.outputJson ?? "null"))
    })
  ))
