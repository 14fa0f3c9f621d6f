import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { StoreError } from "open-agent-workflows/store/RunStore"
import * as Sqlite from "open-agent-workflows/store/Sqlite"
import * as Migrations from "../../src/store/migrations.ts"
import { root } from "../lib/node.ts"
import Database from "../lib/sqlite.ts"
import { runId, temporary } from "../lib/store.ts"

const open = (home: string, mode: "write" | "read", options: Partial<Sqlite.Options> = {}) =>
  Effect.scoped(Effect.asVoid(Sqlite.open({ home, mode, ...options })))

const refused = (home: string, mode: "write" | "read", options: Partial<Sqlite.Options> = {}) =>
  Effect.flip(open(home, mode, options))

const databaseOf = (home: string) => Path.join(home, "workflow.sqlite")

const digests = (home: string) =>
  Fs.readdirSync(home).filter((name) => !name.endsWith("-shm")).toSorted().map((name) =>
    `${name} ${Crypto.createHash("sha256").update(Fs.readFileSync(Path.join(home, name))).digest("hex")}`
  )

/** A home with a database and rows in it. */
const filled = Effect.gen(function*() {
  const home = Path.join(yield* temporary, "home")
  yield* open(home, "write")
  edit(home, (database) => {
    database.exec(`INSERT INTO runs (id, root_run_id, status, attempt_number, depth, workflow_name, provider,
      cache_policy, created_at, started_at, updated_at, args_json)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      SELECT id, id, 'done', 1, 0, 'w', 'fake', 'auto', '', '', '', hex(randomblob(200))
      FROM (SELECT printf('20260528-143201-%012d', i) AS id FROM n)`)
  })
  return home
})

const edit = (home: string, change: (database: Database) => void) => {
  const database = new Database(databaseOf(home))
  change(database)
  database.close()
}

const assertReason = (error: StoreError, reason: StoreError["reason"], path: string) => {
  assert.deepInclude(error, { _tag: "StoreError", reason })
  // what, why, and what to do
  assert.include(error.message, path)
  assert.match(error.message, /\S+: .+\. [A-Z].+\.$/s)
}

const isRoot = process.getuid?.() === 0

const isLinux = process.platform === "linux"

const canUse = (command: string, ...parameters: ReadonlyArray<string>) =>
  isLinux && spawnSync(command, parameters).status === 0

/** Opens a home in a process of its own, below a command that takes rights or space away. */
const openBelow = (command: ReadonlyArray<string>, home: string, mode: "write" | "read", task = "open") => {
  const fixture = Path.join(root, "test/fixtures/store/open.mjs")
  const [program = "", ...parameters] = [...command, process.execPath, fixture, home, mode, task]
  const { status, stderr, stdout } = spawnSync(program, parameters, { encoding: "utf8", timeout: 25_000 })
  assert.strictEqual(status, 0, stderr)
  const line = stdout.trim().split("\n").at(-1) ?? ""
  return JSON.parse(line) as { readonly reason: string | null; readonly message: string; readonly runs: number }
}

