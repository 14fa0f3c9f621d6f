/**
 * What every vendor's own API has to keep over the client users have, played by a server of the test's own.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { Scope } from "effect/Scope"
import { inspect } from "node:util"
import type * as Usage from "../../src/domain/Usage.ts"
import * as HttpClientNode from "../../src/node/HttpClientNode.ts"
import * as Pricing from "../../src/provider/Pricing.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import * as Settings from "../../src/settings/Settings.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import type { Handler } from "./loopback.ts"
import { reply, serve, stream } from "./loopback.ts"

type Piece = Record<string, unknown>

/** A vendor, and how it is played. */
export interface Vendor {
  readonly name: string
  readonly model: string
  readonly key: string
  readonly build: (url: string) => Effect.Effect<Provider, never, Scope>
  /** What it sends to answer with a text, in pieces; the ending is the vendor's word for why it stops. */
  readonly answering: (text: string, ending?: string) => ReadonlyArray<Piece>
  /** A piece as it is sent. */
  readonly encode: (piece: Piece) => Buffer
  /** The body of a refusal. */
  readonly failure: (status: number, word: string, message: string) => unknown
  readonly failures: ReadonlyArray<readonly [status: number, word: string, reason: string, isTransient: boolean]>
  /** Endings that make an answer none, and their reasons. */
  readonly endings: ReadonlyArray<readonly [ending: string, reason: string]>
  /** What an answer is counted as, and its price in billionths of a dollar. */
  readonly counted: Usage.Usage
  readonly amount: number
}

/** Builds a provider with these prices for all models, and these variables. */
export const build = (
  make: Effect.Effect<Provider, never, HttpClient.HttpClient | Settings.Settings | Pricing.Pricing>,
  dollars: Readonly<Record<"input" | "output" | "cacheRead" | "cacheWrite", number>>,
  variables: Settings.Environment
): Effect.Effect<Provider, never, Scope> => {
  const rate = (base: number): Pricing.Rate => ({ base, tiers: [] })
  const price: Pricing.Price = {
    input: rate(dollars.input),
    output: rate(dollars.output),
    cacheRead: rate(dollars.cacheRead),
    cacheWrite: rate(dollars.cacheWrite),
    source: "test prices"
  }
  const prices: Pricing.Pricing["Type"] = {
    price: () => Effect.succeed(Option.some(price)),
    priceAt: () => Option.some(price)
  }
  return Effect.flatMap(
    Layer.build(Layer.provideMerge(
      Layer.merge(HttpClientNode.layer, Layer.succeed(Pricing.Pricing, prices)),
      Layer.orDie(Settings.layer(variables))
    )),
    (context) => Effect.provide(make, context)
  )
}

/** One request for a model. */
export const asking = (model: string) => (provider: Provider, fields: Partial<Request> = {}) =>
  provider.ask(ProviderContract.request({ model, ...fields }), ProviderContract.listener)

/** A schema that vendors enforce, and an answer that fits it. */
export const label = {
  type: "object",
  properties: { label: { type: "string", enum: ["bug", "feature"] }, why: { type: "string" } },
  required: ["label", "why"],
  additionalProperties: false
}
export const labelled = "{\"label\":\"bug\",\"why\":\"it crashes\"}"

/** Runs what is the same for every vendor. */
export const suite = (vendor: Vendor): void => {
  const { answering, build, key, model, name } = vendor
  const sent = (pieces: ReadonlyArray<Piece>) => stream(pieces.map(vendor.encode))
  const ask = asking(model)
  const against = (handler: Handler) =>
    Effect.flatMap(serve(handler), ({ url }) => Effect.flatMap(build(url), (provider) => ask(provider)))

  describe(`${name}: what every vendor does`, () => {
    it.scopedLive("says the tokens used while the answer comes", () =>
      Effect.gen(function*() {
        const server = yield* serve(sent(answering("yes")))
        const seen: Array<Usage.Usage> = []
        const listener = {
          ...ProviderContract.listener,
          usage: (usage: Usage.Usage) => Effect.sync(() => seen.push(usage))
        }
        yield* (yield* build(server.url)).ask(ProviderContract.request({ model }), listener)
        assert.deepStrictEqual(seen.at(-1), vendor.counted)
      }))

    it.scopedLive("ends the request when it is interrupted", () =>
      Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const run = Runtime.runSync(yield* Effect.runtime())
        const server = yield* serve((response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          for (const piece of answering("a").slice(0, 1)) response.write(vendor.encode(piece))
          run(Deferred.succeed(started, undefined))
        })
        const fiber = yield* Effect.fork(ask(yield* build(server.url)))
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        yield* Effect.timeout(server.abandoned, "5 seconds")
      }))

    it.scopedLive.each(vendor.failures)("HTTP %i %s", ([status, word, reason, isTransient]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(against(reply(status, vendor.failure(status, word, `it is ${key}`))))
        assert.strictEqual(error.reason, reason)
        assert.strictEqual(error.isTransient, isTransient)
        assert.include(error.detail, "it is [masked]")
        assert.notInclude(inspect(error, { depth: 9 }), key)
      }))

    it.scopedLive("a stream that closes after any piece but the last is no answer", () =>
      Effect.gen(function*() {
        const pieces = answering("abc")
        for (let count = 0; count < pieces.length; count++) {
          const error = yield* Effect.flip(against(sent(pieces.slice(0, count))))
          assert.strictEqual(error.reason, "Transport", `after ${count} pieces`)
        }
        assert.strictEqual((yield* against(sent(pieces))).text, "abc")
      }))

    it.scopedLive.each(vendor.endings)(
      "an answer that ends with %s fails with its cost",
      ([ending, reason]) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(against(sent(answering("half", ending))))
          assert.strictEqual(error.reason, reason)
          assert.deepStrictEqual(error.usage, vendor.counted)
          assert.strictEqual(error.cost?.amount, vendor.amount)
        })
    )

    it.scopedLive("an answer of no text is empty", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(against(sent(answering(" "))))).reason, "EmptyAnswer")
      }))

    it.scopedLive("the key does not leave in what the server repeats of it, in pieces or whole", () =>
      Effect.gen(function*() {
        const answer = yield* against(sent(answering(`your key is ${key}.`)))
        assert.strictEqual(answer.text, "your key is [masked].")
        assert.notInclude(inspect(answer, { depth: 9 }), key)
      }))
  })
}
