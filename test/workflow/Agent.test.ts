import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Run } from "open-agent-workflows"
import { agent, AgentResult, log, OwfTest, phase, RunStore, Scripted, Workflow } from "open-agent-workflows"

/** Runs a one-off workflow on a scripted provider and gives how it ended, its calls and the requests made. */
const observe = <A, E>(
  script: Scripted.Script,
  body: Effect.Effect<A, E, Run>,
  options: Scripted.Options & Omit<OwfTest.Options, "provider"> = {}
) =>
  Effect.gen(function*() {
    const provider = Scripted.make(script, options)
    return yield* Effect.gen(function*() {
      const workflow = Workflow.make({ name: "test" }, () => body)
      const result = yield* Workflow.start(workflow, {})
      const store = yield* RunStore.RunStore
      const calls = yield* store.calls(result.runId)
      const attempts = yield* Effect.forEach(calls, (call) => store.attempts(call.id))
      return { ...result, calls, attempts, requests: yield* provider.requests }
    }).pipe(Effect.provide(OwfTest.layer({ ...options, provider })))
  })

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })

describe("agent", () => {
  it.effect("gives the text of an answer and records the call", () =>
    Effect.gen(function*() {
      const { calls, exit, requests } = yield* observe(
        Scripted.answer("hello", { usage: { inputTokens: 3, outputTokens: 2 }, cost: 0.01 }),
        agent("Say hello", { label: "greeting", phase: "greet", system: "be kind", temperature: 0.5 })
      )
      assert.isTrue(exit._tag === "Success")
      if (exit._tag === "Failure") return
      assert.deepInclude(exit.value, {
        ok: true,
        status: "done",
        text: "hello",
        value: "hello",
        label: "greeting",
        phase: "greet",
        cacheStatus: "miss",
        estimatedCostUsd: 0.01,
        validationStatus: "not_checked"
      })
      assert.deepInclude(exit.value.usage, { inputTokens: 3, outputTokens: 2 })
      assert.strictEqual(requests.length, 1)
      assert.deepInclude(requests[0], { prompt: "Say hello", system: "be kind", temperature: 0.5, attempt: 1 })
      assert.strictEqual(calls.length, 1)
      assert.deepInclude(calls[0], {
        status: "done",
        label: "greeting",
        phase: "greet",
        outputText: "hello",
        inputTokens: 3,
        estimatedCostUsd: 0.01
      })
    }))

  it.effect("gives the typed value of an answer that fits its schema", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* observe(
        Scripted.answer("Sure!\n```json\n{\"label\":\"bug\",\"why\":\"it crashes\"}\n```"),
        Effect.map(agent("Label it", { schema: Label }), (done) => done.value)
      )
      assert.deepStrictEqual(exit._tag === "Success" && exit.value, { label: "bug", why: "it crashes" })
      assert.strictEqual(requests[0]?.schema?.["type"], "object")
    }))

  it.effect("keeps an answer whose schema can only be read, and gives it again without asking", () =>
    Effect.gen(function*() {
      const Length = Schema.transformOrFail(Schema.Struct({ word: Schema.String }), Schema.Number, {
        decode: ({ word }) => ParseResult.succeed(word.length),
        encode: (length, _, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, length, "there is no way back"))
      })
      const provider = Scripted.make(Scripted.answer("Here you are: {\"word\":\"four\"}"))
      const ask = Workflow.make({ name: "test" }, () => Effect.map(agent("A word", { schema: Length }), (_) => _.value))
      yield* Effect.gen(function*() {
        const { outputJson, runId } = yield* Workflow.start(ask, {})
        assert.strictEqual(outputJson, "4")
        const store = yield* RunStore.RunStore
        assert.deepInclude((yield* store.calls(runId))[0], { status: "done", outputJson: "{\"word\":\"four\"}" })
        assert.strictEqual((yield* Workflow.resume(ask, yield* store.run(runId))).outputJson, "4")
        assert.strictEqual((yield* Workflow.start(ask, {})).outputJson, "4")
        assert.lengthOf(yield* provider.requests, 1)
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("validates against a whole JSON Schema, not a part of it", () =>
    Effect.gen(function*() {
      const schema = {
        type: "object",
        properties: { n: { type: "integer", minimum: 1 }, kind: { const: "x" } },
        required: ["n", "kind"],
        additionalProperties: false
      }
      const { attempts, calls, exit, requests } = yield* observe(
        Scripted.sequence([
          Scripted.answer("{\"n\":0,\"kind\":\"x\"}"),
          Scripted.answer("{\"n\":1,\"kind\":\"x\",\"more\":true}"),
          Scripted.answer("{\"n\":1,\"kind\":\"x\"}")
        ]),
        agent("Count", { schema })
      )
      assert.strictEqual(requests.length, 3)
      assert.include(requests[1]?.correction?.problem ?? "", "$.n")
      assert.strictEqual(requests[1]?.correction?.answer, "{\"n\":0,\"kind\":\"x\"}")
      assert.include(requests[2]?.correction?.problem ?? "", "more")
      assert.isTrue(exit._tag === "Success" && exit.value.ok && exit.value.validationAttempts === 3)
      assert.strictEqual(calls[0]?.attempts, 3)
      assert.deepStrictEqual(attempts[0]?.map(({ status }) => status), ["failed", "failed", "done"])
      // the answers that were not accepted were paid for: they are kept
      assert.strictEqual(attempts[0]?.[0]?.raw, "{\"n\":0,\"kind\":\"x\"}")
    }))

  it.effect("fails with SchemaFailed when the answers never fit, and keeps what was said", () =>
    Effect.gen(function*() {
      const { calls, exit, requests } = yield* observe(
        Scripted.answer("no idea", { usage: { outputTokens: 2 } }),
        AgentResult.settle(agent("Label it", { schema: Label, label: "x" }))
      )
      assert.strictEqual(requests.length, 3)
      assert.isTrue(exit._tag === "Success")
      if (exit._tag === "Failure" || exit.value.ok) return
      assert.deepInclude(exit.value, {
        ok: false,
        status: "schema_failed",
        text: "no idea",
        validationStatus: "invalid"
      })
      assert.strictEqual(exit.value.usage.outputTokens, 6)
      assert.isAbove(exit.value.validationErrors.length, 0)
      assert.strictEqual(calls[0]?.status, "schema_failed")
    }))

  it.effect("sends a request again when its failure may pass, no sooner than the provider wishes", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(observe(
        Scripted.sequence([
          Scripted.fail("Overloaded"),
          Scripted.fail("RateLimited", { retryAfter: "20 seconds" }),
          Scripted.answer("at last")
        ]),
        Effect.map(agent("Try"), ({ text }) => text)
      ))
      yield* OwfTest.adjust("1 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* OwfTest.adjust("19 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* OwfTest.adjust("2 seconds")
      const { attempts, exit } = yield* Fiber.join(fiber)
      assert.strictEqual(exit._tag === "Success" && exit.value, "at last")
      assert.deepStrictEqual(attempts[0]?.map(({ errorKind }) => errorKind), ["Overloaded", "RateLimited", null])
    }))

  it.effect("does not send a request again when waiting would outlast the deadline", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* observe(
        Scripted.fail("RateLimited", { retryAfter: "1 hour" }),
        agent("Try", { timeout: "30 seconds" })
      )
      assert.strictEqual(requests.length, 1)
      const error = yield* Effect.flip(exit)
      assert.deepInclude(error, { _tag: "ProviderFailed", reason: "RateLimited", attempts: 1 })
    }))

  it.effect("does not send a request again for a reason that will not pass", () =>
    Effect.gen(function*() {
      const { calls, exit, requests } = yield* observe(
        Scripted.fail("Authentication", { raw: "{\"error\":\"no key\"}" }),
        AgentResult.settle(agent("Try"))
      )
      assert.strictEqual(requests.length, 1)
      assert.deepInclude(exit._tag === "Success" ? exit.value : {}, {
        ok: false,
        status: "provider_failed",
        text: "{\"error\":\"no key\"}"
      })
      assert.deepInclude(calls[0], { status: "provider_failed", errorKind: "Authentication" })
    }))

  it.effect("fails with CallTimeout at the deadline of the whole call", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(
        observe(Scripted.never, agent("Wait", { timeout: "6 seconds" }))
      )
      yield* OwfTest.adjust("5 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* OwfTest.adjust("1 seconds")
      const { attempts, calls, exit } = yield* Fiber.join(fiber)
      assert.deepInclude(yield* Effect.flip(exit), { _tag: "CallTimeout", timeoutMs: 6000 })
      assert.strictEqual(calls[0]?.status, "timeout")
      assert.strictEqual(attempts[0]?.[0]?.status, "lost")
    }))

  it.effect("records an interrupted call as cancelled and the run as interrupted", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.never)
      yield* Effect.gen(function*() {
        const workflow = Workflow.make({ name: "test" }, () => agent("Wait"))
        const fiber = yield* Effect.fork(workflow())
        yield* OwfTest.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
        const store = yield* RunStore.RunStore
        const recorded = yield* store.run("latest")
        assert.deepInclude(recorded, { status: "interrupted", errorKind: "Interrupted" })
        const [call] = yield* store.calls(recorded.id)
        assert.deepInclude(call, { status: "cancelled", errorKind: "Interrupted" })
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  const wrong: ReadonlyArray<readonly [string, object, string]> = [
    ["an unknown isolation", { isolation: "work-tree" }, "isolation"],
    ["an unknown cache policy", { cachePolicy: "never" }, "cachePolicy"],
    ["an unknown provider", { provider: "nobody" }, "provider"],
    ["a negative timeout", { timeout: -1 }, "timeout"],
    ["an option that does not exist", { timout: "6 seconds" }, "timout"],
    ["a schema that is none", { schema: { type: "sandwich" } }, "schema"]
  ]
  for (const [name, options, option] of wrong) {
    it.effect(`refuses ${name} before anything is sent, and records the refusal`, () =>
      Effect.gen(function*() {
        const { calls, exit, requests } = yield* observe(Scripted.answer("x"), agent("Try", options))
        assert.deepInclude(yield* Effect.flip(exit), { _tag: "InvalidCall", option })
        assert.strictEqual(requests.length, 0)
        assert.deepInclude(calls[0], { status: "failed", errorKind: "InvalidCall" })
      }))
  }

  it.effect("never runs an isolated call without a worktree", () =>
    Effect.gen(function*() {
      const { calls, exit, requests } = yield* observe(Scripted.answer("x"), agent("Try", { isolation: "worktree" }))
      assert.deepInclude(yield* Effect.flip(exit), { _tag: "WorktreeFailed" })
      assert.strictEqual(requests.length, 0)
      assert.strictEqual(calls[0]?.status, "worktree_failed")
    }))

  it.effect("makes three requests for three equal prompts", () =>
    Effect.gen(function*() {
      const { calls, exit } = yield* observe(
        Scripted.sequence([Scripted.answer("a"), Scripted.answer("b"), Scripted.answer("c")]),
        Effect.forEach([1, 2, 3], () => Effect.map(agent("Same"), ({ text }) => text))
      )
      assert.deepStrictEqual(exit._tag === "Success" && exit.value, ["a", "b", "c"])
      assert.deepStrictEqual(calls.map(({ ordinal }) => ordinal), [0, 1, 2])
    }))

  it.effect("records phases and notes of any data", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("x"))
      yield* Effect.gen(function*() {
        const workflow = Workflow.make({ name: "test", phases: ["one"] }, function*() {
          yield* phase("one")
          yield* log("odd data", { at: new Date(0), big: 1n, nan: NaN, map: new Map([[1, 2]]) })
          return (yield* agent("Ask")).phase
        })
        assert.strictEqual(yield* workflow(), "one")
        const store = yield* RunStore.RunStore
        const events = yield* store.events((yield* store.run("latest")).id)
        assert.deepStrictEqual(
          events.map(({ message, type }) => [type, message]).slice(0, 3),
          [["run_started", "test"], ["phase", "one"], ["log", "odd data"]]
        )
        assert.include(events[2]?.dataJson ?? "", "1970-01-01")
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.effect("has an error for every failed status that names the label and says what to do", () =>
    Effect.gen(function*() {
      const { exit } = yield* observe(Scripted.fail("Refused", { detail: "no" }), agent("Try", { label: "the one" }))
      assert.deepInclude(yield* Effect.flip(exit), { _tag: "ProviderFailed", reason: "Refused" })
    }))
})
