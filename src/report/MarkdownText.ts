/**
 * Texts of others inside Markdown: whatever they hold, they stay texts.
 *
 * - X1. A text in a line is a code span, because nothing inside one is a link, a mention, a heading, HTML or emphasis; its
 *   delimiter is longer than any row of backticks in the text. A text of several lines is a fenced block, likewise.
 * - X2. A text is one line where a line is asked for, and a bar in it does not end a table's cell.
 * - X3. Characters that cannot be seen and change what can (control characters, directions of writing) are spelled out.
 */
import { visible } from "../internal/visible.ts"

/**
 * A text inside a line, shortened to a length.
 * @category converting
 * @since 0.1.0
 */
export const inline = (text: string, length = 300): string => {
  const line = oneLine(text, length)
  if (line === "") return "(empty)"
  const fence = "`".repeat(longestRow(line) + 1)
  const padding = /^`|`$/.test(line) ? " " : ""
  return `${fence}${padding}${line}${padding}${fence}`
}

/**
 * A sentence inside a line: as it is where it holds nothing but words, else like any other text.
 * @category converting
 * @since 0.1.0
 */
export const prose = (text: string, length = 300): string => isPlain(text) ? clip(text, length) : inline(text, length)

/**
 * A text inside a cell of a table.
 * @category converting
 * @since 0.1.0
 */
export const cell = (text: string, length = 160): string =>
  // some renderers take a backslash before an escaped bar for an escape of its own
  inline(text.replaceAll(/\\+(?=\|)/g, (slashes) => `${slashes} `), length).replaceAll("|", "\\|")

/**
 * A text inside a line of HTML.
 * @category converting
 * @since 0.1.0
 */
export const html = (text: string, length = 300): string =>
  `<code>${oneLine(text, length).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)}</code>`

/**
 * A text as a block of its own; `language` is how it is coloured.
 * @category converting
 * @since 0.1.0
 */
export const block = (text: string, language = "text"): string => {
  const lines = visible(text.replaceAll(/\r\n?/g, "\n"))
  const fence = "`".repeat(Math.max(3, longestRow(lines) + 1))
  return `${fence}${language}\n${lines}${lines === "" || lines.endsWith("\n") ? "" : "\n"}${fence}`
}

/**
 * A table; cells are Markdown already.
 * @category constructors
 * @since 0.1.0
 */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

/**
 * Items of a list, each a line of Markdown already.
 * @category constructors
 * @since 0.1.0
 */
export const list = (items: ReadonlyArray<string>): ReadonlyArray<string> => items.map((item) => `- ${item}`)

/**
 * Lines that GitHub sets apart.
 * @category constructors
 * @since 0.1.0
 */
export const alert = (kind: "CAUTION" | "WARNING" | "NOTE", lines: ReadonlyArray<string>): string =>
  [`[!${kind}]`, ...lines].map((line) => `> ${line}`).join("\n")

/**
 * Markdown that GitHub shows when its title is clicked on; the title is HTML.
 * @category constructors
 * @since 0.1.0
 */
export const folded = (title: string, body: string): string =>
  // Markdown inside an element begins after an empty line
  `<details><summary>${title}</summary>\n\n${body}\n\n</details>`

/**
 * The beginning of a text that is longer than a length.
 * @category converting
 * @since 0.1.0
 */
export const clip = (text: string, length: number): string =>
  // a pair of surrogates is not cut through
  text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, "")}…`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// no character that means something, and nothing that is made a link, a reference or a picture without one
const isPlain = (text: string): boolean =>
  /^[a-z0-9](?:[a-z0-9 ,;.'%?()-]|: )*$/i.test(text) && !/www\.|gh-\d|[0-9a-f]{7}| {2}|^\d+[.)]/i.test(text)

const oneLine = (text: string, length: number): string => visible(clip(text.replaceAll(/\s+/g, " ").trim(), length))

const longestRow = (text: string): number =>
  (text.match(/`+/g) ?? []).reduce((longest, row) => Math.max(longest, row.length), 0)
