/**
 * What is stored of runs, calls and attempts, as one codec per record.
 *
 * The encoded side is the database row and, unchanged, what `--json` prints: the field names of the command line's
 * contract (`run_id`, `call_index`, …). The decoded side is what programs use. A field that does not decode is a
 * corrupt store, never a value to guess.
 */
import * as Schema from "effect/Schema"
import { count, countOrNull, key, text, textOrNull, usdOrNull } from "../internal/columnSchema.ts"
import { ChangesJson } from "./Change.ts"
import { CallId, RunId } from "./Ids.ts"
import { CachePolicy, CacheStatus, CallStatus, Isolation, RunStatus } from "./Status.ts"

/**
 * One execution of a workflow in a home; times are UTC, ISO 8601 with milliseconds.
 * @category schemas
 * @since 0.1.0
 */
export const Run = Schema.Struct({
  id: RunId,
  rootRunId: key(RunId, "root_run_id"),
  parentRunId: key(Schema.NullOr(RunId), "parent_run_id"),
  workflowName: key(text, "workflow_name"),
  workflowDescription: key(textOrNull, "workflow_description"),
  scriptPath: key(textOrNull, "script_path"),
  scriptHash: key(textOrNull, "script_hash"),
  argsJson: key(text, "args_json"),
  outputJson: key(textOrNull, "output_json"),
  status: RunStatus,
  /** Counts up each time the run is resumed, from 1. */
  attempt: key(count, "attempt_number"),
  depth: count,
  provider: text,
  model: textOrNull,
  cachePolicy: key(CachePolicy, "cache_policy"),
  budgetTotalTokens: key(countOrNull, "budget_total_tokens"),
  budgetSpentTokens: key(count, "budget_spent_tokens"),
  budgetTotalCostUsd: key(usdOrNull, "budget_total_cost_usd"),
  budgetSpentCostUsd: key(Schema.Number, "budget_spent_cost_usd"),
  errorKind: key(textOrNull, "error_kind"),
  errorMessage: key(textOrNull, "error_message"),
  createdAt: key(text, "created_at"),
  startedAt: key(text, "started_at"),
  completedAt: key(textOrNull, "completed_at"),
  updatedAt: key(text, "updated_at")
})

/**
 * One execution of a workflow in a home.
 * @category models
 * @since 0.1.0
 */
export type Run = typeof Run.Type

/**
 * A run in a list, with what it came to so far; a root run's calls and requests are those of all runs below it too.
 * @category schemas
 * @since 0.1.0
 */
export const ListedRun = Schema.Struct({
  ...Run.fields,
  calls: count,
  attempts: count,
  /** Sum of the costs that are known. */
  costUsd: key(Schema.Number, "cost_usd"),
  /** Requests whose cost is not known. */
  unknownCosts: key(count, "unknown_costs")
})

/**
 * A run in a list.
 * @category models
 * @since 0.1.0
 */
export type ListedRun = typeof ListedRun.Type

/**
 * One `agent()` of a run. `status` is `running` from the moment its intent is stored until it is settled, and `waiting`
 * between two requests that are far apart.
 * @category schemas
 * @since 0.1.0
 */
export const Call = Schema.Struct({
  id: CallId,
  runId: key(RunId, "run_id"),
  index: key(count, "call_index"),
  callKey: key(text, "call_key"),
  cacheKey: key(text, "cache_key"),
  ordinal: count,
  label: textOrNull,
  phase: textOrNull,
  position: text,
  prompt: text,
  /** Canonical JSON of what decides the answer beside the prompt. */
  optsJson: key(text, "opts_json"),
  /** JSON of the options that do not decide the answer: timeout, policy, metadata. */
  settingsJson: key(textOrNull, "settings_json"),
  provider: text,
  model: text,
  agentType: key(textOrNull, "agent_type"),
  isolation: Isolation,
  status: Schema.Literal(...CallStatus.literals, "running", "waiting"),
  cacheStatus: key(CacheStatus, "cache_status"),
  cachePolicy: key(CachePolicy, "cache_policy"),
  /** The call of another run a hit was answered from. */
  sourceCallId: key(Schema.NullOr(CallId), "source_call_id"),
  schemaHash: key(textOrNull, "schema_hash"),
  outputText: key(textOrNull, "output_text"),
  outputJson: key(textOrNull, "output_json"),
  validationErrorsJson: key(textOrNull, "validation_errors_json"),
  errorKind: key(textOrNull, "error_kind"),
  error: textOrNull,
  worktreePath: key(textOrNull, "worktree_path"),
  worktreeBranch: key(textOrNull, "worktree_branch"),
  baseCommit: key(textOrNull, "base_commit"),
  headCommit: key(textOrNull, "head_commit"),
  /** Null for a call whose changes were not looked at. */
  changedFiles: key(Schema.NullOr(ChangesJson), "changed_files_json"),
  attempts: count,
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  cacheReadTokens: key(count, "cache_read_tokens"),
  cacheWriteTokens: key(count, "cache_write_tokens"),
  estimatedCostUsd: key(usdOrNull, "estimated_cost_usd"),
  durationMs: key(Schema.NullOr(Schema.Number), "duration_ms"),
  /** The run's attempt this call was last answered in, by a provider, the cache or the journal. */
  runAttempt: key(count, "run_attempt"),
  createdAt: key(text, "created_at"),
  completedAt: key(textOrNull, "completed_at"),
  /** What was done to come to an answer, where a recovery policy was asked. */
  recoveryJson: key(textOrNull, "recovery_json"),
  /** When the call is asked again, while it waits or after its wait was interrupted. */
  waitingUntil: key(textOrNull, "waiting_until")
})

