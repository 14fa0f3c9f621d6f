import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { Provider, Recovery } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows"
import { ProviderReason } from "open-agent-workflows/domain/AgentError"
import * as RecoveryPolicy from "open-agent-workflows/workflow/RecoveryPolicy"

const now = Date.parse("2026-11-20T22:08:12Z")
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const failing = (
  reason: AgentError.ProviderReason,
  facts: { readonly retryAfterMs?: number; readonly detail?: string; readonly isCompaction?: boolean } = {}
): RecoveryPolicy.Failure => ({
  _tag: "Provider",
  isCompaction: facts.isCompaction ?? false,
  error: new Provider.ProviderError({
    provider: "p",
    reason,
    detail: facts.detail ?? "it failed",
    ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs })
  })
})

const unfit: RecoveryPolicy.Failure = { _tag: "Schema", problem: "$.label: is missing" }

const situation = (
  failure: RecoveryPolicy.Failure,
  given: Partial<RecoveryPolicy.Situation> = {}
): RecoveryPolicy.Situation => ({
  failure,
  history: RecoveryPolicy.noHistory,
  now,
  leftMs: hour,
  hasSession: true,
  canCompact: true,
  ...given
})

const decide = (
  policy: RecoveryPolicy.Policy<unknown>,
  failure: RecoveryPolicy.Failure,
  given: Partial<RecoveryPolicy.Situation> = {}
): RecoveryPolicy.Decision => Effect.runSync(policy.decide(situation(failure, given)))

const history = (rung: RecoveryPolicy.Rung, times: number, waitedMs = 0): RecoveryPolicy.History => ({
  ...RecoveryPolicy.noHistory,
  [rung]: { times, waitedMs }
})

const untilOf = (decision: RecoveryPolicy.Decision): string | undefined =>
  decision._tag === "Wait" ? new Date(decision.until).toISOString() : undefined

const permanent = [
  "Authentication",
  "Permission",
  "Billing",
  "UnknownModel",
  "InvalidRequest",
  "Misconfigured"
] as const
const transient = ["RateLimited", "Overloaded", "Unavailable", "Transport", "Silent"] as const

describe("the standard ladder", () => {
  it.each(permanent)("gives up at once at %s, whatever the text says", (reason) => {
    const detail = "rate limit, usage limit, network timeout 429, resets in 3 hours, context window"
    assert.deepStrictEqual(decide(Recovery.standard, failing(reason, { detail })), RecoveryPolicy.giveUp())
    const shortening = failing(reason, { detail, isCompaction: true })
    assert.deepStrictEqual(decide(Recovery.standard, shortening), RecoveryPolicy.giveUp())
  })

  it.each(["Refused", "Unknown"] as const)("gives up at %s, which is nobody's to repair", (reason) => {
    assert.deepStrictEqual(decide(Recovery.standard, failing(reason)), RecoveryPolicy.giveUp())
  })

  it.each(transient)("asks again after %s", (reason) => {
    assert.strictEqual(decide(Recovery.standard, failing(reason))._tag, "Again")
  })

  it("waits for a limit, corrects an answer, shortens a session, and puts the task anew", () => {
    assert.strictEqual(decide(Recovery.standard, failing("UsageLimit"))._tag, "Wait")
    assert.strictEqual(decide(Recovery.standard, unfit)._tag, "Correct")
    assert.strictEqual(decide(Recovery.standard, failing("ContextOverflow"))._tag, "Compact")
    for (const given of [{ hasSession: false }, { canCompact: false }, { history: history("compact", 2) }]) {
      assert.strictEqual(decide(Recovery.standard, failing("ContextOverflow"), given)._tag, "Reframe")
    }
    assert.strictEqual(decide(Recovery.standard, unfit, { history: history("correct", 2) })._tag, "Reframe")
    for (const reason of ["EmptyAnswer", "Malformed", "Truncated"] as const) {
      assert.strictEqual(decide(Recovery.standard, failing(reason))._tag, "Reframe")
    }
    assert.strictEqual(
      decide(Recovery.standard, unfit, {
        history: { ...history("correct", 2), reframe: { times: 3, waitedMs: 0 } }
      })._tag,
      "GiveUp"
    )
  })

  it("does not shorten a session again when that is what failed, but retries it when the reason may pass", () => {
    const overflow = failing("ContextOverflow", { isCompaction: true })
    assert.strictEqual(decide(Recovery.standard, overflow)._tag, "Reframe")
    assert.strictEqual(decide(Recovery.standard, failing("Unknown", { isCompaction: true }))._tag, "Reframe")
    assert.strictEqual(decide(Recovery.standard, failing("Overloaded", { isCompaction: true }))._tag, "Again")
  })
})

