/**
 * Templates and expressions of a graph as TypeScript.
 *
 * - E1. What is written as TypeScript gives what the interpreter gives: only known names of known types are read, texts
 *   are compared with texts and numbers with numbers, and only whole numbers are calculated with.
 * - E2. Everything else is left to the interpreter, with the names it mentions.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type { Block, Expr } from "../internal/jinja/ast.ts"
import * as Expression from "./Expression.ts"
import type { ExpressionText, Prompt, Template } from "./Flow.ts"
import * as Print from "./FlowEjectPrint.ts"
import type { Test } from "./FlowEjectShape.ts"
import type { Type } from "./FlowEjectTypes.ts"
import * as Types from "./FlowEjectTypes.ts"
import * as Templates from "./Template.ts"

/**
 * A name where it is read.
 * @category models
 * @since 0.1.0
 */
export interface Known {
  readonly code: string
  /** The same where it may be undefined. */
  readonly raw?: string | undefined
  readonly type: Type
  /** Whether it has a value wherever this is come to. */
  readonly isThere: boolean
  /** The text itself, where it is known. */
  readonly text?: string | undefined
  /** Whether TypeScript may know less than the type says: what was compared before, or assigned elsewhere, is narrower. */
  readonly isNarrow?: boolean | undefined
}

/**
 * What the texts of a place know, and what they need of the file.
 * @category models
 * @since 0.1.0
 */
export interface Names {
  readonly find: (name: string) => Known | undefined
  /** Notes that a name is compared, which TypeScript draws conclusions from. */
  readonly compared: (name: string) => void
  /** Keeps a text at the top of the file and gives its name there. */
  readonly template: (prompt: Prompt) => string
}

/**
 * A text as an expression of type string.
 * @category converting
 * @since 0.1.0
 */
export const text = (template: Template, names: Names): string => rendered({ template, file: null }, names, "render")

/**
 * A prompt as an expression of type string; `node` is named where it turns out to be empty.
 * @category converting
 * @since 0.1.0
 */
export const prompt = (prompt: Prompt, names: Names, node: string): string => rendered(prompt, names, "prompt", node)

/**
 * The text of a template that has no parts to fill in; undefined for others.
 * @category getters
 * @since 0.1.0
 */
export const constant = (template: Template): string | undefined => {
  const block = blockOf({ template, file: null })
  return block?.every((part) => part._tag === "Text") === true
    ? block.map((part) => part._tag === "Text" ? part.text : "").join("")
    : undefined
}

/**
 * An expression as one of TypeScript, and what it gives.
 * @category converting
 * @since 0.1.0
 */
export const value = (source: ExpressionText, names: Names): { readonly code: string; readonly type: Type } => {
  const read = Expression.parse(source)
  const found = Either.isRight(read) ? translate(read.right.expr, names) : undefined
  if (found !== undefined) return { code: found.code, type: found.type }
  return { code: `yield* FlowKit.evaluate(${interpreted(source, names)})`, type: null }
}

/**
 * The list an expression gives.
 * @category converting
 * @since 0.1.0
 */
export const items = (source: ExpressionText, names: Names, node: string) => {
  const read = Expression.parse(source)
  const found = Either.isRight(read) ? translate(read.right.expr, names) : undefined
  if (found !== undefined && Types.kindOf(found.type) === "list") return { code: found.code, type: found.type }
  return { code: `yield* FlowKit.items(${Print.quote(node)}, ${interpreted(source, names)})`, type: null }
}

/**
 * A condition.
 * @category converting
 * @since 0.1.0
 */
export const test = (source: ExpressionText, names: Names): Test => {
  const read = Expression.parse(source)
  const found = Either.isRight(read) ? translate(read.right.expr, names) : undefined
  if (found !== undefined && Types.kindOf(found.type) === "boolean") return { holds: found.code, fails: negated(found) }
  const code = `yield* FlowKit.test(${interpreted(source, names)})`
  return { holds: code, fails: `!(${code})` }
}

/**
 * A name's own value as what it is compared as; TypeScript knows it by its kind alone where it knows too much.
 * @category converting
 * @since 0.1.0
 */
export const comparable = (known: Known, name: string, names: Names): string => {
  const kind = Types.kindOf(known.type)
  const isNarrow = known.isNarrow === true
  names.compared(name)
  return isNarrow ? `(${known.code} as ${kind === "integer" ? "number" : kind})` : known.code
}

/**
 * The value at a path, where TypeScript can read it.
 * @category converting
 * @since 0.1.0
 */
export const path = (parts: ReadonlyArray<string>, names: Names): Known | undefined => {
  const [root = "", ...fields] = parts
  const known = names.find(root)
  if (known?.isThere !== true) return undefined
  return fields.reduce<Known | undefined>(
    (target, name) => target === undefined ? undefined : fieldOf(target, name),
    known
  )
}

/**
 * The names an expression reads.
 * @category getters
 * @since 0.1.0
 */
export const namesOf = (source: ExpressionText): ReadonlyArray<string> => {
  const read = Expression.parse(source)
  return Either.isRight(read) ? namesIn(read.right.expr) : []
}

