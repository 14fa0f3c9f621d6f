/**
 * Checks the types of a workflow file with the TypeScript of the project the file is in.
 *
 * - Y1. The TypeScript is the one Node finds from the file; without one nothing is checked, and that is said.
 * - Y2. `effect`, `@effect/*` and `open-agent-workflows` are the copies the loader gives the file, whoever imports them.
 * - Y3. What is reported is in files of the user's: the file itself and what it imports, dependencies left out.
 * - Y4. Imports are found as the loader finds them, whatever the project's configuration says of modules; the rest of it
 *   is the project's. Nothing is written.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import type ts from "typescript"

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
 * Checks a file, given by its absolute path.
 * @category running
 * @since 0.1.0
 */
export const check = (file: string): Effect.Effect<Checked> =>
  Effect.sync(() => {
    const compiler = compilerFor(file)
    return typeof compiler === "string" ? { _tag: "Unchecked", reason: compiler } : checkWith(compiler, file)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Compiler = typeof ts

/** Y1; a text says why there is none. */
const compilerFor = (file: string): Compiler | string => {
  const require = Module.createRequire(file)
  let path: string
  try {
    path = require.resolve("typescript")
  } catch {
    return "typescript is not installed in the file's project"
  }
  try {
    const found: unknown = require(path)
    return isCompiler(found) ? found : unusable(path, found)
  } catch (error) {
    return `the typescript at ${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** TypeScript 7 is a program of its own, which other programs cannot ask as they asked those before it. */
const unusable = (path: string, found: unknown): string => {
  const version = Predicate.hasProperty(found, "version") ? `typescript ${String(found.version)}` : "the typescript"
  return `${version} at ${path} has no interface for programs; typescript 6 has: npm install --save-dev typescript@6`
}

const isCompiler = (value: unknown): value is Compiler =>
  Predicate.isRecord(value) &&
  ["createProgram", "createCompilerHost", "resolveModuleName"].every((name) => typeof value[name] === "function")

const checkWith = (compiler: Compiler, file: string): Checked => {
  const hasNodeTypes = isInstalled(file, "@types/node/package.json")
  const options = optionsFor(compiler, file, hasNodeTypes)
  const host = compiler.createCompilerHost(options)
  // where the types of a project without a configuration are looked for
  host.getCurrentDirectory = () => Path.dirname(file)
  host.resolveModuleNameLiterals = (literals, containing, redirected, given) =>
    literals.map(({ text }) => {
      const ours = isShared(text)
        ? compiler.resolveModuleName(text, here, { ...given, ...ownConditions }, host).resolvedModule
        : undefined
      // a package we do not have is found as usual (L1 of the loader)
      return ours === undefined
        ? compiler.resolveModuleName(text, containing, given, host, undefined, redirected)
        : { resolvedModule: ours }
    })
  const program = compiler.createProgram([file], options, host)
  const all: Array<ts.Diagnostic> = []
  for (const source of program.getSourceFiles()) {
    if (isUsers(program, source)) {
      all.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source))
    }
  }
  const errors = all.filter(({ category }) => category === compiler.DiagnosticCategory.Error)
  const [known, unknowable] = partition(errors, (one) => hasNodeTypes || !isAboutNode(compiler, one))
  return {
    _tag: "Checked",
    version: compiler.version,
    diagnostics: known.slice(0, most).map((one) => toDiagnostic(compiler, file, one)),
    notes: [
      ...(unknowable.length === 0 ? [] : ["what the file uses of Node was not checked: @types/node is not installed"]),
      ...(known.length > most ? [`${known.length - most} more errors are not shown`] : [])
    ]
  }
}

const most = 200

/** Y4. */
const optionsFor = (compiler: Compiler, file: string, hasNodeTypes: boolean): ts.CompilerOptions => {
  const project = compiler.findConfigFile(Path.dirname(file), (path) => Fs.existsSync(path))
  const parsed = project === undefined
    ? undefined
    : compiler.getParsedCommandLineOfConfigFile(project, {}, {
      ...compiler.sys,
      onUnRecoverableConfigFileDiagnostic: () => undefined
    })
  const asWritten = parsed?.options ?? { strict: true, exactOptionalPropertyTypes: true }
  return {
    ...asWritten,
    target: Math.max(asWritten.target ?? compiler.ScriptTarget.ES2022, compiler.ScriptTarget.ES2022),
    // where nothing says what Node has, what it shares with browsers is better than nothing
    ...(asWritten.lib === undefined && !hasNodeTypes ? { lib: ["lib.es2023.d.ts", "lib.dom.d.ts"] } : {}),
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    moduleDetection: compiler.ModuleDetectionKind.Force,
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
  }
}

const here = fileURLToPath(import.meta.url)

/** From its own source this package is found as source. */
const ownConditions: ts.CompilerOptions = here.endsWith(".ts") ? { customConditions: ["owf:source"] } : {}

const isShared = (specifier: string): boolean =>
  /^(?:effect|@effect\/[^/]+|open-agent-workflows)(?:\/|$)/.test(specifier)

const ownPackage = Path.resolve(Path.dirname(here), "../..")
const ownFolders = ["dist", "src", "node_modules"].map((folder) => Path.join(ownPackage, folder) + Path.sep)

/** Y3. */
const isUsers = (program: ts.Program, source: ts.SourceFile): boolean =>
  !source.isDeclarationFile && !program.isSourceFileFromExternalLibrary(source) &&
  !source.fileName.includes("/node_modules/") &&
  !ownFolders.some((folder) => Path.resolve(source.fileName).startsWith(folder))

const isInstalled = (file: string, specifier: string): boolean => {
  try {
    Module.createRequire(file).resolve(specifier)
    return true
  } catch {
    return false
  }
}

/** That `node:fs`, `process` or `Buffer` is not known, which only the types of Node could change. */
const isAboutNode = (compiler: Compiler, { code, messageText }: ts.Diagnostic): boolean =>
  [2580, 2591].includes(code) ||
  ([2304, 2307].includes(code) &&
    /'(?:node:[^']+|process|Buffer|setImmediate)'/.test(compiler.flattenDiagnosticMessageText(messageText, "\n")))

const partition = <A>(items: ReadonlyArray<A>, test: (item: A) => boolean): readonly [Array<A>, Array<A>] => [
  items.filter(test),
  items.filter((item) => !test(item))
]

const toDiagnostic = (compiler: Compiler, file: string, one: ts.Diagnostic): Diagnostic => {
  const place = one.file?.getLineAndCharacterOfPosition(one.start ?? 0)
  return {
    file: one.file === undefined ? file : Path.resolve(one.file.fileName),
    line: (place?.line ?? 0) + 1,
    column: (place?.character ?? 0) + 1,
    code: `TS${one.code}`,
    message: compiler.flattenDiagnosticMessageText(one.messageText, "\n")
  }
}
