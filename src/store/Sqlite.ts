/**
 * Opens a home's database and gives a client to write and one to read.
 *
 * - Q1. Everything that can be wrong with a home is a `StoreError` with its reason; nothing is a defect.
 * - Q2. A database that is damaged, newer than us or somebody else's keeps every byte.
 * - Q3. What is committed survives a power cut: `synchronous=FULL`, which this driver does not do by itself.
 * - Q4. Waiting for another process's lock never holds the event loop for longer than a tenth of a second.
 * - Q5. Reading makes no home and needs no permission to write: where SQLite needs one, a copy is read.
 *
 * The database file is only ever opened through SQLite. Opening and closing it with `node:fs` would drop the locks this
 * process holds on it (they are per process), and another process could then take the log away from under us.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Migrations from "./migrations.ts"
import type { StoreError } from "./RunStore.ts"
import * as SqlBusy from "./SqlBusy.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqliteDriver from "./SqliteDriver.ts"
import * as SqliteHome from "./SqliteHome.ts"
import * as SqlLease from "./SqlLease.ts"

/**
 * How to open a home.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly home: string
  readonly mode: "write" | "read"
  /** Schema to migrate to. Defaults to ours. */
  readonly migrations?: ReadonlyArray<ReadonlyArray<string>> | undefined
  /** How long to wait for another process's lock, in milliseconds. Defaults to 30 seconds. */
  readonly patience?: number | undefined
  /** Whether the owner of a lease still works on the home, so that a log left behind is no sign of a crash. */
  readonly isLive?: ((lease: SqlLease.Lease) => Effect.Effect<boolean>) | undefined
}

/**
 * An open home.
 * @category models
 * @since 0.1.0
 */
export interface Opened {
  /** Absolute path of the home. */
  readonly home: string
  /** Path of the database, as errors name it. */
  readonly path: string
  /** Undefined when the home was opened for reading. */
  readonly writer: SqlClient.SqlClient | undefined
  readonly reader: SqlClient.SqlClient
}

/**
 * Opens a home; the clients belong to the scope.
 * @category constructors
 * @since 0.1.0
 */
export const open = (options: Options): Effect.Effect<Opened, StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const located = yield* SqliteHome.locate(options)
    const { home, path } = located
    // the connection that checked stays until the clients are open, so that the log is not taken down in between
    return yield* Effect.scoped(Effect.gen(function*() {
      if (options.mode === "write") {
        yield* prepare(located, options)
        const writer = yield* Scope.extend(client(path, "write", options), scope)
        return { home, path, writer, reader: yield* Scope.extend(client(path, "query", options), scope) }
      }
      const file = yield* Scope.extend(readable(located, options), scope)
      return { home, path, writer: undefined, reader: yield* Scope.extend(client(file, "read", options), scope) }
    }))
  }).pipe(Effect.withClock(realClock))

/**
 * Refuses versions of SQLite that can damage a database with several connections in WAL mode.
 * @category predicates
 * @since 0.1.0
 */
export const isSafeVersion = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number)
  return major > 3 || (major === 3 && (minor > 51 || (minor === 51 && patch >= 3)))
}

// -----------------------------------------------------------------------------
// checking and migrating
// -----------------------------------------------------------------------------

const realClock = Clock.make()

const prepare = Effect.fnUntraced(function*(located: SqliteHome.Located, options: Options) {
  const { home, path } = located
  // looked at without permission to write first (Q2)
  if (located.size > 0) yield* Effect.scoped(look(located, options))
  const database = yield* connection(path, false)
  const guarded = <A>(body: () => A) => SqlBusy.retry(SqliteHome.attempt(path, body), path, options.patience)
  yield* guarded(() => {
    const journal = SqliteDriver.single(database, "PRAGMA journal_mode = WAL")
    if (journal !== "wal") throw SqlFailure.make("Io", path, "this file system has no write-ahead logging")
    database.exec("PRAGMA synchronous = FULL")
  })
  if (located.leftover) yield* checkAfterCrash(database, path, options)
  const ours = migratable(database)
  yield* guarded(() => {
    if (Migrations.standing(ours, options.migrations) !== "older") return
    SqliteHome.backup(home, ours.number("user_version"), (file) => database.run("VACUUM INTO ?", [file]))
  })
  yield* refuse(path, yield* guarded(() => Migrations.migrate(ours, options.migrations)))
})

/** Whose database it is and how old, found out without changing a byte of it. */
const look = Effect.fnUntraced(function*(located: SqliteHome.Located, options: Options) {
  const { path } = located
  const database = yield* connection(path, true)
  const standing = yield* SqlBusy.retry(
    SqliteHome.attempt(path, () => Migrations.standing(migratable(database), options.migrations)),
    path,
    options.patience
  )
  return { database, standing: yield* refuse(path, standing) }
})

