import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { openAi } from "../batch/openAiVendor.ts"
import * as Vendors from "../batch/vendor.ts"
import { start } from "../cli/owf.ts"
import { temporary } from "../lib/store.ts"

describe("a batch whose process is killed", () => {
  for (const path of ["/v1/files", "/v1/batches"]) {
    it.scopedLive(`before the vendor answered POST ${path} is known, found there and never sent twice`, () =>
      Effect.gen(function*() {
        const vendor = yield* Vendors.serve(openAi())
        const directory = yield* temporary
        const variables = {
          OWF_PROVIDER_HOUSE_BASE_URL: `${vendor.url}/v1`,
          OWF_PROVIDER_HOUSE_MODEL: "m",
          OWF_PROVIDER_HOUSE_API_KEY_ENV: "HOUSE_KEY",
          HOUSE_KEY: Vendors.key
        }
        const owf = (...words: ReadonlyArray<string>) => Effect.promise(() => start(directory, words, variables).ran)
        Fs.writeFileSync(Path.join(directory, "prompts.jsonl"), "\"one\"\n\"two\"\n")
        vendor.fault = ({ method, url }) => method === "POST" && url === path ? "held" : undefined
        const submitting = start(directory, ["batch", "submit", "prompts.jsonl", "--provider", "house"], variables)
        while (!vendor.asked.some(({ method, url }) => method === "POST" && url === path)) {
          yield* Effect.sleep("10 millis")
        }
        submitting.child.kill("SIGKILL")
        const { stdout } = yield* Effect.promise(() => submitting.ran)
        const id = /batch-\S+/.exec(stdout)?.[0] ?? ""
        assert.notStrictEqual(id, "", "its id was told before it was sent")
        vendor.fault = undefined

        const listed = yield* owf("batch", "list")
        assert.include(listed.stdout, id)
        assert.include(listed.stdout, path === "/v1/files" ? "pending" : "outcome unknown")
        const looked = yield* owf("batch", "fetch", id)
        assert.deepStrictEqual([looked.code, looked.stdout], [0, `${id}: not ready (in_progress)\n`])
        assert.strictEqual(vendor.jobs.length, 1)

        for (const job of vendor.jobs) vendor.end(job, "completed")
        const waited = yield* owf("batch", "wait", id)
        assert.deepStrictEqual([waited.code, waited.stdout.includes("2 of 2 answered")], [0, true])
        assert.strictEqual(vendor.jobs.length, 1)
      }))
  }
})
