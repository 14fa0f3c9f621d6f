/**
 * What the calls of a report come to: by phase, by provider and model, and in all.
 *
 * Money is added in whole billionths of a dollar. What is not known is counted, never taken for zero.
 */
import type { Recorded } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import * as Usage from "../domain/Usage.ts"
import { groupedBy, millis } from "./Calls.ts"
import type {
  CallReport,
  CallState,
  Counts,
  PhaseReport,
  RunFacts,
  RunReport,
  Sums,
  Totals,
  Warning
} from "./RunReport.ts"

/**
 * The phases of the runs, in order of the runs, then of when they began.
 * @category constructors
 * @since 0.1.0
 */
export const phases = (
  runs: ReadonlyArray<RunFacts>,
  calls: ReadonlyArray<CallReport>,
  events: ReadonlyArray<Records.Event>
): ReadonlyArray<PhaseReport> => {
  const found = new Map<string, Phase>()
  const at = (runId: RunFacts["id"], name: string | null, from: number): Phase => {
    const key = `${runId} ${name === null ? "-" : `+${name}`}`
    const known = found.get(key)
    if (known !== undefined) return known
    const phase: Phase = { runId, name, startedAt: from, calls: [] }
    found.set(key, phase)
    return phase
  }
  for (const { message, runId, timestamp, type } of events) {
    if (type === "phase") at(runId, message, millis(timestamp))
  }
  for (const call of calls) at(call.runId, call.phase, call.createdAt).calls.push(call)
  const order = new Map(runs.map(({ id }, order) => [id, order]))
  const ordered = [...found.values()].toSorted((a, b) =>
    (order.get(a.runId) ?? 0) - (order.get(b.runId) ?? 0) || a.startedAt - b.startedAt
  )
  const next = new Map<string, number>()
  return ordered.map((phase) => {
    const order = next.get(phase.runId) ?? 0
    next.set(phase.runId, order + 1)
    return phaseOf(phase, order)
  })
}

/**
 * What calls used, by what they have in common; groups in order of their names, those without one last.
 * @category constructors
 * @since 0.1.0
 */
export const usage = (
  calls: ReadonlyArray<CallState>,
  of: (call: CallState) => string | null
): ReadonlyArray<Records.Usage> =>
  [...groupedBy(calls, of)]
    .toSorted(([a], [b]) => a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1)
    .map(([group, calls]) => usageOf(group, calls))

/**
 * What some calls used in all.
 * @category constructors
 * @since 0.1.0
 */
export const sumOf = (calls: ReadonlyArray<CallState>): Records.Usage => usageOf(null, calls)

/**
 * What groups come to.
 * @category constructors
 * @since 0.1.0
 */
export const totalOf = (groups: ReadonlyArray<Records.Usage>): Records.Usage => {
  const sum = (of: (group: Records.Usage) => number) => groups.reduce((total, group) => total + of(group), 0)
  // adding amounts as dollars leaves a rest far below a billionth
  const exact = (of: (group: Records.Usage) => number) => nanoOf(sum(of)) / 1e9
  return {
    group: "total",
    calls: sum((group) => group.calls),
    hits: sum((group) => group.hits),
    attempts: sum((group) => group.attempts),
    lostAttempts: sum((group) => group.lostAttempts),
    inputTokens: sum((group) => group.inputTokens),
    outputTokens: sum((group) => group.outputTokens),
    cacheReadTokens: sum((group) => group.cacheReadTokens),
    cacheWriteTokens: sum((group) => group.cacheWriteTokens),
    costUsd: exact((group) => group.costUsd),
    unknownCosts: sum((group) => group.unknownCosts),
    savedTokens: sum((group) => group.savedTokens),
    savedCostUsd: exact((group) => group.savedCostUsd)
  }
}

/**
 * What some calls come to.
 * @category constructors
 * @since 0.1.0
 */
export const sums = (calls: ReadonlyArray<CallState>): Sums => {
  const all = sumOf(calls)
  const usage = Usage.make({
    inputTokens: all.inputTokens,
    outputTokens: all.outputTokens,
    cacheReadTokens: all.cacheReadTokens,
    cacheWriteTokens: all.cacheWriteTokens
  })
  return {
    calls: calls.length,
    byStatus: counts(calls.map(({ status }) => status)),
    byCache: counts(calls.map(({ cacheStatus }) => cacheStatus)),
    requests: all.attempts,
    lostRequests: all.lostAttempts,
    usage,
    tokens: Usage.total(usage),
    costUsd: all.costUsd,
    unknownCosts: all.unknownCosts,
    savedTokens: all.savedTokens,
    savedCostUsd: all.savedCostUsd
  }
}

/**
 * What a report comes to.
 * @category constructors
 * @since 0.1.0
 */
export const totals = (
  run: RunFacts,
  runs: ReadonlyArray<RunFacts>,
  calls: ReadonlyArray<CallReport>,
  now: number
): Totals => {
  const requests = requestsOf(calls, now)
  return {
    runs: runs.length,
    ...sums(calls),
    wallMs: Math.max(0, endOf(run, now) - run.createdAt),
    requestMs: requests.reduce((sum, { from, to }) => sum + (to - from), 0),
    peakConcurrency: peak(requests),
    changedFiles: new Set(calls.flatMap(({ changes }) => (changes ?? []).map(({ path }) => path))).size
  }
}

/**
 * What a person should know before reading on.
 * @category constructors
 * @since 0.1.0
 */
