import type * as SqlConnection from "@effect/sql/SqlConnection"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { OwnershipLost } from "open-agent-workflows/store/RunStore"
import * as Sqlite from "open-agent-workflows/store/Sqlite"
import * as SqlFailure from "../../src/store/SqlFailure.ts"
import * as SqlTemplates from "../../src/store/SqlTemplates.ts"
import * as SqlWriter from "../../src/store/SqlWriter.ts"
import Database from "../lib/sqlite.ts"
import { newAttempt, newCall, newRun, runId, temporary } from "../lib/store.ts"

const id = runId(1)

const token = "token"

const ownership = { rootRunId: id, token }

/** A writer on a new home that holds one run with a lease, and the statements it executes. */
const writing = (options: { readonly patience?: number; readonly home?: string } = {}) =>
  Effect.gen(function*() {
    const home = options.home ?? (yield* temporary)
    const opened = yield* Sqlite.open({ home, mode: "write" })
    assert.isDefined(opened.writer)
    const connection = yield* opened.writer.reserve
    const log: Array<string> = []
    const fail: { next: ((statement: string) => unknown) | undefined } = { next: undefined }
    const logged: SqlConnection.Connection = {
      ...connection,
      executeRaw: (statement, parameters) =>
        Effect.suspend(() => {
          log.push(statement)
          const cause = fail.next?.(statement)
          return cause === undefined
            ? connection.executeRaw(statement, parameters)
            // what the driver fails with, as far as the writer looks at it
            : Effect.fail({ cause } as never)
        })
    }
    const writer = yield* SqlWriter.make({
      path: opened.path,
      connection: logged,
      failPoint: { hit: () => {} },
      patience: options.patience
    })
    yield* writer.custom(null, null, (inside) =>
      Effect.gen(function*() {
        const batch = new SqlTemplates.Batch()
        SqlTemplates.addRun(batch, newRun(id))
        for (const [template, values] of batch.entries()) yield* inside.run(template.text(1), values)
        yield* inside.run(
          "INSERT INTO leases VALUES (?, ?, 1, '', '', '', 0, '')",
          [id, token]
        )
      }))
    log.length = 0
    const database = yield* Effect.acquireRelease(
      Effect.sync(() => new Database(opened.path)),
      (database) => Effect.sync(() => database.close())
    )
    const begin = (
      index: number,
      owner: { readonly rootRunId: typeof id; readonly token: string } | null = ownership
    ) =>
      writer.rows("call.begin", owner, (batch) => {
        SqlTemplates.addCall(batch, newCall(id, index))
        SqlTemplates.addAttempt(batch, newAttempt(id, index))
      })
    const indices = () => database.prepare("SELECT call_index FROM calls ORDER BY call_index").pluck().all()
    return { writer, begin, indices, log, fail, database, opened }
  })

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i)

const commits = (log: ReadonlyArray<string>) => log.filter((statement) => statement === "COMMIT").length

describe("a group", () => {
  it.scoped("holds the writes of all fibers of a turn, in few statements", () =>
    Effect.gen(function*() {
      const { begin, indices, log } = yield* writing()
      yield* Effect.forEach(range(85), (index) => begin(index), { concurrency: "unbounded" })
      assert.deepStrictEqual(indices(), range(85))
      assert.strictEqual(commits(log), 1)
      // 64 + 16 + 4 + 1 rows of two tables, and BEGIN and COMMIT
      assert.lengthOf(log, 10)
    }))

  it.scoped("of one write commits in its own turn, without waiting for a clock", () =>
    Effect.gen(function*() {
      const { begin, log } = yield* writing()
      for (const index of range(5)) yield* begin(index)
      assert.strictEqual(commits(log), 5)
    }))

  it.scoped("is of a bounded size, and none is lost between groups", () =>
    Effect.gen(function*() {
      const { begin, indices, log } = yield* writing()
      yield* Effect.forEach(range(1000), (index) => begin(index), { concurrency: "unbounded" })
      assert.deepStrictEqual(indices(), range(1000))
      assert.strictEqual(commits(log), 4)
    }))

  it.scoped("lets timers run before the next one", () =>
    Effect.gen(function*() {
      const { begin } = yield* writing()
      let ticks = 0
      const timer = setInterval(() => ticks++, 1)
      yield* Effect.forEach(range(3000), (index) => begin(index), { concurrency: 300 })
      clearInterval(timer)
      assert.isAbove(ticks, 5)
    }))

  it.scoped("applies its writes in the order they were queued in, whatever they are", () =>
    Effect.gen(function*() {
      const { begin, database, writer } = yield* writing()
      const seen: Array<number> = []
      const count = writer.custom(null, ownership, (inside) =>
        Effect.map(inside.all("SELECT count(*) AS n FROM calls", []), ([row]) => {
          seen.push(Number(row?.["n"]))
        }))
      yield* Effect.all([begin(1), count, begin(2), begin(3), count, begin(4)], { concurrency: "unbounded" })
      assert.deepStrictEqual(seen, [1, 3])
      assert.strictEqual(database.prepare("SELECT count(*) FROM calls").pluck().get(), 4)
    }))

  it.scoped("resumes a write after its commit and not before", () =>
    Effect.gen(function*() {
      const { begin, log } = yield* writing()
      yield* Effect.forEach(range(20), (index) => Effect.map(begin(index), () => assert.include(log, "COMMIT")), {
        concurrency: "unbounded"
      })
    }))
})

