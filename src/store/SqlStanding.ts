/**
 * Where the calls of some runs stand, without what was asked and answered: small enough to be read every moment.
 *
 * - Q1. Only small columns are read, and of one run only what is new, where that is asked for.
 * - Q2. What a call used is in the rows of its requests, and is added up by whoever shows it.
 */
import * as Effect from "effect/Effect"
import type * as Ids from "../domain/Ids.ts"
import type { Standing, StandingAttempt, StandingCall } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { CacheStatus, CallStatus } from "../domain/Status.ts"
import type { StoreError } from "./RunStore.ts"
import type { All, Columns } from "./SqlColumns.ts"
import { decode } from "./SqlColumns.ts"
import type { Row } from "./SqlRows.ts"
import { sourceIndex, sourceRun } from "./SqlUsage.ts"

/**
 * Where all calls of some runs stand, with the events that tell of waits, of stand-ins and of how a run began and ended.
 * @category running
 * @since 0.1.0
 */
export const read = (all: All, path: string, ids: ReadonlyArray<Ids.RunId>): Effect.Effect<Standing, StoreError> => {
  const runs = JSON.stringify(ids)
  return rows(path, {
    calls: all(selectCalls(`calls.run_id ${inRuns}`), runs),
    attempts: () => all(selectAttempts(`run_id ${inRuns}`), runs),
    events: all(selectEvents(`run_id ${inRuns} AND ${telling}`), runs, mostEvents)
  })
}

/**
 * The calls of a run that are under way, or were settled by an event after a number, and all events after it.
 * @category running
 * @since 0.1.0
 */
export const readAfter = (
  all: All,
  path: string,
  id: Ids.RunId,
  after: number
): Effect.Effect<Standing, StoreError> => {
  return rows(path, {
    events: all(selectEvents("run_id = ? AND id > ?"), id, after, -1),
    calls: all(selectCalls(`calls.run_id = ? AND calls.call_index IN (${changed})`), id, id, id, after),
    // by their calls: finding out a second time which those are takes longer than all the rest
    attempts: (calls) =>
      all(
        selectAttempts("run_id = ? AND call_index IN (SELECT value FROM json_each(?))"),
        id,
        JSON.stringify(calls.map(({ index }) => index))
      )
  })
}

/**
 * Columns that say where a call stands, of `calls` and of `source`, the call its answer was taken from.
 * @category models
 * @since 0.1.0
 */
export const callColumns = (longestError: number): string =>
  `calls.run_id, calls.call_index, calls.label, calls.phase, calls.provider, calls.model, calls.status,
  calls.cache_status, calls.source_call_id, calls.error_kind, substr(calls.error, 1, ${longestError}) AS error,
  calls.duration_ms, calls.run_attempt, calls.created_at, calls.completed_at,
  CASE WHEN calls.status IN ('waiting', 'cancelled') THEN calls.recovery_json ->> '$.until' END AS waiting_until,
  source.input_tokens + source.output_tokens + source.cache_read_tokens + source.cache_write_tokens AS saved_tokens,
  coalesce(source.cost_nano, 0) AS saved_cost`

/**
 * The tables those columns are of.
 * @category models
 * @since 0.1.0
 */
export const callTables = `calls LEFT JOIN calls AS source
  ON source.run_id = ${sourceRun} AND source.call_index = ${sourceIndex}`

/**
 * Columns of a request without what the provider sent.
 * @category models
 * @since 0.1.0
 */
export const attemptColumns = (longestError: number): string =>
  `run_id, call_index, attempt, status, reserved_tokens, reserved_cost_nano, input_tokens, output_tokens,
  cache_read_tokens, cache_write_tokens, cost_nano, cost_source, model, session_id, error_kind, started_at,
  completed_at, substr(error, 1, ${longestError}) AS error`

/**
 * Where a call stands, by its columns.
 * @category converting
 * @since 0.1.0
 */
export const callOf = (columns: Columns): Omit<StandingCall, "asked"> => {
  const savedTokens = columns.countOrNull("saved_tokens")
  return {
    id: columns.callId(),
    runId: columns.runId(),
    index: columns.count("call_index"),
    label: columns.textOrNull("label"),
    phase: columns.textOrNull("phase"),
    provider: columns.text("provider"),
    model: columns.text("model"),
    status: columns.word("status", words.status),
    cacheStatus: columns.word("cache_status", words.cacheStatus),
    sourceCallId: columns.callIdOrNull("source_call_id"),
    errorKind: columns.textOrNull("error_kind"),
    error: columns.textOrNull("error"),
    durationMs: columns.amountOrNull("duration_ms"),
    runAttempt: columns.count("run_attempt"),
    createdAt: columns.text("created_at"),
    completedAt: columns.textOrNull("completed_at"),
    waitingUntil: columns.textOrNull("waiting_until"),
    saved: savedTokens === null ? null : { tokens: savedTokens, costNano: columns.count("saved_cost") }
  }
}

