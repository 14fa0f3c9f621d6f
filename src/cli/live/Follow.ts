/**
 * Follows a run by what the store says of it, whoever runs it: looks again and again, and tells what is new.
 *
 * - O1. Looking is cheap: only what came after the last look is read, and however long a look takes, at least twenty
 *   times as long is waited before the next one.
 * - O2. It ends when nobody is at work on the run any more, after everything that was stored until then was told.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallId, RunId } from "../../domain/Ids.ts"
import type { CallStatus } from "../../domain/Status.ts"
import * as LoadSlice from "../../report/LoadSlice.ts"
import type { CallState, EventReport, RunState } from "../../report/RunReport.ts"
import type { RunNotFound, RunStore, StoreError } from "../../store/RunStore.ts"
import * as Progress from "../Progress.ts"
import type { Budget } from "./Layout.ts"
import type { Amount, Call, Signal } from "./Signal.ts"

/**
 * Reads the events of one run, all there are and then those that come, until it has ended; gives the run as it ended.
 * @category running
 * @since 0.1.0
 */
export const events = <E, R>(
  id: RunId,
  options: { readonly after: number | undefined; readonly type: string | undefined } & LoadSlice.Options,
  each: (events: ReadonlyArray<EventReport>) => Effect.Effect<void, E, R>
): Effect.Effect<RunState, StoreError | RunNotFound | E, RunStore | R> =>
  Effect.gen(function*() {
    let after = options.after ?? 0
    return yield* untilOver(
      Effect.gen(function*() {
        // where the run stands is asked first, so that nothing is left to read when it is over
        const run = yield* LoadSlice.run(id, options)
        for (let isMore = true; isMore;) {
          const page = yield* LoadSlice.events(id, { after, limit: pageSize, type: options.type })
          if (page.length > 0) yield* each(page)
          after = page.at(-1)?.id ?? after
          isMore = page.length === pageSize
        }
        return run
      })
    )
  })

/**
 * Tells what happens in a root run and the runs below it, until it has ended; gives the run as it ended.
 *
 * What had happened before the first look is told to `before`.
 * @category running
 * @since 0.1.0
 */
export const signals = (
  id: RunId,
  told: {
    readonly before: (signal: Signal) => void
    readonly signal: (signal: Signal) => void
    /** The run, at each look. */
    readonly run: (run: RunState) => void
  },
  options: LoadSlice.Options = {}
): Effect.Effect<RunState, StoreError | RunNotFound, RunStore> =>
  Effect.gen(function*() {
    const watcher = new Watcher()
    let tell = told.before
    return yield* untilOver(
      Effect.gen(function*() {
        const runs = yield* LoadSlice.family(id, options)
        const root = runs.find((run) => run.id === id) ?? (yield* LoadSlice.run(id, options))
        told.run(root)
        for (const run of runs) yield* watcher.look(run, tell)
        tell = told.signal
        if (isOver(root)) tell({ _tag: "RunEnded", runId: id, status: root.status, at: root.updatedAt })
        return root
      })
    )
  })

/**
 * What a run may spend, and what it has spent or set aside, by its record.
 * @category converting
 * @since 0.1.0
 */
export const budgetOf = ({ budget: { spentCostUsd, spentTokens, totalCostUsd, totalTokens } }: RunState): Budget => ({
  tokens: totalTokens === null ? null : { spent: spentTokens, limit: totalTokens },
  costUsd: totalCostUsd === null ? null : { spent: spentCostUsd, limit: totalCostUsd }
})

/**
 * Whether nobody is at work on a run.
 * @category predicates
 * @since 0.1.0
 */
export const isOver = ({ status }: Pick<RunState, "status">): boolean => status !== "running" && status !== "waiting"

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const pageSize = 1_000

/** Milliseconds between two looks, at the least. */
const pause = 200

/** O1, O2. */
const untilOver = <E, R>(look: Effect.Effect<RunState, E, R>): Effect.Effect<RunState, E, R> =>
  Effect.gen(function*() {
    for (;;) {
      const from = yield* Clock.currentTimeMillis
      const run = yield* look
      if (isOver(run)) return run
      const took = (yield* Clock.currentTimeMillis) - from
      yield* Effect.sleep(Duration.millis(Math.max(pause, took * 20)))
    }
  })

interface Seen {
  cursor: number
  isOver: boolean
}

/** What was told so far, so that each look tells only what is new. */
class Watcher {
  private readonly runs = new Map<RunId, Seen>()
  private readonly open = new Map<CallId, CallState>()
  private readonly settled = new Map<CallId, CallStatus>()

