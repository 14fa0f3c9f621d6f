/**
 * Worktrees of git, and what calls change in the user's own checkout.
 *
 * - T1. Trees of one repository are made one at a time, from a commit and without tracking, so that their number does not
 *   matter. Other processes of git are waited for.
 * - T2. A tree is made under the directory of its run, whichever directory the asking process is in.
 * - T3. A branch or directory that exists is never taken over or removed: another name is used.
 * - T4. A tree is removed by git itself, after it was found to hold nothing of its own, and never by force.
 * - T5. The repository and its filters are those that were found first; what agents configure later is not obeyed.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as GlobalValue from "effect/GlobalValue"
import * as Layer from "effect/Layer"
import { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { Git } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import * as GitAdd from "./GitAdd.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitSnapshot from "./GitSnapshot.ts"
import * as GitTouched from "./GitTouched.ts"
import type * as GitTree from "./GitTree.ts"
import type { Evidence, Tree, Wanted } from "./Worktree.ts"
import { Worktree, WorktreeError } from "./Worktree.ts"

/**
 * Where agents work and where their trees are put.
 * @category models
 * @since 0.1.0
 */
export interface Options extends GitCommand.Options {
  /** Directory agents work in when they are not isolated. */
  readonly cwd: string
  /** Absolute path of the home, below which runs have their directories. */
  readonly home: string
}

/**
 * Worktrees of the repository that a directory is in.
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Worktree, never, Subprocess | FileSystem.FileSystem | Path.Path> => Layer.effect(Worktree, make(options))

/**
 * Worktrees of the repository that a directory is in.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const git = yield* GitCommand.make(options)
  const path = yield* Path.Path
  // only these: the whole context would bring the layer's scope along, in place of the caller's
  const context = Context.make(FileSystem.FileSystem, yield* FileSystem.FileSystem).pipe(
    Context.add(Path.Path, path),
    Context.add(Subprocess, yield* Subprocess)
  )
  const known = yield* knowing(git, options)
  const state = new WeakMap<Tree, Working>()
  const calls = { begun: 0, running: 0 }
  const acquire = Effect.fn("GitWorktree.acquire")(function*(wanted: Wanted) {
    const found = yield* known
    const { repository } = found
    // once a tree is made nothing may come between it and its finalizer
    return yield* lockOf(repository.commonDirectory).withPermits(1)(
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const made = yield* GitAdd.make(git, { ...options, ...found }, wanted, restore)
          const working: Working = { made, isTouched: false }
          yield* Effect.addFinalizer(() => release(git, repository, working))
          const tree = yield* treeOf(repository, made)
          state.set(tree, working)
          return tree
        })
      )
    )
  }, Effect.provide(context))
  const collect = Effect.fnUntraced(function*(tree: Tree) {
    const working = state.get(tree)
    if (working === undefined) {
      return yield* new WorktreeError({ reason: "Lost", detail: `${tree.root} is no worktree of this process` })
    }
    const { evidence, isClean } = yield* GitEvidence.collect(git, working.made)
    working.isTouched = !isClean
    return evidence
  }, Effect.provide(context))
  const snapshot = Effect.flatMap(
    known,
    (found) => GitSnapshot.make(git, { ...found, home: options.home, calls })
  ).pipe(Effect.provide(context))
  return Worktree.of({
    acquire,
    collect,
    snapshot,
    touched: (tree, changes) =>
      Effect.flatMap(
        known,
        ({ repository: { prefix, root } }) => GitTouched.find(tree ?? { root, path: path.join(root, prefix) }, changes)
      ).pipe(Effect.provide(context)),
    holds: (evidence) =>
      Effect.flatMap(known, (found) => holds(git, { ...found, home: options.home }, evidence)).pipe(
        Effect.orElseSucceed(() => false),
        Effect.provide(context)
      )
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Working {
  readonly made: GitTree.Made
  /** Evidence was collected, and there was something. */
  isTouched: boolean
}

const oldest: GitRepository.Version = [2, 36]