/**
 * A request, by its columns.
 * @category converting
 * @since 0.1.0
 */
export const attemptOf = (columns: Columns): StandingAttempt => ({
  callId: columns.callId(),
  attempt: columns.count("attempt"),
  status: columns.word("status", words.attempt),
  reservedTokens: columns.count("reserved_tokens"),
  reservedCostNano: columns.count("reserved_cost_nano"),
  inputTokens: columns.count("input_tokens"),
  outputTokens: columns.count("output_tokens"),
  cacheReadTokens: columns.count("cache_read_tokens"),
  cacheWriteTokens: columns.count("cache_write_tokens"),
  costNano: columns.countOrNull("cost_nano"),
  costSource: columns.textOrNull("cost_source"),
  model: columns.textOrNull("model"),
  sessionId: columns.textOrNull("session_id"),
  errorKind: columns.textOrNull("error_kind"),
  error: columns.textOrNull("error"),
  startedAt: columns.text("started_at"),
  completedAt: columns.textOrNull("completed_at")
})

/**
 * An event, by its columns.
 * @category converting
 * @since 0.1.0
 */
export const eventOf = (columns: Columns): Records.Event => ({
  id: columns.count("id"),
  runId: columns.runId(),
  callId: columns.row["call_index"] === null ? null : columns.callId(),
  runAttempt: columns.count("run_attempt"),
  type: columns.text("type"),
  message: columns.text("message"),
  dataJson: columns.textOrNull("data_json"),
  timestamp: columns.text("timestamp")
})

/**
 * Events in order of the runs' ids, then of their own.
 * @category converting
 * @since 0.1.0
 */
export const byPlace = (a: Records.Event, b: Records.Event): number =>
  a.runId === b.runId ? a.id - b.id : a.runId < b.runId ? -1 : 1

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const inRuns = "IN (SELECT value FROM json_each(?))"

const longestError = 8_192

/** Characters of the prompt of a call without a label. */
const longestTitle = 200

/** Events that a state is told by; the newest of them. */
const mostEvents = 5_000

const telling = `(type IN ('run_started', 'run_resumed', 'end', 'waiting', 'call_waiting', 'call_recovering',
    'rate_limit_waiting', 'call_degraded')
  OR type = 'step' AND (message GLOB '*:found@*' OR message GLOB '*:answer@*'))`

const changed = `SELECT call_index FROM calls WHERE run_id = ? AND status IN ('running', 'waiting')
  UNION SELECT call_index FROM events WHERE run_id = ? AND id > ? AND type IN ('call_settled', 'call_degraded')`

const selectCalls = (where: string): string =>
  `SELECT ${callColumns(longestError)},
  CASE WHEN calls.label IS NULL THEN substr(calls.prompt, 1, ${longestTitle}) ELSE '' END AS asked
  FROM ${callTables} WHERE ${where} ORDER BY calls.run_id, calls.call_index`

const selectAttempts = (where: string): string =>
  `SELECT ${attemptColumns(longestError)} FROM attempts WHERE ${where} ORDER BY run_id, call_index, attempt`

const selectEvents = (where: string): string =>
  `SELECT id, run_id, call_index, run_attempt, type, message, data_json, timestamp FROM events WHERE ${where}
  ORDER BY timestamp DESC, run_id, id DESC LIMIT ?`

type Asked = Effect.Effect<ReadonlyArray<Row>, StoreError>

const rows = (
  path: string,
  asked: {
    readonly calls: Asked
    readonly attempts: (calls: ReadonlyArray<StandingCall>) => Asked
    readonly events: Asked
  }
): Effect.Effect<Standing, StoreError> =>
  Effect.gen(function*() {
    // events first: what happens meanwhile is in the calls and comes again with the next look, instead of never
    const events = yield* Effect.flatMap(asked.events, decode(path, eventOf))
    const calls = yield* Effect.flatMap(asked.calls, decode(path, listedOf))
    const attempts = yield* Effect.flatMap(asked.attempts(calls), decode(path, attemptOf))
    return { calls, attempts, events: events.toSorted(byPlace) }
  })

const listedOf = (columns: Columns): StandingCall => ({ ...callOf(columns), asked: columns.text("asked") })

const words = {
  cacheStatus: new Set<string>(CacheStatus.literals),
  status: new Set<string>([...CallStatus.literals, "running", "waiting"]),
  attempt: new Set<string>(["running", "done", "failed", "lost"] satisfies ReadonlyArray<Records.Attempt["status"]>)
}
