/**
 * Builds the providers that need more than themselves: HTTP, prices, programs that are started.
 *
 * - U1. The code of a wire format or a command line is loaded when the first provider of its kind is asked for.
 * - U2. A key is sent where it belongs: a vendor's own key variable goes with the vendor's own address, and any other
 *   address gets the key that is configured beside it, or none.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { CustomProvider, ProviderFields, ProviderKind } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import type { Program, Server } from "./BuiltIn.ts"
import type * as OpenAiCompatible from "./OpenAiCompatible.ts"
import type { PricesError, Pricing } from "./Pricing.ts"
import type { Provider } from "./Provider.ts"
import { ProviderUnavailable } from "./Provider.ts"
import type * as Script from "./Script.ts"

/**
 * What HTTP providers are built from.
 * @category models
 * @since 0.1.0
 */
export type HttpServices = HttpClient.HttpClient | Pricing

/**
 * What the providers that start programs are built from.
 * @category models
 * @since 0.1.0
 */
export type ProgramServices = Subprocess | Pricing | FileSystem

/**
 * A way to build each sort of provider.
 * @category models
 * @since 0.1.0
 */
export interface Builders {
  readonly server: (server: Server, said: ProviderFields) => Effect.Effect<Provider, ProviderUnavailable>
  readonly program: (program: Program, said: ProviderFields) => Effect.Effect<Provider, ProviderUnavailable>
  readonly script: Effect.Effect<Provider, ProviderUnavailable>
  readonly custom: (custom: CustomProvider) => Effect.Effect<Provider, ProviderUnavailable>
}

/**
 * Builders whose services are built when they are first needed.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<R, R2>(
  settings: Settings["Type"],
  options: {
    readonly http: Layer.Layer<HttpServices, PricesError, R>
    readonly programs?: Layer.Layer<ProgramServices, PricesError, R2> | undefined
    readonly scripts?: Script.Options | undefined
  }
) {
  const http = yield* later(options.http)
  const programs = options.programs === undefined ? undefined : yield* later(options.programs)
  const own: Own = { settings, http, programs, scripts: options.scripts }
  const builders: Builders = {
    server: (server, said) => buildServer(own, server, said),
    program: (program, said) => buildProgram(own, program, said),
    script: buildScript(own),
    custom: (custom) => buildHttp(own, custom.kind, customOptions(custom))
  }
  return builders
})

/**
 * What is known of the servers that speak like OpenAI.
 * @category models
 * @since 0.1.0
 */
export type Features = Pick<OpenAiCompatible.Options, "schemas" | "outputBound" | "reportsCost">

/**
 * A server with all that is said about it.
 * @category models
 * @since 0.1.0
 */
export interface HttpOptions {
  readonly name: string
  readonly baseUrl: string
  readonly model: string
  /** Variables that may hold the key; none for servers that take none. */
  readonly keyVariables: ReadonlyArray<string>
  readonly pricedAs: string
  /** Whether this is the vendor's own server, whose answers always fit a schema that it takes. */
  readonly isVendor: boolean
  readonly features: Features
}

/**
 * A vendor's server, as it is configured (U2).
 * @category converting
 * @since 0.1.0
 */
export const serverOptions = (server: Server, said: ProviderFields): HttpOptions => ({
  name: server.name,
  baseUrl: said.baseUrl ?? server.baseUrl,
  model: said.model ?? server.model,
  keyVariables: said.keyVariable === undefined ? server.keyVariables : [said.keyVariable],
  pricedAs: server.name,
  isVendor: said.baseUrl === undefined,
  features: said.baseUrl === undefined ? features[server.name] ?? anyServer : anyServer
})

/**
 * A server that users configure.
 * @category converting
 * @since 0.1.0
 */
export const customOptions = (custom: CustomProvider): HttpOptions => ({
  name: custom.name,
  baseUrl: custom.baseUrl,
  model: custom.model,
  keyVariables: custom.keyVariable === undefined ? [] : [custom.keyVariable],
  pricedAs: custom.baseUrl,
  isVendor: false,
  features: anyServer
})

/**
 * An error as the reason why a provider is not there.
 * @category converting
 * @since 0.1.0
 */
