/**
 * The small verbs of a workflow's body: naming the phase, leaving a note, asking about the budget.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as GlobalValue from "effect/GlobalValue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Budget from "../budget/Budget.ts"
import * as Money from "../domain/Money.ts"
import * as Ledger from "./Ledger.ts"
import { Run } from "./Run.ts"
import { BudgetRefused } from "./WorkflowError.ts"

/**
 * Phase of the current fiber: what calls, notes and child fibers made from here on belong to.
 * @category services
 * @since 0.1.0
 */
export const currentPhase: FiberRef.FiberRef<string | undefined> = GlobalValue.globalValue(
  Symbol.for("owf/Verbs/currentPhase"),
  // a branch that begins a phase of its own does not change the phase of what it joins
  () => FiberRef.unsafeMake<string | undefined>(undefined, { join: (own) => own })
)

/**
 * Begins a phase: calls made after it in this fiber, and in fibers started from it, belong to it.
 *
 * Branches of a fan-out that begin phases of their own do not disturb each other.
 * @category running
 * @since 0.1.0
 */
export const phase = (name: string): Effect.Effect<void, never, Run> =>
  Effect.flatMap(Run, (run) => Effect.zipRight(FiberRef.set(currentPhase, name), run.event("phase", name, undefined)))

/**
 * Records a note with the run. Data of any kind is accepted; what is not JSON is written as near to it as it comes.
 * @category running
 * @since 0.1.0
 */
export const log = (message: string, data?: Readonly<Record<string, unknown>>): Effect.Effect<void, never, Run> =>
  Effect.flatMap(Run, (run) => run.event("log", message, data))

/**
 * Makes a value once in the life of a run, such as the time or a random number: a resumed run is given it again.
 *
 * Equal names in the same place are told apart by their order. What the effect does besides may be done twice when the
 * process ends before the value is stored.
 * @category running
 * @since 0.1.0
 */
export const step = <A, I, E, R>(
  name: string,
  schema: Schema.Schema<A, I>,
  make: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Run> =>
  Effect.flatMap(Run, (run) => {
    const codec = Schema.parseJson(schema)
    return Effect.flatMap(
      run.steps.take(name, Effect.flatMap(make, (value) => Effect.orDie(Schema.encode(codec)(value)))),
      // what was stored under another schema is a program that was changed, which only a person can sort out
      (json) => Effect.orDie(Schema.decode(codec)(json))
    )
  })

/**
 * What a run has spent and may still spend; money in dollars, null for no limit.
 * @category models
 * @since 0.1.0
 */
export interface BudgetStatus {
  readonly totalTokens: number | null
  readonly totalCostUsd: number | null
  readonly spentTokens: number
  readonly spentCostUsd: number
  /** What neither was spent nor is reserved by calls under way. */
  readonly remainingTokens: number | null
  readonly remainingCostUsd: number | null
}

/**
 * An amount to spend; what is left out is zero.
 * @category models
 * @since 0.1.0
 */
export interface Spending {
  readonly tokens?: number | undefined
  readonly costUsd?: number | undefined
}

/**
 * The run's budget, which its child runs share.
 * @category running
 * @since 0.1.0
 */
export const budget: {
  /** What was spent, over all resumes, and what is left. */
  readonly status: Effect.Effect<BudgetStatus, never, Run>
  /** Whether this much, or anything at all, could be reserved right now. */
  readonly canSpend: (amount?: Spending) => Effect.Effect<boolean, never, Run>
  /** Keeps an amount back from every other call until the scope closes, such as for a last step that must not starve. */
  readonly reserve: (amount: Spending) => Effect.Effect<void, BudgetRefused, Run | Scope.Scope>
} = {
  status: Effect.flatMap(Run, (run) => Effect.map(run.budget.standing, toStatus)),
  canSpend: (amount) =>
    Effect.flatMap(Run, (run) =>
      Effect.map(run.budget.standing, (standing) => {
        const left = Budget.remaining(standing)
        const wanted = amount === undefined ? { tokens: 1, cost: 1 } : toAmount(amount)
        return (left.tokens === null || wanted.tokens <= left.tokens) &&
          (left.cost === null || wanted.cost <= left.cost)
      })),
  reserve: (amount) =>
    Effect.flatMap(Run, (run) =>
      Effect.acquireRelease(
        Effect.mapError(
          run.budget.hold(toAmount(amount)),
          (refusal) => new BudgetRefused(Ledger.facts(refusal))
        ),
        () => run.budget.release(toAmount(amount))
      ))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function toStatus(standing: Budget.Standing): BudgetStatus {
  const left = Budget.remaining(standing)
  return {
    totalTokens: standing.limits.tokens,
    totalCostUsd: standing.limits.cost === null ? null : Money.toUsd(standing.limits.cost),
    spentTokens: standing.spent.tokens,
    spentCostUsd: Money.toUsd(standing.spent.cost),
    remainingTokens: left.tokens,
    remainingCostUsd: left.cost === null ? null : Money.toUsd(left.cost)
  }
}

const toAmount = (amount: Spending): Budget.Amount => ({
  tokens: amount.tokens ?? 0,
  cost: Money.fromUsd(amount.costUsd ?? 0)
})
