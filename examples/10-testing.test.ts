/**
 * Tests with scripted answers and a test clock.
 *
 * `Scripted` answers the workflow of 02-typed-output.ts, `OwfTest.layer` gives it a store of its own, and the test clock
 * passes the waits between retries. The requests a workflow sent can be looked at afterwards.
 *
 *     npx vitest run examples/10-testing.test.ts
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { OwfTest, Scripted } from "open-agent-workflows"
import classify from "./02-typed-output.ts"

const bug = { label: "bug", confidence: 0.9, reasons: ["it says so"] }

describe("classify", () => {
  it.effect("labels issues in their order", () =>
    Effect.gen(function*() {
      const provider = Scripted.make([
        Scripted.when("crash", Scripted.value(bug)),
        Scripted.value({ label: "feature", confidence: 0.5, reasons: [] })
      ])
      const labels = yield* classify({ issues: ["Add a theme", "It crashed"] }).pipe(
        Effect.provide(OwfTest.layer({ provider }))
      )
      assert.deepStrictEqual(labels, [
        { issue: "Add a theme", label: "feature" },
        { issue: "It crashed", label: "bug" }
      ])
      assert.lengthOf(yield* provider.requests, 2)
    }))

  it.effect("waits as long as the provider asks for before it tries again", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.sequence([
        Scripted.fail("RateLimited", { retryAfter: "1 minute" }),
        Scripted.value(bug)
      ]))
      const labels = yield* classify({ issues: ["It crashed"] }).pipe(
        Effect.provide(OwfTest.layer({ provider })),
        whileTimePasses
      )
      assert.deepStrictEqual(labels, [{ issue: "It crashed", label: "bug" }])
      assert.lengthOf(yield* provider.requests, 2)
      assert.isAtLeast(yield* Clock.currentTimeMillis, 60_000)
    }))

  it.effect("asks again with what was wrong", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(
        Scripted.sequence([Scripted.value({ ...bug, label: "defect" }), Scripted.value(bug)])
      )
      const labels = yield* classify({ issues: ["It crashed"] }).pipe(Effect.provide(OwfTest.layer({ provider })))
      assert.deepStrictEqual(labels, [{ issue: "It crashed", label: "bug" }])
      const [, second] = yield* provider.requests
      assert.include(second?.correction?.problem ?? "", "label")
    }))
})

/** Lets the test clock run until the effect ends. */
const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.raceFirst(effect, Effect.forever(TestClock.adjust("1 second")))
