/**
 * The life of a batch, from its file to its last row: stored, sent, looked at until every job has ended, settled.
 *
 * - R1. Every step can be cut off and taken up by another process: what was done stands in the record, and what a vendor may
 *   have done is looked up there before it is asked for again.
 * - R2. Every job ends: completed, failed, expired or cancelled, its requests have an outcome each.
 * - R3. A problem of one job leaves the others alone; problems that asking again cannot change are given back.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Batch, BatchId, BatchJob } from "../domain/BatchRecords.ts"
import type { Pricing } from "../provider/Pricing.ts"
import type { ProviderError, ProviderUnavailable } from "../provider/Provider.ts"
import type { BatchLease, BatchNotFound, BatchOwned, BatchWriteError } from "../store/BatchStore.ts"
import { BatchStore } from "../store/BatchStore.ts"
import type { StoreError } from "../store/RunStore.ts"
import type { BatchApi, RemoteJob } from "./Batch.ts"
import { Batches, isEnd } from "./Batch.ts"
import * as BatchRetry from "./BatchRetry.ts"
import * as BatchSend from "./BatchSend.ts"
import * as BatchSettle from "./BatchSettle.ts"
import type { Held } from "./BatchWork.ts"
import * as BatchWork from "./BatchWork.ts"

/**
 * A batch and its jobs, and what could not be done for which job.
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly batch: Batch
  readonly jobs: ReadonlyArray<BatchJob>
  readonly problems: ReadonlyArray<{ readonly job: number; readonly error: ProviderError }>
}

/**
 * What the steps of a batch need.
 * @category models
 * @since 0.1.0
 */
export type Services = BatchStore | Batches | Pricing | FileSystem

/**
 * Why a batch cannot be worked on.
 * @category errors
 * @since 0.1.0
 */
export type BatchRunError = BatchNotFound | BatchOwned | BatchAbandoned | BatchWriteError | ProviderUnavailable

/**
 * What the record says of a batch; nothing is asked of its vendor.
 * @category running
 * @since 0.1.0
 */
export const look = (id: string): Effect.Effect<Standing, BatchNotFound | StoreError, BatchStore> =>
  Effect.gen(function*() {
    const store = yield* BatchStore
    const batch = yield* store.find(id)
    return { batch, jobs: yield* store.jobs(batch.id), problems: [] }
  })

/**
 * Takes every job of a batch a step further: sends it, asks how it is, takes its results into the record.
 * @category running
 * @since 0.1.0
 */
export const advance = (id: string): Effect.Effect<Standing, BatchRunError, Services> => stepped(id, step)

/**
 * Asks the vendor how the jobs are that it has, and does nothing else: nothing is sent or taken into the record. While
 * another process works on the batch, what that one stored last is told.
 * @category running
 * @since 0.1.0
 */
export const check = (id: string): Effect.Effect<Standing, BatchRunError, Services> =>
  Effect.gen(function*() {
    const patience = yield* BatchWork.BatchPatience
    return yield* stepped(id, ask).pipe(
      Effect.provideService(BatchWork.BatchPatience, { ...patience, forLease: Duration.zero }),
      Effect.catchTag("BatchOwned", () => look(id))
    )
  })

/**
 * Asks the vendor to end every job of a batch that has not ended; one that was not sent never will be.
 *
 * A job of which the vendor cannot say whether it has it goes on being looked for, and one that it does not know any more,
 * or whose results it refuses, stays as it is, unless they are given up.
 * @category running
 * @since 0.1.0
 */
export const cancel = (
  id: string,
  options: { readonly giveUp: boolean } = { giveUp: false }
): Effect.Effect<Standing, BatchRunError, Services> =>
  stepped(id, (held) =>
    Effect.gen(function*() {
      const store = yield* BatchStore
      const cancelAskedAt = yield* Clock.currentTimeMillis
      yield* store.change(held.lease, held.job.number, { cancelAskedAt })
      const asked = step({ ...held, job: { ...held.job, cancelAskedAt: new Date(cancelAskedAt).toISOString() } })
      if (!options.giveUp) return yield* asked
      const failure = Option.getOrUndefined(Either.getLeft(yield* Effect.either(asked)))
      if (failure !== undefined && failure._tag !== "ProviderError") return yield* failure
      const job = (yield* store.jobs(held.job.batchId)).find(({ number }) => number === held.job.number)
      if (job?.state === "sending") return yield* neverSent(held, "cancelled", [...job.problems, givenUp])
      if (failure === undefined) return
      if (job === undefined || job.remoteId === null || canBePutRight(failure)) return yield* failure
      yield* outOfReach(held, failure)
    }))

/**
 * Takes a batch further again and again until every job is settled.
 *
 * A problem that asking again cannot change, such as a key that is refused, ends the wait.
 * @category running
 * @since 0.1.0
 */
export const wait = (
  id: string,
  options: {
    /** Time between two looks. */
    readonly every: Duration.Duration
    /** Told how the batch stands after each look. */
    readonly onStanding: (standing: Standing) => Effect.Effect<void>
  }
): Effect.Effect<Standing, BatchRunError, Services> =>
  Effect.gen(function*() {
    while (true) {
      // what another process is long at work on goes on all the same
      const standing = yield* Effect.catchTag(advance(id), "BatchOwned", () => look(id))
      yield* options.onStanding(standing)
      if (isSettled(standing.batch) || standing.problems.some(({ error }) => !error.isTransient)) return standing
      yield* Effect.sleep(options.every)
    }
  })

/**
 * Whether nothing of a batch will change any more.
 * @category predicates
 * @since 0.1.0
 */
export const isSettled = ({ status }: Batch): boolean => status !== "running" && status !== "storing"

