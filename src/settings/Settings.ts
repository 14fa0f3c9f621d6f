/**
 * Everything the environment decides, decoded once and handed on as values.
 *
 * - S1. A malformed value is a {@link SettingsError} that names the variable, what it holds and what it takes.
 * - S2. What only some runs need is checked when it is asked for: a broken custom provider stops the runs that use it.
 * - S3. No error holds a secret: what may be a key by mistake, or holds a password, is not repeated.
 *
 * The environment is a plain record, so nothing here reads the process. Keys are looked up when they are needed and
 * leave as `Redacted`.
 */
import * as Url from "@effect/platform/Url"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

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
export type ProviderKind = "openai" | "anthropic" | "gemini"

/**
 * A provider that users configure with `OWF_PROVIDER_<NAME>_…` variables.
 * @category models
 * @since 0.1.0
 */
export interface CustomProvider {
  readonly name: string
  readonly kind: ProviderKind
  /** Address without a trailing slash, to which `/chat/completions` and the like are added. */
  readonly baseUrl: string
  /** The model of calls that name none. */
  readonly model: string
  /** The variable that holds the key; undefined for servers that take none. */
  readonly keyVariable: string | undefined
}

/**
 * A file of prices, and whether the user named it, so that it has to exist.
 * @category models
 * @since 0.1.0
 */
export interface PricesFile {
  readonly path: string
  readonly isNamed: boolean
}

/**
 * A variable that is missing or holds something it does not take.
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
 * What the environment decides.
 * @category services
 * @since 0.1.0
 */
export class Settings extends Context.Tag("owf/Settings")<Settings, {
  /** `OWF_HOME`, as it is written. */
  readonly home: string | undefined
  /** `OWF_MAX_CONCURRENCY`: requests one provider serves at the same time when nothing else is said. */
  readonly maxConcurrency: number
  /** `OWF_PRICES_FILE`, else `prices.json` below the user's own `.workflows`. */
  readonly pricesFile: PricesFile | undefined
  /** Names of the providers that users configure, sorted, whether or not they are complete. */
  readonly customProviders: ReadonlyArray<string>
  /** The provider configured under a name, in which `-` and `_` are the same. */
  readonly customProvider: (name: string) => Effect.Effect<Option.Option<CustomProvider>, SettingsError>
  /** `OWF_PROVIDER_<NAME>_CONCURRENCY`, if it is set. */
  readonly concurrency: (provider: string) => Effect.Effect<Option.Option<number>, SettingsError>
  /** The secret a variable holds now. */
  readonly secret: (variable: string) => Option.Option<Redacted.Redacted>
  /** The variables a program that is started may see: those whose names are wanted, as they are. */
  readonly variables: (isWanted: (name: string) => boolean) => Readonly<Record<string, string>>
}>() {}

/**
 * Settings from a record of variables; those that every run needs are checked here.
 * @category constructors
 * @since 0.1.0
 */
export const fromEnvironment = (env: Environment): Effect.Effect<Settings["Type"], SettingsError> =>
  Effect.gen(function*() {
    const maxConcurrency = yield* count(env, "OWF_MAX_CONCURRENCY")
    return {
      home: read(env, "OWF_HOME"),
      maxConcurrency: Option.getOrElse(maxConcurrency, () => defaultConcurrency),
      pricesFile: pricesFile(env),
      customProviders: customNames(env),
      customProvider: (name) => Effect.suspend(() => customProvider(env, name)),
      concurrency: (provider) => Effect.suspend(() => count(env, variableOf(provider, "CONCURRENCY"))),
      secret: (variable) => Option.map(Option.fromNullable(read(env, variable)), (value) => Redacted.make(value)),
      variables: (isWanted) => variables(env, isWanted)
    }
  })

/**
 * Settings from a record of variables.
 * @category layers
 * @since 0.1.0
 */
export const layer = (env: Environment): Layer.Layer<Settings, SettingsError> =>
  Layer.effect(Settings, fromEnvironment(env))

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
const customVariable = /^OWF_PROVIDER_(.+)_(?:BASE_URL|API_KEY_ENV|MODEL|KIND)$/
const keyVariableName = /^[A-Z_][A-Z0-9_]*$/
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

const kinds: ReadonlyMap<string, ProviderKind> = new Map([
  ["openai", "openai"],
  ["openai-compatible", "openai"],
  ["anthropic", "anthropic"],
  ["gemini", "gemini"],
  ["google", "gemini"]
])

/** The trimmed value; a variable that is set to nothing is not set. */
const read = (env: Environment, variable: string): string | undefined => {
  const value = Object.hasOwn(env, variable) ? env[variable]?.trim() : undefined
  return value === "" ? undefined : value
}

