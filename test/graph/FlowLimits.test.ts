import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { OwfTest, Scripted, Workflow } from "open-agent-workflows"
import * as Lab from "./flowLab.ts"

const limits = (tokens: number | undefined) => ({
  transitions: undefined,
  wallClockMs: undefined,
  tokens,
  costUsd: undefined
})

const answers = () =>
  Scripted.make(() => Scripted.answer("ok", { usage: { inputTokens: 60 } }), { estimate: { inputTokens: 60 } })

/** A graph of so many agents in a row. */
const row = (name: string, count: number, tokens?: number) =>
  Lab.flow(
    Array.from({ length: count }, (_, index) =>
      Lab.agent(`${name}${index}`, `${name} ${index}`, {
        writeScope: [],
        next: index + 1 === count ? "end" : `${name}${index + 1}`
      })),
    { name, limits: limits(tokens) }
  )

/** A graph that runs another one as a child, after an agent of its own. */
const above = (child: ReturnType<typeof row>, tokens?: number) =>
  Lab.workflow(
    Lab.flow([Lab.agent("own", "own", { writeScope: [], next: "child" }), Lab.child("child", "/flows/child.yaml")], {
      name: "above",
      limits: limits(tokens)
    }),
    { load: () => Effect.succeed(Lab.workflow(child)) }
  )

describe("the limits of a graph's spending", () => {
  it.effect("hold where nobody names another, and count what the graphs below it spend", () => {
    const provider = answers()
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(above(row("child", 5), 200), {})).status, "interrupted")
      assert.deepInclude(yield* Lab.latest, { errorKind: "BudgetExceeded", budgetSpentTokens: 180 })
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("of a child hold for the child, over all resumes, until they are raised", () => {
    const provider = answers()
    const { requests } = provider
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(above(row("child", 3, 130)), {})).status, "interrupted")
      assert.strictEqual((yield* requests).length, 3)
      const stopped = yield* Lab.latest
      assert.strictEqual((yield* Workflow.resume(above(row("child", 3, 130)), stopped)).status, "interrupted")
      assert.strictEqual((yield* requests).length, 3)
      assert.strictEqual((yield* Workflow.resume(above(row("child", 3, 500)), stopped)).status, "done")
      assert.strictEqual((yield* requests).length, 4)
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })
})
