/**
 * The record of runs in SQLite: the promises of `RunStore` kept by one writer and statements on a connection to read.
 *
 * What a write is made of stands here; how writes share commits in `SqlWriter`, who may write in `SqlLease`, what the
 * statements are in `SqlTemplates`, reading in `SqlReads`. While the layer lives it renews the leases it holds; when it
 * is released it writes what is queued, gives the leases up and folds the log into the database.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type { RunId } from "../domain/Ids.ts"
import type { Owner } from "./Owner.ts"
import { RunStore } from "./RunStore.ts"
import type { NewRun, Ownership, ResumeChanges, RunOutcome, StoreError } from "./RunStore.ts"
import * as SqlApprovals from "./SqlApprovals.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqlForget from "./SqlForget.ts"
import * as SqlLease from "./SqlLease.ts"
import * as SqlOpened from "./SqlOpened.ts"
import * as SqlRateLimits from "./SqlRateLimits.ts"
import * as SqlReads from "./SqlReads.ts"
import * as SqlTemplates from "./SqlTemplates.ts"
import type { Value } from "./SqlTemplates.ts"
import * as SqlWriter from "./SqlWriter.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * The record of runs of a home. Opened for reading it makes nothing, and every write fails with `ReadOnly`.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqlOpened.Options): Layer.Layer<RunStore, StoreError, Owner> =>
  Layer.scoped(RunStore, make(options))

/**
 * Opens the record of runs of a home.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("SqlRunStore.make")(function*(options: SqlOpened.Options) {
  const { home, owner, path, reader, writer } = yield* SqlOpened.open(options)
  const reads = SqlReads.make({ home, path, connection: reader, owner })
  const held = new Held()
  // given up before what was opened is released, since finalizers run in the opposite order
  if (options.mode === "write") yield* keepLeases(writer, held)
  return { home, ...reads, ...writes({ path, writer, reads, owner, held }) } satisfies RunStore["Type"]
})

// -----------------------------------------------------------------------------
// writes
// -----------------------------------------------------------------------------

/** What this process holds: the leases it renews, and the counters of the runs they cover. */
class Held {
  readonly leases = new Map<string, Ownership>()
  private readonly runs = new Map<string, SqlTemplates.Counters & { readonly root: string }>()

  take(ownership: Ownership, run: { readonly id: string; readonly attempt: number }, lastEvent: number): void {
    this.runs.set(run.id, { root: ownership.rootRunId, attempt: run.attempt, lastEvent, schemas: new Map() })
  }

  /** Counters of a run that was created or taken up here; nothing else is written for. */
  of(runId: string): SqlTemplates.Counters {
    return this.runs.get(runId) ?? { attempt: 1, lastEvent: 0, schemas: new Map() }
  }

  /** Does nothing where the run was taken again since, by another run of its program in this process. */
  drop({ rootRunId, token }: Ownership): void {
    if (this.leases.get(rootRunId)?.token !== token) return
    this.leases.delete(rootRunId)
    for (const [id, { root }] of this.runs) if (root === rootRunId) this.runs.delete(id)
  }
}

interface Parts {
  readonly path: string
  readonly writer: SqlWriter.SqlWriter
  readonly reads: SqlReads.SqlReads
  readonly owner: Owner["Type"]
  readonly held: Held
}