  look(run: RunState, tell: (signal: Signal) => void): Effect.Effect<void, StoreError, RunStore> {
    return Effect.gen(this, function*() {
      const seen = this.seen(run, tell)
      if (seen.isOver) return
      seen.isOver = isOver(run)
      const { calls, events } = yield* LoadSlice.changes(run.id, seen.cursor)
      const left = new Map(calls.map((call) => [call.id, call]))
      const tellOf = (call: CallState | undefined) => {
        if (call === undefined) return
        left.delete(call.id)
        for (const signal of this.ofCall(call)) tell(signal)
      }
      for (const event of events) {
        seen.cursor = event.id
        // an ended call is told of in its place among what happened
        if (event.type === "call_settled" && event.callId !== null) tellOf(left.get(event.callId))
        for (const signal of ofEvent(event)) tell(signal)
      }
      for (const call of left.values()) tellOf(call)
    })
  }

  private seen({ attempt, depth, id, startedAt, workflow }: RunState, tell: (signal: Signal) => void): Seen {
    const known = this.runs.get(id)
    if (known !== undefined) return known
    const seen: Seen = { cursor: 0, isOver: false }
    this.runs.set(id, seen)
    tell({ _tag: "RunBegan", runId: id, workflow, depth, attempt, at: startedAt })
    return seen
  }

  private ofCall(call: CallState): ReadonlyArray<Signal> {
    const before = this.open.get(call.id)
    const { cacheStatus, durationMs, error, id, saved, status } = call
    if (status === "running" || status === "waiting") {
      this.open.set(id, call)
      return underWay(call, before)
    }
    this.open.delete(id)
    const last = this.settled.get(id)
    this.settled.set(id, status)
    if (last === status) return []
    if (last !== undefined && status === "degraded") return [{ _tag: "Degraded", callId: id }]
    return [
      {
        _tag: "CallEnded",
        call: named(call),
        status,
        cacheStatus,
        used: amountOf(call),
        durationMs: durationMs ?? 0,
        error,
        at: sentAt(call)
      },
      ...(cacheStatus === "hit" ? [{ _tag: "Saved", callId: id, used: saved ?? nothing }] as const : [])
    ]
  }
}

const nothing: Amount = { tokens: 0, costUsd: 0 }

const named = ({ id, label, model, phase, provider, runId }: CallState): Call => ({
  callId: id,
  runId,
  label,
  phase,
  provider,
  model
})

const amountOf = ({ costUsd, usage }: CallState): Amount => ({
  tokens: usage.inputTokens + usage.outputTokens,
  costUsd
})

const sentAt = ({ attempts, createdAt }: CallState): number => attempts.at(-1)?.startedAt ?? createdAt

const underWay = (call: CallState, before: CallState | undefined): ReadonlyArray<Signal> => {
  const { attempts, id, status } = call
  const at = sentAt(call)
  const number = attempts.at(-1)?.number ?? 0
  const used = amountOf(call)
  const paused = pauseOf(call)
  const pausedBefore = before === undefined ? undefined : pauseOf(before)
  const isAsked = status !== "waiting" && number > 0 &&
    (before?.status !== "running" || (before.attempts.at(-1)?.number ?? 0) !== number)
  return [
    ...(before === undefined ? [{ _tag: "Placed", callId: id, call: named(call), at }] as const : []),
    ...(isAsked ? [{ _tag: "Asked", callId: id, attempt: number, at }] as const : []),
    ...(used.tokens > 0 && (isAsked || before === undefined || amountOf(before).tokens !== used.tokens)
      ? [{ _tag: "Reported", callId: id, used }] as const
      : []),
    ...(paused !== undefined && (pausedBefore?.attempt !== paused.attempt || pausedBefore.until !== paused.until)
      ? [{ _tag: "Paused", callId: id, ...paused }] as const
      : [])
  ]
}

type Pause = Pick<Extract<Signal, { readonly _tag: "Paused" }>, "attempt" | "why" | "until">

/** Why the next request of a call is not sent yet. */
const pauseOf = ({ attempts, status, waitingUntil, waits }: CallState): Pause | undefined => {
  const open = waits.findLast(({ endedAt }) => endedAt === null)
  if (status === "waiting") {
    return waitingUntil === null ? undefined : { attempt: null, why: open?.reason ?? "waits", until: waitingUntil }
  }
  const last = attempts.at(-1)
  if (open === undefined) return undefined
  // a wait for a moment is one for room; it may be before a first request or a further one
  return open.until === null && last !== undefined
    ? { attempt: last.number + 1, why: last.error ?? open.reason, until: null }
    : { attempt: null, why: open.reason, until: open.until }
}

const parseData = Schema.decodeUnknownOption(Schema.parseJson())

/** What an event says that no call's row does. */
const ofEvent = ({ data, message, runId, type }: EventReport): ReadonlyArray<Signal> => {
  switch (type) {
    case "phase":
      return [{ _tag: "Phase", runId, name: message }]
    case "log":
      return [{ _tag: "Logged", runId, text: message }]
    case "waiting":
      return [Progress.waitingOf(runId, message, Option.getOrUndefined(parseData(data)))]
    case "step": {
      // how a wait ended is kept as a step of this name, at a position
      const name = /^(.*):(?:answer|found)@/s.exec(message)?.[1]
      return name === undefined ? [] : [{ _tag: "Waited", runId, name }]
    }
    default:
      return []
  }
}
