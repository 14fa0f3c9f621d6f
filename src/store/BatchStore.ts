/**
 * The port to the record of batches: what was asked of vendors in jobs, and what came of each request.
 *
 * - B1. A write has reached the disk when its effect succeeds, whole or not at all.
 * - B2. One process at a time works on a batch. Writes carry its lease; after another process took the batch over they
 *   fail with `BatchLost` and change nothing.
 * - B3. A batch is sealed when all its requests and jobs are stored. Nothing of one that is not sealed was ever sent.
 * - B4. A job is `sending` before its creation is asked for, so that after a crash it is known which jobs a vendor may have.
 * - B5. The outcome of a request is stored once; another one of the same request changes nothing.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Batch, BatchId, BatchJob, BatchJobState, BatchRow, BatchRowStatus } from "../domain/BatchRecords.ts"
import type { NanoUsd } from "../domain/Money.ts"
import type { Usage } from "../domain/Usage.ts"
import type { BatchStep } from "./FailPoint.ts"
import type { StoreError } from "./RunStore.ts"

/**
 * No batch has this id; `nearest` lists the newest ones.
 * @category errors
 * @since 0.1.0
 */
export class BatchNotFound extends Schema.TaggedError<BatchNotFound>("owf/BatchStore/BatchNotFound")("BatchNotFound", {
  id: Schema.String,
  home: Schema.String,
  nearest: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.id === "latest"
      ? `There are no batches in ${this.home}.`
      : `There is no batch ${this.id} in ${this.home}.` +
        (this.nearest.length === 0 ? "" : ` The newest ones are ${this.nearest.join(", ")}.`)
  }
}

/**
 * A live process works on the batch.
 * @category errors
 * @since 0.1.0
 */
export class BatchOwned extends Schema.TaggedError<BatchOwned>("owf/BatchStore/BatchOwned")("BatchOwned", {
  id: Schema.String,
  pid: Schema.Int,
  host: Schema.String,
  since: Schema.String
}) {
  override get message(): string {
    return `Process ${this.pid} on ${this.host} works on ${this.id} since ${this.since}.`
  }
}

/**
 * Another process took the batch over, so this one may not write for it any more.
 * @category errors
 * @since 0.1.0
 */
export class BatchLost extends Schema.TaggedError<BatchLost>("owf/BatchStore/BatchLost")("BatchLost", {
  id: Schema.String
}) {
  override get message(): string {
    return `${this.id} was taken over by another process.`
  }
}

/**
 * What can go wrong when a batch is written.
 * @category errors
 * @since 0.1.0
 */
export type BatchWriteError = StoreError | BatchLost

/**
 * The right to write for a batch.
 * @category models
 * @since 0.1.0
 */
export interface BatchLease {
  readonly id: BatchId
  readonly token: string
}

/**
 * A batch that is begun.
 * @category models
 * @since 0.1.0
 */
export interface NewBatch {
  readonly id: BatchId
  readonly provider: string
  readonly model: string
  readonly at: number
}

/**
 * A request, as it is going to be sent.
 * @category models
 * @since 0.1.0
 */
export interface NewBatchRequest {
  /** Counts the requests of the batch, from 1. */
  readonly position: number
  /** Number of its job. */
  readonly job: number
  readonly customId: string
  readonly model: string
  readonly prompt: string
  readonly schemaJson: string | null
  /** The form its schema was put in. */
  readonly form: string
  /** Exactly what is sent. */
  readonly line: string
}

/**
 * A job, as it is going to be sent.
 * @category models
 * @since 0.1.0
 */
export interface NewBatchJob {
  readonly number: number
  readonly id: string
  readonly model: string
  readonly requests: number
  readonly bytes: number
}

/**
 * What became known of a job; what is absent stays as it is.
 * @category models
 * @since 0.1.0
 */
export interface BatchJobChange {
  readonly state?: BatchJobState | undefined
  readonly input?: string | undefined
  readonly sentAt?: number | undefined
  readonly remoteId?: string | undefined
  readonly rawState?: string | undefined
  readonly remoteSucceeded?: number | undefined
  readonly remoteFailed?: number | undefined
  readonly checkedAt?: number | undefined
  readonly cancelAskedAt?: number | undefined
  readonly endedAt?: number | undefined
  readonly problems?: ReadonlyArray<string> | undefined
}

