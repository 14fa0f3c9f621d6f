import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { agent, AgentResult, OwfTest, RunStore, Scripted, Usage, Workflow } from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"
import * as Sessions from "../../src/workflow/Sessions.ts"

const used = (tokens: number) => ({ inputTokens: tokens, outputTokens: tokens })

const sessions = { capabilities: { sessions: true } }

const Label = Schema.Struct({ label: Schema.String })

/** Sessions of the requests a call made, in order. */
const sessionsOf = (script: Scripted.Script, options: Scripted.Options) =>
  Effect.gen(function*() {
    const provider = Scripted.make(script, options)
    const workflow = Workflow.make(
      { name: "test" },
      () => AgentResult.settle(agent("Label it", { schema: Label, timeout: "1 hour" }))
    )
    const fiber = yield* Effect.fork(Effect.provide(workflow(), OwfTest.layer({ provider })))
    for (let minute = 0; minute < 5; minute++) yield* OwfTest.adjust("1 minutes")
    yield* Fiber.join(fiber)
    return (yield* provider.requests).map(({ session }) => session)
  })

const good = Scripted.value({ label: "bug" }, { session: "s-1" })

describe("a further request of a call", () => {
  it.effect("that asks again for an answer that fits continues the session, with what it used", () =>
    Effect.gen(function*() {
      const bad = Scripted.answer("?", { session: "s-1", usage: used(10), cost: 0.5 })
      assert.deepStrictEqual(yield* sessionsOf(Scripted.sequence([bad, bad, good]), sessions), [
        undefined,
        { id: "s-1", used: Usage.make(used(10)), cost: Money.fromUsd(0.5) },
        { id: "s-1", used: Usage.make(used(20)), cost: Money.fromUsd(1) }
      ])
    }))

  it.effect("after a failure that may pass continues the session, and what the failure used in it counts", () =>
    Effect.gen(function*() {
      const script = Scripted.sequence([
        Scripted.fail("Overloaded", { session: "s-1", usage: used(3), cost: 0.25 }),
        Scripted.answer("?", { session: "s-1", usage: used(10), cost: null }),
        Scripted.fail("RateLimited", { usage: used(1) }),
        good
      ])
      assert.deepStrictEqual(yield* sessionsOf(script, sessions), [
        undefined,
        { id: "s-1", used: Usage.make(used(3)), cost: Money.fromUsd(0.25) },
        // once the cost of a request is not known, that of the session is not either
        { id: "s-1", used: Usage.make(used(13)), cost: undefined },
        // a failure that names no session may have used none
        { id: "s-1", used: Usage.make(used(13)), cost: undefined }
      ])
    }))

  it.effect("follows the provider into another session, which begins its own count", () =>
    Effect.gen(function*() {
      const script = Scripted.sequence([
        Scripted.answer("?", { session: "s-1", usage: used(10), cost: 1 }),
        Scripted.answer("?", { session: "s-2", usage: used(2), cost: 2 }),
        good
      ])
      assert.deepStrictEqual(
        (yield* sessionsOf(script, sessions))[2],
        { id: "s-2", used: Usage.make(used(2)), cost: Money.fromUsd(2) }
      )
    }))

  it.effect("is given no session by a provider that cannot continue one, whatever it names", () =>
    Effect.gen(function*() {
      const script = Scripted.sequence([
        Scripted.fail("Overloaded", { session: "s-1" }),
        Scripted.answer("?", { session: "s-1" }),
        good
      ])
      assert.deepStrictEqual(yield* sessionsOf(script, {}), [undefined, undefined, undefined])
    }))

  it.effect("has what its session sends again set aside for it", () =>
    Effect.gen(function*() {
      const reservedBy = (options: Scripted.Options) => {
        const bad = Scripted.answer("?", { session: "s-1", usage: { inputTokens: 40, outputTokens: 7 } })
        const provider: Scripted.Scripted = {
          ...Scripted.make(Scripted.sequence([bad, good]), options),
          estimate: ({ correction, session }) => ({
            inputTokens: 10 + (session?.used.inputTokens ?? 0),
            outputTokens: correction === undefined ? 5 : 6,
            cost: () => Money.zero
          })
        }
        const workflow = Workflow.make({ name: "test" }, () => agent("Label it", { schema: Label }))
        return Effect.gen(function*() {
          const { runId } = yield* Workflow.start(workflow, {})
          const store = yield* RunStore.RunStore
          const [call] = yield* store.calls(runId)
          const attempts = call === undefined ? [] : yield* store.attempts(call.id)
          return attempts.map(({ reservedTokens }) => reservedTokens)
        }).pipe(Effect.provide(OwfTest.layer({ provider, budget: { tokens: 1_000 } })))
      }
      assert.deepStrictEqual(yield* reservedBy(sessions), [15, 56])
      // what is not continued is not sent again
      assert.deepStrictEqual(yield* reservedBy({}), [15, 16])
    }))
})

describe("a call that an interrupted run left open", () => {
  /** Interrupts a call after two requests in a session, resumes it, and gives the session of the request after that. */
  const resumed = (options: Omit<OwfTest.Options, "provider">, call: object = {}, capabilities: object = {}) =>
    Effect.gen(function*() {
      const isHanging = yield* Ref.make(true)
      const provider = Scripted.make([
        Scripted.sequence([
          Scripted.fail("Overloaded", { session: "s-1", usage: used(3), cost: 0.25 }),
          Scripted.answer("?", { session: "s-1", usage: used(4), cost: 0.5 })
        ]),
        () =>
          Effect.map(Ref.get(isHanging), (isHanging) => isHanging ? Scripted.never : Scripted.value({ label: "bug" }))
      ], { capabilities: { ...sessions.capabilities, ...capabilities } })
      const workflow = Workflow.make({ name: "test" }, () => agent("Label it", { schema: Label, ...call }))
      return yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(workflow())
        yield* OwfTest.adjust("5 seconds")
        assert.lengthOf(yield* provider.requests, 3)
        yield* Fiber.interrupt(fiber)
        yield* Ref.set(isHanging, false)
        const run = yield* Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))
        assert.strictEqual((yield* Workflow.resume(workflow, run)).status, "done")
        return (yield* provider.requests)[3]?.session
      }).pipe(Effect.provide(OwfTest.layer({ ...options, provider })))
    })

  it.effect("begins anew when the run is resumed", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* resumed({}))
    }))

  it.effect("goes on in its session where that is asked for, with all that was used in it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* resumed({ sessions: "continue" }), {
        id: "s-1",
        used: Usage.make(used(7)),
        cost: Money.fromUsd(0.75)
      })
    }))

  it.effect("begins anew all the same when it may change files, or its provider cannot continue", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* resumed({ sessions: "continue" }, { writeScope: ["src"] }))
      assert.isUndefined(yield* resumed({ sessions: "continue" }, {}, { sessions: false }))
    }))
})

it("the session of no requests, or of requests without one, is none", () => {
  assert.isUndefined(Sessions.ofAttempts([]))
  assert.deepStrictEqual(
    Sessions.after({ id: "a", used: Usage.zero, cost: undefined }, undefined, {
      usage: Usage.make(used(1)),
      cost: null
    }),
    { id: "a", used: Usage.zero, cost: undefined }
  )
})
