/**
 * How values are written in the commands' texts: one way for numbers, times, money and columns.
 */

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
export const tokens = (count: number): string => `${count} tokens`

/**
 * An amount of money; one that is not known is not zero.
 * @category converting
 * @since 0.1.0
 */
export const usd = (amount: number | null): string =>
  amount === null ? "cost unknown" : amount === 0 ? "$0" : `$${amount.toFixed(amount < 0.01 ? 6 : 4)}`

/**
 * A time span, to the digit that matters.
 * @category converting
 * @since 0.1.0
 */
export const duration = (milliseconds: number): string => {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  const rest = Math.floor(seconds % 60)
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

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
 * JSON text with indentation. Digits are not touched: a number too large for JavaScript stays as it is.
 * @category converting
 * @since 0.1.0
 */
export const prettyJson = (json: string): string => {
  let text = ""
  let depth = 0
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g)) {
    if (token === "}" || token === "]") {
      depth--
      // an empty object or array stays on its line
      text = /[[{]\n *$/.test(text) ? text.trimEnd() + token : `${text}\n${"  ".repeat(depth)}${token}`
    } else if (token === "{" || token === "[") {
      depth++
      text += `${token}\n${"  ".repeat(depth)}`
    } else {
      text += token === "," ? `,\n${"  ".repeat(depth)}` : token === ":" ? ": " : token
    }
  }
  return text
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, " ")
