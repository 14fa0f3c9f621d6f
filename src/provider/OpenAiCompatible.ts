/**
 * Chat completions over HTTP: OpenAI, and every server that speaks like it.
 *
 * - O1. One request per `ask`. When a server refuses the form in which a schema was sent, that is remembered and the
 *   request fails as `Unavailable`, so that the caller's retry sends the next form: a strict JSON Schema,
 *   then a JSON object with the schema in words, then words alone.
 * - O2. The key goes to the configured address only: redirects are refused, and no trace headers are sent.
 * - O3. A body is read up to a cap. What was read stays with the error, so that a paid answer is not lost.
 * - O4. Errors are the domain's own; the key is masked in everything the server echoes.
 * - O5. A request's input has at most as many tokens as it has bytes, so a reservation by bytes covers it. Without
 *   `maxOutputTokens` the output has no bound that holds; the estimate is then an expectation.
 *
 * A body that ends early is a `Transport` error whose text says that the request may have been billed.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Money from "../domain/Money.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import { Settings } from "../settings/Settings.ts"
import type { Exchange } from "./HttpExchange.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as HttpFailure from "./HttpFailure.ts"
import * as KeyMask from "./KeyMask.ts"
import * as OpenAiWire from "./OpenAiWire.ts"
import * as Pricing from "./Pricing.ts"
import type { Answer, Capabilities, Cost, Estimate, Provider, Request } from "./Provider.ts"
import { capabilities, ProviderError } from "./Provider.ts"
import * as StrictSchema from "./StrictSchema.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  /** Address without a trailing slash, to which `/chat/completions` is added. */
  readonly baseUrl: string
  /** Model of calls that name none. */
  readonly model: string
  /** The variable that holds the key; undefined for servers that take none. */
  readonly keyVariable: string | undefined
  /** Name or address the server's models are priced under. Defaults to the name. */
  readonly pricedAs?: string | undefined
  /** `enforced`: answers always fit a strict schema; `tried`: strict schemas may be refused; `object`: never sent. */
  readonly schemas: "enforced" | "tried" | "object"
  /** What the bound on output is called. Defaults to `max_tokens`. */
  readonly outputBound?: "max_tokens" | "max_completion_tokens" | undefined
  /** Whether the cost in a body's usage is in dollars. Defaults to false. */
  readonly reportsCost?: boolean | undefined
  readonly concurrency: number | undefined
  /** Bytes of a body that are read at most. Defaults to 64 MiB. */
  readonly maxBodyBytes?: number | undefined
}

/**
 * A provider of one server; its key is looked up at each request.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const { secret } = yield* Settings
  const pricing = yield* Pricing.Pricing
  const clock = yield* Effect.clock
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
  const forms = makeForms(options.schemas)
  const priceOf = (model: string, millis: number) => pricing.priceAt(options.pricedAs ?? options.name, model, millis)

  const ask = Effect.fn("OpenAiCompatible.ask")(function*(request: Request) {
    const key = yield* readKey(options, secret)
    const mask = KeyMask.make(key === undefined ? undefined : Redacted.value(key))
    const form = forms.of(request)
    const httpRequest = HttpClientRequest.post(`${options.baseUrl}/chat/completions`, {
      headers: { accept: "application/json", "accept-encoding": "identity" }
    }).pipe(
      HttpClientRequest.bodyUnsafeJson(bodyOf(options, request, form)),
      key === undefined ? (self) => self : HttpClientRequest.bearerToken(key)
    )
    const exchange = yield* client.execute(httpRequest).pipe(
      Effect.flatMap((response) => HttpExchange.read(response, options.maxBodyBytes ?? defaultMaxBodyBytes)),
      Effect.catchAll((error) => Effect.succeed(HttpExchange.broken(error))),
      // the fetch client follows redirects unless it is told not to
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.scoped
    )
    const millis = yield* Clock.currentTimeMillis
    return yield* settle({ options, request, form, forms, mask, millis, priceOf }, exchange)
  })

  const provider: Provider = {
    name: options.name,
    capabilities: capabilitiesOf(options),
    resolveModel: (asked) =>
      asked === undefined || asked === "" || asked === "default" || asked.toLowerCase() === options.name
        ? options.model
        : asked,
    estimate: (request) => estimate(request, () => priceOf(request.model, clock.unsafeCurrentTimeMillis())),
    ask
  }
  return provider
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultMaxBodyBytes = 67_108_864
const expectedOutputTokens = 8_192
const maxDetail = 2_048
const maxErrorBody = 65_536
const longestEcho = 2_048
/** Tokens around a message that are not its text. */
const framing = 64

