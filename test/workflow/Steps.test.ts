import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { agent, OwfTest, parallel, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { step } from "open-agent-workflows/workflow/Verbs"

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

describe("step", () => {
  it.effect("makes its value once: a resumed run is given the one it had, in every branch its own", () =>
    Effect.gen(function*() {
      const drawn = yield* Ref.make(0)
      const draw = step("draw", Schema.Number, Ref.updateAndGet(drawn, (n) => n + 1))
      const broken = yield* Ref.make(true)
      const provider = Scripted.make(() =>
        Effect.map(Ref.get(broken), (isBroken) => isBroken ? Scripted.fail("Authentication") : Scripted.answer("ok"))
      )
      const flow = Workflow.make({ name: "draws", output: Schema.Array(Schema.Number) }, function*() {
        const first = yield* draw
        const second = yield* draw
        const others = yield* parallel([0, 1, 2].map((delay) => Effect.delay(draw, (3 - delay) * 10)))
        yield* agent("go")
        return [first, second, ...others.map((value) => typeof value === "number" ? value : -1)]
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(flow, {}))
        yield* OwfTest.adjust("1 seconds")
        const first = yield* Fiber.join(fiber)
        assert.strictEqual(first.status, "failed")
        yield* Ref.set(broken, false)
        const again = yield* Effect.fork(Workflow.resume(flow, yield* latest))
        yield* OwfTest.adjust("1 seconds")
        assert.deepInclude(yield* Fiber.join(again), { status: "done", outputJson: "[1,2,5,4,3]" })
        assert.strictEqual(yield* Ref.get(drawn), 5)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))
})
