/**
 * Draws a region of lines at the end of a terminal's text, by sequences every terminal knows: up, line start, erase.
 *
 * - P1. The region is the last thing on the screen; text above it scrolls as text always does, and stays in the scrollback.
 * - P2. A frame changes the lines that differ. Erased, nothing of the region is left and the cursor stands where its first
 *   line began.
 * - P3. No line may be as wide as the terminal, so that none wraps; when the terminal was made narrower, lines that wrapped
 *   since are counted as the rows they take.
 * - P4. The cursor stays visible: a process that is killed leaves a terminal one can go on with.
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

  /** What shows the lines instead of the ones before, after `text`, which ends in a line break or is empty. */
  paint(lines: ReadonlyArray<string>, text = ""): string {
    const before = this.lines
    if (text !== "" || before.length === 0 || lines.length === 0) {
      const erased = this.erase()
      this.lines = lines
      this.above = Math.max(0, lines.length - 1)
      return erased + text + lines.join("\r\n")
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
    return frame
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

  /** What removes the region after the terminal got so many columns (P3). */
  resized(columns: number): string {
    const rows = this.lines.map((line) => Math.max(1, Math.ceil(Text.width(Text.clean(line)) / Math.max(1, columns))))
    this.above = Math.max(0, rows.reduce((sum, count) => sum + count, 0) - 1)
    return this.erase()
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const eraseLine = "\u001B[2K"
const eraseBelow = "\u001B[J"
const up = (rows: number): string => rows === 0 ? "" : `\u001B[${rows}A`
