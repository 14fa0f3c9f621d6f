import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { start } from "../cli/owf.ts"
import { root } from "../lib/node.ts"
import { temporary } from "../lib/store.ts"
import { completion, reply, serve } from "../provider/loopback.ts"

/** An installation of the package as another version; gives its command. */
const install = (parent: string, version: string): string => {
  const directory = Path.join(parent, version, "open-agent-workflows")
  Fs.cpSync(Path.join(root, "dist"), Path.join(directory, "dist"), {
    recursive: true,
    filter: (path) => !/\.(?:d\.ts|map)$/.test(path)
  })
  Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(directory, "node_modules"))
  const rewrite = (name: string, from: RegExp, to: string) => {
    const path = Path.join(directory, name)
    const text = Fs.readFileSync(Path.join(root, name), "utf8")
    assert.match(text, from, name)
    Fs.writeFileSync(path, text.replace(from, to))
  }
  rewrite("package.json", /"version": "[^"]+"/, `"version": "${version}"`)
  rewrite("dist/cli/Version.js", /version = "[^"]+"/, `version = "${version}"`)
  rewrite("dist/bin/owf.js", /\bversion\s*=\s*"\d+\.\d+\.\d+"/, `version = "${version}"`)
  return Path.join(directory, "dist/bin/owf.js")
}

const flow = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({ name: "pages" }, function*() {
  yield* phase("read")
  const read = yield* parallel([1, 2, 3].map((n) => agent("read page " + n, { label: "page " + n })))
  const texts = read.map((result) => result.ok ? result.value : result.error)
  yield* phase("judge")
  const judged = yield* agent("judge " + texts.join(), { label: "judge", schema: Schema.Struct({ good: Schema.Boolean }) })
  const last = yield* agent("close " + judged.value.good, { label: "close" })
  return [...texts, last.value]
})
`

const closing = "close true"

describe("a run that is interrupted when owf is upgraded", () => {
  it.scopedLive(
    "goes on under the new version without asking again for anything that was answered",
    () =>
      Effect.gen(function*() {
        const directory = yield* temporary
        const asked: Array<string> = []
        let isHeld = true
        const server = yield* serve((response, index, request) => {
          const { messages } = JSON.parse(request.body) as { messages: ReadonlyArray<{ content: string }> }
          const prompt = messages.at(-1)?.content ?? ""
          asked.push(prompt)
          if (isHeld && prompt === closing) return
          reply(200, completion(prompt.startsWith("judge") ? "{\"good\":true}" : `answer of ${prompt}`))(
            response,
            index,
            request
          )
        })
        const variables = {
          OWF_PROVIDER_HOUSE_KIND: "openai",
          OWF_PROVIDER_HOUSE_BASE_URL: `${server.url}/v1`,
          OWF_PROVIDER_HOUSE_MODEL: "m"
        }
        Fs.writeFileSync(Path.join(directory, "flow.ts"), flow)
        const [older, newer] = [install(directory, "0.1.0"), install(directory, "0.9.3")]
        const owf = (...words: ReadonlyArray<string>) =>
          Effect.promise(() => start(directory, words, variables, newer).ran)

        const first = start(directory, ["run", "flow.ts", "--provider", "house"], variables, older)
        while (!asked.includes(closing)) yield* Effect.sleep("10 millis")
        first.child.kill("SIGKILL")
        yield* Effect.promise(() => first.ran)
        const before = asked.length
        assert.strictEqual(before, 5)
        isHeld = false

        assert.include((yield* owf("--version")).stdout, "0.9.3")
        const output = [1, 2, 3].map((n) => `answer of read page ${n}`).concat(`answer of ${closing}`)
        const resumed = yield* owf("resume", "latest", "--json")
        assert.strictEqual(resumed.code, 0, resumed.stderr.slice(0, 1000))
        assert.deepStrictEqual(JSON.parse(resumed.stdout)["output"], output)
        assert.deepStrictEqual(asked.slice(before), [closing])

        const again = yield* owf("run", "flow.ts", "--provider", "house", "--json")
        assert.deepStrictEqual([again.code, JSON.parse(again.stdout)["output"]], [0, output])
        assert.strictEqual(
          asked.length,
          before + 1,
          "what the older version has answered is in the cache of the newer one"
        )
      }),
    120_000
  )
})
