/**
 * The port to a vendor's batch protocol: many independent requests as one job, answered within a day for less money.
 *
 * - B1. Every method sends as few requests as its protocol needs and retries none of them: waiting and asking again are
 *   the caller's, who records what was done. Only `find` may read several pages.
 * - B2. A job carries an id of ours to the vendor. `create` that fails with `mayBeBilled` may have made the job all the
 *   same; `find` tells, and says `Unsure` rather than guess. A job is never created again before `find` said `Absent`.
 * - B3. A request is encoded by the provider's own `HttpWire` and its answer decoded by it, so that schemas, usage and
 *   errors mean what they mean in a live call.
 * - B4. Requests are known by keys of ours (`[a-z0-9_-]`, 1 to 48 characters). Rows come in any order; a row of a key that
 *   was not asked for is the caller's to refuse.
 * - B5. Input and results are streams: no method holds more than a line of either. A download starts where it is told to,
 *   as far as the server can.
 * - B6. The key goes to the origin of the base address only. An address that a server names elsewhere is an error
 *   (`Misconfigured`) and nothing is sent there; redirects are refused.
 * - B7. Errors are `ProviderError`s without keys; `mayBeBilled` says whether the request may have been carried out.
 *
 * **How to write an adapter**
 *
 * `BatchHttp.make({ name, baseUrl, keyVariable }, wire)` gives everything that touches HTTP: `json` sends a request and
 * reads a small JSON answer, `send` one whose answer is in its headers, `open` an answer as a stream from an offset,
 * `get` and `post` begin one to a path or to an address of the server's, if the key may go there (B6), `body` streams
 * text with its length, `orEnded` makes `cancel` of a job that has ended its status. All of them authorize, refuse
 * redirects, bound time and memory, and classify failures. `wire` is the live provider's (`Anthropic.wire`, `Gemini.wire`,
 * `OpenAiCompatible.wireOf`): take `wire.body(request, shape)` for the request of a row, with `shape` from
 * `BatchHttp.shapeOf` (for Anthropic with `maxOutputTokens: Anthropic.outputLimit(request.model)`), and
 * `BatchHttp.outcomeOf(wire, form, status, body)` for its answer. Decode every body with a Schema, keep the schemas in a
 * `…BatchWire.ts` beside the adapter, and compare them with the types of the vendor's SDK in `test/types/Wire.tst.ts`.
 * `OpenAiBatch.ts` is the model; an adapter exports `make(options)` with `BatchHttp.ApiOptions` and `schemas` beside
 * them and takes from `BatchHttp.common` what is the same everywhere; `BatchRegistry.ts` builds it for built-in and custom
 * providers of its kind.
 *
 * Vendors differ like this:
 * - OpenAI: `upload` posts a file of lines, `create` posts `{ input_file_id, metadata: { owf_job } }`, `find` reads the
 *   list until it meets the metadata or jobs older than ours. Results are an output and an error file.
 * - Anthropic: nothing to upload (`upload` succeeds with an empty text); `create` streams `{"requests":[…]}` made of the
 *   job's lines, each `{"custom_id":key,"params":…}`, so `bytes` of the body are `job.bytes` plus the brackets. A job has
 *   no metadata, so `find` compares: a job created within three hours after `job.createdAt`, or one before it because clocks
 *   differ, with exactly `job.count` requests that is not among `known`. None: `Absent`. One or more: of one that has
 *   results the first row's key decides, because keys begin with the job's id; `Unsure` as long as one has none.
 *   `processing_status` in_progress, canceling, ended; an ended job is `completed` when a row succeeded or errored, else
 *   `cancelled` or `expired` by what its counts say. The one result file is at `results_url`, which has to be on our
 *   origin. Rows that were canceled or expired are `NotRun`.
 * - Gemini: `upload` sends lines `{"key":…,"request":…}` through the resumable Files API, whose upload address comes in a
 *   header and has to be on our origin, and gives the file's name and how long it is kept; `create` is
 *   `:batchGenerateContent` of the one model with `displayName: job.id`, which `find` looks for in the list. States are
 *   `BATCH_STATE_*` (also `JOB_STATE_*`); results are the file `files/…:download?alt=media`, or inline in the operation,
 *   which `download` then turns into lines.
 *
 * Every adapter passes `test/contract/BatchContract.ts` in front of a loopback server that speaks the protocol: a
 * `Protocol` for `test/batch/vendor.ts`, as `test/batch/openAiVendor.ts` is one.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { Usage } from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Completion, SchemaForm } from "../provider/HttpWire.ts"
import { bareRequest } from "../provider/Provider.ts"
import type { ProviderError, ProviderUnavailable, Request } from "../provider/Provider.ts"

/**
 * One request of a batch, as live providers know it.
 * @category models
 * @since 0.1.0
 */
