/**
 * Reads what `git diff` writes.
 *
 * The counts in a hunk's header say where it ends, so that a removed line that looks like a header is a removed line.
 * What cannot be read is left out; nothing throws.
 */

/** A file of a patch. */
export interface FilePatch {
  readonly path: string
  /** The name it had, where that was another. */
  readonly from: string | null
  readonly kind: "added" | "modified" | "deleted" | "renamed"
  readonly isBinary: boolean
  readonly added: number
  readonly removed: number
  readonly hunks: ReadonlyArray<Hunk>
}

/** Neighbouring lines of a file. */
export interface Hunk {
  /** What git says the lines belong to. */
  readonly heading: string
  readonly rows: ReadonlyArray<Row>
}

/** A line before and after; null on the side it is not on. */
export interface Row {
  readonly left: Line | null
  readonly right: Line | null
}

/** A numbered line; `changed` is the part that differs from the other side. */
export interface Line {
  readonly number: number
  readonly text: string
  readonly kind: "same" | "added" | "removed"
  readonly changed: readonly [from: number, to: number] | null
}

/** The files of a patch, in its order. */
export const parse = (patch: string): ReadonlyArray<FilePatch> => {
  const lines = patch.split("\n")
  const files: Array<FilePatch> = []
  let at = lines.findIndex((line) => line.startsWith("diff --git "))
  while (at >= 0 && at < lines.length) {
    const end = nextFile(lines, at)
    files.push(file(lines, at, end))
    at = end
  }
  return files
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/

/** Where the next file begins; the lines of hunks are counted, not looked at. */
const nextFile = (lines: ReadonlyArray<string>, start: number): number => {
  let at = start + 1
  while (at < lines.length) {
    const line = lines[at] ?? ""
    if (line.startsWith("diff --git ")) return at
    const header = hunkHeader.exec(line)
    at = header === null ? at + 1 : hunkEnd(lines, at, header)
  }
  return at
}

const hunkEnd = (lines: ReadonlyArray<string>, start: number, header: RegExpExecArray): number => {
  let left = Number(header[2] ?? 1)
  let right = Number(header[4] ?? 1)
  let at = start + 1
  while (at < lines.length && (left > 0 || right > 0 || lines[at]?.startsWith("\\") === true)) {
    const mark = lines[at]?.[0]
    if (mark === "-") left--
    else if (mark === "+") right--
    else if (mark === " " || mark === undefined) {
      left--
      right--
    } else if (mark !== "\\") return at
    at++
  }
  return at
}

const file = (lines: ReadonlyArray<string>, start: number, end: number): FilePatch => {
  const facts = header(lines, start, end)
  const hunks: Array<Hunk> = []
  let added = 0
  let removed = 0
  let at = start + 1
  while (at < end) {
    const found = hunkHeader.exec(lines[at] ?? "")
    if (found === null) {
      at++
      continue
    }
    const to = Math.min(hunkEnd(lines, at, found), end)
    const rows = sideBySide(lines.slice(at + 1, to), Number(found[1]), Number(found[3]))
    for (const row of rows) {
      if (row.right?.kind === "added") added++
      if (row.left?.kind === "removed") removed++
    }
    hunks.push({ heading: found[5] ?? "", rows })
    at = to
  }
  return { ...facts, added, removed, hunks }
}

const header = (lines: ReadonlyArray<string>, start: number, end: number) => {
  let kind: FilePatch["kind"] = "modified"
  let isBinary = false
  let before: string | null = null
  let after: string | null = null
  for (const line of lines.slice(start + 1, end)) {
    if (line.startsWith("@@ ")) break
    if (line.startsWith("new file mode")) kind = "added"
    else if (line.startsWith("deleted file mode")) kind = "deleted"
    else if (line.startsWith("rename from ")) before = unquote(line.slice(12))
    else if (line.startsWith("rename to ")) after = unquote(line.slice(10))
    else if (line.startsWith("Binary files ") || line === "GIT binary patch") isBinary = true
    else if (line.startsWith("--- ")) before ??= side(line.slice(4))
    else if (line.startsWith("+++ ")) after ??= side(line.slice(4))
    if (line.startsWith("rename ")) kind = "renamed"
  }
  const path = after ?? before ?? fromTitle(lines[start] ?? "")
  return { path, from: kind === "renamed" ? before : null, kind, isBinary }
}

/** `a/path` or `b/path`; null for `/dev/null`. */
const side = (name: string): string | null => {
  const path = unquote(name.replace(/\t$/, ""))
  return path === "/dev/null" ? null : path.replace(/^[ab]\//, "")
}

/** The name in `diff --git a/x b/x`, which is there twice when nothing else says it. */
const fromTitle = (line: string): string => {
  const names = line.slice("diff --git ".length)
  if (names.startsWith("\"")) return unquote(names.slice(0, names.indexOf("\" ") + 1)).replace(/^a\//, "")
  return names.slice(2, 2 + (names.length - 5) / 2)
}

const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, "\\": 92, "\"": 34 }

/** Git quotes names with unusual bytes as C does, byte by byte. */
const unquote = (name: string): string => {
  if (!name.startsWith("\"") || !name.endsWith("\"")) return name
  const encoder = new TextEncoder()
  const found: Array<number> = []
  for (const [token] of name.slice(1, -1).matchAll(/\\[0-7]{3}|\\.|[^\\]+/gu)) {
    if (/^\\[0-7]{3}$/.test(token)) found.push(Number.parseInt(token.slice(1), 8))
    else if (token.startsWith("\\")) found.push(escapes[token.slice(1)] ?? 63)
    else found.push(...encoder.encode(token))
  }
  return new TextDecoder().decode(new Uint8Array(found))
}

/** Lines that were removed and the lines that were added in their place stand beside each other. */
const sideBySide = (lines: ReadonlyArray<string>, leftStart: number, rightStart: number): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  let removed: Array<string> = []
  let added: Array<string> = []
  let left = leftStart
  let right = rightStart
  const flush = (): void => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      rows.push(pair(removed[at], added[at], left + at, right + at))
    }
    left += removed.length
    right += added.length
    removed = []
    added = []
  }
  for (const line of lines) {
    if (line.startsWith("-")) {
      if (added.length > 0) flush()
      removed.push(line.slice(1))
    } else if (line.startsWith("+")) added.push(line.slice(1))
    else if (!line.startsWith("\\")) {
      flush()
      const text = line.slice(1)
      rows.push({
        left: { number: left, text, kind: "same", changed: null },
        right: { number: right, text, kind: "same", changed: null }
      })
      left++
      right++
    }
  }
  flush()
  return rows
}

const pair = (removed: string | undefined, added: string | undefined, left: number, right: number): Row => {
  const both = removed !== undefined && added !== undefined ? difference(removed, added) : null
  return {
    left: removed === undefined
      ? null
      : { number: left, text: removed, kind: "removed", changed: both?.[0] ?? null },
    right: added === undefined ? null : { number: right, text: added, kind: "added", changed: both?.[1] ?? null }
  }
}

type Span = readonly [from: number, to: number]

/** What differs between two lines that have something in common, from the first to the last difference. */
const difference = (a: string, b: string): readonly [Span, Span] | null => {
  const shorter = Math.min(a.length, b.length)
  let head = 0
  while (head < shorter && a[head] === b[head]) head++
  let tail = 0
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const common = a.slice(0, head).trim().length + a.slice(a.length - tail).trim().length
  return common * 3 < Math.max(a.trim().length, b.trim().length)
    ? null
    : [[head, a.length - tail], [head, b.length - tail]]
}
