import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as Deadlines from "../../src/workflow/Deadlines.ts"

const make = Effect.map(Effect.clock, Deadlines.make)

const until = <A, E>(deadlines: Deadlines.Deadlines, at: number, work: Effect.Effect<A, E>) =>
  Effect.uninterruptibleMask((restore) => deadlines.until(at, work, restore))

const hasTimedOut = <A, E>(exit: Exit.Exit<A, E | typeof Deadlines.timedOut>) =>
  Exit.isFailure(exit) && Option.contains(Cause.failureOption(exit.cause), Deadlines.timedOut)

/** Work that notes when it began and when it was interrupted. */
const noted = (notes: Array<string>, name: string) =>
  Effect.never.pipe(
    Effect.onInterrupt(() => Effect.map(Clock.currentTimeMillis, (at) => notes.push(`${name} at ${at}`)))
  )

/** Collects what nothing holds any more. */
const collect = Effect.sync(() => {
  V8.setFlagsFromString("--expose-gc")
  const run: () => void = Vm.runInNewContext("gc")
  run()
})

it.live("the results of work that has ended are not kept, however long other work goes on", () =>
  Effect.gen(function*() {
    const deadlines = yield* make
    const now = yield* Clock.currentTimeMillis
    const slow = yield* Effect.fork(until(deadlines, now + 3_600_000, Effect.never))
    yield* Effect.yieldNow()
    const results = yield* Effect.forEach(Array.from({ length: 10 }), () =>
      Effect.map(
        until(deadlines, now + 3_600_001, Effect.sync(() => ({ answer: "x".repeat(1_000) }))),
        (exit) => new WeakRef(Exit.isSuccess(exit) ? exit.value : exit)
      ))
    // a turn of its own, because what a turn has touched stays until its end
    yield* Effect.sleep(1)
    yield* collect
    assert.strictEqual(results.filter((result) => result.deref() !== undefined).length, 0)
    yield* Fiber.interrupt(slow)
    yield* deadlines.close
  }))

describe("work", () => {
  it.effect("that ends in time gives its value or its error", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      assert.deepStrictEqual(yield* until(deadlines, 100, Effect.succeed(1)), Exit.succeed(1))
      assert.deepStrictEqual(yield* until(deadlines, 100, Effect.fail("no")), Exit.fail("no"))
      const slow = yield* Effect.fork(until(deadlines, 100, Effect.as(Effect.sleep(99), 2)))
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(yield* Fiber.join(slow), Exit.succeed(2))
      yield* deadlines.close
    }))

  it.effect("that has not ended is interrupted at its deadline, not before", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const notes: Array<string> = []
      const fiber = yield* Effect.fork(until(deadlines, 100, noted(notes, "work")))
      yield* TestClock.adjust(99)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      assert.isTrue(hasTimedOut(yield* Fiber.join(fiber)))
      assert.deepStrictEqual(notes, ["work at 100"])
      yield* deadlines.close
    }))

  it.effect("whose deadline has passed already does not go on", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      yield* TestClock.setTime(1_000)
      const fiber = yield* Effect.fork(until(deadlines, 10, Effect.never))
      yield* TestClock.adjust(0)
      assert.isTrue(hasTimedOut(yield* Fiber.join(fiber)))
      yield* deadlines.close
    }))

  it.effect("that ends at the very instant of its deadline has one end, with its answer or without", () =>
    Effect.gen(function*() {
      for (const first of ["work", "deadline"]) {
        const deadlines = yield* make
        const at = (yield* Clock.currentTimeMillis) + 100
        const answer = yield* Deferred.make<string>()
        const work = until(deadlines, at, Deferred.await(answer))
        const ready = Effect.zipRight(Effect.sleep(100), Deferred.succeed(answer, "in time"))
        if (first === "work") yield* Effect.fork(ready)
        const fiber = yield* Effect.fork(work)
        if (first === "deadline") yield* Effect.fork(ready)
        yield* TestClock.adjust(100)
        const exit = yield* Fiber.join(fiber)
        assert.isTrue(hasTimedOut(exit) || Exit.isSuccess(exit), first)
        yield* deadlines.close
      }
    }))

  it.effect("that fails or dies as it is interrupted says so", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const work = Effect.onInterrupt(Effect.never, () => Effect.die("broken"))
      const fiber = yield* Effect.fork(until(deadlines, 100, work))
      yield* TestClock.adjust(100)
      const exit = yield* Fiber.join(fiber)
      assert.isTrue(Exit.isFailure(exit) && (hasTimedOut(exit) || Option.isSome(Cause.dieOption(exit.cause))))
      yield* deadlines.close
    }))

  it.effect("without an end to its time is not disturbed", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const fiber = yield* Effect.fork(until(deadlines, Infinity, Effect.as(Effect.sleep("365 days"), 1)))
      yield* TestClock.adjust("365 days")
      assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.succeed(1))
      yield* deadlines.close
    }))
})

