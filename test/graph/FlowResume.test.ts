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
    ], { concurrency: 2, output: "results", next: "loop" }),
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

/** The calls that a line of the log, or a request, is of, by their labels. */
const labelsOf = (entry: string): ReadonlyArray<string> => {
  const [id = "", value = ""] = entry.split(" ")
  if (id === "review") return ["review[1]", "review[2]"]
  if (id === "do" || id === "note") return [`${id}[${"abc".indexOf(value.slice(-1))}]`]
  return [id === "count" ? `count[${value}]` : id]
}

/** What was settled before a stop happened once; only what was under way at the stop may have happened once more. */
const happenedOnce = (
  what: string,
  happened: ReadonlyArray<string>,
  whole: ReadonlyArray<string>,
  settled: ReadonlySet<string>
): void => {
  assert.deepStrictEqual(new Set(happened), new Set(whole), what)
  for (const entry of new Set(whole)) {
    const times = (all: ReadonlyArray<string>) => all.filter((one) => one === entry).length
    const open = labelsOf(entry).filter((label) => !settled.has(label)).length
    const more = times(happened) - times(whole)
    assert.isTrue(more >= 0 && more <= open, `${what}: ${entry} happened ${times(happened)} times`)
  }
}

const everything = ["setup 0", "note 0a", "note 0b", "note 0c", "count 1", "count 2", "last 2"]

describe("a resumed graph", () => {
  it.live(
    "that was stopped at any of its transitions comes to the same end; what was settled is not done again, only what was under way is",
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
                const calls = yield* Effect.flatMap(store, (store) => store.calls(row.id))
                const settled = new Set(calls.flatMap(({ label, status }) => status === "done" ? [label ?? ""] : []))
                const { outputJson, status } = row.status === "done" ? row : yield* resume(whole)
                return { outputJson, status, settled }
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
          const { settled } = stopped.second
          happenedOnce(`programs when stopped at ${stopAt}`, stopped.log, whole.log, settled)
          happenedOnce(`requests when stopped at ${stopAt}`, stopped.requests, whole.requests, settled)
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

  it.effect("goes on with the list it began with, and with the turns it made, whatever the graph says now", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make<ReadonlyArray<string>>([])
      const isBroken = yield* Ref.make(true)
      const provider = Scripted.make(({ prompt }) =>
        Effect.gen(function*() {
          yield* Ref.update(asked, (all) => [...all, prompt])
          if (/do c|turn 3/.test(prompt) && (yield* Ref.get(isBroken))) return Scripted.fail("Authentication")
          return Scripted.value({ said: prompt })
        })
      )
      const each = (items: string) =>
        Lab.flow([
          Lab.forEach("each", items, [Lab.agent("do", "do {{ item }}", { outputs: [Lab.output("said")] })], {
            output: "all"
          })
        ])
      const turns = (condition: string, maxTurns: number) =>
        Lab.flow([
          Lab.loop("loop", condition, [Lab.agent("t", "turn {{ turn }}", { outputs: [Lab.output("said")] })], {
            maxTurns
          })
        ])
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(each("['a', 'b', 'c']")), {})).status, "failed")
        yield* Ref.set(isBroken, false)
        const list = yield* resume(each("['x', 'a']"))
        assert.deepStrictEqual(outputOf(list), { all: [{ said: "do a" }, { said: "do b" }, { said: "do c" }] })

        yield* Ref.set(isBroken, true)
        yield* Ref.set(asked, [])
        assert.strictEqual((yield* Workflow.start(Lab.workflow(turns("turn < 4", 100)), {})).status, "failed")
        yield* Ref.set(isBroken, false)
        const loop = yield* resume(turns("turn < 1", 1))
        assert.deepStrictEqual(outputOf(loop), { turn: 2, said: "turn 2" })
        assert.deepStrictEqual(yield* Ref.get(asked), ["turn 1", "turn 2", "turn 3"])
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("that was within branches that changed places since says so, and goes on when they are put back", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make<ReadonlyArray<string>>([])
      const isBroken = yield* Ref.make(true)
      const provider = Scripted.make(({ prompt }) =>
        Effect.gen(function*() {
          yield* Ref.update(asked, (all) => [...all, prompt])
          if (prompt === "right" && (yield* Ref.get(isBroken))) return Scripted.fail("Authentication")
          return Scripted.value({ [prompt]: true })
        })
      )
      const both = (...ids: ReadonlyArray<string>) =>
        Lab.flow([
          Lab.parallel("both", ids.map((id) => [Lab.agent(id, id, { outputs: [Lab.output(id)] })]), { concurrency: 1 })
        ])
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(both("left", "right")), {})
        yield* Ref.set(isBroken, false)
        const moved = yield* resume(both("new", "left", "right"))
        assert.strictEqual(moved.status, "failed")
        const { errorKind, errorMessage } = yield* Lab.latest
        assert.strictEqual(errorKind, "FlowDiverged")
        assert.include(
          errorMessage,
          "The run was in branch 1 of node 'both' with node 'left', which is in branch 2 now"
        )
        assert.include(errorMessage, "--from both")
        const back = yield* resume(both("left", "right", "new"))
        assert.deepStrictEqual(outputOf(back), { left: true, right: true, new: true })
        assert.deepStrictEqual(yield* Ref.get(asked), ["left", "right", "right", "new"])
      }).pipe(Effect.provide(Lab.layer(provider)))
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