/**
 * A batch that was cut off while its requests were written down, which is forgotten now.
 * @category errors
 * @since 0.1.0
 */
export class BatchAbandoned extends Schema.TaggedError<BatchAbandoned>("owf/batch/BatchAbandoned")("BatchAbandoned", {
  id: Schema.String
}) {
  override get message(): string {
    return `${this.id} was cut off before all its prompts were stored, and nothing of it was sent. Submit its file again.`
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Step = (held: Held) => Effect.Effect<void, ProviderError | BatchWriteError, Services>

/** Takes a step for every job of a batch that is not settled. */
const stepped = (id: string, step: Step): Effect.Effect<Standing, BatchRunError, Services> =>
  Effect.gen(function*() {
    const { batch } = yield* look(id)
    if (batch.status === "storing") return yield* abandon(batch.id)
    if (batch.status !== "running") return yield* look(batch.id)
    const api = yield* Effect.flatMap(Batches, (batches) => batches.get(batch.provider))
    const problems = yield* BatchWork.withLease(batch.id, (lease) => steps(batch.id, api, lease, step))
    return { ...(yield* look(batch.id)), problems }
  })

const abandon = (id: BatchId) =>
  BatchWork.withLease(id, (lease) =>
    Effect.gen(function*() {
      const store = yield* BatchStore
      yield* store.discard(lease)
      return yield* new BatchAbandoned({ id })
    }))

const steps = Effect.fnUntraced(function*(id: BatchId, api: BatchApi, lease: BatchLease, step: Step) {
  const store = yield* BatchStore
  const jobs = yield* store.jobs(id)
  const problems: Array<Standing["problems"][number]> = []
  for (const job of jobs) {
    if (job.settledAt !== null) continue
    const done = yield* Effect.either(step({ api, lease, job }))
    if (Either.isRight(done)) continue
    if (done.left._tag !== "ProviderError") return yield* done.left
    problems.push({ job: job.number, error: done.left })
  }
  return problems
})

const step: Step = Effect.fnUntraced(function*(held: Held) {
  const { api, job } = held
  if (job.state === "pending" && job.cancelAskedAt !== null) return yield* neverSent(held, "cancelled", [])
  const { retry } = yield* BatchWork.BatchPatience
  const remote = job.remoteId === null
    ? yield* Effect.catchIf(
      BatchSend.send(held),
      isRefusal,
      (error) => Effect.as(neverSent(held, "failed", [error.detail]), undefined)
    )
    : BatchWork.fit(api, yield* BatchRetry.withRetry(api.status(job.remoteId), retry))
  if (remote === undefined) return
  const known = job.cancelAskedAt !== null && remote.state === "running"
    ? BatchWork.fit(api, yield* BatchRetry.withRetry(api.cancel(remote.id), retry))
    : remote
  yield* remember(held, known)
  if (isEnd(known.state)) yield* BatchSettle.settle(held, known)
})

const ask: Step = (held) =>
  held.job.remoteId === null || isEndState(held.job.state)
    ? Effect.void
    : Effect.gen(function*() {
      const { retry } = yield* BatchWork.BatchPatience
      const said = yield* BatchRetry.withRetry(held.api.status(held.job.remoteId ?? ""), retry)
      yield* remember(held, BatchWork.fit(held.api, said))
    })

const isEndState = (state: BatchJob["state"]): boolean => state !== "pending" && state !== "sending" && isEnd(state)

const remember = ({ job, lease }: Held, remote: RemoteJob) =>
  Effect.gen(function*() {
    const store = yield* BatchStore
    const change = BatchSend.changeOf(remote, yield* Clock.currentTimeMillis)
    yield* store.change(lease, job.number, change, isEnd(remote.state) ? "batch.end" : undefined)
  })

/** A job that no vendor has: its requests end with it. */
const neverSent = ({ job, lease }: Held, state: "cancelled" | "failed", problems: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const store = yield* BatchStore
    const at = yield* Clock.currentTimeMillis
    yield* store.change(lease, job.number, { state, problems, endedAt: at })
    yield* store.finish(
      lease,
      job.number,
      state === "cancelled"
        ? { status: "cancelled", error: ["the job was cancelled before it was sent", ...problems].join("; "), at }
        : { status: "provider_failed", error: ["the job was refused", ...problems].join(": "), at }
    )
  })

/** A job whose vendor does not know it any more, or not give its results: its requests end with it. */
const outOfReach = ({ job, lease }: Held, { detail }: ProviderError) =>
  Effect.gen(function*() {
    const store = yield* BatchStore
    const at = yield* Clock.currentTimeMillis
    const problems = [`its results cannot be had: ${detail}`, givenUp]
    yield* store.change(lease, job.number, { state: "cancelled", problems, endedAt: at })
    yield* store.finish(lease, job.number, { status: "cancelled", error: problems.join("; "), at })
  })

const givenUp = "it was given up: the vendor may have it, and may have carried it out"

/** A failure that passes, or is about the key, the account or the address. */
const canBePutRight = ({ isTransient, reason }: ProviderError): boolean =>
  isTransient || ["Authentication", "Billing", "Misconfigured", "Permission", "UsageLimit"].includes(reason)

/** A refusal that is about the job; what is about the key or the account can be put right, and the job sent then. */
const isRefusal = (error: ProviderError | BatchWriteError): error is ProviderError =>
  error._tag === "ProviderError" && error.mayBeBilled !== true && refusals.has(error.reason)

const refusals: ReadonlySet<ProviderError["reason"]> = new Set([
  "InvalidRequest",
  "UnknownModel",
  "ContextOverflow",
  "Refused"
])
