import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"

const started = (attempt: Crash.Row | undefined): number => Date.parse(String(attempt?.["started_at"]))

describe("YG-10: a wait for a limit whose process is killed", () => {
  it("is on record, and is gone on with for what is left of it", async () => {
    const scene = Crash.newScene()
    const orders = { workflow: "capped", args: { millis: 4_000 } }
    const process = Crash.start(scene, { action: "start", ...orders })
    const waiting = await Crash.until(
      "the call waits",
      () => Crash.snapshot(scene.home).calls.find(({ status }) => status === "waiting")
    )
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    Invariants.afterKill(scene)
    const { until } = JSON.parse(String(waiting["recovery_json"]))
    assert.deepInclude(await Crash.report(scene, { action: "status", ...orders }), { status: "interrupted" })

    const report = await Crash.report(scene, { action: "resume", ...orders })
    assert.deepInclude(report, { status: "done", attempt: 2 })
    const { attempts, calls } = Invariants.afterEnd(scene, report)
    assert.deepInclude(calls[0], { status: "done", attempts: 2 })
    assert.strictEqual(Crash.asked(scene).length, 2)
    // neither earlier than the limit ends nor as late as a wait that was begun anew
    const asked = started(attempts[1]) - Date.parse(until)
    assert.isTrue(asked >= 0 && asked < 2_500, `asked ${asked} ms after the limit ended`)
  }, 30_000)

  it.each([1, 2, 3].flatMap((hit) => [["before", hit], ["after", hit]] as const))(
    "%s its %s. write is waited for once and asked for twice",
    async (moment, hit) => {
      const scene = Crash.newScene()
      const orders = { workflow: "capped", args: { millis: 300 } }
      const killed = await Crash.run(scene, { action: "start", ...orders, kill: { step: "call.retry", moment, hit } })
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.strictEqual(Crash.died(scene).length, 1)
      Invariants.afterKill(scene)
      const report = await Crash.report(scene, { action: "resume", ...orders })
      assert.deepInclude(report, { status: "done" })
      const { attempts } = Invariants.afterEnd(scene, report)
      assert.strictEqual(Crash.asked(scene).length, 2)
      assert.strictEqual(attempts.at(-1)?.["status"], "done")
    },
    30_000
  )
})
