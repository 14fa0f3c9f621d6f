import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  agent,
  AgentResult,
  budget,
  OwfTest,
  parallel,
  RunStore,
  Scripted,
  Workflow,
  workflow
} from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"

const ten = Scripted.answer("ok", { usage: { inputTokens: 4, outputTokens: 6 }, cost: 0.1 })

const fan = Workflow.make({ name: "fan" }, () =>
  Effect.map(
    parallel(Array.from({ length: 20 }, (_, index) => agent(`call ${index}`))),
    (results) => results.map(({ status }) => status)
  ))

const counted = (statuses: ReadonlyArray<string>, status: string) => statuses.filter((one) => one === status).length

describe("budget", () => {
  it.effect("is never passed by twenty calls at once", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(ten)
      yield* Effect.gen(function*() {
        const statuses = yield* fan()
        assert.strictEqual(counted(statuses, "done"), 5)
        assert.strictEqual(counted(statuses, "budget_exceeded"), 15)
        assert.strictEqual((yield* provider.requests).length, 5)
        const run = yield* Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))
        assert.deepInclude(run, { budgetTotalTokens: 50, budgetSpentTokens: 50 })
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 50 } })))
    }))

  it.effect("holds in dollars without drift", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(ten)
      yield* Effect.gen(function*() {
        assert.strictEqual(counted(yield* fan(), "done"), 10)
        const run = yield* Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))
        assert.strictEqual(run.budgetSpentCostUsd, 1)
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { costUsd: 1 } })))
    }))

  it.effect("is not renewed by resuming, and can be raised by it", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(ten)
      const all = Workflow.make({ name: "all" }, () => Effect.forEach([1, 2, 3, 4], (n) => agent(`call ${n}`)))
      yield* Effect.gen(function*() {
        const store = yield* RunStore.RunStore
        const first = yield* Workflow.start(all, {})
        assert.strictEqual(first.status, "interrupted")
        assert.deepInclude(yield* Effect.flip(first.exit), {
          _tag: "BudgetExceeded",
          unit: "tokens",
          total: 20,
          spent: 20
        })
        assert.deepInclude(yield* store.run("latest"), { status: "interrupted", errorKind: "BudgetExceeded" })
        assert.strictEqual((yield* Workflow.resume(all, yield* store.run("latest"))).status, "interrupted")
        assert.strictEqual((yield* provider.requests).length, 2)
        const raised = yield* Workflow.resume(all, yield* store.run("latest"), { budget: { tokens: 40 } })
        assert.strictEqual(raised.status, "done")
        assert.strictEqual((yield* provider.requests).length, 4)
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 20 } })))
    }))

  it.effect("is shared with children", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(ten)
      const child = Workflow.make({ name: "child" }, () => Effect.asVoid(agent("in the child")))
      const parent = Workflow.make({ name: "parent" }, function*() {
        yield* workflow(child)
        const { remainingTokens, spentTokens } = yield* budget.status
        const settled = yield* AgentResult.settle(agent("in the parent"))
        return [spentTokens, remainingTokens, settled.status]
      })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* parent(), [10, 5, "budget_exceeded"])
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 15 } })))
    }))

  it.effect("keeps back what a last step needs", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(ten)
      const keeping = Workflow.make({ name: "keeping" }, function*() {
        const statuses = yield* Effect.scoped(Effect.zipRight(
          budget.reserve({ tokens: 10 }),
          Effect.map(
            parallel(["a", "b", "c", "d"].map((prompt) => agent(prompt))),
            (results) => results.map(({ status }) => status)
          )
        ))
        return [counted(statuses, "done"), (yield* agent("last")).status, yield* budget.canSpend()]
      })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* keeping(), [2, "done", false])
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 30 } })))
    }))

  it.effect("counts every attempt, also those whose answer was not accepted", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("not json", { usage: { outputTokens: 10 } }))
      const asking = Workflow.make({ name: "asking" }, function*() {
        const settled = yield* AgentResult.settle(agent("q", { schema: { type: "object" } }))
        return [settled.status, (yield* budget.status).spentTokens]
      })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* asking(), ["budget_exceeded", 20])
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 25 } })))
    }))

  it.effect("holds with a provider that does not count", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("ok"))
      const silent = {
        ...provider,
        estimate: () => ({ inputTokens: 20, outputTokens: 5, cost: () => Money.zero }),
        ask: (...args: Parameters<typeof provider.ask>) =>
          Effect.map(provider.ask(...args), (answer) => ({ ...answer, usage: undefined }))
      }
      yield* Effect.gen(function*() {
        assert.strictEqual(counted(yield* fan(), "done"), 2)
        const run = yield* Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))
        assert.strictEqual(run.budgetSpentTokens, 50)
      }).pipe(Effect.provide(OwfTest.layer({ provider: silent, budget: { tokens: 60 } })))
    }))

  it.effect("in dollars refuses to start with a model whose price is not known", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("x", { cost: null, usage: { outputTokens: 1 } }))
      yield* Effect.gen(function*() {
        assert.deepInclude(yield* Effect.flip(fan()), { _tag: "InvalidRun", setting: "budget" })
        assert.strictEqual((yield* provider.requests).length, 0)
        const store = yield* RunStore.RunStore
        assert.strictEqual((yield* store.runs({})).length, 0)
      }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { costUsd: 1 } })))
    }))
})
