import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { agent, OwfTest, Recovery, RunStore, Scripted, Workflow } from "open-agent-workflows"
import * as FlowSteps from "open-agent-workflows/graph/FlowSteps"
import type { Engine } from "open-agent-workflows/workflow/Engine"
import type { Run } from "open-agent-workflows/workflow/Run"
import type * as FlowProgram from "../../src/graph/FlowProgram.ts"
import * as Lab from "./flowLab.ts"

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

describe("tries of a program that was a graph", () => {
  const fields = { cachePolicy: "disabled", recover: Recovery.none } as const
  /** Answers in turn, whatever is asked; what is beyond them is never answered. */
  const inTurn = (...answers: ReadonlyArray<ReturnType<typeof Scripted.fail>>) => {
    let times = 0
    return Scripted.make(() => answers[times++] ?? Scripted.never)
  }
  const failing = Scripted.fail("EmptyAnswer")
  const promptsOf = (provider: ReturnType<typeof inTurn>) =>
    Effect.map(provider.requests, (requests) => requests.map(({ prompt }) => prompt))
  const retry = { attempts: 2, delay: "10 minutes" } as const

  it.effect("are counted over all attempts of the run, as its graph counts them", () => {
    const program = Workflow.make(
      { name: "program" },
      () => FlowSteps.retrying("work", retry, ({ isLast, retry }) => agent(`try ${retry}, last: ${isLast}`, fields))
    )
    const graph = Lab.workflow(Lab.flow([
      Lab.agent("work", "try {{ retry }}, last: {{ 'true' if retry == 2 else 'false' }}", {
        recover: [],
        retry: { attempts: 2, delayMs: 600_000 }
      })
    ]))
    const asked = (workflow: Workflow.Workflow<{}, unknown, unknown, FlowProgram.Services | Run>) => {
      const provider = inTurn(failing, Scripted.never, failing, failing, Scripted.answer("done"))
      return Effect.gen(function*() {
        const first = yield* Effect.fork(Workflow.start(workflow, {}))
        yield* OwfTest.adjust("15 minutes")
        yield* Fiber.interrupt(first)
        const again = (minutes: Duration.DurationInput) =>
          Effect.gen(function*() {
            const run = yield* latest
            const resumed = yield* Effect.fork(Workflow.resume(workflow, run))
            yield* OwfTest.adjust(minutes)
            return (yield* Fiber.join(resumed)).status
          })
        // the second try fails, then the last; another resume asks that one again
        const ends = [yield* again("15 minutes"), yield* again("1 minute")]
        return [ends, yield* promptsOf(provider)] as const
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }
    return Effect.gen(function*() {
      const given = yield* asked(program)
      assert.deepStrictEqual(given, [["failed", "done"], [
        "try 0, last: false",
        "try 1, last: false",
        "try 1, last: false",
        "try 2, last: true",
        "try 2, last: true"
      ]])
      assert.deepStrictEqual(yield* asked(graph), given)
    }).pipe(Effect.orDie)
  })

  it.effect("that were answered are not asked again, also where all ask the same", () => {
    const provider = inTurn(failing, Scripted.answer("done"), Scripted.answer("more"))
    const program = Workflow.make({ name: "program" }, function*() {
      const { text } = yield* FlowSteps.retrying("work", { attempts: 2 }, () => agent("work", fields))
      yield* FlowSteps.approval("gate")
      return `${text} and ${(yield* agent("work", fields)).text}`
    })
    return Effect.gen(function*() {
      const first = yield* Effect.fork(Workflow.start(program, {}))
      yield* OwfTest.adjust("1 minute")
      yield* Fiber.interrupt(first)
      const { decide } = yield* RunStore.RunStore
      const run = yield* latest
      yield* decide({ runId: run.id, name: "gate", decision: "approved", message: null, at: 0 })
      const { outputJson } = yield* Workflow.resume(program, run)
      assert.strictEqual(outputJson, "\"done and more\"")
      assert.strictEqual((yield* provider.requests).length, 3)
    }).pipe(Effect.provide(OwfTest.layer({ provider })), Effect.orDie)
  })

  it.effect("are told by a resumed run, too, that the one before took too long", () => {
    const provider = inTurn(Scripted.never, Scripted.answer("done"))
    const program = Workflow.make(
      { name: "program" },
      () =>
        FlowSteps.retrying("work", retry, ({ prompt }) =>
          Effect.map(
            agent(prompt("work", 60_000), { ...fields, timeout: "1 minute" }),
            ({ text }) => text
          ))
    )
    return Effect.gen(function*() {
      const first = yield* Effect.fork(Workflow.start(program, {}))
      yield* OwfTest.adjust("5 minutes")
      yield* Fiber.interrupt(first)
      const resumed = yield* Effect.fork(Effect.flatMap(latest, (run) => Workflow.resume(program, run)))
      yield* OwfTest.adjust("10 minutes")
      assert.strictEqual((yield* Fiber.join(resumed)).status, "done")
      const [asked, again] = yield* promptsOf(provider)
      assert.strictEqual(asked, "work")
      assert.match(again ?? "", /^TIME BUDGET: .*\n\nwork$/)
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
