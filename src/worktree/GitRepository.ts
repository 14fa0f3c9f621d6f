/**
 * The repository a directory belongs to, as it was found before any agent was at work: what an agent writes into its
 * configuration afterwards neither moves it nor runs anything.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Git, Setting } from "./Git.ts"
import { saidIn } from "./Git.ts"
import * as GitOutput from "./GitOutput.ts"
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
 * The repository a directory is in, and the commit that is checked out; null where there is none yet.
 * @category constructors
 * @since 0.1.0
 */
export const find = Effect.fn("GitRepository.find")(function*(git: Git, cwd: string) {
  const { code, stderr, text } = yield* git.ask({
    cwd,
    args: [
      "rev-parse",
      "--path-format=absolute",
      "--is-bare-repository",
      "--git-common-dir",
      "--absolute-git-dir",
      "--show-toplevel",
      "--show-prefix",
      "HEAD^{commit}"
    ]
  }).pipe(Effect.mapError((error) => new WorktreeError({ reason: error.reason, detail: `${cwd}: ${error.detail}` })))
  const [isBare, commonDirectory, gitDirectory, root, prefix, head, ...more] = text.split("\n")
  if (isBare === "true") {
    return yield* noRepository(`${cwd} is a bare repository without a checkout, so no worktree is made of it`)
  }
  if (prefix === undefined || root === undefined || gitDirectory === undefined || commonDirectory === undefined) {
    return yield* noRepository(notHere(cwd, stderr))
  }
  if (more.length !== (code === 0 ? 1 : 0) + (head === "HEAD^{commit}" ? 1 : 0)) {
    return yield* new WorktreeError({
      reason: "Unsupported",
      detail: `${cwd} has a line break in its path, which git cannot be asked about`
    })
  }
  const repository: Repository = { root, commonDirectory, gitDirectory, prefix }
  return { repository, head: code === 0 && head !== undefined ? head : null }
})

/**
 * The variables that name a repository, whatever a planted configuration says.
 * @category converting
 * @since 0.1.0
 */
export const variablesOf = (
  { commonDirectory, gitDirectory, root }: Pick<Repository, "root" | "commonDirectory" | "gitDirectory">
): Readonly<Record<string, string>> => ({
  GIT_DIR: gitDirectory,
  GIT_COMMON_DIR: commonDirectory,
  GIT_WORK_TREE: root
})

/**
 * The commit a name stands for.
 * @category queries
 * @since 0.1.0
 */
export const commitOf = (git: Git, repository: Repository, name: string): Effect.Effect<string, WorktreeError> =>
  Effect.flatMap(
    git.ask({
      cwd: repository.root,
      variables: variablesOf(repository),
      args: ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]
    }),
    ({ code, text }) =>
      code === 0
        ? Effect.succeed(text.trim())
        : name === "HEAD"
        ? noCommit(repository)
        : new WorktreeError({ reason: "NoCommit", detail: `'${name}' is no commit of ${repository.root}` })
  )

/**
 * What is said of a repository without a commit.
 * @category constructors
 * @since 0.1.0
 */
export const noCommit = ({ root }: Repository): WorktreeError =>
  new WorktreeError({ reason: "NoCommit", detail: `${root} has no commit yet; commit something first` })

/**
 * All refs of a repository and what they point at.
 * @category queries
 * @since 0.1.0
 */
export const refs = (git: Git, repository: Repository, ...patterns: ReadonlyArray<string>) =>
  Effect.map(
    git.run({
      cwd: repository.root,
      variables: variablesOf(repository),
      args: ["for-each-ref", "--format=%(objectname) %(refname)", ...patterns]
    }),
    ({ text }) => GitOutput.refs(text)
  )

/**
 * Fails unless git is as new as what is asked of it here.
 * @category running
 * @since 0.1.0
 */
