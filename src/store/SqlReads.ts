/**
 * Reading the record of runs: every read sees what was acknowledged before it.
 *
 * Reads are single statements on a connection of their own, so the writer does not wait for them and they do not wait
 * for the writer. What is shown as a run's status takes the owner into account: the row of a run whose process died still
 * says `running`, and reading it says `interrupted`.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CallId, splitCallId } from "../domain/Ids.ts"
import type { RunId } from "../domain/Ids.ts"
import type { NanoUsd } from "../domain/Money.ts"
import type { Run } from "../domain/Records.ts"
import { hex } from "../internal/sha256.ts"
import type { Owner } from "./Owner.ts"
import type { CallFiles, Journal, Ownership, Reservation, RunStore, StoreError } from "./RunStore.ts"
import { RunNotFound } from "./RunStore.ts"
import * as SqlApprovals from "./SqlApprovals.ts"
import * as SqlBusy from "./SqlBusy.ts"
import type * as SqlColumns from "./SqlColumns.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqlLease from "./SqlLease.ts"
import * as SqlPulse from "./SqlPulse.ts"
import * as SqlRecorded from "./SqlRecorded.ts"
import * as SqlRows from "./SqlRows.ts"
import type { Row } from "./SqlRows.ts"
import * as SqlStanding from "./SqlStanding.ts"
import type { Value } from "./SqlTemplates.ts"
import * as SqlUsage from "./SqlUsage.ts"

/**
 * The reading half of the store.
 * @category models
 * @since 0.1.0
 */
export interface SqlReads extends
  Pick<
    RunStore["Type"],
    | "lookup"
    | "output"
    | "patch"
    | "run"
    | "runs"
    | "children"
    | "standing"
    | "standingAfter"
    | "whole"
    | "calls"
    | "call"
    | "attempts"
    | "events"
    | "byAlias"
    | "approvals"
    | "pulse"
    | "artifacts"
    | "earlierCalls"
    | "family"
    | "recorded"
    | "settledAfter"
    | "usage"
  >
{
  /** What a run did before, for its new owner. */
  readonly journal: (ownership: Ownership, id: RunId) => Effect.Effect<Journal, StoreError>
  /** Number of the newest event of a run, 0 when it has none. */
  readonly lastEvent: (id: RunId) => Effect.Effect<number, StoreError>
  readonly notFound: (id: string) => Effect.Effect<RunNotFound, StoreError>
}

