/**
 * Everything the environment and the providers file decide, decoded once and handed on as values.
 *
 * - S1. A malformed value is an error that names the variable, or the file, line and key, what it holds and what it takes.
 * - S2. What only some runs need is checked when it is asked for: a broken custom provider stops the runs that use it, and
 *   a providers file that cannot be read stops those whose provider may be in it.
 * - S3. No error holds a secret: what may be a key by mistake, or holds a password, is not repeated.
 * - S4. Only what the user says decides where prompts and keys go: variables, and the one file below the user's own home
 *   or named by a variable. No file of a repository is looked for.
 * - S5. A key variable is never inherited: what has an address of its own gets the key that is named beside it, or none.
 *
 * The environment is a plain record and the file comes through a reader, so nothing here touches the process. Keys are
 * looked up when they are needed and leave as `Redacted`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AgentSettings } from "./AgentSettings.ts"
import * as Agents from "./AgentSettings.ts"
import type { ProviderFields, ProviderKind } from "./ProviderFields.ts"
import * as Fields from "./ProviderFields.ts"
import * as ProvidersFile from "./ProvidersFile.ts"
import { ProvidersFileError } from "./ProvidersFile.ts"

export type { AgentSettings } from "./AgentSettings.ts"
export { ProvidersFileError } from "./ProvidersFile.ts"

/**
 * Variables by name, such as `process.env`.
 * @category models
 * @since 0.1.0
 */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The wire format of a provider that users configure.
 * @category models
 * @since 0.1.0
 */
export type { ProviderKind }

/**
 * What users say about a provider; what they do not say is absent.
 * @category models
 * @since 0.1.0
 */
export type { ProviderFields }

/**
 * A provider that users configure, complete.
 * @category models
 * @since 0.1.0
 */
export interface CustomProvider extends ProviderFields {
  readonly name: string
  readonly kind: ProviderKind
  readonly baseUrl: string
  readonly model: string
  /** The variable that holds the key; undefined for servers that take none. */
  readonly keyVariable: string | undefined
}

/**
 * A file of settings, and whether the user named it, so that it has to exist.
 * @category models
 * @since 0.1.0
 */
export interface SettingsFile {
  readonly path: string
  readonly isNamed: boolean
}

/**
 * Reads a text file; undefined when there is none, and otherwise the reason in a few words.
 * @category models
 * @since 0.1.0
 */
export type ReadText = (path: string) => Effect.Effect<string | undefined, string>

/**
 * A variable, or a field of the providers file, that is missing or holds something it does not take.
 * @category errors
 * @since 0.1.0
 */
export class SettingsError extends Schema.TaggedError<SettingsError>("owf/Settings/SettingsError")("SettingsError", {
  variable: Schema.String,
  /** What it holds; absent when it is not set and when it may be a secret. */
  value: Schema.optional(Schema.String),
  /** What it takes. */
  accepted: Schema.String
}) {
  override get message(): string {
    return this.value === undefined
      ? `${this.variable} has to be ${this.accepted}`
      : `${this.variable} is '${this.value}'; it has to be ${this.accepted}`
  }
}

/**
 * What the environment and the providers file decide.
 * @category services
 * @since 0.1.0
 */
export class Settings extends Context.Tag("owf/Settings")<Settings, {
  /** `OWF_HOME`, as it is written. */
  readonly home: string | undefined
  /** The user's own home directory. */
  readonly userHome: string | undefined
  /** `OWF_MAX_CONCURRENCY`: requests one provider serves at the same time when nothing else is said. */
  readonly maxConcurrency: number
  /** `OWF_PRICES_FILE`, else `prices.json` below the user's own `.workflows`: prices that users set. */
  readonly pricesFile: SettingsFile | undefined
  /** The price table that was fetched last, below the user's own `.workflows`. */
  readonly priceTableFile: string | undefined
  /** `OWF_PROVIDERS_FILE`, else `providers.json` below the user's own `.workflows`. */
  readonly providersFile: SettingsFile | undefined
  /** What is wrong with the providers file as a whole; what is wrong with one provider in it, `configured` says. */
  readonly providersFileProblem: Effect.Effect<Option.Option<ProvidersFileError>>
  /** Names that something is said about, sorted, whether or not it is complete and right. */
  readonly configuredProviders: Effect.Effect<ReadonlyArray<string>>
  /** What is said about a provider, in whose name `-` and `_` are the same; a variable wins over the file. */
  readonly configured: (name: string) => Effect.Effect<ProviderFields, SettingsError | ProvidersFileError>
  /** The provider that is configured under a name that is not built in. */
  readonly customProvider: (
    name: string
  ) => Effect.Effect<Option.Option<CustomProvider>, SettingsError | ProvidersFileError>
  /** The secret a variable holds now. */
  readonly secret: (variable: string) => Option.Option<Redacted.Redacted>
  /** What `AGENT_*` and `CODEX_PROFILE` say about graphs. */
  readonly agents: Effect.Effect<AgentSettings, SettingsError>
  /** `OWF_SCRIPT_ENV`: names of further variables that scripts of graphs may see. */
  readonly scriptVariables: ReadonlySet<string>
  /** The variables a program that is started may see: those whose names are wanted, as they are. */
  readonly variables: (isWanted: (name: string) => boolean) => Readonly<Record<string, string>>
}>() {}

