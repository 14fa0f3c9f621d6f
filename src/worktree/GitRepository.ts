/**
 * The repository a directory belongs to, and commits that hold what a directory has in it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Git } from "./Git.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * A repository with files checked out.
 * @category models
 * @since 0.1.0
 */
export interface Repository {
  /** Top of the checkout. */
  readonly root: string
  /** What all its worktrees share: objects, branches, configuration. */
  readonly commonDirectory: string
  /** What belongs to this checkout: index and HEAD. */
  readonly gitDirectory: string
  /** The asking directory below the top, with a slash at its end unless it is empty. */
  readonly prefix: string
}

/**
 * Finds the repository a directory is in.
 * @category constructors
 * @since 0.1.0
 */
export const find = Effect.fn("GitRepository.find")(function*(git: Git, cwd: string) {
  const answer = yield* git.ask({
    cwd,
    args: ["rev-parse", "--path-format=absolute", "--is-bare-repository", "--git-common-dir", "--absolute-git-dir"]
  })
  if (answer.code !== 0) {
    return yield* new WorktreeError({ reason: "NoRepository", detail: notHere(cwd, answer.stderr) })
  }
  const [isBare = "", commonDirectory = "", gitDirectory = ""] = answer.text.split("\n")
  if (isBare === "true") {
    return yield* new WorktreeError({
      reason: "NoRepository",
      detail: `${cwd} is a bare repository without a checkout`
    })
  }
  const places = yield* git.ask({ cwd, args: ["rev-parse", "--path-format=absolute", "--show-toplevel"] })
  if (places.code !== 0) {
    return yield* new WorktreeError({ reason: "NoRepository", detail: notHere(cwd, places.stderr) })
  }
  const prefix = yield* git.line({ cwd, args: ["rev-parse", "--show-prefix"] })
  const repository: Repository = {
    root: places.text.replace(/\r?\n$/, ""),
    commonDirectory,
    gitDirectory,
    prefix
  }
  return repository
})

/**
 * The commit a name stands for.
 * @category queries
 * @since 0.1.0
 */
export const commitOf = (git: Git, { root }: Repository, name: string): Effect.Effect<string, WorktreeError> =>
  Effect.flatMap(
    git.ask({ cwd: root, args: ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`] }),
    ({ code, text }) =>
      code === 0
        ? Effect.succeed(text.trim())
        : new WorktreeError(
          name === "HEAD"
            ? { reason: "NoCommit", detail: `${root} has no commit yet; commit something first` }
            : { reason: "NoCommit", detail: `'${name}' is no commit of ${root}` }
        )
  )

/**
 * A commit on top of another that holds the files of a directory as they are now, ignored ones left out; that other
 * commit itself when nothing differs. Neither the index of the directory nor any branch is touched.
 * @category constructors
 * @since 0.1.0
 */
export const capture = Effect.fn("GitRepository.capture")(function*(git: Git, options: {
  /** Top of the directory. */
  readonly root: string
  /** Variables that name its repository. */
  readonly variables: Readonly<Record<string, string>>
  /** Its index, which is copied so that only what changed is read. */
  readonly index: string
  readonly parent: string
  readonly message: string
  readonly withoutFilters: ReadonlyArray<string>
}) {
  const tree = yield* Effect.scoped(Effect.flatten(makeReader(git, options)))
  const { parent, root, variables } = options
  const before = yield* git.line({ cwd: root, variables, args: ["rev-parse", "--verify", `${parent}^{tree}`] })
  if (tree === before) return parent
  const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1_000)
  const at = `${seconds} +0000`
  return yield* git.line({
    cwd: root,
    variables: { ...variables, ...identity, GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at },
    args: ["commit-tree", tree, "-p", parent],
    input: `${options.message}\n`
  })
})

/**
 * The tree of the files of a directory as they are now, ignored ones left out.
 *
 * The copy of the index is of the scope, and remembers what was read, so that asking again is fast.
 * @category constructors
 * @since 0.1.0
 */
export const makeReader = Effect.fnUntraced(function*(git: Git, options: {
  readonly root: string
  readonly variables: Readonly<Record<string, string>>
  readonly index: string
  readonly withoutFilters: ReadonlyArray<string>
}) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "owf-index-" }).pipe(Effect.mapError(unwritable))
  const index = path.join(directory, "index")
  // without an index everything is read anew, which is slow and still right
  yield* Effect.ignore(files.copyFile(options.index, index))
  const { root, withoutFilters } = options
  const asked = { cwd: root, withoutFilters, variables: { ...options.variables, GIT_INDEX_FILE: index } }
  return Effect.zipRight(
    git.run({ ...asked, args: ["add", "--all", "--", "."] }),
    git.line({ ...asked, args: ["write-tree"] })
  )
})

/**
 * The filters a repository's configuration names.
 * @category queries
 * @since 0.1.0
 */
export const filters = (git: Git, cwd: string, variables: Readonly<Record<string, string>>) =>
  Effect.map(
    git.ask({ cwd, variables, args: ["config", "--name-only", "-z", "--get-regexp", "^filter\\."] }),
    ({ text }) => [...new Set(text.split("\0").flatMap((name) => /^filter\.(.+)\.[^.]+$/.exec(name)?.[1] ?? []))]
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notHere = (cwd: string, stderr: string): string => {
  const said = stderr.replaceAll(/^(?:fatal|error): /gm, "").trim()
  return said.startsWith("not a git repository") || said === ""
    ? `${cwd} is in no git repository, so there is nothing to make a worktree of`
    : `git: ${said}`
}

const identity = {
  GIT_AUTHOR_NAME: "owf",
  GIT_AUTHOR_EMAIL: "owf@localhost",
  GIT_COMMITTER_NAME: "owf",
  GIT_COMMITTER_EMAIL: "owf@localhost"
}

const unwritable = (error: { readonly message: string }) =>
  new WorktreeError({ reason: "Unavailable", detail: `no temporary directory can be made: ${error.message}` })
