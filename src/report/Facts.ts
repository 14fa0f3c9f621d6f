/**
 * Runs, events and questions as they are reported, each made from its own record: the one place that decodes them.
 */
import type { RunId } from "../domain/Ids.ts"
import type { CutText } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { groupedBy, millis, millisOrNull } from "./Calls.ts"
import * as Commands from "./Commands.ts"
import * as Environment from "./Environment.ts"
import type { ApprovalReport, EventReport, RunFacts, RunState } from "./RunReport.ts"

/**
 * A run, as far as its own record says; texts are cut to so many characters.
 * @category converting
 * @since 0.1.0
 */
export const stateOf = (run: Records.Run, home: string | undefined, limit: number): RunState => ({
  id: run.id,
  rootRunId: run.rootRunId,
  parentRunId: run.parentRunId,
  depth: run.depth,
  workflow: run.workflowName,
  description: run.workflowDescription,
  status: run.status,
  attempt: run.attempt,
  args: cut(run.argsJson, limit),
  output: run.outputJson === null ? null : cut(run.outputJson, limit),
  provider: run.provider,
  model: run.model,
  cachePolicy: run.cachePolicy,
  script: run.scriptPath === null ? null : { path: run.scriptPath, hash: run.scriptHash },
  budget: {
    totalTokens: run.budgetTotalTokens,
    totalCostUsd: run.budgetTotalCostUsd,
    spentTokens: run.budgetSpentTokens,
    spentCostUsd: run.budgetSpentCostUsd
  },
  error: run.errorMessage === null ? null : { kind: run.errorKind ?? "Error", message: run.errorMessage },
  errorKind: run.errorKind,
  createdAt: millis(run.createdAt),
  startedAt: millis(run.startedAt),
  completedAt: millisOrNull(run.completedAt),
  updatedAt: millis(run.updatedAt),
  resumeCommand: Commands.resumeOf(run, home) ?? null
})

/**
 * A run, by its record and what its events say of it.
 * @category converting
 * @since 0.1.0
 */
export const runOf = (
  run: Records.Run,
  events: ReadonlyArray<Records.Event>,
  home: string | undefined,
  limit: number
): RunFacts => ({
  ...stateOf(run, home, limit),
  environment: Environment.of(run.id, events),
  message: events.findLast(({ runId, type }) => type === "end" && runId === run.id)?.message ?? null
})

/**
 * A run and the runs below it, each before its own children, of all that share its root.
 * @category converting
 * @since 0.1.0
 */
export const belowOf = (root: Records.Run, family: ReadonlyArray<Records.Run>): ReadonlyArray<Records.Run> => {
  const children = groupedBy(family, ({ parentRunId }) => parentRunId)
  const found: Array<Records.Run> = []
  const open = [root]
  for (let run = open.pop(); run !== undefined; run = open.pop()) {
    found.push(run)
    open.push(...(children.get(run.id) ?? []).toReversed())
  }
  return found
}

/**
 * A run's directory in a home, where the port to run directories says it is.
 * @category converting
 * @since 0.1.0
 */
export const directoryOf = (home: string, id: RunId): string => `${home}/runs/${id}`

/**
 * Something that happened.
 * @category converting
 * @since 0.1.0
 */
export const eventOf = (event: Records.Event): EventReport => ({
  id: event.id,
  runId: event.runId,
  callId: event.callId,
  runAttempt: event.runAttempt,
  type: event.type,
  message: event.message,
  data: event.dataJson,
  at: millis(event.timestamp)
})

/**
 * What some runs asked a person, of all that was asked.
 * @category converting
 * @since 0.1.0
 */
export const approvalsOf = (
  approvals: ReadonlyArray<Records.Approval>,
  runs: ReadonlyArray<{ readonly id: RunId }>
): ReadonlyArray<ApprovalReport> => {
  const ids = new Set(runs.map(({ id }) => id))
  return approvals.flatMap((approval) => ids.has(approval.runId) ? [approvalOf(approval)] : [])
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const cut = (text: string, limit: number): CutText => {
  const size = new TextEncoder().encode(text).length
  return text.length <= limit
    ? { text, size, isCut: false }
    // a pair of surrogates is not cut through
    : { text: text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, ""), size, isCut: true }
}

const approvalOf = (approval: Records.Approval): ApprovalReport => ({
  runId: approval.runId,
  name: approval.name,
  question: approval.question,
  askedAt: millis(approval.askedAt),
  decision: approval.decision,
  message: approval.message,
  decidedAt: millisOrNull(approval.decidedAt)
})
