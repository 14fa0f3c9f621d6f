import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { agent, OwfTest, parallel, RunStore, Scripted, Workflow } from "open-agent-workflows"

const tokens = (inputTokens: number) => ({ usage: { inputTokens } })

describe("the budget of a call", () => {
  it.effect("bounds its requests together, within the run's, and leaves the other calls theirs", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.sequence([
        Scripted.answer("first", tokens(60)),
        Scripted.answer("second", tokens(60)),
        Scripted.answer("third", tokens(60))
      ]))
      const flow = Workflow.make({ name: "flow" }, function*() {
        const results = yield* parallel([
          agent("a", { budget: { tokens: 50 } }),
          agent("b", { budget: { tokens: 60 } }),
          agent("c", { budget: { tokens: 60 } }),
          agent("d", { budget: { tokens: 1_000 } })
        ], { concurrency: 1 })
        return results.map((result) => result.ok ? result.text : result.status)
      })
      yield* Effect.gen(function*() {
        const run = yield* Workflow.start(flow, {}, { budget: { tokens: 130 } })
        assert.strictEqual(run.outputJson, "[\"budget_exceeded\",\"first\",\"second\",\"budget_exceeded\"]")
        const { budgetSpentTokens } = yield* Effect.flatMap(RunStore.RunStore, (store) => store.run(run.runId))
        assert.strictEqual(budgetSpentTokens, 120)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("counts what the call spent before the run was resumed", () =>
    Effect.gen(function*() {
      const limit = yield* Ref.make(100)
      const provider = Scripted.make(Scripted.sequence([
        Scripted.fail("Refused", tokens(60)),
        Scripted.answer("ok", tokens(60))
      ]))
      const flow = Workflow.make({ name: "flow" }, () =>
        Effect.flatMap(Ref.get(limit), (limit) => agent("a", { budget: { tokens: limit } })))
      yield* Effect.gen(function*() {
        const latest = Effect.flatMap(RunStore.RunStore, (store) =>
          store.run("latest"))
        assert.strictEqual((yield* Workflow.start(flow, {})).status, "failed")
        assert.strictEqual((yield* Workflow.resume(flow, yield* latest)).status, "interrupted")
        assert.strictEqual((yield* latest).errorKind, "BudgetExceeded")
        yield* Ref.set(limit, 120)
        assert.strictEqual((yield* Workflow.resume(flow, yield* latest)).status, "done")
        assert.strictEqual((yield* provider.requests).length, 2)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))
})
