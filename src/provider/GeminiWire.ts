/**
 * Gemini's `generateContent` on the wire: what is asked, and what an answer, a stream of its pieces or an error means.
 *
 * - W1. A stream has no final event: it is whole when it closes after a piece that says why the answer ends.
 * - W2. Of several candidates the first is the answer; thoughts are no part of it.
 * - W3. Errors are told apart by their status and details. The API has no code for a prompt that does not fit the model,
 *   so the text it begins that message with is looked for as well.
 */
import type * as Arr from "effect/Array"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as GeminiSchema from "./GeminiSchema.ts"
import type { Completion, Delivery, SchemaForm, ServerError, Shape, StreamReader } from "./HttpWire.ts"
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"
import * as WireJson from "./WireJson.ts"

const nullish = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))

const Content = Schema.Struct({
  role: Schema.Literal("user", "model"),
  parts: Schema.Array(Schema.Struct({ text: Schema.String }))
})

/**
 * Body of a request.
 * @category schemas
 * @since 0.1.0
 */
export const GenerateRequest = Schema.Struct({
  contents: Schema.Array(Content),
  systemInstruction: Schema.optional(Schema.Struct({ parts: Content.fields.parts })),
  generationConfig: Schema.optional(Schema.Struct({
    temperature: Schema.optional(Schema.Number),
    maxOutputTokens: Schema.optional(Schema.Int),
    responseMimeType: Schema.optional(Schema.Literal("application/json")),
    responseJsonSchema: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
  }))
})

/**
 * Token counts up to a piece of an answer.
 * @category schemas
 * @since 0.1.0
 */
export const UsageMetadata = Schema.Struct({
  promptTokenCount: nullish(Schema.NonNegativeInt),
  cachedContentTokenCount: nullish(Schema.NonNegativeInt),
  candidatesTokenCount: nullish(Schema.NonNegativeInt),
  thoughtsTokenCount: nullish(Schema.NonNegativeInt),
  toolUsePromptTokenCount: nullish(Schema.NonNegativeInt)
})

/**
 * An answer, or a piece of one.
 * @category schemas
 * @since 0.1.0
 */
export const GenerateResponse = Schema.Struct({
  candidates: nullish(Schema.Array(Schema.Struct({
    index: nullish(Schema.Number),
    content: nullish(Schema.Struct({
      parts: nullish(Schema.Array(Schema.Struct({
        text: nullish(Schema.String),
        thought: nullish(Schema.Boolean),
        functionCall: Schema.optional(Schema.Unknown)
      })))
    })),
    finishReason: nullish(Schema.String),
    finishMessage: nullish(Schema.String)
  }))),
  promptFeedback: nullish(Schema.Struct({ blockReason: nullish(Schema.String) })),
  usageMetadata: Schema.optional(Schema.Unknown),
  modelVersion: nullish(Schema.String)
})

/**
 * An error, as a body and as a piece of a stream.
 * @category schemas
 * @since 0.1.0
 */
export const ErrorBody = Schema.Struct({
  error: Schema.Struct({
    code: nullish(Schema.Number),
    message: nullish(Schema.String),
    status: nullish(Schema.String),
    details: Schema.optional(Schema.Unknown)
  })
})

/**
 * Address of a request for a model, which may be named with its collection.
 * @category converting
 * @since 0.1.0
 */
export const pathOf = (model: string, delivery: Delivery): string => {
  const [, collection = "models", name = model] = /^(models|tunedModels)\/(.+)$/.exec(model) ?? []
  const method = delivery === "whole" ? "generateContent" : "streamGenerateContent?alt=sse"
  return `/v1beta/${collection}/${encodeURIComponent(name)}:${method}`
}

/**
 * The forms a schema can be put in, the first to try first.
 * @category converting
 * @since 0.1.0
 */
export const formsOf = (schema: JsonSchemaObject | undefined): Arr.NonEmptyReadonlyArray<SchemaForm> => {
  if (schema === undefined) return ["none"]
  return Option.isSome(GeminiSchema.enforced(schema)) ? ["strict", "object", "words"] : ["object", "words"]
}

