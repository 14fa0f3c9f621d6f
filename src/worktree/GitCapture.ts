/**
 * What a directory of files holds, and commits that hold it too.
 *
 * - C1. Neither the index of the directory nor any branch is touched: what is written is written from a copy.
 * - C2. Only files that git says differ are read, so that it costs what changed and not what there is.
 * - C3. No file is passed over in silence: what cannot be read is named.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Git, Setting } from "./Git.ts"
import { durable, isLocked } from "./Git.ts"
import * as GitOutput from "./GitOutput.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * A directory of files and the repository it belongs to.
 * @category models
 * @since 0.1.0
 */
export interface Place {
  /** Top of the directory. */
  readonly root: string
  /** The index that says what is known of the files. */
  readonly index: string
  /** Variables that name the repository. */
  readonly variables: Readonly<Record<string, string>>
  readonly settings: ReadonlyArray<Setting>
  /** A directory below the top that does not belong to it, without a slash at its end. */
  readonly leaveOut?: string | undefined
}

/**
 * What git says of the files of a directory.
 * @category queries
 * @since 0.1.0
 */
export const status = Effect.fnUntraced(function*(git: Git, place: Place, ignored: "matching" | "no") {
  const { root, settings, variables } = place
  const output = yield* git.run({
    cwd: root,
    variables,
    settings,
    args: [
      "status",
      "--porcelain=v2",
      "-z",
      "--branch",
      "--no-ahead-behind",
      "--no-renames",
      "--untracked-files=all",
      `--ignored=${ignored}`,
      // repositories inside are looked at apart, without running what they are configured to
      "--ignore-submodules=dirty"
    ]
  })
  const found = GitOutput.status(output.bytes)
  const { leaveOut } = place
  const isOurs = (text: string) => text === leaveOut || text === `${leaveOut}/` || text.startsWith(`${leaveOut}/`)
  const unread = output.stderr.split("\n").filter((line) => line.includes("could not open directory"))
  return {
    ...found,
    untracked: leaveOut === undefined ? found.untracked : found.untracked.filter(({ text }) => !isOurs(text)),
    /** Directories that could not be looked into, in git's words. */
    unread: unread.map((line) => line.replace(/^warning: /, ""))
  }
})

/**
 * The tree of the files of a directory as they are now, ignored ones left out, and those that could not be read.
 * @category running
 * @since 0.1.0
 */
export const tree = (git: Git, place: Place, status: Pick<GitOutput.Status, "unstaged" | "untracked">) =>
  Effect.scoped(Effect.gen(function*() {
    const index = yield* copyOf(place.index)
    const asked = {
      cwd: place.root,
      settings: place.settings,
      variables: { ...place.variables, GIT_INDEX_FILE: index }
    }
    const unread = yield* take(git, asked, [...status.unstaged, ...status.untracked.map(withoutSlash)])
    const tree = yield* git.line({ ...asked, args: ["write-tree", "--missing-ok"] })
    return { tree, unread }
  }))

/**
 * A commit on top of another that holds the files of a directory as they are now, and the files that could not be read.
 * @category running
 * @since 0.1.0
 */
export const commit = Effect.fn("GitCapture.commit")(
  function*(git: Git, place: Place, status: GitOutput.Status, options: {
    readonly parent: string
    readonly message: string
    /** Name of a commit that is given again where it holds the same. */
    readonly former?: string | undefined
  }) {
    const settings = [...durable, ...place.settings]
    const { tree: held, unread } = yield* tree(git, { ...place, settings }, status)
    const { former, parent } = options
    if (former !== undefined) {
      const args = ["log", "-1", "--no-show-signature", "--format=%H %T %P", former, "--"]
      const found = yield* git.ask({ cwd: place.root, settings, variables: place.variables, args })
      const [commit = "", ...holds] = found.text.trim().split(" ")
      if (holds.join(" ") === `${held} ${parent}`) return { commit, unread }
    }
    const at = `@${Math.floor((yield* Clock.currentTimeMillis) / 1_000)} +0000`
    const commit = yield* git.line({
      cwd: place.root,
      settings,
      variables: { ...place.variables, ...identity, GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at },
      args: ["commit-tree", held, "-p", parent],
      input: `${options.message}\n`
    })
    return { commit, unread }
  }
)

/**
 * Mode and object of each file as it is now, where it is there; nothing is written to the repository.
 * @category queries
 * @since 0.1.0
 */
