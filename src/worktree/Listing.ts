/**
 * The worktrees that calls left in a repository, and what is in them.
 *
 * No filter is run for it: the trees and the configuration are as agents left them. A file that a filter wrote counts as
 * changed when git cannot tell by its times that it is not.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Git } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRecord from "./GitRecord.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitTree from "./GitTree.ts"

/**
 * A worktree of a call.
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly run: RunId
  readonly call: CallId
  readonly branch: string
  readonly path: string
  readonly baseCommit: string
  readonly state: State
}

/**
 * What is to be said of a worktree: a call is at work in it, it was kept with so many changes, it holds nothing, its
 * directory is gone, or it cannot be looked into.
 * @category models
 * @since 0.1.0
 */
export type State =
  | { readonly _tag: "InUse" }
  | { readonly _tag: "Kept"; readonly changes: number }
  | { readonly _tag: "Clean" }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unreadable"; readonly detail: string }

/**
 * Which worktrees are asked for.
 * @category models
 * @since 0.1.0
 */
export interface Options extends GitCommand.Options {
  /** A directory of the repository. */
  readonly cwd: string
  /** Only those of this run. */
  readonly run?: RunId | undefined
  /** Whether a run has an owner, where that is known: a run that ended badly leaves its worktrees locked. */
  readonly isLive?: ((run: RunId) => boolean) | undefined
}

/**
 * The worktrees of calls in a repository, in the order of their branches.
 * @category queries
 * @since 0.1.0
 */
export const list = Effect.fn("Listing.list")(function*(options: Options) {
  const git = yield* GitCommand.make(options)
  const { repository } = yield* GitRepository.find(git, options.cwd)
  const found = (yield* owned(git, repository)).filter(({ record }) =>
    options.run === undefined || record.run === options.run
  )
  return yield* Effect.forEach(found, (tree) =>
    Effect.map(stateOf(git, repository, tree, options), (state): Entry => ({
      run: tree.record.run,
      call: tree.record.call,
      branch: tree.record.branch,
      path: tree.listed.path,
      baseCommit: tree.record.baseCommit,
      state
    })))
})

/**
 * A worktree of ours: as git lists it, and as we noted it.
 * @category models
 * @since 0.1.0
 */
export interface Owned {
  readonly listed: GitOutput.Listed
  readonly record: GitRecord.Record
  readonly gitDirectory: string
}

/**
 * The worktrees of a repository that were made for calls.
 * @category queries
 * @since 0.1.0
 */
export const owned = Effect.fn("Listing.owned")(function*(git: Git, repository: GitRepository.Repository) {
  const listed = yield* all(git, repository)
  const noted = yield* GitRecord.readAll(repository.commonDirectory)
  return listed.flatMap((listed): ReadonlyArray<Owned> => {
    const own = noted.get(listed.path)
    return own === undefined || own.record === null
      ? []
      : [{ listed, record: own.record, gitDirectory: own.gitDirectory }]
  }).toSorted((one, other) => one.record.branch < other.record.branch ? -1 : 1)
})

/**
 * All worktrees of a repository, that of the user included.
 * @category queries
 * @since 0.1.0
 */
export const all = (git: Git, repository: GitRepository.Repository) =>
  Effect.map(
    git.run({
      cwd: repository.root,
      variables: GitRepository.variablesOf(repository),
      args: ["worktree", "list", "--porcelain", "-z"]
    }),
    ({ bytes }) => GitOutput.worktrees(bytes)
  )

/**
 * The tree as if it had just been made, for looking at it without running anything.
 * @category converting
 * @since 0.1.0
 */
export const madeOf = Effect.fnUntraced(
  function*(repository: GitRepository.Repository, { gitDirectory, listed, record }: Owned) {
    const made: GitTree.Made = {
      root: listed.path,
      branch: record.branch,
      baseCommit: record.baseCommit,
      gitDirectory,
      commonDirectory: repository.commonDirectory,
      keep: record.branch.replace(/^owf\//, "refs/owf/"),
      message: `What ${record.call} left uncommitted`,
      configuration: yield* GitRepository.configuration({ ...repository, gitDirectory }),
      programs: new Map(),
      branches: new Map()
    }
    return made
  }
)

/**
 * Whether a tree is locked by us; a lock of anybody else's is theirs.
 * @category predicates
 * @since 0.1.0
 */
export const isOurLock = (locked: string | null): boolean => locked?.startsWith("owf: ") ?? false

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const stateOf = Effect.fnUntraced(
  function*(git: Git, repository: GitRepository.Repository, tree: Owned, { isLive = () => true }: Options) {
    const { listed, record } = tree
    const files = yield* FileSystem.FileSystem
    if (isOurLock(listed.locked) && isLive(record.run)) return inUse
    if (!(yield* Effect.orElseSucceed(files.exists(listed.path), () => false))) return missing
    const made = yield* madeOf(repository, tree)
    yield* GitTree.checkPlace(made)
    const place = yield* GitTree.placeOf(git, made)
    const held = yield* GitTree.look(git, made, place)
    if (GitTree.isClean(made, held)) return clean
    const { changes } = yield* GitEvidence.difference(git, place, made.baseCommit, held.head)
    const names = [
      ...changes.map(({ path }) => path),
      ...held.status.changed.map(({ text }) => text),
      ...held.status.untracked.map(({ text }) => text),
      ...held.status.ignored,
      ...held.empty
    ]
    const kept: State = { _tag: "Kept", changes: new Set(names).size }
    return kept
  },
  Effect.catchTag("WorktreeError", ({ detail }) => Effect.succeed<State>({ _tag: "Unreadable", detail }))
)

const inUse: State = { _tag: "InUse" }
const missing: State = { _tag: "Missing" }
const clean: State = { _tag: "Clean" }
