import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { agent, OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import * as FlowSteps from "open-agent-workflows/graph/FlowSteps"
import type { Engine } from "open-agent-workflows/workflow/Engine"

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

describe("branches of a program that was a graph", () => {
  it.live("are answered by what was recorded of themselves, in whatever order they ask when the run is resumed", () => {
    let times = 0
    // the first request, which is the left one's, is not answered before the process stops
    const provider = Scripted.make(() => ++times === 1 ? Scripted.never : Scripted.answer(`answer ${times}`))
    let lead = 0
    const same = (label: string, delay: Duration.DurationInput) =>
      Effect.zipRight(Effect.sleep(delay), Effect.map(agent("The same task.", { label }), ({ text }) => text))
    const program = Workflow.make({ name: "branches" }, () =>
      Effect.map(
        // the left one asks first, and last when it is resumed
        FlowSteps.together([Effect.suspend(() => same("left", lead)), Effect.suspend(() => same("right", 20))], {
          concurrency: 2
        }),
        ([left, right]) => [left, right]
      ))
    return Effect.gen(function*() {
      yield* Effect.timeoutOption(Workflow.start(program, {}), "2 seconds")
      lead = 200
      const { outputJson, status } = yield* Workflow.resume(program, yield* latest)
      assert.deepStrictEqual([status, outputJson], ["done", "[\"answer 3\",\"answer 2\"]"])
      assert.strictEqual((yield* provider.requests).length, 3)
    }).pipe(Effect.provide(OwfTest.layer({ provider })), Effect.orDie)
  })
})

describe("children of a program that was a graph", () => {
  it.effect("that end as failed stop the program, which begins them anew when it is resumed, as its graph does", () => {
    let isRed = true
    const provider = Scripted.make(() => Scripted.answer("yes"))
    const inner = Workflow.make({ name: "inner" }, function*() {
      yield* agent("look", { cachePolicy: "disabled" })
      if (isRed) return yield* FlowSteps.fail("inner", "red", "it is red")
      return "green"
    })
    const program = Workflow.make({ name: "outer" }, function*() {
      yield* agent("before")
      return yield* FlowSteps.child("child", inner, {})
    })
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(program, {})).status, "failed")
      assert.deepInclude(yield* latest, {
        errorKind: "ChildFailed",
        errorMessage: "Node 'child': the workflow 'inner' ended as failed: it is red. " +
          "Put that right and resume the run: it begins 'inner' anew and keeps what had finished before it."
      })
      isRed = false
      const { outputJson, status } = yield* Workflow.resume(program, yield* latest)
      assert.deepStrictEqual([status, outputJson], ["done", "\"green\""])
      assert.deepStrictEqual((yield* provider.requests).map(({ prompt }) => prompt), ["before", "look", "look"])
    }).pipe(Effect.provide(OwfTest.layer({ provider })), Effect.orDie)
  })
})

describe("waits of a program that was a graph", () => {
  it.effect("ask again when the run is resumed after a no, as its graph does", () => {
    const program = Workflow.make({ name: "gated" }, () => FlowSteps.approved("gate"))
    return Effect.gen(function*() {
      const { approvals, decide } = yield* RunStore.RunStore
      const answered = (
        name: string,
        decision: "approved" | "rejected",
        run: Effect.Effect<unknown, unknown, Engine | RunStore.RunStore>
      ) =>
        Effect.gen(function*() {
          const running = yield* Effect.fork(Effect.exit(run))
          yield* OwfTest.adjust("5 seconds")
          yield* decide({ runId: (yield* latest).id, name, decision, message: null, at: 0 })
          yield* OwfTest.adjust("2 minutes")
          yield* Fiber.join(running)
        })
      yield* answered("gate", "rejected", Workflow.start(program, {}))
      assert.strictEqual((yield* latest).errorMessage, "Node 'gate': it was rejected")
      yield* answered("gate@2", "approved", Effect.flatMap(latest, (run) => Workflow.resume(program, run)))
      const run = yield* latest
      assert.strictEqual(run.status, "done")
      assert.deepStrictEqual((yield* approvals(run.id)).map(({ name }) => name), ["gate", "gate@2"])
    }).pipe(Effect.provide(OwfTest.layer()), Effect.orDie)
  })
})
