import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Silence from "../../../src/internal/subprocess/Silence.ts"

const watch = (limit: Duration.DurationInput) => {
  const state = { count: 0, isHeld: false }
  const activity = { count: () => state.count, isHeld: () => state.isHeld }
  return Effect.map(
    Effect.fork(Silence.longerThan(Duration.decode(limit), activity)),
    (fiber) => ({
      hear: () => state.count++,
      hold: (isHeld: boolean) => state.isHeld = isHeld,
      isOver: Effect.map(Fiber.poll(fiber), (exit) => exit._tag === "Some")
    })
  )
}

describe("TI-4, PC-7: silence", () => {
  it.effect("is over the limit once nothing was heard for that long", () =>
    Effect.gen(function*() {
      const { hear, isOver } = yield* watch("20 seconds")
      yield* TestClock.adjust("19 seconds")
      assert.isFalse(yield* isOver)
      hear()
      yield* TestClock.adjust("19 seconds")
      assert.isFalse(yield* isOver)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(yield* isOver)
    }))

  it.effect("never comes while something is heard from time to time", () =>
    Effect.gen(function*() {
      const { hear, isOver } = yield* watch("10 seconds")
      for (let n = 0; n < 12; n++) {
        hear()
        yield* TestClock.adjust("9 seconds")
      }
      assert.isFalse(yield* isOver)
    }))

  it.effect("is not counted while it is ours", () =>
    Effect.gen(function*() {
      const { hold, isOver } = yield* watch("4 seconds")
      hold(true)
      yield* TestClock.adjust("12 seconds")
      assert.isFalse(yield* isOver)
      hold(false)
      yield* TestClock.adjust("3 seconds")
      assert.isFalse(yield* isOver)
      yield* TestClock.adjust("1500 millis")
      assert.isTrue(yield* isOver)
    }))
})
