/**
 * What a call did in its worktree, brought into the user's own files or onto a branch.
 *
 * - P1. It is a three-way merge of what the call changed since its base. It is tried out beside the repository first;
 *   where it conflicts, or where files with uncommitted changes are in its way, nothing is changed.
 * - P2. Files and index change together: git checks before it writes, and what it could not finish is taken back.
 * - P3. A branch that is checked out nowhere is moved by a commit, if it is still where it was. HEAD is never moved.
 * - P4. Merge drivers are not run: an agent may have chosen or configured them. Their files conflict.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Change } from "../domain/Change.ts"
import type { Git, Setting } from "./Git.ts"
import * as GitCommand from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import * as Listing from "./Listing.ts"
import type { Evidence } from "./Worktree.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * Where to apply.
 * @category models
 * @since 0.1.0
 */
export interface Options extends GitCommand.Options {
  /** A directory of the repository. */
  readonly cwd: string
  /** Defaults to the files of `cwd`, whatever is checked out there. */
  readonly branch?: string | undefined
  /** Of the commit made when the branch is not checked out. */
  readonly message?: string | undefined
}

/**
 * What applying did: files changed and staged, a commit made on a branch, or nothing because it is all there.
 * @category models
 * @since 0.1.0
 */
export type Applied =
  | { readonly _tag: "Files"; readonly root: string; readonly files: ReadonlyArray<string> }
  | { readonly _tag: "Commit"; readonly branch: string; readonly commit: string; readonly files: ReadonlyArray<string> }
  | { readonly _tag: "Already" }

/**
 * Applying was refused, and nothing was changed.
 * @category errors
 * @since 0.1.0
 */