export type BatchRequest = Omit<Request, "timeout">

/**
 * A request as the vendor takes it.
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  /** One line of JSON without its line break. */
  readonly line: string
  /** The form its schema was put in, which its answer is read by. */
  readonly form: SchemaForm
}

/**
 * A job that is to be created.
 * @category models
 * @since 0.1.0
 */
export interface Job {
  /** Our own id, which the vendor is told: `[a-z0-9-]`, at most 40 characters, used for no other job of anybody. */
  readonly id: string
  /** The model of all its requests, where the vendor takes one per job; else that of the first. */
  readonly model: string
  readonly count: number
  /** Bytes of all lines together, without line breaks. */
  readonly bytes: number
  /** Milliseconds since 1970; the vendor cannot have it from an earlier time. */
  readonly createdAt: number
  /** The lines in their order, as often as they are asked for. */
  readonly lines: Stream.Stream<string, unknown>
}

/**
 * Where a job has come to; all but `running` and `cancelling` are ends.
 * @category models
 * @since 0.1.0
 */
export type JobState = "running" | "cancelling" | "completed" | "failed" | "expired" | "cancelled"

/**
 * How many requests of a job have come how far, as the vendor counts.
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
}

/**
 * Results of a job that can be downloaded.
 * @category models
 * @since 0.1.0
 */
export interface ResultFile {
  /** Tells the files of a job apart, as part of a file's name: `[a-z]+`. */
  readonly name: string
  /** What the adapter finds it by; never used but by its `download`. */
  readonly address: string
}

/**
 * A job as the vendor knows it.
 * @category models
 * @since 0.1.0
 */
export interface RemoteJob {
  /** The vendor's id of it. */
  readonly id: string
  readonly state: JobState
  /** The vendor's own word for the state. */
  readonly rawState: string
  readonly counts: Counts | undefined
  /** What is wrong with the job as a whole, such as lines that are not valid. */
  readonly problems: ReadonlyArray<string>
  /** What there is to download; also of a job that failed, expired or was cancelled, as far as it came. */
  readonly files: ReadonlyArray<ResultFile>
}

/**
 * Whether the vendor has a job of ours (B2).
 * @category models
 * @since 0.1.0
 */
export type Found =
  | { readonly _tag: "Found"; readonly job: RemoteJob }
  /** The vendor has no such job and had none. */
  | { readonly _tag: "Absent" }
  /** It may be one of these, which cannot be told yet. */
  | { readonly _tag: "Unsure"; readonly candidates: ReadonlyArray<string> }

/**
 * What came of one request of a job.
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  /** What the API answered, complete or not: a completion may have a `problem`. */
  | { readonly _tag: "Answered"; readonly completion: Completion }
  | { readonly _tag: "Failed"; readonly reason: ProviderReason; readonly detail: string; readonly usage?: Usage }
  /** The job ended before it. */
  | { readonly _tag: "NotRun"; readonly ending: "expired" | "cancelled" }

/**
 * A line of a result file.
 * @category models
 * @since 0.1.0
 */
