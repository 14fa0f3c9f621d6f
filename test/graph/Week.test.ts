import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Owf, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { FailPoint } from "open-agent-workflows/store/FailPoint"
import type { Flow } from "../../src/graph/Flow.ts"
import { directoryInMemory } from "../lib/node.ts"
import * as virtualClock from "../lib/virtualClock.ts"
import * as Files from "./flowFiles.ts"
import * as Lab from "./flowLab.ts"

const hour = 3_600_000
const begin = Date.parse("2026-11-20T22:00:00Z")
const blocks = 100

/** Ten nodes: a branch, six agents in a row, a list of two items whose body asks, and a count of what was done. */
const block = (n: number): string => {
  const next = n === blocks ? "done" : `way${n + 1}`
  const row = Array.from({ length: 6 }, (_, i) => `
  - id: a${n}_${i}
    type: agent
    prompt_text: "task ${n}.${i} after {{ total }}"
    idle_timeout: 5 minutes
    timeout: 2 hours
    write_scope: []
    outputs: [{key: total, type: int}]
    next: ${i === 5 ? `each${n}` : `a${n}_${i + 1}`}`)
  return `
  - {id: way${n}, type: branch, when: [{if: "total < ${n * 1_000}", next: a${n}_0}], default: lost}${row.join("")}
  - id: each${n}
    type: for_each
    items: "[1, 2]"
    as: part
    concurrency: 2
    output: parts
    nodes:
      - id: part${n}
        type: agent
        prompt_text: "part ${n}.{{ part }} of {{ total }}"
        idle_timeout: 5 minutes
        timeout: 2 hours
        write_scope: []
        outputs: [{key: share, type: int}]
        next: end
    next: sum${n}
  - id: sum${n}
    type: agent
    prompt_text: "sum ${n} of {{ total }}: {{ parts[0].share }} and {{ parts[1].share }}"
    timeout: 2 hours
    write_scope: []
    outputs: [{key: total, type: int}]
    next: ${next}`
}

/** 1,000 nodes, and two ends. */
const graph = `
name: week
vars: {total: 0, parts: []}
limits: {wall_clock: 14 days, transitions: 2000}
start: way1
nodes:${Array.from({ length: blocks }, (_, n) => block(n + 1)).join("")}
  - {id: done, type: terminal}
  - {id: lost, type: fail}
`

/** The ends of two limits that last for hours. */
const caps = [{ from: 20 * hour, to: 29 * hour }, { from: 90 * hour, to: 97 * hour }]

/** What an undisturbed run answers to a prompt. */
const answerTo = (prompt: string): Readonly<Record<string, number>> => {
  const numbers = (prompt.match(/-?\d+/g) ?? []).map(Number)
  if (prompt.startsWith("part")) return { share: (numbers[1] ?? 0) * 10 }
  return prompt.startsWith("sum")
    ? { total: (numbers[1] ?? 0) + (numbers[2] ?? 0) + (numbers[3] ?? 0) }
    : { total: (numbers[2] ?? 0) + 1 }
}

const tokens = 100

