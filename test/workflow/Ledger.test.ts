import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Budget from "open-agent-workflows/budget/Budget"
import * as Money from "open-agent-workflows/domain/Money"
import * as Usage from "open-agent-workflows/domain/Usage"
import type { Capabilities, Estimate } from "open-agent-workflows/provider/Provider"
import * as Scripted from "open-agent-workflows/provider/Scripted"
import type { CallEnv, Identified } from "../../src/workflow/CallEnv.ts"
import * as Ledger from "../../src/workflow/Ledger.ts"

const amount = (tokens: number, cost = 0): Budget.Amount => ({ tokens, cost: Money.fromNano(cost) })

interface Given {
  readonly tokens?: number
  readonly cost?: number
  readonly estimate?: Partial<Estimate>
  readonly maxOutputTokens?: number
  readonly capabilities?: Partial<Capabilities>
  readonly correction?: { readonly answer: string; readonly problem: string }
}

/** Billionths of a dollar for each token of input and output, rounded up as prices are. */
const priced = (input: number, output: number): Estimate["cost"] => (inputTokens, outputTokens) =>
  Money.fromNano(Math.ceil(inputTokens * input + outputTokens * output))

const reserve = ({ capabilities, correction, cost, estimate, maxOutputTokens, tokens }: Given) => {
  const limits: Budget.Limits = { tokens: tokens ?? null, cost: cost === undefined ? null : Money.fromNano(cost) }
  const budget = Budget.make(limits, Budget.zero)
  const provider = Scripted.make(() => Scripted.answer(""), {
    name: "priced",
    capabilities: { boundsOutput: true, ...capabilities },
    estimate: { inputTokens: 100, outputTokens: 1_000, cost: priced(3, 15), ...estimate }
  })
  // only these parts of a run and a call are read
  const env = { budget } as CallEnv
  const call = {
    described: { provider, model: "large", prompt: "Hello", options: { maxOutputTokens }, answer: undefined },
    identity: { callId: "x" }
  } as unknown as Identified<unknown>
  return Effect.map(
    Ledger.reserve(env, call, { correction, session: undefined }),
    (reserved) => ({ ...reserved, budget })
  )
}

describe("without a budget", () => {
  it.effect("nothing is set aside and nothing is bounded", () =>
    Effect.gen(function*() {
      const { budget, ...reserved } = yield* reserve({})
      assert.deepStrictEqual(reserved, { amount: Budget.zero, maxOutputTokens: undefined })
      assert.deepStrictEqual((yield* budget.standing).reserved, Budget.zero)
      assert.strictEqual((yield* reserve({ maxOutputTokens: 7 })).maxOutputTokens, 7)
    }))
})

describe("a budget of tokens", () => {
  it.effect("sets the input and the whole output aside where there is room", () =>
    Effect.gen(function*() {
      const { budget, ...reserved } = yield* reserve({ tokens: 1_100 })
      assert.deepStrictEqual(reserved, { amount: amount(1_100, 15_300), maxOutputTokens: 1_000 })
      assert.deepStrictEqual((yield* budget.standing).reserved, reserved.amount)
    }))

  it.effect("bounds the output by what is left", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reserve({ tokens: 400 }), { maxOutputTokens: 300 })
      assert.deepInclude(yield* reserve({ tokens: 101 }), { maxOutputTokens: 1 })
      assert.deepInclude(yield* reserve({ tokens: 400, maxOutputTokens: 50 }), { maxOutputTokens: 50 })
    }))

  it.effect("refuses a call whose input alone fills it", () =>
    Effect.gen(function*() {
      const refusal = yield* Effect.flip(reserve({ tokens: 100 }))
      assert.deepStrictEqual(refusal, { _tag: "Refusal", unit: "tokens", total: 100, spent: 0, requested: 101 })
    }))

  it.effect("does not mind an unknown price", () =>
    Effect.gen(function*() {
      const { amount: set } = yield* reserve({ tokens: 5_000, estimate: { cost: () => undefined } })
      assert.deepStrictEqual(set, amount(1_100))
    }))

  it.effect("is not shared out where the provider does not bound its output", () =>
    Effect.gen(function*() {
      const capabilities = { boundsOutput: false }
      assert.deepInclude(yield* reserve({ tokens: 2_000, capabilities }), { maxOutputTokens: undefined })
      assert.deepInclude(yield* Effect.flip(reserve({ tokens: 1_099, capabilities })), { requested: 1_100 })
    }))
})

