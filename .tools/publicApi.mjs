/**
 * What the package exports, read from its sources with TypeScript's checker: the base of the reference documentation
 * and of the test that guards the public surface.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import ts from "typescript"

/** @type {typeof import("./publicApi.mjs").publicModules} */
export const publicModules = (root) => {
  const src = Path.join(root, "src")
  const isPublic = pathsOf(root)
  const files = Fs.readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(Path.sep).join("/"))
    .filter((file) => file.endsWith(".ts") && (file === "index.ts" || isPublic(`./${file.slice(0, -3)}`)))
    .toSorted((a, b) => a === "index.ts" ? -1 : b === "index.ts" ? 1 : a < b ? -1 : 1)
  const program = ts.createProgram(files.map((file) => Path.join(src, file)), options(root))
  const checker = program.getTypeChecker()
  return files.flatMap((file) => {
    const source = program.getSourceFile(Path.join(src, file))
    const symbol = source && checker.getSymbolAtLocation(source)
    if (source === undefined || symbol === undefined) return []
    const exports = checker.getExportsOfModule(symbol)
      .map((member) => describe(checker, member))
      .toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
    const name = file.replace(/\.ts$/, "")
    const specifier = name === "index" ? "open-agent-workflows" : `open-agent-workflows/${name}`
    return exports.length === 0 ? [] : [{ specifier, summary: headerOf(source), exports }]
  })
}

/** Whether a path can be imported from the package: an exact entry wins, then the longest pattern, as Node resolves it. */
const pathsOf = (root) => {
  const { exports } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
  const patterns = Object.keys(exports).filter((path) => path.endsWith("*")).toSorted((a, b) => b.length - a.length)
  return (path) => {
    if (path in exports) return exports[path] !== null
    const pattern = patterns.find((pattern) => path.startsWith(pattern.slice(0, -1)))
    return pattern !== undefined && exports[pattern] !== null
  }
}

const options = (root) => {
  const { config } = ts.readConfigFile(Path.join(root, "tsconfig.json"), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  return { ...options, composite: false, declarationMap: false, noEmit: true }
}

const describe = (checker, member) => {
  const symbol = member.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(member) : member
  return { name: member.name, kind: kindOf(checker, symbol), summary: summaryOf(checker, symbol, member) }
}

const kindOf = (checker, { flags, valueDeclaration, ...symbol }) => {
  if (flags & ts.SymbolFlags.ValueModule) return "namespace"
  if (flags & ts.SymbolFlags.Class) return "class"
  const type = flags & ts.SymbolFlags.Interface
    ? "interface"
    : flags & ts.SymbolFlags.TypeAlias
    ? "type"
    : undefined
  const callable = valueDeclaration !== undefined &&
    checker.getTypeAtLocation(valueDeclaration).getCallSignatures().length > 0
  const value = flags & ts.SymbolFlags.Function || callable
    ? "function"
    : flags & ts.SymbolFlags.Variable
    ? "const"
    : undefined
  return [type, value].filter((kind) => kind !== undefined).join(" + ") || `other ${symbol.escapedName}`
}

const summaryOf = (checker, symbol, member) => {
  if (symbol.flags & ts.SymbolFlags.ValueModule) {
    const source = symbol.declarations?.[0]
    return source && ts.isSourceFile(source) ? headerOf(source) : ""
  }
  const text = [symbol, member]
    .map((symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)))
    .find((text) => text !== "")
  return firstSentence(text ?? "")
}

const headerOf = (source) => {
  const text = source.getFullText()
  const comment = /^\s*\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""
  return firstSentence(comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "")).join("\n").trim())
}

const firstSentence = (text) => {
  const paragraph = (text.split(/\n\s*\n/)[0] ?? "").replace(/\s+/g, " ").trim()
  return /^.*?[.:!?](?= [A-Z`]|$)/.exec(paragraph)?.[0] ?? paragraph
}
