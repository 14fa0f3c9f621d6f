import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import type { FlowContext } from "../../src/graph/Flow.ts"
import { directoryWith } from "../lib/node.ts"
import * as Lab from "./flowLab.ts"

const outputOf = ({ outputJson }: { readonly outputJson: string | null }): unknown => JSON.parse(outputJson ?? "null")

/** Answers with a value for each prompt. */
const answers = (values: Readonly<Record<string, unknown>>) =>
  Scripted.make((request) =>
    request.prompt in values
      ? Scripted.value(values[request.prompt])
      : Scripted.answer(`no answer to ${request.prompt}`)
  )

const store = RunStore.RunStore
const transitions = Effect.gen(function*() {
  const { events } = yield* store
  const { id } = yield* Lab.latest
  return (yield* events(id, { type: "transition" })).map(({ message }) => message)
})

describe("a graph", () => {
  it.effect("asks its agents with rendered prompts, keeps the types of what they answer, and ends with the context", () =>
    Effect.gen(function*() {
      const provider = answers({ "Count apples: b, 600": { count: 3, ok: true, list: [1, null], extra: 1 } })
      const flow = Lab.flow([
        Lab.agent("count", "Count {{ what }}: {{ suffix }}, {{ node_timeout_s }}", {
          args: new Map([["suffix", Lab.text("{{ letter }}")]]),
          outputs: [Lab.output("count"), Lab.output("ok"), Lab.output("list")],
          next: "done"
        }),
        Lab.end("done")
      ], { variables: [Lab.variable("what", "apples"), Lab.variable("letter", "a"), Lab.variable("n", 1.5)] })
      yield* Effect.gen(function*() {
        const run = yield* Workflow.start(Lab.workflow(flow), { letter: "b" })
        assert.strictEqual(run.status, "done")
        assert.deepStrictEqual(outputOf(run), {
          what: "apples",
          letter: "b",
          n: 1.5,
          count: 3,
          ok: true,
          list: [1, null]
        })
        const [call] = yield* Effect.flatMap(store, (store) => store.calls(run.runId))
        assert.deepInclude(call, { label: "count", phase: "count", position: "=count" })
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("YG-15: refuses variables of another type, variables it does not have, and a start without those it needs", () =>
    Effect.gen(function*() {
      const flow = Lab.flow([Lab.end("done")], {
        variables: [
          Lab.variable("n", 1, { schema: { type: "integer", minimum: 1 } }),
          Lab.variable("repo", null, { isRequired: true, schema: { type: "string" } })
        ]
      })
      const start = (args: FlowContext) => Workflow.start(Lab.workflow(flow), args)
      for (const args of [{ repo: "x", n: "1" }, { repo: "x", n: 0 }, { n: 1 }, { repo: "x", rep: "y" }]) {
        assert.strictEqual((yield* Effect.flip(start(args)))._tag, "ArgsInvalid")
      }
      assert.deepStrictEqual(outputOf(yield* start({ repo: "x" })), { n: 1, repo: "x" })
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("branches by cases, conditions and expressions, and ends as failed at a fail node", () =>
    Effect.gen(function*() {
      const flow = Lab.flow([
        Lab.branch("kind", { path: "kind", cases: new Map([["True", "big"], ["text", "size"]]), default: "bad" }),
        Lab.branch("size", { path: "n", conditions: [{ op: ">=", value: "10", next: "big" }], default: "small" }),
        Lab.branch("small", { when: [{ if: Lab.text("n == 1 and not done"), next: "end" }], default: "big" }),
        Lab.end("big"),
        Lab.end("bad", "fail", "no such kind: {{ kind }}")
      ], { variables: [Lab.variable("kind", "text"), Lab.variable("n", 1), Lab.variable("done", false)] })
      const way = (args: FlowContext) =>
        Effect.flatMap(
          Workflow.start(Lab.workflow(flow), args),
          ({ status }) => Effect.map(transitions, (messages) => [status, ...messages])
        )
      assert.deepStrictEqual(yield* way({ kind: true }), ["done", "kind → big"])
      assert.deepStrictEqual(yield* way({ n: 10 }), ["done", "kind → size", "size → big"])
      assert.deepStrictEqual(yield* way({}), ["done", "kind → size", "size → small", "small → end"])
      assert.deepStrictEqual(yield* way({ n: 2 }), ["done", "kind → size", "size → small", "small → big"])
      assert.deepStrictEqual(yield* way({ kind: "other" }), ["failed", "kind → bad"])
      const { errorKind, errorMessage } = yield* Lab.latest
      assert.deepStrictEqual([errorKind, errorMessage], ["FlowFailed", "no such kind: other"])
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("says in the record of the run what its terminal node has to say", () =>
    Effect.gen(function*() {
      const flow = Lab.flow([Lab.end("done", "terminal", "Counted {{ n }}.\n")], { variables: [Lab.variable("n", 3)] })
      const run = yield* Workflow.start(Lab.workflow(flow), {})
      assert.strictEqual(run.status, "done")
      const ends = yield* (yield* store).events(run.runId, { type: "end" })
      assert.deepStrictEqual(ends.map(({ dataJson, message }) => [message, dataJson]), [[
        "Counted 3.",
        "{\"node\":\"done\"}"
      ]])
      const silent = yield* Workflow.start(Lab.workflow(Lab.flow([Lab.end("done")])), {})
      assert.deepStrictEqual(yield* (yield* store).events(silent.runId, { type: "end" }), [])
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("spells values as JSON, or as Python does where its graph says so", () =>
    Effect.gen(function*() {
      const prompts: Array<string> = []
      const provider = Scripted.make(({ prompt }) => {
        prompts.push(prompt)
        return Scripted.answer("ok")
      })
      const nodes = [Lab.agent("a", "{{ ok }} {{ none }} {{ list }}", { next: "done" }), Lab.end("done")]
      const variables = [Lab.variable("ok", true), Lab.variable("none", null), Lab.variable("list", ["a", false])]
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(Lab.flow(nodes, { variables })), {})
        yield* Workflow.start(Lab.workflow(Lab.flow(nodes, { variables, values: "python" })), {})
      }).pipe(Effect.provide(Lab.layer(provider)))
      assert.deepStrictEqual(prompts, ["true null [\"a\", false]", "True None ['a', False]"])
    }))

  it.effect("keeps every transition with the context before and after it", () =>
    Effect.gen(function*() {
      const provider = answers({ one: { a: 1 }, two: { b: "x".repeat(20_000) }, three: { c: 3 } })
      const flow = Lab.flow([
        Lab.agent("one", "one", { outputs: [Lab.output("a")], next: "two" }),
        Lab.agent("two", "two", { outputs: [Lab.output("b")], next: "three" }),
        Lab.agent("three", "three", { outputs: [Lab.output("c")] })
      ])
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(flow), {})
        const { events } = yield* store
        const kept = (yield* events((yield* Lab.latest).id, { type: "transition" })).map(({ dataJson }) =>
          JSON.parse(dataJson ?? "")
        )
        assert.deepInclude(kept[0], { node: "one", next: "two", seq: 0, before: {}, after: { a: 1 }, set: { a: 1 } })
        // what is too large to be kept whole each time follows from what was set
        assert.deepInclude(kept[2], { node: "three", next: "end", set: { c: 3 } })
        assert.deepEqual(Object.keys(kept[2].before), ["sha256", "characters"])
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))
})

describe("bodies", () => {
  it.effect("for_each runs so many items at a time and gives their outputs in the order of the items", () =>
    Effect.gen(function*() {
      let most = 0
      let now = 0
      const provider = Scripted.make((request) => {
        const n = Number(request.prompt)
        return Effect.as(
          Effect.acquireUseRelease(
            Effect.sync(() => most = Math.max(most, ++now)),
            () => Effect.sleep(10 - n),
            () => Effect.sync(() => now--)
          ),
          Scripted.value({ square: n * n })
        )
      })
      const flow = Lab.flow([
        Lab.forEach("squares", "numbers", [
          Lab.agent("square", "{{ item }}", { outputs: [Lab.output("square")] })
        ], { concurrency: 3, output: "squares" })
      ], { variables: [Lab.variable("numbers", [1, 2, 3, 4, 5, 6, 7]), Lab.variable("square", 49)] })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
        yield* OwfTest.adjust("1 seconds")
        const { squares } = outputOf(yield* Fiber.join(fiber)) as { readonly squares: unknown }
        assert.deepStrictEqual(squares, [1, 4, 9, 16, 25, 36, 49].map((square) => ({ square })))
        assert.strictEqual(most, 3)
        const calls = yield* Effect.flatMap(store, (store) => Effect.flatMap(Lab.latest, ({ id }) => store.calls(id)))
        assert.deepStrictEqual(calls.map(({ label, phase }) => [label, phase])[0], ["square[0]", "squares"])
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("for_each over what is no list fails, naming the node and its place", () =>
    Effect.gen(function*() {
      const flow = Lab.flow([Lab.forEach("each", "n", [])], { variables: [Lab.variable("n", 3)] })
      yield* Workflow.start(Lab.workflow(flow), {})
      const { errorKind, errorMessage } = yield* Lab.latest
      assert.strictEqual(errorKind, "NodeFailed")
      assert.include(errorMessage, "Node 'each' (/flows/flow.yaml:1:1): its items are a number")
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("while turns as long as its condition holds, over a context its turns change, and at most so often", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) => Scripted.value({ left: 5 - Number(request.prompt) }))
      const flow = (maxTurns: number) =>
        Lab.flow([
          Lab.loop("loop", "left > 0", [Lab.agent("step", "{{ turn }}", { outputs: [Lab.output("left")] })], {
            maxTurns
          })
        ], { variables: [Lab.variable("left", 1)] })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(outputOf(yield* Workflow.start(Lab.workflow(flow(100)), {})), { left: 0, turn: 5 })
        assert.deepStrictEqual(outputOf(yield* Workflow.start(Lab.workflow(flow(2)), {})), { left: 3, turn: 2 })
        const { events } = yield* store
        assert.strictEqual((yield* events((yield* Lab.latest).id, { type: "loop_bound" })).length, 1)
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("parallel branches do not see each other's values, which are merged in the order they are written", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) =>
        Scripted.value({ both: request.prompt }, { delay: request.prompt.startsWith("a") ? 10 : 1 })
      )
      const one = (id: string) => [Lab.agent(id, `${id}{{ both }}`, { outputs: [Lab.output("both")] })]
      const flow = Lab.flow([Lab.parallel("both", [one("a"), one("b")])], {
        variables: [Lab.variable("both", "-")]
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
        yield* OwfTest.adjust("1 seconds")
        assert.deepStrictEqual(outputOf(yield* Fiber.join(fiber)), { both: "b-" })
        assert.deepStrictEqual((yield* provider.requests).map(({ prompt }) => prompt).toSorted(), ["a-", "b-"])
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))
})

describe("workflow nodes", () => {
  it.effect("run another workflow as a child with values of their own types, and take its output", () =>
    Effect.gen(function*() {
      const double = Workflow.make({
        name: "double",
        args: Schema.Struct({ n: Schema.Number, name: Schema.String }),
        output: Schema.Struct({ n: Schema.Number, name: Schema.String })
      }, ({ n, name }) => Effect.succeed({ n: n * 2, name }))
      const flow = Lab.flow([
        Lab.child("child", "/flows/double.ts", {
          args: new Map([["n", Lab.text("value")], ["name", Lab.text("{{ value }}!")]]),
          output: "doubled"
        })
      ], { variables: [Lab.variable("value", 21)] })
      const run = yield* Workflow.start(
        // the types of a workflow that is loaded from a file are not known
        Lab.workflow(flow, { load: () => Effect.succeed(double as unknown as Workflow.Any) }),
        {}
      )
      assert.deepStrictEqual(outputOf(run), { value: 21, doubled: { n: 42, name: "21!" } })
      const { children } = yield* store
      assert.deepStrictEqual((yield* children(run.runId)).map(({ workflowName }) => workflowName), ["double"])
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("that fail with errors of their own fail the node, which names them, and stop the run as they would", () =>
    Effect.gen(function*() {
      class Stuck extends Schema.TaggedError<Stuck>()("Stuck", { isResumable: Schema.Boolean }) {
        override get message(): string {
          return "stuck in the mud"
        }
      }
      const ended = (isResumable: boolean) =>
        Effect.gen(function*() {
          const inner = Workflow.make({ name: "inner" }, () => new Stuck({ isResumable }))
          const graph = Lab.workflow(Lab.flow([Lab.child("child", "/flows/inner.ts")]), {
            // the types of a workflow that is loaded from a file are not known
            load: () => Effect.succeed(inner as unknown as Workflow.Any)
          })
          const { exit, runId, status } = yield* Workflow.start(graph, {})
          const [child] = yield* Effect.flatMap(store, ({ children }) => children(runId))
          const error = yield* Effect.flip(exit)
          assert(error._tag === "ChildFailed")
          assert.deepStrictEqual([error.child, error.runId, error.node], ["inner", child?.id, "child"])
          assert.instanceOf(error.cause, Stuck)
          assert.include(
            error.message,
            "Node 'child' (/flows/flow.yaml:1:1): the workflow 'inner' failed: stuck in the mud"
          )
          assert.strictEqual(child?.errorKind, "Stuck")
          return status
        })
      assert.strictEqual(yield* ended(false), "failed")
      assert.strictEqual(yield* ended(true), "interrupted")
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("that fail as graphs and calls do are passed on as they are", () =>
    Effect.gen(function*() {
      const inner = Lab.workflow(Lab.flow([Lab.agent("ask", "ask")], { name: "inner" }))
      const graph = Lab.workflow(Lab.flow([Lab.child("child", "/flows/inner.yaml")]), {
        load: () => Effect.succeed(inner as unknown as Workflow.Any)
      })
      const said = yield* graph({}).pipe(
        Effect.as("nothing"),
        Effect.catchTags({ ProviderFailed: ({ reason }) => Effect.succeed(reason) })
      )
      assert.strictEqual(said, "Authentication")
    }).pipe(Effect.provide(Lab.layer(Scripted.make([Scripted.fail("Authentication")])))))

  it.effect("say which workflow could not be loaded", () =>
    Effect.gen(function*() {
      yield* Workflow.start(Lab.workflow(Lab.flow([Lab.child("child", "/flows/other.yaml")])), {})
      assert.include((yield* Lab.latest).errorMessage, "the workflow cannot be loaded: there is no /flows/other.yaml")
    }).pipe(Effect.provide(OwfTest.layer())))
})

describe("waits", () => {
  it.effect("until a time, for a while, for a file and for a person, each saying how it ended", () =>
    Effect.gen(function*() {
      const directory = directoryWith({})
      const flow = Lab.flow([
        Lab.wait("time", { _tag: "Time", at: Lab.text("{{ when }}") }, { next: "nap", output: "time" }),
        Lab.wait("nap", { _tag: "Duration", millis: 60_000 }, { next: "file" }),
        Lab.wait("file", { _tag: "File", path: Lab.text("{{ dir }}/go") }, { next: "gate", output: "file" }),
        Lab.wait("gate", { _tag: "Approval", prompt: Lab.text("Deploy {{ what }}?") }, { output: "gate" })
      ], {
        variables: [
          Lab.variable("when", "1970-01-01T00:10:00"),
          Lab.variable("dir", directory),
          Lab.variable("what", "it")
        ]
      })
      const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
      yield* OwfTest.adjust("10 minutes")
      assert.deepStrictEqual(yield* transitions, ["time → nap"])
      yield* OwfTest.adjust("70 seconds")
      assert.deepStrictEqual(yield* transitions, ["time → nap", "nap → file"])
      Fs.writeFileSync(Path.join(directory, "go"), "")
      yield* OwfTest.adjust("5 seconds")
      const { approvals, decide } = yield* store
      const { id } = yield* Lab.latest
      assert.deepInclude((yield* approvals(id))[0], { name: "gate", question: "Deploy it?", decision: null })
      yield* decide({ runId: id, name: "gate", decision: "rejected", message: "no", at: 0 })
      yield* OwfTest.adjust("5 seconds")
      const { file, gate, time } = outputOf(yield* Fiber.join(fiber)) as Record<string, unknown>
      assert.deepStrictEqual(time, { until: "1970-01-01T00:10:00.000Z" })
      assert.deepStrictEqual(file, { found: true, path: `${directory}/go`, timed_out: false })
      assert.deepStrictEqual(gate, { approved: false, message: "no", timed_out: false })
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("that end badly fail the node where nobody takes their outcome", () =>
    Effect.gen(function*() {
      const failure = (node: ReturnType<typeof Lab.wait>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(Lab.flow([node])), {}))
          yield* OwfTest.adjust("5 minutes")
          yield* Fiber.join(fiber)
          return String((yield* Lab.latest).errorMessage)
        })
      const timeoutMs = 60_000
      assert.include(
        yield* failure(Lab.wait("f", { _tag: "File", path: Lab.text("none") }, { timeoutMs })),
        "/flows/none did not appear in time"
      )
      assert.include(
        yield* failure(Lab.wait("g", { _tag: "Approval", prompt: null }, { timeoutMs })),
        "nobody approved in time"
      )
      assert.include(
        yield* failure(Lab.wait("t", { _tag: "Time", at: Lab.text("tomorrow") })),
        "waits until 'tomorrow', which is no time"
      )
    }).pipe(Effect.provide(OwfTest.layer())))
})

describe("bounds", () => {
  it.effect("YG-4: a run that goes in circles stops after its transitions, and goes on once it may make more", () =>
    Effect.gen(function*() {
      const flow = (transitions: number) =>
        Lab.flow([
          Lab.branch("ping", { default: "pong" }),
          Lab.branch("pong", { when: [{ if: Lab.text("false"), next: "end" }], default: "ping" })
        ], { limits: { transitions, wallClockMs: undefined, tokens: undefined, costUsd: undefined } })
      const run = yield* Workflow.start(Lab.workflow(flow(10)), {})
      assert.strictEqual(run.status, "interrupted")
      const stopped = yield* Lab.latest
      assert.strictEqual(stopped.errorKind, "FlowStopped")
      assert.include(stopped.errorMessage, "made 10 transitions and stopped before node 'ping'")
      yield* Workflow.resume(Lab.workflow(flow(12)), stopped)
      assert.strictEqual((yield* transitions).length, 12)
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("a run stops when its time is over, whatever it is doing, and the time counts from its first start", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(() => Scripted.never)
      const flow = Lab.flow([Lab.agent("a", "a", { timeoutMs: 36_000_000 })], {
        limits: { transitions: undefined, wallClockMs: 3_600_000, tokens: undefined, costUsd: undefined }
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
        yield* OwfTest.adjust("61 minutes")
        assert.strictEqual((yield* Fiber.join(fiber)).status, "interrupted")
        const stopped = yield* Lab.latest
        assert.include(stopped.errorMessage, "raise limits.wall_clock")
        assert.strictEqual((yield* Workflow.resume(Lab.workflow(flow), stopped)).status, "interrupted")
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("a context that grows beyond a mebibyte stops the run", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(() => Scripted.value({ a: "x".repeat(1_100_000) }))
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(Lab.flow([Lab.agent("a", "a", { outputs: [Lab.output("a")] })])), {})
        assert.include((yield* Lab.latest).errorMessage, "it may have 1048576")
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))
})
