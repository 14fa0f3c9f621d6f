/**
 * The statements that write, made so that the rows of many writers can share one.
 *
 * A template has a text for each of a few row counts, so that the driver prepares few statements; `Batch` collects the
 * rows of a group per template as flat lists of values. Templates are executed in the order they are declared in, which
 * is the order their foreign keys ask for; rows of one template keep the order they were added in.
 */
import type {
  AttemptOutcome,
  CallEvidence,
  CallOutcome,
  CallStanding,
  DegradedCall,
  NewAttempt,
  NewCall,
  NewEvent,
  NewRun,
  Ownership,
  Reported
} from "./RunStore.ts"

/**
 * What a column may be given.
 * @category models
 * @since 0.1.0
 */
export type Value = string | number | null

/**
 * A statement for a number of rows of the same shape.
 * @category models
 * @since 0.1.0
 */
export interface Template {
  readonly order: number
  readonly width: number
  /** Row counts there is a text for, the largest first; the last is 1. */
  readonly sizes: ReadonlyArray<number>
  readonly text: (rows: number) => string
  /** True when each row must change exactly one row of the table: less means that there was nothing to change. */
  readonly exact: boolean
}

/**
 * Rows of a group of writes, per template.
 * @category models
 * @since 0.1.0
 */
export class Batch {
  private readonly values: Array<Array<Value> | undefined> = []

  /** The values added so far for a template; the caller appends those of a row. */
  rows(template: Template): Array<Value> {
    return this.values[template.order] ??= []
  }

  /** Values of the templates in use, in the order to execute them in. */
  *entries(): IterableIterator<readonly [Template, Array<Value>]> {
    for (const template of all) {
      const values = this.values[template.order]
      if (values !== undefined) yield [template, values]
    }
  }
}

/**
 * What the owner of a run counts for it: the attempt the run is in, and its events. A number that is given to an event
 * and then not used leaves a gap, which is no harm: they only have to go up.
 * @category models
 * @since 0.1.0
 */
export interface Counters {
  readonly attempt: number
  lastEvent: number
  /** The schemas that are recorded, and the call each was recorded with. */
  readonly schemas: Map<string, number>
}

/**
 * A time as it is stored; consecutive rows mostly share their millisecond.
 * @category converting
 * @since 0.1.0
 */
export const iso = (epochMillis: number): string => {
  if (epochMillis !== memo.millis) {
    memo.text = new Date(epochMillis).toISOString()
    memo.millis = epochMillis
  }
  return memo.text
}

// -----------------------------------------------------------------------------
// rows
// -----------------------------------------------------------------------------

/**
 * A new run, with status `running`.
 * @category running
 * @since 0.1.0
 */
export const addRun = (batch: Batch, run: NewRun): void => {
  const at = iso(run.at)
  batch.rows(insertRun).push(
    run.id,
    run.parent?.rootRunId ?? run.id,
    run.parent?.runId ?? null,
    run.parent?.childKey ?? null,
    run.parent?.ordinal ?? null,
    "running",
    1,
    run.depth,
    run.workflowName,
    run.workflowDescription,
    run.scriptPath,
    run.scriptHash,
    run.alias ?? null,
    run.provider,
    run.model,
    run.cachePolicy,
    run.budget.tokens,
    run.budget.cost,
    at,
    at,
    at,
    run.argsJson
  )
}

/**
 * The intent of a call. One that replaces another takes its row over and drops the list of its files.
 * @category running
 * @since 0.1.0
 */
export const addCall = (batch: Batch, call: NewCall): void => {
  if (call.replaces) batch.rows(dropArtifacts).push(call.runId, call.index)
  batch.rows(call.replaces ? replaceCall : insertCall).push(
    call.runId,
    call.index,
    call.callKey,
    call.cacheKey,
    call.ordinal,
    call.position,
    call.label,
    call.phase,
    call.provider,
    call.model,
    call.agentType,
    call.isolation,
    "running",
    call.cacheStatus,
    call.cachePolicy,
    call.schemaHash,
    call.runAttempt,
    iso(call.at),
    call.recoveryJson ?? null,
    call.optsJson,
    call.settingsJson,
    call.promptSha256,
    call.prompt
  )
}

/**
 * The intent of a request.
 * @category running
 * @since 0.1.0
 */
