/**
 * Filters that make a text of a value. Lengths are charged before anything is made.
 */
import type { Operation } from "./arguments.ts"
import { printf } from "./printf.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText, write } from "./text.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

type Filter = Operation<Value>

/**
 * The text with all that stands for another replaced; the first `count` of them where that is not negative.
 * @category converting
 * @since 0.1.0
 */
export const replace = (runtime: Runtime, text: string, old: string, put: string, count: number): string => {
  Values.chargeSearch(runtime, text, old)
  const pieces = old === "" ? ["", ...Array.from(text), ""] : text.split(old)
  const limit = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1)
  Runtimes.charge(runtime, text.length + limit * put.length)
  const replaced = pieces.slice(0, limit).map((piece) => piece + put).join("")
  return replaced + pieces.slice(limit).join(old)
}

/**
 * The text with each line but the first, and without the empty ones, moved to the right.
 * @category converting
 * @since 0.1.0
 */
export const indent = (
  runtime: Runtime,
  text: string,
  margin: string,
  options: { readonly first: boolean; readonly blank: boolean }
): string => {
  const lines = text.split("\n")
  Runtimes.charge(runtime, text.length + lines.length * margin.length)
  return lines.map((line, index) => {
    if (index === 0) return options.first ? margin + line : line
    return line === "" && !options.blank ? line : margin + line
  }).join("\n")
}

/**
 * A text with a space before and after, so that it is as wide as asked.
 * @category converting
 * @since 0.1.0
 */
export const pad = (runtime: Runtime, text: string, width: number, side: "left" | "right" | "both", fill = " ") => {
  const missing = Math.max(0, width - text.length)
  Runtimes.charge(runtime, text.length + missing)
  const before = side === "left" ? missing : side === "both" ? Math.floor(missing / 2) : 0
  return fill.repeat(before) + text + fill.repeat(missing - before)
}

/**
 * A text with each word's first letter large and the others small.
 * @category converting
 * @since 0.1.0
 */
