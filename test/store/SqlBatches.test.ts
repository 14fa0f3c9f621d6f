import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BatchId } from "open-agent-workflows/domain/BatchRecords"
import * as Usage from "open-agent-workflows/domain/Usage"
import type { NewBatchRequest, SettledRequest } from "open-agent-workflows/store/BatchStore"
import { BatchStore } from "open-agent-workflows/store/BatchStore"
import { Owner } from "open-agent-workflows/store/Owner"
import * as SqlBatches from "../../src/store/SqlBatches.ts"
import * as SqlLease from "../../src/store/SqlLease.ts"
import { Processes } from "../contract/RunStoreContract.ts"
import { nano, start, temporary } from "../lib/store.ts"

const world = Effect.gen(function*() {
  const home = yield* temporary
  const scope = yield* Effect.scope
  const processes = new Processes()
  const openAs = (pid: number, mode: "read" | "write" = "write") =>
    Effect.map(
      Layer.buildWithScope(
        Layer.provide(SqlBatches.layer({ home, mode }), Layer.succeed(Owner, processes.owner(pid))),
        scope
      ),
      Context.get(BatchStore)
    )
  return { home, processes, openAs, store: yield* openAs(1) }
})

const idOf = (n: number) => `batch-20260528-1432${String(n).padStart(2, "0")}-0sj04k7m2x9q` as BatchId
const id = idOf(1)
const newBatch = (id: BatchId) => ({ id, provider: "openai", model: "m", at: start })
const request = (position: number, changes: Partial<NewBatchRequest> = {}): NewBatchRequest => ({
  position,
  job: 1,
  customId: `c${position}`,
  model: "m",
  prompt: `prompt ${position}`,
  schemaJson: null,
  form: "none",
  line: `line ${position}`,
  ...changes
})
const job = (number: number, requests: number) => ({ number, id: `owf-${number}`, model: "m", requests, bytes: 10 })
const answered = (position: number, changes: Partial<SettledRequest> = {}): SettledRequest => ({
  position,
  status: "ok",
  text: `answer ${position}`,
  valueJson: null,
  errorKind: null,
  error: null,
  usage: Usage.make({ inputTokens: 10, outputTokens: 2 }),
  cost: nano(100),
  costSource: "test",
  answeredModel: "m",
  ...changes
})