/**
 * Reads through a connection nothing else uses.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly home: string
  readonly path: string
  readonly connection: SqlConnection.Connection
  readonly owner: Owner["Type"]
}): SqlReads => {
  const { connection, path } = options
  const all = (statement: string, ...parameters: ReadonlyArray<Value>): Effect.Effect<ReadonlyArray<Row>, StoreError> =>
    // a process that was the last one to leave, or recovers what a dead one left, keeps readers out for a moment
    SqlBusy.retry(
      Effect.mapError(
        connection.execute(statement, parameters, undefined),
        (error) => SqlFailure.fromUnknown(path, error)
      ),
      path
    )

  const withStatus = (rows: ReadonlyArray<Row>) => Effect.forEach(rows, (row) => withShownStatus(options.owner, row))

  const shown = (rows: ReadonlyArray<Row>) => Effect.flatMap(withStatus(rows), SqlRows.decode.runs(path))

  const notFound = (id: string) =>
    Effect.map(all("SELECT id, alias FROM runs ORDER BY id DESC LIMIT 1000"), (rows) => {
      const names = rows.flatMap((row) => [row["id"], row["alias"]].flatMap((name) => textOf(name) ?? []))
      return new RunNotFound({ runId: id, home: options.home, nearest: nearest(id, names) })
    })

  const run = Effect.fn("RunStore.run")(function*(id: string) {
    const found = yield* find(all, id)
    const rows = found === undefined ? [] : yield* all(`${SqlRows.selectRuns} WHERE runs.id = ?`, found)
    const first = (yield* shown(rows))[0]
    return first ?? (yield* Effect.flatMap(notFound(id), Effect.fail))
  })

  const calls = (where: string, ...parameters: ReadonlyArray<Value>) =>
    Effect.flatMap(all(`${SqlRows.selectCalls} ${where}`, ...parameters), SqlRows.decode.calls(path))

  const children = (id: RunId) =>
    Effect.flatMap(all(`${SqlRows.selectRuns} WHERE runs.parent_run_id = ? ORDER BY runs.id`, id), shown)

  return {
    run,
    notFound,
    children,
    lastEvent: (id) =>
      Effect.map(
        all("SELECT max(id) AS last FROM events WHERE run_id = ?", id),
        ([row]) => numberOf(row?.["last"])
      ),
    runs: ({ children = false, limit = 1000 }) =>
      all(
        SqlRows.selectListed(`${children ? "" : "WHERE runs.parent_run_id IS NULL"} ORDER BY runs.id DESC LIMIT ?`),
        limit
      ).pipe(Effect.flatMap(withStatus), Effect.flatMap(SqlRows.decode.listed(path))),
    standing: (ids) => SqlStanding.read(all, path, ids),
    standingAfter: (id, after) => SqlStanding.readAfter(all, path, id, after),
    whole: (id, index) => SqlRecorded.whole(all, path, id, index ?? null),
    calls: (id) => calls("WHERE run_id = ? ORDER BY call_index", id),
    call: (id) =>
      isCallId(id)
        ? Effect.map(
          calls("WHERE run_id = ? AND call_index = ?", ...placeOf(id)),
          (rows) => Option.fromNullable(rows[0])
        )
        : Effect.succeedNone,
    attempts: (id) =>
      Effect.flatMap(
        all(`${SqlRows.selectAttempts} WHERE run_id = ? AND call_index = ? ORDER BY attempt`, ...placeOf(id)),
        SqlRows.decode.attempts(path)
      ),
    events: (id, { after = 0, limit = -1, type = null } = {}) =>
      Effect.flatMap(
        all(
          `${SqlRows.selectEvents} WHERE run_id = ? AND id > ? AND type = coalesce(?, type) ORDER BY id LIMIT ?`,
          id,
          after,
          type,
          limit
        ),
        SqlRows.decode.events(path)
      ),
    byAlias: (alias) =>
      Effect.map(
        Effect.flatMap(all(`${SqlRows.selectRuns} WHERE runs.alias = ?`, alias), shown),
        ([run]) => Option.fromNullable(run)
      ),
    approvals: (root) =>
      Effect.flatMap(
        all(
          `${SqlApprovals.select} WHERE run_id IN (SELECT id FROM runs WHERE root_run_id = ?) ORDER BY asked_at, name`,
          root
        ),
        SqlRows.decode.approvals(path)
      ),
    pulse: (root) => Effect.map(all(SqlPulse.select, ...SqlPulse.parameters(root)), ([row]) => SqlPulse.fromRow(row)),
    artifacts: (id) =>
      Effect.flatMap(
        all(`${SqlRows.selectArtifacts} WHERE run_id = ? ORDER BY call_index, kind`, id),
        SqlRows.decode.artifacts(path)
      ),
    earlierCalls: (id, limit) => SqlRecorded.earlier(all, path, id, limit),
    family: (root) =>
      Effect.flatMap(all(`${SqlRows.selectRuns} WHERE runs.root_run_id = ? ORDER BY runs.id`, root), shown),
    recorded: (ids, limits) => SqlRecorded.read(all, path, ids, limits),
    output: (id) =>
      Effect.map(
        all("SELECT output_text, output_json FROM calls WHERE run_id = ? AND call_index = ?", ...placeOf(id)),
        (
          [row]
        ) => ({ text: textOf(row?.["output_text"]), json: textOf(row?.["output_json"]) })
      ),
    patch: (id) =>
      Effect.map(
        all("SELECT patch, patch_cut FROM calls WHERE run_id = ? AND call_index = ?", ...placeOf(id)),
        ([row]) => ({ text: textOf(row?.["patch"]), isCut: row?.["patch_cut"] === 1 })
      ),
    lookup: (cacheKey, ordinal) =>
      Effect.flatMap(
        all(lookup, cacheKey, ordinal),
        (rows) => Effect.map(SqlRows.decodeSettled(path)(rows.filter(isIntact)), ([call]) => Option.fromNullable(call))
      ),
    usage: (query) => {
      const [statement, parameters] = SqlUsage.select(query)
      return Effect.flatMap(all(statement, ...parameters), SqlRows.decode.usage(path))
    },
    settledAfter: (id, cursor, limit) => Effect.map(all(settledAfter, id, cursor, limit), (rows) => rows.map(filesOf)),
    journal: journalOf(all, path, shown)
  }
}

// -----------------------------------------------------------------------------
// the journal
// -----------------------------------------------------------------------------

/** What a process that takes a run up has to know of it. */
const journalOf = (
  all: SqlColumns.All,
  path: string,
  shown: (rows: ReadonlyArray<Row>) => Effect.Effect<ReadonlyArray<Run>, StoreError>
): SqlReads["journal"] =>
  Effect.fnUntraced(function*(ownership: Ownership, id: RunId) {
    const rows = yield* shown(yield* all(`${SqlRows.selectRuns} WHERE runs.id = ?`, id))
    const run = rows[0]
    if (run === undefined) return yield* SqlFailure.make("Invalid", path, `run ${id} is gone`)
    const inAll = spentOf((yield* all(spent, run.rootRunId))[0])
    return {
      ownership,
      run,
      calls: yield* Effect.flatMap(all(journal, id), SqlRows.decodeSettled(path)),
      children: (yield* all(childKeys, id)).map(childOf),
      spent: inAll,
      // a run that was just made has spent nothing
      spentBelow: run.parentRunId === null
        ? inAll
        : run.attempt === 1
        ? spentOf(undefined)
        : spentOf((yield* all(spentBelow, id))[0])
    }
  })

