/**
 * What codex's own configuration says, as far as it decides how codex is started: profiles, models, names of variables.
 *
 * - F1. A profile is the file `NAME.config.toml` in codex's home. Codex starts without a word when there is none, with
 *   the user's default model, so that has to be found out before it is started.
 * - F2. Only the user's own files are read, never those of a directory an agent works in.
 * - F3. Of the files, only single lines of the form `key = "text"` are read; everything else is codex's.
 *
 * A model is written `slug`, `profile@slug`, or `profile@` for the model the profile names; see {@link parseModel}.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * What one file says.
 * @category models
 * @since 0.1.0
 */
export interface ConfigFile {
  readonly model: string | undefined
  readonly modelProvider: string | undefined
  /** Variables that hold the keys of model providers and of tool servers. */
  readonly keyVariables: ReadonlyArray<string>
}

/**
 * What all files of codex's home say.
 * @category models
 * @since 0.1.0
 */
export interface CodexConfig {
  /** Codex's home; undefined where neither `CODEX_HOME` nor `HOME` is set. */
  readonly home: string | undefined
  readonly base: ConfigFile
  readonly profiles: ReadonlyMap<string, ConfigFile>
}

/**
 * A model as a call names it.
 * @category models
 * @since 0.1.0
 */
export interface ModelName {
  readonly profile: string | undefined
  readonly slug: string | undefined
}

/**
 * The parts of `profile@slug`; what has no `@` is a slug.
 * @category converting
 * @since 0.1.0
 */
export const parseModel = (model: string): ModelName => {
  const at = model.indexOf("@")
  const slug = model.slice(at + 1).trim()
  return {
    profile: at < 0 ? undefined : filled(model.slice(0, at).trim()),
    slug: slug === "default" ? undefined : filled(slug)
  }
}

/**
 * The same model in its shortest form.
 * @category converting
 * @since 0.1.0
 */
export const normalModel = (model: string): string => {
  const { profile, slug } = parseModel(model)
  return profile === undefined ? slug ?? "default" : `${profile}@${slug ?? ""}`
}

/**
 * The file of a profile.
 * @category converting
 * @since 0.1.0
 */
export const fileOf = (home: string, profile: string): string => `${home}/${profile}${suffix}`

/**
 * Whether a name can be a profile's.
 * @category predicates
 * @since 0.1.0
 */
export const isName = (profile: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(profile)

/**
 * The name under which a model's price is looked up: the model of codex's own provider as it is, that of another one
 * after the provider's name, as `provider/model`.
 * @category converting
 * @since 0.1.0
 */
export const pricedModel = (config: CodexConfig, model: string): string => {
  const { profile, slug } = parseModel(model)
  const layer = profile === undefined ? undefined : config.profiles.get(profile)
  const name = slug ?? layer?.model ?? config.base.model ?? "default"
  const provider = layer?.modelProvider ?? config.base.modelProvider ?? own
  return provider === own ? name : `${provider}/${name}`
}

/**
 * The variables that hold keys, from every file: which of them a request needs is codex's to decide.
 * @category converting
 * @since 0.1.0
 */
export const keyVariables = ({ base, profiles }: CodexConfig): ReadonlySet<string> =>
  new Set([base, ...profiles.values()].flatMap((file) => file.keyVariables))

/**
 * Reads codex's home; what is not there or cannot be read says nothing.
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(files: FileSystem.FileSystem, home: string | undefined) {
  if (home === undefined) return none
  const names = yield* Effect.orElseSucceed(files.readDirectory(home), () => [])
  const profiles = new Map<string, ConfigFile>()
  for (const file of names) {
    const name = file.slice(0, -suffix.length)
    if (!file.endsWith(suffix) || !isName(name)) continue
    const content = yield* readFile(files, `${home}/${file}`)
    if (content !== undefined) profiles.set(name, content)
  }
  const base = (yield* readFile(files, `${home}/config.toml`)) ?? empty
  const config: CodexConfig = { home, base, profiles }
  return config
})

/**
 * What the text of a file says.
 * @category converting
 * @since 0.1.0
 */
export const parse = (text: string): ConfigFile => {
  const keys: Array<string> = []
  const values = new Map<string, string>()
  let isTop = true
  let quotes: string | undefined
  for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    const isInside = quotes !== undefined
    quotes = quotesAfter(line, quotes)
    if (isInside || /^\s*#/.test(line)) continue
    if (/^\s*\[/.test(line)) isTop = false
    const [, key = "", basic, literal] = setting.exec(line) ?? []
    const value = basic ?? literal
    if (isTop && value !== undefined && !values.has(key)) values.set(key, value)
    for (const [, double, single] of line.matchAll(variable)) keys.push(double ?? single ?? "")
  }
  return { model: values.get("model"), modelProvider: values.get("model_provider"), keyVariables: [...new Set(keys)] }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const suffix = ".config.toml"
/** Codex's provider where none is configured. */
const own = "openai"
const maxFileSize = 1_048_576n

const empty: ConfigFile = { model: undefined, modelProvider: undefined, keyVariables: [] }
const none: CodexConfig = { home: undefined, base: empty, profiles: new Map() }

const setting = /^\s*(model|model_provider)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$/
const variable = /\b(?:env_key|bearer_token_env_var)\s*=\s*(?:"([A-Za-z_]\w{0,99})"|'([A-Za-z_]\w{0,99})')/g

const filled = (text: string): string | undefined => text === "" ? undefined : text

/** The quotes of a text over several lines that is open after a line. */
const quotesAfter = (line: string, open: string | undefined): string | undefined => {
  let quotes = open
  for (const [found] of line.matchAll(/"""|'''/g)) {
    if (quotes === undefined) quotes = found
    else if (quotes === found) quotes = undefined
  }
  return quotes
}

const readFile = (files: FileSystem.FileSystem, path: string): Effect.Effect<ConfigFile | undefined> =>
  Effect.gen(function*() {
    const { size, type } = yield* files.stat(path)
    return type !== "File" || size > maxFileSize ? undefined : parse(yield* files.readFileString(path))
  }).pipe(Effect.orElseSucceed(() => undefined))
