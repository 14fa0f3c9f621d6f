/**
 * The batch protocols of a process, by the names of their providers.
 *
 * - G1. Built in are those of OpenAI, Anthropic and Gemini; a custom provider has that of its kind, at its own address and
 *   with its own key.
 * - G2. The code of a protocol is loaded when a provider of its kind is asked for.
 */
import type { HttpClient } from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { HttpOptions } from "../provider/Builders.ts"
import * as Builders from "../provider/Builders.ts"
import * as BuiltIns from "../provider/BuiltIn.ts"
import { ProviderUnavailable } from "../provider/Provider.ts"
import type { ProviderKind } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import type { BatchApi } from "./Batch.ts"
import { Batches } from "./Batch.ts"

/**
 * The batch protocols of built-in and configured providers.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Batches, never, Settings | HttpClient> = Layer.effect(
  Batches,
  Effect.gen(function*() {
    const settings = yield* Settings
    const context = yield* Effect.context<Settings | HttpClient>()
    const names = Effect.map(
      settings.configuredProviders,
      (configured) => [...new Set([...builtIn.map(({ name }) => name), ...configured.filter(isCustom)])].toSorted()
    )
    return {
      names,
      get: (asked) =>
        Effect.provide(
          Effect.flatMap(find(settings, asked, names), ({ kind, options }) => build(kind, options)),
          context
        )
    }
  })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const builtIn = BuiltIns.all.flatMap((provider) =>
  provider._tag === "Server" && ["openai", "anthropic", "gemini"].includes(provider.name) ? [provider] : []
)

const normal = (name: string) => name.trim().toLowerCase().replaceAll("-", "_")

const named = (asked: string) =>
  BuiltIns.all.find(({ aliases, name }) => [name, ...aliases].some((known) => normal(known) === normal(asked)))

const isCustom = (name: string): boolean => named(name) === undefined

interface Found {
  readonly kind: ProviderKind
  readonly options: HttpOptions
}

const find = (
  settings: Settings["Type"],
  asked: string,
  names: Effect.Effect<ReadonlyArray<string>>
): Effect.Effect<Found, ProviderUnavailable> =>
  Effect.gen(function*() {
    const server = builtIn.find(({ name }) => name === named(asked)?.name)
    if (server !== undefined) {
      const said = yield* settings.configured(server.name).pipe(Builders.unavailable(server.name))
      const problem = BuiltIns.misconfigured(server, said)
      if (problem !== undefined) return yield* new ProviderUnavailable({ provider: server.name, detail: problem })
      return { kind: server.kind, options: Builders.serverOptions(server, said) }
    }
    const custom = isCustom(asked)
      ? yield* settings.customProvider(asked).pipe(Builders.unavailable(asked))
      : Option.none()
    if (Option.isSome(custom)) return { kind: custom.value.kind, options: Builders.customOptions(custom.value) }
    const detail = `batch is not supported for provider '${asked}'; supported: ${(yield* names).join(", ")}`
    return yield* new ProviderUnavailable({ provider: asked, detail })
  })

const build = (
  kind: ProviderKind,
  { baseUrl, features, isVendor, keyVariables, model, name, pricedAs }: HttpOptions
): Effect.Effect<BatchApi, never, Settings | HttpClient> => {
  const options = { name, baseUrl, model, pricedAs }
  const schemas = isVendor ? "enforced" : "tried"
  switch (kind) {
    case "openai":
      return Effect.flatMap(
        Effect.promise(() => import("./OpenAiBatch.ts")),
        ({ make }) => make({ ...options, keyVariable: keyVariables[0], ...features })
      )
    case "anthropic":
      return Effect.flatMap(
        Effect.promise(() => import("./AnthropicBatch.ts")),
        ({ make }) => make({ ...options, keyVariable: keyVariables[0], schemas })
      )
    case "gemini":
      return Effect.flatMap(
        Effect.promise(() => import("./GeminiBatch.ts")),
        ({ make }) => make({ ...options, keyVariable: keyVariables.length === 0 ? undefined : keyVariables, schemas })
      )
  }
}
