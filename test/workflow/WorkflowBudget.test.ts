import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { agent, OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"

const answers = () =>
  Scripted.make(() => Scripted.answer("ok", { usage: { inputTokens: 60 } }), { estimate: { inputTokens: 60 } })

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

/** A workflow that asks until its budget is used up, and a parent that runs it and then asks itself. */
const greedy = (tokens: number | undefined) =>
  Workflow.make({ name: "greedy", budget: { tokens } }, function*() {
    for (let n = 1; n <= 5; n++) yield* agent(`child ${n}`, { cachePolicy: "disabled" })
    return "five"
  })

const above = (tokens: number | undefined, own?: number) =>
  Workflow.make({ name: "above", budget: { tokens: own } }, function*() {
    yield* agent("before", { cachePolicy: "disabled" })
    return yield* greedy(tokens)()
  })

describe("the budget of a workflow", () => {
  it.effect("bounds a run of it that is started with none, and what a run is started with wins", () => {
    const provider = answers()
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(greedy(130), {})).status, "interrupted")
      assert.deepInclude(yield* latest, { errorKind: "BudgetExceeded", budgetSpentTokens: 120, budgetTotalTokens: 130 })
      assert.strictEqual((yield* Workflow.start(greedy(130), {}, { budget: { tokens: 1_000 } })).status, "done")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("is never more than an application allows", () => {
    const provider = answers()
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(greedy(1_000_000), {})).status, "interrupted")
      assert.strictEqual((yield* latest).budgetTotalTokens, 100)
    }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 100 } })))
  })

  it.effect("counts what the runs below it spend", () => {
    const provider = answers()
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(above(undefined, 130), {})).status, "interrupted")
      // one call of its own, one of its child
      assert.strictEqual((yield* provider.requests).length, 2)
      assert.strictEqual((yield* latest).errorKind, "BudgetExceeded")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("bounds it as a child too, over all resumes, and can be raised", () => {
    const provider = answers()
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(above(130), {})).status, "interrupted")
      assert.strictEqual((yield* provider.requests).length, 3)
      // what the child has spent is not forgotten
      assert.strictEqual((yield* Workflow.resume(above(130), yield* latest)).status, "interrupted")
      assert.strictEqual((yield* provider.requests).length, 3)
      assert.strictEqual((yield* Workflow.resume(above(400), yield* latest)).status, "done")
      assert.strictEqual((yield* provider.requests).length, 6)
      assert.strictEqual((yield* latest).budgetSpentTokens, 360)
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })
})
