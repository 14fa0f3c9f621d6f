/**
 * The providers of a process, by name.
 *
 * - R1. A name gives the same instance every time, so that its limits and what it learned are shared.
 * - R2. A provider is built when it is first asked for; a failure to build it is not remembered.
 * - R3. Names given in code win over built-in ones, and those over what is configured.
 * - R4. What is configured is looked at when a provider is built: what is wrong with one stops the calls that use it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Nearest from "../internal/nearest.ts"
import * as Permits from "../internal/permits.ts"
import type { ProviderFields } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import type { Builders, HttpServices, ProgramServices } from "./Builders.ts"
import * as Build from "./Builders.ts"
import type { BuiltIn } from "./BuiltIn.ts"
import * as BuiltIns from "./BuiltIn.ts"
import * as Fake from "./Fake.ts"
import type { PricesError } from "./Pricing.ts"
import type { Provider } from "./Provider.ts"
import { Providers, ProviderUnavailable } from "./Provider.ts"
import type * as Script from "./Script.ts"

/**
 * A provider that is built when it is first asked for.
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly name: string
  /** Other names for it, which are not listed. */
  readonly aliases?: ReadonlyArray<string> | undefined
  /** Whether it is found and not listed, such as one that no prompt is for. */
  readonly isHidden?: boolean | undefined
  readonly build: Effect.Effect<Provider, ProviderUnavailable>
}

/**
 * Providers that are known when they are asked for.
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly names: Effect.Effect<ReadonlyArray<string>>
  readonly find: (name: string) => Effect.Effect<Option.Option<Entry>, ProviderUnavailable>
}

/**
 * A registry of providers; where two have a name in common, the first has it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  entries: ReadonlyArray<Provider | Entry>,
  others: Source = noOthers
): Effect.Effect<Providers["Type"]> =>
  Effect.sync(() => {
    const one = Permits.make(1)
    const known = entries.map(toEntry)
    const byName = new Map<string, Entry>()
    // the last one set stays
    for (const entry of known.toReversed()) for (const alias of entry.aliases ?? []) byName.set(normal(alias), entry)
    for (const entry of known.toReversed()) byName.set(normal(entry.name), entry)
    const listed = known.filter(({ isHidden }) => isHidden !== true).map(({ name }) => name.toLowerCase())
    const names = Effect.map(others.names, (others) => {
      const free = others.filter((name) => !byName.has(normal(name)))
      return [...new Set([...listed, ...free])].toSorted()
    })
    const aliases = known.flatMap(({ aliases = [] }) => aliases)
    const found = new Map<string, Entry>()
    const built = new Map<Entry, Provider>()
    const builtAs = (name: string) => {
      const entry = byName.get(normal(name)) ?? found.get(normal(name))
      return entry === undefined ? undefined : built.get(entry)
    }
    const find = (name: string) => {
      const entry = byName.get(normal(name)) ?? found.get(normal(name))
      if (entry !== undefined) return Effect.succeed(entry)
      return Effect.flatMap(
        others.find(name),
        Option.match({
          onNone: () => Effect.flatMap(names, (names) => unknownProvider(name, names, [...names, ...aliases])),
          onSome: (entry) => Effect.sync(() => void found.set(normal(name), entry)).pipe(Effect.as(entry))
        })
      )
    }
    const build = (name: string) =>
      Permits.within(
        one,
        Effect.flatMap(find(name), (entry) => {
          const provider = built.get(entry)
          return provider === undefined
            ? Effect.tap(entry.build, (provider) => Effect.sync(() => built.set(entry, provider)))
            : Effect.succeed(provider)
        })
      )
    return {
      names,
      get: (name) =>
        Effect.suspend(() => {
          const provider = builtAs(name)
          return provider === undefined ? build(name) : Effect.succeed(provider)
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
 * The built-in providers, those that are configured, and more, which win.
 *
 * **Details**
 *
 * `http` and `programs` are built once, when the first provider that needs them is asked for, and released with the
 * registry.
 * @category layers
 * @since 0.1.0
 */
