/**
 * The report's data as it stands in the file, checked field by field: a file can be cut short, edited or damaged on its
 * way, and a part of the page that meets what it does not expect would take the whole page away.
 *
 * The compiler compares each check with the model: neither has a field, a word or a null that the other does not know.
 */
import type { Change } from "../../domain/Change.ts"
import type { CallId, RunId } from "../../domain/Ids.ts"
import type * as Records from "../../domain/Records.ts"
import type { CachePolicy, CacheStatus, Isolation, RunStatus } from "../../domain/Status.ts"
import type { Usage } from "../../domain/Usage.ts"
import type * as Model from "../RunReport.ts"
import type { Guard } from "./Guard.ts"
import { anything, exactly, flag, list, number, oneOf, orNull, record, struct, text, textOf } from "./Guard.ts"

/** The report a text holds; undefined where it holds none. */
export const decode = (json: string): Model.RunReport | undefined => {
  const value = parse(json)
  return isReport(value) ? value : undefined
}

/** The value a text holds; undefined where it is no JSON, such as a text that was cut. */
export const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const runId = textOf<RunId>()
const callId = textOf<CallId>()
const noText = orNull(text)
const noNumber = orNull(number)
const noCallId = orNull(callId)
const counts = record(number)

const cut = struct<Model.Text>({ text, size: number, isCut: flag })
const noCut = orNull(cut)

const usage = struct<Usage>({
  inputTokens: number,
  outputTokens: number,
  cacheReadTokens: number,
  cacheWriteTokens: number
})

const runStatus = oneOf<RunStatus>({
  running: true,
  done: true,
  degraded: true,
  failed: true,
  interrupted: true,
  waiting: true
})

const callStatus = oneOf<Records.Call["status"]>({
  done: true,
  failed: true,
  provider_failed: true,
  schema_failed: true,
  timeout: true,
  worktree_failed: true,
  budget_exceeded: true,
  cancelled: true,
  degraded: true,
  running: true,
  waiting: true
})

const attemptStatus = oneOf<Records.Attempt["status"]>({ running: true, done: true, failed: true, lost: true })
const cacheStatus = oneOf<CacheStatus>({ hit: true, replayed: true, miss: true, bypassed: true, disabled: true })
const cachePolicy = oneOf<CachePolicy>({ auto: true, disabled: true, read_only: true, refresh: true })
const isolation = oneOf<Isolation>({ none: true, worktree: true })

const run = struct<Model.RunFacts>({
  id: runId,
  rootRunId: runId,
  parentRunId: orNull(runId),
  depth: number,
  workflow: text,
  description: noText,
  status: runStatus,
  attempt: number,
  args: cut,
  output: noCut,
  provider: text,
  model: noText,
  cachePolicy,
  script: orNull(struct<NonNullable<Model.RunFacts["script"]>>({ path: text, hash: noText })),
  environment: struct<Model.Environment>({ owfVersion: noText, node: noText, gitCommit: noText, gitBranch: noText }),
  budget: struct<Model.RunFacts["budget"]>({
    totalTokens: noNumber,
    totalCostUsd: noNumber,
    spentTokens: number,
    spentCostUsd: number
  }),
  error: orNull(struct<NonNullable<Model.RunFacts["error"]>>({ kind: text, message: text })),
  errorKind: noText,
  message: noText,
  createdAt: number,
  startedAt: number,
  completedAt: noNumber,
  updatedAt: number,
  resumeCommand: noText
})

const phase = struct<Model.PhaseReport>({
  runId,
  name: noText,
  order: number,
  startedAt: number,
  endedAt: noNumber,
  calls: number,
  byStatus: counts,
  tokens: number,
  costUsd: number,
  unknownCosts: number
})

const wait = struct<Model.WaitReport>({
  runId,
  callId: noCallId,
  from: number,
  endedAt: noNumber,
  until: noNumber,
  reason: text
})

const attempt = struct<Model.AttemptReport>({
  number,
  status: attemptStatus,
  model: noText,
  sessionId: noText,
  usage,
  costUsd: noNumber,
  costSource: noText,
  reservedTokens: number,
  reservedCostUsd: number,
  errorKind: noText,
  error: noText,
  raw: noCut,
  startedAt: number,
  completedAt: noNumber
})

