/**
 * What the steps of a batch have in common: how patient they are, and that one process at a time takes them.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { BatchId, BatchJob } from "../domain/BatchRecords.ts"
import type { BatchLease, BatchOwned } from "../store/BatchStore.ts"
import { BatchStore } from "../store/BatchStore.ts"
import type { StoreError } from "../store/RunStore.ts"
import type { Retry } from "../workflow/EngineConfig.ts"
import type { BatchApi, Counts, RemoteJob } from "./Batch.ts"
import * as BatchRetry from "./BatchRetry.ts"

/**
 * How patient the steps of a batch are.
 * @category models
 * @since 0.1.0
 */
export interface Patience {
  /** How requests that fail for a passing reason are sent again. */
  readonly retry: Retry
  /** How long after a creation without an answer the vendor's list is believed not to have the job. */
  readonly believeAbsentAfter: Duration.Duration
  /** How long to wait for another process that works on the batch. */
  readonly forLease: Duration.Duration
}

/**
 * How patient the steps of a batch are.
 * @category services
 * @since 0.1.0
 */
export class BatchPatience extends Context.Reference<BatchPatience>()("owf/batch/BatchPatience", {
  defaultValue: (): Patience => ({
    retry: BatchRetry.defaults,
    believeAbsentAfter: Duration.seconds(60),
    forLease: Duration.minutes(1)
  })
}) {}

/**
 * A job that is worked on, and the right to.
 * @category models
 * @since 0.1.0
 */
export interface Held {
  readonly api: BatchApi
  readonly lease: BatchLease
  readonly job: BatchJob
}

/**
 * Works on a batch that nobody else works on, and gives it up again.
 * @category combinators
 * @since 0.1.0
 */
export const withLease = <A, E, R>(
  id: BatchId,
  use: (lease: BatchLease) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError | BatchOwned, Exclude<R, Scope.Scope> | BatchStore> =>
  Effect.scoped(Effect.gen(function*() {
    const store = yield* BatchStore
    const { forLease } = yield* BatchPatience
    const taken = Effect.flatMap(Clock.currentTimeMillis, (now) => store.take(id, now)).pipe(
      Effect.retry({
        schedule: Schedule.spaced(poll).pipe(Schedule.upTo(forLease)),
        while: (error) => error._tag === "BatchOwned"
      })
    )
    const lease = yield* Effect.acquireRelease(taken, release(store))
    yield* keep(store, lease)
    return yield* use(lease)
  }))

/**
 * Keeps a lease as long as the scope is open.
 * @category running
 * @since 0.1.0
 */
export const keep = (
  store: BatchStore["Type"],
  lease: BatchLease
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => store.renew(lease, now)).pipe(
    // who lost the lease finds out at the next write that matters
    Effect.catchAll((error) => Effect.logDebug("The lease of a batch was not renewed.", error)),
    Effect.schedule(Schedule.spaced(renewal)),
    Effect.forkScoped,
    Effect.asVoid
  )

/**
 * Gives a lease up.
 * @category running
 * @since 0.1.0
 */
export const release = (store: BatchStore["Type"]) => (lease: BatchLease): Effect.Effect<void> =>
  Effect.catchAll(store.release(lease), (error) => Effect.logDebug("The lease of a batch was not given up.", error))

/**
 * What a vendor says of a job as it may be kept: without the key, as long as is of use, and counted in whole numbers.
 * @category converting
 * @since 0.1.0
 */
export const fit = (api: BatchApi, said: RemoteJob): RemoteJob => ({
  ...said,
  rawState: api.mask(said.rawState).slice(0, maxState),
  counts: said.counts !== undefined && isCounted(said.counts) ? said.counts : undefined,
  problems: said.problems.slice(0, maxProblems).map((problem) => {
    const masked = api.mask(problem)
    return masked.length > maxProblem ? `${masked.slice(0, maxProblem)}…` : masked
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxState = 100
const maxProblems = 20
const maxProblem = 2_048

const isCounted = ({ failed, succeeded, total }: Counts): boolean =>
  [failed, succeeded, total].every((count) => Number.isSafeInteger(count) && count >= 0)

const poll = Duration.millis(250)
const renewal = Duration.seconds(5)
