import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"

const budget = Invariants.priceOf(5)

const crowd = { workflow: "crowd", args: { size: 20, concurrency: 20 } }

const queue = { workflow: "queue", args: { size: 20 } }

describe("a budget", () => {
  it("of five requests sends five of twenty, all at once", async () => {
    const scene = Crash.newScene()
    const latency = { seed: 1, least: 0, most: 20 }
    const report = await Crash.report(scene, { action: "start", ...crowd, budget, latency })
    assert.strictEqual(Crash.asked(scene).length, 5)
    assert.deepInclude(report, { status: "done", spentTokens: 50 })
    const refused = JSON.parse(report.outputJson!).filter((item: unknown) => typeof item === "object")
    assert.deepStrictEqual(
      refused.map((item: { readonly status: string }) => item.status),
      Array(15).fill("budget_exceeded")
    )
    Invariants.afterEnd(scene, report)
  })

  it("that runs out interrupts the run, is not renewed by resuming it, and can be raised", async () => {
    const scene = Crash.newScene()
    const interrupted = { status: "interrupted", errorKind: "BudgetExceeded", spentTokens: 50 }
    const first = await Crash.report(scene, { action: "start", ...queue, budget })
    assert.deepInclude(first, { ...interrupted, attempt: 1 })
    assert.strictEqual(first.failure?.tag, "BudgetExceeded")
    assert.strictEqual(Crash.asked(scene).length, 5)

    const again = await Crash.report(scene, { action: "resume", ...queue })
    assert.deepInclude(again, { ...interrupted, attempt: 2 })
    assert.strictEqual(Crash.asked(scene).length, 5)

    const raised = await Crash.report(scene, { action: "resume", ...queue, budget: Invariants.priceOf(12) })
    assert.deepInclude(raised, { ...interrupted, attempt: 3, spentTokens: 120 })
    assert.strictEqual(Crash.asked(scene).length, 12)

    const enough = await Crash.report(scene, { action: "resume", ...queue, budget: Invariants.priceOf(20) })
    assert.deepInclude(enough, { status: "done", attempt: 4, spentTokens: 200 })
    assert.strictEqual(Crash.asked(scene).length, 20)
    Invariants.afterEnd(scene, enough)
  })

  it("holds over a kill at 60 % and five resumes that are killed too", async () => {
    const scene = Crash.newScene()
    const cuts: Array<Invariants.Cut> = []
    const step = async (orders: Pick<Parameters<typeof Crash.run>[1], "action" | "budget" | "kill">) => {
      const ended = await Crash.run(scene, { ...queue, ...orders })
      cuts.push(Invariants.cut(scene))
      assert.isAtMost(Crash.asked(scene).length, 5)
      return ended
    }
    const third = await step({ action: "start", budget, kill: { step: "call.settle", moment: "after", hit: 3 } })
    assert.strictEqual(third.signal, "SIGKILL")
    assert.strictEqual(cuts[0]?.done.size, 3)
    // an answer that came and was not stored is paid for all the same
    const fourth = await step({ action: "resume", kill: { step: "call.ask", moment: "after", hit: 1 } })
    assert.strictEqual(fourth.signal, "SIGKILL")
    // a request that was about to be sent counts, because nobody can tell
    const fifth = await step({ action: "resume", kill: { step: "call.ask", moment: "before", hit: 1 } })
    assert.strictEqual(fifth.signal, "SIGKILL")
    const sixth = await step({ action: "resume", kill: { step: "call.record", moment: "before", hit: 1 } })
    assert.strictEqual(sixth.signal, "SIGKILL")
    const seventh = await step({ action: "resume", kill: { step: "run.finish", moment: "before", hit: 1 } })
    assert.strictEqual(seventh.signal, "SIGKILL")
    const { report } = await step({ action: "resume" })
    assert.deepInclude(report, { status: "interrupted", errorKind: "BudgetExceeded", spentTokens: 50 })
    assert.strictEqual(Crash.asked(scene).length, 4)
    Invariants.paidOnce(scene, cuts, 5)

    const enough = await Crash.report(scene, { action: "resume", ...queue, budget: Invariants.priceOf(22) })
    assert.deepInclude(enough, { status: "done", spentTokens: 220 })
    Invariants.afterEnd(scene, enough)
    Invariants.paidOnce(scene, cuts, 20)
  })
})
