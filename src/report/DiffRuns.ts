/**
 * What two runs of a workflow have in common, and what the difference cost.
 *
 * Calls are paired: those that asked the same thing first, then those with the same label in the same phase, then those
 * made at the same place of the program. Of equals the first goes with the first.
 */
import type { Asked } from "../cache/Explain.ts"
import { differences } from "../cache/Explain.ts"
import type { CallId, RunId } from "../domain/Ids.ts"
import * as Usage from "../domain/Usage.ts"
import type { CallReport, RunReport } from "./RunReport.ts"
import { sumOf } from "./Summary.ts"

/**
 * What two runs have in common and what not.
 * @category models
 * @since 0.1.0
 */
export interface RunDiff {
  readonly before: Side
  readonly after: Side
  /** Calls of the later run that were answered without asking; the amounts are what they took in the earlier one. */
  readonly reused: Amount
  /** Calls that were asked again. */
  readonly rerun: {
    readonly before: Amount
    readonly after: Amount
    /** By what differs in their keys, the dearest first. */
    readonly byComponent: ReadonlyArray<Component>
  }
  /** Calls only the later run has. */
  readonly added: Amount
  /** Calls only the earlier run has. */
  readonly gone: Amount
  /** In order of the later run, then what is gone. */
  readonly calls: ReadonlyArray<CallDiff>
}

/**
 * One of the two runs.
 * @category models
 * @since 0.1.0
 */
export interface Side extends Amount {
  readonly runId: RunId
  readonly workflow: string
  readonly status: string
  readonly wallMs: number
}

/**
 * What calls come to.
 * @category models
 * @since 0.1.0
 */
export interface Amount {
  readonly calls: number
  readonly tokens: number
  /** Sum of the costs that are known. */
  readonly costUsd: number
  /** Requests whose cost is not known. */
  readonly unknownCosts: number
}

/**
 * Calls that were asked again for the same cause.
 * @category models
 * @since 0.1.0
 */
export interface Component {
  /** Parts of the key that differ; empty for calls that asked the same and were asked again all the same. */
  readonly differs: ReadonlyArray<string>
  readonly before: Amount
  readonly after: Amount
}

/**
 * A call and what became of it.
 * @category models
 * @since 0.1.0
 */
export interface CallDiff {
  readonly kind: "reused" | "rerun" | "added" | "gone"
  readonly before: CallId | null
  readonly after: CallId | null
  readonly label: string | null
  readonly phase: string | null
  readonly differs: ReadonlyArray<string>
  /** Why it was asked, or was not; null for a call that is gone. */
  readonly reason: string | null
  readonly beforeCostUsd: number | null
  readonly afterCostUsd: number | null
  readonly beforeTokens: number
  readonly afterTokens: number
}

/**
 * Compares an earlier run with a later one.
 * @category constructors
 * @since 0.1.0
 */
export const make = (before: RunReport, after: RunReport): RunDiff => {
  const { gone, pairs } = paired(before, after)
  const compared = pairs.map(([now, earlier]) => ({ now, earlier, diff: compare(now, earlier) }))
  const of = (kind: CallDiff["kind"]) => compared.filter(({ diff }) => diff.kind === kind)
  const rerun = of("rerun")
  return {
    before: sideOf(before),
    after: sideOf(after),
    reused: amountOf(earlierOf(of("reused"))),
    rerun: {
      before: amountOf(earlierOf(rerun)),
      after: amountOf(rerun.map(({ now }) => now)),
      byComponent: componentsOf(rerun)
    },
    added: amountOf(of("added").map(({ now }) => now)),
    gone: amountOf(gone),
    calls: [...compared.map(({ diff }) => diff), ...gone.map(goneOf)]
  }
}

// -----------------------------------------------------------------------------
// pairs
// -----------------------------------------------------------------------------

type Pair = readonly [now: CallReport, then: CallReport | undefined]

/** Calls go together only within the same workflow; what is nearest goes first. */
const likenesses: ReadonlyArray<(call: CallReport) => string | undefined> = [
  ({ cacheKey }) => cacheKey,
  ({ callKey }) => callKey,
  ({ label, phase }) => label === null ? undefined : JSON.stringify([phase, label]),
  ({ label }) => label ?? undefined,
  ({ position, prompt }) => prompt.isCut ? undefined : JSON.stringify([position, prompt.text]),
  ({ label, position }) => label === null ? position : undefined
]

