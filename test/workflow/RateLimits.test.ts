import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { agent, AgentResult, OwfTest, parallel, RunStore, Scripted, Workflow } from "open-agent-workflows"
import type { RateLimits } from "open-agent-workflows/provider/Provider"

const limits = (own: Partial<RateLimits>): { readonly limits: RateLimits } => ({
  limits: { requestsPerMinute: undefined, tokensPerMinute: undefined, ...own }
})

/** A provider that notes the second each request comes in, and what it answers. */
const noting = (own: Partial<RateLimits>, script: Scripted.Script, more: Scripted.Options = {}) =>
  Effect.map(Ref.make<ReadonlyArray<number>>([]), (seconds) => ({
    seconds: Ref.get(seconds),
    provider: Scripted.make(
      () =>
        Effect.flatMap(
          Clock.currentTimeMillis,
          (now) => Effect.as(Ref.update(seconds, (all) => [...all, Math.round(now / 1000)]), script)
        ),
      { ...more, capabilities: { ...more.capabilities, ...limits(own) } }
    )
  }))

const fan = (size: number) =>
  Workflow.make({ name: "fan" }, () =>
    Effect.map(
      parallel(Array.from({ length: size }, (_, index) => agent(`call ${index}`, { timeout: "20 seconds" }))),
      (results) => results.map(({ status }) => status)
    ))

/** Lets a run go on for some seconds of the test's clock. */
const pass = (seconds: number) => Effect.repeatN(OwfTest.adjust("1 seconds"), seconds - 1)

