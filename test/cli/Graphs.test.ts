import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith } from "../lib/node.ts"
import { owf, owfWith, said, start } from "./owf.ts"

const graph = `
name: deploy
vars:
  repo: app
  count: 1
start: setup
nodes:
  - id: setup
    type: script
    script: scripts/setup.sh
    args: ["{{ repo }}"]
    outputs: [{ key: cloned }]
    next: plan
  - id: plan
    type: agent
    prompt: prompts/plan.md
    outputs: [{ key: plan }]
    next: kind
  - id: kind
    type: branch
    path: cloned
    cases: { nothing: failed }
    default: done
  - id: done
    type: terminal
  - id: failed
    type: fail
`

const files = {
  "flow.yaml": graph,
  "prompts/plan.md": "Plan {{ repo }}\n",
  "scripts/setup.sh":
    "echo \"$1\" >> ran\nif [ -e ../hang ] || [ -e hang ]; then sleep 60; fi\n[ \"$1\" = broken ] && [ ! -e fixed ] && exit 4\necho \"{\\\"cloned\\\": \\\"$1\\\"}\"\n"
}

const documentOf = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout)

const ranOf = (directory: string) => Fs.readFileSync(Path.join(directory, "ran"), "utf8").trim().split("\n")

describe("owf run flow.yaml", () => {
  it("runs the graph with variables of a file and of the command line, which win", async () => {
    const directory = directoryWith({ ...files, "params.json": "{\"repo\": \"a\", \"count\": 2}" })
    const ran = await owf(
      directory,
      "run",
      "flow.yaml",
      "--params-file",
      "params.json",
      "--params",
      "{\"repo\":\"b\"}",
      "--json"
    )
    assert.strictEqual(ran.code, 0, ran.stderr)
    const { output, status } = documentOf(ran)
    assert.strictEqual(status, "done")
    assert.deepInclude(output, { repo: "b", count: 2, cloned: "b" })
  })

  it("goes on with a run that stopped, by the same command, and starts anew after one that has ended", async () => {
    const directory = directoryWith(files)
    const broken = await owf(directory, "run", "flow.yaml", "--params", "{\"repo\":\"broken\"}", "--json")
    assert.strictEqual(broken.code, 1, broken.stderr)
    const { error, run_id: id } = documentOf(broken)
    assert.include(error.message, "exit code 4")

    const other = await owf(directory, "run", "flow.yaml", "--params", "{\"repo\":\"other\"}")
    assert.strictEqual(other.code, 2)
    assert.include(other.stderr, "was started with another 'repo'")
    assert.include(other.stderr, "--fresh")

    Fs.writeFileSync(Path.join(directory, "fixed"), "")
    const again = await owf(directory, "run", "flow.yaml", "--json")
    assert.strictEqual(again.code, 0, again.stderr)
    assert.deepInclude(documentOf(again), { run_id: id, attempt: 2, status: "done" })
    assert.strictEqual(documentOf(again).output.cloned, "broken")

    const anew = await owf(directory, "run", "flow.yaml", "--json")
    assert.notStrictEqual(documentOf(anew).run_id, id)
    assert.deepStrictEqual(ranOf(directory), ["broken", "broken", "app"])
    const named = await owf(directory, "status", "deploy-default")
    assert.include(named.stdout, documentOf(anew).run_id)
  })

  it("starts anew after a run that came to a fail node, and with --fresh", async () => {
    const directory = directoryWith(files)
    const failed = await owf(directory, "run", "flow.yaml", "--params", "{\"repo\":\"nothing\"}", "--json")
    assert.strictEqual(failed.code, 1)
    assert.include(documentOf(failed).error.message, "node 'failed'")
    assert.isNull(documentOf(failed).resume)
    assert.notInclude((await owf(directory, "status", "deploy-default")).stdout, "resume")
    const anew = await owf(directory, "run", "flow.yaml", "--params", "{\"repo\":\"broken\"}", "--json")
    assert.strictEqual(anew.code, 1)
    const fresh = await owf(directory, "run", "flow.yaml", "--fresh", "--json")
    assert.strictEqual(fresh.code, 0, fresh.stderr)
    const ids = [failed, anew, fresh].map((ran) => documentOf(ran).run_id)
    assert.strictEqual(new Set(ids).size, 3)
    const side = await owf(directory, "run", "flow.yaml", "--run-id", "b", "--json")
    assert.strictEqual(side.code, 0)
    assert.strictEqual((await owf(directory, "status", "deploy-b")).code, 0)
  })

  it("runs a script in TypeScript, shows what the graph says where it ended, and offers no resume where there is nothing left to do", async () => {
    const directory = directoryWith({
      "count.ts":
        "enum Step { one = 1 }\nconsole.log(JSON.stringify({ n: Number(process.argv[2]) + (Step.one as number) }))\n",
      "flow.yaml": "name: say\nvars: {n: 2}\nstart: count\nnodes:\n" +
        "  - {id: count, type: script, script: count.ts, args: [\"{{ n }}\"], outputs: [n], next: any}\n" +
        "  - {id: any, type: branch, path: n, cases: {3: done}, default: none}\n" +
        "  - {id: done, type: terminal, message: \"Counted {{ n }}.\"}\n" +
        "  - {id: none, type: fail, message: \"Nothing of {{ n }}.\"}\n"
    })
    const done = await owf(directory, "run", "flow.yaml")
    assert.strictEqual(done.code, 0, done.stderr)
    assert.include(done.stdout, "message: Counted 3.")
    assert.match((await owf(directory, "status", "say-default")).stdout, /^message: +Counted 3\.$/m)
    assert.strictEqual(documentOf(await owf(directory, "status", "latest", "--json")).message, "Counted 3.")
    const failed = await owf(directory, "run", "flow.yaml", "--params", "{\"n\": 3}")
    assert.strictEqual(failed.code, 1)
    assert.include(failed.stderr, "Nothing of 4.")
    assert.include(failed.stderr, "the run has ended")
    assert.notInclude(failed.stderr, "resume with")
    const resumed = await owf(directory, "resume", "latest")
    assert.strictEqual(resumed.code, 1)
    assert.include(resumed.stderr, "is failed already; nothing is to be done")
    assert.include(resumed.stderr, "Nothing of 4.")
    assert.match(resumed.stderr, /owf resume \S+ --from NODE\nor begin anew with: owf run \S+flow\.yaml --fresh/)
    const again = documentOf(await owf(directory, "resume", "latest", "--json"))
    assert.deepInclude(again, { status: "failed", attempt: 1, resume: null })
    assert.deepInclude(again.error, { kind: "FlowFailed", message: "Nothing of 4." })
  })

  it("stops at a child that came to its fail node, and goes on there by the same command and by owf resume", async () => {
    const step = (id: string, next: string) =>
      `  - {id: ${id}, type: script, script: log.sh, args: [${id}], next: ${next}}\n`
    const directory = directoryWith({
      "log.sh": "echo \"$1\" >> ran\n",
      "ready.sh": "echo ready >> ran\nif [ -e fixed ]; then echo '{\"ok\": true}'; else echo '{\"ok\": false}'; fi\n",
      "outer.yaml": "name: outer\nstart: before\nnodes:\n" + step("before", "inner") +
        "  - {id: inner, type: workflow, workflow: inner.yaml, output: given, next: after}\n" + step("after", "done") +
        "  - {id: done, type: terminal}\n",
      "inner.yaml": "name: inner\nstart: first\nnodes:\n" + step("first", "ready") +
        "  - {id: ready, type: script, script: ready.sh, outputs: [{key: ok, type: bool}], next: is_ready}\n" +
        "  - {id: is_ready, type: branch, path: ok, cases: {true: done}, default: red}\n" +
        "  - {id: red, type: fail, message: \"The tests are red.\"}\n  - {id: done, type: terminal}\n"
    })
    const failed = await owf(directory, "run", "outer.yaml")
    assert.strictEqual(failed.code, 1, failed.stderr)
    assert.include(failed.stderr, "the workflow 'inner' ended as failed: The tests are red. Put that right and resume")
    assert.match(failed.stderr, /owf resume \S+/)
    assert.notInclude(failed.stderr, "the run has ended")

    const again = await owf(directory, "run", "outer.yaml", "--json")
    assert.strictEqual(again.code, 1)
    const { error, resume, run_id: id } = documentOf(again)
    assert.deepInclude(documentOf(again), { attempt: 2, status: "failed" })
    assert.strictEqual(error.kind, "ChildFailed")
    assert.strictEqual(resume, `owf resume ${id}`)

    Fs.writeFileSync(Path.join(directory, "fixed"), "")
    const done = await owf(directory, "resume", id, "--json")
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepInclude(documentOf(done), { run_id: id, attempt: 3, status: "done" })
    assert.deepStrictEqual(documentOf(done).output, { given: { ok: true } })
    // what finished before the child is not run again; the child begins anew each time
    const tried = ["first", "ready"]
    assert.deepStrictEqual(ranOf(directory), ["before", ...tried, ...tried, ...tried, "after"])

    // run by itself, it has ended
    Fs.rmSync(Path.join(directory, "fixed"))
    const alone = await owf(directory, "run", "inner.yaml")
    assert.strictEqual(alone.code, 1)
    assert.include(alone.stderr, "the run has ended")
  })

  it("YG-18: refuses a second process at the same run, and goes on after the first was killed", async () => {
    const directory = directoryWith({ ...files, hang: "" })
    const { child, ran } = start(directory, ["run", "flow.yaml"])
    await said(child, "run ")
    const second = await owf(directory, "run", "flow.yaml", "--json")
    assert.strictEqual(second.code, 7, second.stderr)
    const fresh = await owf(directory, "run", "flow.yaml", "--fresh")
    assert.include(fresh.stderr, "is under way")
    child.kill("SIGKILL")
    await ran
    Fs.rmSync(Path.join(directory, "hang"))
    const again = await owf(directory, "run", "flow.yaml", "--json")
    assert.strictEqual(again.code, 0, again.stderr)
    assert.deepInclude(documentOf(again), { attempt: 2, status: "done" })
  }, 60_000)

  it(
    "comes to its end by the same command however often its process is killed, and runs nothing again that had finished",
    async () => {
      const steps = ["a", "b", "c"]
      const nodes = steps.map((id, index) =>
        `  - { id: ${id}, type: script, script: step.sh, args: [${id}, "{{ log }}"], outputs: [{ key: log }], next: ${
          steps[index + 1] ?? "done"
        } }`
      )
      const directory = directoryWith({
        "flow.yaml": [
          "name: killed",
          "vars: { log: \"\" }",
          "start: a",
          "nodes:",
          ...nodes,
          "  - { id: done, type: terminal }",
          ""
        ].join("\n"),
        // the first time each kills the process it was started by
        "step.sh":
          "echo $1 >> ran\n[ -e killed-$1 ] || { touch killed-$1; kill -9 $PPID; sleep 5; }\necho \"{\\\"log\\\": \\\"$2$1\\\"}\"\n"
      })
      for (const _ of steps) assert.notStrictEqual((await owf(directory, "run", "flow.yaml", "--json")).code, 0)
      const last = await owf(directory, "run", "flow.yaml", "--json")
      assert.strictEqual(last.code, 0, last.stderr)
      assert.deepInclude(documentOf(last), { attempt: 4, status: "done", output: { log: "abc" } })
      assert.deepStrictEqual(ranOf(directory), ["a", "a", "b", "b", "c", "c"])
    },
    60_000
  )

  it("takes its provider from --cli, else from AGENT_CLI, and says which variable holds what is none", async () => {
    const directory = directoryWith(files)
    const unknown = await owf(directory, "run", "flow.yaml", "--cli", "nobody")
    assert.strictEqual(unknown.code, 5)
    assert.include(unknown.stderr, "unknown provider 'nobody'")
    const variable = await owfWith({ AGENT_CLI: "noone" }, directory, "run", "flow.yaml")
    assert.include(variable.stderr, "unknown provider 'noone'")
    const named = await owfWith({ AGENT_CLI: "noone" }, directory, "run", "flow.yaml", "--cli", "fake")
    assert.strictEqual(named.code, 0, named.stderr)
    const both = await owf(directory, "run", "flow.yaml", "--cli", "fake", "--provider", "claude")
    assert.strictEqual(both.code, 2)
    const malformed = await owfWith({ AGENT_MAX_CAP_WAITS: "lots" }, directory, "run", "flow.yaml")
    assert.strictEqual(malformed.code, 5)
    assert.include(malformed.stderr, "AGENT_MAX_CAP_WAITS is 'lots'; it has to be a whole number of at least 0")
  })

  it("says that there is nothing to resume where nothing was run", async () => {
    const nothing = await owf(directoryWith({}), "resume", "latest")
    assert.strictEqual(nothing.code, 2, nothing.stderr)
  })

  it("refuses what is no object, what the graph does not have, and a name that leaves the home", async () => {
    const directory = directoryWith(files)
    const refused = async (...words: ReadonlyArray<string>) => {
      const { code, stderr } = await owf(directory, "run", "flow.yaml", ...words)
      assert.strictEqual(code, 2, stderr)
      return stderr
    }
    assert.include(await refused("--params", "[1]"), "--params has to be a JSON object")
    assert.include(await refused("--params-file", "none.json"), "--params-file none.json cannot be read")
    assert.include(await refused("--params", "{\"rep\": 1}"), "rep")
    assert.include(await refused("--run-id", "../x"), "--run-id is '../x'")
    assert.isFalse(Fs.existsSync(Path.join(directory, "ran")))
  })
})

