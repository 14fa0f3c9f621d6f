import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { agent, AgentResult, OwfTest, parallel, RunStore, Scripted, Workflow, workflow } from "open-agent-workflows"
import type { RunId } from "open-agent-workflows/domain/Ids"

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

const callsOf = (id: RunId) => Effect.flatMap(RunStore.RunStore, (store) => store.calls(id))

describe("resume", () => {
  it.effect("answers completed calls from the journal, whatever order they finished in", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) =>
        request.prompt === "slow"
          ? Scripted.never
          : Scripted.answer(`re: ${request.prompt}`, { delay: request.prompt === "first" ? "5 seconds" : "1 seconds" })
      )
      const prompts = ["first", "second", "third", "slow"]
      const fan = Workflow.make({ name: "fan" }, () =>
        Effect.map(parallel(prompts.map((prompt) => agent(prompt))), (results) => results.map(({ text }) => text)))
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(fan())
        yield* OwfTest.adjust("10 seconds")
        yield* Fiber.interrupt(fiber)
        const run = yield* latest
        assert.strictEqual(run.status, "interrupted")
        assert.strictEqual((yield* provider.requests).length, 4)

        const resumed = yield* Effect.fork(Workflow.resume(fan, run))
        yield* OwfTest.adjust("10 seconds")
        // the one that was not answered, and nothing else
        assert.deepStrictEqual(
          (yield* provider.requests).slice(4).map(({ prompt }) =>
            prompt
          ),
          ["slow"]
        )
        yield* Fiber.interrupt(resumed)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("makes failed calls again under their own index and keeps the answers of the others", () =>
    Effect.gen(function*() {
      const broken = yield* Ref.make(true)
      const provider = Scripted.make((request) =>
        request.prompt !== "b" ? Scripted.answer(`re: ${request.prompt}`) : Effect.map(
          Ref.get(broken),
          (isBroken) => isBroken ? Scripted.fail("Authentication") : Scripted.answer("mended")
        )
      )
      const steps = Workflow.make({ name: "steps", output: Schema.Array(Schema.String) }, function*() {
        const a = yield* agent("a")
        const b = yield* agent("b")
        return [a.text, b.text]
      })
      yield* Effect.gen(function*() {
        const first = yield* Workflow.start(steps, {})
        assert.deepInclude(first, { status: "failed", attempt: 1 })
        yield* Ref.set(broken, false)
        const second = yield* Workflow.resume(steps, yield* latest)
        assert.deepInclude(second, {
          runId: first.runId,
          status: "done",
          attempt: 2,
          outputJson: "[\"re: a\",\"mended\"]"
        })
        const calls = yield* callsOf(first.runId)
        assert.deepStrictEqual(
          calls.map(({ attempts, cacheStatus, index, status }) => [index, status, cacheStatus, attempts]),
          [[1, "done", "replayed", 1], [2, "done", "miss", 2]]
        )
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("gives each of three equal calls its own answer again, also when branches run at other speeds", () =>
    Effect.gen(function*() {
      const delays = yield* Ref.make<Readonly<Record<string, number>>>({ a: 3, b: 1, c: 2 })
      const provider = Scripted.make([
        Scripted.when("sample", Scripted.sequence(["x", "y", "z"].map((text) => Scripted.answer(text)))),
        Scripted.when("stop", Scripted.never),
        (request) =>
          Effect.map(
            Ref.get(delays),
            (seconds) => Scripted.answer("ok", { delay: `${seconds[request.prompt] ?? 0} seconds` })
          )
      ])
      const branches = Workflow.make(
        { name: "branches" },
        () =>
          parallel(["a", "b", "c"].map((name) =>
            Effect.zipRight(
              agent(name, { cachePolicy: "disabled" }),
              Effect.map(agent("sample"), ({ text }) => `${name}${text}`)
            )
          )).pipe(Effect.tap((found) => Effect.when(agent("stop"), () => found.length === 0)))
      )
      yield* Effect.gen(function*() {
        const first = yield* Effect.fork(Workflow.start(branches, {}))
        yield* OwfTest.adjust("10 seconds")
        const before = yield* Fiber.join(first)
        // b asked first, then c, then a
        assert.strictEqual(before.outputJson, "[\"az\",\"bx\",\"cy\"]")
        const after = yield* Workflow.resume(branches, yield* latest)
        assert.strictEqual(after.outputJson, before.outputJson)
        assert.strictEqual((yield* provider.requests).length, 6)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("takes up an interrupted child instead of starting another", () =>
    Effect.gen(function*() {
      const hang = yield* Ref.make(true)
      const provider = Scripted.make((request) =>
        request.prompt !== "two"
          ? Scripted.answer(request.prompt)
          : Effect.map(Ref.get(hang), (isHanging) => isHanging ? Scripted.never : Scripted.answer("two"))
      )
      const child = Workflow.make({ name: "child", args: Schema.Struct({ n: Schema.Number }) }, function*() {
        return [(yield* agent("one")).text, (yield* agent("two")).text]
      })
      const parent = Workflow.make({ name: "parent" }, () => workflow(child, { n: 1 }))
      yield* Effect.gen(function*() {
        const store = yield* RunStore.RunStore
        const fiber = yield* Effect.fork(parent())
        yield* OwfTest.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
        const run = yield* latest
        yield* Ref.set(hang, false)
        const resumed = yield* Workflow.resume(parent, run)
        assert.strictEqual(resumed.outputJson, "[\"one\",\"two\"]")
        const children = yield* store.children(run.id)
        assert.strictEqual(children.length, 1)
        assert.deepInclude(children[0], {
          status: "done",
          attempt: 2,
          parentRunId: run.id,
          rootRunId: run.id,
          depth: 1
        })
        assert.deepStrictEqual((yield* provider.requests).map(({ prompt }) => prompt), ["one", "two", "two"])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("reads large answers back when they are needed", () =>
    Effect.gen(function*() {
      const large = "0123456789".repeat(10_000)
      const provider = Scripted.make(Scripted.answer(large))
      const big = Workflow.make({ name: "big" }, () => Effect.map(agent("give me much"), ({ text }) => text.length))
      yield* Effect.gen(function*() {
        yield* big()
        const again = yield* Workflow.resume(big, yield* latest)
        assert.strictEqual(again.outputJson, "100000")
        assert.strictEqual((yield* provider.requests).length, 1)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("does not use an answer of another model for one that was asked for on resume", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) => Scripted.answer(request.model))
      const ask = Workflow.make({ name: "ask" }, () => Effect.map(agent("who?"), ({ text }) => text))
      yield* Effect.gen(function*() {
        yield* Workflow.start(ask, {}, { model: "small" })
        const resumed = yield* Workflow.resume(ask, yield* latest, { model: "large" })
        assert.strictEqual(resumed.outputJson, "\"large\"")
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("keeps what was paid for when a sibling fails", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) =>
        request.prompt === "bad" ? Scripted.fail("Refused") : Scripted.answer(request.prompt)
      )
      const fan = Workflow.make({ name: "fan" }, function*() {
        const results = yield* parallel(["a", "bad", "c"].map((prompt) => agent(prompt)))
        return yield* Effect.forEach(results, AgentResult.textOrFail)
      })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* Workflow.start(fan, {})).status, "failed")
        yield* Workflow.resume(fan, yield* latest)
        assert.deepStrictEqual((yield* provider.requests).map(({ prompt }) => prompt).toSorted(), [
          "a",
          "bad",
          "bad",
          "c"
        ])
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))
})
