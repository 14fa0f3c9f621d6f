/**
 * Rows as records: what to select, and how it decodes.
 *
 * Records decode with their schemas, so a row that breaks a rule is an error and never a guess. The journal of a resumed
 * run is the exception: its columns are checked by hand, because ten thousand calls must load in a moment and the
 * tables are STRICT already.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Ids from "../domain/Ids.ts"
import type { NanoUsd } from "../domain/Money.ts"
import * as Records from "../domain/Records.ts"
import { CallStatus } from "../domain/Status.ts"
import type { Settled, StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqlLease from "./SqlLease.ts"

/**
 * A row as the driver gives it.
 * @category models
 * @since 0.1.0
 */
export type Row = Readonly<Record<string, unknown>>

/** Further columns are in terms of `spenders`: the run and, of a root run, all below it. */
const runsWith = (columns: string): string =>
  `SELECT runs.id, runs.root_run_id, runs.parent_run_id, runs.workflow_name,
  runs.workflow_description, runs.script_path, runs.script_hash, runs.args_json, runs.output_json, runs.status,
  runs.attempt_number, runs.depth, runs.provider, runs.model, runs.cache_policy, runs.budget_total_tokens,
  runs.budget_total_cost_nano / 1e9 AS budget_total_cost_usd, runs.error_kind, runs.error_message, runs.created_at,
  runs.started_at, runs.completed_at, runs.updated_at, ${SqlLease.columns},
  CASE runs.status WHEN 'running' THEN (
    SELECT count(*) > 0 AND sum(works) = 0 FROM (
      SELECT status = 'running' AS works FROM calls WHERE run_id IN spenders AND status IN ('running', 'waiting')
      UNION ALL SELECT 0 FROM approvals WHERE run_id IN spenders AND decision IS NULL)
  ) END AS only_waits,
  CASE runs.status WHEN 'running' THEN (
    SELECT max(coalesce(waits.data_json ->> '$.until', '9999-12-31T00:00:00.000Z')) FROM runs AS waiter
    JOIN events AS waits ON waits.run_id = waiter.id
      AND waits.id > (SELECT max(id) FROM events WHERE run_id = waiter.id) - 500
    WHERE waiter.id IN spenders AND waiter.status = 'running' AND waits.type = 'waiting'
      AND waits.run_attempt = waiter.attempt_number
      AND NOT EXISTS (SELECT 1 FROM calls WHERE run_id IN spenders AND status = 'running')
      AND NOT EXISTS (
        SELECT 1 FROM events AS ends WHERE ends.run_id = waits.run_id AND ends.id > waits.id AND ends.type = 'step'
          AND (instr(ends.message, waits.data_json ->> '$.name' || ':found@') = 1
            OR instr(ends.message, waits.data_json ->> '$.name' || ':answer@') = 1))
  ) END AS idle_until,
  coalesce((SELECT sum(spent_tokens) FROM budget_ledger WHERE run_id IN spenders), 0) AS budget_spent_tokens,
  coalesce((SELECT sum(spent_cost_nano) FROM budget_ledger WHERE run_id IN spenders), 0) / 1e9
    AS budget_spent_cost_usd${columns}
  FROM runs LEFT JOIN leases ON leases.root_run_id = runs.root_run_id `.replaceAll(
    "spenders",
    // a child's own calls, or everything under a root
    "(SELECT id FROM runs AS member WHERE member.root_run_id = runs.id UNION SELECT runs.id)"
  )

/**
 * SELECT of runs with their lease and their spending; a root run's covers its children.
 * @category models
 * @since 0.1.0
 */
export const selectRuns = runsWith("")

/**
 * SELECT of runs as they are listed, with what they came to so far; `which` of them and in what order is in terms of
 * `runs`.
 * @category models
 * @since 0.1.0
 */
export const selectListed = (which: string): string =>
  // rows of requests are large: they are walked through once, and what is added up of them is taken apart here
  `WITH listed AS MATERIALIZED (${
    runsWith(`, (SELECT count(*) FROM calls WHERE run_id IN spenders) AS calls,
      (SELECT json_array(count(*), coalesce(sum(cost_nano), 0), count(*) - count(cost_nano))
        FROM attempts WHERE run_id IN spenders) AS requests`)
  } ${which})
  SELECT *, requests ->> 0 AS attempts, (requests ->> 1) / 1e9 AS cost_usd, requests ->> 2 AS unknown_costs
  FROM listed ORDER BY id DESC`

/**
 * SELECT of calls.
 * @category models
 * @since 0.1.0
 */