describe("a retry", () => {
  it("doubles its wait from the base to the cap, with jitter above half of it", () => {
    for (let times = 0; times < 59; times++) {
      const decision = decide(Recovery.retry(), failing("Transport"), { history: history("retry", times) })
      assert(decision._tag === "Again")
      const full = Math.min(15_000 * 2 ** times, 30 * minute)
      assert.isTrue(decision.afterMs >= full / 2 && decision.afterMs <= full)
    }
  })

  it("never waits less than the provider asks for", () => {
    const decision = decide(Recovery.retry(), failing("RateLimited", { retryAfterMs: 9 * minute }))
    assert(decision._tag === "Again")
    assert.strictEqual(decision.afterMs, 9 * minute)
  })

  it("is not begun when it would pass the bound, and says so", () => {
    const decision = decide(Recovery.retry({ maxWait: "1 hour" }), failing("Transport"), {
      history: history("retry", 20, 50 * minute)
    })
    assert(decision._tag === "GiveUp")
    assert.include(decision.why ?? "", "over the bound of 1h for retries")
  })
})

describe("a wait for a limit", () => {
  const wait = Recovery.waitForReset({ margin: 0 })
  it.each(
    [
      ["a field before the text", { retryAfterMs: 2 * hour, detail: "resets in 5 hours" }, "2026-11-21T00:08:12.000Z"],
      ["a field that has passed", { retryAfterMs: 0, detail: "resets in 5 hours" }, "2026-11-20T22:08:12.000Z"],
      ["a zone", { detail: "resets 8pm (Asia/Tokyo)" }, "2026-11-21T11:00:00.000Z"],
      ["a date", { detail: "resets Nov 24, 8:30am (UTC)" }, "2026-11-24T08:30:00.000Z"],
      ["an epoch", { detail: "limit reached|1795216092" }, "2026-11-20T23:08:12.000Z"],
      ["a length", { detail: "try again in 3 hours" }, "2026-11-21T01:08:12.000Z"],
      ["nothing, and so an hour", { detail: "usage limit reached" }, "2026-11-20T23:08:12.000Z"]
    ] as const
  )("ends by %s", (_, facts, expected) => {
    assert.strictEqual(untilOf(decide(wait, failing("UsageLimit", facts))), expected)
  })

  it("adds a margin and reads times without a zone in the zone it is given", () => {
    const zone = DateTime.zoneUnsafeMakeNamed("America/New_York")
    const failure = failing("UsageLimit", { detail: "resets 8pm" })
    assert.strictEqual(untilOf(decide(Recovery.waitForReset({ zone }), failure)), "2026-11-21T01:02:00.000Z")
  })

  it("takes a rate limit of ten minutes and more for one, but no text", () => {
    assert.strictEqual(decide(wait, failing("RateLimited", { retryAfterMs: 10 * minute }))._tag, "Wait")
    assert.strictEqual(decide(wait, failing("RateLimited", { retryAfterMs: 9 * minute }))._tag, "GiveUp")
    assert.strictEqual(decide(wait, failing("Overloaded", { detail: "usage limit, resets in 3 hours" }))._tag, "GiveUp")
  })

  it("is not begun when it would pass eight days in all", () => {
    assert.strictEqual(decide(wait, failing("UsageLimit", { retryAfterMs: 8 * day }))._tag, "Wait")
    const longer = decide(wait, failing("UsageLimit", { retryAfterMs: 8 * day + 1 }))
    assert(longer._tag === "GiveUp")
    assert.include(longer.why ?? "", "over the bound of 8d for limits")
    const second = { history: history("reset", 1, 7 * day) }
    assert.strictEqual(decide(wait, failing("UsageLimit", { retryAfterMs: 2 * day }), second)._tag, "GiveUp")
  })
})

describe("a task put to a fresh session", () => {
  it("is whole, however long it is, each time with other advice", () => {
    const task = `Begin ${"x".repeat(200_000)} end`
    const texts = [1, 2, 3].map((number) => Recovery.standard.reframed?.(task, number) ?? "")
    for (const text of texts) assert.isTrue(text.includes(task))
    assert.strictEqual(new Set(texts).size, 3)
  })
})

// -----------------------------------------------------------------------------
// properties
// -----------------------------------------------------------------------------

