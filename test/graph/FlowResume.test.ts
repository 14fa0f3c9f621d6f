import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { agent, Owf, OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import type { Flow } from "../../src/graph/Flow.ts"
import { directoryWith } from "../lib/node.ts"
import * as Lab from "./flowLab.ts"

const store = RunStore.RunStore
const outputOf = ({ outputJson }: { readonly outputJson: string | null }): unknown => JSON.parse(outputJson ?? "null")

const resume = (flow: Flow, options: Parameters<typeof Lab.workflow>[1] = {}) =>
  Effect.flatMap(Lab.latest, (run) => Workflow.resume(Lab.workflow(flow, options), run))

/** A graph with a loop, a list, a program, a wait and a branch; every program appends its name to a log. */
const journey = (directory: string) => {
  const log = (id: string, next: string) =>
    Lab.script(id, Path.join(directory, "log.sh"), {
      args: [Lab.text(id), Lab.text("{{ turn }}{{ item }}")],
      outputs: [Lab.output(id)],
      next
    })
  return Lab.flow([
    Lab.agent("plan", "plan", { outputs: [Lab.output("items")], next: "setup" }),
    log("setup", "each"),
    Lab.forEach("each", "items", [
      Lab.agent("do", "do {{ item }}", { outputs: [Lab.output("done")], next: "note" }),
      log("note", "end")
      // one at a time: a program that is under way when another item is stopped has not finished, and runs again
    ], { concurrency: 1, output: "results", next: "loop" }),
    Lab.loop("loop", "turn < 2", [
      Lab.agent("review", "review", { outputs: [Lab.output("verdict")], next: "count" }),
      log("count", "end")
    ], { next: "nap" }),
    Lab.wait("nap", { _tag: "Duration", millis: 3_600_000 }, { next: "ok" }),
    Lab.branch("ok", { path: "verdict", cases: new Map([["good", "last"]]), default: "bad" }),
    log("last", "done"),
    Lab.end("done"),
    Lab.end("bad", "fail")
  ], { variables: [Lab.variable("turn", 0), Lab.variable("item", "")], file: Path.join(directory, "flow.yaml") })
}

const directory = () => {
  const made = directoryWith({ "log.sh": "echo \"$1 $2\" >> log; echo \"{\\\"$1\\\": \\\"$2\\\"}\"" })
  Fs.writeFileSync(Path.join(made, "log"), "")
  return made
}

const logOf = (directory: string) => Fs.readFileSync(Path.join(directory, "log"), "utf8").trim().split("\n")

const provider = () =>
  Scripted.make((request) => {
    if (request.prompt === "plan") return Scripted.value({ items: ["a", "b", "c"] })
    return request.prompt === "review" ? Scripted.value({ verdict: "good" }) : Scripted.value({ done: request.prompt })
  })

const everything = ["setup 0", "note 0a", "note 0b", "note 0c", "count 1", "count 2", "last 2"]

describe("a resumed graph", () => {
  it.live(
    "that was stopped at any of its transitions comes to the same end, and runs nothing again that had finished",
    () =>
      Effect.gen(function*() {
        const run = (stopAt: number) =>
          Effect.gen(function*() {
            const place = directory()
            const answers = provider()
            const flow = { ...journey(place) }
            // no waiting in real time
            const nodes = new Map(flow.nodes)
            nodes.set("nap", Lab.wait("nap", { _tag: "Duration", millis: 20 }, { next: "ok" }))
            const home = directoryWith({})
            let transitions = 0
            const stopping = Layer.effect(
              store,
              Effect.map(store, (real) => ({
                ...real,
                event: (ownership: Parameters<typeof real.event>[0], event: Parameters<typeof real.event>[1]) => {
                  const isLast = event.type === "transition" && transitions++ === stopAt
                  // stops before the transition is kept for an even number, after it for an odd one
                  if (isLast && stopAt % 2 === 0) return Effect.interrupt
                  return isLast
                    ? Effect.zipRight(real.event(ownership, event), Effect.interrupt)
                    : real.event(ownership, event)
                }
              }))
            )
            const whole = { ...flow, nodes }
            yield* Effect.exit(Effect.provide(
              Workflow.start(Lab.workflow(whole), {}),
              Owf.layerWith(stopping, Lab.optionsAt(home, answers))
            ))
            const second = yield* Effect.provide(
              Effect.gen(function*() {
                const row = yield* Lab.latest
                const { outputJson, status } = row.status === "done" ? row : yield* resume(whole)
                return { outputJson, status }
              }),
              Lab.layerAt(home, answers)
            )
            const requests = (yield* answers.requests).map(({ prompt }) => prompt).toSorted()
            return { transitions, log: logOf(place).toSorted(), requests, output: outputOf(second), second }
          })
        const whole = yield* run(Infinity)
        assert.strictEqual(whole.second.status, "done")
        assert.deepStrictEqual(whole.log, everything.toSorted())
        assert.isAbove(whole.transitions, 15)
        for (let stopAt = 0; stopAt < whole.transitions; stopAt++) {
          const stopped = yield* run(stopAt)
          assert.strictEqual(stopped.second.status, "done", `stopped at ${stopAt}`)
          assert.deepStrictEqual(stopped.output, whole.output, `stopped at ${stopAt}`)
          assert.deepStrictEqual(stopped.log, whole.log, `stopped at ${stopAt}`)
          assert.deepStrictEqual(stopped.requests, whole.requests, `stopped at ${stopAt}`)
        }
      }),
    120_000
  )

  it.effect("follows its record whatever was edited since: what finished is not asked again, the rest is as it says now", () =>
    Effect.gen(function*() {
      const answers = Scripted.make((request) =>
        request.prompt.startsWith("hang") ? Scripted.never : Scripted.value({ a: request.prompt })
      )
      const flow = (first: string, second: string) =>
        Lab.flow([
          Lab.agent("first", first, { outputs: [Lab.output("a")], next: "second" }),
          Lab.agent("second", second, { outputs: [Lab.output("a")] })
        ])
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow("one", "hang")), {}))
        yield* OwfTest.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        const run = yield* resume(flow("another", "two"))
        assert.deepStrictEqual(outputOf(run), { a: "two" })
        assert.deepStrictEqual((yield* answers.requests).map(({ prompt }) => prompt), ["one", "hang", "two"])
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("gives each turn of a loop its own answer, also when the turns before it are not made again", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make(0)
      const answers = Scripted.make((request) =>
        request.prompt === "hang" ? Scripted.never : Effect.map(
          Ref.updateAndGet(asked, (n) => n + 1),
          (n) => Scripted.value({ n })
        )
      )
      const flow = (stop: string) =>
        Lab.flow([
          Lab.loop("loop", "turn < 4", [
            Lab.agent("same", "same", { outputs: [Lab.output("n")], next: "at" }),
            Lab.branch("at", { when: [{ if: Lab.text(`turn == 2 and ${stop}`), next: "hang" }], default: "end" }),
            Lab.agent("hang", "hang")
          ])
        ])
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow("true")), {}))
        yield* OwfTest.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        // the run stands at `hang`, which ends at once now
        const edited = Lab.flow([
          Lab.loop("loop", "turn < 4", [
            Lab.agent("same", "same", { outputs: [Lab.output("n")], next: "at" }),
            Lab.branch("at", { default: "end" }),
            Lab.branch("hang", { default: "end" })
          ])
        ])
        assert.deepStrictEqual(outputOf(yield* resume(edited)), { n: 4, turn: 4 })
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("that stands at a node its graph lost says so", () =>
    Effect.gen(function*() {
      const answers = Scripted.make(() => Scripted.never)
      yield* Effect.gen(function*() {
        const flow = Lab.flow([Lab.branch("b", { default: "ask" }), Lab.agent("ask", "x")])
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
        yield* OwfTest.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* resume(Lab.flow([Lab.branch("b", { default: "end" })]))).status, "failed")
        const { errorKind, errorMessage } = yield* Lab.latest
        assert.strictEqual(errorKind, "FlowDiverged")
        assert.include(errorMessage, "stands at node 'ask'")
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("takes up the child run it was in, and gives each turn of a loop a child of its own", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make(0)
      const broken = yield* Ref.make(true)
      const answers = Scripted.make((request) =>
        Effect.gen(function*() {
          const n = yield* Ref.updateAndGet(asked, (n) => n + 1)
          return request.prompt === "second" && n === 4 && (yield* Ref.get(broken))
            ? Scripted.fail("Authentication")
            : Scripted.value(n)
        })
      )
      const childFlow = Workflow.make({ name: "child", output: Schema.Array(Schema.Number) }, function*() {
        const first = yield* agent("first", { schema: Schema.Number, cachePolicy: "disabled" })
        const second = yield* agent("second", { schema: Schema.Number, cachePolicy: "disabled" })
        return [first.value, second.value]
      })
      const flow = Lab.flow([
        Lab.loop("loop", "turn < 3", [Lab.child("child", "/flows/child.ts", { output: "numbers" })])
      ])
      const options = { load: () => Effect.succeed(childFlow as unknown as Workflow.Any) }
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(flow, options), {})).status, "failed")
        yield* Ref.set(broken, false)
        const run = yield* resume(flow, options)
        // nothing but the call that failed is made again
        assert.deepStrictEqual(outputOf(run), { numbers: [6, 7], turn: 3 })
        const { children } = yield* store
        assert.strictEqual((yield* children(run.runId)).length, 3)
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))
})

