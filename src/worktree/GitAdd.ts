/**
 * A new worktree, under a name of its own.
 *
 * - A1. It is locked from its first moment, so that nobody's `git worktree prune` takes it.
 * - A2. What cannot be made leaves nothing: git removes the directory it began, and the branch goes with it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Git, Setting } from "./Git.ts"
import { isLocked, refused } from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitRecord from "./GitRecord.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitSpace from "./GitSpace.ts"
import type { Made } from "./GitTree.ts"
import type { Base, Wanted } from "./Worktree.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * Where worktrees are made, and of what.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly cwd: string
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
  readonly repository: GitRepository.Repository
  /** As they were before any agent was at work. */
  readonly programs: GitRepository.Programs
}

/**
 * Makes a worktree for a call; `restore` is where it may be interrupted.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("GitAdd.make")(
  function*(
    git: Git,
    options: Options,
    wanted: Wanted,
    restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) {
    const { repository } = options
    const { adding, refs } = yield* restore(plan(git, options, wanted))
    yield* Effect.onError(restore(add(git, repository, adding)), () => undo(git, repository, adding))
    const { baseCommit, branch, name, root } = adding
    const gitDirectory = yield* gitDirectoryOf(root)
    const made: Made = {
      root,
      branch,
      baseCommit,
      gitDirectory,
      commonDirectory: repository.commonDirectory,
      keep: `refs/owf/${wanted.run}/${name}`,
      message: `What ${wanted.call} left uncommitted`,
      configuration: yield* GitRepository.configuration({ ...repository, gitDirectory }),
      programs: options.programs,
      branches: new Map([...refs].filter(([name]) => /^refs\/(?:heads\/|stash$)/.test(name)))
    }
    yield* GitRecord.write(gitDirectory, { run: wanted.run, call: wanted.call, branch, baseCommit })
    return made
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxNames = 100

/** The commit to start from, and the one of the user's that it is on top of. */
const baseOf = Effect.fnUntraced(
  function*(git: Git, { home, repository }: Options, settings: ReadonlyArray<Setting>, base: Base) {
    const path = yield* Path.Path
    if (base._tag === "Revision") {
      const commit = yield* GitRepository.commitOf(git, repository, base.name)
      return { baseCommit: commit, head: commit }
    }
    const head = yield* GitRepository.commitOf(git, repository, "HEAD")
    if (base._tag === "Head") return { baseCommit: head, head }
    const below = path.relative(repository.root, home)
    const place: GitCapture.Place = {
      root: repository.root,
      index: path.join(repository.gitDirectory, "index"),
      variables: GitRepository.variablesOf(repository),
      settings,
      leaveOut: below === "" || below.startsWith("..") ? undefined : below
    }
    const status = yield* GitCapture.status(git, place, "no")
    if (status.changed.length === 0 && status.untracked.length === 0) return { baseCommit: head, head }
    const message = "The files of the checkout as an isolated call found them"
    const { commit, unread } = yield* GitCapture.commit(git, place, status, { parent: head, message })
    const missing = [...status.unread, ...unread.map((name) => `${name} cannot be read`)]
    if (missing.length === 0) return { baseCommit: commit, head }
    return yield* new WorktreeError({
      reason: "Refused",
      detail: `the files of ${repository.root} cannot all be copied: ${missing.join("; ")}`
    })
  }
)

const folderOf = Effect.fnUntraced(function*({ home }: Options, { run }: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const runs = path.resolve(home, "runs")
  const folder = path.join(runs, run, "worktrees")
  const refusal = (why: string) => new WorktreeError({ reason: "Refused", detail: `${folder} ${why}` })
  const inRuns = yield* files.makeDirectory(runs, { recursive: true }).pipe(
    Effect.zipRight(files.realPath(runs)),
    Effect.map((real) => path.join(real, run, "worktrees")),
    Effect.mapError(({ message }) => refusal(`cannot be made: ${message}`))
  )
  // a directory is not made in the place a link leads to
  yield* Effect.forEach(
    [path.dirname(inRuns), inRuns],
    (directory) =>
      Effect.flatMap(
        Effect.option(files.readLink(directory)),
        (link) =>
          Option.isSome(link) ? Effect.fail(refusal("is a link, or the directory of its run is one")) : Effect.void
      )
  )
  return yield* Effect.as(files.makeDirectory(inRuns, { recursive: true }), inRuns).pipe(
    Effect.mapError(({ message }) => refusal(`cannot be made: ${message}`))
  )
})

/** What commits take on disk, by repository and commit: a fan-out asks for the same one again and again. */
const sizes = new Map<string, number | undefined>()

const checkSpace = Effect.fnUntraced(
  function*(git: Git, { environment, repository }: Options, folder: string, commit: string) {
    const key = `${repository.commonDirectory}\0${commit}`
    const size = sizes.has(key) ? sizes.get(key) : yield* GitSpace.sizeOf(git, repository, commit)
    sizes.set(key, size)
    if (size !== undefined) yield* GitSpace.check(folder, size, environment)
  }
)

