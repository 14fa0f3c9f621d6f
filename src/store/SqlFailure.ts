/**
 * What a failure of the database means: SQLite's and the file system's codes as `StoreError`s that say what happened,
 * why, and what to do about it.
 */
import * as Predicate from "effect/Predicate"
import { StoreError } from "./RunStore.ts"

/**
 * Why the store failed.
 * @category models
 * @since 0.1.0
 */
export type Reason = StoreError["reason"]

/**
 * SQLite's or the file system's code of a failure, looked for in its causes too.
 * @category converting
 * @since 0.1.0
 */
export const codeOf = (error: unknown): string => {
  let at = error
  for (let depth = 0; depth < 5 && Predicate.isObject(at); depth++) {
    if (Predicate.hasProperty(at, "errcode") && typeof at.errcode === "number") return nameOf(at.errcode)
    if (Predicate.hasProperty(at, "code") && typeof at.code === "string") return at.code
    at = Predicate.hasProperty(at, "cause") ? at.cause : undefined
  }
  return ""
}

/**
 * The store error a failure of the driver or the file system is.
 * @category constructors
 * @since 0.1.0
 */
export const fromUnknown = (path: string, error: unknown): StoreError => {
  if (error instanceof StoreError) return error
  const code = codeOf(error)
  const reason = reasonOf(code, error)
  return make(reason, path, `${messageOf(error)}${code === "" ? "" : ` (${code})`}`, error)
}

/**
 * A store error with the sentence and the remedy of its reason.
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason, path: string, why: string, cause?: unknown): StoreError =>
  new StoreError({
    reason,
    path,
    detail: `${what[reason]} ${path}: ${why}. ${remedy[reason]}`,
    ...(cause === undefined ? {} : { cause })
  })

/**
 * Whether the write that failed may be the only one concerned: a bad row, not a bad disk.
 * @category predicates
 * @since 0.1.0
 */
export const isOfOneRow = (error: StoreError): boolean => error.reason === "Invalid"

/**
 * Whether nothing may be written any more: the file is damaged, or the disk did not keep what it was told to.
 * @category predicates
 * @since 0.1.0
 */
export const isFinal = (error: StoreError): boolean => error.reason === "Corrupt" || codeOf(error).endsWith("FSYNC")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Node's own driver gives SQLite's extended result code as a number, better-sqlite3 its name. */
const nameOf = (code: number): string => extended.get(code) ?? `SQLITE_${primary.get(code & 0xff) ?? `RESULT_${code}`}`

const primary: ReadonlyMap<number, string> = new Map([
  [1, "ERROR"],
  [3, "PERM"],
  [5, "BUSY"],
  [6, "LOCKED"],
  [7, "NOMEM"],
  [8, "READONLY"],
  [10, "IOERR"],
  [11, "CORRUPT"],
  [13, "FULL"],
  [14, "CANTOPEN"],
  [17, "SCHEMA"],
  [18, "TOOBIG"],
  [19, "CONSTRAINT"],
  [20, "MISMATCH"],
  [21, "MISUSE"],
  [23, "AUTH"],
  [26, "NOTADB"]
])

/** The extended codes something is decided by. */
const extended: ReadonlyMap<number, string> = new Map([
  [778, "SQLITE_IOERR_WRITE"],
  [1034, "SQLITE_IOERR_FSYNC"],
  [1290, "SQLITE_IOERR_DIR_FSYNC"],
  [4618, "SQLITE_IOERR_SHMOPEN"],
  [4874, "SQLITE_IOERR_SHMSIZE"],
  [5130, "SQLITE_IOERR_SHMLOCK"],
  [5386, "SQLITE_IOERR_SHMMAP"]
])

const reasonOf = (code: string, error: unknown): Reason => {
  for (const [prefix, reason] of prefixes) if (code.startsWith(prefix)) return reason
  return isDriverFailure(error) ? "Driver" : code === "" || code.startsWith("SQLITE") ? "Invalid" : "Io"
}

// the longer prefix first where one begins with the other
const prefixes: ReadonlyArray<readonly [string, Reason]> = [
  ["SQLITE_FULL", "DiskFull"],
  ["SQLITE_BUSY", "Busy"],
  ["SQLITE_LOCKED", "Busy"],
  ["SQLITE_PROTOCOL", "Busy"],
  ["SQLITE_NOTADB", "Corrupt"],
  ["SQLITE_CORRUPT", "Corrupt"],
  ["SQLITE_READONLY", "ReadOnly"],
  ["SQLITE_PERM", "PermissionDenied"],
  ["SQLITE_AUTH", "PermissionDenied"],
  ["SQLITE_IOERR", "Io"],
  ["SQLITE_CANTOPEN", "Io"],
  ["SQLITE_NOMEM", "Io"],
  ["ENOSPC", "DiskFull"],
  ["EDQUOT", "DiskFull"],
  ["EFBIG", "DiskFull"],
  ["EROFS", "ReadOnly"],
  ["EACCES", "PermissionDenied"],
  ["EPERM", "PermissionDenied"],
  ["ENOTDIR", "NotADirectory"],
  ["EEXIST", "NotADirectory"],
  ["ENOENT", "Missing"],
  ["ERR_DLOPEN_FAILED", "Driver"],
  ["MODULE_NOT_FOUND", "Driver"],
  ["ERR_MODULE_NOT_FOUND", "Driver"]
]

const isDriverFailure = (error: unknown): boolean =>
  error instanceof Error && /bindings file|NODE_MODULE_VERSION|better_sqlite3\.node/.test(error.message)

const messageOf = (error: unknown): string => {
  let text = ""
  let at = error
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    text = at.message
    at = at.cause
  }
  const line = (text === "" ? String(error) : text).split("\n", 1)[0] ?? ""
  return line.length > 300 ? `${line.slice(0, 300)}…` : line.replace(/\.$/, "")
}

const what: Readonly<Record<Reason, string>> = {
  Missing: "There is no home at",
  NotADirectory: "The home is not a directory:",
  PermissionDenied: "No permission for",
  ReadOnly: "Cannot write to",
  Corrupt: "The database is damaged:",
  Lost: "The record of runs is gone:",
  TooNew: "The database is newer than this program:",
  Foreign: "The database belongs to another program:",
  DiskFull: "The disk is full:",
  Io: "Reading or writing failed:",
  Busy: "The database is locked by another process:",
  Driver: "The SQLite driver does not load for",
  Invalid: "The database refused a row:"
}

const remedy: Readonly<Record<Reason, string>> = {
  Missing: "Run a workflow there first, or name another directory with --home.",
  NotADirectory: "Name a directory with --home.",
  PermissionDenied: "Make it readable and writable for this user, or name another directory with --home.",
  ReadOnly: "Make it writable for this user, or name another directory with --home.",
  Corrupt: "Nothing was changed. Restore it from a backup, or move it away and start with an empty home.",
  Lost: "Restore the file from a backup, or move the run directories away to start anew.",
  TooNew: "Nothing was changed. Upgrade open-agent-workflows, or name another directory with --home.",
  Foreign: "Nothing was changed. Name another directory with --home.",
  DiskFull: "Free some space and resume the run: what was acknowledged is kept.",
  Io: "Check the disk, then resume the run: what was acknowledged is kept.",
  Busy: "Wait for it to end, or end it, and try again.",
  Driver: "Install it again for this version of Node with `npm rebuild better-sqlite3`; package managers that block " +
    "install scripts must be told to allow the one of better-sqlite3.",
  Invalid: "This is a bug of open-agent-workflows or a store that was edited by hand; please report it."
}