/**
 * One `agent()` of a run.
 * @category models
 * @since 0.1.0
 */
export type Call = typeof Call.Type

/**
 * One request to a provider on behalf of a call, with what was set aside for it and what it used.
 * @category schemas
 * @since 0.1.0
 */
export const Attempt = Schema.Struct({
  callId: key(CallId, "call_id"),
  attempt: count,
  /**
   * `lost`: the request was given up before its outcome was known. Its tokens are what was reported of it until then, and
   * the greater of them and its reservation counts as spent.
   */
  status: Schema.Literal("running", "done", "failed", "lost"),
  reservedTokens: key(count, "reserved_tokens"),
  reservedCostUsd: key(Schema.Number, "reserved_cost_usd"),
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  cacheReadTokens: key(count, "cache_read_tokens"),
  cacheWriteTokens: key(count, "cache_write_tokens"),
  costUsd: key(usdOrNull, "cost_usd"),
  /** Who priced it: the provider itself, or a price table and its version. */
  costSource: key(textOrNull, "cost_source"),
  model: textOrNull,
  sessionId: key(textOrNull, "session_id"),
  errorKind: key(textOrNull, "error_kind"),
  error: textOrNull,
  raw: textOrNull,
  startedAt: key(text, "started_at"),
  completedAt: key(textOrNull, "completed_at")
})

/**
 * One request to a provider on behalf of a call.
 * @category models
 * @since 0.1.0
 */
export type Attempt = typeof Attempt.Type

/**
 * Something that happened in a run, in order of `id`.
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Struct({
  id: count,
  runId: key(RunId, "run_id"),
  callId: key(Schema.NullOr(CallId), "call_id"),
  runAttempt: key(count, "run_attempt"),
  type: text,
  message: text,
  dataJson: key(textOrNull, "data_json"),
  timestamp: text
})

/**
 * Something that happened in a run.
 * @category models
 * @since 0.1.0
 */
export type Event = typeof Event.Type

/**
 * What a run asked a person, and the answer; `decision` is null while it waits for one.
 * @category schemas
 * @since 0.1.0
 */
export const Approval = Schema.Struct({
  runId: key(RunId, "run_id"),
  /** Tells the questions of a run apart. */
  name: text,
  question: textOrNull,
  askedAt: key(text, "asked_at"),
  decision: Schema.NullOr(Schema.Literal("approved", "rejected", "expired")),
  message: textOrNull,
  decidedAt: key(textOrNull, "decided_at")
})

/**
 * What a run asked a person, and the answer.
 * @category models
 * @since 0.1.0
 */
export type Approval = typeof Approval.Type

/**
 * A file of a run, as it is written from the database; `path` is relative to the run's directory.
 * @category schemas
 * @since 0.1.0
 */
export const Artifact = Schema.Struct({
  runId: key(RunId, "run_id"),
  callId: key(Schema.NullOr(CallId), "call_id"),
  kind: text,
  path: text,
  sha256: text,
  sizeBytes: key(count, "size_bytes"),
  createdAt: key(text, "created_at")
})

/**
 * A file of a run.
 * @category models
 * @since 0.1.0
 */
export type Artifact = typeof Artifact.Type

/**
 * What the calls of a group used. Money whose amount is not known is counted apart, never as zero.
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  /** What the calls have in common; null for calls without a phase. */
  group: textOrNull,
  calls: count,
  /** Calls that were answered from another run's result. */
  hits: count,
  attempts: count,
  /** Requests whose outcome is not known. */
  lostAttempts: key(count, "lost_attempts"),
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  cacheReadTokens: key(count, "cache_read_tokens"),
  cacheWriteTokens: key(count, "cache_write_tokens"),
  /** Sum of the costs that are known. */
  costUsd: key(Schema.Number, "cost_usd"),
  /** Requests whose cost is not known. */
  unknownCosts: key(count, "unknown_costs"),
  /** What the answers used that were taken from other runs. */
  savedTokens: key(count, "saved_tokens"),
  /** Sum of the known costs of the answers that were taken from other runs. */
  savedCostUsd: key(Schema.Number, "saved_cost_usd")
})

/**
 * What the calls of a group used.
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type
