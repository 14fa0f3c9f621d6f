/**
 * What the type check of a workflow file is about, whichever TypeScript does it.
 *
 * - R1. `effect`, `@effect/*` and `open-agent-workflows` are the copies the loader gives the file, whoever imports them.
 * - R2. What is reported is in files of the user's: the file itself and what it imports, dependencies left out.
 * - R3. Imports are found as the loader finds them, and Node is there, whatever the project's configuration says of
 *   them; the rest of it is the project's.
 */
import * as Order from "effect/Order"
import * as Module from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

/**
 * Something the compiler has to say about a place in a file; lines and columns count from 1.
 * @category models
 * @since 0.1.0
 */
export interface Diagnostic {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `TS2322`. */
  readonly code: string
  readonly message: string
}

/**
 * What came of checking a file: the version that checked it and all it found, or why it was not checked.
 * @category models
 * @since 0.1.0
 */
export type Checked =
  | {
    readonly _tag: "Checked"
    readonly version: string
    readonly diagnostics: ReadonlyArray<Diagnostic>
    /** What was not looked at, and why. */
    readonly notes: ReadonlyArray<string>
  }
  | { readonly _tag: "Unchecked"; readonly reason: string }

/**
 * What decides the options of a file's check beside its project's configuration.
 * @category models
 * @since 0.1.0
 */
export interface Given {
  /** Its absolute path. */
  readonly file: string
  /** Such as `7.0.2`. */
  readonly version: string
  readonly hasNodeTypes: boolean
}

/**
 * What holds for a file that this version checks.
 * @category constructors
 * @since 0.1.0
 */
export const given = (version: string, file: string): Given => ({
  file,
  version,
  hasNodeTypes: isInstalled(file, "@types/node/package.json")
})

/**
 * Options that are the same for every project, as a configuration file writes them (R3).
 * @category constants
 * @since 0.1.0
 */
export const fixed = {
  moduleDetection: "force",
  allowImportingTsExtensions: true,
  noEmit: true,
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  emitDeclarationOnly: false,
  isolatedDeclarations: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  skipLibCheck: true,
  rewriteRelativeImportExtensions: false
} as const

/**
 * Options that say where what is made of the files of a project goes; a file outside its root is an error to some.
 * @category constants
 * @since 0.1.0
 */
export const ofOutput: ReadonlyArray<string> = [
  "declarationDir",
  "inlineSourceMap",
  "inlineSources",
  "mapRoot",
  "outDir",
  "outFile",
  "rootDir",
  "sourceMap",
  "sourceRoot",
  "tsBuildInfoFile"
]

/**
 * Options of a file that no configuration is for.
 * @category constants
 * @since 0.1.0
 */
export const unconfigured = { strict: true, exactOptionalPropertyTypes: true } as const

/**
 * The packages of `types` where a configuration has none: from version 6 on that would be none at all, of Node neither.
 * @category constants
 * @since 0.1.0
 */
export const typesWithout = ({ version }: Given): { readonly types?: Array<string> } =>
  Number.parseInt(version, 10) >= 6 ? { types: ["*"] } : {}

/**
 * The standard library of a project that names none: where nothing says what Node has, what it shares with browsers is
 * better than nothing.
 * @category constants
 * @since 0.1.0
 */
export const libWithout = ({ hasNodeTypes }: Given): ReadonlyArray<string> | undefined =>
  hasNodeTypes ? undefined : ["es2023", "dom"]

/**
 * Whether a specifier names a package the loader gives its own copy of (R1).
 * @category predicates
 * @since 0.1.0
 */
export const isShared = (specifier: string): boolean =>
  /^(?:effect|@effect\/[^/]+|open-agent-workflows)(?:\/|$)/.test(specifier)

/**
 * The module the loader resolves shared packages from.
 * @category constants
 * @since 0.1.0
 */
export const here = fileURLToPath(import.meta.url)

/**
 * Conditions of exports that hold for shared packages alone: from its own source this package is found as source.
 * @category constants
 * @since 0.1.0
 */
export const ownConditions: ReadonlyArray<string> = here.endsWith(".ts") ? ["owf:source"] : []

/**
 * Where this package is.
 * @category constants
 * @since 0.1.0
 */
export const ownPackage = Path.resolve(Path.dirname(here), "../..")

/**
 * Whether a source file is one whose errors the user can mend (R2).
 * @category predicates
 * @since 0.1.0
 */
export const isUsers = (path: string): boolean =>
  !/\.d\.(?:[cm]?ts|[^./\\]+\.ts)$|\.json$/.test(path) && !/[/\\]node_modules[/\\]/.test(path) &&
  !ownFolders.some((folder) => path.startsWith(folder))

/**
 * What came of a check, from all errors in files of the user's.
 * @category constructors
 * @since 0.1.0
 */
export const checked = (
  { file, hasNodeTypes, version }: Given,
  errors: ReadonlyArray<Diagnostic>,
  notes: ReadonlyArray<string> = []
): Checked => {
  const known = hasNodeTypes ? errors : errors.filter((one) => !isAboutNode(one))
  return {
    _tag: "Checked",
    version,
    diagnostics: known.toSorted(byPlace(file)).slice(0, most),
    notes: [
      ...(known.length === errors.length
        ? []
        : ["what the file uses of Node was not checked: @types/node is not installed"]),
      ...(known.length > most ? [`${known.length - most} more errors are not shown`] : []),
      ...notes
    ]
  }
}

/**
 * What comes of a check that could not be made.
 * @category constructors
 * @since 0.1.0
 */
export const unchecked = (reason: string): Checked => ({ _tag: "Unchecked", reason })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const most = 200

/** The file's own first. */
const byPlace = (file: string): Order.Order<Diagnostic> =>
  Order.combineAll([
    Order.mapInput(Order.reverse(Order.boolean), (one: Diagnostic) => one.file === file),
    Order.mapInput(Order.string, (one: Diagnostic) => one.file),
    Order.mapInput(Order.number, (one: Diagnostic) => one.line),
    Order.mapInput(Order.number, (one: Diagnostic) => one.column)
  ])

const ownFolders = ["dist", "src", "node_modules"].map((folder) => Path.join(ownPackage, folder) + Path.sep)

const isInstalled = (file: string, specifier: string): boolean => {
  try {
    Module.createRequire(file).resolve(specifier)
    return true
  } catch {
    return false
  }
}

/** That `node:fs`, `process` or `Buffer` is not known, which only the types of Node could change. */
const isAboutNode = ({ code, message }: Diagnostic): boolean =>
  ["TS2580", "TS2591"].includes(code) ||
  (["TS2304", "TS2307"].includes(code) && /'(?:node:[^']+|process|Buffer|setImmediate)'/.test(message))
