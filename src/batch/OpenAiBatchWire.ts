/**
 * OpenAI's files and batches on the wire.
 *
 * What is read is read leniently around what is needed, because servers that follow OpenAI leave fields out.
 */
import * as Schema from "effect/Schema"
import { ChatRequest } from "../provider/OpenAiWire.ts"

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

/**
 * A line of an input file.
 * @category schemas
 * @since 0.1.0
 */
export const InputLine = Schema.Struct({
  custom_id: Schema.String,
  method: Schema.Literal("POST"),
  url: Schema.Literal("/v1/chat/completions"),
  body: ChatRequest
})

/**
 * A file that was uploaded.
 * @category schemas
 * @since 0.1.0
 */
export const FileObject = Schema.Struct({ id: Schema.NonEmptyString })

/**
 * The request that makes a batch of a file.
 * @category schemas
 * @since 0.1.0
 */
export const CreateBatch = Schema.Struct({
  input_file_id: Schema.String,
  endpoint: Schema.Literal("/v1/chat/completions"),
  completion_window: Schema.Literal("24h"),
  metadata: Schema.Record({ key: Schema.String, value: Schema.String })
})

/**
 * A batch.
 * @category schemas
 * @since 0.1.0
 */
export const Batch = Schema.Struct({
  id: Schema.NonEmptyString,
  status: Schema.String,
  created_at: nullish(Schema.Number),
  output_file_id: nullish(Schema.String),
  error_file_id: nullish(Schema.String),
  errors: nullish(Schema.Struct({
    data: nullish(Schema.Array(Schema.Struct({
      code: nullish(Schema.String),
      line: nullish(Schema.Number),
      message: nullish(Schema.String)
    })))
  })),
  request_counts: nullish(Schema.Struct({
    total: Schema.Number,
    completed: Schema.Number,
    failed: Schema.Number
  })),
  metadata: nullish(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})

/**
 * A page of the list of batches, the newest first.
 * @category schemas
 * @since 0.1.0
 */
export const BatchPage = Schema.Struct({
  data: Schema.Array(Batch),
  has_more: nullish(Schema.Boolean)
})

/**
 * A line of an output or an error file.
 * @category schemas
 * @since 0.1.0
 */
export const ResultLine = Schema.Struct({
  custom_id: Schema.String,
  response: nullish(Schema.Struct({ status_code: Schema.Number, body: Schema.optional(Schema.Unknown) })),
  error: nullish(Schema.Struct({ code: nullish(Schema.String), message: nullish(Schema.String) }))
})
