/**
 * A real browser for tests of the report. Where there is none, tests that need it are skipped and say so.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Url from "node:url"
import { render } from "open-agent-workflows/report/Html"
import type { RunReport } from "open-agent-workflows/report/RunReport"
import { chromium } from "playwright-core"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { directoryWith } from "../../lib/node.ts"
import { viewer } from "./viewer.ts"

const named = process.env["OWF_CHROMIUM"]

/** Where the browser is; `OWF_CHROMIUM` names another one. Undefined where there is none. */
export const executable: string | undefined =
  (named === undefined ? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"] : [named])
    .find((path) => Fs.existsSync(path))

if (executable === undefined) {
  process.stderr.write(
    "No Chromium: the tests of the HTML report in a browser are skipped. apt-get install chromium, or set OWF_CHROMIUM.\n"
  )
}

/** Starts the browser. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable ?? "",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : []
  })

/** What went on in a page beside what it shows. */
export interface Seen {
  readonly messages: Array<string>
  readonly dialogs: Array<string>
  readonly requests: Array<string>
}

/** The address of a report that was written to disk. */
export const fileOf = (report: RunReport): string =>
  Url.pathToFileURL(Path.join(directoryWith({ "report.html": render(report, viewer) }), "report.html")).href

/** A page that notes every message of the console, every dialog and every request for anything but the file. */
export const pageOf = async (
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<{ readonly page: Page; readonly seen: Seen }> => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const seen: Seen = { messages: [], dialogs: [], requests: [] }
  page.on("console", (message) => seen.messages.push(message.text().slice(0, 300)))
  page.on("pageerror", (error) => seen.messages.push(String(error).slice(0, 300)))
  page.on("dialog", (dialog) => {
    seen.dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  page.on("request", (request) => {
    if (!/^file:.*\/report\.html$/.test(request.url().split("#")[0] ?? "")) {
      seen.requests.push(request.url().slice(0, 200))
    }
  })
  return { page, seen }
}

/** Nothing went on. */
export const silence: Seen = { messages: [], dialogs: [], requests: [] }
