/**
 * A home's database as the records kept in it use it: one connection to read, one writer, and who this process is.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { FailPoint } from "./FailPoint.ts"
import { Owner } from "./Owner.ts"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as Sqlite from "./Sqlite.ts"
import * as SqlLease from "./SqlLease.ts"
import * as SqlWriter from "./SqlWriter.ts"

/**
 * Which home is opened, and what for.
 * @category models
 * @since 0.1.0
 */
export type Options = Pick<Sqlite.Options, "home" | "mode">

/**
 * What a record of a home is made of.
 * @category models
 * @since 0.1.0
 */
export interface SqlOpened extends Pick<Sqlite.Opened, "home" | "path"> {
  readonly owner: Owner["Type"]
  readonly reader: SqlConnection.Connection
  /** Refuses every write where the home was opened for reading. */
  readonly writer: SqlWriter.SqlWriter
}

/**
 * Opens a home's database. When the scope closes, the writer ends and the log is folded into the database.
 * @category constructors
 * @since 0.1.0
 */
export const open: (options: Options) => Effect.Effect<SqlOpened, StoreError, Owner | Scope.Scope> = Effect.fnUntraced(
  function*(options) {
    const owner = yield* Owner
    const { home, path, ...clients } = yield* Sqlite.open({
      ...options,
      isLive: (lease) => Effect.flatMap(Clock.currentTimeMillis, (now) => SqlLease.isLive(owner, lease, now))
    })
    const reader = yield* reserve(clients.reader.reserve, path)
    const writer = clients.writer === undefined
      ? readOnly(path)
      : yield* startWriter(yield* reserve(clients.writer.reserve, path), path)
    return { home, path, owner, reader, writer }
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const reserve = (reserved: Effect.Effect<SqlConnection.Connection, unknown, Scope.Scope>, path: string) =>
  Effect.mapError(reserved, (error) => SqlFailure.fromUnknown(path, error))

const startWriter = Effect.fnUntraced(function*(connection: SqlConnection.Connection, path: string) {
  // finalizers run in the opposite order: the writer ends, then the log is folded in
  yield* Effect.addFinalizer(() => Effect.ignore(connection.executeRaw("PRAGMA wal_checkpoint(TRUNCATE)", [])))
  return yield* SqlWriter.make({ path, connection, failPoint: yield* FailPoint })
})

const readOnly = (path: string): SqlWriter.SqlWriter => {
  const refuse = Effect.suspend(() => Effect.fail(SqlFailure.make("ReadOnly", path, "it was opened for reading")))
  return { rows: () => refuse, custom: () => refuse }
}
