/**
 * A provider behind an HTTP API, whatever its wire format.
 *
 * - A1. One request per `ask`. When a server refuses the form a schema was sent in, or to stream, that is remembered and
 *   the request fails with `isAdapted`: asked again at once, the provider sends the next shape.
 * - A2. The key is looked up at each request and goes to the configured address only: redirects are refused, and no
 *   trace headers are sent.
 * - A3. Bodies and events are read up to a cap. What was read stays with the error, so that a paid answer is not lost.
 * - A4. Errors are the domain's own; the key is masked in everything the server echoes, also where it comes in pieces.
 * - A5. A request's input has at most as many tokens as its body has bytes, so a reservation by bytes covers it. Without
 *   a bound on output none holds; the estimate is then an expectation.
 *
 * The raw answer of a stream is the stream itself while it is short, and the text it carried where it is long.
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
import { Settings } from "../settings/Settings.ts"
import type { Exchange } from "./HttpExchange.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Completion, HttpWire, ServerError, Shape } from "./HttpWire.ts"
import * as KeyMask from "./KeyMask.ts"
import * as LearnedShapes from "./LearnedShapes.ts"
import * as Pricing from "./Pricing.ts"
import type { Answer, Capabilities, Cost, Estimate, Provider, RateLimits, Request } from "./Provider.ts"
import { capabilities, ProviderError } from "./Provider.ts"
import * as WireJson from "./WireJson.ts"

/**
 * A server and what is known of it.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  /** Address without a trailing slash, to which the wire's path is added. */
  readonly baseUrl: string
  /** Model of calls that name none. */
  readonly model: string
  /** The variable that holds the key, or several of which the first one set does; undefined for servers that take none. */
  readonly keyVariable: string | ReadonlyArray<string> | undefined
  readonly capabilities: Capabilities
  /** Name or address the server's models are priced under. Defaults to the name. */
  readonly pricedAs?: string | undefined
  /** Most output tokens a model gives, for wires that have to name a bound. Defaults to none known. */
  readonly limitOf?: ((model: string) => number | undefined) | undefined
  /** Bytes of a body, decompressed, that are read at most. Defaults to 64 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** Characters of one event of a stream that are read at most. Defaults to 16 MiB. */
  readonly maxEventSize?: number | undefined
}

/**
 * A server of a known format, and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions extends Omit<Options, "capabilities" | "limitOf"> {
  /**
   * `enforced`: answers always fit a schema that has a form the format knows; `tried`: that form may be refused;
   * `object`: it is never sent.
   */
  readonly schemas: "enforced" | "tried" | "object"
  readonly concurrency: number | undefined
  readonly limits?: RateLimits | undefined
}

/**
 * A provider of one server over a wire format.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options, wire: HttpWire) {
  const { secret } = yield* Settings
  const pricing = yield* Pricing.Pricing
  const clock = yield* Effect.clock
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
  const learned = LearnedShapes.make(wire, options.capabilities.schema === "native")
  const priceOf = (model: string, millis: number) => pricing.priceAt(options.pricedAs ?? options.name, model, millis)

  const ask: Provider["ask"] = Effect.fn("HttpProvider.ask")(function*(request, listener) {
    const key = yield* readKey(options, secret)
    const shape: Shape = {
      ...learned.of(request),
      maxOutputTokens: request.maxOutputTokens ?? options.limitOf?.(request.model)
    }
    const exchange = yield* HttpExchange.run(client, httpRequest(options, wire, request, shape, key), {
      maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes,
      maxEventSize: options.maxEventSize ?? defaultMaxEventSize,
      idleTimeout: request.idleTimeout,
      reader: () => wire.reader(shape.form),
      onUsage: listener.usage
    }).pipe(
      // the fetch client follows redirects unless it is told not to
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
    )
    const millis = yield* Clock.currentTimeMillis
    const mask = KeyMask.make(key === undefined ? undefined : Redacted.value(key))
    return yield* settle({ options, wire, request, shape, learned, mask, millis, priceOf }, exchange)
  })

  const provider: Provider = {
    name: options.name,
    capabilities: options.capabilities,
    resolveModel: resolveModel(options),
    estimate: (request) =>
      estimate(options, wire, request, () => priceOf(request.model, clock.unsafeCurrentTimeMillis())),
    ask
  }
  return provider
})

/**
 * The model that is asked for when a call names this one, or none: the provider's own where the provider is named.
 * @category converting
 * @since 0.1.0
 */
