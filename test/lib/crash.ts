/**
 * Starts processes that run workflows, ends them, and looks at what they left.
 *
 * - H1. Every process is known by its id from the moment it is started, and exactly those still alive are killed when a
 *   test ends.
 * - H2. Nothing here waits for time to pass: it waits for lines, files and rows, up to a deadline.
 * - H3. What a dead process left is looked at in a copy, so that looking changes nothing of it.
 */
import { buildSync } from "esbuild"
import * as ChildProcess from "node:child_process"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterEach } from "vitest"
import * as Books from "../crash/fixtures/books.ts"
import type { Asked, Died, Orders, Report, Seen } from "../crash/fixtures/orders.ts"
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
export interface Ended {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Undefined when the process did not come to print it. */
  readonly report: Report | undefined
  readonly stdout: string
  readonly stderr: string
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
  const child = ChildProcess.spawn(process.execPath, [...loader, fixtures()], {
    cwd: scene.directory,
    env: { PATH: process.env["PATH"], OWF_TEST_ORDERS: JSON.stringify(all) },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const { pid } = child
  if (pid === undefined) throw new Error("the process could not be started")
  alive.set(pid, child)
  const output = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (output.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (output.stderr += text))
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => {
      alive.delete(pid)
      const line = output.stdout.split("\n").find((line) => line.startsWith("{"))
      resolve({ pid, code, signal, report: line === undefined ? undefined : JSON.parse(line), ...output })
    })
  )
  return { pid, ended, kill: (signal) => void child.kill(signal) }
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

const alive = new Map<number, ChildProcess.ChildProcess>()

afterEach(async () => {
  const left = [...alive.values()]
  const gone = left.map((child) => new Promise((resolve) => child.once("close", resolve)))
  for (const child of left) child.kill("SIGKILL")
  await Promise.all(gone)
})

let compiled: string | undefined

/** The program processes run: the fixtures as JavaScript beside the library, which starts in half the time. */
const fixtures = (): string => {
  if (compiled !== undefined) return compiled
  const { outputFiles: [built] } = buildSync({
    entryPoints: [Path.join(root, "test/crash/fixtures/main.ts")],
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning"
  })
  const text = built!.contents
  const directory = Path.join(root, "dist/.crash")
  compiled = Path.join(directory, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`)
  // other test files build the same at the same time
  Fs.mkdirSync(directory, { recursive: true })
  Fs.writeFileSync(`${compiled}.${process.pid}`, text)
  Fs.renameSync(`${compiled}.${process.pid}`, compiled)
  return compiled
}

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
