/**
 * A line of the terminal, as pieces with a meaning; how a meaning looks is decided when it is written.
 */
import * as Text from "./Text.ts"

/**
 * What a piece of a line means.
 * @category models
 * @since 0.1.0
 */
export type Style = "plain" | "dim" | "bold" | "good" | "bad" | "warning" | "active"

/**
 * A piece of a line; its text is cleaned when the line is written.
 * @category models
 * @since 0.1.0
 */
export type Piece = readonly [text: string, style?: Style]

/**
 * A line.
 * @category models
 * @since 0.1.0
 */
export type Line = ReadonlyArray<Piece>

/**
 * A line as text of at most so many columns, without a line break; in colour where that is wanted.
 * @category converting
 * @since 0.1.0
 */
export const write = (line: Line, columns: number, color: boolean): string => {
  let text = ""
  let left = columns
  for (const [piece, style = "plain"] of line) {
    if (left <= 0) break
    const cleaned = Text.clean(piece)
    const taken = left === Infinity ? 0 : Text.width(cleaned)
    const fitted = taken <= left ? cleaned : Text.fit(cleaned, left)
    left -= taken
    const code = color ? codes[style] : undefined
    text += code === undefined ? fitted : `\u001B[${code}m${fitted}\u001B[0m`
  }
  return text
}

/**
 * Columns a line takes.
 * @category converting
 * @since 0.1.0
 */
export const width = (line: Line): number => line.reduce((columns, [text]) => columns + Text.width(Text.clean(text)), 0)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const codes: Readonly<Record<Style, number | undefined>> = {
  plain: undefined,
  dim: 2,
  bold: 1,
  good: 32,
  bad: 31,
  warning: 33,
  active: 36
}
