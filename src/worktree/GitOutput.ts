/**
 * What git prints with `-z`, read into values. Everything here is pure.
 */
import type { Change } from "../domain/Change.ts"

/**
 * The fields of NUL-terminated output.
 * @category converting
 * @since 0.1.0
 */
export const fields = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const found: Array<Uint8Array> = []
  let start = 0
  for (let end = bytes.indexOf(0); end !== -1; end = bytes.indexOf(0, start)) {
    found.push(bytes.subarray(start, end))
    start = end + 1
  }
  if (start < bytes.length) found.push(bytes.subarray(start))
  return found
}

/**
 * The fields of NUL-terminated output as text; what is not UTF-8 is replaced.
 * @category converting
 * @since 0.1.0
 */
export const texts = (bytes: Uint8Array): ReadonlyArray<string> => fields(bytes).map(textOf)

/**
 * A file git names: as it is shown, and as it is called.
 * @category models
 * @since 0.1.0
 */
export interface Name {
  readonly text: string
  readonly bytes: Uint8Array
}

/**
 * The names, NUL-terminated, as git reads them.
 * @category converting
 * @since 0.1.0
 */
export const inputOf = (names: ReadonlyArray<Name>): Uint8Array => {
  const bytes = new Uint8Array(names.reduce((sum, name) => sum + name.bytes.length + 1, 0))
  let at = 0
  for (const name of names) {
    bytes.set(name.bytes, at)
    at += name.bytes.length + 1
  }
  return bytes
}

/**
 * A file that differs between two trees.
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  readonly change: Change
  /** Mode and object it has now; null where it was deleted. */
  readonly now: string | null
  readonly isRepository: boolean
}

/**
 * The differences of `git diff-tree --raw -z`: a copy is an added file, a change of type or mode a modified one.
 * @category converting
 * @since 0.1.0
 */
export const differences = (bytes: Uint8Array): ReadonlyArray<Difference> => {
  const parts = texts(bytes)
  const found: Array<Difference> = []
  for (let at = 0; at < parts.length;) {
    const [before = "", mode = "", , object = "", letter = ""] = (parts[at] ?? "").split(" ")
    const isTwice = letter.startsWith("R") || letter.startsWith("C")
    const from = parts[at + 1] ?? ""
    const path = isTwice ? parts[at + 2] ?? "" : from
    const kind = kinds.get(letter.charAt(0)) ?? "modified"
    found.push({
      change: { kind, path, from: kind === "renamed" ? from : null },
      now: kind === "deleted" ? null : `${mode} ${object}`,
      isRepository: mode === "160000" || before === ":160000"
    })
    at += isTwice ? 3 : 2
  }
  return found
}

/**
 * What `git status --porcelain=v2 -z --branch` says.
 * @category models
 * @since 0.1.0
 */
export interface Status {
  /** Null where there is no commit yet. */
  readonly head: string | null
  /** Null where no branch is checked out. */
  readonly branch: string | null
  /** Files that differ from HEAD, in the index or in the directory. */
  readonly changed: ReadonlyArray<Name>
  /** Those of them that differ in the directory from the index, and those that are in conflict. */
  readonly unstaged: ReadonlyArray<Name>
  /** New files; a repository inside ends with a slash. */
  readonly untracked: ReadonlyArray<Name>
  /** Files and directories that the repository's rules leave out. */
  readonly ignored: ReadonlyArray<string>
}

/**
 * Reads `git status --porcelain=v2 -z --branch --no-renames`.
 * @category converting
 * @since 0.1.0
 */
