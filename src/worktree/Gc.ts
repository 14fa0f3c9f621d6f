/**
 * Room made by removing what runs left in a repository and nothing needs any more.
 *
 * - R1. Only what was made for a run that the caller names as ended and old enough is looked at: a directory, a worktree or
 *   a branch that is not known is left alone, and so is everything of a run that is not known.
 * - R2. A worktree goes only after everything in it is held by a commit under a ref that stays. Git itself then removes it,
 *   and refuses if it finds anything else in it. Nothing is ever removed by force.
 * - R3. A ref goes only when every commit it holds is reachable from a ref that stays; in one transaction that fails if
 *   anything has moved.
 * - R4. In doubt it stays, and the reason is said.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { Git } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitKeep from "./GitKeep.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitSpace from "./GitSpace.ts"
import * as GitTree from "./GitTree.ts"
import * as Listing from "./Listing.ts"
import type { WorktreeError } from "./Worktree.ts"

/**
 * What is known of a run.
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly id: RunId
  /** Some process owns it, or it may be resumed and must be left as it is. */
  readonly isLive: boolean
  /** Milliseconds since the epoch at which something last happened to it. */
  readonly endedAt: number
}

/**
 * What may be given up without proof: files that the repository's rules leave out, and commits that only a run's own refs
 * hold.
 * @category models
 * @since 0.1.0
 */
export type Discard = "ignored" | "commits"

/**
 * What may be removed.
 * @category models
 * @since 0.1.0
 */
export interface Options extends GitCommand.Options {
  /** A directory of the repository. */
  readonly cwd: string
  readonly home: string
  readonly runs: ReadonlyArray<Run>
  readonly olderThan: Duration.Duration
  /** What is given up without proof. Defaults to nothing. */
  readonly discard?: ReadonlyArray<Discard> | undefined
}

/**
 * A thing that a run left, and what is to become of it.
 * @category models
 * @since 0.1.0
 */
export interface Item {
  readonly kind: "worktree" | "ref" | "directory"
  /** Null for what no run is known for. */
  readonly run: RunId | null
  /** Path of a worktree or directory, name of a ref. */
  readonly name: string
  readonly isRemoved: boolean
  readonly why: string
  /** What it stays for, and could be given up; null for what goes, and for what stays for another reason. */
  readonly discard: Discard | null
  /** What it takes on disk; null where that cannot be said. */
  readonly bytes: number | null
}

/**
 * What is removed and what stays.
 * @category models
 * @since 0.1.0
 */
export interface Swept {
  readonly items: ReadonlyArray<Item>
  /** Runs that are over and old enough, of which nothing stays: their directories and records can go too. */
  readonly runs: ReadonlyArray<RunId>
}

/**
 * What would be removed and what stays, and why; nothing is changed.
 * @category queries
 * @since 0.1.0
 */
export const plan = (options: Options): Sweeping => sweep(options, false)

/**
 * Removes what can be removed, looking at everything again; says what was removed and what stays.
 * @category running
 * @since 0.1.0
 */
export const execute = (options: Options): Sweeping => Effect.uninterruptible(sweep(options, true))

/**
 * A sweep through a repository.
 * @category models
 * @since 0.1.0
 */
export type Sweeping = Effect.Effect<
  Swept,
  WorktreeError,
  Subprocess | FileSystem.FileSystem | Path.Path
>

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sweep = Effect.fn("Gc.sweep")(function*(options: Options, isReal: boolean) {
  const git = yield* GitCommand.make(options)
  const { repository } = yield* GitRepository.find(git, options.cwd)
  const judge = yield* judging(options)
  const trees = yield* Listing.owned(git, repository)
  const context: Sweep = { git, repository, options, isReal }
  const swept: Array<Item> = []
  for (const tree of trees) {
    const doubt = (yield* isBelow(options.home, tree)) ? judge(tree.record.run) : "it was made in another home"
    swept.push(
      doubt === undefined
        ? yield* sweepTree(context, tree)
        : itemOf(tree, false, doubt, null)
    )
  }
  const unknown = yield* unknownOf(options, trees)
  const removed = new Set(swept.flatMap(({ isRemoved, name }) => isRemoved ? [name] : []))
  const checkedOut = (yield* Listing.all(git, repository)).flatMap(({ branch, path }) =>
    branch === null || removed.has(path) ? [] : [`refs/heads/${branch}`]
  )
  const refs = yield* sweepRefs(context, judge, new Set(checkedOut))
  const items = [...swept, ...unknown, ...refs]
  const held = new Set(items.flatMap(({ isRemoved, run }) => isRemoved || run === null ? [] : [run]))
  const runs = options.runs.flatMap(({ id }) => judge(id) === undefined && !held.has(id) ? [id] : [])
  const found: Swept = { items, runs }
  return found
})

