import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { agent, OwfTest, parallel, RunStore, Scripted, Workflow, workflow } from "open-agent-workflows"
import { directoryInMemory } from "../lib/node.ts"

/** A provider that keeps count of how many requests it serves at the same time. */
const counting = (concurrency: number | undefined) => {
  const served = { now: 0, most: 0, all: 0 }
  const scripted = Scripted.make(Scripted.answer("ok", { delay: "1 seconds" }), { capabilities: { concurrency } })
  const provider: Scripted.Scripted = {
    ...scripted,
    ask: (request, listener) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          served.now += 1
          served.all += 1
          served.most = Math.max(served.most, served.now)
        }),
        () => scripted.ask(request, listener),
        () => Effect.sync(() => void (served.now -= 1))
      )
  }
  return { provider, served }
}

const fan = (name: string, size: number) =>
  Workflow.make({ name }, () => parallel(Array.from({ length: size }, (_, index) => agent(`${name} ${index}`))))

const pass = (seconds: number) => Effect.repeatN(OwfTest.adjust("1 seconds"), seconds - 1)

describe("requests at the same time", () => {
  it.live("24 calls of half a second at once, at a provider that bears 24, take at most a second: nothing else bounds them", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("ok", { delay: "500 millis" }), {
        capabilities: { concurrency: 24 }
      })
      const all = Workflow.make({ name: "all" }, () =>
        Effect.gen(function*() {
          const before = yield* Clock.currentTimeMillis
          const results = yield* parallel(Array.from({ length: 24 }, (_, index) => agent(`call ${index}`)), {
            concurrency: 24
          })
          const took = (yield* Clock.currentTimeMillis) - before
          return { took, done: results.filter(({ ok }) => ok).length }
        }))
      const { done, took } = yield* Effect.provide(all(), OwfTest.layer({ provider }))
      assert.strictEqual(done, 24)
      assert.isAtLeast(took, 500)
      assert.isAtMost(took, 1000)
    }))

  it.live("1,500 calls that wait for room do not keep each other from working", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("ok"), { capabilities: { concurrency: 4 } })
      const layer = OwfTest.layer({ provider, home: directoryInMemory() })
      const result = yield* Effect.provide(Workflow.start(fan("many", 1_500), {}), layer)
      assert.strictEqual(result.status, "done")
      assert.strictEqual((yield* provider.requests).length, 1_500)
    }), 30_000)

  it.effect("are bounded by what the provider bears, over runs of one engine and their children", () =>
    Effect.gen(function*() {
      const { provider, served } = counting(3)
      const parent = Workflow.make({ name: "parent" }, () => workflow(fan("child", 5)))
      yield* Effect.gen(function*() {
        const fibers = yield* Effect.forEach([fan("a", 5), fan("b", 5), parent], (one) => Effect.fork(one()))
        yield* pass(6)
        yield* Fiber.join(Fiber.all(fibers))
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
      assert.deepStrictEqual(served, { now: 0, most: 3, all: 15 })
    }))

  it.effect("and over engines of the process that were given the same provider", () =>
    Effect.gen(function*() {
      const { provider, served } = counting(2)
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) =>
        Effect.fork(Effect.provide(fan(name, 3)(), OwfTest.layer({ provider }))))
      yield* pass(8)
      yield* Fiber.join(Fiber.all(fibers))
      assert.deepStrictEqual(served, { now: 0, most: 2, all: 9 })
    }))

  it.effect("are not kept by a run whose store broke", () =>
    Effect.gen(function*() {
      const { provider, served } = counting(1)
      const failing = Layer.effect(
        RunStore.RunStore,
        Effect.map(RunStore.RunStore, (store) => ({
          ...store,
          begin: () => Effect.fail(new RunStore.StoreError({ reason: "Io", path: "", detail: "the disk is gone" }))
        }))
      )
      const broken = yield* Effect.exit(Effect.provide(fan("first", 2)(), OwfTest.layerWith(failing, { provider })))
      assert.isTrue(Exit.isFailure(broken))
      const fiber = yield* Effect.fork(Effect.provide(fan("next", 2)(), OwfTest.layer({ provider })))
      yield* pass(3)
      assert.isNotNull(fiber.unsafePoll())
      assert.deepStrictEqual(served, { now: 0, most: 1, all: 2 })
    }))
})