/**
 * Settings from a record of variables; those that every run needs are checked here.
 *
 * The providers file is read when it is first asked about, and once.
 * @category constructors
 * @since 0.1.0
 */
export const fromEnvironment = (
  env: Environment,
  readText: ReadText = () => Effect.succeed(undefined)
): Effect.Effect<Settings["Type"], SettingsError> =>
  Effect.gen(function*() {
    const maxConcurrency = yield* countOf(env, "OWF_MAX_CONCURRENCY")
    const userHome = read(env, "HOME") ?? read(env, "USERPROFILE")
    const providersFile = fileOf(env, "OWF_PROVIDERS_FILE", "providers.json", userHome)
    const file = yield* Effect.cached(Effect.either(readFile(providersFile, readText, userHome)))
    const said: Said = { env, userHome, file: providersFile?.path }
    return {
      home: read(env, "OWF_HOME"),
      userHome,
      maxConcurrency: maxConcurrency ?? defaultConcurrency,
      pricesFile: fileOf(env, "OWF_PRICES_FILE", "prices.json", userHome),
      priceTableFile: userHome === undefined ? undefined : `${userHome}/.workflows/price-table.json`,
      providersFile,
      providersFileProblem: Effect.map(file, Either.getLeft),
      configuredProviders: Effect.map(file, (file) => allNames(env, entriesOf(file))),
      configured: (name) => Effect.flatMap(file, (file) => configured(said, entriesOf(file), name)),
      customProvider: (name) => Effect.flatMap(file, (file) => customProvider(said, file, name)),
      secret: (variable) => Option.map(Option.fromNullable(read(env, variable)), (value) => Redacted.make(value)),
      agents: Either.mapLeft(Agents.make((variable) => read(env, variable)), (refusal) => new SettingsError(refusal)),
      scriptVariables: Agents.namesOf(read(env, "OWF_SCRIPT_ENV")),
      variables: (isWanted) => variables(env, isWanted)
    }
  })

/**
 * Settings from a record of variables.
 * @category layers
 * @since 0.1.0
 */
export const layer = (env: Environment, readText?: ReadText): Layer.Layer<Settings, SettingsError> =>
  Layer.effect(Settings, fromEnvironment(env, readText))

/**
 * Settings of an empty environment: every default, no keys.
 * @category layers
 * @since 0.1.0
 */
export const layerDefault: Layer.Layer<Settings> = Layer.orDie(layer({}))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultConcurrency = 8
const maxFileLength = 1_048_576
const suffixes = Fields.fields.map(({ suffix }) => suffix).join("|")
const providerVariable = new RegExp(`^OWF_PROVIDER_(.+)_(?:${suffixes})$`)

type Entries = ReadonlyMap<string, ProvidersFile.FileEntry>
type Loaded = Either.Either<Entries, ProvidersFileError>

/** Where things were said. */
interface Said {
  readonly env: Environment
  readonly userHome: string | undefined
  readonly file: string | undefined
}

const noEntries: Entries = new Map()
const entriesOf = (file: Loaded): Entries => Either.getOrElse(file, () => noEntries)

/** The trimmed value; a variable that is set to nothing is not set. */
const read = (env: Environment, variable: string): string | undefined => {
  const value = Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined
  return value === "" ? undefined : value
}

const variables = (env: Environment, isWanted: (name: string) => boolean): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => value === undefined || !isWanted(name) ? [] : [[name, value]])
  )

const variableOf = (provider: string, suffix: string) =>
  `OWF_PROVIDER_${ProvidersFile.normal(provider).replaceAll(/[^a-z0-9]/g, "_").toUpperCase()}_${suffix}`

const countOf = (env: Environment, variable: string): Either.Either<number | undefined, SettingsError> => {
  const value = read(env, variable)
  return value === undefined
    ? Either.right(undefined)
    : Either.mapLeft(Fields.count(value), (refusal) => new SettingsError({ variable, ...refusal }))
}

const fileOf = (
  env: Environment,
  variable: string,
  name: string,
  userHome: string | undefined
): SettingsFile | undefined => {
  const named = read(env, variable)
  if (named !== undefined) {
    const path = named.startsWith("~/") && userHome !== undefined ? `${userHome}${named.slice(1)}` : named
    return { path, isNamed: true }
  }
  return userHome === undefined ? undefined : { path: `${userHome}/.workflows/${name}`, isNamed: false }
}

