/**
 * Where a run stands, as far as it was told: signals in, counts and lists out. It knows of no terminal and no clock.
 *
 * - T1. A call is counted in exactly one place of its phase: queued, running, waiting, or by how it ended.
 * - T2. It is bounded by what is under way and by the number of phases, not by the number of calls or of child runs; of
 *   failures the first thousand are kept, and all are counted.
 * - T3. A signal about something that was never told of before is taken as it is: a watcher may come late.
 * - T4. Taking note of a signal changes a few numbers and looks at no other call.
 */
import type { CallId, RunId } from "../../domain/Ids.ts"
import type { CacheStatus, CallStatus, RunStatus } from "../../domain/Status.ts"
import * as Commands from "../../report/Commands.ts"
import * as Format from "../Format.ts"
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
  /** The command that answers it, with what stands before it; empty for none. */
  readonly answer: string
}

/**
 * A call that failed for good.
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly call: Call
  /** Where it is counted. */
  readonly phase: Phase
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
  /** What answers from other runs would have used. */
  readonly saved = { tokens: 0, costUsd: 0 }
  /** What answers of earlier attempts of the run used. */
  readonly kept = { tokens: 0, costUsd: 0 }
  readonly open = new Map<CallId, Open>()
  readonly waits = new Map<string, Wait>()
  readonly failures = new Map<string, Failure>()
  /** Failures that are not in `failures` (T2). */
  moreFailures = 0
  /** In the order they were first told of. */
  readonly phases: Array<Phase> = []
  private readonly runs = new Map<RunId, Known>()
  private readonly byTitle = new Map<string, Phase>()
  /** The run that was told of last: most signals are about the same one as those before. */
  private latest: Known | undefined = undefined
  private anonymous = 0
  private readonly flags: string

  /** `flags` is what a command has to be told to find the home. */
  constructor(flags = "") {
    this.flags = flags
  }

  /** What all calls came to: added up where somebody looks, which is seldom, instead of where a call moves. */
  get total(): Counts {
    const total = none()
    for (const phase of this.phases) for (const name of countNames) total[name] += phase[name]
    return total
  }

  /** Depth of a run, 0 for the root. */
  depthOf(runId: RunId): number {
    return this.runs.get(runId)?.depth ?? 0
  }

  /** The command that answers a wait for a person, as what is put behind its text; empty for any other wait. */
  answerOf({ callId, name, runId, text }: Extract<Signal, { readonly _tag: "Waiting" }>): string {
    return callId === null && text === `${name}: waiting for approval`
      ? ` (owf approve ${runId} ${Commands.quoted(name)}${this.flags})`
      : ""
  }

  /** Takes note of a signal. */
  apply(signal: Signal): void {
    switch (signal._tag) {
      // what every call tells comes first: tags are compared one after the other
      case "Placed":
        return this.placed(signal)
      case "Asked":
        return this.asked(signal)
      case "CallEnded":
        return this.ended(signal)
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
    if (runId !== this.root?.runId) {
      this.runs.delete(runId)
      if (this.latest?.runId === runId) this.latest = undefined
      return
    }
    this.status = status
    this.endedAt = at
  }

  private waiting(signal: Extract<Signal, { readonly _tag: "Waiting" }>): void {
    const { callId, name, runId, text, until } = signal
    if (callId === null) {
      this.waits.set(`${runId} ${name}`, { runId, text, until, answer: this.answerOf(signal) })
    } else if (until !== null) {
      this.paused(callId, { why: text, until, isRetry: false })
    }
  }

  private placed({ at, call, callId }: Extract<Signal, { readonly _tag: "Placed" }>): void {
    const phase = this.phaseOf(call.runId, call.phase)
    this.open.set(callId, { call, phase, since: at, state: "queued", attempt: 0, used: undefined, pause: undefined })
    phase.queued++
  }

  private asked({ attempt, callId }: Extract<Signal, { readonly _tag: "Asked" }>): void {
    const open = this.open.get(callId)
    if (open === undefined) return
    leave(open)
    open.state = "running"
    open.phase.running++
    open.attempt = attempt
    open.pause = undefined
    open.used = undefined
  }

  private paused(callId: CallId, pause: NonNullable<Open["pause"]>): void {
    const open = this.open.get(callId)
    if (open === undefined) return
    leave(open)
    open.state = "waiting"
    open.phase.waiting++
    open.pause = pause
  }

  private ended({ cacheStatus, call, error, status, used }: Extract<Signal, { readonly _tag: "CallEnded" }>): void {
    const { costUsd, tokens } = used
    const phase = this.taken(call.callId)?.phase ?? this.phaseOf(call.runId, call.phase)
    const ending = endingOf(status, cacheStatus)
    phase[ending]++
    phase.tokens += tokens
    if (costUsd === null) phase.unknownCosts++
    else phase.costUsd += costUsd
    if (cacheStatus === "replayed") {
      this.kept.tokens += tokens
      this.kept.costUsd += costUsd ?? 0
    }
    if (ending === "failed") this.failed({ call, phase, status, error: Format.clip(error ?? status, longestError) })
  }

  private broken(callId: CallId): void {
    const open = this.taken(callId)
    if (open !== undefined) open.phase.cancelled++
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
    failure.phase.failed--
    failure.phase.degraded++
  }

  /** A call that is under way, which is not any more. */
  private taken(callId: CallId | null): Open | undefined {
    if (callId === null) return undefined
    const open = this.open.get(callId)
    if (open === undefined) return undefined
    this.open.delete(callId)
    leave(open)
    return open
  }

  private phaseOf(runId: RunId, name: string | null): Phase {
    const run = this.latest?.runId === runId ? this.latest : this.runs.get(runId) ?? this.known(runId, "", 0)
    this.latest = run
    if (run.latest?.name === name) return run.latest
    run.latest = run.phases.get(name) ?? this.found(run, name)
    return run.latest
  }

  private found(run: Known, name: string | null): Phase {
    const title = `${run.depth} ${run.workflow}${name === null ? "" : `\0${name}`}`
    const phase = this.byTitle.get(title) ?? this.added(title, run, name)
    run.phases.set(name, phase)
    return phase
  }

  private added(title: string, { depth, workflow }: Known, name: string | null): Phase {
    const phase: Phase = { ...none(), workflow, name, depth }
    this.byTitle.set(title, phase)
    this.phases.push(phase)
    return phase
  }

  private known(runId: RunId, workflow: string, depth: number): Known {
    const run: Known = { runId, workflow, depth, phases: new Map(), latest: undefined }
    this.runs.set(runId, run)
    this.latest = run
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

/** Characters kept of an error. */
const longestError = 500

interface Known {
  readonly runId: RunId
  readonly workflow: string
  readonly depth: number
  readonly phases: Map<string | null, Phase>
  /** The one of them that was told of last. */
  latest: Phase | undefined
}

/** A call is not where it was any more. By name and not by a computed one: this is done twice for every call. */
const leave = ({ phase, state }: Open): void => {
  switch (state) {
    case "queued":
      phase.queued--
      return
    case "running":
      phase.running--
      return
    case "waiting":
      phase.waiting--
  }
}

const countNames = [
  "queued",
  "running",
  "waiting",
  "done",
  "replayed",
  "hits",
  "degraded",
  "failed",
  "cancelled",
  "tokens",
  "costUsd",
  "unknownCosts"
] as const satisfies ReadonlyArray<keyof Counts>

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
