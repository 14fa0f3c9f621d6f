/**
 * Texts on a terminal: how many columns they take, how they are cut, and that nothing in them moves the cursor.
 *
 * - X1. A cleaned text has no control character and no escape sequence, nothing that changes the direction of writing,
 *   and no line break: whatever a model or a user wrote, it is shown as text, on its line.
 * - X2. A fitted text never takes more columns than it was given; a wide character that does not fit is left out whole.
 */

/**
 * A text without what could do anything but be read (X1).
 * @category converting
 * @since 0.1.0
 */
export const clean = (text: string): string =>
  !suspicious.test(text) ? text : text
    .replaceAll(sequences, "")
    .replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replaceAll(harmful, "")
    .replaceAll(/\p{Surrogate}/gu, "\uFFFD")

/**
 * Columns a cleaned text takes.
 * @category converting
 * @since 0.1.0
 */
export const width = (text: string): number => {
  if (single.test(text)) return text.length
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += widthOf(segment)
  return columns
}

/**
 * Rows a cleaned text takes in a terminal of so many columns, where a wide character that does not fit begins the next.
 * @category converting
 * @since 0.1.0
 */
export const rows = (text: string, columns: number): number => {
  if (single.test(text)) return Math.max(1, Math.ceil(text.length / columns))
  let count = 1
  let taken = 0
  for (const { segment } of segmenter.segment(text)) {
    const wide = widthOf(segment)
    if (taken + wide > columns) {
      count++
      taken = 0
    }
    taken += wide
  }
  return count
}

/**
 * A cleaned text in at most so many columns; a cut one ends in `…` (X2).
 * @category converting
 * @since 0.1.0
 */
export const fit = (text: string, columns: number): string => {
  if (columns <= 0) return ""
  if (single.test(text)) return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`
  if (width(text) <= columns) return text
  let cut = ""
  let taken = 1
  for (const { segment } of segmenter.segment(text)) {
    taken += widthOf(segment)
    if (taken > columns) break
    cut += segment
  }
  return `${cut}…`
}

/**
 * A cleaned text in exactly so many columns.
 * @category converting
 * @since 0.1.0
 */
export const pad = (text: string, columns: number): string => {
  const fitted = fit(text, columns)
  return fitted + " ".repeat(Math.max(0, columns - width(fitted)))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What a text may have in it that needs a closer look: most have nothing, and are looked at once. */
const suspicious =
  /[\u0000-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uD800-\uDFFF\uFEFF\uFFF9-\uFFFB]/

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** Characters of one column each that join with nothing: most texts are of these, and the marks of the region too. */
const single =
  /^[\x20-\x7E\u00A1-\u02FF\u2010-\u2027\u2030-\u205E\u2190-\u2199\u21BA\u21BB\u2248\u2298\u23F8\u2500-\u259F\u25CB\u25CF\u2713\u2717\u2800-\u28FF]*$/

/** Operating system commands and other strings up to their end, then sequences of parameters, then single ones. */
const sequences =
  // a string that is never ended takes only its introducer with it
  /(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)|(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|\u001B[ -/]*[0-~]/g

/** Controls, and characters that only change how others are laid out; joiners within emoji stay. */
const harmful = /[\p{Cc}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/gu

const widthOf = (grapheme: string): number => {
  const code = grapheme.codePointAt(0) ?? 0
  if (code >= 0x20 && code < 0x7f) return 1
  if (/^[\p{Mark}\p{Cf}]+$/u.test(grapheme)) return 0
  // terminals that do not join a sequence show more, but no terminal in use shows less
  if (/\p{Emoji_Presentation}|\uFE0F|\p{Regional_Indicator}/u.test(grapheme)) return 2
  return isWide(code) ? 2 : 1
}

/** East Asian wide and fullwidth characters, by the blocks they are in. */
const isWide = (code: number): boolean =>
  code >= 0x1100 &&
  (code <= 0x115f ||
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0x33ff) ||
    (code >= 0x3400 && code <= 0x4dbf) ||
    (code >= 0x4e00 && code <= 0xa4cf) ||
    (code >= 0xa960 && code <= 0xa97c) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x16fe0 && code <= 0x18aff) ||
    (code >= 0x1b000 && code <= 0x1b2ff) ||
    (code >= 0x1f200 && code <= 0x1f2ff) ||
    (code >= 0x20000 && code <= 0x3fffd))
