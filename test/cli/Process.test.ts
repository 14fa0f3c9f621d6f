import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith } from "../lib/node.ts"
import { bin, owf, said, start } from "./owf.ts"

const flow = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "slow",
  args: Schema.Struct({ stubborn: Schema.optionalWith(Schema.Boolean, { default: () => false }), size: Schema.optional(Schema.Number) })
}, function*({ size, stubborn }) {
  if (size !== undefined) return "x".repeat(size)
  const first = yield* agent("first", { label: "first" })
  if (stubborn) yield* Effect.uninterruptible(Effect.sleep(60_000))
  if ((yield* Effect.promise(() => import("node:fs"))).existsSync("wait")) yield* Effect.sleep(60_000)
  return [first.value, (yield* agent("second", { label: "second" })).value]
})
`

describe("a signal", () => {
  it("stops the run, which keeps its calls and is resumed; meanwhile nobody else may have it", async () => {
    const directory = directoryWith({ "flow.ts": flow, wait: "" })
    const { child, ran } = start(directory, ["run", "flow.ts"])
    await said(child, "✓ first")
    const other = await owf(directory, "resume", "latest", "--json")
    assert.strictEqual(other.code, 7, other.stderr)
    child.kill("SIGINT")
    const { code, stderr, stdout } = await ran
    assert.strictEqual(code, 130)
    const id = /run_id: (\S+)/.exec(stdout)?.[1] ?? ""
    assert.include(stdout, "status: interrupted")
    assert.include(stderr, `interrupted; resume with: owf resume ${id}`)

    Fs.rmSync(Path.join(directory, "wait"))
    Fs.renameSync(Path.join(directory, "flow.ts"), Path.join(directory, "moved.ts"))
    const gone = await owf(directory, "resume", id)
    assert.strictEqual(gone.code, 2)
    assert.include(gone.stderr, "--script PATH")
    Fs.appendFileSync(Path.join(directory, "moved.ts"), "// changed\n")
    const resumed = await owf(directory, "resume", id.slice(0, -3), "--script", "moved.ts")
    assert.strictEqual(resumed.code, 0, resumed.stderr)
    assert.include(resumed.stderr, "the script has changed")
    assert.include(resumed.stderr, "↺ first replayed")
    assert.include(resumed.stdout, `run_id: ${id}`)
  })

  it("never leaves a run behind without its id and how to go on, however early it comes", async () => {
    for (const moment of ["workflow.sqlite", "runs", "runs/*"]) {
      const directory = directoryWith({ "flow.ts": flow, wait: "" })
      const home = Path.join(directory, ".workflows")
      const { child, ran } = start(directory, ["run", "flow.ts"])
      const isThere = () =>
        moment === "runs/*"
          ? Fs.existsSync(Path.join(home, "runs")) && Fs.readdirSync(Path.join(home, "runs")).length > 0
          : Fs.existsSync(Path.join(home, moment))
      while (!isThere() && child.exitCode === null) await new Promise((resolve) => setImmediate(resolve))
      child.kill("SIGINT")
      const { code, stderr, stdout } = await ran
      assert.strictEqual(code, 130, stderr)
      const runs = JSON.parse((await owf(directory, "runs", "--json")).stdout || "[]") as ReadonlyArray<
        { readonly id: string; readonly status: string }
      >
      for (const { id, status } of runs) {
        assert.strictEqual(status, "interrupted")
        assert.include(stdout, `run_id: ${id}`, moment)
        assert.include(stderr, `resume with: owf resume ${id}`, moment)
      }
      if (moment === "runs/*") assert.lengthOf(runs, 1)
    }
  })

  it("ends a run that does not stop within two seconds of the second one, with its own code", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const { child, ran } = start(directory, ["run", "flow.ts", "--arg", "stubborn=true"])
    await said(child, "✓ first")
    child.kill("SIGTERM")
    await said(child, "stopping")
    const at = performance.now()
    child.kill("SIGTERM")
    const { code, stderr } = await ran
    assert.isBelow(performance.now() - at, 2_000)
    assert.strictEqual(code, 143)
    assert.include(stderr, "resume with: owf resume")
    const status = JSON.parse((await owf(directory, "status", "latest", "--json")).stdout) as {
      readonly run: { readonly status: string }
    }
    assert.strictEqual(status.run.status, "interrupted")
  })
})

describe("a working directory that was removed", () => {
  it("is said to be gone", () => {
    const directory = directoryWith({ "gone/x": "" })
    const command = `cd gone; rm -r ../gone; '${process.execPath}' '${bin}' runs; echo $?`
    const { stderr, stdout } = spawnSync("bash", ["-c", command], { cwd: directory, encoding: "utf8" })
    assert.strictEqual(stdout, "2\n")
    assert.include(stderr, "The working directory does not exist any more")
  })
})

describe("a pipe", () => {
  it("gets a large result whole, and may be closed early", async () => {
    const directory = directoryWith({ "flow.ts": flow })
    const large = await owf(directory, "run", "flow.ts", "--arg", "size=3000000", "--json")
    assert.strictEqual((JSON.parse(large.stdout) as { readonly output: string }).output.length, 3_000_000)
    const command = `'${process.execPath}' '${bin}' output latest | head -c 5; echo; echo "codes \${PIPESTATUS[0]}"`
    const { stderr, stdout } = spawnSync("bash", ["-c", command], { cwd: directory, encoding: "utf8" })
    assert.strictEqual(stdout, "\"xxxx\ncodes 0\n")
    assert.strictEqual(stderr, "")
  })
})
