import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { openAi } from "../batch/openAiVendor.ts"
import * as Vendors from "../batch/vendor.ts"
import { temporary } from "../lib/store.ts"
import type { Ran } from "./owf.ts"
import { inProcessWith, start } from "./owf.ts"

/** A directory with a file of prompts, in front of a vendor. */
const world = Effect.gen(function*() {
  const vendor = yield* Vendors.serve(openAi())
  const directory = yield* temporary
  const variables = {
    OWF_PROVIDER_HOUSE_BASE_URL: `${vendor.url}/v1`,
    OWF_PROVIDER_HOUSE_MODEL: "m",
    OWF_PROVIDER_HOUSE_API_KEY_ENV: "HOUSE_KEY",
    HOUSE_KEY: Vendors.key,
    OWF_PRICES_FILE: Path.join(directory, "prices.json")
  }
  Fs.writeFileSync(variables.OWF_PRICES_FILE, "{\"m\": [1, 10]}")
  const file = (name: string, ...lines: ReadonlyArray<unknown>) =>
    Fs.writeFileSync(Path.join(directory, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  const owf = (...words: ReadonlyArray<string>): Effect.Effect<Ran> =>
    Effect.promise(() =>
      inProcessWith(variables, directory, ...words.map((word) => word.replace(/^@/, `${directory}/`)))
    )
  const json = (...words: ReadonlyArray<string>) =>
    Effect.map(owf(...words, "--json"), ({ stdout }) => JSON.parse(stdout) as Record<string, unknown>)
  return { vendor, directory, variables, file, owf, json }
})

const finish = (vendor: Vendors.Vendor, ending: Vendors.Ending, row?: (index: number) => Vendors.RowKind) => {
  for (const job of vendor.jobs) if (job.state === "running") vendor.end(job, ending, row)
}

const submit = ["batch", "submit", "@prompts.jsonl", "--provider", "house"]

describe("owf batch", () => {
  it.scopedLive("submits, tells how far it is, and fetches what came", () =>
    Effect.gen(function*() {
      const { directory, file, json, owf, vendor } = yield* world
      file("prompts.jsonl", "one", { prompt: "two", custom_id: "b", note: "x" })
      const submitted = yield* owf(...submit)
      assert.strictEqual(submitted.code, 0, submitted.stderr)
      const id = /^batch_id: (batch-\S+)$/m.exec(submitted.stdout)?.[1] ?? ""
      assert.include(submitted.stdout, "provider: house  model: m  requests: 2  jobs: 1")
      assert.include(submitted.stderr, `wait with: owf batch wait ${id}\n`)
      assert.include(submitted.stderr, "keys that mean nothing here: note")

      const status = yield* owf("batch", "status", id)
      assert.strictEqual(status.stderr, `wait with: owf batch wait ${id}\n`)
      assert.strictEqual(status.stdout, `${id}: in_progress (done=false), 0 of 2 answered\n`)
      const pending = yield* owf("batch", "fetch", id)
      assert.deepStrictEqual([pending.code, pending.stdout], [0, `${id}: not ready (in_progress)\n`])
      const none = yield* json("batch", "fetch", id)
      assert.deepStrictEqual([none["done"], none["results"], none["raw_status"]], [false, [], "in_progress"])

      finish(vendor, "completed")
      const fetched = yield* json("batch", "fetch", "latest")
      assert.deepStrictEqual(fetched, {
        batch_id: id,
        done: true,
        status: "done",
        raw_status: "completed",
        provider: "house",
        counts: { total: 2, succeeded: 2, failed: 0 },
        total_cost_usd: 0.00007,
        results: [["req-1", "one"], ["b", "two"]].map(([custom_id, prompt]) => ({
          custom_id,
          ok: true,
          text: `answer of ${prompt}`,
          value: null,
          input_tokens: 20,
          output_tokens: 5,
          cost_usd: 0.000035,
          error: null,
          prompt
        }))
      })
      const out = yield* owf("batch", "fetch", id, "--out", "@answers.jsonl")
      assert.include(out.stdout, "wrote 2 results to answers.jsonl (est. batch cost $0.000070)")
      const rows = Fs.readFileSync(Path.join(directory, "answers.jsonl"), "utf8").trimEnd().split("\n")
      assert.deepStrictEqual(
        rows.map((row) => JSON.parse(row) as unknown),
        fetched["results"] as ReadonlyArray<unknown>
      )
      const again = yield* owf("batch", "fetch", id, "--out", "@answers.jsonl")
      assert.deepStrictEqual([again.code, again.stderr.includes("already exists")], [2, true])
      assert.strictEqual((yield* owf("batch", "fetch", id, "--out", "@answers.jsonl", "--force")).code, 0)
      const below = yield* owf("batch", "fetch", id, "--out", "@new/folder/answers.jsonl", "--json")
      assert.deepStrictEqual([below.code, below.stderr], [0, ""])
      assert.deepStrictEqual(JSON.parse(below.stdout), {
        batch_id: id,
        done: true,
        status: "done",
        raw_status: "completed",
        provider: "house",
        counts: { total: 2, succeeded: 2, failed: 0 },
        total_cost_usd: 0.00007,
        path: Path.join(directory, "new/folder/answers.jsonl")
      })
      assert.lengthOf(
        Fs.readFileSync(Path.join(directory, "new/folder/answers.jsonl"), "utf8").trimEnd().split("\n"),
        2
      )
      const inFile = yield* owf("batch", "fetch", id, "--out", "@answers.jsonl/below.jsonl")
      assert.deepStrictEqual([inFile.code, inFile.stderr.includes("below.jsonl cannot be written")], [2, true])
      assert.deepStrictEqual(Fs.readdirSync(directory).filter((name) => name.endsWith(".part")), [])
    }))

  it.scopedLive("means the same by --home, --json and --debug in every position", () =>
    Effect.gen(function*() {
      const { directory, file, owf } = yield* world
      file("prompts.jsonl", "one")
      const words = ["--home", "@elsewhere"]
      const submitted = yield* owf(...words, ...submit)
      assert.deepStrictEqual([submitted.code, submitted.stderr.endsWith(" --home elsewhere\n")], [0, true])
      assert.isTrue(Fs.existsSync(Path.join(directory, "elsewhere", "workflow.sqlite")))
      const listings = [
        [...words, "batch", "list", "--json"],
        ["batch", ...words, "--json", "list"],
        ["batch", "list", ...words, "--json"],
        ["--json", "batch", "--home=@elsewhere".replace("@", `${directory}/`), "list"]
      ]
      for (const listing of listings) {
        const { code, stdout } = yield* owf(...listing)
        assert.strictEqual(code, 0, listing.join(" "))
        const [view] = JSON.parse(stdout) as ReadonlyArray<Record<string, unknown>>
        assert.deepStrictEqual([view?.["count"], view?.["provider"]], [1, "house"])
      }
      const empty = yield* owf("batch", "list")
      assert.strictEqual(empty.code, 2)
    }))

  it.scopedLive("explains itself, and says what it does not know", () =>
    Effect.gen(function*() {
      const { file, owf } = yield* world
      for (const words of [["batch", "--help"], ["help", "batch"], ["--help", "batch"]]) {
        const { code, stdout } = yield* owf(...words)
        assert.strictEqual(code, 0)
        for (const verb of ["submit", "status", "wait", "fetch", "list", "cancel"]) {
          assert.include(stdout, `batch ${verb}`)
        }
      }
      assert.strictEqual((yield* owf("batch")).code, 2)
      assert.include((yield* owf("help", "batch", "fetch")).stdout, "--out FILE")
      assert.include((yield* owf("batch", "fetch", "--help")).stdout, "--out FILE")
      const mistyped = yield* owf("batch", "fetsh", "latest")
      assert.deepStrictEqual([mistyped.code, mistyped.stderr.includes("Did you mean fetch?")], [2, true])
      file("prompts.jsonl", "one")
      const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, code: number, says: string]> = [
        [["batch", "submit", "@prompts.jsonl"], 2, "needs --provider"],
        [["batch", "submit", "@nothing.jsonl", "--provider", "house"], 2, "does not exist"],
        [
          ["batch", "submit", "@prompts.jsonl", "--provider", "claude"],
          5,
          "batch is not supported for provider 'claude'"
        ],
        [["batch", "submit", "@prompts.jsonl", "--provider", "openai"], 5, "needs an API key in $OPENAI_API_KEY"],
        [["batch", "status", "batch-x"], 2, "There is no home at"]
      ]
      for (const [words, code, says] of cases) {
        const ran = yield* owf(...words)
        assert.deepStrictEqual([ran.code, ran.stderr.includes(says)], [code, true], ran.stderr)
      }
      yield* owf(...submit)
      const unknown = yield* owf("batch", "status", "batch-x")
      assert.deepStrictEqual([unknown.code, unknown.stderr.includes("There is no batch batch-x")], [2, true])
    }))

  it.scopedLive("names every line of the file that is wrong", () =>
    Effect.gen(function*() {
      const { directory, owf, vendor } = yield* world
      Fs.writeFileSync(
        Path.join(directory, "prompts.jsonl"),
        `\uFEFF{"prompt":"a","custom_id":"${"x".repeat(70)}"}\r\n\r\n{"custom_id":"b"}\r\n{"prompt":"c"\r\n`
      )
      const { code, stderr } = yield* owf(...submit)
      assert.strictEqual(code, 2)
      assert.include(stderr, "prompts.jsonl:3: each line needs a 'prompt' field")
      assert.match(stderr, /prompts\.jsonl:4: invalid JSON: /)
      assert.strictEqual(vendor.asked.length, 0)
      assert.isFalse(Fs.existsSync(Path.join(directory, ".workflows")))
    }))

  it.scopedLive("waits, says that not everything was answered, and cancels", () =>
    Effect.gen(function*() {
      const { file, json, owf, vendor } = yield* world
      file("prompts.jsonl", "one", "two")
      yield* owf(...submit)
      const late = yield* owf("batch", "wait", "latest", "--every", "0.01", "--timeout", "0.2")
      assert.deepStrictEqual([late.code, late.stderr.includes("was not done after 0.2 s")], [9, true])
      finish(vendor, "completed", (index) => index === 0 ? "answer" : "error")
      const waited = yield* owf("batch", "wait", "latest", "--every", "0.01")
      assert.strictEqual(waited.code, 1)
      assert.match(waited.stdout, /^batch-\S+: partial \(done=true\), 1 of 2 answered, 1 failed, \$/)
      const fetched = yield* owf("batch", "fetch", "latest", "--json")
      assert.strictEqual(fetched.code, 1)
      assert.include(fetched.stdout, "\"error\":\"ContextOverflow: HTTP 400: The prompt is too long.\"")

      yield* owf(...submit)
      const cancelled = yield* json("batch", "cancel", "latest")
      assert.strictEqual(cancelled["raw_status"], "cancelling")
      for (const job of vendor.jobs) if (job.state === "cancelling") vendor.end(job, "cancelled", () => "none")
      assert.strictEqual((yield* owf("batch", "wait", "latest")).code, 1)
      const rows = (yield* json("batch", "fetch", "latest"))["results"] as ReadonlyArray<{ readonly error: string }>
      assert.deepStrictEqual(rows.map(({ error }) => error), [
        "the job was cancelled before this request was carried out",
        "the job was cancelled before this request was carried out"
      ])
      const listed = yield* owf("batch", "list")
      assert.lengthOf(listed.stdout.trimEnd().split("\n"), 3)
      assert.match(listed.stdout, /^batch +status +provider +model +requests +answered +cost +at the vendor\n/)
    }))

  it.scopedLive("keeps what it could not send, and never shows the key", () =>
    Effect.gen(function*() {
      const { directory, file, owf, vendor } = yield* world
      file("prompts.jsonl", "one")
      vendor.fault = () => ({ status: 401, body: { error: { message: `wrong key ${Vendors.key}` } } })
      const refused = yield* owf(...submit)
      assert.strictEqual(refused.code, 5)
      assert.include(refused.stderr, "job 1: house: HTTP 401: wrong key [masked]")
      for (const verb of ["wait", "fetch"]) assert.strictEqual((yield* owf("batch", verb, "latest")).code, 5, verb)
      vendor.fault = undefined
      const status = yield* owf("batch", "status", "latest")
      assert.include(status.stdout, ": pending (done=false)")
      assert.strictEqual((yield* owf("batch", "wait", "latest", "--timeout", "0.3", "--every", "0.05")).code, 9)
      assert.strictEqual(vendor.jobs.length, 1)
      vendor.fault = () => ({ status: 403, body: { error: { message: "not you" } } })
      for (const verb of ["status", "cancel"]) {
        const { code, stdout } = yield* owf("batch", verb, "latest")
        assert.deepStrictEqual([code, stdout.includes("HTTP 403: not you")], [5, true], verb)
      }
      const files = Fs.readdirSync(Path.join(directory, ".workflows"), { recursive: true, withFileTypes: true })
      for (const found of files.filter((found) => found.isFile())) {
        const content = Fs.readFileSync(Path.join(found.parentPath, found.name), "latin1")
        assert.isFalse(content.includes(Vendors.key), found.name)
      }
    }))
})

describe("owf batch, as processes", () => {
  it.scopedLive("brings home a thousand answers although it was killed while it waited", () =>
    Effect.gen(function*() {
      const { directory, file, variables, vendor } = yield* world
      const prompts = Array.from(
        { length: 1_000 },
        (_, index) => ({ custom_id: `row-${index}`, prompt: `prompt ${index}` })
      )
      file("prompts.jsonl", ...prompts)
      const owf = (...words: ReadonlyArray<string>) => Effect.promise(() => start(directory, words, variables).ran)
      const submitted = yield* owf("batch", "submit", "prompts.jsonl", "--provider", "house")
      assert.strictEqual(submitted.code, 0, submitted.stderr)
      assert.strictEqual(vendor.jobs[0]?.requests.length, 1_000)

      const waiting = start(directory, ["batch", "wait", "latest", "--every", "0.05"], variables)
      const before = vendor.asked.length
      while (vendor.asked.length < before + 3) yield* Effect.sleep("20 millis")
      waiting.child.kill("SIGKILL")
      assert.strictEqual((yield* Effect.promise(() => waiting.ran)).code, null)

      finish(vendor, "completed")
      const waited = yield* owf("batch", "wait", "latest", "--every", "0.05")
      assert.strictEqual(waited.code, 0, waited.stderr)
      assert.include(waited.stdout, "1000 of 1000 answered")
      const fetched = yield* owf("batch", "fetch", "latest", "--out", "answers.jsonl")
      assert.include(fetched.stdout, "wrote 1000 results to answers.jsonl (est. batch cost $0.0350)")
      const rows = Fs.readFileSync(Path.join(directory, "answers.jsonl"), "utf8").trimEnd().split("\n")
        .map((row) => JSON.parse(row) as Record<string, unknown>)
      assert.deepStrictEqual(
        rows.map(({ custom_id, ok, text }) => [custom_id, ok, text]),
        prompts.map(({ custom_id, prompt }) => [custom_id, true, `answer of ${prompt}`])
      )
      assert.strictEqual(vendor.jobs.length, 1)
    }))
})
