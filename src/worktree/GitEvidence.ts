/**
 * What an agent did in a worktree, made durable before anybody looks at it.
 *
 * - E1. Everything the tree holds becomes a commit under `refs/owf/<run>/<call>/head`: the agent's own commits, and on top
 *   of them what it did not commit. What it left behind is kept beside it.
 * - E2. The tree itself, its index and its branch stay as the agent left them.
 * - E3. Of a tree that is gone its commits are kept all the same, as far as they can be found.
 */
import * as Effect from "effect/Effect"
import type { Change } from "../domain/Change.ts"
import type { Git } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitKeep from "./GitKeep.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitTree from "./GitTree.ts"
import type { Evidence } from "./Worktree.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * Keeps what a worktree holds and says what it is.
 * @category running
 * @since 0.1.0
 */
export const collect = Effect.fn("GitEvidence.collect")(function*(git: Git, made: GitTree.Made) {
  yield* Effect.catchAll(GitTree.checkPlace(made), (error) => lost(git, made, error))
  const place = yield* GitTree.placeOf(git, made)
  const held = yield* GitTree.look(git, made, place)
  const { baseCommit, branch, root } = made
  const isUncommitted = held.status.changed.length > 0 || held.status.untracked.length > 0
  const { commit: headCommit, unread } = isUncommitted
    ? yield* GitCapture.commit(git, place, held.status, {
      parent: held.head,
      message: made.message,
      former: `${made.keep}/head`
    })
    : { commit: held.head, unread: [] }
  const left = yield* GitKeep.left(git, made, headCommit)
  const isConfigured = (yield* GitRepository.configuration(made)) !== made.configuration
  const warnings = warningsOf(made, held, { left, unread, isConfigured })
  if (GitTree.isClean(made, held) && left.commits.length === 0 && left.tip === baseCommit) {
    return { evidence: nothing(baseCommit, warnings), isClean: true, settings: place.settings }
  }
  yield* GitKeep.keep(git, made, headCommit, left)
  const { changes, isPatchCut, isPatchExact, patch } = yield* difference(git, place, baseCommit, headCommit)
  const listed = new Set(changes.map(({ path }) => path))
  const evidence: Evidence = {
    path: root,
    branch,
    baseCommit,
    headCommit,
    changes: [
      ...changes,
      ...unread.filter((path) => !listed.has(path)).map((path): Change => ({ kind: "modified", path, from: null })),
      ...held.empty.map((path): Change => ({ kind: "added", path, from: null })),
      ...held.status.ignored.slice(0, maxIgnored).map((path): Change => ({ kind: "ignored", path, from: null }))
    ],
    patch,
    isPatchCut,
    digest: null,
    warnings: isPatchExact ? warnings : [...warnings, inexact]
  }
  return { evidence, isClean: false, settings: place.settings }
})

/**
 * What differs between two commits or trees: file by file, and as git writes it.
 * @category queries
 * @since 0.1.0
 */
export const difference = Effect.fn("GitEvidence.difference")(
  function*(git: Git, { root, settings, variables }: Omit<GitCapture.Place, "index">, before: string, after: string) {
    if (before === after) return { differences: [], changes: [], patch: "", isPatchCut: false, isPatchExact: true }
    const asked = { cwd: root, settings, variables }
    const [raw, patch] = yield* Effect.all([
      git.run({ ...asked, args: [...diff, "--raw", "-z", before, after] }),
      git.ask({
        ...asked,
        args: [...diff, "--patch", "--binary", "--full-index", before, after],
        maxOutputBytes: maxPatchBytes
      })
    ], { concurrency: 2 })
    if (patch.code !== 0) return yield* GitCommand.refused(patch)
    const differences = GitOutput.differences(raw.bytes)
    return {
      differences,
      changes: differences.map(({ change }) => change),
      patch: patch.text,
      isPatchCut: patch.isCut,
      isPatchExact: patch.isCut || isUtf8(patch.bytes)
    }
  }
)

/**
 * What differs between two commits as git writes it, whole.
 * @category queries
 * @since 0.1.0
 */
export const patchOf = (
  git: Git,
  { root, settings, variables }: Omit<GitCapture.Place, "index">,
  before: string,
  after: string
) =>
  Effect.map(
    git.run({
      cwd: root,
      settings,
      variables,
      args: [...diff, "--patch", "--binary", "--full-index", before, after]
    }),
    ({ text }) => text
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxPatchBytes = 16_777_216
const maxIgnored = 1_000
const maxNamed = 10

const diff = [
  "diff-tree",
  "-r",
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
  "--find-renames",
  "--ignore-submodules=none"
]

const inexact = "the patch shows text that is not UTF-8 with replacement characters; the commit holds it as it is"

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

const nothing = (baseCommit: string, warnings: ReadonlyArray<string>): Evidence => ({
  path: null,
  branch: null,
  baseCommit,
  headCommit: baseCommit,
  changes: [],
  patch: "",
  isPatchCut: false,
  digest: null,
  warnings
})

const lost = (git: Git, made: GitTree.Made, error: WorktreeError) =>
  Effect.flatMap(
    Effect.orElseSucceed(GitKeep.rescue(git, made), () => 0),
    (count) =>
      count === 0
        ? error
        : new WorktreeError({ reason: "Lost", detail: `${error.detail}; its commits are kept under ${made.keep}` })
  )

const warningsOf = (made: GitTree.Made, held: GitTree.Held, found: {
  readonly left: GitKeep.Left
  readonly unread: ReadonlyArray<string>
  readonly isConfigured: boolean
}): ReadonlyArray<string> => {
  const { left, unread } = found
  const { branch } = held.status
  const more = held.status.ignored.length - maxIgnored
  return [
    ...when(found.isConfigured, "the repository's configuration or hooks changed while the call ran; nothing was run"),
    ...when(held.isStray, `${made.root}/.git no longer names the repository the worktree belongs to`),
    ...when(left.tip === null, `the branch ${made.branch} is gone`),
    ...when(
      branch !== made.branch,
      `the worktree is ${branch === null ? "at no branch" : `at the branch ${branch}`}, not at ${made.branch}`
    ),
    ...left.branches.map((name) => `the branch ${name} is gone; its commits are kept`),
    ...when(left.commits.length > 0, `commits that were left behind are kept under ${made.keep}/left`),
    ...when(left.isStashed, "something was put into the repository's stash while the call ran"),
    ...when(held.nested.length > 0, `what repositories inside hold is not kept elsewhere: ${named(held.nested)}`),
    ...when(held.hidden > 0, `git was told not to look at ${filesOf(held.hidden)}`),
    ...when(unread.length > 0, `could not be read, and are only in the worktree: ${named(unread)}`),
    ...held.unread.slice(0, maxNamed),
    ...when(more > 0, `${more} more ignored ${more === 1 ? "file is" : "files are"} not listed`)
  ]
}

const filesOf = (count: number): string => `${count} file${count === 1 ? "" : "s"}`

const when = (is: boolean, text: string): ReadonlyArray<string> => is ? [text] : []

const named = (names: ReadonlyArray<string>): string =>
  names.length <= maxNamed
    ? names.join(", ")
    : `${names.slice(0, maxNamed).join(", ")} and ${names.length - maxNamed} more`