export const selectCalls = `SELECT printf('%s_call_%04d', calls.run_id, calls.call_index) AS id, calls.run_id,
  calls.call_index, calls.call_key, calls.cache_key, calls.ordinal, calls.label, calls.phase, calls.position,
  calls.prompt, calls.opts_json, calls.settings_json, calls.provider, calls.model, calls.agent_type, calls.isolation,
  calls.status, calls.cache_status, calls.cache_policy, calls.source_call_id, calls.schema_hash, calls.output_text,
  calls.output_json, calls.validation_errors_json, calls.error_kind, calls.error, calls.worktree_path,
  calls.worktree_branch, calls.base_commit, calls.head_commit, calls.changed_files_json, calls.attempts, calls.input_tokens, calls.output_tokens,
  calls.cache_read_tokens, calls.cache_write_tokens, calls.cost_nano / 1e9 AS estimated_cost_usd, calls.duration_ms,
  calls.run_attempt, calls.created_at, calls.completed_at, calls.recovery_json,
  CASE WHEN calls.status IN ('waiting', 'cancelled') THEN calls.recovery_json ->> '$.until' END AS waiting_until
  FROM calls `

/**
 * SELECT of requests.
 * @category models
 * @since 0.1.0
 */
export const selectAttempts = `SELECT printf('%s_call_%04d', run_id, call_index) AS call_id, attempt, status,
  reserved_tokens, reserved_cost_nano / 1e9 AS reserved_cost_usd, input_tokens, output_tokens, cache_read_tokens,
  cache_write_tokens, cost_nano / 1e9 AS cost_usd, cost_source, model, session_id, error_kind, error, raw, started_at,
  completed_at FROM attempts `

/**
 * SELECT of events.
 * @category models
 * @since 0.1.0
 */
export const selectEvents = `SELECT id, run_id,
  CASE WHEN call_index IS NULL THEN NULL ELSE printf('%s_call_%04d', run_id, call_index) END AS call_id,
  run_attempt, type, message, data_json, timestamp FROM events `

/**
 * SELECT of files, with the paths that follow from their calls and kinds.
 * @category models
 * @since 0.1.0
 */
export const selectArtifacts = `SELECT run_id, printf('%s_call_%04d', run_id, call_index) AS call_id, kind,
  printf('calls/%s_call_%04d/', run_id, call_index) || CASE kind WHEN 'prompt' THEN 'prompt.txt'
    WHEN 'output_text' THEN 'output.txt' WHEN 'output_json' THEN 'output.json' WHEN 'raw' THEN 'raw.txt'
    WHEN 'patch' THEN 'patch.diff' ELSE 'error.txt' END AS path, sha256, size_bytes, created_at FROM artifacts `

/**
 * SELECT of calls as replay and the cache need them, with outputs up to a size. What a call counts of its requests is
 * only right once it is done: those of a process that died, or from before a refusal, are in their own rows alone.
 * @category models
 * @since 0.1.0
 */
export const selectSettled = (largest: number): string => {
  const size = "coalesce(octet_length(calls.output_text), 0) + coalesce(octet_length(calls.output_json), 0)"
  return `SELECT calls.run_id, calls.call_index, calls.call_key, calls.cache_key, calls.ordinal, calls.position,
  calls.status, ${size} > ${largest} AS partial,
  CASE WHEN ${size} > ${largest} THEN NULL ELSE calls.output_text END AS output_text,
  CASE WHEN ${size} > ${largest} THEN NULL ELSE calls.output_json END AS output_json,
  ${ofRequests("attempts", "coalesce(max(attempt), 0)")}, ${ofRequests("input_tokens", total("input_tokens"))},
  ${ofRequests("output_tokens", total("output_tokens"))},
  ${ofRequests("cache_read_tokens", total("cache_read_tokens"))},
  ${ofRequests("cache_write_tokens", total("cache_write_tokens"))},
  ${ofRequests("cost_nano", "CASE WHEN count(cost_nano) = count(*) THEN coalesce(sum(cost_nano), 0) END")},
  calls.duration_ms, calls.worktree_path, calls.worktree_branch, calls.base_commit, calls.head_commit,
  calls.scope_before, calls.scope_after, calls.changed_files_json FROM calls `
}

/**
 * Decodes rows one by one.
 * @category converting
 * @since 0.1.0
 */
export const decodeAll =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (path: string) =>
  (rows: ReadonlyArray<Row>): Effect.Effect<ReadonlyArray<A>, StoreError> =>
    Schema.decodeUnknown(Schema.Array(schema))(rows).pipe(
      Effect.mapError((error) => SqlFailure.make("Invalid", path, `a row does not decode: ${error.message}`, error))
    )

