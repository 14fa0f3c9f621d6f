/**
 * Starts processes that run workflows, ends them, and looks at what they left.
 *
 * - H1. Every process is known by its id from the moment it is started, and exactly those still alive are killed when a
 *   test ends.
 * - H2. Nothing here waits for time to pass: it waits for lines, files and rows, up to a deadline.
 * - H3. What a dead process left is looked at in a copy, so that looking changes nothing of it.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Books from "../crash/fixtures/books.ts"
import type { Asked, Died, Orders, Report, Seen } from "../crash/fixtures/orders.ts"
import * as Children from "./children.ts"
import { directoryWith, root } from "./node.ts"
import Database from "./sqlite.ts"

// -----------------------------------------------------------------------------
// scenes
// -----------------------------------------------------------------------------

/** A home, and the books its processes write outside of it. */
export interface Scene {
  readonly directory: string
  readonly home: string
  readonly books: string
}

/** A scene with nothing in it. */
export const newScene = (): Scene => {
  const directory = directoryWith({ "books/asked": "" })
  return { directory, home: Path.join(directory, "home"), books: Path.join(directory, "books") }
}

/** A copy of a scene nobody works in. */
export const copyOf = (scene: Scene): Scene => {
  const copy = newScene()
  Fs.cpSync(scene.books, copy.books, { recursive: true })
  if (Fs.existsSync(scene.home)) Fs.cpSync(scene.home, copy.home, { recursive: true })
  return copy
}

/** Requests so far, by any process. */
export const asked = (scene: Scene): ReadonlyArray<Asked> => Books.read(scene.books, "asked")

/** Results the workflow saw so far, in any process. */
export const seen = (scene: Scene): ReadonlyArray<Seen> => Books.read(scene.books, "seen")

/** Processes that killed themselves. */
export const died = (scene: Scene): ReadonlyArray<Died> => Books.read(scene.books, "died")

/** Processes that came to a barrier. */
export const ready = (scene: Scene): ReadonlyArray<{ readonly pid: number }> => Books.read(scene.books, "ready")

// -----------------------------------------------------------------------------
// processes
// -----------------------------------------------------------------------------

/** How a process ended. */
export interface Ended extends Children.Ended {
  /** Undefined when the process did not come to print it. */
  readonly report: Report | undefined
}

/** A process that was started. */
export interface Started {
  readonly pid: number
  readonly ended: Promise<Ended>
  readonly kill: (signal: NodeJS.Signals) => void
}

/** Starts a process; with a loader when its workflow is a TypeScript file. */
export const start = (scene: Scene, orders: Omit<Orders, "home" | "books">): Started => {
  const all: Orders = { ...orders, home: scene.home, books: scene.books }
  const loader = orders.workflow.endsWith(".ts") ? ["--import", Path.join(root, "dist/node/register.js")] : []
  const { ended, kill, pid } = Children.start([...loader, Children.compiled(program, ".crash")], {
    cwd: scene.directory,
    variables: { OWF_TEST_ORDERS: JSON.stringify(all) }
  })
  const reported = (end: Children.Ended): Ended => {
    const line = end.stdout.split("\n").find((line) => line.startsWith("{"))
    return { ...end, report: line === undefined ? undefined : JSON.parse(line) }
  }
  return { pid, ended: ended.then(reported), kill }
}

/** Starts a process and waits for its end. */
export const run = (scene: Scene, orders: Omit<Orders, "home" | "books">): Promise<Ended> => start(scene, orders).ended

/** Starts a process that must end by itself, and gives what it printed. */
export const report = async (scene: Scene, orders: Omit<Orders, "home" | "books">): Promise<Report> => {
  const ended = await run(scene, orders)
  if (ended.report === undefined) {
    throw new Error(`the process ended with ${ended.signal ?? ended.code}: ${ended.stderr}`)
  }
  return ended.report
}

/** Waits until there is a value, or fails after a while with what is there instead. */
export const until = async <A>(
  what: string,
  look: () => A | undefined | false,
  details: () => unknown = () => ""
): Promise<A> => {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain until ${what} ${JSON.stringify(details())}`)
}

/** The program processes run: the fixtures beside the library. */
const program = Path.join(root, "test/crash/fixtures/main.ts")

// -----------------------------------------------------------------------------
// what was left
// -----------------------------------------------------------------------------

/** A row as the driver gives it. */
export type Row = Readonly<Record<string, string | number | null>>

/** The tables of a home, as a process that opened it now would find them. */
export interface Snapshot {
  readonly integrity: ReadonlyArray<unknown>
  readonly foreignKeys: ReadonlyArray<unknown>
  readonly runs: ReadonlyArray<Row>
  readonly calls: ReadonlyArray<Row>
  readonly attempts: ReadonlyArray<Row>
  readonly artifacts: ReadonlyArray<Row>
  readonly cacheEntries: ReadonlyArray<Row>
  readonly leases: ReadonlyArray<Row>
  readonly events: ReadonlyArray<Row>
  /** Ids of the calls that are done. */
  readonly done: ReadonlySet<string>
}

/** The database files of a home. */
export interface Files {
  readonly database: Buffer
  readonly log: Buffer
}

/** Reads the database files of a home; while a process works on it, the pair belongs together as long as it does not checkpoint. */
export const filesOf = (home: string): Files => {
  const path = Path.join(home, "workflow.sqlite")
  const read = (file: string) => (Fs.existsSync(file) ? Fs.readFileSync(file) : Buffer.alloc(0))
  return { database: read(path), log: read(`${path}-wal`) }
}

/** The tables of a home, from a copy of its files. */
export const snapshot = (home: string): Snapshot => snapshotOf(filesOf(home))

/** The tables in database files, once SQLite has recovered them. */
export const snapshotOf = (files: Files): Snapshot => {
  const directory = directoryWith({})
  const path = Path.join(directory, "workflow.sqlite")
  Fs.writeFileSync(path, files.database)
  if (files.log.length > 0) Fs.writeFileSync(`${path}-wal`, files.log)
  const database = new Database(path)
  try {
    const tables = new Set(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all())
    const all = (table: string): ReadonlyArray<Row> =>
      tables.has(table) ? database.prepare(`SELECT * FROM ${table}`).all() : []
    const calls = all("calls")
    return {
      integrity: database.prepare("PRAGMA integrity_check").pluck().all(),
      foreignKeys: database.prepare("PRAGMA foreign_key_check").all(),
      runs: all("runs"),
      calls,
      attempts: all("attempts"),
      artifacts: all("artifacts"),
      cacheEntries: all("cache_entries"),
      leases: all("leases"),
      events: all("events"),
      done: new Set(calls.filter((call) => call["status"] === "done").map(callIdOf))
    }
  } finally {
    database.close()
    Fs.rmSync(directory, { recursive: true })
  }
}

/** Id of a call, from any row that says which call it is about. */
export const callIdOf = (row: Row): string =>
  `${String(row["run_id"])}_call_${String(row["call_index"]).padStart(4, "0")}`

/** Directory of a call's files. */
export const callDirectory = (scene: Scene, callId: string): string =>
  Path.join(scene.home, "runs", callId.slice(0, callId.lastIndexOf("_call_")), "calls", callId)

/** Changes the database of a home behind everybody's back. */
export const forge = (home: string, statement: string, ...parameters: ReadonlyArray<string | number>): void => {
  const database = new Database(Path.join(home, "workflow.sqlite"), { timeout: 5000 })
  try {
    if (database.prepare(statement).run(...parameters).changes === 0) {
      throw new Error(`nothing was changed: ${statement}`)
    }
  } finally {
    database.close()
  }
}