/**
 * What has to be known of a request to read its answer.
 * @category models
 * @since 0.1.0
 */
export interface AskedRequest {
  readonly position: number
  readonly form: string
  readonly model: string
  readonly schemaJson: string | null
  /** Whether its outcome is stored already. */
  readonly isSettled: boolean
}

/**
 * What came of a request.
 * @category models
 * @since 0.1.0
 */
export interface SettledRequest {
  readonly position: number
  readonly status: BatchRowStatus
  readonly text: string | null
  readonly valueJson: string | null
  readonly errorKind: string | null
  readonly error: string | null
  readonly usage: Usage | null
  readonly cost: NanoUsd | null
  readonly costSource: string | null
  readonly answeredModel: string | null
}

/**
 * The record of batches of a home.
 * @category services
 * @since 0.1.0
 */
export class BatchStore extends Context.Tag("owf/BatchStore")<BatchStore, {
  /** Absolute path of the home. */
  readonly home: string
  /** Begins a batch and takes its lease. */
  readonly create: (batch: NewBatch) => Effect.Effect<BatchLease, StoreError>
  /** Stores requests of a batch that is not sealed. */
  readonly add: (
    lease: BatchLease,
    requests: ReadonlyArray<NewBatchRequest>
  ) => Effect.Effect<void, BatchWriteError>
  /** Stores the jobs of a batch and says that all of it is stored (B3). */
  readonly seal: (
    lease: BatchLease,
    jobs: ReadonlyArray<NewBatchJob>,
    at: number
  ) => Effect.Effect<void, BatchWriteError>
  /** Forgets a batch that is not sealed. */
  readonly discard: (lease: BatchLease) => Effect.Effect<void, BatchWriteError>
  /** Takes the lease of a batch that nobody works on. */
  readonly take: (id: BatchId, at: number) => Effect.Effect<BatchLease, StoreError | BatchOwned>
  readonly renew: (lease: BatchLease, at: number) => Effect.Effect<void, BatchWriteError>
  readonly release: (lease: BatchLease) => Effect.Effect<void, StoreError>
  /** The batch of an id, the unique beginning of one, the vendor's id of one of its jobs, or `latest`. */
  readonly find: (id: string) => Effect.Effect<Batch, StoreError | BatchNotFound>
  /** All batches, the newest first. */
  readonly list: Effect.Effect<ReadonlyArray<Batch>, StoreError>
  readonly jobs: (id: BatchId) => Effect.Effect<ReadonlyArray<BatchJob>, StoreError>
  /** The vendor's ids of all jobs that were sent to a provider. */
  readonly remoteIds: (provider: string) => Effect.Effect<ReadonlySet<string>, StoreError>
  /** Lines of a job that stand after a position, in order. */
  readonly lines: (
    job: BatchJob,
    after: number,
    limit: number
  ) => Effect.Effect<ReadonlyArray<{ readonly position: number; readonly line: string }>, StoreError>
  /** Requests of a job by their positions; those that there are. */
  readonly asked: (
    job: BatchJob,
    positions: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<AskedRequest>, StoreError>
  /** Changes a job; `step` names the change for tests. */
  readonly change: (
    lease: BatchLease,
    job: number,
    change: BatchJobChange,
    step?: BatchStep
  ) => Effect.Effect<void, BatchWriteError>
  /** Stores outcomes (B5). */
  readonly settle: (
    lease: BatchLease,
    outcomes: ReadonlyArray<SettledRequest>
  ) => Effect.Effect<void, BatchWriteError>
  /** Gives every request of a job that has no outcome this one, adds up the job, and says that it is settled. */
  readonly finish: (
    lease: BatchLease,
    job: number,
    rest: { readonly status: BatchRowStatus; readonly error: string; readonly at: number }
  ) => Effect.Effect<void, BatchWriteError>
  /** Requests of a batch after a position, in order, with their outcomes. */
  readonly rows: (id: BatchId, after: number, limit: number) => Effect.Effect<ReadonlyArray<BatchRow>, StoreError>
}>() {}
