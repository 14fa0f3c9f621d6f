import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as BatchRun from "open-agent-workflows/batch/BatchRun"
import type { Step } from "open-agent-workflows/store/FailPoint"
import * as BatchWork from "../../src/batch/BatchWork.ts"
import { openAiLab } from "./batchLab.ts"
import { finish, worldOf } from "./batchWorld.ts"
import type { Asked } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

const world = worldOf(openAiLab)

const creates = ({ method, url }: Asked) => method === "POST" && url.endsWith("/batches")
const lists = ({ method, url }: Asked) => method === "GET" && url.startsWith("/v1/batches?")
const downloads = ({ url }: Asked) => url.endsWith("/content")

/** A batch of some prompts that its vendor has ended. */
const ended = Effect.gen(function*() {
  const made = yield* world
  made.write(...Array.from({ length: 20 }, (_, index) => ({ prompt: `p${index}` })))
  const { id } = yield* made.process(made.submit)
  yield* made.process(BatchRun.advance(id))
  finish(made.vendor, "completed")
  return { ...made, id }
})

/** A clock that is wrong. */
const clockAhead = (by: Duration.Duration): Clock.Clock => {
  const right = Clock.make()
  return {
    ...right,
    unsafeCurrentTimeMillis: () => right.unsafeCurrentTimeMillis() + Duration.toMillis(by),
    currentTimeMillis: Effect.map(right.currentTimeMillis, (now) => now + Duration.toMillis(by))
  }
}

describe("A job whose creation was not answered", () => {
  for (const status of [400, 404, 422] as const) {
    it.scopedLive(`is not taken for refused when the vendor answers ${status} to the question for it`, () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"")
        const { id } = yield* process(submit)
        vendor.fault = (asked) =>
          creates(asked)
            ? "lost"
            : lists(asked)
            ? { status, body: { error: { message: "no lists here", type: "invalid_request_error" } } }
            : undefined
        for (let times = 0; times < 2; times++) {
          const { batch, jobs, problems } = yield* process(BatchRun.advance(id))
          assert.deepStrictEqual([batch.status, jobs[0]?.state], ["running", "sending"])
          assert.include(problems[0]?.error.message, "no lists here")
        }
        vendor.fault = undefined
        yield* process(BatchRun.advance(id))
        assert.strictEqual(vendor.jobs.length, 1)
        finish(vendor, "completed")
        yield* process(BatchRun.advance(id))
        assert.deepStrictEqual((yield* process(rows(id))).map(({ status }) => status), ["ok"])
      }))
  }

  it.scopedLive("is looked for at once when the clock was put back since", () =>
    Effect.gen(function*() {
      const { process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      const at = (step: Step, when: "before" | "after") => {
        if (step === "batch.send" && when === "before") throw new Error("died here")
      }
      const early = Effect.withClock(BatchRun.advance(id), clockAhead(Duration.days(2)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(process(early, { at }))))
      const { jobs } = yield* process(BatchRun.advance(id)).pipe(Effect.timeout("10 seconds"))
      assert.deepStrictEqual([jobs[0]?.state, vendor.jobs.length], ["running", 1])
    }))
})

describe("A download", () => {
  it.scopedLive("from a server that breaks every answer off and cannot go on in the middle is given up", () =>
    Effect.gen(function*() {
      const { id, process, rows, vendor } = yield* ended
      vendor.ranges = false
      vendor.fault = (asked) => downloads(asked) ? "cut" : undefined
      const { batch, problems } = yield* process(BatchRun.advance(id)).pipe(Effect.timeout("15 seconds"))
      assert.deepStrictEqual([batch.status, problems[0]?.error.reason], ["running", "Transport"])
      assert.isAtMost(vendor.asked.filter(downloads).length, 6)
      vendor.fault = undefined
      yield* process(BatchRun.advance(id))
      assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
    }))

  it.scopedLive("of a file that is there a little later than the vendor says is not given up", () =>
    Effect.gen(function*() {
      const { id, process, rows, vendor } = yield* ended
      let looks = 0
      vendor.fault = (asked) =>
        downloads(asked) && looks++ < 2
          ? { status: 404, body: { error: { message: "No such File object" } } }
          : undefined
      const { batch } = yield* process(BatchRun.advance(id))
      assert.strictEqual(batch.status, "done")
      assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
    }))

  it.scopedLive("that is given in pieces is taken piece by piece", () =>
    Effect.gen(function*() {
      const { id, process, rows, vendor } = yield* ended
      const whole = yield* results(vendor)
      let isCut = false
      vendor.fault = (asked) => {
        if (!downloads(asked)) return undefined
        const from = Number(/^bytes=(\d+)-$/.exec(asked.headers.range ?? "")?.[1] ?? 0)
        if (from === 0) {
          const fault = isCut ? undefined : "cut"
          isCut = true
          return fault
        }
        const body = whole.subarray(from, from + 700)
        return from >= whole.length ? undefined : {
          status: 206,
          headers: { "content-range": `bytes ${from}-${from + body.length - 1}/${whole.length}` },
          body
        }
      }
      const { batch, jobs } = yield* process(BatchRun.advance(id))
      assert.deepStrictEqual([batch.status, jobs[0]?.problems], ["done", []])
      assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
    }))

  it.scopedLive("begins anew where the file is shorter than what there is of it", () =>
    Effect.gen(function*() {
      const { home, id, process, rows } = yield* ended
      const directory = Path.join(home, ".workflows", "batches", id)
      Fs.mkdirSync(directory, { recursive: true })
      Fs.writeFileSync(Path.join(directory, "job-1-0-output.jsonl.part"), "x".repeat(1_000_000))
      const { batch, jobs } = yield* process(BatchRun.advance(id))
      assert.deepStrictEqual([batch.status, jobs[0]?.problems], ["done", []])
      assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
    }))
})

