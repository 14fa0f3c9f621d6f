/**
 * Places inside of the texts of a graph, as places in its files, and what is wrong there.
 */
import * as Schema from "effect/Schema"
import type * as Fault from "../internal/jinja/fault.ts"
import type { Position } from "./Flow.ts"

/**
 * Fields of an error about a text that cannot be read.
 * @category models
 * @since 0.1.0
 */
export const problemFields = {
  detail: Schema.String,
  file: Schema.String,
  line: Schema.Int,
  column: Schema.Int,
  /** The line, with a caret below the place. */
  excerpt: Schema.String
}

/**
 * Fields of an error about a text that has no value in its context.
 * @category models
 * @since 0.1.0
 */
export const errorFields = { reason: Schema.Literal("Undefined", "TypeMismatch", "Limit"), ...problemFields }

/**
 * What an error says of a fault in a text that begins at a position.
 * @category converting
 * @since 0.1.0
 */
export const problemOf = (start: Position, source: string, { at, detail }: Pick<Fault.Fault, "at" | "detail">) => ({
  detail,
  ...placeIn(start, source, at),
  excerpt: excerptOf(source, at)
})

/**
 * What an error says of a fault in a text that was read before; what only now turns out to be misspelt does not fit.
 * @category converting
 * @since 0.1.0
 */
export const errorOf = (start: Position, source: string, fault: Pick<Fault.Fault, "at" | "detail" | "reason">) => ({
  reason: fault.reason === "Syntax" ? "TypeMismatch" as const : fault.reason,
  ...problemOf(start, source, fault)
})

/**
 * The place of a character of a text that begins at a position.
 *
 * **Details**
 *
 * Exact for a text that is a file, for one in one line, and for one after `|`, whose lines are indented like its first. In
 * other texts of several lines it is as near as what YAML has made of them allows.
 * @category converting
 * @since 0.1.0
 */
export const placeIn = (start: Position, source: string, at: number): Position => {
  const lines = source.slice(0, at).split("\n")
  return { file: start.file, line: start.line + lines.length - 1, column: start.column + (lines.at(-1) ?? "").length }
}

/**
 * The line a character is in, with a caret below it.
 * @category converting
 * @since 0.1.0
 */
export const excerptOf = (source: string, at: number): string => {
  const start = source.lastIndexOf("\n", at - 1) + 1
  const newline = source.indexOf("\n", at)
  const from = Math.max(start, at - width)
  const line = source.slice(from, Math.min(newline < 0 ? source.length : newline, at + width))
  return `${line}\n${" ".repeat(at - from)}^`
}

/**
 * What happened where, in a sentence and a picture.
 * @category converting
 * @since 0.1.0
 */
export const describe = (
  { column, detail, excerpt, file, line }: Position & { readonly detail: string; readonly excerpt: string }
): string => `${file}:${line}:${column}: ${detail}\n${excerpt}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const width = 60
