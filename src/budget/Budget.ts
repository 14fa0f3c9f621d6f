/**
 * What a run and its children may still spend, kept in memory by the process that owns the run.
 *
 * - B1. Spent plus reserved never exceeds a limit through a reservation: what does not fit waits while other requests
 *   are under way, because they may use less than they reserved, and is refused when nothing is under way.
 * - B2. Reservations are granted in the order they were asked for, so that a large one is not starved by small ones.
 * - B3. What a request really used is counted in full, also when it is more than was reserved.
 *
 * Durability is the store's: a reservation is stored with a request's intent and its use with the outcome, and a resumed
 * run starts from their sum.
 */
import * as Effect from "effect/Effect"
import * as Money from "../domain/Money.ts"

/**
 * Tokens and money.
 * @category models
 * @since 0.1.0
 */
export interface Amount {
  readonly tokens: number
  readonly cost: Money.NanoUsd
}

/**
 * The most a run may spend; null for no limit.
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly tokens: number | null
  readonly cost: Money.NanoUsd | null
}

/**
 * A reservation asked for: `full` is wanted, anything down to `least` is of use.
 * @category models
 * @since 0.1.0
 */
export interface Need {
  readonly full: Amount
  readonly least: Amount
}

/**
 * Where a budget stands.
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly limits: Limits
  readonly spent: Amount
  readonly reserved: Amount
}

/**
 * Why a reservation was refused, in the limit's own unit (tokens, or billionths of a dollar).
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly unit: "tokens" | "usd"
  readonly total: number
  readonly spent: number
  readonly requested: number
}

/**
 * What a run and its children may still spend.
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  readonly limits: Limits
  readonly standing: Effect.Effect<Standing>
  /**
   * Sets an amount aside, waiting or failing as B1 says; what is granted is never more than `full`.
   *
   * With the `restore` of an uninterruptible region only the waiting can be interrupted, and then nothing stays set
   * aside: the region is sure to have what was granted, and to settle it.
   */
  readonly reserve: (need: Need, restore?: Restore) => Effect.Effect<Amount, Refusal>
  /** Gives a reservation back and counts what was used instead. */
  readonly settle: (reserved: Amount, used: Amount) => Effect.Effect<void>
  /** Keeps an amount back without waiting; it is not under way, so nothing waits for it (B1). */
  readonly hold: (amount: Amount) => Effect.Effect<void, Refusal>
  /** Gives a held amount back. */
  readonly release: (amount: Amount) => Effect.Effect<void>
}

/**
 * Nothing.
 * @category constructors
 * @since 0.1.0
 */
export const zero: Amount = { tokens: 0, cost: Money.zero }

/**
 * Sum of two amounts.
 * @category combinators
 * @since 0.1.0
 */
export const add = (a: Amount, b: Amount): Amount => ({ tokens: a.tokens + b.tokens, cost: Money.add(a.cost, b.cost) })

/**
 * A budget with these limits of which `spent` is gone already.
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: Limits, spent: Amount): Budget => {
  const state = new State(limits, spent)
  return {
    limits,
    standing: Effect.sync(() => ({ limits, spent: state.spent, reserved: state.reserved })),
    reserve: (need, restore) =>
      restore === undefined
        ? Effect.uninterruptibleMask((restore) => reserve(state, need, restore))
        : Effect.suspend(() => reserve(state, need, restore)),
    settle: (reserved, used) => Effect.sync(() => state.settle(reserved, used)),
    hold: (amount) => Effect.suspend(() => state.hold(amount)),
    release: (amount) => Effect.sync(() => state.release(amount))
  }
}

/**
 * The lower of two limits, of each kind.
 * @category combinators
 * @since 0.1.0
 */
export const lower = (a: Limits, b: Limits): Limits => {
  const lowest = <N extends number>(a: N | null, b: N | null) => a === null ? b : b === null || a <= b ? a : b
  return { tokens: lowest(a.tokens, b.tokens), cost: lowest(a.cost, b.cost) }
}

/**
 * A budget with limits of its own within another: what is set aside is set aside in both, or in neither.
 * @category constructors
 * @since 0.1.0
 */
export const within = (outer: Budget, limits: Limits, spent: Amount): Budget => {
  const own = make(limits, spent)
  return {
    ...own,
    limits: lower(limits, outer.limits),
    reserve: (need, restore) =>
      restore === undefined
        ? Effect.uninterruptibleMask((restore) => reserveBoth(own, outer, need, restore))
        : reserveBoth(own, outer, need, restore),
    settle: (reserved, used) => Effect.zipRight(own.settle(reserved, used), outer.settle(reserved, used)),
    hold: (amount) => Effect.zipRight(own.hold(amount), Effect.tapError(outer.hold(amount), () => own.release(amount))),
    release: (amount) => Effect.zipRight(own.release(amount), outer.release(amount))
  }
}

/**
 * What is left under the limits, floored at zero; null where there is no limit.
 * @category converting
 * @since 0.1.0
 */
