import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import type { Orders } from "./fixtures/orders.ts"

const cases: ReadonlyArray<{
  readonly trouble: NonNullable<Orders["trouble"]>
  readonly what: string
  readonly code: number
  readonly status: string
}> = [
  { trouble: "throw", what: "an exception in its body", code: 0, status: "failed" },
  { trouble: "uncaught", what: "an exception nobody catches", code: 1, status: "running" },
  { trouble: "unhandled", what: "a rejection nobody handles", code: 1, status: "running" },
  { trouble: "exit", what: "process.exit(0)", code: 0, status: "running" }
]

describe("a run broken off", () => {
  for (const { code, status, trouble, what } of cases) {
    it(`by ${what} is not done, and can be taken up`, async () => {
      const scene = Crash.newScene()
      const ended = await Crash.run(scene, { action: "start", workflow: "trouble", trouble, hang: ["after"] })
      assert.deepStrictEqual([ended.code, ended.signal], [code, null], ended.stderr)
      assert.strictEqual(ended.report?.status, status === "failed" ? "failed" : undefined)
      const cut = Invariants.cut(scene)
      assert.strictEqual(cut.found.runs[0]?.["status"], status)
      assert.strictEqual(cut.done.size, 3)
      const shown = await Crash.report(scene, { action: "status", workflow: "" })
      assert.strictEqual(shown.status, status === "failed" ? "failed" : "interrupted")

      const report = await Crash.report(scene, { action: "resume", workflow: "trouble" })
      assert.deepInclude(report, { status: "done", attempt: 2, errorKind: null })
      Invariants.afterEnd(scene, report)
      Invariants.paidOnce(scene, [cut], 4)
    })
  }
})
