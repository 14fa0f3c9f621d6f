/**
 * Every provider as it stands: what it is, what it can do, whether it can be used.
 *
 * A key is looked for and never shown. Programs are asked for their version; no request is sent.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { CapabilitiesView, KeyView, ProgramView, ProviderView } from "../cli/Inspection.ts"
import type { BuiltIn } from "../provider/BuiltIn.ts"
import * as BuiltIns from "../provider/BuiltIn.ts"
import type { Capabilities, Provider } from "../provider/Provider.ts"
import { Providers } from "../provider/Provider.ts"
import type { CustomProvider, ProviderFields } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import * as ProgramProbe from "./ProgramProbe.ts"

/**
 * The built-in providers, then those that are configured.
 * @category running
 * @since 0.1.0
 */
export const all = Effect.gen(function*() {
  const settings = yield* Settings
  const builtIn = yield* Effect.forEach(BuiltIns.all, ofBuiltIn, { concurrency: 4 })
  const taken = new Set(builtIn.flatMap(({ aliases, name }) => [normal(name), ...aliases.map(normal)]))
  const custom = (yield* settings.configuredProviders).filter((name) => !taken.has(normal(name)))
  return [...builtIn, ...yield* Effect.forEach(custom, ofCustom)]
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const normal = (name: string) => name.toLowerCase().replaceAll("-", "_")

type Facts =
  & Pick<ProviderView, "name" | "aliases" | "source" | "kind">
  & {
    readonly baseUrl?: string | undefined
    readonly key?: KeyView | undefined
    readonly program?: ProgramView | undefined
    readonly said: ProviderFields
  }

const ofBuiltIn = Effect.fnUntraced(function*(builtIn: BuiltIn) {
  const settings = yield* Settings
  const said = Either.getOrElse(yield* Effect.either(settings.configured(builtIn.name)), (): ProviderFields => ({}))
  const facts = { name: builtIn.name, aliases: builtIn.aliases, source: "built-in" as const, said }
  switch (builtIn._tag) {
    case "Offline":
      return yield* view({ ...facts, kind: "offline" })
    case "Program":
      return yield* view({
        ...facts,
        kind: "command line",
        program: yield* ProgramProbe.probe(said.command ?? builtIn.program)
      })
    case "Server":
      return yield* view({
        ...facts,
        kind: builtIn.kind,
        baseUrl: said.baseUrl ?? builtIn.baseUrl,
        key: keyOf(settings, said.keyVariable === undefined ? builtIn.keyVariables : [said.keyVariable])
      })
  }
})

const ofCustom = Effect.fnUntraced(function*(name: string) {
  const settings = yield* Settings
  const found = yield* Effect.either(settings.customProvider(name))
  const custom: Partial<CustomProvider> = Either.match(found, {
    onLeft: () => ({}),
    onRight: (found) => Option.getOrElse(found, () => ({}))
  })
  const { baseUrl, keyVariable } = custom
  return yield* view({
    name: custom.name ?? name,
    aliases: [],
    source: "configured",
    kind: custom.kind ?? "unknown",
    baseUrl,
    key: keyVariable === undefined ? undefined : keyOf(settings, [keyVariable]),
    said: custom
  })
})

const keyOf = (settings: Settings["Type"], variables: ReadonlyArray<string>): KeyView => ({
  variables,
  set: variables.find((variable) => Option.isSome(settings.secret(variable))) ?? null
})

const view = Effect.fnUntraced(function*({ baseUrl, key, program, said, ...facts }: Facts) {
  const providers = yield* Providers
  const settings = yield* Settings
  const built = yield* Effect.either(providers.get(facts.name))
  const provider = Either.getOrUndefined(built)
  const problem = Option.match(Either.getLeft(built), {
    onNone: () => missing(key, program),
    onSome: ({ message }) => message
  })
  return {
    ...facts,
    default_model: provider === undefined ? said.model ?? null : provider.resolveModel(undefined),
    base_url: baseUrl ?? null,
    key: key ?? null,
    program: program ?? null,
    ready: problem === null,
    problem,
    capabilities: provider === undefined ? null : capabilitiesOf(provider.capabilities),
    limits: limitsOf(provider, said, settings.maxConcurrency)
  } satisfies ProviderView
})

const missing = (key: KeyView | undefined, program: ProgramView | undefined): string | null => {
  if (program !== undefined && program.problem !== null) return `${program.command}: ${program.problem}`
  return key !== undefined && key.set === null
    ? `${key.variables.map((variable) => `$${variable}`).join(" or ")} is not set`
    : null
}

const capabilitiesOf = (own: Capabilities): CapabilitiesView => ({
  schema: own.schema,
  reads_files: own.readsFiles,
  writes_files: own.writesFiles,
  bounds_output: own.boundsOutput,
  temperature: own.temperature,
  sessions: own.sessions,
  cost: own.cost,
  read_only: own.readOnly,
  max_prompt_bytes: own.maxPromptBytes ?? null
})

const limitsOf = (
  provider: Provider | undefined,
  said: ProviderFields,
  concurrency: number
): ProviderView["limits"] => {
  const limits = provider?.capabilities.limits
  return {
    concurrency: provider === undefined
      ? said.concurrency ?? concurrency
      : provider.capabilities.concurrency ?? null,
    requests_per_minute: limits?.requestsPerMinute ?? said.requestsPerMinute ?? null,
    tokens_per_minute: limits?.tokensPerMinute ?? said.tokensPerMinute ?? null
  }
}
