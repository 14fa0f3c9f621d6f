import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import {
  agent,
  AgentResult,
  Owf,
  OwfTest,
  parallel,
  RunStore,
  Scripted,
  Workflow,
  workflow
} from "open-agent-workflows"
import { RunFiles } from "open-agent-workflows/store/RunFiles"

const echo = () => Scripted.make((request) => Scripted.answer(`re: ${request.prompt}`))

/** The services of a test with a store whose `settle` fails from the n-th time on, or until the m-th. */
const withBrokenSettle = (provider: Scripted.Scripted, from: number, error: RunStore.WriteError, to = Infinity) => {
  let settled = 0
  const broken = Layer.effect(
    RunStore.RunStore,
    Effect.map(RunStore.RunStore, (store) => ({
      ...store,
      settle: (...args: Parameters<typeof store.settle>) =>
        ++settled >= from && settled <= to ? Effect.fail(error) : store.settle(...args)
    }))
  )
  return OwfTest.layerWith(broken, { provider })
}

describe("a run", () => {
  it.effect("has its row before its body begins", () =>
    Effect.gen(function*() {
      const store = yield* RunStore.RunStore
      const seen = Workflow.make({ name: "seen", description: "looks at itself" }, () => store.run("latest"))
      assert.deepInclude(yield* seen(), {
        workflowName: "seen",
        workflowDescription: "looks at itself",
        status: "running",
        attempt: 1,
        depth: 0
      })
      assert.deepInclude(yield* store.run("latest"), { status: "done" })
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo() }))))

  it.effect("ends, and sends nothing more, when the store cannot be written", () =>
    Effect.gen(function*() {
      const provider = echo()
      const error = new RunStore.StoreError({ reason: "DiskFull", path: "/x", detail: "The disk is full." })
      const steps = Workflow.make({ name: "steps" }, function*() {
        for (let step = 1; step <= 5; step++) yield* AgentResult.settle(agent(`step ${step}`))
      })
      yield* Effect.gen(function*() {
        const result = yield* Workflow.start(steps, {})
        assert.strictEqual(result.status, "interrupted")
        assert.deepInclude(yield* Effect.flip(result.exit), { _tag: "StoreError", reason: "DiskFull" })
        assert.strictEqual((yield* provider.requests).length, 3)
      }).pipe(Effect.provide(withBrokenSettle(provider, 3, error)))
    }))

  it.effect("can be taken up again by the process whose store could not be written for a while", () =>
    Effect.gen(function*() {
      const provider = echo()
      const error = new RunStore.StoreError({ reason: "Busy", path: "/x", detail: "It was not released." })
      const steps = Workflow.make({ name: "steps" }, function*() {
        for (let step = 1; step <= 3; step++) yield* agent(`step ${step}`)
        return "three"
      })
      yield* Effect.gen(function*() {
        const store = yield* RunStore.RunStore
        const { runId, status } = yield* Workflow.start(steps, {})
        assert.strictEqual(status, "interrupted")
        assert.strictEqual((yield* store.run(runId)).status, "interrupted")
        const again = yield* Workflow.resume(steps, yield* store.run(runId))
        assert.deepInclude(again, { runId, attempt: 2, status: "done", outputJson: "\"three\"" })
      }).pipe(Effect.provide(withBrokenSettle(provider, 2, error, 2)))
    }))

  it.effect("ends all its branches when another process took it over", () =>
    Effect.gen(function*() {
      const provider = echo()
      const error = new RunStore.OwnershipLost({ runId: "x" })
      const fan = Workflow.make({ name: "fan" }, () =>
        parallel(Array.from({ length: 50 }, (_, index) => agent(`call ${index}`)), { concurrency: 2 }))
      yield* Effect.gen(function*() {
        const result = yield* Workflow.start(fan, {})
        assert.strictEqual(result.status, "interrupted")
        assert.deepInclude(yield* Effect.flip(result.exit), { _tag: "OwnershipLost" })
        assert.isBelow((yield* provider.requests).length, 6)
      }).pipe(Effect.provide(withBrokenSettle(provider, 1, error)))
    }))

  it.effect("keeps a file of everything a person wants to open", () =>
    Effect.gen(function*() {
      const ask = Workflow.make(
        { name: "ask", output: Schema.Struct({ b: Schema.String, a: Schema.Number }) },
        function*() {
          const done = yield* agent("What is it?")
          return { b: done.text, a: 1 }
        }
      )
      const { directory, runId } = yield* Workflow.start(ask, {})
      yield* Effect.flatMap(RunFiles, (files) => files.flush(runId))
      assert.strictEqual(Fs.readFileSync(`${directory}/output.json`, "utf8"), "{\"a\":1,\"b\":\"re: What is it?\"}\n")
      const [call] = Fs.readdirSync(`${directory}/calls`)
      assert.strictEqual(Fs.readFileSync(`${directory}/calls/${call}/prompt.txt`, "utf8"), "What is it?")
      assert.strictEqual(Fs.readFileSync(`${directory}/calls/${call}/output.txt`, "utf8"), "re: What is it?")
      assert.includeMembers(Fs.readdirSync(directory), ["manifest.json", "summary.md", "output.json", "calls"])
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo() }))))

  it.effect("is refused before it exists when its provider is not known", () =>
    Effect.gen(function*() {
      const ask = Workflow.make({ name: "ask" }, () => agent("x"))
      const error = yield* Effect.flip(Workflow.start(ask, {}, { provider: "clade" }))
      assert.deepInclude(error, { _tag: "ProviderUnavailable", provider: "clade" })
      assert.strictEqual((yield* Effect.flatMap(RunStore.RunStore, (store) => store.runs({}))).length, 0)
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo() }))))
})

