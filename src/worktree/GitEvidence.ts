/**
 * What an agent did in a worktree, made durable before anybody looks at it.
 *
 * - E1. Everything the tree holds becomes a commit under `refs/owf/<run>/<call>/head`: the agent's own commits, and on top
 *   of them what it did not commit.
 * - E2. Commits the agent made and left behind, by an amendment, a rebase or a change of branch, are kept under
 *   `refs/owf/<run>/<call>/left/<n>`.
 * - E3. The tree itself, its index and its branch stay as the agent left them.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Change } from "../domain/Change.ts"
import type { Git } from "./Git.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import type { Evidence } from "./Worktree.ts"
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
  /** Content of the repository's configuration when the tree was made. */
  readonly configuration: string
  readonly message: string
}

/**
 * The variables that name a worktree's repository, whatever a planted `.git` file or configuration says.
 * @category converting
 * @since 0.1.0
 */
export const variablesOf = ({ commonDirectory, gitDirectory, root }: Made): Readonly<Record<string, string>> => ({
  GIT_DIR: gitDirectory,
  GIT_COMMON_DIR: commonDirectory,
  GIT_WORK_TREE: root
})

/**
 * Keeps what a worktree holds and says what it is.
 * @category running
 * @since 0.1.0
 */
export const collect = Effect.fn("GitEvidence.collect")(function*(git: Git, made: Made) {
  yield* checkPlace(made)
  const { baseCommit, root } = made
  const variables = variablesOf(made)
  const configuration = yield* configurationOf(made.commonDirectory)
  const isPlanted = configuration !== made.configuration
  const withoutFilters = isPlanted ? yield* GitRepository.filters(git, root, variables) : []
  const asked = { cwd: root, variables, withoutFilters }
  const head = yield* headOf(git, made)
  const index = (yield* Path.Path).join(made.gitDirectory, "index")
  const headCommit = yield* GitRepository.capture(git, {
    root,
    variables,
    index,
    parent: head,
    message: made.message,
    withoutFilters
  })
  const left = yield* keep(git, made, headCommit)
  const range = [baseCommit, headCommit, "--"]
  const named = yield* git.run({ ...asked, args: [...diff, "--name-status", "-z", ...range] })
  const ignored = yield* ignoredOf(git, asked)
  const patch = yield* git.ask({
    ...asked,
    args: [...diff, "--binary", "--full-index", ...range],
    maxOutputBytes: maxPatchBytes
  })
  const evidence: Evidence & { readonly leftBehind: number } = {
    path: root,
    branch: made.branch,
    baseCommit,
    headCommit,
    changes: [...GitOutput.changes(named), ...ignored.changes],
    patch: patch.text,
    isPatchCut: patch.isCut,
    digest: null,
    warnings: [
      ...(isPlanted ? ["the agent changed the repository's configuration; nothing of it was run"] : []),
      ...(left === 0 ? [] : [`${left} commits the agent left behind are kept under ${made.keep}/left`]),
      ...ignored.warnings
    ],
    leftBehind: left
  }
  return evidence
})

/**
 * The content of a repository's configuration, which an agent may have changed.
 * @category queries
 * @since 0.1.0
 */
export const configurationOf = Effect.fnUntraced(function*(commonDirectory: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const read = (name: string) => Effect.orElseSucceed(files.readFileString(path.join(commonDirectory, name)), () => "")
  return `${yield* read("config")}\0${yield* read("info/attributes")}`
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxPatchBytes = 16_777_216
const maxIgnored = 1_000

const diff = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--ignore-submodules=none"]

/** The tree is where it was made and belongs to its repository; anything else is not looked into. */
const checkPlace = Effect.fnUntraced(function*({ gitDirectory, root }: Made) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = yield* Effect.orElseSucceed(files.realPath(root), () => undefined)
  const isHere = real !== undefined &&
    (yield* Effect.orElseSucceed(files.exists(path.join(gitDirectory, "HEAD")), () => false))
  if (!isHere) {
    return yield* new WorktreeError({
      reason: "Lost",
      detail: `the worktree ${root} is gone; the agent or somebody removed it`
    })
  }
})

/** What is checked out; the base where the agent left a branch without commits. */
const headOf = (git: Git, made: Made) =>
  Effect.map(
    git.ask({
      cwd: made.root,
      variables: variablesOf(made),
      args: ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
    }),
    ({ code, text }) => code === 0 ? text.trim() : made.baseCommit
  )

/** Puts the commits where nothing collects them; says how many the agent had left behind. */
const keep = Effect.fnUntraced(function*(git: Git, made: Made, headCommit: string) {
  const asked = { cwd: made.root, variables: variablesOf(made) }
  const logged = yield* git.ask({ ...asked, args: ["reflog", "show", "--format=%H", "HEAD", "--"] })
  const commits = [...new Set(logged.code === 0 ? logged.text.split("\n").filter((line) => line !== "") : [])]
  const branch = `refs/heads/${made.branch}`
  const reached = yield* git.ask({ ...asked, args: ["rev-parse", "--verify", "--quiet", branch] })
  const roots = [headCommit, made.baseCommit, ...(reached.code === 0 ? [branch] : [])]
  const updates: Array<string> = []
  if (headCommit !== made.baseCommit) updates.push(`update ${made.keep}/head ${headCommit}`)
  let left = 0
  for (const commit of commits) {
    const args = [
      "rev-list",
      "--max-count=1",
      commit,
      ...roots.map((name) => `^${name}`),
      "--not",
      "--branches",
      "--tags"
    ]
    const found = yield* git.ask({ ...asked, args })
    if (found.code !== 0 || found.text.trim() === "") continue
    left += 1
    roots.push(commit)
    updates.push(`update ${made.keep}/left/${left} ${commit}`)
  }
  if (updates.length > 0) {
    yield* git.run({ ...asked, args: ["update-ref", "--stdin"], input: `${updates.join("\n")}\n` })
  }
  return left
})

/** New files that are in no commit: those the repository's rules leave out, and directories without files. */
const ignoredOf = Effect.fnUntraced(function*(
  git: Git,
  asked: { readonly cwd: string; readonly variables: Readonly<Record<string, string>> }
) {
  const args = ["ls-files", "-z", "--others", "--directory"]
  const ignored = yield* git.run({ ...asked, args: [...args, "--ignored", "--exclude-standard"] })
  const others = yield* git.run({ ...asked, args: [...args, "--exclude-standard"] })
  const names = GitOutput.fields(ignored)
  const changes = names.slice(0, maxIgnored).map((path): Change => ({ kind: "ignored", path, from: null }))
  const directories = yield* emptyOf(asked.cwd, GitOutput.fields(others).filter((path) => path.endsWith("/")))
  return {
    changes: [...changes, ...directories.map((path): Change => ({ kind: "added", path, from: null }))],
    warnings: names.length > maxIgnored ? [`${names.length - maxIgnored} more ignored files are not listed`] : []
  }
})

/** Those of the directories that hold nothing, which no commit can tell of. */
const emptyOf = Effect.fnUntraced(function*(root: string, directories: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* Effect.filter(
    directories,
    (directory) =>
      Effect.match(files.readDirectory(path.join(root, directory)), {
        onFailure: () => false,
        onSuccess: (entries) => entries.length === 0
      })
  )
})