interface Sweep {
  readonly git: Git
  readonly repository: GitRepository.Repository
  readonly options: Options
  readonly isReal: boolean
}

/** Why nothing of a run is removed; undefined when it may be. */
const judging = Effect.fnUntraced(function*({ olderThan, runs }: Options) {
  const now = yield* Clock.currentTimeMillis
  const known = new Map<string, Run>(runs.map((run) => [run.id, run]))
  return (id: string): string | undefined => {
    const run = known.get(id)
    if (run === undefined) return "its run is not known here"
    if (run.isLive) return "its run is not over"
    return now - run.endedAt < Duration.toMillis(olderThan)
      ? `its run is younger than ${Duration.format(olderThan)}`
      : undefined
  }
})

const itemOf = (tree: Listing.Owned, isRemoved: boolean, why: string, bytes: number | null): Item => ({
  kind: "worktree",
  run: tree.record.run,
  name: tree.listed.path,
  isRemoved,
  why,
  discard: null,
  bytes
})

/** Whether a tree is where a home puts those of its run. */
const isBelow = Effect.fnUntraced(function*(home: string, { listed, record }: Listing.Owned) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(files.realPath(home), () => home)
  return path.dirname(listed.path) === path.join(real, "runs", record.run, "worktrees")
})

/** Directories that stand where worktrees do and are none of this repository. */
const unknownOf = Effect.fnUntraced(function*({ home, runs }: Options, trees: ReadonlyArray<Listing.Owned>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(files.realPath(home), () => home)
  const known = new Set(trees.map(({ listed }) => listed.path))
  const found: Array<Item> = []
  for (const { id } of runs) {
    const folder = path.join(real, "runs", id, "worktrees")
    for (const entry of yield* Effect.orElseSucceed(files.readDirectory(folder), () => [])) {
      const name = path.join(folder, entry)
      if (known.has(name)) continue
      found.push({
        kind: "directory",
        run: id,
        name,
        isRemoved: false,
        why: "it is no worktree of this repository that a call made",
        discard: null,
        bytes: null
      })
    }
  }
  return found
})

const sweepTree = Effect.fnUntraced(
  function*({ git, isReal, options, repository }: Sweep, tree: Listing.Owned) {
    const { listed } = tree
    if (listed.locked !== null && !Listing.isOurLock(listed.locked)) {
      return itemOf(tree, false, `somebody locked it: ${listed.locked}`, null)
    }
    const files = yield* FileSystem.FileSystem
    const made = yield* Listing.madeOf(repository, tree)
    if (!(yield* files.exists(listed.path))) {
      if (isReal) {
        yield* GitKeep.rescue(git, made)
        yield* remove(git, repository, made)
      }
      return itemOf(tree, true, "its directory is gone", 0)
    }
    yield* GitTree.checkPlace(made)
    const place = yield* GitTree.placeOf(git, made)
    const held = yield* GitTree.look(git, made, place)
    const doubt = yield* doubtOf(git, place, held)
    if (doubt !== undefined) return itemOf(tree, false, doubt, null)
    if (held.status.ignored.length > 0 && options.discard?.includes("ignored") !== true) {
      return { ...itemOf(tree, false, ignored(held.status.ignored), null), discard: "ignored" as const }
    }
    const bytes = (yield* GitSpace.takenBy(listed.path, options.environment)) ?? null
    const isEmpty = GitTree.isClean(made, held)
    const why = isEmpty ? "nothing in it differs from its base" : `all of it is held by ${made.keep}/head`
    if (isReal) yield* evacuate(git, repository, made, place)
    return itemOf(tree, true, why, bytes)
  },
  (effect, _, tree) => Effect.catchAll(effect, ({ message }) => Effect.succeed(itemOf(tree, false, message, null)))
)