export const addAttempt = (batch: Batch, attempt: NewAttempt): void => {
  batch.rows(insertAttempt).push(
    attempt.runId,
    attempt.index,
    attempt.attempt,
    "running",
    attempt.reserved.tokens,
    attempt.reserved.cost,
    iso(attempt.at)
  )
}

/**
 * How a request ended.
 * @category running
 * @since 0.1.0
 */
export const endAttempt = (batch: Batch, ended: AttemptOutcome): void => {
  batch.rows(updateAttempt).push(
    ended.status,
    ended.usage.inputTokens,
    ended.usage.outputTokens,
    ended.usage.cacheReadTokens,
    ended.usage.cacheWriteTokens,
    ended.cost,
    ended.costSource,
    ended.model,
    ended.sessionId,
    ended.errorKind,
    iso(ended.at),
    ended.error,
    ended.raw,
    ended.runId,
    ended.index,
    ended.attempt
  )
}

/**
 * How a call ended, with its files, its cache entry and its event. `source` is the call of another run it was answered from.
 * @category running
 * @since 0.1.0
 */
export const endCall = (batch: Batch, call: CallOutcome, counters: Counters, source: string | null): void => {
  const { runId, index, usage } = call
  const at = iso(call.at)
  batch.rows(updateCall).push(
    call.status,
    source,
    call.errorKind,
    call.attempts,
    usage.inputTokens,
    usage.outputTokens,
    usage.cacheReadTokens,
    usage.cacheWriteTokens,
    call.cost,
    call.durationMs,
    at,
    call.error,
    call.validationErrorsJson,
    call.outputJson,
    call.outputText,
    runId,
    index
  )
  if (call.artifacts.length > 0) {
    const artifacts = batch.rows(insertArtifact)
    for (const { kind, sha256, sizeBytes } of call.artifacts) artifacts.push(runId, index, kind, sha256, sizeBytes, at)
  }
  if (call.cacheEntry !== null) {
    batch.rows(putCacheEntry).push(call.cacheEntry.cacheKey, call.cacheEntry.ordinal, runId, index, at)
  }
  if (call.evidence !== undefined) addEvidence(batch, call, call.evidence, counters)
  batch.rows(insertEvent).push(
    runId,
    counters.lastEvent += 1,
    index,
    counters.attempt,
    "call_settled",
    call.status,
    at,
    null
  )
}

/**
 * Where a call stands between two of its requests, with the event that says so.
 * @category running
 * @since 0.1.0
 */
export const setStanding = (batch: Batch, call: CallStanding, counters: Counters): void => {
  batch.rows(updateStanding).push(call.status, call.recoveryJson, call.runId, call.index)
  batch.rows(insertEvent).push(
    call.runId,
    counters.lastEvent += 1,
    call.index,
    counters.attempt,
    call.event.type,
    call.event.message,
    iso(call.at),
    call.event.dataJson
  )
}

/**
 * The value that stands in for a call's answer, as a file of the call and as two events: one for people, one by which
 * the call's files are written again.
 * @category running
 * @since 0.1.0
 */
export const degrade = (batch: Batch, call: DegradedCall, counters: Counters): void => {
  const at = iso(call.at)
  const { artifact: { kind, sha256, sizeBytes }, index, runId } = call
  batch.rows(updateDegraded).push("degraded", call.outputJson, runId, index)
  batch.rows(putArtifact).push(runId, index, kind, sha256, sizeBytes, at)
  const events = batch.rows(insertEvent)
  for (const [type, message] of [["call_degraded", call.reason], ["call_settled", "degraded"]] as const) {
    events.push(runId, counters.lastEvent += 1, index, counters.attempt, type, message, at, null)
  }
}

/**
 * The schema of a call as an event, with the first call of an attempt that has it; a write that is repeated repeats it.
 * @category running
 * @since 0.1.0
 */
export const addSchema = (batch: Batch, call: NewCall, counters: Counters): void => {
  const { at, index, runAttempt, runId, schema, schemaHash } = call
  if (schemaHash === null || schema === undefined || (counters.schemas.get(schemaHash) ?? index) !== index) return
  counters.schemas.set(schemaHash, index)
  addEvent(
    batch,
    { runId, index: null, runAttempt, type: "schema", message: schemaHash, dataJson: JSON.stringify(schema), at },
    counters
  )
}

