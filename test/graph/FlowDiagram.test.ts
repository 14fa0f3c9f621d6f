import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Flow } from "../../src/graph/Flow.ts"
import * as FlowDiagram from "../../src/graph/FlowDiagram.ts"
import * as FlowFile from "../../src/graph/FlowFile.ts"
import { root } from "../lib/node.ts"
import * as Lab from "./flowLab.ts"

const folder = Path.join(root, "test/fixtures/graphs")
const fixtures = Fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.ya?ml$/.test(name))
  .toSorted()

const loaded = (name: string) =>
  Effect.option(Effect.provide(FlowFile.load(Path.join(folder, name)), NodeContext.layer))

const quoted = "\"(?:[\\p{L}\\p{N} .,:!?=+/()_'…-]|#\\d+;|<br/>)*\""
const shapes = [["([", "])"], ["((", "))"], ["[[", "]]"], ["{{", "}}"], ["[/", "/]"], ["[", "]"], ["{", "}"], [
  ">",
  "]"
]]
const escaped = (text: string) => text.replaceAll(/[[\](){}/]/g, "\\$&")
const node = new RegExp(
  `^(n\\d+)(?:${
    shapes.map(([open = "", close = ""]) => `${escaped(open)}${quoted}${escaped(close)}`).join("|")
  })(?::::fail)?$`,
  "u"
)
const edge = new RegExp(`^([ng]\\d+) -->(?:\\|${quoted}\\|)? ([ng]\\d+)$`, "u")
const group = new RegExp(`^subgraph (g\\d+)\\[${quoted}\\]$`, "u")

/** What is wrong with a text as a flowchart of Mermaid, by its grammar as far as it is used. */
const faultsOf = (text: string): ReadonlyArray<string> => {
  const [head, ...lines] = text.trimEnd().split("\n").map((line) => line.trim())
  const faults = head === "flowchart TD" ? [] : [`begins with ${head}`]
  const known = new Set<string>()
  const ends: Array<string> = []
  let depth = 0
  for (const line of lines) {
    const made = node.exec(line)?.[1] ?? group.exec(line)?.[1]
    const way = edge.exec(line)
    if (made !== undefined && known.has(made)) faults.push(`${made} twice`)
    if (made !== undefined) known.add(made)
    else if (way !== null) ends.push(way[1] ?? "", way[2] ?? "")
    else if (line !== "end" && !line.startsWith("classDef ")) faults.push(line)
    if (line.startsWith("subgraph ")) depth++
    if (line === "end" && --depth < 0) faults.push("end of nothing")
  }
  if (depth !== 0) faults.push("a group is open")
  const named = (pattern: RegExp) => [...new Set(lines.flatMap((line) => pattern.exec(line)?.[1] ?? []))].join()
  // a node's label is quoted, so that what follows the last quote is its shape and its class
  if (named(/^classDef (\w+) /) !== named(/:::(\w+)$/)) faults.push("classes are not those that are used")
  return [...faults, ...ends.filter((id) => !known.has(id)).map((id) => `${id} is not there`)]
}

/** What is wrong with a text of DOT: a text that is not closed, a brace too many, an edge of a node that is not there. */
const dotFaultsOf = (text: string): ReadonlyArray<string> => {
  const bare = text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, "_")
  const known = new Set([...bare.matchAll(/^ *([ng]\d+) \[/gm)].map(([, id]) => id))
  const ends = [...bare.matchAll(/^ *([ng]\d+) -> ([ng]\d+)(?: \[[^\]]*\])?$/gm)].flatMap(([, from, to]) => [from, to])
  const opened = bare.split("{").length
  return [
    ...bare.includes("\"") ? ["a text is open"] : [],
    ...opened === bare.split("}").length ? [] : ["braces do not match"],
    ...ends.filter((id) => !known.has(id)).map((id) => `${id} is not there`)
  ]
}

const outlandish = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.constantFrom(
    "end",
    "\"]; click n0 \"javascript:alert(1)\"",
    "a\nb\r\n  end\nsubgraph",
    "<script>&lt;</script>",
    "`**bold**`",
    "%% x",
    "]}|{[(>",
    "#35;",
    "\\",
    "\\\"",
    "",
    " "
  )
)

