/**
 * When a limit that is used up ends, from the sentence somebody says it in.
 *
 * - R1. Read are `resets 11pm (Asia/Tokyo)`, `resets Nov 24, 8:30am (UTC)`, `resets Mon 3am`, `try again in 3 hours 5
 *   minutes`, `try again at 3:14 PM`, a time in ISO 8601 and a Unix time. A zone in the sentence wins over the one that is
 *   given.
 * - R2. A time of day without a date is the next one in its zone, on either side of midnight, and so is one of a day of the
 *   week. A date without a year is the one that is near.
 * - R3. Where times are printed without their seconds, the whole minute can be waited for.
 * - R4. What cannot be read gives nothing, and nothing more than forty days away is believed.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/**
 * The present, and how the times of a sentence are meant.
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  readonly nowMillis: number
  /** Zone of times that name none. Defaults to UTC. */
  readonly zone?: DateTime.TimeZone | undefined
  /** Whether a time of day stands for its whole minute, and one that has just passed is the one that is meant (R3). */
  readonly wholeMinutes?: boolean | undefined
}

/**
 * Milliseconds from now until the time a text names, never negative; undefined when it names none.
 * @category converting
 * @since 0.1.0
 */
export const waitOf = (text: string, moment: Moment): number | undefined => {
  const short = text.slice(0, longestText)
  const { nowMillis } = moment
  const at = lengthFrom(short, nowMillis) ?? absolute(short) ?? timeOfDay(short, moment)
  const wait = at === undefined ? undefined : until(at.millis, nowMillis)
  return wait === undefined || at?.isMinute !== true ? wait : Math.max(minute, wait)
}

/**
 * Milliseconds from now until a time, never negative; nothing for a time that cannot be true.
 * @category converting
 * @since 0.1.0
 */
export const until = (atMillis: number, nowMillis: number): number | undefined =>
  Number.isFinite(atMillis) && atMillis - nowMillis <= farthest && nowMillis - atMillis <= farthest
    ? Math.max(0, Math.ceil(atMillis - nowMillis))
    : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Instant {
  readonly millis: number
  /** Whether the end of a minute is meant, of which some is to be waited for in any case. */
  readonly isMinute?: boolean
}

const minute = 60_000
const day = 86_400_000
const farthest = 40 * day
const longestText = 2_048
/** How long ago a time may have passed to be the one that is meant, and not tomorrow's. */
const slack = 10 * minute

const announced = /\b(?:again|resets?|wait|retry)\b[^\d]{0,24}?\b(?:in|for|after)\s+(?=\d)/i
const lengths: ReadonlyMap<string, number> = new Map([
  ["d", day],
  ["h", 3_600_000],
  ["m", minute],
  ["s", 1_000],
  ["ms", 1]
])
const part =
  /\s*(?:,|and\b)?\s*(?:and\b\s*)?(\d{1,9}(?:\.\d{1,9})?)\s*(ms|milliseconds?|d|days?|h|hours?|hrs?|m|min|minutes?|mins?|s|sec|seconds?|secs?)(?![a-z])/iy

const lengthFrom = (text: string, nowMillis: number): Instant | undefined => {
  const start = announced.exec(text)
  if (start === null) return undefined
  let total: number | undefined
  for (part.lastIndex = start.index + start[0].length;;) {
    const found = part.exec(text)
    if (found === null) return total === undefined ? undefined : { millis: nowMillis + total }
    const unit = (found[2] ?? "").toLowerCase()
    const short = unit === "ms" || unit.startsWith("milli") ? "ms" : unit.slice(0, 1)
    total = (total ?? 0) + Number(found[1]) * (lengths.get(short) ?? 0)
  }
}

const iso = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})/
const unix = /(?:\||\b(?:at|resets?)\b[^\d]{0,12})(\d{10})\b/

const absolute = (text: string): Instant | undefined => {
  const date = Date.parse(iso.exec(text)?.[0] ?? "")
  if (!Number.isNaN(date)) return { millis: date }
  const seconds = unix.exec(text)?.[1]
  return seconds === undefined ? undefined : { millis: Number(seconds) * 1_000 }
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
const clock =
  /\b(?:resets?|again|retry)\b(?:\s+(?:at|on))?\s+(?:(today|tomorrow|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6})\b\.?,?(?:\s+at)?\s+)?(?:([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?(?:,|\s+at)?\s+)?(\d{1,2})(?::(\d{2}))?\s*([ap])?(?:\.?m\b)?\.?(?:\s*\(([\w/+-]{1,40})\))?/i

const timeOfDay = (text: string, moment: Moment): Instant | undefined => {
  const found = clock.exec(text)
  if (found === null) return undefined
  const [, named, month, date, year, hour, minutes, half, zoneName] = found
  // a bare number is no time of day
  if (half === undefined && minutes === undefined) return undefined
  const time = { hours: hoursOf(Number(hour), half), minutes: Number(minutes ?? 0) }
  const zone = zoneName === undefined
    ? moment.zone ?? DateTime.zoneMakeOffset(0)
    : Option.getOrUndefined(DateTime.zoneFromString(zoneName))
  const monthNumber = month === undefined ? undefined : months.indexOf(month.toLowerCase()) + 1
  if (zone === undefined || time.hours === undefined || time.minutes > 59 || monthNumber === 0) return undefined
  const now = DateTime.makeZoned(moment.nowMillis, { timeZone: zone })
  if (Option.isNone(now)) return undefined
  const today = DateTime.toParts(now.value)
  const length = moment.wholeMinutes === true ? minute : 0
  const at = (date: { readonly year: number; readonly month: number; readonly day: number }): Instant | undefined =>
    Option.getOrUndefined(
      Option.map(
        DateTime.makeZoned({ ...date, hours: time.hours ?? 0, minutes: time.minutes }, {
          timeZone: zone,
          adjustForTimeZone: true
        }),
        (zoned) => ({ millis: DateTime.toEpochMillis(zoned) + length, isMinute: length > 0 })
      )
    )
  if (monthNumber !== undefined) {
    const years = year === undefined ? [0, 1, -1].map((offset) => today.year + offset) : [Number(year)]
    const dates = years.map((year) => at({ year, month: monthNumber, day: Number(date) }))
    // R2: the others are further away than is believed
    return dates.find((instant) => instant !== undefined && until(instant.millis, moment.nowMillis) !== undefined)
  }
  const earliest = moment.nowMillis - (length > 0 ? slack : 0)
  // a time just before midnight may be read just after it (R2)
  return offsetsOf(named?.toLowerCase(), today.weekDay).map((offset) =>
    at({ year: today.year, month: today.month, day: today.day + offset })
  ).find((instant) => instant !== undefined && instant.millis >= earliest)
}

/** The days that may be meant, counted from today. */
const offsetsOf = (named: string | undefined, weekday: number): ReadonlyArray<number> => {
  if (named === undefined) return [-1, 0, 1, 2]
  if (named.startsWith("to")) return [named === "today" ? 0 : 1]
  const next = (weekdays.indexOf(named.slice(0, 3)) - weekday + 7) % 7
  return [next - 7, next, next + 7]
}

/** The hour of the day; nothing for one that no clock shows. */
const hoursOf = (hour: number, half: string | undefined): number | undefined => {
  if (half === undefined) return hour < 24 ? hour : undefined
  return hour >= 1 && hour <= 12 ? hour % 12 + (half.toLowerCase() === "p" ? 12 : 0) : undefined
}
