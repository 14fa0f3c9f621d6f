/**
 * What is told of a run while it works, by whoever watches it: the engine in this process, or the store of another one's.
 *
 * Signals are facts for people to see and nothing depends on them; what is durable are the run's events.
 */
import type { CallId, RunId } from "../../domain/Ids.ts"
import type { CacheStatus, CallStatus, RunStatus } from "../../domain/Status.ts"

/**
 * What a signal says of a call.
 * @category models
 * @since 0.1.0
 */
export interface Call {
  /** Null for an item of a fan-out that is not a call of its own. */
  readonly callId: CallId | null
  /** The run the call is part of. */
  readonly runId: RunId
  readonly label: string | null
  readonly phase: string | null
  readonly provider: string
  readonly model: string
}

/**
 * Tokens read and written, and what they cost; null where that is not known.
 * @category models
 * @since 0.1.0
 */
export interface Amount {
  readonly tokens: number
  readonly costUsd: number | null
}

/**
 * Something that happened; times are epoch milliseconds.
 * @category models
 * @since 0.1.0
 */
export type Signal =
  /** A run began or was taken up again; the root run first. */
  | {
    readonly _tag: "RunBegan"
    readonly runId: RunId
    readonly workflow: string
    readonly depth: number
    /** Counts up each time the run is resumed, from 1. */
    readonly attempt: number
    readonly at: number
  }
  | { readonly _tag: "RunEnded"; readonly runId: RunId; readonly status: RunStatus; readonly at: number }
  | { readonly _tag: "Phase"; readonly runId: RunId; readonly name: string }
  | { readonly _tag: "Logged"; readonly runId: RunId; readonly text: string }
  /** The workflow, or one of its calls, waits; `until` is null where nobody knows. */
  | {
    readonly _tag: "Waiting"
    readonly runId: RunId
    readonly callId: CallId | null
    /** Tells the waits of a run apart. */
    readonly name: string
    readonly text: string
    readonly until: number | null
  }
  | { readonly _tag: "Waited"; readonly runId: RunId; readonly name: string }
  /** A call has its place in the run; it may wait for room before anything is sent. */
  | { readonly _tag: "Placed"; readonly callId: CallId; readonly call: Call; readonly at: number }
  | { readonly _tag: "Asked"; readonly callId: CallId; readonly attempt: number; readonly at: number }
  /** What the request under way used up to now. */
  | { readonly _tag: "Reported"; readonly callId: CallId; readonly used: Amount }
  /** The next request for a call is sent after a pause, because of `why`. */
  | {
    readonly _tag: "Paused"
    readonly callId: CallId
    /** Number of the next request; null where it is the one that was to be sent anyway. */
    readonly attempt: number | null
    readonly why: string
    /** Null where only the process of the run knows. */
    readonly until: number | null
  }
  | {
    readonly _tag: "CallEnded"
    readonly call: Call
    readonly status: CallStatus
    readonly cacheStatus: CacheStatus
    readonly used: Amount
    readonly durationMs: number
    readonly error: string | null
    readonly at: number
  }
  /** A call was broken off; it has no result. */
  | { readonly _tag: "Broken"; readonly callId: CallId }
  /** What an answer that was taken from another run used there. */
  | { readonly _tag: "Saved"; readonly callId: CallId; readonly used: Amount }
  /** A declared value stands in for the answer of a call that failed. */
  | { readonly _tag: "Degraded"; readonly callId: CallId }