export const resolveModel = ({ model, name }: Pick<Options, "model" | "name">): Provider["resolveModel"] => (asked) =>
  asked === undefined || asked === "" || asked === "default" || asked.toLowerCase() === name ? model : asked

/**
 * The key of a server, looked up now; undefined for one that takes none.
 * @category running
 * @since 0.1.0
 */
export const readKey = (
  options: Pick<Options, "name" | "keyVariable">,
  secret: Settings["Type"]["secret"]
): Effect.Effect<Redacted.Redacted | undefined, ProviderError> => {
  const variables = variablesOf(options)
  if (variables.length === 0) return Effect.succeed(undefined)
  const fail = (reason: ProviderReason, detail: string) => new ProviderError({ provider: options.name, reason, detail })
  for (const variable of variables) {
    const key = secret(variable)
    if (Option.isNone(key)) continue
    return /^[\x21-\x7e]+$/.test(Redacted.value(key.value))
      ? Effect.succeed(key.value)
      : fail("Misconfigured", `$${variable} holds characters that no key has, such as spaces or line breaks`)
  }
  return fail("Authentication", `needs an API key in ${named(variables)}`)
}

/**
 * A provider of one server of a known format; `format` says what the format adds to what the server can do.
 * @category constructors
 * @since 0.1.0
 */
