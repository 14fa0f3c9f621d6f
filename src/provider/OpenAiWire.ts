/**
 * Chat completions on the wire, as OpenAI defines them and as the servers that follow it send them.
 *
 * The answer is decoded leniently around the text: a server that counts tokens in a form of its own does not lose its
 * answer for that. What is read is checked; nothing else of a body is trusted. An answer in one piece and one in a stream
 * come to the same.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Usage from "../domain/Usage.ts"
import type { Completion, ServerError, StreamReader } from "./HttpWire.ts"
import * as WireJson from "./WireJson.ts"

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
  response_format: Schema.optional(ResponseFormat),
  stream: Schema.optional(Schema.Boolean),
  stream_options: Schema.optional(Schema.Struct({ include_usage: Schema.Boolean }))
})

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const Count = Schema.NonNegativeInt

/**
 * Token counts, with what some servers say in fields of their own.
 * @category schemas
 * @since 0.1.0
 */
export const UsageBody = Schema.Struct({
  prompt_tokens: Count,
  completion_tokens: nullish(Count),
  prompt_tokens_details: nullish(Schema.Struct({ cached_tokens: nullish(Count), cache_write_tokens: nullish(Count) })),
  prompt_cache_hit_tokens: nullish(Count),
  cost: nullish(Schema.NonNegative.pipe(Schema.finite()))
})

const Part = Schema.Struct({ text: Schema.optional(Schema.Unknown), refusal: Schema.optional(Schema.Unknown) })
const Content = Schema.Struct({
  content: nullish(Schema.Union(Schema.String, Schema.Array(Part))),
  refusal: nullish(Schema.String),
  tool_calls: Schema.optional(Schema.Unknown),
  function_call: Schema.optional(Schema.Unknown)
})
const counts = { model: Schema.optional(Schema.Unknown), usage: Schema.optional(Schema.Unknown) }

/**
 * A whole answer.
 * @category schemas
 * @since 0.1.0
 */
export const ChatResponse = Schema.Struct({
  ...counts,
  choices: Schema.NonEmptyArray(Schema.Struct({ finish_reason: nullish(Schema.String), message: Content }))
})

/**
 * A piece of a streamed answer.
 * @category schemas
 * @since 0.1.0
 */
export const ChatChunk = Schema.Struct({
  ...counts,
  choices: nullish(Schema.Array(Schema.Struct({
    index: nullish(Schema.Number),
    finish_reason: nullish(Schema.String),
    delta: nullish(Content)
  })))
})

/**
 * What is wrong, in the fields that servers have for it.
 * @category schemas
 * @since 0.1.0
 */
export const ErrorObject = Schema.Struct({
  message: Schema.optional(Schema.Unknown),
  code: Schema.optional(Schema.Unknown),
  type: Schema.optional(Schema.Unknown),
  param: Schema.optional(Schema.Unknown)
})

/**
 * The first answer of a body, if it has the shape of a completion; `reportsCost`: a cost in its usage is in dollars.
 * @category converting
 * @since 0.1.0
 */
export const completionOf = (body: unknown, reportsCost: boolean): Option.Option<Completion> =>
  Option.flatMap(decodeResponse(body), ({ choices: [choice], ...rest }) => {
    if (choice === undefined) return Option.none()
    const found = new Found(reportsCost)
    found.add(choice.message)
    found.finish(choice.finish_reason)
    found.count(rest)
    return Option.some(found.completion())
  })

/**
 * Reads a stream of pieces of an answer up to `[DONE]`. One that closes after its finish reason is whole as well: some
 * servers say no more.
 * @category converting
 * @since 0.1.0
 */
