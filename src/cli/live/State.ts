/**
 * Where a run stands, as far as it was told: signals in, counts and lists out. It knows of no terminal and no clock.
 *
 * - T1. A call is counted in exactly one place of its phase: queued, running, waiting, or by how it ended.
 * - T2. It is bounded by what is under way and by the number of phases, not by the number of calls; of failures the first
 *   thousand are kept, and all are counted.
 * - T3. A signal about something that was never told of before is taken as it is: a watcher may come late.
 */
import type { CallId, RunId } from "../../domain/Ids.ts"
import type { CacheStatus, CallStatus, RunStatus } from "../../domain/Status.ts"
import type { Amount, Call, Signal } from "./Signal.ts"

/**
 * What calls came to: how many, and what they used. Costs that are not known are counted apart.
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  queued: number
  running: number
  waiting: number
  done: number
  replayed: number
  hits: number
  degraded: number
  failed: number
  cancelled: number
  tokens: number
  costUsd: number
  unknownCosts: number
}

/**
 * A phase of a workflow, or the calls of one outside any phase; equal phases of child runs are one.
 * @category models
 * @since 0.1.0
 */
export interface Phase extends Counts {
  readonly workflow: string
  /** Null for calls outside any phase. */
  readonly name: string | null
  readonly depth: number
}

/**
 * A call that has not ended.
 * @category models
 * @since 0.1.0
 */
export interface Open {
  readonly call: Call
  /** Where it is counted. */
  readonly phase: Phase
  /** When it was placed; epoch milliseconds. */
  readonly since: number
  state: "queued" | "running" | "waiting"
  /** Requests sent so far. */
  attempt: number
  used: Amount | undefined
  /** Why the next request is not sent yet, and when it is. */
  pause: { readonly why: string; readonly until: number | null; readonly isRetry: boolean } | undefined
}

/**
 * A wait of a workflow's own.
 * @category models
 * @since 0.1.0
 */
export interface Wait {
  readonly runId: RunId
  readonly text: string
  readonly until: number | null
}

/**
 * A call that failed for good.
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly call: Call
  readonly status: CallStatus
  readonly error: string
}

/**
 * Where a run stands.
 * @category models
 * @since 0.1.0
 */
export class State {
  /** The root run; undefined before it was told of. */
  root: { readonly runId: RunId; readonly workflow: string; readonly at: number } | undefined = undefined
  status: RunStatus = "running"
  endedAt: number | undefined = undefined
  readonly total: Counts = none()
  /** What answers from other runs would have used. */
  readonly saved = { tokens: 0, costUsd: 0 }
  /** What answers of earlier attempts of the run used. */
  readonly kept = { tokens: 0, costUsd: 0 }
  readonly open = new Map<CallId, Open>()
  readonly waits = new Map<string, Wait>()
  readonly failures = new Map<string, Failure>()
  /** Failures that are not in `failures` (T2). */
  moreFailures = 0
  private readonly runs = new Map<RunId, Known>()
  private readonly byPhase = new Map<string, Phase>()
  private anonymous = 0

  /** In the order they were first told of. */
  get phases(): ReadonlyArray<Phase> {
    return [...this.byPhase.values()]
  }

  /** Depth of a run, 0 for the root. */
  depthOf(runId: RunId): number {
    return this.runs.get(runId)?.depth ?? 0
  }

  /** Takes note of a signal. */
  apply(signal: Signal): void {
    switch (signal._tag) {
      case "RunBegan":
        return this.began(signal)
      case "RunEnded":
        return this.runEnded(signal)
      case "Phase":
        return void this.phaseOf(signal.runId, signal.name)
      case "Logged":
        return
      case "Waiting":
        return this.waiting(signal)
      case "Waited":
        return void this.waits.delete(`${signal.runId} ${signal.name}`)
      case "Placed":
        return this.placed(signal)
      case "Asked":
        return this.asked(signal)
      case "Reported": {
        const open = this.open.get(signal.callId)
        if (open !== undefined) open.used = signal.used
        return
      }
      case "Paused":
        return this.paused(signal.callId, {
          why: signal.why,
          until: signal.until,
          isRetry: signal.attempt !== null
        })
      case "CallEnded":
        return this.ended(signal)
      case "Broken":
        return this.broken(signal.callId)
      case "Saved":
        this.saved.tokens += signal.used.tokens
        this.saved.costUsd += signal.used.costUsd ?? 0
        return
      case "Degraded":
        return this.degraded(signal.callId)
    }
  }

  private began({ at, depth, runId, workflow }: Extract<Signal, { readonly _tag: "RunBegan" }>): void {
    this.root ??= { runId, workflow, at }
    this.known(runId, workflow, depth)
  }

  private runEnded({ at, runId, status }: Extract<Signal, { readonly _tag: "RunEnded" }>): void {
    for (const [key, wait] of this.waits) if (wait.runId === runId) this.waits.delete(key)
    if (runId !== this.root?.runId) return
    this.status = status
    this.endedAt = at
  }

