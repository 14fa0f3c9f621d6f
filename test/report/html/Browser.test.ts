import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Url from "node:url"
import type { RunReport } from "open-agent-workflows/report/RunReport"
import type { Browser, Locator, Page } from "playwright-core"
import { owf } from "../../cli/owf.ts"
import { directoryWith } from "../../lib/node.ts"
import { audit } from "./audit.ts"
import { executable, fileOf, launch, pageOf, silence } from "./chromium.ts"
import type { Seen } from "./chromium.ts"
import { contrasts } from "./contrast.ts"
import { hostileTests } from "./hostile.ts"
import { kindsTests } from "./kinds.ts"
import { longRunTests } from "./longRun.ts"
import { call, callId, reportOf, run, start, text } from "./samples.ts"

describe.skipIf(executable === undefined)("the HTML report in Chromium", () => {
  let browser: Browser
  let page: Page
  let seen: Seen
  let file: string

  beforeAll(async () => {
    browser = await launch()
    ;({ page, seen } = await pageOf(browser, { permissions: ["clipboard-read", "clipboard-write"] }))
    file = fileOf(audit)
  })
  afterAll(() => browser?.close())
  afterEach(() => assert.deepStrictEqual(seen, silence))

  /** A fresh look at the report. */
  const visit = async (hash = ""): Promise<void> => {
    await page.emulateMedia({ media: "screen", colorScheme: "light" })
    await page.goto("about:blank")
    await page.goto(file + hash)
  }
  /** Another view of the report that is open. */
  const turn = (hash: string): Promise<void> =>
    page.evaluate((hash) => {
      location.hash = hash
      return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))
    }, hash)
  const rows = (): Locator => page.getByRole("grid", { name: "Calls" }).getByRole("row")
  const drawer = (): Locator => page.getByRole("dialog")
  const names = (): Promise<ReadonlyArray<string>> => page.locator(".rows .name bdi").allTextContents()
  const section = (id: string): Locator => drawer().locator(`#section-${id}`)

  it("is what owf report --html writes of a run", async () => {
    const directory = directoryWith({
      "greet.ts": `import { agent, parallel, phase, Workflow } from "open-agent-workflows"
export default Workflow.make({ name: "greet" }, function*() {
  yield* phase("greetings")
  return yield* parallel(["Ada", "Grace", "Ada"].map((name) => agent("Greet **" + name + "**.", { label: name })))
})
`
    })
    const ran = await owf(directory, "run", "greet.ts", "--json")
    assert.strictEqual(ran.code, 0, ran.stderr.slice(0, 500))
    const written = await owf(directory, "report", "latest", "--html", "--out", "report.html")
    assert.strictEqual(written.code, 0, written.stderr.slice(0, 500))
    await page.goto(Url.pathToFileURL(Path.join(directory, "report.html")).href)
    assert.deepStrictEqual(await names(), ["Ada", "Grace", "Ada"])
    assert.strictEqual(await page.getByRole("heading", { level: 1 }).innerText(), "greet")
    assert.strictEqual(await page.getByRole("img", { name: "greetings: 3 calls" }).count(), 1)
    await page.getByRole("row", { name: /Grace/ }).click()
    assert.strictEqual(await section("prompt").locator("pre").innerText(), "Greet **Grace**.")
    assert.isAbove((await section("answer").innerText()).length, 20)
  })

  it("says first how the run ended, what it cost, how long it took, what the cache saved and where it comes from", async () => {
    await visit()
    const head = (await page.locator("main").innerText()).replaceAll("\u00a0", " ")
    for (
      const text of [
        "dependency-audit",
        "degraded",
        "$2.71",
        "of $5.00",
        "5 min 51 s",
        "15 min 41 s of requests",
        "8 answers",
        "8f3c1e97ab",
        "owf 0.1.0",
        "Node 22.20.0",
        "resumed 1 time"
      ]
    ) {
      assert.include(head, text)
    }
    assert.strictEqual(await page.title(), `dependency-audit degraded – ${audit.run.id}`)
  })

  it("says plainly what failed, and shows those calls when it is asked", async () => {
    await visit()
    await page.getByRole("button", { name: "schema failed 1 call" }).click()
    assert.deepStrictEqual(await names(), ["openai: judge the risk"])
    await page.getByRole("button", { name: "Clear" }).click()
    assert.strictEqual(await rows().count(), await page.locator(".rows .call-row").count())
    assert.isTrue(await page.getByText("it may have been paid for").isVisible())
    await page.getByText("2 warnings").click()
    assert.isFalse(await page.getByText("it may have been paid for").isVisible())
  })

  it("shows the error, what went on with the run and the command that goes on with it where it failed", async () => {
    const failed: RunReport = reportOf([], {
      run: {
        ...run,
        status: "failed",
        error: { kind: "BudgetExceeded", message: "the budget of $5 is spent" },
        resumeCommand: `owf resume ${run.id}`,
        output: null
      }
    })
    await page.goto(fileOf(failed))
    const head = await page.locator("main").innerText()
    for (
      const text of [
        "failed",
        "BudgetExceeded",
        "the budget of $5 is spent",
        `owf resume ${run.id}`,
        "This run made no calls."
      ]
    ) {
      assert.include(head, text)
    }
  })

  it("says what was cut, and how all of it is seen", async () => {
    const { commands } = audit
    const cut = text("the beginning", { size: 3 * 2 ** 20, isCut: true })
    await page.goto(
      `${
        fileOf(reportOf([call(0, { prompt: cut, outputText: cut, changes: [], system: cut })], {
          omitted: { events: 7, texts: 3, textLimit: 65_536 }
        }))
      }#call=${callId(0)}`
    )
    const found = await drawer().innerText()
    for (const command of [commands.prompt, commands.answer, commands.details]) {
      assert.include(found, command.replace("CALL_ID", callId(0)))
    }
    assert.strictEqual(await drawer().getByText("Cut: all of it are 3 MiB.").count(), 3)
    assert.include(
      await page.locator(".notices").innerText(),
      `3 long texts cut. 7 older events left out: ${commands.events}`
    )
  })

  it("shows a run that is not over: what it waits for, what is under way, as of when", async () => {
    const running = call(0, { status: "running", completedAt: null, durationMs: null, outputText: null })
    const waiting = call(1, {
      status: "waiting",
      completedAt: null,
      durationMs: null,
      outputText: null,
      waitingUntil: start + 9e6
    })
    await page.goto(fileOf(reportOf([running, waiting], {
      run: { ...run, status: "waiting", completedAt: null, output: null, attempt: 1 },
      approvals: [{
        runId: run.id,
        name: "deploy",
        question: "Go on?",
        askedAt: start,
        decision: null,
        message: null,
        decidedAt: null
      }],
      waits: [{ runId: run.id, callId: null, from: start + 2000, endedAt: null, until: null, reason: "deploy" }]
    })))
    const head = await page.locator("main").innerText()
    for (const part of ["waiting", "as of 2026-11-20", "Waits for an answer: deploy", "Go on?"]) {
      assert.include(head, part)
    }
    assert.strictEqual(await page.locator(".load .waiting title").textContent(), "the workflow waited: deploy")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    assert.include(await section("answer").innerText(), "There is none yet.")
  })

  it("filters by status, property, phase, provider and text, and clears what was filtered", async () => {
    await visit()
    const found = (): Promise<string> => page.locator(".found").innerText()
    await page.getByRole("button", { name: "timeout 1", exact: true }).click()
    assert.deepStrictEqual(await names(), ["vitest: judge the risk"])
    await page.getByRole("button", { name: "degraded 1", exact: true }).click()
    assert.strictEqual(await found(), "2 of 44")
    await page.getByRole("button", { name: "Clear" }).click()
    await page.getByRole("button", { name: "from cache 8" }).click()
    assert.strictEqual(await found(), "8 of 44")
    await page.getByRole("button", { name: "Clear" }).click()
    await page.getByRole("combobox", { name: "Phase" }).selectOption("changelog › write")
    assert.deepStrictEqual(await names(), ["changelog: fixed", "changelog: changed", "changelog: security"])
    await page.getByRole("button", { name: "Clear" }).click()
    await page.getByRole("combobox", { name: "Provider" }).selectOption("codex:gpt-5.2-codex")
    assert.strictEqual(await found(), "4 of 44")
    await page.getByRole("combobox", { name: "Provider" }).selectOption("anthropic")
    assert.strictEqual(await found(), "40 of 44")
    await page.getByRole("combobox", { name: "Provider" }).selectOption("codex:gpt-5.2-codex")
    await page.getByRole("searchbox", { name: "Search" }).fill("Upgrade MARKED")
    assert.deepStrictEqual(await names(), ["upgrade marked"])
    await page.getByRole("searchbox", { name: "Search" }).fill("nobody wrote this")
    assert.deepStrictEqual(await names(), [])
    await page.getByRole("button", { name: "Show all calls" }).click()
    assert.strictEqual(await found(), "")
  })

  it("finds calls by what was asked and answered, not only by their names", async () => {
    await visit()
    await page.getByRole("searchbox", { name: "Search" }).fill("ajv allowH2")
    assert.deepStrictEqual(await names(), ["ajv: judge the risk"])
    await page.getByRole("searchbox", { name: "Search" }).fill("meduim")
    assert.deepStrictEqual(await names(), ["openai: judge the risk"])
  })

  it("shows a call in full", async () => {
    await visit("#q=meduim")
    await page.getByText("openai: judge the risk").click()
    const text = await drawer().innerText()
    for (
      const part of [
        "schema failed",
        "the answer does not fit its schema after 2 requests",
        "must be one of low, medium, high",
        "\"risk\": \"meduim\"",
        "Judge the risk of the upgrade.",
        "You review upgrades for a team",
        "anthropic:claude-sonnet-4-6",
        "prices 2026-11-14",
        "no earlier call asked this",
        `owf cat ${callId(30)}`,
        callId(30)
      ]
    ) {
      assert.include(text, part)
    }
    await section("requests").locator("summary").click()
    assert.include(await section("requests").innerText(), "sess_01H30K9Q")
    assert.deepStrictEqual(await section("cache").locator(".part").allTextContents(), ["prompt", "model", "files"])
    assert.strictEqual(await section("schema").getByRole("treeitem").first().getAttribute("aria-expanded"), "true")
  })

  it("shows requests, the waits between them and what recovery did, in order", async () => {
    await visit(`#call=${callId(40)}`)
    const steps = await section("requests").locator(".attempts > li").allInnerTexts()
    assert.strictEqual(steps.length, 5)
    for (const at of [0, 2, 4]) assert.include(steps[at], "529 overloaded_error")
    assert.include(steps[1], "waited 24.8 s")
    assert.include(await drawer().innerText(), "A declared value stands in for the answer")
    assert.include(await section("requests").innerText(), "retry 2 of 2 in 21.5 s: overloaded")
    assert.include(await drawer().innerText(), "$0")
  })

  it("renders Markdown of an answer, and its source on request", async () => {
    await visit(`#call=${callId(24)}`)
    const answer = section("answer")
    assert.strictEqual(await answer.getByRole("heading", { name: "Verdict: upgrade, with one change" }).count(), 1)
    assert.strictEqual(await answer.getByRole("table").locator("tbody tr").count(), 3)
    assert.strictEqual(await answer.locator("ol li").count(), 2)
    assert.include(await answer.locator("pre.code").innerText(), "allowH2: false")
    const link = answer.getByRole("link", { name: "release notes" })
    assert.deepStrictEqual(
      [await link.getAttribute("href"), await link.getAttribute("rel"), await link.getAttribute("target")],
      ["https://github.com/nodejs/undici/releases", "noopener noreferrer nofollow", "_blank"]
    )
    await answer.getByRole("button", { name: "Source" }).click()
    assert.include(await answer.locator("pre.source").innerText(), "## Verdict: upgrade, with one change")
  })

  it("shows JSON as a tree that opens and closes", async () => {
    await visit(`#call=${callId(0)}`)
    const tree = section("answer").getByRole("tree")
    assert.include(await tree.innerText(), "faster start")
    await tree.getByRole("button", { name: "changes:" }).click()
    assert.notInclude(await tree.innerText(), "faster start")
    assert.include(await tree.innerText(), "2 items")
  })

  it("shows what was changed side by side", async () => {
    await visit(`#call=${callId(36)}`)
    const changes = section("changes")
    assert.deepStrictEqual(await changes.locator(".path").allInnerTexts(), [
      "src/node/HttpClientNode.ts",
      "test/node/HttpClientNode.test.ts",
      "docs/old-proxy.md → docs/proxy.md"
    ])
    const row = changes.locator("tr", { has: page.locator("td.removed") }).first()
    const cells = await row.locator("td").allInnerTexts()
    assert.deepStrictEqual([cells[0], cells[2]], ["39", "39"])
    assert.include(cells[1], "pipelining: 1 })")
    assert.include(cells[3], "pipelining: 1, allowH2: false })")
    assert.strictEqual(await row.locator("td.added mark").innerText(), ", allowH2: false")
    await changes.getByRole("button", { name: /HttpClientNode\.ts/ }).first().click()
    assert.strictEqual(await changes.getByText("allowH2: false })").count(), 0)
  })

  it("copies prompts, answers and commands", async () => {
    await visit(`#call=${callId(40)}`)
    const clipboard = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText())
    await section("prompt").getByRole("button", { name: "Copy" }).click()
    await section("prompt").getByRole("button", { name: "Copied" }).waitFor()
    assert.strictEqual(await clipboard(), "Prompt of call 40")
    await section("answer").getByRole("button", { name: "owf cat" }).click()
    await section("answer").getByRole("button", { name: "Copied" }).waitFor()
    assert.strictEqual(await clipboard(), `owf cat ${callId(40)}`)
    await drawer().getByRole("button", { name: "Link" }).click()
    await drawer().getByRole("button", { name: "Copied" }).last().waitFor()
    assert.strictEqual(await clipboard(), `${file}#call=${callId(40)}`)
  })

  it("is used with the keyboard alone", async () => {
    await visit()
    const title = (): Promise<string> => drawer().getByRole("heading", { level: 2 }).innerText()
    const selected = (): Promise<string> => page.locator(".rows [aria-selected=true] .name bdi").innerText()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    assert.strictEqual(await selected(), "picomatch")
    await page.keyboard.press("k")
    assert.strictEqual(await selected(), "undici")
    await page.keyboard.press("Enter")
    assert.strictEqual(await title(), "undici")
    assert.isTrue(await drawer().evaluate((element) => element.contains(document.activeElement)))
    await page.keyboard.press("j")
    assert.strictEqual(await title(), "picomatch")
    await page.keyboard.press("Escape")
    assert.strictEqual(await drawer().count(), 0)
    assert.strictEqual(await page.evaluate(() => document.activeElement?.id), `row-${callId(1)}`)
    await page.keyboard.press("/")
    await page.keyboard.type("jjudge")
    assert.strictEqual(await page.getByRole("searchbox").inputValue(), "jjudge")
    await page.keyboard.press("Backspace")
    await page.getByRole("searchbox").fill("typescript")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    assert.strictEqual(await title(), "typescript")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    assert.strictEqual(await page.getByRole("searchbox").inputValue(), "")
    await page.keyboard.press("2")
    assert.strictEqual(await page.getByRole("tab", { selected: true }).innerText(), "Costs")
    await page.keyboard.press("?")
    await page.getByRole("dialog", { name: "Keys" }).waitFor()
    await page.keyboard.press("Escape")
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" })
  })

  it("keeps the chosen call in sight when it is far down", async () => {
    await visit()
    for (let step = 0; step < 40; step++) await page.keyboard.press("j")
    const row = page.locator(".rows [aria-selected=true]")
    await row.waitFor()
    const box = await row.boundingBox()
    assert.isTrue(box !== null && box.y > 0 && box.y + box.height <= 900)
  })

  it("opens at a link to a call, with its row in sight, and ignores a link to a call that is not there", async () => {
    await visit(`#call=${callId(36)}`)
    assert.strictEqual(await drawer().getByRole("heading", { level: 2 }).innerText(), "upgrade undici")
    await page.locator(`[id="row-${callId(36)}"]`).waitFor()
    await page.getByRole("button", { name: "Next call" }).click()
    assert.include(page.url(), `#call=${callId(37)}`)
    await page.evaluate((hash) => location.hash = hash, `#call=${callId(24)}`)
    await drawer().getByRole("heading", { name: "undici: judge the risk" }).waitFor()
    await visit("#call=constructor&with=constructor&tab=nothing")
    assert.strictEqual(await drawer().count(), 0)
    assert.strictEqual(await page.getByRole("tab", { selected: true }).innerText(), "Calls44")
  })

  it("keeps the filters in the address", async () => {
    await visit()
    await page.getByRole("button", { name: "timeout 1", exact: true }).click()
    await page.getByRole("searchbox").fill("vitest")
    const { hash } = new URL(page.url())
    await visit(hash)
    assert.deepStrictEqual(await names(), ["vitest: judge the risk"])
  })

  it("has a timeline that opens what is clicked, says what is under the pointer, and zooms where it is dragged", async () => {
    await visit()
    const band = page.getByRole("img", { name: "summarise: 1 call" })
    const box = (await band.boundingBox())!
    await page.mouse.move(box.x + box.width - 60, box.y + box.height / 2)
    const tip = await page.locator(".tip").innerText()
    assert.include(tip, "synthesis")
    assert.include(tip, "3 requests")
    await page.mouse.down()
    await page.mouse.up()
    assert.strictEqual(await drawer().getByRole("heading", { level: 2 }).innerText(), "synthesis")
    await page.keyboard.press("Escape")
    const review = (await page.getByRole("img", { name: "review: 12 calls" }).boundingBox())!
    await page.mouse.move(review.x + review.width * 0.4, review.y + 20)
    await page.mouse.down()
    await page.mouse.move(review.x + review.width * 0.7, review.y + 20, { steps: 4 })
    await page.mouse.up()
    assert.strictEqual(await page.locator(".found").innerText(), "4 of 44")
    await page.getByRole("button", { name: "Show the whole run" }).click()
    assert.strictEqual(await page.locator(".found").innerText(), "")
    await page.getByRole("button", { name: /^review/ }).click()
    assert.strictEqual(await page.locator(".found").innerText(), "12 of 44")
  })

  it("shows costs, events, child runs, input, output and what people were asked", async () => {
    await visit("#tab=costs")
    assert.include(await page.getByRole("row", { name: /^codex:gpt-5.2-codex/ }).innerText(), "$0.9065")
    assert.include(await page.getByRole("row", { name: /^scan/ }).innerText(), "24")
    await page.getByRole("tab", { name: /Events/ }).click()
    await page.getByRole("searchbox").fill("overloaded")
    assert.strictEqual(await page.getByRole("table", { name: "Events" }).getByRole("row").count(), 2)
    await page.getByRole("table", { name: "Events" }).getByRole("button", { name: "synthesis" }).first().click()
    assert.strictEqual(await drawer().getByRole("heading", { level: 2 }).innerText(), "synthesis")
    await visit("#tab=runs")
    const text = await page.getByRole("tabpanel").innerText()
    for (
      const part of ["changelog", "docs/audits/2026-11.md", "2026-08-01", "Apply four upgrades to main?", "approved"]
    ) {
      assert.include(text, part)
    }
  })

  it("is light or dark as the system is, unless the reader chooses, and remembers the choice", async () => {
    await visit()
    const isDark = (): Promise<boolean> =>
      page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0]) < 128)
    assert.isFalse(await isDark())
    await page.emulateMedia({ colorScheme: "dark" })
    assert.isTrue(await isDark())
    await page.getByRole("button", { name: "light" }).click()
    assert.isFalse(await isDark())
    await page.reload()
    assert.isFalse(await isDark())
    await page.getByRole("button", { name: "auto" }).click()
    assert.isTrue(await isDark())
  })

  it.each(["light", "dark"] as const)(
    "can be read in %s: every text has a contrast of 4.5 to 1 or more",
    async (colorScheme) => {
      await visit()
      await page.emulateMedia({ colorScheme })
      for (
        const hash of [
          "",
          `#call=${callId(40)}`,
          `#call=${callId(36)}`,
          `#call=${callId(24)}`,
          "#tab=costs",
          "#tab=runs",
          "#tab=events"
        ]
      ) {
        await turn(hash)
        const found = await page.evaluate(contrasts)
        assert.isAbove(found.texts, 60)
        assert.deepStrictEqual(found.poor, [], hash)
      }
    }
  )

  it("names everything that can be used for those who do not see it", async () => {
    await visit()
    for (const hash of ["", `#call=${callId(36)}`, "#tab=runs"]) {
      await turn(hash)
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll(
          "button, a, input, select, [role=img], [role=dialog], [role=tablist], [role=grid]"
        )]
          .filter((element) =>
            !(element.getAttribute("aria-label") ?? element.textContent ?? "").trim() && !element.closest("label")
          )
          .map((element) => element.outerHTML.slice(0, 120))
      )
      assert.deepStrictEqual(nameless, [])
    }
  })

  it("is printed whole: every call, the costs and the output, and no controls", async () => {
    await visit()
    await page.emulateMedia({ media: "print" })
    await page.locator(".printed").waitFor()
    assert.strictEqual((await names()).length, 44)
    assert.isTrue(await page.getByText("By model").isVisible())
    assert.strictEqual(await page.getByRole("searchbox").count(), 0)
    assert.isFalse(await page.getByRole("group", { name: "Theme" }).isVisible())
    await page.emulateMedia({ media: "screen" })
    const pdf = await page.pdf({ format: "A4" })
    assert.strictEqual(pdf.subarray(0, 5).toString("latin1"), "%PDF-")
    assert.isAtLeast(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0, 2)
  })

  it("says that the data is damaged where the file was changed on its way", async () => {
    const other = await pageOf(browser)
    const path = Url.fileURLToPath(fileOf(audit))
    const html = Fs.readFileSync(path, "utf8")
    for (
      const damaged of [
        html.replace("\"generatedAt\":", "\"generatedAt\":x"),
        html.replace("\"attempt\":", "\"attemp\":")
      ]
    ) {
      assert.notStrictEqual(damaged, html)
      Fs.writeFileSync(path, damaged)
      await other.page.goto(Url.pathToFileURL(path).href)
      assert.include(await other.page.locator("body").innerText(), "owf report RUN_ID --html writes the report again")
      assert.strictEqual(await other.page.locator("main").count(), 0)
    }
    assert.strictEqual(other.seen.messages.length, 2)
    assert.deepStrictEqual([other.seen.dialogs, other.seen.requests], [[], []])
    await other.page.context().close()
  })

  kindsTests(() => browser)
  hostileTests(() => browser)
  longRunTests(() => browser)
})
