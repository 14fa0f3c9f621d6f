/**
 * What `owf worktrees`, `owf diff`, `owf apply` and `owf gc` do, in the unbundled library.
 *
 * They take and give plain data, because whoever calls them may have another copy of Effect. What fails is thrown as it is.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type { AppliedView, GcRequest, LeftView, TreeView } from "../cli/TreeView.ts"
import type { CallId } from "../domain/Ids.ts"
import type { RunFiles } from "../store/RunFiles.ts"
import { RunStore } from "../store/RunStore.ts"
import type * as Apply from "../worktree/Apply.ts"
import type * as Listing from "../worktree/Listing.ts"
import * as Owf from "./Owf.ts"
import * as Worktrees from "./Worktrees.ts"

/**
 * The worktrees of a run, or of all.
 * @category running
 * @since 0.1.0
 */
export const list = (home: string, run: string | undefined, cwd?: string): Promise<ReadonlyArray<TreeView>> =>
  promised(
    home,
    "read",
    Effect.gen(function*() {
      const store = yield* RunStore
      const found = run === undefined ? undefined : yield* store.run(run)
      return (yield* Worktrees.list({ cwd, run: found?.id })).map(treeOf)
    })
  )

/**
 * What a call changed.
 * @category running
 * @since 0.1.0
 */
export const diff = (home: string, call: CallId, cwd?: string): Promise<string | null> =>
  promised(home, "read", Effect.flatMap(find(call), (found) => Worktrees.diff(found, { cwd })))

/**
 * Brings what a call did into the checkout, or onto a branch.
 * @category running
 * @since 0.1.0
 */
export const apply = (home: string, call: CallId, branch: string | undefined, cwd?: string): Promise<AppliedView> =>
  promised(
    home,
    "read",
    Effect.flatMap(find(call), (found) => Effect.map(Worktrees.apply(found, { cwd, branch }), appliedOf))
  )

/**
 * Removes what runs left, or says what would be removed.
 * @category running
 * @since 0.1.0
 */
export const gc = (home: string, request: GcRequest, cwd?: string): Promise<ReadonlyArray<LeftView>> =>
  promised(
    home,
    // nothing is written to a home that is only looked at
    request.apply ? "write" : "read",
    Effect.map(
      Worktrees.gc({
        cwd,
        olderThan: Duration.millis(request.olderThanMs),
        runs: request.runs,
        discard: request.discard,
        apply: request.apply
      }),
      (items) => items.map(leftOf)
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const promised = async <A>(
  home: string,
  mode: "read" | "write",
  effect: Effect.Effect<A, unknown, RunStore | RunFiles>
): Promise<A> => {
  const exit = await Effect.runPromiseExit(
    Logger.withMinimumLogLevel(Effect.provide(effect, Owf.layerStore({ home, mode })), LogLevel.None)
  )
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/** The command has looked it up before. */
const find = (id: CallId) =>
  Effect.flatMap(RunStore, (store) =>
    Effect.flatMap(
      store.call(id),
      Option.match({
        onNone: () => Effect.dieMessage(`CliTrees: no call ${id}`),
        onSome: (call) => Effect.succeed(call)
      })
    ))

const treeOf = ({ baseCommit, branch, call, path, run, state }: Listing.Entry): TreeView => ({
  run_id: run,
  call_id: call,
  branch,
  path,
  base_commit: baseCommit,
  state: states[state._tag],
  changes: state._tag === "Kept" ? state.changes : state._tag === "Clean" ? 0 : null,
  detail: state._tag === "Unreadable" ? state.detail : null
})

const states: Readonly<Record<Listing.State["_tag"], TreeView["state"]>> = {
  InUse: "in_use",
  Kept: "kept",
  Clean: "clean",
  Missing: "missing",
  Unreadable: "unreadable"
}

const appliedOf = (applied: Apply.Applied): AppliedView => {
  switch (applied._tag) {
    case "Files":
      return { applied: "files", root: applied.root, branch: null, commit: null, files: applied.files }
    case "Commit":
      return { applied: "commit", root: null, branch: applied.branch, commit: applied.commit, files: applied.files }
    case "Already":
      return { applied: "already", root: null, branch: null, commit: null, files: [] }
  }
}

const leftOf = ({ bytes, discard, isRemoved, kind, name, run, why }: Worktrees.Item): LeftView => ({
  kind,
  run_id: run,
  name,
  removed: isRemoved,
  why,
  discard,
  bytes
})