const capabilitiesOf = ({ concurrency, schemas }: Options): Capabilities =>
  capabilities({
    schema: schemas === "enforced" ? "native" : "prompt",
    boundsOutput: true,
    temperature: true,
    cost: "priced",
    concurrency
  })

type Form = "strict" | "object" | "words" | "none"

interface Forms {
  readonly of: (request: Request) => Form
  /** Whether there is another form to try after this one was refused. */
  readonly refuse: (request: Request, form: Form) => boolean
}

/** What was found to be taken; written between two steps of a fiber, so that no lock is needed. */
const makeForms = (schemas: Options["schemas"]): Forms => {
  const first: Form = schemas === "object" ? "object" : "strict"
  const known = new Map<string, Form>()
  // where strict schemas are a feature of the server, a refusal is about this schema and not about the model
  const keyOf = ({ model, schema }: Request) => schemas === "enforced" ? `${model} ${JSON.stringify(schema)}` : model
  return {
    of: (request) => {
      if (request.schema === undefined) return "none"
      const form = known.get(keyOf(request)) ?? first
      return form === "strict" && Option.isNone(StrictSchema.make(request.schema)) ? "object" : form
    },
    refuse: (request, form) => {
      if (form === "none" || form === "words") return false
      const key = keyOf(request)
      if (known.get(key) !== "words") known.set(key, form === "strict" ? "object" : "words")
      return true
    }
  }
}

const readKey = (
  { keyVariable, name }: Options,
  secret: Settings["Type"]["secret"]
): Effect.Effect<Redacted.Redacted | undefined, ProviderError> => {
  if (keyVariable === undefined) return Effect.succeed(undefined)
  return Option.match(secret(keyVariable), {
    onNone: () =>
      new ProviderError({ provider: name, reason: "Authentication", detail: `needs an API key in $${keyVariable}` }),
    onSome: (key) =>
      /^[\x21-\x7e]+$/.test(Redacted.value(key))
        ? Effect.succeed(key)
        : new ProviderError({
          provider: name,
          reason: "Misconfigured",
          detail: `$${keyVariable} holds characters that no key has, such as spaces or line breaks`
        })
  })
}

const instruction = "Answer with one JSON value that fits the following JSON Schema, without prose or code fences:"

const withSchema = (prompt: string, schema: JsonSchemaObject | undefined): string =>
  schema === undefined ? prompt : `${prompt}\n\n${instruction}\n\n${JSON.stringify(schema)}`

const bodyOf = (options: Options, request: Request, form: Form): typeof OpenAiWire.ChatRequest.Type => {
  const { correction, maxOutputTokens, schema, system, temperature } = request
  const prompt = withSchema(request.prompt, form === "strict" ? undefined : schema)
  const format = schema === undefined ? undefined : formatOf(form, schema)
  return {
    model: request.model,
    messages: [
      ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
      { role: "user", content: prompt },
      ...(correction === undefined ? [] : [
        { role: "assistant" as const, content: correction.answer },
        { role: "user" as const, content: correctionText(correction.problem) }
      ])
    ],
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { [options.outputBound ?? "max_tokens"]: maxOutputTokens }),
    ...(format === undefined ? {} : { response_format: format })
  }
}

const correctionText = (problem: string) =>
  `That answer was not accepted: ${problem}\n\nAnswer the request again, in full and in the form it asks for.`

