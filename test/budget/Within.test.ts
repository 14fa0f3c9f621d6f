import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Budget from "open-agent-workflows/budget/Budget"
import * as Money from "open-agent-workflows/domain/Money"

const amount = (tokens: number): Budget.Amount => ({ tokens, cost: Money.zero })

interface Ask {
  readonly inner: number
  readonly full: number
  readonly least: number
  readonly used: number
  readonly turns: number
  /** Turns after which it is interrupted; none where it is left alone. */
  readonly interruptedAfter: number | null
}

const tokens = FastCheck.integer({ min: 0, max: 60 })
const ask: FastCheck.Arbitrary<Ask> = FastCheck.record({
  inner: FastCheck.integer({ min: 0, max: 2 }),
  full: tokens,
  least: tokens,
  used: tokens,
  turns: FastCheck.integer({ min: 0, max: 6 }),
  interruptedAfter: FastCheck.option(FastCheck.integer({ min: 0, max: 12 }))
})

it.effect(
  "budgets within another end every request and keep nothing, whoever is interrupted when",
  () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(ask, { minLength: 2, maxLength: 30 }),
          FastCheck.array(FastCheck.option(FastCheck.integer({ min: 20, max: 150 })), { minLength: 3, maxLength: 3 }),
          (asks, limits) =>
            Effect.runPromise(Effect.gen(function*() {
              const outer = Budget.make({ tokens: 100, cost: null }, Budget.zero)
              const middle = Budget.within(outer, { tokens: limits[1] ?? null, cost: null }, Budget.zero)
              const budgets = [
                outer,
                Budget.within(outer, { tokens: limits[0] ?? null, cost: null }, Budget.zero),
                Budget.within(middle, { tokens: limits[2] ?? null, cost: null }, Budget.zero)
              ]
              const work = ({ full, inner, least, turns, used }: Ask) => {
                const budget = budgets[inner] ?? outer
                const need = { full: amount(Math.max(full, least)), least: amount(Math.min(full, least)) }
                return Effect.uninterruptibleMask((restore) =>
                  Effect.flatMap(budget.reserve(need, restore), (granted) =>
                    Effect.zipRight(
                      Effect.exit(restore(Effect.repeatN(Effect.yieldNow(), turns))),
                      budget.settle(granted, amount(Math.min(used, granted.tokens)))
                    ))
                )
              }
              const fibers = yield* Effect.forEach(asks, (one) => Effect.fork(Effect.exit(work(one))))
              const stops = fibers.map((fiber, index) => {
                const after = asks[index]?.interruptedAfter ?? null
                return after === null
                  ? Effect.void
                  : Effect.zipRight(Effect.repeatN(Effect.yieldNow(), after), Fiber.interruptFork(fiber))
              })
              yield* Effect.all(stops, { concurrency: "unbounded" })
              yield* Effect.forEach(fibers, Fiber.await)
              for (const budget of [...budgets, middle]) {
                const { reserved, spent } = yield* budget.standing
                assert.strictEqual(reserved.tokens, 0)
                assert.isAtMost(spent.tokens, budget.limits.tokens ?? 100)
              }
            }))
        ),
        { numRuns: 300 }
      )
    ),
  20_000
)
