/**
 * `owf batch list`: lists the batches of a home.
 */
import * as Effect from "effect/Effect"
import type { BatchJobView, BatchView } from "../BatchView.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { command, withBatches } from "./batchShared.ts"
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
    yield* print(Format.table([header, ...views.map(row)]))
    const lost = views.find(({ jobs }) => jobs.some(isUnknown))
    if (lost !== undefined) yield* note(`look for it with: ${yield* command("wait", lost, home)}`)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const header = ["batch", "status", "provider", "model", "requests", "answered", "cost", "at the vendor"]

const row = (view: BatchView): ReadonlyArray<string> => [
  view.batch_id,
  view.status,
  view.provider,
  view.model,
  String(view.count),
  String(view.counts.succeeded),
  view.done ? view.total_cost_usd === null ? "unknown" : Format.usd(view.total_cost_usd) : "-",
  view.jobs.some(isUnknown) ? "outcome unknown" : view.raw_status
]

/** Nobody knows whether its vendor has it. */
const isUnknown = ({ state }: BatchJobView): boolean => state === "sending"
