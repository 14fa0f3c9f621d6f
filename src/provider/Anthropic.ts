/**
 * Anthropic's messages API over HTTP, and servers that speak like it.
 *
 * The API wants a bound on output with every request. Where a call has none, it is the most the model gives: from a table,
 * else as the API says when it is asked about the model, once per model; else 32,000. Asking about a model costs nothing
 * and never makes a call fail.
 *
 * The API takes no temperature from its newer models on, and its own clients no longer send one; nor does this.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Permits from "../internal/permits.ts"
import { Settings } from "../settings/Settings.ts"
import * as AnthropicWire from "./AnthropicWire.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as HttpProvider from "./HttpProvider.ts"
import type { HttpWire } from "./HttpWire.ts"
import type { Provider } from "./Provider.ts"
import * as WireJson from "./WireJson.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpProvider.ServerOptions {
  /** The variable that holds the key; undefined for servers that take none. */
  readonly keyVariable: string | undefined
  readonly schemas: "enforced" | "tried"
}

/**
 * A provider of one server; its key is looked up at each request.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const limits = yield* makeLimits(options)
  const provider = yield* HttpProvider.ofServer(options, { limitOf: limits.known }, wire)
  const ask: Provider["ask"] = (request, listener) =>
    request.maxOutputTokens === undefined
      ? Effect.zipRight(limits.learn(request.model), provider.ask(request, listener))
      : provider.ask(request, listener)
  return { ...provider, ask } satisfies Provider as Provider
})

const headers = { "anthropic-version": "2023-06-01" }

/**
 * The wire format of the API.
 * @category constructors
 * @since 0.1.0
 */
export const wire: HttpWire = {
  path: () => "/v1/messages",
  headers,
  authorize: (request, key) => HttpClientRequest.setHeader(request, "x-api-key", Redacted.value(key)),
  forms: ({ schema }) => AnthropicWire.formsOf(schema),
  deliveries: ["stream", "whole"],
  body: (request, shape) => AnthropicWire.bodyOf(request, shape, safeLimit),
  reader: AnthropicWire.reader,
  completionOf: AnthropicWire.completionOf,
  errorOf: AnthropicWire.errorOf,
  refusesForm: AnthropicWire.refusesForm,
  refusesDelivery: AnthropicWire.refusesDelivery
}

/**
 * Most output tokens a model gives, as far as it is known without asking; a bound that every model takes otherwise.
 * @category converting
 * @since 0.1.0
 */
export const outputLimit = (model: string): number => inTable(model) ?? safeLimit

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What every model gives that is still served under a name the table does not have. */
const safeLimit = 32_000

/**
 * Most output tokens of models, by how their names start.
 *
 * From the pages of the models at platform.claude.com/docs/en/about-claude/models, as of November 2026.
 */
const table: ReadonlyArray<readonly [start: string, tokens: number]> = [
  ["claude-haiku-4-5", 64_000],
  ["claude-opus-4-5", 64_000],
  ["claude-opus-4-6", 128_000],
  ["claude-opus-4-7", 128_000],
  ["claude-opus-4-8", 128_000],
  ["claude-sonnet-4-5", 64_000],
  ["claude-sonnet-4-6", 128_000],
  ["claude-fable-5", 128_000],
  ["claude-haiku-5", 128_000],
  ["claude-opus-5", 128_000],
  ["claude-sonnet-5", 128_000]
]

const inTable = (model: string): number | undefined => table.find(([start]) => model.startsWith(start))?.[1]

interface Limits {
  readonly known: (model: string) => number | undefined
  /** Asks the server about a model that nothing is known of. */
  readonly learn: (model: string) => Effect.Effect<void>
}

const lookUpFor = Duration.seconds(10)
const maxLookUpBytes = 1_048_576
const maxLearned = 1_024

const makeLimits = Effect.fnUntraced(function*({ baseUrl, keyVariable }: Options) {
  const { secret } = yield* Settings
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
  const one = Permits.make(1)
  const learned = new Map<string, number | undefined>()
  const isKnown = (model: string) => learned.has(model) || inTable(model) !== undefined
  // times a server was asked about a model and it came to an end, whatever was said
  const ended = new Map<string, number>()
  const timesOf = (model: string) => ended.get(model) ?? 0

  const requestFor = (model: string): HttpClientRequest.HttpClientRequest | undefined => {
    const key = keyVariable === undefined ? Option.none() : secret(keyVariable)
    // the request that follows says what is wrong with the key
    if (Option.isNone(key) && keyVariable !== undefined) return undefined
    const bare = HttpClientRequest.get(`${baseUrl}/v1/models/${encodeURIComponent(model)}`, {
      headers: { ...headers, accept: "application/json", "accept-encoding": "identity" }
    })
    return Option.isNone(key) ? bare : wire.authorize(bare, key.value)
  }

  const lookUp = Effect.fnUntraced(function*(model: string) {
    const request = requestFor(model)
    if (request === undefined) return
    const exchange = yield* HttpExchange.run(client, request, {
      maxBodyBytes: maxLookUpBytes,
      maxEventSize: maxLookUpBytes,
      idleTimeout: lookUpFor,
      reader: () => AnthropicWire.reader("none"),
      onUsage: () => Effect.void
    }).pipe(
      // the fetch client follows redirects unless it is told not to
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.timeoutOption(lookUpFor)
    )
    const answer = Option.filter(exchange, (found) => found._tag === "Whole")
    if (Option.isNone(answer) || isPassing(answer.value.status)) return
    if (learned.size >= maxLearned) learned.clear()
    learned.set(model, answer.value.status === 200 ? limitIn(answer.value.body) : undefined)
  })

  const limits: Limits = {
    known: (model) => learned.get(model) ?? inTable(model) ?? safeLimit,
    learn: (model) =>
      Effect.suspend(() => {
        if (isKnown(model)) return Effect.void
        const before = timesOf(model)
        // one at a time, so that the calls of a fan-out ask once; nor does one ask that waited while another got no answer
        return Permits.within(
          one,
          Effect.suspend(() =>
            isKnown(model) || timesOf(model) > before ? Effect.void : Effect.tap(lookUp(model), () => {
              if (ended.size >= maxLearned) ended.clear()
              ended.set(model, timesOf(model) + 1)
            })
          )
        )
      })
  }
  return limits
})

/** A status that says nothing of the model: asked again, the server may know. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500

const decodeModel = Schema.decodeUnknownOption(AnthropicWire.ModelInfo)

const limitIn = (body: string): number | undefined =>
  WireJson.parse(body).pipe(
    Option.flatMap(decodeModel),
    Option.flatMapNullable(({ max_tokens }) => max_tokens),
    Option.filter((tokens) => tokens > 0),
    Option.getOrUndefined
  )
