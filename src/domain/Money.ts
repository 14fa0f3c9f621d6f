/**
 * Money as a whole number of billionths of a US dollar, so that sums are exact and a budget cannot drift.
 *
 * Amounts are rounded up when they enter, never when they are added; the largest exact sum is nine million dollars.
 */
import * as Schema from "effect/Schema"

/**
 * Billionths of a US dollar.
 * @category schemas
 * @since 0.1.0
 */
export const NanoUsd = Schema.NonNegativeInt.pipe(Schema.brand("owf/NanoUsd"))

/**
 * Billionths of a US dollar.
 * @category models
 * @since 0.1.0
 */
export type NanoUsd = typeof NanoUsd.Type

/**
 * No money.
 * @category constructors
 * @since 0.1.0
 */
export const zero = 0 as NanoUsd

/**
 * Dollars as billionths, rounded up; the amount must be finite and not negative.
 * @category constructors
 * @since 0.1.0
 */
export const fromUsd = (usd: number): NanoUsd => Math.ceil(Number((usd * 1e9).toPrecision(15))) as NanoUsd

/**
 * A count of billionths that was read from somewhere; it must be whole and not negative.
 * @category constructors
 * @since 0.1.0
 */
export const fromNano = (amount: number): NanoUsd => amount as NanoUsd

/**
 * Billionths as dollars, for people and for JSON.
 * @category converting
 * @since 0.1.0
 */
export const toUsd = (amount: NanoUsd): number => amount / 1e9

/**
 * Exact sum.
 * @category combinators
 * @since 0.1.0
 */
export const add = (a: NanoUsd, b: NanoUsd): NanoUsd => (a + b) as NanoUsd

/**
 * Whether one request can have cost so many billionths: a whole number, and a hundred thousand dollars at the most.
 * @category predicates
 * @since 0.1.0
 */
export const isPlausible = (amount: number): boolean =>
  Number.isInteger(amount) && amount >= 0 && amount <= 100_000_000_000_000
