/**
 * Chat completions on the wire, as OpenAI defines them and as the servers that follow it send them.
 *
 * The answer is decoded leniently around the text: a server that counts tokens in a form of its own does not lose its
 * answer for that. What is read is checked; nothing else of a body is trusted.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Usage from "../domain/Usage.ts"

/**
 * A message of a conversation.
 * @category schemas
 * @since 0.1.0
 */
export const Message = Schema.Struct({ role: Schema.Literal("system", "user", "assistant"), content: Schema.String })

/**
 * The form an answer is asked for in.
 * @category schemas
 * @since 0.1.0
 */
export const ResponseFormat = Schema.Union(
  Schema.Struct({ type: Schema.Literal("json_object") }),
  Schema.Struct({
    type: Schema.Literal("json_schema"),
    json_schema: Schema.Struct({
      name: Schema.String,
      strict: Schema.Boolean,
      schema: Schema.Record({ key: Schema.String, value: Schema.Unknown })
    })
  })
)

/**
 * Body of a request.
 * @category schemas
 * @since 0.1.0
 */
export const ChatRequest = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(Message),
  temperature: Schema.optional(Schema.Number),
  max_tokens: Schema.optional(Schema.Int),
  max_completion_tokens: Schema.optional(Schema.Int),
  response_format: Schema.optional(ResponseFormat)
})

/**
 * What went wrong, in a server's own words and codes.
 * @category models
 * @since 0.1.0
 */
export interface ServerError {
  readonly message: string | undefined
  /** Codes are compared in lower case; a number is a status. */
  readonly code: string | number | undefined
  readonly type: string | undefined
  readonly param: string | undefined
}

/**
 * What a body of a successful status says.
 * @category models
 * @since 0.1.0
 */
export interface Completion {
  /** Undefined when the server sent none. */
  readonly text: string | undefined
  readonly refusal: string | undefined
  readonly finishReason: string | undefined
  readonly askedForTool: boolean
  readonly model: string | undefined
  readonly usage: Usage.Usage | undefined
  /** Dollars, from servers that say so. */
  readonly cost: number | undefined
}

/**
 * The JSON a body holds, if it does.
 * @category converting
 * @since 0.1.0
 */
export const parse: (body: string) => Option.Option<unknown> = Schema.decodeOption(Schema.parseJson())

/**
 * The first answer of a body, if it has the shape of a completion.
 * @category converting
 * @since 0.1.0
 */
export const completionOf = (body: unknown): Option.Option<Completion> =>
  Option.flatMap(decodeResponse(body), ({ choices: [choice], model, usage }) => {
    if (choice === undefined) return Option.none()
    const { content, function_call, refusal, tool_calls } = choice.message
    const parts = typeof content === "string" ? [{ text: content }] : content ?? []
    const counts = Option.getOrUndefined(decodeUsage(usage))
    const texts = parts.flatMap((part) => typeof part.text === "string" ? [part.text] : [])
    const refusals = parts.flatMap((part) => typeof part.refusal === "string" ? [part.refusal] : [])
    return Option.some({
      text: texts.length === 0 ? undefined : texts.join(""),
      refusal: refusal === undefined || refusal === null || refusal === "" ? refusals[0] : refusal,
      finishReason: choice.finish_reason ?? undefined,
      askedForTool: isFilled(tool_calls) || isFilled(function_call),
      model: typeof model === "string" && model !== "" ? model : undefined,
      usage: counts === undefined ? undefined : usageOf(counts),
      cost: counts?.cost ?? undefined
    })
  })

/**
 * The error a body holds, whatever its status, in any of the forms servers use.
 * @category converting
 * @since 0.1.0
 */