/** A provider of a bad week; `log` is its own, outside of the store. */
const provider = () => {
  const finished = new Map<string, number>()
  const faults = new Map<string, number>()
  let reported = 0
  let cut = 0
  const used = (inputTokens: number) => {
    reported += inputTokens
    return { usage: { inputTokens }, cost: null }
  }
  const once = (fault: string, task: string): boolean => {
    const key = `${fault} ${task}`
    if (faults.has(key)) return false
    faults.set(key, 1)
    return true
  }
  const scripted = Scripted.make(
    (request) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const task = /(?:task|part|sum) \d[\s\S]*$/.exec(request.prompt)?.[0] ?? request.prompt
        const number = Number(/\d+(?:\.\d+)?/.exec(task)?.[0].replace(".", "") ?? 0)
        const at = now - begin
        const cap = caps.find(({ from, to }) => at >= from && at < to)
        // the first names its end in a field, the second in its text
        if (cap !== undefined && cap === caps[0]) return Scripted.fail("UsageLimit", { retryAfter: cap.to - at })
        if (cap !== undefined) {
          return Scripted.fail("UsageLimit", { detail: "You've hit your limit, resets 11pm (UTC)" })
        }
        const session = request.session?.id ?? `session of ${request.callId}`
        if (request.compact === true) return Scripted.answer("shortened", { session, ...used(50) })
        if (finished.has(task)) throw new Error(`${task} is asked again after it has finished`)
        if (number % 7 === 1 && once("rate", task)) return Scripted.fail("RateLimited", { delay: "1 minutes" })
        if (number % 11 === 2 && once("overflow", task)) {
          return Scripted.fail("ContextOverflow", { session, ...used(900) })
        }
        if (number % 13 === 3 && once("empty", task)) return Scripted.fail("EmptyAnswer", used(5))
        if (number % 17 === 4 && once("garbage", task)) return Scripted.answer("Certainly!", { session, ...used(20) })
        // an agent that hangs is ended by its provider after the silence it may keep
        if (number % 40 === 5 && once("hung", task)) {
          return Scripted.fail("Silent", { delay: request.idleTimeout ?? 0 })
        }
        return () =>
          Effect.sleep("12 minutes").pipe(
            Effect.onInterrupt(() => Effect.sync(() => void cut++)),
            Effect.map(() => {
              finished.set(task, (finished.get(task) ?? 0) + 1)
              return Scripted.value(answerTo(task), { session, ...used(tokens) })
            })
          )
      }),
    { capabilities: { sessions: true, compacts: true }, estimate: { inputTokens: tokens } }
  )
  const met = (fault: string) => [...faults.keys()].filter((key) => key.startsWith(fault)).length
  return { scripted, finished, met, reported: () => reported, cut: () => cut }
}

/**
 * A process of its own over the same home. Once it is dead nothing of it reaches the store any more, not even how it
 * ended.
 */
const processOver = (home: string, answers: Scripted.Scripted) => {
  let isDead = false
  const hit = () => {
    if (isDead) throw new Error("the process is gone")
  }
  const layer = Layer.provide(
    Owf.layer({
      home,
      provider: answers.name,
      providers: [answers],
      environment: {},
      budget: { tokens: 10_000_000 }
    }),
    Layer.succeedContext(FailPoint.context({ hit }))
  )
  return { layer, die: () => void (isDead = true) }
}

/** Works in a process that dies at a moment. */
const dies = <A, E>(home: string, answers: Scripted.Scripted, at: number, work: Effect.Effect<A, E, Owf.Owf>) =>
  Effect.gen(function*() {
    const { die, layer } = processOver(home, answers)
    const fiber = yield* Effect.fork(Effect.exit(Effect.provide(work, layer)))
    yield* Effect.sleep(Duration.millis(begin + at - (yield* Clock.currentTimeMillis)))
    die()
    yield* Fiber.interrupt(fiber)
  })

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

const resume = (flow: Flow) => Effect.flatMap(latest, (run) => Workflow.resume(Lab.workflow(flow), run))

const Transition = Schema.parseJson(Schema.Struct({
  path: Schema.String,
  seq: Schema.Int,
  before: Schema.Unknown,
  after: Schema.Unknown
}))

