/**
 * Worktrees of git, and what calls change in the user's own checkout.
 *
 * - T1. Trees of one repository are made one at a time, from a commit and without tracking, so that their number does not
 *   matter. Other processes of git are waited for.
 * - T2. A tree is made under the directory of its run, whichever directory the asking process is in.
 * - T3. A branch or directory that exists is never taken over or removed: another name is used.
 * - T4. A tree is removed by git itself, after it was found to hold nothing of its own, and never by force.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { Git } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import type { Made } from "./GitEvidence.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitSnapshot from "./GitSnapshot.ts"
import type { Base, Evidence, Tree, Wanted } from "./Worktree.ts"
import { Worktree, WorktreeError } from "./Worktree.ts"

/**
 * Where agents work and where their trees are put.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Directory agents work in when they are not isolated. */
  readonly cwd: string
  /** Absolute path of the home, below which runs have their directories. */
  readonly home: string
  /** Variables of the process, of which git gets those it needs to run. */
  readonly environment: Readonly<Record<string, string>>
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
  const git = yield* GitCommand.make(options.environment)
  // only these: the whole context would bring the layer's scope along, in place of the caller's
  const context = Context.make(FileSystem.FileSystem, yield* FileSystem.FileSystem).pipe(
    Context.add(Path.Path, yield* Path.Path)
  )
  const one = yield* Effect.makeSemaphore(1)
  const made = new WeakMap<Tree, Made>()
  const acquire = Effect.fn("GitWorktree.acquire")(
    function*(wanted: Wanted) {
      const repository = yield* GitRepository.find(git, options.cwd)
      const baseCommit = yield* baseOf(git, repository, wanted.base)
      const added = yield* Effect.acquireRelease(
        one.withPermits(1)(add(git, repository, options.home, wanted, baseCommit)),
        (added) => Effect.ignoreLogged(one.withPermits(1)(release(git, repository, added)))
      )
      const tree = yield* treeOf(repository, added)
      made.set(tree, added)
      return tree
    },
    Effect.provide(context)
  )
  const collect = (tree: Tree) => {
    const found = made.get(tree)
    return found === undefined
      ? new WorktreeError({ reason: "Lost", detail: `${tree.root} is no worktree of this process` })
      : Effect.provide(GitEvidence.collect(git, found), context)
  }
  return Worktree.of({
    acquire,
    collect,
    snapshot: Effect.provide(GitSnapshot.make(git, options), context),
    holds: (evidence) => Effect.provide(holds(git, options, evidence), context)
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const baseOf = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, base: Base) {
  switch (base._tag) {
    case "Head":
      return yield* GitRepository.commitOf(git, repository, "HEAD")
    case "Revision":
      return yield* GitRepository.commitOf(git, repository, base.name)
    case "Dirty": {
      const parent = yield* GitRepository.commitOf(git, repository, "HEAD")
      const index = (yield* Path.Path).join(repository.gitDirectory, "index")
      return yield* GitRepository.capture(git, {
        root: repository.root,
        variables: {},
        index,
        parent,
        message: "The files of the checkout as an isolated call found them",
        withoutFilters: []
      })
    }
  }
})

const add = Effect.fnUntraced(function*(
  git: Git,
  repository: GitRepository.Repository,
  home: string,
  wanted: Wanted,
  baseCommit: string
) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(home, "runs", wanted.run, "worktrees")
  yield* Effect.mapError(
    files.makeDirectory(folder, { recursive: true }),
    (error) => new WorktreeError({ reason: "Refused", detail: `${folder} cannot be made: ${error.message}` })
  )
  const configuration = yield* GitEvidence.configurationOf(repository.commonDirectory)
  const name = yield* freeName(git, repository, folder, wanted)
  const root = path.join(yield* Effect.orElseSucceed(files.realPath(folder), () => folder), name)
  const branch = `owf/${wanted.run}/${name}`
  yield* git.run({
    cwd: repository.root,
    args: [
      "worktree",
      "add",
      "--quiet",
      "--no-track",
      "--lock",
      "--reason",
      `owf ${wanted.call} is at work in it`,
      "-b",
      branch,
      root,
      baseCommit
    ]
  })
  const gitDirectory = yield* git.line({ cwd: root, args: ["rev-parse", "--absolute-git-dir"] })
  const made: Made = {
    root,
    branch,
    baseCommit,
    gitDirectory,
    commonDirectory: repository.commonDirectory,
    keep: `refs/owf/${wanted.run}/${name}`,
    configuration,
    message: `What ${wanted.call} left uncommitted`
  }
  return made
})

