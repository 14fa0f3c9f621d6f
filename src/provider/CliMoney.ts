/**
 * What a request to a command line used and cost, from what the program says of it.
 */
import * as Option from "effect/Option"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import type { CliFormat, Completion } from "./CliFormat.ts"
import * as Pricing from "./Pricing.ts"
import type { Cost } from "./Provider.ts"

/**
 * Output of an agent that is reckoned with; nothing bounds it.
 * @category models
 * @since 0.1.0
 */
export const expectedOutputTokens = 8_192

/**
 * The cost of a request: the program's own where it can be true, else the price table's, else unknown.
 * @category converting
 * @since 0.1.0
 */
export const spent = (
  pricing: Pricing.Pricing["Type"],
  format: Pick<CliFormat, "pricedAs" | "pricedModel">,
  { costUsd, model, usage }: Partial<Pick<Completion, "costUsd" | "model" | "usage">>,
  asked: string,
  nowMillis: number
): Cost | undefined => {
  // nothing is free, so 0 for real tokens is a price the program does not know
  const isUsed = usage !== undefined && Usage.total(usage) > 0
  if (costUsd !== undefined && costUsd <= highest && (costUsd > 0 || (costUsd === 0 && !isUsed))) {
    return { amount: Money.fromUsd(costUsd), source: "provider" }
  }
  if (usage === undefined) return undefined
  return Option.getOrUndefined(
    Option.map(
      pricing.priceAt(format.pricedAs, model ?? format.pricedModel(asked), nowMillis),
      (price) => ({ amount: Pricing.cost(price, usage), source: price.source })
    )
  )
}

/**
 * Tokens of a session that its next request sends again: each of them was new once.
 * @category converting
 * @since 0.1.0
 */
export const context = ({ cacheWriteTokens, inputTokens, outputTokens }: Usage.Usage): number =>
  inputTokens + cacheWriteTokens + outputTokens

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Dollars that no request costs. */
const highest = 100_000