  private waiting({ callId, name, runId, text, until }: Extract<Signal, { readonly _tag: "Waiting" }>): void {
    if (callId === null) {
      this.waits.set(`${runId} ${name}`, { runId, text, until })
    } else if (until !== null) {
      this.paused(callId, { why: text, until, isRetry: false })
    }
  }

  private placed({ at, call, callId }: Extract<Signal, { readonly _tag: "Placed" }>): void {
    const phase = this.phaseOf(call.runId, call.phase)
    this.open.set(callId, { call, phase, since: at, state: "queued", attempt: 0, used: undefined, pause: undefined })
    this.add(phase, "queued", 1)
  }

  private asked({ attempt, callId }: Extract<Signal, { readonly _tag: "Asked" }>): void {
    const open = this.open.get(callId)
    if (open === undefined) return
    this.move(open, "running")
    open.attempt = attempt
    open.pause = undefined
    open.used = undefined
  }

  private paused(callId: CallId, pause: NonNullable<Open["pause"]>): void {
    const open = this.open.get(callId)
    if (open === undefined) return
    this.move(open, "waiting")
    open.pause = pause
  }

  private ended(signal: Extract<Signal, { readonly _tag: "CallEnded" }>): void {
    const { cacheStatus, call, error, status, used } = signal
    const { costUsd, tokens } = used
    const phase = this.taken(call.callId)?.phase ?? this.phaseOf(call.runId, call.phase)
    const ending = endingOf(status, cacheStatus)
    this.add(phase, ending, 1)
    this.add(phase, "tokens", tokens)
    this.add(phase, costUsd === null ? "unknownCosts" : "costUsd", costUsd ?? 1)
    if (cacheStatus === "replayed") {
      this.kept.tokens += tokens
      this.kept.costUsd += costUsd ?? 0
    }
    if (ending === "failed") this.failed({ call, status, error: error ?? status })
  }

  private broken(callId: CallId): void {
    const open = this.taken(callId)
    if (open !== undefined) this.add(open.phase, "cancelled", 1)
  }

  private failed(failure: Failure): void {
    if (this.failures.size < mostFailures) {
      this.failures.set(failure.call.callId ?? `item ${this.anonymous++}`, failure)
    } else {
      this.moreFailures++
    }
  }

  private degraded(callId: CallId): void {
    const failure = this.failures.get(callId)
    if (failure === undefined) return
    this.failures.delete(callId)
    const phase = this.phaseOf(failure.call.runId, failure.call.phase)
    this.add(phase, "failed", -1)
    this.add(phase, "degraded", 1)
  }

  /** A call that is under way, which is not any more. */
  private taken(callId: CallId | null): Open | undefined {
    const open = callId === null ? undefined : this.open.get(callId)
    if (open === undefined || callId === null) return undefined
    this.open.delete(callId)
    this.add(open.phase, open.state, -1)
    return open
  }

  private move(open: Open, to: Open["state"]): void {
    if (open.state === to) return
    this.add(open.phase, open.state, -1)
    this.add(open.phase, to, 1)
    open.state = to
  }

  private add(phase: Phase, what: keyof Counts, amount: number): void {
    phase[what] += amount
    this.total[what] += amount
  }

  private phaseOf(runId: RunId, name: string | null): Phase {
    const run = this.runs.get(runId) ?? this.known(runId, "", 0)
    const known = run.phases.get(name)
    if (known !== undefined) return known
    const key = `${run.depth} ${run.workflow}\0${name ?? ""}`
    const phase = this.byPhase.get(key) ?? { ...none(), workflow: run.workflow, name, depth: run.depth }
    this.byPhase.set(key, phase)
    run.phases.set(name, phase)
    return phase
  }

  private known(runId: RunId, workflow: string, depth: number): Known {
    const run: Known = { workflow, depth, phases: new Map() }
    this.runs.set(runId, run)
    return run
  }
}

/**
 * The way a call ended, as it is counted.
 * @category converting
 * @since 0.1.0
 */
export const endingOf = (
  status: CallStatus,
  cacheStatus: CacheStatus
): "done" | "replayed" | "hits" | "degraded" | "failed" | "cancelled" => {
  switch (status) {
    case "done":
      return cacheStatus === "replayed" ? "replayed" : cacheStatus === "hit" ? "hits" : "done"
    case "degraded":
    case "cancelled":
      return status
    case "failed":
    case "provider_failed":
    case "schema_failed":
    case "timeout":
    case "worktree_failed":
    case "budget_exceeded":
      return "failed"
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostFailures = 1_000

interface Known {
  readonly workflow: string
  readonly depth: number
  readonly phases: Map<string | null, Phase>
}

function none(): Counts {
  return {
    queued: 0,
    running: 0,
    waiting: 0,
    done: 0,
    replayed: 0,
    hits: 0,
    degraded: 0,
    failed: 0,
    cancelled: 0,
    tokens: 0,
    costUsd: 0,
    unknownCosts: 0
  }
}
