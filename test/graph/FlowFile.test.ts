import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe } from "vitest"
import * as FlowCheck from "../../src/graph/FlowCheck.ts"
import * as FlowFile from "../../src/graph/FlowFile.ts"

const fixture = (name: string) => new URL(`../fixtures/graphs/${name}`, import.meta.url).pathname

/** A copy of a fixture in a directory of its own. */
const copyOf = (name: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = path.join(yield* fs.makeTempDirectoryScoped(), name)
    yield* fs.copy(fixture(name), directory)
    return (file: string) => path.join(directory, file)
  })

/** The details of what is wrong with a graph. */
const details = (file: string) =>
  Effect.map(Effect.flip(FlowFile.load(file)), ({ problems }) => problems.map(({ detail }) => detail))

describe("the graph of the first engine's manual", () => {
  it.effect("loads as it is, with nothing to tell", () =>
    Effect.gen(function*() {
      const { flow, warnings } = yield* FlowFile.check(fixture("seed/workflow.yaml"))
      assert.deepStrictEqual(warnings, [])
      assert.strictEqual(flow.name, "my-workflow")
      assert.strictEqual(flow.start, "first_node")
      assert.deepStrictEqual([...flow.nodes.keys()], ["first_node", "check_result", "done"])
      assert.deepStrictEqual(flow.variables.map(({ name, value }) => [name, value]), [["my_var", "default value"]])
      const node = flow.nodes.get("first_node")
      assert.isTrue(node?.type === "agent")
      if (node?.type !== "agent") return
      assert.strictEqual(node.prompt.file, fixture("seed/prompts/step.md"))
      assert.match(node.prompt.template.source, /^Look at \{\{ key \}\}/)
      assert.deepInclude(node.prompt.template.at, { file: fixture("seed/prompts/step.md"), line: 1, column: 1 })
      assert.deepStrictEqual([...node.args].map(([name, { source }]) => [name, source]), [["key", "{{ my_var }}"]])
      assert.deepStrictEqual(node.outputs.map((output) => [output.key, output.default]), [["result", { status: "ok" }]])
      assert.deepInclude(node, { timeoutMs: 1_200_000, onExhausted: "default", next: "check_result", model: null })
      const branch = flow.nodes.get("check_result")
      assert.deepStrictEqual(branch?.type === "branch" ? [...branch.cases] : [], [["ok", "done"], ["error", "done"]])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.effect("has its name from the file, and its keys, ids and values as they are written", () =>
    Effect.gen(function*() {
      const { flow, warnings } = yield* FlowFile.check(fixture("seed/counts.yaml"))
      assert.strictEqual(flow.name, "counts")
      assert.deepStrictEqual(warnings.map(({ line }) => line), [33])
      const [setup, decide, bulk, single] = [...flow.nodes.values()]
      assert.deepStrictEqual(setup?.type === "script" ? setup.args.map(({ source }) => source) : [], [
        "{{ repository }}",
        "3",
        "true"
      ])
      assert.deepStrictEqual(decide?.type === "branch" ? decide.conditions : [], [
        { op: ">=", value: "10", next: "bulk_path" },
        { op: "<", value: "10", next: "1" }
      ])
      assert.deepStrictEqual(bulk?.type === "branch" ? [...bulk.cases] : [], [["true", "single_path"], ["1", "1"]])
      assert.isTrue(single?.type === "agent" && single.timeoutMs === null && single.onExhausted === "stop")
      const includes = single?.type === "agent" ? single.prompt.includes : undefined
      assert.deepStrictEqual([...includes?.keys() ?? []], ["prompts/answer.md"])
      assert.match(includes?.get("prompts/answer.md")?.source ?? "", /^Answer with/)
    }).pipe(Effect.provide(NodeContext.layer)))
})

describe("a graph with everything in it", () => {
  it.effect("loads with nothing to tell, every field where it belongs", () =>
    Effect.gen(function*() {
      const { flow, warnings } = yield* FlowFile.check(fixture("full/flow.yaml"))
      assert.deepStrictEqual(warnings, [])
      assert.deepStrictEqual(flow.limits, {
        transitions: 500,
        wallClockMs: 172_800_000,
        tokens: 2_000_000,
        costUsd: 12.5
      })
      assert.deepStrictEqual(
        flow.variables.map(({ isRequired, name, schema }) =>
          `${name}${isRequired ? "!" : ""} ${schema === null ? "-" : "typed"}`
        ),
        ["files typed", "attempts typed", "review typed", "report -", "channel! typed", "audience! typed"]
      )
      const nodes = new Map([...FlowCheck.allNodes(flow)].map((node) => [node.id, node]))
      assert.deepInclude(nodes.get("collect"), {
        script: fixture("full/scripts/collect.py"),
        timeoutMs: 90_000,
        retry: { attempts: 2, delayMs: 10_000 }
      })
      assert.deepInclude(nodes.get("each"), { as: "file", concurrency: 4, output: "summaries" })
      const summarize = nodes.get("summarize")
      assert.isTrue(summarize?.type === "agent" && summarize.prompt.file === null && summarize.next === "end")
      assert.deepInclude(summarize?.type === "agent" ? summarize.prompt.template.at : {}, { line: 48, column: 11 })
      assert.deepInclude(nodes.get("draft"), {
        timeoutMs: 2_700_000,
        idleTimeoutMs: 300_000,
        provider: "claude",
        model: "sonnet",
        isolation: "worktree",
        onExhausted: "default",
        retry: { attempts: 1, delayMs: 0 }
      })
      const draft = nodes.get("draft")
      if (draft?.type === "agent") {
        assert.deepStrictEqual(
          [draft.writeScope, draft.readScope, draft.permissions, draft.recover, draft.budget],
          [["docs"], [], ["Read", "Edit"], ["retry", "wait", "reframe"], { tokens: 50_000, costUsd: 0.5 }]
        )
      }
      const polish = nodes.get("polish")
      assert.isTrue(polish?.type === "while" && polish.body.start === "count" && polish.maxTurns === 3)
      assert.strictEqual(
        polish?.type === "while" ? polish.condition.source : "",
        "review.verdict != 'approve' and attempts < 3"
      )
      const both = nodes.get("both")
      assert.deepStrictEqual(both?.type === "parallel" ? both.branches.map(({ start }) => start) : [], [
        "links",
        "spelling"
      ])
      const child = nodes.get("child")
      assert.deepStrictEqual(
        child?.type === "workflow" ? [...child.args].map(([key, { source }]) => [key, source]) : [],
        [
          ["title", "Notes of {{ channel }}"],
          ["list", "files"],
          ["level", "3"]
        ]
      )
      const waits = ["hold", "pause", "until", "mark"].map((id) => {
        const node = nodes.get(id)
        return node?.type === "wait" ? node.until._tag : undefined
      })
      assert.deepStrictEqual(waits, ["Approval", "Duration", "Time", "File"])
      assert.deepInclude(nodes.get("pause"), { until: { _tag: "Duration", millis: 5_400_000 } })
    }).pipe(Effect.provide(NodeContext.layer)))
})

describe("the spelling of values", () => {
  it.effect("is JSON, or Python's where a graph asks for it, and nothing else", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/flow.yaml`
      const write = (line: string) =>
        fs.writeFileString(file, `${line}\nstart: done\nnodes: [{id: done, type: terminal}]\n`)
      const valuesOf = (line: string) =>
        Effect.zipRight(write(line), Effect.map(FlowFile.load(file), (flow) => flow.values))
      assert.deepStrictEqual(
        [yield* valuesOf(""), yield* valuesOf("values: json"), yield* valuesOf("values: python")],
        [undefined, undefined, "python"]
      )
      yield* write("values: pyton")
      const [problem] = yield* details(file)
      assert.include(problem, "'pyton' and has to be json or python")
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)))
})

describe("the digest of a graph", () => {
  it.scoped("is the same for the same files wherever they are, and another for each file that changes", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const digestOf = (file: string) => Effect.map(FlowFile.load(file), ({ digest }) => digest)
      const seed = yield* copyOf("seed")
      const full = yield* copyOf("full")
      const before = yield* digestOf(seed("counts.yaml"))
      assert.strictEqual(before, yield* digestOf(fixture("seed/counts.yaml")))
      const seen = new Set([before, yield* digestOf(full("flow.yaml"))])
      const changes: ReadonlyArray<readonly [graph: string, changed: string]> = [
        [seed("counts.yaml"), seed("counts.yaml")],
        [seed("counts.yaml"), seed("prompts/notes.md")],
        [seed("counts.yaml"), seed("prompts/answer.md")],
        [seed("counts.yaml"), seed("scripts/setup.sh")],
        [full("flow.yaml"), full("child.yaml")]
      ]
      for (const [graph, changed] of changes) {
        yield* fs.writeFileString(changed, `${yield* fs.readFileString(changed)}\n# changed\n`)
        const digest = yield* digestOf(graph)
        assert.isFalse(seen.has(digest), changed)
        seen.add(digest)
      }
    }).pipe(Effect.provide(NodeContext.layer)))
})

