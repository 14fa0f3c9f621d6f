/**
 * What reports of other kinds of runs show: one with many runs below it, one that failed, one that waits for a person.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import type { RunId } from "open-agent-workflows/domain/Ids"
import type { RunFacts, RunReport } from "open-agent-workflows/report/RunReport"
import type { Browser, Page } from "playwright-core"
import { fileOf, pageOf, silence } from "./chromium.ts"
import type { Seen } from "./chromium.ts"
import { contrasts } from "./contrast.ts"
import { call, eventsOf, reportOf, run, runId, start } from "./samples.ts"

const children = Array.from({ length: 40 }, (_, at): RunFacts => ({
  ...run,
  id: `20261120-0913${String(at).padStart(2, "0")}-7d02hvw5n8pe` as RunId,
  parentRunId: runId,
  depth: 1,
  workflow: "inspect",
  status: "done",
  attempt: 1,
  createdAt: start + 1000 + at * 500,
  completedAt: start + 3000 + at * 500
}))

/** A run that asks, runs the same workflow forty times, and asks again. */
const family: RunReport = (() => {
  const calls = [
    call(0, { phase: "list", label: "list" }),
    call(1, { phase: "conclude", label: "conclude", at: 30_000 }),
    ...children.flatMap(({ id }, at) => [
      call(0, { runId: id, phase: "read", label: `read ${at}`, at: 1000 + at * 500 }),
      call(1, { runId: id, phase: "judge", label: `judge ${at}`, at: 2000 + at * 500 })
    ])
  ]
  return reportOf(calls, { runs: [run, ...children], events: eventsOf(calls) })
})()

const failed: RunReport = reportOf([
  call(0),
  call(1, {
    status: "failed",
    provider: "no-such-provider",
    model: "",
    position: "",
    attempts: [],
    outputText: null,
    errorKind: "InvalidCall",
    error: "unknown provider"
  }),
  call(2, {
    status: "degraded",
    errorKind: "Transport",
    error: "nothing answers at its address",
    degradedReason: "nothing answers at its address"
  })
], {
  run: { ...run, status: "failed", error: { kind: "InvalidCall", message: "unknown provider" }, output: null },
  warnings: [{ callId: call(2).id, message: "a declared value stands in for the answer" }]
})

const waiting: RunReport = reportOf([call(0)], {
  run: { ...run, status: "waiting", completedAt: null, output: null },
  approvals: ["gate", "it's late"].map((name) => ({
    runId,
    name,
    question: "Go on?",
    askedAt: start,
    decision: null,
    message: null,
    decidedAt: null
  }))
})

/** The tests, in a browser that is there when they run. */
export const kindsTests = (browser: () => Browser): void => {
  describe("of other kinds of runs", () => {
    let page: Page
    let seen: Seen

    beforeAll(async () => {
      ;({ page, seen } = await pageOf(browser()))
    })
    afterAll(() => page?.context().close())
    afterEach(() => assert.deepStrictEqual(seen, silence))

    const bands = (): Promise<ReadonlyArray<string>> => page.locator(".band-list .band-name").allInnerTexts()

    it("has one band for a phase of a workflow that ran many times, and all in order of time", async () => {
      await page.goto(fileOf(family))
      assert.deepStrictEqual((await bands()).map((text) => text.replaceAll("\n", ", ").replace(/ · .*/, "")), [
        "list, 1 call",
        "inspect › read, 40 calls",
        "inspect › judge, 40 calls",
        "conclude, 1 call"
      ])
      await page.getByRole("button", { name: /inspect › judge/ }).click()
      assert.strictEqual(await page.locator(".found").innerText(), "40 of 82")
      const address = page.url()
      await page.goto("about:blank")
      await page.goto(address)
      assert.strictEqual(await page.locator(".found").innerText(), "40 of 82")
      await page.getByRole("button", { name: "Clear" }).click()
      assert.deepStrictEqual((await page.locator(".rows .name bdi").allTextContents()).slice(0, 4), [
        "list",
        "read 0",
        "read 1",
        "judge 0"
      ])
      for (const key of ["j", "j", "Enter"]) await page.keyboard.press(key)
      assert.include(await page.getByRole("dialog").innerText(), "read 0")
      await page.goto(`${address.split("#")[0]}#tab=events`)
      assert.include(await page.locator(".event-row", { hasText: "read 0" }).first().innerText(), " (inspect)")
    })

    it("says what is wrong without being asked, each thing once", async () => {
      const file = fileOf(failed)
      await page.goto(file)
      assert.isTrue(await page.getByText("a declared value stands in for the answer").isVisible())
      assert.deepStrictEqual(await page.locator(".rows .call-row:nth-child(2) .quiet").allInnerTexts(), [
        "scan",
        "no-such-provider"
      ])
      await page.goto(`${file}#call=${call(2).id}`)
      assert.strictEqual(
        (await page.getByRole("dialog").innerText()).split("nothing answers at its address").length,
        2
      )
      await page.goto(`${file}#call=${call(1).id}`)
      assert.notInclude(await page.locator("#section-details").innerText(), "Position")
    })

    it("names the command that answers what a person is asked", async () => {
      await page.goto(fileOf(waiting))
      assert.deepStrictEqual(await page.locator(".problem.waiting .command code").allInnerTexts(), [
        `owf approve ${runId} gate`,
        `owf approve ${runId} 'it'\\''s late'`
      ])
    })

    it.each(["light", "dark"] as const)("can be read in %s, also in a narrow window", async (colorScheme) => {
      await page.emulateMedia({ colorScheme })
      for (const width of [1440, 800]) {
        await page.setViewportSize({ width, height: 600 })
        for (const [report, hash] of [[family, ""], [failed, `#call=${call(2).id}`], [waiting, ""]] as const) {
          await page.goto(fileOf(report) + hash)
          assert.deepStrictEqual((await page.evaluate(contrasts)).poor, [], hash)
          assert.isAtMost(await page.evaluate(() => document.documentElement.scrollWidth), width)
        }
      }
    })
  })
}
