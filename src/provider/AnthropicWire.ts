/**
 * Anthropic's messages on the wire: what is asked, and what an answer, a stream of events or an error means.
 *
 * - W1. An answer is whole only with its final event and a reason to stop that says so.
 * - W2. A schema goes out as the format of the answer, else as the input of the one tool the model has to use, else in
 *   words; the answer comes back as the text of a JSON value in each case.
 * - W3. Errors are told apart by their type and error code. The API has no code for a prompt that does not fit the model,
 *   so two texts it begins its messages with are looked for as well.
 *
 * Counts that cannot be read do not cost an answer.
 */
import type * as Arr from "effect/Array"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as AnthropicSchema from "./AnthropicSchema.ts"
import type { Completion, SchemaForm, ServerError, Shape, StreamReader, StreamState } from "./HttpWire.ts"
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"
import * as WireJson from "./WireJson.ts"

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))
const JsonSchemaBody = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/**
 * Body of a request.
 * @category schemas
 * @since 0.1.0
 */
export const MessagesRequest = Schema.Struct({
  model: Schema.String,
  max_tokens: Schema.Int,
  system: Schema.optional(Schema.String),
  messages: Schema.Array(Schema.Struct({ role: Schema.Literal("user", "assistant"), content: Schema.String })),
  output_config: Schema.optional(
    Schema.Struct({ format: Schema.Struct({ type: Schema.Literal("json_schema"), schema: JsonSchemaBody }) })
  ),
  tools: Schema.optional(Schema.Array(Schema.Struct({
    name: Schema.String,
    description: Schema.String,
    input_schema: Schema.Struct({ type: Schema.Literal("object") }, { key: Schema.String, value: Schema.Unknown })
  }))),
  tool_choice: Schema.optional(Schema.Struct({
    type: Schema.Literal("tool"),
    name: Schema.String,
    disable_parallel_tool_use: Schema.Boolean
  })),
  stream: Schema.optional(Schema.Literal(true))
})

/**
 * Token counts, of a whole answer or up to an event.
 * @category schemas
 * @since 0.1.0
 */
export const UsageBody = Schema.Struct({
  input_tokens: nullish(Schema.NonNegativeInt),
  output_tokens: nullish(Schema.NonNegativeInt),
  cache_creation_input_tokens: nullish(Schema.NonNegativeInt),
  cache_read_input_tokens: nullish(Schema.NonNegativeInt)
})

/**
 * A part of an answer, of whatever type.
 * @category schemas
 * @since 0.1.0
 */
export const ContentBlock = Schema.Struct({
  type: Schema.String,
  text: Schema.optional(Schema.String),
  name: Schema.optional(Schema.String),
  input: Schema.optional(Schema.Unknown)
})

const stop = {
  stop_reason: nullish(Schema.String),
  stop_details: nullish(Schema.Struct({ category: nullish(Schema.String), explanation: nullish(Schema.String) }))
}

/**
 * A whole answer.
 * @category schemas
 * @since 0.1.0
 */
export const Message = Schema.Struct({
  content: Schema.Array(ContentBlock),
  model: Schema.optional(Schema.String),
  usage: Schema.optional(Schema.Unknown),
  ...stop
})

/**
 * An event of a stream, of the types that an answer is built from.
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union(
  Schema.Struct({
    type: Schema.Literal("message_start"),
    message: Schema.Struct({ model: Schema.optional(Schema.String), usage: Schema.optional(Schema.Unknown) })
  }),
  Schema.Struct({
    type: Schema.Literal("content_block_start"),
    index: Schema.Int,
    content_block: ContentBlock
  }),
  Schema.Struct({
    type: Schema.Literal("content_block_delta"),
    index: Schema.Int,
    delta: Schema.Struct({
      type: Schema.String,
      text: Schema.optional(Schema.String),
      partial_json: Schema.optional(Schema.String)
    })
  }),
  Schema.Struct({ type: Schema.Literal("content_block_stop"), index: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("message_delta"),
    delta: Schema.Struct(stop),
    usage: Schema.optional(Schema.Unknown)
  }),
  Schema.Struct({ type: Schema.Literal("message_stop") })
)

/**
 * An error, as a body and as an event.
 * @category schemas
 * @since 0.1.0
 */
export const ErrorBody = Schema.Struct({
  error: Schema.Struct({
    type: nullish(Schema.String),
    message: nullish(Schema.String),
    details: nullish(Schema.Struct({ error_code: Schema.optional(Schema.Unknown) }))
  })
})