export const unavailable = (provider: string) =>
  Effect.mapError((error: { readonly message: string }) =>
    new ProviderUnavailable({ provider, detail: `${provider}: ${error.message}` })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Own {
  readonly settings: Settings["Type"]
  readonly http: Effect.Effect<Context.Context<HttpServices>, PricesError>
  /** Undefined where no programs can be started. */
  readonly programs: Effect.Effect<Context.Context<ProgramServices>, PricesError> | undefined
  readonly scripts: Script.Options | undefined
}

/** A layer that is built once, when it is first needed, and again when that failed. */
const later = <A, R>(
  layer: Layer.Layer<A, PricesError, R>
): Effect.Effect<Effect.Effect<Context.Context<A>, PricesError>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const context = yield* Effect.context<R>()
    let services: Context.Context<A> | undefined
    // called under the registry's lock, so it is built once
    return Effect.suspend(() =>
      services === undefined
        ? Layer.buildWithScope(layer, scope).pipe(
          Effect.provide(context),
          Effect.tap((loaded) => Effect.sync(() => services = loaded))
        )
        : Effect.succeed(services)
    )
  })

const features: Readonly<Record<string, Features>> = {
  openai: { schemas: "enforced", outputBound: "max_completion_tokens" },
  deepseek: { schemas: "object" },
  openrouter: { schemas: "tried", reportsCost: true }
}
const anyServer: Features = { schemas: "tried" }

const buildServer = (own: Own, server: Server, said: ProviderFields): Effect.Effect<Provider, ProviderUnavailable> =>
  buildHttp(own, server.kind, serverOptions(server, said))

const buildHttp = (
  { http, settings }: Own,
  kind: ProviderKind,
  { baseUrl, features, isVendor, keyVariables, model, name, pricedAs }: HttpOptions
): Effect.Effect<Provider, ProviderUnavailable> =>
  Effect.gen(function*() {
    const services = Context.add(yield* http, Settings, settings)
    const options = { name, baseUrl, model, pricedAs, keyVariable: keyVariables[0], concurrency: undefined }
    const schemas = isVendor ? "enforced" : "tried"
    switch (kind) {
      case "openai": {
        const { make } = yield* Effect.promise(() => import("./OpenAiCompatible.ts"))
        return yield* Effect.provide(make({ ...options, ...features }), services)
      }
      case "anthropic": {
        const { make } = yield* Effect.promise(() => import("./Anthropic.ts"))
        return yield* Effect.provide(make({ ...options, schemas }), services)
      }
      case "gemini": {
        const { make } = yield* Effect.promise(() => import("./Gemini.ts"))
        const keyVariable = keyVariables.length === 0 ? undefined : keyVariables
        return yield* Effect.provide(make({ ...options, keyVariable, schemas }), services)
      }
    }
  }).pipe(unavailable(name))

const buildProgram = (
  { programs, settings }: Own,
  { name }: Program,
  { command, model }: ProviderFields
): Effect.Effect<Provider, ProviderUnavailable> =>
  Effect.gen(function*() {
    if (programs === undefined) {
      return yield* new ProviderUnavailable({ provider: name, detail: "programs cannot be started here" })
    }
    const services = Context.add(yield* programs, Settings, settings)
    const options = { name, command, model, concurrency: undefined }
    switch (name) {
      case "claude": {
        const { make } = yield* Effect.promise(() => import("./Claude.ts"))
        return yield* Effect.provide(make(options), services)
      }
      case "codex": {
        const { make } = yield* Effect.promise(() => import("./Codex.ts"))
        return yield* Effect.provide(make(options), services)
      }
      case "copilot": {
        const { make } = yield* Effect.promise(() => import("./Copilot.ts"))
        return yield* Effect.provide(make(options), services)
      }
      case "gemini-cli": {
        const { make } = yield* Effect.promise(() => import("./GeminiCli.ts"))
        return yield* Effect.provide(make(options), services)
      }
      case "opencode": {
        const { make } = yield* Effect.promise(() => import("./OpenCode.ts"))
        return yield* Effect.provide(make(options), services)
      }
    }
  }).pipe(unavailable(name))

const buildScript = ({ programs, scripts, settings }: Own): Effect.Effect<Provider, ProviderUnavailable> =>
  Effect.gen(function*() {
    const { make, name } = yield* Effect.promise(() => import("./Script.ts"))
    if (programs === undefined) {
      return yield* new ProviderUnavailable({ provider: name, detail: "programs cannot be started here" })
    }
    return yield* Effect.provide(make(scripts), Context.add(yield* programs, Settings, settings))
  }).pipe(unavailable("script"))
