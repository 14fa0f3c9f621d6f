/**
 * When a limit ends, from the sentence in which codex says so.
 *
 * - R1. A clock time without a date is the next such time in the given zone, on either side of midnight.
 * - R2. Minutes are printed without their seconds, so the whole minute is waited for.
 * - R3. What cannot be read, or lies more than a year ahead, gives no time.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/**
 * The present, and the zone of the clock times that are printed.
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  readonly nowMillis: number
  readonly zone: DateTime.TimeZone
}

/**
 * Milliseconds until the time a sentence names; undefined when it names none.
 * @category converting
 * @since 0.1.0
 */
export const untilReset = (sentence: string, moment: Moment): number | undefined => {
  const start = announcement.exec(sentence)
  if (start === null) return undefined
  const said = sentence.slice(start.index + start[0].length, start.index + start[0].length + longestTime)
  const wait = start[1]?.toLowerCase() === "at"
    ? untilDate(said, moment) ?? untilClock(said, moment)
    : lengthOf(said)
  return wait === undefined || wait > longestWait ? undefined : wait
}

/**
 * Milliseconds until a second of the epoch.
 * @category converting
 * @since 0.1.0
 */
export const untilSecond = (second: number, { nowMillis }: Moment): number | undefined => {
  const wait = Math.max(0, Math.ceil(second * 1_000) - nowMillis)
  return Number.isSafeInteger(wait) && wait <= longestWait ? wait : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const minute = 60_000
const day = 86_400_000
const longestWait = 366 * day
const longestTime = 80
/** How long ago a time may have passed to be the one that is meant, and not tomorrow's. */
const slack = 10 * minute

const announcement = /(?:try|retry) again (at|in|after)\s+|retry (?:at|in|after)\s+/i
const clock = /^(\d{1,2}):(\d{2})(?:\s*([AP])\.?M\b)?/i
const date = /^([A-Z][a-z]{2})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4}),?\s+(?:at\s+)?(?=\d)/
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

interface Time {
  readonly hours: number
  readonly minutes: number
}

const timeOf = (said: string): Time | undefined => {
  const [, hour = "", minutes = "", half] = clock.exec(said) ?? []
  const of12 = half !== undefined
  const hours = of12 ? Number(hour) % 12 + (half.toUpperCase() === "P" ? 12 : 0) : Number(hour)
  const isTime = hour !== "" && hours < 24 && Number(minutes) < 60 &&
    (!of12 || (Number(hour) >= 1 && Number(hour) <= 12))
  return isTime ? { hours, minutes: Number(minutes) } : undefined
}

/** The end of that minute, where the day and the hour exist. */
const endOf = (
  local: { readonly year: number; readonly month: number; readonly day: number },
  { hours, minutes }: Time,
  { zone }: Moment
): number | undefined =>
  Option.getOrUndefined(
    Option.map(
      DateTime.makeZoned({ ...local, hours, minutes }, { timeZone: zone, adjustForTimeZone: true }),
      (zoned) => DateTime.toEpochMillis(zoned) + minute
    )
  )

const untilDate = (said: string, moment: Moment): number | undefined => {
  const found = date.exec(said)
  const time = timeOf(said.slice(found?.[0].length ?? 0))
  const month = months.indexOf(found?.[1] ?? "") + 1
  if (found === null || time === undefined || month === 0) return undefined
  const end = endOf({ year: Number(found[3]), month, day: Number(found[2]) }, time, moment)
  return end === undefined ? undefined : Math.max(minute, end - moment.nowMillis)
}

const untilClock = (said: string, moment: Moment): number | undefined => {
  const time = timeOf(said)
  const now = DateTime.makeZoned(moment.nowMillis, { timeZone: moment.zone })
  if (time === undefined || Option.isNone(now)) return undefined
  const today = DateTime.toParts(now.value)
  // a time just before midnight may be read just after it
  for (const offset of [-1, 0, 1]) {
    const end = endOf({ year: today.year, month: today.month, day: today.day + offset }, time, moment)
    if (end !== undefined && end + slack >= moment.nowMillis) return Math.max(minute, end - moment.nowMillis)
  }
  return undefined
}

const lengths: ReadonlyMap<string, number> = new Map([
  ["d", day],
  ["h", 3_600_000],
  ["m", minute],
  ["s", 1_000],
  ["ms", 1]
])
const part =
  /\s*(?:,|and\b)?\s*(\d{1,9}(?:\.\d{1,9})?)\s*(ms|milliseconds?|d|days?|h|hours?|hrs?|m|min|minutes?|mins?|s|sec|seconds?|secs?)(?![a-z])/iy

const lengthOf = (said: string): number | undefined => {
  let total: number | undefined
  let at = 0
  for (;;) {
    part.lastIndex = at
    const found = part.exec(said)
    if (found === null) return total === undefined ? undefined : Math.ceil(total)
    const unit = (found[2] ?? "").toLowerCase()
    const short = unit === "ms" || unit.startsWith("milli") ? "ms" : unit.slice(0, 1)
    total = (total ?? 0) + Number(found[1]) * (lengths.get(short) ?? 0)
    at = part.lastIndex
  }
}
