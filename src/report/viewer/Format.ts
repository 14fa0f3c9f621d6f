/**
 * How values are written in the report: numbers with few digits, spans of time, money, moments in UTC.
 */

/** A count, in thousands or millions where it is long. */
export const compact = (count: number): string => {
  if (count < 10_000) return count.toLocaleString("en-US")
  if (count < 1_000_000) return `${trim(count / 1000)}k`
  return count < 1e9 ? `${trim(count / 1e6)}M` : `${trim(count / 1e9)}G`
}

/** A count with all its digits. */
export const whole = (count: number): string => count.toLocaleString("en-US")

/** An amount of money; one that is not known is not zero. */
export const usd = (amount: number | null): string => {
  if (amount === null) return "unknown"
  if (amount === 0) return "$0"
  if (amount < 0.0001) return "<$0.0001"
  return amount < 1 ? `$${amount.toFixed(4)}` : `$${amount.toFixed(2)}`
}

/** A span of time, to the digit that matters. */
export const duration = (milliseconds: number | null): string => {
  if (milliseconds === null) return "–"
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(Math.round(seconds) / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** Bytes. */
export const bytes = (size: number): string => {
  if (size < 1024) return `${size} B`
  return size < 1024 * 1024 ? `${trim(size / 1024)} KiB` : `${trim(size / 1024 / 1024)} MiB`
}

/** A moment, in UTC, to the second. */
export const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`

/** The time of day, in UTC, to the millisecond. */
export const timeOfDay = (at: number): string => new Date(at).toISOString().slice(11, 23)

/** How long after another moment. */
export const offset = (milliseconds: number): string => `+${duration(Math.max(0, milliseconds))}`

/** A share as whole percents. */
export const percent = (part: number, all: number): string => all <= 0 ? "0%" : `${Math.round(part / all * 100)}%`

/** A word with its number. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`

/** A status as people read it. */
export const word = (status: string): string => status.replaceAll("_", " ")

/**
 * A text with the characters made visible that would otherwise be invisible or turn the rest around: a name cannot pose
 * as another. Line ends and tabs stay.
 */
export const visible = (text: string): string =>
  hidden.test(text)
    ? text.replaceAll("\r\n", "\n").replace(new RegExp(hidden, "g"), (one) => `⟨${codePoint(one)}⟩`)
    : text

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

const codePoint = (one: string): string => `U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`

const trim = (value: number): string => value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "")