const formatOf = (form: Form, schema: JsonSchemaObject): typeof OpenAiWire.ResponseFormat.Type | undefined => {
  if (form === "object") return { type: "json_object" }
  if (form !== "strict") return undefined
  return Option.getOrUndefined(Option.map(StrictSchema.make(schema), (strict) => ({
    type: "json_schema" as const,
    json_schema: { name: "result", strict: true, schema: strict }
  })))
}

const encoder = new TextEncoder()

const estimate = (request: Omit<Request, "timeout">, price: () => Option.Option<Pricing.Price>): Estimate => {
  const { correction, prompt, schema, system = "" } = request
  const again = correction === undefined ? "" : correction.answer + correctionText(correction.problem)
  const text = system + withSchema(prompt, schema) + again
  return {
    inputTokens: encoder.encode(text).length + framing,
    outputTokens: expectedOutputTokens,
    cost: (inputTokens, outputTokens) =>
      Option.getOrUndefined(Option.map(price(), (found) => Pricing.bound(found, inputTokens, outputTokens)))
  }
}

interface Asked {
  readonly options: Options
  readonly request: Request
  readonly form: Form
  readonly forms: Forms
  readonly mask: (text: string) => string
  readonly millis: number
  readonly priceOf: (model: string, millis: number) => Option.Option<Pricing.Price>
}

type Facts = Partial<Omit<ConstructorParameters<typeof ProviderError>[0], "provider" | "reason" | "detail">>

const failure = ({ mask, options }: Asked, reason: ProviderReason, detail: string, facts: Facts = {}): ProviderError =>
  new ProviderError({ provider: options.name, reason, detail: cut(mask(detail), maxDetail), ...facts })

const cut = (text: string, length: number) => text.length > length ? `${text.slice(0, length)}…` : text

const settle = (asked: Asked, exchange: Exchange): Effect.Effect<Answer, ProviderError> => {
  if (exchange._tag === "TooLarge") {
    const detail = `the answer has more than ${exchange.limit} bytes; the rest was not read`
    // the end is dropped after masking, because a key that was cut there is not recognised
    const raw = asked.mask(exchange.body.slice(0, maxErrorBody)).slice(0, -longestEcho)
    return failure(asked, "Malformed", detail, { raw })
  }
  const raw = asked.mask(exchange.body)
  switch (exchange._tag) {
    case "Broken":
      return failure(asked, exchange.reason, exchange.detail, raw === "" ? {} : { raw })
    case "Complete":
      return exchange.status >= 200 && exchange.status < 300
        ? settleBody(asked, exchange, raw)
        : settleStatus(asked, exchange, raw)
  }
}

type Complete = Extract<Exchange, { _tag: "Complete" }>

const settleStatus = (asked: Asked, { headers, status }: Complete, raw: string): ProviderError => {
  const { form, forms, millis, mask, options, request } = asked
  const kept: Facts = raw === "" ? {} : { raw: cut(raw, maxErrorBody) }
  if (status >= 300 && status < 400) {
    const detail = `the server redirects to another address (HTTP ${status}), which is refused to keep the key from it`
    return failure(asked, "Misconfigured", detail, kept)
  }
  const error = Option.getOrUndefined(Option.flatMap(OpenAiWire.parse(raw), OpenAiWire.errorOf))
  if (isFormRefused(status, error) && forms.refuse(request, form)) {
    const what = form === "strict" ? "a strict JSON Schema" : "JSON mode"
    return failure(asked, "Unavailable", `${request.model} does not take ${what}; asking again does without`, kept)
  }
  const reason = HttpFailure.reasonOf(status, error, headers)
  const wait = HttpFailure.retryAfterMs(headers, millis)
  const said = error?.message ?? (raw.trim() === "" ? "" : mask(cut(raw.trim(), 300)))
  const advice = adviceFor(reason, options)
  const detail = [`HTTP ${status}`, said === "" ? [] : said, advice === undefined ? [] : advice].flat().join(": ")
  return failure(asked, reason, detail, { ...kept, ...(wait === undefined ? {} : { retryAfterMs: wait }) })
}