/** A name neither branch nor directory has: the call's, with a number when it is made again. */
const freeName = Effect.fnUntraced(
  function*(git: Git, repository: GitRepository.Repository, folder: string, wanted: Wanted) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    for (let count = wanted.attempt; count < wanted.attempt + maxNames; count++) {
      const name = count === 1 ? wanted.call : `${wanted.call}-${count}`
      const branch = `refs/heads/owf/${wanted.run}/${name}`
      const taken = yield* git.ask({ cwd: repository.root, args: ["rev-parse", "--verify", "--quiet", branch] })
      const exists = yield* Effect.orElseSucceed(files.exists(path.join(folder, name)), () => true)
      if (taken.code !== 0 && !exists) return name
    }
    return yield* new WorktreeError({
      reason: "Refused",
      detail: `${folder} holds ${maxNames} trees of ${wanted.call} already; look at them with 'owf worktrees list'`
    })
  }
)

const maxNames = 100

/** The directory an agent works in: the one that corresponds to the user's, where the base commit has it. */
const treeOf = Effect.fnUntraced(function*(repository: GitRepository.Repository, { baseCommit, branch, root }: Made) {
  const files = yield* FileSystem.FileSystem
  const own = (yield* Path.Path).join(root, repository.prefix)
  const isThere = yield* Effect.orElseSucceed(files.exists(own), () => false)
  const tree: Tree = { path: isThere ? own.replace(/[/\\]$/, "") : root, root, branch, baseCommit }
  return tree
})

/** Unlocks a tree, and removes it when it holds nothing that its base does not (T4). */
const release = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, made: Made) {
  const { baseCommit, branch, root } = made
  const evidence = yield* GitEvidence.collect(git, made)
  yield* git.ask({ cwd: repository.root, args: ["worktree", "unlock", root] })

  if (!isUntouched(evidence, baseCommit)) return
  const head = yield* git.ask({
    cwd: root,
    variables: GitEvidence.variablesOf(made),
    args: ["symbolic-ref", "--quiet", "HEAD"]
  })
  // an agent that changed the branch may have meant to; its tree is left to be looked at
  if (head.text.trim() !== `refs/heads/${branch}`) return
  yield* git.run({ cwd: repository.root, args: ["worktree", "remove", root] })
  // given the commit it has to point at, git refuses to delete a branch that has moved
  yield* git.run({ cwd: repository.root, args: ["update-ref", "-d", `refs/heads/${branch}`, baseCommit] })
})

const isUntouched = (evidence: Evidence & { readonly leftBehind: number }, baseCommit: string): boolean =>
  evidence.changes.length === 0 && evidence.headCommit === baseCommit && evidence.leftBehind === 0 &&
  evidence.warnings.length === 0

/** Whether a branch is where it was, and everything recorded is still kept. */
const holds = Effect.fnUntraced(function*(
  git: Git,
  options: Options,
  { branch, headCommit, path }: Pick<Evidence, "path" | "branch" | "headCommit">
) {
  if (headCommit === null) return true
  const asked = yield* Effect.either(GitRepository.find(git, options.cwd))
  if (asked._tag === "Left") return false
  const repository = asked.right
  const kept = yield* git.ask({
    cwd: repository.root,
    args: ["for-each-ref", "--format=%(refname)", "--contains", headCommit, "refs/owf", "refs/heads"]
  })
  if (kept.code !== 0 || kept.text.trim() === "") return false
  if (path === null || branch === null) return true
  const found = yield* git.ask({
    cwd: repository.root,
    args: ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`]
  })
  return found.code === 0 && (yield* isAncestor(git, repository, found.text.trim(), headCommit))
}, Effect.orElseSucceed(() => false))

/** The recorded commit is the branch's own, or holds on top of it what the agent did not commit. */
const isAncestor = (git: Git, { root }: GitRepository.Repository, tip: string, headCommit: string) =>
  Effect.map(
    git.ask({ cwd: root, args: ["merge-base", "--is-ancestor", tip, headCommit] }),
    ({ code }) => code === 0
  )