describe("a write that cannot be made", () => {
  it.scoped("fails alone, and the others of its group are written", () =>
    Effect.gen(function*() {
      const { begin, indices, log } = yield* writing()
      yield* begin(30)
      log.length = 0
      const exits = yield* Effect.forEach(range(64), (index) => Effect.exit(begin(index)), { concurrency: "unbounded" })
      assert.deepStrictEqual(exits.flatMap((exit, i) => Exit.isFailure(exit) ? [i + 1] : []), [30])
      assert.deepStrictEqual(indices(), range(64))
      assert.strictEqual(commits(log), 1)
    }))

  it.scoped("takes all its rows with it", () =>
    Effect.gen(function*() {
      const { database, writer } = yield* writing()
      const exit = yield* Effect.exit(writer.rows(null, ownership, (batch) => {
        SqlTemplates.addCall(batch, newCall(id, 1))
        SqlTemplates.addAttempt(batch, newAttempt(id, 1, { reserved: { tokens: 1.5, cost: 0 as never } }))
      }))
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(database.prepare("SELECT count(*) FROM calls").pluck().get(), 0)
    }))

  it.scoped("because its rows cannot be made is a defect of its own", () =>
    Effect.gen(function*() {
      const { begin, indices, writer } = yield* writing()
      const broken = writer.rows(null, ownership, () => {
        throw new Error("no rows")
      })
      const [exit] = yield* Effect.all([Effect.exit(broken), begin(1), begin(2)], { concurrency: "unbounded" })
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
      assert.deepStrictEqual(indices(), [1, 2])
    }))

  it.scoped("in a transaction of its own is rolled back to where it began", () =>
    Effect.gen(function*() {
      const { begin, indices, writer } = yield* writing()
      const half = writer.custom(null, ownership, (inside) =>
        Effect.zipRight(inside.run("DELETE FROM attempts", []), Effect.fail("changed my mind")))
      const [, exit] = yield* Effect.all([begin(1), Effect.exit(half), begin(2)], { concurrency: "unbounded" })
      assert.deepStrictEqual(exit, Exit.fail("changed my mind"))
      assert.deepStrictEqual(indices(), [1, 2])
    }))
})

describe("ownership", () => {
  it.scoped("is checked once per group, and only the writes without it fail", () =>
    Effect.gen(function*() {
      const { begin, database, indices } = yield* writing()
      const exits = yield* Effect.forEach(
        range(20),
        (index) => Effect.exit(begin(index, index % 2 === 0 ? ownership : { rootRunId: id, token: "stale" })),
        { concurrency: "unbounded" }
      )
      for (const [i, exit] of exits.entries()) {
        if ((i + 1) % 2 === 0) assert.isTrue(Exit.isSuccess(exit))
        else assert.deepStrictEqual(exit, Exit.fail(new OwnershipLost({ runId: id })))
      }
      assert.deepStrictEqual(indices(), range(10).map((i) => 2 * i))
      database.exec("UPDATE leases SET token = 'other'")
      assert.strictEqual((yield* Effect.flip(begin(99)))._tag, "OwnershipLost")
      database.exec("DELETE FROM leases")
      assert.strictEqual((yield* Effect.flip(begin(99)))._tag, "OwnershipLost")
    }))
})

describe("interruption", () => {
  it.scoped("of a queued write waits for its outcome", () =>
    Effect.gen(function*() {
      const { begin, indices } = yield* writing()
      const fibers = yield* Effect.forEach(range(100), (index) => Effect.fork(begin(index)))
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll(fibers)
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      const begun = indices()
      // a fiber that had begun to write has written; one that had not started has not
      for (const [i, exit] of exits.entries()) if (Exit.isSuccess(exit)) assert.include(begun, i + 1)
      yield* begin(101)
      assert.include(indices(), 101)
    }))

  it.scoped("of everybody leaves a writer that goes on", () =>
    Effect.gen(function*() {
      const { begin, indices } = yield* writing()
      for (const round of range(10)) {
        const fiber = yield* Effect.fork(
          Effect.forEach(range(50, round * 100), (index) => begin(index), { concurrency: "unbounded" })
        )
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* Fiber.interrupt(fiber)
      }
      yield* begin(1)
      assert.include(indices(), 1)
    }))
})

