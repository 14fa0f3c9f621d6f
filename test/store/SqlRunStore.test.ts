import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import { Owner } from "open-agent-workflows/store/Owner"
import { RunStore } from "open-agent-workflows/store/RunStore"
import * as SqlRunStore from "open-agent-workflows/store/SqlRunStore"
import * as RunStoreContract from "../contract/RunStoreContract.ts"
import Database from "../lib/sqlite.ts"
import { finished, newCall, newRun, runId, start, temporary } from "../lib/store.ts"

const layer: RunStoreContract.Open = (home, owner) =>
  Layer.provide(SqlRunStore.layer({ home, mode: "write" }), Layer.succeed(Owner, owner))

RunStoreContract.suite("SQLite", layer)

it.scoped("a run whose journal cannot be read stays nobody's", () =>
  Effect.gen(function*() {
    const home = yield* temporary
    const id = runId(1)
    const owner = new RunStoreContract.Processes().owner(1)
    const store = Context.get(yield* Layer.build(layer(home, owner)), RunStore)
    const { ownership } = yield* store.create(newRun(id), null)
    yield* store.begin(ownership, newCall(id, 1), null)
    yield* store.finish(ownership, finished(id, { status: "interrupted" }))
    const repair = (to: string) => {
      const database = new Database(Path.join(home, "workflow.sqlite"))
      database.exec(`PRAGMA ignore_check_constraints = ON; UPDATE calls SET status = '${to}'`)
      database.close()
    }
    repair("lost in space")
    const error = yield* Effect.flip(store.acquire(id, { at: start + 1 }))
    assert.deepInclude(error, { _tag: "StoreError", reason: "Invalid" })
    repair("cancelled")
    assert.strictEqual((yield* store.acquire(id, { at: start + 2 })).run.attempt, 3)
  }))