export const ofServer = (
  options: ServerOptions,
  format: Pick<Options, "limitOf"> & Partial<Pick<Capabilities, "temperature" | "cost">>,
  wire: HttpWire
) => {
  const { limitOf, ...own } = format
  const { concurrency, limits, schemas } = options
  const schema = schemas === "enforced" ? "native" : "prompt"
  return make({
    ...options,
    capabilities: capabilities({ schema, boundsOutput: true, cost: "priced", concurrency, limits, ...own }),
    limitOf
  }, wire)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultMaxBodyBytes = 67_108_864
const defaultMaxEventSize = 16_777_216
const expectedOutputTokens = 8_192
const maxDetail = 2_048
const maxErrorBody = 65_536
const longestEcho = 2_048
/** Tokens around a message that are not its text. */
const framing = 64

const httpRequest = (
  { baseUrl }: Options,
  wire: HttpWire,
  request: Request,
  shape: Shape,
  key: Redacted.Redacted | undefined
): HttpClientRequest.HttpClientRequest => {
  const accept = shape.delivery === "whole" ? "application/json" : "text/event-stream, application/json"
  const bare = HttpClientRequest.post(`${baseUrl}${wire.path(request.model, shape.delivery)}`, {
    headers: { ...wire.headers, accept, "accept-encoding": "identity" }
  })
  const sent = HttpClientRequest.bodyUnsafeJson(bare, wire.body(request, shape))
  return key === undefined ? sent : wire.authorize(sent, key)
}

const variablesOf = ({ keyVariable }: Pick<Options, "keyVariable">): ReadonlyArray<string> =>
  keyVariable === undefined ? [] : typeof keyVariable === "string" ? [keyVariable] : keyVariable

const named = (variables: ReadonlyArray<string>) => variables.map((variable) => `$${variable}`).join(" or ")

const encoder = new TextEncoder()

const estimate = (
  { limitOf }: Options,
  wire: HttpWire,
  request: Omit<Request, "timeout">,
  price: () => Option.Option<Pricing.Price>
): Estimate => {
  const sizes = wire.forms(request).map((form) => {
    const body = wire.body(request, { form, delivery: "whole", maxOutputTokens: undefined })
    return encoder.encode(JSON.stringify(body)).length
  })
  return {
    inputTokens: Math.max(...sizes) + framing,
    outputTokens: Math.min(expectedOutputTokens, limitOf?.(request.model) ?? expectedOutputTokens),
    cost: (inputTokens, outputTokens) =>
      Option.getOrUndefined(Option.map(price(), (found) => Pricing.bound(found, inputTokens, outputTokens)))
  }
}

interface Asked {
  readonly options: Options
  readonly wire: HttpWire
  readonly request: Request
  readonly shape: Shape
  readonly learned: LearnedShapes.LearnedShapes
  readonly mask: (text: string) => string
  readonly millis: number
  readonly priceOf: (model: string, millis: number) => Option.Option<Pricing.Price>
}

type Facts = Partial<Omit<ConstructorParameters<typeof ProviderError>[0], "provider" | "reason" | "detail">>

const failure = ({ mask, options }: Asked, reason: ProviderReason, detail: string, facts: Facts = {}): ProviderError =>
  new ProviderError({ provider: options.name, reason, detail: cut(mask(detail), maxDetail), ...facts })

const cut = (text: string, length: number) => text.length > length ? `${text.slice(0, length)}…` : text

const settle = (asked: Asked, exchange: Exchange): Effect.Effect<Answer, ProviderError> => {
  switch (exchange._tag) {
    case "Broken":
      return failure(asked, exchange.reason, exchange.detail, {
        ...kept(asked, exchange.kept, exchange.completion),
        ...paidFor(asked, exchange.completion),
        mayBeBilled: exchange.mayBeBilled
      })
    case "Failed":
      return settleError(asked, exchange, exchange.error, exchange.completion, {
        ...kept(asked, exchange.kept, exchange.completion),
        mayBeBilled: true
      })
    case "Streamed":
      return settleCompletion(asked, exchange.completion, rawOf(asked, exchange.kept, exchange.completion))
    case "Whole": {
      const raw = asked.mask(exchange.body)
      return exchange.status >= 200 && exchange.status < 300
        ? settleBody(asked, exchange, raw)
        : settleStatus(asked, exchange, raw)
    }
  }
}

const kept = (asked: Asked, what: HttpExchange.Kept, completion: Completion | undefined): Facts => {
  const raw = rawOf(asked, what, completion)
  return raw === "" ? {} : { raw }
}

/** What a server sent: word for word where that is short, else the text of a stream, else the start. */
const rawOf = ({ mask }: Asked, { isWhole, text }: HttpExchange.Kept, completion: Completion | undefined): string => {
  const carried = mask(completion?.text ?? "")
  // a key that comes in pieces is seen in none of them
  const isClean = completion === undefined || WireJson.joined(text).every((value) => mask(value) === value)
  if (isClean && isWhole) return mask(text)
  // the end is dropped after masking, because a key that was cut there is not recognised
  return carried !== "" || !isClean ? carried : mask(text).slice(0, -longestEcho)
}

type Whole = Extract<Exchange, { _tag: "Whole" }>

const settleStatus = (asked: Asked, { headers, status }: Whole, raw: string): ProviderError => {
  const { options, wire } = asked
  const facts: Facts = raw === "" ? {} : { raw: cut(raw, maxErrorBody) }
  if (status >= 300 && status < 400) {
    const detail = `the server redirects to another address (HTTP ${status}), which is refused to keep the key from it`
    return failure(asked, "Misconfigured", detail, facts)
  }
  const error = Option.getOrUndefined(Option.flatMap(WireJson.parse(raw), wire.errorOf))
  const adapted = error === undefined ? undefined : adapt(asked, status, error)
  if (adapted !== undefined) return failure(asked, "Unavailable", adapted, { ...facts, isAdapted: true })
  const reason = HttpFailure.reasonOf(status, error, headers)
  const said = error?.message ?? cut(raw.trim(), 300)
  const advice = adviceFor(reason, options)
  const detail = [`HTTP ${status}`, said === "" ? [] : said, advice === undefined ? [] : advice].flat().join(": ")
  return failure(asked, reason, detail, { ...facts, ...waitFor(asked, error, headers) })
}

/** Remembers what the server does not take and says so, if there is another way to ask. */
const adapt = ({ learned, request, shape, wire }: Asked, status: number, error: ServerError): string | undefined => {
  if (wire.refusesForm(status, error) && learned.refuse(request, shape, "form")) {
    const what = shape.form === "strict" ? "a strict JSON Schema" : "JSON mode"
    return `${request.model} does not take ${what}; it is asked without`
  }
  if (wire.refusesDelivery(status, error) && learned.refuse(request, shape, "delivery")) {
    const what = shape.delivery === "counted" ? "a stream that counts tokens" : "a stream"
    return `${request.model} does not answer with ${what}; it is asked without`
  }
  return undefined
}

const waitFor = ({ millis }: Asked, error: ServerError | undefined, headers: HttpFailure.Headers): Facts => {
  const wait = HttpFailure.retryAfterMs(headers, millis) ?? error?.retryAfterMs
  return wait === undefined ? {} : { retryAfterMs: wait }
}

const adviceFor = (reason: ProviderReason, options: Options): string | undefined => {
  const variables = variablesOf(options)
  if (reason === "Authentication" && variables.length > 0) return `check the key in ${named(variables)}`
  return reason === "Misconfigured" ? `check the address ${options.baseUrl}` : undefined
}

const settleBody = (asked: Asked, exchange: Whole, raw: string): Effect.Effect<Answer, ProviderError> => {
  const { options, shape, wire } = asked
  const parsed = WireJson.parse(raw)
  if (Option.isNone(parsed)) {
    const detail = raw.trim() === "" ? "the answer is empty" : "the answer is not JSON"
    return failure(asked, "Malformed", `${detail}; is ${options.baseUrl} the right address?`, { raw })
  }
  const found = wire.completionOf(parsed.value, shape.form)
  const error = wire.errorOf(parsed.value)
  if (Option.isSome(error)) return settleError(asked, exchange, error.value, Option.getOrUndefined(found), { raw })
  if (Option.isNone(found)) {
    return failure(asked, "Malformed", "the answer is JSON, but not in this API's form", { raw, mayBeBilled: true })
  }
  return settleCompletion(asked, found.value, raw)
}

/** An error inside a successful answer. */
const settleError = (
  asked: Asked,
  { headers }: { readonly headers: HttpFailure.Headers },
  error: ServerError,
  completion: Completion | undefined,
  facts: Facts
): ProviderError =>
  failure(
    asked,
    HttpFailure.reasonWithin(error, headers),
    error.message ?? "the server reports an error without a text",
    { ...facts, ...waitFor(asked, error, headers), ...paidFor(asked, completion) }
  )

const settleCompletion = (
  asked: Asked,
  completion: Completion,
  raw: string
): Effect.Effect<Answer, ProviderError> => {
  const { problem } = completion
  const fail = (reason: ProviderReason, detail: string) =>
    failure(asked, reason, detail, { raw, ...paidFor(asked, completion), mayBeBilled: completion.usage === undefined })
  if (problem !== undefined) return fail(problem.reason, problem.detail)
  const text = asked.mask(completion.text ?? "").trim()
  const structured = masked(asked, completion.structured)
  if (text === "" && structured === undefined) return fail("EmptyAnswer", "the answer is empty")
  return Effect.succeed({
    text: text === "" ? JSON.stringify(structured) : text,
    structured,
    raw,
    usage: completion.usage,
    cost: costOf(asked, completion),
    model: completion.model === undefined ? undefined : asked.mask(completion.model),
    session: undefined
  })
}

/** A value without the key: as it is in almost every case, and else read again from its masked text. */
const masked = ({ mask }: Asked, value: unknown): unknown => {
  if (value === undefined) return undefined
  const text = JSON.stringify(value)
  const clean = mask(text)
  return clean === text ? value : Option.getOrUndefined(WireJson.parse(clean))
}

const paidFor = (asked: Asked, completion: Completion | undefined): Facts => {
  if (completion === undefined) return {}
  const cost = costOf(asked, completion)
  return { ...(completion.usage ? { usage: completion.usage } : {}), ...(cost ? { cost } : {}) }
}

const costOf = (asked: Asked, { costUsd, model, usage }: Completion): Cost | undefined => {
  if (costUsd !== undefined) return { amount: Money.fromUsd(costUsd), source: "provider" }
  if (usage === undefined) return undefined
  const price = Option.orElse(
    asked.priceOf(asked.request.model, asked.millis),
    () => model === undefined ? Option.none() : asked.priceOf(model, asked.millis)
  )
  return Option.getOrUndefined(
    Option.map(price, (found) => ({ amount: Pricing.cost(found, usage), source: found.source }))
  )
}
