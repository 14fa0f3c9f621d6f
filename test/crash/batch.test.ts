import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { anthropic } from "../batch/anthropicVendor.ts"
import { gemini } from "../batch/geminiVendor.ts"
import { openAi } from "../batch/openAiVendor.ts"
import type { Asked, Protocol } from "../batch/vendor.ts"
import * as Vendors from "../batch/vendor.ts"
import { start } from "../cli/owf.ts"
import { temporary } from "../lib/store.ts"

/** A request whose answer the process does not live to see. */
interface Moment {
  readonly name: string
  readonly is: (asked: Asked) => boolean
  /** Whether the vendor has made a batch by then. */
  readonly makes: boolean
}

const posting = (path: RegExp): Moment["is"] => ({ method, url }) => method === "POST" && path.test(url)

interface Case {
  readonly name: string
  readonly kind: string
  readonly protocol: () => Protocol
  readonly path: string
  readonly moments: ReadonlyArray<Moment>
  /** Whether a batch can be told to be ours before it has ended. */
  readonly isFoundWhileRunning: boolean
  /** What the vendor calls a batch that is under way. */
  readonly running: string
}

const cases: ReadonlyArray<Case> = [
  {
    name: "OpenAI",
    kind: "openai",
    protocol: openAi,
    path: "/v1",
    moments: [
      { name: "the upload", is: posting(/^\/v1\/files$/), makes: false },
      { name: "the creation", is: posting(/^\/v1\/batches$/), makes: true }
    ],
    isFoundWhileRunning: true,
    running: "in_progress"
  },
  {
    name: "Anthropic",
    kind: "anthropic",
    protocol: anthropic,
    path: "",
    moments: [{ name: "the creation", is: posting(/^\/v1\/messages\/batches$/), makes: true }],
    isFoundWhileRunning: false,
    running: "in_progress"
  },
  {
    name: "Gemini",
    kind: "gemini",
    protocol: gemini,
    path: "",
    moments: [
      { name: "the beginning of the upload", is: posting(/^\/upload\/v1beta\/files$/), makes: false },
      { name: "the upload", is: posting(/^\/upload\/v1beta\/files\?upload_id=/), makes: false },
      { name: "the creation", is: posting(/:batchGenerateContent$/), makes: true }
    ],
    isFoundWhileRunning: true,
    running: "BATCH_STATE_RUNNING"
  }
]

/** A batch of two prompts whose process is killed before it has an answer of that kind, and the command afterwards. */
const killed = (one: Case, moment: Moment) =>
  Effect.gen(function*() {
    const vendor = yield* Vendors.serve(one.protocol())
    const directory = yield* temporary
    const variables = {
      OWF_PROVIDER_HOUSE_KIND: one.kind,
      OWF_PROVIDER_HOUSE_BASE_URL: `${vendor.url}${one.path}`,
      OWF_PROVIDER_HOUSE_MODEL: "m",
      OWF_PROVIDER_HOUSE_API_KEY_ENV: "HOUSE_KEY",
      HOUSE_KEY: Vendors.key
    }
    Fs.writeFileSync(Path.join(directory, "prompts.jsonl"), "\"one\"\n\"two\"\n")
    vendor.fault = (asked) => moment.is(asked) ? "held" : undefined
    const submitting = start(directory, ["batch", "submit", "prompts.jsonl", "--provider", "house"], variables)
    while (!vendor.asked.some(moment.is)) yield* Effect.sleep("10 millis")
    submitting.child.kill("SIGKILL")
    const { stdout } = yield* Effect.promise(() => submitting.ran)
    const id = /batch-\S+/.exec(stdout)?.[0] ?? ""
    assert.notStrictEqual(id, "", "its id was told before it was sent")
    vendor.fault = undefined
    assert.strictEqual(vendor.jobs.length, moment.makes ? 1 : 0)
    return {
      vendor,
      id,
      owf: (...words: ReadonlyArray<string>) => Effect.promise(() => start(directory, words, variables).ran)
    }
  })

describe("a batch whose process is killed", () => {
  for (const one of cases) {
    for (const moment of one.moments) {
      it.scopedLive(`before ${one.name} answered ${moment.name}, is found there and never sent twice`, () =>
        Effect.gen(function*() {
          const { id, owf, vendor } = yield* killed(one, moment)

          const listed = yield* owf("batch", "list")
          assert.include(listed.stdout, id)
          assert.include(listed.stdout, moment.makes ? "outcome unknown" : "pending")
          const looked = yield* owf("batch", "fetch", id)
          if (one.isFoundWhileRunning || !moment.makes) {
            assert.deepStrictEqual([looked.code, looked.stdout], [0, `${id}: not ready (${one.running})\n`])
          } else {
            assert.strictEqual(looked.code, 0)
            assert.include(looked.stdout, `${id}: not ready (`)
            assert.include(looked.stdout + looked.stderr, vendor.jobs[0]?.id ?? "no job")
          }
          assert.strictEqual(vendor.jobs.length, 1)

          for (const job of vendor.jobs) vendor.end(job, "completed")
          const waited = yield* owf("batch", "wait", id)
          assert.deepStrictEqual([waited.code, waited.stdout.includes("2 of 2 answered")], [0, true])
          assert.strictEqual(vendor.jobs.length, 1)
        }))
    }
  }
})