describe("YG-17: a week of a graph of 1,000 nodes that nobody watches", () => {
  it.live("ends with what an undisturbed one gives, does nothing again that finished, and its costs add up", () => {
    const home = directoryInMemory()
    const { cut, finished, met, reported, scripted } = provider()
    const time = virtualClock.make(begin)
    const before = process.cpuUsage()
    const body = Effect.gen(function*() {
      const flow = yield* Files.loaded(graph)
      assert.strictEqual(
        [...flow.nodes.values()].reduce(
          (sum, node) => sum + 1 + (node.type === "for_each" ? node.body.nodes.size : 0),
          0
        ),
        1_002
      )
      // the process dies three times: at work, while it waits for a limit, and at work again
      yield* dies(home, scripted, 10.5 * hour, Workflow.start(Lab.workflow(flow), {}))
      const dead = yield* Effect.provide(latest, Owf.layerStore({ home, mode: "read" }))
      assert.strictEqual(dead.status, "interrupted")
      yield* dies(home, scripted, 25 * hour, resume(flow))
      yield* Effect.sleep("1 hours")
      yield* dies(home, scripted, 60.2 * hour, resume(flow))
      const result = yield* Effect.provide(resume(flow), processOver(home, scripted).layer)
      assert.strictEqual(result.status, "done")

      // the right context: six tasks and two parts in each of the blocks
      const total = blocks * (6 + 10 + 20)
      assert.deepStrictEqual(JSON.parse(result.outputJson ?? ""), {
        total,
        parts: [{ share: 10 }, { share: 20 }]
      })
      assert.isAbove((yield* Clock.currentTimeMillis) - begin, 7 * 24 * hour)
      assert.deepStrictEqual(
        ["rate", "overflow", "empty", "garbage", "hung"].filter((fault) => met(fault) === 0),
        [],
        "every fault was met"
      )
      assert.isAtLeast(cut(), 2, "requests were under way when the process died")

      yield* Effect.gen(function*() {
        const store = yield* RunStore.RunStore
        const run = yield* store.run(result.runId)
        assert.strictEqual(run.attempt, 4)
        const calls = yield* store.calls(run.id)
        assert.strictEqual(calls.length, blocks * 9)
        assert.isTrue(calls.every(({ status }) => status === "done"))
        // nothing ran twice after it had finished: one finished request for each call, one transition for each node
        assert.strictEqual(finished.size, blocks * 9)
        assert.isTrue([...finished.values()].every((times) => times === 1))
        const transitions: Array<typeof Transition.Type> = []
        for (let after = 0;;) {
          const page = yield* store.events(run.id, { type: "transition", after, limit: 100 })
          transitions.push(...page.map(({ dataJson }) => Schema.decodeSync(Transition)(dataJson ?? "")))
          if (page.length < 100) break
          after = page.at(-1)?.id ?? after
        }
        assert.strictEqual(transitions.length, blocks * 11)
        assert.strictEqual(new Set(transitions.map(({ path, seq }) => `${path}#${seq}`)).size, transitions.length)
        const own = transitions.filter(({ path }) => path === "")
        for (const [index, { before }] of own.entries()) {
          assert.deepStrictEqual(before, index === 0 ? { total: 0, parts: [] } : own[index - 1]?.after)
        }

        // what the provider counted, what was set aside for the requests that were cut off, and every sum of it
        const attempts = calls.reduce((sum, call) => sum + call.attempts, 0)
        assert.strictEqual(attempts, (yield* scripted.requests).length)
        const lost = cut() * tokens
        assert.strictEqual(run.budgetSpentTokens, reported() + lost)
        assert.strictEqual(calls.reduce((sum, call) => sum + call.inputTokens, 0), reported())
        const usage = yield* store.usage({ by: "workflow", run: run.id })
        assert.strictEqual(usage.length, 1)
        assert.deepInclude(usage[0], {
          group: "week",
          calls: blocks * 9,
          attempts,
          lostAttempts: cut(),
          inputTokens: reported()
        })
      }).pipe(Effect.provide(Owf.layerStore({ home, mode: "read" })))
    })
    return Effect.map(Effect.exit(virtualClock.under(body, time.clock)), (exit) => {
      if (Exit.isFailure(exit)) throw exit.cause
      // of the processor, because other tests run at the same time
      const { system, user } = process.cpuUsage(before)
      assert.isBelow((system + user) / 1_000, 15_000)
    })
  }, 60_000)
})
