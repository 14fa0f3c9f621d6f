import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Batch from "open-agent-workflows/batch/Batch"
import type { Outcome } from "open-agent-workflows/batch/Batch"
import type { Lab } from "../contract/BatchContract.ts"
import * as BatchContract from "../contract/BatchContract.ts"
import { message } from "./anthropicVendor.ts"
import { anthropicLab } from "./batchLab.ts"
import { drain, endless } from "./bulk.ts"
import type { VendorJob } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

BatchContract.suite("Anthropic", {
  lab: anthropicLab,
  isFoundWhileRunning: false,
  failsWhole: false,
  namesAddresses: true
})

const hour = 3_600_000
const none: ReadonlySet<string> = new Set()

/** Jobs at the vendor, and what is looked for: one of two requests. */
const lost = (lab: Lab, ...ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    for (const id of ids) {
      yield* BatchContract.submit(lab.api, BatchContract.jobOf(lab.api, id, ["a", "b"]).job)
    }
    return { ...lab, ...BatchContract.jobOf(lab.api, "owf-ours-1", ["a", "b"]), jobs: lab.vendor.jobs }
  })

const at = (jobs: ReadonlyArray<VendorJob>, index: number): VendorJob => {
  const job = jobs[index]
  assert(job !== undefined)
  return job
}

