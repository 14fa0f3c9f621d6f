import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Permits from "../../src/internal/permits.ts"

const rest = Effect.repeatN(Effect.yieldNow(), 5)

describe("permits", () => {
  it.effect("are held by as many as there are, in the order they asked", () =>
    Effect.gen(function*() {
      const permits = Permits.make(2)
      const held = { now: 0, most: 0 }
      const order: Array<number> = []
      const work = (index: number) =>
        Permits.within(
          permits,
          Effect.gen(function*() {
            order.push(index)
            held.now++
            held.most = Math.max(held.most, held.now)
            yield* rest
            held.now--
          })
        )
      yield* Effect.forEach(Array.from({ length: 50 }).keys(), work, { concurrency: "unbounded", discard: true })
      assert.deepStrictEqual(held, { now: 0, most: 2 })
      assert.deepStrictEqual(order, [...Array.from({ length: 50 }).keys()])
    }))

  it.effect("are given back by a failure, a defect and an interruption", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      for (const end of [Effect.fail("no"), Effect.die("broken"), Effect.interrupt]) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Permits.within(permits, end))))
      }
      assert.strictEqual(yield* Permits.within(permits, Effect.succeed("free")), "free")
    }))

  it.effect("are not kept by whoever is interrupted while waiting, nor as a permit is given", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      yield* permits.take((effect) => effect)
      const first = yield* Effect.fork(Permits.within(permits, Effect.void))
      const second = yield* Effect.fork(Permits.within(permits, Effect.void))
      const third = yield* Effect.fork(Permits.within(permits, Effect.succeed("third")))
      yield* rest
      yield* Fiber.interrupt(first)
      const id = yield* Effect.fiberId
      // given and interrupted before it can run
      yield* Effect.zipRight(permits.release, Effect.sync(() => second.unsafeInterruptAsFork(id)))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(second)))
      assert.strictEqual(yield* Fiber.join(third), "third")
      yield* Permits.within(permits, Effect.void)
    }))

  it.effect("cost no more when thousands wait for them", () =>
    Effect.gen(function*() {
      const permits = Permits.make(4)
      let done = 0
      const work = Permits.within(permits, Effect.zipRight(Effect.yieldNow(), Effect.sync(() => void done++)))
      yield* Effect.replicateEffect(work, 5_000, { concurrency: "unbounded", discard: true })
      assert.strictEqual(done, 5_000)
    }), 10_000)
})