export const title = (text: string): string =>
  text.replace(/[^-\s({[<]+/g, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())

/**
 * A text with its first letter large and the others small.
 * @category converting
 * @since 0.1.0
 */
export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase()

/**
 * A text without the characters, or without whitespace, at its ends.
 * @category converting
 * @since 0.1.0
 */
export const strip = (text: string, characters: string | null, side: "left" | "right" | "both" = "both"): string => {
  const given = new Set(characters)
  const isGone = (char: string) => characters === null ? /\s/.test(char) : given.has(char)
  let start = 0
  let end = text.length
  if (side !== "right") { while (start < end && isGone(text.charAt(start))) start++ }
  if (side !== "left") { while (end > start && isGone(text.charAt(end - 1))) end-- }
  return text.slice(start, end)
}

/**
 * The filters by name.
 * @category constants
 * @since 0.1.0
 */
export const textFilters: ReadonlyMap<string, Filter> = new Map([
  ["capitalize", plain(capitalize, 3)],
  ["center", {
    parameters: ["width"],
    apply: (runtime, value, args) => pad(runtime, toText(runtime, value), args.integer("width", 80), "both")
  }],
  ["escape", plain(escape)],
  ["e", plain(escape)],
  ["forceescape", plain(escape)],
  ["format", {
    parameters: [],
    apply: (runtime, value, _, rest) => printf(runtime, toText(runtime, value), rest.positional)
  }],
  ["indent", { parameters: ["width", "first", "blank"], apply: applyIndent }],
  ["lower", plain((text) => text.toLowerCase(), 3)],
  ["replace", {
    parameters: ["old", "new", "count"],
    apply: (runtime, value, args) =>
      replace(runtime, toText(runtime, value), args.text("old"), args.text("new"), args.integer("count", -1))
  }],
  ["safe", plain((text) => text, 0)],
  ["string", plain((text) => text, 0)],
  ["striptags", plain(stripTags, 1)],
  ["title", plain(title, 3)],
  ["tojson", { parameters: ["indent"], apply: applyToJson }],
  ["trim", {
    parameters: ["chars"],
    apply: (runtime, value, args) => {
      const characters = args.value("chars")
      return strip(toText(runtime, value), characters === undefined || characters === null ? null : args.text("chars"))
    }
  }],
  ["truncate", { parameters: ["length", "killwords", "end", "leeway"], apply: applyTruncate }],
  ["upper", plain((text) => text.toUpperCase(), 3)],
  ["urlencode", plain(urlEncode, 9)],
  ["wordcount", {
    parameters: [],
    apply: (runtime, value) => toText(runtime, value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0
  }],
  ["wordwrap", { parameters: ["width", "break_long_words", "wrapstring"], apply: applyWordWrap }]
])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A filter without parameters, whose result is at most `growth` times as long. */
function plain(change: (text: string) => string, growth = 6): Filter {
  return {
    parameters: [],
    apply: (runtime, value) => {
      const text = toText(runtime, value)
      Runtimes.charge(runtime, text.length * growth)
      return change(text)
    }
  }
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("'", "&#39;")
    .replaceAll("\"", "&#34;")
}

function stripTags(text: string): string {
  return withoutComments(text).replace(/<[^<>]*>/g, "").split(/\s+/).filter((word) => word !== "").join(" ")
}

function withoutComments(text: string): string {
  const pieces: Array<string> = []
  let from = 0
  for (;;) {
    const open = text.indexOf("<!--", from)
    const close = open < 0 ? -1 : text.indexOf("-->", open)
    if (close < 0) return pieces.join("") + text.slice(from)
    pieces.push(text.slice(from, open))
    from = close + 3
  }
}

function urlEncode(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\uFFFD")).replaceAll("%2F", "/").replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )
}

function applyIndent(...[runtime, value, args]: Parameters<Filter["apply"]>): Value {
  const width = args.value("width")
  if (typeof width !== "string") Runtimes.charge(runtime, args.integer("width", 4))
  const margin = typeof width === "string" ? width : " ".repeat(Math.max(0, args.integer("width", 4)))
  return indent(runtime, toText(runtime, value), margin, { first: args.flag("first"), blank: args.flag("blank") })
}

function applyToJson(...[runtime, value, args]: Parameters<Filter["apply"]>): Value {
  Values.demand(runtime, value)
  const width = args.value("indent")
  return write(runtime, value, "json", width === undefined || width === null ? 0 : args.integer("indent"))
}

function applyTruncate(...[runtime, value, args]: Parameters<Filter["apply"]>): Value {
  const text = toText(runtime, value)
  const length = args.integer("length", 255)
  const end = args.text("end", "...")
  if (text.length <= length + args.integer("leeway", 5)) return text
  const cut = text.slice(0, Math.max(0, length - end.length))
  const space = cut.lastIndexOf(" ")
  return (args.flag("killwords") || space < 0 ? cut : cut.slice(0, space)) + end
}

function applyWordWrap(...[runtime, value, args]: Parameters<Filter["apply"]>): Value {
  const text = toText(runtime, value)
  const width = Math.max(1, args.integer("width", 79))
  const wrap = args.text("wrapstring", "\n")
  Runtimes.charge(runtime, text.length * (1 + wrap.length))
  const breaks = args.flag("break_long_words", true)
  return text.split("\n").map((line) => wrapLine(line, width, breaks).join(wrap)).join(wrap)
}

const wrapLine = (line: string, width: number, breaks: boolean): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let current = ""
  for (const word of line.split(" ").flatMap((word) => breaks ? chop(word, width) : [word])) {
    if (current !== "" && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else current = current === "" ? word : `${current} ${word}`
  }
  return [...lines, current]
}

const chop = (word: string, width: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let at = 0; at < word.length; at += width) pieces.push(word.slice(at, at + width))
  return pieces.length === 0 ? [""] : pieces
}
