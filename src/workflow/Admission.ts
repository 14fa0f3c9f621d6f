/**
 * Step 4 of a call: what has to be there before a request is sent.
 *
 * - A1. A request that is not admitted, or interrupted while it waits, leaves nothing reserved.
 * - A2. Waiting for the first request of a call is not part of the call's deadline; waiting for a further one is.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Budget from "../budget/Budget.ts"
import * as AgentError from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { Permits, Restore } from "../internal/permits.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as Ledger from "./Ledger.ts"
import * as RateLimits from "./RateLimits.ts"
import type * as Request from "./Request.ts"
import type * as Settle from "./Settle.ts"

export type { Restore } from "../internal/permits.ts"

/**
 * What a request was given.
 * @category models
 * @since 0.1.0
 */
export interface Admitted extends Ledger.Reserved {
  readonly room: Permits | undefined
  /** Tokens taken of the provider's limit per minute; undefined where there is none. */
  readonly taken: number | undefined
}

/**
 * Why a request is not sent.
 * @category models
 * @since 0.1.0
 */
export type Refusal = Budget.Refusal | Ledger.Unpriced | RateLimits.NoRoom

/**
 * Admits one request: budget, then room at the provider, then room under its limits per minute, for which it waits until
 * the deadline at most. To be used in an uninterruptible region, with its `restore`.
 * @category running
 * @since 0.1.0
 */
export const admit = <A>(
  env: CallEnv,
  call: Identified<A>,
  continued: Request.Continued,
  deadline: number,
  restore: Restore
): Effect.Effect<Admitted, Refusal> =>
  Effect.flatMap(Ledger.reserve(env, call, continued, restore), (reserved): Effect.Effect<Admitted, Refusal> => {
    const { provider } = call.described
    const { limits } = provider.capabilities
    const room = env.permits(provider)
    const giveBack = env.budget.settle(reserved.amount, Ledger.none)
    const entered = room === undefined ? Effect.void : Effect.onInterrupt(room.take(restore), () => giveBack)
    if (limits === undefined) return Effect.as(entered, { ...reserved, room, taken: undefined })
    const taking = Effect.onError(
      restore(RateLimits.take(env, call, limits, continued, deadline)),
      () => Effect.zipRight(leave(room), giveBack)
    )
    return Effect.zipRight(entered, Effect.map(taking, (taken) => ({ ...reserved, room, taken })))
  })

/**
 * Gives room at the provider back.
 * @category running
 * @since 0.1.0
 */
export const leave = (room: Permits | undefined): Effect.Effect<void> => room === undefined ? Effect.void : room.release

/**
 * Gives back everything a request was given that will not be sent.
 * @category running
 * @since 0.1.0
 */
export const giveBack = <A>(
  env: CallEnv,
  call: Identified<A>,
  { amount, room, taken }: Admitted
): Effect.Effect<unknown> =>
  Effect.all([
    leave(room),
    env.budget.settle(amount, Ledger.none),
    taken === undefined ? Effect.void : RateLimits.correct(env, call, taken, Usage.zero)
  ])

/**
 * How a call is settled whose request is not admitted.
 * @category converting
 * @since 0.1.0
 */
export const refused = <A>(call: Identified<A>, reason: Refusal): Settle.GivingUp => {
  switch (reason._tag) {
    case "Unpriced":
      return {
        status: "failed",
        kind: "InvalidCall",
        error: reason.detail,
        toError: (result) => new AgentError.InvalidCall({ option: "model", result })
      }
    case "Refusal":
      return {
        status: "budget_exceeded",
        kind: "BudgetExceeded",
        error: Ledger.explain(reason),
        toError: (result) => new AgentError.BudgetExceeded({ ...Ledger.facts(reason), result })
      }
    case "NoRoom": {
      const wait = Duration.format(Duration.millis(reason.waitMs))
      return tooLate(
        call,
        `the rate limit of ${reason.provider} has no room for ${wait}, which is after the deadline of`
      )
    }
  }
}

/**
 * How a call is settled whose deadline passed.
 * @category constructors
 * @since 0.1.0
 */
export const tooLate = <A>(call: Identified<A>, what = "no complete answer within"): Settle.GivingUp => ({
  status: "timeout",
  kind: "CallTimeout",
  error: `${what} ${Duration.format(call.described.timeout)}`,
  toError: (result) => new AgentError.CallTimeout({ timeoutMs: Duration.toMillis(call.described.timeout), result })
})

/**
 * The deadline of a call whose first request was sent, in epoch milliseconds as the clock says them now: a clock that is
 * set leaves the call the rest of its time. What a recovery policy waited is added.
 * @category converting
 * @since 0.1.0
 */
export const deadlineOf = <A>(
  env: CallEnv,
  call: Settle.Started<A>,
  { recovery }: Pick<Settle.Progress, "recovery">
): number => {
  const time = Duration.toMillis(call.described.timeout) + (recovery?.waitedMs ?? 0)
  // the small difference first: the sum of two instants has no room for fractions of a millisecond
  return env.now() + (time - (env.elapsed() - call.began))
}
