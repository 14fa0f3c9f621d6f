/**
 * Gemini's files and batches on the wire.
 *
 * A batch is an operation of Google's, whose metadata says how it stands. Whole numbers come as text there, and what is
 * zero or empty is left out.
 */
import * as Schema from "effect/Schema"
import { GenerateRequest } from "../provider/GeminiWire.ts"

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const Count = Schema.Union(Schema.NonNegativeInt, Schema.compose(Schema.NumberFromString, Schema.NonNegativeInt))

/**
 * A line of an input file.
 * @category schemas
 * @since 0.1.0
 */
export const InputLine = Schema.Struct({ key: Schema.String, request: GenerateRequest })

/**
 * The request that begins an upload.
 * @category schemas
 * @since 0.1.0
 */
export const StartUpload = Schema.Struct({ file: Schema.Struct({ displayName: Schema.String }) })

/**
 * A file that was uploaded.
 * @category schemas
 * @since 0.1.0
 */
export const Uploaded = Schema.Struct({
  file: Schema.Struct({ name: Schema.NonEmptyString, expirationTime: nullish(Schema.String) })
})

/**
 * The request that makes a batch of a file.
 * @category schemas
 * @since 0.1.0
 */
export const CreateBatch = Schema.Struct({
  batch: Schema.Struct({
    displayName: Schema.String,
    inputConfig: Schema.Struct({ fileName: Schema.String })
  })
})

/**
 * An error of a batch or of one of its requests.
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  code: nullish(Schema.Number),
  message: nullish(Schema.String),
  details: Schema.optional(Schema.Unknown)
})

/**
 * A result that is not in a file.
 * @category schemas
 * @since 0.1.0
 */
export const InlinedResponse = Schema.Struct({
  response: Schema.optional(Schema.Unknown),
  error: nullish(Status),
  metadata: nullish(Schema.Struct({ key: nullish(Schema.String) }))
})

/**
 * How a batch can have come near its end or to it, without `BATCH_STATE_` or `JOB_STATE_` before it.
 * @category schemas
 * @since 0.1.0
 */
export const LateState = Schema.Literal(
  "CANCELLED",
  "CANCELLING",
  "EXPIRED",
  "FAILED",
  "PARTIALLY_SUCCEEDED",
  "SUCCEEDED"
)

/**
 * Where the results of a batch are.
 * @category schemas
 * @since 0.1.0
 */
export const Output = Schema.Struct({
  responsesFile: nullish(Schema.String),
  inlinedResponses: nullish(Schema.Struct({ inlinedResponses: nullish(Schema.Array(InlinedResponse)) }))
})

/**
 * How many requests of a batch came to what.
 * @category schemas
 * @since 0.1.0
 */
export const BatchStats = Schema.Struct({
  requestCount: nullish(Count),
  successfulRequestCount: nullish(Count),
  failedRequestCount: nullish(Count)
})

/**
 * A batch.
 * @category schemas
 * @since 0.1.0
 */
export const Operation = Schema.Struct({
  name: Schema.NonEmptyString,
  metadata: nullish(Schema.Struct({
    displayName: nullish(Schema.String),
    state: nullish(Schema.String),
    batchStats: nullish(BatchStats),
    output: nullish(Output)
  })),
  error: nullish(Status),
  response: nullish(Output)
})

/**
 * A page of the list of batches.
 * @category schemas
 * @since 0.1.0
 */
export const BatchPage = Schema.Struct({
  operations: nullish(Schema.Array(Operation)),
  nextPageToken: nullish(Schema.String)
})

/**
 * A line of a result file.
 * @category schemas
 * @since 0.1.0
 */
export const ResultLine = Schema.Struct({
  key: Schema.String,
  response: Schema.optional(Schema.Unknown),
  error: nullish(Status)
})
