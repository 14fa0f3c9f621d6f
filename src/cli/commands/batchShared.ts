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
import * as RunView from "../RunView.ts"
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
 * A command about a batch, as it is typed in the working directory.
 * @category converting
 * @since 0.1.0
 */
export const command = (
  verb: "wait" | "fetch",
  { batch_id }: Pick<BatchView, "batch_id">,
  home: string | undefined
): Effect.Effect<string, never, Host> =>
  Effect.map(Host, (host) => {
    const flag = home === undefined ? undefined : host.shown(host.home(home))
    return `owf batch ${verb} ${batch_id}${RunView.homeFlag(flag)}`
  })

/**
 * Says what there is to do with a batch next; nothing where something is wrong with it.
 * @category running
 * @since 0.1.0
 */
export const next = (view: BatchView, home: string | undefined): Effect.Effect<void, never, Host | Output> => {
  if (view.problems.length > 0) return Effect.void
  const verb = view.done ? "fetch" : "wait"
  return Effect.flatMap(command(verb, view, home), (command) => note(`${verb} with: ${command}`))
}

/**
 * Says what could not be done now, and ends with its exit code; a batch that is done with requests that failed ends with
 * another one.
 * @category running
 * @since 0.1.0
 */
export const end = (view: BatchView, home: string | undefined): Effect.Effect<void, Exited, Host | Output> => {
  const refused = view.problems.find(({ transient }) => !transient)
  if (refused !== undefined) return new Exited({ code: ofError("ProviderError", refused.reason) })
  if (view.problems.length > 0) {
    return Effect.zipRight(
      Effect.flatMap(command("wait", view, home), (wait) => note(`What was stored is kept; go on with: ${wait}`)),
      new Exited({ code: ExitCode.failed })
    )
  }
  return view.done && view.status !== "done" ? new Exited({ code: ExitCode.failed }) : Effect.void
}