const rungs = FastCheck.constantFrom(
  Recovery.none,
  Recovery.retry({ times: 3, maxWait: "1 minute" }),
  Recovery.retry(),
  Recovery.waitForReset(),
  Recovery.waitForReset({ times: 1, maxWait: "2 hours" }),
  Recovery.correct(),
  Recovery.correct({ times: 1 }),
  Recovery.compact(),
  Recovery.reframe({ times: 1 }),
  Recovery.reframe(),
  Recovery.continueSession,
  Recovery.standard
)
const ladders = FastCheck.array(rungs, { maxLength: 5 }).map((parts) => Recovery.all(...parts))
const failures: FastCheck.Arbitrary<RecoveryPolicy.Failure> = FastCheck.oneof(
  FastCheck.constant(unfit),
  FastCheck.record({
    reason: FastCheck.constantFrom(...ProviderReason.literals),
    after: FastCheck.option(FastCheck.integer({ min: 0, max: 3 * day }), { nil: undefined }),
    isCompaction: FastCheck.boolean()
  }).map(({ after, isCompaction, reason }) =>
    failing(reason, { isCompaction, ...(after === undefined ? {} : { retryAfterMs: after }) })
  )
)
const situations = FastCheck.record({
  failure: failures,
  hasSession: FastCheck.boolean(),
  canCompact: FastCheck.boolean(),
  times: FastCheck.integer({ min: 0, max: 5 }),
  rung: FastCheck.constantFrom(...RecoveryPolicy.Rung.literals)
}).map(({ failure, rung, times, ...given }) =>
  situation(failure, { ...given, history: history(rung, times, times * hour) })
)

/** What is decided, without the jitter. */
const kind = (policy: RecoveryPolicy.Policy<unknown>, given: RecoveryPolicy.Situation) => {
  const decision = Effect.runSync(policy.decide(given))
  if (decision._tag === "GiveUp") {
    return { _tag: "GiveUp", says: decision.why?.replaceAll(/\d.*? more/g, "more") } as const
  }
  return decision._tag === "Again" ? "Again" : decision
}

describe("ladders", () => {
  it("have none as their identity, and it does not matter how they are grouped", () => {
    FastCheck.assert(FastCheck.property(ladders, ladders, ladders, situations, (a, b, c, given) => {
      assert.deepStrictEqual(kind(Recovery.orElse(a, Recovery.none), given), kind(a, given))
      assert.deepStrictEqual(kind(Recovery.orElse(Recovery.none, a), given), kind(a, given))
      const left = Recovery.orElse(Recovery.orElse(a, b), c)
      const right = a.pipe(Recovery.orElse(b.pipe(Recovery.orElse(c))))
      assert.deepStrictEqual(kind(left, given), kind(right, given))
      assert.deepStrictEqual(left.names, right.names)
      assert.strictEqual(left.continuesSession, right.continuesSession)
    }))
  })

  it("take the first rung that answers", () => {
    FastCheck.assert(FastCheck.property(ladders, ladders, situations, (a, b, given) => {
      const first = kind(a, given)
      const expected = first !== "Again" && first._tag === "GiveUp" ? kind(b, given) : first
      const found = kind(Recovery.orElse(a, b), given)
      assert.strictEqual(found === "Again" ? found : found._tag, expected === "Again" ? expected : expected._tag)
    }))
  })

  it("YG-8: are climbed in bounded steps and bounded time, whatever fails, and stop at what is permanent", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(failures, { minLength: 1, maxLength: 20 }), (script) => {
        let seen = RecoveryPolicy.noHistory
        let at = now
        for (let step = 0;; step++) {
          assert.isBelow(step, 60 + 48 + 2 + 2 + 3 + 1)
          const failure = script[step % script.length] ?? unfit
          const decision = decide(Recovery.standard, failure, { history: seen, now: at })
          const isPermanent = failure._tag === "Provider" && permanent.some((reason) => reason === failure.error.reason)
          if (isPermanent) assert.strictEqual(decision._tag, "GiveUp")
          if (decision._tag === "GiveUp") break
          const waited = decision._tag === "Wait" ? decision.until - at : "afterMs" in decision ? decision.afterMs : 0
          assert.isAtLeast(waited, 0)
          at += waited
          const rung = {
            Again: "retry",
            Wait: "reset",
            Correct: "correct",
            Compact: "compact",
            Reframe: "reframe"
          } as const
          seen = RecoveryPolicy.counted(seen, rung[decision._tag], waited)
          assert.isAtMost(seen.reset.waitedMs, 8 * day)
          assert.isAtMost(seen.retry.waitedMs, 28 * hour)
        }
      }),
      { numRuns: 300 }
    )
  })

  it("are had by name", () => {
    for (const name of Recovery.names) {
      if (name !== "standard" && name !== "none") assert.deepStrictEqual(Recovery.named(name).names, [name])
    }
    assert.strictEqual(Recovery.named("standard"), Recovery.standard)
    assert.strictEqual(Recovery.named("none"), Recovery.none)
  })
})