describe("a child that came to its fail node", () => {
  const inner = Lab.flow([
    Lab.agent("look", "look", { outputs: [Lab.output("ok")], next: "ok" }),
    Lab.branch("ok", { path: "ok", cases: new Map([["true", "done"]]), default: "red" }),
    Lab.end("red", "fail", "it is red\n"),
    Lab.end("done")
  ], { name: "inner" })
  const load = (flow: Flow): Parameters<typeof Lab.workflow>[1] => ({
    // the types of a workflow that is loaded from a file are not known
    load: () => Effect.succeed(Lab.workflow(flow) as unknown as Workflow.Any)
  })
  /** Answers `look` with what holds now. */
  const looking = Effect.map(Ref.make(false), (isOk) => ({
    isOk,
    provider: Scripted.make(({ prompt }) =>
      prompt === "look"
        ? Effect.map(Ref.get(isOk), (ok) => Scripted.value({ ok }))
        : Effect.succeed(Scripted.value({ n: prompt }))
    )
  }))

  it.effect("fails the node of its parent, which keeps what finished and begins the child anew when it is resumed", () =>
    Effect.gen(function*() {
      const { isOk, provider } = yield* looking
      const flow = Lab.flow([
        Lab.agent("before", "before", { outputs: [Lab.output("n")], next: "child" }),
        Lab.child("child", "/flows/inner.yaml", { output: "given" })
      ])
      yield* Effect.gen(function*() {
        const { children } = yield* store
        const failed = yield* Workflow.start(Lab.workflow(flow, load(inner)), {})
        assert.strictEqual(failed.status, "failed")
        const { errorKind, errorMessage } = yield* Lab.latest
        assert.deepStrictEqual([errorKind, errorMessage], [
          "ChildFailed",
          "Node 'child' (/flows/flow.yaml:1:1): the workflow 'inner' ended as failed: it is red. " +
          "Put that right and resume the run: it begins 'inner' anew and keeps what had finished before it."
        ])
        assert.deepInclude((yield* children(failed.runId))[0], { errorKind: "FlowFailed", errorMessage: "it is red" })
        assert.strictEqual((yield* resume(flow, load(inner))).status, "failed")
        yield* Ref.set(isOk, true)
        const run = yield* resume(flow, load(inner))
        assert.deepStrictEqual([run.status, run.runId, run.attempt], ["done", failed.runId, 3])
        assert.deepStrictEqual(outputOf(run), { n: "before", given: { ok: true } })
        const all = (yield* children(run.runId)).map(({ attempt, status }) => [status, attempt])
        assert.deepStrictEqual(all, [["failed", 1], ["failed", 1], ["done", 1]])
        const asked = (yield* provider.requests).map(({ prompt }) => prompt)
        assert.deepStrictEqual(asked, ["before", "look", "look", "look"])
      }).pipe(Effect.provide(Lab.layer(provider, { cachePolicy: "disabled" })))
    }))

  it.effect("is answered from the cache where its answers may be shared between runs", () =>
    Effect.gen(function*() {
      const { isOk, provider } = yield* looking
      const flow = Lab.flow([Lab.child("child", "/flows/inner.yaml")])
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(flow, load(inner)), {})
        yield* Ref.set(isOk, true)
        assert.strictEqual((yield* resume(flow, load(inner))).status, "failed")
        assert.strictEqual((yield* provider.requests).length, 1)
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))

  it.effect("below another child fails the nodes of both, and is the only one that begins anew", () =>
    Effect.gen(function*() {
      const { isOk, provider } = yield* looking
      const middle = Lab.workflow(
        Lab.flow([
          Lab.agent("plan", "plan", { outputs: [Lab.output("n")], next: "deep" }),
          Lab.child("deep", "/flows/inner.yaml")
        ], { name: "middle" }),
        load(inner)
      ) as unknown as Workflow.Any
      const options = { load: () => Effect.succeed(middle) }
      const flow = Lab.flow([Lab.child("child", "/flows/middle.yaml")])
      yield* Effect.gen(function*() {
        const { family } = yield* store
        const failed = yield* Workflow.start(Lab.workflow(flow, options), {})
        assert.include((yield* Lab.latest).errorMessage, "Node 'deep'")
        yield* Ref.set(isOk, true)
        assert.strictEqual((yield* resume(flow, options)).status, "done")
        const all = (yield* family(failed.runId)).map(({ attempt, status, workflowName }) => [
          workflowName,
          status,
          attempt
        ])
        assert.deepStrictEqual(all, [["flow", "done", 2], ["middle", "done", 2], ["inner", "failed", 1], [
          "inner",
          "done",
          1
        ]])
        const asked = (yield* provider.requests).map(({ prompt }) => prompt)
        assert.deepStrictEqual(asked, ["plan", "look", "look"])
      }).pipe(Effect.provide(Lab.layer(provider, { cachePolicy: "disabled" })))
    }))

  it.effect("in a list begins anew alone; those of the other items are taken as they were", () =>
    Effect.gen(function*() {
      const { isOk, provider } = yield* looking
      const item = Lab.flow([
        Lab.branch("which", { path: "name", cases: new Map([["bad", "look"]]), default: "work" }),
        Lab.agent("work", "work on {{ name }}", { next: "done" }),
        Lab.agent("look", "look", { outputs: [Lab.output("ok")], next: "ok" }),
        ...[...inner.nodes.values()].filter(({ id }) => id !== "look")
      ], { name: "item", variables: [Lab.variable("name", "")] })
      const args = new Map([["name", Lab.text("item")]])
      const flow = Lab.flow([
        Lab.forEach("each", "['a', 'bad', 'b']", [Lab.child("child", "/flows/item.yaml", { args })])
      ])
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(flow, load(item)), {})).status, "failed")
        yield* Ref.set(isOk, true)
        assert.strictEqual((yield* resume(flow, load(item))).status, "done")
        const asked = (yield* provider.requests).map(({ prompt }) => prompt)
        assert.deepStrictEqual(asked, ["work on a", "look", "look", "work on b"])
      }).pipe(Effect.provide(Lab.layer(provider, { cachePolicy: "disabled" })))
    }))
})

