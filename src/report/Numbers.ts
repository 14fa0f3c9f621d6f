/**
 * How amounts are written for people, wherever they are shown.
 */

/**
 * An amount of money; one that is not known is not zero.
 * @category converting
 * @since 0.1.0
 */
export const usd = (amount: number | null): string =>
  amount === null ? "cost unknown" : amount === 0 ? "$0" : `$${amount.toFixed(amount < 0.01 ? 6 : 4)}`

/**
 * The costs that are known of some requests, and of how many it is not.
 * @category converting
 * @since 0.1.0
 */
export const cost = (known: number, unknown: number, all: number): string =>
  unknown === 0 ? usd(known) : unknown === all ? "unknown" : `${usd(known)} and unknown for ${unknown}`

/**
 * A time span, to the digit that matters.
 * @category converting
 * @since 0.1.0
 */
export const duration = (milliseconds: number): string => {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  const rest = Math.floor(seconds % 60)
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/**
 * A count with a word that says of what.
 * @category converting
 * @since 0.1.0
 */
export const count = (number: number, what: string): string => `${whole(number)} ${what}${number === 1 ? "" : "s"}`

/**
 * A whole number, its digits in groups of three from five digits on.
 * @category converting
 * @since 0.1.0
 */
export const whole = (number: number): string =>
  number < 10_000 ? String(number) : String(number).replaceAll(/\B(?=(?:\d{3})+$)/g, ",")

/**
 * A number of bytes.
 * @category converting
 * @since 0.1.0
 */
export const bytes = (size: number): string => {
  if (size < 1024) return count(size, "byte")
  const units = ["KiB", "MiB", "GiB", "TiB"]
  let [amount, unit] = [size / 1024, 0]
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[unit]}`
}

/**
 * How often each word occurs, as a text.
 * @category converting
 * @since 0.1.0
 */
export const counts = (words: Readonly<Record<string, number>>): string =>
  Object.entries(words).map(([word, number]) => `${whole(number)} ${word}`).join(", ")

/**
 * A moment, in UTC to the second.
 * @category converting
 * @since 0.1.0
 */
export const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`