export class ApplyRefused extends Schema.TaggedError<ApplyRefused>("owf/Apply/ApplyRefused")("ApplyRefused", {
  /** `Dirty`: files with uncommitted changes are in the way. `Nothing`: the call left no commit to apply. */
  reason: Schema.Literal("Conflict", "Dirty", "Nothing", "NoBranch", "Gone", "Refused"),
  files: Schema.Array(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Brings what a call did into the user's files, or onto a branch.
 * @category running
 * @since 0.1.0
 */
export const apply = Effect.fn("Apply.apply")(
  function*(evidence: Pick<Evidence, "baseCommit" | "headCommit">, options: Options) {
    const git = yield* GitCommand.make(options)
    const work = yield* workOf(evidence)
    yield* GitRepository.checkVersion(git, options.cwd, oldest, "applying what a call did")
    const { head, repository } = yield* GitRepository.find(git, options.cwd)
    yield* checkCommits(git, repository, work)
    if (options.branch === undefined) {
      return yield* head === null ? GitRepository.noCommit(repository) : ontoFiles(git, repository, work, head)
    }
    const tip = (yield* GitRepository.refs(git, repository, `refs/heads/${options.branch}`))
      .get(`refs/heads/${options.branch}`)
    if (tip === undefined) {
      return yield* refusal("NoBranch", `there is no branch '${options.branch}'; make it with 'git branch'`)
    }
    const listed = yield* Listing.all(git, repository)
    const place = listed.find(({ branch }) => branch === options.branch)?.path
    if (place !== undefined) {
      const { repository: there } = yield* GitRepository.find(git, place)
      return yield* ontoFiles(git, there, work, tip)
    }
    return yield* ontoBranch(git, repository, work, { name: options.branch, tip, message: options.message })
  },
  Effect.scoped
)

/**
 * What a call did, as git writes it, without a bound where its commits are still there.
 * @category queries
 * @since 0.1.0
 */
export const diff = Effect.fn("Apply.diff")(
  function*(evidence: Pick<Evidence, "baseCommit" | "headCommit" | "patch" | "isPatchCut">, options: Options) {
    const { baseCommit, headCommit, isPatchCut, patch } = evidence
    if (!isPatchCut || baseCommit === null || headCommit === null) return patch
    const git = yield* GitCommand.make(options)
    const { repository } = yield* GitRepository.find(git, options.cwd)
    return yield* GitEvidence.patchOf(
      git,
      {
        root: repository.root,
        variables: GitRepository.variablesOf(repository),
        settings: []
      },
      baseCommit,
      headCommit
    )
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const oldest: GitRepository.Version = [2, 38]

/** A call's commits: what it began with and what it left. */
interface Work {
  readonly base: string
  readonly head: string
}

const refusal = (reason: ApplyRefused["reason"], detail: string, files: ReadonlyArray<string> = []) =>
  new ApplyRefused({ reason, detail, files: [...files] })

const workOf = ({ baseCommit, headCommit }: Pick<Evidence, "baseCommit" | "headCommit">) =>
  headCommit === null || baseCommit === null
    ? refusal("Nothing", "the call had no worktree: what it changed is in the files already")
    : headCommit === baseCommit
    ? refusal("Nothing", "the call left nothing that a commit can hold")
    : Effect.succeed<Work>({ base: baseCommit, head: headCommit })

const checkCommits = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, { base, head }: Work) {
  for (const commit of [base, head]) {
    const found = yield* Effect.either(GitRepository.commitOf(git, repository, commit))
    if (found._tag === "Right") continue
    if (found.left.reason !== "NoCommit") return yield* found.left
    return yield* refusal("Gone", `the commit ${commit} of the call is no longer in ${repository.root}`)
  }
})

const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&")}"`

const asOwf = {
  GIT_AUTHOR_NAME: "owf",
  GIT_AUTHOR_EMAIL: "owf@localhost",
  GIT_COMMITTER_NAME: "owf",
  GIT_COMMITTER_EMAIL: "owf@localhost",
  GIT_AUTHOR_DATE: "@0 +0000",
  GIT_COMMITTER_DATE: "@0 +0000"
}

/**
 * Merges what a call did with a tree, as if both had been made from the base, whatever their own history is.
 *
 * The commits that say so are written to a directory of the scope, and so is what is merged, unless it is to stay.
 */
const merge = Effect.fnUntraced(function*(
  git: Git,
  repository: GitRepository.Repository,
  { base, head }: Work,
  options: {
    readonly onto: string
    /** Another directory of objects that the tree may be in. */
    readonly objects?: string | undefined
    readonly stays: boolean
  }
) {
  const { cwd, variables } = askedOf(repository)
  const own = yield* GitCapture.ownObjects(repository.commonDirectory)
  const alternates = [
    own.GIT_ALTERNATE_OBJECT_DIRECTORIES,
    ...(options.objects === undefined ? [] : [quoted(options.objects)])
  ]
  const beside = { ...variables, ...own, GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates.join(":") }
  const commit = (tree: string) =>
    git.line({ cwd, variables: { ...beside, ...asOwf }, args: ["commit-tree", tree, "-p", base, "-m", "merge"] })
  const ours = yield* commit(options.onto)
  const theirs = yield* commit(`${head}^{tree}`)
  const merged = yield* git.ask({
    cwd,
    settings: yield* withoutDrivers(git, repository),
    variables: options.stays
      ? { ...variables, GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(own.GIT_OBJECT_DIRECTORY) }
      : beside,
    args: ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs]
  })
  if (merged.code !== 0 && merged.code !== 1) return yield* GitCommand.refused(merged)
  const [tree = "", ...files] = GitOutput.texts(merged.bytes)
  const conflicts = merged.code === 0 ? [] : [...new Set(files.filter((name) => name !== ""))]
  return { tree, conflicts, variables: beside }
})

const askedOf = (repository: GitRepository.Repository) => ({
  cwd: repository.root,
  variables: GitRepository.variablesOf(repository)
})

/** Settings with which every merge driver fails (P4). */
const withoutDrivers = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository) {
  const { bytes } = yield* git.ask({
    cwd: repository.root,
    variables: GitRepository.variablesOf(repository),
    args: ["config", "-z", "--name-only", "--get-regexp", "^merge\\..*\\.driver$"]
  })
  return GitOutput.texts(bytes).map((key): Setting => [key, "false"])
})

const conflict = (files: ReadonlyArray<string>) =>
  refusal(
    "Conflict",
    `what the call did conflicts with what is there, in ${files.join(", ")}; nothing was changed`,
    files
  )

const treeOf = (git: Git, repository: GitRepository.Repository, commit: string) =>
  git.line({
    cwd: repository.root,
    variables: GitRepository.variablesOf(repository),
    args: ["rev-parse", "--verify", `${commit}^{tree}`]
  })

/** What changes between two trees that git finds with the variables. */
const changesOf = (
  git: Git,
  repository: GitRepository.Repository,
  variables: Readonly<Record<string, string>>,
  [before, after]: readonly [string, string]
) =>
  Effect.map(
    git.run({
      cwd: repository.root,
      variables,
      args: ["diff-tree", "-r", "--no-renames", "--raw", "-z", before, after]
    }),
    ({ bytes }) => GitOutput.differences(bytes).map(({ change }) => change)
  )

const already: Applied = { _tag: "Already" }

const ontoBranch = Effect.fnUntraced(function*(git: Git, repository: GitRepository.Repository, work: Work, branch: {
  readonly name: string
  readonly tip: string
  readonly message: string | undefined
}) {
  const { message = `Apply ${work.head}`, name, tip } = branch
  const onto = yield* treeOf(git, repository, tip)
  const tried = yield* merge(git, repository, work, { onto, stays: false })
  if (tried.conflicts.length > 0) return yield* conflict(tried.conflicts)
  if (tried.tree === onto) return already
  return yield* Effect.uninterruptible(Effect.gen(function*() {
    const { tree } = yield* merge(git, repository, work, { onto, stays: true })
    const asked = { ...askedOf(repository), settings: GitCommand.durable }
    const commit = yield* git.line({ ...asked, args: ["commit-tree", tree, "-p", tip], input: `${message}\n` })
    yield* git.run({ ...asked, args: ["update-ref", "-m", "owf apply", `refs/heads/${name}`, commit, tip] })
    const changes = yield* changesOf(git, repository, asked.variables, [onto, tree])
    const applied: Applied = { _tag: "Commit", branch: name, commit, files: changes.map(({ path }) => path) }
    return applied
  }))
})

const ontoFiles = Effect.fnUntraced(
  function*(git: Git, repository: GitRepository.Repository, work: Work, head: string) {
    const path = yield* Path.Path
    const objects = yield* GitCapture.ownObjects(repository.commonDirectory)
    const onto = yield* treeOf(git, repository, head)
    const place: GitCapture.Place = {
      root: repository.root,
      index: path.join(repository.gitDirectory, "index"),
      variables: { ...GitRepository.variablesOf(repository), ...objects },
      settings: []
    }
    const status = yield* GitCapture.status(git, place, "no")
    const dirty = [...status.changed, ...status.untracked].map(({ text }) => text)
    const tried = yield* merge(git, repository, work, { onto, stays: false })
    const changes = tried.conflicts.length > 0
      ? []
      : yield* changesOf(git, repository, tried.variables, [onto, tried.tree])
    const blocked = yield* inTheWay(repository, changes, dirty)
    if (tried.conflicts.length > 0 || blocked.length > 0) {
      // what was applied before and is not committed yet looks like this too
      const { tree } = yield* GitCapture.tree(git, place, status)
      const again = yield* merge(git, repository, work, {
        onto: tree,
        objects: objects.GIT_OBJECT_DIRECTORY,
        stays: false
      })
      if (again.conflicts.length === 0 && again.tree === tree) return already
      return yield* tried.conflicts.length > 0 ? conflict(tried.conflicts) : inTheWayOf(blocked)
    }
    if (tried.tree === onto) return already
    const { tree } = yield* merge(git, repository, work, { onto, stays: true })
    yield* Effect.uninterruptible(write(git, repository, [head, tree], changes))
    const applied: Applied = { _tag: "Files", root: repository.root, files: changes.map((change) => change.path) }
    return applied
  }
)

const inTheWayOf = (files: ReadonlyArray<string>) =>
  refusal(
    "Dirty",
    `files with changes that are not committed are in the way: ${files.join(", ")}; ` +
      "commit them or set them aside first. Nothing was changed",
    files
  )

/** Files that have uncommitted changes, or are there without being tracked, where something is to be written. */
const inTheWay = Effect.fnUntraced(function*(
  { root }: GitRepository.Repository,
  changes: ReadonlyArray<Change>,
  dirty: ReadonlyArray<string>
) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = new Set<string>()
  for (const change of changes) {
    for (const name of dirty) if (isSame(name.replace(/\/$/, ""), change.path)) found.add(name)
    if (change.kind !== "added") continue
    const own = path.join(root, change.path)
    const isLink = yield* Effect.isSuccess(files.readLink(own))
    if (isLink || (yield* Effect.orElseSucceed(files.exists(own), () => false))) found.add(change.path)
  }
  return [...found]
})

const isSame = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)

/** Moves files and index from one tree to another, or not at all (P2). */
const write = Effect.fnUntraced(function*(
  git: Git,
  repository: GitRepository.Repository,
  [before, after]: readonly [string, string],
  changes: ReadonlyArray<Change>
) {
  const asked = { cwd: repository.root, variables: GitRepository.variablesOf(repository) }
  // git takes a file for changed whose times differ from what the index says
  yield* git.ask({ ...asked, args: ["update-index", "-q", "--refresh"] })
  const refuse = ({ detail }: WorktreeError) => refusal("Refused", `${detail}; nothing was changed`)
  yield* Effect.mapError(git.run({ ...asked, args: ["read-tree", "-n", "-m", "-u", before, after] }), refuse)
  const moved = yield* Effect.either(git.run({ ...asked, args: ["read-tree", "-m", "-u", before, after] }))
  if (moved._tag === "Right") return
  if (!GitCommand.isLocked(moved.left)) yield* takeBack(git, repository, changes)
  return yield* refuse(moved.left)
})

/** Puts files back as the index has them, and removes those that were not there. */
const takeBack = Effect.fnUntraced(function*(
  git: Git,
  repository: GitRepository.Repository,
  changes: ReadonlyArray<Change>
) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const change of changes) {
    if (change.kind === "added") yield* Effect.ignore(files.remove(path.join(repository.root, change.path)))
  }
  const before = changes.filter(({ kind }) => kind !== "added").map((change) => `${change.path}\0`)
  const restored = yield* git.ask({
    cwd: repository.root,
    variables: GitRepository.variablesOf(repository),
    args: ["checkout-index", "-f", "-q", "-z", "--stdin"],
    input: before.join("")
  })
  if (restored.code === 0) return
  return yield* new WorktreeError({
    reason: "Refused",
    detail: `applying broke off, and these files of ${repository.root} could not all be put back: ` +
      `${before.join(" ").replaceAll("\0", "")}; 'git checkout -- <file>' does. ${GitCommand.saidIn(restored.stderr)}`
  })
})
