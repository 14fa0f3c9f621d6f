/**
 * Cuts a template into text and tags, and the inside of a tag into tokens.
 *
 * - L1. Every token knows its offset in the source.
 * - L2. Each character is looked at a bounded number of times: time is linear in the length of the source.
 */
import { raiseSyntax } from "./fault.ts"

/**
 * A token of an expression. The `end` stands after the last one.
 * @category models
 * @since 0.1.0
 */
export type Token =
  & { readonly at: number }
  & (
    | { readonly _tag: "name" | "string" | "operator"; readonly text: string }
    | { readonly _tag: "number"; readonly value: number; readonly text: string }
    | { readonly _tag: "end"; readonly text: "" }
  )

/**
 * A part of a template: text as it is, or a tag with its tokens.
 * @category models
 * @since 0.1.0
 */
export type Part =
  | { readonly _tag: "text"; readonly at: number; readonly text: string }
  | { readonly _tag: "output" | "statement"; readonly at: number; readonly tokens: ReadonlyArray<Token> }

/**
 * The parts of a template; comments are gone, raw blocks are text.
 * @category converting
 * @since 0.1.0
 */
export const parts = (source: string): ReadonlyArray<Part> => {
  const found: Array<Part> = []
  let at = 0
  let trimsNext = false
  const pushText = (text: string, start: number) => {
    const from = trimsNext ? text.length - text.trimStart().length : 0
    if (from < text.length) found.push({ _tag: "text", at: start + from, text: text.slice(from) })
  }
  while (at < source.length) {
    const open = nextTag(source, at)
    const trimsThis = source[open + 2] === "-"
    const before = source.slice(at, open)
    pushText(trimsThis ? before.trimEnd() : before, at)
    if (open >= source.length) break
    const tag = readTag(source, open)
    if (tag.part !== null) found.push(tag.part)
    trimsNext = tag.trimsNext
    at = tag.end
    if (tag.part !== null && isRaw(tag.part)) {
      const raw = readRaw(source, at, open)
      found.pop()
      pushText(raw.text, at)
      trimsNext = raw.trimsNext
      at = raw.end
    }
  }
  return found
}

/**
 * The tokens of an expression that stands alone.
 * @category converting
 * @since 0.1.0
 */
export const tokens = (source: string): ReadonlyArray<Token> => {
  const state: State = { source, at: 0, brackets: [] }
  const found: Array<Token> = []
  for (let token = next(state); token !== undefined; token = next(state)) found.push(token)
  const open = state.brackets.at(-1)
  if (open !== undefined) raiseSyntax(open.at, `'${open.bracket}' is not closed`)
  return [...found, { _tag: "end", at: state.at, text: "" }]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly source: string
  at: number
  readonly brackets: Array<{ readonly bracket: string; readonly at: number }>
}

