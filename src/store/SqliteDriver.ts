/**
 * The SQLite this Node has: `node:sqlite` from Node 24 on, better-sqlite3 before.
 *
 * better-sqlite3 12 ends the process on recent Node 24: its objects unregister themselves when they are collected, which
 * Node checks to happen inside a context. Version 13 needs Node 22, and `@effect/sql-sqlite-node` asks for 12. Node's own
 * SQLite is complete from 24 on; on 22 it prints a warning and better-sqlite3 works, so it is not used there.
 *
 * Both are seen through the same few methods, and their clients answer alike: rows are plain objects, a statement that
 * changes rows tells how many.
 */
import type * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import BetterSqlite from "better-sqlite3"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import process from "node:process"
import type * as NodeSqlite from "node:sqlite"

/**
 * A value a statement takes or gives.
 * @category models
 * @since 0.1.0
 */
export type Value = string | number | null

/**
 * An open database; what goes wrong is thrown, as the driver says it.
 * @category models
 * @since 0.1.0
 */
export interface Database {
  readonly exec: (statements: string) => void
  readonly all: (
    statement: string,
    parameters?: ReadonlyArray<Value>
  ) => ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Executes a statement and returns how many rows it changed. */
  readonly run: (statement: string, parameters?: ReadonlyArray<Value>) => number
  readonly close: () => void
}

/**
 * How to open a database that exists.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly readonly: boolean
  /** Milliseconds SQLite itself waits for a lock. */
  readonly timeout: number
}

/**
 * Opens a database that exists.
 * @category constructors
 * @since 0.1.0
 */
export const open = (path: string, options: Options): Database =>
  native === undefined ? openBetter(path, options) : openNative(native, path, options)

/**
 * The first column of the first row.
 * @category converting
 * @since 0.1.0
 */
export const single = (database: Database, statement: string): unknown => {
  const [row] = database.all(statement)
  return row === undefined ? undefined : Object.values(row)[0]
}

/**
 * A client of a database that exists and is in WAL mode.
 * @category constructors
 * @since 0.1.0
 */
export const client = (
  path: string,
  options: Options
): Effect.Effect<SqlClient.SqlClient, unknown, Scope.Scope | Reactivity.Reactivity> =>
  native === undefined
    ? SqliteClient.make({
      filename: path,
      readonly: options.readonly,
      // it is in WAL mode already; saying so again could wait for a lock with the loop held
      disableWAL: true,
      prepareCacheSize: 400,
      prepareCacheTTL: Duration.infinity
    })
    : nativeClient(native, path, options)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Native = typeof NodeSqlite

const loadNative = (): Native | undefined => {
  const [major = 0] = process.versions.node.split(".").map(Number)
  return major >= 24 ? process.getBuiltinModule("node:sqlite") : undefined
}

const native = loadNative()

const openBetter = (path: string, { readonly, timeout }: Options): Database => {
  const database = new BetterSqlite(path, { readonly, fileMustExist: true, timeout })
  return {
    exec: (statements) => void database.exec(statements),
    all: (statement, parameters = []) => {
      const prepared = database.prepare<Array<Value>, Record<string, unknown>>(statement)
      if (prepared.reader) return prepared.all(...parameters)
      prepared.run(...parameters)
      return []
    },
    run: (statement, parameters = []) => database.prepare(statement).run(...parameters).changes,
    close: () => void database.close()
  }
}

const openNative = ({ DatabaseSync }: Native, path: string, { readonly, timeout }: Options): Database => {
  const database = new DatabaseSync(path, { readOnly: readonly, timeout })
  return {
    exec: (statements) => database.exec(statements),
    all: (statement, parameters = []) => database.prepare(statement).all(...parameters).map(asObject),
    run: (statement, parameters = []) => Number(database.prepare(statement).run(...parameters).changes),
    close: () => database.close()
  }
}

const nativeClient = (native: Native, path: string, { readonly, timeout }: Options) =>
  Effect.gen(function*() {
    const database = yield* Effect.acquireRelease(
      Effect.try(() => new native.DatabaseSync(path, { readOnly: readonly, timeout })),
      (database) => Effect.sync(() => database.close())
    )
    const connection = nativeConnection(database)
    const room = yield* Effect.makeSemaphore(1)
    return yield* SqlClient.make({
      acquirer: room.withPermits(1)(Effect.succeed(connection)),
      transactionAcquirer: Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          restore(room.take(1)),
          Effect.as(Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, room.release(1))), connection)
        )
      ),
      compiler: Statement.makeCompilerSqlite(),
      spanAttributes: [["db.system.name", "sqlite"]]
    })
  })

/** Node gives rows without a prototype, which is not what better-sqlite3's are compared and printed as. */
const asObject = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({ ...row })

const nativeConnection = (database: NodeSqlite.DatabaseSync): Connection => {
  // few texts exist: the writer's are fixed, and the readers' are written in the code
  const prepared = new Map<string, NodeSqlite.StatementSync>()
  const prepare = (text: string): NodeSqlite.StatementSync => {
    const known = prepared.get(text)
    if (known !== undefined) return known
    const statement = database.prepare(text)
    prepared.set(text, statement)
    return statement
  }
  const attempt = <A>(body: () => A): Effect.Effect<A, SqlError> =>
    Effect.try({ try: body, catch: (cause) => new SqlError({ cause, message: "Failed to execute statement" }) })
  const rows = (statement: NodeSqlite.StatementSync, parameters: ReadonlyArray<unknown>) =>
    // parameters and rows are values of SQLite on both sides
    statement.all(...parameters as ReadonlyArray<Value>).map(asObject)
  const execute = (statement: NodeSqlite.StatementSync, parameters: ReadonlyArray<unknown>) =>
    statement.columns().length > 0
      ? rows(statement, parameters)
      : (statement.run(...parameters as ReadonlyArray<Value>), [])
  return {
    execute: (text, parameters, transform) =>
      attempt(() => {
        const found = execute(prepare(text), parameters)
        return transform === undefined ? found : transform(found)
      }),
    executeRaw: (text, parameters) =>
      attempt(() => {
        const statement = prepare(text)
        if (statement.columns().length > 0) return rows(statement, parameters)
        const { changes } = statement.run(...parameters as ReadonlyArray<Value>)
        return { changes: Number(changes) }
      }),
    executeValues: (text, parameters) =>
      attempt(() => execute(prepare(text), parameters).map((row) => Object.values(row))),
    executeUnprepared: (text, parameters, transform) =>
      attempt(() => {
        const found = execute(database.prepare(text), parameters ?? [])
        return transform === undefined ? found : transform(found)
      }),
    executeStream: () => {
      throw new Error("SqliteDriver: streams of rows are not used here")
    }
  }
}