/**
 * What the API says of a model.
 * @category schemas
 * @since 0.1.0
 */
export const ModelInfo = Schema.Struct({ max_tokens: nullish(Schema.NonNegativeInt) })

/**
 * The forms a schema can be put in, the first to try first.
 * @category converting
 * @since 0.1.0
 */
export const formsOf = (schema: JsonSchemaObject | undefined): Arr.NonEmptyReadonlyArray<SchemaForm> => {
  if (schema === undefined) return ["none"]
  const tool = Option.isSome(AnthropicSchema.tool(schema)) ? ["object" as const, "words" as const] : ["words" as const]
  return Option.isSome(AnthropicSchema.enforced(schema)) ? ["strict", ...tool] : [tool[0] ?? "words", ...tool.slice(1)]
}

/**
 * The body of a request; the API has to be told a bound on output.
 * @category converting
 * @since 0.1.0
 */
export const bodyOf = (
  request: Omit<Request, "timeout">,
  { delivery, form, maxOutputTokens }: Shape,
  defaultMaxTokens: number
): typeof MessagesRequest.Type => {
  const { correction, schema, system } = request
  const prompt = form === "words" ? SchemaWords.withSchema(request.prompt, schema) : request.prompt
  return {
    model: request.model,
    max_tokens: maxOutputTokens ?? defaultMaxTokens,
    ...(system === undefined || system.trim() === "" ? {} : { system }),
    messages: messagesOf(prompt, correction),
    ...(schema === undefined ? {} : formatOf(form, schema)),
    ...(delivery === "whole" ? {} : { stream: true })
  }
}

/**
 * Reads a stream up to its final event.
 * @category converting
 * @since 0.1.0
 */
export const reader = (form: SchemaForm): StreamReader => {
  const found = new Found(form)
  return {
    next: ({ data, event }) => {
      const body = WireJson.parse(data)
      const type = Option.getOrUndefined(Option.flatMap(body, decodeType))?.type ?? event
      if (Option.isNone(body) || type === undefined) return unreadable(found)
      if (type === "error") return { _tag: "Failed", error: Option.getOrElse(errorOf(body.value), () => unsaid) }
      if (type === "ping") return { _tag: "Open", isKeepAlive: true }
      // new types of events may come at any time and change nothing of those that are known
      if (!eventTypes.has(type)) return { _tag: "Open" }
      return Option.match(decodeEvent(body.value), { onNone: () => unreadable(found), onSome: (it) => found.take(it) })
    },
    end: () => ({ isComplete: false, completion: found.completion() })
  }
}

/**
 * An answer in one piece.
 * @category converting
 * @since 0.1.0
 */
export const completionOf = (body: unknown, form: SchemaForm): Option.Option<Completion> =>
  Option.map(decodeMessage(body), ({ content, ...message }) => {
    const found = new Found(form)
    for (const [index, block] of content.entries()) found.begin(index, block)
    found.count(message.usage)
    found.stopped(message)
    return { ...found.completion(), model: message.model }
  })

/**
 * The error a body holds.
 * @category converting
 * @since 0.1.0
 */
export const errorOf = (body: unknown): Option.Option<ServerError> =>
  Option.map(decodeError(body), ({ error }) => {
    const type = error.type ?? undefined
    const message = error.message ?? undefined
    const code = error.details?.error_code
    const known = typeof code === "string" ? code : undefined
    return {
      message,
      code: known,
      type,
      param: undefined,
      retryAfterMs: undefined,
      reason: reasonOf(known, type, message)
    }
  })

/**
 * Whether an error is about the form a schema was put in, which the API says in words only.
 * @category predicates
 * @since 0.1.0
 */
export const refusesForm = (status: number, { message = "" }: ServerError): boolean =>
  (status === 400 || status === 422) && formWords.test(message)

/**
 * Whether an error is about streaming.
 * @category predicates
 * @since 0.1.0
 */