const tagStart = /\{[{%#]/g

const nextTag = (source: string, from: number): number => {
  tagStart.lastIndex = from
  return tagStart.exec(source)?.index ?? source.length
}

interface Tag {
  /** Null for a comment. */
  readonly part: Exclude<Part, { readonly _tag: "text" }> | null
  readonly end: number
  readonly trimsNext: boolean
}

const readTag = (source: string, open: number): Tag => {
  const kind = source[open + 1]
  if (kind === "#") {
    const close = source.indexOf("#}", open + 2)
    if (close < 0) raiseSyntax(open, "this comment is not closed with '#}'")
    return { part: null, end: close + 2, trimsNext: close > open + 2 && source[close - 1] === "-" }
  }
  const closer = kind === "{" ? "}}" : "%}"
  const state: State = { source, at: open + 2, brackets: [] }
  if (/[-+]/.test(source[state.at] ?? "")) state.at++
  const found: Array<Token> = []
  for (;;) {
    skipSpace(state)
    const close = state.brackets.length === 0 ? closing(source, state.at, closer) : 0
    if (close > 0) {
      found.push({ _tag: "end", at: state.at, text: "" })
      const part = { _tag: kind === "{" ? "output" as const : "statement" as const, at: open, tokens: found }
      return { part, end: state.at + close, trimsNext: source[state.at] === "-" }
    }
    const token = next(state)
    if (token === undefined) return raiseSyntax(open, `this tag is not closed with '${closer}'`)
    found.push(token)
  }
}

/** Length of the end of a tag that is here, with its sign for whitespace. */
const closing = (source: string, at: number, closer: string): number => {
  if (source.startsWith(closer, at)) return closer.length
  const isSigned = source[at] === "-" || source[at] === "+"
  return isSigned && source.startsWith(closer, at + 1) ? closer.length + 1 : 0
}

const isRaw = (part: Part): boolean =>
  part._tag === "statement" && part.tokens.length === 2 && part.tokens[0]?._tag === "name" &&
  part.tokens[0].text === "raw"

const endRaw = /\{%([-+]?)[ \t\n]{0,100}endraw[ \t\n]{0,100}([-+]?)%\}/g

const readRaw = (source: string, from: number, open: number) => {
  endRaw.lastIndex = from
  const end = endRaw.exec(source)
  if (end === null) return raiseSyntax(open, "'raw' is not closed with '{% endraw %}'")
  const text = source.slice(from, end.index)
  return {
    text: end[1] === "-" ? text.trimEnd() : text,
    end: end.index + end[0].length,
    trimsNext: end[2] === "-"
  }
}

const space = /\s*/y
const name = /[\p{L}_][\p{L}\p{N}_]*/uy
const number = /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/y
const string = /"[^"\\]*(?:\\[^][^"\\]*)*"|'[^'\\]*(?:\\[^][^'\\]*)*'/y
const operator = /\/\/|\*\*|==|!=|>=|<=|[-+*/%~<>=()[\]{}.,:|;]/y

const take = (state: State, pattern: RegExp): string | undefined => {
  pattern.lastIndex = state.at
  const found = pattern.exec(state.source)?.[0]
  if (found !== undefined) state.at += found.length
  return found
}

const skipSpace = (state: State) => void take(state, space)

const next = (state: State): Token | undefined => {
  skipSpace(state)
  const at = state.at
  const char = state.source[at]
  if (char === undefined) return undefined
  const word = take(state, name)
  if (word !== undefined) return { _tag: "name", at, text: word }
  const digits = take(state, number)
  if (digits !== undefined) return toNumber(state, at, digits)
  const quoted = take(state, string)
  if (quoted !== undefined) return { _tag: "string", at, text: unescape(quoted.slice(1, -1)) }
  if (char === "\"" || char === "'") return raiseSyntax(at, "this text has no closing quote")
  const sign = take(state, operator)
  if (sign === undefined) return raiseSyntax(at, `${JSON.stringify(char)} means nothing here${hint(char)}`)
  balance(state, sign, at)
  return { _tag: "operator", at, text: sign }
}

const hints = new Map([
  ["!", "; write 'not'"],
  ["&", "; write 'and'"],
  ["?", "; write 'a if condition else b'"]
])
const hint = (char: string) => hints.get(char) ?? ""

const toNumber = (state: State, at: number, text: string): Token => {
  const value = Number(text.replaceAll("_", ""))
  if (!Number.isFinite(value)) return raiseSyntax(at, "this number is too large")
  name.lastIndex = state.at
  if (name.test(state.source)) return raiseSyntax(state.at, "a number is followed by letters")
  return { _tag: "number", at, value, text }
}

const closers = new Map([["(", ")"], ["[", "]"], ["{", "}"]])

/** Inside of brackets `}}` closes two of them, and no tag. */
const balance = (state: State, sign: string, at: number) => {
  if (closers.has(sign)) state.brackets.push({ bracket: sign, at })
  if (sign !== ")" && sign !== "]" && sign !== "}") return
  const open = state.brackets.pop()
  if (open === undefined) raiseSyntax(at, `there is no opening bracket for '${sign}'`)
  else if (closers.get(open.bracket) !== sign) {
    raiseSyntax(at, `'${closers.get(open.bracket)}' is expected, not '${sign}'`)
  }
}

const escapes = new Map([["n", "\n"], ["t", "\t"], ["r", "\r"], ["b", "\b"], ["f", "\f"], ["0", "\0"], ["\n", ""]])
const escape = /\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|([^]))/g

const unescape = (text: string): string =>
  text.replace(escape, (whole: string, long?: string, short?: string, char?: string) => {
    const code = long ?? short
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    // an escape that means nothing stays as it is written, as in Python
    return escapes.get(char ?? "") ?? (char === "\\" || char === "\"" || char === "'" ? char : whole)
  })
