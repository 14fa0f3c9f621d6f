import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Batch from "open-agent-workflows/batch/Batch"
import * as BatchRegistry from "open-agent-workflows/batch/BatchRegistry"
import * as BatchRun from "open-agent-workflows/batch/BatchRun"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as Settings from "open-agent-workflows/settings/Settings"
import type { Step } from "open-agent-workflows/store/FailPoint"
import * as BatchContract from "../contract/BatchContract.ts"
import { anthropic } from "./anthropicVendor.ts"
import { anthropicLab, geminiLab } from "./batchLab.ts"
import { finish, refusesEachOnce, worldOf } from "./batchWorld.ts"
import { gemini } from "./geminiVendor.ts"
import { openAi } from "./openAiVendor.ts"
import type { Asked, Fault, Protocol } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

const creates = ({ method, url }: Asked) => method === "POST" && /\/batches$|:batchGenerateContent$/.test(url)
const downloads = ({ url }: Asked) => /\/results$|:download/.test(url)

const vendors = [
  { name: "Anthropic's", lab: anthropicLab, tellsWhileRunning: false },
  { name: "Gemini's", lab: geminiLab(), tellsWhileRunning: true }
] as const

for (const { lab, name, tellsWhileRunning } of vendors) {
  describe(`A batch of ${name}`, () => {
    const world = worldOf(lab)

    it.scopedLive("is answered row by row for half the price, whatever 429 and 5xx come between", () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"", { prompt: "two", custom_id: "b", system: "Be brief.", max_tokens: 9 }, "\"three\"")
        const { id } = yield* process(submit)
        vendor.fault = refusesEachOnce(429)
        assert.deepStrictEqual((yield* process(BatchRun.advance(id))).jobs.map(({ state }) => state), ["running"])
        vendor.fault = refusesEachOnce(503)
        yield* process(BatchRun.advance(id))
        finish(vendor, "completed")
        vendor.fault = refusesEachOnce(500)
        const { batch } = yield* process(BatchRun.advance(id))
        assert.strictEqual(batch.status, "done")
        // 20 input tokens at $1 and 5 output tokens at $10 a million, three times, at half price
        assert.strictEqual(batch.costUsd, 3 * (20 + 50) / 1e6 / 2)
        assert.strictEqual(vendor.jobs.length, 1)
        assert.deepStrictEqual((yield* process(rows(id))).map(({ customId, text }) => [customId, text]), [
          ["req-1", "answer of one"],
          ["b", "answer of two"],
          ["req-3", "answer of three"]
        ])
      }))

    it.scopedLive("is created once, whatever answer to its creation is lost", () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"", "\"two\"")
        const faults: ReadonlyArray<Fault> = ["lost", "dropped", { status: 500, body: {} }, { status: 429, body: {} }]
        for (const fault of faults) {
          const before = vendor.jobs.length
          const { id } = yield* process(submit)
          let once = true
          vendor.fault = (asked) => {
            if (!creates(asked) || !once) return undefined
            once = false
            return fault
          }
          const told = tellsWhileRunning || fault !== "lost"
          const { jobs } = yield* process(BatchRun.advance(id))
          assert.deepStrictEqual(jobs.map(({ state }) => state), [told ? "running" : "sending"])
          if (!told) assert.include(jobs[0]?.problems[0], vendor.jobs[before]?.id ?? "nothing")
          yield* process(BatchRun.advance(id))
          assert.strictEqual(vendor.jobs.length, before + 1)
          finish(vendor, "completed")
          yield* process(BatchRun.advance(id))
          const { batch } = yield* process(BatchRun.advance(id))
          assert.strictEqual(batch.status, "done")
          assert.strictEqual(vendor.jobs.length, before + 1)
          assert.deepStrictEqual((yield* process(rows(id))).map(({ text }) => text), ["answer of one", "answer of two"])
        }
      }))

    for (const moment of ["before", "after"] as const) {
      it.scopedLive(`is neither lost nor doubled by a process that died ${moment} its creation`, () =>
        Effect.gen(function*() {
          const { process, rows, submit, vendor, write } = yield* world
          write("\"one\"")
          const { id } = yield* process(submit)
          const at = (step: Step, when: "before" | "after") => {
            if (step === "batch.send" && when === moment) throw new Error("died here")
          }
          assert.isTrue(Exit.isFailure(yield* Effect.exit(process(BatchRun.advance(id), { at }))))
          assert.strictEqual(vendor.jobs.length, moment === "before" ? 0 : 1)
          yield* process(BatchRun.advance(id))
          assert.strictEqual(vendor.jobs.length, 1)
          finish(vendor, "completed")
          yield* process(BatchRun.advance(id))
          const { batch } = yield* process(BatchRun.advance(id))
          assert.strictEqual(batch.status, "done")
          assert.strictEqual(vendor.jobs.length, 1)
          assert.deepStrictEqual((yield* process(rows(id))).map(({ text }) => text), ["answer of one"])
        }))
    }

    for (const ending of ["expired", "cancelled"] as const) {
      it.scopedLive(`that is ${ending} keeps the rows it came to`, () =>
        Effect.gen(function*() {
          const { process, rows, submit, vendor, write } = yield* world
          write("\"one\"", "\"two\"", "\"three\"")
          const { id } = yield* process(submit)
          yield* process(BatchRun.advance(id))
          finish(vendor, ending, (index) => (["none", "answer", "error"] as const)[index] ?? "none")
          const { batch } = yield* process(BatchRun.advance(id))
          assert.strictEqual(batch.status, "partial")
          const found = yield* process(rows(id))
          assert.deepStrictEqual(found.map(({ status }) => status), [ending, "ok", "provider_failed"])
          assert.include(found[2]?.error ?? "", "too long")
        }))
    }

    it.scopedLive("is cancelled when it is asked to, and once", () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"")
        const { id } = yield* process(submit)
        yield* process(BatchRun.advance(id))
        assert.deepStrictEqual((yield* process(BatchRun.cancel(id))).jobs.map(({ state }) => state), ["cancelling"])
        const [job] = vendor.jobs
        assert(job !== undefined)
        vendor.end(job, "cancelled", () => "none")
        assert.strictEqual((yield* process(BatchRun.cancel(id))).batch.status, "failed")
        assert.deepStrictEqual((yield* process(rows(id))).map(({ status }) => status), ["cancelled"])
      }))

    it.scopedLive("accounts for rows that are missing, twice there, foreign or unreadable", () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write("\"one\"", "\"two\"")
        const { id } = yield* process(submit)
        yield* process(BatchRun.advance(id))
        const key = vendor.jobs[0]?.requests[0]?.key ?? ""
        const row = (key: string, text: string) =>
          JSON.stringify({
            key,
            custom_id: key,
            response: { candidates: [{ content: { parts: [{ text }] }, finishReason: "STOP" }] },
            result: {
              type: "succeeded",
              message: {
                type: "message",
                model: "m",
                content: [{ type: "text", text }],
                stop_reason: "end_turn",
                usage: { input_tokens: 1, output_tokens: 1 }
              }
            }
          })
        finish(vendor, "completed")
        const lines = [row(key, "first"), row(key, "second"), "{broken", row("somebody", "x"), "[]"]
        vendor.fault = (asked) => downloads(asked) ? { status: 200, body: lines.join("\n") } : undefined
        const { batch, jobs } = yield* process(BatchRun.advance(id))
        assert.strictEqual(batch.status, "partial")
        assert.deepStrictEqual((yield* process(rows(id))).map(({ status, text }) => [status, text]), [
          ["ok", "first"],
          ["missing", null]
        ])
        assert.deepStrictEqual(jobs[0]?.problems, [
          "2 lines of its results cannot be read",
          "1 line of its results is of no request of this job"
        ])
      }))

    it.scopedLive("goes on with a download that broke off", () =>
      Effect.gen(function*() {
        const { process, rows, submit, vendor, write } = yield* world
        write(...Array.from({ length: 20 }, (_, index) => ({ prompt: `p${index}` })))
        const { id } = yield* process(submit)
        yield* process(BatchRun.advance(id))
        finish(vendor, "completed")
        let cuts = 0
        vendor.fault = (asked) => downloads(asked) && cuts++ < 2 ? "cut" : undefined
        assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
        const ranges = vendor.asked.filter(downloads).map(({ headers }) => headers.range)
        assert.match(ranges.at(-1) ?? "", /^bytes=[1-9]\d*-$/)
        assert.strictEqual((yield* process(rows(id))).filter(({ status }) => status === "ok").length, 20)
      }))

    it.scopedLive("whose results are said to be with somebody else stays as it is, and nobody gets the key", () =>
      Effect.gen(function*() {
        const { process, submit, vendor, write } = yield* world
        const thief = yield* Vendors.serve({ route: () => ({ status: 200, body: {} }) })
        write("\"one\"")
        const { id } = yield* process(submit)
        if (tellsWhileRunning) vendor.elsewhere = thief.url
        yield* process(BatchRun.advance(id))
        vendor.elsewhere = thief.url
        finish(vendor, "completed")
        const { batch, problems } = yield* process(BatchRun.advance(id))
        assert.strictEqual(batch.status, "running")
        assert.deepStrictEqual(problems.map(({ error }) => error.reason), ["Misconfigured"])
        assert.strictEqual(thief.asked.length, 0)
        vendor.elsewhere = undefined
        yield* process(BatchRun.advance(id))
        finish(vendor, "completed")
        assert.strictEqual((yield* process(BatchRun.advance(id))).batch.status, "done")
        assert.strictEqual(vendor.jobs.length, 1)
      }))
  })
}

