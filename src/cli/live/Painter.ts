/**
 * Draws a region of lines at the end of a terminal's text, by sequences every terminal knows: up, line start, erase.
 *
 * - P1. The region is the last thing on the screen; text above it scrolls as text always does, and stays in the scrollback.
 * - P2. A frame changes the lines that differ. Erased, nothing of the region is left and the cursor stands where its first
 *   line began.
 * - P3. No line may be as wide as the terminal, so that none wraps; when the terminal was made narrower, lines that wrapped
 *   since are counted as the rows they take.
 * - P4. The cursor stays visible: a process that is killed leaves a terminal one can go on with.
 * - P5. A terminal is told to be narrower before its programs are, and what they write meanwhile is made for the old width.
 *   Lines of the region are written without wrapping, so that only what stood there before takes more rows; the last of the
 *   text is erased with the region and written again, as nobody knows on which side of the narrowing it was written.
 *
 * It makes texts and writes none.
 */
import * as Text from "./Text.ts"

/**
 * A region at the end of a terminal's text.
 * @category models
 * @since 0.1.0
 */
export class Painter {
  private lines: ReadonlyArray<string> = []
  /** Rows above the cursor that are the region's. */
  private above = 0
  /** The end of the text above the region. */
  private tail = ""

  /** What shows the lines instead of the ones before, after `text`, which ends in a line break or is empty. */
  paint(lines: ReadonlyArray<string>, text = ""): string {
    const before = this.lines
    if (text !== "") this.tail = (this.tail + text).slice(-maxTail)
    if (text !== "" || before.length === 0 || lines.length === 0) {
      const erased = this.erase()
      this.lines = lines
      this.above = Math.max(0, lines.length - 1)
      return lines.length === 0 ? erased + text : erased + text + unwrapped(lines.join("\r\n"))
    }
    if (lines.length === before.length && lines.every((line, at) => line === before[at])) return ""
    let frame = `\r${up(this.above)}`
    for (const [at, line] of lines.entries()) {
      if (at > 0) frame += "\r\n"
      if (line !== before[at]) frame += `${eraseLine}${line}`
    }
    if (lines.length < before.length) frame += `\r\n${eraseBelow}${up(1)}`
    this.lines = lines
    this.above = lines.length - 1
    return unwrapped(frame)
  }

  /** What removes the region (P2). */
  erase(): string {
    if (this.lines.length === 0) return ""
    // row by row: terminals that keep what is cleared from the first row on would keep the region in their scrollback
    const erased = `\r${eraseLine}${`${up(1)}${eraseLine}`.repeat(this.above)}`
    this.lines = []
    this.above = 0
    return erased
  }

  /** What removes the region after the terminal got so many columns and rows, and shows the text above it as it was (P5). */
  resized(columns: number, height: number): string {
    if (this.lines.length === 0) return ""
    const rows = this.lines.reduce((sum, line) => sum + rowsOf(line, columns), 0)
    const { rows: more, text } = this.last(columns, height - rows)
    this.above = rows + more - 1
    return this.erase() + text
  }

  /** The last lines of the text that take no more than so many rows, as far as it is known how many they take. */
  private last(columns: number, height: number): { readonly rows: number; readonly text: string } {
    const lines = this.tail.split("\n")
    // the last is empty; the first may have been cut
    lines.pop()
    if (this.tail.length === maxTail) lines.shift()
    let rows = 0
    let text = ""
    for (const line of lines.toReversed()) {
      const taken = rowsOf(line, columns)
      if (hasMoves(line) || rows + taken > height) break
      rows += taken
      text = `${line}\n${text}`
    }
    return { rows, text }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const eraseLine = "\u001B[2K"
const eraseBelow = "\u001B[J"
const up = (rows: number): string => rows === 0 ? "" : `\u001B[${rows}A`

/** Text whose lines end at the terminal's edge, however narrow it has become; what follows wraps again. */
const unwrapped = (text: string): string => `\u001B[?7l${text}\u001B[?7h`

/** So much of the text's end is kept. */
const maxTail = 4_096

const colour = /\u001B\[[\d;]*m/g

/** Whether a line does more than be shown: then it is not known which rows it takes. */
const hasMoves = (line: string): boolean => /[\u0000-\u001F\u007F-\u009F]/.test(line.replaceAll(colour, ""))

const rowsOf = (line: string, columns: number): number => Text.rows(Text.clean(line), Math.max(1, columns))