export const objectsOf = (git: Git, place: Omit<Place, "index">, names: ReadonlyArray<string>) =>
  Effect.scoped(Effect.gen(function*() {
    const path = yield* Path.Path
    const directory = yield* temporary("owf-index-")
    const asked = {
      cwd: place.root,
      settings: place.settings,
      variables: { ...place.variables, GIT_INDEX_FILE: path.join(directory, "index") }
    }
    const bytes = (text: string) => ({ text, bytes: new TextEncoder().encode(text) })
    yield* take(git, asked, names.map(bytes))
    const listed = yield* git.run({ ...asked, args: ["ls-files", "--stage", "-z"] })
    return new Map(
      GitOutput.texts(listed.bytes).map((field) => {
        const [mode = "", object = ""] = field.split(" ")
        return [field.slice(field.indexOf("\t") + 1), `${mode} ${object}`]
      })
    )
  }))

/**
 * Whether everything in the index is in HEAD or in the files as well.
 * @category predicates
 * @since 0.1.0
 */
export const isIndexHeld = Effect.fnUntraced(function*(git: Git, place: Place, status: GitOutput.Status) {
  if (status.changed.length === 0) return true
  const inFiles = new Set(status.unstaged.map(({ text }) => text))
  const output = yield* git.run({
    cwd: place.root,
    settings: place.settings,
    variables: place.variables,
    args: ["diff-index", "--cached", "--name-only", "--no-renames", "-z", status.head ?? "HEAD"]
  })
  return GitOutput.texts(output.bytes).every((name) => !inFiles.has(name))
})

/**
 * Variables with which new objects are written to a directory of the scope, so that the repository stays as it is.
 * @category constructors
 * @since 0.1.0
 */
export const ownObjects = Effect.fnUntraced(function*(commonDirectory: string) {
  const path = yield* Path.Path
  const objects = path.join(commonDirectory, "objects")
  return {
    GIT_OBJECT_DIRECTORY: yield* temporary("owf-objects-"),
    // quoted, because a colon would end it
    GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${objects.replaceAll(/["\\]/g, "\\$&")}"`
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const identity = {
  GIT_AUTHOR_NAME: "owf",
  GIT_AUTHOR_EMAIL: "owf@localhost",
  GIT_COMMITTER_NAME: "owf",
  GIT_COMMITTER_EMAIL: "owf@localhost"
}

const temporary = Effect.fnUntraced(function*(prefix: string) {
  const files = yield* FileSystem.FileSystem
  return yield* files.makeTempDirectoryScoped({ prefix }).pipe(
    Effect.mapError(({ message }) =>
      new WorktreeError({ reason: "Unavailable", detail: `no temporary directory can be made: ${message}` })
    )
  )
})

const copyOf = Effect.fnUntraced(function*(original: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const index = path.join(yield* temporary("owf-index-"), "index")
  // without an index everything is read anew, which is slow and still right
  yield* Effect.ignore(Effect.gen(function*() {
    const { mtime, type } = yield* files.stat(original)
    if (type !== "File") return
    yield* files.copyFile(original, index)
    // git takes a file as unchanged that is older than the index; a copy must not be younger than what it is of
    if (Option.isSome(mtime)) yield* files.utimes(index, mtime.value, mtime.value)
  }))
  return index
})

interface Asked {
  readonly cwd: string
  readonly settings: ReadonlyArray<Setting>
  readonly variables: Readonly<Record<string, string>>
}

/** Takes files into the index; gives those that could not be read, which are found by halves. */
const take = (
  git: Git,
  asked: Asked,
  names: ReadonlyArray<GitOutput.Name>
): Effect.Effect<ReadonlyArray<string>, WorktreeError> => {
  if (names.length === 0) return Effect.succeed([])
  const args = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"]
  return git.run({ ...asked, args, input: GitOutput.inputOf(names) }).pipe(
    Effect.as([]),
    Effect.catchAll((error) => {
      if (error.reason !== "Refused" || isLocked(error) || isFull.test(error.detail)) return error
      const middle = Math.ceil(names.length / 2)
      return names.length === 1
        ? Effect.succeed(names.map(({ text }) => text))
        : Effect.zipWith(
          take(git, asked, names.slice(0, middle)),
          Effect.suspend(() => take(git, asked, names.slice(middle))),
          (left, right) => [...left, ...right]
        )
    })
  )
}

const isFull = /No space left|Disk quota|Read-only file system/i

const withoutSlash = ({ bytes, text }: GitOutput.Name): GitOutput.Name =>
  text.endsWith("/") ? { text: text.slice(0, -1), bytes: bytes.subarray(0, -1) } : { text, bytes }
