import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Random from "effect/Random"
import { ProviderReason } from "open-agent-workflows/domain/AgentError"
import { ProviderError } from "open-agent-workflows/provider/Provider"
import type { Retry } from "open-agent-workflows/workflow/EngineConfig"
import * as RetryPolicy from "open-agent-workflows/workflow/RetryPolicy"

const policy: Retry = { attempts: 5, base: Duration.millis(500), cap: Duration.seconds(30) }
const long = Duration.hours(1)

const failure = (fields: Partial<Pick<ProviderError, "reason" | "retryAfterMs" | "isAdapted">> = {}) =>
  new ProviderError({ provider: "fake", reason: "Overloaded", detail: "busy", ...fields })

const next = (
  tries: number,
  options: { readonly left?: Duration.Duration; readonly policy?: Partial<Retry> } & Parameters<typeof failure>[0] = {}
) => {
  const { left = long, policy: changes, ...fields } = options
  return RetryPolicy.next({ ...policy, ...changes }, failure(fields), tries, left)
}

describe("the wait", () => {
  it.effect("doubles from the base up to the cap, and is never less than half of that", () =>
    Effect.gen(function*() {
      for (const [tries, full] of [[1, 500], [2, 1_000], [3, 2_000], [4, 4_000], [7, 30_000], [60, 30_000]] as const) {
        for (let i = 0; i < 200; i++) {
          const wait = yield* next(tries, { policy: { attempts: 1_000 } })
          assert.isDefined(wait)
          assert.isAtLeast(wait, full / 2)
          assert.isAtMost(wait, full)
        }
      }
    }))

  it.effect("differs from call to call, over the whole half", () =>
    Effect.gen(function*() {
      const waits = yield* Effect.replicateEffect(next(1), 500)
      const known = waits.filter((wait) => wait !== undefined)
      assert.isAbove(new Set(known).size, 400)
      assert.isBelow(Math.min(...known), 300)
      assert.isAbove(Math.max(...known), 450)
    }))

  it.effect("comes from the Random service", () =>
    Effect.gen(function*() {
      const seeded = () => Effect.withRandom(next(1), Random.make("seed"))
      assert.strictEqual(yield* seeded(), yield* seeded())
    }))

  it.effect("is at least what the provider asks for, also beyond the cap, and differs from call to call", () =>
    Effect.gen(function*() {
      const waits = yield* Effect.replicateEffect(next(1, { retryAfterMs: 60_000 }), 100)
      for (const wait of waits) {
        assert.isAtLeast(wait ?? 0, 60_000)
        assert.isAtMost(wait ?? 0, 60_250)
      }
      assert.isAbove(new Set(waits).size, 50)
      const wait = yield* next(1, { retryAfterMs: 1 })
      assert.isAtLeast(wait ?? 0, 250)
    }))
})

describe("there is no next request", () => {
  it.effect("when all of them are used", () =>
    Effect.gen(function*() {
      assert.isDefined(yield* next(4))
      assert.isUndefined(yield* next(5))
      assert.isUndefined(yield* next(1, { policy: { attempts: 1 } }))
    }))

  it.effect("when the wait would outlast the deadline", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* next(1, { left: Duration.millis(250) }))
      assert.isUndefined(yield* next(1, { left: Duration.zero }))
      assert.isUndefined(yield* next(1, { retryAfterMs: 60_000, left: Duration.seconds(60) }))
      assert.strictEqual(yield* next(1, { retryAfterMs: 60_000, left: Duration.millis(60_001) }), 60_000)
      assert.isDefined(yield* next(1, { left: Duration.infinity }))
    }))

  it.effect("when the reason will not pass", () =>
    Effect.gen(function*() {
      const passing = new Set(["Silent", "RateLimited", "Overloaded", "Unavailable", "Transport"])
      for (const reason of ProviderReason.literals) {
        assert.strictEqual((yield* next(1, { reason })) !== undefined, passing.has(reason), reason)
      }
    }))
})

describe("a provider that learned how to ask", () => {
  it("is asked again at once, a few times", () => {
    const adapted = failure({ isAdapted: true })
    assert.isTrue(RetryPolicy.isAtOnce(adapted, 0))
    assert.isTrue(RetryPolicy.isAtOnce(adapted, 7))
    assert.isFalse(RetryPolicy.isAtOnce(adapted, 8))
    assert.isFalse(RetryPolicy.isAtOnce(failure(), 0))
  })
})

describe("what a call is given up with", () => {
  const at = Date.UTC(2026, 10, 20)

  it("names the instant a provider asks to wait for when that is beyond the deadline", () => {
    const error = failure({ reason: "RateLimited", retryAfterMs: 99_999_999_000 })
    const text = RetryPolicy.explain(error, at, Duration.seconds(90))
    assert.include(text, "fake: busy; waiting until 2030-01-20T09:46:39.000Z is asked for, and 1m 30s is left")
    const never = RetryPolicy.explain(failure({ retryAfterMs: Number.MAX_SAFE_INTEGER }), at, Duration.seconds(90))
    assert.include(never, "waiting for longer than dates go")
  })

  it("is the error alone when waiting is not what is in the way", () => {
    for (const error of [failure(), failure({ retryAfterMs: 10 }), failure({ reason: "Billing", retryAfterMs: 1e9 })]) {
      assert.strictEqual(RetryPolicy.explain(error, at, Duration.seconds(90)), "fake: busy")
    }
  })
})

it("whatever the policy, a wait is between the half and the whole, and within the deadline", () => {
  const millis = FastCheck.integer({ min: 0, max: 100_000 })
  FastCheck.assert(FastCheck.property(
    FastCheck.integer({ min: 1, max: 100 }),
    millis,
    millis,
    millis,
    FastCheck.option(millis, { nil: undefined }),
    (tries, base, cap, left, retryAfterMs) => {
      const wait = Effect.runSync(RetryPolicy.next(
        { attempts: 1_000, base: Duration.millis(base), cap: Duration.millis(cap) },
        failure({ retryAfterMs }),
        tries,
        Duration.millis(left)
      ))
      if (wait === undefined) return
      const full = Math.min(base * 2 ** (tries - 1), cap)
      assert.isAtLeast(wait, Math.max(full / 2, retryAfterMs ?? 0))
      assert.isAtMost(wait, Math.max(full, (retryAfterMs ?? 0) + full / 2))
      assert.isBelow(wait, left)
    }
  ))
})
