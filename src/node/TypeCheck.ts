/**
 * Checks the types of a workflow file with the TypeScript of the project the file is in.
 *
 * - Y1. The TypeScript is the one Node finds from the file; without one nothing is checked, and that is said.
 * - Y2. It is asked as a library where it is one, as 5 and 6 are, else with its `tsc`; what is found is the same.
 * - Y3. Nothing of the file is run, and nothing is written where it is.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import * as Supervisor from "../internal/subprocess/Supervisor.ts"
import * as Library from "./TypeCheckLibrary.ts"
import * as Program from "./TypeCheckProgram.ts"
import * as Rules from "./TypeCheckRules.ts"

/**
 * Checks a file, given by its absolute path.
 * @category running
 * @since 0.1.0
 */
export const check = (file: string): Effect.Effect<Rules.Checked> =>
  Effect.suspend(() => {
    const found = find(file)
    switch (found._tag) {
      case "None":
        return Effect.succeed(Rules.unchecked(found.reason))
      case "Library":
        return Effect.sync(() => Library.check(found.compiler, file))
      case "Program":
        return Effect.map(
          Effect.provide(Program.check(found, file), Supervisor.layer),
          (ran) => ran._tag === "Unusable" ? Rules.unchecked(unusable(found, `, and its tsc ${ran.reason}`)) : ran
        )
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Found =
  | { readonly _tag: "None"; readonly reason: string }
  | { readonly _tag: "Library"; readonly compiler: Library.Compiler }
  | { readonly _tag: "Program"; readonly version: string; readonly tsc: string; readonly path: string }

/** Y1. */
const find = (file: string): Found => {
  const require = Module.createRequire(file)
  let path: string
  try {
    path = require.resolve("typescript")
  } catch {
    return { _tag: "None", reason: "typescript is not installed in the file's project" }
  }
  try {
    const found: unknown = require(path)
    if (Library.isCompiler(found)) return { _tag: "Library", compiler: found }
    const version = Predicate.hasProperty(found, "version") ? String(found.version) : undefined
    return programOf(require, path) ?? { _tag: "None", reason: unusable({ version, path }) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { _tag: "None", reason: `the typescript at ${path} cannot be loaded: ${reason}` }
  }
}

const unusable = (
  { path, version }: { readonly version: string | undefined; readonly path: string },
  why = ""
): string =>
  `${
    version === undefined ? "the typescript" : `typescript ${version}`
  } at ${path} has no interface for programs${why}; ` +
  "typescript 6 has: npm install --save-dev typescript@6"

const decode = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Struct({ version: Schema.String, bin: Schema.Struct({ tsc: Schema.String }) }))
)

const programOf = (require: NodeJS.Require, path: string): Found | undefined => {
  const manifest = require.resolve("typescript/package.json")
  const { bin, version } = Either.getOrElse(
    decode(Fs.readFileSync(manifest, "utf8")),
    () => ({ bin: undefined, version: "" })
  )
  const tsc = bin === undefined ? undefined : Path.resolve(Path.dirname(manifest), bin.tsc)
  return tsc !== undefined && Fs.existsSync(tsc) ? { _tag: "Program", version, tsc, path } : undefined
}