describe("owf resume RUN --from NODE", () => {
  it(
    "YG-16: runs a graph again from a node, refuses others and programs, and leaves the run as it is then",
    async () => {
      const directory = directoryWith({
        ...files,
        "program.ts":
          "import { Workflow, agent } from \"open-agent-workflows\"\nexport default Workflow.make({ name: \"program\" }, () => agent(\"x\"))\n"
      })
      const first = await owf(directory, "run", "flow.yaml", "--json")
      assert.strictEqual(first.code, 0, first.stderr)
      const { run_id: id } = documentOf(first)
      const unknown = await owf(directory, "resume", id, "--from", "plam")
      assert.strictEqual(unknown.code, 2)
      assert.include(unknown.stderr, "has no node 'plam'. It came to setup, plan, kind, done.")
      assert.include((await owf(directory, "status", id)).stdout, "done")

      // what was edited since is what is done again
      Fs.writeFileSync(
        Path.join(directory, "flow.yaml"),
        graph.replace("cases: { nothing: failed }", "cases: { app: failed }")
      )
      const again = await owf(directory, "resume", id, "--from", "kind", "--json")
      assert.strictEqual(again.code, 1, again.stderr)
      assert.deepInclude(documentOf(again), { run_id: id, attempt: 2, status: "failed" })
      assert.deepStrictEqual(ranOf(directory), ["app"])
      assert.include((await owf(directory, "events", id)).stdout, "back to kind: 1 finished nodes count no more")

      const program = await owf(directory, "run", "program.ts", "--json")
      const refused = await owf(directory, "resume", documentOf(program).run_id, "--from", "x")
      assert.strictEqual(refused.code, 2)
      assert.include(refused.stderr, "--from is for graphs")
    },
    60_000
  )

  it("YG-15: warns of variables that look like keys, which are stored, without showing them", async () => {
    const directory = directoryWith(files)
    const key = `ghp_${"a1B2".repeat(9)}`
    const ran = await owf(directory, "run", "flow.yaml", "--params", JSON.stringify({ repo: key }), "--json")
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.include(ran.stderr, "warning: 'repo' looks like a key, and arguments are stored")
    assert.notInclude(ran.stderr, key)
  }, 60_000)
})

