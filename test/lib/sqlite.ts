/**
 * A database of a test's own, opened with the driver the store uses on this Node: better-sqlite3 ends the process on
 * recent Node 24, also when only a test opens it.
 */
import * as Fs from "node:fs"
import * as SqliteDriver from "../../src/store/SqliteDriver.ts"

type Value = SqliteDriver.Value
type Row = Readonly<Record<string, Value>>

/** The few methods tests need, named as better-sqlite3 names them; a file that is missing is made. */
export default class Database {
  private readonly database: SqliteDriver.Database
  constructor(path: string, options: { readonly readonly?: boolean; readonly timeout?: number } = {}) {
    if (!Fs.existsSync(path)) Fs.writeFileSync(path, "")
    this.database = SqliteDriver.open(path, { readonly: options.readonly ?? false, timeout: options.timeout ?? 5_000 })
  }

  exec(statements: string): void {
    this.database.exec(statements)
  }

  prepare(statement: string) {
    const all = (...parameters: ReadonlyArray<Value>): ReadonlyArray<Row> =>
      this.database.all(statement, parameters) as ReadonlyArray<Row>
    const first = (row: Row | undefined): unknown => row === undefined ? undefined : Object.values(row)[0]
    return {
      all,
      get: (...parameters: ReadonlyArray<Value>): Row | undefined => all(...parameters)[0],
      run: (...parameters: ReadonlyArray<Value>) => ({ changes: this.database.run(statement, parameters) }),
      pluck: () => ({
        all: (...parameters: ReadonlyArray<Value>): ReadonlyArray<unknown> => all(...parameters).map(first),
        get: (...parameters: ReadonlyArray<Value>): unknown => first(all(...parameters)[0])
      })
    }
  }

  pragma(source: string, options: { readonly simple?: boolean } = {}): unknown {
    return options.simple === true
      ? SqliteDriver.single(this.database, `PRAGMA ${source}`)
      : this.database.all(`PRAGMA ${source}`)
  }

  close(): void {
    this.database.close()
  }
}
