/**
 * Writes a batch down, split into jobs that their vendor takes.
 *
 * - W1. Nothing is stored before the whole input was found valid, and nothing sent before all of it is stored.
 * - W2. A request is stored as exactly the line that is sent, so that a later version of this program sends the same.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BatchId } from "../domain/BatchRecords.ts"
import { makeRunId } from "../domain/Ids.ts"
import type { ProviderError, ProviderUnavailable } from "../provider/Provider.ts"
import type { BatchLease, BatchWriteError, NewBatchJob, NewBatchRequest } from "../store/BatchStore.ts"
import { BatchStore } from "../store/BatchStore.ts"
import type { BatchApi } from "./Batch.ts"
import * as Batch from "./Batch.ts"
import * as BatchInput from "./BatchInput.ts"
import * as BatchWork from "./BatchWork.ts"

/**
 * What is asked for.
 * @category models
 * @since 0.1.0
 */
export interface Submission {
  /** Path of the file of prompts. */
  readonly file: string
  readonly provider: string
  /** The model of prompts that name none. Defaults to the provider's own. */
  readonly model?: string | undefined
}

/**
 * A submission that is known to be valid.
 * @category models
 * @since 0.1.0
 */
export interface Verified extends BatchInput.Checked {
  readonly api: BatchApi
  readonly file: string
  /** The model of prompts that name none. */
  readonly model: string
}

/**
 * Looks at a submission: whether there is such a provider, whether its key is there, whether every line is valid (W1).
 * @category running
 * @since 0.1.0
 */
export const verify = (submission: Submission): Effect.Effect<
  Verified,
  BatchInput.BatchInputError | ProviderUnavailable | ProviderError,
  Batch.Batches | FileSystem
> =>
  Effect.gen(function*() {
    const { file, provider } = submission
    const api = yield* Effect.flatMap(Batch.Batches, (batches) => batches.get(provider))
    yield* api.ready
    return { ...(yield* BatchInput.check(file)), api, file, model: api.resolveModel(submission.model) }
  })

/**
 * Stores the requests of a file and their jobs, and gives the batch's id.
 * @category running
 * @since 0.1.0
 */
export const store = (
  verified: Verified
): Effect.Effect<BatchId, BatchInput.BatchInputError | BatchWriteError, BatchStore | FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const { api, model } = verified
    const batches = yield* BatchStore
    const id = `batch-${yield* makeRunId}` as BatchId
    const now = yield* Clock.currentTimeMillis
    const lease = yield* Effect.acquireRelease(
      batches.create({ id, provider: api.name, model, at: now }),
      BatchWork.release(batches)
    )
    yield* BatchWork.keep(batches, lease)
    yield* Effect.tapError(fill(verified, lease), () => Effect.ignoreLogged(batches.discard(lease)))
    return id
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxRequests = 500
const maxCharacters = 4_194_304
const encoder = new TextEncoder()

/** Requests that are written together, as many or as long as one transaction may be. */
class Pending {
  private requests: Array<NewBatchRequest> = []
  private characters = 0

  add(request: NewBatchRequest): void {
    this.requests.push(request)
    this.characters += request.line.length + request.prompt.length
  }

  get isFull(): boolean {
    return this.requests.length >= maxRequests || this.characters >= maxCharacters
  }

  take(): ReadonlyArray<NewBatchRequest> {
    const { requests } = this
    this.requests = []
    this.characters = 0
    return requests
  }
}

const fill = Effect.fnUntraced(function*({ api, count, file, model }: Verified, lease: BatchLease): Effect.fn.Return<
  void,
  BatchInput.BatchInputError | BatchWriteError,
  BatchStore | FileSystem
> {
  const batches = yield* BatchStore
  const jobs = new Jobs(api, lease.id)
  const pending = new Pending()
  let position = 0
  const take = (item: BatchInput.Item): Effect.Effect<void, BatchInput.BatchInputError | BatchWriteError> => {
    position++
    const request = requestOf(
      api,
      jobs,
      item,
      position,
      item.model === undefined ? model : api.resolveModel(item.model)
    )
    if (request === undefined) {
      const problem = `${file}: the request '${item.customId}' is longer than a job of ${api.name} may be`
      return new BatchInput.BatchInputError({ file, problems: [problem] })
    }
    pending.add(request)
    return pending.isFull ? batches.add(lease, pending.take()) : Effect.void
  }
  yield* Stream.runForEach(BatchInput.items(file), take)
  yield* batches.add(lease, pending.take())
  if (position !== count) {
    return yield* new BatchInput.BatchInputError({ file, problems: [`${file}: it was changed while it was read`] })
  }
  yield* batches.seal(lease, jobs.all, yield* Clock.currentTimeMillis)
})

const requestOf = (
  api: BatchApi,
  jobs: Jobs,
  item: BatchInput.Item,
  position: number,
  model: string
): NewBatchRequest | undefined => {
  const { customId, maxTokens, prompt, schema, system } = item
  const encode = (job: string) => {
    const key = `${job}-${position}`
    return api.encode(key, Batch.request({ callId: key, prompt, model, system, schema, maxOutputTokens: maxTokens }))
  }
  const placed = jobs.place(model, encode)
  return placed === undefined ? undefined : {
    position,
    job: placed.job,
    customId,
    model,
    prompt,
    schemaJson: schema === undefined ? null : JSON.stringify(schema),
    form: placed.encoded.form,
    line: placed.encoded.line
  }
}

interface OpenJob {
  readonly number: number
  readonly id: string
  readonly model: string
  requests: number
  bytes: number
}

/** Splits requests into jobs: in order, and per model where a job has one. */
class Jobs {
  private readonly jobs: Array<OpenJob> = []
  private readonly open = new Map<string, OpenJob>()
  private readonly api: BatchApi
  private readonly batchId: BatchId
  constructor(api: BatchApi, batchId: BatchId) {
    this.api = api
    this.batchId = batchId
  }

  get all(): ReadonlyArray<NewBatchJob> {
    return this.jobs
  }

  /** Puts a request into a job; none where it is too long for any. */
  place(model: string, encode: (job: string) => Batch.Encoded): { job: number; encoded: Batch.Encoded } | undefined {
    const { isOneModel, maxBytes, maxRequests } = this.api.limits
    const group = isOneModel ? model : ""
    const job = this.open.get(group) ?? this.begin(group, model)
    const encoded = encode(job.id)
    const bytes = encoder.encode(encoded.line).length
    // a line break, or a comma, each
    if (job.requests < maxRequests && job.bytes + job.requests + bytes + 1 <= maxBytes) {
      job.requests++
      job.bytes += bytes
      return { job: job.number, encoded }
    }
    if (job.requests === 0) return undefined
    this.open.delete(group)
    return this.place(model, encode)
  }

  private begin(group: string, model: string): OpenJob {
    const number = this.jobs.length + 1
    const job = { number, id: `owf-${this.batchId.slice("batch-".length)}-${number}`, model, requests: 0, bytes: 0 }
    this.jobs.push(job)
    this.open.set(group, job)
    return job
  }
}