describe("a node that fails", () => {
  it.effect("is run again as often as it says, with the number of the try in its context, counted over resumes", () =>
    Effect.gen(function*() {
      const answers = Scripted.make((request) =>
        request.prompt === "try 2" ? Scripted.value({ a: 1 }) : Scripted.fail("EmptyAnswer")
      )
      const flow = Lab.flow([
        Lab.agent("a", "try {{ retry }}", {
          outputs: [Lab.output("a")],
          recover: ["none"],
          retry: { attempts: 2, delayMs: 60_000 }
        })
      ])
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
        yield* OwfTest.adjust("30 seconds")
        yield* Fiber.interrupt(fiber)
        const again = yield* Effect.fork(resume(flow))
        yield* OwfTest.adjust("29 seconds")
        assert.strictEqual((yield* answers.requests).length, 1)
        yield* OwfTest.adjust("2 minutes")
        assert.deepStrictEqual(outputOf(yield* Fiber.join(again)), { a: 1 })
        assert.deepStrictEqual((yield* answers.requests).map(({ prompt }) => prompt), ["try 0", "try 1", "try 2"])
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("for good stops the run, which goes on with it; what a person has to put right is not tried again", () =>
    Effect.gen(function*() {
      const broken = yield* Ref.make(true)
      const answers = Scripted.make(() =>
        Effect.map(Ref.get(broken), (isBroken) => isBroken ? Scripted.fail("Authentication") : Scripted.value({ a: 1 }))
      )
      const flow = Lab.flow([
        Lab.agent("a", "a", { outputs: [Lab.output("a")], retry: { attempts: 5, delayMs: 0 }, onExhausted: "default" })
      ])
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(flow), {})).status, "failed")
        assert.strictEqual((yield* answers.requests).length, 1)
        yield* Ref.set(broken, false)
        assert.strictEqual((yield* resume(flow)).status, "done")
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("has its declared values stand in where it says so: the run ends degraded, also when it is resumed", () =>
    Effect.gen(function*() {
      const broken = yield* Ref.make(true)
      const answers = Scripted.make((request) =>
        request.prompt === "a" ? Scripted.answer("nothing of use") : Effect.map(
          Ref.get(broken),
          (isBroken) => isBroken ? Scripted.fail("Authentication") : Scripted.answer("ok")
        )
      )
      const flow = Lab.flow([
        Lab.agent("a", "a", {
          outputs: [Lab.output("verdict", { default: { status: "skip" } }), Lab.output("notes")],
          recover: ["none"],
          onExhausted: "default",
          next: "b"
        }),
        Lab.agent("b", "b")
      ])
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(flow), {})).status, "failed")
        yield* Ref.set(broken, false)
        const run = yield* resume(flow)
        assert.deepInclude(run, { status: "degraded" })
        assert.deepStrictEqual(outputOf(run), { verdict: { status: "skip" }, notes: null })
        assert.strictEqual((yield* answers.requests).filter(({ prompt }) => prompt === "a").length, 1)
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("does not invent values where it does not say so", () =>
    Effect.gen(function*() {
      const answers = Scripted.make(() => Scripted.answer("nothing of use"))
      const flow = Lab.flow([Lab.agent("a", "a", { outputs: [Lab.output("v", { default: 1 })], recover: ["none"] })])
      yield* Effect.gen(function*() {
        const run = yield* Workflow.start(Lab.workflow(flow), {})
        assert.strictEqual(run.status, "failed")
        assert.strictEqual((yield* Lab.latest).errorKind, "SchemaFailed")
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))
})

describe("script nodes", () => {
  it.live("that hang and ignore TERM end within their time and ten seconds", () =>
    Effect.gen(function*() {
      const place = directoryWith({ "hang.sh": "trap '' TERM; while :; do sleep 1; done" })
      const flow = Lab.flow([Lab.script("hang", Path.join(place, "hang.sh"), { timeoutMs: 500 })], {
        file: Path.join(place, "flow.yaml")
      })
      const began = performance.now()
      const run = yield* Workflow.start(Lab.workflow(flow), {})
      assert.strictEqual(run.status, "failed")
      assert.strictEqual((yield* Lab.latest).errorKind, "CallTimeout")
      assert.isBelow(performance.now() - began, 10_500)
    }).pipe(Effect.provide(Lab.layerAt(directoryWith({})))), 30_000)

  it.live("that print what does not fit fail once and are not run again", () =>
    Effect.gen(function*() {
      const place = directoryWith({ "n.sh": "echo x >> ran; echo '{\"n\": \"three\"}'" })
      const flow = Lab.flow([
        Lab.script("n", Path.join(place, "n.sh"), { outputs: [Lab.output("n", { schema: { type: "integer" } })] })
      ], { file: Path.join(place, "flow.yaml") })
      yield* Workflow.start(Lab.workflow(flow), {})
      const { errorKind, errorMessage } = yield* Lab.latest
      assert.strictEqual(errorKind, "SchemaFailed")
      assert.include(errorMessage, "n")
      assert.strictEqual(Fs.readFileSync(Path.join(place, "ran"), "utf8"), "x\n")
    }).pipe(Effect.provide(Lab.layerAt(directoryWith({})))))
})