describe("a provider's limit of requests per minute", () => {
  it.effect("is kept by a fan-out: some go at once and the others as room comes, in their order", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting({ requestsPerMinute: 20 }, Scripted.answer("ok"))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(fan(6)())
        yield* pass(13)
        assert.deepStrictEqual(yield* Fiber.join(fiber), Array(6).fill("done"))
        assert.deepStrictEqual(yield* seconds, [0, 0, 3, 6, 9, 12])
        assert.deepStrictEqual(
          (yield* provider.requests).map(({ prompt }) => prompt),
          Array.from({ length: 6 }, (_, index) => `call ${index}`)
        )
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("tells in the run until when it waits, once, with the call that waits first", () =>
    Effect.gen(function*() {
      const { provider } = yield* noting({ requestsPerMinute: 20 }, Scripted.answer("ok"))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(fan(5)())
        yield* OwfTest.adjust("1 seconds")
        const store = yield* RunStore.RunStore
        const run = yield* store.run("latest")
        const waiting = (yield* store.events(run.id)).filter(({ type }) => type === "rate_limit_waiting")
        assert.lengthOf(waiting, 1)
        assert.strictEqual(waiting[0]?.callId, `${run.id}_call_0003`)
        assert.strictEqual(
          waiting[0]?.message,
          "waiting until 1970-01-01T00:00:03.000Z for room under the rate limit of scripted"
        )
        assert.deepStrictEqual(
          JSON.parse(waiting[0]?.dataJson ?? ""),
          { provider: "scripted", until: "1970-01-01T00:00:03.000Z" }
        )
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("is not part of a call's deadline before its first request, and is before a further one", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting(
        { requestsPerMinute: 2 },
        Scripted.fail("Overloaded")
      )
      const one = Workflow.make({ name: "one" }, () => AgentResult.settle(agent("a", { timeout: "20 seconds" })))
      yield* Effect.gen(function*() {
        const first = yield* Effect.fork(one())
        yield* pass(2)
        // the second request of the call would have room after its deadline: it is given up at once
        const result = yield* Fiber.join(first)
        assert.strictEqual(result.status, "timeout")
        assert.match(result.error ?? "", /^the rate limit of scripted has no room for 2\ds.*, .* deadline of 20s$/)
        const second = yield* Effect.fork(one())
        yield* pass(32)
        assert.strictEqual((yield* Fiber.join(second)).status, "timeout")
        assert.deepStrictEqual(yield* seconds, [0, 30])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("holds over retries", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting(
        { requestsPerMinute: 6 },
        Scripted.sequence([Scripted.fail("Overloaded"), Scripted.fail("Overloaded"), Scripted.answer("ok")])
      )
      const one = Workflow.make({ name: "one" }, () => AgentResult.settle(agent("a")))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(one())
        yield* pass(25)
        assert.strictEqual((yield* Fiber.join(fiber)).status, "done")
        assert.deepStrictEqual(yield* seconds, [0, 10, 20])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("leaves nothing behind of a call that is interrupted while it waits: budget, place and line", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting(
        { requestsPerMinute: 6 },
        Scripted.answer("ok", { usage: { outputTokens: 10 } }),
        { capabilities: { concurrency: 1 }, estimate: { outputTokens: 10 } }
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(fan(3)())
        yield* OwfTest.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
        const again = yield* Effect.fork(Workflow.make({ name: "other" }, () => agent("other"))())
        yield* pass(10)
        assert.strictEqual((yield* Fiber.join(again)).status, "done")
        assert.deepStrictEqual(yield* seconds, [0, 10])
        const run = yield* Effect.flatMap(RunStore.RunStore, (store) => store.runs({}))
        assert.deepStrictEqual(run.map(({ budgetSpentTokens }) => budgetSpentTokens), [10, 10])
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 100 } })))
    }))

  it.effect("is one limit for all runs of a home, also of engines that know nothing of each other", () =>
    Effect.gen(function*() {
      const home = yield* Effect.map(RunStore.RunStore, (store) => store.home)
      const { provider, seconds } = yield* noting({ requestsPerMinute: 10 }, Scripted.answer("ok"))
      const one = (name: string) =>
        Effect.provide(
          Workflow.make({ name }, () => agent(name, { cachePolicy: "disabled" }))(),
          OwfTest.layer({ provider, home })
        )
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.fork(one(name)))
      yield* pass(20)
      yield* Fiber.join(Fiber.all(fibers))
      assert.deepStrictEqual(yield* seconds, [0, 6, 12])
    }).pipe(Effect.provide(OwfTest.layer())))
})

describe("a provider's limit of tokens per minute", () => {
  it.effect("is taken by estimate and corrected by what was used", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting(
        { tokensPerMinute: 6000 },
        Scripted.answer("ok", { usage: { inputTokens: 100, outputTokens: 200 } }),
        { estimate: { inputTokens: 100, outputTokens: 500 } }
      )
      const series = Workflow.make(
        { name: "series" },
        () => Effect.forEach([1, 2, 3], (n) => agent(`call ${n}`, { cachePolicy: "disabled" }))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(series())
        yield* pass(8)
        yield* Fiber.join(fiber)
        // 600 were taken and 300 used, which flow off in 3 s; uncorrected it would be 6 s
        assert.deepStrictEqual(yield* seconds, [0, 3, 6])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("takes what a call bounds its output to, and what a failure used", () =>
    Effect.gen(function*() {
      const { provider, seconds } = yield* noting(
        { tokensPerMinute: 6000 },
        Scripted.fail("Refused", { usage: { inputTokens: 1200 } }),
        { estimate: { inputTokens: 100, outputTokens: 50_000 } }
      )
      const series = Workflow.make(
        { name: "series" },
        () => Effect.forEach([1, 2], (n) => AgentResult.settle(agent(`call ${n}`, { maxOutputTokens: 500 })))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(series())
        yield* pass(13)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* seconds, [0, 12])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))
})

it.effect("a provider without limits never asks the store for room", () =>
  Effect.gen(function*() {
    const asked = yield* Ref.make(0)
    const counting = Layer.effect(
      RunStore.RunStore,
      Effect.map(RunStore.RunStore, (store) => ({
        ...store,
        takeRoom: () => Effect.as(Ref.update(asked, (n) => n + 1), 0),
        correctRoom: () => Ref.update(asked, (n) => n + 1)
      }))
    )
    const provider = Scripted.make(Scripted.answer("ok", { usage: { outputTokens: 3 } }))
    yield* Effect.provide(fan(20)(), OwfTest.layerWith(counting, { provider }))
    assert.strictEqual(yield* Ref.get(asked), 0)
  }))