describe("YG-5, YG-14: files on a disk", () => {
  it.effect("tells of a graph that is not there, is a directory, or is no file", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* details(fixture("none.yaml")), ["the file is not there"])
      assert.deepStrictEqual(yield* details(fixture("seed")), ["the file is a directory"])
      assert.deepStrictEqual(yield* details("/dev/zero"), ["the file is no regular file"])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a link to a prompt outside of the directory is not followed, one inside is", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* copyOf("seed")
      yield* fs.remove(at("prompts/step.md"))
      yield* fs.symlink(at("prompts/notes.md"), at("prompts/step.md"))
      yield* FlowFile.load(at("workflow.yaml"))
      yield* fs.remove(at("prompts/step.md"))
      yield* fs.symlink("/etc/passwd", at("prompts/step.md"))
      const [detail = ""] = yield* details(at("workflow.yaml"))
      assert.strictEqual(detail, "the prompt 'prompts/step.md' is a link out of the directory of the graph")
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a directory that is reached by a link is as good as any", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* copyOf("seed")
      const link = `${yield* fs.makeTempDirectoryScoped()}/link`
      yield* fs.symlink(at("."), link)
      assert.strictEqual((yield* FlowFile.load(`${link}/counts.yaml`)).name, "counts")
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a script has to be executable where no program is known for its ending", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* copyOf("seed")
      const graph = "start: a\nnodes:\n  - {id: a, type: script, script: tool, next: b}\n  - {id: b, type: terminal}\n"
      yield* fs.writeFileString(at("flow.yaml"), graph)
      yield* fs.writeFileString(at("tool"), "#!/bin/sh\n")
      yield* fs.chmod(at("tool"), 0o644)
      assert.deepStrictEqual(yield* details(at("flow.yaml")), ["the script 'tool' is not executable"])
      yield* fs.chmod(at("tool"), 0o755)
      assert.strictEqual((yield* FlowFile.load(at("flow.yaml"))).nodes.size, 2)
    }).pipe(Effect.provide(NodeContext.layer)))
})
