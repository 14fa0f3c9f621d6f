import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RunId } from "open-agent-workflows/domain/Ids"
import type { Owner } from "open-agent-workflows/store/Owner"
import * as SqlBusy from "../../src/store/SqlBusy.ts"
import * as SqlFailure from "../../src/store/SqlFailure.ts"
import * as SqlReads from "../../src/store/SqlReads.ts"

const path = "/home/workflow.sqlite"

const busy = SqlFailure.make("Busy", path, "database is locked (SQLITE_BUSY)")

/** Fails so many times before it succeeds. */
const failing = (times: number, error = busy) => {
  let tries = 0
  return {
    body: Effect.suspend(() => ++tries > times ? Effect.succeed("done") : Effect.fail(error)),
    tries: () => tries
  }
}

describe("another process's lock", () => {
  it.effect("is waited for, also by a program whose clock stands still", () =>
    Effect.gen(function*() {
      const { body, tries } = failing(3)
      assert.strictEqual(yield* SqlBusy.retry(body, path), "done")
      assert.strictEqual(tries(), 4)
    }))

  it.effect("is a failure that says how long was waited when patience ends", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SqlBusy.retry(failing(1000).body, path, 100))
      assert.strictEqual(error.reason, "Busy")
      assert.include(error.detail, "it was not released for 0 s")
    }))

  it.effect("is all that is waited for", () =>
    Effect.gen(function*() {
      const { body, tries } = failing(1, SqlFailure.make("Corrupt", path, "not a database"))
      assert.strictEqual((yield* Effect.flip(SqlBusy.retry(body, path))).reason, "Corrupt")
      assert.strictEqual(tries(), 1)
    }))

  it.effect("does not fail a read", () =>
    Effect.gen(function*() {
      let tries = 0
      const locked = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY_RECOVERY" })
      const execute: Connection["execute"] = () =>
        Effect.suspend(() =>
          ++tries === 1 ? Effect.fail(new SqlError({ cause: locked })) : Effect.succeed([{ last: 7 }])
        )
      const unused = () => Effect.dieMessage("not used")
      const connection = {
        execute,
        executeRaw: unused,
        executeStream: () => Stream.dieMessage("not used"),
        executeValues: unused,
        executeUnprepared: unused
      }
      const self = { pid: 1, startedAt: "", system: "", host: "" }
      const owner: Owner["Type"] = { self, check: () => Effect.succeed("alive") }
      const reads = SqlReads.make({ home: "/home", path, connection, owner })
      assert.strictEqual(yield* reads.lastEvent("20260528-143201-000000000001" as RunId), 7)
      assert.strictEqual(tries, 2)
    }))
})
