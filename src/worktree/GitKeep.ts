/**
 * Refs that keep what agents committed, so that nothing collects it.
 *
 * - K1. `refs/owf/<run>/<call>/head` is the commit that holds everything the call left, `…/tip` what its branch pointed at.
 * - K2. Commits the agent made and left behind, by an amendment, a rebase or a deleted branch, are `…/left/<commit>`.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Git } from "./Git.ts"
import { durable } from "./Git.ts"
import * as GitRepository from "./GitRepository.ts"
import type { Made } from "./GitTree.ts"

/**
 * What was found that the agent left behind.
 * @category models
 * @since 0.1.0
 */
export interface Left {
  /** Commits its HEAD was at. */
  readonly commits: ReadonlyArray<string>
  /** Branches that are gone, whose commits nothing else held. */
  readonly branches: ReadonlyArray<string>
  /** What the tree's branch points at; null when it is gone. */
  readonly tip: string | null
  /** Something was put into the stash, which all worktrees share. */
  readonly isStashed: boolean
}

/**
 * Commits of a tree that no branch and no tag leads to, `head` aside; others can be named that were in it.
 * @category queries
 * @since 0.1.0
 */
export const left = Effect.fn("GitKeep.left")(function*(
  git: Git,
  made: Made,
  head: string,
  more: ReadonlyArray<string> = []
) {
  const [now, logged] = yield* Effect.all([
    branchesOf(git, made),
    git.ask({ ...ownOf(made), args: ["reflog", "show", "--format=%H", "HEAD", "--"] })
  ], { concurrency: 2 })
  const tip = now.get(`refs/heads/${made.branch}`) ?? null
  // what was kept before stays reachable when there is more now
  const former = now.get(`${made.keep}/head`) ?? made.baseCommit
  const known = new Set([head, made.baseCommit, tip])
  const isUsers = (name: string) => name.startsWith("refs/heads/") && !name.startsWith("refs/heads/owf/")
  const gone = [...made.branches].filter(([name]) => !now.has(name) && isUsers(name))
  const been = [former, ...more, ...logged.text.split("\n")].filter((commit) => commit !== "" && !known.has(commit))
  const lost = yield* ends(git, made, [...been, ...gone.map(([, commit]) => commit)], [
    `^${head}`,
    `^${made.baseCommit}`
  ])
  const found: Left = {
    commits: lost,
    branches: gone.filter(([, commit]) => lost.includes(commit)).map(([name]) => name.slice("refs/heads/".length)),
    tip,
    isStashed: now.has(stash) && now.get(stash) !== made.branches.get(stash)
  }
  return found
})

/**
 * Keeps commits (K1, K2), all or none.
 * @category running
 * @since 0.1.0
 */
export const keep = (git: Git, made: Made, head: string | null, { commits, tip }: Pick<Left, "commits" | "tip">) => {
  const updates = [
    ...(head === null ? [] : [`update ${made.keep}/head ${head}`]),
    ...(tip === null ? [`delete ${made.keep}/tip`] : [`update ${made.keep}/tip ${tip}`]),
    ...commits.map((commit) => `update ${made.keep}/left/${commit} ${commit}`)
  ]
  return git.run({
    ...askedOf(made),
    settings: durable,
    args: ["update-ref", "--stdin"],
    input: `${updates.join("\n")}\n`
  })
}

/**
 * Keeps the commits of a tree that is gone, as far as they can be found; gives how many.
 * @category running
 * @since 0.1.0
 */
export const rescue = Effect.fn("GitKeep.rescue")(function*(git: Git, made: Made) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const tip = (yield* branchesOf(git, made)).get(`refs/heads/${made.branch}`) ?? null
  const isKnown = yield* Effect.orElseSucceed(files.exists(path.join(made.gitDirectory, "HEAD")), () => false)
  const head = isKnown
    ? yield* git.ask({ ...ownOf(made), args: ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"] })
    : undefined
  const commits = head?.code === 0
    ? (yield* left(git, made, made.baseCommit, [head.text.trim()])).commits
    : yield* unreachable(git, made)
  const isWork = (commit: string | null) => commit !== null && commit !== made.baseCommit
  if (commits.length === 0 && !isWork(tip)) return 0
  yield* keep(git, made, tip, { commits, tip })
  return commits.length + (isWork(tip) ? 1 : 0)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const stash = "refs/stash"

/** Asked of the repository, because the tree may be gone. */
const askedOf = ({ commonDirectory }: Made) => ({
  cwd: commonDirectory,
  variables: GitRepository.variablesOf({ root: commonDirectory, gitDirectory: commonDirectory, commonDirectory })
})

/** The same for what only the tree has: HEAD and its log. */
const ownOf = ({ commonDirectory, gitDirectory }: Made) => ({
  cwd: commonDirectory,
  variables: GitRepository.variablesOf({ root: commonDirectory, gitDirectory, commonDirectory })
})

const branchesOf = (git: Git, { commonDirectory, keep }: Made) =>
  GitRepository.refs(
    git,
    { root: commonDirectory, gitDirectory: commonDirectory, commonDirectory, prefix: "" },
    "refs/heads",
    stash,
    `${keep}/head`
  )

/** Those of the commits that lead to no other of them, and that neither the bounds nor any branch or tag hold. */
const ends = Effect.fnUntraced(
  function*(git: Git, made: Made, commits: ReadonlyArray<string>, bounds: ReadonlyArray<string>) {
    if (commits.length === 0) return []
    const listed = yield* git.run({
      ...askedOf(made),
      args: ["rev-list", "--parents", "--ignore-missing", "--stdin", "--not", "--branches", "--tags", "--remotes"],
      input: `${[...new Set(commits), ...bounds].join("\n")}\n`
    })
    const lines = listed.text.split("\n").filter((line) => line !== "").map((line) => line.split(" "))
    const parents = new Set(lines.flatMap(([, ...parents]) => parents))
    return lines.flatMap(([commit = ""]) => parents.has(commit) ? [] : [commit])
  }
)

/** Commits made on top of the base that nothing leads to any more. */
const unreachable = Effect.fnUntraced(function*(git: Git, made: Made) {
  const asked = askedOf(made)
  const found = yield* git.ask({ ...asked, args: ["fsck", "--unreachable", "--connectivity-only", "--no-progress"] })
  const commits = [...found.text.matchAll(/^unreachable commit ([0-9a-f]+)$/gm)].map(([, commit = ""]) => commit)
  if (commits.length === 0) return []
  const listed = yield* git.run({
    ...asked,
    args: ["rev-list", "--parents", "--ancestry-path", "--ignore-missing", "--stdin"],
    input: `${[...commits, `^${made.baseCommit}`].join("\n")}\n`
  })
  const lines = listed.text.split("\n").filter((line) => line !== "").map((line) => line.split(" "))
  const parents = new Set(lines.flatMap(([, ...parents]) => parents))
  return lines.flatMap(([commit = ""]) => parents.has(commit) ? [] : [commit])
})
