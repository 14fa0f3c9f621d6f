/**
 * Values as text, the way a template prints them.
 *
 * - T1. A text stands as it is; everything else as JSON in one line, or in Python's spelling where that is asked for.
 * - T2. What is undefined is empty, and noticed.
 * - T3. The length is charged while the text is made.
 */
import type { Runtime, Spelling } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * What a template prints for a value.
 * @category converting
 * @since 0.1.0
 */
export const toText = (runtime: Runtime, value: Value): string => {
  if (typeof value === "string") return value
  if (value instanceof Values.Undefined) {
    Values.notice(runtime, value)
    return ""
  }
  return write(runtime, value, runtime.spelling)
}

/**
 * A value as JSON or in Python's spelling, in one line or indented.
 * @category converting
 * @since 0.1.0
 */
export const write = (runtime: Runtime, value: Value, spelling: Spelling, indent = 0): string => {
  const pieces: Array<string> = []
  writeInto({ runtime, spelling, indent, pieces }, value, 0)
  return pieces.join("")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Writer {
  readonly runtime: Runtime
  readonly spelling: Spelling
  readonly indent: number
  readonly pieces: Array<string>
}

const maxIndent = 32

const put = ({ pieces, runtime }: Writer, text: string) => {
  Runtimes.charge(runtime, text.length)
  pieces.push(text)
}

const writeInto = (writer: Writer, value: Value, level: number): void => {
  Runtimes.step(writer.runtime)
  if (Values.isList(value)) {
    return writeAll(writer, "[", "]", value, level, (item) => writeInto(writer, item, level + 1))
  }
  if (Values.isDict(value)) {
    return writeAll(writer, "{", "}", Object.entries(value), level, ([key, item]) => {
      put(writer, `${quote(writer.spelling, key)}: `)
      writeInto(writer, item, level + 1)
    })
  }
  put(writer, writeScalar(writer, value))
}

const writeAll = <A>(
  writer: Writer,
  open: string,
  close: string,
  items: ReadonlyArray<A>,
  level: number,
  writeOne: (item: A) => void
): void => {
  const isWide = writer.indent > 0 && items.length > 0
  const line = (depth: number) => put(writer, `\n${" ".repeat(Math.min(writer.indent, maxIndent) * depth)}`)
  put(writer, open)
  for (const [index, item] of items.entries()) {
    if (index > 0) put(writer, isWide ? "," : ", ")
    if (isWide) line(level + 1)
    writeOne(item)
  }
  if (isWide) line(level)
  put(writer, close)
}

const pythonWords = new Map<boolean | null, string>([[true, "True"], [false, "False"], [null, "None"]])

const writeScalar = ({ runtime, spelling }: Writer, value: Value): string => {
  if (typeof value === "string") return quote(spelling, value)
  if (typeof value === "number") return String(value)
  if (typeof value === "boolean" || value === null) {
    return spelling === "python" ? pythonWords.get(value) ?? "" : String(value)
  }
  if (!(value instanceof Values.Undefined)) {
    return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(value)} cannot be printed`)
  }
  Values.notice(runtime, value)
  return spelling === "python" ? "Undefined" : "null"
}

const quote = (spelling: Spelling, text: string): string => {
  if (spelling === "json") return JSON.stringify(text)
  const mark = text.includes("'") && !text.includes("\"") ? "\"" : "'"
  const escaped = text.replace(/[\\\u0000-\u001f\u007f]/g, escapeForPython).replaceAll(mark, `\\${mark}`)
  return `${mark}${escaped}${mark}`
}

const named = new Map([["\\", "\\\\"], ["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]])
const escapeForPython = (char: string) => named.get(char) ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`