describe("a budget of dollars", () => {
  it.effect("bounds the output by what is left", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reserve({ cost: 300 + 15 * 400 }), { maxOutputTokens: 400 })
      assert.deepInclude(yield* reserve({ cost: 300 + 15 * 400 + 14 }), { maxOutputTokens: 400 })
      assert.deepInclude(yield* reserve({ cost: 1_000_000 }), { maxOutputTokens: 1_000 })
      assert.deepInclude(yield* reserve({ cost: 315 }), { maxOutputTokens: 1 })
    }))

  it.effect("holds together with one of tokens, whichever is less", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reserve({ tokens: 500, cost: 300 + 15 * 200 }), { maxOutputTokens: 200 })
      assert.deepInclude(yield* reserve({ tokens: 200, cost: 300 + 15 * 200 }), { maxOutputTokens: 100 })
    }))

  it.effect("cannot be held when the price is not known", () =>
    Effect.gen(function*() {
      const unpriced = yield* Effect.flip(reserve({ cost: 1e9, estimate: { cost: () => undefined } }))
      assert.strictEqual(unpriced._tag, "Unpriced")
      const detail = unpriced._tag === "Unpriced" ? unpriced.detail : ""
      assert.include(detail, "the price of model large at priced is not known")
      assert.include(detail, "OWF_PRICES_FILE")
    }))

  it.effect("lets what is free go on", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reserve({ cost: 0, estimate: { cost: () => Money.zero } }), { maxOutputTokens: 1_000 })
    }))
})

it("what a bounded request may use is never more than what was set aside, nor that than the budget", () => {
  const price = FastCheck.integer({ min: 0, max: 4_000 }).map((halves) => halves / 8)
  // a price that rises with the length of the answer, as some do
  const tier = FastCheck.integer({ min: 1, max: 4 })
  FastCheck.assert(
    FastCheck.property(
      FastCheck.nat({ max: 2_000 }),
      FastCheck.integer({ min: 1, max: 5_000 }),
      price,
      price,
      tier,
      FastCheck.option(FastCheck.nat({ max: 8_000 }), { nil: undefined }),
      FastCheck.option(FastCheck.nat({ max: 4_000_000 }), { nil: undefined }),
      (inputTokens, outputTokens, input, output, factor, tokens, cost) => {
        FastCheck.pre(tokens !== undefined || cost !== undefined)
        const plain = priced(input, output)
        const priceOf: Estimate["cost"] = (given, made) =>
          Money.fromNano((plain(given, made) ?? 0) * (made > 1_000 ? factor : 1))
        const result = Effect.runSync(Effect.either(reserve({
          ...(tokens === undefined ? {} : { tokens }),
          ...(cost === undefined ? {} : { cost }),
          estimate: { inputTokens, outputTokens, cost: priceOf }
        })))
        if (result._tag === "Left") return
        const { amount, maxOutputTokens = 0 } = result.right
        assert.isAtLeast(maxOutputTokens, 1)
        assert.isAtMost(maxOutputTokens, outputTokens)
        assert.isAtMost(inputTokens + maxOutputTokens, amount.tokens)
        assert.isAtMost(priceOf(inputTokens, maxOutputTokens) ?? 0, amount.cost)
        assert.isTrue(tokens === undefined || amount.tokens <= tokens)
        assert.isTrue(cost === undefined || amount.cost <= cost)
      }
    ),
    { numRuns: 2_000 }
  )
})

describe("what a request used", () => {
  const usage = Usage.make({ inputTokens: 3, outputTokens: 4 })
  const cost = { amount: Money.fromNano(5), source: "table" }

  it("is counted, and is nothing when nothing is said of it", () => {
    assert.deepStrictEqual(Ledger.used({ usage, cost }), { usage, cost: cost.amount })
    assert.deepStrictEqual(Ledger.used({}), Ledger.nothing)
    assert.deepStrictEqual(Ledger.used({ usage: Usage.zero }), Ledger.nothing)
  })

  it("has an unknown cost when it used something and nobody says what that costs", () => {
    assert.deepStrictEqual(Ledger.used({ usage }), { usage, cost: null })
  })

  it("counts in the budget as what was set aside when its cost is not known", () => {
    assert.deepStrictEqual(Ledger.amountOf(Ledger.used({ usage }), amount(100, 50)), amount(7, 50))
    assert.deepStrictEqual(Ledger.amountOf(Ledger.used({ usage, cost }), amount(100, 50)), amount(7, 5))
  })

  it("adds up; one unknown cost makes the sum unknown", () => {
    const spent = FastCheck.record({
      usage: FastCheck.nat().map((inputTokens) => Usage.make({ inputTokens })),
      cost: FastCheck.option(FastCheck.nat().map(Money.fromNano))
    })
    FastCheck.assert(FastCheck.property(spent, spent, spent, (a, b, c) => {
      const { add } = Ledger
      assert.deepStrictEqual(add(add(a, b), c), add(a, add(b, c)))
      assert.deepStrictEqual(add(a, Ledger.nothing), a)
      assert.strictEqual(add(a, b).cost === null, a.cost === null || b.cost === null)
    }))
  })
})

describe("a refusal", () => {
  it("says what is short, in its own unit, and what to do", () => {
    assert.strictEqual(
      Ledger.explain({ _tag: "Refusal", unit: "tokens", total: 1_000, spent: 900, requested: 101 }),
      "the token budget of 1000 has 900 spent and the call needs at least 101; " +
        "raise it with --budget-tokens (or `budget.tokens`) and resume the run"
    )
    assert.strictEqual(
      Ledger.explain({ _tag: "Refusal", unit: "usd", total: 5e8, spent: 4e8, requested: 2e8 }),
      "the cost budget of $0.5 has $0.4 spent and the call needs at least $0.2; " +
        "raise it with --budget-cost-usd (or `budget.costUsd`) and resume the run"
    )
  })
})