describe("a home", () => {
  it.scoped("is made for this user alone, with what keeps it out of a repository", () =>
    Effect.gen(function*() {
      const home = Path.join(yield* temporary, "a", "with spaces é😀\n", "home")
      yield* open(home, "write")
      const mode = (path: string) => (Fs.statSync(path).mode & 0o777).toString(8)
      assert.strictEqual(mode(home), "700")
      assert.strictEqual(mode(databaseOf(home)), "600")
      assert.strictEqual(Fs.readFileSync(Path.join(home, ".gitignore"), "utf8"), "*\n")
      assert.deepStrictEqual(Fs.readdirSync(home).toSorted(), [".gitignore", "workflow.sqlite"])
    }))

  it.scoped("that was there keeps its permissions and gets no other files, and its database is tightened", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      Fs.chmodSync(home, 0o755)
      Fs.writeFileSync(databaseOf(home), "", { mode: 0o644 })
      yield* open(home, "write")
      assert.strictEqual(Fs.statSync(home).mode & 0o777, 0o755)
      assert.strictEqual(Fs.statSync(databaseOf(home)).mode & 0o777, 0o600)
      assert.deepStrictEqual(Fs.readdirSync(home), ["workflow.sqlite"])
    }))

  it.scoped("is durable, checked and in WAL mode", () =>
    Effect.gen(function*() {
      const home = Path.join(yield* temporary, "home")
      const { reader, writer } = yield* Sqlite.open({ home, mode: "write" })
      assert.isDefined(writer)
      const pragma = (name: string) =>
        Effect.map(writer.unsafe<Record<string, unknown>>(`PRAGMA ${name}`).unprepared, ([row]) =>
          Object.values(row ?? {})[0])
      yield* writer.unsafe("CREATE TABLE t (a)").unprepared
      assert.strictEqual(yield* pragma("journal_mode"), "wal")
      assert.strictEqual(yield* pragma("synchronous"), 2)
      assert.strictEqual(yield* pragma("foreign_keys"), 1)
      assert.strictEqual(yield* pragma("trusted_schema"), 0)
      assert.strictEqual(yield* pragma("cell_size_check"), 1)
      assert.strictEqual(yield* pragma("busy_timeout"), 100)
      const error = yield* Effect.flip(reader.unsafe("CREATE TABLE u (a)").unprepared)
      assert.strictEqual(error._tag, "SqlError")
    }))

  it.scoped("that does not exist is missing to a reader, which makes nothing", () =>
    Effect.gen(function*() {
      const parent = yield* temporary
      const home = Path.join(parent, "none")
      assertReason(yield* refused(home, "read"), "Missing", home)
      assertReason(yield* refused(parent, "read"), "Missing", parent)
      Fs.writeFileSync(databaseOf(parent), "")
      assertReason(yield* refused(parent, "read"), "Missing", parent)
      assert.deepStrictEqual(Fs.readdirSync(parent), ["workflow.sqlite"])
    }))

  it.scoped("that is a file, or below one, is not a directory", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* temporary, "file")
      Fs.writeFileSync(file, "")
      for (const mode of ["write", "read"] as const) {
        assertReason(yield* refused(file, mode), "NotADirectory", file)
        assertReason(yield* refused(Path.join(file, "home"), mode), "NotADirectory", file)
      }
    }))

  it.scoped("that is a loop of links, or has a name that is too long, fails in words", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const loop = Path.join(directory, "loop")
      Fs.symlinkSync(loop, loop)
      assertReason(yield* refused(loop, "write"), "Io", loop)
      const long = Path.join(directory, "x".repeat(300))
      assertReason(yield* refused(long, "write"), "Io", long)
    }))

  it.scoped("with an empty database beside runs lost its record", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      Fs.writeFileSync(databaseOf(home), "")
      Fs.mkdirSync(Path.join(home, "runs", runId(1)), { recursive: true })
      for (const mode of ["write", "read"] as const) assertReason(yield* refused(home, mode), "Lost", home)
      assert.strictEqual(Fs.statSync(databaseOf(home)).size, 0)
    }))

  it("refuses versions of SQLite that can damage a database", () => {
    assert.deepStrictEqual(
      ["3.51.2", "3.50.9", "2.99.99", "3.51.3", "3.52.0", "4.0.0"].map(Sqlite.isSafeVersion),
      [false, false, false, true, true, true]
    )
  })
})

describe("a damaged database", () => {
  const damages: ReadonlyArray<readonly [name: string, change: (file: string) => void]> = [
    ["with a header of garbage", (file) => overwrite(file, 0, Buffer.alloc(100, "garbage "))],
    ["that is a text", (file) => Fs.writeFileSync(file, "not a database\n".repeat(1000))],
    ["that is a short text", (file) => Fs.writeFileSync(file, "hello")],
    ["that is cut short", (file) => Fs.truncateSync(file, 4096 * 3)],
    ["that is cut within its first page", (file) => Fs.truncateSync(file, 1000)]
  ]
  for (const [name, change] of damages) {
    it.scoped(`${name} is refused and keeps every byte`, () =>
      Effect.gen(function*() {
        const home = yield* filled
        change(databaseOf(home))
        const before = Fs.readFileSync(databaseOf(home))
        for (const mode of ["write", "read"] as const) {
          assertReason(yield* refused(home, mode), "Corrupt", databaseOf(home))
        }
        assert.isTrue(before.equals(Fs.readFileSync(databaseOf(home))))
      }))
  }

  it.scoped("is found after a crash although it opens", () =>
    Effect.gen(function*() {
      const home = yield* filled
      const database = new Database(databaseOf(home))
      const page = Number(
        database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_runs_1'").pluck().get()
      )
      database.exec("CREATE TABLE left_over (a)")
      // a log left behind, as a process that was killed leaves it
      const wal = Fs.readFileSync(`${databaseOf(home)}-wal`)
      const main = Fs.readFileSync(databaseOf(home))
      database.close()
      Fs.writeFileSync(databaseOf(home), main)
      Fs.writeFileSync(`${databaseOf(home)}-wal`, wal)
      overwrite(databaseOf(home), (page - 1) * 4096, Crypto.randomBytes(2000))
      assertReason(yield* refused(home, "write"), "Corrupt", databaseOf(home))
      // while somebody is at work, a log is no sign of a crash, and the check is not made
      yield* open(home, "read")
    }))

  it.scoped("with garbage for its log loses nothing that is in the database", () =>
    Effect.gen(function*() {
      const home = yield* filled
      Fs.writeFileSync(`${databaseOf(home)}-wal`, Crypto.randomBytes(50_000))
      Fs.writeFileSync(`${databaseOf(home)}-shm`, Crypto.randomBytes(32_768))
      yield* open(home, "write")
      edit(home, (database) => {
        assert.strictEqual(database.prepare("SELECT count(*) FROM runs").pluck().get(), 500)
      })
    }))
})

