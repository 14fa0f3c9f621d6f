/**
 * What a run waited for, read off its events: a wait begins with an event that says so, and ends with the next thing that
 * happens to whoever waited.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Recorded } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { grouped, millis, millisOrNull } from "./Calls.ts"
import type { WaitReport } from "./RunReport.ts"

/**
 * The waits of some runs up to now, oldest first; `ends` is when a run ended, for waits that ended with it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  recorded: Recorded,
  ends: ReadonlyMap<RunId, number | null>,
  now: number
): ReadonlyArray<WaitReport> =>
  [...ofCalls(recorded), ...ofRuns(recorded.events, ends, now)].toSorted((a, b) => a.from - b.from)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeUntil = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ until: Schema.optional(Schema.NullOr(Schema.String)) }))
)
const decodeData = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ name: Schema.optional(Schema.String), callId: Schema.optional(Schema.String) }))
)

const untilOf = ({ dataJson }: Records.Event): number | null =>
  Option.match(decodeUntil(dataJson), { onNone: () => null, onSome: ({ until }) => millisOrNull(until ?? null) })

const isWait = ({ type }: Records.Event): boolean => type === "call_waiting" || type === "rate_limit_waiting"

const ofCalls = (recorded: Recorded): ReadonlyArray<WaitReport> => {
  const waits = recorded.events.filter((event) => event.callId !== null && isWait(event))
  if (waits.length === 0) return []
  const events = grouped(recorded.events)
  const attempts = grouped(recorded.attempts)
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
