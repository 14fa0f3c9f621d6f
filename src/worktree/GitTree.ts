/**
 * A worktree as it was made, and what it holds now.
 *
 * - H1. What a tree holds is asked of the repository it was made of, under the names it was made with. A planted `.git`
 *   file, another HEAD or a link in place of the directory change the answer, never the place that is looked at.
 * - H2. A tree is clean when it holds nothing that its base does not: no commit, no file, no directory, ignored or not,
 *   no repository inside, nothing git was told to overlook. What cannot be looked at is not clean.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Git, Setting } from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * A worktree as it was made.
 * @category models
 * @since 0.1.0
 */
export interface Made {
  readonly root: string
  readonly branch: string
  readonly baseCommit: string
  /** Its own directory in the repository, with its index and HEAD. */
  readonly gitDirectory: string
  readonly commonDirectory: string
  /** Where its commits are kept: `refs/owf/<run>/<call>`. */
  readonly keep: string
  /** What commits of ours say of themselves. */
  readonly message: string
  /** Configuration and hooks of the repository when the tree was made. */
  readonly configuration: string
  /** Filters as they were before any agent was at work. */
  readonly programs: GitRepository.Programs
  /** Branches of the repository and its stash when the tree was made. */
  readonly branches: ReadonlyMap<string, string>
}

/**
 * What a worktree holds.
 * @category models
 * @since 0.1.0
 */
export interface Held {
  readonly status: GitOutput.Status
  readonly head: string
  /** Directories without files. */
  readonly empty: ReadonlyArray<string>
  /** Repositories inside, whose commits are in no other. */
  readonly nested: ReadonlyArray<string>
  /** Files that git was told not to look at. */
  readonly hidden: number
  /** What could not be looked into, in git's words. */
  readonly unread: ReadonlyArray<string>
  /** The tree says that it belongs to another repository. */
  readonly isStray: boolean
}

/**
 * The tree as a place to ask git about, with filters as they were before any agent was at work.
 * @category queries
 * @since 0.1.0
 */
export const placeOf = Effect.fnUntraced(function*(git: Git, made: Made) {
  const path = yield* Path.Path
  const variables = GitRepository.variablesOf(made)
  const now = yield* GitRepository.programs(git, made.root, variables)
  const settings: ReadonlyArray<Setting> = GitRepository.asBefore(made.programs, now)
  const place: GitCapture.Place = {
    root: made.root,
    index: path.join(made.gitDirectory, "index"),
    variables,
    settings
  }
  return place
})

/**
 * What a worktree holds now.
 * @category queries
 * @since 0.1.0
 */
export const look = Effect.fn("GitTree.look")(function*(git: Git, made: Made, place: GitCapture.Place) {
  const [status, listed] = yield* Effect.all([
    GitCapture.status(git, place, "matching"),
    git.run({
      cwd: made.root,
      variables: place.variables,
      settings: place.settings,
      args: ["ls-files", "-z", "-v", "--stage", "--others", "--directory"]
    })
  ], { concurrency: 2 })
  const listing = GitOutput.listing(listed.bytes)
  const inside = [...listing.repositories, ...status.untracked.map(({ text }) => text).filter(isDirectory)]
  const held: Held = {
    status,
    head: status.head ?? made.baseCommit,
    empty: withoutFiles(listing.others.filter(isDirectory), [
      ...status.untracked.map(({ text }) => text),
      ...status.ignored
    ]),
    nested: yield* Effect.filter(inside, (name) => isRepository(made.root, name)),
    hidden: listing.hidden.length + ((yield* isSparse(made)) ? 0 : listing.skipped),
    unread: status.unread,
    isStray: yield* isStray(made)
  }
  return held
})

/**
 * Whether a tree holds nothing that its base does not (H2).
 * @category predicates
 * @since 0.1.0
 */
export const isClean = ({ baseCommit, branch }: Pick<Made, "baseCommit" | "branch">, held: Held): boolean =>
  held.head === baseCommit && held.status.branch === branch && isWithoutFiles(held)

/**
 * Whether a tree holds no file that the commit it is at does not.
 * @category predicates
 * @since 0.1.0
 */
export const isWithoutFiles = ({ empty, hidden, isStray, nested, status, unread }: Held): boolean =>
  status.changed.length === 0 && status.untracked.length === 0 && status.ignored.length === 0 && hidden === 0 &&
  empty.length === 0 && nested.length === 0 && unread.length === 0 && !isStray

/**
 * Fails unless the tree is where it was made; anything else is not looked into.
 * @category running
 * @since 0.1.0
 */
export const checkPlace = Effect.fnUntraced(function*({ gitDirectory, root }: Pick<Made, "gitDirectory" | "root">) {
  const files = yield* FileSystem.FileSystem
  for (const directory of [root, gitDirectory]) {
    const real = yield* Effect.orElseSucceed(files.realPath(directory), () => undefined)
    if (real === directory) continue
    const what = directory === root ? "the worktree" : "what the repository knows of the worktree,"
    return yield* new WorktreeError({
      reason: "Lost",
      detail: real === undefined
        ? `${what} ${directory} is gone: the agent or somebody removed it`
        : `${what} ${directory} is a link to ${real} now, which is not looked into`
    })
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isDirectory = (name: string): boolean => name.endsWith("/")

/** Those of the directories that none of the names is in: they hold no file, or none that git can keep. */
const withoutFiles = (directories: ReadonlyArray<string>, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const used = new Set<string>(names)
  for (const name of names) {
    for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) used.add(name.slice(0, at + 1))
  }
  return directories.filter((directory) => !used.has(directory))
}

const isRepository = Effect.fnUntraced(function*(root: string, name: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // a name that cannot be written as text cannot be asked about
  if (name.includes("\uFFFD")) return true
  const found = yield* Effect.orElseSucceed(files.readDirectory(path.join(root, name)), () => [])
  return found.length > 0
})

const isSparse = Effect.fnUntraced(function*({ gitDirectory }: Made) {
  const path = yield* Path.Path
  return yield* exists(path.join(gitDirectory, "info", "sparse-checkout"))
})

const isStray = Effect.fnUntraced(function*({ gitDirectory, root }: Made) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const own = path.join(root, ".git")
  const kind = yield* Effect.option(files.stat(own))
  if (kind._tag === "None" || kind.value.type !== "File") return true
  const text = yield* Effect.orElseSucceed(files.readFileString(own), () => "")
  return path.resolve(root, text.replace(/^gitdir: /, "").trim()) !== gitDirectory
})

const exists = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => Effect.orElseSucceed(files.exists(path), () => false))
