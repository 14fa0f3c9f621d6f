/**
 * How values are written in the commands' texts: one way for numbers, times, money and columns.
 */
import * as PrettyJson from "../internal/prettyJson.ts"
import { visible } from "../internal/visible.ts"
import * as Numbers from "../report/Numbers.ts"

/**
 * Rows as aligned columns; the last one is not padded.
 * @category converting
 * @since 0.1.0
 */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = rows.map((row) => row.map(oneLine))
  const widths: Array<number> = []
  for (const row of lines) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return lines
    .map((row) =>
      row.map((cell, at) => at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd()
    )
    .join("\n")
}

/**
 * The number of a call, as its id ends.
 * @category converting
 * @since 0.1.0
 */
export const callNumber = (index: number): string => String(index).padStart(4, "0")

/**
 * A count of tokens with its unit.
 * @category converting
 * @since 0.1.0
 */
export const tokens = (count: number): string => `${count} token${count === 1 ? "" : "s"}`

/**
 * An amount of money; one that is not known is not zero.
 * @category converting
 * @since 0.1.0
 */
export const usd: (amount: number | null) => string = Numbers.usd

/**
 * A count with a word that says of what.
 * @category converting
 * @since 0.1.0
 */
export const count: (number: number, what: string) => string = Numbers.count

/**
 * A time span, to the digit that matters.
 * @category converting
 * @since 0.1.0
 */
export const duration: (milliseconds: number) => string = Numbers.duration

/**
 * A text on one line, shortened to a length.
 * @category converting
 * @since 0.1.0
 */
export const clip = (text: string, length: number): string => {
  const line = oneLine(text)
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}

/**
 * What is said of something, without its name in front, for where that stands beside it.
 * @category converting
 * @since 0.1.0
 */
export const bare = (name: string, text: string): string =>
  text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text

/**
 * JSON text with indentation. Digits are not touched: a number too large for JavaScript stays as it is.
 * @category converting
 * @since 0.1.0
 */
export const prettyJson: (json: string) => string = PrettyJson.prettyJson

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// what others wrote must not move the cursor
const oneLine = (text: string): string => visible(text.replaceAll(/\s*[\r\n]+\s*/g, " "))