describe("a database of another time or program", () => {
  it.scoped("that is newer is left as it is, also when its log says so", () =>
    Effect.gen(function*() {
      const home = yield* filled
      edit(home, (database) => database.pragma("user_version = 999"))
      const before = digests(home)
      for (const mode of ["write", "read"] as const) {
        assertReason(yield* refused(home, mode), "TooNew", databaseOf(home))
      }
      assert.deepStrictEqual(digests(home).filter((line) => !line.includes("-wal")), before)
    }))

  it.scoped("that is somebody else's is left as it is", () =>
    Effect.gen(function*() {
      for (
        const change of [
          (database: Database) => database.exec("CREATE TABLE workflow_runs (id TEXT)"),
          (database: Database) => database.pragma("application_id = 252006673"),
          (database: Database) => database.pragma("user_version = 3")
        ]
      ) {
        const home = yield* temporary
        edit(home, change)
        const before = digests(home)
        for (const mode of ["write", "read"] as const) {
          assertReason(yield* refused(home, mode), "Foreign", databaseOf(home))
        }
        assert.deepStrictEqual(digests(home), before)
      }
    }))

  it.scoped("that is older is migrated in one step after a backup, once", () =>
    Effect.gen(function*() {
      const home = yield* filled
      const migrations = [...Migrations.migrations, ["CREATE TABLE added (a TEXT) STRICT"]]
      yield* open(home, "write", { migrations })
      yield* open(home, "write", { migrations })
      edit(home, (database) => {
        assert.strictEqual(database.pragma("user_version", { simple: true }), migrations.length)
        assert.strictEqual(database.prepare("SELECT count(*) FROM added").pluck().get(), 0)
        assert.strictEqual(database.prepare("SELECT count(*) FROM runs").pluck().get(), 500)
      })
      const backups = Fs.readdirSync(home).filter((name) => name.includes("backup"))
      assert.deepStrictEqual(backups, [`workflow.v${Migrations.migrations.length}.backup.sqlite`])
      const backup = new Database(Path.join(home, backups[0]!), { readonly: true })
      assert.strictEqual(backup.prepare("SELECT count(*) FROM runs").pluck().get(), 500)
      backup.close()
      // the program it was made for finds it newer now
      assertReason(yield* refused(home, "write"), "TooNew", databaseOf(home))
    }))

  it.scoped("that cannot be migrated stays as it was", () =>
    Effect.gen(function*() {
      const home = yield* filled
      const migrations = [...Migrations.migrations, ["CREATE TABLE added (a TEXT) STRICT", "CREATE TABLE runs (a)"]]
      assert.strictEqual((yield* refused(home, "write", { migrations })).reason, "Invalid")
      edit(home, (database) => {
        assert.strictEqual(database.pragma("user_version", { simple: true }), Migrations.migrations.length)
        assert.strictEqual(database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'added'").pluck().get(), 0)
      })
    }))

  it.scoped("that is older is read from a copy in today's shape", () =>
    Effect.gen(function*() {
      const home = yield* filled
      const migrations = [...Migrations.migrations, ["CREATE TABLE added (a TEXT) STRICT"]]
      const before = digests(home)
      const { reader } = yield* Sqlite.open({ home, mode: "read", migrations })
      assert.deepStrictEqual(yield* reader.unsafe("SELECT count(*) AS n FROM added").unprepared, [{ n: 0 }])
      assert.deepStrictEqual(yield* reader.unsafe("SELECT count(*) AS n FROM runs").unprepared, [{ n: 500 }])
      assert.deepStrictEqual(digests(home).filter((line) => !line.includes("-wal")), before)
    }))
})

describe("a database that is locked", () => {
  it.scoped("for longer than there is patience is busy, and the event loop goes on meanwhile", () =>
    Effect.gen(function*() {
      const home = yield* filled
      edit(home, (database) => database.pragma("user_version = 0"))
      const holder = yield* Effect.acquireRelease(
        Effect.sync(() => new Database(databaseOf(home))),
        (database) => Effect.sync(() => database.close())
      )
      holder.exec("BEGIN IMMEDIATE")
      let longest = 0
      let last = performance.now()
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 5)
      const error = yield* refused(home, "write", { patience: 400 })
      clearInterval(timer)
      assertReason(error, "Busy", databaseOf(home))
      assert.isBelow(longest, 300)
      holder.exec("ROLLBACK")
    }))
})