/**
 * An object with the names a text mentions, as far as they are known.
 * @category converting
 * @since 0.1.0
 */
export const mentioned = (found: Iterable<string>, names: Names): string =>
  Print.object(
    [...new Set(found)].toSorted().flatMap((name) => {
      const known = names.find(name)
      if (known === undefined) return []
      const code = known.raw ?? known.code
      return code === name ? [name] : [`${Print.key(name)}: ${code}`]
    })
  )

// -----------------------------------------------------------------------------
// templates
// -----------------------------------------------------------------------------

const blockOf = (prompt: Prompt): Block | undefined => {
  const read = Templates.compilePrompt(prompt)
  return Either.isRight(read) ? read.right.block : undefined
}

const rendered = (prompt: Prompt, names: Names, how: "render" | "prompt", node?: string): string => {
  const pieces = piecesOf(blockOf(prompt), names)
  const isSure = how === "render" || pieces?.some((piece) => piece._tag === "Text" && piece.text.trim() !== "") === true
  if (pieces !== undefined && isSure) return inOneText(pieces)
  const mentions = [prompt.template, ...prompt.includes?.values() ?? []].flatMap((template) =>
    namesIn(blockOf({ template, file: prompt.file }))
  )
  const first = how === "prompt" ? [Print.quote(node ?? "")] : []
  return `yield* ${Print.call(`FlowKit.${how}`, [...first, names.template(prompt), mentioned(mentions, names)])}`
}

type Piece = { readonly _tag: "Text"; readonly text: string } | {
  readonly _tag: "Value"
  readonly code: string
  readonly isText: boolean
}

const piecesOf = (block: Block | undefined, names: Names): ReadonlyArray<Piece> | undefined => {
  if (block === undefined) return undefined
  const pieces: Array<Piece> = []
  for (const part of block) {
    if (part._tag === "Text") pieces.push({ _tag: "Text", text: part.text })
    else if (part._tag !== "Output") return undefined
    else {
      const found = translate(part.value, names)
      if (found === undefined || !printed.has(Types.kindOf(found.type))) return undefined
      const isText = Types.kindOf(found.type) === "string"
      pieces.push(
        found.text === undefined ? { _tag: "Value", code: found.code, isText } : { _tag: "Text", text: found.text }
      )
    }
  }
  return pieces
}

/** Kinds that TypeScript puts into a text as a template does. */
const printed: ReadonlySet<Types.Kind> = new Set(["string", "integer", "number", "boolean"])

const inOneText = (pieces: ReadonlyArray<Piece>): string => {
  const [only] = pieces
  const lines: Array<Array<Piece>> = [[]]
  for (const piece of pieces) {
    if (piece._tag === "Value") {
      lines.at(-1)?.push(piece)
      continue
    }
    const [first = "", ...more] = piece.text.split("\n")
    lines.at(-1)?.push({ _tag: "Text", text: first })
    for (const text of more) lines.push([{ _tag: "Text", text }])
  }
  // a value that is no text has to become one, so it stands in a text even when it is alone
  if (pieces.length === 1 && only?._tag === "Value" && only.isText) return only.code
  if (lines.length === 1) return lineOf(pieces)
  return `[\n${Print.indent(lines.map(lineOf).join(",\n"))}\n].join("\\n")`
}

const lineOf = (pieces: ReadonlyArray<Piece>): string =>
  pieces.every((piece) => piece._tag === "Text")
    ? Print.quote(pieces.map((piece) => piece._tag === "Text" ? piece.text : "").join(""))
    : `\`${
      pieces.map((piece) => piece._tag === "Text" ? Print.inBackticks(piece.text) : `\${${piece.code}}`).join("")
    }\``

/** Every name that stands anywhere in a text, those that it binds itself included. */
const namesIn = (part: unknown): ReadonlyArray<string> => {
  if (Array.isArray(part)) return part.flatMap(namesIn)
  if (!Predicate.isReadonlyRecord(part)) return []
  const own = part["_tag"] === "Name" && typeof part["name"] === "string" ? [part["name"]] : []
  return [...own, ...Object.values(part).flatMap(namesIn)]
}

const interpreted = (source: ExpressionText, names: Names): string => {
  return `${Print.quote(source.source)}, ${mentioned(namesOf(source), names)}`
}

// -----------------------------------------------------------------------------
// expressions
// -----------------------------------------------------------------------------

interface Found extends Known {
  /** The name it begins with, where it is read of one. */
  readonly root?: string | undefined
  /** How strongly it holds together: 3 for what stands anywhere, 2 for sums, 1 for comparisons, 0 for `&&` and `||`. */
  readonly strength: 0 | 1 | 2 | 3
}

const atom = (code: string, type: Type, more: Partial<Found> = {}): Found => ({
  code,
  type,
  isThere: true,
  strength: 3,
  ...more
})

const composed = (code: string, type: Type, strength: Found["strength"]): Found => ({
  code,
  type,
  isThere: true,
  strength
})

const boolean: Type = { type: "boolean" }

