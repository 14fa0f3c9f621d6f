/**
 * Module hooks that let Node import a workflow written in TypeScript.
 *
 * Node runs this file in a thread of its own (`module.register`) or in the main thread (`module.registerHooks`), so it
 * is plain code: no Effect, no state, nothing imported from this package.
 *
 * - L1. `effect`, `@effect/*` and `open-agent-workflows` resolve to the copies this package uses, whoever imports
 *   them, so that a process holds one Effect. A package we do not have resolves as usual.
 * - L2. A relative import that names no file is tried as TypeScript: `./a.js` → `./a.ts`, `./a` → `./a.ts` or
 *   `./a/index.ts`. A file that exists is never replaced.
 * - L3. TypeScript is translated with inline source maps, enums and parameter properties included.
 * - L4. A syntax error, in TypeScript or in an ES module of the user's, is a `SyntaxError` with `code: "OWF_SYNTAX"`
 *   that names the file and shows the place.
 */
import * as Fs from "node:fs"
import type * as Module from "node:module"
import * as Url from "node:url"
import { transformSync } from "oxc-transform"

/**
 * Resolves a specifier, for `module.register`.
 * @category running
 * @since 0.1.0
 */
export const resolve: Module.ResolveHook = async (specifier, context, nextResolve) => {
  // Node keeps what a hook passes on, so the importer has to be put back before the second attempt
  const asWritten = { ...context }
  if (isShared(specifier)) {
    try {
      return await nextResolve(specifier, { ...context, parentURL: import.meta.url })
    } catch (error) {
      if (!isUnknownPackage(error)) throw namingImporter(error, asWritten.parentURL)
    }
  }
  return nextResolve(findSource(specifier, asWritten.parentURL), asWritten)
}

/**
 * Loads a module, for `module.register`.
 * @category running
 * @since 0.1.0
 */
export const load: Module.LoadHook = async (url, context, nextLoad) => {
  if (isTypeScript(url)) return translate(url)
  if (isUserModule(url, context.format)) checkSyntax(url)
  return nextLoad(url, context)
}

/**
 * Resolves a specifier, for `module.registerHooks`.
 * @category running
 * @since 0.1.0
 */
export const resolveSync: Module.ResolveHookSync = (specifier, context, nextResolve) => {
  const asWritten = { ...context }
  if (isShared(specifier)) {
    try {
      return nextResolve(specifier, { ...context, parentURL: import.meta.url })
    } catch (error) {
      if (!isUnknownPackage(error)) throw namingImporter(error, asWritten.parentURL)
    }
  }
  return nextResolve(findSource(specifier, asWritten.parentURL), asWritten)
}

/**
 * Loads a module, for `module.registerHooks`.
 * @category running
 * @since 0.1.0
 */
export const loadSync: Module.LoadHookSync = (url, context, nextLoad) => {
  if (isTypeScript(url)) return translate(url)
  if (isUserModule(url, context.format)) checkSyntax(url)
  return nextLoad(url, context)
}

// -----------------------------------------------------------------------------
// resolving
// -----------------------------------------------------------------------------

const isShared = (specifier: string): boolean =>
  /^(?:effect|@effect\/[^/]+|open-agent-workflows)(?:\/|$)/.test(specifier)

// a missing file inside a package we do have must not fall back to another copy of that package
const isUnknownPackage = (error: unknown): boolean =>
  error instanceof Error && "code" in error &&
  (error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND") &&
  /^Cannot find (?:package|module) '(?:@effect\/[^/']+|effect|open-agent-workflows)[/']/.test(error.message)

const namingImporter = (error: unknown, parent: string | undefined): unknown => {
  if (error instanceof Error && parent?.startsWith("file:")) {
    error.message = error.message.replace(Url.fileURLToPath(import.meta.url), Url.fileURLToPath(parent))
  }
  return error
}

const endings: Readonly<Record<string, ReadonlyArray<string>>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"]
}

const additions = [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.tsx", "/index.mts", "/index.js"]

const findSource = (specifier: string, parent: string | undefined): string => {
  if (!/^(?:\.{1,2}\/|\.{1,2}$|file:)/.test(specifier) || parent === undefined || !parent.startsWith("file:")) {
    return specifier
  }
  const target = new URL(specifier, parent)
  if (isFile(target) || parent.includes("/node_modules/")) return specifier
  const ending = /\.[cm]?jsx?$/.exec(target.pathname)?.[0]
  const candidates = [
    ...(ending === undefined ? [] : (endings[ending] ?? []).map((to) => target.pathname.slice(0, -ending.length) + to)),
    ...additions.map((addition) => target.pathname.replace(/\/$/, "") + addition)
  ]
  for (const pathname of candidates) {
    const candidate = new URL(target)
    candidate.pathname = pathname
    if (isFile(candidate)) return candidate.href
  }
  return specifier
}

const isFile = (url: URL): boolean => {
  const path = new URL(url)
  path.search = ""
  path.hash = ""
  return Fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

// -----------------------------------------------------------------------------
// translating
// -----------------------------------------------------------------------------

const isTypeScript = (url: string): boolean => url.startsWith("file:") && /\.[cm]?tsx?$/.test(new URL(url).pathname)

const translate = (url: string): Module.LoadFnOutput => {
  const location = new URL(url)
  const file = Url.fileURLToPath(location)
  const commonJs = file.endsWith(".cts")
  const result = transformSync(file, Fs.readFileSync(file, "utf8"), {
    lang: file.endsWith("x") ? "tsx" : "ts",
    sourceType: commonJs ? "commonjs" : "module",
    sourcemap: true
  })
  if (result.errors.length > 0) throw syntaxError(file, result.errors)
  const map = { ...result.map, sources: [url], sourceRoot: undefined }
  const inlined = Buffer.from(JSON.stringify(map)).toString("base64")
  return {
    format: commonJs ? "commonjs" : "module",
    shortCircuit: true,
    source: `${result.code}\n//# sourceMappingURL=data:application/json;base64,${inlined}\n`
  }
}

const ownPackage = new URL("../../", import.meta.url).href

const isUserModule = (url: string, format: string | null | undefined): boolean =>
  format === "module" && url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(ownPackage)

// Node's own message for JavaScript names neither file nor line once source maps are on
const checkSyntax = (url: string): void => {
  const file = Url.fileURLToPath(new URL(url))
  const result = transformSync(file, Fs.readFileSync(file, "utf8"), { lang: "js", sourceType: "module" })
  if (result.errors.length > 0) throw syntaxError(file, result.errors)
}

const syntaxError = (
  file: string,
  problems: ReadonlyArray<{ readonly message: string; readonly codeframe: string | null }>
): SyntaxError => {
  const details = problems.map((problem) => problem.codeframe ?? problem.message).join("\n")
  return Object.assign(new SyntaxError(`Cannot parse ${file}\n${details}`), { code: "OWF_SYNTAX", path: file })
}
