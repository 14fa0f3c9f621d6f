/**
 * `owf batch status ID`: asks the vendor how a batch is.
 */
import * as Effect from "effect/Effect"
import { print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { batchId, end, lines, next, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

/**
 * Asks the vendor how a batch is.
 * @category constructors
 * @since 0.1.0
 */
export const batchStatus = Spec.make({
  name: "batch status",
  summary: "Ask how far a batch is",
  details: "Nothing is sent again and no results are taken; `owf batch wait` and `owf batch fetch` do that.",
  positional: batchId,
  examples: ["owf batch status latest", "owf batch status latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  Effect.gen(function*() {
    const view = yield* withBatches(home, (batches, home) => batches.status(home, id))
    yield* json ? printJson(view) : Effect.zipRight(print(lines(view).join("\n")), next(view, home))
    if (view.problems.length > 0) yield* end(view, home)
  }))
