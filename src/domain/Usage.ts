/**
 * Tokens a provider counted for a request, in four disjoint buckets.
 *
 * `inputTokens` leaves out what was read from or written to the provider's prompt cache; `outputTokens` includes
 * reasoning. Adding is associative with `zero` as its unit, so partial counts may be summed in any order.
 */
import * as Schema from "effect/Schema"
import { count, key } from "../internal/columnSchema.ts"

/**
 * Token counts of one or several requests.
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: key(count, "input_tokens"),
  outputTokens: key(count, "output_tokens"),
  cacheReadTokens: key(count, "cache_read_tokens"),
  cacheWriteTokens: key(count, "cache_write_tokens")
})

/**
 * Token counts of one or several requests.
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * No tokens.
 * @category constructors
 * @since 0.1.0
 */
export const zero: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

/**
 * Usage with the buckets not named left at zero.
 * @category constructors
 * @since 0.1.0
 */
export const make = (counts: Partial<Usage>): Usage => ({ ...zero, ...counts })

/**
 * Sum of two usages, bucket by bucket.
 * @category combinators
 * @since 0.1.0
 */
export const add = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens
})

/**
 * All tokens a budget counts: the sum of the four buckets.
 * @category converting
 * @since 0.1.0
 */
export const total = (usage: Usage): number =>
  usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens

/**
 * Whether one request can have used so many tokens: whole numbers, and ten billion at the most, which no session of an
 * agent comes near.
 * @category predicates
 * @since 0.1.0
 */
export const isPlausible = (usage: Usage): boolean =>
  isCount(usage.inputTokens) && isCount(usage.outputTokens) && isCount(usage.cacheReadTokens) &&
  isCount(usage.cacheWriteTokens)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isCount = (tokens: number): boolean => Number.isInteger(tokens) && tokens >= 0 && tokens <= 10_000_000_000