export const warnings = (
  recorded: Recorded,
  calls: ReadonlyArray<CallReport>,
  totals: Totals
): ReadonlyArray<Warning> => {
  const about = (isSo: boolean, message: string): ReadonlyArray<Warning> => isSo ? [{ callId: null, message }] : []
  return [
    ...calls.flatMap((call): ReadonlyArray<Warning> =>
      call.status === "degraded"
        ? [{
          callId: call.id,
          message: `a declared value stands in for the answer: ${call.degradedReason ?? "no answer"}`
        }]
        : []
    ),
    ...recorded.events.flatMap(({ callId, message, type }): ReadonlyArray<Warning> =>
      type === "call_warning" ? [{ callId, message }] : []
    ),
    ...recorded.calls.flatMap(({ id, tooLong }): ReadonlyArray<Warning> =>
      tooLong.map((column) => ({ callId: id, message: `${column} is too long to be part of a report` }))
    ),
    ...recorded.calls.flatMap(({ id, patchIsCut }): ReadonlyArray<Warning> =>
      patchIsCut ? [{ callId: id, message: "only the beginning of the patch was kept" }] : []
    ),
    ...about(totals.unknownCosts > 0, `the cost of ${count(totals.unknownCosts, "request")} is not known`),
    ...about(
      totals.lostRequests > 0,
      `${
        count(totals.lostRequests, "request")
      } ended without anybody hearing how; what was set aside for them counts as spent`
    )
  ]
}

/**
 * How often each word occurs, in order of first occurrence.
 * @category constructors
 * @since 0.1.0
 */
export const counts = (words: ReadonlyArray<string>): Counts => {
  const counted: Record<string, number> = {}
  for (const word of words) counted[word] = (counted[word] ?? 0) + 1
  return counted
}

/**
 * When a run ended, or how far it has come.
 * @category converting
 * @since 0.1.0
 */
export const endOf = (run: RunFacts, now: number): number =>
  run.completedAt ?? (run.status === "running" || run.status === "waiting" ? now : run.updatedAt)

/**
 * The groups of usage every report has.
 * @category constructors
 * @since 0.1.0
 */
export const usages = (calls: ReadonlyArray<CallState>): RunReport["usage"] => ({
  byPhase: usage(calls, ({ phase }) => phase),
  byModel: usage(calls, ({ model, provider }) => `${provider}:${model}`),
  byProvider: usage(calls, ({ provider }) => provider)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Phase {
  readonly runId: RunFacts["id"]
  readonly name: string | null
  readonly startedAt: number
  readonly calls: Array<CallReport>
}

const phaseOf = ({ calls, name, runId, startedAt }: Phase, order: number): PhaseReport => {
  const used = usageOf(name, calls)
  const ends = calls.map(({ completedAt }) => completedAt)
  return {
    runId,
    name,
    order,
    startedAt: calls.reduce((least, { createdAt }) => Math.min(least, createdAt), startedAt),
    endedAt: ends.reduce((latest, end) => latest === null || end === null ? null : Math.max(latest, end), startedAt),
    calls: calls.length,
    byStatus: counts(calls.map(({ status }) => status)),
    tokens: used.inputTokens + used.outputTokens + used.cacheReadTokens + used.cacheWriteTokens,
    costUsd: used.costUsd,
    unknownCosts: used.unknownCosts
  }
}

const usageOf = (group: string | null, calls: ReadonlyArray<CallState>): Records.Usage => {
  let tokens = Usage.zero
  let [hits, attempts, lost, nano, unknown, savedTokens, savedNano] = [0, 0, 0, 0, 0, 0, 0]
  for (const call of calls) {
    tokens = Usage.add(tokens, call.usage)
    if (call.sourceCallId !== null) hits++
    for (const { costUsd, status } of call.attempts) {
      attempts++
      if (status === "lost") lost++
      if (costUsd === null) unknown++
      else nano += nanoOf(costUsd)
    }
    savedTokens += call.saved?.tokens ?? 0
    savedNano += nanoOf(call.saved?.costUsd ?? 0)
  }
  return {
    group,
    calls: calls.length,
    hits,
    attempts,
    lostAttempts: lost,
    ...tokens,
    costUsd: nano / 1e9,
    unknownCosts: unknown,
    savedTokens,
    savedCostUsd: savedNano / 1e9
  }
}

/** Amounts are whole billionths of a dollar. */
const nanoOf = (usd: number): number => Math.round(usd * 1e9)

interface Span {
  readonly from: number
  readonly to: number
}

const requestsOf = (calls: ReadonlyArray<CallReport>, now: number): ReadonlyArray<Span> =>
  calls.flatMap(({ attempts }) =>
    attempts.map(({ completedAt, startedAt, status }) => ({
      from: startedAt,
      to: Math.max(startedAt, completedAt ?? (status === "running" ? now : startedAt))
    }))
  )

/** Most spans that have a moment in common; one that ends when another begins has none with it. */
const peak = (spans: ReadonlyArray<Span>): number => {
  const starts = Float64Array.from(spans, ({ from }) => from).toSorted()
  const ends = Float64Array.from(spans, ({ from, to }) => Math.max(to, from + 1)).toSorted()
  let [most, ended] = [0, 0]
  for (const [started, start] of starts.entries()) {
    while (ended < ends.length && (ends[ended] ?? 0) <= start) ended++
    most = Math.max(most, started + 1 - ended)
  }
  return most
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`
