import { assert, describe, it } from "@effect/vitest"
import { directoryWith } from "../lib/node.ts"
import * as LocalModel from "./localModel.ts"
import { inProcess, owf, owfWith, said, start } from "./owf.ts"

const flow = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, log, parallel, phase, workflow, Workflow } from "open-agent-workflows"

const child = Workflow.make({ name: "child" }, function*() {
  return (yield* agent("inner", { label: "inner" })).value
})

export default Workflow.make({
  name: "sample",
  args: Schema.Struct({ wrong: Schema.optionalWith(Schema.Boolean, { default: () => false }) })
}, function*({ wrong }) {
  yield* phase("first")
  yield* log("begins \\u001b[31m")
  yield* agent("one", { label: "one" })
  yield* phase("second")
  yield* parallel(["two", "three"].map((prompt) => agent(prompt, { label: prompt })))
  yield* workflow(child)
  if (wrong) return yield* Effect.fail({ _tag: "Wrong" })
  return "all"
})
`

/** Answers when it is told to. */
let held: Array<() => void> = []
let isHeld = false
const variables = LocalModel.serve((reply) => {
  if (isHeld) held.push(reply)
  else reply()
})
const release = () => {
  isHeld = false
  for (const reply of held) reply()
  held = []
}

const parse = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

describe("owf run --events", () => {
  it("prints every durable event of the run and the runs below it, as it is stored, and nothing else", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const ran = await owf(directory, "run", "flow.ts", "--events")
    assert.strictEqual(ran.code, 0, ran.stderr)
    const events = parse(ran.stdout)
    const root = String(events[0]?.["run_id"])
    const own = events.filter((event) => event["run_id"] === root)
    const inner = events.filter((event) => event["run_id"] !== root)
    const stored = JSON.parse((await inProcess(directory, "events", root, "--json")).stdout) as typeof events
    assert.deepStrictEqual(own, stored)
    assert.deepStrictEqual(own.map((event) => event["id"]), own.map((_, index) => index + 1))
    assert.deepStrictEqual(inner.map((event) => event["type"]), ["run_started", "call_settled"])
    assert.include(ran.stderr, `run_id: ${root}`)
    assert.include(ran.stderr, "✓ two")

    const failed = await owf(directory, "run", "flow.ts", "--events", "--arg", "wrong=true")
    assert.strictEqual(failed.code, 1, failed.stderr)
    assert.strictEqual(parse(failed.stdout).filter((event) => event["type"] === "call_settled").length, 4)
    const resumed = await owf(directory, "resume", "latest", "--events")
    const again = parse(resumed.stdout)
    assert.strictEqual(again[0]?.["type"], "run_resumed")
    assert.isTrue(again.every((event) => event["run_attempt"] === 2))

    const both = await owf(directory, "run", "flow.ts", "--events", "--json")
    assert.strictEqual(both.code, 2)
    assert.include(both.stdout, "exclude each other")
  })
})

describe("a run of another process", () => {
  it("is followed to its end, by its events and by its calls, with its exit code", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    isHeld = true
    const { child, ran } = start(directory, ["run", "flow.ts", "--provider", "local"], variables)
    await said(child, "log: begins")
    const events = start(directory, ["events", "-f", "latest", "--json"])
    const watched = start(directory, ["watch", "latest"])
    await said(watched.child, "watching run")
    release()
    assert.strictEqual((await ran).code, 0)
    const [followed, seen] = [await events.ran, await watched.ran]
    assert.strictEqual(followed.code, 0, followed.stderr)
    const stored = JSON.parse((await inProcess(directory, "events", "latest", "--json")).stdout) as unknown
    assert.deepStrictEqual(parse(followed.stdout), stored)
    assert.strictEqual(seen.code, 0, seen.stderr)
    for (const line of ["✓ two", "✓ three", "  ✓ inner", "is done"]) assert.include(seen.stderr, line)
    assert.notMatch(seen.stderr + followed.stdout, /\u001B/)
    assert.strictEqual(seen.stdout, "")
  })

  it("that failed, or is not there, is said to be so by the exit code", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const ran = await owf(directory, "run", "flow.ts", "--arg", "wrong=true")
    const seen = await inProcess(directory, "watch", "latest")
    assert.deepStrictEqual([seen.code, ran.code], [1, 1], seen.stderr)
    assert.include(seen.stderr, "is failed")
    assert.include(seen.stderr, "resume with: owf resume ")
    assert.strictEqual((await inProcess(directory, "watch", "20260528-143201-nothing0")).code, 2)
    const listed = await inProcess(directory, "events", "latest", "--type", "log", "--json")
    assert.deepStrictEqual((JSON.parse(listed.stdout) as ReadonlyArray<{ id: number }>).length, 1)
    const after = await inProcess(directory, "events", "latest", "-f", "--after", "5")
    assert.match(after.stdout.split("\n")[0] ?? "", /^\S+ {2}\w+ {2}/)
    assert.notInclude(after.stdout, "run_started")
  })

  it("whose process was killed is said to be gone", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    isHeld = true
    const { child, ran } = start(directory, ["run", "flow.ts", "--provider", "local"], variables)
    await said(child, "log: begins")
    const watched = start(directory, ["watch", "latest"])
    await said(watched.child, "watching run")
    child.kill("SIGKILL")
    await ran
    release()
    const seen = await watched.ran
    assert.strictEqual(seen.code, 130, seen.stderr)
    assert.include(seen.stderr, "has ended without saying so")
    assert.include(seen.stderr, "resume with: owf resume ")
    const resumed = await owfWith(variables, directory, "resume", "latest", "--provider", "local", "--quiet")
    assert.strictEqual(resumed.code, 0, resumed.stderr)
    assert.strictEqual(resumed.stderr, "")
  })
})
