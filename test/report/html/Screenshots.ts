/**
 * Takes the pictures of the report that the README shows: `npm run screenshots`. They are written as 8-bit PNG with
 * `pngquant` or `optipng` where those are installed.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Url from "node:url"
import { render } from "open-agent-workflows/report/Html"
import { chromium } from "playwright-core"
import { audit } from "./audit.ts"
import { callId } from "./samples.ts"

const root = process.cwd()
const executablePath = process.env["OWF_CHROMIUM"] ?? "/usr/bin/chromium"
const images = process.argv[2] ?? Path.join(root, "docs", "images")
const built = (name: string): string => Fs.readFileSync(Path.join(root, "dist", "viewer", name), "utf8")

const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-screenshots-"))
const file = Path.join(directory, "report.html")
Fs.writeFileSync(file, render(audit, { script: built("report.js"), style: built("report-style.css") }))
Fs.mkdirSync(images, { recursive: true })

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--force-color-profile=srgb"] })
try {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width: 1400, height: 1020 },
      deviceScaleFactor: 1.5
    })
    const page = await context.newPage()
    await page.goto(`${Url.pathToFileURL(file).href}${colorScheme === "dark" ? `#call=${callId(36)}` : ""}`)
    await page.locator("main").waitFor()
    await page.waitForTimeout(400)
    const picture = Path.join(images, `report-${colorScheme}.png`)
    await page.screenshot({ path: picture })
    spawnSync("pngquant", ["--force", "--output", picture, "--quality=80-98", picture])
    await context.close()
  }
} finally {
  await browser.close()
  Fs.rmSync(directory, { recursive: true, force: true })
}