// the methods a call goes through are plain functions without spans: a fan-out makes thousands of them per second
const writes = (parts: Parts) => {
  const { held, owner, writer } = parts
  const unowned = SqlWriter.unowned(writer)
  return {
    ...runWrites(parts),
    heartbeat: (ownership, at) =>
      writer.rows(null, ownership, (batch) => SqlTemplates.renewLease(batch, ownership, at)),
    begin: (ownership, call, attempt) =>
      writer.rows("call.begin", ownership, (batch) => {
        SqlTemplates.addCall(batch, call)
        SqlTemplates.addSchema(batch, call, held.of(call.runId))
        if (attempt !== null) SqlTemplates.addAttempt(batch, attempt)
      }),
    session: (ownership, ref, attempt, id) =>
      writer.rows(null, ownership, (batch) => SqlTemplates.nameSession(batch, ref.runId, ref.index, attempt, id)),
    report: (ownership, ref, attempt, reported) =>
      writer.rows(
        null,
        ownership,
        (batch) => SqlTemplates.reportUsage(batch, ref.runId, ref.index, attempt, reported)
      ),
    giveUpAlias: (alias, id) =>
      unowned(
        null,
        (connection) =>
          Effect.asVoid(connection.run("UPDATE runs SET alias = NULL WHERE alias = ? AND id = ?", [alias, id]))
      ),
    ask: (approval) => unowned(null, (connection) => SqlApprovals.ask(connection, approval)),
    decide: (decision) => unowned(null, (connection) => SqlApprovals.decide(connection, decision)),
    forget: (id, at) => unowned(null, (connection) => SqlForget.forget(connection, owner, id, at)),
    takeRoom: (room) => unowned(null, (connection) => SqlRateLimits.take(connection, room)),
    correctRoom: (room) => unowned(null, (connection) => SqlRateLimits.correct(connection, room)),
    retry: (ownership, ended, next) =>
      writer.rows("call.retry", ownership, (batch) => {
        if (ended !== null) SqlTemplates.endAttempt(batch, ended)
        if (next !== null) SqlTemplates.addAttempt(batch, next)
      }),
    stand: (ownership, ended, call) =>
      writer.rows("call.retry", ownership, (batch) => {
        if (ended !== null) SqlTemplates.endAttempt(batch, ended)
        SqlTemplates.setStanding(batch, call, held.of(call.runId))
      }),
    degrade: (ownership, call) =>
      writer.rows("call.settle", ownership, (batch) => SqlTemplates.degrade(batch, call, held.of(call.runId))),
    settle: (ownership, ended, call) =>
      writer.rows("call.settle", ownership, (batch) => {
        if (ended !== null) SqlTemplates.endAttempt(batch, ended)
        SqlTemplates.endCall(batch, call, held.of(call.runId), null)
      }),
    record: (ownership, call, outcome, source) =>
      writer.rows("call.record", ownership, (batch) => {
        SqlTemplates.addCall(batch, call)
        SqlTemplates.addSchema(batch, call, held.of(call.runId))
        SqlTemplates.endCall(batch, outcome, held.of(call.runId), source)
      }),
    event: (ownership, event) =>
      writer.rows("run.event", ownership, (batch) => SqlTemplates.addEvent(batch, event, held.of(event.runId)))
  } satisfies Partial<RunStore["Type"]>
}

const runWrites = ({ held, owner, path, reads, writer }: Parts) => {
  const journal = (ownership: Ownership, id: RunId) =>
    Effect.zipWith(reads.journal(ownership, id), reads.lastEvent(id), (journal, lastEvent) => {
      held.take(ownership, journal.run, lastEvent)
      return journal
    })

  const abandon = (ownership: Ownership): Effect.Effect<void> =>
    Effect.suspend(() => {
      held.drop(ownership)
      return Effect.ignore(writer.custom(null, ownership, (connection) => SqlLease.release(connection, ownership)))
    })

  /** The journal of a root run that was just made this process's; one that cannot be read is nobody's again. */
  const owned = (ownership: Ownership, id: RunId) =>
    Effect.suspend(() => {
      held.leases.set(id, ownership)
      return Effect.onError(journal(ownership, id), () => abandon(ownership))
    })

  const create = Effect.fn("RunStore.create")(function*(run: NewRun, parent: Ownership | null) {
    if (parent !== null) {
      yield* writer.rows("run.create", parent, (batch) => SqlTemplates.addRun(batch, run))
      return yield* journal(parent, run.id)
    }
    const ownership = yield* writer.custom("run.create", null, (connection) => createRoot(connection, owner, run))
    return yield* owned(ownership, run.id)
  })

  const acquire = Effect.fn("RunStore.acquire")(function*(id: RunId, changes: ResumeChanges) {
    const ownership = yield* writer.custom(
      "run.acquire",
      null,
      (connection) => acquireRoot(connection, owner, id, changes)
    ).pipe(
      Effect.catchTag("OwnershipLost", Effect.die),
      Effect.catchTag("NoSuchRow", () => Effect.flatMap(reads.notFound(id), Effect.fail))
    )
    return yield* owned(ownership, id)
  })

  const acquireChild = Effect.fn("RunStore.acquireChild")(function*(id: RunId, parent: Ownership, at: number) {
    yield* writer.custom("run.acquire", parent, (connection) =>
      Effect.filterOrFail(
        connection.run(`${takeUp} WHERE id = ? AND root_run_id = ?`, [
          SqlTemplates.iso(at),
          SqlTemplates.iso(at),
          id,
          parent.rootRunId
        ]),
        (changed) => changed === 1,
        () => SqlFailure.make("Invalid", path, `run ${id} is no child of ${parent.rootRunId}`)
      ))
    return yield* journal(parent, id)
  })

  const finish = Effect.fn("RunStore.finish")(function*(ownership: Ownership, outcome: RunOutcome) {
    yield* writer.custom("run.finish", ownership, (connection) => finishRun(connection, ownership, outcome))
    if (outcome.runId === ownership.rootRunId) held.drop(ownership)
  })

  return { create, acquire, acquireChild, finish, abandon }
}

const createRoot = Effect.fnUntraced(function*(connection: Writing, owner: Owner["Type"], run: NewRun) {
  const batch = new SqlTemplates.Batch()
  SqlTemplates.addRun(batch, run)
  for (const [template, values] of batch.entries()) yield* connection.run(template.text(1), values)
  return yield* SqlLease.grant(connection, owner, run.id, run.at)
})

