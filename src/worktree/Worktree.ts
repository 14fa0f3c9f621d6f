/**
 * The port to what agents do to files: a git worktree of a call's own, and the evidence of what was changed in it or in
 * the user's checkout.
 *
 * - W1. A call that asked for isolation runs in a worktree or does not run: there is no falling back to the user's checkout.
 * - W2. An isolated call leaves the user's checkout as it was: its files, index, HEAD, configuration and hooks.
 * - W3. Nothing an agent made is lost: a worktree is removed only when nothing in it differs from its base, commits and
 *   ignored files included, and what is recorded stays reachable under `refs/owf/<run>/<call>`.
 * - W4. Nothing an agent planted runs: no hook, filter, monitor or configuration of the repository is obeyed here.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Change } from "../domain/Change.ts"
import type { CallId, RunId } from "../domain/Ids.ts"

/**
 * What a worktree starts from: the commit that is checked out, that commit with the changes not yet committed, or what a
 * name such as `main` or `v1.2` stands for.
 * @category models
 * @since 0.1.0
 */
export type Base =
  | { readonly _tag: "Head" }
  | { readonly _tag: "Dirty" }
  | { readonly _tag: "Revision"; readonly name: string }

/**
 * Whose worktree it is, and what it starts from.
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly run: RunId
  readonly call: CallId
  /** Counts the trees of a call, from 1: a call made again does not take the tree it had. */
  readonly attempt: number
  readonly base: Base
}

/**
 * A directory an agent may change without touching the user's checkout.
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  /** Absolute path to work in: the worktree, or the directory in it that corresponds to the user's own. */
  readonly path: string
  /** Absolute path of the top of the worktree. */
  readonly root: string
  readonly branch: string
  readonly baseCommit: string
}

/**
 * What a call left behind.
 * @category models
 * @since 0.1.0
 */
export interface Evidence {
  /** Top of the worktree; null for a call in place, and when nothing was changed, so that the tree was removed. */
  readonly path: string | null
  readonly branch: string | null
  readonly baseCommit: string | null
  /** The commit that holds everything the call left, uncommitted files included; null for a call in place. */
  readonly headCommit: string | null
  readonly changes: ReadonlyArray<Change>
  /** The changes as git writes them, up to a bound; empty when there are none. */
  readonly patch: string
  readonly isPatchCut: boolean
  /** For a call in place: a digest of what it changed, as it is now. */
  readonly digest: string | null
  /** What a person should know, such as a configuration of the repository that the agent changed. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * What a checkout held before a call in place.
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  /** What is different now. */
  readonly changes: Effect.Effect<Evidence, WorktreeError>
}

/**
 * A change, and the names it goes by relative to where the call worked: those before and after a renaming, and where a
 * link leads. A name that leads out of that directory begins with `../`.
 * @category models
 * @since 0.1.0
 */
export interface Touched {
  readonly change: Change
  readonly names: ReadonlyArray<string>
}

/**
 * A worktree could not be made or read; the reason is git's.
 * @category errors
 * @since 0.1.0
 */
export class WorktreeError extends Schema.TaggedError<WorktreeError>("owf/Worktree/WorktreeError")("WorktreeError", {
  reason: Schema.Literal("NoRepository", "NoCommit", "Unsupported", "Refused", "Lost", "Unavailable"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Makes worktrees and reads what was changed.
 * @category services
 * @since 0.1.0
 */
export class Worktree extends Context.Tag("owf/Worktree")<Worktree, {
  /** A worktree for a call, locked while the scope is open, and kept after it when anything in it differs (W3). */
  readonly acquire: (wanted: Wanted) => Effect.Effect<Tree, WorktreeError, Scope.Scope>
  /** What the agent did in a worktree, made durable in the repository; the tree stays as it is. */
  readonly collect: (tree: Tree) => Effect.Effect<Evidence, WorktreeError>
  /** What the checkout holds now, to be compared after a call in place; cheap enough for every call that may write. */
  readonly snapshot: Effect.Effect<Snapshot, WorktreeError, Scope.Scope>
  /** Names of what was changed in a tree, or in the checkout for null, to be compared with a write scope. */
  readonly touched: (
    tree: Pick<Tree, "path" | "root"> | null,
    changes: ReadonlyArray<Change>
  ) => Effect.Effect<ReadonlyArray<Touched>, WorktreeError>
  /** Whether what was recorded is still there as it was recorded, so that the call need not be made again. */
  readonly holds: (
    evidence: Pick<Evidence, "path" | "branch" | "headCommit" | "digest" | "changes">
  ) => Effect.Effect<boolean>
}>() {}

/**
 * Refuses every worktree, so that isolated calls fail closed (W1), and sees no changes.
 * @category layers
 * @since 0.1.0
 */
export const layerUnavailable: Layer.Layer<Worktree> = Layer.suspend(() => {
  const unavailable = Effect.fail(
    new WorktreeError({
      reason: "Unavailable",
      detail: "Worktree isolation is not available here; the call was not made. " +
        "Provide a Worktree with `Owf.layerWith`, or call the agent without `isolation`."
    })
  )
  return Layer.succeed(Worktree, {
    acquire: () => unavailable,
    collect: () => unavailable,
    snapshot: unavailable,
    touched: () => unavailable,
    holds: () => Effect.succeed(false)
  })
})
