/**
 * The project a TypeScript that is a program of its own checks a workflow file in: a directory with a configuration.
 *
 * - J1. The configuration extends that of the file's project, and says what holds for every check.
 * - J2. Packages that configurations name are looked for where the file's project would: its `node_modules` and those
 *   around it are linked to.
 * - J3. Nothing is written where the file is.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Config from "./TypeCheckConfig.ts"
import * as Rules from "./TypeCheckRules.ts"
import * as Shared from "./TypeCheckShared.ts"

/**
 * Writes the project of a file into a directory, and gives the path of its configuration.
 * @category constructors
 * @since 0.1.0
 */
export const write = (directory: string, given: Rules.Given): Written => {
  const { file } = given
  const config = Config.nearest(Path.dirname(file))
  const inner = linked(directory, Path.dirname(config?.path ?? file))
  const path = Path.join(inner, "tsconfig.json")
  const types = typesOf(config, given)
  const writeWithout = (unknown: ReadonlyArray<string>): void => {
    const named = unknown.length === 0 ? {} : { types: (types ?? []).filter((name) => !unknown.includes(name)) }
    const options = { ...optionsOf(config, given), ...named }
    Fs.writeFileSync(
      path,
      JSON.stringify({ ...extending(config), files: [file], include: [], compilerOptions: options })
    )
  }
  writeWithout([])
  return { path, writeWithout }
}

/**
 * A project that was written.
 * @category models
 * @since 0.1.0
 */
export interface Written {
  readonly path: string
  /** Writes it anew, without packages of types that are not installed. */
  readonly writeWithout: (unknown: ReadonlyArray<string>) => void
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** One directory within another for each `node_modules`, the outermost first; the innermost is the project's. */
const linked = (directory: string, base: string): string =>
  Config.ancestors(base)
    .map((one) => Path.join(one, "node_modules"))
    .filter((one) => Fs.existsSync(one))
    .reduceRight((outer, one) => {
      const inner = Path.join(outer, "in")
      Fs.mkdirSync(inner)
      Fs.symlinkSync(one, Path.join(inner, "node_modules"), "dir")
      return inner
    }, directory)

const extending = (config: Config.Config | undefined) => config === undefined ? {} : { extends: config.path }

const typesOf = (config: Config.Config | undefined, given: Rules.Given): ReadonlyArray<string> | undefined => {
  const written = config?.options["types"]
  return Array.isArray(written) ? written.map(String) : Rules.typesWithout(given).types
}

const optionsOf = (config: Config.Config | undefined, given: Rules.Given) => {
  const written = config?.options ?? {}
  const lib = Rules.libWithout(given)
  return {
    ...(config === undefined ? Rules.unconfigured : {}),
    ...(Array.isArray(written["types"]) ? {} : Rules.typesWithout(given)),
    ...(Array.isArray(written["lib"]) || lib === undefined ? {} : { lib }),
    ...Object.fromEntries(dropped.filter((name) => name in written).map((name) => [name, null])),
    ...Rules.fixed,
    ...(isRecent(written["target"]) ? {} : { target: "es2022" }),
    module: "esnext",
    moduleResolution: "bundler",
    paths: { ...config?.paths, ...Shared.paths() }
  }
}

const isRecent = (target: unknown): boolean =>
  typeof target === "string" && !/^es(?:3|5|6|20(?:1\d|2[01]))$/i.test(target)

/** With an option it no longer knows, TypeScript 7 looks at no types at all. */
const dropped = [
  ...Rules.ofOutput,
  "allowSyntheticDefaultImports",
  "alwaysStrict",
  "baseUrl",
  "downlevelIteration",
  "esModuleInterop",
  "ignoreDeprecations"
]