/** Why a commit cannot hold everything a tree does, beside the files that are ignored. */
const doubtOf = Effect.fnUntraced(
  function*(git: Git, place: GitCapture.Place, held: GitTree.Held) {
    const { hidden, isStray, nested, status, unread } = held
    if (isStray) return "its .git names another repository"
    if (nested.length > 0) return `repositories in it are held by nothing else: ${nested.join(", ")}`
    if (hidden > 0) return `git was told not to look at ${hidden} of its files`
    if (unread.length > 0) return unread.join("; ")
    return (yield* GitCapture.isIndexHeld(git, place, status))
      ? undefined
      : "its index holds what is neither in a commit nor in its files"
  }
)

const ignored = (files: ReadonlyArray<string>): string =>
  `files that no commit holds, because they are ignored: ${files.slice(0, 3).join(", ")}`

/** Has commits hold everything a tree does, puts it at the last of them, and has git remove it (R2). */
const evacuate = Effect.fnUntraced(
  function*(git: Git, repository: GitRepository.Repository, made: GitTree.Made, place: GitCapture.Place) {
    const { evidence } = yield* GitEvidence.collect(git, made)
    const { cwd, settings, variables } = { cwd: made.root, ...place }
    if (evidence.headCommit !== null && evidence.path !== null) {
      yield* git.run({ cwd, settings, variables, args: ["read-tree", "--reset", evidence.headCommit] })
      yield* git.run({ cwd, variables, args: ["update-ref", "--no-deref", "HEAD", evidence.headCommit] })
    }
    yield* remove(git, repository, made)
  }
)

const remove = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, made: GitTree.Made) {
  const asked = { cwd: repository.root, variables: GitRepository.variablesOf(repository) }
  const now = yield* GitRepository.programs(git, repository.root, asked.variables)
  const settings = GitRepository.asBefore(made.programs, now)
  yield* git.ask({ ...asked, args: ["worktree", "unlock", made.root] })
  yield* git.run({ ...asked, settings, args: ["worktree", "remove", made.root] })
})

/** Removes refs of runs whose commits other refs hold (R3). */
const sweepRefs = Effect.fnUntraced(
  function*({ git, isReal, options, repository }: Sweep, judge: Judge, inUse: ReadonlySet<string>) {
    const all = yield* GitRepository.refs(git, repository)
    const own = [...all].flatMap(([name, commit]) => {
      const run = /^refs\/(?:heads\/owf|owf)\/([^/]+)\//.exec(name)?.[1]
      return run === undefined ? [] : [{ name, commit, run: run as RunId }]
    })
    const stays = new Set([...all.keys()].filter((name) => !own.some((ref) => ref.name === name)))
    const items: Array<Item> = []
    const removed: Array<string> = []
    const asked = { cwd: repository.root, variables: GitRepository.variablesOf(repository) }
    const settle = (ref: Ref, why: string, isRemoved: boolean, discard: Discard | null = null) => {
      items.push({ kind: "ref", run: ref.run, name: ref.name, isRemoved, why, discard, bytes: null })
      if (isRemoved) removed.push(`delete ${ref.name} ${ref.commit}`)
      else stays.add(ref.name)
    }
    const free: Array<Ref> = []
    for (const ref of own) {
      const doubt = inUse.has(ref.name) ? "a worktree that stays is at it" : judge(ref.run)
      if (doubt === undefined) free.push(ref)
      else settle(ref, doubt, false)
    }
    for (const ref of free) {
      const found = yield* git.run({
        ...asked,
        args: ["rev-list", "--count", "--stdin"],
        input: [ref.commit, ...[...stays].map((name) => `^${name}`), ""].join("\n")
      })
      const count = Number(found.text.trim())
      if (count === 0) settle(ref, "what it holds is reachable from refs that stay", true)
      else if (options.discard?.includes("commits") === true) {
        settle(ref, count === 1 ? "1 commit is given up" : `${count} commits are given up`, true)
      } else settle(ref, unheld(count), false, "commits")
    }
    if (isReal && removed.length > 0) {
      yield* git.run({ ...asked, args: ["update-ref", "--stdin"], input: `${removed.join("\n")}\n` })
    }
    return items
  }
)

const unheld = (count: number): string =>
  count === 1
    ? "1 commit is reachable from nothing else"
    : `${count} commits are reachable from nothing else`

type Judge = (run: string) => string | undefined

interface Ref {
  readonly name: string
  readonly commit: string
  readonly run: RunId
}
