/**
 * Takes the results of a job that has ended into the record.
 *
 * - T1. Every request of the job has an outcome afterwards: its row's, or why there is none.
 * - T2. Rows come in any order, from any file; the first one of a request counts. What does not belong to the job is counted
 *   and left out.
 * - T3. Cut off anywhere, it begins again and comes to the same: files that are whole are not downloaded again, outcomes
 *   that are stored stay.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { BatchRowStatus } from "../domain/BatchRecords.ts"
import { Pricing } from "../provider/Pricing.ts"
import type { ProviderError } from "../provider/Provider.ts"
import type { BatchWriteError } from "../store/BatchStore.ts"
import { BatchStore } from "../store/BatchStore.ts"
import type { RemoteJob, Row } from "./Batch.ts"
import * as BatchDownload from "./BatchDownload.ts"
import * as BatchOutcome from "./BatchOutcome.ts"
import type { Held } from "./BatchWork.ts"
import { BatchPatience } from "./BatchWork.ts"

/**
 * Takes the results of a job into the record; `remote` is how the vendor says it ended.
 * @category running
 * @since 0.1.0
 */
export const settle = (
  held: Held,
  remote: RemoteJob
): Effect.Effect<void, ProviderError | BatchWriteError, BatchStore | Pricing | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const { api, job, lease } = held
    const store = yield* BatchStore
    const { retry } = yield* BatchPatience
    const directory = `${store.home}/batches/${job.batchId}`
    yield* makeDirectory(directory)
    const problems = new Set(remote.problems)
    for (const [index, file] of remote.files.entries()) {
      const path = `${directory}/job-${job.number}-${index}-${file.name.replaceAll(/[^a-z]/g, "")}.jsonl`
      const here = yield* BatchDownload.toFile(api, file, path, retry).pipe(
        // a file may be there a little later than the vendor says, and what is not taken in now never will be
        Effect.retry({ while: isGone, schedule: Schedule.exponential(retry.base), times: retry.attempts - 1 }),
        Effect.as(true),
        Effect.catchIf(isGone, (error) => Effect.as(Effect.sync(() => problems.add(error.detail)), false))
      )
      if (here) yield* readFile(held, path, problems)
    }
    if (problems.size > 0) yield* store.change(lease, job.number, { problems: [...problems].slice(0, maxProblems) })
    const rest = restOf(remote, [...problems])
    yield* store.finish(lease, job.number, { ...rest, at: yield* Clock.currentTimeMillis })
    yield* removeFiles(directory, job.number)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxProblems = 20
/** Rows of one transaction, which may be as many or as long. */
const maxRows = 256
const maxCharacters = 262_144

const isGone = (error: { readonly _tag: string }): error is ProviderError =>
  error._tag === "ProviderError" && "reason" in error && error.reason === "InvalidRequest"

const makeDirectory = (directory: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeDirectory(directory, { recursive: true, mode: 0o700 })).pipe(
    Effect.mapError(BatchDownload.onDisk(directory))
  )

/** What was downloaded is in the record now. */
const removeFiles = (directory: string, job: number) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const names = yield* fs.readDirectory(directory)
    const own = names.filter((name) => name.startsWith(`job-${job}-`))
    yield* Effect.forEach(own, (name) => fs.remove(`${directory}/${name}`, { force: true }), { discard: true })
    if (own.length === names.length) yield* fs.remove(directory, { recursive: true, force: true })
  }).pipe(Effect.mapError(BatchDownload.onDisk(directory)))

interface Given {
  readonly position: number
  readonly row: Row
}

/** Reads a file of results, a few rows at a time. */
const readFile = Effect.fnUntraced(function*(held: Held, path: string, problems: Set<string>) {
  const { api, job, lease } = held
  const store = yield* BatchStore
  const reader = BatchOutcome.make(api, yield* Pricing, yield* Clock.currentTimeMillis)
  let unreadable = 0
  let foreign = 0
  const lines = BatchDownload.lines(path, (dropped) => {
    unreadable += dropped
  })
  const take = Effect.fnUntraced(function*(lines: Chunk.Chunk<string>) {
    const given: Array<Given> = []
    for (const line of lines) {
      const row = Option.getOrUndefined(api.decode(line))
      const position = row === undefined ? undefined : positionOf(job.id, row.key)
      if (row === undefined) unreadable++
      else if (position === undefined) foreign++
      else given.push({ position, row })
    }
    const asked = yield* store.asked(job, given.map(({ position }) => position))
    const byPosition = new Map(asked.map((request) => [request.position, request]))
    const outcomes = yield* Effect.forEach(given, ({ position, row }) => {
      const request = byPosition.get(position)
      if (request === undefined) foreign++
      return request === undefined || request.isSettled
        ? Effect.succeed([])
        : Effect.map(reader.read(request, row), (outcome) => [outcome])
    })
    yield* store.settle(lease, outcomes.flat())
  })
  yield* Stream.runForEach(inPortions(lines), take)
  if (unreadable > 0) problems.add(`${linesOf(unreadable)} of its results cannot be read`)
  if (foreign > 0) {
    problems.add(`${linesOf(foreign)} of its results ${foreign === 1 ? "is" : "are"} of no request of this job`)
  }
})

const linesOf = (count: number): string => `${count} line${count === 1 ? "" : "s"}`

/** Lines in portions of a bounded number and length. */
const inPortions = <E, R>(lines: Stream.Stream<string, E, R>): Stream.Stream<Chunk.Chunk<string>, E, R> =>
  lines.pipe(
    Stream.rechunk(1),
    Stream.mapAccum({ rows: 0, characters: 0, portion: 0 }, (before, line) => {
      const isFull = before.rows >= maxRows || before.characters + line.length > maxCharacters
      const next = isFull
        ? { rows: 1, characters: line.length, portion: before.portion + 1 }
        : { rows: before.rows + 1, characters: before.characters + line.length, portion: before.portion }
      return [next, [next.portion, line] as const]
    }),
    Stream.groupAdjacentBy(([portion]) => portion),
    Stream.map(([, portion]) => Chunk.map(portion, ([, line]) => line))
  )

/** The position a key of ours ends in. */
const positionOf = (jobId: string, key: string): number | undefined => {
  const digits = key.startsWith(`${jobId}-`) ? /^[1-9]\d{0,8}$/.exec(key.slice(jobId.length + 1))?.[0] : undefined
  return digits === undefined ? undefined : Number(digits)
}

/** What a request without a row came to. */
const restOf = (
  { rawState, state }: RemoteJob,
  problems: ReadonlyArray<string>
): { readonly status: BatchRowStatus; readonly error: string } => {
  switch (state) {
    case "expired":
    case "cancelled":
      return { status: state, error: BatchOutcome.notRun[state] }
    case "failed":
      return { status: "provider_failed", error: ["the job failed", ...problems.slice(0, 3)].join(": ") }
    case "running":
    case "cancelling":
    case "completed":
      return {
        status: "missing",
        error: [`the results of the job (${rawState}) do not hold this request`, ...problems.slice(0, 3)].join(": ")
      }
  }
}