const translate = (expr: Expr, names: Names): Found | undefined => {
  switch (expr._tag) {
    case "Constant":
      return constantOf(expr.value)
    case "Name": {
      const known = names.find(expr.name)
      return known?.isThere === true ? { ...known, root: expr.name, strength: 3 } : undefined
    }
    case "Attribute": {
      const target = translate(expr.target, names)
      if (target === undefined) return undefined
      const found = fieldOf(target, expr.name)
      return found === undefined ? undefined : { ...found, root: target.root, strength: 3 }
    }
    case "Unary": {
      const operand = translate(expr.operand, names)
      return operand !== undefined && expr.operator === "not" && Types.kindOf(operand.type) === "boolean"
        ? composed(negated(operand), boolean, 1)
        : undefined
    }
    case "Logic": {
      const left = translate(expr.left, names)
      const right = translate(expr.right, names)
      if (left === undefined || right === undefined) return undefined
      if (Types.kindOf(left.type) !== "boolean" || Types.kindOf(right.type) !== "boolean") return undefined
      return composed(
        `${enclosed(left, 1)} ${expr.operator === "and" ? "&&" : "||"} ${enclosed(right, 1)}`,
        boolean,
        0
      )
    }
    case "Binary":
      return binary(expr, names)
    case "Compare":
      return compare(expr, names)
    case "Call":
      return call(expr, names)
    default:
      return undefined
  }
}

const constantOf = (value: string | number | boolean | null): Found | undefined => {
  switch (typeof value) {
    case "string":
      return atom(Print.quote(value), { type: "string" }, { text: value })
    case "number":
      return value < 0 ? undefined : atom(String(value), { type: Number.isSafeInteger(value) ? "integer" : "number" })
    case "boolean":
      return atom(String(value), boolean)
    default:
      return undefined
  }
}

const fieldOf = (target: Known, name: string): Known | undefined => {
  const type = Types.fieldOf(target.type, name)
  return type === undefined
    ? undefined
    : { code: Print.field(target.code, name), type, isThere: true, isNarrow: target.isNarrow }
}

const enclosed = (found: Found, least: Found["strength"] = 3): string =>
  found.strength >= least ? found.code : `(${found.code})`

const negated = (found: Pick<Found, "code"> & Partial<Found>): string => {
  const simple = /^([\w$.]+) (===|!==) ([^\s&|]+)$/.exec(found.code)
  if (simple !== null) return `${simple[1]} ${simple[2] === "===" ? "!==" : "==="} ${simple[3]}`
  return found.strength === 3 ? `!${found.code}` : `!(${found.code})`
}

const whole = (found: Found | undefined): found is Found =>
  found !== undefined && Types.kindOf(found.type) === "integer"

/** Sums of whole numbers and of texts; what may not be whole or may be divided is left to the interpreter. */
const binary = (expr: Extract<Expr, { readonly _tag: "Binary" }>, names: Names): Found | undefined => {
  const left = translate(expr.left, names)
  const right = translate(expr.right, names)
  if ((expr.operator === "+" || expr.operator === "-") && whole(left) && whole(right)) {
    return composed(`${enclosed(left, 2)} ${expr.operator} ${enclosed(right)}`, { type: "integer" }, 2)
  }
  return undefined
}

const isNumber = (kind: Types.Kind): boolean => kind === "integer" || kind === "number"

const compare = (expr: Extract<Expr, { readonly _tag: "Compare" }>, names: Names): Found | undefined => {
  const [only, ...more] = expr.rest
  if (only === undefined || more.length > 0) return undefined
  const left = translate(expr.first, names)
  const right = translate(only.operand, names)
  if (left === undefined || right === undefined) return undefined
  const [one, other] = [Types.kindOf(left.type), Types.kindOf(right.type)]
  switch (only.operator) {
    case "==":
    case "!=": {
      if (!(one === "string" && other === "string") && !(isNumber(one) && isNumber(other))) return undefined
      const sides = [comparedSide(left, names), comparedSide(right, names)]
      return composed(sides.join(only.operator === "==" ? " === " : " !== "), boolean, 1)
    }
    case "<":
    case ">":
    case "<=":
    case ">=":
      return isNumber(one) && isNumber(other)
        ? composed(`${enclosed(left, 2)} ${only.operator} ${enclosed(right, 2)}`, boolean, 1)
        : undefined
    default:
      return undefined
  }
}

const comparedSide = (found: Found, names: Names): string =>
  found.root === undefined ? enclosed(found) : comparable(found, found.root, names)

const call = (expr: Extract<Expr, { readonly _tag: "Call" }>, names: Names): Found | undefined => {
  const [first] = expr.args
  if (expr.target._tag !== "Name" || expr.args.length !== 1 || first === undefined) return undefined
  if (expr.target.name === "exists" && first.value._tag === "Name") {
    const known = names.find(first.value.name)
    // one that is always or never there would be a condition that TypeScript sees through
    return known === undefined || known.isThere ? undefined : composed(`${known.code} !== undefined`, boolean, 1)
  }
  if (expr.target.name !== "len") return undefined
  const list = translate(first.value, names)
  return list !== undefined && Types.kindOf(list.type) === "list"
    ? atom(`${enclosed(list)}.length`, { type: "integer" })
    : undefined
}