describe("A message batch whose creation was not answered", () => {
  it.scopedLive("may be any of its size, until each of them has ended or ours is seen", () =>
    Effect.gen(function*() {
      const { api, job, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-theirs-1", "owf-ours-1", "owf-theirs-2")
      const find = api.find(job, none)
      assert.deepStrictEqual(yield* find, { _tag: "Unsure", candidates: ["msgbatch_3", "msgbatch_2", "msgbatch_1"] })
      vendor.end(at(jobs, 2), "completed")
      assert.deepStrictEqual(yield* find, { _tag: "Unsure", candidates: ["msgbatch_2", "msgbatch_1"] })
      vendor.end(at(jobs, 1), "cancelled", () => "none")
      const found = yield* find
      assert(found._tag === "Found")
      assert.deepStrictEqual([found.job.id, found.job.state], ["msgbatch_2", "cancelled"])
    }))

  it.scopedLive("is not there when all others of its size are somebody else's", () =>
    Effect.gen(function*() {
      const { api, job, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-theirs-1", "owf-ours-10")
      for (const other of jobs) vendor.end(other, "completed")
      assert.strictEqual((yield* api.find(job, none))._tag, "Absent")
    }))

  it.scopedLive("is not missed because clocks differ, and not looked for among those of another day", () =>
    Effect.gen(function*() {
      const { api, job, vendor } = yield* lost(yield* anthropicLab, "a", "b", "c", "d", "e")
      const now = Date.now()
      const found = (createdAt: number) => Effect.map(api.find({ ...job, createdAt }, none), ({ _tag }) => _tag)
      assert.strictEqual(yield* found(now + 0.9 * hour), "Unsure")
      assert.strictEqual(yield* found(now - 2.9 * hour), "Unsure")
      assert.strictEqual(yield* found(now - 24 * hour), "Absent")
      const before = vendor.asked.length
      assert.strictEqual(yield* found(now + 24 * hour), "Absent")
      // the first page is older already
      assert.strictEqual(vendor.asked.length, before + 1)
    }))

  it.scopedLive("stays possible when the results that would tell are gone or cannot be read", () =>
    Effect.gen(function*() {
      const { api, job, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-ours-1")
      vendor.end(at(jobs, 0), "completed")
      const unsure = { _tag: "Unsure" as const, candidates: ["msgbatch_1"] }
      for (const reply of [{ status: 410, body: {} }, { status: 404, body: {} }, { status: 200, body: "{broken\n" }]) {
        vendor.fault = ({ url }) => url.endsWith("/results") ? reply : undefined
        assert.deepStrictEqual(yield* api.find(job, none), unsure)
      }
    }))

  it.scopedLive("is told by the beginning of results however long", () =>
    Effect.gen(function*() {
      const { api, job, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-ours-1")
      vendor.end(at(jobs, 0), "completed")
      const line = JSON.stringify({ custom_id: "owf-ours-1-1", result: { type: "succeeded", message: message("x") } })
      vendor.fault = ({ url }) => url.endsWith("/results") ? { status: 200, body: endless(`${line}\n`) } : undefined
      assert.strictEqual((yield* api.find(job, none))._tag, "Found")
    }))

  it.scopedLive("is not looked for at an address of another origin", () =>
    Effect.gen(function*() {
      const { api, job, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-ours-1")
      const thief = yield* Vendors.serve({ route: () => ({ status: 200, body: {} }) })
      vendor.elsewhere = thief.url
      vendor.end(at(jobs, 0), "completed")
      assert.strictEqual((yield* Effect.flip(api.find(job, none))).reason, "Misconfigured")
      assert.strictEqual(thief.asked.length, 0)
    }))
})

describe("A message batch", () => {
  it.scopedLive("may be of several models, each with the most output it gives where nothing else is said", () =>
    Effect.gen(function*() {
      const { api } = yield* anthropicLab
      assert.isFalse(api.limits.isOneModel)
      const bound = (model: string, maxOutputTokens?: number) => {
        const request = Batch.request({ callId: "c", prompt: "p", model, maxOutputTokens })
        const { params } = JSON.parse(api.encode("k", request).line) as {
          params: { model: string; max_tokens: number }
        }
        return [params.model, params.max_tokens]
      }
      assert.deepStrictEqual(bound("claude-sonnet-4-6"), ["claude-sonnet-4-6", 128_000])
      assert.deepStrictEqual(bound("claude-haiku-4-5", 9), ["claude-haiku-4-5", 9])
      assert.deepStrictEqual(bound("somebody-else"), ["somebody-else", 32_000])
    }))

  it.scopedLive("has results of every type, and others are no answers", () =>
    Effect.gen(function*() {
      const { api } = yield* anthropicLab
      const read = (result: unknown): Outcome => {
        const row = Option.getOrThrow(api.decode(JSON.stringify({ custom_id: "k", result })))
        return row.outcome("none")
      }
      const reason = (outcome: Outcome) => outcome._tag === "Failed" ? outcome.reason : outcome._tag
      const error = (type: string) => ({ type: "errored", error: { type: "error", error: { type, message: "no" } } })
      assert.deepStrictEqual(read({ type: "canceled" }), { _tag: "NotRun", ending: "cancelled" })
      assert.deepStrictEqual(read({ type: "expired" }), { _tag: "NotRun", ending: "expired" })
      assert.strictEqual(reason(read(error("overloaded_error"))), "Overloaded")
      assert.strictEqual(reason(read(error("billing_error"))), "Billing")
      assert.strictEqual(reason(read({ type: "errored" })), "Unknown")
      assert.strictEqual(reason(read({ type: "succeeded" })), "Malformed")
      assert.strictEqual(reason(read({ type: "something" })), "Malformed")
      const cut = read({ type: "succeeded", message: { ...message("half"), stop_reason: "max_tokens" } })
      assert(cut._tag === "Answered")
      assert.deepStrictEqual([cut.completion.problem?.reason, cut.completion.usage?.outputTokens], ["Truncated", 5])
    }))

  it.scopedLive("that was archived says so", () =>
    Effect.gen(function*() {
      const { api, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-ours-1")
      vendor.end(at(jobs, 0), "completed")
      const whole = yield* api.status("msgbatch_1")
      assert.strictEqual(whole.files.length, 1)
      vendor.fault = () => ({
        status: 200,
        body: {
          id: "msgbatch_1",
          processing_status: "ended",
          request_counts: { processing: 0, succeeded: 2, errored: 0, canceled: 0, expired: 0 },
          created_at: "2026-01-01T00:00:00Z",
          archived_at: "2026-02-01T00:00:00Z",
          results_url: null
        }
      })
      const { files, problems, state } = yield* api.status("msgbatch_1")
      assert.deepStrictEqual([state, files.length], ["completed", 0])
      assert.deepStrictEqual(problems, ["its results are kept no longer, since 2026-02-01T00:00:00Z"])
    }))

  it.scopedLive("has results of any size, of which memory holds a piece", () =>
    Effect.gen(function*() {
      const { api, jobs, vendor } = yield* lost(yield* anthropicLab, "owf-ours-1")
      vendor.end(at(jobs, 0), "completed")
      const [file] = (yield* api.status("msgbatch_1")).files
      assert(file !== undefined)
      const line = JSON.stringify({ custom_id: "k", result: { type: "succeeded", message: message("x".repeat(900)) } })
      yield* drain({ api, vendor, file, line, isDownload: ({ url }) => url.endsWith("/results") })
    }))
})
