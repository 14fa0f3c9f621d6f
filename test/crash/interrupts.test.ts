import { assert, beforeAll, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import type { Moment } from "./fixtures/orders.ts"
import * as Journey from "./journey.ts"

const steps: ReadonlyArray<Moment["step"]> = [
  "run.create",
  "call.begin",
  "call.ask",
  "call.retry",
  "call.settle",
  "call.record",
  "run.event",
  "run.finish",
  "files.call",
  "files.run"
]

describe("a run interrupted at a step", () => {
  let journey: Journey.Journey

  beforeAll(async () => {
    journey = await Journey.make()
  })

  for (const step of steps) {
    for (const moment of ["before", "after"] as const) {
      it(`${moment} a ${step} leaves nothing open and ends the same when it is taken up`, async () => {
        const scene = Crash.copyOf(journey.template)
        const hit = Math.ceil(Journey.hitsOf(journey, step, moment) / 2)
        const { code, pid, stderr } = await Crash.run(scene, {
          ...Journey.orders(scene, 1),
          interrupt: { step, moment, hit }
        })
        assert.strictEqual(code, 0, stderr)
        assert.deepStrictEqual(Crash.died(scene), [{ step, moment, hit, pid }])
        const cut = Invariants.cut(scene, Invariants.afterStop)
        await Journey.endsTheSame(journey, scene, [cut])
      })
    }
  }
})
