/**
 * Gemini's batches, and those of servers that follow it: a file of lines is uploaded, a batch of one model made of it, and
 * its results are a file.
 *
 * - G1. A batch carries our job's id as its name for people, so that one whose creation was not answered is found for
 *   certain.
 * - G2. Files are kept for two days: of one whose time is over the lines are uploaded again before a batch is made of it.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Gemini from "../provider/Gemini.ts"
import { wire } from "../provider/Gemini.ts"
import type { SchemaForm } from "../provider/HttpWire.ts"
import * as WireJson from "../provider/WireJson.ts"
import type { BatchApi, Job, JobState, Outcome, RemoteJob } from "./Batch.ts"
import * as BatchHttp from "./BatchHttp.ts"
import * as Wire from "./GeminiBatchWire.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options extends BatchHttp.ApiOptions, Pick<Gemini.Options, "schemas"> {}

/**
 * The batches of a server.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const http = yield* BatchHttp.make(options, wire)
  const decodeOperation = BatchHttp.decode(http, Wire.Operation, "the batch")
  const decodePage = BatchHttp.decode(http, Wire.BatchPage, "the list of batches")
  const { get, post } = http

  const operation = (name: string) => get(pathOf(name)).pipe(Effect.flatMap(http.json), Effect.flatMap(decodeOperation))

  const status: BatchApi["status"] = (name) => Effect.map(operation(name), remoteOf)

  const page = (token: string) =>
    get(`/v1beta/batches?pageSize=${pageSize}${token === "" ? "" : `&pageToken=${encodeURIComponent(token)}`}`).pipe(
      Effect.flatMap(http.json),
      Effect.flatMap(decodePage)
    )

  const upload = uploading(http)

  /** The file to make a batch of, uploaded again where it is not kept any more (G2). */
  const fresh = Effect.fnUntraced(function*(job: Job, input: string) {
    const [name = input, expires = ""] = input.split(" ")
    const end = Option.map(DateTime.make(expires), DateTime.toEpochMillis)
    const now = yield* Clock.currentTimeMillis
    if (Option.isNone(end) || end.value > now + margin) return name
    return (yield* upload(job)).split(" ")[0] ?? name
  })

  const api: BatchApi = {
    ...BatchHttp.common(options, http),
    kind: "gemini",
    // the API takes files of 2 GB; an upload that breaks off is repeated as a whole
    limits: { maxRequests: 50_000, maxBytes: 500_000_000, isOneModel: true },
    encode: (key, request) => {
      const shape = BatchHttp.shapeOf(wire, request, options)
      return { line: JSON.stringify({ key, request: wire.body(request, shape) }), form: shape.form }
    },
    upload,
    create: Effect.fnUntraced(function*(job, input) {
      const fileName = yield* fresh(job, input)
      const request = HttpClientRequest.bodyUnsafeJson(
        yield* post(wire.path(job.model, "whole").replace(/:generateContent$/, ":batchGenerateContent")),
        creation(job, fileName)
      )
      return remoteOf(yield* decodeOperation(yield* http.json(request)))
    }),
    find: Effect.fnUntraced(function*({ id }) {
      let token = ""
      for (let pages = 0; pages < maxPages; pages++) {
        const { nextPageToken, operations } = yield* page(token)
        const ours = operations?.find(({ metadata }) => metadata?.displayName === id)
        if (ours !== undefined) return { _tag: "Found", job: remoteOf(ours) }
        // a server that repeats a page has no further one
        if (!nextPageToken || nextPageToken === token) return { _tag: "Absent" }
        token = nextPageToken
      }
      return { _tag: "Unsure", candidates: [] }
    }),
    status,
    cancel: (name) =>
      BatchHttp.orEnded(
        post(`${pathOf(name)}:cancel`).pipe(
          Effect.flatMap(http.json),
          // the answer to a cancellation is empty
          Effect.zipRight(status(name)),
          Effect.map((job) => job.state === "running" ? { ...job, state: "cancelling" as const } : job)
        ),
        status(name)
      ),
    download: ({ address, name }, from) =>
      name === inline
        ? Effect.mapBoth(operation(address), {
          onFailure: (error) => error.reason === "UnknownModel" ? http.failure("InvalidRequest", error.detail) : error,
          onSuccess: (found) => ({ from: 0, bytes: Stream.encodeText(inlinedLines(found)) })
        })
        // without the first part of this path the server may redirect to it
        : Effect.flatMap(
          get(`/download/v1beta/files/${encodeURIComponent(address.replace(/^files\//, ""))}:download?alt=media`),
          (request) => http.open(request, from)
        ),
    decode: (line) =>
      Option.map(Option.flatMap(WireJson.parse(line), decodeLine), (row) => ({
        key: row.key,
        outcome: (form) => outcomeOf(row, form)
      }))
  }
  return api
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Operation = typeof Wire.Operation.Type

