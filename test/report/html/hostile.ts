/**
 * What a report does with texts that try to become more than texts.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import type { Change } from "open-agent-workflows/domain/Change"
import type { CallReport, RunReport } from "open-agent-workflows/report/RunReport"
import type { Browser, Page } from "playwright-core"
import { fileOf, pageOf, silence } from "./chromium.ts"
import type { Seen } from "./chromium.ts"
import { payloads } from "./payloads.ts"
import { attempt, call, callId, eventsOf, reportOf, run, start, text } from "./samples.ts"

/** Every text of a call and of the run is the payload. */
const hostileCall = (payload: string, index: number): CallReport => {
  const changes: ReadonlyArray<Change> = [{ kind: "renamed", path: payload, from: payload }, {
    kind: "modified",
    path: `x${payload}`,
    from: null
  }]
  return call(index, {
    label: payload,
    phase: index % 2 === 0 ? payload : null,
    provider: payload,
    model: payload,
    position: payload,
    agentType: payload,
    status: "degraded",
    prompt: text(payload),
    system: text(`# Title\n\n${payload}`),
    schema: text(JSON.stringify({ [payload]: payload })),
    options: { [payload]: [payload, { [payload]: payload }] },
    outputText: text(`${payload}\n\n- ${payload}\n\n> ${payload}\n\n\`\`\`\n${payload}\n\`\`\``),
    outputJson: index % 3 === 0 ? text(JSON.stringify({ [payload]: [payload] })) : null,
    validationErrors: [{ path: payload, message: payload }],
    errorKind: payload,
    error: payload,
    degradedReason: payload,
    costSource: payload,
    attempts: [
      attempt(1, {
        at: 0,
        took: 5,
        status: "failed",
        errorKind: payload,
        error: payload,
        sessionId: payload,
        model: payload,
        costSource: payload,
        raw: text(payload)
      })
    ],
    waits: [{ runId: run.id, callId: callId(index), from: start, endedAt: start + 1, until: null, reason: payload }],
    recovery: {
      retries: 1,
      retryWaitMs: 1,
      resets: 0,
      resetWaitMs: 0,
      corrections: 0,
      compactions: 0,
      reframings: 0,
      steps: [{ at: start, message: payload }]
    },
    explanation: { reason: payload, differs: [payload], nearest: null },
    worktree: { path: payload, branch: payload, base: payload, head: payload },
    changes,
    patch: text(
      `diff --git a/x b/x\n--- a/x\n+++ b/${payload.split("\n")[0]}\n@@ -1 +1,2 @@ ${payload.split("\n")[0]}\n-${
        payload.split("\n")[0]
      }\n+${payload.split("\n")[0]}\n+y\n`
    ),
    artifacts: [{ kind: payload, path: payload, sha256: "0", size: 1 }]
  })
}

const hostileReport = (): RunReport => {
  const calls = payloads.map(hostileCall)
  const all = payloads.join("\n")
  const hostile = {
    ...run,
    workflow: payloads[0]!,
    description: all,
    status: "failed" as const,
    args: text(JSON.stringify({ [all]: all })),
    output: text(JSON.stringify([all])),
    script: { path: payloads[13]!, hash: payloads[14]! },
    environment: {
      owfVersion: payloads[1]!,
      node: payloads[2]!,
      gitCommit: payloads[3]!,
      gitBranch: payloads[4]!
    },
    error: { kind: payloads[5]!, message: all },
    message: all,
    resumeCommand: payloads[15]!
  }
  return reportOf(calls, {
    run: hostile,
    owfVersion: payloads[1]!,
    directory: all,
    events: eventsOf(calls),
    approvals: payloads.map((payload) => ({
      runId: run.id,
      name: payload,
      question: payload,
      askedAt: start,
      decision: null,
      message: payload,
      decidedAt: null
    })),
    warnings: payloads.map((message, index) => ({ callId: index % 2 === 0 ? callId(index) : null, message }))
  })
}

