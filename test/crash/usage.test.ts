import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"

describe("what a request told before its process was killed", () => {
  it("is on the request, counts in the budget, and stays when the run is taken up", async () => {
    const scene = Crash.newScene()
    const orders = { workflow: "teller", budget: 100_000 }
    const process = Crash.start(scene, { action: "start", ...orders, hang: ["telling a lot"] })
    const told = await Crash.until(
      "tokens were reported",
      () => Crash.snapshot(scene.home).attempts.find((attempt) => attempt["input_tokens"] === 30)
    )
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    Invariants.afterKill(scene)
    const session = `session of ${Crash.callIdOf(told)}`
    assert.deepInclude(told, { status: "running", session_id: session, reserved_tokens: 10 })

    const report = await Crash.report(scene, { action: "resume", ...orders })
    // the lost request at what it told, which is more than was set aside for it, and the one that was answered
    assert.deepInclude(report, { status: "done", spentTokens: 30 + 10 })
    const { attempts, calls } = Invariants.afterEnd(scene, report)
    assert.deepInclude(attempts[0], { status: "lost", input_tokens: 30, session_id: session })
    assert.deepInclude(calls[0], { status: "done", attempts: 2, input_tokens: 34, output_tokens: 6 })
  })
})