describe("What a vendor says of a job", () => {
  it.scopedLive("is kept without the key, and no longer than it is of use", () =>
    Effect.gen(function*() {
      const { home, process, submit, vendor, write } = yield* world
      write("\"one\"")
      const { id } = yield* process(submit)
      const job = (status: string) => ({
        id: "batch_1",
        status,
        created_at: 1,
        errors: { data: [{ message: `the key ${Vendors.key} is bad`, line: 1 }, { message: "x".repeat(1_000_000) }] }
      })
      vendor.fault = (asked) => creates(asked) ? { status: 200, body: job(`waiting ${Vendors.key}`) } : undefined
      yield* process(BatchRun.advance(id))
      vendor.fault = (asked) => asked.url.endsWith("/batch_1") ? { status: 200, body: job("failed") } : undefined
      const { jobs } = yield* process(BatchRun.advance(id))
      assert.strictEqual(jobs[0]?.state, "failed")
      const kept = Fs.readdirSync(path(home)).flatMap((name) =>
        name.startsWith("workflow.sqlite") ? [Fs.readFileSync(Path.join(path(home), name), "latin1")] : []
      )
      assert.isFalse(kept.some((text) => text.includes(Vendors.key)), "the key is in the record")
      assert.isBelow(Math.max(...(jobs[0]?.problems ?? []).map(({ length }) => length)), 3_000)
    }))

  it.scopedLive("does not make the batch unreadable, whatever numbers it counts", () =>
    Effect.gen(function*() {
      const { process, rows, submit, vendor, write } = yield* world
      write("\"one\"", "\"two\"", "\"three\"")
      const { id } = yield* process(submit)
      const counts = [
        { total: 3, completed: 1.5, failed: -1 },
        { total: 1e300, completed: 1e300, failed: 1e300 },
        { total: -3, completed: -3, failed: 0.1 }
      ]
      yield* process(BatchRun.advance(id))
      for (const request_counts of counts) {
        vendor.fault = () => ({ status: 200, body: { id: "batch_1", status: "in_progress", request_counts } })
        yield* process(BatchRun.advance(id))
        assert.strictEqual((yield* process(BatchRun.look(id))).batch.status, "running")
      }
      finish(vendor, "completed")
      const usages = [
        { prompt_tokens: 1e300, completion_tokens: 1e300 },
        { prompt_tokens: -5, completion_tokens: 0.5 },
        { prompt_tokens: 9_007_199_254_740_991, completion_tokens: 9_007_199_254_740_991 }
      ]
      vendor.fault = ({ url }) =>
        url.endsWith("-output/content")
          ? {
            status: 200,
            body: (vendor.jobs[0]?.requests ?? []).map(({ key }, index) =>
              JSON.stringify({
                custom_id: key,
                response: {
                  status_code: 200,
                  body: { choices: [{ message: { content: "a" }, finish_reason: "stop" }], usage: usages[index] }
                }
              })
            ).join("\n")
          }
          : undefined
      assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
      assert.deepStrictEqual((yield* process(rows(id))).map(({ text }) => text), ["a", "a", "a"])
    }))
})

