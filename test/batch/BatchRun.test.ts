import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Batch from "open-agent-workflows/batch/Batch"
import * as BatchRun from "open-agent-workflows/batch/BatchRun"
import { BatchStore } from "open-agent-workflows/store/BatchStore"
import type { Step } from "open-agent-workflows/store/FailPoint"
import { batchSteps } from "open-agent-workflows/store/FailPoint"
import { openAiLab } from "./batchLab.ts"
import { finish, refusesEachOnce, worldOf } from "./batchWorld.ts"
import type { Fault } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

const world = worldOf(openAiLab)

const label = {
  type: "object",
  properties: { label: { type: "string" } },
  required: ["label"],
  additionalProperties: false
}

/** A vendor whose answer to a creation is lost, and who answers no question about it. */
const losesCreation: Vendors.Vendor["fault"] = ({ method, url }) =>
  url.endsWith("/batches") && method === "POST" ? "lost" : method === "GET" ? { status: 503, body: {} } : undefined

describe("A batch", () => {
  it.scopedLive("is answered row by row, in the order of its file, with tokens and half the price", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"", { prompt: "two", custom_id: "b", schema: label, max_tokens: 9 }, "", {
        prompt: "three",
        system: "Be brief."
      })
      vendor.answer = (given, index) =>
        index === 1 ? "```json\n{\"label\":\"bug\"}\n```" : `answer of ${Vendors.promptOf(given)}`
      const { id } = yield* process(submit)
      assert.strictEqual(vendor.jobs.length, 0)
      const sent = yield* process(BatchRun.advance(id))
      assert.strictEqual(sent.batch.status, "running")
      assert.deepStrictEqual(sent.jobs.map(({ state }) => state), ["running"])
      assert.strictEqual(vendor.jobs[0]?.requests[1]?.body["max_completion_tokens"], 9)
      finish(vendor, "completed")
      const done = yield* process(BatchRun.advance("latest"))
      assert.strictEqual(done.batch.status, "done")
      assert.strictEqual(done.batch.inputTokens, 60)
      // 20 input tokens at $1 and 5 output tokens at $10 a million, three times, at half price
      assert.strictEqual(done.batch.costUsd, 3 * (20 + 50) / 1e6 / 2)
      const found = yield* process(rows(id))
      assert.deepStrictEqual(found.map((row) => [row.customId, row.status, row.text, row.valueJson, row.prompt]), [
        ["req-1", "ok", "answer of one", null, "one"],
        ["b", "ok", "```json\n{\"label\":\"bug\"}\n```", "{\"label\":\"bug\"}", "two"],
        ["req-3", "ok", "answer of three", null, "three"]
      ])
      assert.isFalse(Fs.existsSync(Path.join(Path.dirname(Path.dirname(done.batch.id)), "batches")))
    }))

  it.scopedLive("says which answers do not fit their schema and keeps what was paid for", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write({ prompt: "one", schema: label }, { prompt: "two", schema: label }, { prompt: "three" })
      vendor.answer = (_, index) => ["{\"label\":3}", "no JSON", " "][index] ?? ""
      const { id } = yield* process(submit)
      yield* process(BatchRun.advance(id))
      finish(vendor, "completed")
      const { batch } = yield* process(BatchRun.advance(id))
      assert.strictEqual(batch.status, "failed")
      assert.strictEqual(batch.inputTokens, 60)
      const found = yield* process(rows(id))
      assert.deepStrictEqual(found.map(({ errorKind, status, text }) => [status, errorKind, text]), [
        ["schema_failed", "SchemaFailed", "{\"label\":3}"],
        ["schema_failed", "SchemaFailed", "no JSON"],
        ["provider_failed", "EmptyAnswer", null]
      ])
    }))

  it.scopedLive("is split into jobs by count, by size and by model", () =>
    Effect.gen(function*() {
      const { api, process, rows, submit, vendor, write } = yield* world
      write(...["a", "b", "c", "d", "e"].map((prompt) => ({ prompt })), { prompt: "f", model: "other" })
      const small = { ...api, limits: { maxRequests: 2, maxBytes: 10_000, isOneModel: true } }
      const { id } = yield* process(submit, { api: small })
      const { jobs } = yield* process(BatchRun.advance(id), { api: small })
      assert.deepStrictEqual(jobs.map(({ model, requests }) => [model, requests]), [["m", 2], ["m", 2], ["m", 1], [
        "other",
        1
      ]])
      assert.strictEqual(vendor.jobs.length, 4)
      finish(vendor, "completed")
      yield* process(BatchRun.advance(id))
      assert.deepStrictEqual(
        (yield* process(rows(id))).map(({ text }) => text),
        ["a", "b", "c", "d", "e", "f"].map((prompt) => `answer of ${prompt}`)
      )
      const line =
        api.encode("owf-20260528-143201-0sj04k7m2x9-1-1", Batch.request({ callId: "c", prompt: "a", model: "m" })).line
      const narrow = { ...api, limits: { maxRequests: 50, maxBytes: line.length * 2 + 2, isOneModel: false } }
      const other = yield* process(submit, { api: narrow })
      assert.isTrue((yield* process(BatchRun.look(other.id))).batch.jobs >= 3)
      const none = { ...api, limits: { maxRequests: 50, maxBytes: 20, isOneModel: false } }
      const error = yield* Effect.flip(process(submit, { api: none }))
      assert.include(error.message, "longer than a job")
      assert.strictEqual((yield* process(Effect.flatMap(BatchStore, ({ list }) => list))).length, 2)
    }))

  for (const [ending, status] of [["expired", "expired"], ["cancelled", "cancelled"]] as const) {
    it.scopedLive(`that ${ending} ends, with the rows it came to`, () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"", "\"two\"", "\"three\"")
        const { id } = yield* process(submit)
        yield* process(BatchRun.advance(id))
        finish(vendor, ending, (index) => index === 1 ? "answer" : "none")
        const { batch, jobs } = yield* process(BatchRun.advance(id))
        assert.strictEqual(batch.status, "partial")
        assert.deepStrictEqual(jobs.map(({ failed, ok, state }) => [state, ok, failed]), [[ending, 1, 2]])
        assert.deepStrictEqual((yield* process(rows(id))).map((row) => row.status), [status, "ok", status])
      }))
  }

  it.scopedLive("whose validation failed ends and says why", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"", "\"two\"")
      const { id } = yield* process(submit)
      yield* process(BatchRun.advance(id))
      finish(vendor, "failed")
      const { batch, jobs } = yield* process(BatchRun.advance(id))
      assert.strictEqual(batch.status, "failed")
      assert.deepStrictEqual(jobs[0]?.problems, ["line 2: This line is not valid."])
      const [row] = yield* process(rows(id))
      assert.strictEqual(row?.error, "the job failed: line 2: This line is not valid.")
    }))

  it.scopedLive("accounts for rows with errors, rows that are missing, twice there, foreign or unreadable", () =>
    Effect.gen(function*() {
      const { api, process, rows, submit, vendor, write } = yield* world
      write("\"one\"", "\"two\"", "\"three\"")
      const { id } = yield* process(submit)
      yield* process(BatchRun.advance(id))
      finish(vendor, "completed", (index) => index === 0 ? "answer" : "error")
      const key = vendor.jobs[0]?.requests[0]?.key ?? ""
      const extra = (custom_id: string, text: string) =>
        JSON.stringify({
          custom_id,
          response: { status_code: 200, body: { choices: [{ message: { content: text } }] } }
        })
      vendor.fault = ({ url }) =>
        url.endsWith("-output/content")
          ? {
            status: 200,
            body: [
              extra(key, "first"),
              extra(key, "second"),
              "{broken",
              extra(`${key.slice(0, -1)}99`, "x"),
              extra("somebody", "x")
            ].join("\n")
          }
          : url.endsWith("-errors/content")
          ? { status: 410, body: {} }
          : undefined
      const { batch, jobs } = yield* process(BatchRun.advance(id), { api })
      assert.strictEqual(batch.status, "partial")
      assert.deepStrictEqual((yield* process(rows(id))).map(({ status, text }) => [status, text]), [
        ["ok", "first"],
        ["missing", null],
        ["missing", null]
      ])
      assert.deepStrictEqual(jobs[0]?.problems, [
        "1 line of its results cannot be read",
        "2 lines of its results are of no request of this job",
        "HTTP 410: the server does not have this file any more"
      ])
    }))

  it.scopedLive("is cancelled: what was not sent never is, what runs is asked to end", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"")
      const early = yield* process(submit)
      const cancelled = yield* process(BatchRun.cancel(early.id))
      assert.strictEqual(cancelled.batch.status, "failed")
      assert.deepStrictEqual((yield* process(rows(early.id))).map(({ status }) => status), ["cancelled"])
      assert.strictEqual(vendor.asked.length, 0)
      const late = yield* process(submit)
      yield* process(BatchRun.advance(late.id))
      const asked = yield* process(BatchRun.cancel(late.id))
      assert.deepStrictEqual(asked.jobs.map(({ state }) => state), ["cancelling"])
      const [job] = vendor.jobs
      assert(job !== undefined)
      vendor.end(job, "cancelled", () => "none")
      assert.strictEqual((yield* process(BatchRun.cancel(late.id))).batch.status, "failed")
      assert.deepStrictEqual((yield* process(rows(late.id))).map(({ status }) => status), ["cancelled"])
    }))

  it.scopedLive("that is refused ends; one whose key is refused is sent when that is put right", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      vendor.fault = () => ({ status: 401, body: { error: { message: "wrong key" } } })
      const refused = yield* process(BatchRun.advance(id))
      assert.deepStrictEqual(refused.problems.map(({ error }) => error.reason), ["Authentication"])
      assert.deepStrictEqual(refused.jobs.map(({ state }) => state), ["pending"])
      vendor.fault = undefined
      assert.deepStrictEqual((yield* process(BatchRun.advance(id))).jobs.map(({ state }) => state), ["running"])
      vendor.fault = ({ method }) =>
        method === "POST" ? { status: 400, body: { error: { message: "no such model" } } } : undefined
      const other = yield* process(submit)
      const failed = yield* process(BatchRun.advance(other.id))
      assert.strictEqual(failed.batch.status, "failed")
      assert.deepStrictEqual(failed.jobs[0]?.problems, ["HTTP 400: no such model"])
    }))

  it.scopedLive("is not stored when a line of its file is wrong, and every such line is named", () =>
    Effect.gen(function*() {
      const { file, home, process, submit, vendor, write } = yield* world
      write(
        { prompt: "fine", custom_id: "req-3" },
        "{broken",
        "\"gets the id req-3\"",
        { custom_id: "x" },
        [1],
        { prompt: "p", max_tokens: 0 },
        { prompt: "p", custom_id: "req-3" },
        { prompt: "p", schema: { type: "nonsense" } }
      )
      const error = yield* Effect.flip(process(submit))
      const problems = error.message.split("\n").map((line) => line.replace(`${file}:`, ""))
      assert.deepStrictEqual(problems.slice(1, 6), [
        "3: custom_id 'req-3', which a line without one gets, is that of line 1 too",
        "4: each line needs a 'prompt' field",
        "5: each line needs a 'prompt' field",
        "6: max_tokens has to be a whole number of at least 1",
        "7: custom_id 'req-3' is that of line 1 too"
      ])
      assert.match(problems[0] ?? "", /^2: invalid JSON: .+ \(column \d+\)$/)
      assert.match(problems[6] ?? "", /^8: schema: the JSON Schema is not valid: /)
      assert.strictEqual(problems.length, 7)
      write("", "  ")
      assert.strictEqual((yield* Effect.flip(process(submit))).message, `${file}: no prompts found`)
      assert.strictEqual(vendor.asked.length, 0)
      assert.isTrue(Fs.existsSync(home))
    }))

  it.scopedLive("sends each job once, whatever answer to its creation is lost", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const faults: ReadonlyArray<Fault> = ["lost", "dropped", { status: 500, body: {} }, { status: 429, body: {} }]
      for (const fault of faults) {
        const before = vendor.jobs.length
        const { id } = yield* process(submit)
        let once = true
        vendor.fault = ({ method, url }) => {
          if (method !== "POST" || !url.endsWith("/batches") || !once) return undefined
          once = false
          return fault
        }
        const { jobs } = yield* process(BatchRun.advance(id))
        assert.deepStrictEqual(jobs.map(({ state }) => state), ["running"], JSON.stringify(fault))
        assert.strictEqual(vendor.jobs.length, before + 1, JSON.stringify(fault))
        assert.isFalse(once)
      }
    }))

  it.scopedLive("is not sent again as long as nobody can say whether it was", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      vendor.fault = losesCreation
      for (let times = 0; times < 3; times++) {
        const { jobs } = yield* process(BatchRun.advance(id))
        assert.deepStrictEqual(jobs.map(({ state }) => state), ["sending"])
      }
      assert.strictEqual(vendor.jobs.length, 1)
      vendor.fault = undefined
      const { jobs } = yield* process(BatchRun.advance(id))
      assert.deepStrictEqual(jobs.map(({ remoteId, state }) => [state, remoteId]), [["running", "batch_1"]])
      assert.strictEqual(vendor.jobs.length, 1)
    }))

  it.scopedLive("of which nobody can say whether the vendor has it ends when it is given up, and not before", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      vendor.fault = losesCreation
      yield* process(BatchRun.advance(id))
      const cancelled = yield* process(BatchRun.cancel(id))
      assert.deepStrictEqual(cancelled.jobs.map(({ state }) => state), ["sending"])
      assert.deepStrictEqual(cancelled.problems.map(({ error }) => error.reason), ["Overloaded"])
      const given = yield* process(BatchRun.cancel(id, { giveUp: true }))
      assert.deepStrictEqual([given.batch.status, given.jobs[0]?.state], ["failed", "cancelled"])
      assert.include(given.jobs[0]?.problems.join() ?? "", "the vendor may have it")
      assert.deepStrictEqual((yield* process(rows(id))).map(({ status }) => status), ["cancelled"])
      vendor.fault = undefined
      yield* process(BatchRun.advance(id))
      assert.strictEqual(vendor.jobs.length, 1)
    }))

  for (const step of batchSteps) {
    for (const moment of ["before", "after"] as const) {
      it.scopedLive(`is whole after a process that died ${moment} ${step}`, () =>
        Effect.gen(function*() {
          const { process, rows, submit, vendor, write } = yield* world
          write(...Array.from({ length: 6 }, (_, index) => ({ prompt: `p${index}`, custom_id: `c${index}` })))
          let died = false
          const at = (hit: Step, when: "before" | "after") => {
            if (hit !== step || when !== moment || died) return
            died = true
            throw new Error("died here")
          }
          const first = yield* Effect.exit(process(submit, { at }))
          const all = Effect.flatMap(BatchStore, ({ list }) => list)
          if (step === "batch.store" && moment === "before") {
            assert.isTrue(Exit.isFailure(first))
            const [left] = yield* process(all)
            if (left !== undefined) yield* Effect.flip(process(BatchRun.advance(left.id)))
            assert.strictEqual((yield* process(all)).length, 0)
            yield* process(submit)
          }
          const [stored] = yield* process(all)
          assert(stored !== undefined)
          for (let tries = 0; tries < 6; tries++) {
            const exit = yield* Effect.exit(process(BatchRun.advance(stored.id), { at }))
            const standing = Exit.isSuccess(exit) ? exit.value : undefined
            if (standing?.batch.status === "done") break
            if (standing?.jobs[0]?.state === "running") finish(vendor, "completed")
          }
          assert.isTrue(died)
          assert.strictEqual(vendor.jobs.length, 1, "created once")
          const found = yield* process(rows(stored.id))
          assert.deepStrictEqual(
            found.map(({ text }) => text),
            Array.from({ length: 6 }, (_, index) => `answer of p${index}`)
          )
        }))
    }
  }

  it.scopedLive("bears 429 and 5xx on every request once", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      for (const status of [429, 500, 503]) {
        vendor.fault = refusesEachOnce(status)
        yield* process(BatchRun.advance(id))
      }
      finish(vendor, "completed")
      vendor.fault = undefined
      assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
      assert.strictEqual(vendor.jobs.length, 1)
      assert.strictEqual((yield* process(rows(id))).length, 1)
    }))

  it.scopedLive("goes on with a download that broke off, without what it had", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write(...Array.from({ length: 20 }, (_, index) => ({ prompt: `p${index}` })))
      const { id } = yield* process(submit)
      yield* process(BatchRun.advance(id))
      finish(vendor, "completed")
      let cuts = 0
      vendor.fault = ({ url }) => url.endsWith("/content") && cuts++ < 2 ? "cut" : undefined
      const { batch, jobs } = yield* process(BatchRun.advance(id))
      assert.deepStrictEqual([batch.status, jobs[0]?.problems], ["done", []])
      const ranges = vendor.asked.filter(({ url }) => url.endsWith("/content")).map(({ headers }) => headers.range)
      assert.strictEqual(ranges.length, 3)
      assert.strictEqual(ranges[0], undefined)
      assert.match(ranges[2] ?? "", /^bytes=[1-9]\d*-$/)
      assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
    }))

  it.scopedLive("is worked on by one process at a time", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      yield* Effect.all([process(BatchRun.advance(id)), process(BatchRun.advance(id)), process(BatchRun.advance(id))], {
        concurrency: 3
      })
      assert.strictEqual(vendor.jobs.length, 1)
    }))

  it.scopedLive("waits until it is settled, and not for what nobody but a person can change", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      const seen: Array<string> = []
      const waiting = BatchRun.wait(id, {
        every: Duration.millis(5),
        onStanding: ({ batch, jobs }) =>
          Effect.sync(() => {
            seen.push(`${batch.status} ${jobs.map(({ state }) => state).join()}`)
            if (seen.length === 3) finish(vendor, "completed")
          })
      })
      assert.strictEqual((yield* process(waiting)).batch.status, "done")
      assert.deepStrictEqual(seen, ["running running", "running running", "running running", "done completed"])
      const other = yield* process(submit)
      vendor.fault = () => ({ status: 401, body: {} })
      const stopped = yield* process(
        BatchRun.wait(other.id, { every: Duration.hours(1), onStanding: () => Effect.void })
      )
      assert.strictEqual(stopped.problems[0]?.error.reason, "Authentication")
    }))
})