const readFile = (
  file: SettingsFile | undefined,
  readText: ReadText,
  userHome: string | undefined
): Effect.Effect<Entries, ProvidersFileError> => {
  if (file === undefined) return Effect.succeed(noEntries)
  const refuse = (detail: string) => new ProvidersFileError({ file: file.path, problems: [{ detail }] })
  return Effect.flatMap(Effect.mapError(readText(file.path), refuse), (text) => {
    if (text === undefined) return file.isNamed ? refuse("it does not exist") : Effect.succeed(noEntries)
    if (text.length > maxFileLength) return refuse(`it has more than ${maxFileLength} characters`)
    return ProvidersFile.parse(file.path, text, userHome)
  })
}

const allNames = (env: Environment, entries: Entries): ReadonlyArray<string> => {
  const names = new Map([...entries].map(([normal, { name }]) => [normal, name]))
  for (const variable of Object.keys(env)) {
    const name = providerVariable.exec(variable)?.[1]?.toLowerCase()
    if (name === undefined || read(env, variable) === undefined) continue
    // a variable cannot spell what a file can: it means the provider whose variables are named like it
    const known = [...names.keys()].some((normal) => variableOf(normal, "") === variableOf(name, ""))
    if (!known) names.set(name, name)
  }
  return [...names.values()].toSorted()
}

const configured = (
  { env, userHome }: Said,
  entries: Entries,
  name: string
): Either.Either<ProviderFields, SettingsError | ProvidersFileError> =>
  Either.gen(function*() {
    const fromFile = yield* entries.get(ProvidersFile.normal(name))?.fields ?? Either.right<ProviderFields>({})
    const allowHttp = variableOf(name, "ALLOW_HTTP")
    const { fields, refusals } = Fields.read(
      (field) => read(env, variableOf(name, suffixOf(field))),
      { allowHttp: read(env, allowHttp) === "1", howToAllowHttp: `${allowHttp}=1`, userHome }
    )
    const [refusal] = refusals
    if (refusal !== undefined) {
      const { accepted, name: field, value } = refusal
      return yield* Either.left(
        new SettingsError({
          variable: variableOf(name, suffixOf(field)),
          accepted,
          ...(value === undefined ? {} : { value })
        })
      )
    }
    return {
      kind: fields.kind ?? fromFile.kind,
      baseUrl: fields.baseUrl ?? fromFile.baseUrl,
      // an address from elsewhere does not get the key that was named for the other one (S5)
      keyVariable: fields.keyVariable ?? (fields.baseUrl === undefined ? fromFile.keyVariable : undefined),
      model: fields.model ?? fromFile.model,
      concurrency: fields.concurrency ?? fromFile.concurrency,
      requestsPerMinute: fields.requestsPerMinute ?? fromFile.requestsPerMinute,
      tokensPerMinute: fields.tokensPerMinute ?? fromFile.tokensPerMinute,
      command: fields.command ?? fromFile.command
    }
  })

const suffixOf = (name: keyof ProviderFields): string =>
  Fields.fields.find((field) => field.name === name)?.suffix ?? name

const customProvider = (
  said: Said,
  file: Loaded,
  asked: string
): Either.Either<Option.Option<CustomProvider>, SettingsError | ProvidersFileError> =>
  Either.gen(function*() {
    const entries = entriesOf(file)
    const normal = ProvidersFile.normal(asked)
    const name = entries.get(normal)?.name ?? normal
    const isKnown = allNames(said.env, entries).some((known) => variableOf(known, "") === variableOf(name, ""))
    const fields = yield* configured(said, entries, name)
    const { baseUrl, kind = "openai", keyVariable, model } = fields
    // what is missing may stand in the file that cannot be read
    if (Either.isLeft(file) && (!isKnown || baseUrl === undefined || model === undefined)) {
      return yield* Either.left(file.left)
    }
    if (!isKnown) return Option.none()
    const missing = (suffix: string, key: string, accepted: string) => {
      const variable = variableOf(name, suffix)
      const where = entries.has(normal) ? `providers.${name}.${key} in ${said.file}, or ${variable},` : variable
      return Either.left(new SettingsError({ variable: where, accepted }))
    }
    if (baseUrl === undefined) {
      return yield* missing("BASE_URL", "base_url", "an address such as https://llm.example.org/v1")
    }
    if (model === undefined) {
      return yield* missing("MODEL", "default_model", `the model to ask ${name} for by default`)
    }
    return Option.some({ ...fields, name, kind, baseUrl, model, keyVariable })
  })