describe("owf validate flow.yaml", () => {
  it("shows what a graph takes, and names all that is wrong with its line", async () => {
    const directory = directoryWith({
      ...files,
      "wrong.yaml": graph.replace("next: plan", "next: plam").replace("default: done", "default: nowhere")
    })
    const valid = await owf(directory, "validate", "flow.yaml")
    assert.strictEqual(valid.code, 0, valid.stderr)
    assert.include(valid.stdout, "name: deploy")
    const wrong = await owf(directory, "validate", "wrong.yaml")
    assert.strictEqual(wrong.code, 2)
    assert.include(wrong.stderr, "wrong.yaml:13")
    assert.include(wrong.stderr, "plam")
    assert.include(wrong.stderr, "nowhere")
  })
})

describe("owf approve", () => {
  const gated = graph.replace("next: plan", "next: gate").replace(
    "  - id: plan",
    "  - id: gate\n    type: wait\n    approval: \"Deploy {{ repo }}?\"\n    output: gate\n    next: plan\n  - id: plan"
  )

  it(
    "lets a run spend what its graph allows now, with the same command and with owf resume, unless other limits were given",
    async () => {
      const graph = (tokens: number) =>
        `name: dear\nlimits: {tokens: ${tokens}}\nstart: s\nnodes:\n` +
        "  - {id: s, type: script, script: scripts/setup.sh, args: [broken], next: done}\n  - {id: done, type: terminal}\n"
      const directory = directoryWith({ ...files, "flow.yaml": graph(1_000) })
      const write = (tokens: number) => Fs.writeFileSync(Path.join(directory, "flow.yaml"), graph(tokens))
      const limit = async () => /of (\d+) tokens/.exec((await owf(directory, "status", "latest")).stdout)?.[1]
      assert.strictEqual((await owf(directory, "run", "flow.yaml")).code, 1)
      write(5_000)
      const resumed = await owf(directory, "resume", "latest")
      assert.include(resumed.stderr, "the run may spend 5000 tokens now, as the graph says, instead of 1000")
      assert.strictEqual(await limit(), "5000")
      write(6_000)
      assert.include((await owf(directory, "run", "flow.yaml")).stderr, "the run may spend 6000 tokens now")
      assert.strictEqual(await limit(), "6000")
      write(2_000)
      assert.include((await owf(directory, "run", "flow.yaml")).stderr, "the run may spend 2000 tokens now")
      assert.strictEqual(await limit(), "2000")
      // what a person has given holds, whatever the graph says then
      const given = await owf(directory, "resume", "latest", "--budget-tokens", "3000")
      assert.notInclude(given.stderr, "as the graph says")
      write(9_000)
      const kept = await owf(directory, "run", "flow.yaml")
      assert.include(kept.stderr, "allows 9000 tokens now, and the run keeps the 3000 it has")
      assert.include(kept.stderr, "--budget-tokens 9000")
      assert.strictEqual(await limit(), "3000")
    },
    60_000
  )

  it("shows that a run waits, and until when, while nothing else of it is done", async () => {
    const until = "2999-08-01T09:00:00.000Z"
    const directory = directoryWith({
      "flow.yaml": "name: later\nstart: first\nnodes:\n" +
        "  - {id: first, type: agent, prompt_text: First, next: pause}\n" +
        `  - {id: pause, type: wait, until: "${until}", next: done}\n  - {id: done, type: terminal}\n`
    })
    const { child, ran } = start(directory, ["run", "flow.yaml"])
    await said(child, `waiting until ${until}`)
    const shown = await owf(directory, "status", "latest")
    assert.match(shown.stdout, /^status: +waiting$/m)
    assert.match(shown.stdout, new RegExp(`^waiting: +pause until ${until}$`, "m"))
    assert.match((await owf(directory, "runs")).stdout, / waiting /)
    assert.include((await owf(directory, "health", "latest")).stdout, ` waits until ${until}\n`)
    child.kill("SIGINT")
    await ran
    assert.match((await owf(directory, "status", "latest")).stdout, /^status: +interrupted$/m)
  }, 60_000)

  it("answers a run another process is at work on, which goes on", async () => {
    const directory = directoryWith({ ...files, "flow.yaml": gated })
    const { child, ran } = start(directory, ["run", "flow.yaml"])
    await said(child, "waiting for approval")
    const status = await owf(directory, "status", "deploy-default")
    assert.match(status.stdout, /gate: Deploy app\? \(owf approve \S+ gate\)$/m)
    const named = await owf(directory, "status", "deploy-default", "--home", ".workflows")
    assert.match(named.stdout, /gate: Deploy app\? \(owf approve \S+ gate --home \.workflows\)$/m)
    assert.match(status.stdout, /status: +waiting/)
    const wrong = await owf(directory, "approve", "deploy-default", "gat")
    assert.strictEqual(wrong.code, 2)
    assert.include(wrong.stderr, "gate")
    const approved = await owf(directory, "approve", "deploy-default", "--message", "go")
    assert.strictEqual(approved.code, 0, approved.stderr)
    const { code, stderr, stdout } = await ran
    assert.strictEqual(code, 0)
    assert.match(stderr, /^waiting: gate: waiting for approval \(owf approve \S+ gate\)$/m)
    assert.include(stdout, "\"approved\": true")
    assert.include(stdout, "\"message\": \"go\"")
    const late = await owf(directory, "approve", "deploy-default", "gate")
    assert.match(late.stderr, /gate of run deploy-default was answered before: approved at 20\d\d-\S+Z, 'go'\.\n/)
  }, 60_000)

  it("answers a run nobody is at work on, which goes on when it is resumed", async () => {
    const directory = directoryWith({ ...files, "flow.yaml": gated })
    const { child, ran } = start(directory, ["run", "flow.yaml"])
    await said(child, "waiting for approval")
    child.kill("SIGINT")
    await ran
    const rejected = await owf(directory, "approve", "latest", "gate", "--reject", "--message", "frozen")
    assert.strictEqual(rejected.code, 0, rejected.stderr)
    assert.notInclude(rejected.stdout, "owf resume")
    assert.include(rejected.stderr, "resume with: owf resume")
    const resumed = await owf(directory, "resume", "deploy-default", "--json")
    assert.strictEqual(resumed.code, 0, resumed.stderr)
    assert.deepStrictEqual(documentOf(resumed).output.gate, { approved: false, message: "frozen", timed_out: false })
    assert.deepStrictEqual(ranOf(directory), ["app"])
  }, 60_000)
})