/** Runs in the page: what is in it that the viewer does not put there, in every view of it. */
const lookEverywhere = async (ids: ReadonlyArray<string>) => {
  const strange = /^(?:img|iframe|frame|object|embed|base|form|video|audio|source|link|math|mtext|use|image|animate|b)$/
  const addresses = /^(?:href|src|action|data|xlink:href|formaction|srcdoc|background|poster)$/
  const intruders = (): ReadonlyArray<string> => {
    const found: Array<string> = []
    for (const element of document.querySelectorAll("*")) {
      if (strange.test(element.tagName.toLowerCase())) found.push(element.outerHTML.slice(0, 100))
      for (const { name, value } of element.attributes) {
        const isSafe = addresses.test(name) ? /^(?:https?:|mailto:|#call=)/.test(value) : !name.startsWith("on")
        if (!isSafe) found.push(`${name}=${value}`)
      }
    }
    if ("__pwned" in globalThis) found.push("something was executed")
    if (document.scripts.length !== 2) found.push(`${document.scripts.length} scripts`)
    if (document.querySelectorAll("style").length !== 1) found.push("a style")
    return found
  }
  const settled = (): Promise<void> => new Promise((done) => setTimeout(done))
  const go = (hash: string): Promise<void> =>
    new Promise((done) => {
      addEventListener("hashchange", () => setTimeout(done), { once: true })
      location.hash = hash
    })
  const look = async (hash: string): Promise<ReadonlyArray<string>> => {
    await go(hash)
    for (const details of document.querySelectorAll("details")) details.open = true
    const rich = intruders()
    for (const button of document.querySelectorAll<HTMLElement>(".content .switch button:last-child")) button.click()
    await settled()
    return [...rich, ...intruders()]
  }
  const calls: Array<
    { readonly found: ReadonlyArray<string>; readonly title: string; readonly prompt: string; readonly sources: number }
  > = []
  for (const id of ids) {
    calls.push({
      found: await look(`#call=${id}`),
      title: document.querySelector("#section-details .facts code")?.textContent ?? "",
      prompt: document.querySelector("#section-prompt pre")?.textContent ?? "",
      sources: document.querySelectorAll(".drawer pre.source").length
    })
  }
  const others: Array<ReadonlyArray<string>> = []
  for (const hash of ["#tab=costs", "#tab=events", "#tab=runs"]) others.push(await look(hash))
  return { calls, others: others.flat() }
}

/** The tests, in a browser that is there when they run. */
export const hostileTests = (browser: () => Browser): void => {
  describe("with hostile texts everywhere", () => {
    let page: Page
    let seen: Seen

    beforeAll(async () => {
      ;({ page, seen } = await pageOf(browser()))
      await page.goto(fileOf(hostileReport()))
    })
    afterAll(() => page?.context().close())

    it("has at least fifty of them", () => {
      assert.isAtLeast(new Set(payloads).size, 50)
    })

    it("executes nothing, loads nothing and shows every text as a text, in every call, form and list", async () => {
      const { calls, others } = await page.evaluate(lookEverywhere, payloads.map((_, index) => callId(index)))
      for (const [index, payload] of payloads.entries()) {
        const { found, prompt, sources, title } = calls[index]!
        assert.deepStrictEqual(found, [], payload)
        assert.strictEqual(title, callId(index))
        assert.isAtLeast(sources, 4, payload)
        if (!/[\u202e\u2028\t]/.test(payload)) assert.strictEqual(prompt, payload)
      }
      assert.deepStrictEqual(others, [])
      await page.emulateMedia({ media: "print" })
      await page.locator(".printed").waitFor()
      assert.deepStrictEqual((await page.evaluate(lookEverywhere, [])).others, [])
      await page.emulateMedia({ media: "screen" })
      assert.deepStrictEqual(seen, silence)
    })

    it("shows characters that turn a text around as what they are", async () => {
      await page.goto(fileOf(reportOf([call(0, { label: "invoice\u202efdp.exe", prompt: text("a\u2066b\u200bc") })])))
      assert.strictEqual(await page.locator(".rows .name bdi").textContent(), "invoice⟨U+202E⟩fdp.exe")
      await page.keyboard.press("j")
      await page.keyboard.press("Enter")
      assert.strictEqual(await page.locator("#section-prompt pre").textContent(), "a⟨U+2066⟩b⟨U+200B⟩c")
    })

    it("shows Markdown and JSON that are nested without end", async () => {
      const deep = reportOf([
        call(0, { outputText: text(`${">".repeat(3000)} deep`) }),
        call(1, { outputText: text("*".repeat(20_000)) }),
        call(2, { outputText: text(`${"[".repeat(5000)}x${"](y)".repeat(5000)}`) }),
        call(3, { outputText: null, outputJson: text(`${"[".repeat(4000)}${"]".repeat(4000)}`) })
      ])
      await page.goto(fileOf(deep))
      for (const index of [0, 1, 2, 3]) {
        await page.evaluate((hash) => location.hash = hash, `#call=${callId(index)}`)
        await page.locator(".facts").getByText(callId(index), { exact: true }).waitFor()
      }
      assert.deepStrictEqual(seen, silence)
    })

    it("would not let anything run or load, should a text ever become HTML", async () => {
      let hits = 0
      const server = Http.createServer((_, response) => {
        hits++
        response.setHeader("access-control-allow-origin", "*").end("x")
      })
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
      const { page } = await pageOf(browser())
      try {
        await page.goto(fileOf(reportOf([call(0)])))
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
        const refused = await page.evaluate(async (address) => {
          const attempt = (name: string, run: () => unknown): string => {
            try {
              run()
              return `${name} went through`
            } catch (error) {
              return `${name}: ${(error as Error).name}`
            }
          }
          const outcomes = [
            attempt("innerHTML", () => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=__pwned=1>")),
            attempt("text as a program", () => setTimeout("globalThis.__pwned=1")),
            attempt("script", () => {
              const script = document.createElement("script")
              script.text = "__pwned=1"
              document.body.append(script)
            })
          ]
          const handler = document.createElement("b")
          document.body.append(handler)
          const image = document.createElement("img")
          const loaded = new Promise<string>((done) => {
            image.addEventListener("load", () => done("image loaded"))
            image.addEventListener("error", () => done("image refused"))
          })
          image.src = address
          const fetched = await fetch(address).then(() => "fetch went through", () => "fetch refused")
          return [...outcomes, await loaded, fetched, "__pwned" in globalThis ? "executed" : "not executed"]
        }, address)
        assert.deepStrictEqual(refused, [
          "innerHTML: TypeError",
          "text as a program: TypeError",
          "script: TypeError",
          "image refused",
          "fetch refused",
          "not executed"
        ])
        assert.strictEqual(hits, 0)
      } finally {
        await page.context().close()
        server.close()
      }
    })
  })
}
