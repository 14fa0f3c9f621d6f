/**
 * Checks the types of a workflow file with a TypeScript that other programs can use as a library, which 5 and 6 are.
 *
 * Nothing is written, and no process is started.
 */
import * as Predicate from "effect/Predicate"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type ts from "typescript"
import * as Rules from "./TypeCheckRules.ts"

/**
 * TypeScript as a library.
 * @category models
 * @since 0.1.0
 */
export type Compiler = typeof ts

/**
 * Whether what the package `typescript` exports is the library.
 * @category predicates
 * @since 0.1.0
 */
export const isCompiler = (value: unknown): value is Compiler =>
  Predicate.isRecord(value) &&
  ["createProgram", "createCompilerHost", "resolveModuleName"].every((name) => typeof value[name] === "function")

/**
 * Checks a file, given by its absolute path.
 * @category running
 * @since 0.1.0
 */
export const check = (compiler: Compiler, file: string): Rules.Checked => {
  const given = Rules.given(compiler.version, file)
  const options = optionsFor(compiler, file, given)
  const program = compiler.createProgram([file], options, hostFor(compiler, file, options))
  const all: Array<ts.Diagnostic> = []
  for (const source of program.getSourceFiles()) {
    if (isUsers(program, source)) {
      all.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source))
    }
  }
  const errors = all.filter(({ category }) => category === compiler.DiagnosticCategory.Error)
  return Rules.checked(given, errors.map((one) => toDiagnostic(compiler, file, one)))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const hostFor = (compiler: Compiler, file: string, options: ts.CompilerOptions): ts.CompilerHost => {
  const host = compiler.createCompilerHost(options)
  // where the types of a project without a configuration are looked for
  host.getCurrentDirectory = () => Path.dirname(file)
  host.resolveModuleNameLiterals = (literals, containing, redirected, given) =>
    literals.map(({ text }) => {
      const ours = Rules.isShared(text)
        ? compiler.resolveModuleName(text, Rules.here, { ...given, ...ownConditions }, host).resolvedModule
        : undefined
      // a package we do not have is found as usual (L1 of the loader)
      return ours === undefined
        ? compiler.resolveModuleName(text, containing, given, host, undefined, redirected)
        : { resolvedModule: ours }
    })
  return host
}

const ownConditions: ts.CompilerOptions = Rules.ownConditions.length === 0
  ? {}
  : { customConditions: [...Rules.ownConditions] }

const optionsFor = (compiler: Compiler, file: string, given: Rules.Given): ts.CompilerOptions => {
  const project = compiler.findConfigFile(Path.dirname(file), (path) => Fs.existsSync(path))
  const parsed = project === undefined
    ? undefined
    : compiler.getParsedCommandLineOfConfigFile(project, {}, {
      ...compiler.sys,
      onUnRecoverableConfigFileDiagnostic: () => undefined
    })
  const asWritten: ts.CompilerOptions = parsed?.options ?? Rules.unconfigured
  const lib = Rules.libWithout(given)?.map((name) => `lib.${name}.d.ts`)
  return {
    ...Rules.typesWithout(given),
    ...(lib === undefined ? {} : { lib }),
    ...Object.fromEntries(Object.entries(asWritten).filter(([name]) => !Rules.ofOutput.includes(name))),
    ...Rules.fixed,
    target: Math.max(asWritten.target ?? compiler.ScriptTarget.ES2022, compiler.ScriptTarget.ES2022),
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    moduleDetection: compiler.ModuleDetectionKind.Force
  }
}

const isUsers = (program: ts.Program, source: ts.SourceFile): boolean =>
  !source.isDeclarationFile && !program.isSourceFileFromExternalLibrary(source) &&
  Rules.isUsers(Path.resolve(source.fileName))

const toDiagnostic = (compiler: Compiler, file: string, one: ts.Diagnostic): Rules.Diagnostic => {
  const place = one.file?.getLineAndCharacterOfPosition(one.start ?? 0)
  return {
    file: one.file === undefined ? file : Path.resolve(one.file.fileName),
    line: (place?.line ?? 0) + 1,
    column: (place?.character ?? 0) + 1,
    code: `TS${one.code}`,
    message: compiler.flattenDiagnosticMessageText(one.messageText, "\n")
  }
}
