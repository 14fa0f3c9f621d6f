/**
 * Where a run stands, as far as it was told: signals in, counts and lists out. It knows of no terminal and no clock.
 *
 * - T1. A call is counted in exactly one place of its phase: queued, running, waiting, or by how it ended.
 * - T2. It is bounded by what is under way and by the number of phases, not by the number of calls; of failures the first
 *   thousand are kept, and all are counted.
 * - T3. A signal about something that was never told of before is taken as it is: a watcher may come late.
 */
import type { CallId, RunId } from "../../domain/Ids.ts"
import type { CallStatus, RunStatus } from "../../domain/Status.ts"
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
  /** When it was placed; epoch milliseconds. */
  readonly since: number
  state: "queued" | "running" | "waiting"
  /** Requests sent so far. */
  attempt: number
  used: Amount | undefined
  /** Why the next request is not sent yet, and when it is. */
  pause: { readonly why: string; readonly until: number; readonly isRetry: boolean } | undefined
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
  private readonly runs = new Map<RunId, { readonly workflow: string; readonly depth: number }>()
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
      case "Reported":
        return this.change(signal.callId, (open) => void (open.used = signal.used))
      case "Paused":
        return this.change(signal.callId, (open) => {
          this.move(open, "waiting")
          open.pause = { why: signal.why, until: signal.until, isRetry: signal.attempt !== null }
        })
      case "CallEnded":
        return this.ended(signal)
      case "Broken":
        return this.change(signal.callId, (open) => {
          this.open.delete(signal.callId)
          this.count(open.call, (counts) => {
            counts[open.state]--
            counts.cancelled++
          })
        })
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
    this.runs.set(runId, { workflow, depth })
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
      this.change(callId, (open) => {
        this.move(open, "waiting")
        open.pause = { why: text, until, isRetry: false }
      })
    }
  }

  private placed({ at, call, callId }: Extract<Signal, { readonly _tag: "Placed" }>): void {
    const open: Open = { call, since: at, state: "queued", attempt: 0, used: undefined, pause: undefined }
    this.open.set(callId, open)
    this.count(call, (counts) => counts.queued++)
  }

  private asked({ attempt, callId }: Extract<Signal, { readonly _tag: "Asked" }>): void {
    this.change(callId, (open) => {
      this.move(open, "running")
      open.attempt = attempt
      open.pause = undefined
      open.used = undefined
    })
  }

  private ended(signal: Extract<Signal, { readonly _tag: "CallEnded" }>): void {
    const { cacheStatus, call, error, status, used } = signal
    const open = call.callId === null ? undefined : this.open.get(call.callId)
    if (open !== undefined && call.callId !== null) {
      this.open.delete(call.callId)
      this.count(open.call, (counts) => counts[open.state]--)
    }
    const ending = endingOf(signal)
    this.count(call, (counts) => {
      counts[ending]++
      counts.tokens += used.tokens
      if (used.costUsd === null) counts.unknownCosts++
      else counts.costUsd += used.costUsd
    })
    if (cacheStatus === "replayed") {
      this.kept.tokens += used.tokens
      this.kept.costUsd += used.costUsd ?? 0
    }
    if (ending === "failed") this.failed({ call, status, error: error ?? status })
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
    this.count(failure.call, (counts) => {
      counts.failed--
      counts.degraded++
    })
  }

  private change(callId: CallId, how: (open: Open) => void): void {
    const open = this.open.get(callId)
    if (open !== undefined) how(open)
  }

  private move(open: Open, to: Open["state"]): void {
    const { state } = open
    if (state === to) return
    this.count(open.call, (counts) => {
      counts[state]--
      counts[to]++
    })
    open.state = to
  }

  private count(call: Call, how: (counts: Counts) => void): void {
    how(this.phaseOf(call.runId, call.phase))
    how(this.total)
  }

  private phaseOf(runId: RunId, name: string | null): Phase {
    const run = this.runs.get(runId)
    const workflow = run?.workflow ?? ""
    const depth = run?.depth ?? 0
    const key = `${depth} ${workflow}\0${name ?? ""}`
    const known = this.byPhase.get(key)
    if (known !== undefined) return known
    const phase: Phase = { ...none(), workflow, name, depth }
    this.byPhase.set(key, phase)
    return phase
  }
}

/**
 * The way a call ended, as it is counted.
 * @category converting
 * @since 0.1.0
 */
export const endingOf = (
  { cacheStatus, status }: Pick<Extract<Signal, { readonly _tag: "CallEnded" }>, "cacheStatus" | "status">
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