describe("a run that goes back to a node", () => {
  const back = (flow: Flow, from: string) => resume(flow, { from })
  const counting = () =>
    Effect.map(Ref.make(0), (asked) =>
      Scripted.make((request) =>
        Effect.map(
          Ref.updateAndGet(asked, (n) => n + 1),
          (n) => request.prompt.startsWith("broken") ? Scripted.fail("Authentication") : Scripted.value({ n })
        )
      ))
  const three = (last: string) =>
    Lab.flow([
      Lab.agent("a", "a {{ n }}", { outputs: [Lab.output("n")], next: "b" }),
      Lab.agent("b", "b {{ n }}", { outputs: [Lab.output("n")], next: "c" }),
      Lab.agent("c", `${last} {{ n }}`, { outputs: [Lab.output("n")] })
    ], { variables: [Lab.variable("n", 0)] })

  it.effect("YG-16: does it again with the context as it was before it, and keeps what came before", () =>
    Effect.gen(function*() {
      const answers = yield* counting()
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(Lab.workflow(three("broken")), {})).status, "failed")
        const run = yield* back(three("c"), "b")
        assert.deepStrictEqual(outputOf(run), { n: 5 })
        assert.deepStrictEqual((yield* answers.requests).map(({ prompt }) => prompt), [
          "a 0",
          "b 1",
          "broken 2",
          "b 1",
          "c 4"
        ])
        const { calls, events } = yield* store
        const [told] = yield* events(run.runId, { type: "rewind" })
        assert.strictEqual(told?.message, "back to b: 1 finished nodes count no more")
        // what was done before stays on record, under its own name
        assert.deepStrictEqual((yield* calls(run.runId)).map(({ position, status }) => [position, status]), [
          ["=a", "done"],
          ["=b", "done"],
          ["=c", "provider_failed"],
          ["=b~2", "done"],
          ["=c~2", "done"]
        ])
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("YG-16: stays where it went back to when it is stopped again, and can go back further, or from its end", () =>
    Effect.gen(function*() {
      const answers = yield* counting()
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(three("c")), {})
        // back from the end; the second node is asked again and the third one breaks
        assert.strictEqual((yield* back(three("broken"), "b")).status, "failed")
        const run = yield* resume(three("c"))
        assert.deepStrictEqual(outputOf(run), { n: 6 })
        assert.deepStrictEqual(outputOf(yield* back(three("c"), "a")), { n: 9 })
        const prompts = (yield* answers.requests).map(({ prompt }) => prompt)
        assert.deepStrictEqual(prompts.slice(3), ["b 1", "broken 4", "c 4", "a 0", "b 7", "c 8"])
        // gone on with after all of that nothing is done any more
        assert.deepStrictEqual(outputOf(yield* resume(three("c"))), { n: 9 })
        assert.strictEqual((yield* answers.requests).length, 9)
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("YG-16: makes the turns of a loop, the waits and the children again, also of a node its graph lost since", () =>
    Effect.gen(function*() {
      const answers = yield* counting()
      const child = Workflow.make(
        { name: "child" },
        () => Effect.map(agent("child", { cachePolicy: "disabled" }), ({ value }) => value)
      )
      const options = { load: () => Effect.succeed(child as unknown as Workflow.Any) }
      const flow = (first: string, waits: boolean) =>
        Lab.flow([
          Lab.branch(first, { default: "loop" }),
          Lab.loop("loop", "turn < 2", [Lab.agent("t", "t {{ turn }}", { outputs: [Lab.output("n")] })], {
            next: "child"
          }),
          Lab.child("child", "/flows/child.ts", { output: "said", next: "nap" }),
          Lab.wait("nap", { _tag: "Duration", millis: waits ? 60_000 : 0 })
        ])
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(flow("first", false), options), {})
        const again = yield* Effect.fork(resume(flow("renamed", true), { ...options, from: "loop" }))
        yield* OwfTest.adjust("59 seconds")
        assert.strictEqual((yield* answers.requests).length, 6)
        assert.strictEqual((yield* Lab.latest).status, "waiting")
        yield* OwfTest.adjust("2 seconds")
        const run = yield* Fiber.join(again)
        assert.deepInclude(outputOf(run), { n: 5, turn: 2 })
        const { children } = yield* store
        assert.strictEqual((yield* children(run.runId)).length, 2)
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

  it.effect("YG-16: is refused for a node that is not there, that is part of another, or that it did not come to", () =>
    Effect.gen(function*() {
      const answers = yield* counting()
      const flow = Lab.flow([
        Lab.agent("a", "broken", { next: "each" }),
        Lab.forEach("each", "[]", [Lab.agent("inner", "x")])
      ])
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(flow), {})
        for (
          const [node, why] of [
            ["nowhere", "has no node 'nowhere'. It came to a."],
            ["inner", "is one of node 'each': go back to 'each'"],
            ["each", "has not come to node 'each' yet. It came to a."]
          ] as const
        ) {
          // it is left as it is and can go on
          assert.strictEqual((yield* back(flow, node)).status, "interrupted")
          const { errorKind, errorMessage } = yield* Lab.latest
          assert.strictEqual(errorKind, "CannotGoBack")
          assert.include(errorMessage, why)
        }
        const { events } = yield* store
        assert.deepStrictEqual(yield* events((yield* Lab.latest).id, { type: "rewind" }), [])
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))
})

describe("a node that fails", () => {
  it.effect("because its time was over is told so when it is tried again, in front of its whole prompt", () =>
    Effect.gen(function*() {
      const answers = Scripted.make((request) =>
        request.prompt === "the task" ? Scripted.never : Scripted.value({ a: 1 })
      )
      const node = Lab.agent("a", "the task", {
        outputs: [Lab.output("a")],
        timeoutMs: 600_000,
        retry: { attempts: 1, delayMs: 0 }
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(Lab.flow([node])), {}))
        yield* OwfTest.adjust("11 minutes")
        assert.strictEqual((yield* Fiber.join(fiber)).status, "done")
        const prompt = (yield* answers.requests)[1]?.prompt ?? ""
        assert.match(prompt, /^TIME BUDGET: .* the 10m it may take/)
        assert.isTrue(prompt.endsWith("\n\nthe task"))
      }).pipe(Effect.provide(Lab.layer(answers)))
    }))

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
  it.live("YG-13, PC-8: that hang and ignore TERM end within their time and ten seconds", () =>
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

describe("a wait that ended badly", () => {
  const timeoutMs = 60_000

  it.effect("waits again for a file when the run is resumed, and goes on when it is there by then", () =>
    Effect.gen(function*() {
      const directory = directoryWith({})
      const flow = Lab.flow([
        Lab.wait("file", { _tag: "File", path: Lab.text(`${directory}/go`) }, { timeoutMs, next: "done" }),
        Lab.end("done")
      ])
      const first = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
      yield* OwfTest.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(first)).status, "failed")

      const second = yield* Effect.fork(resume(flow))
      yield* OwfTest.adjust("50 seconds")
      assert.strictEqual((yield* Lab.latest).status, "waiting")
      yield* OwfTest.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(second)).status, "failed")

      Fs.writeFileSync(Path.join(directory, "go"), "")
      assert.strictEqual((yield* resume(flow)).status, "done")
    }).pipe(Effect.provide(OwfTest.layer())))

  it.effect("asks again when the run is resumed, after nobody answered and after a no, and keeps what was said before", () =>
    Effect.gen(function*() {
      const flow = Lab.flow([
        Lab.wait("gate", { _tag: "Approval", prompt: null }, { timeoutMs, next: "done" }),
        Lab.end("done")
      ])
      const { approvals, decide } = yield* store
      const answer = (name: string, decision: "approved" | "rejected") =>
        Effect.flatMap(Lab.latest, ({ id }) => decide({ runId: id, name, decision, message: null, at: 0 }))
      const first = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
      yield* OwfTest.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(first)).status, "failed")

      const second = yield* Effect.fork(resume(flow))
      yield* OwfTest.adjust("5 seconds")
      assert.isTrue(yield* answer("gate@2", "rejected"))
      yield* OwfTest.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(second)).status, "failed")

      const third = yield* Effect.fork(resume(flow))
      yield* OwfTest.adjust("5 seconds")
      assert.isTrue(yield* answer("gate@3", "approved"))
      yield* OwfTest.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(third)).status, "done")
      const { id } = yield* Lab.latest
      assert.deepStrictEqual(
        (yield* approvals(id)).map(({ decision, name }) => [name, decision]),
        [["gate", "expired"], ["gate@2", "rejected"], ["gate@3", "approved"]]
      )
    }).pipe(Effect.provide(OwfTest.layer())))
})
