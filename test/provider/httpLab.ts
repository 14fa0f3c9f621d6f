import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as OpenAiCompatible from "open-agent-workflows/provider/OpenAiCompatible"
import * as Pricing from "open-agent-workflows/provider/Pricing"
import type { Provider, Request } from "open-agent-workflows/provider/Provider"
import * as Settings from "open-agent-workflows/settings/Settings"
import * as ProviderContract from "../contract/ProviderContract.ts"
import type { Handler } from "./loopback.ts"
import { serve } from "./loopback.ts"

/** A key with every kind of character that is spelled in several ways. */
export const key = "sk-Canary+/=0123456789abcdef"

const rate = (base: number): Pricing.Rate => ({ base, tiers: [] })
const price: Pricing.Price = {
  input: rate(1),
  output: rate(10),
  cacheRead: rate(0.1),
  cacheWrite: rate(1.25),
  source: "test prices"
}

/** One dollar a million input tokens and ten a million output tokens for the model `m`. */
export const prices: Pricing.Pricing["Type"] = {
  price: (_provider, model) => Effect.succeed(model === "m" ? Option.some(price) : Option.none()),
  priceAt: (_provider, model) => model === "m" ? Option.some(price) : Option.none()
}

const settings = Layer.orDie(Settings.layer({ TEST_KEY: key, BROKEN_KEY: "sk-two\nlines", EMPTY_KEY: "" }))

/** What providers are built from: the client users have, prices of one model, and a key. */
export const services = (
  http: Layer.Layer<HttpClient.HttpClient, never, Settings.Settings> = HttpClientNode.layer
) => Layer.provideMerge(Layer.merge(http, Layer.succeed(Pricing.Pricing, prices)), settings)

/** A provider of a server that speaks as OpenAI does. */
export const build = (
  url: string,
  options: Partial<OpenAiCompatible.Options> = {},
  http?: Layer.Layer<HttpClient.HttpClient, never, Settings.Settings>
): Effect.Effect<Provider, never, Scope.Scope> =>
  Effect.flatMap(Layer.build(services(http)), (context) =>
    Effect.provide(
      OpenAiCompatible.make({
        name: "mock",
        baseUrl: `${url}/v1`,
        model: "m",
        keyVariable: "TEST_KEY",
        schemas: "tried",
        concurrency: 4,
        ...options
      }),
      context
    ))

/** One request. */
export const ask = (provider: Provider, fields: Partial<Request> = {}, listener = ProviderContract.listener) =>
  provider.ask(ProviderContract.request({ model: "m", ...fields }), listener)

/** One request to a server that does this. */
export const against = (
  handler: Handler,
  fields: Partial<Request> = {},
  options: Partial<OpenAiCompatible.Options> = {}
) =>
  Effect.gen(function*() {
    const server = yield* serve(handler)
    return yield* ask(yield* build(server.url, options), fields)
  })
