/**
 * Anthropic's message batches, and those of servers that follow it: a batch is made of all its requests at once, and its
 * results are one file.
 *
 * - A1. A batch carries nothing of ours but the keys of its requests, which are seen in its results alone. One whose
 *   creation was not answered is found by them when it has ended; until then a batch of the same size and time may be it.
 * - A2. A batch that could be ours is never taken for absent: not for clocks that differ, nor when its results are gone.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Lines from "../internal/subprocess/Lines.ts"
import type * as Anthropic from "../provider/Anthropic.ts"
import { outputLimit, wire } from "../provider/Anthropic.ts"
import type { SchemaForm } from "../provider/HttpWire.ts"
import * as WireJson from "../provider/WireJson.ts"
import * as Wire from "./AnthropicBatchWire.ts"
import type { BatchApi, Job, JobState, Outcome, RemoteJob } from "./Batch.ts"
import * as BatchHttp from "./BatchHttp.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options extends BatchHttp.ApiOptions, Pick<Anthropic.Options, "schemas"> {}

/**
 * The batches of a server.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const http = yield* BatchHttp.make(options, wire)
  const decodeBatch = BatchHttp.decode(http, Wire.MessageBatch, "the batch")
  const decodePage = BatchHttp.decode(http, Wire.BatchPage, "the list of batches")
  const { get, post } = http
  const remote = (answer: unknown) => Effect.map(decodeBatch(answer), remoteOf)

  const status: BatchApi["status"] = (id) =>
    get(`${batches}/${encodeURIComponent(id)}`).pipe(Effect.flatMap(http.json), Effect.flatMap(remote))

  const page = (after: string | undefined) =>
    get(`${batches}?limit=${pageSize}${after === undefined ? "" : `&after_id=${encodeURIComponent(after)}`}`).pipe(
      Effect.flatMap(http.json),
      Effect.flatMap(decodePage)
    )

  /** Batches that may be the job, and whether that is all of them. */
  const candidates = Effect.fnUntraced(function*(job: Job, known: ReadonlySet<string>) {
    const found: Array<Batch> = []
    let after: string | undefined
    for (let pages = 0; pages < maxPages; pages++) {
      const { data, has_more } = yield* page(after)
      found.push(...data.filter((batch) => !known.has(batch.id) && mayBe(job, batch)))
      const last = data.at(-1)
      const isOlder = last !== undefined && createdAt(last) < job.createdAt - before
      // a server that repeats a page has no further one
      if (last === undefined || has_more !== true || isOlder || last.id === after) return { found, isWhole: true }
      after = last.id
    }
    return { found, isWhole: false }
  })

  /** Whose a batch is, by the first of its results that can be read; nobody's where there is none. */
  const ownerOf = ({ results_url: address }: Batch, job: Job) =>
    address === undefined || address === null ? Effect.succeed("unknown" as const) : Effect.scoped(
      Effect.flatMap(get(address), (request) => http.open(request, 0)).pipe(
        Effect.flatMap(({ bytes }) => Stream.runHead(keysOf(bytes))),
        Effect.map(Option.match({
          onNone: () => "unknown" as const,
          onSome: (key) => key.startsWith(`${job.id}-`) ? "ours" as const : "foreign" as const
        })),
        // results that are gone tell nothing
        Effect.catchIf((error) => error.reason === "InvalidRequest", () => Effect.succeed("unknown" as const))
      )
    )

  const api: BatchApi = {
    ...BatchHttp.common(options, http),
    kind: "anthropic",
    limits: { maxRequests: 100_000, maxBytes: 250_000_000, isOneModel: false },
    encode: (key, request) => {
      const { schemas } = options
      const shape = BatchHttp.shapeOf(wire, request, { schemas, maxOutputTokens: outputLimit(request.model) })
      return { line: JSON.stringify({ custom_id: key, params: wire.body(request, shape) }), form: shape.form }
    },
    upload: () => Effect.succeed(""),
    create: (job) =>
      post(batches).pipe(
        Effect.map((request) => BatchHttp.body(request, bodyOf(job))),
        Effect.flatMap(http.json),
        Effect.flatMap(remote)
      ),
    find: Effect.fnUntraced(function*(job, known) {
      const { found, isWhole } = yield* candidates(job, known)
      const unsure: Array<string> = []
      for (const batch of found) {
        const owner = yield* ownerOf(batch, job)
        if (owner === "ours") return { _tag: "Found", job: remoteOf(batch) }
        if (owner === "unknown") unsure.push(batch.id)
      }
      return isWhole && unsure.length === 0 ? { _tag: "Absent" } : { _tag: "Unsure", candidates: unsure }
    }),
    status,
    cancel: (id) =>
      BatchHttp.orEnded(
        post(`${batches}/${encodeURIComponent(id)}/cancel`).pipe(Effect.flatMap(http.json), Effect.flatMap(remote)),
        status(id)
      ),
    download: ({ address }, from) => Effect.flatMap(get(address), (request) => http.open(request, from)),
    decode: (line) =>
      Option.map(Option.flatMap(WireJson.parse(line), decodeLine), ({ custom_id, result }) => ({
        key: custom_id,
        outcome: (form) => outcomeOf(result, form)
      }))
  }
  return api
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Batch = typeof Wire.MessageBatch.Type

