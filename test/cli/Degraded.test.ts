import { assert, describe, it } from "@effect/vitest"
import { directoryWith } from "../lib/node.ts"
import { owf } from "./owf.ts"

const flow = `
import { agent, withFallback, Workflow } from "open-agent-workflows"

export default Workflow.make({ name: "unlucky" }, function*() {
  const call = agent("Summarise.", { label: "summary", provider: "nobody" })
  const result = yield* withFallback(call, { text: "n/a" }, { when: () => true })
  return result.value
})
`

describe("a run in which a declared value stood in for an answer", () => {
  it("ends with a code of its own, and every command shows it", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const ran = await owf(directory, "run", "flow.ts", "--json")
    assert.strictEqual(ran.code, 10, ran.stderr)
    assert.deepInclude(JSON.parse(ran.stdout), { status: "degraded", output: { text: "n/a" }, error: null })
    const status = await owf(directory, "status", "latest")
    assert.match(status.stdout, /^status: +degraded$/m)
    assert.match(status.stdout, /^degraded: +summary \(call \S+\): .*nobody/m)
    assert.notInclude(status.stdout, "owf resume")
    assert.match((await owf(directory, "calls", "latest")).stdout, /\bdegraded\b/)
    assert.match((await owf(directory, "events", "latest")).stdout, /call_degraded/)
    const again = await owf(directory, "resume", "latest")
    assert.strictEqual(again.code, 10)
    assert.include(again.stderr, "is degraded already")
  })

  it("fails under --strict, and fails again until it is resumed without", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const ran = await owf(directory, "run", "flow.ts", "--strict")
    assert.strictEqual(ran.code, 1, ran.stderr)
    assert.match((await owf(directory, "status", "latest")).stdout, /^status: +failed$/m)
    assert.strictEqual((await owf(directory, "resume", "latest", "--strict")).code, 1)
    assert.strictEqual((await owf(directory, "resume", "latest")).code, 10)
  })
})