describe("a lock that another process holds", () => {
  it.scoped("is waited for in real time, with the event loop free", () =>
    Effect.gen(function*() {
      const { begin, database, indices } = yield* writing()
      database.exec("BEGIN IMMEDIATE")
      const fiber = yield* Effect.fork(begin(1))
      let ticks = 0
      const timer = setInterval(() => ticks++, 5)
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 500)))
      clearInterval(timer)
      assert.isAbove(ticks, 4)
      database.exec("COMMIT")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(indices(), [1])
    }))

  it.scoped("is busy when it is not released, and the next write tries again", () =>
    Effect.gen(function*() {
      const { begin, database } = yield* writing({ patience: 300 })
      database.exec("BEGIN IMMEDIATE")
      const error = yield* Effect.flip(begin(1))
      assert.deepInclude(error, { _tag: "StoreError", reason: "Busy" })
      database.exec("COMMIT")
      yield* begin(1)
    }))
})

describe("a disk that fails", () => {
  const disk = (code: string) => Object.assign(new Error(`the disk said ${code}`), { code })

  it.scoped("for lack of space fails the group and writes again when there is some", () =>
    Effect.gen(function*() {
      const { begin, fail, indices } = yield* writing()
      fail.next = (statement) => statement === "COMMIT" ? disk("SQLITE_FULL") : undefined
      const errors = yield* Effect.forEach(range(3), (index) => Effect.flip(begin(index)), { concurrency: "unbounded" })
      for (const error of errors) assert.deepInclude(error, { _tag: "StoreError", reason: "DiskFull" })
      assert.deepStrictEqual(indices(), [])
      fail.next = undefined
      yield* begin(1)
      assert.deepStrictEqual(indices(), [1])
    }))

  for (const code of ["SQLITE_IOERR_FSYNC", "SQLITE_CORRUPT"]) {
    it.scoped(`with ${code} is not written to again`, () =>
      Effect.gen(function*() {
        const { begin, fail, indices } = yield* writing()
        fail.next = (statement) => statement === "COMMIT" ? disk(code) : undefined
        const first = yield* Effect.flip(begin(1))
        fail.next = undefined
        assert.strictEqual(yield* Effect.flip(begin(2)), first)
        assert.deepStrictEqual(indices(), [])
      }))
  }

  it("is told apart by its code, wherever that stands", () => {
    const reasonOf = (code: string) => SqlFailure.fromUnknown("/p", { cause: disk(code) }).reason
    assert.deepStrictEqual(
      [
        "SQLITE_FULL",
        "ENOSPC",
        "SQLITE_IOERR_WRITE",
        "SQLITE_BUSY_SNAPSHOT",
        "SQLITE_NOTADB",
        "SQLITE_READONLY_DIRECTORY"
      ]
        .map(reasonOf),
      ["DiskFull", "DiskFull", "Io", "Busy", "Corrupt", "ReadOnly"]
    )
    assert.deepStrictEqual(
      ["SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_MISMATCH", "SQLITE_TOOBIG", "EROFS", "EACCES", "ERR_DLOPEN_FAILED"]
        .map(reasonOf),
      ["Invalid", "Invalid", "Invalid", "ReadOnly", "PermissionDenied", "Driver"]
    )
  })
})

describe("the end of a writer", () => {
  it.scoped("writes what is queued and refuses what comes later", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { begin, opened } = yield* Scope.extend(writing({ home: yield* temporary }), scope)
      const fibers = yield* Effect.forEach(range(600), (index) => Effect.fork(begin(index)))
      yield* Effect.yieldNow()
      const database = new Database(opened.path)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(database.prepare("SELECT count(*) FROM calls").pluck().get(), 600)
      database.close()
      assert.deepInclude(yield* Effect.flip(begin(1000)), { _tag: "StoreError", reason: "Io" })
    }))

  it.scoped("does not depend on the clock of a test", () =>
    Effect.gen(function*() {
      const { begin } = yield* writing()
      const done = yield* Deferred.make<void>()
      yield* Effect.fork(Effect.zipRight(begin(1), Deferred.succeed(done, undefined)))
      yield* Deferred.await(done)
      yield* TestClock.adjust("1 days")
      yield* begin(2)
    }))
})
