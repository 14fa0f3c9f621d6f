import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { describe } from "vitest"
import { around, problemsOf } from "./flowFiles.ts"

const graph = `name: notes
vars: {files: [a, b], count: 0, verdict: none}
types: {count: int, verdict: "enum(none, ok)"}
limits: {transitions: 50, wall_clock: 1h}
start: each
nodes:
  - id: each
    type: for_each
    items: files
    nodes:
      - {id: one, type: agent, prompt_text: "{{ item }}", outputs: [{key: x, type: string, default: ""}], next: end}
    output: all
    next: ask
  - id: ask
    type: agent
    prompt: p.md
    args: {list: "{{ all }}"}
    outputs: [{key: verdict, type: "enum(none, ok)"}]
    timeout: 20 minutes
    next: run
  - {id: run, type: script, script: s.sh, args: ["{{ verdict }}"], next: choose}
  - id: choose
    type: branch
    path: verdict
    cases: {ok: done, none: ask}
  - {id: done, type: terminal}
`
const lines = graph.split("\n")
const pieces =
  ("[|{|}|]|: |- |&a |*a|<<: *a|!!str |'|\"|{{|}}|{%|\t|\n|#|?|~|>-\n|.inf|0x|1e999|__proto__: 1|id: end|next: |" +
    "type: while|nodes:\n|\uFEFF|\r\n|\u0000|---\n|%YAML 1.1\n").split("|").concat("|\n")
const soup = FastCheck.array(FastCheck.oneof(FastCheck.constantFrom(...pieces), FastCheck.string({ maxLength: 8 })), {
  maxLength: 60
}).map((parts) => parts.join(""))

/** What is told, after a bound that no graph of this size comes near. */
const toldInTime = async (text: string | Uint8Array) => {
  const began = performance.now()
  const problems = await Effect.runPromise(problemsOf(text))
  assert.isBelow(performance.now() - began, 2_000)
  for (const problem of problems) assert.match(problem, /^[^:\n]+:\d+:\d+: \S/)
  return problems
}

describe("the loader, whatever it is given", () => {
  it("loads the graph that is changed below", async () => {
    assert.deepStrictEqual(await toldInTime(graph), [])
  })

  it("tells what is wrong with any text", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.string({ maxLength: 200 }), async (text) => {
        assert.isAbove((await toldInTime(text)).length, 0)
      }),
      { numRuns: 200 }
    ))

  it("tells what is wrong with any bytes", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.uint8Array({ maxLength: 200 }), async (bytes) => {
        assert.isAbove((await toldInTime(bytes)).length, 0)
      }),
      { numRuns: 200 }
    ))

  it("tells what is wrong with pieces of YAML in any order", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(soup, async (text) => {
        await toldInTime(text)
      }),
      { numRuns: 300 }
    ))

  it("loads a graph with pieces of YAML in it, or tells what is wrong", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.nat(graph.length), FastCheck.nat(10), soup, async (at, cut, put) => {
        await toldInTime(graph.slice(0, at) + put.slice(0, 20) + graph.slice(at + cut))
      }),
      { numRuns: 400 }
    ))

  it("loads a graph whose lines were lost, doubled or exchanged, or tells what is wrong", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(FastCheck.nat(lines.length - 1), { maxLength: 40 }), async (order) => {
        await toldInTime(order.map((index) => lines[index]).join("\n"))
        const kept = lines.filter((_, index) => !order.slice(0, 3).includes(index))
        await toldInTime(kept.join("\n"))
      }),
      { numRuns: 200 }
    ))

  it("takes any value for any field, or tells why not", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.constantFrom(
          "prompt",
          "args",
          "outputs",
          "timeout",
          "retry",
          "budget",
          "recover",
          "next",
          "model",
          "cases",
          "items"
        ),
        FastCheck.constantFrom(
          "agent",
          "script",
          "branch",
          "for_each",
          "while",
          "parallel",
          "workflow",
          "wait",
          "fail"
        ),
        FastCheck.jsonValue({ maxDepth: 3 }),
        async (field, type, value) => {
          await toldInTime(around(`id: a\ntype: ${type}\n${field}: ${JSON.stringify(value)}`))
        }
      ),
      { numRuns: 400 }
    ))
})
