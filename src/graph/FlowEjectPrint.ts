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
 * An object of fields as they are written; on one line where it is short, with what else is to stand there.
 * @category converting
 * @since 0.1.0
 */
export const object = (fields: ReadonlyArray<string>, others = 0): string =>
  enclosed("{", fields, "}", fields.join(", ").length + others > width ? "\n" : " ")

/**
 * The head of a loop that goes on while both conditions hold.
 * @category converting
 * @since 0.1.0
 */
export const whileBoth = (first: string, second: string): string => {
  const line = `while (${first} && ${second})`
  return fitsLine(line) ? line : `while (\n${indent(`${first} &&\n${second}`)}\n)`
}

/**
 * A list of values as they are written; on one line where it is short.
 * @category converting
 * @since 0.1.0
 */
export const list = (values: ReadonlyArray<string>): string => enclosed("[", values, "]", "")

/**
 * A call with arguments as they are written: on one line where it is short, else with its last argument open where that is
 * an object, a list or a function, else with one argument on a line. `fields` are those of an object at its end.
 * @category converting
 * @since 0.1.0
 */
export const call = (name: string, given: ReadonlyArray<string>, fields: ReadonlyArray<string> = []): string => {
  const args = fields.length === 0 ? given : [...given, object(fields)]
  const line = `${name}(${args.join(", ")})`
  if (fitsLine(line)) return line
  const last = fields.length === 0 ? given.at(-1) ?? "" : enclosed("{", fields, "}", "\n")
  const lead = `${name}(${[...args.slice(0, -1), ""].join(", ")}`
  const [first = ""] = last.split("\n")
  if (last.includes("\n") && /^(?:[[{]|\(.*\) =>|function\*)/.test(last) && fitsLine(lead + first)) {
    return `${lead}${last})`
  }
  return `${name}(\n${indent(args.join(",\n"))}\n)`
}

/**
 * A type as it is written, its members on lines of their own where it is long.
 * @category converting
 * @since 0.1.0
 */
export const type = (text: string): string => {
  if (fitsLine(text)) return text
  const members = parted(text, " | ")
  if (members.length > 1) return `\n${indent(members.map((member) => `| ${type(member).trimStart()}`).join("\n"))}`
  const list = /^ReadonlyArray<(.*)>$/.exec(text)?.[1]
  if (list !== undefined) return `ReadonlyArray<${type(list)}>`
  if (!/^\{ .* \}$/.test(text)) return text
  const fields = parted(text.slice(2, -2), "; ").map((field) => {
    const [name = "", ...rest] = parted(field, ": ")
    return `${name}: ${type(rest.join(": "))}`.replace(": \n", ":\n")
  })
  return `{\n${indent(fields.join("\n"))}\n}`
}

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

const fitsLine = (text: string): boolean => text.length <= width && !text.includes("\n")

/** The parts of a type between the signs that stand in none of its brackets and texts. */
const parted = (text: string, sign: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === "\"") {
      for (at++; at < text.length && text.charAt(at) !== "\""; at++) if (text.charAt(at) === "\\") at++
    } else if ("{[(<".includes(character)) depth++
    else if ("}])>".includes(character)) depth--
    else if (depth === 0 && text.startsWith(sign, at)) {
      parts.push(text.slice(start, at))
      start = at + sign.length
      at = start - 1
    }
  }
  return [...parts, text.slice(start)]
}

const enclosed = (open: string, parts: ReadonlyArray<string>, close: string, space: string): string => {
  if (parts.length === 0) return `${open}${close}`
  const line = `${open}${space}${parts.join(", ")}${space}${close}`
  return space !== "\n" && fitsLine(line) ? line : `${open}\n${indent(parts.join(",\n"))}\n${close}`
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