describe("Providers of one's own have the batches of their kind", () => {
  const kinds: ReadonlyArray<readonly [kind: string, protocol: Protocol, path: string]> = [
    ["openai", openAi(), "/v1"],
    ["anthropic", anthropic(), ""],
    ["gemini", gemini(), ""]
  ]
  for (const [kind, protocol, path] of kinds) {
    it.scopedLive(kind, () =>
      Effect.gen(function*() {
        const vendor = yield* Vendors.serve(protocol)
        const settings = Layer.orDie(Settings.layer({
          OWF_PROVIDER_MINE_KIND: kind,
          OWF_PROVIDER_MINE_BASE_URL: `${vendor.url}${path}`,
          OWF_PROVIDER_MINE_API_KEY_ENV: "MINE_KEY",
          OWF_PROVIDER_MINE_MODEL: "m",
          MINE_KEY: Vendors.key
        }))
        const services = Layer.provideMerge(
          BatchRegistry.layer,
          Layer.provideMerge(HttpClientNode.layer, settings)
        )
        const { get, names } = yield* Effect.provide(Batch.Batches, yield* Layer.build(services))
        assert.deepStrictEqual(yield* names, ["anthropic", "gemini", "mine", "openai"])
        const api = yield* get("mine")
        assert.strictEqual(api.kind, kind)
        const { form, job } = BatchContract.jobOf(api, "owf-job-1", ["one"])
        const { id } = yield* BatchContract.submit(api, job)
        finish(vendor, "completed")
        const found = yield* BatchContract.outcomes(api, yield* api.status(id), form)
        assert.strictEqual(found.get("owf-job-1-0")?._tag, "Answered")
      }))
  }
})
