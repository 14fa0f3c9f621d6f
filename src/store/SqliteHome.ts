/**
 * The directory of a home as the database needs it: found or made, with what is wrong with it said before SQLite sees it.
 *
 * Nothing here opens the database file; why stands in `Sqlite.ts`. A copy is made only of a home whose database this
 * process cannot open.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"

/**
 * Where a home and its database are.
 * @category models
 * @since 0.1.0
 */
export interface Located {
  /** Absolute path of the home. */
  readonly home: string
  /** Path of the database. */
  readonly path: string
  /** Bytes of the database, 0 when it was just made. */
  readonly size: number
  /** True when a log was left behind: a process works on the home, or one died. */
  readonly leftover: boolean
}

/**
 * Name of the database in a home.
 * @category models
 * @since 0.1.0
 */
export const databaseName = "workflow.sqlite"

/**
 * Runs file system or driver code whose failures are store errors.
 * @category constructors
 * @since 0.1.0
 */
export const attempt = <A>(path: string, body: () => A): Effect.Effect<A, StoreError> =>
  Effect.try({ try: body, catch: (error) => SqlFailure.fromUnknown(path, error) })

/**
 * Finds a home, and makes it when it is to be written.
 * @category running
 * @since 0.1.0
 */
export const locate = (options: {
  readonly home: string
  readonly mode: "write" | "read"
}): Effect.Effect<Located, StoreError> => {
  const home = Path.resolve(options.home)
  const path = Path.join(home, databaseName)
  return attempt(home, () => {
    if (options.mode === "write") makeHome(home)
    checkHome(home, options.mode)
    const size = options.mode === "write" ? makeDatabase(path) : sizeOf(path)
    checkDatabase(home, path, size, options.mode)
    return { home, path, size: size ?? 0, leftover: (sizeOf(`${path}-wal`) ?? 0) > 0 }
  })
}

/**
 * Copies a database nobody in this process can open, with its log, to a directory that goes with the scope.
 * @category running
 * @since 0.1.0
 */
export const copy = (path: string): Effect.Effect<string, StoreError, Scope.Scope> =>
  Effect.flatMap(temporaryDirectory, (directory) =>
    attempt(path, () => {
      const target = Path.join(directory, databaseName)
      // a writer may change the files between the two copies: only a pair from a quiet moment belongs together
      for (let tries = 0; tries < 20; tries++) {
        const before = stamp(path)
        Fs.copyFileSync(path, target)
        if (Fs.existsSync(`${path}-wal`)) Fs.copyFileSync(`${path}-wal`, `${target}-wal`)
        else Fs.rmSync(`${target}-wal`, { force: true })
        // a copy has the mode of the original, which may forbid writing
        for (const name of Fs.readdirSync(directory)) Fs.chmodSync(Path.join(directory, name), 0o600)
        if (stamp(path) === before) return target
      }
      throw SqlFailure.make("Busy", path, "it kept changing while it was copied to be read")
    }))

/**
 * A directory that goes with the scope.
 * @category constructors
 * @since 0.1.0
 */
export const temporaryDirectory: Effect.Effect<string, StoreError, Scope.Scope> = Effect.acquireRelease(
  attempt(Os.tmpdir(), () => Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-read-"))),
  (directory) => Effect.ignoreLogged(attempt(directory, () => Fs.rmSync(directory, { recursive: true, force: true })))
)

/**
 * Puts a backup made under a temporary name in its place; the first one of a version is kept.
 * @category running
 * @since 0.1.0
 */
export const backup = (home: string, version: number, write: (file: string) => void): string => {
  const file = Path.join(home, `workflow.v${version}.backup.sqlite`)
  if (Fs.existsSync(file)) return file
  const directory = Fs.mkdtempSync(Path.join(home, ".backup-"))
  const temporary = Path.join(directory, databaseName)
  try {
    write(temporary)
    Fs.chmodSync(temporary, 0o600)
    Fs.renameSync(temporary, file)
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
  return file
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const makeHome = (home: string): void => {
  if (Fs.statSync(home, { throwIfNoEntry: false }) !== undefined) return
  Fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  // several processes may make the home at once, with the same text
  Fs.writeFileSync(Path.join(home, ".gitignore"), "*\n", { mode: 0o600 })
}

const checkHome = (home: string, mode: "write" | "read"): void => {
  const found = Fs.statSync(home, { throwIfNoEntry: false })
  if (found === undefined) {
    // newer versions of Node take what is below a file for merely absent
    const below = existingAbove(home)
    throw Fs.statSync(below).isDirectory()
      ? SqlFailure.make("Missing", home, "the directory does not exist")
      : SqlFailure.make("NotADirectory", home, `${below} is something else`)
  }
  if (!found.isDirectory()) throw SqlFailure.make("NotADirectory", home, "it is something else")
  checkAccess(home, mode, Fs.constants.R_OK | Fs.constants.X_OK)
}

const existingAbove = (path: string): string => {
  const parent = Path.dirname(path)
  return parent === path || Fs.existsSync(parent) ? parent : existingAbove(parent)
}

const checkAccess = (path: string, mode: "write" | "read", reading: number): void => {
  Fs.accessSync(path, reading)
  if (mode === "read") return
  try {
    Fs.accessSync(path, Fs.constants.W_OK)
  } catch (error) {
    throw SqlFailure.make("ReadOnly", path, `this user may not write (${SqlFailure.codeOf(error)})`, error)
  }
}

/** Size of the database, which is made empty with the right permissions when there is none. */
const makeDatabase = (path: string): number => {
  const size = sizeOf(path)
  if (size !== undefined) {
    tighten(path)
    return size
  }
  try {
    Fs.closeSync(Fs.openSync(path, "wx", 0o600))
  } catch (error) {
    // another process was faster
    if (SqlFailure.codeOf(error) !== "EEXIST") throw error
  }
  return sizeOf(path) ?? 0
}

const tighten = (path: string): void => {
  const { mode, uid } = Fs.statSync(path)
  if ((mode & 0o077) !== 0 && uid === Os.userInfo().uid) Fs.chmodSync(path, 0o600)
}

const checkDatabase = (home: string, path: string, size: number | undefined, mode: "write" | "read"): void => {
  if ((size ?? 0) === 0 && (sizeOf(`${path}-wal`) ?? 0) === 0) {
    if (size === 0 && hasRuns(home)) {
      throw SqlFailure.make("Lost", path, "the file is empty, but there are run directories beside it")
    }
    if (mode === "read") throw SqlFailure.make("Missing", home, "no run was ever recorded there")
    return
  }
  if (!Fs.statSync(path).isFile()) throw SqlFailure.make("Corrupt", path, "it is not a file")
  // SQLite would take a file shorter than a page for an empty database and overwrite it
  if (size !== undefined && size > 0 && size < 512) throw SqlFailure.make("Corrupt", path, "it is not a database")
  checkAccess(path, mode, Fs.constants.R_OK)
}

const hasRuns = (home: string): boolean => {
  const runs = Path.join(home, "runs")
  return Fs.existsSync(runs) && Fs.readdirSync(runs).some((name) => /^\d{8}-\d{6}-/.test(name))
}

const sizeOf = (path: string): number | undefined => Fs.statSync(path, { throwIfNoEntry: false })?.size

const stamp = (path: string): string =>
  [path, `${path}-wal`].map((file) => {
    const found = Fs.statSync(file, { throwIfNoEntry: false })
    return found === undefined ? "none" : `${found.size}:${found.mtimeMs}`
  }).join(" ")
