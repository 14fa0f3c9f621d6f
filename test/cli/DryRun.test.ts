import { assert, describe, expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import { directoryWith } from "../lib/node.ts"
import { owf, owfWith, said, start, transcript } from "./owf.ts"

const flow = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, parallel, phase, workflow, Workflow } from "open-agent-workflows"

const child = Workflow.make({ name: "child" }, function*() {
  return (yield* agent("from the child", { label: "inner" })).value
})

export default Workflow.make({
  name: "sample",
  description: "Asks about many things",
  phases: ["ask", "end"],
  args: Schema.Struct({
    count: Schema.optionalWith(Schema.Number, { default: () => 14 }),
    end: Schema.optionalWith(Schema.Literal("well", "badly", "never", "at once"), { default: () => "well" })
  })
}, function*({ count, end }) {
  yield* phase("ask")
  yield* parallel(Array.from({ length: count }, (_, n) => agent("about " + n, { label: "thing " + n })), { concurrency: 1 })
  yield* phase("end")
  yield* workflow(child)
  if (end === "badly") return yield* Effect.fail(new Error("it ends badly"))
  if (end === "at once") process.exit(0)
  if (end === "never") {
    process.stderr.write("waiting\\n")
    yield* Effect.never
  }
  return yield* agent("the last", { label: "last", model: "larger" })
})
`

describe("owf dry-run", () => {
  it("shows what a run would come to, as text and as one JSON document, and leaves nothing", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const temporary = directoryWith({})
    const texts = []
    for (const words of [["dry-run", "flow.ts"], ["dry-run", "flow.ts", "--arg", "count=1", "--json"]]) {
      const ran = await owfWith({ TMPDIR: temporary }, directory, ...words)
      assert.strictEqual(ran.code, 0, ran.stderr)
      texts.push(transcript(directory, words, ran))
    }
    await expect(texts.join("\n")).toMatchFileSnapshot("../golden/cli/dry-run.txt")
    assert.deepStrictEqual(Fs.readdirSync(directory), ["flow.ts"])
    assert.deepStrictEqual(Fs.readdirSync(temporary), [])
  })

  it("shows the calls of a program that fails, and exits with 1", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const { code, stdout } = await owf(directory, "dry-run", "flow.ts", "--arg", "end=badly")
    assert.strictEqual(code, 1)
    assert.include(stdout, "failed: it ends badly")
    assert.match(stdout, /^fake:fake  15 calls  about \d+ in, 7500 out, \$0$/m)
  })

  it("leaves nothing when it is stopped, or when the script ends the process", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const temporary = directoryWith({})
    const { child, ran } = start(directory, ["dry-run", "flow.ts", "--arg", "end=never"], { TMPDIR: temporary })
    child.stderr?.on("data", (text: string) => text.includes("waiting") && child.kill("SIGINT"))
    assert.strictEqual((await ran).code, 130)
    assert.deepStrictEqual(Fs.readdirSync(temporary), [])
    const ended = await owfWith({ TMPDIR: temporary }, directory, "dry-run", "flow.ts", "--arg", "end=at once")
    assert.strictEqual(ended.code, 1)
    assert.deepStrictEqual(Fs.readdirSync(temporary), [])
  })

  it("leaves nothing of one that was killed once there is another, and leaves those alone that go on", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const temporary = directoryWith({ "owf-dry-run-of-somebody/note": "kept" })
    const endless = () => start(directory, ["dry-run", "flow.ts", "--arg", "end=never"], { TMPDIR: temporary })
    const homes = () => Fs.readdirSync(temporary).filter((name) => name !== "owf-dry-run-of-somebody")
    const [killed, lasting] = [endless(), endless()]
    await Promise.all([said(killed.child, "waiting"), said(lasting.child, "waiting")])
    assert.lengthOf(homes(), 2)
    killed.child.kill("SIGKILL")
    await killed.ran
    assert.lengthOf(homes(), 2)
    const other = await owfWith({ TMPDIR: temporary }, directory, "dry-run", "flow.ts", "--arg", "count=1")
    assert.strictEqual(other.code, 0, other.stderr.slice(0, 500))
    assert.lengthOf(homes(), 1)
    lasting.child.kill("SIGINT")
    assert.strictEqual((await lasting.ran).code, 130)
    assert.deepStrictEqual(Fs.readdirSync(temporary), ["owf-dry-run-of-somebody"])
  })

  it("says what is wrong with what cannot be started, as one document", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const refused = await owf(directory, "dry-run", "flow.ts", "--provider", "nobody", "--json")
    assert.strictEqual(refused.code, 5)
    assert.strictEqual(JSON.parse(refused.stdout)["error"]["kind"], "ProviderUnavailable")
  })
}, 60_000)
