/**
 * What the commands about worktrees show: plain data, because it is gathered in the unbundled library.
 */

/**
 * A worktree of a call.
 * @category models
 * @since 0.1.0
 */
export interface TreeView {
  readonly run_id: string
  readonly call_id: string
  readonly branch: string
  readonly path: string
  readonly base_commit: string
  readonly state: "in_use" | "kept" | "clean" | "missing" | "unreadable"
  /** How many files differ from the base; null where nobody looked. */
  readonly changes: number | null
  /** Why it cannot be looked into; null when it can. */
  readonly detail: string | null
}

/**
 * What applying a call did.
 * @category models
 * @since 0.1.0
 */
export interface AppliedView {
  readonly applied: "files" | "commit" | "already"
  /** Top of the checkout whose files were changed. */
  readonly root: string | null
  readonly branch: string | null
  readonly commit: string | null
  readonly files: ReadonlyArray<string>
}

/**
 * What is to be cleaned away.
 * @category models
 * @since 0.1.0
 */
export interface GcRequest {
  readonly olderThanMs: number
  readonly runs: boolean
  readonly discard: ReadonlyArray<"ignored" | "commits">
  /** Whether it is done, and not only said. */
  readonly apply: boolean
}

/**
 * A thing that a run left, and what becomes of it.
 * @category models
 * @since 0.1.0
 */
export interface LeftView {
  readonly kind: "worktree" | "ref" | "directory" | "run"
  readonly run_id: string | null
  readonly name: string
  readonly removed: boolean
  readonly why: string
  /** What `--discard` would have to give up for it to go; null for what goes, and for what stays for another reason. */
  readonly discard: "ignored" | "commits" | null
  readonly bytes: number | null
}
