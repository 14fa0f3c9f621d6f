/**
 * OpenAI's batches, and those of servers that follow it: a file of lines is uploaded, a batch made of it, and its results
 * are a file of answers and a file of errors.
 *
 * A batch carries our job's id in its metadata, so that one whose creation was not answered is found for certain.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as OpenAiCompatible from "../provider/OpenAiCompatible.ts"
import { wireOf } from "../provider/OpenAiCompatible.ts"
import * as WireJson from "../provider/WireJson.ts"
import type { BatchApi, Job, JobState, Outcome, RemoteJob } from "./Batch.ts"
import * as BatchHttp from "./BatchHttp.ts"
import * as Wire from "./OpenAiBatchWire.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options
  extends BatchHttp.ApiOptions, Pick<OpenAiCompatible.Options, "schemas" | "outputBound" | "reportsCost">
{}

/**
 * The batches of a server.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const wire = wireOf(options)
  const http = yield* BatchHttp.make(options, wire)
  const decodeFile = BatchHttp.decode(http, Wire.FileObject, "the answer to the upload")
  const decodeBatch = BatchHttp.decode(http, Wire.Batch, "the batch")
  const decodePage = BatchHttp.decode(http, Wire.BatchPage, "the list of batches")
  const { get, post } = http
  const remote = (answer: unknown) => Effect.map(decodeBatch(answer), remoteOf)

  const status: BatchApi["status"] = (id) =>
    get(`/batches/${encodeURIComponent(id)}`).pipe(Effect.flatMap(http.json), Effect.flatMap(remote))

  const page = (after: string | undefined) =>
    get(`/batches?limit=${pageSize}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`).pipe(
      Effect.flatMap(http.json),
      Effect.flatMap(decodePage)
    )

  const api: BatchApi = {
    ...BatchHttp.common(options, http),
    kind: "openai",
    limits: { maxRequests: 50_000, maxBytes: 200_000_000, isOneModel: true },
    encode: (key, request) => {
      const shape = BatchHttp.shapeOf(wire, request, options)
      const line = { custom_id: key, method: "POST", url: endpoint, body: wire.body(request, shape) }
      return { line: JSON.stringify(line), form: shape.form }
    },
    upload: (job) =>
      post("/files").pipe(
        Effect.map((request) => BatchHttp.body(request, fileOf(job))),
        Effect.flatMap(http.json),
        Effect.flatMap(decodeFile),
        Effect.map(({ id }) => id)
      ),
    create: (job, input) =>
      post("/batches").pipe(
        Effect.map((request) => HttpClientRequest.bodyUnsafeJson(request, creation(job, input))),
        Effect.flatMap(http.json),
        Effect.flatMap(remote)
      ),
    find: Effect.fnUntraced(function*({ createdAt, id }) {
      let after: string | undefined
      for (let pages = 0; pages < maxPages; pages++) {
        const { data, has_more } = yield* page(after)
        const ours = data.find(({ metadata }) => metadata?.[metadataKey] === id)
        if (ours !== undefined) return { _tag: "Found", job: remoteOf(ours) }
        const last = data.at(-1)
        const isOlder = ((last?.created_at ?? Infinity) + clockSkew) * 1_000 < createdAt
        // a server that repeats a page has no further one
        if (last === undefined || has_more !== true || isOlder || last.id === after) return { _tag: "Absent" }
        after = last.id
      }
      return { _tag: "Unsure", candidates: [] }
    }),
    status,
    cancel: (id) =>
      BatchHttp.orEnded(
        post(`/batches/${encodeURIComponent(id)}/cancel`).pipe(Effect.flatMap(http.json), Effect.flatMap(remote)),
        status(id)
      ),
    download: ({ address }, from) =>
      Effect.flatMap(get(`/files/${encodeURIComponent(address)}/content`), (request) => http.open(request, from)),
    decode: (line) =>
      Option.map(Option.flatMap(WireJson.parse(line), decodeLine), (row) => ({
        key: row.custom_id,
        outcome: (form): Outcome =>
          row.response === undefined || row.response === null
            ? outcomeWithout(row.error ?? {})
            : BatchHttp.outcomeOf(wire, form, row.response.status_code, row.response.body)
      }))
  }
  return api
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const endpoint = "/v1/chat/completions"
const metadataKey = "owf_job"
const pageSize = 100
const maxPages = 500
/** Seconds that clocks may differ by. */
const clockSkew = 3_600

const decodeLine = Schema.decodeUnknownOption(Wire.ResultLine)
const encoder = new TextEncoder()

/** The form of an upload, written here because it is streamed. */
const fileOf = (job: Job) => {
  const boundary = `owf-${job.id}`
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n` +
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="batch.jsonl"\r\n` +
    "content-type: application/jsonl\r\n\r\n"
  const tail = `\r\n--${boundary}--\r\n`
  return {
    text: Stream.make(head).pipe(
      Stream.concat(Stream.map(job.lines, (line) => `${line}\n`)),
      Stream.concat(Stream.make(tail))
    ),
    bytes: encoder.encode(head + tail).length + job.bytes + job.count,
    contentType: `multipart/form-data; boundary=${boundary}`
  }
}

const creation = (job: Job, input: string): typeof Wire.CreateBatch.Type => ({
  input_file_id: input,
  endpoint,
  completion_window: "24h",
  metadata: { [metadataKey]: job.id }
})

const states: ReadonlyMap<string, JobState> = new Map([
  ["cancelled", "cancelled"],
  ["cancelling", "cancelling"],
  ["completed", "completed"],
  ["expired", "expired"],
  ["failed", "failed"]
])

const remoteOf = (batch: typeof Wire.Batch.Type): RemoteJob => {
  const { errors, id, request_counts: counts, status } = batch
  const state = states.get(status) ?? "running"
  const file = (name: string, address: string | null | undefined) =>
    address === undefined || address === null || address === "" ? [] : [{ name, address }]
  return {
    id,
    state,
    rawState: status,
    counts: counts ? { total: counts.total, succeeded: counts.completed, failed: counts.failed } : undefined,
    problems: (errors?.data ?? []).map(({ code, line, message }) =>
      `${line ? `line ${line}: ` : ""}${message ?? code ?? "an error without a text"}`
    ),
    files: [...file("output", batch.output_file_id), ...file("errors", batch.error_file_id)]
  }
}

const outcomeWithout = ({ code, message }: NonNullable<(typeof Wire.ResultLine.Type)["error"]>): Outcome => {
  if (code === "batch_expired") return { _tag: "NotRun", ending: "expired" }
  if (code === "batch_cancelled") return { _tag: "NotRun", ending: "cancelled" }
  const detail = [code ?? [], message ?? []].flat().join(": ")
  return { _tag: "Failed", reason: "Unknown", detail: detail === "" ? "there is no answer" : detail }
}
