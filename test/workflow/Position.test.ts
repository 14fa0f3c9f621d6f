import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Position from "../../src/workflow/Position.ts"

const here = Effect.map(FiberRef.get(Position.current), (position) => position?.path)

/** Runs an effect as a workflow's body is run. */
const body = <A, E>(effect: Effect.Effect<A, E>) => Effect.locally(effect, Position.current, Position.root())

/** A fan-out of its items' paths, and of fan-outs inside of them. */
const fanOut = (sizes: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const [size = 0, ...inner] = sizes
    const pathOf = yield* Position.fanOut
    const items = Array.from({ length: size }, (_, index) =>
      Position.within((position) =>
        Effect.gen(function*() {
          position.path = pathOf(index)
          const path = yield* here
          // two fan-outs one after the other in each item
          return inner.length === 0 ? [path ?? ""] : [...yield* fanOut(inner), ...yield* fanOut(inner)]
        })
      ))
    return (yield* Effect.all(items, { concurrency: "unbounded" })).flat()
  })

describe("positions", () => {
  it.effect("of nested fan-outs are all different", () =>
    Effect.gen(function*() {
      const paths = yield* body(fanOut([5, 4, 3]))
      assert.strictEqual(paths.length, 5 * 8 * 6)
      assert.strictEqual(new Set(paths).size, paths.length)
    }))

  it.effect("of fan-outs one after the other are all different", () =>
    Effect.gen(function*() {
      const paths = yield* body(Effect.map(Effect.replicateEffect(fanOut([3, 2]), 4), (all) => all.flat()))
      assert.strictEqual(new Set(paths).size, 4 * 3 * 2 * 2)
    }))

  it.effect("are the same each time the program is run, whatever order its items run in", () =>
    Effect.gen(function*() {
      const program = Effect.zip(fanOut([3, 2]), fanOut([2, 2, 2]))
      assert.deepStrictEqual(yield* body(program), yield* body(program))
    }))

  it.effect("do not run together: item 11 is not item 1 of something in item 1", () =>
    Effect.gen(function*() {
      const paths = yield* body(fanOut([12, 12]))
      assert.strictEqual(new Set(paths).size, 12 * 24)
    }))

  it.effect("are not there outside of a workflow's body, and empty at its top", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* here)
      assert.strictEqual(yield* body(here), "")
    }))
})

describe("an item's position", () => {
  it.effect("ends with it", () =>
    Effect.gen(function*() {
      const seen = yield* body(Effect.gen(function*() {
        const inside = Position.within((position) => {
          position.path = "inside"
          return here
        })
        const fiber = yield* Effect.fork(inside)
        assert.strictEqual(yield* Fiber.join(fiber), "inside")
        assert.strictEqual(yield* inside, "inside")
        return yield* here
      }))
      assert.strictEqual(seen, "")
    }))

  it.effect("is that of the fibers it starts, and moves with it", () =>
    Effect.gen(function*() {
      const seen = yield* body(Position.within((position) =>
        Effect.gen(function*() {
          position.path = "/0[1]"
          const first = yield* Effect.all([here, here], { concurrency: "unbounded" })
          position.path = "/0[2]"
          return [...first, yield* here]
        })
      ))
      assert.deepStrictEqual(seen, ["/0[1]", "/0[1]", "/0[2]"])
    }))

  it.effect("is its own: two items do not share one", () =>
    Effect.gen(function*() {
      const item = (path: string) =>
        Position.within((position) => {
          position.path = path
          return Effect.zipRight(Effect.yieldNow(), here)
        })
      const seen = yield* body(Effect.all([item("a"), item("b")], { concurrency: "unbounded" }))
      assert.deepStrictEqual(seen, ["a", "b"])
    }))
})