/** A database that can be read: the home's own, or a copy where that takes a right to write or is too old. */
const readable = Effect.fnUntraced(function*(located: SqliteHome.Located, options: Options) {
  const { path } = located
  const outer = yield* Effect.scope
  const own = Effect.scoped(Effect.flatMap(look(located, options), ({ database, standing }) => {
    if (standing === "empty") return Effect.fail(SqlFailure.make("Missing", located.home, "no run was recorded there"))
    return standing === "current"
      ? Effect.succeed(path)
      : Scope.extend(upgraded((file) => database.run("VACUUM INTO ?", [file]), path, options), outer)
  }))
  return yield* Effect.catchIf(
    own,
    needsWriting,
    () => Effect.flatMap(SqliteHome.copy(path), (file) => upgraded(undefined, file, options))
  )
})

/** A copy of our own, brought to today's schema. */
const upgraded = Effect.fnUntraced(function*(
  write: ((file: string) => unknown) | undefined,
  path: string,
  options: Options
) {
  const file = write === undefined ? path : `${yield* SqliteHome.temporaryDirectory}/${SqliteHome.databaseName}`
  yield* SqlBusy.retry(SqliteHome.attempt(path, () => write?.(file)), path, options.patience)
  yield* Effect.scoped(Effect.flatMap(connection(file, false), (database) =>
    Effect.flatMap(
      SqliteHome.attempt(path, () => Migrations.migrate(migratable(database), options.migrations)),
      (standing) => refuse(path, standing)
    )))
  return file
})

const needsWriting = (error: StoreError): boolean =>
  /^SQLITE_(?:READONLY|CANTOPEN|IOERR_SHM)/.test(SqlFailure.codeOf(error))

const checkAfterCrash = Effect.fnUntraced(function*(database: SqliteDriver.Database, path: string, options: Options) {
  const { isLive } = options
  // others may be opening the home too, and recover what is left over
  const guarded = <A>(body: () => A) => SqlBusy.retry(SqliteHome.attempt(path, body), path, options.patience)
  const leases = yield* guarded(
    () =>
      Migrations.standing(migratable(database), options.migrations) === "current"
        ? database.all(`SELECT ${SqlLease.columns} FROM leases`)
        : []
  )
  const owners = leases.flatMap((row) => SqlLease.fromRow(row) ?? [])
  if (isLive !== undefined && (yield* Effect.exists(owners, isLive))) return
  const result = yield* guarded(() => SqliteDriver.single(database, "PRAGMA quick_check(1)"))
  if (result !== "ok") return yield* SqlFailure.make("Corrupt", path, String(result).replaceAll("\n", " "))
})

const refuse = (path: string, standing: Migrations.Standing): Effect.Effect<Migrations.Standing, StoreError> =>
  standing === "newer"
    ? Effect.fail(SqlFailure.make("TooNew", path, "it was written by a later version"))
    : standing === "foreign"
    ? Effect.fail(SqlFailure.make("Foreign", path, "its tables are not ours"))
    : Effect.succeed(standing)

const migratable = (database: SqliteDriver.Database): Migrations.Database => ({
  exec: (statement) => database.exec(statement),
  number: (pragma) => Number(SqliteDriver.single(database, `PRAGMA ${pragma}`)),
  objects: () => Number(SqliteDriver.single(database, "SELECT count(*) FROM sqlite_schema"))
})

const connection = (path: string, readonly: boolean): Effect.Effect<SqliteDriver.Database, StoreError, Scope.Scope> =>
  Effect.acquireRelease(
    SqliteHome.attempt(path, () => {
      const database = SqliteDriver.open(path, { readonly, timeout: blocking })
      const version = String(SqliteDriver.single(database, "SELECT sqlite_version()"))
      if (isSafeVersion(version)) return database
      database.close()
      throw SqlFailure.make(
        "Driver",
        path,
        `it has SQLite ${version}, and versions before 3.51.3 can damage a database`
      )
    }),
    (database) => Effect.ignoreLogged(SqliteHome.attempt(path, () => database.close()))
  )

// -----------------------------------------------------------------------------
// clients
// -----------------------------------------------------------------------------

/** Milliseconds SQLite itself may wait for a lock, with the event loop held (Q4). */
const blocking = 100

const pragmas = {
  // checkpoints after 16 MiB of log: with few pages per commit the default of 4 MiB would sync the database twice as often
  write: ["synchronous = FULL", "foreign_keys = ON", "wal_autocheckpoint = 4000"],
  query: ["query_only = ON"],
  read: ["query_only = ON"]
}

const client = (
  path: string,
  use: keyof typeof pragmas,
  options: Options
): Effect.Effect<SqlClient.SqlClient, StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const made = yield* SqliteDriver.client(path, { readonly: use === "read", timeout: blocking })
    // a page cache of 4 MiB instead of the driver's 16: what a run touches again is recent
    const common = [`busy_timeout = ${blocking}`, "trusted_schema = OFF", "cell_size_check = ON", "cache_size = -4000"]
    yield* Effect.scoped(Effect.flatMap(made.reserve, (connection) =>
      Effect.forEach([...common, ...pragmas[use]], (pragma) =>
        // some of them read the database, which somebody else may be recovering
        SqlBusy.retry(
          Effect.mapError(
            connection.executeRaw(`PRAGMA ${pragma}`, []),
            (error) => SqlFailure.fromUnknown(path, error)
          ),
          path,
          options.patience
        ))))
    return made
  }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
    Effect.sandbox,
    Effect.mapError((cause) =>
      SqlFailure.fromUnknown(path, Cause.squash(cause))
    )
  )