describe("child runs", () => {
  const inner = Workflow.make(
    { name: "inner", args: Schema.Struct({ n: Schema.Number }) },
    ({ n }) => Effect.map(agent(`inner ${n}`), ({ text }) => text)
  )

  it.effect("have rows of their own below their parent", () =>
    Effect.gen(function*() {
      const outer = Workflow.make({ name: "outer" }, () => parallel([workflow(inner, { n: 1 }), inner({ n: 2 })]))
      const result = yield* Workflow.start(outer, {})
      assert.strictEqual(result.outputJson, "[\"re: inner 1\",\"re: inner 2\"]")
      const store = yield* RunStore.RunStore
      const children = yield* store.children(result.runId)
      assert.deepStrictEqual(children.map(({ argsJson, depth, status }) => [argsJson, depth, status]), [
        ["{\"n\":1}", 1, "done"],
        ["{\"n\":2}", 1, "done"]
      ])
      assert.strictEqual((yield* store.run("latest")).id, result.runId)
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo() }))))

  it.effect("go no deeper than allowed", () =>
    Effect.gen(function*() {
      const deep: Workflow.Workflow<{ readonly n: number }, unknown, unknown, never> = Workflow.make(
        { name: "deep", args: Schema.Struct({ n: Schema.Number }) },
        ({ n }): Effect.Effect<unknown, unknown> => n === 0 ? Effect.succeed("bottom") : deep({ n: n - 1 }) as never
      )
      assert.strictEqual((yield* Workflow.start(deep, { n: 3 })).outputJson, "\"bottom\"")
      const error = yield* Effect.flip(Effect.flatMap(Workflow.start(deep, { n: 4 }), ({ exit }) => exit))
      assert.deepInclude(error, { _tag: "NestingTooDeep", limit: 3 })
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo(), maxDepth: 3 }))))

  it.effect("give their failure to their parent as it is", () =>
    Effect.gen(function*() {
      const failing = Workflow.make({ name: "failing" }, () => Effect.fail("no luck" as const))
      const outer = Workflow.make({ name: "outer" }, () => Effect.flip(workflow(failing)))
      assert.strictEqual(yield* outer(), "no luck")
    }).pipe(Effect.provide(OwfTest.layer({ provider: echo() }))))
})

describe("an application", () => {
  it.live("runs a workflow with one Layer and no keys", () =>
    Effect.gen(function*() {
      const directory = Fs.mkdtempSync("/tmp/owf-app-")
      const hello = Workflow.make({ name: "hello" }, () => Effect.map(agent("Say hello"), ({ text }) => text))
      const text = yield* Effect.promise(() =>
        Effect.runPromise(hello().pipe(Effect.provide(Owf.layer({ home: `${directory}/home`, environment: {} }))))
      )
      assert.strictEqual(text, "Say hello")
      // the files are complete once the Layer is released
      const [run] = Fs.readdirSync(`${directory}/home/runs`)
      assert.strictEqual(Fs.readFileSync(`${directory}/home/runs/${run}/output.json`, "utf8"), "\"Say hello\"\n")
      Fs.rmSync(directory, { recursive: true })
    }))
})