export const reader = (reportsCost: boolean): StreamReader => {
  const found = new Found(reportsCost)
  let isUnreadable = false
  return {
    next: ({ data }) => {
      if (data.trim() === "[DONE]") return { _tag: "Complete", completion: found.completion() }
      const body = Option.getOrUndefined(WireJson.parse(data))
      const error = errorOf(body)
      if (Option.isSome(error)) return { _tag: "Failed", error: error.value }
      const chunk = decodeChunk(body)
      if (Option.isNone(chunk)) {
        isUnreadable = true
        return { _tag: "Complete", completion: { ...found.completion(), problem: unreadable } }
      }
      const { choices, ...rest } = chunk.value
      const choice = choices?.find(({ index }) => (index ?? 0) === 0)
      if (choice !== undefined) {
        found.add(choice.delta ?? {})
        found.finish(choice.finish_reason)
      }
      const usage = found.count(rest)
      // what is counted at the end comes with the answer
      return { _tag: "Open", usage: found.isFinished ? undefined : usage }
    },
    end: () => ({ isComplete: found.isFinished && !isUnreadable, completion: found.completion() })
  }
}

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

type Counts = { readonly model?: unknown; readonly usage?: unknown }

const decodeResponse = Schema.decodeUnknownOption(ChatResponse)
const decodeChunk = Schema.decodeUnknownOption(ChatChunk)

const unreadable = { reason: "Malformed", detail: "the stream holds an event that cannot be read" } as const

/** What is known of an answer, in one piece or in many. */
class Found {
  isFinished = false
  private text = ""
  private refusal = ""
  private reason: string | undefined
  private askedForTool = false
  private model: string | undefined
  private usage: Usage.Usage | undefined
  private costUsd: number | undefined
  private readonly reportsCost: boolean
  constructor(reportsCost: boolean) {
    this.reportsCost = reportsCost
  }

  add({ content, function_call, refusal, tool_calls }: typeof Content.Type): void {
    const parts = typeof content === "string" ? [{ text: content }] : content ?? []
    for (const part of parts) {
      if (typeof part.text === "string") this.text += part.text
      if ("refusal" in part && typeof part.refusal === "string") this.refusal += part.refusal
    }
    this.refusal += refusal ?? ""
    this.askedForTool ||= isFilled(tool_calls) || isFilled(function_call)
  }

  finish(reason: string | null | undefined): void {
    if (reason === undefined || reason === null) return
    this.isFinished = true
    this.reason = reason
  }

  /** The tokens up to now, where they are said. */
  count({ model, usage }: Counts): Usage.Usage | undefined {
    if (typeof model === "string" && model !== "") this.model = model
    const counted = usage === undefined || usage === null ? undefined : Option.getOrUndefined(decodeUsage(usage))
    if (counted === undefined) return undefined
    this.costUsd = this.reportsCost ? counted.cost ?? undefined : undefined
    return this.usage = usageOf(counted)
  }

  completion(): Completion {
    return {
      text: this.text === "" ? undefined : this.text,
      structured: undefined,
      problem: this.problem(),
      usage: this.usage,
      costUsd: this.costUsd,
      model: this.model
    }
  }

  private problem(): Completion["problem"] {
    if (this.refusal !== "") return { reason: "Refused", detail: `the model refuses: ${this.refusal}` }
    switch (this.reason) {
      case "content_filter":
        return { reason: "Refused", detail: "the answer was stopped by a content filter" }
      case "length":
        return { reason: "Truncated", detail: "the answer was cut at the bound on output tokens" }
      case "error":
        return { reason: "Unavailable", detail: "the server broke the answer off" }
      default:
        return this.askedForTool && this.text.trim() === ""
          ? { reason: "Malformed", detail: "the model asks for a tool it was not offered" }
          : undefined
    }
  }
}

const isFilled = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : typeof value === "object" && value !== null

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
    return Option.some({
      message: error,
      code: undefined,
      type: undefined,
      param: undefined,
      retryAfterMs: undefined
    })
  }
  return Option.map(decodeErrorObject(error), ({ code, message, param, type }) => ({
    message: textOf(message),
    code: typeof code === "number" ? code : textOf(code)?.toLowerCase(),
    type: textOf(type)?.toLowerCase(),
    param: textOf(param),
    retryAfterMs: undefined
  }))
}

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined
