/**
 * The model as the commands print it as JSON, with the field names of the command line's contract.
 *
 * - J1. A run, a call, a request, an event and a question have one shape each, wherever they are printed: that of their
 *   record. What is derived in them comes from the model.
 * - J2. Everything else is the model itself, its field names in snake case.
 */
import type { CallId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { ApprovalReport, AttemptReport, EventReport, RunState, WholeCall } from "./RunReport.ts"

/**
 * Plain data with its field names in snake case; what programs and users named keeps its names.
 * @category converting
 * @since 0.1.0
 */
export const encode = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(encode)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [snake(name), named.has(name) ? field : encode(field)])
  )
}

/**
 * A run; its texts have to be whole.
 * @category converting
 * @since 0.1.0
 */
export const run = (run: RunState): typeof Records.Run.Encoded => ({
  id: run.id,
  root_run_id: run.rootRunId,
  parent_run_id: run.parentRunId,
  workflow_name: run.workflow,
  workflow_description: run.description,
  script_path: run.script?.path ?? null,
  script_hash: run.script?.hash ?? null,
  args_json: run.args.text,
  output_json: run.output?.text ?? null,
  status: run.status,
  attempt_number: run.attempt,
  depth: run.depth,
  provider: run.provider,
  model: run.model,
  cache_policy: run.cachePolicy,
  budget_total_tokens: run.budget.totalTokens,
  budget_spent_tokens: run.budget.spentTokens,
  budget_total_cost_usd: run.budget.totalCostUsd,
  budget_spent_cost_usd: run.budget.spentCostUsd,
  error_kind: run.errorKind,
  error_message: run.error?.message ?? null,
  created_at: iso(run.createdAt),
  started_at: iso(run.startedAt),
  completed_at: isoOrNull(run.completedAt),
  updated_at: iso(run.updatedAt)
})

/**
 * A call.
 * @category converting
 * @since 0.1.0
 */
export const call = (call: WholeCall): typeof Records.Call.Encoded => ({
  id: call.id,
  run_id: call.runId,
  call_index: call.index,
  call_key: call.callKey,
  cache_key: call.cacheKey,
  ordinal: call.ordinal,
  label: call.label,
  phase: call.phase,
  position: call.position,
  prompt: call.prompt,
  opts_json: call.optsJson,
  settings_json: call.settingsJson,
  provider: call.provider,
  model: call.model,
  agent_type: call.agentType,
  isolation: call.isolation,
  status: call.status,
  cache_status: call.cacheStatus,
  cache_policy: call.cachePolicy,
  source_call_id: call.sourceCallId,
  schema_hash: call.schemaHash,
  output_text: call.outputText,
  output_json: call.outputJson,
  validation_errors_json: call.validationErrorsJson,
  error_kind: call.errorKind,
  error: call.error,
  worktree_path: call.worktree?.path ?? null,
  worktree_branch: call.worktree?.branch ?? null,
  base_commit: call.worktree?.base ?? null,
  head_commit: call.worktree?.head ?? null,
  changed_files_json: call.changesJson,
  attempts: call.attempts.length,
  input_tokens: call.usage.inputTokens,
  output_tokens: call.usage.outputTokens,
  cache_read_tokens: call.usage.cacheReadTokens,
  cache_write_tokens: call.usage.cacheWriteTokens,
  estimated_cost_usd: call.costUsd,
  duration_ms: call.durationMs,
  run_attempt: call.runAttempt,
  created_at: iso(call.createdAt),
  completed_at: isoOrNull(call.completedAt),
  recovery_json: call.recoveryJson,
  waiting_until: isoOrNull(call.waitingUntil)
})

/**
 * A request for a call.
 * @category converting
 * @since 0.1.0
 */
export const attempt = (callId: CallId, attempt: AttemptReport): typeof Records.Attempt.Encoded => ({
  call_id: callId,
  attempt: attempt.number,
  status: attempt.status,
  reserved_tokens: attempt.reservedTokens,
  reserved_cost_usd: attempt.reservedCostUsd,
  input_tokens: attempt.usage.inputTokens,
  output_tokens: attempt.usage.outputTokens,
  cache_read_tokens: attempt.usage.cacheReadTokens,
  cache_write_tokens: attempt.usage.cacheWriteTokens,
  cost_usd: attempt.costUsd,
  cost_source: attempt.costSource,
  model: attempt.model,
  session_id: attempt.sessionId,
  error_kind: attempt.errorKind,
  error: attempt.error,
  raw: attempt.raw?.text ?? null,
  started_at: iso(attempt.startedAt),
  completed_at: isoOrNull(attempt.completedAt)
})

/**
 * Something that happened.
 * @category converting
 * @since 0.1.0
 */
export const event = (event: EventReport): typeof Records.Event.Encoded => ({
  id: event.id,
  run_id: event.runId,
  call_id: event.callId,
  run_attempt: event.runAttempt,
  type: event.type,
  message: event.message,
  data_json: event.data,
  timestamp: iso(event.at)
})

/**
 * A question and its answer.
 * @category converting
 * @since 0.1.0
 */
export const approval = (approval: ApprovalReport): typeof Records.Approval.Encoded => ({
  run_id: approval.runId,
  name: approval.name,
  question: approval.question,
  asked_at: iso(approval.askedAt),
  decision: approval.decision,
  message: approval.message,
  decided_at: isoOrNull(approval.decidedAt)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Fields whose own fields are named by others. */
const named = new Set(["options", "byStatus", "byCache"])

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const iso = (at: number): string => new Date(at).toISOString()

const isoOrNull = (at: number | null): string | null => at === null ? null : iso(at)
