/**
 * What `owf batch` does, in the unbundled library, on Node.
 *
 * It takes and gives plain data, because whoever calls it may have another copy of Effect. What fails is thrown as it is.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import * as BatchRegistry from "../batch/BatchRegistry.ts"
import * as BatchRun from "../batch/BatchRun.ts"
import * as BatchSubmit from "../batch/BatchSubmit.ts"
import type { BatchHost, BatchJobView, BatchRowView, BatchView } from "../cli/BatchView.ts"
import type { BatchJob, BatchRow } from "../domain/BatchRecords.ts"
import * as Pricing from "../provider/Pricing.ts"
import type { Environment } from "../settings/Settings.ts"
import { BatchStore } from "../store/BatchStore.ts"
import * as SqlBatches from "../store/SqlBatches.ts"
import * as HttpClientNode from "./HttpClientNode.ts"
import * as ProcessOwner from "./ProcessOwner.ts"
import * as SettingsNode from "./SettingsNode.ts"

/**
 * The commands about batches, configured by variables.
 * @category constructors
 * @since 0.1.0
 */
export const make = (environment: Environment): BatchHost => {
  const working = <A, E>(home: string, effect: Effect.Effect<A, E, BatchRun.Services>): Promise<A> =>
    promised(Effect.provide(effect, services(environment, home)))
  const reading = <A, E>(home: string, effect: Effect.Effect<A, E, BatchStore>): Promise<A> =>
    promised(Effect.provide(effect, stored(home, "read")))
  return {
    submit: ({ file, home, model, provider }, tell) =>
      promised(
        Effect.gen(function*() {
          // a home is made for a batch that can be stored only
          const verified = yield* BatchSubmit.verify({ file, provider, model })
          return yield* Effect.provide(
            Effect.gen(function*() {
              const id = yield* BatchSubmit.store(verified)
              tell({ batch_id: id, unused_keys: verified.unusedKeys })
              return viewOf(yield* BatchRun.advance(id))
            }),
            stored(home, "write")
          )
        }).pipe(Effect.provide(protocols(environment)))
      ),
    status: async (home, id) => {
      const now = await reading(home, BatchRun.look(id))
      // what is done or cannot be asked about needs neither a key nor a right to write
      return viewOf(BatchRun.isSettled(now.batch) ? now : await working(home, BatchRun.check(id)))
    },
    advance: async (home, id) => {
      const now = await reading(home, BatchRun.look(id))
      return viewOf(BatchRun.isSettled(now.batch) ? now : await working(home, BatchRun.advance(id)))
    },
    wait: async (home, id, { everySeconds, standing, timeoutSeconds }) => {
      const now = await reading(home, BatchRun.look(id))
      if (BatchRun.isSettled(now.batch)) return viewOf(now)
      const waiting = BatchRun.wait(id, {
        every: Duration.seconds(everySeconds),
        onStanding: (now) => Effect.sync(() => standing(viewOf(now)))
      })
      const bounded = timeoutSeconds === undefined ? waiting : Effect.timeoutFail(waiting, {
        duration: Duration.seconds(timeoutSeconds),
        onTimeout: () => new BatchWaitedTooLong({ id: now.batch.id, seconds: timeoutSeconds })
      })
      return viewOf(await working(home, bounded))
    },
    cancel: (home, id, giveUp) => working(home, Effect.map(BatchRun.cancel(id, { giveUp }), viewOf)),
    list: (home) =>
      reading(
        home,
        Effect.gen(function*() {
          const store = yield* BatchStore
          const batches = yield* store.list
          return yield* Effect.forEach(batches, (batch) =>
            Effect.map(store.jobs(batch.id), (jobs) => viewOf({ batch, jobs, problems: [] })))
        })
      ),
    rows: (home, id, take) =>
      reading(
        home,
        Effect.gen(function*() {
          const store = yield* BatchStore
          const batch = yield* store.find(id)
          for (let after = 0;;) {
            const rows = yield* store.rows(batch.id, after, rowsAtATime)
            const last = rows.at(-1)
            if (last === undefined) return
            yield* Effect.promise(() => take(rows.map(rowOf)))
            after = last.position
          }
        })
      )
  }
}

