import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Budget from "open-agent-workflows/budget/Budget"
import * as Money from "open-agent-workflows/domain/Money"

const amount = (tokens: number, cost = 0): Budget.Amount => ({ tokens, cost: Money.fromNano(cost) })
const exactly = (full: Budget.Amount): Budget.Need => ({ full, least: full })
const limited = (tokens: number | null, cost: number | null = null): Budget.Limits => ({
  tokens,
  cost: cost === null ? null : Money.fromNano(cost)
})
const make = (tokens: number | null, cost: number | null = null) => Budget.make(limited(tokens, cost), Budget.zero)

/** Begins an effect and goes on when it can get no further. */
const begin = <A, E>(effect: Effect.Effect<A, E>) => Effect.tap(Effect.fork(effect), rest)
const rest = () => Effect.repeatN(Effect.yieldNow(), 5)

const isWaiting = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.map(Fiber.poll(fiber), (exit) => exit._tag === "None")
const isAbout = (actual: Budget.Standing, spent: Budget.Amount, reserved: Budget.Amount) =>
  assert.deepStrictEqual({ spent: actual.spent, reserved: actual.reserved }, { spent, reserved })

describe("a reservation", () => {
  it.effect("that fits is granted in full, up to the limit itself", () =>
    Effect.gen(function*() {
      const budget = make(10, 100)
      assert.deepStrictEqual(yield* budget.reserve(exactly(amount(4, 40))), amount(4, 40))
      assert.deepStrictEqual(yield* budget.reserve(exactly(amount(6, 60))), amount(6, 60))
      isAbout(yield* budget.standing, Budget.zero, amount(10, 100))
    }))

  it.effect("that does not fit is refused when nothing is under way, in the unit that is short", () =>
    Effect.gen(function*() {
      const budget = Budget.make(limited(10, 100), amount(4, 40))
      const tokens = yield* Effect.flip(budget.reserve(exactly(amount(7, 1))))
      assert.deepStrictEqual(tokens, { _tag: "Refusal", unit: "tokens", total: 10, spent: 4, requested: 7 })
      const usd = yield* Effect.flip(budget.reserve(exactly(amount(1, 61))))
      assert.deepStrictEqual(usd, { _tag: "Refusal", unit: "usd", total: 100, spent: 40, requested: 61 })
      isAbout(yield* budget.standing, amount(4, 40), Budget.zero)
    }))

  it.effect("that does not fit waits while something is under way, and is granted when that used less", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const first = yield* budget.reserve(exactly(amount(10)))
      const second = yield* begin(budget.reserve(exactly(amount(6))))
      assert.isTrue(yield* isWaiting(second))
      yield* budget.settle(first, amount(4))
      assert.deepStrictEqual(yield* Fiber.join(second), amount(6))
      isAbout(yield* budget.standing, amount(4), amount(6))
    }))

  it.effect("that waited is refused once nothing is under way that could give it room", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const first = yield* budget.reserve(exactly(amount(10)))
      const second = yield* begin(Effect.flip(budget.reserve(exactly(amount(6)))))
      yield* budget.settle(first, amount(5))
      assert.deepStrictEqual(yield* Fiber.join(second), {
        _tag: "Refusal",
        unit: "tokens",
        total: 10,
        spent: 5,
        requested: 6
      })
    }))

  it.effect("is granted what is left, down to the least it can use", () =>
    Effect.gen(function*() {
      const budget = Budget.make(limited(10, 100), amount(4, 70))
      const granted = yield* budget.reserve({ full: amount(20, 50), least: amount(6, 30) })
      assert.deepStrictEqual(granted, amount(6, 30))
      yield* budget.settle(granted, Budget.zero)
      const refusal = yield* Effect.flip(budget.reserve({ full: amount(20, 50), least: amount(6, 31) }))
      assert.deepInclude(refusal, { unit: "usd", requested: 31 })
    }))

  it.effect("waits for its full amount rather than taking what is left while something is under way", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const first = yield* budget.reserve(exactly(amount(5)))
      const second = yield* begin(budget.reserve({ full: amount(10), least: amount(1) }))
      assert.isTrue(yield* isWaiting(second))
      yield* budget.settle(first, Budget.zero)
      assert.deepStrictEqual(yield* Fiber.join(second), amount(10))
    }))

  it.effect("of nothing is granted when all is spent, and keeps others waiting while it is under way", () =>
    Effect.gen(function*() {
      const budget = Budget.make(limited(10), amount(10))
      const nothing = yield* budget.reserve(exactly(Budget.zero))
      const other = yield* begin(Effect.exit(budget.reserve(exactly(amount(1)))))
      assert.isTrue(yield* isWaiting(other))
      yield* budget.settle(nothing, Budget.zero)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(other)))
    }))

  it.effect("never waits where nothing is limited", () =>
    Effect.gen(function*() {
      const budget = make(null, null)
      for (let i = 0; i < 100; i++) yield* budget.reserve(exactly(amount(1e12, 1e12)))
      isAbout(yield* budget.standing, Budget.zero, amount(1e14, 1e14))
    }))

  it.effect("is measured by the one limit there is", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* make(10, null).reserve(exactly(amount(10, 1e12))), amount(10, 1e12))
      assert.deepStrictEqual(yield* make(null, 10).reserve(exactly(amount(1e12, 10))), amount(1e12, 10))
      assert.deepInclude(yield* Effect.flip(make(null, 10).reserve(exactly(amount(0, 11)))), { unit: "usd" })
    }))
})