describe("many deadlines", () => {
  it.effect("each end their own work, in the order of time and not of asking", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(
            FastCheck.record({
              at: FastCheck.integer({ min: 1, max: 8 }),
              takes: FastCheck.integer({ min: 1, max: 9 })
            }),
            { maxLength: 30 }
          ),
          (works) =>
            Effect.gen(function*() {
              const deadlines = yield* make
              const fibers = yield* Effect.forEach(works, ({ at, takes }, index) =>
                Effect.fork(Effect.map(
                  Effect.zip(until(deadlines, at, Effect.as(Effect.sleep(takes), index)), Clock.currentTimeMillis),
                  ([exit, end]) => ({ exit, end })
                )))
              for (let now = 1; now <= 9; now++) yield* TestClock.adjust(1)
              const ends = yield* Fiber.join(Fiber.all(fibers))
              works.forEach(({ at, takes }, index) => {
                const end = ends[index] ?? assert.fail("no end")
                assert.strictEqual(end.end, Math.min(at, takes))
                if (takes < at) assert.deepStrictEqual(end.exit, Exit.succeed(index))
                if (takes > at) assert.isTrue(hasTimedOut(end.exit))
              })
              yield* deadlines.close
            }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)
        ),
        { numRuns: 20 }
      )
    ))

  it.effect("that come one after another are kept too: the alarm is set again", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      for (let round = 1; round <= 5; round++) {
        const fiber = yield* Effect.fork(until(deadlines, round * 100, Effect.never))
        yield* TestClock.setTime(round * 100)
        assert.isTrue(hasTimedOut(yield* Fiber.join(fiber)), `round ${round}`)
      }
      yield* deadlines.close
    }))

  it.effect("an earlier one that is asked for later is kept, and the later one after it", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const notes: Array<string> = []
      const late = yield* Effect.fork(until(deadlines, 1_000, noted(notes, "late")))
      yield* TestClock.adjust(1)
      const early = yield* Effect.fork(until(deadlines, 10, noted(notes, "early")))
      yield* TestClock.setTime(5_000)
      assert.isTrue(hasTimedOut(yield* Fiber.join(early)))
      assert.isTrue(hasTimedOut(yield* Fiber.join(late)))
      assert.deepStrictEqual(notes.map((note) => note.split(" ")[0]), ["early", "late"])
      yield* deadlines.close
    }))

  it.effect("one whose work has ended does not hold the others up", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const slow = yield* Effect.fork(until(deadlines, 200, Effect.never))
      yield* until(deadlines, 100, Effect.void)
      yield* TestClock.adjust(150)
      assert.isTrue(Option.isNone(yield* Fiber.poll(slow)))
      yield* TestClock.adjust(50)
      assert.isTrue(hasTimedOut(yield* Fiber.join(slow)))
      yield* deadlines.close
    }))
})

describe("an interruption of the caller", () => {
  it.effect("ends the work first and is part of what is given", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const notes: Array<string> = []
      const seen = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      const fiber = yield* Effect.fork(Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(deadlines.until(100, noted(notes, "work"), restore), (exit) => Deferred.succeed(seen, exit))
      ))
      yield* TestClock.adjust(40)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(notes, ["work at 40"])
      const exit = yield* Deferred.await(seen)
      assert.isTrue(Exit.isInterrupted(exit) && !hasTimedOut(exit))
      yield* deadlines.close
    }))

  it.effect("waits for work that takes its time to stop", () =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const work = Effect.onInterrupt(Effect.never, () => Effect.sleep(30))
      const fiber = yield* Effect.fork(until(deadlines, 100, work))
      yield* TestClock.adjust(10)
      const stopping = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust(29)
      assert.isTrue(Option.isNone(yield* Fiber.poll(stopping)))
      yield* TestClock.adjust(1)
      yield* Fiber.join(stopping)
      yield* deadlines.close
    }))
})

/** How many fibers live at a moment, beside the one that counts. */
const counting = <A, E, R>(use: (live: Effect.Effect<number>) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Supervisor.track, (supervisor) =>
    Effect.supervised(
      use(Effect.zipRight(
        Effect.repeatN(Effect.yieldNow(), 20),
        Effect.map(supervisor.value, (fibers) => fibers.length)
      )),
      supervisor
    ))

// on the live clock, because a test clock has a fiber of its own; nothing here waits for time to pass
const farAway = 1e15

it.live("one fiber sleeps however many calls are under way, and none when it is closed", () =>
  counting((live) =>
    Effect.gen(function*() {
      const deadlines = yield* make
      const fibers = yield* Effect.forEach(
        Array.from({ length: 500 }, (_, index) => farAway + (index * 7919) % 500),
        (at) => Effect.fork(until(deadlines, at, Effect.never))
      )
      // each call has a fiber that waits and one that works
      assert.strictEqual(yield* live, 2 * 500 + 1)
      yield* Effect.forEach(fibers, Fiber.interrupt, { concurrency: "unbounded" })
      assert.strictEqual(yield* live, 1)
      yield* deadlines.close
      assert.strictEqual(yield* live, 0)
    })
  ))

it.live("closing ends the sleeping fiber, however often it was set again, and may be done twice", () =>
  counting((live) =>
    Effect.gen(function*() {
      const deadlines = yield* make
      for (const at of [100, 50, 75, 25]) yield* until(deadlines, farAway + at, Effect.void)
      yield* Effect.forEach([80, 60, 40, 20], (at) => until(deadlines, farAway + at, Effect.yieldNow()), {
        concurrency: "unbounded"
      })
      assert.strictEqual(yield* live, 1)
      yield* deadlines.close
      assert.strictEqual(yield* live, 0)
      yield* deadlines.close
    })
  ))
