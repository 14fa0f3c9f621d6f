import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type { Run } from "open-agent-workflows"
import { agent, OwfTest, parallel, phase, pipeline, RunStore, Scripted, Workflow } from "open-agent-workflows"

class Broken extends Data.TaggedError("Broken")<{ readonly n: number }> {}

const echo = Scripted.make((request) => Scripted.answer(`re: ${request.prompt}`))

const within = <A, E>(body: Effect.Effect<A, E, Run>) =>
  Effect.provide(Workflow.make({ name: "test" }, () => body)(), OwfTest.layer({ provider: echo }))

describe("parallel", () => {
  it.effect("keeps the order of its inputs and passes other results through", () =>
    Effect.gen(function*() {
      const results = yield* within(
        parallel([Effect.succeed(1), Effect.delay(Effect.succeed(2), 0), Effect.succeed(3)])
      )
      assert.deepStrictEqual(results, [1, 2, 3])
    }))

  it.effect("gives failures as values, with their own error", () =>
    Effect.gen(function*() {
      const [ok, own, refused] = yield* within(parallel([
        Effect.succeed("fine"),
        Effect.fail(new Broken({ n: 1 })),
        agent("x", { provider: "nobody" })
      ]))
      assert.strictEqual(ok, "fine")
      assert.deepInclude(own, { ok: false, status: "failed" })
      assert.deepInclude(typeof own === "object" && "failure" in own ? own.failure : {}, { _tag: "Broken", n: 1 })
      assert.deepInclude(refused, { ok: false, status: "failed" })
    }))

  it.effect("lets defects through", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(within(parallel([Effect.succeed(1), Effect.die("boom")])))
      assert.isTrue(Exit.isFailure(exit))
    }))

  it.effect("never has more items under way than it was told", () =>
    Effect.gen(function*() {
      let now = 0
      let most = 0
      const item = Effect.gen(function*() {
        most = Math.max(most, ++now)
        yield* Effect.yieldNow()
        yield* agent(`item ${now}`)
        now--
      })
      yield* within(parallel(Array.from({ length: 20 }, () => item), { concurrency: 3 }))
      assert.strictEqual(most, 3)
    }))

  it.effect("does not let one item's fiber refs and phase reach the next", () =>
    Effect.gen(function*() {
      const ref = FiberRef.unsafeMake(0)
      const item = (n: number) =>
        Effect.gen(function*() {
          const before = yield* FiberRef.get(ref)
          yield* FiberRef.set(ref, n)
          yield* phase(`phase ${n}`)
          return [before, (yield* agent(`${n}`)).phase]
        })
      const results = yield* within(Effect.gen(function*() {
        yield* phase("outer")
        const inner = yield* parallel([item(1), item(2), item(3)], { concurrency: 1 })
        return [...inner, (yield* agent("after")).phase]
      }))
      assert.deepStrictEqual(results, [[0, "phase 1"], [0, "phase 2"], [0, "phase 3"], "outer"])
    }))

  it.effect("with failFast stops the others and says which were cancelled", () =>
    Effect.gen(function*() {
      const provider = Scripted.make([
        Scripted.when("bad", Scripted.fail("Refused", { delay: "2 seconds" })),
        Scripted.when("quick", Scripted.answer("done in time", { delay: "1 seconds" })),
        Scripted.never
      ])
      const fan = Workflow.make({ name: "fan" }, () =>
        Effect.map(
          parallel(["quick", "bad", "slow", "slower"].map((prompt) => agent(prompt)), {
            concurrency: 3,
            failFast: true
          }),
          (results) => results.map(({ status }) => status)
        ))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(fan())
        yield* OwfTest.adjust("5 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), ["done", "provider_failed", "cancelled", "cancelled"])
        const store = yield* RunStore.RunStore
        const calls = yield* store.calls((yield* store.run("latest")).id)
        assert.deepStrictEqual(calls.map(({ prompt, status }) => [prompt, status]), [
          ["quick", "done"],
          ["bad", "provider_failed"],
          ["slow", "cancelled"],
          ["slower", "cancelled"]
        ])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))
})

describe("pipeline", () => {
  it.effect("passes each item through the stages and keeps the order", () =>
    Effect.gen(function*() {
      const results = yield* within(pipeline(
        ["a", "b", "c"],
        (item, index) => agent(`${index} ${item}`),
        (done, _, item) => Effect.succeed(`${item}: ${done.text}`),
        { concurrency: 2 }
      ))
      assert.deepStrictEqual(results, ["a: re: 0 a", "b: re: 1 b", "c: re: 2 c"])
    }))

  it.effect("lets an item into the next stage while others are in the one before", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const provider = Scripted.make((request) =>
        Scripted.answer("ok", { delay: request.prompt === "first b" ? "10 seconds" : "1 seconds" })
      )
      const stage = (name: string) => (_: unknown, __: number, item: string) =>
        Effect.tap(agent(`${name} ${item}`), () => Effect.sync(() => order.push(`${name} ${item}`)))
      const flow = Workflow.make({ name: "flow" }, () =>
        Effect.asVoid(pipeline(["a", "b", "c"], stage("first"), stage("second"), { concurrency: 2 })))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(flow())
        for (let second = 0; second < 14; second++) {
          yield* OwfTest.adjust("1 seconds")
        }
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          order,
          ["first a", "first c", "second a", "second c", "first b", "second b"].toSorted((x, y) =>
            order.indexOf(x) - order.indexOf(y)
          )
        )
        assert.isBelow(order.indexOf("second c"), order.indexOf("first b"))
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("ends an item at its first failure and goes on with the others", () =>
    Effect.gen(function*() {
      const entered: Array<number> = []
      const results = yield* within(pipeline(
        [1, 2, 3],
        (n) => n === 2 ? Effect.fail(new Broken({ n })) : Effect.succeed(n * 10),
        (n) => Effect.sync(() => (entered.push(n), n + 1))
      ))
      assert.deepStrictEqual(entered, [10, 30])
      assert.deepStrictEqual(results.map((result) => typeof result === "number" ? result : result.status), [
        11,
        "failed",
        31
      ])
    }))

  it.effect("with stopOnError gives what was not begun as cancelled", () =>
    Effect.gen(function*() {
      const results = yield* within(pipeline(
        [1, 2, 3, 4],
        (n) => n === 2 ? Effect.fail(new Broken({ n })) : Effect.succeed(n),
        { stopOnError: true }
      ))
      assert.deepStrictEqual(
        results.map((result) => typeof result === "number" ? result : result.status),
        [1, "failed", "cancelled", "cancelled"]
      )
    }))
})
