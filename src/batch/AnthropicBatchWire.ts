/**
 * Anthropic's message batches on the wire.
 *
 * What is read is read leniently around what is needed, because servers that follow Anthropic leave fields out.
 */
import * as Schema from "effect/Schema"
import { MessagesRequest } from "../provider/AnthropicWire.ts"

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/**
 * One request of a batch.
 * @category schemas
 * @since 0.1.0
 */
export const BatchRequest = Schema.Struct({ custom_id: Schema.String, params: MessagesRequest })

/**
 * The request that makes a batch.
 * @category schemas
 * @since 0.1.0
 */
export const CreateBatch = Schema.Struct({ requests: Schema.Array(BatchRequest) })

/**
 * How many requests of a batch came to what; while it runs all of them are `processing`.
 * @category schemas
 * @since 0.1.0
 */
export const RequestCounts = Schema.Struct({
  processing: Schema.NonNegativeInt,
  succeeded: Schema.NonNegativeInt,
  errored: Schema.NonNegativeInt,
  canceled: Schema.NonNegativeInt,
  expired: Schema.NonNegativeInt
})

/**
 * A batch.
 * @category schemas
 * @since 0.1.0
 */
export const MessageBatch = Schema.Struct({
  id: Schema.NonEmptyString,
  processing_status: Schema.String,
  request_counts: RequestCounts,
  created_at: Schema.String,
  archived_at: nullish(Schema.String),
  results_url: nullish(Schema.String)
})

/**
 * A page of the list of batches, the newest first.
 * @category schemas
 * @since 0.1.0
 */
export const BatchPage = Schema.Struct({ data: Schema.Array(MessageBatch), has_more: nullish(Schema.Boolean) })

/**
 * A line of the results.
 * @category schemas
 * @since 0.1.0
 */
export const ResultLine = Schema.Struct({
  custom_id: Schema.String,
  result: Schema.Struct({
    type: Schema.String,
    message: Schema.optional(Schema.Unknown),
    error: Schema.optional(Schema.Unknown)
  })
})
