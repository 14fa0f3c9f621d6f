/**
 * Brings a job to its vendor, once.
 *
 * - S1. The intent is stored before the creation is asked for, and the vendor's id right after it is known.
 * - S2. A creation without an answer is looked for before it is asked for again: by the process that waited for it, or by
 *   the next one after a crash. Where it cannot be told whether the vendor has the job, nothing is sent.
 * - S3. A refusal is one of the creation only: what a vendor answers to the question for a job says nothing about the job.
 * - S4. The input is uploaded before the intent; an upload that was lost costs nothing and is repeated.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { BatchJob } from "../domain/BatchRecords.ts"
import { ProviderError } from "../provider/Provider.ts"
import type { BatchJobChange, BatchWriteError } from "../store/BatchStore.ts"
import { BatchStore } from "../store/BatchStore.ts"
import { FailPoint } from "../store/FailPoint.ts"
import type { Found, Job, RemoteJob } from "./Batch.ts"
import * as Batch from "./Batch.ts"
import * as BatchRetry from "./BatchRetry.ts"
import type { Held } from "./BatchWork.ts"
import { BatchPatience, fit } from "./BatchWork.ts"

/**
 * Sends a job that was not sent yet, and finds one of which that is not known; gives the vendor's, or nothing where it
 * has to be looked for again later.
 * @category running
 * @since 0.1.0
 */
export const send = (
  held: Held
): Effect.Effect<RemoteJob | undefined, ProviderError | BatchWriteError, BatchStore> =>
  Effect.gen(function*() {
    if (held.job.state !== "sending") return yield* create(held)
    const found = yield* locate(held, held.job.sentAt ?? 0)
    return found === "absent" ? yield* create(held) : found
  })

/**
 * What is stored of a job when the vendor says how it is.
 * @category converting
 * @since 0.1.0
 */
export const changeOf = (remote: RemoteJob, at: number): BatchJobChange => ({
  state: remote.state,
  remoteId: remote.id,
  rawState: remote.rawState,
  checkedAt: at,
  ...(remote.counts === undefined
    ? {}
    : { remoteSucceeded: remote.counts.succeeded, remoteFailed: remote.counts.failed }),
  ...(remote.problems.length === 0 ? {} : { problems: remote.problems }),
  ...(Batch.isEnd(remote.state) ? { endedAt: at } : {})
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const linesAtATime = 16

/** The stored lines of a job, as often as they are asked for. */
const jobOf = (store: BatchStore["Type"], job: BatchJob, createdAt: number): Job => ({
  id: job.id,
  model: job.model,
  count: job.requests,
  bytes: job.bytes,
  createdAt,
  lines: Stream.paginateChunkEffect(0, (after) =>
    Effect.map(store.lines(job, after, linesAtATime), (rows) => [
      Chunk.map(Chunk.unsafeFromArray(rows), ({ line }) => line),
      rows.length < linesAtATime ? Option.none() : Option.fromNullable(rows.at(-1)?.position)
    ]))
})

const create = Effect.fnUntraced(function*(held: Held) {
  const { api, job, lease } = held
  const store = yield* BatchStore
  const { retry } = yield* BatchPatience
  const upload = BatchRetry.withRetry(api.upload(jobOf(store, job, 0)), retry)
  const input = job.input ??
    (yield* Effect.tap(upload, (input) => store.change(lease, job.number, { input }, "batch.upload")))
  for (let tries = 1;; tries++) {
    const made = yield* createOnce(held, input)
    if (made._tag !== "Refused") return made.remote
    if (!(yield* BatchRetry.pause(retry, made.error, tries))) return yield* made.error
  }
})

type Made =
  | { readonly _tag: "Made"; readonly remote: RemoteJob | undefined }
  /** There is no such job, for certain. */
  | { readonly _tag: "Refused"; readonly error: ProviderError }

/** Asks for the creation once (S1), and looks for the job where that was not answered (S2). */
const createOnce = Effect.fnUntraced(function*(held: Held, input: string): Effect.fn.Return<
  Made,
  ProviderError | BatchWriteError,
  BatchStore
> {
  const { api, job, lease } = held
  const store = yield* BatchStore
  const failPoint = yield* FailPoint
  const sentAt = yield* Clock.currentTimeMillis
  yield* store.change(lease, job.number, { state: "sending", sentAt }, "batch.intend")
  failPoint.hit("batch.send", "before")
  const made = yield* Effect.either(api.create(jobOf(store, job, sentAt), input))
  failPoint.hit("batch.send", "after")
  if (made._tag === "Right") return { _tag: "Made", remote: yield* adopt(held, made.right) }
  if (made.left.mayBeBilled === true) {
    const found = yield* locate(held, sentAt)
    return found === "absent" ? { _tag: "Refused", error: made.left } : { _tag: "Made", remote: found }
  }
  yield* store.change(lease, job.number, { state: "pending" })
  return { _tag: "Refused", error: made.left }
})

/** Looks for a job the vendor may have; one that is there is ours from now on, and one that is not may be sent. */
const locate = Effect.fnUntraced(function*(held: Held, sentAt: number) {
  const { api, job, lease } = held
  const store = yield* BatchStore
  const { believeAbsentAfter, retry } = yield* BatchPatience
  const patience = Duration.toMillis(believeAbsentAfter)
  const look = Effect.gen(function*() {
    const known = yield* store.remoteIds(api.name)
    // a clock that was put back since: the job was sent before now all the same
    const createdAt = Math.min(sentAt, yield* Clock.currentTimeMillis)
    return yield* BatchRetry.withRetry(api.find(jobOf(store, job, createdAt), known), retry)
  }).pipe(Effect.mapError((error) => error._tag === "ProviderError" ? undecided(error) : error))
  let found: Found = yield* look
  // a list may be behind: what is not in it yet is looked for once more
  const early = Math.min(patience, sentAt + patience - (yield* Clock.currentTimeMillis))
  if (found._tag === "Absent" && early > 0) {
    yield* Effect.sleep(Duration.millis(early))
    found = yield* look
  }
  switch (found._tag) {
    case "Found":
      return yield* adopt(held, found.job)
    case "Absent":
      yield* store.change(lease, job.number, { state: "pending", problems: [] })
      return "absent"
    case "Unsure":
      yield* store.change(lease, job.number, { problems: [unsure(found.candidates)] })
      return undefined
  }
})

/** The vendor may have the job, whatever it thinks of the question (S3). */
const undecided = ({ detail, provider, reason, retryAfterMs }: ProviderError): ProviderError =>
  new ProviderError({ provider, reason, detail, retryAfterMs, mayBeBilled: true })

const unsure = (candidates: ReadonlyArray<string>): string =>
  "the answer to its creation was lost, and whether the vendor has it cannot be told yet" +
  (candidates.length === 0 ? "" : `; it may be ${candidates.join(" or ")}`)

const adopt = ({ api, job, lease }: Held, said: RemoteJob): Effect.Effect<RemoteJob, BatchWriteError, BatchStore> =>
  Effect.gen(function*() {
    const store = yield* BatchStore
    const remote = fit(api, said)
    const now = yield* Clock.currentTimeMillis
    yield* store.change(lease, job.number, { problems: [], ...changeOf(remote, now) }, "batch.sent")
    return remote
  })
