/**
 * Where the types of shared packages are, as the `paths` of a configuration file.
 *
 * `paths` know nothing of what packages export, so every entry of their `exports` becomes one, and what they keep to
 * themselves is led to where nothing is.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Config from "./TypeCheckConfig.ts"
import * as Rules from "./TypeCheckRules.ts"

/**
 * Makes every import of a shared package the loader's, whoever imports it.
 * @category constructors
 * @since 0.1.0
 */
export const paths = (): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    packages().flatMap(({ directory, name }) =>
      Object.entries(exportsOf(directory)).map(([path, target]) => [
        Path.posix.join(name, path),
        [Path.join(directory, targetOf(target) ?? nowhere)]
      ])
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nowhere = "is-not-exported"

interface Package {
  readonly name: string
  readonly directory: string
}

/** The nearest of each name; real paths, so that what a package needs is found beside it. */
const packages = (): ReadonlyArray<Package> => {
  const roots = Config.ancestors(Rules.ownPackage).map((one) => Path.join(one, "node_modules"))
  const found = roots.flatMap((root) =>
    ["effect", ...entries(Path.join(root, "@effect")).map((name) => `@effect/${name}`)]
      .map((name) => ({ name, path: Path.join(root, name) }))
      .filter(({ path }) => Fs.existsSync(path))
  )
  return [
    { name: "open-agent-workflows", directory: Rules.ownPackage },
    ...found
      .filter(({ name }, index) => found.findIndex((other) => other.name === name) === index)
      .map(({ name, path }) => ({ name, directory: Fs.realpathSync(path) }))
  ]
}

const entries = (directory: string): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync(directory).filter((name) => !name.startsWith("."))
  } catch {
    return []
  }
}

const decode = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Struct({ exports: Schema.Record({ key: Schema.String, value: Schema.Unknown }) }))
)

const exportsOf = (directory: string): Readonly<Record<string, unknown>> => {
  try {
    const text = Fs.readFileSync(Path.join(directory, "package.json"), "utf8")
    return Either.match(decode(text), { onLeft: () => ({}), onRight: (one) => one.exports })
  } catch {
    return {}
  }
}

const conditions: ReadonlySet<string> = new Set([...Rules.ownConditions, "types", "import", "default"])

const targetOf = (target: unknown): string | undefined => {
  if (typeof target === "string") return target
  if (!Predicate.isRecord(target)) return undefined
  for (const [condition, inner] of Object.entries(target)) {
    const found = conditions.has(condition) ? targetOf(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
