/**
 * What a request that was not answered, or not for the call, came to: what it used, and how it ended.
 */
import * as Effect from "effect/Effect"
import * as AgentError from "../domain/AgentError.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome } from "../store/RunStore.ts"
import type { CallEnv } from "./CallEnv.ts"
import * as Ledger from "./Ledger.ts"
import * as RateLimits from "./RateLimits.ts"
import * as Reported from "./Reported.ts"
import * as Sessions from "./Sessions.ts"
import type { GivingUp, Progress, Started } from "./Settle.ts"
import * as Settle from "./Settle.ts"

/**
 * A request whose outcome is not known: it counts as all that was reserved for it, or more if that was reported.
 * @category running
 * @since 0.1.0
 */
export const lost = <A, B, E>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  settle: (after: Progress, lost: AttemptOutcome) => Effect.Effect<B, E>
): Effect.Effect<B, E> => {
  const { reported: { session, spent: reported }, reserved } = progress
  const spent = Ledger.lost(reported)
  const outcome = Settle.outcome(env, call, progress, env.now(), {
    status: "lost",
    spent,
    costSource: spent.cost === null ? undefined : Reported.source,
    session
  })
  return Effect.zipRight(
    env.budget.settle(reserved, Ledger.lostAmount(reported, reserved)),
    settle({ ...progress, spent: Ledger.add(progress.spent, spent) }, outcome)
  )
}

/**
 * A request the provider refused: counts what it used, and gives what the call came to with it.
 * @category running
 * @since 0.1.0
 */
export const refused = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  error: Provider.ProviderError
): Effect.Effect<{ readonly progress: Progress; readonly ended: AttemptOutcome }> =>
  Effect.gen(function*() {
    const cost = error.cost === undefined ? undefined : { ...error.cost, amount: Money.fromNano(error.cost.amount) }
    const { reported, taken } = before
    const paid = Ledger.refused({ usage: error.usage, cost }, reported.spent)
    const known = error.usage === undefined ? reported.spent : paid
    const isLost = error.mayBeBilled === true
    const spent = isLost ? Ledger.lost(known) : paid
    const amount = isLost ? Ledger.lostAmount(known, before.reserved) : Ledger.amountOf(paid, before.reserved)
    const session = error.session ?? reported.session
    if (taken !== undefined && Usage.total(spent.usage) > 0) yield* RateLimits.correct(env, call, taken, spent.usage)
    yield* env.budget.settle(before.reserved, amount)
    const ended = Settle.outcome(env, call, before, env.now(), {
      status: isLost ? "lost" : "failed",
      spent,
      costSource: cost?.source ?? (error.usage === undefined && reported.spent?.cost ? Reported.source : undefined),
      session,
      errorKind: error.reason,
      error: error.detail,
      raw: error.raw
    })
    const progress = {
      ...before,
      session: Sessions.after(before.session, session, spent),
      spent: Ledger.add(before.spent, spent)
    }
    return { progress, ended }
  })

/**
 * How a call is settled that a provider refused for good.
 * @category constructors
 * @since 0.1.0
 */
export const givingUp = (progress: Progress, { raw, reason }: Provider.ProviderError, error: string): GivingUp => ({
  status: "provider_failed",
  kind: reason,
  error,
  text: raw ?? null,
  toError: (result) =>
    new AgentError.ProviderFailed({ reason, attempts: progress.attempt - progress.first + 1, result })
})

/**
 * How a request ended that asked for nothing but a shorter session.
 * @category constructors
 * @since 0.1.0
 */
export const shortened = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  answer: Provider.Answer,
  spent: Ledger.Spent
): AttemptOutcome =>
  Settle.outcome(env, call, before, env.now(), {
    status: "done",
    spent,
    costSource: Ledger.sourceOf(answer, before.reserved, before.reported.spent),
    model: answer.model,
    session: answer.session ?? before.reported.session,
    raw: answer.raw
  })