/**
 * The body of a request.
 * @category converting
 * @since 0.1.0
 */
export const bodyOf = (
  request: Omit<Request, "timeout">,
  { form, maxOutputTokens }: Shape
): typeof GenerateRequest.Type => {
  const { correction, schema, system, temperature } = request
  const prompt = SchemaWords.withSchema(request.prompt, form === "strict" ? undefined : schema)
  const config = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(schema === undefined ? {} : formatOf(form, schema))
  }
  return {
    contents: contentsOf(prompt, correction),
    ...(system === undefined || system.trim() === "" ? {} : { systemInstruction: { parts: [{ text: system }] } }),
    ...(Object.keys(config).length === 0 ? {} : { generationConfig: config })
  }
}

/**
 * Reads a stream up to where it closes.
 * @category converting
 * @since 0.1.0
 */
export const reader = (): StreamReader => {
  const found = new Found()
  return {
    next: ({ data }) => {
      const body = Option.getOrUndefined(WireJson.parse(data))
      const error = errorOf(body)
      if (Option.isSome(error)) return { _tag: "Failed", error: error.value }
      const piece = decodeResponse(body)
      if (Option.isSome(piece)) return { _tag: "Open", usage: found.add(piece.value) }
      found.isReadable = false
      return { _tag: "Complete", completion: found.completion() }
    },
    end: () => ({ isComplete: found.isFinished && found.isReadable, completion: found.completion() })
  }
}

/**
 * An answer in one piece, or the list of its pieces.
 * @category converting
 * @since 0.1.0
 */
export const completionOf = (body: unknown): Option.Option<Completion> => {
  const pieces = (Array.isArray(body) ? body : [body]).map((piece: unknown) => decodeResponse(piece))
  return Option.flatMap(Option.all(pieces), (all) => {
    const found = new Found()
    for (const piece of all) found.add(piece)
    return found.isFinished ? Option.some(found.completion()) : Option.none()
  })
}

/**
 * The error a body holds.
 * @category converting
 * @since 0.1.0
 */
export const errorOf = (body: unknown): Option.Option<ServerError> =>
  Option.map(decodeError(Array.isArray(body) ? body[0] : body), ({ error }) => {
    const details = Option.getOrElse(decodeDetails(error.details), () => [])
    const reason = reasonOf(error, details)
    // the wait that is given with a limit of the day is that of the minute
    const wait = reason === "UsageLimit" ? undefined : details.find(({ retryDelay }) => retryDelay !== undefined)
    return {
      message: error.message ?? undefined,
      code: error.code ?? undefined,
      type: error.status?.toLowerCase(),
      param: details.flatMap(({ fieldViolations = [] }) => fieldViolations)[0]?.field,
      retryAfterMs: millisOf(wait?.retryDelay),
      reason
    }
  })

/**
 * Whether an error is about the form a schema was put in.
 * @category predicates
 * @since 0.1.0
 */
export const refusesForm = (status: number, { message = "", param = "" }: ServerError): boolean =>
  status === 400 && (formWords.test(param) || formWords.test(message))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeResponse = Schema.decodeUnknownOption(GenerateResponse)
const decodeUsage = Schema.decodeUnknownOption(UsageMetadata)
const decodeError = Schema.decodeUnknownOption(ErrorBody)
/** Details of the types that are looked at, told apart by the fields they have. */
const decodeDetails = Schema.decodeUnknownOption(Schema.Array(Schema.Struct({
  reason: Schema.optional(Schema.String),
  retryDelay: Schema.optional(Schema.String),
  violations: Schema.optional(Schema.Array(Schema.Struct({ quotaId: Schema.optional(Schema.String) }))),
  fieldViolations: Schema.optional(Schema.Array(Schema.Struct({ field: Schema.optional(Schema.String) })))
})))
type Detail = Option.Option.Value<ReturnType<typeof decodeDetails>>[number]

const formWords = /response_?(?:json_?)?schema|response_?mime_?type|json mode|\bschema\b/i

