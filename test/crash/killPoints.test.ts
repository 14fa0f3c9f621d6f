import { assert, beforeAll, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import { pick, randomFrom, seed } from "../lib/random.ts"
import type { Moment } from "./fixtures/orders.ts"
import * as Journey from "./journey.ts"

type Step = Moment["step"]

let journey: Journey.Journey

beforeAll(async () => {
  journey = await Journey.make()
})

/** Goes on until it dies at a moment, and looks at what is left. */
const dieAt = async (scene: Crash.Scene, kill: Moment): Promise<Invariants.Cut> => {
  const before = Crash.died(scene).length
  const ended = await Crash.run(scene, { ...Journey.orders(scene, 1), kill })
  assert.strictEqual(ended.signal, "SIGKILL", ended.stderr)
  assert.deepStrictEqual(Crash.died(scene).slice(before), [{ ...kill, pid: ended.pid }])
  return Invariants.cut(scene)
}

const occurrences = ["first", "middle", "last"] as const

/** The number of the first, the middle or the last time a moment comes. */
const hitOf = (step: Step, moment: Moment["moment"], occurrence: typeof occurrences[number]): number => {
  const hits = Journey.hitsOf(journey, step, moment)
  return occurrence === "first" ? 1 : occurrence === "last" ? hits : Math.ceil(hits / 2)
}

const often: ReadonlyArray<Step> = [
  "call.begin",
  "call.ask",
  "call.retry",
  "call.settle",
  "run.event",
  "files.call",
  "files.run"
]

const twice: ReadonlyArray<Step> = ["run.create", "call.record", "run.finish"]

const moments = [...often, ...twice].flatMap((step) =>
  occurrences.filter((occurrence) => occurrence !== "middle" || often.includes(step)).flatMap((occurrence) =>
    (["before", "after"] as const).map((moment) => ({ step, moment, occurrence }))
  )
)

describe("a run killed at a step and taken up again", () => {
  for (const { moment, occurrence, step } of moments) {
    it(`${moment} the ${occurrence} ${step}`, async () => {
      const scene = Crash.copyOf(journey.template)
      const cut = await dieAt(scene, { step, moment, hit: hitOf(step, moment, occurrence) })
      await Journey.endsTheSame(journey, scene, [cut])
    })
  }
})

describe("a run killed while it is taken up", () => {
  for (const moment of ["before", "after"] as const) {
    for (const [hit, what] of [[1, "itself"], [2, "its child"]] as const) {
      it(`${moment} ${what} is taken up`, async () => {
        const scene = Crash.copyOf(journey.template)
        const hits = hitOf("call.settle", "after", "last")
        const first = await dieAt(scene, { step: "call.settle", moment: "after", hit: hits })
        const second = await dieAt(scene, { step: "run.acquire", moment, hit })
        await Journey.endsTheSame(journey, scene, [first, second])
      })
    }
  }

  it.each([seed, seed + 1])("five times in a row (seed %i)", async (seed) => {
    const random = randomFrom(seed)
    const scene = Crash.copyOf(journey.template)
    const cuts = [await dieAt(scene, { step: "call.settle", moment: "after", hit: 3 })]
    for (let depth = 1; depth <= 5; depth++) {
      // moments that come whenever a run that is not near its end is taken up
      const step = pick(random, ["run.acquire", "call.begin", "call.ask", "call.settle", "run.event"])
      const moment = pick(random, ["before", "after"])
      cuts.push(await dieAt(scene, { step, moment, hit: step === "run.acquire" ? 1 : pick(random, [1, 2]) }))
    }
    const attempts = Crash.snapshot(scene.home).runs.find((run) => run["workflow_name"] === "journey")
    assert.isAtLeast(Number(attempts?.["attempt_number"]), 2)
    await Journey.endsTheSame(journey, scene, cuts)
  })
})
