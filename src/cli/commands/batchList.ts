/**
 * `owf batch list`: lists the batches of a home.
 */
import * as Effect from "effect/Effect"
import type { BatchView } from "../BatchView.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

/**
 * Lists the batches of a home.
 * @category constructors
 * @since 0.1.0
 */
export const batchList = Spec.make({
  name: "batch list",
  summary: "List batches, the newest first",
  details: "Shows what is recorded; nothing is asked of a vendor.",
  examples: ["owf batch list", "owf batch list --json"],
  flags: reading
}, ({ home, json }) =>
  Effect.gen(function*() {
    const views = yield* withBatches(home, (batches, home) => batches.list(home))
    if (json) return yield* printJson(views)
    if (views.length === 0) return yield* note("There are no batches.")
    yield* print(Format.table(views.map(row)))
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const row = (view: BatchView): ReadonlyArray<string> => [
  view.batch_id,
  view.status,
  view.provider,
  view.model,
  `requests=${view.count}`,
  view.done ? Format.usd(view.total_cost_usd) : stateOf(view)
]

/** A job of which nobody knows whether its vendor has it is worth a word. */
const stateOf = ({ jobs, raw_status }: BatchView): string =>
  jobs.some(({ state }) => state === "sending") ? "outcome unknown; `owf batch wait` looks for it" : raw_status
