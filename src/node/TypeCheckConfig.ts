/**
 * What a project's `tsconfig.json` says of the options our own check has to know, those it extends included.
 *
 * The rest of it is left to TypeScript. What cannot be read says nothing: TypeScript says so where it matters.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"

/**
 * The options of a project, as they are written.
 * @category models
 * @since 0.1.0
 */
export interface Config {
  readonly path: string
  readonly options: Readonly<Record<string, unknown>>
  /** Its `paths`, with absolute targets. */
  readonly paths: Readonly<Record<string, ReadonlyArray<string>>>
}

/**
 * The configuration that is for the files of a directory; undefined where there is none.
 * @category constructors
 * @since 0.1.0
 */
export const nearest = (directory: string): Config | undefined => {
  const path = ancestors(directory).map((one) => Path.join(one, "tsconfig.json")).find((one) => Fs.existsSync(one))
  return path === undefined ? undefined : fromFile(path)
}

/**
 * A directory and those it is in, the innermost first.
 * @category converting
 * @since 0.1.0
 */
export const ancestors = (directory: string): ReadonlyArray<string> => {
  const parent = Path.dirname(directory)
  return parent === directory ? [directory] : [directory, ...ancestors(parent)]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fromFile = (path: string): Config => {
  const merged = merge(path, [])
  const base = typeof merged["baseUrl"] === "string" ? merged["baseUrl"] : merged[pathsBase]
  const absolute = (target: string) =>
    Path.resolve(String(base), target.replace(/^\$\{configDir\}/, () => Path.dirname(path)))
  const paths = Either.getOrElse(decodePaths(merged["paths"]), () => ({}))
  return {
    path,
    options: merged,
    paths: Object.fromEntries(Object.entries(paths).map(([name, targets]) => [name, targets.map(absolute)]))
  }
}

type Options = Readonly<Record<string | symbol, unknown>>

/** The directory of the configuration that the `paths` stand in. */
const pathsBase = Symbol("pathsBase")

/** What is extended comes first, so that it is written over. */
const merge = (path: string, outer: ReadonlyArray<string>): Options => {
  if (outer.includes(path)) return {}
  const directory = Path.dirname(path)
  const written = read(path)
  const inherited = extendedBy(written.extends)
    .flatMap((name) => locate(name, path) ?? [])
    .map((one) => merge(one, [...outer, path]))
  const { baseUrl, ...own } = written.compilerOptions ?? {}
  const based = typeof baseUrl === "string" ? { baseUrl: Path.resolve(directory, baseUrl) } : {}
  return Object.assign({}, ...inherited, own, based, "paths" in own ? { [pathsBase]: directory } : {})
}

const File = Schema.Struct({
  extends: Schema.optional(Schema.Unknown),
  compilerOptions: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})

const decodeFile = Schema.decodeUnknownEither(Schema.parseJson(File))
const decodePaths = Schema.decodeUnknownEither(
  Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) })
)

const read = (path: string): typeof File.Type => {
  try {
    return Either.getOrElse(decodeFile(withoutComments(Fs.readFileSync(path, "utf8"))), () => ({}))
  } catch {
    return {}
  }
}

/** Configurations may have comments, and commas before closing brackets. */
const withoutComments = (text: string): string =>
  text
    .replace(/^\u{feff}/u, "")
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (_, quoted: string | undefined) => quoted ?? "")
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, quoted: string | undefined) => quoted ?? "")

const extendedBy = (value: unknown): ReadonlyArray<string> =>
  (Array.isArray(value) ? value : [value]).filter(Predicate.isString)

const locate = (name: string, from: string): string | undefined => {
  const isPath = /^\.{0,2}\//.test(name) || Path.isAbsolute(name)
  const candidates = isPath
    ? [name, `${name}.json`].map((one) => Path.resolve(Path.dirname(from), one))
    : [name, `${name}.json`, `${name}/tsconfig.json`].flatMap((one) => resolved(one, from) ?? [])
  return candidates.find((one) => one.endsWith(".json") && Fs.existsSync(one))
}

const resolved = (specifier: string, from: string): string | undefined => {
  try {
    return Module.createRequire(from).resolve(specifier)
  } catch {
    return undefined
  }
}
