/**
 * The providers of a process, by name.
 *
 * - R1. A name gives the same instance every time, so that its limits and what it learned are shared.
 * - R2. A provider is built when it is first asked for; a failure to build it is not remembered.
 * - R3. Names given in code win over built-in ones, and those over the environment's.
 *
 * HTTP clients and price tables are loaded when the first provider that needs them is asked for.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { CustomProvider } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import * as Fake from "./Fake.ts"
import * as OpenAiCompatible from "./OpenAiCompatible.ts"
import type { PricesError, Pricing } from "./Pricing.ts"
import type { Provider } from "./Provider.ts"
import { Providers, ProviderUnavailable } from "./Provider.ts"

/**
 * A provider that is built when it is first asked for.
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly name: string
  /** Other names for it, which are not listed. */
  readonly aliases?: ReadonlyArray<string> | undefined
  readonly build: Effect.Effect<Provider, ProviderUnavailable>
}

/**
 * What HTTP providers are built from.
 * @category models
 * @since 0.1.0
 */
export type HttpServices = HttpClient.HttpClient | Pricing

/**
 * A registry of providers; where two have a name in common, the first has it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (entries: ReadonlyArray<Provider | Entry>): Effect.Effect<Providers["Type"]> =>
  Effect.map(Effect.makeSemaphore(1), (semaphore) => {
    const known = entries.map(toEntry)
    const byName = new Map<string, Entry>()
    // the last one set stays
    for (const entry of known.toReversed()) for (const alias of entry.aliases ?? []) byName.set(normal(alias), entry)
    for (const entry of known.toReversed()) byName.set(normal(entry.name), entry)
    const all = known.flatMap(({ aliases = [], name }) => [name, ...aliases])
    const names = [...new Set(known.map(({ name }) => name.toLowerCase()))].toSorted()
    const built = new Map<Entry, Provider>()
    const build = (entry: Entry) =>
      semaphore.withPermits(1)(Effect.suspend(() => {
        const provider = built.get(entry)
        return provider === undefined
          ? Effect.tap(entry.build, (provider) => Effect.sync(() => built.set(entry, provider)))
          : Effect.succeed(provider)
      }))
    return {
      names: Effect.succeed(names),
      get: (name) =>
        Effect.suspend(() => {
          const entry = byName.get(normal(name))
          if (entry === undefined) return unknownProvider(name, names, all)
          const provider = built.get(entry)
          return provider === undefined ? build(entry) : Effect.succeed(provider)
        })
    }
  })

/**
 * Exactly these providers.
 * @category layers
 * @since 0.1.0
 */
export const layer = (entries: ReadonlyArray<Provider | Entry>): Layer.Layer<Providers> =>
  Layer.effect(Providers, make(entries))

/**
 * The built-in providers, those the environment configures, and more, which win.
 *
 * **Details**
 *
 * `http` is built once, when the first HTTP provider is asked for, and released with the registry.
 * @category layers
 * @since 0.1.0
 */
