/**
 * What a checkout holds at a moment, so that a call in place can be told what it changed.
 *
 * - S1. The repository is only read: objects made for the comparison are written to a directory that is removed with the
 *   scope, and the index is a copy.
 * - S2. What is not committed before the call is no part of what it changed.
 * - S3. Ignored files, and what repositories inside the checkout hold, are not looked at.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Change } from "../domain/Change.ts"
import * as Sha256 from "../internal/sha256.ts"
import type { Git } from "./Git.ts"
import * as GitCapture from "./GitCapture.ts"
import * as GitEvidence from "./GitEvidence.ts"
import * as GitRepository from "./GitRepository.ts"
import type { Evidence, Snapshot } from "./Worktree.ts"

/**
 * What the checkout holds now.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("GitSnapshot.make")(function*(git: Git, options: {
  readonly repository: GitRepository.Repository
  readonly programs: GitRepository.Programs
  readonly home: string
  /** How many calls in place have begun, and how many are at work. */
  readonly calls: { begun: number; running: number }
}) {
  const { calls, repository } = options
  const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const place = yield* placeOf(options)
  const configuration = yield* GitRepository.configuration(repository)
  const before = yield* read(git, place)
  calls.running += 1
  const begun = ++calls.begun
  const isAlone = calls.running === 1
  yield* Effect.addFinalizer(() => Effect.sync(() => void (calls.running -= 1)))
  const compare = Effect.gen(function*() {
    const now = yield* GitRepository.programs(git, repository.root, place.variables)
    const settings = GitRepository.asBefore(options.programs, now)
    const after = yield* read(git, { ...place, settings })
    const found = yield* GitEvidence.difference(git, { ...place, settings }, before.tree, after.tree)
    const isConfigured = (yield* GitRepository.configuration(repository)) !== configuration
    const evidence: Evidence = {
      path: null,
      branch: null,
      baseCommit: before.head,
      headCommit: null,
      changes: found.changes,
      patch: found.patch,
      isPatchCut: found.isPatchCut,
      digest: found.changes.length === 0
        ? null
        : digestOf(found.changes, new Map(found.differences.map(({ change, now }) => [change.path, now]))),
      warnings: [
        ...(before.head === after.head ? [] : [`HEAD moved from ${before.head ?? "none"} to ${after.head ?? "none"}`]),
        ...(isConfigured ? ["the repository's configuration or hooks changed while the call ran"] : []),
        ...(isAlone && calls.begun === begun
          ? []
          : ["other calls were at work in the checkout at the same time; what changed may be theirs"]),
        ...after.unread.map((name) => `could not be read: ${name}`)
      ]
    }
    return evidence
  })
  const snapshot: Snapshot = { changes: Effect.provide(compare, context) }
  return snapshot
})

/**
 * Whether the files a call in place changed are as it left them.
 * @category predicates
 * @since 0.1.0
 */
export const holds = (
  git: Git,
  options: {
    readonly repository: GitRepository.Repository
    readonly programs: GitRepository.Programs
    readonly home: string
  },
  { changes, digest }: Pick<Evidence, "changes" | "digest">
) =>
  Effect.scoped(Effect.gen(function*() {
    const names = changes.flatMap(({ from, path }) => from === null ? [path] : [path, from])
    // a name that could not be written as text cannot be asked about
    if (names.some((name) => name.includes("\uFFFD"))) return false
    const found = yield* GitCapture.objectsOf(git, yield* placeOf(options), names)
    return digestOf(changes, found) === digest
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const placeOf = Effect.fnUntraced(function*(options: {
  readonly repository: GitRepository.Repository
  readonly programs: GitRepository.Programs
  readonly home: string
}) {
  const path = yield* Path.Path
  const { repository } = options
  const below = path.relative(repository.root, options.home)
  const isInside = below !== "" && !below.startsWith("..") && !path.isAbsolute(below)
  const place: GitCapture.Place = {
    root: repository.root,
    index: path.join(repository.gitDirectory, "index"),
    variables: {
      ...GitRepository.variablesOf(repository),
      ...(yield* GitCapture.ownObjects(repository.commonDirectory))
    },
    settings: [],
    leaveOut: isInside ? below : undefined
  }
  return place
})

/** What is there, as a tree or as the commit that holds the same. */
const read = Effect.fnUntraced(function*(git: Git, place: GitCapture.Place) {
  const status = yield* GitCapture.status(git, place, "no")
  const { head } = status
  if (head !== null && status.changed.length === 0 && status.untracked.length === 0) {
    return { head, tree: head, unread: status.unread }
  }
  const { tree, unread } = yield* GitCapture.tree(git, place, status)
  return { head, tree, unread: [...status.unread, ...unread] }
})

/** Of the names a call changed and of what is there under each. */
const digestOf = (
  changes: ReadonlyArray<Change>,
  objects: ReadonlyMap<string, string | null>
): string => {
  const names = changes.flatMap(({ from, path }) => from === null ? [path] : [path, from])
  return Sha256.hex(names.toSorted().map((name) => `${objects.get(name) ?? "gone"}\t${name}`).join("\0"))
}