describe("waiting reservations", () => {
  it.effect("are granted in the order they were asked for: a small one does not pass a large one", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const order: Array<string> = []
      const ask = (name: string, tokens: number) =>
        begin(Effect.tap(budget.reserve(exactly(amount(tokens))), () => Effect.sync(() => order.push(name))))
      const first = yield* budget.reserve(exactly(amount(4)))
      yield* budget.reserve(exactly(amount(2)))
      yield* ask("large", 8)
      yield* ask("small", 1)
      yield* ask("smaller", 1)
      assert.deepStrictEqual(order, [])
      yield* budget.settle(first, Budget.zero)
      yield* rest()
      assert.deepStrictEqual(order, ["large"])
      yield* budget.settle(amount(2), Budget.zero)
      yield* rest()
      assert.deepStrictEqual(order, ["large", "small", "smaller"])
    }))

  it.effect("leave nothing reserved when they are interrupted, and make way for the next", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const first = yield* budget.reserve(exactly(amount(5)))
      const large = yield* begin(budget.reserve(exactly(amount(9))))
      const small = yield* begin(budget.reserve(exactly(amount(5))))
      assert.isTrue(yield* isWaiting(small))
      yield* Fiber.interrupt(large)
      assert.deepStrictEqual(yield* Fiber.join(small), amount(5))
      isAbout(yield* budget.standing, Budget.zero, amount(10))
      yield* budget.settle(first, Budget.zero)
      isAbout(yield* budget.standing, Budget.zero, amount(5))
    }))

  it.effect("leave nothing reserved when they are interrupted as they are granted", () =>
    Effect.gen(function*() {
      const budget = make(10)
      const first = yield* budget.reserve(exactly(amount(10)))
      const second = yield* begin(budget.reserve(exactly(amount(6))))
      const third = yield* begin(budget.reserve(exactly(amount(10))))
      const id = yield* Effect.fiberId
      // in one step: the fiber is told of both before it can take what it was given
      yield* Effect.sync(() => {
        Effect.runSync(budget.settle(first, Budget.zero))
        second.unsafeInterruptAsFork(id)
      })
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(second)))
      assert.deepStrictEqual(yield* Fiber.join(third), amount(10))
      isAbout(yield* budget.standing, Budget.zero, amount(10))
    }))
})

