/**
 * TypeScript as text: literals, objects and statements, laid out to be read.
 */
import * as Predicate from "effect/Predicate"
import type { Stmt, Stmts } from "./FlowEjectShape.ts"

/**
 * Stands in front of words of a text that could be taken for code; nothing else is written with it.
 * @category constants
 * @since 0.1.0
 */
export const mark = "\u0001"

/**
 * Lines one step further in.
 * @category converting
 * @since 0.1.0
 */
export const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, "  ")

/**
 * A text as a literal.
 * @category converting
 * @since 0.1.0
 */
export const quote = (text: string): string =>
  marked(JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029"))

/**
 * A text between backticks, as it stands there.
 * @category converting
 * @since 0.1.0
 */
export const inBackticks = (text: string): string =>
  marked(
    text.replaceAll(/[\\`]|\$(?=\{)/g, "\\$&").replaceAll(
      /[\u0000-\u0009\u000b-\u001f\u007f\u2028\u2029\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
    )
  )

/**
 * A long text as it is written, for the top of a file.
 * @category converting
 * @since 0.1.0
 */
export const literalText = (text: string): string => text.includes("\n") ? `\`${inBackticks(text)}\`` : quote(text)

/**
 * A value of JSON as a literal.
 * @category converting
 * @since 0.1.0
 */
export const literal = (value: unknown): string => {
  if (typeof value === "string") return quote(value)
  if (Array.isArray(value)) return list(value.map(literal))
  if (Predicate.isReadonlyRecord(value)) {
    return object(Object.entries(value).map(([name, field]) => `${key(name)}: ${literal(field)}`))
  }
  return JSON.stringify(value) ?? "undefined"
}

/**
 * The name of a field; one that would not be a field of its own stands in brackets.
 * @category converting
 * @since 0.1.0
 */
export const key = (name: string): string =>
  name === "__proto__" ? "[\"__proto__\"]" : isIdentifier(name) ? name : quote(name)

/**
 * A field of a value.
 * @category converting
 * @since 0.1.0
 */
export const field = (value: string, name: string): string =>
  isIdentifier(name) ? `${value}.${name}` : `${value}[${quote(name)}]`

/**
 * Whether a text can be written as a name.
 * @category predicates
 * @since 0.1.0
 */
export const isIdentifier = (text: string): boolean => /^[A-Za-z_$][\w$]*$/.test(text)

/**
 * An object of fields as they are written; on one line where it is short.
 * @category converting
 * @since 0.1.0
 */
export const object = (fields: ReadonlyArray<string>): string => enclosed("{", fields, "}", " ")

/**
 * A list of values as they are written; on one line where it is short.
 * @category converting
 * @since 0.1.0
 */
export const list = (values: ReadonlyArray<string>): string => enclosed("[", values, "]", "")

/**
 * Statements as lines.
 * @category converting
 * @since 0.1.0
 */
export const print = (stmts: Stmts, labelOf: (label: string) => string): string => {
  const write = (body: Stmts, around: Around): string => body.map((stmt) => one(stmt, around)).join("\n")
  const braces = (head: string, body: Stmts, around: Around): string =>
    body.length === 0 ? `${head} {}` : `${head} {\n${indent(write(body, around))}\n}`
  const one = (stmt: Stmt, around: Around): string => {
    switch (stmt._tag) {
      case "Code":
      case "Exit":
        return stmt.text
      case "Jump":
        return isNear(stmt, around) ? stmt.kind : `${stmt.kind} ${labelOf(stmt.label)}`
      case "If":
        return ifs(stmt, around)
      case "Switch": {
        const inner = { ...around, breaks: null }
        return `switch (${stmt.on}) {\n${
          stmt.cases.map(({ body, values }) => {
            const heads = values.length === 0 ? ["default:"] : values.map((value) => `case ${value}:`)
            const last = body.at(-1)
            const goesOn = last === undefined || (last._tag !== "Exit" && last._tag !== "Jump")
            const lines = [...body.length === 0 ? [] : [write(body, inner)], ...goesOn ? ["break"] : []]
            return indent(`${heads.join("\n")} {\n${indent(lines.join("\n"))}\n}`)
          }).join("\n")
        }\n}`
      }
      case "Block":
        return braces(`${labelOf(stmt.label)}:`, stmt.body, { ...around, breaks: around.breaks })
      case "Loop": {
        const inner = { breaks: stmt.label, continues: stmt.label }
        const name = isNamed(stmt.body, stmt.label, inner) ? `${labelOf(stmt.label)}: ` : ""
        return braces(`${name}${stmt.head}`, stmt.body, inner)
      }
    }
  }
  const ifs = (stmt: Extract<Stmt, { readonly _tag: "If" }>, around: Around): string => {
    const then = braces(`if (${stmt.test.holds})`, stmt.met, around)
    if (stmt.else.length === 0) return then
    const [only] = stmt.else
    return stmt.else.length === 1 && only?._tag === "If"
      ? `${then} else ${ifs(only, around)}`
      : `${then} ${braces("else", stmt.else, around)}`
  }
  return write(stmts, { breaks: null, continues: null })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const width = 80

/** What looks like the use of a module is marked where it is a part of a text. */
const marked = (text: string): string => text.replaceAll(/\b(?=[A-Z]\w*\.)/g, mark)

const enclosed = (open: string, parts: ReadonlyArray<string>, close: string, space: string): string => {
  if (parts.length === 0) return `${open}${close}`
  const line = `${open}${space}${parts.join(", ")}${space}${close}`
  return line.length <= width && !line.includes("\n") ? line : `${open}\n${indent(parts.join(",\n"))}\n${close}`
}

/** What a jump without a label means. */
interface Around {
  readonly breaks: string | null
  readonly continues: string | null
}

const isNear = ({ kind, label }: Extract<Stmt, { readonly _tag: "Jump" }>, around: Around): boolean =>
  label === (kind === "break" ? around.breaks : around.continues)

/** Whether a statement jumps to a loop by its name. */
const isNamed = (stmts: Stmts, label: string, around: Around): boolean =>
  stmts.some((stmt) => {
    switch (stmt._tag) {
      case "Jump":
        return stmt.label === label && !isNear(stmt, around)
      case "If":
        return isNamed(stmt.met, label, around) || isNamed(stmt.else, label, around)
      case "Switch":
        return stmt.cases.some(({ body }) => isNamed(body, label, { ...around, breaks: null }))
      case "Loop":
        return isNamed(stmt.body, label, { breaks: stmt.label, continues: stmt.label })
      case "Block":
        return isNamed(stmt.body, label, around)
      default:
        return false
    }
  })
