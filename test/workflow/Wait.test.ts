import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { log, OwfTest, RunStore, Workflow } from "open-agent-workflows"
import * as Wait from "open-agent-workflows/workflow/Wait"

const store = RunStore.RunStore
const latest = Effect.flatMap(store, (store) => store.run("latest"))

describe("waits", () => {
  it.effect("a resumed run waits for what is left of a wait, and not at all when its time has come", () =>
    Effect.gen(function*() {
      const nap = Workflow.make({ name: "nap", output: Schema.String }, function*() {
        yield* Wait.duration("nap", "3 hours")
        return "awake"
      })
      const first = yield* Effect.fork(nap())
      yield* OwfTest.adjust("1 hour")
      yield* Fiber.interrupt(first)
      const run = yield* latest
      assert.strictEqual(run.status, "interrupted")

      const second = yield* Effect.fork(Workflow.resume(nap, run))
      yield* OwfTest.adjust("110 minutes")
      assert.isTrue(Option.isNone(yield* Fiber.poll(second)))
      yield* Fiber.interrupt(second)

      yield* TestClock.adjust("20 minutes")
      const third = yield* Workflow.resume(nap, yield* latest)
      assert.deepInclude(third, { status: "done", attempt: 3, outputJson: "\"awake\"" })
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("what was found is found again on resume, whatever is there then", () =>
    Effect.gen(function*() {
      const there = yield* Ref.make(false)
      const flow = Workflow.make({ name: "file", output: Schema.Boolean }, function*() {
        const found = yield* Wait.condition("file", Ref.get(there), { what: "a file", timeout: "1 hour" })
        yield* Wait.duration("then", "1 hour")
        return found
      })
      const first = yield* Effect.fork(flow())
      yield* OwfTest.adjust("1 minute")
      yield* Ref.set(there, true)
      yield* OwfTest.adjust("1 minute")
      yield* Fiber.interrupt(first)
      yield* Ref.set(there, false)
      yield* TestClock.adjust("2 hours")
      assert.deepInclude(yield* Workflow.resume(flow, yield* latest), { status: "done", outputJson: "true" })
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("a run is shown as waiting for something as long as that is not there, with a time and without one", () =>
    Effect.gen(function*() {
      for (const timeout of ["1 hour", undefined] as const) {
        const there = yield* Ref.make(false)
        const flow = Workflow.make({ name: "file" }, function*() {
          yield* Effect.all([
            Wait.condition("file", Ref.get(there), { what: "a file", timeout }),
            // so much happens beside it that what it said is long ago
            Effect.forEach(Array.from({ length: 60 }).keys(), (index) => log(`line ${index}`))
          ], { concurrency: 2 })
          yield* Effect.sleep("1 minute")
        })
        const running = yield* Effect.fork(flow())
        yield* OwfTest.adjust("20 minutes")
        assert.strictEqual((yield* latest).status, "waiting", `while it is not there, ${timeout}`)
        yield* Fiber.interrupt(running)
        const again = yield* Effect.fork(Workflow.resume(flow, yield* latest))
        yield* OwfTest.adjust("10 minutes")
        assert.strictEqual((yield* latest).status, "waiting", `again, ${timeout}`)
        yield* Ref.set(there, true)
        yield* OwfTest.adjust("1 minute")
        assert.strictEqual((yield* latest).status, "running", `when it is there, ${timeout}`)
        yield* OwfTest.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(again)).status, "done")
      }
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("what does not come in the time there is is not found; without a time the run stops and can go on", () =>
    Effect.gen(function*() {
      const flow = (timeout: "1 hour" | undefined) =>
        Workflow.make(
          { name: "file", output: Schema.Boolean },
          () => Wait.condition("file", Effect.succeed(false), { what: "a file", timeout, patience: "2 hours" })
        )
      const bounded = yield* Effect.fork(Workflow.start(flow("1 hour"), {}))
      yield* OwfTest.adjust("61 minutes")
      assert.deepInclude(yield* Fiber.join(bounded), { status: "done", outputJson: "false" })

      const unbounded = yield* Effect.fork(Workflow.start(flow(undefined), {}))
      yield* OwfTest.adjust("121 minutes")
      assert.deepInclude(yield* Fiber.join(unbounded), { status: "interrupted" })
      assert.strictEqual((yield* latest).errorKind, "WaitedTooLong")
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("an answer that is stored as its time runs out counts, as whoever gave it was told", () =>
    Effect.gen(function*() {
      const flow = Workflow.make(
        { name: "gate", output: Schema.NullOr(Wait.Answer) },
        () => Wait.approval("gate", { timeout: "1 hour" })
      )
      const fiber = yield* Effect.fork(Workflow.start(flow, {}))
      yield* OwfTest.adjust("61 minutes")
      const { outputJson } = yield* Fiber.join(fiber)
      assert.strictEqual(outputJson, "{\"approved\":true,\"message\":\"go\"}")
    }).pipe(Effect.provide(OwfTest.layerWith(
      Layer.effect(
        store,
        Effect.map(store, (store) => ({
          ...store,
          decide: (decision: RunStore.Decision) =>
            Effect.zipRight(
              decision.decision === "expired"
                ? store.decide({ ...decision, decision: "approved", message: "go" })
                : Effect.void,
              store.decide(decision)
            )
        }))
      )
    ))))

  it.effect("an answer that somebody else stored ends the wait for it, once and for all", () =>
    Effect.gen(function*() {
      const flow = Workflow.make({ name: "gate", output: Schema.NullOr(Wait.Answer) }, () =>
        Wait.approval("gate", { question: "Deploy?" }))
      const { approvals, decide } = yield* store
      const fiber = yield* Effect.fork(Workflow.start(flow, {}))
      yield* OwfTest.adjust("1 minute")
      const { id } = yield* latest
      const [asked, ...others] = yield* approvals(id)
      assert.deepInclude(asked, { runId: id, name: "gate", question: "Deploy?", decision: null })
      assert.deepStrictEqual(others, [])
      const decision = { runId: id, name: "gate", decision: "approved" as const, message: "go", at: 0 }
      assert.isTrue(yield* decide(decision))
      assert.isFalse(yield* decide({ ...decision, decision: "rejected" }))
      assert.isFalse(yield* decide({ ...decision, name: "other" }))
      yield* OwfTest.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(fiber), {
        status: "done",
        outputJson: "{\"approved\":true,\"message\":\"go\"}"
      })
    }).pipe(Effect.provide(OwfTest.layer())))
})

describe("aliases", () => {
  it.effect("name one run at a time, and find it wherever a run is asked for", () =>
    Effect.gen(function*() {
      const flow = Workflow.make({ name: "flow" }, () => Effect.void)
      const { byAlias, giveUpAlias, run } = yield* store
      const first = yield* Workflow.start(flow, {}, { alias: "flow-default" })
      assert.strictEqual((yield* run("flow-default")).id, first.runId)
      const refused = yield* Effect.flip(Workflow.start(flow, {}, { alias: "flow-default" }))
      assert.strictEqual(refused._tag, "StoreError")
      yield* giveUpAlias("flow-default", first.runId)
      assert.isTrue(Option.isNone(yield* byAlias("flow-default")))
      const second = yield* Workflow.start(flow, {}, { alias: "flow-default" })
      // it is not the first one's any more
      yield* giveUpAlias("flow-default", first.runId)
      assert.strictEqual(Option.getOrThrow(yield* byAlias("flow-default")).id, second.runId)
    }).pipe(Effect.provide(OwfTest.layer())))
})
