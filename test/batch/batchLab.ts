import type * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as AnthropicBatch from "open-agent-workflows/batch/AnthropicBatch"
import type { BatchApi } from "open-agent-workflows/batch/Batch"
import * as GeminiBatch from "open-agent-workflows/batch/GeminiBatch"
import * as OpenAiBatch from "open-agent-workflows/batch/OpenAiBatch"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as Settings from "open-agent-workflows/settings/Settings"
import type { Lab } from "../contract/BatchContract.ts"
import { anthropic } from "./anthropicVendor.ts"
import * as GeminiVendor from "./geminiVendor.ts"
import { openAi } from "./openAiVendor.ts"
import type { Protocol } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

/** What every adapter is told of its server. */
export const options = (baseUrl: string) => ({
  name: "mock",
  baseUrl,
  model: "m",
  keyVariable: "TEST_KEY",
  schemas: "enforced" as const,
  pricedAs: "mock",
  idleTimeout: Duration.seconds(10)
})

/** An adapter in front of a server that speaks its protocol. */
export const labOf = (
  protocol: Protocol,
  build: (url: string) => Effect.Effect<BatchApi, never, Settings.Settings | HttpClient.HttpClient>
): Effect.Effect<Lab, never, Scope.Scope> =>
  Effect.gen(function*() {
    const vendor = yield* Vendors.serve(protocol)
    const settings = Layer.orDie(Settings.layer({ TEST_KEY: Vendors.key }))
    const services = yield* Layer.build(Layer.provideMerge(HttpClientNode.layer, settings))
    return { vendor, api: yield* Effect.provide(build(vendor.url), services) }
  })

/** OpenAI's. */
export const openAiLab: Effect.Effect<Lab, never, Scope.Scope> = Effect.suspend(() =>
  labOf(openAi(), (url) => OpenAiBatch.make({ ...options(`${url}/v1`), outputBound: "max_completion_tokens" }))
)

/** Anthropic's. */
export const anthropicLab: Effect.Effect<Lab, never, Scope.Scope> = Effect.suspend(() =>
  labOf(anthropic(), (url) => AnthropicBatch.make(options(url)))
)

/** Gemini's. */
export const geminiLab = (more?: GeminiVendor.Options): Effect.Effect<Lab, never, Scope.Scope> =>
  Effect.suspend(() => labOf(GeminiVendor.gemini(more), (url) => GeminiBatch.make(options(url))))