/** The parameter at fault, which servers name in a field or, failing that, only in the text. */
const isFormRefused = (status: number, error: OpenAiWire.ServerError | undefined): boolean =>
  (status === 400 || status === 422) && error !== undefined &&
  (error.param?.startsWith("response_format") === true || /response_format|json_schema/.test(error.message ?? ""))

const adviceFor = (reason: ProviderReason, { baseUrl, keyVariable }: Options): string | undefined => {
  if (reason === "Authentication" && keyVariable !== undefined) return `check the key in $${keyVariable}`
  return reason === "Misconfigured" ? `check the address ${baseUrl}` : undefined
}

const settleBody = (asked: Asked, exchange: Complete, raw: string): Effect.Effect<Answer, ProviderError> => {
  const parsed = OpenAiWire.parse(raw)
  if (Option.isNone(parsed)) {
    const detail = raw.trim() === "" ? "the answer is empty" : "the answer is not JSON"
    return failure(asked, "Malformed", `${detail}; is ${asked.options.baseUrl} the right address?`, { raw })
  }
  const found = OpenAiWire.completionOf(parsed.value)
  const error = OpenAiWire.errorOf(parsed.value)
  if (Option.isSome(error)) return settleError(asked, exchange, error.value, raw, Option.getOrUndefined(found))
  if (Option.isNone(found)) return failure(asked, "Malformed", "the answer is not a chat completion", { raw })
  return settleCompletion(asked, found.value, raw)
}

/** An error inside a successful body: a number as its code is the status it would have had. */
const settleError = (
  asked: Asked,
  { headers, status }: Complete,
  error: OpenAiWire.ServerError,
  raw: string,
  completion: OpenAiWire.Completion | undefined
): ProviderError => {
  const code = Number(error.code)
  const reason = HttpFailure.reasonOf(Number.isInteger(code) && code >= 400 ? code : status, error, headers)
  const wait = HttpFailure.retryAfterMs(headers, asked.millis)
  return failure(asked, reason, error.message ?? "the server reports an error without a text", {
    raw,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(completion === undefined ? {} : paidFor(asked, completion))
  })
}

const settleCompletion = (
  asked: Asked,
  completion: OpenAiWire.Completion,
  raw: string
): Effect.Effect<Answer, ProviderError> => {
  const fail = (reason: ProviderReason, detail: string) =>
    failure(asked, reason, detail, { raw, ...paidFor(asked, completion) })
  const { askedForTool, finishReason, refusal } = completion
  if (refusal !== undefined) return fail("Refused", `the model refuses: ${refusal}`)
  if (finishReason === "content_filter") return fail("Refused", "the answer was stopped by a content filter")
  if (finishReason === "length") return fail("Truncated", "the answer was cut at the bound on output tokens")
  if (finishReason === "error") return fail("Unavailable", "the server broke the answer off")
  const text = asked.mask(completion.text ?? "").trim()
  if (text === "" && askedForTool) return fail("Malformed", "the model asks for a tool it was not offered")
  if (text === "") return fail("EmptyAnswer", "the answer is empty")
  return Effect.succeed({
    text,
    structured: undefined,
    raw,
    usage: completion.usage,
    cost: costOf(asked, completion),
    model: completion.model,
    session: undefined
  })
}

const paidFor = (asked: Asked, completion: OpenAiWire.Completion): Facts => {
  const cost = costOf(asked, completion)
  return { ...(completion.usage ? { usage: completion.usage } : {}), ...(cost ? { cost } : {}) }
}

const costOf = (asked: Asked, { cost, model, usage }: OpenAiWire.Completion): Cost | undefined => {
  if (asked.options.reportsCost === true && cost !== undefined) {
    return { amount: Money.fromUsd(cost), source: "provider" }
  }
  if (usage === undefined) return undefined
  const price = Option.orElse(
    asked.priceOf(asked.request.model, asked.millis),
    () => model === undefined ? Option.none() : asked.priceOf(model, asked.millis)
  )
  return Option.getOrUndefined(
    Option.map(price, (found) => ({ amount: Pricing.cost(found, usage), source: found.source }))
  )
}