const takeUp = "UPDATE runs SET status = 'running', attempt_number = attempt_number + 1, started_at = ?, " +
  "updated_at = ?, completed_at = NULL, error_kind = NULL, error_message = NULL, output_json = NULL"

const noSuchRow = { _tag: "NoSuchRow" } as const

const acquireRoot = Effect.fnUntraced(function*(
  connection: Writing,
  owner: Owner["Type"],
  id: RunId,
  changes: ResumeChanges
) {
  const [row] = yield* connection.all("SELECT root_run_id FROM runs WHERE id = ?", [id])
  if (row === undefined) return yield* Effect.fail(noSuchRow)
  if (row["root_run_id"] !== id) {
    const why = `run ${id} is part of run ${String(row["root_run_id"])} and resumed with it`
    return yield* SqlFailure.make("Invalid", connection.path, why)
  }
  const ownership = yield* SqlLease.take(connection, owner, id, changes.at)
  const at = SqlTemplates.iso(changes.at)
  const tree = "run_id IN (SELECT id FROM runs WHERE root_run_id = ?)"
  yield* connection.run(
    `UPDATE attempts SET status = 'lost', completed_at = ? WHERE status = 'running' AND ${tree}`,
    [at, id]
  )
  yield* connection.run(
    "UPDATE runs SET status = 'interrupted', updated_at = ? WHERE root_run_id = ? AND status = 'running'",
    [at, id]
  )
  yield* connection.run(`${takeUp} WHERE id = ?`, [at, at, id])
  for (const [column, value] of changedColumns(changes)) {
    yield* connection.run(`UPDATE runs SET ${column} = ? WHERE id = ?`, [value, id])
  }
  return ownership
})

const changedColumns = ({ budget, model, provider, scriptHash }: ResumeChanges): ReadonlyArray<[string, Value]> => {
  const changed: Array<[string, Value]> = []
  if (provider !== undefined) changed.push(["provider", provider])
  if (model !== undefined) changed.push(["model", model])
  if (scriptHash !== undefined) changed.push(["script_hash", scriptHash])
  if (budget?.tokens !== undefined) changed.push(["budget_total_tokens", budget.tokens])
  if (budget?.cost !== undefined) changed.push(["budget_total_cost_nano", budget.cost])
  return changed
}

const finishRun = Effect.fnUntraced(function*(connection: Writing, ownership: Ownership, outcome: RunOutcome) {
  const { runId, status } = outcome
  const at = SqlTemplates.iso(outcome.at)
  const ended = status === "interrupted" || status === "waiting" ? null : at
  const changed = yield* connection.run(
    "UPDATE runs SET status = ?, output_json = ?, error_kind = ?, error_message = ?, completed_at = ?, updated_at = ? " +
      "WHERE id = ? AND root_run_id = ?",
    [status, outcome.outputJson, outcome.errorKind, outcome.errorMessage, ended, at, runId, ownership.rootRunId]
  )
  if (changed !== 1) {
    return yield* SqlFailure.make("Invalid", connection.path, `run ${runId} is not part of ${ownership.rootRunId}`)
  }
  if (outcome.replayed.length > 0) {
    yield* connection.run(
      "UPDATE calls SET cache_status = 'replayed', run_attempt = (SELECT attempt_number FROM runs WHERE id = run_id) " +
        "WHERE run_id = ? AND call_index IN (SELECT value FROM json_each(?))",
      [runId, JSON.stringify(outcome.replayed)]
    )
  }
  if (runId === ownership.rootRunId) yield* SqlLease.release(connection, ownership)
})

// -----------------------------------------------------------------------------
// the layer's life
// -----------------------------------------------------------------------------

/** Renews the leases every few seconds of real time; a timer of its own, so that it does not keep the process alive. */
const keepLeases = Effect.fnUntraced(function*(writer: SqlWriter.SqlWriter, held: Held) {
  const realClock = Clock.make()
  const run = Runtime.runFork(yield* Effect.runtime<never>())
  const renew = (ownership: Ownership): Effect.Effect<void> =>
    Effect.flatMap(
      realClock.currentTimeMillis,
      (now) => writer.rows(null, ownership, (batch) => SqlTemplates.renewLease(batch, ownership, now))
    ).pipe(
      Effect.catchTag("OwnershipLost", () => Effect.sync(() => held.drop(ownership))),
      Effect.catchAll((error) => Effect.logWarning("The lease was not renewed.", error))
    )
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const timer = setInterval(() => {
        for (const ownership of held.leases.values()) run(renew(ownership))
      }, renewal)
      return timer.unref()
    }),
    (timer) => {
      clearInterval(timer)
      return Effect.forEach(
        held.leases.values(),
        (ownership) =>
          Effect.ignore(writer.custom(null, ownership, (connection) => SqlLease.release(connection, ownership))),
        {
          discard: true
        }
      )
    }
  )
})

const renewal = 5_000
