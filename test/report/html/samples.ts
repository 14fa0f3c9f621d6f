/**
 * Reports to render: one like those people have, and one that is as long as they come. Both are the same every time.
 */
import type { CallId, RunId } from "open-agent-workflows/domain/Ids"
import * as Usage from "open-agent-workflows/domain/Usage"
import * as Commands from "open-agent-workflows/report/Commands"
import type {
  AttemptReport,
  CallReport,
  EventReport,
  RunFacts,
  RunReport,
  Text
} from "open-agent-workflows/report/RunReport"
import * as Summary from "open-agent-workflows/report/Summary"
import { hex } from "../../../src/internal/sha256.ts"

export const runId = "20261120-091204-4c81ztq0m3ka" as RunId
export const childId = "20261120-091539-7d02hvw5n8pe" as RunId

/** When the runs of the samples began. */
export const start = Date.UTC(2026, 10, 20, 9, 12, 4, 180)

export const text = (text: string, more: Partial<Text> = {}): Text => ({
  text,
  size: new TextEncoder().encode(text).length,
  isCut: false,
  ...more
})

export const callId = (index: number, run = runId): CallId => `${run}-${String(index).padStart(4, "0")}` as CallId

/** A call that was answered at once; times are milliseconds after the beginning of the run. */
export const call = (
  index: number,
  { at = 0, took = 1000, ...changes }: Partial<CallReport> & { readonly at?: number; readonly took?: number } = {}
): CallReport => {
  const run = changes.runId ?? runId
  const attempts = changes.attempts ?? [attempt(1, { at: at + 40, took: took - 40 })]
  const first = attempts[0]
  const usage = changes.usage ?? attempts.reduce((sum, { usage }) => Usage.add(sum, usage), Usage.zero)
  const known = attempts.map(({ costUsd }) => costUsd)
  return {
    id: callId(index, run),
    runId: run,
    index,
    label: `call ${index}`,
    phase: "scan",
    position: `audit.ts:${20 + index % 40}:12`,
    callKey: hex(`call ${index}`),
    cacheKey: hex(`cache ${index}`),
    ordinal: 0,
    provider: "anthropic",
    model: "claude-haiku-4-5",
    agentType: null,
    isolation: "none",
    status: "done",
    cacheStatus: "miss",
    cachePolicy: "auto",
    sourceCallId: null,
    saved: changes.cacheStatus === "hit" ? { tokens: 2150, costUsd: 0.0034 } : null,
    prompt: text(`Prompt of call ${index}`),
    system: null,
    schema: null,
    schemaHash: null,
    options: {},
    outputText: text(`Answer of call ${index}`),
    outputJson: null,
    validationErrors: [],
    errorKind: null,
    error: null,
    degradedReason: null,
    attempts,
    recovery: null,
    waits: [],
    waitingUntil: null,
    usage,
    costUsd: known.some((cost) => cost === null) ? null : known.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    costSource: attempts.length === 0 ? null : "prices 2026-11-14",
    durationMs: took,
    queuedMs: first === undefined ? null : first.startedAt - start - at,
    runAttempt: 1,
    createdAt: start + at,
    startedAt: first?.startedAt ?? null,
    completedAt: start + at + took,
    explanation: { reason: "no earlier call asked this", differs: [], nearest: null },
    worktree: null,
    changes: null,
    patch: null,
    artifacts: [],
    ...changes
  }
}

/** A request that was answered. */
export const attempt = (
  number: number,
  { at, took, ...changes }: Partial<AttemptReport> & { readonly at: number; readonly took: number }
): AttemptReport => ({
  number,
  status: "done",
  model: "claude-haiku-4-5",
  sessionId: null,
  usage: Usage.make({ inputTokens: 1840, outputTokens: 312 }),
  costUsd: 0.0034,
  costSource: "prices 2026-11-14",
  reservedTokens: 9000,
  reservedCostUsd: 0.021,
  errorKind: null,
  error: null,
  raw: null,
  startedAt: start + at,
  completedAt: start + at + took,
  ...changes
})

