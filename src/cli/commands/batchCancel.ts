/**
 * `owf batch cancel ID`: asks the vendor to end a batch.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { batchId, end, lines, next, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

/**
 * Asks the vendor to end a batch.
 * @category constructors
 * @since 0.1.0
 */
export const batchCancel = Spec.make({
  name: "batch cancel",
  summary: "Ask the vendor to end a batch",
  details:
    "Jobs that were not sent never will be. What was answered by then is paid for and kept: `owf batch wait` and " +
    "`owf batch fetch` bring it.",
  positional: batchId,
  examples: ["owf batch cancel latest"],
  flags: {
    giveUp: Flag.flag("give-up", "End jobs too that the vendor does not know, or not for certain"),
    ...reading
  }
}, ({ giveUp, home, json }, id) =>
  Effect.gen(function*() {
    const view = yield* withBatches(home, (batches, home) => batches.cancel(home, id, giveUp))
    yield* json ? printJson(view) : print(lines(view).join("\n"))
    if (view.problems.length > 0) return yield* end(view, home)
    if (json) return
    if (!view.done) yield* note("The vendor is asked to end it.")
    yield* next(view, home)
  }))