it.effect("whoever reserves in an uninterruptible region has what was granted, wherever it is interrupted", () =>
  Effect.gen(function*() {
    const need = exactly(amount(6))
    // a fiber gives way after 2048 steps: each round puts that, and the interruption, at another step of the reservation
    for (let steps = 1_980; steps < 2_060; steps++) {
      const budget = make(10)
      let step = 0
      const before = Effect.whileLoop({ while: () => step++ < steps, body: () => Effect.void, step: () => {} })
      const use = Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          Effect.map(budget.reserve(need, restore), (granted) => granted),
          (granted) => budget.settle(granted, Budget.zero)
        )
      )
      const fiber = yield* Effect.fork(Effect.zipRight(before, use))
      yield* Effect.yieldNow()
      fiber.unsafeInterruptAsFork(yield* Effect.fiberId)
      yield* Fiber.await(fiber)
      assert.deepStrictEqual((yield* budget.standing).reserved, Budget.zero, `after ${steps} steps`)
    }
  }))

describe("settling", () => {
  it.effect("counts what was used in full, also beyond what was reserved and beyond the limit", () =>
    Effect.gen(function*() {
      const budget = make(10, 100)
      const first = yield* budget.reserve(exactly(amount(5, 50)))
      yield* budget.settle(first, amount(12, 130))
      isAbout(yield* budget.standing, amount(12, 130), Budget.zero)
      assert.deepStrictEqual(Budget.remaining(yield* budget.standing), { tokens: 0, cost: Money.zero })
      assert.deepInclude(yield* Effect.flip(budget.reserve(exactly(amount(1)))), { spent: 12, total: 10 })
    }))

  it.effect("counts what a budget begins with", () =>
    Effect.gen(function*() {
      const budget = Budget.make(limited(10, 100), amount(3, 30))
      assert.deepStrictEqual(Budget.remaining(yield* budget.standing), { tokens: 7, cost: Money.fromNano(70) })
    }))
})

describe("an amount kept back", () => {
  it.effect("is not there for reservations until it is given back", () =>
    Effect.gen(function*() {
      const budget = make(10)
      yield* budget.hold(amount(6))
      assert.deepInclude(yield* Effect.flip(budget.reserve(exactly(amount(5)))), { unit: "tokens", requested: 5 })
      const first = yield* budget.reserve(exactly(amount(4)))
      const second = yield* begin(budget.reserve(exactly(amount(5))))
      assert.isTrue(yield* isWaiting(second))
      yield* budget.release(amount(6))
      assert.deepStrictEqual(yield* Fiber.join(second), amount(5))
      yield* budget.settle(first, amount(4))
      isAbout(yield* budget.standing, amount(4), amount(5))
    }))

  it.effect("is refused rather than waited for", () =>
    Effect.gen(function*() {
      const budget = make(10, 100)
      yield* budget.reserve(exactly(amount(5, 50)))
      assert.deepInclude(yield* Effect.flip(budget.hold(amount(6, 0))), { unit: "tokens", total: 10, requested: 6 })
      assert.deepInclude(yield* Effect.flip(budget.hold(amount(0, 51))), { unit: "usd", total: 100, requested: 51 })
      yield* budget.hold(amount(5, 50))
    }))

  it.effect("keeps nobody waiting: nothing is under way", () =>
    Effect.gen(function*() {
      const budget = make(10)
      yield* budget.hold(amount(10))
      assert.deepInclude(yield* Effect.flip(budget.reserve(exactly(amount(1)))), { _tag: "Refusal" })
    }))
})

describe("a budget within another", () => {
  it.effect("that is granted less there gives its own difference back and keeps its place", () =>
    Effect.gen(function*() {
      const outer = Budget.make(limited(100), amount(50))
      const inner = Budget.within(outer, limited(100), Budget.zero)
      const least = amount(10)
      const busy = yield* outer.reserve(exactly(amount(40)))
      // both fit the inner budget one after the other, and neither fits what is left of the outer one
      const first = yield* begin(inner.reserve({ full: amount(80), least }))
      const second = yield* begin(inner.reserve({ full: amount(80), least }))
      yield* outer.settle(busy, Budget.zero)
      yield* rest()
      assert.deepStrictEqual(Option.getOrUndefined(yield* Fiber.poll(first)), Exit.succeed(amount(50)))
      assert.isTrue(yield* isWaiting(second))
      isAbout(yield* inner.standing, Budget.zero, amount(50))
      isAbout(yield* outer.standing, amount(50), amount(50))
      yield* inner.settle(amount(50), amount(20))
      yield* rest()
      assert.deepStrictEqual(Option.getOrUndefined(yield* Fiber.poll(second)), Exit.succeed(amount(30)))
      yield* inner.settle(amount(30), amount(30))
      isAbout(yield* inner.standing, amount(50), Budget.zero)
      isAbout(yield* outer.standing, amount(100), Budget.zero)
    }))
})