describe("a home without rights or space", () => {
  const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

  it.scoped.skipIf(!isRoot || !canUse("setpriv", "--version"))(
    "is read from a copy when it may not be written, with what is in the log, and refused to a writer",
    () =>
      Effect.gen(function*() {
        const home = yield* filled
        const writer = yield* Effect.acquireRelease(
          Effect.sync(() => new Database(databaseOf(home))),
          (database) => Effect.sync(() => database.close())
        )
        writer.exec("DELETE FROM runs WHERE id NOT LIKE '%-000000000001'")
        Fs.chmodSync(Path.dirname(home), 0o755)
        Fs.chmodSync(home, 0o555)
        for (const name of Fs.readdirSync(home)) Fs.chmodSync(Path.join(home, name), 0o444)
        Fs.chmodSync(`${databaseOf(home)}-shm`, 0o000)
        const before = Fs.readdirSync(home)
        assert.deepInclude(openBelow(asNobody, home, "read"), { reason: null, runs: 1 })
        assert.strictEqual(openBelow(asNobody, home, "write").reason, "ReadOnly")
        assert.deepStrictEqual(Fs.readdirSync(home), before)
        Fs.chmodSync(home, 0o700)
        assert.strictEqual(openBelow(asNobody, home, "read").reason, "PermissionDenied")
      })
  )

  it.scoped.skipIf(!isLinux)(
    "stops at the largest file the user may have, and keeps what it has",
    () =>
      Effect.gen(function*() {
        const home = yield* filled
        // in blocks of 1 KiB
        const limited = ["bash", "-c", "ulimit -f 900; exec \"$@\"", "bash"]
        const { message, reason } = openBelow(limited, home, "write", "fill")
        assert.include(["DiskFull", "Io"], reason, message)
        assert.strictEqual(openBelow([], home, "read").reason, null)
        edit(home, (database) => assert.strictEqual(database.pragma("integrity_check", { simple: true }), "ok"))
      })
  )

  it.scoped.skipIf(!canUse("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"))(
    "says when the disk is full",
    () =>
      Effect.gen(function*() {
        const mount = yield* temporary
        const below = ["unshare", "-rm", "bash", "-c", `mount -t tmpfs -o size=2m none ${mount} && exec "$@"`, "bash"]
        const { message, reason } = openBelow(below, Path.join(mount, "home"), "write", "fill")
        assert.strictEqual(reason, "DiskFull", message)
        assert.include(message, "Free some space")
      })
  )

  // from Node 24 on there is no driver to load but Node's own
  it.scoped.skipIf(Number(process.versions.node.split(".")[0]) >= 24)(
    "says how to mend a driver that does not load",
    () =>
      Effect.gen(function*() {
        const home = Path.join(yield* temporary, "home")
        const { message, reason } = openBelow([], home, "write", "without-driver")
        assert.strictEqual(reason, "Driver", message)
        assert.include(message, "npm rebuild better-sqlite3")
      })
  )
})

const overwrite = (file: string, at: number, bytes: Uint8Array) => {
  const handle = Fs.openSync(file, "r+")
  Fs.writeSync(handle, bytes, 0, bytes.length, at)
  Fs.closeSync(handle)
}