export const layerBuiltIn = <R = never>(options: {
  readonly http: Layer.Layer<HttpServices, PricesError, R>
  readonly more?: ReadonlyArray<Provider | Entry> | undefined
}): Layer.Layer<Providers, never, Settings | R> =>
  Layer.scoped(
    Providers,
    Effect.gen(function*() {
      const settings = yield* Settings
      const entries = builtIns(settings, yield* makeHttp(settings, options.http))
      return yield* make([...options.more ?? [], ...entries])
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type BuildHttp = (options: OpenAiCompatible.Options) => Effect.Effect<Provider, ProviderUnavailable>

/** Names are compared without case, and `-` is `_`, as in the names of variables. */
const normal = (name: string) => name.trim().toLowerCase().replaceAll("-", "_")

const toEntry = (entry: Provider | Entry): Entry =>
  "build" in entry ? entry : { name: entry.name, build: Effect.succeed(entry) }

const unknownProvider = (asked: string, names: ReadonlyArray<string>, all: ReadonlyArray<string>) => {
  const near = closest(normal(asked), all)
  const known = names.length === 0 ? "there are none" : `known providers: ${names.join(", ")}`
  const detail = `unknown provider '${asked}'; ${known}${near === undefined ? "" : `; did you mean '${near}'?`}`
  return new ProviderUnavailable({ provider: asked, detail })
}

const closest = (asked: string, names: ReadonlyArray<string>): string | undefined => {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const name of names) {
    const distance = distanceOf(asked, normal(name))
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && distance < (best?.distance ?? Infinity)) {
      best = { name, distance }
    }
  }
  return best?.name
}

/** Insertions, deletions and replacements between two short texts. */
const distanceOf = (left: string, right: string): number => {
  if (Math.abs(left.length - right.length) > 3) return Infinity
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 0; i < left.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < right.length; j++) {
      const replaced = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}

const makeHttp = Effect.fnUntraced(
  function*<R>(settings: Settings["Type"], http: Layer.Layer<HttpServices, PricesError, R>) {
    const scope = yield* Effect.scope
    const context = yield* Effect.context<R>()
    let services: Context.Context<HttpServices> | undefined
    // called under the registry's lock, so it is built once
    const load = Effect.suspend(() => services === undefined ? loadNow : Effect.succeed(services))
    const loadNow = Layer.buildWithScope(http, scope).pipe(
      Effect.provide(context),
      Effect.tap((loaded) => Effect.sync(() => services = loaded))
    )
    const build: BuildHttp = (options) =>
      Effect.flatMap(load, (services) =>
        OpenAiCompatible.make(options).pipe(
          Effect.provide(Context.add(services, Settings, settings))
        )).pipe(unavailable(options.name))
    return build
  }
)

const unavailable = (provider: string) =>
  Effect.mapError((error: { readonly message: string }) =>
    new ProviderUnavailable({ provider, detail: `${provider}: ${error.message}` })
  )

type BuiltIn = Omit<OpenAiCompatible.Options, "concurrency">

const servers: ReadonlyArray<BuiltIn> = [
  {
    name: "openai",
    baseUrl: "https://api.openai.com/v1",
    model: "gpt-5.4-mini",
    keyVariable: "OPENAI_API_KEY",
    schemas: "enforced",
    outputBound: "max_completion_tokens"
  },
  {
    name: "deepseek",
    baseUrl: "https://api.deepseek.com/v1",
    model: "deepseek-v4-flash",
    keyVariable: "DEEPSEEK_API_KEY",
    schemas: "object"
  },
  {
    name: "openrouter",
    baseUrl: "https://openrouter.ai/api/v1",
    model: "openai/gpt-5.5",
    keyVariable: "OPENROUTER_API_KEY",
    schemas: "tried",
    reportsCost: true
  }
]

const builtIns = (settings: Settings["Type"], http: BuildHttp): ReadonlyArray<Entry> => {
  const limit = (name: string) => settings.concurrency(name).pipe(unavailable(name))
  const withLimit = (options: BuiltIn) =>
    Effect.flatMap(
      limit(options.name),
      (own) => http({ ...options, concurrency: Option.getOrElse(own, () => settings.maxConcurrency) })
    )
  const fake: Entry = {
    name: Fake.name,
    aliases: ["fixture"],
    build: Effect.map(limit(Fake.name), (own) => Fake.make({ concurrency: Option.getOrUndefined(own) }))
  }
  const standard = [fake, ...servers.map((server): Entry => ({ name: server.name, build: withLimit(server) }))]
  const taken = new Set(standard.flatMap(({ aliases = [], name }) => [name, ...aliases]))
  const shadowed = new Set(settings.customProviders.filter((name) => taken.has(name)))
  return [
    ...standard.map((entry) => shadowed.has(entry.name) ? withWarning(entry) : entry),
    ...settings.customProviders.filter((name) => !taken.has(name)).map((name): Entry => ({
      name,
      build: buildCustom(settings, name, withLimit)
    }))
  ]
}

const withWarning = (entry: Entry): Entry => ({
  ...entry,
  build: Effect.zipLeft(
    entry.build,
    Effect.logWarning(
      `${entry.name} is built in: its address, model, key and kind in OWF_PROVIDER_${entry.name.toUpperCase()}_… are ` +
        "ignored; choose another name"
    )
  )
})

const buildCustom = Effect.fnUntraced(
  function*(
    settings: Settings["Type"],
    name: string,
    http: (options: BuiltIn) => Effect.Effect<Provider, ProviderUnavailable>
  ) {
    const found = yield* settings.customProvider(name).pipe(unavailable(name))
    const custom = yield* found.pipe(Effect.mapError(() => unset(name)))
    if (custom.kind !== "openai") return yield* unsupported(custom)
    return yield* http({ ...custom, pricedAs: custom.baseUrl, schemas: "tried" })
  }
)

const unset = (name: string) =>
  new ProviderUnavailable({ provider: name, detail: `the configuration of ${name} is gone from the environment` })

const unsupported = ({ kind, name }: CustomProvider) =>
  new ProviderUnavailable({
    provider: name,
    detail: `${name}: providers of kind ${kind} are not in this version yet; kind openai is`
  })