const formatOf = (
  form: SchemaForm,
  schema: JsonSchemaObject
): Partial<NonNullable<(typeof GenerateRequest.Type)["generationConfig"]>> => {
  if (form === "object") return { responseMimeType: "application/json" }
  if (form !== "strict") return {}
  return Option.match(GeminiSchema.enforced(schema), {
    onNone: () => ({}),
    onSome: (enforced) => ({ responseMimeType: "application/json", responseJsonSchema: enforced })
  })
}

/** The API takes no empty turn of the model. */
const contentsOf = (
  prompt: string,
  correction: Request["correction"]
): (typeof GenerateRequest.Type)["contents"] => {
  if (correction === undefined) return [{ role: "user", parts: [{ text: prompt }] }]
  const again = { text: SchemaWords.correctionText(correction.problem) }
  return correction.answer.trim() === ""
    ? [{ role: "user", parts: [{ text: prompt }, again] }]
    : [
      { role: "user", parts: [{ text: prompt }] },
      { role: "model", parts: [{ text: correction.answer }] },
      { role: "user", parts: [again] }
    ]
}

/** What is known of an answer, in one piece or in many. */
class Found {
  isReadable = true
  private text = ""
  private askedForTool = false
  private finishReason: string | undefined
  private finishMessage: string | undefined
  private blockReason: string | undefined
  private counts: typeof UsageMetadata.Type = {}
  private model: string | undefined

  get isFinished(): boolean {
    return this.finishReason !== undefined || this.blockReason !== undefined
  }

  /** Takes a piece and says the tokens up to it, where it does. */
  add(piece: typeof GenerateResponse.Type): Usage.Usage | undefined {
    this.model = piece.modelVersion ?? this.model
    this.blockReason = piece.promptFeedback?.blockReason ?? this.blockReason
    const candidate = piece.candidates?.find(({ index }) => (index ?? 0) === 0)
    for (const { functionCall, text, thought } of candidate?.content?.parts ?? []) {
      if (thought !== true) this.text += text ?? ""
      this.askedForTool ||= functionCall !== undefined && functionCall !== null
    }
    this.finishReason = candidate?.finishReason ?? this.finishReason
    this.finishMessage = candidate?.finishMessage ?? this.finishMessage
    const said = Option.getOrUndefined(decodeUsage(piece.usageMetadata))
    if (said === undefined) return undefined
    const known = Object.entries(said).filter(([, count]) => count !== null && count !== undefined)
    this.counts = { ...this.counts, ...Object.fromEntries(known) }
    return this.usage()
  }

  completion(): Completion {
    return {
      text: this.text === "" ? undefined : this.text,
      structured: undefined,
      problem: this.problem(),
      usage: this.usage(),
      costUsd: undefined,
      model: this.model
    }
  }

  private problem(): Completion["problem"] {
    if (!this.isReadable) return { reason: "Malformed", detail: "the stream holds an event that cannot be read" }
    if (this.finishReason === undefined) {
      return this.blockReason === undefined
        ? undefined
        : { reason: "Refused", detail: `the prompt was blocked (${this.blockReason})` }
    }
    if (this.finishReason === "STOP") {
      return this.askedForTool && this.text.trim() === ""
        ? { reason: "Malformed", detail: "the model asks for a tool it was not offered" }
        : undefined
    }
    const reason = endings.get(this.finishReason) ?? "Unknown"
    const said = this.finishMessage === undefined ? "" : `: ${this.finishMessage}`
    return reason === "Truncated"
      ? { reason, detail: "the answer was cut at the bound on output tokens" }
      : { reason, detail: `the model ended its answer with ${this.finishReason}${said}` }
  }

  /** The prompt's tokens include those that were read from a cache; thoughts are counted beside the answer. */
  private usage(): Usage.Usage | undefined {
    const { cachedContentTokenCount, candidatesTokenCount, promptTokenCount, thoughtsTokenCount } = this.counts
    if (promptTokenCount === undefined || promptTokenCount === null) return undefined
    const cacheReadTokens = Math.min(promptTokenCount, cachedContentTokenCount ?? 0)
    return Usage.make({
      inputTokens: promptTokenCount - cacheReadTokens + (this.counts.toolUsePromptTokenCount ?? 0),
      outputTokens: (candidatesTokenCount ?? 0) + (thoughtsTokenCount ?? 0),
      cacheReadTokens
    })
  }
}

