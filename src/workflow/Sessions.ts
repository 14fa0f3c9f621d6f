/**
 * Which session a request continues, and what was used in it before.
 *
 * - S1. Only a provider with sessions is given one.
 * - S2. A request of the same process continues the session of the one before it, whether that was answered or not; what
 *   either used in it is in the session's sums.
 * - S3. A call that a dead process left open begins anew, unless `EngineConfig.sessions` or the call's recovery policy
 *   says otherwise; a call that may change files always does, because the files its session speaks of may be gone.
 */
import * as Effect from "effect/Effect"
import * as Money from "../domain/Money.ts"
import type * as Records from "../domain/Records.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { Settled } from "../store/RunStore.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import type { Spent } from "./Ledger.ts"

/**
 * The session the next request continues, with what one more request used in it.
 * @category combinators
 * @since 0.1.0
 */
export const after = (
  before: Provider.Session | undefined,
  id: string | undefined,
  spent: Spent
): Provider.Session | undefined => {
  if (id === undefined) return before
  const cost = spent.cost ?? undefined
  if (before?.id !== id) return { id, used: spent.usage, cost }
  const sum = before.cost === undefined || cost === undefined ? undefined : Money.add(before.cost, cost)
  return { id, used: Usage.add(before.used, spent.usage), cost: sum }
}

/**
 * The session a request is given (S1).
 * @category converting
 * @since 0.1.0
 */
export const given = (
  { capabilities }: Provider.Provider,
  session: Provider.Session | undefined
): Provider.Session | undefined => capabilities.sessions ? session : undefined

/**
 * Whether the first request of a call may continue a session that an earlier attempt of the run recorded (S3).
 * @category predicates
 * @since 0.1.0
 */
export const isContinued = <A>(env: CallEnv, { described, place }: Identified<A>): boolean =>
  place.recorded !== undefined && place.recorded.status !== "done" &&
  (env.defaults.sessions === "continue" || (described.recover?.continuesSession === true && isOpen(place.recorded))) &&
  described.provider.capabilities.sessions && !described.mutating

/**
 * Whether an earlier attempt of the run left a call open: interrupted, lost with its process, or out of budget.
 * @category predicates
 * @since 0.1.0
 */
export const isOpen = ({ status }: Settled): boolean => open.has(status)

/**
 * The session of a call's newest recorded request that named one, with what was used in it.
 * @category running
 * @since 0.1.0
 */
export const recorded = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Provider.Session | undefined> =>
  Effect.map(Effect.catchAll(env.store.attempts(call.identity.callId), env.abort), ofAttempts)

/**
 * The session of the newest of these requests that named one, with what they used in it.
 * @category converting
 * @since 0.1.0
 */
export const ofAttempts = (attempts: ReadonlyArray<Records.Attempt>): Provider.Session | undefined =>
  attempts.reduce<Provider.Session | undefined>(
    (session, attempt) =>
      after(session, attempt.sessionId ?? undefined, {
        usage: Usage.make({
          inputTokens: attempt.inputTokens,
          outputTokens: attempt.outputTokens,
          cacheReadTokens: attempt.cacheReadTokens,
          cacheWriteTokens: attempt.cacheWriteTokens
        }),
        cost: attempt.costUsd === null ? null : Money.fromUsd(attempt.costUsd)
      }),
    undefined
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const open: ReadonlySet<string> = new Set<Settled["status"]>(["running", "waiting", "cancelled", "budget_exceeded"])