it("what remains is null where there is no limit", () => {
  const standing: Budget.Standing = { limits: limited(null, 5), spent: amount(3, 3), reserved: amount(9, 1) }
  assert.deepStrictEqual(Budget.remaining(standing), { tokens: null, cost: Money.fromNano(1) })
})

it("amounts add up part by part", () => {
  assert.deepStrictEqual(Budget.add(amount(1, 10), amount(2, 20)), amount(3, 30))
  assert.deepStrictEqual(Budget.add(amount(1, 10), Budget.zero), amount(1, 10))
})

type Step =
  | { readonly _tag: "Ask"; readonly full: Budget.Amount; readonly least: Budget.Amount }
  | { readonly _tag: "Settle"; readonly which: number; readonly part: number }
  | { readonly _tag: "Interrupt"; readonly which: number }
  | { readonly _tag: "SettleAndInterrupt"; readonly which: number; readonly other: number }

const steps: FastCheck.Arbitrary<ReadonlyArray<Step>> = FastCheck.array(
  FastCheck.oneof(
    {
      weight: 4,
      arbitrary: FastCheck.tuple(
        FastCheck.nat({ max: 60 }),
        FastCheck.nat({ max: 60 }),
        FastCheck.integer({ min: 0, max: 100 })
      ).map(([tokens, cost, percent]): Step => ({
        _tag: "Ask",
        full: amount(tokens, cost),
        least: amount(Math.floor(tokens * percent / 100), Math.floor(cost * percent / 100))
      }))
    },
    {
      weight: 3,
      arbitrary: FastCheck.tuple(FastCheck.nat({ max: 9 }), FastCheck.integer({ min: 0, max: 100 })).map((
        [which, part]
      ): Step => ({ _tag: "Settle", which, part }))
    },
    { weight: 2, arbitrary: FastCheck.nat({ max: 9 }).map((which): Step => ({ _tag: "Interrupt", which })) },
    {
      weight: 1,
      arbitrary: FastCheck.tuple(FastCheck.nat({ max: 9 }), FastCheck.nat({ max: 9 })).map(([which, other]): Step => ({
        _tag: "SettleAndInterrupt",
        which,
        other
      }))
    }
  ),
  { maxLength: 40 }
)

interface Asked {
  readonly need: Budget.Need
  readonly fiber: Fiber.RuntimeFiber<Budget.Amount, Budget.Refusal>
  readonly number: number
  settled: boolean
}