describe("A batch", () => {
  it.scopedLive("is read from a file as Windows programs write it", () =>
    Effect.gen(function*() {
      const { file, process, rows, submit } = yield* world
      Fs.writeFileSync(file, "\uFEFF{\"prompt\":\"one\"}\r\n\r\n\"two\"\r\n")
      const { id } = yield* process(submit)
      assert.deepStrictEqual((yield* process(rows(id))).map(({ prompt }) => prompt), ["one", "two"])
      Fs.writeFileSync(file, Buffer.from("\"caf\u00E9\"\n", "latin1"))
      assert.strictEqual((yield* Effect.flip(process(submit))).message, `${file}: it is not encoded as UTF-8`)
    }))

  it.scopedLive("goes on being waited for while another process is long at work on it", () =>
    Effect.gen(function*() {
      const { id, process } = yield* ended
      const gate = yield* Deferred.make<void>()
      const taken = yield* Deferred.make<void>()
      const { batch } = yield* process(BatchRun.look(id))
      const working = BatchWork.withLease(batch.id, () =>
        Effect.zipRight(Deferred.succeed(taken, undefined), Deferred.await(gate)))
      const other = yield* Effect.fork(process(working))
      yield* Deferred.await(taken)
      const seen: Array<string> = []
      const waiting = BatchRun.wait(id, {
        every: Duration.millis(5),
        onStanding: ({ batch }) =>
          Effect.suspend(() =>
            seen.push(batch.status) === 3 ? Deferred.succeed(gate, undefined) : Effect.void
          )
      })
      const patience = yield* BatchWork.BatchPatience
      const hurried = Effect.provideService(waiting, BatchWork.BatchPatience, { ...patience, forLease: Duration.zero })
      assert.strictEqual((yield* process(hurried)).batch.status, "done")
      yield* Fiber.join(other)
      assert.isAtLeast(seen.length, 4)
    }))

  it.scopedLive("that its vendor does not know any more stays as it is, and ends when it is given up", () =>
    Effect.gen(function*() {
      const { id, process, rows, vendor } = yield* ended
      vendor.fault = ({ url }) =>
        url.includes("batch_1")
          ? { status: 404, body: { error: { message: "No batch found", type: "invalid_request_error" } } }
          : undefined
      for (const step of [BatchRun.advance(id), BatchRun.cancel(id)]) {
        const { batch, problems } = yield* process(step)
        assert.strictEqual(batch.status, "running")
        assert.include(problems[0]?.error.message, "No batch found")
      }
      const { batch, jobs, problems } = yield* process(BatchRun.cancel(id, { giveUp: true }))
      assert.deepStrictEqual([batch.status, jobs[0]?.state, problems], ["failed", "cancelled", []])
      const [row] = yield* process(rows(id))
      assert.include(row?.error, "given up")
      assert.include(row?.error, "No batch found")
    }))

  it.scopedLive("whose results are refused, not gone, keeps them to be fetched, and ends when it is given up", () =>
    Effect.gen(function*() {
      const { id, process, rows, submit, vendor } = yield* ended
      const refuse = (asked: Asked) =>
        downloads(asked) ? { status: 400, body: { error: { message: "not through this proxy" } } } : undefined
      vendor.fault = refuse
      const { batch, problems } = yield* process(BatchRun.advance(id))
      assert.strictEqual(batch.status, "running")
      assert.include(problems[0]?.error.message, "not through this proxy")
      vendor.fault = undefined
      assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
      const other = yield* process(submit)
      yield* process(BatchRun.advance(other.id))
      finish(vendor, "completed")
      vendor.fault = refuse
      assert.strictEqual((yield* process(BatchRun.cancel(other.id, { giveUp: true }))).batch.status, "failed")
      assert.include((yield* process(rows(other.id)))[0]?.error, "not through this proxy")
    }))

  it.scopedLive("that its vendor knows is not given up for a moment's failure, nor for a key that is refused", () =>
    Effect.gen(function*() {
      const { id, process, vendor } = yield* ended
      for (const status of [503, 401, 403]) {
        vendor.fault = () => ({ status, body: { error: { message: "not now" } } })
        const { batch, problems } = yield* process(BatchRun.cancel(id, { giveUp: true }))
        assert.strictEqual(batch.status, "running")
        assert.include(problems[0]?.error.message, "not now")
      }
      vendor.fault = undefined
      assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
    }))
})

const path = (home: string) => Path.join(home, ".workflows")

/** The results as the vendor has them. */
const results = (vendor: Vendors.Vendor) =>
  Effect.promise(async () => {
    const headers = { authorization: "Bearer x" }
    const answer = await fetch(`${vendor.url}/v1/files/batch_1-output/content`, { headers })
    return Buffer.from(await answer.arrayBuffer())
  })
