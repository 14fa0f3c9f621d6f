import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import { randomFrom, seed } from "../lib/random.ts"

const rounds = 20

const orders = (latencies: number) => ({
  workflow: "crowd",
  args: { size: 60, concurrency: 6 },
  latency: { seed: latencies, least: 150, most: 450 }
})

describe("a run killed again and again", () => {
  it(`at ${rounds} random moments ends as if nothing had happened (seed ${seed})`, async () => {
    const other = Crash.newScene()
    const uninterrupted = await Crash.report(other, {
      action: "start",
      ...orders(0),
      latency: { seed: 0, least: 0, most: 0 }
    })

    const random = randomFrom(seed)
    const scene = Crash.newScene()
    const cuts: Array<Invariants.Cut> = []
    const progress: Array<number> = []
    while (cuts.length < rounds) {
      const started = Crash.snapshot(scene.home).runs.length > 0
      const process = Crash.start(scene, { action: started ? "resume" : "start", ...orders(seed + cuts.length) })
      const after = random()
      // in turns at any moment of its life, and when it has something under way
      const works = () => Crash.asked(scene).some(({ pid }) => pid === process.pid)
      if (cuts.length % 2 === 1) await Promise.race([Crash.until("it sends something", works), process.ended])
      const timer = setTimeout(() => process.kill("SIGKILL"), after * (cuts.length % 2 === 1 ? 600 : 1500))
      const ended = await process.ended
      clearTimeout(timer)
      // a run that came to its end before it was killed has nothing more to show
      if (ended.signal !== "SIGKILL") {
        assert.strictEqual(ended.report?.status, "done", ended.stderr)
        break
      }
      const cut = Invariants.cut(scene)
      for (const id of cuts.at(-1)?.done ?? []) assert.isTrue(cut.done.has(id), "what was done stays done")
      progress.push(cut.done.size)
      cuts.push(cut)
    }
    console.log(`killed ${cuts.length} times (seed ${seed}), calls done: ${progress.join(" ")}`)
    assert.isAtLeast(new Set(progress).size, 5, "it was killed at different points")

    const report = await Crash.report(scene, { action: "resume", ...orders(1) })
    assert.strictEqual(report.status, "done")
    assert.strictEqual(report.outputJson, uninterrupted.outputJson)
    Invariants.afterEnd(scene, report)
    Invariants.paidOnce(scene, cuts, 60)
  })
})