const recovery = struct<Model.RecoveryReport>({
  retries: number,
  retryWaitMs: number,
  resets: number,
  resetWaitMs: number,
  corrections: number,
  compactions: number,
  reframings: number,
  steps: list(struct<Model.RecoveryReport["steps"][number]>({ at: number, message: text }))
})

const change = struct<Change>({
  kind: oneOf<Change["kind"]>({ added: true, modified: true, deleted: true, renamed: true, ignored: true }),
  path: text,
  from: noText
})

const call = struct<Model.CallReport>({
  id: callId,
  runId,
  index: number,
  label: noText,
  phase: noText,
  position: text,
  callKey: text,
  cacheKey: text,
  ordinal: number,
  provider: text,
  model: text,
  agentType: noText,
  isolation,
  status: callStatus,
  cacheStatus,
  cachePolicy,
  sourceCallId: noCallId,
  saved: orNull(struct<NonNullable<Model.CallReport["saved"]>>({ tokens: number, costUsd: number })),
  prompt: cut,
  system: noCut,
  schema: noCut,
  schemaHash: noText,
  options: record(anything),
  outputText: noCut,
  outputJson: noCut,
  validationErrors: list(struct<Model.ValidationError>({ path: text, message: text })),
  errorKind: noText,
  error: noText,
  degradedReason: noText,
  attempts: list(attempt),
  recovery: orNull(recovery),
  waits: list(wait),
  waitingUntil: noNumber,
  usage,
  costUsd: noNumber,
  costSource: noText,
  durationMs: noNumber,
  queuedMs: noNumber,
  runAttempt: number,
  createdAt: number,
  startedAt: noNumber,
  completedAt: noNumber,
  explanation: struct<Model.Explanation>({ reason: text, differs: list(text), nearest: noCallId }),
  worktree: orNull(struct<Model.Worktree>({ path: noText, branch: noText, base: noText, head: noText })),
  changes: orNull(list(change)),
  patch: noCut,
  artifacts: list(struct<Model.ArtifactReport>({ kind: text, path: text, sha256: text, size: number }))
})

const groups = list(struct<Records.Usage>({
  group: noText,
  calls: number,
  hits: number,
  attempts: number,
  lostAttempts: number,
  inputTokens: number,
  outputTokens: number,
  cacheReadTokens: number,
  cacheWriteTokens: number,
  costUsd: number,
  unknownCosts: number,
  savedTokens: number,
  savedCostUsd: number
}))

const sums: { readonly [K in keyof Model.Sums]: Guard<Model.Sums[K]> } = {
  calls: number,
  byStatus: counts,
  byCache: counts,
  requests: number,
  lostRequests: number,
  usage,
  tokens: number,
  costUsd: number,
  unknownCosts: number,
  savedTokens: number,
  savedCostUsd: number
}

const event = struct<Model.EventReport>({
  id: number,
  runId,
  callId: noCallId,
  runAttempt: number,
  type: text,
  message: text,
  data: noText,
  at: number
})

const approval = struct<Model.ApprovalReport>({
  runId,
  name: text,
  question: noText,
  askedAt: number,
  decision: orNull(
    oneOf<NonNullable<Records.Approval["decision"]>>({ approved: true, rejected: true, expired: true })
  ),
  message: noText,
  decidedAt: noNumber
})

const isReport = struct<Model.RunReport>({
  version: exactly(1),
  generatedAt: number,
  owfVersion: text,
  home: text,
  directory: text,
  run,
  runs: list(run),
  phases: list(phase),
  calls: list(call),
  waits: list(wait),
  own: struct<Model.Sums>(sums),
  usage: struct<Model.RunReport["usage"]>({ byPhase: groups, byModel: groups, byProvider: groups }),
  totals: struct<Model.Totals>({
    ...sums,
    runs: number,
    wallMs: number,
    requestMs: number,
    peakConcurrency: number,
    changedFiles: number
  }),
  events: list(event),
  approvals: list(approval),
  warnings: list(struct<Model.Warning>({ callId: noCallId, message: text })),
  omitted: struct<Model.Omitted>({ events: number, texts: number, textLimit: number }),
  commands: struct<Model.Commands>({
    status: text,
    output: text,
    events: text,
    answer: text,
    prompt: text,
    raw: text,
    details: text,
    diff: text,
    resume: noText
  })
})