/**
 * Decoders of the records.
 * @category converting
 * @since 0.1.0
 */
export const decode = {
  runs: decodeAll(Records.Run),
  listed: decodeAll(Records.ListedRun),
  calls: decodeAll(Records.Call),
  attempts: decodeAll(Records.Attempt),
  events: decodeAll(Records.Event),
  approvals: decodeAll(Records.Approval),
  artifacts: decodeAll(Records.Artifact),
  usage: decodeAll(Records.Usage)
}

/**
 * Decodes rows of `selectSettled`.
 * @category converting
 * @since 0.1.0
 */
export const decodeSettled =
  (path: string) => (rows: ReadonlyArray<Row>): Effect.Effect<ReadonlyArray<Settled>, StoreError> =>
    Effect.suspend(() => {
      const calls: Array<Settled> = []
      for (const row of rows) {
        const call = settledOf(row)
        if (call === undefined) {
          const place = `${String(row["run_id"])}, call ${String(row["call_index"])}`
          return Effect.fail(SqlFailure.make("Invalid", path, `the row of ${place} does not decode`))
        }
        calls.push(call)
      }
      return Effect.succeed(calls)
    })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ofRequests = (column: string, sum: string): string =>
  `CASE calls.status WHEN 'done' THEN calls.${column} ELSE (SELECT ${sum} FROM attempts
    WHERE attempts.run_id = calls.run_id AND attempts.call_index = calls.call_index) END AS ${column}`

const total = (column: string): string => `coalesce(sum(${column}), 0)`

const statuses: ReadonlySet<string> = new Set([...CallStatus.literals, "running", "waiting"])

const isStatus = (value: unknown): value is Settled["status"] => typeof value === "string" && statuses.has(value)

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0

const isCost = (value: unknown): value is NanoUsd => isCount(value)

const isText = (value: unknown): value is string | null => value === null || typeof value === "string"

const isRunId = Schema.is(Ids.RunId)

// the ids of a journal are one run's: each is checked once
const checked = { id: "", valid: false }

const isSameRunId = (value: unknown): value is Ids.RunId => {
  if (typeof value !== "string") return false
  if (value !== checked.id) {
    checked.valid = isRunId(value)
    checked.id = value
  }
  return checked.valid
}

const settledOf = (row: Row): Settled | undefined => {
  const {
    attempts,
    cache_key,
    cache_read_tokens,
    cache_write_tokens,
    call_index,
    call_key,
    cost_nano,
    duration_ms,
    input_tokens,
    ordinal,
    output_json,
    output_text,
    output_tokens,
    partial,
    position,
    run_id,
    status
  } = row
  return isSameRunId(run_id) && isCount(call_index) && typeof call_key === "string" && typeof cache_key === "string" &&
      isCount(ordinal) && typeof position === "string" && isStatus(status) && isText(output_text) &&
      isText(output_json) && isCount(attempts) && isCount(input_tokens) && isCount(output_tokens) &&
      isCount(cache_read_tokens) && isCount(cache_write_tokens) && (cost_nano === null || isCost(cost_nano)) &&
      (duration_ms === null || typeof duration_ms === "number")
    ? {
      callId: Ids.callId(run_id, call_index),
      index: call_index,
      callKey: call_key,
      cacheKey: cache_key,
      ordinal,
      position,
      status,
      outputText: output_text,
      outputJson: output_json,
      partial: partial === 1,
      attempts,
      usage: {
        inputTokens: input_tokens,
        outputTokens: output_tokens,
        cacheReadTokens: cache_read_tokens,
        cacheWriteTokens: cache_write_tokens
      },
      cost: cost_nano,
      durationMs: duration_ms ?? 0,
      evidence: evidenceOf(row)
    }
    : undefined
}

/** What is recorded of a call's changes; a row without any has nothing in all of the columns. */
const evidenceOf = (row: Row): Settled["evidence"] => {
  const { changed_files_json, head_commit, scope_after } = row
  if (changed_files_json === null && scope_after === null && head_commit === null) return undefined
  const text = (value: unknown): string | null => typeof value === "string" ? value : null
  return {
    worktreePath: text(row["worktree_path"]),
    worktreeBranch: text(row["worktree_branch"]),
    baseCommit: text(row["base_commit"]),
    headCommit: text(head_commit),
    changedFilesJson: text(changed_files_json),
    scopeBefore: text(row["scope_before"]),
    scopeAfter: text(scope_after)
  }
}
