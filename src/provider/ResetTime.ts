/**
 * When a limit that is used up ends, from the sentence a program says it in.
 *
 * Read are `resets 11pm (Asia/Tokyo)`, `resets Nov 24, 8:30am (UTC)`, `try again in 3 hours 5 minutes`, `try again at
 * 3:14 PM`, a time in ISO 8601 and a Unix time. A time of day without a date is the next one; without a zone it is in
 * UTC. What cannot be read gives nothing, and nothing more than forty days away is believed.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/**
 * Milliseconds from now until the time a text names, never negative.
 * @category converting
 * @since 0.1.0
 */
export const waitOf = (text: string, nowMillis: number): number | undefined => {
  const short = text.slice(0, 2_048)
  const at = inDuration(short, nowMillis) ?? absolute(short) ?? timeOfDay(short, nowMillis)
  return at === undefined ? undefined : until(at, nowMillis)
}

/**
 * Milliseconds from now until a time, never negative; nothing for a time that cannot be true.
 * @category converting
 * @since 0.1.0
 */
export const until = (atMillis: number, nowMillis: number): number | undefined =>
  Number.isFinite(atMillis) && Math.abs(atMillis - nowMillis) <= farthest
    ? Math.max(0, Math.ceil(atMillis - nowMillis))
    : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const day = 86_400_000
const farthest = 40 * day

const units: ReadonlyMap<string, number> = new Map([["d", day], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]])
const amounts = /(\d{1,9}(?:\.\d{1,9})?)\s*(d|h|m|s)[a-z]*/gi
const duration =
  /\b(?:again|resets?|wait|retry)\b[^\d]{0,24}?\b(?:in|for|after)\s+((?:\d[\d.]{0,12}\s*(?:d|h|m|s)[a-z]*[,\s]*(?:and\s+)?)+)/i

const inDuration = (text: string, nowMillis: number): number | undefined => {
  const found = duration.exec(text)?.[1]
  if (found === undefined) return undefined
  let millis = 0
  for (const [, amount, unit] of found.matchAll(amounts)) {
    millis += Number(amount) * (units.get(unit?.toLowerCase() ?? "") ?? 0)
  }
  return nowMillis + millis
}

const iso = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})/
const unix = /(?:\||\b(?:at|resets?)\b[^\d]{0,12})(\d{10})\b/

const absolute = (text: string): number | undefined => {
  const date = Date.parse(iso.exec(text)?.[0] ?? "")
  if (!Number.isNaN(date)) return date
  const seconds = unix.exec(text)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const clock =
  /\b(?:resets?|again)\b(?:\s+(?:at|on))?\s+(?:([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?(?:,|\s+at)?\s+)?(\d{1,2})(?::(\d{2}))?\s*([ap]m)?(?:\s*\(([\w/+-]{1,40})\))?/i

const timeOfDay = (text: string, nowMillis: number): number | undefined => {
  const found = clock.exec(text)
  if (found === null) return undefined
  const [, month, date, year, hour, minute, half, zoneName] = found
  // a bare number is no time of day
  if (half === undefined && minute === undefined) return undefined
  const zone = DateTime.zoneFromString(zoneName ?? "UTC")
  if (Option.isNone(zone)) return undefined
  const hours = half === undefined ? Number(hour) : Number(hour) % 12 + (half.toLowerCase() === "pm" ? 12 : 0)
  const minutes = Number(minute ?? 0)
  if (hours > 23 || minutes > 59) return undefined
  const now = DateTime.unsafeMakeZoned(nowMillis, { timeZone: zone.value })
  const monthNumber = month === undefined ? undefined : months.indexOf(month.toLowerCase()) + 1
  if (monthNumber === 0) return undefined
  const at = DateTime.setParts(now, {
    ...(monthNumber === undefined ? {} : { month: monthNumber, day: Number(date) }),
    ...(year === undefined ? {} : { year: Number(year) }),
    hours,
    minutes,
    seconds: 0,
    millis: 0
  })
  const millis = DateTime.toEpochMillis(at)
  if (monthNumber !== undefined || millis >= nowMillis) return millis
  return DateTime.toEpochMillis(DateTime.add(at, { days: 1 }))
}