const batches = "/v1/messages/batches"
const pageSize = 100
const maxPages = 500
/** A batch may be created so long before the time it is looked for from, because clocks differ. */
const before = Duration.toMillis("1 hour")
/** And so long after it, because its requests take time to be sent. */
const within = Duration.toMillis("3 hours")
const maxLineBytes = 67_108_864

const decodeLine = Schema.decodeUnknownOption(Wire.ResultLine)

/** The body of a creation, written here because it is streamed. */
const bodyOf = (job: Job) => {
  const head = "{\"requests\":["
  const tail = "]}"
  return {
    text: Stream.make(head).pipe(
      Stream.concat(Stream.intersperse(job.lines, ",")),
      Stream.concat(Stream.make(tail))
    ),
    bytes: head.length + job.bytes + Math.max(0, job.count - 1) + tail.length,
    contentType: "application/json"
  }
}

/** When a batch was created; one that does not say it in a way that can be read may be of any time. */
const createdAt = (batch: Batch): number =>
  Option.match(DateTime.make(batch.created_at), { onNone: () => Number.NaN, onSome: DateTime.toEpochMillis })

const totalOf = ({ canceled, errored, expired, processing, succeeded }: Batch["request_counts"]): number =>
  canceled + errored + expired + processing + succeeded

const mayBe = (job: Job, batch: Batch): boolean => {
  const at = createdAt(batch)
  return totalOf(batch.request_counts) === job.count && !(at < job.createdAt - before || at > job.createdAt + within)
}

const keysOf = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<string, E> =>
  Stream.suspend(() => {
    const splitter = Lines.make({ maxLineBytes })
    return bytes.pipe(
      Stream.mapConcat((chunk) => splitter.push(chunk)),
      Stream.concat(Stream.suspend(() => Stream.fromIterable(splitter.end()))),
      Stream.filterMap((line) => Option.flatMap(WireJson.parse(line), decodeLine)),
      Stream.map(({ custom_id }) => custom_id)
    )
  })

const stateOf = ({ processing_status: status, request_counts: counts }: Batch): JobState => {
  if (status === "canceling") return "cancelling"
  if (status !== "ended") return "running"
  if (counts.succeeded + counts.errored > 0) return "completed"
  if (counts.expired > 0) return "expired"
  return counts.canceled > 0 ? "cancelled" : "completed"
}

const remoteOf = (batch: Batch): RemoteJob => {
  const { archived_at: archivedAt, id, processing_status: rawState, request_counts: counts, results_url: url } = batch
  const isGone = archivedAt !== undefined && archivedAt !== null
  return {
    id,
    state: stateOf(batch),
    rawState,
    counts: { total: totalOf(counts), succeeded: counts.succeeded, failed: counts.errored },
    problems: isGone ? [`its results are kept no longer, since ${archivedAt}`] : [],
    files: url === undefined || url === null || url === "" ? [] : [{ name: "results", address: url }]
  }
}

const outcomeOf = ({ error, message, type }: (typeof Wire.ResultLine.Type)["result"], form: SchemaForm): Outcome => {
  switch (type) {
    case "succeeded":
      return BatchHttp.outcomeOf(wire, form, 200, message)
    case "errored":
      return Option.isSome(wire.errorOf(error))
        ? BatchHttp.outcomeOf(wire, form, 200, error)
        : { _tag: "Failed", reason: "Unknown", detail: "the server reports an error without a text" }
    case "expired":
      return { _tag: "NotRun", ending: "expired" }
    case "canceled":
      return { _tag: "NotRun", ending: "cancelled" }
    default:
      return { _tag: "Failed", reason: "Malformed", detail: "the result is of a type that this API does not have" }
  }
}
