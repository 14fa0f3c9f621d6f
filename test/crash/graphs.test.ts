import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import type { Moment, Orders, Report } from "./fixtures/orders.ts"

/** Agents, programs, a list, a loop and a branch; one agent meets a limit and one a busy provider. */
const graph = `
name: everything
vars: {names: [a, b, c, d], score: 0}
start: first
nodes:
  - {id: first, type: agent, prompt_text: first, write_scope: [], outputs: [topic, {key: score, type: int}], next: setup}
  - {id: setup, type: script, script: note.sh, args: [setup, "{{ score }}"], outputs: [noted], next: each}
  - id: each
    type: for_each
    items: names
    as: name
    concurrency: 2
    output: parts
    nodes:
      - {id: part, type: agent, prompt_text: "part {{ name }}", write_scope: [], outputs: [score], next: end}
    next: loop
  - id: loop
    type: while
    condition: turn < 2
    nodes:
      - {id: again, type: agent, prompt_text: "again {{ turn }}", write_scope: [], outputs: [topic], next: log}
      - {id: log, type: script, script: note.sh, args: [turn, "{{ turn }}"], outputs: [noted], next: end}
    next: capped
  - {id: capped, type: agent, prompt_text: "capped 300", write_scope: [], outputs: [score], next: flaky}
  - {id: flaky, type: agent, prompt_text: flaky one, write_scope: [], outputs: [topic], next: way}
  - {id: way, type: branch, when: [{if: score >= 0, next: done}], default: bad}
  - {id: done, type: terminal}
  - {id: bad, type: fail}
`

const programs = ["setup", "turn 1", "turn 2"]

const steps: ReadonlyArray<readonly [Moment["step"], ReadonlyArray<"first" | "middle" | "last">]> = [
  ["run.event", ["first", "middle", "last"]],
  ["call.settle", ["first", "middle", "last"]],
  ["call.retry", ["first", "last"]],
  ["call.begin", ["middle"]],
  ["call.ask", ["middle", "last"]]
]

/** A scene with the graph in it, and what a process in it is told. */
const newScene = (): Crash.Scene => {
  const scene = Crash.newScene()
  Fs.writeFileSync(Path.join(scene.directory, "flow.yaml"), graph)
  Fs.writeFileSync(
    Path.join(scene.directory, "note.sh"),
    "echo \"$1 $2\" >> noted\necho \"{\\\"noted\\\": \\\"$1\\\"}\"\n"
  )
  return scene
}

const orders = (scene: Crash.Scene, action: "start" | "resume"): Omit<Orders, "home" | "books"> => ({
  action,
  workflow: Path.join(scene.directory, "flow.yaml"),
  budget: 100_000,
  environment: {
    PATH: process.env["PATH"] ?? "",
    AGENT_CAP_WAIT_MARGIN_S: "0",
    AGENT_INVOKE_BACKOFF_BASE_S: "0",
    AGENT_INVOKE_BACKOFF_CAP_S: "0"
  }
})

const noted = (scene: Crash.Scene): ReadonlyArray<string> => {
  const file = Path.join(scene.directory, "noted")
  return Fs.existsSync(file) ? Fs.readFileSync(file, "utf8").trim().split("\n") : []
}

const labelOf = (program: string): string => program === "setup" ? "setup" : `log[${program.slice(-1)}]`

describe("YG-10, YG-17: a graph whose process is killed", () => {
  let whole: Report
  let requests: number

  beforeAll(async () => {
    const scene = newScene()
    whole = await Crash.report(scene, orders(scene, "start"))
    assert.deepStrictEqual([whole.status, whole.failure], ["done", null])
    requests = Crash.asked(scene).length
    // two of the nine agents were asked twice
    assert.strictEqual(requests, 1 + 4 + 2 + 2 + 2)
    Invariants.afterEnd(scene, whole)
  })

  for (const [step, occurrences] of steps) {
    for (const occurrence of occurrences) {
      for (const moment of ["before", "after"] as const) {
        it(
          `${moment} the ${occurrence} ${step} comes to the same end, and does nothing again that had finished`,
          async () => {
            const scene = newScene()
            const hits = whole.hits[`${step}:${moment}`] ?? 0
            const hit = occurrence === "first" ? 1 : occurrence === "last" ? hits : Math.ceil(hits / 2)
            const killed = await Crash.run(scene, { ...orders(scene, "start"), kill: { step, moment, hit } })
            assert.strictEqual(killed.signal, "SIGKILL", killed.stderr)
            const cut = Invariants.cut(scene)
            const settled = new Set(
              cut.found.calls.flatMap(({ label, status }) => status === "done" ? [String(label)] : [])
            )

            const report = await Crash.report(scene, orders(scene, "resume"))
            assert.deepStrictEqual(
              [report.status, report.outputJson],
              ["done", whole.outputJson],
              report.failure?.message
            )
            const found = Invariants.afterEnd(scene, report)
            Invariants.paidOnce(scene, [cut], requests)
            for (const program of programs) {
              const times = noted(scene).filter((line) => line.startsWith(program)).length
              assert.isTrue(
                times === 1 || (times === 2 && !settled.has(labelOf(program))),
                `${program}: ${times} times`
              )
            }
            const ways = found.events.filter(({ type }) => type === "transition").map(({ data_json: data }) => {
              const { path, seq } = JSON.parse(String(data))
              return `${path}#${seq}`
            })
            assert.strictEqual(new Set(ways).size, ways.length, "no node is recorded twice")
          },
          60_000
        )
      }
    }
  }
})
