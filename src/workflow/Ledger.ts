/**
 * Step 4 of a call and the sums of steps 6 to 8: what a request may use, what it used, what the call came to.
 *
 * Where a provider bounds its output, a reservation is turned into that bound, so that the budget cannot be passed; where
 * it does not, the reservation is the provider's own estimate and what is used beyond it is counted when it is known.
 */
import * as Effect from "effect/Effect"
import * as Budget from "../budget/Budget.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as Request from "./Request.ts"

/**
 * What was set aside for a request, and the bound on its output that follows from it.
 * @category models
 * @since 0.1.0
 */
export interface Reserved {
  readonly amount: Budget.Amount
  readonly maxOutputTokens: number | undefined
}

/**
 * A cost budget cannot be held, because the price of the model is not known.
 * @category models
 * @since 0.1.0
 */
export interface Unpriced {
  readonly _tag: "Unpriced"
  readonly detail: string
}

/**
 * What requests used, and what they cost as far as it is known.
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  readonly usage: Usage.Usage
  /** Null once a request's price was not known. */
  readonly cost: Money.NanoUsd | null
}

/**
 * Nothing was used.
 * @category constructors
 * @since 0.1.0
 */
export const nothing: Spent = { usage: Usage.zero, cost: Money.zero }

/**
 * No amount.
 * @category constructors
 * @since 0.1.0
 */
export const none: Budget.Amount = Budget.zero

/**
 * Whether nothing has to be set aside.
 * @category predicates
 * @since 0.1.0
 */
export const isUnlimited = ({ budget: { limits } }: CallEnv): boolean => limits.tokens === null && limits.cost === null

/**
 * What a request is given where nothing is limited.
 * @category constructors
 * @since 0.1.0
 */
export const unlimited = <A>({ described }: Identified<A>): Reserved => ({
  amount: Budget.zero,
  maxOutputTokens: described.options.maxOutputTokens
})

/**
 * Sets aside what one request of a call may use, with what it continues.
 * @category running
 * @since 0.1.0
 */
export const reserve = <A>(
  env: CallEnv,
  call: Identified<A>,
  continued: Request.Continued,
  restore?: Parameters<Budget.Budget["reserve"]>[1]
): Effect.Effect<Reserved, Budget.Refusal | Unpriced> =>
  Effect.suspend((): Effect.Effect<Reserved, Budget.Refusal | Unpriced> => {
    const { limits } = env.budget
    const { described } = call
    const wanted = described.options.maxOutputTokens
    if (isUnlimited(env)) return Effect.succeed(unlimited(call))
    const estimate = Request.estimate(call, continued)
    const output = wanted ?? estimate.outputTokens
    const cost = estimate.cost(estimate.inputTokens, output)
    if (cost === undefined && limits.cost !== null) {
      return Effect.fail(unpriced(described.provider.name, described.model))
    }
    const full: Budget.Amount = { tokens: estimate.inputTokens + output, cost: cost ?? Money.zero }
    const bounded = described.provider.capabilities.boundsOutput && output > 0
    const least: Budget.Amount = bounded
      ? { tokens: estimate.inputTokens + 1, cost: estimate.cost(estimate.inputTokens, 1) ?? Money.zero }
      : full
    return Effect.map(env.budget.reserve({ full, least }, restore), (amount) => ({
      amount,
      maxOutputTokens: bounded ? bound(estimate, amount, output) : wanted
    }))
  })

/**
 * What an answer used: what it says itself, else what was reported before it came. A provider that does not count is held
 * to have used all that was set aside, so that a budget holds with it too.
 * @category converting
 * @since 0.1.0
 */
export const answered = (answer: Provider.Answer, reserved: Budget.Amount, reported?: Spent): Spent => {
  if (answer.usage !== undefined || (reported === undefined && reserved.tokens === 0)) return used(answer)
  const { cost, usage } = reported ?? { usage: Usage.make({ inputTokens: reserved.tokens }), cost: reserved.cost }
  return { usage, cost: answer.cost?.amount ?? cost }
}

/**
 * Who says what a request cost: the provider or a price table, the estimate of what was reported, or the reservation
 * where nobody counted.
 * @category converting
 * @since 0.1.0
 */
export const sourceOf = (answer: Provider.Answer, reserved: Budget.Amount, reported?: Spent): string | undefined => {
  if (answer.cost !== undefined || answer.usage !== undefined) return answer.cost?.source
  if (reported !== undefined) return reported.cost === null ? undefined : "estimate"
  return reserved.tokens > 0 ? "reservation" : undefined
}