const variables = (env: Environment, isWanted: (name: string) => boolean): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => value === undefined || !isWanted(name) ? [] : [[name, value]])
  )

const variableOf = (provider: string, field: string) =>
  `OWF_PROVIDER_${provider.toUpperCase().replaceAll("-", "_")}_${field}`

const count = (env: Environment, variable: string): Either.Either<Option.Option<number>, SettingsError> => {
  const value = read(env, variable)
  if (value === undefined) return Either.right(Option.none())
  const number = Number(value)
  return /^\d+$/.test(value) && number >= 1 && Number.isSafeInteger(number)
    ? Either.right(Option.some(number))
    : Either.left(new SettingsError({ variable, value, accepted: "a whole number of at least 1" }))
}

const pricesFile = (env: Environment): PricesFile | undefined => {
  const named = read(env, "OWF_PRICES_FILE")
  if (named !== undefined) return { path: named, isNamed: true }
  const userHome = read(env, "HOME") ?? read(env, "USERPROFILE")
  return userHome === undefined ? undefined : { path: `${userHome}/.workflows/prices.json`, isNamed: false }
}

const customNames = (env: Environment): ReadonlyArray<string> => {
  const names = Object.keys(env).flatMap((variable) => {
    const name = customVariable.exec(variable)?.[1]
    return name === undefined || read(env, variable) === undefined ? [] : [name.toLowerCase()]
  })
  return [...new Set(names)].toSorted()
}

const customProvider = (
  env: Environment,
  asked: string
): Either.Either<Option.Option<CustomProvider>, SettingsError> =>
  Either.gen(function*() {
    const name = asked.toLowerCase().replaceAll("-", "_")
    if (!customNames(env).includes(name)) return Option.none()
    const kind = yield* kindOf(env, variableOf(name, "KIND"))
    const baseUrl = yield* baseUrlOf(env, name)
    const model = yield* required(env, variableOf(name, "MODEL"), `the model to ask ${name} for by default`)
    const keyVariable = yield* keyVariableOf(env, variableOf(name, "API_KEY_ENV"))
    return Option.some({ name, kind, baseUrl, model, keyVariable })
  })

const required = (env: Environment, variable: string, accepted: string): Either.Either<string, SettingsError> =>
  Either.fromNullable(read(env, variable), () => new SettingsError({ variable, accepted }))

const kindOf = (env: Environment, variable: string): Either.Either<ProviderKind, SettingsError> => {
  const value = read(env, variable) ?? "openai"
  return Either.fromNullable(
    kinds.get(value.toLowerCase()),
    () => new SettingsError({ variable, value, accepted: `one of ${[...kinds.keys()].join(", ")}` })
  )
}

const keyVariableOf = (env: Environment, variable: string): Either.Either<string | undefined, SettingsError> => {
  const value = read(env, variable)
  return value === undefined || keyVariableName.test(value)
    ? Either.right(value)
    : Either.left(
      new SettingsError({ variable, accepted: "the name of the variable that holds the key, not the key itself" })
    )
}

const baseUrlOf = (env: Environment, name: string): Either.Either<string, SettingsError> =>
  Either.gen(function*() {
    const variable = variableOf(name, "BASE_URL")
    const accepted = "an address such as https://llm.example.org/v1"
    const value = yield* required(env, variable, accepted)
    const parsed = Url.fromString(value)
    if (Either.isLeft(parsed)) {
      // what cannot be read may hold a password as well
      return yield* Either.left(new SettingsError({ variable, accepted, ...(value.includes("@") ? {} : { value }) }))
    }
    const url = parsed.right
    if (url.username !== "" || url.password !== "") {
      const advice = `${accepted} without a user or password: keys belong in ${variableOf(name, "API_KEY_ENV")}`
      return yield* Either.left(new SettingsError({ variable, accepted: advice }))
    }
    if (url.search !== "" || url.hash !== "") {
      return yield* Either.left(new SettingsError({ variable, accepted: `${accepted}, without ? and #` }))
    }
    const allowHttp = variableOf(name, "ALLOW_HTTP")
    const isSafe = url.protocol === "https:" || loopback.test(url.hostname) || read(env, allowHttp) === "1"
    if (!isSafe || (url.protocol !== "http:" && url.protocol !== "https:")) {
      const advice = `an https: address, or any http: one after ${allowHttp}=1, which sends the key in clear`
      return yield* Either.left(new SettingsError({ variable, value, accepted: advice }))
    }
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`
  })