/** The repository and what it runs, as they are when they are first asked for (T5); a failure is asked about again. */
const knowing = Effect.fnUntraced(function*(git: Git, { cwd }: Options) {
  let known: { readonly repository: GitRepository.Repository; readonly programs: GitRepository.Programs } | undefined
  const one = yield* Effect.makeSemaphore(1)
  return one.withPermits(1)(Effect.gen(function*() {
    if (known !== undefined) return known
    yield* GitRepository.checkVersion(git, cwd, oldest, "a worktree")
    const { repository } = yield* GitRepository.find(git, cwd)
    const programs = yield* GitRepository.programs(git, repository.root, GitRepository.variablesOf(repository))
    known = { repository, programs }
    return known
  }))
})

/** One lock per repository, whichever layers of this process use it (T1). */
const locks = GlobalValue.globalValue("owf/GitWorktree/locks", () => new Map<string, Effect.Semaphore>())

const lockOf = (commonDirectory: string): Effect.Semaphore => {
  const lock = locks.get(commonDirectory) ?? Effect.unsafeMakeSemaphore(1)
  locks.set(commonDirectory, lock)
  return lock
}

/** The directory an agent works in: the one that corresponds to the user's, where the base commit has it. */
const treeOf = Effect.fnUntraced(
  function*(repository: GitRepository.Repository, { baseCommit, branch, root }: GitTree.Made) {
    const files = yield* FileSystem.FileSystem
    const own = (yield* Path.Path).join(root, repository.prefix)
    const real = yield* Effect.orElseSucceed(files.realPath(own), () => root)
    // a link in the commit may lead out of the tree
    const path = real === root || real.startsWith(`${root}/`) ? real : root
    const tree: Tree = { path, root, branch, baseCommit }
    return tree
  }
)

/** Unlocks a tree, and removes it when it holds nothing that its base does not (T4). */
const release = Effect.fn("GitWorktree.release")(
  function*(git: Git, repository: GitRepository.Repository, { isTouched, made }: Working) {
    // looked at again, because time has passed
    const found = isTouched ? undefined : yield* Effect.option(GitEvidence.collect(git, made))
    const settings = found?._tag === "Some" && found.value.isClean ? found.value.settings : undefined
    yield* lockOf(repository.commonDirectory).withPermits(1)(finish(git, repository, made, settings))
  },
  Effect.ignoreLogged
)

/** With settings to run it under, git removes the tree. */
const finish = Effect.fnUntraced(function*(
  git: Git,
  repository: GitRepository.Repository,
  made: GitTree.Made,
  settings: ReadonlyArray<GitCommand.Setting> | undefined
) {
  const asked = { cwd: repository.root, variables: GitRepository.variablesOf(repository) }
  yield* git.ask({ ...asked, args: ["worktree", "unlock", made.root] })
  if (settings === undefined) return
  yield* git.run({ ...asked, settings, args: ["worktree", "remove", made.root] })
  // given the commit it has to point at, git refuses to delete a branch that has moved
  yield* git.run({ ...asked, args: ["update-ref", "-d", `refs/heads/${made.branch}`, made.baseCommit] })
})

/** Whether a branch is where it was, and everything recorded is still kept. */
const holds = Effect.fnUntraced(function*(
  git: Git,
  options: {
    readonly repository: GitRepository.Repository
    readonly programs: GitRepository.Programs
    readonly home: string
  },
  evidence: Pick<Evidence, "path" | "branch" | "headCommit" | "digest" | "changes">
) {
  const { branch, changes, headCommit, path } = evidence
  if (headCommit === null) return changes.length === 0 || (yield* GitSnapshot.holds(git, options, evidence))
  // nothing was changed, and the tree is gone because of it
  if (path === null || branch === null) return true
  const keep = branch.replace(/^owf\//, "refs/owf/")
  const own = `refs/heads/${branch}`
  const now = yield* GitRepository.refs(git, options.repository, `${keep}/head`, `${keep}/tip`, own)
  return now.get(`${keep}/head`) === headCommit && now.get(`${keep}/tip`) === now.get(own)
})
