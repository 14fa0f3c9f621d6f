import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Readline from "node:readline"
import { Readable } from "node:stream"
import { openAi } from "../batch/openAiVendor.ts"
import * as Vendors from "../batch/vendor.ts"
import { start } from "../cli/owf.ts"
import { temporary } from "../lib/store.ts"

const rows = 2_000
const text = "An answer that goes on. ".repeat(4_370)

/** A result file of more than 200 MB, a line at a time, the last request first. */
function* results(job: Vendors.VendorJob) {
  for (const { key } of job.requests.toReversed()) {
    const body = {
      model: "m",
      choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
      usage: { prompt_tokens: 20, completion_tokens: 5 }
    }
    yield Buffer.from(`${JSON.stringify({ custom_id: key, response: { status_code: 200, body }, error: null })}\n`)
  }
}

/**
 * Has a process write down the most memory it had, in KiB. What it does not use any more it gives back at once and not
 * when Node thinks that it is time, so that this is what it needs; more live data than the bounds would end it.
 */
const measured = (file: string) => {
  const script = `import{writeFileSync}from"node:fs";process.on("exit",()=>writeFileSync(${
    JSON.stringify(file)
  },String(process.resourceUsage().maxRSS)))`
  return `--max-old-space-size=64 --max-semi-space-size=1 --import data:text/javascript,${encodeURIComponent(script)}`
}

/** How many rows a file has, the first and the last of which are looked at. */
const checked = async (file: string): Promise<number> => {
  let count = 0
  for await (const line of Readline.createInterface(Fs.createReadStream(file))) {
    count++
    if (count !== 1 && count !== rows) continue
    const row = JSON.parse(line) as Record<string, unknown>
    assert.deepStrictEqual([row["custom_id"], row["prompt"]], [`req-${count}`, `prompt ${count - 1}`])
    assert.strictEqual((row["text"] as string).length, text.trim().length)
  }
  return count
}

describe("owf batch", () => {
  it.scopedLive(
    "takes in and writes out 200 MB of results in less than 150 MB of memory",
    () =>
      Effect.gen(function*() {
        const vendor = yield* Vendors.serve(openAi())
        const directory = yield* temporary
        const memory = Path.join(directory, "memory")
        const owf = (...words: ReadonlyArray<string>) =>
          Effect.promise(() =>
            start(directory, words, {
              OWF_PROVIDER_HOUSE_BASE_URL: `${vendor.url}/v1`,
              OWF_PROVIDER_HOUSE_MODEL: "m",
              OWF_PROVIDER_HOUSE_API_KEY_ENV: "HOUSE_KEY",
              HOUSE_KEY: Vendors.key,
              // free pages of every thread are no memory that is needed either
              MALLOC_ARENA_MAX: "1",
              NODE_OPTIONS: measured(memory)
            }).ran
          )
        const prompts = Array.from({ length: rows }, (_, index) => `${JSON.stringify(`prompt ${index}`)}\n`)
        Fs.writeFileSync(Path.join(directory, "prompts.jsonl"), prompts.join(""))
        assert.strictEqual((yield* owf("batch", "submit", "prompts.jsonl", "--provider", "house")).code, 0)
        const [job] = vendor.jobs
        assert(job !== undefined)
        vendor.end(job, "completed")
        let sent = 0
        vendor.fault = ({ url }) =>
          url.endsWith("/content")
            ? {
              status: 200,
              body: Readable.from(results(job)).on("data", (bytes: Buffer) => void (sent += bytes.length))
            }
            : undefined

        const fetched = yield* owf("batch", "fetch", "latest", "--out", "answers.jsonl")
        assert.strictEqual(fetched.code, 0, fetched.stderr)
        assert.isAtLeast(sent, 200_000_000)
        const most = Number(Fs.readFileSync(memory, "utf8")) / 1024
        assert.isBelow(most, 150, "MiB")

        const count = yield* Effect.promise(() => checked(Path.join(directory, "answers.jsonl")))
        assert.strictEqual(count, rows)
      }),
    300_000
  )
})
