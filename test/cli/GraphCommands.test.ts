import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith, root } from "../lib/node.ts"
import { inProcess } from "./owf.ts"

const graph = `
start: say
nodes:
  - { id: say, type: agent, prompt_text: Say something, next: done }
  - { id: done, type: terminal }
`

describe("owf graph", () => {
  it("prints Mermaid, or DOT, or writes a file", async () => {
    const directory = directoryWith({ "flow.yaml": graph })
    const mermaid = await inProcess(directory, "graph", Path.join(directory, "flow.yaml"))
    assert.strictEqual(mermaid.code, 0, mermaid.stderr)
    assert.match(mermaid.stdout, /^flowchart TD\n/)
    const out = Path.join(directory, "drawn/flow.dot")
    const words = ["graph", Path.join(directory, "flow.yaml"), "--format", "dot", "--out", out]
    assert.strictEqual((await inProcess(directory, ...words)).code, 0)
    assert.match(Fs.readFileSync(out, "utf8"), /^digraph \{\n/)
    const again = await inProcess(directory, ...words)
    assert.strictEqual(again.code, 2)
    assert.include(again.stderr, "already exists")
    const forced = await inProcess(directory, ...words, "--force", "--json")
    assert.deepStrictEqual(JSON.parse(forced.stdout), { format: "dot", path: out, warnings: [] })
  })

  it("draws a program by what it declares, without running it", async () => {
    const drawn = await inProcess(root, "graph", Path.join(root, "examples/01-hello.ts"))
    assert.strictEqual(drawn.code, 0, drawn.stderr)
    assert.match(drawn.stdout, /^flowchart TD\n {2}n0\(\["hello/)
  })

  it("refuses what is no workflow, with what is wrong in it", async () => {
    const directory = directoryWith({ "bad.yaml": "start: none\nnodes: []\n", "x.txt": "" })
    for (const name of ["bad.yaml", "gone.yaml", "x.txt"]) {
      const refused = await inProcess(directory, "graph", Path.join(directory, name))
      assert.strictEqual(refused.code, 2, name)
      assert.include(refused.stderr, name)
    }
    assert.strictEqual((await inProcess(directory, "graph", "flow.yaml", "--format", "png")).code, 2)
  })
})

describe("owf eject", () => {
  it("writes a program beside the graph, and none over a file that is there", async () => {
    const directory = directoryWith({ "flow.yaml": graph })
    const file = Path.join(directory, "flow.yaml")
    const ejected = await inProcess(directory, "eject", file)
    assert.strictEqual(ejected.code, 0, ejected.stderr)
    assert.strictEqual(ejected.stdout, "flow.ts\n")
    assert.include(Fs.readFileSync(Path.join(directory, "flow.ts"), "utf8"), "export default Workflow.make(")
    Fs.writeFileSync(Path.join(directory, "flow.ts"), "mine")
    const again = await inProcess(directory, "eject", file)
    assert.strictEqual(again.code, 2)
    assert.include(again.stderr, "--force")
    assert.strictEqual(Fs.readFileSync(Path.join(directory, "flow.ts"), "utf8"), "mine")
    const forced = await inProcess(directory, "eject", file, "--force", "--json")
    assert.deepStrictEqual(JSON.parse(forced.stdout), {
      path: Path.join(directory, "flow.ts"),
      made_of: [file],
      warnings: []
    })
  })

  it("refuses programs, other endings and graphs with errors, and writes nothing", async () => {
    const directory = directoryWith({ "flow.yaml": graph, "bad.yaml": "start: none\nnodes: []\n" })
    const refused = async (...words: ReadonlyArray<string>) => {
      const { code, stderr } = await inProcess(directory, "eject", ...words)
      assert.strictEqual(code, 2, words.join(" "))
      return stderr
    }
    assert.include(await refused("flow.ts"), "is not a graph")
    assert.include(
      await refused(Path.join(directory, "flow.yaml"), "--out", Path.join(directory, "flow.py")),
      "flow.ts"
    )
    assert.include(await refused(Path.join(directory, "bad.yaml")), "bad.yaml")
    assert.deepStrictEqual(Fs.readdirSync(directory).toSorted(), ["bad.yaml", "flow.yaml"])
  })
})