export const refusesDelivery = (status: number, { message = "" }: ServerError): boolean =>
  (status === 400 || status === 422) && /^stream\b|["'`]stream["'`]|\bstreaming\b/i.test(message)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeType = Schema.decodeUnknownOption(Schema.Struct({ type: Schema.String }))
const decodeEvent = Schema.decodeUnknownOption(Event)
const decodeMessage = Schema.decodeUnknownOption(Message)
const decodeUsage = Schema.decodeUnknownOption(UsageBody)
const decodeError = Schema.decodeUnknownOption(ErrorBody)

const eventTypes: ReadonlySet<string> = new Set(Event.members.map(({ fields }) => fields.type.literals[0]))

const answerTool = "answer"
const formWords =
  /\b(?:output_config|output_format|json_schema|tool_choice|input_schema)\b|structured output|\bschema\b/i

const formatOf = (form: SchemaForm, schema: JsonSchemaObject): Partial<typeof MessagesRequest.Type> => {
  if (form === "strict") {
    return Option.match(AnthropicSchema.enforced(schema), {
      onNone: () => ({}),
      onSome: (schema) => ({ output_config: { format: { type: "json_schema", schema } } })
    })
  }
  if (form !== "object") return {}
  return Option.match(AnthropicSchema.tool(schema), {
    onNone: () => ({}),
    onSome: (schema) => ({
      tools: [{ name: answerTool, description: "Gives the answer to the request.", input_schema: schema }],
      tool_choice: { type: "tool", name: answerTool, disable_parallel_tool_use: true }
    })
  })
}

/** The API takes no empty turn of the model. */
const messagesOf = (
  prompt: string,
  correction: Request["correction"]
): (typeof MessagesRequest.Type)["messages"] => {
  if (correction === undefined) return [{ role: "user", content: prompt }]
  const again = SchemaWords.correctionText(correction.problem)
  return correction.answer.trim() === ""
    ? [{ role: "user", content: `${prompt}\n\n${again}` }]
    : [
      { role: "user", content: prompt },
      { role: "assistant", content: correction.answer },
      { role: "user", content: again }
    ]
}

const unreadable = (found: Found): StreamState => ({
  _tag: "Complete",
  completion: {
    ...found.completion(),
    problem: { reason: "Malformed", detail: "the stream holds an event that cannot be read" }
  }
})

const unsaid: ServerError = {
  message: undefined,
  code: undefined,
  type: undefined,
  param: undefined,
  retryAfterMs: undefined
}

type Stop = Pick<typeof Message.Type, "stop_reason" | "stop_details">

interface Block {
  readonly type: string
  readonly name: string | undefined
  /** What the block began with, for the input of a tool. */
  readonly input: unknown
  text: string
}

/** What is known of an answer, in one piece or in many. */
class Found {
  private readonly blocks = new Map<number, Block>()
  private counts: typeof UsageBody.Type = {}
  private stop: Stop = {}
  private model: string | undefined
  private readonly form: SchemaForm
  constructor(form: SchemaForm) {
    this.form = form
  }

  take(event: typeof Event.Type): StreamState {
    switch (event.type) {
      case "message_start":
        this.model = event.message.model
        return { _tag: "Open", usage: this.count(event.message.usage) }
      case "content_block_start":
        this.begin(event.index, event.content_block)
        return { _tag: "Open" }
      case "content_block_delta":
        return this.extend(event.index, event.delta.text ?? event.delta.partial_json)
      case "content_block_stop":
        return { _tag: "Open" }
      case "message_delta":
        this.stopped(event.delta)
        return { _tag: "Open", usage: this.count(event.usage) }
      case "message_stop":
        return { _tag: "Complete", completion: this.completion() }
    }
  }

  begin(index: number, { input, name, text = "", type }: typeof ContentBlock.Type): void {
    this.blocks.set(index, { type, name, input, text })
  }

  stopped({ stop_details, stop_reason }: Stop): void {
    this.stop = { stop_details, stop_reason }
  }

  /** The tokens up to now, where they are said; each count replaces the one before. */
  count(usage: unknown): Usage.Usage | undefined {
    const said = Option.getOrUndefined(decodeUsage(usage))
    if (said === undefined) return undefined
    const known = Object.entries(said).filter(([, count]) => count !== null && count !== undefined)
    this.counts = { ...this.counts, ...Object.fromEntries(known) }
    return this.usage()
  }

  completion(): Completion {
    const { model, stop } = this
    const tool = this.form === "object" ? this.find((block) => block.name === answerTool) : undefined
    const text = tool === undefined ? this.text() : inputOf(tool)
    return {
      text: this.form === "strict" || tool !== undefined ? unwrapped(text) : text,
      structured: undefined,
      problem: problemOf(stop, tool === undefined ? undefined : Option.isSome(WireJson.parse(text ?? ""))),
      usage: this.usage(),
      costUsd: undefined,
      model
    }
  }

  private extend(index: number, text: string | undefined): StreamState {
    if (text === undefined) return { _tag: "Open" }
    const block = this.blocks.get(index)
    if (block === undefined) return unreadable(this)
    block.text += text
    return { _tag: "Open" }
  }

  private find(isWanted: (block: Block) => boolean): Block | undefined {
    return [...this.blocks.values()].find((block) => block.type === "tool_use" && isWanted(block))
  }

  private text(): string | undefined {
    const texts = [...this.blocks.values()].filter(({ type }) => type === "text").map(({ text }) => text).join("")
    return texts === "" ? undefined : texts
  }

  private usage(): Usage.Usage | undefined {
    const { cache_creation_input_tokens, cache_read_input_tokens, input_tokens, output_tokens } = this.counts
    if (input_tokens === undefined && output_tokens === undefined) return undefined
    return Usage.make({
      inputTokens: input_tokens ?? 0,
      outputTokens: output_tokens ?? 0,
      cacheReadTokens: cache_read_input_tokens ?? 0,
      cacheWriteTokens: cache_creation_input_tokens ?? 0
    })
  }
}

/** A stream brings the input of a tool piece by piece, after an empty object in its place. */
const inputOf = ({ input, text }: Block): string => text === "" ? JSON.stringify(input ?? {}) : text

const unwrapped = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Option.match(WireJson.parse(text), {
    onNone: () => text,
    onSome: (value) => {
      const answer = AnthropicSchema.unwrap(value)
      return answer === value ? text : JSON.stringify(answer)
    }
  })

/** `isToolReadable` is undefined where the model did not use the tool for answers. */
const problemOf = (
  { stop_details, stop_reason }: Stop,
  isToolReadable: boolean | undefined
): Completion["problem"] => {
  switch (stop_reason) {
    case "end_turn":
    case "stop_sequence":
    case "tool_use":
      if (isToolReadable === false) return { reason: "Malformed", detail: "the input of the answer's tool is not JSON" }
      return stop_reason === "tool_use" && isToolReadable === undefined
        ? { reason: "Malformed", detail: "the model asks for a tool it was not offered" }
        : undefined
    case "max_tokens":
      return { reason: "Truncated", detail: "the answer was cut at the bound on output tokens" }
    case "model_context_window_exceeded":
      return { reason: "ContextOverflow", detail: "the prompt and the answer do not fit the model's context" }
    case "pause_turn":
      return { reason: "Malformed", detail: "the server paused in the middle of the answer" }
    case "refusal": {
      const why = stop_details?.explanation ?? stop_details?.category
      return { reason: "Refused", detail: `the model refuses${why ? `: ${why}` : ""}` }
    }
    case null:
    case undefined:
      return { reason: "Malformed", detail: "the answer does not say why it ends" }
    default:
      return { reason: "Unknown", detail: `the answer ended for a reason that is not known: ${stop_reason}` }
  }
}

const reasons: ReadonlyMap<string, ProviderReason> = new Map([
  ["api_error", "Unavailable"],
  ["authentication_error", "Authentication"],
  ["billing_error", "Billing"],
  ["cmek_context_unavailable", "Unavailable"],
  ["cmek_key_disabled", "Permission"],
  ["cmek_key_network_blocked", "Permission"],
  ["cmek_key_unreachable", "Unavailable"],
  ["contract_spend_limit_reached", "UsageLimit"],
  ["enforced_spend_limit_reached", "UsageLimit"],
  ["linked_organization_billing_unavailable", "Billing"],
  ["linked_organization_spend_limit_reached", "Billing"],
  ["not_found_error", "UnknownModel"],
  ["organization_on_hold", "Permission"],
  ["overloaded_error", "Overloaded"],
  ["permission_error", "Permission"],
  ["ramp_limit_exceeded", "RateLimited"],
  ["rate_limit_error", "RateLimited"],
  ["request_body_too_large_after_decoding", "ContextOverflow"],
  ["request_too_large", "ContextOverflow"],
  ["timeout_error", "Unavailable"]
])

const reasonOf = (
  code: string | undefined,
  type: string | undefined,
  message: string | undefined
): ProviderReason | undefined => {
  if (type === "invalid_request_error" && code === undefined && overflow.test(message ?? "")) return "ContextOverflow"
  return reasons.get(code ?? "") ?? reasons.get(type ?? "")
}

const overflow = /^(?:prompt is too long:|input length and `max_tokens` exceed context limit:)/