const paired = (
  before: RunReport,
  after: RunReport
): { readonly pairs: ReadonlyArray<Pair>; readonly gone: ReadonlyArray<CallReport> } => {
  const found = new Map<CallReport, CallReport>()
  const left = new Set(before.calls)
  const workflows = new Map([...before.runs, ...after.runs].map(({ id, workflow }) => [id, workflow]))
  for (const likeness of likenesses) {
    const keyOf = (call: CallReport): string | undefined => {
      const like = likeness(call)
      return like === undefined ? undefined : JSON.stringify([workflows.get(call.runId), like])
    }
    const queues = new Map<string, Array<CallReport>>()
    for (const call of left) {
      const key = keyOf(call)
      if (key === undefined) continue
      const queue = queues.get(key)
      if (queue === undefined) queues.set(key, [call])
      else queue.push(call)
    }
    // taken from the end, which is where taking costs nothing
    for (const queue of queues.values()) queue.reverse()
    for (const call of after.calls) {
      const key = found.has(call) ? undefined : keyOf(call)
      const like = key === undefined ? undefined : queues.get(key)?.pop()
      if (like === undefined) continue
      found.set(call, like)
      left.delete(like)
    }
  }
  return { pairs: after.calls.map((call) => [call, found.get(call)]), gone: [...left] }
}

const compare = (now: CallReport, then: CallReport | undefined): CallDiff => {
  const isReused = now.cacheStatus === "hit" || now.cacheStatus === "replayed"
  const differs = then === undefined || isReused ? [] : differences(askedOf(now), askedOf(then))
  return {
    kind: then === undefined ? "added" : isReused ? "reused" : "rerun",
    before: then?.id ?? null,
    after: now.id,
    label: now.label,
    phase: now.phase,
    differs,
    reason: now.explanation.reason,
    beforeCostUsd: then?.costUsd ?? null,
    afterCostUsd: now.costUsd,
    beforeTokens: then === undefined ? 0 : Usage.total(then.usage),
    afterTokens: Usage.total(now.usage)
  }
}

const goneOf = (call: CallReport): CallDiff => ({
  kind: "gone",
  before: call.id,
  after: null,
  label: call.label,
  phase: call.phase,
  differs: [],
  reason: null,
  beforeCostUsd: call.costUsd,
  afterCostUsd: null,
  beforeTokens: Usage.total(call.usage),
  afterTokens: 0
})

/** Options that do not decide the answer. */
const settings = new Set(["metadata", "recover", "timeoutMs", "idleTimeoutMs"])

const askedOf = (call: CallReport): Asked => ({
  id: call.id,
  callKey: call.callKey,
  cacheKey: call.cacheKey,
  ordinal: call.ordinal,
  label: call.label,
  position: call.position,
  prompt: `${call.prompt.size} ${call.prompt.text}`,
  optsJson: JSON.stringify({
    ...Object.fromEntries(Object.entries(call.options).filter(([name]) => !settings.has(name))),
    agentType: call.agentType ?? undefined,
    isolation: call.isolation,
    model: call.model,
    provider: call.provider,
    schema: call.schemaHash ?? undefined,
    system: call.system?.text
  }),
  status: call.status,
  cachePolicy: call.cachePolicy
})

// -----------------------------------------------------------------------------
// amounts
// -----------------------------------------------------------------------------

interface Compared {
  readonly now: CallReport
  readonly earlier: CallReport | undefined
  readonly diff: CallDiff
}

const earlierOf = (compared: ReadonlyArray<Compared>): ReadonlyArray<CallReport> =>
  compared.flatMap(({ earlier }) => earlier === undefined ? [] : [earlier])

const amountOf = (calls: ReadonlyArray<CallReport>): Amount => {
  const sum = sumOf(calls)
  return {
    calls: sum.calls,
    tokens: sum.inputTokens + sum.outputTokens + sum.cacheReadTokens + sum.cacheWriteTokens,
    costUsd: sum.costUsd,
    unknownCosts: sum.unknownCosts
  }
}

const sideOf = ({ calls, run, totals }: RunReport): Side => ({
  runId: run.id,
  workflow: run.workflow,
  status: run.status,
  wallMs: totals.wallMs,
  ...amountOf(calls)
})

const componentsOf = (rerun: ReadonlyArray<Compared>): ReadonlyArray<Component> => {
  const groups = new Map<string, Array<Compared>>()
  for (const compared of rerun) {
    const key = JSON.stringify(compared.diff.differs)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [compared])
    else group.push(compared)
  }
  return [...groups.values()]
    .map((group) => ({
      differs: group[0]?.diff.differs ?? [],
      before: amountOf(earlierOf(group)),
      after: amountOf(group.map(({ now }) => now))
    }))
    .toSorted((a, b) =>
      b.after.costUsd - a.after.costUsd || b.after.tokens - a.after.tokens || b.after.calls - a.after.calls
    )
}