/** A name neither branch nor directory has: the call's, with a number when it is made again. */
const freeName = Effect.fnUntraced(function*(refs: ReadonlyMap<string, string>, folder: string, wanted: Wanted) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const taken of ["owf", `owf/${wanted.run}`]) {
    if (!refs.has(`refs/heads/${taken}`)) continue
    return yield* new WorktreeError({
      reason: "Refused",
      detail: `the branch '${taken}' is in the way of 'owf/${wanted.run}/${wanted.call}'; ` +
        `rename it with 'git branch -m ${taken} another-name'`
    })
  }
  const entries = new Set(yield* Effect.orElseSucceed(files.readDirectory(folder), () => []))
  const kept = new Set([...refs.keys()].map((name) => name.replace(/^refs\/(?:heads\/owf|owf)\//, "")))
  const inUse = [...kept]
  for (let count = wanted.attempt; count < wanted.attempt + maxNames; count++) {
    const name = count === 1 ? wanted.call : `${wanted.call}-${count}`
    const own = `${wanted.run}/${name}`
    if (!entries.has(name) && !kept.has(own) && !inUse.some((ref) => ref.startsWith(`${own}/`))) return name
  }
  return yield* new WorktreeError({
    reason: "Refused",
    detail: `${path.join(folder, wanted.call)} and ${maxNames - 1} names like it are taken; ` +
      "look at them with 'owf worktrees list'"
  })
})

interface Adding {
  readonly name: string
  readonly root: string
  readonly branch: string
  readonly baseCommit: string
  readonly settings: ReadonlyArray<Setting>
  /** Nobody whom an agent configured is asked for what a partial clone lacks. */
  readonly mayFetch: boolean
  readonly call: string
}

const plan = Effect.fnUntraced(function*(git: Git, options: Options, wanted: Wanted) {
  const { repository } = options
  const path = yield* Path.Path
  const now = yield* GitRepository.programs(git, repository.root, GitRepository.variablesOf(repository))
  const settings = GitRepository.asBefore(options.programs, now)
  const { baseCommit, head } = yield* baseOf(git, options, settings, wanted.base)
  const folder = yield* folderOf(options, wanted)
  yield* checkSpace(git, options, folder, head)
  const refs = yield* GitRepository.refs(git, repository)
  const name = yield* freeName(refs, folder, wanted)
  const adding: Adding = {
    name,
    root: path.join(folder, name),
    branch: `owf/${wanted.run}/${name}`,
    baseCommit,
    settings,
    mayFetch: GitRepository.fetchesAsBefore(options.programs, now),
    call: wanted.call
  }
  return { adding, refs }
})

const add = (git: Git, repository: GitRepository.Repository, adding: Adding) => {
  const { baseCommit, branch, call, mayFetch, root, settings } = adding
  const reason = `owf: ${call} is at work in it`
  const once = git.ask({
    cwd: repository.root,
    variables: GitRepository.variablesOf(repository),
    settings,
    mayFetch,
    args: ["worktree", "add", "--quiet", "--no-track", "--lock", "--reason", reason, "-b", branch, root, baseCommit]
  }).pipe(
    Effect.flatMap((output) => output.code === 0 ? Effect.void : refused(output)),
    // a second attempt needs the name free
    Effect.tapError(() => undo(git, repository, adding))
  )
  return Effect.retry(once, { while: isLocked, times: maxAttempts, schedule: whileLocked })
}

const maxAttempts = 7
const whileLocked = Schedule.jittered(Schedule.exponential("40 millis"))

/** Takes back what was begun: a tree no agent was in, and its branch while it is where it was made (A2). */
const undo = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, adding: Adding) {
  const asked = { cwd: repository.root, variables: GitRepository.variablesOf(repository) }
  const files = yield* FileSystem.FileSystem
  if (yield* files.exists(adding.root)) {
    yield* git.ask({ ...asked, args: ["worktree", "unlock", adding.root] })
    yield* git.run({ ...asked, settings: adding.settings, args: ["worktree", "remove", adding.root] })
  }
  yield* git.ask({ ...asked, args: ["update-ref", "-d", `refs/heads/${adding.branch}`, adding.baseCommit] })
}, Effect.ignoreLogged)

/** Where the repository keeps the tree's index and HEAD, read before anybody can have changed it. */
const gitDirectoryOf = Effect.fnUntraced(
  function*(root: string) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const text = yield* files.readFileString(path.join(root, ".git"))
    return yield* files.realPath(path.resolve(root, text.replace(/^gitdir: /, "").trim()))
  },
  Effect.mapError(({ message }) =>
    new WorktreeError({ reason: "Refused", detail: `the new worktree cannot be read: ${message}` })
  )
)