/** Plays steps against a budget and checks after each what holds at all times. */
const play = (limits: Budget.Limits, steps: ReadonlyArray<Step>) =>
  Effect.gen(function*() {
    const budget = Budget.make(limits, Budget.zero)
    const asked: Array<Asked> = []
    const order: Array<number> = []
    const grantOf = ({ fiber }: Asked) => {
      const exit = Effect.runSync(Fiber.poll(fiber))
      return exit._tag === "Some" && Exit.isSuccess(exit.value) ? exit.value.value : undefined
    }
    const open = () => asked.filter((one) => !one.settled && grantOf(one) !== undefined)
    const waiting = () => asked.filter(({ fiber }) => Effect.runSync(Fiber.poll(fiber))._tag === "None")
    const pick = <A>(list: ReadonlyArray<A>, which: number) => list[which % Math.max(1, list.length)]
    const settle = (one: Asked, part: number) => {
      const grant = grantOf(one) ?? Budget.zero
      one.settled = true
      const used = amount(Math.floor(grant.tokens * part / 100), Math.floor(grant.cost * part / 100))
      return budget.settle(grant, used)
    }
    for (const step of steps) {
      if (step._tag === "Ask") {
        const need = { full: step.full, least: step.least }
        const number = asked.length
        const fiber = yield* Effect.fork(
          Effect.tap(budget.reserve(need), () => Effect.sync(() => order.push(number)))
        )
        asked.push({ need, fiber, number, settled: false })
      } else if (step._tag === "Settle") {
        const one = pick(open(), step.which)
        if (one !== undefined) yield* settle(one, step.part)
      } else if (step._tag === "Interrupt") {
        const one = pick(waiting(), step.which)
        if (one !== undefined) yield* Fiber.interrupt(one.fiber)
      } else {
        const one = pick(open(), step.which)
        const other = pick(waiting(), step.other)
        const id = yield* Effect.fiberId
        if (one !== undefined) Effect.runSync(settle(one, 50))
        other?.fiber.unsafeInterruptAsFork(id)
      }
      yield* rest()
      const { reserved, spent } = yield* budget.standing
      const total = Budget.add(spent, reserved)
      assert.isTrue(limits.tokens === null || total.tokens <= limits.tokens, "tokens beyond the limit")
      assert.isTrue(limits.cost === null || total.cost <= limits.cost, "cost beyond the limit")
      const granted = open().map((one) => grantOf(one) ?? Budget.zero)
      assert.deepStrictEqual(reserved, granted.reduce(Budget.add, Budget.zero), "reserved is what was granted")
      assert.isTrue(waiting().length === 0 || granted.length > 0, "somebody waits for nobody")
      assert.deepStrictEqual(order, order.toSorted((a, b) => a - b), "granted in the order asked for")
      for (const one of open()) {
        const grant = grantOf(one) ?? Budget.zero
        assert.isTrue(grant.tokens <= one.need.full.tokens && grant.cost <= one.need.full.cost, "more than wanted")
        assert.isTrue(grant.tokens >= one.need.least.tokens && grant.cost >= one.need.least.cost, "of no use")
      }
    }
    for (let one = open()[0]; one !== undefined; one = open()[0]) {
      yield* settle(one, 0)
      yield* rest()
    }
    assert.strictEqual(waiting().length, 0, "nobody waits when everything is settled")
    assert.deepStrictEqual((yield* budget.standing).reserved, Budget.zero)
  })

describe("whatever is reserved, settled and interrupted in whatever order", () => {
  const limit = FastCheck.option(FastCheck.nat({ max: 100 }))
  it.effect("the limits hold, requests are served in order, and nothing is lost or left", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(limit, limit, steps, (tokens, cost, steps) =>
          Effect.runPromise(play(limited(tokens, cost), steps))),
        { numRuns: 300 }
      )
    ))

  it.effect("a thousand fibers share a budget without passing it", () =>
    Effect.gen(function*() {
      const budget = make(1_000, 5_000)
      const go = yield* Deferred.make<void>()
      let most = 0
      const use = (index: number) =>
        Effect.gen(function*() {
          yield* Deferred.await(go)
          const full = amount(1 + index % 97, 1 + index % 53)
          const granted = yield* Effect.either(budget.reserve({ full, least: amount(1, 1) }))
          if (granted._tag === "Left") return 0
          yield* Effect.yieldNow()
          const { reserved, spent } = yield* budget.standing
          most = Math.max(most, reserved.tokens + spent.tokens)
          const used = amount(Math.ceil(granted.right.tokens / 2), Math.ceil(granted.right.cost / 2))
          yield* budget.settle(granted.right, used)
          return used.tokens
        })
      const fibers = yield* Effect.forEach(Array.from({ length: 1_000 }, (_, index) => use(index)), (one) =>
        Effect.fork(one))
      yield* Deferred.succeed(go, undefined)
      const used = yield* Fiber.join(Fiber.all(fibers))
      const { reserved, spent } = yield* budget.standing
      assert.deepStrictEqual(reserved, Budget.zero)
      assert.strictEqual(
        spent.tokens,
        used.reduce((a, b) =>
          a + b, 0)
      )
      assert.isAtMost(most, 1_000)
      assert.isAtLeast(spent.tokens, 900)
    }))
})