const contentType = "application/jsonl"
const pageSize = 100
const maxPages = 500
/** A file is not used in the last minutes it is kept. */
const margin = Duration.toMillis("30 minutes")
/** What results inside of the operation are called as a file. */
const inline = "inline"

const decodeLine = Schema.decodeUnknownOption(Wire.ResultLine)

/** Gives the file that was made of a job's lines, and until when it is kept. */
const uploading = (http: BatchHttp.BatchHttp): BatchApi["upload"] => {
  const decodeUploaded = BatchHttp.decode(http, Wire.Uploaded, "the answer to the upload")
  return (job) =>
    Effect.gen(function*() {
      const bytes = job.bytes + job.count
      const start = HttpClientRequest.setHeaders(yield* http.post("/upload/v1beta/files"), {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": String(bytes),
        "x-goog-upload-header-content-type": contentType
      })
      const begun = yield* http.send(HttpClientRequest.bodyUnsafeJson(start, { file: { displayName: job.id } }))
      const address = begun["x-goog-upload-url"]
      if (address === undefined) {
        return yield* http.failure("Malformed", "the server does not say where to upload to", { mayBeBilled: false })
      }
      const send = HttpClientRequest.setHeaders(yield* http.post(address), {
        "x-goog-upload-command": "upload, finalize",
        "x-goog-upload-offset": "0"
      })
      const text = Stream.map(job.lines, (line) => `${line}\n`)
      const answer = yield* http.json(BatchHttp.body(send, { text, bytes, contentType }))
      const { file } = yield* decodeUploaded(answer)
      return file.expirationTime ? `${file.name} ${file.expirationTime}` : file.name
    })
}

const pathOf = (name: string): string => `/v1beta/batches/${encodeURIComponent(name.replace(/^batches\//, ""))}`

const creation = (job: Job, fileName: string): typeof Wire.CreateBatch.Type => ({
  batch: { displayName: job.id, inputConfig: { fileName } }
})

const states: Readonly<Record<typeof Wire.LateState.Type, JobState>> = {
  CANCELLED: "cancelled",
  CANCELLING: "cancelling",
  EXPIRED: "expired",
  FAILED: "failed",
  PARTIALLY_SUCCEEDED: "completed",
  SUCCEEDED: "completed"
}
const isLate = Schema.is(Wire.LateState)

/** The output is said in one of two places, or in both. */
const outputsOf = ({ metadata, response }: Operation): ReadonlyArray<typeof Wire.Output.Type> =>
  [metadata?.output ?? [], response ?? []].flat()

const filesOf = (operation: Operation): RemoteJob["files"] => {
  const outputs = outputsOf(operation)
  const file = outputs.find(({ responsesFile }) => responsesFile)?.responsesFile
  if (file) return [{ name: "responses", address: file }]
  return outputs.some(({ inlinedResponses }) => inlinedResponses)
    ? [{ name: inline, address: operation.name }]
    : []
}

const remoteOf = (operation: Operation): RemoteJob => {
  const { error, metadata, name } = operation
  const rawState = metadata?.state ?? "unknown"
  const word = rawState.replace(/^(?:BATCH|JOB)_STATE_/, "")
  const state = isLate(word) ? states[word] : error ? "failed" : "running"
  const stats = metadata?.batchStats
  return {
    id: name,
    state,
    rawState,
    counts: stats
      ? {
        total: stats.requestCount ?? 0,
        succeeded: stats.successfulRequestCount ?? 0,
        failed: stats.failedRequestCount ?? 0
      }
      : undefined,
    problems: error ? [error.message ?? `an error without a text (${error.code ?? "no code"})`] : [],
    // a file that is named earlier is not whole yet
    files: state === "running" || state === "cancelling" ? [] : filesOf(operation)
  }
}

const inlinedLines = (operation: Operation): Stream.Stream<string> =>
  Stream.fromIterable(
    outputsOf(operation).find(({ inlinedResponses }) => inlinedResponses)?.inlinedResponses
      ?.inlinedResponses ?? []
  ).pipe(
    Stream.filterMap(({ error, metadata, response }) =>
      metadata?.key ? Option.some(`${JSON.stringify({ key: metadata.key, response, error })}\n`) : Option.none()
    )
  )

/** Names of Google's codes of errors, by number. */
const codes: ReadonlyArray<string> = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED"
]

const outcomeOf = ({ error, response }: typeof Wire.ResultLine.Type, form: SchemaForm): Outcome => {
  if (!error) return BatchHttp.outcomeOf(wire, form, 200, response)
  const status = codes[error.code ?? -1]
  return status === "CANCELLED"
    ? { _tag: "NotRun", ending: "cancelled" }
    : BatchHttp.outcomeOf(wire, form, 200, { error: { ...error, status } })
}
