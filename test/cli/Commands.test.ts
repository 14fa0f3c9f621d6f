import { assert, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { specs } from "../../src/cli/Cli.ts"
import { directoryWith } from "../lib/node.ts"
import type { Ran } from "./owf.ts"
import { inProcess, normal, owf, transcript } from "./owf.ts"

const golden = (name: string): string => `../golden/cli/${name}.txt`

describe("help", () => {
  for (const words of [[], ...specs.map((spec) => spec.name.split(" "))]) {
    it(`owf ${[...words, "--help"].join(" ")}`, async () => {
      const { code, stderr, stdout } = await inProcess("/", ...words, "--help")
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      for (const line of stdout.split("\n")) assert.isAtMost(line.length, 100, line)
      await expect(stdout).toMatchFileSnapshot(golden(`help-${words.length === 0 ? "owf" : words.join("-")}`))
    })
  }
})

const flow = `
import * as Schema from "effect/Schema"
import { agent, parallel, phase, log, workflow, Workflow } from "open-agent-workflows"

const child = Workflow.make({ name: "child" }, function*() {
  return (yield* agent("from the child", { label: "inner" })).value
})

export default Workflow.make({
  name: "sample",
  description: "Asks three times",
  phases: ["ask"],
  args: Schema.Struct({
    topic: Schema.String.annotations({ description: "what to ask about" }),
    depth: Schema.optionalWith(Schema.Number, { default: () => 1 })
  })
}, function*({ depth, topic }) {
  yield* phase("ask")
  yield* log("depth is known", { depth })
  const results = yield* parallel([agent("about " + topic, { label: "text" }), agent("shape", { label: "typed", schema: Schema.Struct({ n: Schema.Int }) })], { concurrency: 1 })
  yield* workflow(child)
  return results.map((result) => result.value)
})
`

/** Commands that only read, in text and as JSON, on the run that the first two of them make. */
describe("a run", () => {
  let directory: string
  let first: Ran
  beforeAll(async () => {
    directory = directoryWith({ "flow.ts": flow })
    first = await owf(directory, "run", "flow.ts", "--arg", "topic=tests")
  })

  it("has no report written to the place its directory links to", async () => {
    const runs = Path.join(directory, ".workflows/runs")
    const [id] = Fs.readdirSync(runs)
    const own = Path.join(runs, id ?? "")
    const outside = directoryWith({})
    Fs.renameSync(own, `${own}.own`)
    Fs.symlinkSync(outside, own)
    const { code, stderr, stdout } = await inProcess(directory, "report", "latest", "--html")
    const elsewhere = await inProcess(directory, "report", "latest", "--out", Path.join(outside, "asked.md"))
    Fs.rmSync(own)
    Fs.renameSync(`${own}.own`, own)
    assert.deepStrictEqual([code, stdout], [4, ""])
    assert.include(stderr, "is a link")
    assert.deepStrictEqual([elsewhere.code, Fs.readdirSync(outside)], [0, ["asked.md"]])
  })

  it("has no worktrees where there is no repository", async () => {
    const { code, stderr, stdout } = await inProcess(directory, "worktrees", "list", "latest")
    assert.deepStrictEqual([code, stdout, stderr], [0, "", "There are no worktrees of calls here.\n"])
    assert.deepStrictEqual(await inProcess(directory, "worktrees", "--json"), { code: 0, stdout: "[]\n", stderr: "" })
  })

  it("prints its id, status and directory, then its output; progress is on stderr", async () => {
    await expect(transcript(directory, ["run", "flow.ts", "--arg", "topic=tests"], first)).toMatchFileSnapshot(
      golden("run")
    )
  })

  for (const name of ["runs", "status", "output", "calls", "events", "usage", "explain-cache", "artifacts", "cat"]) {
    it(`is read by owf ${name}`, async () => {
      const argument = name === "runs" ? [] : name === "cat" ? ["latest_call_0002"] : ["latest"]
      const texts = []
      for (const words of [[name, ...argument], [name, ...argument, "--json"]]) {
        const ran = await inProcess(directory, ...words)
        if (words.includes("--json")) JSON.parse(ran.stdout)
        texts.push(transcript(directory, words, ran))
      }
      await expect(texts.join("\n")).toMatchFileSnapshot(golden(`read-${name}`))
    })
  }

  it("is read by the built command as by this one", async () => {
    const words = ["--home", ".workflows", "status", "latest", "--json"]
    assert.deepStrictEqual(await owf(directory, ...words), await inProcess(directory, ...words))
  })

  it("prints one JSON document with --json, answered by the cache the second time", async () => {
    const words = [
      "run",
      "--json",
      "--home",
      "./.workflows",
      "flow.ts",
      "--args-json",
      "{\"topic\":\"no\"}",
      "--arg=topic=tests"
    ]
    const ran = await owf(directory, ...words)
    await expect(transcript(directory, words, ran)).toMatchFileSnapshot(golden("run-json"))
    const document = JSON.parse(ran.stdout) as Record<string, unknown>
    const keys = ["run_id", "status", "output", "run_dir", "attempt", "calls", "failed_calls", "error", "resume"]
    assert.sameMembers(Object.keys(document), keys)
    const resumed = await owf(directory, "resume", "latest", "--json")
    assert.deepStrictEqual(JSON.parse(resumed.stdout), document)
    assert.include(resumed.stderr, "is done already")
    assert.strictEqual(resumed.code, 0)
  })

  it("prompt and raw answer of a call can be read", async () => {
    const { stdout } = await inProcess(directory, "cat", "latest_call_0001", "--prompt")
    assert.strictEqual(stdout, "about tests\n")
    assert.strictEqual((await inProcess(directory, "cat", "latest_call_0001", "--raw")).code, 0)
    assert.strictEqual((await inProcess(directory, "cat", "latest_call_0001", "--raw", "--prompt")).code, 2)
  })

  it("owf validate shows what the workflow takes and runs nothing", async () => {
    const text = await owf(directory, "validate", "flow.ts")
    const json = await owf(directory, "validate", "flow.ts", "--json")
    JSON.parse(json.stdout)
    const texts = transcript(directory, ["validate", "flow.ts"], text) +
      transcript(directory, ["validate", "flow.ts", "--json"], json)
    await expect(texts).toMatchFileSnapshot(golden("validate"))
  })
})

const dropping = `
import { agent, parallel, Workflow } from "open-agent-workflows"

export default Workflow.make({ name: "dropping" }, function*() {
  const results = yield* parallel([agent("one", { label: "one" }), agent("two", { label: "two" })], { concurrency: 1 })
  return results.flatMap((result) => result.ok ? [result.value] : [])
})
`

describe("a run that drops the results of failed calls", () => {
  it("says how many failed and where they are seen, and what can be done when it is resumed", async () => {
    const directory = directoryWith({ "flow.ts": dropping })
    const ran = await owf(directory, "run", "flow.ts", "--provider", "openai", "--model", "gpt-5-mini", "--quiet")
    const id = /run_id: (\S+)/.exec(ran.stdout)?.[1] ?? ""
    const failed = `2 of 2 calls failed; see them with: owf status ${id}\n`
    assert.deepStrictEqual([ran.code, ran.stderr], [0, failed])
    assert.include((await inProcess(directory, "status", id)).stdout, `owf cat ${id}_call_0001`)

    const again = await owf(directory, "resume", id, "--json")
    assert.strictEqual(again.code, 0)
    assert.deepInclude(JSON.parse(again.stdout), { status: "done", output: [], calls: 2, failed_calls: 2 })
    const path = Path.join(Fs.realpathSync(directory), "flow.ts")
    assert.strictEqual(
      again.stderr,
      `run ${id} is done already; nothing is to be done\n` +
        `begin anew, which asks the failed calls again, with: owf run ${path}\n${failed}`
    )

    const well = await owf(directory, "run", "flow.ts", "--json")
    assert.deepInclude(JSON.parse(well.stdout), { status: "done", calls: 2, failed_calls: 0 })
    assert.notInclude(well.stderr, "failed")
  })
})

describe("owf new, init and examples", () => {
  it("new writes a workflow that runs as it is, and replaces nothing unasked", async () => {
    const directory = directoryWith({})
    const file = Path.join(directory, "sub/My flow.ts")
    const made = await inProcess(directory, "new", file)
    assert.strictEqual(made.code, 0, made.stderr)
    assert.include(Fs.readFileSync(file, "utf8"), "name: \"my-flow\"")
    const again = await inProcess(directory, "new", file, "--json")
    assert.strictEqual(again.code, 2)
    assert.include(again.stdout, "already exists")
    assert.strictEqual((await inProcess(directory, "new", file, "--force")).code, 0)
    const ran = await owf(directory, "run", file, "--quiet")
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.strictEqual(ran.stderr, "")
    assert.strictEqual((await inProcess(directory, "new", "flow.py")).code, 2)
  })

  it("init makes a home and leaves one that exists", async () => {
    const directory = directoryWith({})
    for (const words of [["init"], ["init", "--json"]]) {
      const { code, stdout } = await inProcess(directory, ...words)
      assert.strictEqual(code, 0)
      assert.include(stdout, Path.join(directory, ".workflows"))
    }
  })

  it("examples lists workflows with a title and a command", async () => {
    const { stdout } = await inProcess("/", "examples", "--json")
    const found = JSON.parse(stdout) as ReadonlyArray<
      { readonly name: string; readonly title: string; readonly run: string }
    >
    assert.isAbove(found.length, 0)
    for (const { run, title } of found) {
      assert.match(run, /^owf run .*\.ts$/)
      assert.isNotEmpty(title)
    }
    assert.include(normal("/", (await inProcess("/", "examples")).stdout), found[0]!.title)
  })
})