describe("a drawing", () => {
  it.effect("is the same text for every fixture, and Mermaid and DOT", () =>
    Effect.gen(function*() {
      for (const name of fixtures) {
        const flow = yield* loaded(name)
        if (flow._tag === "None") continue
        const mermaid = FlowDiagram.ofFlow(flow.value, "mermaid")
        const dot = FlowDiagram.ofFlow(flow.value, "dot")
        assert.deepStrictEqual(faultsOf(mermaid), [], name)
        assert.deepStrictEqual(dotFaultsOf(dot), [], name)
        yield* Effect.promise(() =>
          expect(`${mermaid}\n${dot}`).toMatchFileSnapshot(`../golden/graph/${name.replaceAll("/", "-")}.txt`)
        )
      }
    }))

  it.effect("shows what a branch goes by, and what is inside of a node, inside of it", () =>
    Effect.gen(function*() {
      const child = Lab.flow([Lab.agent("say", "Say.", { next: "over" }), Lab.end("over")], {
        file: "/flows/child.yaml"
      })
      const flow = Lab.flow([
        Lab.forEach("each", "files", [Lab.agent("inner", "x")], { next: "decide" }),
        Lab.branch("decide", {
          path: "kind",
          when: [{ if: Lab.text("n > 3"), next: "each" }],
          cases: new Map([["a", "run"], ["b", "run"]]),
          conditions: [{ op: ">=", value: "7", next: "bad" }],
          default: "ok"
        }),
        Lab.child("run", "/flows/child.yaml", { next: "ok" }),
        Lab.end("ok"),
        Lab.end("bad", "fail", "no \"good\"")
      ])
      const text = FlowDiagram.ofFlow(flow, "mermaid", new Map([["/flows/child.yaml", child]]))
      yield* Effect.promise(() => expect(text).toMatchFileSnapshot("../golden/graph/branches.txt"))
      assert.deepStrictEqual(faultsOf(text), [])
      assert.include(text, "|\"a, b\"|")
      assert.include(text, "say<br/>agent")
      assert.match(text, />"bad<br\/>no #34;good#34;"\]:::fail/)
    }))

  it("never reads what is written in a graph as its own language", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(outlandish, { minLength: 6, maxLength: 6 }), (texts) => {
        const [a = "", b = "", c = "", d = "", e = "", f = ""] = texts
        const flow: Flow = Lab.flow([
          Lab.agent(`1${a}`, b, { provider: c, next: `2${d}` }),
          Lab.branch(`2${d}`, { path: e, cases: new Map([[f, "done"]]), default: `1${a}` }),
          Lab.end("done", "terminal", b)
        ], { name: c })
        assert.deepStrictEqual(faultsOf(FlowDiagram.ofFlow(flow, "mermaid")), [])
        assert.deepStrictEqual(dotFaultsOf(FlowDiagram.ofFlow(flow, "dot")), [])
        const outline = { name: a, phases: [b, c], args: [d, e, f] }
        assert.deepStrictEqual(faultsOf(FlowDiagram.ofOutline(outline, "mermaid")), [])
        assert.deepStrictEqual(dotFaultsOf(FlowDiagram.ofOutline(outline, "dot")), [])
      })
    )
  })

  it("of a program has its arguments and its phases in their order", () => {
    const text = FlowDiagram.ofOutline({ name: "review", phases: ["plan", "do"], args: ["files: array"] }, "mermaid")
    assert.strictEqual(
      text,
      [
        "flowchart TD",
        "  n0([\"review<br/>files: array\"])",
        "  n1[\"plan\"]",
        "  n2[\"do\"]",
        "  n3([\"end\"])",
        "  n0 --> n1",
        "  n1 --> n2",
        "  n2 --> n3",
        ""
      ].join("\n")
    )
  })

  it("draws a graph that runs itself through another once", () => {
    const flow = Lab.flow([Lab.child("again", Lab.at.file, { next: "over" }), Lab.end("over")])
    const text = FlowDiagram.ofFlow(flow, "mermaid", new Map([[Lab.at.file, flow]]))
    assert.deepStrictEqual(faultsOf(text), [])
    assert.include(text, "flow.yaml")
  })
})
