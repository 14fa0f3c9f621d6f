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
import type * as Records from "../../domain/Records.ts"
import type { RunNotFound, StoreError } from "../../store/RunStore.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Progress from "../Progress.ts"
import type { Budget } from "./Layout.ts"
import type { Call, Signal } from "./Signal.ts"

/**
 * Reads the events of one run, all there are and then those that come, until it has ended; gives the run as it ended.
 * @category running
 * @since 0.1.0
 */
export const events = <E, R>(
  id: RunId,
  options: { readonly after: number | undefined; readonly type: string | undefined },
  each: (events: ReadonlyArray<Records.Event>) => Effect.Effect<void, E, R>
): Effect.Effect<Records.Run, StoreError | RunNotFound | E, RunStore | R> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    let after = options.after ?? 0
    return yield* untilOver(
      Effect.gen(function*() {
        // where the run stands is asked first, so that nothing is left to read when it is over
        const run = yield* store.run(id)
        for (let isMore = true; isMore;) {
          const page = yield* store.events(id, { after, limit: pageSize, type: options.type })
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
    /** The run's row, at each look. */
    readonly run: (run: Records.Run) => void
  }
): Effect.Effect<Records.Run, StoreError | RunNotFound, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const watcher = new Watcher(store)
    let tell = told.before
    return yield* untilOver(
      Effect.gen(function*() {
        const runs = yield* store.family(id)
        const root = runs.find((run) => run.id === id) ?? (yield* store.run(id))
        told.run(root)
        for (const run of runs) yield* watcher.look(run, tell)
        tell = told.signal
        if (isOver(root)) tell({ _tag: "RunEnded", runId: id, status: root.status, at: Date.parse(root.updatedAt) })
        return root
      })
    )
  })

/**
 * What a run may spend, and what it has spent or set aside, by its record.
 * @category converting
 * @since 0.1.0
 */
export const budgetOf = (run: Records.Run): Budget => ({
  tokens: run.budgetTotalTokens === null ? null : { spent: run.budgetSpentTokens, limit: run.budgetTotalTokens },
  costUsd: run.budgetTotalCostUsd === null ? null : { spent: run.budgetSpentCostUsd, limit: run.budgetTotalCostUsd }
})

/**
 * Whether nobody is at work on a run.
 * @category predicates
 * @since 0.1.0
 */
export const isOver = ({ status }: Records.Run): boolean => status !== "running" && status !== "waiting"

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const pageSize = 1_000

/** Milliseconds between two looks, at the least. */
const pause = 200

/** O1, O2. */
const untilOver = <E, R>(look: Effect.Effect<Records.Run, E, R>): Effect.Effect<Records.Run, E, R> =>
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
  private readonly open = new Map<CallId, Records.Progress>()
  private readonly settled = new Map<CallId, Records.Progress["status"]>()
  private readonly store: RunStore["Type"]

  constructor(store: RunStore["Type"]) {
    this.store = store
  }

  look(run: Records.Run, tell: (signal: Signal) => void): Effect.Effect<void, StoreError> {
    return Effect.gen(this, function*() {
      const seen = this.seen(run, tell)
      if (seen.isOver) return
      seen.isOver = isOver(run)
      const { cursor } = seen
      const events = yield* this.store.events(run.id, { after: cursor })
      const rows = new Map((yield* this.store.progress(run.id, cursor)).map((row) => [row.id, row]))
      const tellOf = (row: Records.Progress | undefined) => {
        if (row === undefined) return
        rows.delete(row.id)
        for (const signal of this.ofCall(run.id, row)) tell(signal)
      }
      for (const event of events) {
        seen.cursor = event.id
        // an ended call is told of in its place among what happened
        if (event.type === "call_settled" && event.callId !== null) tellOf(rows.get(event.callId))
        for (const signal of ofEvent(event)) tell(signal)
      }
      for (const row of rows.values()) tellOf(row)
    })
  }

  private seen({ attempt, depth, id, startedAt, workflowName }: Records.Run, tell: (signal: Signal) => void): Seen {
    const known = this.runs.get(id)
    if (known !== undefined) return known
    const seen: Seen = { cursor: 0, isOver: false }
    this.runs.set(id, seen)
    tell({ _tag: "RunBegan", runId: id, workflow: workflowName, depth, attempt, at: Date.parse(startedAt) })
    return seen
  }

  private ofCall(runId: RunId, row: Records.Progress): ReadonlyArray<Signal> {
    const before = this.open.get(row.id)
    const call: Call = { callId: row.id, runId, ...named(row) }
    if (row.status === "running" || row.status === "waiting") {
      this.open.set(row.id, row)
      return underWay(row, before, call)
    }
    this.open.delete(row.id)
    const last = this.settled.get(row.id)
    this.settled.set(row.id, row.status)
    if (last === row.status) return []
    if (last !== undefined && row.status === "degraded") return [{ _tag: "Degraded", callId: row.id }]
    return [
      {
        _tag: "CallEnded",
        call,
        status: row.status,
        cacheStatus: row.cacheStatus,
        used: { tokens: row.tokens, costUsd: row.costUsd },
        durationMs: row.durationMs ?? 0,
        error: row.error,
        at: Date.parse(row.startedAt)
      },
      ...(row.cacheStatus === "hit"
        ? [{ _tag: "Saved", callId: row.id, used: { tokens: row.savedTokens, costUsd: row.savedCostUsd } }] as const
        : [])
    ]
  }
}

const named = ({ label, model, phase, provider }: Records.Progress) => ({ label, model, phase, provider })

const underWay = (
  row: Records.Progress,
  before: Records.Progress | undefined,
  call: Call
): ReadonlyArray<Signal> => {
  const at = Date.parse(row.startedAt)
  const { attempts, costUsd, error, id, status, tokens, waitingUntil } = row
  const isWaiting = status === "waiting"
  const isAsked = !isWaiting && attempts > 0 && (before?.status !== "running" || before.attempts !== attempts)
  return [
    ...(before === undefined ? [{ _tag: "Placed", callId: id, call, at }] as const : []),
    ...(isAsked ? [{ _tag: "Asked", callId: id, attempt: attempts, at }] as const : []),
    ...(isWaiting && waitingUntil !== null && before?.waitingUntil !== waitingUntil
      ? [{ _tag: "Paused", callId: id, attempt: null, why: error ?? "waits", until: Date.parse(waitingUntil) }] as const
      : []),
    ...(tokens > 0 && (isAsked || before?.tokens !== tokens)
      ? [{ _tag: "Reported", callId: id, used: { tokens, costUsd } }] as const
      : [])
  ]
}

const parseData = Schema.decodeUnknownOption(Schema.parseJson())

/** What an event says that no call's row does. */
const ofEvent = ({ dataJson, message, runId, type }: Records.Event): ReadonlyArray<Signal> => {
  switch (type) {
    case "phase":
      return [{ _tag: "Phase", runId, name: message }]
    case "log":
      return [{ _tag: "Logged", runId, text: message }]
    case "waiting":
      return [Progress.waitingOf(runId, message, Option.getOrUndefined(parseData(dataJson)))]
    case "step": {
      // how a wait ended is kept as a step of this name, at a position
      const name = /^(.*):(?:answer|found)@/s.exec(message)?.[1]
      return name === undefined ? [] : [{ _tag: "Waited", runId, name }]
    }
    default:
      return []
  }
}
