/**
 * What the commands about batches have in common.
 */
import * as Effect from "effect/Effect"
import type { BatchHost, BatchView } from "../BatchView.ts"
import { ExitCode, ofError } from "../ExitCode.ts"
import * as Format from "../Format.ts"
import { Exited, Host } from "../Host.ts"
import { note } from "../Output.ts"
import type { Output } from "../Output.ts"
import type { Positional } from "../Spec.ts"

/**
 * The argument that names a batch.
 * @category models
 * @since 0.1.0
 */
export const batchId: Positional = {
  name: "batch_id",
  description: "Id of a batch, its unique beginning, its vendor's id, or latest"
}

/**
 * Does something with the batches of a home; what fails is as it was thrown.
 * @category running
 * @since 0.1.0
 */
export const withBatches = <A>(
  home: string | undefined,
  use: (batches: BatchHost, home: string) => Promise<A>
): Effect.Effect<A, unknown, Host> =>
  Effect.flatMap(
    Host,
    (host) => Effect.tryPromise({ try: () => use(host.batches, host.home(home)), catch: (error) => error })
  )

/**
 * How a batch stands, in a line and one more for each problem.
 * @category converting
 * @since 0.1.0
 */
export const lines = (view: BatchView): ReadonlyArray<string> => {
  const { batch_id, counts, done, jobs, raw_status, status } = view
  const parts = [
    `${counts.succeeded} of ${counts.total} answered`,
    ...(counts.failed === 0 ? [] : [`${counts.failed} failed`]),
    ...(done ? [Format.usd(view.total_cost_usd)] : [])
  ]
  return [
    `${batch_id}: ${done ? status : raw_status} (done=${done}), ${parts.join(", ")}`,
    ...jobs.flatMap(({ job, problems }) => problems.map((problem) => `  job ${job}: ${problem}`)),
    ...view.problems.map(({ job, message }) => `  job ${job}: ${message}`)
  ]
}

/**
 * Says what could not be done now, and ends with its exit code; a batch that is done with requests that failed ends with
 * another one.
 * @category running
 * @since 0.1.0
 */
export const end = (view: BatchView): Effect.Effect<void, Exited, Output> => {
  const refused = view.problems.find(({ transient }) => !transient)
  if (refused !== undefined) return new Exited({ code: ofError("ProviderError", refused.reason) })
  if (view.problems.length > 0) {
    return Effect.zipRight(
      note(`What was stored is kept; \`owf batch wait ${view.batch_id}\` goes on with it.`),
      new Exited({ code: ExitCode.failed })
    )
  }
  return view.done && view.status !== "done" ? new Exited({ code: ExitCode.failed }) : Effect.void
}
