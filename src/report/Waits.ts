/**
 * What a run waited for, read off its events and its requests: a wait begins with an event that says so, or with a request
 * that failed and is followed by another try, and ends with the next thing that happens to whoever waited.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Standing, StandingAttempt, StandingCall } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { grouped, millis, millisOrNull } from "./Calls.ts"
import type { WaitReport } from "./RunReport.ts"

/**
 * The waits of some runs up to now, oldest first; `ends` is when a run ended, for waits that ended with it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  recorded: Rows,
  ends: ReadonlyMap<RunId, number | null>,
  now: number
): ReadonlyArray<WaitReport> => [...ofCalls(recorded), ...ofRuns(recorded.events, ends, now)].toSorted(byAge)

/**
 * What waits are read off.
 * @category models
 * @since 0.1.0
 */
export interface Rows {
  readonly calls: ReadonlyArray<Pick<StandingCall, "id" | "runId" | "status" | "completedAt">>
  readonly attempts: Standing["attempts"]
  readonly events: Standing["events"]
}

/**
 * What calls waited for, oldest first.
 * @category constructors
 * @since 0.1.0
 */
export const ofCalls = (recorded: Rows): ReadonlyArray<WaitReport> => {
  const attempts = grouped(recorded.attempts)
  const told = toldOf(recorded, attempts)
  const tolds = grouped(told)
  const tries = recorded.calls.flatMap((call) =>
    betweenTries(call, attempts.get(call.id) ?? [], tolds.get(call.id) ?? [])
  )
  return [...told, ...tries].toSorted(byAge)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const byAge = (a: WaitReport, b: WaitReport): number => a.from - b.from

const decodeUntil = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ until: Schema.optional(Schema.NullOr(Schema.String)) }))
)
const decodeData = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ name: Schema.optional(Schema.String), callId: Schema.optional(Schema.String) }))
)

const untilOf = ({ dataJson }: Records.Event): number | null =>
  Option.match(decodeUntil(dataJson), { onNone: () => null, onSome: ({ until }) => millisOrNull(until ?? null) })

const isWait = ({ type }: Records.Event): boolean => type === "call_waiting" || type === "rate_limit_waiting"

type Attempts = ReadonlyMap<CallId | null, ReadonlyArray<StandingAttempt>>

/** Waits that an event tells of. */
const toldOf = (recorded: Rows, attempts: Attempts): ReadonlyArray<WaitReport> => {
  const waits = recorded.events.filter((event) => event.callId !== null && isWait(event))
  if (waits.length === 0) return []
  const events = grouped(recorded.events)
  const calls = new Map(recorded.calls.map((call) => [call.id, call]))
  const next = (id: CallId, wait: Records.Event): number | null => {
    const from = millis(wait.timestamp)
    const request = (attempts.get(id) ?? []).find(({ startedAt }) => millis(startedAt) >= from)
    const event = (events.get(id) ?? []).find((event) => event.id > wait.id && event.type !== "call_warning")
    const times = [request?.startedAt, event?.timestamp, calls.get(id)?.completedAt ?? undefined]
      .flatMap((time) => time === undefined || millis(time) < from ? [] : [millis(time)])
    return times.length === 0 ? null : Math.min(...times)
  }
  return waits.flatMap((wait): ReadonlyArray<WaitReport> =>
    wait.callId === null ? [] : [{
      runId: wait.runId,
      callId: wait.callId,
      from: millis(wait.timestamp),
      endedAt: next(wait.callId, wait),
      until: untilOf(wait),
      reason: wait.message
    }]
  )
}

/** What it takes to write down how a request ended and that the next one is sent is no wait. */
const shortest = 100

/** Pauses after requests that failed, where no event tells of one. */
const betweenTries = (
  { completedAt: settledAt, id, runId, status }: Rows["calls"][number],
  attempts: ReadonlyArray<StandingAttempt>,
  told: ReadonlyArray<WaitReport>
): ReadonlyArray<WaitReport> =>
  attempts.flatMap(({ attempt, completedAt, error, status: came }, at): ReadonlyArray<WaitReport> => {
    const next = attempts[at + 1]
    if (came !== "failed" || completedAt === null) return []
    // a call that ended otherwise was not to be asked again
    if (next === undefined && status !== "running" && status !== "cancelled") return []
    const from = millis(completedAt)
    const endedAt = millisOrNull(next?.startedAt ?? settledAt)
    if (endedAt !== null && endedAt - from < shortest) return []
    if (told.some((wait) => wait.from >= from && (endedAt === null || wait.from <= endedAt))) return []
    return [{ runId, callId: id, from, endedAt, until: null, reason: `try ${attempt + 1} follows: ${error ?? came}` }]
  })

/** A workflow's own waits; it says again that it waits, and when a resumed run goes on with it. */
const ofRuns = (
  events: ReadonlyArray<Records.Event>,
  ends: ReadonlyMap<RunId, number | null>,
  now: number
): ReadonlyArray<WaitReport> => {
  const open = new Map<string, { wait: WaitReport; attempt: number }>()
  const done: Array<WaitReport> = []
  const close = (key: string, at: number | null) => {
    const found = open.get(key)
    if (found === undefined) return
    open.delete(key)
    done.push({ ...found.wait, endedAt: at })
  }
  for (const event of events) {
    if (event.callId !== null) continue
    const at = millis(event.timestamp)
    if (event.type === "waiting") {
      const { callId, name = event.message } = Option.getOrElse(decodeData(event.dataJson), () => noData)
      const key = `${event.runId} ${name}`
      // what is said of a call's wait is recorded with the call
      const before = open.get(key)
      const isOver = before !== undefined && before.wait.until !== null && before.wait.until <= at
      if (callId !== undefined || (before?.attempt === event.runAttempt && !isOver)) continue
      close(key, isOver ? before.wait.until : at)
      const wait = {
        runId: event.runId,
        callId: null,
        from: at,
        endedAt: null,
        until: untilOf(event),
        reason: event.message
      }
      open.set(key, { wait, attempt: event.runAttempt })
    } else if (event.type === "step") {
      // the step that keeps how a wait ended has the wait's name, what it decides, and its place
      const name = /^(.*):(?:found|answer)@/s.exec(event.message)?.[1]
      if (name !== undefined) close(`${event.runId} ${name}`, at)
    }
  }
  for (const [key, { wait }] of open) {
    // a wait for a moment leaves no trace when it ends: it lasted until then, or until the run ended
    const times = [wait.until, ends.get(wait.runId) ?? null].flatMap((time) => time === null ? [] : [time])
    const end = Math.min(...times)
    close(key, end <= now ? end : null)
  }
  return done
}

const noData: { readonly name?: string | undefined; readonly callId?: string | undefined } = {}
