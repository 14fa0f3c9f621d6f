import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Templates from "../../src/cli/templates.ts"
import { inDirectory } from "../lib/inDirectory.ts"
import { directoryWith } from "../lib/node.ts"
import { callsOf, callsOfRun, plan } from "../lib/planned.ts"
import { repositoryWith } from "../lib/repository.ts"
import { inProcess } from "./owf.ts"

describe("owf new", () => {
  for (const { language, name } of Templates.templates) {
    it.live(`writes ${name}, which does offline what a dry run says`, () =>
      Effect.gen(function*() {
        const cwd = repositoryWith({ "README.md": "# Read\n", LICENSE: "MIT\n" })
        const file = Path.join(cwd, `My flow.${language === "yaml" ? "yaml" : "ts"}`)
        const made = yield* Effect.promise(() => inProcess(cwd, "new", file, "--template", name, "--json"))
        assert.deepInclude(JSON.parse(made.stdout), { path: file, template: name })
        const planned = yield* inDirectory(cwd, plan(file))
        assert.strictEqual(planned.workflow["name"], "my-flow")
        assert.isNull(planned.error)
        const ran = yield* inDirectory(cwd, callsOfRun(file, cwd, {}))
        assert.strictEqual(ran.status, "done")
        assert.deepStrictEqual(callsOf(planned), ran.calls)
        assert.isAbove(ran.calls.length, 0)
      }))
  }

  it("takes the template that goes with the file when none is named, and other names for one", async () => {
    const directory = directoryWith({})
    const templateOf = async (...words: ReadonlyArray<string>) =>
      JSON.parse((await inProcess(directory, "new", ...words, "--json")).stdout)["template"]
    assert.strictEqual(await templateOf(Path.join(directory, "a.ts")), "hello")
    assert.strictEqual(await templateOf(Path.join(directory, "a.yml")), "graph")
    assert.strictEqual(await templateOf(Path.join(directory, "b.mts"), "--template", "fan_out_workflow"), "fan-out")
  })

  it("lists the templates", async () => {
    const { code, stdout } = await inProcess("/", "new", "--list", "--json")
    assert.strictEqual(code, 0)
    const names = (JSON.parse(stdout) as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)
    assert.deepStrictEqual(names, ["hello", "fan-out", "review-panel", "pipeline", "worktree-fixers", "graph"])
    assert.include((await inProcess("/", "new", "--list")).stdout, "review-panel  ")
  })

  it("replaces nothing unasked, and writes nothing where the name and the template do not go together", async () => {
    const directory = directoryWith({ "flow.ts": "mine" })
    const refused = async (...words: ReadonlyArray<string>) => {
      const { code, stderr } = await inProcess(directory, "new", ...words)
      assert.strictEqual(code, 2, words.join(" "))
      return stderr
    }
    const file = Path.join(directory, "flow.ts")
    assert.include(await refused(file), "already exists")
    assert.include(await refused(Path.join(directory, "x.ts"), "--template", "graph"), "x.yaml")
    assert.include(await refused(Path.join(directory, "x.yaml"), "--template", "hello"), "x.ts")
    assert.include(await refused(Path.join(directory, "x.ts"), "--template", "fan-oot"), "Did you mean fan-out?")
    assert.include(await refused(Path.join(directory, "x.py")), "x.ts")
    assert.include(await refused(), "no path")
    assert.deepStrictEqual(Fs.readdirSync(directory), ["flow.ts"])
    assert.strictEqual(Fs.readFileSync(file, "utf8"), "mine")
    assert.strictEqual((await inProcess(directory, "new", file, "--force")).code, 0)
    assert.include(Fs.readFileSync(file, "utf8"), "Workflow.make")
  })
})
