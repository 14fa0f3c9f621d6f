/**
 * Text from the bytes of a file that people wrote: UTF-8, with Unix line ends, free of what no text holds.
 */
import * as Either from "effect/Either"
import type { Position } from "./Flow.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"

/**
 * The text of a file. A byte order mark is dropped, and `\r\n` and `\r` are `\n`.
 * @category converting
 * @since 0.1.0
 */
export const decode = (file: string, bytes: Uint8Array, maxBytes: number): Either.Either<string, Problem> => {
  const start = { file, line: 1, column: 1 }
  if (bytes.length > maxBytes) {
    return Either.left(FlowError.error(start, `it has ${bytes.length} bytes; the most is ${maxBytes}`))
  }
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (isUtf16) return Either.left(FlowError.error(start, "it is UTF-16", "Save it as UTF-8."))
  const text = new TextDecoder("utf-8").decode(bytes).replaceAll(/\r\n?/g, "\n")
  const fault = faultOf(bytes, text)
  return fault === undefined
    ? Either.right(text)
    : Either.left(FlowError.error(placeIn(file, text, fault.offset), fault.detail, fault.suggestion))
}

/**
 * The line and column of an offset.
 * @category converting
 * @since 0.1.0
 */
export const placeIn = (file: string, text: string, offset: number): Position => {
  const before = text.slice(0, offset).split("\n")
  return { file, line: before.length, column: (before.at(-1) ?? "").length + 1 }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Fault {
  readonly offset: number
  readonly detail: string
  readonly suggestion: string | null
}

const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

const faultOf = (bytes: Uint8Array, text: string): Fault | undefined => {
  const isUtf8 = Either.isRight(Either.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)))
  // a text may hold the replacement character itself, and then the place is that of the first one
  if (!isUtf8) {
    return { offset: Math.max(text.indexOf("\uFFFD"), 0), detail: "it is not UTF-8", suggestion: "Save it as UTF-8." }
  }
  const offset = text.search(control)
  const code = (text.charCodeAt(offset) || 0).toString(16).toUpperCase().padStart(4, "0")
  return offset < 0 ? undefined : { offset, detail: `it holds the control character U+${code}`, suggestion: null }
}