/**
 * The time a wait was given is over; the batch goes on without it.
 * @category errors
 * @since 0.1.0
 */
export class BatchWaitedTooLong extends Schema.TaggedError<BatchWaitedTooLong>("owf/node/BatchWaitedTooLong")(
  "WaitedTooLong",
  { id: Schema.String, seconds: Schema.Number }
) {
  override get message(): string {
    return `${this.id} was not done after ${this.seconds} s. It goes on at its vendor; wait for it again.`
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Few enough that long answers fit into memory. */
const rowsAtATime = 16

const stored = (home: string, mode: "read" | "write") =>
  Layer.provide(SqlBatches.layer({ home, mode }), ProcessOwner.layer)

const services = (environment: Environment, home: string) => Layer.merge(stored(home, "write"), protocols(environment))

const protocols = (environment: Environment) => {
  const settings = SettingsNode.layer(environment)
  const prices = Layer.provide(Pricing.layer, Layer.merge(settings, NodeFileSystem.layer))
  const http = Layer.provideMerge(HttpClientNode.layer, settings)
  return Layer.mergeAll(prices, Layer.provide(BatchRegistry.layer, http), NodeFileSystem.layer)
}

const promised = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
  const exit = await Effect.runPromiseExit(Logger.withMinimumLogLevel(effect, LogLevel.None))
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

const viewOf = ({ batch, jobs, problems }: BatchRun.Standing): BatchView => ({
  batch_id: batch.id,
  provider: batch.provider,
  model: batch.model,
  count: batch.requests,
  status: batch.status,
  done: BatchRun.isSettled(batch),
  raw_status: [...new Set(jobs.map(({ rawState, state }) => rawState ?? state))].join(", ") || batch.status,
  counts: {
    total: batch.requests,
    succeeded: sum(jobs.map(succeededOf)),
    failed: sum(jobs.map(failedOf))
  },
  input_tokens: batch.inputTokens,
  output_tokens: batch.outputTokens,
  total_cost_usd: batch.costUsd,
  created_at: batch.createdAt,
  jobs: jobs.map(jobOf),
  problems: problems.map(({ error, job }) => ({
    job,
    reason: error.reason,
    message: error.message,
    transient: error.isTransient
  }))
})

const sum = (counts: ReadonlyArray<number>): number => counts.reduce((total, count) => total + count, 0)

/** What the vendor counts until the job is settled, and what was stored then. */
const succeededOf = (job: BatchJob): number => job.settledAt === null ? job.remoteSucceeded ?? 0 : job.ok
const failedOf = (job: BatchJob): number => job.settledAt === null ? job.remoteFailed ?? 0 : job.failed

const jobOf = (job: BatchJob): BatchJobView => ({
  job: job.number,
  remote_id: job.remoteId,
  model: job.model,
  state: job.state,
  raw_state: job.rawState,
  count: job.requests,
  succeeded: succeededOf(job),
  failed: failedOf(job),
  settled: job.settledAt !== null,
  problems: job.problems
})

const parseJson = Schema.decodeSync(Schema.parseJson())

const rowOf = (row: BatchRow): BatchRowView => ({
  custom_id: row.customId,
  ok: row.status === "ok",
  text: row.text,
  value: row.valueJson === null ? null : parseJson(row.valueJson),
  input_tokens: row.inputTokens,
  output_tokens: row.outputTokens,
  cost_usd: row.costUsd,
  error: row.status === "ok"
    ? null
    : [row.errorKind ?? [], row.error ?? row.status ?? "not answered yet"].flat().join(": "),
  prompt: row.prompt
})
