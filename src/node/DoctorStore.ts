/**
 * Looks at a home and its store without making or changing either.
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Format from "../cli/Format.ts"
import type { Finding } from "../cli/Inspection.ts"
import { migrations } from "../store/migrations.ts"
import * as Sqlite from "../store/Sqlite.ts"
import * as SqliteDriver from "../store/SqliteDriver.ts"
import * as SqliteHome from "../store/SqliteHome.ts"

/**
 * What there is to say of a home.
 * @category running
 * @since 0.1.0
 */
export const examine = Effect.fnUntraced(function*(home: string) {
  const file = Path.join(home, SqliteHome.databaseName)
  const store = Fs.existsSync(file)
    ? yield* examineStore(home, file)
    : [finding("store", "info", `there is none in ${home}`, "The first run makes it.")]
  return [driver(), writable(home), ...store]
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const finding = (check: string, status: Finding["status"], detail: string, advice: string | null = null): Finding => ({
  check,
  status,
  detail,
  advice
})

/** Which SQLite stands behind the store (see `SqliteDriver`), and whether it can be loaded. */
const driver = (): Finding => {
  const [major = 0] = process.versions.node.split(".").map(Number)
  const name = major >= 24 ? "node:sqlite" : "better-sqlite3"
  try {
    const database = SqliteDriver.open(":memory:", { readonly: false, timeout: 0 })
    const version = String(SqliteDriver.single(database, "SELECT sqlite_version()"))
    database.close()
    return Sqlite.isSafeVersion(version)
      ? finding("sqlite", "ok", `SQLite ${version}, by ${name}`)
      : finding(
        "sqlite",
        "broken",
        `SQLite ${version}, by ${name}, can damage a database`,
        "Use SQLite 3.51.3 or later."
      )
  } catch (error) {
    const [line = ""] = String(error instanceof Error ? error.message : error).split("\n")
    return finding(
      "sqlite",
      "broken",
      `${name}: ${line}`,
      "Let npm run the install script of better-sqlite3, or use Node 24."
    )
  }
}

const writable = (home: string): Finding => {
  const nearest = existing(home)
  try {
    if (!Fs.statSync(nearest).isDirectory()) {
      return finding("home", "broken", `${nearest} is not a directory`, "Choose another home with --home or OWF_HOME.")
    }
    Fs.accessSync(nearest, Fs.constants.W_OK | Fs.constants.X_OK)
  } catch {
    return finding("home", "broken", `${nearest} cannot be written to`, "Choose another home with --home or OWF_HOME.")
  }
  return nearest === home
    ? finding("home", "ok", `${home}, writable`)
    : finding("home", "info", `${home} is not there yet; ${nearest} is writable`)
}

const existing = (path: string): string =>
  Fs.existsSync(path) || Path.dirname(path) === path ? path : existing(Path.dirname(path))

const examineStore = (home: string, file: string) =>
  Effect.scoped(Effect.gen(function*() {
    const { reader } = yield* Sqlite.open({ home, mode: "read", isLive: () => Effect.succeed(true) })
    const sqlite = yield* first(reader, "SELECT sqlite_version() AS value")
    const version = Number(yield* first(reader, "PRAGMA user_version"))
    const check = String(yield* first(reader, "PRAGMA quick_check(1)"))
    const runs = Number(yield* first(reader, "SELECT count(*) AS value FROM runs"))
    const size = Fs.statSync(file).size
    const facts = `${file}: SQLite ${String(sqlite)}, schema ${version} of ${migrations.length}, ${
      Format.count(runs, "run")
    }, ${bytes(size)}`
    return [
      check === "ok"
        ? finding("store", "ok", `${facts}, intact`)
        : finding("store", "broken", `${facts}, damaged: ${check.replaceAll("\n", " ")}`, "Restore it from a backup.")
    ]
  })).pipe(Effect.catchAll((error) =>
    Effect.succeed([
      finding("store", "broken", error.message, "Restore that file from a backup, or choose another home with --home.")
    ])
  ))

const first = (client: SqlClient.SqlClient, statement: string) =>
  Effect.map(
    client.unsafe<Readonly<Record<string, unknown>>>(statement),
    ([row]) => row === undefined ? undefined : Object.values(row)[0]
  )

const bytes = (size: number): string => {
  const units = ["bytes", "KiB", "MiB", "GiB"]
  let at = 0
  let value = size
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024
    at++
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at] ?? ""}`
}