export const run: RunFacts = {
  id: runId,
  rootRunId: runId,
  parentRunId: null,
  depth: 0,
  workflow: "dependency-audit",
  description: "Read what changed in every outdated dependency, judge the risk, and prepare the upgrades that are safe",
  status: "degraded",
  attempt: 2,
  args: text(JSON.stringify({ manifest: "package.json", since: "2026-08-01", concurrency: 8 })),
  output: text(JSON.stringify({
    upgraded: ["undici", "picomatch", "yaml", "marked"],
    held: [{ name: "better-sqlite3", why: "needs a newer compiler on two of the build hosts" }],
    risk: "low",
    report: "docs/audits/2026-11.md"
  })),
  provider: "anthropic",
  model: "claude-haiku-4-5",
  cachePolicy: "auto",
  script: { path: "workflows/audit.ts", hash: hex("audit.ts") },
  environment: {
    owfVersion: "0.1.0",
    node: "v22.20.0",
    gitCommit: "8f3c1e97ab20d4c6e5512d0f7b9a3346c1de8842",
    gitBranch: "main"
  },
  budget: { totalTokens: null, totalCostUsd: 5, spentTokens: 0, spentCostUsd: 3.12 },
  message: null,
  error: null,
  errorKind: null,
  createdAt: start,
  startedAt: start,
  completedAt: start + 351_000,
  updatedAt: start + 351_000,
  resumeCommand: null
}

/** A report of calls, with everything that follows from them. */
export const reportOf = (
  calls: ReadonlyArray<CallReport>,
  { events = [], run: facts = run, runs = [facts], ...changes }: Partial<RunReport> = {}
): RunReport => {
  const now = facts.completedAt ?? start + 400_000
  return {
    version: 1,
    generatedAt: now + 42_000,
    owfVersion: "0.1.0",
    home: "/home/ada/shop/.workflows",
    directory: `/home/ada/shop/.workflows/runs/${facts.id}`,
    run: facts,
    runs,
    phases: Summary.phases(runs, calls, []),
    calls,
    waits: calls.flatMap(({ waits }) => waits),
    usage: Summary.usages(calls),
    own: Summary.sums(calls.filter(({ runId }) => runId === facts.id)),
    totals: Summary.totals(facts, runs, calls, now),
    events,
    approvals: [],
    warnings: [],
    omitted: { events: 0, texts: 0, textLimit: 65_536 },
    commands: Commands.make(facts, undefined),
    ...changes
  }
}

/** Events that tell of calls. */
export const eventsOf = (calls: ReadonlyArray<CallReport>): ReadonlyArray<EventReport> =>
  calls
    .flatMap((call) => [
      { call, type: "call_started", message: call.label ?? "", at: call.createdAt },
      ...call.waits.map((wait) => ({ call, type: "retry_waiting", message: wait.reason, at: wait.from })),
      {
        call,
        type: call.status === "done" ? "call_done" : "call_failed",
        message: call.error ?? `${call.label} in ${call.durationMs} ms`,
        at: call.completedAt ?? start
      }
    ])
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, call, message, type }, id) => ({
      id,
      runId: call.runId,
      callId: call.id,
      runAttempt: 1,
      type,
      message,
      data: null,
      at
    }))

/** A run of very many calls, twelve at a time. */
export const long = (count: number): RunReport => {
  const calls = Array.from({ length: count }, (_, index) => {
    const at = Math.floor(index / 12) * 900 + index * 7 % 200
    const fails = index % 97 === 13
    return call(index, {
      at,
      took: 400 + index * 37 % 500,
      label: `item ${String(index).padStart(5, "0")}`,
      phase: `part ${Math.floor(index / (count / 6))}`,
      prompt: text(
        `Look at item ${index} and say what is in it.\n\n${"The quick brown fox jumps over the lazy dog. ".repeat(12)}`
      ),
      outputText: text(
        `Item ${index} holds **${index * 31 % 1000}** parts.\n\n${"- one more of them, as it was before\n".repeat(20)}`
      ),
      ...fails
        ? { status: "provider_failed", errorKind: "RateLimited", error: "429: slow down", outputText: null }
        : {},
      ...index % 5 === 2 ? { cacheStatus: "hit", attempts: [] } : {}
    })
  })
  const end = start + Math.ceil(count / 12) * 900 + 1000
  return reportOf(calls, {
    run: { ...run, status: "failed", completedAt: end, updatedAt: end },
    events: eventsOf(calls)
  })
}
