import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import * as Scripted from "../../src/provider/Scripted.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"

ProviderContract.suite(
  "Scripted",
  Effect.sync(() =>
    Scripted.make([
      Scripted.when((request) => request.schema !== undefined, Scripted.value({ label: "bug", why: "it crashes" })),
      Scripted.answer("yes", { usage: { inputTokens: 7, outputTokens: 2 }, cost: 0.01 })
    ])
  )
)

const ask = (provider: Provider, prompt: string, fields: Partial<Request> = {}) =>
  provider.ask(ProviderContract.request({ prompt, model: "m", ...fields }), ProviderContract.listener)

const texts = (provider: Provider, prompts: ReadonlyArray<string>) =>
  Effect.forEach(prompts, (prompt) => Effect.map(ask(provider, prompt), ({ text }) => text))

describe("Scripted", () => {
  it.effect("gives one reply to every request and keeps the requests", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("yes"))
      assert.deepStrictEqual(yield* texts(provider, ["a", "b"]), ["yes", "yes"])
      const requests = yield* provider.requests
      assert.deepStrictEqual(requests.map(({ prompt }) => prompt), ["a", "b"])
    }))

  it.effect("gives the replies of a sequence in order and then what follows it", () =>
    Effect.gen(function*() {
      const provider = Scripted.make([
        Scripted.sequence([Scripted.answer("1"), Scripted.answer("2")]),
        Scripted.answer("rest")
      ])
      assert.deepStrictEqual(yield* texts(provider, ["", "", "", ""]), ["1", "2", "rest", "rest"])
    }))

  it.effect("chooses by text, pattern and function, each with a sequence of its own", () =>
    Effect.gen(function*() {
      const provider = Scripted.make([
        Scripted.when("review", Scripted.sequence([Scripted.answer("r1"), Scripted.answer("r2")])),
        Scripted.when(/^fix \d+/g, (request) => Scripted.answer(`fixed ${request.prompt.slice(4)}`)),
        Scripted.when(({ model }) => model === "big", Scripted.answer("big")),
        Scripted.answer("default")
      ])
      assert.deepStrictEqual(
        yield* texts(provider, ["fix 1", "review a", "fix 2", "other", "review b"]),
        ["fixed 1", "r1", "fixed 2", "default", "r2"]
      )
      assert.strictEqual((yield* ask(provider, "other", { model: "big" })).text, "big")
    }))

  it.effect("answers by a function, also one that is an Effect", () =>
    Effect.gen(function*() {
      const count = yield* Ref.make(0)
      const provider = Scripted.make(() =>
        Effect.map(Ref.updateAndGet(count, (n) => n + 1), (n) => Scripted.value({ n }))
      )
      yield* ask(provider, "a")
      const second = yield* ask(provider, "b")
      assert.deepStrictEqual(second.structured, { n: 2 })
      assert.strictEqual(second.text, "{\"n\":2}")
    }))

  it.effect("reports usage, cost, model and raw text as the script says", () =>
    Effect.gen(function*() {
      const provider = Scripted.make([
        Scripted.when("known", Scripted.answer("x", { usage: { inputTokens: 5 }, cost: 0.1, model: "m2", raw: "<x>" })),
        Scripted.answer("x", { cost: null })
      ])
      const known = yield* ask(provider, "known")
      assert.deepInclude(known, {
        usage: Usage.make({ inputTokens: 5 }),
        cost: { amount: Money.fromUsd(0.1), source: "scripted" },
        model: "m2",
        raw: "<x>"
      })
      const other = yield* ask(provider, "other")
      assert.deepInclude(other, { usage: Usage.zero, cost: undefined, model: "m", raw: "x" })
    }))

  it.effect("fails with the facts given", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(
        Scripted.fail("RateLimited", {
          detail: "slow down",
          retryAfter: "2 seconds",
          raw: "{}",
          usage: { inputTokens: 3 },
          session: "s"
        }),
        { name: "mock" }
      )
      const error = yield* Effect.flip(ask(provider, "a"))
      assert.deepInclude(error, {
        _tag: "ProviderError",
        provider: "mock",
        reason: "RateLimited",
        detail: "slow down",
        retryAfterMs: 2_000,
        raw: "{}",
        usage: Usage.make({ inputTokens: 3 }),
        session: "s"
      })
      assert.isTrue(error.isTransient)
    }))

  it.effect("tells the session first, then lets time pass on the clock", () =>
    Effect.gen(function*() {
      const sessions = yield* Ref.make<ReadonlyArray<string>>([])
      const provider = Scripted.make(Scripted.answer("late", { delay: "1 minute", session: "s-1" }))
      const listener = {
        session: (id: string) => Ref.update(sessions, (earlier) => [...earlier, id]),
        usage: () => Effect.void
      }
      const fiber = yield* Effect.fork(provider.ask(ProviderContract.request(), listener))
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* Ref.get(sessions), ["s-1"])
      assert.isTrue((yield* Fiber.poll(fiber))._tag === "None")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).session, "s-1")
    }))

  it.effect("hangs until interrupted, or dies, when told to", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(ask(Scripted.make(Scripted.never), "a"))
      yield* TestClock.adjust("1 day")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      const died = yield* Effect.exit(ask(Scripted.make(Scripted.dies), "a"))
      assert.isTrue(Exit.isFailure(died) && Cause.isDie(died.cause))
    }))

  it.effect("dies, naming the prompt, when the script has no reply", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.sequence([Scripted.answer("1")]))
      yield* ask(provider, "a")
      const exit = yield* Effect.exit(ask(provider, "one too many"))
      assert.match(String(exit), /the script has no reply to 'one too many'/)
    }))

  it.effect("estimates what the next reply will report, without using it up", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(
        Scripted.sequence([
          Scripted.answer("1", { usage: { inputTokens: 10, cacheReadTokens: 5, outputTokens: 3 }, cost: 0.5 }),
          Scripted.answer("2", { cost: null }),
          () => Scripted.answer("3")
        ]),
        { estimate: { inputTokens: 99 } }
      )
      const first = provider.estimate(ProviderContract.request())
      assert.deepInclude(first, { inputTokens: 15, outputTokens: 3 })
      assert.strictEqual(first.cost(15, 3), Money.fromUsd(0.5))
      assert.strictEqual((yield* ask(provider, "a")).text, "1")
      assert.isUndefined(provider.estimate(ProviderContract.request()).cost(1, 1))
      yield* ask(provider, "b")
      assert.strictEqual(provider.estimate(ProviderContract.request()).inputTokens, 99)
    }))

  it.effect("can be any provider", () =>
    Effect.sync(() => {
      const provider = Scripted.make([], { name: "x", model: "m1", capabilities: { schema: "none", concurrency: 2 } })
      assert.strictEqual(provider.name, "x")
      assert.strictEqual(provider.resolveModel(undefined), "m1")
      assert.strictEqual(provider.resolveModel("m2"), "m2")
      assert.deepInclude(provider.capabilities, { schema: "none", concurrency: 2, temperature: true })
    }))
})
