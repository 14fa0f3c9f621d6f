/**
 * What a provider says it counted, as far as a request can have used that much.
 *
 * Counts and costs come from servers, from programs and from providers that users write. One that is negative, broken or
 * beyond any request is taken for none: the request is then counted as if the provider did not count, so that a budget
 * holds all the same, and no sum of the record stops being exact.
 */
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as Provider from "../provider/Provider.ts"

/**
 * An answer with the counts and the cost that can be true.
 * @category converting
 * @since 0.1.0
 */
export const answer = (said: Provider.Answer): Provider.Answer => isTrue(said) ? said : { ...said, ...counted(said) }

/**
 * A refusal with the counts and the cost that can be true.
 * @category converting
 * @since 0.1.0
 */
export const refusal = (said: Provider.ProviderError): Provider.ProviderError => {
  if (isTrue(said)) return said
  const { detail, isAdapted, mayBeBilled, provider, raw, reason, retryAfterMs, session } = said
  return new Provider.ProviderError({
    provider,
    reason,
    detail,
    retryAfterMs,
    raw,
    session,
    isAdapted,
    mayBeBilled,
    ...counted(said)
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Counts {
  readonly usage?: Usage.Usage | undefined
  readonly cost?: { readonly amount: number; readonly source: string } | undefined
}

const counted = ({ cost, usage }: Counts) => ({
  usage: usage !== undefined && Usage.isPlausible(usage) ? usage : undefined,
  cost: cost !== undefined && Money.isPlausible(cost.amount)
    ? { ...cost, amount: Money.fromNano(cost.amount) }
    : undefined
})

const isTrue = ({ cost, usage }: Counts): boolean =>
  (usage === undefined || Usage.isPlausible(usage)) && (cost === undefined || Money.isPlausible(cost.amount))
