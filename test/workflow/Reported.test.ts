import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { agent, AgentResult, OwfTest, RunStore, Usage, Workflow } from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"
import type { Answer, Listener } from "open-agent-workflows/provider/Provider"
import { ProviderError } from "open-agent-workflows/provider/Provider"
import { provider } from "./teller.ts"

const answer: Answer = {
  text: "done",
  structured: undefined,
  raw: "done",
  usage: undefined,
  cost: undefined,
  model: undefined,
  session: undefined
}

const tell = (listener: Listener, ...outputs: ReadonlyArray<number>) =>
  Effect.forEach(outputs, (outputTokens) => listener.usage(Usage.make({ inputTokens: 10, outputTokens })), {
    discard: true
  })

const refusal = (facts: Partial<ProviderError> = {}) =>
  new ProviderError({ provider: "teller", reason: "Refused", detail: "no", ...facts })

const recorded = Effect.gen(function*() {
  const store = yield* RunStore.RunStore
  const run = yield* store.run("latest")
  const [call] = yield* store.calls(run.id)
  return { run, call: call!, attempts: yield* store.attempts(call!.id) }
})

const ask = Workflow.make({ name: "ask" }, () => AgentResult.settle(agent("Ask", { timeout: "10 seconds" })))

describe("tokens a request reports while it is under way", () => {
  it.effect("are stored as they arrive, and not again when they say nothing new", () =>
    Effect.gen(function*() {
      const writes = yield* Ref.make(0)
      const counting = Layer.effect(
        RunStore.RunStore,
        Effect.map(RunStore.RunStore, (store) => ({
          ...store,
          report: (...facts: Parameters<typeof store.report>) =>
            Effect.zipRight(Ref.update(writes, (n) => n + 1), store.report(...facts))
        }))
      )
      const teller = provider((_, listener) =>
        Effect.zipRight(tell(listener, 0, 0, 5, 5, 5, 20), Effect.as(Effect.sleep("5 seconds"), answer))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(ask())
        yield* OwfTest.adjust("1 seconds")
        const { attempts } = yield* recorded
        assert.deepInclude(attempts[0], {
          status: "running",
          inputTokens: 10,
          outputTokens: 20,
          costUsd: 3e-8,
          costSource: "estimate"
        })
        assert.strictEqual(yield* Ref.get(writes), 3)
        yield* OwfTest.adjust("5 seconds")
        const result = yield* Fiber.join(fiber)
        // the answer itself does not count: what was reported is what is known
        assert.deepInclude(result.usage, { inputTokens: 10, outputTokens: 20 })
        assert.deepInclude((yield* recorded).attempts[0], { status: "done", outputTokens: 20, costSource: "estimate" })
      }).pipe(Effect.provide(OwfTest.layerWith(counting, { provider: teller })))
    }))

  it.effect("give way to what the answer says", () =>
    Effect.gen(function*() {
      const usage = Usage.make({ inputTokens: 11, outputTokens: 7 })
      const teller = provider((_, listener) => Effect.as(tell(listener, 99), { ...answer, usage }))
      yield* Effect.gen(function*() {
        assert.deepInclude((yield* ask()).usage, usage)
        const { attempts, run } = yield* recorded
        assert.deepInclude(attempts[0], { inputTokens: 11, outputTokens: 7, costUsd: null, costSource: null })
        assert.strictEqual(run.budgetSpentTokens, 18)
      }).pipe(Effect.provide(OwfTest.layer({ provider: teller })))
    }))

  it.effect("count for a refusal that does not say what it used", () =>
    Effect.gen(function*() {
      const teller = provider((_, listener) => Effect.zipRight(tell(listener, 30), Effect.fail(refusal())))
      yield* Effect.gen(function*() {
        const result = yield* ask()
        assert.deepInclude(result, { status: "provider_failed", estimatedCostUsd: 4e-8 })
        assert.strictEqual(result.usage.outputTokens, 30)
        const { attempts, run } = yield* recorded
        assert.deepInclude(attempts[0], { status: "failed", outputTokens: 30, costSource: "estimate" })
        assert.strictEqual(run.budgetSpentTokens, 40)
      }).pipe(Effect.provide(OwfTest.layer({ provider: teller })))
    }))

  for (const [what, outputs, spent] of [["less", 30, 100], ["more", 500, 510]] as const) {
    it.effect(`are what is known of a request lost at its deadline; ${what} than was set aside counts as ${spent}`, () =>
      Effect.gen(function*() {
        const teller = provider((_, listener) => Effect.zipRight(tell(listener, outputs), Effect.never))
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.fork(ask())
          yield* OwfTest.adjust("10 seconds")
          const result = yield* Fiber.join(fiber)
          assert.strictEqual(result.status, "timeout")
          assert.strictEqual(result.usage.outputTokens, outputs)
          const { attempts, call, run } = yield* recorded
          assert.deepInclude(attempts[0], { status: "lost", inputTokens: 10, outputTokens: outputs })
          assert.deepInclude(call, { outputTokens: outputs, estimatedCostUsd: (10 + outputs) / 1e9 })
          assert.deepInclude(run, { budgetSpentTokens: spent, budgetSpentCostUsd: spent / 1e9 })
        }).pipe(Effect.provide(OwfTest.layer({ provider: teller, budget: { tokens: 10_000, costUsd: 1 } })))
      }))
  }

  it.effect("of a lost request bind the calls after it", () =>
    Effect.gen(function*() {
      const teller = provider(({ prompt }, listener) =>
        prompt === "Ask" ? Effect.zipRight(tell(listener, 500), Effect.never) : Effect.succeed(answer)
      )
      const two = Workflow.make({ name: "two" }, function*() {
        yield* AgentResult.settle(agent("Ask", { timeout: "10 seconds" }))
        return (yield* AgentResult.settle(agent("Next"))).status
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(two())
        yield* OwfTest.adjust("10 seconds")
        // 510 are gone, and not the 100 that were set aside: what is left does not cover a request's input
        assert.strictEqual(yield* Fiber.join(fiber), "budget_exceeded")
      }).pipe(Effect.provide(OwfTest.layer({ provider: teller, budget: { tokens: 540 } })))
    }))

  it.effect("of an interrupted run are the call's still when it is resumed, with its session", () =>
    Effect.gen(function*() {
      const isHanging = yield* Ref.make(true)
      const usage = Usage.make({ inputTokens: 1, outputTokens: 2 })
      const teller = provider((_, listener) =>
        Effect.flatMap(Ref.get(isHanging), (isHanging) =>
          isHanging
            ? Effect.zipRight(Effect.zipRight(listener.session("s-1"), tell(listener, 30)), Effect.never)
            : Effect.succeed({ ...answer, usage, cost: { amount: Money.fromNano(5), source: "provider" } }))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(ask())
        yield* OwfTest.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
        const before = yield* recorded
        assert.deepInclude(before.attempts[0], { status: "lost", outputTokens: 30, sessionId: "s-1" })
        assert.deepInclude(before.call, { status: "cancelled", outputTokens: 30 })
        yield* Ref.set(isHanging, false)
        assert.strictEqual((yield* Workflow.resume(ask, before.run)).status, "done")
        const { attempts, call, run } = yield* recorded
        assert.deepInclude(attempts[0], { status: "lost", outputTokens: 30, sessionId: "s-1" })
        assert.deepInclude(call, { attempts: 2, inputTokens: 11, outputTokens: 32, estimatedCostUsd: 4.5e-8 })
        assert.strictEqual(run.budgetSpentTokens, 43)
      }).pipe(Effect.provide(OwfTest.layer({ provider: teller })))
    }))

  it.effect("are none where the provider is silent: what a lost request cost is not known, and not nothing", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(
        Effect.zip(ask(), recorded).pipe(
          Effect.provide(OwfTest.layer({ provider: provider(() => Effect.never) }))
        )
      )
      yield* OwfTest.adjust("10 seconds")
      const [result, { attempts, call }] = yield* Fiber.join(fiber)
      assert.isNull(result.estimatedCostUsd)
      assert.isNull(attempts[0]?.costUsd)
      assert.isNull(call.estimatedCostUsd)
    }))
})