export const checkVersion = Effect.fnUntraced(function*(git: Git, cwd: string, [major, minor]: Version, what: string) {
  const said = yield* git.line({ cwd, args: ["version"] })
  const [, first = "0", second = "0"] = /(\d+)\.(\d+)/.exec(said) ?? []
  if (Number(first) > major || (Number(first) === major && Number(second) >= minor)) return
  return yield* new WorktreeError({
    reason: "Unsupported",
    detail: `${what} needs git ${major}.${minor} or newer, and this is '${said}'; install a newer git`
  })
})

/**
 * Major and minor version of git.
 * @category models
 * @since 0.1.0
 */
export type Version = readonly [major: number, minor: number]

/**
 * Configuration that decides what is run: filters, and where and how a partial clone fetches what it lacks.
 * @category models
 * @since 0.1.0
 */
export type Programs = ReadonlyMap<string, string>

/**
 * Configuration that decides what is run, as it is now.
 * @category queries
 * @since 0.1.0
 */
export const programs = (git: Git, cwd: string, variables: Readonly<Record<string, string>>) =>
  Effect.map(
    git.ask({ cwd, variables, args: ["config", "-z", "--get-regexp", deciding] }),
    ({ bytes }): Programs =>
      new Map(
        GitOutput.texts(bytes).map((field) => {
          const at = field.indexOf("\n")
          // a key without a value is a key that is true
          return at === -1 ? [field, "true"] : [field.slice(0, at), field.slice(at + 1)]
        })
      )
  )

/**
 * Settings with which filters run as they did before: those that changed as they were, and new ones not at all.
 * @category converting
 * @since 0.1.0
 */
export const asBefore = (before: Programs, now: Programs): ReadonlyArray<Setting> => {
  const keys = [...new Set([...before.keys(), ...now.keys()])].filter(isOfFilter)
  if (keys.every((key) => before.get(key) === now.get(key))) return []
  // a key that is neither there nor was is not set: an empty `process` keeps `clean` from being run
  return keys.map((key): Setting => [key, before.get(key) ?? (key.endsWith(".required") ? "false" : "")])
}

/**
 * Whether a partial clone would still fetch from where it did, by the same means.
 * @category predicates
 * @since 0.1.0
 */
export const fetchesAsBefore = (before: Programs, now: Programs): boolean =>
  [...new Set([...before.keys(), ...now.keys()])].every((key) => isOfFilter(key) || before.get(key) === now.get(key))

/**
 * The configuration and hooks of a repository as they are on disk, to be compared after an agent was at work.
 * @category queries
 * @since 0.1.0
 */
export const configuration = Effect.fnUntraced(
  function*({ commonDirectory, gitDirectory }: Pick<Repository, "commonDirectory" | "gitDirectory">) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const hooks = path.join(commonDirectory, "hooks")
    const names = yield* Effect.orElseSucceed(files.readDirectory(hooks), () => [])
    const found = yield* Effect.forEach([
      path.join(commonDirectory, "config"),
      path.join(gitDirectory, "config.worktree"),
      path.join(commonDirectory, "info", "attributes"),
      ...names.toSorted().map((name) => path.join(hooks, name))
    ], (file) =>
      Effect.match(files.stat(file), {
        onFailure: () => `${file} -`,
        onSuccess: ({ ino, mode, mtime, size }) => `${file} ${JSON.stringify([ino, mode, mtime, String(size)])}`
      }))
    return found.join("\n")
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const deciding = "^(filter|remote|url|extensions|credential|protocol|http|ssh|core\\.(sshcommand|gitproxy))(\\.|$)"

const isOfFilter = (key: string): boolean => key.startsWith("filter.")

const noRepository = (detail: string) => new WorktreeError({ reason: "NoRepository", detail })

const notHere = (cwd: string, stderr: string): string => {
  const said = saidIn(stderr)
  if (said.startsWith("this operation must be run in a work tree")) {
    return `${cwd} is inside the repository's own directory, where nothing is checked out`
  }
  return said.startsWith("not a git repository") || said === ""
    ? `${cwd} is in no git repository, so there is nothing to make a worktree of`
    : `git: ${said}`
}
