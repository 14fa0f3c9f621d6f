/**
 * What is stored of batches, their jobs at vendors and their requests, as one codec per record.
 *
 * The encoded side is the database row and, but for what only programs use, what `--json` prints.
 */
import * as Schema from "effect/Schema"
import { count, countOrNull, key, text, textOrNull, usdOrNull } from "../internal/columnSchema.ts"

/**
 * Id of a batch: `batch-20260528-143201-0sj04k7m2x9q`.
 * @category schemas
 * @since 0.1.0
 */
export const BatchId = Schema.String.pipe(
  Schema.pattern(/^batch-\d{8}-\d{6}-[0-9a-z]{8,20}$/, { message: () => "not the id of a batch" }),
  Schema.brand("owf/BatchId")
)

/**
 * Id of a batch.
 * @category models
 * @since 0.1.0
 */
export type BatchId = typeof BatchId.Type

/**
 * Where a batch is: `storing` while its requests are written down, `partial` when some of them were not answered, `failed`
 * when none was.
 * @category schemas
 * @since 0.1.0
 */
export const BatchStatus = Schema.Literal("storing", "running", "done", "partial", "failed")

/**
 * Where a batch is.
 * @category models
 * @since 0.1.0
 */
export type BatchStatus = typeof BatchStatus.Type

/**
 * Many requests that were asked for together.
 * @category schemas
 * @since 0.1.0
 */
export const Batch = Schema.Struct({
  id: BatchId,
  provider: text,
  /** The model of requests that name none. */
  model: text,
  status: BatchStatus,
  requests: count,
  jobs: count,
  ok: count,
  failed: count,
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  /** Null where the cost of any answer is not known. */
  costUsd: key(usdOrNull, "cost_usd"),
  createdAt: key(text, "created_at")
})

/**
 * Many requests that were asked for together.
 * @category models
 * @since 0.1.0
 */
export type Batch = typeof Batch.Type

/**
 * Where a job is: `sending` from before its creation is asked for until the answer is stored, so that it is not known
 * whether the vendor has it; then as the vendor says.
 * @category schemas
 * @since 0.1.0
 */
export const BatchJobState = Schema.Literal(
  "pending",
  "sending",
  "running",
  "cancelling",
  "completed",
  "failed",
  "expired",
  "cancelled"
)

/**
 * Where a job is.
 * @category models
 * @since 0.1.0
 */
export type BatchJobState = typeof BatchJobState.Type

/**
 * A part of a batch that is one job of a vendor.
 * @category schemas
 * @since 0.1.0
 */
export const BatchJob = Schema.Struct({
  batchId: key(BatchId, "batch_id"),
  number: count,
  /** The id the vendor is told. */
  id: text,
  model: text,
  requests: count,
  bytes: count,
  state: BatchJobState,
  /** What the vendor calls the input that was uploaded. */
  input: textOrNull,
  /** Milliseconds since 1970 of the last time its creation was asked for. */
  sentAt: key(countOrNull, "sent_at"),
  /** The vendor's id of it. */
  remoteId: key(textOrNull, "remote_id"),
  rawState: key(textOrNull, "raw_state"),
  remoteSucceeded: key(countOrNull, "remote_succeeded"),
  remoteFailed: key(countOrNull, "remote_failed"),
  checkedAt: key(textOrNull, "checked_at"),
  cancelAskedAt: key(textOrNull, "cancel_asked_at"),
  endedAt: key(textOrNull, "ended_at"),
  /** When all its requests had an outcome. */
  settledAt: key(textOrNull, "settled_at"),
  ok: count,
  failed: count,
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  costUsd: key(usdOrNull, "cost_usd"),
  /** What is wrong with the job as a whole. */
  problems: key(Schema.parseJson(Schema.Array(text)), "problems_json")
})

/**
 * A part of a batch that is one job of a vendor.
 * @category models
 * @since 0.1.0
 */
export type BatchJob = typeof BatchJob.Type

/**
 * What came of a request: an answer, one that does not fit its schema, a failure, or none because the job ended first or
 * its results do not hold it.
 * @category schemas
 * @since 0.1.0
 */
export const BatchRowStatus = Schema.Literal(
  "ok",
  "schema_failed",
  "provider_failed",
  "expired",
  "cancelled",
  "missing"
)

/**
 * What came of a request.
 * @category models
 * @since 0.1.0
 */
export type BatchRowStatus = typeof BatchRowStatus.Type

/**
 * A request of a batch with what came of it; `status` is null while that is not known.
 * @category schemas
 * @since 0.1.0
 */
export const BatchRow = Schema.Struct({
  position: count,
  customId: key(text, "custom_id"),
  model: text,
  status: Schema.NullOr(BatchRowStatus),
  errorKind: key(textOrNull, "error_kind"),
  error: textOrNull,
  text: textOrNull,
  valueJson: key(textOrNull, "value_json"),
  inputTokens: key(countOrNull, "input_tokens"),
  outputTokens: key(countOrNull, "output_tokens"),
  costUsd: key(usdOrNull, "cost_usd"),
  prompt: text
})

/**
 * A request of a batch with what came of it.
 * @category models
 * @since 0.1.0
 */
export type BatchRow = typeof BatchRow.Type
