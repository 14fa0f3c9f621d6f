/**
 * The contract of a vendor's batch protocol, which every adapter keeps in front of a loopback server.
 *
 * A vendor answers `answer of <prompt>` with 20 input and 5 output tokens, `error` rows as a prompt that is too long, and
 * lists what it did not get to as the protocol does.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Batch from "open-agent-workflows/batch/Batch"
import type { BatchApi, Job, Outcome, RemoteJob } from "open-agent-workflows/batch/Batch"
import type { ProviderError } from "open-agent-workflows/provider/Provider"
import type { Asked, Vendor } from "../batch/vendor.ts"
import * as Vendors from "../batch/vendor.ts"

/** An adapter in front of a server of its own. */
export interface Lab {
  readonly api: BatchApi
  readonly vendor: Vendor
}

export interface Options {
  readonly lab: Effect.Effect<Lab, never, Scope.Scope>
  /** Whether the vendor is told our id, so that a lost job is found for certain while it runs. */
  readonly isFoundWhileRunning: boolean
  /** Whether a job can fail as a whole. */
  readonly failsWhole: boolean
  /** Whether the server names the address of something, so that it could name somebody else's. */
  readonly namesAddresses: boolean
}

/** A job of prompts, its lines and their forms. */
export const jobOf = (
  api: BatchApi,
  id: string,
  prompts: ReadonlyArray<string>,
  more: Partial<Batch.BatchRequest> = {}
) => {
  const model = api.resolveModel(undefined)
  const encoded = prompts.map((prompt, index) =>
    api.encode(`${id}-${index}`, {
      ...Batch.request({ callId: `c${index}`, prompt, model, maxOutputTokens: 50 }),
      ...more
    })
  )
  const job: Job = {
    id,
    model,
    count: prompts.length,
    bytes: encoded.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0),
    createdAt: Date.now(),
    lines: Stream.fromIterable(encoded.map(({ line }) => line))
  }
  return { job, encoded, form: encoded[0]?.form ?? "none" }
}

/** Uploads and creates a job. */
export const submit = (api: BatchApi, job: Job): Effect.Effect<RemoteJob, ProviderError> =>
  Effect.flatMap(api.upload(job), (input) => api.create(job, input))

/** All bytes of a file from an offset on. */
export const bytesOf = (api: BatchApi, file: Batch.ResultFile, from = 0) =>
  Effect.scoped(
    Effect.flatMap(api.download(file, from), (download) =>
      Effect.map(Stream.runCollect(download.bytes), (chunks) => ({
        from: download.from,
        bytes: Buffer.concat([...chunks])
      })))
  )

/** What came of each request, by key. */
export const outcomes = (api: BatchApi, job: RemoteJob, form: ReturnType<BatchApi["encode"]>["form"]) =>
  Effect.map(Effect.forEach(job.files, (file) => bytesOf(api, file)), (files) => {
    const lines = files.flatMap(({ bytes }) => bytes.toString("utf8").split("\n").filter((line) => line.trim() !== ""))
    return new Map<string, Outcome>(
      lines.flatMap((line) => Option.toArray(api.decode(line))).map((row) => [row.key, row.outcome(form)])
    )
  })

const textOf = (outcome: Outcome | undefined) => outcome?._tag === "Answered" ? outcome.completion.text : undefined
const prompts = ["one", "two\nlines and \"quotes\" \u2028", "drei – 三"]

