/**
 * The record of batches in SQLite: the promises of `BatchStore` kept by one writer and statements on a connection to read.
 *
 * A lease is like that of a run (`SqlLease`): a token in the database, looked up in the transaction of every write.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Records from "../domain/BatchRecords.ts"
import type { BatchId } from "../domain/BatchRecords.ts"
import type { BatchJobChange, BatchLease, BatchWriteError, NewBatchRequest, SettledRequest } from "./BatchStore.ts"
import { BatchLost, BatchNotFound, BatchOwned, BatchStore } from "./BatchStore.ts"
import type { BatchStep } from "./FailPoint.ts"
import type { Owner } from "./Owner.ts"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqlLease from "./SqlLease.ts"
import * as SqlOpened from "./SqlOpened.ts"
import { decodeAll } from "./SqlRows.ts"
import type { Row } from "./SqlRows.ts"
import type { Value } from "./SqlTemplates.ts"
import { iso } from "./SqlTemplates.ts"
import * as SqlWriter from "./SqlWriter.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * The record of batches of a home. Opened for reading it makes nothing, and every write fails with `ReadOnly`.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqlOpened.Options): Layer.Layer<BatchStore, StoreError, Owner> =>
  Layer.scoped(BatchStore, make(options))

/**
 * Opens the record of batches of a home.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("SqlBatches.make")(function*(options: SqlOpened.Options) {
  const { home, owner, path, reader, writer } = yield* SqlOpened.open(options)
  return { home, ...reads(home, path, reader), ...writes(writer, owner) } satisfies BatchStore["Type"]
})

// -----------------------------------------------------------------------------
// reading
// -----------------------------------------------------------------------------

const selectBatches = `SELECT batches.id, batches.provider, batches.model, batches.requests, batches.created_at,
  count(jobs.number) AS jobs, coalesce(sum(jobs.ok), 0) AS ok, coalesce(sum(jobs.failed), 0) AS failed,
  coalesce(sum(jobs.input_tokens), 0) AS input_tokens, coalesce(sum(jobs.output_tokens), 0) AS output_tokens,
  CASE WHEN count(jobs.cost_nano) = count(jobs.settled_at) THEN coalesce(sum(jobs.cost_nano), 0) / 1e9 END AS cost_usd,
  CASE WHEN batches.stored_at IS NULL THEN 'storing'
    WHEN count(jobs.settled_at) < count(jobs.number) THEN 'running'
    WHEN coalesce(sum(jobs.failed), 0) = 0 THEN 'done'
    WHEN coalesce(sum(jobs.ok), 0) = 0 THEN 'failed'
    ELSE 'partial' END AS status
  FROM batches LEFT JOIN batch_jobs AS jobs ON jobs.batch_id = batches.id `

const selectJobs = `SELECT batch_id, number, id, model, requests, bytes, state, input, sent_at, remote_id, raw_state,
  remote_succeeded, remote_failed, checked_at, cancel_asked_at, ended_at, settled_at, ok, failed, input_tokens,
  output_tokens, cost_nano / 1e9 AS cost_usd, problems_json FROM batch_jobs `

const selectRows = `SELECT position, custom_id, model, status, error_kind, error, text, value_json,
  input_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) AS input_tokens, output_tokens,
  cost_nano / 1e9 AS cost_usd, prompt FROM batch_requests `

const reads = (home: string, path: string, connection: SqlConnection.Connection) => {
  const all = (statement: string, ...parameters: ReadonlyArray<Value>): Effect.Effect<ReadonlyArray<Row>, StoreError> =>
    Effect.mapError(
      connection.execute(statement, parameters, undefined),
      (error) => SqlFailure.fromUnknown(path, error)
    )
  const batches = decodeAll(Records.Batch)(path)
  const jobs = decodeAll(Records.BatchJob)(path)
  const rows = decodeAll(Records.BatchRow)(path)
  const list = Effect.flatMap(all(`${selectBatches} GROUP BY batches.id ORDER BY batches.id DESC`), batches)

  const idOf = (id: string) =>
    id === "latest"
      ? all("SELECT id FROM batches ORDER BY id DESC LIMIT 1")
      : all(
        "SELECT id FROM batches WHERE id = ? UNION SELECT batch_id FROM batch_jobs WHERE remote_id = ? " +
          "UNION SELECT id FROM batches WHERE ? >= length('batch-2') AND substr(id, 1, ?) = ? LIMIT 2",
        id,
        id,
        id.length,
        id.length,
        id
      )
  const find = Effect.fn("BatchStore.find")(function*(id: string) {
    const [found, other] = yield* idOf(id)
    if (found === undefined || other !== undefined) {
      const newest = yield* all("SELECT id FROM batches ORDER BY id DESC LIMIT 3")
      return yield* new BatchNotFound({ id, home, nearest: newest.map((row) => String(row["id"])) })
    }
    const [batch] = yield* Effect.flatMap(
      all(`${selectBatches} WHERE batches.id = ? GROUP BY batches.id`, String(found["id"])),
      batches
    )
    return batch ?? (yield* new BatchNotFound({ id, home, nearest: [] }))
  })

  return {
    list,
    find,
    jobs: (id) => Effect.flatMap(all(`${selectJobs} WHERE batch_id = ? ORDER BY number`, id), jobs),
    remoteIds: (provider) =>
      Effect.map(
        all(
          "SELECT remote_id FROM batch_jobs JOIN batches ON batches.id = batch_id " +
            "WHERE provider = ? AND remote_id IS NOT NULL",
          provider
        ),
        (found) => new Set(found.map((row) => String(row["remote_id"])))
      ),
    lines: ({ batchId, number }, after, limit) =>
      Effect.map(
        all(
          "SELECT position, line FROM batch_requests WHERE batch_id = ? AND position > ? AND job = ? " +
            "ORDER BY position LIMIT ?",
          batchId,
          after,
          number,
          limit
        ),
        (found) => found.map((row) => ({ position: Number(row["position"]), line: String(row["line"]) }))
      ),
    asked: ({ batchId, number }, positions) =>
      Effect.map(
        all(
          "SELECT position, form, model, schema_json, status FROM batch_requests " +
            "WHERE batch_id = ? AND job = ? AND position IN (SELECT value FROM json_each(?))",
          batchId,
          number,
          JSON.stringify(positions)
        ),
        (found) =>
          found.map((row) => ({
            position: Number(row["position"]),
            form: String(row["form"]),
            model: String(row["model"]),
            schemaJson: typeof row["schema_json"] === "string" ? row["schema_json"] : null,
            isSettled: row["status"] !== null
          }))
      ),
    rows: (id, after, limit) =>
      Effect.flatMap(
        all(`${selectRows} WHERE batch_id = ? AND position > ? ORDER BY position LIMIT ?`, id, after, limit),
        rows
      )
  } satisfies Partial<BatchStore["Type"]>
}

// -----------------------------------------------------------------------------
// writing
// -----------------------------------------------------------------------------

const writes = (writer: SqlWriter.SqlWriter, owner: Owner["Type"]) => {
  const free = SqlWriter.unowned(writer)
  const leased = <A>(
    step: BatchStep | null,
    lease: BatchLease,
    run: (connection: Writing) => Effect.Effect<A, StoreError>
  ): Effect.Effect<A, BatchWriteError> =>
    free<A, BatchLost>(step, (connection) => Effect.zipRight(check(connection, lease), run(connection)))

  return {
    create: ({ at, id, model, provider }) =>
      free<BatchLease, never>(null, (connection) =>
        Effect.zipRight(
          connection.run("INSERT INTO batches (id, provider, model, created_at) VALUES (?, ?, ?, ?)", [
            id,
            provider,
            model,
            iso(at)
          ]),
          grant(connection, owner, id, at)
        )),
    add: (lease, requests) =>
      leased(
        null,
        lease,
        (connection) =>
          Effect.forEach(requests, (request) => connection.run(insertRequest, valuesOf(lease.id, request)), {
            discard: true
          })
      ),
    seal: (lease, jobs, at) =>
      leased("batch.store", lease, (connection) =>
        Effect.zipRight(
          Effect.forEach(jobs, ({ bytes, id, model, number, requests }) =>
            connection.run(
              "INSERT INTO batch_jobs (batch_id, number, id, model, requests, bytes, state) " +
                "VALUES (?, ?, ?, ?, ?, ?, 'pending')",
              [lease.id, number, id, model, requests, bytes]
            )),
          connection.run(
            "UPDATE batches SET stored_at = ?, requests = (SELECT count(*) FROM batch_requests WHERE batch_id = id) " +
              "WHERE id = ?",
            [iso(at), lease.id]
          )
        )),
    discard: (lease) => leased(null, lease, (connection) => discard(connection, lease.id)),
    take: (id, at) => free<BatchLease, BatchOwned>(null, (connection) => take(connection, owner, id, at)),
    renew: (lease, at) =>
      leased(null, lease, (connection) =>
        Effect.asVoid(
          connection.run("UPDATE batch_leases SET heartbeat_at = ? WHERE batch_id = ?", [at, lease.id])
        )),
    release: (lease) =>
      free<void, never>(null, (connection) =>
        Effect.asVoid(
          connection.run("DELETE FROM batch_leases WHERE batch_id = ? AND token = ?", [lease.id, lease.token])
        )),
    change: (lease, job, change, step) =>
      leased(step ?? null, lease, (connection) => changeJob(connection, lease.id, job, change)),
    settle: (lease, outcomes) =>
      leased(
        "batch.settle",
        lease,
        (connection) =>
          Effect.forEach(outcomes, (outcome) => connection.run(settleRequest, settledValues(lease.id, outcome)), {
            discard: true
          })
      ),
    finish: (lease, job, { at, error, status }) =>
      leased("batch.finish", lease, (connection) =>
        Effect.zipRight(
          connection.run(
            "UPDATE batch_requests SET status = ?, error = ? WHERE batch_id = ? AND job = ? AND status IS NULL",
            [status, error, lease.id, job]
          ),
          Effect.asVoid(connection.run(addUp, [lease.id, job, iso(at), lease.id, job]))
        ))
  } satisfies Partial<BatchStore["Type"]>
}

const insertRequest = "INSERT INTO batch_requests " +
  "(batch_id, position, job, custom_id, model, form, schema_json, prompt, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

const valuesOf = (id: BatchId, request: NewBatchRequest): ReadonlyArray<Value> => [
  id,
  request.position,
  request.job,
  request.customId,
  request.model,
  request.form,
  request.schemaJson,
  request.prompt,
  request.line
]

const settleRequest = "UPDATE batch_requests SET status = ?, error_kind = ?, error = ?, text = ?, value_json = ?, " +
  "input_tokens = ?, output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, cost_nano = ?, cost_source = ?, " +
  "answered_model = ? WHERE batch_id = ? AND position = ? AND status IS NULL"

const settledValues = (id: BatchId, outcome: SettledRequest): ReadonlyArray<Value> => [
  outcome.status,
  outcome.errorKind,
  outcome.error,
  outcome.text,
  outcome.valueJson,
  outcome.usage?.inputTokens ?? null,
  outcome.usage?.outputTokens ?? null,
  outcome.usage?.cacheReadTokens ?? null,
  outcome.usage?.cacheWriteTokens ?? null,
  outcome.cost,
  outcome.costSource,
  outcome.answeredModel,
  id,
  outcome.position
]

// tokens without a known price make the sum unknown; a request that used none costs nothing
const addUp = `UPDATE batch_jobs SET (ok, failed, input_tokens, output_tokens, cost_nano) = (
    SELECT coalesce(sum(status = 'ok'), 0), coalesce(sum(status <> 'ok'), 0),
      coalesce(sum(input_tokens + cache_read_tokens + cache_write_tokens), 0), coalesce(sum(output_tokens), 0),
      CASE WHEN count(cost_nano) = count(input_tokens) THEN coalesce(sum(cost_nano), 0) END
    FROM batch_requests WHERE batch_id = ? AND job = ?
  ), settled_at = ? WHERE batch_id = ? AND number = ?`

const changeJob = (
  connection: Writing,
  id: BatchId,
  job: number,
  change: BatchJobChange
): Effect.Effect<void, StoreError> => {
  const columns: ReadonlyArray<readonly [column: string, value: Value | undefined]> = [
    ["state", change.state],
    ["input", change.input],
    ["sent_at", change.sentAt],
    ["remote_id", change.remoteId],
    ["raw_state", change.rawState],
    ["remote_succeeded", change.remoteSucceeded],
    ["remote_failed", change.remoteFailed],
    ["checked_at", timeOf(change.checkedAt)],
    ["cancel_asked_at", timeOf(change.cancelAskedAt)],
    ["ended_at", timeOf(change.endedAt)],
    ["problems_json", change.problems === undefined ? undefined : JSON.stringify(change.problems)]
  ]
  const set = columns.flatMap(([column, value]) => value === undefined ? [] : [[column, value] as const])
  return set.length === 0 ? Effect.void : Effect.asVoid(connection.run(
    `UPDATE batch_jobs SET ${set.map(([column]) => `${column} = ?`).join(", ")} WHERE batch_id = ? AND number = ?`,
    [...set.map(([, value]) => value), id, job]
  ))
}

const timeOf = (at: number | undefined): string | undefined => at === undefined ? undefined : iso(at)

const check = (connection: Writing, { id, token }: BatchLease): Effect.Effect<void, StoreError | BatchLost> =>
  Effect.flatMap(
    connection.all("SELECT token FROM batch_leases WHERE batch_id = ?", [id]),
    ([row]) => row?.["token"] === token ? Effect.void : Effect.fail(new BatchLost({ id }))
  )

/** What is sealed may have been sent and is never forgotten. */
const discard = (connection: Writing, id: BatchId): Effect.Effect<void, StoreError> =>
  Effect.forEach(["batch_leases", "batch_requests"], (table) =>
    connection.run(
      `DELETE FROM ${table} WHERE batch_id = (SELECT id FROM batches WHERE id = ? AND stored_at IS NULL)`,
      [id]
    )).pipe(
      Effect.zipRight(connection.run("DELETE FROM batches WHERE id = ? AND stored_at IS NULL", [id])),
      Effect.asVoid
    )

const leases: SqlLease.Table = { name: "batch_leases", key: "batch_id" }

const take = Effect.fnUntraced(function*(connection: Writing, owner: Owner["Type"], id: BatchId, at: number) {
  const lease = yield* SqlLease.held(connection, owner, leases, id, at)
  if (lease !== undefined) {
    return yield* new BatchOwned({ id, pid: lease.owner.pid, host: lease.owner.host, since: lease.takenAt })
  }
  return yield* grant(connection, owner, id, at)
})

const grant = (
  connection: Writing,
  owner: Owner["Type"],
  id: BatchId,
  at: number
): Effect.Effect<BatchLease, StoreError> =>
  Effect.map(SqlLease.write(connection, owner, leases, id, at), (token) => ({ id, token }))
