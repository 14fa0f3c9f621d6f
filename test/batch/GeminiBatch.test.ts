import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Batch from "open-agent-workflows/batch/Batch"
import type { Outcome } from "open-agent-workflows/batch/Batch"
import * as BatchContract from "../contract/BatchContract.ts"
import { geminiLab } from "./batchLab.ts"
import { drain } from "./bulk.ts"
import { answerOf, refused } from "./geminiVendor.ts"

const options = { isFoundWhileRunning: true, failsWhole: true, namesAddresses: true }

BatchContract.suite("Gemini", { ...options, lab: geminiLab() })
BatchContract.suite("Gemini with its results inside of the operation", {
  ...options,
  lab: geminiLab({ isInline: true })
})

describe("A batch of Gemini's", () => {
  it.scopedLive("is of one model, which may be named with its collection", () =>
    Effect.gen(function*() {
      const { api, vendor } = yield* geminiLab()
      assert.isTrue(api.limits.isOneModel)
      const { job } = BatchContract.jobOf(api, "owf-job-1", ["a"])
      for (const model of ["m", "models/m"]) yield* BatchContract.submit(api, { ...job, model })
      assert.strictEqual(vendor.jobs.length, 2)
      yield* Effect.flip(BatchContract.submit(api, { ...job, model: "tunedModels/t" }))
      assert.strictEqual(vendor.asked.at(-1)?.url, "/v1beta/tunedModels/t:batchGenerateContent")
    }))

  it.scopedLive("is sent without the model in its lines, and with its bounds", () =>
    Effect.gen(function*() {
      const { api } = yield* geminiLab()
      const request = Batch.request({ callId: "c", prompt: "p", model: "m", maxOutputTokens: 7, temperature: 0.5 })
      assert.deepStrictEqual(JSON.parse(api.encode("k", request).line), {
        key: "k",
        request: {
          contents: [{ role: "user", parts: [{ text: "p" }] }],
          generationConfig: { temperature: 0.5, maxOutputTokens: 7 }
        }
      })
    }))

  it.scopedLive("is made of its file as long as that is kept, and of a new one after that", () =>
    Effect.gen(function*() {
      const kept = yield* geminiLab()
      const { job } = BatchContract.jobOf(kept.api, "owf-job-1", ["a", "b"])
      const uploads = ({ vendor }: typeof kept) =>
        vendor.asked.filter(({ url }) => /^\/upload\/.*upload_id/.test(url)).length
      yield* kept.api.create(job, yield* kept.api.upload(job))
      assert.strictEqual(uploads(kept), 1)
      const gone = yield* geminiLab({ keptMillis: 1 })
      const input = yield* gone.api.upload(job)
      // the server forgets the second one at once too, and is asked once all the same
      const error = yield* Effect.flip(gone.api.create(job, input))
      assert.deepStrictEqual([error.reason, error.mayBeBilled], ["Permission", false])
      assert.strictEqual(uploads(gone), 2)
      const stale = `files/gone ${new Date(Date.now() - 1_000).toISOString()}`
      yield* kept.api.create(job, stale)
      assert.strictEqual(uploads(kept), 2)
      assert.strictEqual(kept.vendor.jobs.length, 2)
      assert.strictEqual((yield* Effect.flip(kept.api.create(job, "files/gone"))).reason, "Permission")
    }))

  it.scopedLive("is refused for what its server says is in the way, and is made once that is not any more", () =>
    Effect.gen(function*() {
      const { api, vendor } = yield* geminiLab()
      const { job } = BatchContract.jobOf(api, "owf-job-1", ["a"])
      const input = yield* api.upload(job)
      const cases = [
        ["The File f1 is not in an ACTIVE state and usage is not allowed.", "Unavailable", true],
        ["Please enable billing on your project in Google AI Studio.", "Billing", false],
        ["Precondition check failed.", "InvalidRequest", false]
      ] as const
      for (const [message, reason, isTransient] of cases) {
        vendor.fault = () => refused(400, "FAILED_PRECONDITION", message)
        const error = yield* Effect.flip(api.create(job, input))
        assert.deepStrictEqual([error.reason, error.isTransient, error.mayBeBilled], [reason, isTransient, false])
      }
      vendor.fault = undefined
      assert.strictEqual((yield* api.create(job, input)).state, "running")
    }))

  it.scopedLive("is not uploaded where the server does not say to where", () =>
    Effect.gen(function*() {
      const { api, vendor } = yield* geminiLab()
      const { job } = BatchContract.jobOf(api, "owf-job-1", ["a"])
      vendor.fault = () => ({ status: 200, body: "" })
      assert.strictEqual((yield* Effect.flip(api.upload(job))).reason, "Malformed")
      assert.strictEqual(vendor.asked.length, 1)
    }))

  it.scopedLive("says where it is in either of its vendor's words", () =>
    Effect.gen(function*() {
      const { api, vendor } = yield* geminiLab()
      const stateOf = (state: string | undefined, more = {}) => {
        vendor.fault = () => ({ status: 200, body: { name: "batches/b", metadata: { state }, ...more } })
        return Effect.map(api.status("batches/b"), ({ state }) => state)
      }
      const states = [
        ["BATCH_STATE_PENDING", "running"],
        ["JOB_STATE_QUEUED", "running"],
        ["JOB_STATE_PAUSED", "running"],
        ["BATCH_STATE_SUCCEEDED", "completed"],
        ["JOB_STATE_SUCCEEDED", "completed"],
        ["JOB_STATE_PARTIALLY_SUCCEEDED", "completed"],
        ["JOB_STATE_CANCELLING", "cancelling"],
        ["JOB_STATE_CANCELLED", "cancelled"],
        ["BATCH_STATE_EXPIRED", "expired"],
        ["BATCH_STATE_FAILED", "failed"],
        ["something new", "running"],
        [undefined, "running"]
      ] as const
      for (const [said, meant] of states) assert.strictEqual(yield* stateOf(said), meant)
      assert.strictEqual(yield* stateOf(undefined, { error: { code: 13 } }), "failed")
    }))

  it.scopedLive("has rows with answers and with errors by their codes", () =>
    Effect.gen(function*() {
      const { api } = yield* geminiLab()
      const read = (row: object): Outcome =>
        Option.getOrThrow(api.decode(JSON.stringify({ key: "k", ...row }))).outcome("none")
      const reason = (row: object) => {
        const outcome = read(row)
        return outcome._tag === "Failed" ? outcome.reason : outcome._tag
      }
      const error = (code: number | string | undefined) => ({ error: { code, message: "no" } })
      assert.strictEqual(reason(error(3)), "InvalidRequest")
      assert.strictEqual(reason(error(8)), "RateLimited")
      assert.strictEqual(reason(error(13)), "Unavailable")
      assert.strictEqual(reason(error(16)), "Authentication")
      assert.strictEqual(reason(error(404)), "UnknownModel")
      assert.strictEqual(reason(error(undefined)), "Unavailable")
      assert.deepStrictEqual(read(error(1)), { _tag: "NotRun", ending: "cancelled" })
      assert.isTrue(Option.isNone(api.decode(JSON.stringify({ key: "k", ...error("text") }))))
      assert.strictEqual(reason({}), "Malformed")
      assert.strictEqual(reason({ response: {} }), "Malformed")
      const blocked = read({ response: { promptFeedback: { blockReason: "SAFETY" } } })
      assert.strictEqual(blocked._tag === "Answered" && blocked.completion.problem?.reason, "Refused")
    }))

  it.scopedLive("has results of any size, of which memory holds a piece", () =>
    Effect.gen(function*() {
      const { api, vendor } = yield* geminiLab()
      const { id } = yield* BatchContract.submit(api, BatchContract.jobOf(api, "owf-job-1", ["a"]).job)
      for (const job of vendor.jobs) vendor.end(job, "completed")
      const [file] = (yield* api.status(id)).files
      assert(file !== undefined)
      const line = JSON.stringify({ key: "k", response: answerOf("x".repeat(900)) })
      yield* drain({ api, vendor, file, line, isDownload: ({ url }) => url.includes(":download") })
    }))
})