// -----------------------------------------------------------------------------
// statements
// -----------------------------------------------------------------------------

/** Outputs up to this size are loaded with the journal; the others when they are needed. */
const loadedWithJournal = 4096

const journal = `${SqlRows.selectSettled(loadedWithJournal)} WHERE run_id = ? ORDER BY call_index`

const lookup = SqlRows.selectSettled(Number.MAX_SAFE_INTEGER).replace(
  "FROM calls",
  `, (SELECT sha256 FROM artifacts WHERE run_id = calls.run_id AND call_index = calls.call_index
        AND kind = 'output_text') AS text_sha256,
     (SELECT sha256 FROM artifacts WHERE run_id = calls.run_id AND call_index = calls.call_index
        AND kind = 'output_json') AS json_sha256
   FROM cache_entries JOIN calls ON calls.run_id = cache_entries.run_id AND calls.call_index = cache_entries.call_index
   WHERE cache_entries.cache_key = ? AND cache_entries.ordinal = ? AND calls.status = 'done'`
)

const childKeys = "SELECT id, child_key, child_ordinal FROM runs WHERE parent_run_id = ? ORDER BY id"

const spent = `SELECT coalesce(sum(spent_tokens), 0) AS tokens, coalesce(sum(spent_cost_nano), 0) AS cost
  FROM budget_ledger WHERE run_id IN (SELECT id FROM runs WHERE root_run_id = ?)`

const spentBelow = `WITH RECURSIVE below (id) AS (
    SELECT ? UNION ALL SELECT runs.id FROM runs JOIN below ON runs.parent_run_id = below.id)
  SELECT coalesce(sum(spent_tokens), 0) AS tokens, coalesce(sum(spent_cost_nano), 0) AS cost
  FROM budget_ledger WHERE run_id IN (SELECT id FROM below)`

const settledAfter = `SELECT events.id AS event_id, events.run_id, events.call_index, calls.prompt, calls.output_text,
  calls.output_json, calls.error, calls.patch,
  (SELECT group_concat(kind) FROM artifacts
    WHERE run_id = events.run_id AND call_index = events.call_index) AS kinds,
  (SELECT raw FROM attempts WHERE run_id = events.run_id AND call_index = events.call_index AND raw IS NOT NULL
    ORDER BY attempt DESC LIMIT 1) AS raw
  FROM events JOIN calls ON calls.run_id = events.run_id AND calls.call_index = events.call_index
  WHERE events.run_id = ? AND events.id > ? AND events.type = 'call_settled'
  ORDER BY events.id LIMIT ?`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isCallId = Schema.is(CallId)