const endings: ReadonlyMap<string, ProviderReason> = new Map([
  ["BLOCKLIST", "Refused"],
  ["CONTINUATION", "Truncated"],
  ["IMAGE_OTHER", "Malformed"],
  ["IMAGE_PROHIBITED_CONTENT", "Refused"],
  ["IMAGE_RECITATION", "Refused"],
  ["IMAGE_SAFETY", "Refused"],
  ["LANGUAGE", "Refused"],
  ["MALFORMED_FUNCTION_CALL", "Malformed"],
  ["MALFORMED_RESPONSE", "Malformed"],
  ["MAX_TOKENS", "Truncated"],
  ["NO_IMAGE", "Malformed"],
  ["PROHIBITED_CONTENT", "Refused"],
  ["RECITATION", "Refused"],
  ["SAFETY", "Refused"],
  ["SPII", "Refused"],
  ["TOO_MANY_TOOL_CALLS", "Malformed"],
  ["UNEXPECTED_TOOL_CALL", "Malformed"]
])

const statuses: ReadonlyMap<string, ProviderReason> = new Map([
  ["ABORTED", "Unavailable"],
  ["CANCELLED", "Unavailable"],
  ["DEADLINE_EXCEEDED", "Unavailable"],
  ["FAILED_PRECONDITION", "InvalidRequest"],
  ["INTERNAL", "Unavailable"],
  ["INVALID_ARGUMENT", "InvalidRequest"],
  ["NOT_FOUND", "UnknownModel"],
  ["OUT_OF_RANGE", "InvalidRequest"],
  ["PERMISSION_DENIED", "Permission"],
  ["RESOURCE_EXHAUSTED", "RateLimited"],
  ["UNAUTHENTICATED", "Authentication"],
  ["UNAVAILABLE", "Overloaded"],
  ["UNIMPLEMENTED", "InvalidRequest"]
])

const detailReasons: ReadonlyMap<string, ProviderReason> = new Map([
  ["API_KEY_EXPIRED", "Authentication"],
  ["API_KEY_INVALID", "Authentication"],
  ["BILLING_DISABLED", "Billing"]
])

/** What is not as a request needs it; the API tells that in a sentence alone. */
const preconditions: ReadonlyArray<readonly [said: RegExp, reason: ProviderReason]> = [
  // the free tier does not serve the place the request is from, or what is asked for is not in it
  [/\b(?:enable billing|billing account)\b/i, "Billing"],
  [/^User location is not supported\b/i, "Permission"],
  // a file is looked at before it can be used
  [/\bnot in an ACTIVE state\b/, "Unavailable"]
]

const reasonOf = (
  { code, message, status }: (typeof ErrorBody.Type)["error"],
  details: ReadonlyArray<Detail>
): ProviderReason | undefined => {
  for (const { reason } of details) {
    const known = detailReasons.get(reason ?? "")
    if (known !== undefined) return known
  }
  // what was paid for in advance is used up
  if (code === 402) return "Billing"
  if (status === "FAILED_PRECONDITION") {
    const known = preconditions.find(([said]) => said.test(message ?? ""))
    if (known !== undefined) return known[1]
  }
  if (status === "RESOURCE_EXHAUSTED" && details.some(isOfTheDay)) return "UsageLimit"
  if (status === "INVALID_ARGUMENT" && overflow.test(message ?? "")) return "ContextOverflow"
  return statuses.get(status ?? "")
}

const isOfTheDay = ({ violations = [] }: Detail): boolean =>
  violations.some(({ quotaId = "" }) => /PerDay/i.test(quotaId))

const overflow = /^The input token count \(?[\d,]*\)? ?exceeds the maximum number of tokens allowed/

const millisOf = (duration: string | undefined): number | undefined => {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(duration ?? "")?.[1]
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1_000)
}