export const remaining = (
  standing: Standing
): { readonly tokens: number | null; readonly cost: Money.NanoUsd | null } => ({
  tokens: standing.limits.tokens === null
    ? null
    : Math.max(0, standing.limits.tokens - standing.spent.tokens - standing.reserved.tokens),
  cost: standing.limits.cost === null
    ? null
    : Math.max(0, standing.limits.cost - standing.spent.cost - standing.reserved.cost) as Money.NanoUsd
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const reserve = (state: State, need: Need, restore: Restore): Effect.Effect<Amount, Refusal> => {
  if (state.waiting.length === 0) {
    const decision = state.decide(need)
    if (decision !== wait) return settled(decision)
  }
  const waiter: Waiter = { need, decision: wait, resume: () => {} }
  const decided = Effect.async<Amount, Refusal>((resume) => {
    waiter.resume = (decision) => resume(settled(decision))
    state.waiting.push(waiter)
    // what it would wait for may have ended since it was decided that it waits
    state.wake()
  })
  return Effect.onInterrupt(restore(decided), () => Effect.sync(() => state.withdraw(waiter)))
}

/**
 * The inner budget first, so that nothing of the outer one is kept from others while it waits. What the outer one grants
 * less is given back without a new place in the inner line: whoever holds something of the outer budget never waits for
 * the inner one, because those who hold the inner one wait for the outer.
 */
const reserveBoth = (own: Budget, outer: Budget, need: Need, restore: Restore): Effect.Effect<Amount, Refusal> =>
  Effect.flatMap(own.reserve(need, restore), (first) =>
    Effect.flatMap(
      Effect.onExit(
        outer.reserve({ full: first, least: need.least }, restore),
        (exit) => exit._tag === "Failure" ? own.settle(first, zero) : Effect.void
      ),
      (granted) =>
        granted.tokens === first.tokens && granted.cost === first.cost
          ? Effect.succeed(granted)
          : Effect.as(own.release(subtract(first, granted)), granted)
    ))

interface Waiter {
  readonly need: Need
  decision: Amount | Refusal | typeof wait
  resume: (decision: Amount | Refusal) => void
}

const wait: unique symbol = Symbol.for("owf/Budget/wait")

const settled = (decision: Amount | Refusal): Effect.Effect<Amount, Refusal> =>
  "_tag" in decision ? Effect.fail(decision) : Effect.succeed(decision)

// changed only in synchronous steps, so that no two fibers see it half changed
class State {
  reserved: Amount = zero
  /** Reservations granted and not settled, also those of nothing: B1 asks whether anything is under way. */
  underWay = 0
  waiting: Array<Waiter> = []
  readonly limits: Limits
  spent: Amount
  constructor(limits: Limits, spent: Amount) {
    this.limits = limits
    this.spent = spent
  }

  decide(need: Need): Amount | Refusal | typeof wait {
    const left = remaining({ limits: this.limits, spent: this.spent, reserved: this.reserved })
    if (fits(need.full, left)) return this.grant(need.full)
    if (this.underWay > 0) return wait
    if (fits(need.least, left)) {
      return this.grant({
        tokens: Math.min(need.full.tokens, left.tokens ?? Infinity),
        cost: Math.min(need.full.cost, left.cost ?? Infinity) as Money.NanoUsd
      })
    }
    return this.refuse(need.least, left)
  }

  refuse(amount: Amount, left: ReturnType<typeof remaining>): Refusal {
    return left.tokens !== null && amount.tokens > left.tokens
      ? refusal("tokens", this.limits.tokens ?? 0, this.spent.tokens, amount.tokens)
      : refusal("usd", this.limits.cost ?? 0, this.spent.cost, amount.cost)
  }

  hold(amount: Amount): Effect.Effect<void, Refusal> {
    const left = remaining({ limits: this.limits, spent: this.spent, reserved: this.reserved })
    if (!fits(amount, left)) return Effect.fail(this.refuse(amount, left))
    this.reserved = add(this.reserved, amount)
    return Effect.void
  }

  release(amount: Amount): void {
    this.reserved = subtract(this.reserved, amount)
    this.wake()
  }

  grant(amount: Amount): Amount {
    this.reserved = add(this.reserved, amount)
    this.underWay++
    return amount
  }

  settle(reserved: Amount, used: Amount): void {
    this.reserved = subtract(this.reserved, reserved)
    this.spent = add(this.spent, used)
    // what was not reserved, because nothing is limited, is settled all the same
    this.underWay = Math.max(0, this.underWay - 1)
    this.wake()
  }

  wake(): void {
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const decision = this.decide(first.need)
      if (decision === wait) return
      this.waiting.shift()
      first.decision = decision
      first.resume(decision)
    }
  }

  /** Takes a reservation back whose fiber is interrupted, also when it was granted and its fiber could not take it any more. */
  withdraw(waiter: Waiter): void {
    if (waiter.decision !== wait) {
      if (!("_tag" in waiter.decision)) this.settle(waiter.decision, zero)
      return
    }
    const at = this.waiting.indexOf(waiter)
    if (at !== -1) this.waiting.splice(at, 1)
    this.wake()
  }
}

const subtract = (a: Amount, b: Amount): Amount => ({
  tokens: a.tokens - b.tokens,
  cost: (a.cost - b.cost) as Money.NanoUsd
})

const fits = (amount: Amount, left: ReturnType<typeof remaining>): boolean =>
  (left.tokens === null || amount.tokens <= left.tokens) && (left.cost === null || amount.cost <= left.cost)

const refusal = (unit: Refusal["unit"], total: number, spent: number, requested: number): Refusal => ({
  _tag: "Refusal",
  unit,
  total,
  spent,
  requested
})