const placeOf = (id: CallId): readonly [string, number] => {
  const { index, runId } = splitCallId(id)
  return [runId, index]
}

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null)

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0)

/** Characters of a beginning that names a run: fewer would name the only one of a home by mistake. */
const shortest = 4

/** The whole id of a run: itself, one whose alias it is, the only one it is a prefix of, or the newest root run. */
const find = (all: SqlColumns.All, id: string): Effect.Effect<string | undefined, StoreError> => {
  const only = (rows: ReadonlyArray<Row>) => (rows.length === 1 ? String(rows[0]?.["id"]) : undefined)
  if (id === "latest") {
    return Effect.map(all("SELECT id FROM runs WHERE parent_run_id IS NULL ORDER BY id DESC LIMIT 1"), only)
  }
  if (id.length < shortest) return Effect.map(all("SELECT id FROM runs WHERE alias = ?", id), only)
  return Effect.flatMap(all("SELECT id FROM runs WHERE id = ? OR alias = ?", id, id), (rows) =>
    rows.length === 1
      ? Effect.succeed(only(rows))
      // no id contains a character after the tilde
      : Effect.map(all("SELECT id FROM runs WHERE id >= ? AND id < ? LIMIT 2", id, `${id}~`), only))
}

const withShownStatus = (owner: Owner["Type"], row: Row): Effect.Effect<Row> => {
  if (row["status"] !== "running") return Effect.succeed(row)
  return Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.map(
      SqlLease.isLive(owner, SqlLease.fromRow(row), now),
      (live) => !live ? { ...row, status: "interrupted" } : waits(row, now) ? { ...row, status: "waiting" } : row
    ))
}

/** Nothing of it is at work, and something waits: a call, a person is asked, what is looked for is not there, or a
 * moment is still to come. */
const waits = (row: Row, now: number): boolean =>
  row["only_waits"] === 1 || (typeof row["idle_until"] === "string" && Date.parse(row["idle_until"]) > now)

/** Ids a person may have meant, the newest first: those that begin or end the same, or differ in few characters. */
const nearest = (id: string, ids: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isNear = (other: string): boolean => {
    if (id.length < 4) return false
    if (other.startsWith(id) || other.endsWith(id)) return true
    let differences = Math.abs(other.length - id.length)
    for (let i = 0; i < Math.min(id.length, other.length); i++) if (id[i] !== other[i]) differences++
    return differences <= 3
  }
  return ids.filter(isNear).slice(0, 3)
}

const isIntact = (row: Row): boolean => {
  const { json_sha256, output_json, output_text, text_sha256 } = row
  if (typeof output_json === "string") {
    return json_sha256 === hex(output_json) &&
      (text_sha256 === null || typeof output_text !== "string" || text_sha256 === hex(output_text))
  }
  return typeof output_text === "string" && text_sha256 === hex(output_text)
}

const spentOf = (row: Row | undefined): Reservation => ({
  tokens: numberOf(row?.["tokens"]),
  // a sum of whole amounts
  cost: numberOf(row?.["cost"]) as NanoUsd
})

const childOf = (row: Row): Journal["children"][number] => ({
  // ids of the runs table were checked when they were stored
  runId: String(row["id"]) as RunId,
  childKey: String(row["child_key"]),
  ordinal: numberOf(row["child_ordinal"])
})

const filesOf = (row: Row): CallFiles => {
  const kinds = new Set(String(row["kinds"] ?? "").split(","))
  const file = (kind: string, column: string): string | null => (kinds.has(kind) ? textOf(row[column]) : null)
  return {
    cursor: numberOf(row["event_id"]),
    index: numberOf(row["call_index"]),
    prompt: file("prompt", "prompt"),
    outputText: file("output_text", "output_text"),
    outputJson: file("output_json", "output_json"),
    raw: file("raw", "raw"),
    error: file("error", "error"),
    patch: file("patch", "patch")
  }
}
