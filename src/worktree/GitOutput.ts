/**
 * What git prints with `-z`, read into values. Everything here is pure.
 */
import type { Change } from "../domain/Change.ts"

/**
 * The fields of NUL-terminated output.
 * @category converting
 * @since 0.1.0
 */
export const fields = (text: string): ReadonlyArray<string> => {
  const parts = text.split("\0")
  return parts.at(-1) === "" ? parts.slice(0, -1) : parts
}

/**
 * The changes of `git diff --name-status -z`: a copy is an added file, a change of type or mode a modified one.
 * @category converting
 * @since 0.1.0
 */
export const changes = (text: string): ReadonlyArray<Change> => {
  const parts = fields(text)
  const found: Array<Change> = []
  for (let at = 0; at < parts.length;) {
    const letter = parts[at]?.charAt(0) ?? ""
    const first = parts[at + 1] ?? ""
    if (letter === "R" || letter === "C") {
      const path = parts[at + 2] ?? ""
      found.push(letter === "R" ? { kind: "renamed", path, from: first } : { kind: "added", path, from: null })
      at += 3
    } else {
      found.push({ kind: kinds.get(letter) ?? "modified", path: first, from: null })
      at += 2
    }
  }
  return found
}

/**
 * The worktrees of `git worktree list --porcelain -z`.
 * @category converting
 * @since 0.1.0
 */
export const worktrees = (text: string): ReadonlyArray<Listed> => {
  const found: Array<Listed> = []
  let current: { path: string; branch: string | null; head: string | null; isBare: boolean } | undefined
  for (const field of fields(text)) {
    const [name = "", value = ""] = split(field)
    if (name === "worktree") {
      current = { path: value, branch: null, head: null, isBare: false }
      found.push(current)
    } else if (current !== undefined && name === "HEAD") current.head = value
    else if (current !== undefined && name === "branch") current.branch = value.replace(/^refs\/heads\//, "")
    else if (current !== undefined && name === "bare") current.isBare = true
  }
  return found
}

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
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const kinds: ReadonlyMap<string, Change["kind"]> = new Map([["A", "added"], ["D", "deleted"]])

const split = (field: string): ReadonlyArray<string> => {
  const at = field.indexOf(" ")
  return at === -1 ? [field] : [field.slice(0, at), field.slice(at + 1)]
}