export const layerBuiltIn = <R = never, R2 = never>(options: {
  readonly http: Layer.Layer<HttpServices, PricesError, R>
  readonly programs?: Layer.Layer<ProgramServices, PricesError, R2> | undefined
  /** How the scripts of graphs are run. */
  readonly scripts?: Script.Options | undefined
  readonly more?: ReadonlyArray<Provider | Entry> | undefined
}): Layer.Layer<Providers, never, Settings | R | R2> =>
  Layer.scoped(
    Providers,
    Effect.gen(function*() {
      const settings = yield* Settings
      const builders = yield* Build.make(settings, options)
      const warn = yield* Effect.cached(warning(settings))
      const entries = BuiltIns.all.map((builtIn): Entry => ({
        name: builtIn.name,
        aliases: builtIn.aliases,
        build: Effect.zipRight(warn, buildBuiltIn(settings, builders, builtIn))
      }))
      const script: Entry = { name: "script", isHidden: true, build: builders.script }
      return yield* make([...options.more ?? [], ...entries, script], customs(settings, builders))
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names are compared without case, and `-` is `_`, as in the names of variables. */
const normal = (name: string) => name.trim().toLowerCase().replaceAll("-", "_")

const toEntry = (entry: Provider | Entry): Entry =>
  "build" in entry ? entry : { name: entry.name, build: Effect.succeed(entry) }

const unknownProvider = (asked: string, names: ReadonlyArray<string>, all: ReadonlyArray<string>) => {
  const [near] = Nearest.nearest(asked, all)
  const known = names.length === 0 ? "there are none" : `known providers: ${names.join(", ")}`
  const detail = `unknown provider '${asked}'; ${known}${near === undefined ? "" : `; did you mean '${near}'?`}`
  return new ProviderUnavailable({ provider: asked, detail })
}

/** What is built in works without the providers file, so it says once that the file does not. */
const warning = (settings: Settings["Type"]): Effect.Effect<void> =>
  Effect.gen(function*() {
    const problem = yield* settings.providersFileProblem
    if (Option.isSome(problem)) {
      yield* Effect.logWarning(`the providers file is not used: ${problem.value.message}`)
    }
    const names = yield* settings.configuredProviders
    for (const { aliases, name } of BuiltIns.all) {
      const aliased = names.find((said) => aliases.some((alias) => normal(alias) === normal(said)))
      if (aliased === undefined) continue
      yield* Effect.logWarning(`what is configured for ${aliased} is not used: it is another name of ${name}`)
    }
  })

const buildBuiltIn = Effect.fnUntraced(
  function*(settings: Settings["Type"], builders: Builders, builtIn: BuiltIn) {
    const said = yield* settings.configured(builtIn.name).pipe(Build.unavailable(builtIn.name))
    const problem = BuiltIns.misconfigured(builtIn, said)
    if (problem !== undefined) return yield* new ProviderUnavailable({ provider: builtIn.name, detail: problem })
    switch (builtIn._tag) {
      case "Offline":
        return limited(Fake.make({ concurrency: said.concurrency }), said, undefined)
      case "Program":
        return limited(yield* builders.program(builtIn, said), said, settings.maxConcurrency)
      case "Server":
        return limited(yield* builders.server(builtIn, said), said, settings.maxConcurrency)
    }
  }
)

const customs = (settings: Settings["Type"], builders: Builders): Source => ({
  names: settings.configuredProviders,
  find: (name) =>
    Effect.map(
      settings.customProvider(name).pipe(Build.unavailable(name)),
      Option.map((custom): Entry => ({
        name: custom.name,
        build: Effect.map(builders.custom(custom), (provider) => limited(provider, custom, settings.maxConcurrency))
      }))
    )
})

const noOthers: Source = { names: Effect.succeed([]), find: () => Effect.succeedNone }

/** The provider with the limits that are configured; its own concurrency, or the general one, where none is. */
const limited = (provider: Provider, said: ProviderFields, concurrency: number | undefined): Provider => {
  const { requestsPerMinute, tokensPerMinute } = said
  const hasLimits = requestsPerMinute !== undefined || tokensPerMinute !== undefined
  return {
    ...provider,
    capabilities: {
      ...provider.capabilities,
      concurrency: said.concurrency ?? provider.capabilities.concurrency ?? concurrency,
      limits: hasLimits ? { requestsPerMinute, tokensPerMinute } : provider.capabilities.limits
    }
  }
}