/**
 * Something that happened and is not a call.
 * @category running
 * @since 0.1.0
 */
export const addEvent = (batch: Batch, event: NewEvent, counters: Counters): void => {
  batch.rows(insertEvent).push(
    event.runId,
    counters.lastEvent += 1,
    event.index,
    event.runAttempt,
    event.type,
    event.message,
    iso(event.at),
    event.dataJson
  )
}

/**
 * The session a provider named for a request.
 * @category running
 * @since 0.1.0
 */
export const nameSession = (batch: Batch, runId: string, index: number, attempt: number, session: string): void => {
  batch.rows(updateSession).push(session, runId, index, attempt)
}

/**
 * What a request used up to now; nothing is changed once it has ended.
 * @category running
 * @since 0.1.0
 */
export const reportUsage = (
  batch: Batch,
  runId: string,
  index: number,
  attempt: number,
  { cost, costSource, usage }: Reported
): void => {
  batch.rows(updateReported).push(
    usage.inputTokens,
    usage.outputTokens,
    usage.cacheReadTokens,
    usage.cacheWriteTokens,
    cost,
    costSource,
    runId,
    index,
    attempt
  )
}

/**
 * A sign of life of a run's owner.
 * @category running
 * @since 0.1.0
 */
export const renewLease = (batch: Batch, ownership: Ownership, at: number): void => {
  batch.rows(updateLease).push(at, ownership.rootRunId, ownership.token)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const addEvidence = (
  batch: Batch,
  { at, index, runId }: CallOutcome,
  evidence: CallEvidence,
  counters: Counters
): void => {
  batch.rows(updateEvidence).push(
    evidence.worktreePath,
    evidence.worktreeBranch,
    evidence.baseCommit,
    evidence.headCommit,
    evidence.scopeBefore,
    evidence.scopeAfter,
    evidence.changedFilesJson,
    evidence.patch,
    evidence.isPatchCut ? 1 : 0,
    runId,
    index
  )
  for (const warning of evidence.warnings) {
    const event = { runId, index, runAttempt: counters.attempt, type: "call_warning", dataJson: null, at }
    addEvent(batch, { ...event, message: warning }, counters)
  }
}

const memo = { millis: Number.NaN, text: "" }

const all: Array<Template> = []

const marks = (columns: number, rows: number): string => {
  const row = `(${Array(columns).fill("?").join(",")})`
  return Array(rows).fill(row).join(",")
}

const template = (options: {
  readonly width: number
  readonly sizes: ReadonlyArray<number>
  readonly exact: boolean
  readonly text: (rows: number) => string
}): Template => {
  const texts = new Map<number, string>(options.sizes.map((size) => [size, options.text(size)]))
  const made: Template = { ...options, order: all.length, text: (rows) => texts.get(rows) ?? options.text(rows) }
  all.push(made)
  return made
}

const insert = (table: string, columns: string, tail = ""): Template => {
  const width = columns.split(",").length
  return template({
    width,
    sizes: [64, 16, 4, 1],
    exact: true,
    text: (rows) => `INSERT INTO ${table} (${columns}) VALUES ${marks(width, rows)} ${tail}`
  })
}

/** Updates rows found by the keys, which come last in a row; a null for the column `kept` leaves what is there. */
const update = (
  table: string,
  columns: string,
  keys: ReadonlyArray<string>,
  more: { readonly kept?: string; readonly where?: string; readonly exact?: boolean } = {}
): Template => {
  const assigned = columns.split(", ")
  const text = (value: (column: number) => string, from: string): string => {
    const set = assigned.map((column, i) =>
      `${column} = ${column === more.kept ? `coalesce(${value(i)}, ${table}.${column})` : value(i)}`
    )
    const where = keys.map((key, i) => `${table}.${key} = ${value(assigned.length + i)}`)
    return `UPDATE ${table} SET ${set.join(", ")} ${from} WHERE ${where.join(" AND ")} ${more.where ?? ""}`
  }
  const width = assigned.length + keys.length
  return template({
    width,
    sizes: [64, 16, 4, 1],
    exact: more.exact ?? true,
    text: (rows) =>
      rows === 1
        ? text(() => "?", "")
        : text((column) => `v.column${column + 1}`, `FROM (VALUES ${marks(width, rows)}) AS v`)
  })
}

const insertRun = insert(
  "runs",
  "id, root_run_id, parent_run_id, child_key, child_ordinal, status, attempt_number, depth, workflow_name, " +
    "workflow_description, script_path, script_hash, alias, provider, model, cache_policy, budget_total_tokens, " +
    "budget_total_cost_nano, created_at, started_at, updated_at, args_json"
)

const callColumns = "run_id, call_index, call_key, cache_key, ordinal, position, label, phase, provider, model, " +
  "agent_type, isolation, status, cache_status, cache_policy, schema_hash, run_attempt, created_at, recovery_json, opts_json, " +
  "settings_json, prompt_sha256, prompt"

const insertCall = insert("calls", callColumns)

const dropArtifacts = template({
  width: 2,
  sizes: [1],
  exact: false,
  text: () => "DELETE FROM artifacts WHERE run_id = ? AND call_index = ?"
})

// a call that is made again keeps its place; everything the earlier try left in the row is cleared
const replaceCall = insert(
  "calls",
  callColumns,
  `ON CONFLICT (run_id, call_index) DO UPDATE SET ${
    callColumns.split(", ").slice(2).map((column) => `${column} = excluded.${column}`).join(", ")
  }, source_call_id = NULL, error_kind = NULL, worktree_path = NULL, worktree_branch = NULL, base_commit = NULL,
    head_commit = NULL, scope_before = NULL, scope_after = NULL, changed_files_json = NULL, patch = NULL,
    patch_cut = 0, attempts = 0, input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0, cost_nano = NULL,
    duration_ms = NULL, completed_at = NULL, error = NULL, validation_errors_json = NULL, output_json = NULL,
    output_text = NULL`
)

const insertAttempt = insert(
  "attempts",
  "run_id, call_index, attempt, status, reserved_tokens, reserved_cost_nano, started_at"
)

const updateSession = update("attempts", "session_id", ["run_id", "call_index", "attempt"])

const updateReported = update(
  "attempts",
  "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_nano, cost_source",
  ["run_id", "call_index", "attempt"],
  { where: "AND attempts.status = 'running'", exact: false }
)

const updateAttempt = update(
  "attempts",
  "status, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_nano, cost_source, model, " +
    "session_id, error_kind, completed_at, error, raw",
  ["run_id", "call_index", "attempt"],
  { kept: "session_id" }
)

const updateCall = update(
  "calls",
  "status, source_call_id, error_kind, attempts, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, " +
    "cost_nano, duration_ms, completed_at, error, validation_errors_json, output_json, output_text",
  ["run_id", "call_index"],
  // a call is settled once
  { where: "AND calls.status IN ('running', 'waiting')" }
)

const updateStanding = update("calls", "status, recovery_json", ["run_id", "call_index"], {
  where: "AND calls.status IN ('running', 'waiting')"
})

// a fallback stands in for a call that was settled, and may do so again when the run is resumed
const updateDegraded = update("calls", "status, output_json", ["run_id", "call_index"], {
  where: "AND calls.status NOT IN ('running', 'waiting', 'done')"
})

const updateEvidence = update(
  "calls",
  "worktree_path, worktree_branch, base_commit, head_commit, scope_before, scope_after, changed_files_json, patch, " +
    "patch_cut",
  ["run_id", "call_index"]
)

const insertArtifact = insert("artifacts", "run_id, call_index, kind, sha256, size_bytes, created_at")

const putArtifact = insert(
  "artifacts",
  "run_id, call_index, kind, sha256, size_bytes, created_at",
  "ON CONFLICT (run_id, call_index, kind) DO UPDATE SET sha256 = excluded.sha256, size_bytes = excluded.size_bytes"
)

const putCacheEntry = insert(
  "cache_entries",
  "cache_key, ordinal, run_id, call_index, created_at",
  "ON CONFLICT (cache_key, ordinal) DO UPDATE SET " +
    "run_id = excluded.run_id, call_index = excluded.call_index, created_at = excluded.created_at"
)

const insertEvent = insert("events", "run_id, id, call_index, run_attempt, type, message, timestamp, data_json")

const updateLease = update("leases", "heartbeat_at", ["root_run_id", "token"])