describe("SqlBatches", () => {
  it.scoped("keeps a batch, its jobs and its requests, in their order", () =>
    Effect.gen(function*() {
      const { openAs, store } = yield* world
      const lease = yield* store.create(newBatch(id))
      yield* store.add(lease, [request(2), request(1), request(3, { job: 2 })])
      assert.strictEqual((yield* store.find(id)).status, "storing")
      yield* store.seal(lease, [job(1, 2), job(2, 1)], start)
      const reader = yield* openAs(2, "read")
      const batch = yield* reader.find("latest")
      assert.deepInclude(batch, { id, status: "running", requests: 3, jobs: 2, ok: 0, failed: 0 })
      const [first, second] = yield* reader.jobs(id)
      assert(first !== undefined && second !== undefined)
      assert.deepInclude(first, { state: "pending", remoteId: null, problems: [], settledAt: null })
      assert.deepStrictEqual(yield* reader.lines(first, 0, 10), [
        { position: 1, line: "line 1" },
        { position: 2, line: "line 2" }
      ])
      assert.deepStrictEqual(yield* reader.lines(second, 0, 10), [{ position: 3, line: "line 3" }])
      assert.deepStrictEqual((yield* reader.rows(id, 1, 1)).map(({ customId }) => customId), ["c2"])
      assert.strictEqual((yield* Effect.flip(reader.create(newBatch(idOf(2))))).reason, "ReadOnly")
    }))

  it.scoped("settles a request once, and gives the rest of a job an outcome when it ends", () =>
    Effect.gen(function*() {
      const { store } = yield* world
      const lease = yield* store.create(newBatch(id))
      yield* store.add(lease, [request(1), request(2), request(3)])
      yield* store.seal(lease, [job(1, 3)], start)
      const [first] = yield* store.jobs(id)
      assert(first !== undefined)
      yield* store.settle(lease, [answered(1), answered(1, { text: "another one" })])
      yield* store.settle(lease, [answered(1, { status: "missing" }), answered(2, { cost: null })])
      assert.deepStrictEqual(
        (yield* store.asked(first, [1, 3, 9])).map(({ isSettled, position }) => [position, isSettled]),
        [
          [1, true],
          [3, false]
        ]
      )
      yield* store.change(lease, 1, { state: "expired", problems: ["late"], endedAt: start })
      yield* store.finish(lease, 1, { status: "expired", error: "too late", at: start })
      const rows = yield* store.rows(id, 0, 10)
      assert.deepStrictEqual(rows.map(({ error, status, text }) => [status, text, error]), [
        ["ok", "answer 1", null],
        ["ok", "answer 2", null],
        ["expired", null, "too late"]
      ])
      // the cost of one answer is not known, so that of the batch is not either
      assert.deepInclude(yield* store.find(id), {
        status: "partial",
        ok: 2,
        failed: 1,
        inputTokens: 20,
        outputTokens: 4,
        costUsd: null
      })
      assert.deepStrictEqual((yield* store.jobs(id))[0]?.problems, ["late"])
    }))

  it.scoped("lets one live process write, and who comes after a dead one", () =>
    Effect.gen(function*() {
      const { openAs, processes, store } = yield* world
      const lease = yield* store.create(newBatch(id))
      yield* store.add(lease, [request(1)])
      const other = yield* openAs(2)
      const owned = yield* Effect.flip(other.take(id, start))
      assert.deepInclude(owned, { _tag: "BatchOwned", pid: 1 })
      processes.states.set(1, "dead")
      const taken = yield* other.take(id, start)
      assert.strictEqual((yield* Effect.flip(store.add(lease, [request(2)])))._tag, "BatchLost")
      assert.strictEqual((yield* Effect.flip(store.renew(lease, start)))._tag, "BatchLost")
      yield* store.release(lease)
      yield* other.add(taken, [request(2)])
      yield* other.seal(taken, [job(1, 2)], start)
      yield* other.release(taken)
      processes.states.set(1, "alive")
      yield* store.take(id, start)
      processes.states.set(1, "unknown")
      // a process of another system is only known by its heartbeat
      assert.strictEqual((yield* Effect.flip(other.take(id, start + SqlLease.lapse)))._tag, "BatchOwned")
      yield* other.take(id, start + SqlLease.lapse + 1)
    }))

  it.scoped("refuses two requests of one custom_id, whole", () =>
    Effect.gen(function*() {
      const { store } = yield* world
      const lease = yield* store.create(newBatch(id))
      const error = yield* Effect.flip(store.add(lease, [request(1), request(2, { customId: "c1" })]))
      assert.deepInclude(error, { _tag: "StoreError", reason: "Invalid" })
      assert.deepStrictEqual(yield* store.rows(id, 0, 10), [])
    }))

  it.scoped("forgets what is not sealed, and nothing else", () =>
    Effect.gen(function*() {
      const { store } = yield* world
      const kept = yield* store.create(newBatch(id))
      yield* store.add(kept, [request(1)])
      yield* store.seal(kept, [job(1, 1)], start)
      yield* store.discard(kept)
      assert.strictEqual((yield* store.rows(id, 0, 10)).length, 1)
      const gone = yield* store.create(newBatch(idOf(2)))
      yield* store.add(gone, [request(1)])
      yield* store.discard(gone)
      assert.deepStrictEqual((yield* store.list).map((batch) => batch.id), [id])
    }))

  it.scoped("finds a batch by the beginning of its id and by its vendor's", () =>
    Effect.gen(function*() {
      const { store } = yield* world
      assert.include((yield* Effect.flip(store.find("latest"))).message, "There are no batches")
      for (const n of [1, 2]) {
        const lease = yield* store.create(newBatch(idOf(n)))
        yield* store.add(lease, [request(1)])
        yield* store.seal(lease, [{ ...job(1, 1), id: `owf-${n}` }], start)
        yield* store.change(lease, 1, { state: "running", remoteId: `batch_abc${n}` })
      }
      assert.strictEqual((yield* store.find("batch_abc1")).id, idOf(1))
      assert.strictEqual((yield* store.find("batch-20260528-143202")).id, idOf(2))
      assert.strictEqual((yield* store.find("latest")).id, idOf(2))
      for (const name of ["batch-20260528", "batch_", "b", "", "%"]) {
        assert.strictEqual((yield* Effect.flip(store.find(name)))._tag, "BatchNotFound", name)
      }
      assert.deepStrictEqual([...(yield* store.remoteIds("openai"))], ["batch_abc1", "batch_abc2"])
      assert.strictEqual((yield* store.remoteIds("gemini")).size, 0)
    }))
})
