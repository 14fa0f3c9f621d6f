import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { gzipSync } from "node:zlib"
import { render } from "open-agent-workflows/report/Html"
import { root } from "../../lib/node.ts"
import { audit } from "./audit.ts"
import { payloads } from "./payloads.ts"
import { call, reportOf, run, text } from "./samples.ts"
import { viewer } from "./viewer.ts"

const dataIn = (html: string): string =>
  /<script type="application\/json" id="owf-report">([^]*?)<\/script>/.exec(html)?.[1] ?? ""

const policyIn = (html: string): string =>
  /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? ""

describe("the HTML of a report", () => {
  it("holds the report as it is", () => {
    assert.isTrue(dataIn(render(audit, viewer)) === JSON.stringify(audit).replaceAll("<", "\\u003c"))
  })

  it("is the same for the same report", () => {
    assert.isTrue(render(audit, viewer) === render(structuredClone(audit), viewer))
  })

  it("lets run only what is in it, by its digest", () => {
    const html = render(audit, viewer)
    const digest = (text: string): string => createHash("sha256").update(text).digest("base64")
    const rules = policyIn(html).split("; ")
    assert.includeMembers(rules, [
      "default-src 'none'",
      `script-src 'sha256-${digest(viewer.script)}'`,
      `style-src 'sha256-${digest(viewer.style)}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'"
    ])
    assert.notInclude(policyIn(html), "unsafe")
    assert.isBelow(html.indexOf("Content-Security-Policy"), html.indexOf("<style>"))
  })

  it.each(payloads.map((payload, at) => [at, payload] as const))(
    "keeps payload %i inside its element",
    (_, payload) => {
      const report = reportOf([
        call(0, { label: payload, prompt: text(payload), outputText: text(payload), error: payload })
      ], {
        run: { ...run, workflow: payload, description: payload }
      })
      const html = render(report, viewer)
      assert.strictEqual(html.match(/<script/gi)?.length, 2)
      assert.strictEqual(html.match(/<\/script/gi)?.length, 2)
      assert.strictEqual((JSON.parse(dataIn(html)) as typeof report).calls[0]?.prompt.text, payload)
      assert.notMatch(dataIn(html), /[<\u2028\u2029]/)
      assert.strictEqual(/<title>([^]*?)<\/title>/.exec(html)?.[1]?.includes("<"), false)
    }
  )

  it("keeps halves of characters and zero bytes", () => {
    const odd = "\ud800 \u0000 \u2028 \udfff"
    const html = render(reportOf([call(0, { prompt: text(odd) })]), viewer)
    assert.strictEqual((JSON.parse(dataIn(html)) as typeof audit).calls[0]?.prompt.text, odd)
    assert.isTrue(Buffer.from(html, "utf8").toString("utf8") === html)
  })
})

describe("the viewer", () => {
  it("has a script of less than 150 KB as it is sent", () => {
    const size = gzipSync(viewer.script, { level: 9 }).length
    process.stdout.write(`viewer: ${viewer.script.length} bytes of script, ${size} compressed\n`)
    assert.isAbove(size, 10_000)
    assert.isBelow(size, 150_000)
  })

  it("has nothing in it that would end its element", () => {
    assert.notMatch(viewer.script, /<!--|<\/?script/i)
    assert.notMatch(viewer.style, /<\/style|@import|url\(/i)
  })

  it("sends and loads nothing, and makes no HTML", () => {
    const files = Fs.readdirSync(Path.join(root, "src/report/viewer")).filter((file) => /\.tsx?$/.test(file))
    assert.isAbove(files.length, 10)
    for (const file of files) {
      const source = Fs.readFileSync(Path.join(root, "src/report/viewer", file), "utf8")
      assert.notMatch(
        source,
        /dangerouslySetInnerHTML|innerHTML|\bfetch\(|XMLHttpRequest|WebSocket|\beval\(|<img|<iframe/,
        file
      )
    }
  })
})