export const suite = (name: string, options: Options): void => {
  describe(`${name} keeps the contract of a batch protocol`, () => {
    const test = (title: string, body: (lab: Lab) => Effect.Effect<void, unknown, Scope.Scope>) =>
      it.scopedLive(title, () => Effect.flatMap(options.lab, body))
    const created = (lab: Lab, id = "owf-job-1") => submit(lab.api, jobOf(lab.api, id, prompts).job)

    test("says what a job may hold and what it costs", ({ api }) =>
      Effect.sync(() => {
        assert.isTrue(api.limits.maxRequests > 0 && api.limits.maxBytes > 0)
        assert.isTrue(api.discount > 0 && api.discount <= 1)
        assert.match(api.name, /^[a-z0-9_-]+$/)
        assert.strictEqual(api.resolveModel(api.resolveModel(undefined)), api.resolveModel(undefined))
      }))

    test("encodes a request as one line", ({ api }) =>
      Effect.sync(() => {
        for (const { line } of jobOf(api, "owf-job-1", prompts).encoded) {
          assert.notInclude(line, "\n")
          assert.isObject(JSON.parse(line))
        }
      }))

    test("gives the vendor every request once, under our keys", (lab) =>
      Effect.gen(function*() {
        const remote = yield* created(lab)
        assert.strictEqual(remote.state, "running")
        assert.deepStrictEqual(remote.files, [])
        assert.strictEqual(lab.vendor.jobs.length, 1)
        const requests = lab.vendor.jobs[0]?.requests ?? []
        assert.deepStrictEqual(requests.map(({ key }) => key), ["owf-job-1-0", "owf-job-1-1", "owf-job-1-2"])
        assert.deepStrictEqual(requests.map(Vendors.promptOf), prompts)
        assert.strictEqual((yield* lab.api.status(remote.id)).state, "running")
      }))

    test("finds no job where there is none", (lab) =>
      Effect.gen(function*() {
        const { job } = jobOf(lab.api, "owf-job-9", ["a", "b"])
        assert.deepStrictEqual(yield* lab.api.find(job, new Set()), { _tag: "Absent" })
        const other = yield* created(lab, "owf-job-1")
        assert.strictEqual((yield* lab.api.find(job, new Set([other.id])))._tag, "Absent")
      }))

    test("finds a job whose creation was not answered, among many", (lab) =>
      Effect.gen(function*() {
        for (const id of ["owf-job-1", "owf-job-2", "owf-job-3"]) yield* created(lab, id)
        const { job } = jobOf(lab.api, "owf-job-1", prompts)
        const known = new Set(["owf-job-2", "owf-job-3"].flatMap((_, index) => lab.vendor.jobs[index + 1]?.id ?? []))
        const first = lab.vendor.jobs[0]
        assert(first !== undefined)
        const running = yield* lab.api.find(job, known)
        if (options.isFoundWhileRunning) assert.strictEqual(running._tag === "Found" && running.job.id, first.id)
        else assert.deepStrictEqual(running, { _tag: "Unsure", candidates: [first.id] })
        lab.vendor.end(first, "completed")
        const ended = yield* lab.api.find(job, known)
        assert.strictEqual(ended._tag === "Found" && ended.job.id, first.id)
      }))

    test("does not take a job of somebody else for ours", (lab) =>
      Effect.gen(function*() {
        yield* created(lab, "owf-other-1")
        const other = lab.vendor.jobs[0]
        assert(other !== undefined)
        lab.vendor.end(other, "completed")
        const { job } = jobOf(lab.api, "owf-job-1", prompts)
        assert.strictEqual((yield* lab.api.find(job, new Set()))._tag, "Absent")
      }))

    test("says that a creation without an answer may have been carried out", (lab) =>
      Effect.gen(function*() {
        const { job } = jobOf(lab.api, "owf-job-1", prompts)
        const input = yield* lab.api.upload(job)
        lab.vendor.fault = () => "lost"
        const error = yield* Effect.flip(lab.api.create(job, input))
        assert.isTrue(error.mayBeBilled)
        assert.isTrue(error.isTransient)
        lab.vendor.fault = undefined
        assert.notStrictEqual((yield* lab.api.find(job, new Set()))._tag, "Absent")
      }))

    for (const [status, mayBeBilled] of [[429, false], [500, true], [503, true], [401, false]] as const) {
      test(`tells what HTTP ${status} means for every request`, (lab) =>
        Effect.gen(function*() {
          const { api, vendor } = lab
          const { job } = jobOf(api, "owf-job-1", prompts)
          const input = yield* api.upload(job)
          const remote = yield* api.create(job, input)
          const [vendorJob] = vendor.jobs
          assert(vendorJob !== undefined)
          vendor.end(vendorJob, "completed")
          const [file] = (yield* api.status(remote.id)).files
          assert(file !== undefined)
          const before = vendor.asked.length
          const said = { error: { message: `failed with ${Vendors.key}` } }
          vendor.fault = () => ({ status, headers: { "retry-after": "7" }, body: said })
          // a protocol without an upload has nothing to refuse there
          const uploads: ReadonlyArray<Effect.Effect<unknown, ProviderError, Scope.Scope>> = input === ""
            ? []
            : [api.upload(job)]
          const all = [
            ...uploads,
            api.create(job, input),
            api.find(job, new Set()),
            api.status(remote.id),
            api.cancel(remote.id),
            api.download(file, 0)
          ]
          const errors = yield* Effect.forEach(all, Effect.flip)
          for (const error of errors) {
            assert.strictEqual(error.mayBeBilled, mayBeBilled)
            assert.strictEqual(error.retryAfterMs, 7_000)
            assert.strictEqual(error.isTransient, status !== 401)
            assert.notInclude(`${error.message} ${JSON.stringify(error)}`, Vendors.key)
          }
          assert.isTrue(vendor.asked.length <= before + all.length + 1, "asks again by itself")
        }))
    }

    test("gives every answer with its tokens, in whatever order", (lab) =>
      Effect.gen(function*() {
        const { form, job } = jobOf(lab.api, "owf-job-1", prompts)
        const { id } = yield* submit(lab.api, job)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        const remote = yield* lab.api.status(id)
        assert.strictEqual(remote.state, "completed")
        assert.deepStrictEqual(remote.counts, { total: 3, succeeded: 3, failed: 0 })
        const found = yield* outcomes(lab.api, remote, form)
        assert.deepStrictEqual(
          prompts.map((_, index) => textOf(found.get(`owf-job-1-${index}`))),
          prompts.map((prompt) => `answer of ${prompt}`)
        )
        for (const outcome of found.values()) {
          assert(outcome._tag === "Answered")
          assert.strictEqual(outcome.completion.usage?.inputTokens, 20)
          assert.strictEqual(outcome.completion.usage?.outputTokens, 5)
        }
      }))

    test("asks for a schema in its own form and reads the answer by it", (lab) =>
      Effect.gen(function*() {
        const schema = {
          type: "object",
          properties: { label: { type: "string" } },
          required: ["label"],
          additionalProperties: false
        }
        const { encoded, form, job } = jobOf(lab.api, "owf-job-1", ["label it"], { schema })
        assert.notStrictEqual(form, "none")
        assert.include(encoded[0]?.line ?? "", "label")
        lab.vendor.answer = () => JSON.stringify({ label: "bug" })
        const { id } = yield* submit(lab.api, job)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        const found = yield* outcomes(lab.api, yield* lab.api.status(id), form)
        assert.deepStrictEqual(JSON.parse(textOf(found.get("owf-job-1-0")) ?? ""), { label: "bug" })
      }))

    test("tells rows with errors from answers", (lab) =>
      Effect.gen(function*() {
        const { form, job } = jobOf(lab.api, "owf-job-1", prompts)
        const { id } = yield* submit(lab.api, job)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed", (index) => index === 1 ? "error" : "answer"))
        const remote = yield* lab.api.status(id)
        assert.deepStrictEqual(remote.counts, { total: 3, succeeded: 2, failed: 1 })
        const found = yield* outcomes(lab.api, remote, form)
        assert.strictEqual(textOf(found.get("owf-job-1-0")), "answer of one")
        const failed = found.get("owf-job-1-1")
        assert(failed?._tag === "Failed")
        assert.include(["ContextOverflow", "InvalidRequest"], failed.reason)
        assert.include(failed.detail, "too long")
      }))

    for (const ending of ["expired", "cancelled"] as const) {
      test(`gives what there is of a job that was ${ending}`, (lab) =>
        Effect.gen(function*() {
          const { form, job } = jobOf(lab.api, "owf-job-1", prompts)
          const { id } = yield* submit(lab.api, job)
          Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, ending, (index) => index === 0 ? "answer" : "none"))
          const remote = yield* lab.api.status(id)
          assert.isTrue(Batch.isEnd(remote.state))
          const found = yield* outcomes(lab.api, remote, form)
          assert.strictEqual(textOf(found.get("owf-job-1-0")), "answer of one")
          for (const key of ["owf-job-1-1", "owf-job-1-2"]) {
            const outcome = found.get(key)
            if (outcome !== undefined) assert.deepStrictEqual(outcome, { _tag: "NotRun", ending })
            else assert.strictEqual(remote.state, ending)
          }
        }))

      test(`ends a job of which nothing came before it was ${ending}`, (lab) =>
        Effect.gen(function*() {
          const { form, job } = jobOf(lab.api, "owf-job-1", prompts)
          const { id } = yield* submit(lab.api, job)
          Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, ending, () => "none"))
          const remote = yield* lab.api.status(id)
          assert.strictEqual(remote.state, ending)
          const found = yield* outcomes(lab.api, remote, form)
          for (const outcome of found.values()) assert.deepStrictEqual(outcome, { _tag: "NotRun", ending })
        }))
    }

    if (options.failsWhole) {
      test("says why a job failed as a whole", (lab) =>
        Effect.gen(function*() {
          const { id } = yield* created(lab)
          Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "failed"))
          const remote = yield* lab.api.status(id)
          assert.strictEqual(remote.state, "failed")
          assert.isTrue(remote.problems.length > 0)
        }))
    }

    test("cancels a job, and leaves one that has ended as it is", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        const cancelling = yield* lab.api.cancel(id)
        assert.include(["cancelling", "cancelled"], cancelling.state)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        assert.strictEqual((yield* lab.api.cancel(id)).state, "completed")
      }))

    test("goes on with a download where it was left", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        const [file] = (yield* lab.api.status(id)).files
        assert(file !== undefined)
        const whole = yield* bytesOf(lab.api, file)
        const rest = yield* bytesOf(lab.api, file, 40)
        assert.isTrue(whole.bytes.subarray(rest.from).equals(rest.bytes))
        lab.vendor.ranges = false
        const again = yield* bytesOf(lab.api, file, 40)
        assert.isTrue(whole.bytes.subarray(again.from).equals(again.bytes))
      }))

    test("fails a download that breaks off", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        const [file] = (yield* lab.api.status(id)).files
        assert(file !== undefined)
        lab.vendor.fault = () => "cut"
        const error = yield* Effect.flip(bytesOf(lab.api, file))
        assert.strictEqual(error.isTransient || error.reason === "Malformed", true)
      }))

    test("says that results are gone", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
        const [file] = (yield* lab.api.status(id)).files
        assert(file !== undefined)
        lab.vendor.fault = () => ({ status: 410, body: { error: { message: "expired" } } })
        assert.strictEqual((yield* Effect.flip(bytesOf(lab.api, file))).reason, "InvalidRequest")
      }))

    if (options.namesAddresses) {
      test("sends nothing to an address of another origin", (lab) =>
        Effect.gen(function*() {
          const thief = yield* Vendors.serve({ route: () => ({ status: 200, body: {} }) })
          const { job } = jobOf(lab.api, "owf-job-1", prompts)
          lab.vendor.elsewhere = thief.url
          const all = Effect.gen(function*() {
            const { id } = yield* submit(lab.api, job)
            Arr.map(lab.vendor.jobs, (job) => lab.vendor.end(job, "completed"))
            const remote = yield* lab.api.status(id)
            return yield* Effect.forEach(remote.files, (file) => bytesOf(lab.api, file))
          })
          const error = yield* Effect.flip(all)
          assert.strictEqual(error.reason, "Misconfigured")
          assert.strictEqual(thief.asked.length, 0)
        }))
    }

    test("refuses a redirect and takes the key nowhere", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        const thief = yield* Vendors.serve({ route: () => ({ status: 200, body: {} }) })
        lab.vendor.fault = () => ({ status: 307, headers: { location: thief.url }, body: "" })
        const error = yield* Effect.flip(lab.api.status(id))
        assert.strictEqual(error.reason, "Misconfigured")
        assert.strictEqual(thief.asked.length, 0)
      }))

    test("refuses an answer that is not in the API's form", (lab) =>
      Effect.gen(function*() {
        const { id } = yield* created(lab)
        for (const body of ["<html>", "[]", { unexpected: true }]) {
          lab.vendor.fault = () => ({ status: 200, body })
          assert.strictEqual((yield* Effect.flip(lab.api.status(id))).reason, "Malformed")
        }
      }))

    test("does not read a line that is not one of a result file", ({ api }) =>
      Effect.sync(() => {
        for (const line of ["", "{", "null", "[]", "{}", "\"text\"", "{\"custom_id\":3}"]) {
          assert.isTrue(Option.isNone(api.decode(line)), line)
        }
      }))
  })
}

/** Only requests that create something. */
export const creations = (asked: ReadonlyArray<Asked>): number => asked.filter(({ method }) => method === "POST").length