export const status = (bytes: Uint8Array): Status => {
  const found = {
    head: null as string | null,
    branch: null as string | null,
    changed: new Array<Name>(),
    unstaged: new Array<Name>(),
    untracked: new Array<Name>(),
    ignored: new Array<string>()
  }
  for (const field of fields(bytes)) {
    const kind = String.fromCharCode(field[0] ?? 0)
    if (kind === "#") {
      const [, key = "", value = ""] = textOf(field).split(" ")
      if (key === "branch.oid" && value !== "(initial)") found.head = value
      if (key === "branch.head" && value !== "(detached)") found.branch = value
    } else if (kind === "?") found.untracked.push(after(field, 1))
    else if (kind === "!") found.ignored.push(after(field, 1).text)
    else {
      const name = after(field, kind === "u" ? 10 : 8)
      found.changed.push(name)
      if (kind === "u" || field[3] !== dot) found.unstaged.push(name)
    }
  }
  return found
}

/**
 * What `git ls-files -z -v --stage --others --directory` says.
 * @category models
 * @since 0.1.0
 */
export interface Listing {
  /** New files and directories, those left out by rules included. */
  readonly others: ReadonlyArray<string>
  /** Tracked repositories: submodules and others. */
  readonly repositories: ReadonlyArray<string>
  /** Files that git was told not to look at. */
  readonly hidden: ReadonlyArray<string>
  /** Files that are not checked out, because the checkout is a part of the repository. */
  readonly skipped: number
}

/**
 * Reads `git ls-files -z -v --stage --others --directory`.
 * @category converting
 * @since 0.1.0
 */
export const listing = (bytes: Uint8Array): Listing => {
  const found = { others: new Array<string>(), repositories: new Array<string>(), hidden: new Array<string>() }
  let skipped = 0
  for (const field of fields(bytes)) {
    const tag = field[0] ?? 0
    if (tag === question) found.others.push(textOf(field.subarray(2)))
    else if (tag === capitalS) skipped += 1
    else if (tag >= lowerA) found.hidden.push(textOf(field.subarray(field.indexOf(tab) + 1)))
    else if (field[2] === one && field[3] === six) {
      found.repositories.push(textOf(field.subarray(field.indexOf(tab) + 1)))
    }
  }
  return { ...found, skipped }
}

/**
 * Refs and what they point at, of `git for-each-ref --format='%(objectname) %(refname)'`.
 * @category converting
 * @since 0.1.0
 */
export const refs = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").filter((line) => line !== "").map((line) => {
      const at = line.indexOf(" ")
      return [line.slice(at + 1), line.slice(0, at)]
    })
  )

/**
 * A worktree a repository knows of.
 * @category models
 * @since 0.1.0
 */
export interface Listed {
  readonly path: string
  /** Null where no branch is checked out. */
  readonly branch: string | null
  readonly head: string | null
  readonly isBare: boolean
  /** Why it is locked, which may be said in no word; null where it is not. */
  readonly locked: string | null
}

/**
 * The worktrees of `git worktree list --porcelain -z`.
 * @category converting
 * @since 0.1.0
 */
export const worktrees = (bytes: Uint8Array): ReadonlyArray<Listed> => {
  const found: Array<{ -readonly [Key in keyof Listed]: Listed[Key] }> = []
  for (const field of texts(bytes)) {
    const at = field.indexOf(" ")
    const [name, value] = at === -1 ? [field, ""] : [field.slice(0, at), field.slice(at + 1)]
    const current = found.at(-1)
    if (name === "worktree") found.push({ path: value, branch: null, head: null, isBare: false, locked: null })
    else if (current === undefined) continue
    else if (name === "HEAD") current.head = value
    else if (name === "branch") current.branch = value.replace(/^refs\/heads\//, "")
    else if (name === "bare") current.isBare = true
    else if (name === "locked") current.locked = value
  }
  return found
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const [tab, space, dot, one, six, question, capitalS, lowerA] = [9, 32, 46, 49, 54, 63, 83, 97]

const kinds: ReadonlyMap<string, Change["kind"]> = new Map([
  ["A", "added"],
  ["C", "added"],
  ["D", "deleted"],
  ["R", "renamed"]
])

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What comes after so many words. */
const after = (field: Uint8Array, words: number): Name => {
  let at = 0
  for (let word = 0; word < words; word++) at = field.indexOf(space, at) + 1
  const bytes = field.slice(at)
  return { bytes, text: textOf(bytes) }
}