export interface Row {
  /** The key the request was encoded with. */
  readonly key: string
  /** Reads the answer by the form the request's schema was put in. */
  readonly outcome: (form: SchemaForm) => Outcome
}

/**
 * A download that was begun.
 * @category models
 * @since 0.1.0
 */
export interface Download {
  /** Where the bytes begin: what was asked for, or 0 where the server cannot go on in the middle. */
  readonly from: number
  readonly bytes: Stream.Stream<Uint8Array, ProviderError>
}

/**
 * What a job may hold.
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly maxRequests: number
  /** Bytes of the lines with a line break, or a comma, each. */
  readonly maxBytes: number
  /** Whether all requests of a job have to be for the same model. */
  readonly isOneModel: boolean
}

/**
 * A vendor's batch protocol.
 * @category models
 * @since 0.1.0
 */
export interface BatchApi {
  /** Name of the provider. */
  readonly name: string
  readonly kind: "openai" | "anthropic" | "gemini"
  /** Name or address its models are priced under. */
  readonly pricedAs: string
  /** Part of the list price that is paid, such as 0.5. */
  readonly discount: number
  readonly limits: Limits
  /** The model that is asked for when a request names this one, or none. */
  readonly resolveModel: (requested: string | undefined) => string
  /** Whether requests can be sent, such as that the key is there; asked before anything is stored. */
  readonly ready: Effect.Effect<void, ProviderError>
  readonly encode: (key: string, request: BatchRequest) => Encoded
  /** Sends the input ahead, where the protocol has that step, and gives what `create` names it by. May be repeated. */
  readonly upload: (job: Job) => Effect.Effect<string, ProviderError>
  /** Creates the job; only once, unless `find` said that there is none (B2). */
  readonly create: (job: Job, input: string) => Effect.Effect<RemoteJob, ProviderError>
  /** Looks for a job whose creation was not answered; `known` are the vendor's ids that belong to other jobs of ours. */
  readonly find: (job: Job, known: ReadonlySet<string>) => Effect.Effect<Found, ProviderError>
  readonly status: (id: string) => Effect.Effect<RemoteJob, ProviderError>
  /** Asks for the job to be ended; the status then says how far that came. One that has ended stays as it is. */
  readonly cancel: (id: string) => Effect.Effect<RemoteJob, ProviderError>
  /** Begins to download a file from a byte on (B5). A file that is gone fails with `InvalidRequest`. */
  readonly download: (
    file: ResultFile,
    from: number
  ) => Effect.Effect<Download, ProviderError, Scope.Scope>
  /** Reads a line of a result file; none when it is not one. */
  readonly decode: (line: string) => Option.Option<Row>
  /** A text without the key, for whatever a server says and is kept. */
  readonly mask: (text: string) => string
}

/**
 * Finds the batch protocol of a provider.
 * @category services
 * @since 0.1.0
 */
export class Batches extends Context.Tag("owf/Batch")<Batches, {
  /** Names that can be asked for: built-in ones and those that are configured, sorted. */
  readonly names: Effect.Effect<ReadonlyArray<string>>
  /** The batch protocol of a provider's name or alias. */
  readonly get: (name: string) => Effect.Effect<BatchApi, ProviderUnavailable>
}>() {}

/**
 * A request with everything left out that a batch has no use for.
 * @category constructors
 * @since 0.1.0
 */
export const request = (
  fields: {
    readonly callId: string
    readonly prompt: string
    readonly model: string
    readonly system?: string | undefined
    readonly schema?: JsonSchemaObject | undefined
    readonly temperature?: number | undefined
    readonly maxOutputTokens?: number | undefined
  }
): BatchRequest => ({
  ...bareRequest,
  ...fields
})

/**
 * Whether nothing of a job will change any more.
 * @category predicates
 * @since 0.1.0
 */
export const isEnd = (state: JobState): state is Exclude<JobState, "running" | "cancelling"> =>
  state !== "running" && state !== "cancelling"