/**
 * What a refused request used, from the refusal, else from what was reported before it.
 * @category converting
 * @since 0.1.0
 */
export const refused = (
  outcome: { readonly usage?: Usage.Usage | undefined; readonly cost?: Provider.Cost | undefined },
  reported: Spent | undefined
): Spent =>
  outcome.usage !== undefined || reported === undefined
    ? used(outcome)
    : { usage: reported.usage, cost: outcome.cost?.amount ?? reported.cost }

/**
 * What is known of a request whose outcome is not: the tokens that were reported, if any; never that it was free.
 * @category converting
 * @since 0.1.0
 */
export const lost = (reported: Spent | undefined): Spent => reported ?? { usage: Usage.zero, cost: null }

/**
 * What the budget counts of a request whose outcome is not known: the greater of what was set aside for it and what was
 * reported of it.
 * @category converting
 * @since 0.1.0
 */
export const lostAmount = (reported: Spent | undefined, reserved: Budget.Amount): Budget.Amount =>
  reported === undefined
    ? reserved
    : {
      tokens: Math.max(reserved.tokens, Usage.total(reported.usage)),
      cost: reported.cost === null || reported.cost < reserved.cost ? reserved.cost : reported.cost
    }

/**
 * What a request used as far as it is known.
 * @category converting
 * @since 0.1.0
 */
export const used = (
  outcome: { readonly usage?: Usage.Usage | undefined; readonly cost?: Provider.Cost | undefined }
): Spent => ({
  usage: outcome.usage ?? Usage.zero,
  cost: outcome.cost?.amount ?? (outcome.usage === undefined || Usage.total(outcome.usage) === 0 ? Money.zero : null)
})

/**
 * Sum of what two requests used; the cost is known only if both are.
 * @category combinators
 * @since 0.1.0
 */
export const add = (a: Spent, b: Spent): Spent => ({
  usage: Usage.add(a.usage, b.usage),
  cost: a.cost === null || b.cost === null ? null : Money.add(a.cost, b.cost)
})

/**
 * What the budget counts of a request: a cost that is not known counts as what was set aside for it.
 * @category converting
 * @since 0.1.0
 */
export const amountOf = (spent: Spent, reserved: Budget.Amount): Budget.Amount => ({
  tokens: Usage.total(spent.usage),
  cost: spent.cost ?? reserved.cost
})

/**
 * A refusal in a sentence, with what to do about it.
 * @category converting
 * @since 0.1.0
 */
export const explain = (refusal: Budget.Refusal): string => {
  const { requested, spent, total } = facts(refusal)
  return refusal.unit === "tokens"
    ? `the token budget of ${total} has ${spent} spent and the call needs at least ${requested}; ` +
      "raise it with --budget-tokens (or `budget.tokens`) and resume the run"
    : `the cost budget of $${total} has $${spent} spent and the call needs at least $${requested}; ` +
      "raise it with --budget-cost-usd (or `budget.costUsd`) and resume the run"
}

/**
 * A refusal's figures in tokens or dollars.
 * @category converting
 * @since 0.1.0
 */
export const facts = (refusal: Budget.Refusal): Omit<Budget.Refusal, "_tag"> => {
  const scale = refusal.unit === "tokens" ? 1 : 1e9
  return {
    unit: refusal.unit,
    total: refusal.total / scale,
    spent: refusal.spent / scale,
    requested: refusal.requested / scale
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const unpriced = (provider: string, model: string): Unpriced => ({
  _tag: "Unpriced",
  detail: `the price of model ${model} at ${provider} is not known, so a cost budget cannot be held; ` +
    "add it to the price file (OWF_PRICES_FILE), choose another model, or set a token budget instead"
})

/** The most output tokens an amount pays for. */
const bound = (estimate: Provider.Estimate, amount: Budget.Amount, output: number): number => {
  const pays = (tokens: number) => (estimate.cost(estimate.inputTokens, tokens) ?? 0) <= amount.cost
  let most = Math.max(1, Math.min(amount.tokens - estimate.inputTokens, output))
  if (pays(most)) return most
  // searched for, because prices are rounded and may rise with the length of an answer; one token was set aside at least
  for (let least = 1; least < most;) {
    const middle = Math.ceil((least + most) / 2)
    if (pays(middle)) least = middle
    else most = middle - 1
  }
  return most
}
