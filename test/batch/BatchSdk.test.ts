import Anthropic from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { GoogleGenAI } from "@google/genai"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import OpenAi from "openai"
import { toFile } from "openai/uploads"
import { temporary } from "../lib/store.ts"
import { anthropic } from "./anthropicVendor.ts"
import { gemini } from "./geminiVendor.ts"
import { openAi } from "./openAiVendor.ts"
import type { Vendor } from "./vendor.ts"
import * as Vendors from "./vendor.ts"

const first = (vendor: Vendor) => {
  const [job] = vendor.jobs
  assert(job !== undefined)
  return job
}

describe("The servers that stand for the vendors are understood by their own clients", () => {
  it.scopedLive("OpenAI's", () =>
    Effect.gen(function*() {
      const vendor = yield* Vendors.serve(openAi())
      const client = new OpenAi({ apiKey: Vendors.key, baseURL: `${vendor.url}/v1`, maxRetries: 0 })
      const line = { custom_id: "k1", body: { messages: [{ role: "user", content: "one" }] } }
      const job = yield* Effect.promise(async () => {
        const file = await toFile(Buffer.from(`${JSON.stringify(line)}\n`), "batch.jsonl")
        const { id } = await client.files.create({ purpose: "batch", file })
        return client.batches.create({
          input_file_id: id,
          endpoint: "/v1/chat/completions",
          completion_window: "24h",
          metadata: { owf_job: "j" }
        })
      })
      assert.deepStrictEqual([job.status, job.metadata?.["owf_job"]], ["in_progress", "j"])
      vendor.end(first(vendor), "completed")
      const { data } = yield* Effect.promise(() => client.batches.list())
      assert.deepStrictEqual(data.map(({ id, status }) => [id, status]), [[job.id, "completed"]])
      const content = yield* Effect.promise(async () =>
        (await client.files.content(data[0]?.output_file_id ?? "")).text()
      )
      assert.include(content, "answer of one")
    }))

  it.scopedLive("Anthropic's", () =>
    Effect.gen(function*() {
      const vendor = yield* Vendors.serve(anthropic())
      const { batches } = new Anthropic({ apiKey: Vendors.key, baseURL: vendor.url, maxRetries: 0 }).messages
      const request = (custom_id: string, content: string) => ({
        custom_id,
        params: { model: "m", max_tokens: 9, messages: [{ role: "user" as const, content }] }
      })
      const made = yield* Effect.promise(() =>
        batches.create({ requests: [request("k1", "one"), request("k2", "two"), request("k3", "three")] })
      )
      assert.deepStrictEqual([made.processing_status, made.request_counts.processing], ["in_progress", 3])
      vendor.end(first(vendor), "expired", (index) => (["answer", "error", "none"] as const)[index] ?? "none")
      const { data } = yield* Effect.promise(() => batches.list())
      assert.deepStrictEqual(data.map(({ id, processing_status }) => [id, processing_status]), [[made.id, "ended"]])
      const rows = yield* Effect.promise(async () => {
        const found = []
        for await (const row of await batches.results(made.id)) found.push([row.custom_id, row.result.type])
        return found
      })
      assert.deepStrictEqual(rows, [["k3", "expired"], ["k2", "errored"], ["k1", "succeeded"]])
    }))

  it.scopedLive("Gemini's", () =>
    Effect.gen(function*() {
      const vendor = yield* Vendors.serve(gemini())
      const path = Path.join(yield* temporary, "results.jsonl")
      const client = new GoogleGenAI({
        apiKey: Vendors.key,
        apiVersion: "v1beta",
        httpOptions: { baseUrl: vendor.url }
      })
      const line = { key: "k1", request: { contents: [{ parts: [{ text: "one" }] }] } }
      const made = yield* Effect.promise(async () => {
        const file = new Blob([`${JSON.stringify(line)}\n`], { type: "application/jsonl" })
        const { name } = await client.files.upload({ file, config: { mimeType: "application/jsonl" } })
        return client.batches.create({ model: "m", src: { fileName: name ?? "" }, config: { displayName: "j" } })
      })
      assert.deepStrictEqual([made.state, made.displayName], ["JOB_STATE_RUNNING", "j"])
      vendor.end(first(vendor), "completed")
      const found = yield* Effect.promise(async () => {
        const found = []
        for await (const job of await client.batches.list()) found.push(job)
        return found
      })
      assert.deepStrictEqual(found.map(({ name, state }) => [name, state]), [[made.name, "JOB_STATE_SUCCEEDED"]])
      yield* Effect.promise(() => client.files.download({ file: found[0]?.dest?.fileName ?? "", downloadPath: path }))
      assert.include(Fs.readFileSync(path, "utf8"), "answer of one")
      const other = yield* Vendors.serve(gemini({ isInline: true }))
      const inline = new GoogleGenAI({ apiKey: Vendors.key, apiVersion: "v1beta", httpOptions: { baseUrl: other.url } })
      const inlined = yield* Effect.promise(async () => {
        const { name = "" } = await inline.files.upload({
          file: new Blob([`${JSON.stringify(line)}\n`]),
          config: { mimeType: "application/jsonl" }
        })
        const { name: job = "" } = await inline.batches.create({ model: "m", src: name, config: { displayName: "j" } })
        other.end(first(other), "completed")
        return inline.batches.get({ name: job })
      })
      assert.deepStrictEqual(
        inlined.dest?.inlinedResponses?.map((
          { metadata, response }
        ) => [metadata, response?.candidates?.[0]?.content?.parts?.[0]?.text]),
        [
          [{ key: "k1" }, "answer of one"]
        ]
      )
    }))
})