export const errorOf = (body: unknown): Option.Option<ServerError> =>
  Option.firstSomeOf([
    Option.flatMap(decodeErrorBody(body), ({ error }) => describe(error)),
    Option.flatMap(decodeChoiceErrors(body), ({ choices: [choice] }) =>
      choice === undefined ? Option.none() : describe(choice.error)),
    Option.flatMap(decodeFlatError(body), describe),
    Option.flatMap(decodeErrorList(body), ([first]) =>
      describe(first.error))
  ])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const Part = Schema.Struct({ text: Schema.optional(Schema.Unknown), refusal: Schema.optional(Schema.Unknown) })

const decodeResponse = Schema.decodeUnknownOption(Schema.Struct({
  model: Schema.optional(Schema.Unknown),
  usage: Schema.optional(Schema.Unknown),
  choices: Schema.NonEmptyArray(Schema.Struct({
    finish_reason: nullish(Schema.String),
    message: Schema.Struct({
      content: nullish(Schema.Union(Schema.String, Schema.Array(Part))),
      refusal: nullish(Schema.String),
      tool_calls: Schema.optional(Schema.Unknown),
      function_call: Schema.optional(Schema.Unknown)
    })
  }))
}))

const isFilled = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : typeof value === "object" && value !== null

const Count = Schema.NonNegativeInt
const UsageBody = Schema.Struct({
  prompt_tokens: Count,
  completion_tokens: nullish(Count),
  prompt_tokens_details: nullish(Schema.Struct({ cached_tokens: nullish(Count), cache_write_tokens: nullish(Count) })),
  prompt_cache_hit_tokens: nullish(Count),
  cost: nullish(Schema.NonNegative.pipe(Schema.finite()))
})
const decodeUsage = Schema.decodeUnknownOption(UsageBody)

/** The prompt's tokens include the cached ones, which have a price of their own. */
const usageOf = (usage: typeof UsageBody.Type): Usage.Usage => {
  const details = usage.prompt_tokens_details
  const cacheReadTokens = Math.min(usage.prompt_tokens, details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? 0)
  const cacheWriteTokens = Math.min(usage.prompt_tokens - cacheReadTokens, details?.cache_write_tokens ?? 0)
  return Usage.make({
    inputTokens: usage.prompt_tokens - cacheReadTokens - cacheWriteTokens,
    outputTokens: usage.completion_tokens ?? 0,
    cacheReadTokens,
    cacheWriteTokens
  })
}

const ErrorObject = Schema.Struct({
  message: Schema.optional(Schema.Unknown),
  code: Schema.optional(Schema.Unknown),
  type: Schema.optional(Schema.Unknown),
  param: Schema.optional(Schema.Unknown)
})
const decodeErrorObject = Schema.decodeUnknownOption(ErrorObject)
const decodeErrorBody = Schema.decodeUnknownOption(Schema.Struct({ error: Schema.Unknown }))
const decodeErrorList = Schema.decodeUnknownOption(Schema.NonEmptyArray(Schema.Struct({ error: Schema.Unknown })))
const decodeChoiceErrors = Schema.decodeUnknownOption(
  Schema.Struct({ choices: Schema.NonEmptyArray(Schema.Struct({ error: Schema.Unknown })) })
)
/** What servers that do not follow OpenAI here say at the top: `{ message }` and `{ detail }`. */
const decodeFlatError = Schema.decodeUnknownOption(Schema.Union(
  Schema.Struct({ ...ErrorObject.fields, message: Schema.String }),
  Schema.transform(
    Schema.Struct({ detail: Schema.String }),
    Schema.typeSchema(ErrorObject),
    { strict: true, decode: ({ detail }) => ({ message: detail }), encode: () => ({ detail: "" }) }
  )
))

const describe = (error: unknown): Option.Option<ServerError> => {
  if (typeof error === "string") {
    return Option.some({ message: error, code: undefined, type: undefined, param: undefined })
  }
  return Option.map(decodeErrorObject(error), ({ code, message, param, type }) => ({
    message: textOf(message),
    code: typeof code === "number" ? code : textOf(code)?.toLowerCase(),
    type: textOf(type)?.toLowerCase(),
    param: textOf(param)
  }))
}

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined
