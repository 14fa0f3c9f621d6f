/**
 * What a provider tells of a request before it is answered: stored when it arrives, and counted when nothing else is known.
 */
import * as Effect from "effect/Effect"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import type * as Ledger from "./Ledger.ts"
import * as Observer from "./Observer.ts"
import * as Request from "./Request.ts"
import * as Said from "./Said.ts"

/**
 * What is known of a request that is under way; filled by its listener.
 * @category models
 * @since 0.1.0
 */
export interface Reported {
  session: string | undefined
  /** Undefined when nothing was reported. */
  spent: Ledger.Spent | undefined
}

/**
 * Nothing is known.
 * @category constructors
 * @since 0.1.0
 */
export const none = (): Reported => ({ session: undefined, spent: undefined })

/**
 * Who says what a request cost that only reported its tokens: the estimate its reservation was made from.
 * @category models
 * @since 0.1.0
 */
export const source = "estimate"

/**
 * Sends a request. What it reports is stored, once each: a report that says nothing new is not written, and one that cannot
 * be true is not taken.
 * @category running
 * @since 0.1.0
 */
export const ask = <A>(
  env: CallEnv,
  call: Identified<A>,
  attempt: number,
  reported: Reported,
  request: Provider.Request
): Effect.Effect<Provider.Answer, Provider.ProviderError> =>
  Effect.mapBoth(call.described.provider.ask(request, listener(env, call, attempt, reported)), {
    onSuccess: Said.answer,
    onFailure: Said.refusal
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const listener = <A>(
  env: CallEnv,
  call: Identified<A>,
  attempt: number,
  reported: Reported
): Provider.Listener => {
  const ref = { runId: env.run.id, index: call.place.index }
  return {
    session: (id) =>
      Effect.suspend(() => {
        if (reported.session === id) return Effect.void
        reported.session = id
        return Effect.catchAll(env.store.session(env.ownership, ref, attempt, id), env.abort)
      }),
    usage: (usage) =>
      Effect.suspend(() => {
        if (!Usage.isPlausible(usage)) return Effect.void
        if (reported.spent !== undefined && isSame(reported.spent.usage, usage)) return Effect.void
        const cost = price(call, usage)
        reported.spent = { usage, cost }
        env.observer?.({ _tag: "Reported", callId: call.identity.callId, usage, costUsd: Observer.usdOf(cost) })
        const facts = { usage, cost, costSource: cost === null ? null : source }
        return Effect.catchAll(env.store.report(env.ownership, ref, attempt, facts), env.abort)
      })
  }
}

const isSame = (a: Usage.Usage, b: Usage.Usage): boolean =>
  a.inputTokens === b.inputTokens && a.outputTokens === b.outputTokens && a.cacheReadTokens === b.cacheReadTokens &&
  a.cacheWriteTokens === b.cacheWriteTokens

/** What so many tokens cost at the most: those from a cache are counted as if they were read anew. */
const price = <A>({ described }: Identified<A>, usage: Usage.Usage): Ledger.Spent["cost"] =>
  described.provider.estimate(Request.least(described.model)).cost(
    Usage.total(usage) - usage.outputTokens,
    usage.outputTokens
  ) ?? null
