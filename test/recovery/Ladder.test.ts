import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { agent, OwfTest, parallel, Recovery, RunStore, Scripted, Workflow } from "open-agent-workflows"
import type { Provider } from "open-agent-workflows"
import type { RunId } from "open-agent-workflows/domain/Ids"
import { directoryInMemory } from "../lib/node.ts"
import * as virtualClock from "../lib/virtualClock.ts"

const begin = Date.parse("2026-11-20T22:08:12Z")
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const callsOf = (id: RunId) => Effect.flatMap(RunStore.RunStore, (store) => store.calls(id))
const eventsOf = (id: RunId, type: string) => Effect.flatMap(RunStore.RunStore, (store) => store.events(id, { type }))
const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

const one = (recover: Recovery.Recovery | undefined, options: { readonly timeout?: "10 minutes" } = {}) =>
  Workflow.make(
    { name: "one" },
    () => Effect.map(agent("The whole task.", { recover, timeout: "10 minutes", ...options }), ({ text }) => text)
  )

/** A test under a clock on which weeks pass in a moment. */
const inWeeks = <E>(
  title: string,
  body: (time: ReturnType<typeof virtualClock.make>) => Effect.Effect<void, E>
): void =>
  it.live(title, () => {
    const time = virtualClock.make(begin)
    return virtualClock.under(body(time), time.clock)
  }, 60_000)

/** A provider that remembers. */
const sessions = { capabilities: { sessions: true } }

const promptsOf = (requests: ReadonlyArray<Provider.Request>) => requests.map(({ prompt }) => prompt)

describe("a call with a recovery policy", () => {
  inWeeks("goes through a week of rate limits in ticks of a minute at most, and says that it waits", (time) => {
    const until = begin + 7 * day
    const provider = Scripted.make(() =>
      Effect.map(
        Clock.currentTimeMillis,
        (now) => now < until ? Scripted.fail("RateLimited") : Scripted.answer("done", { usage: { inputTokens: 5 } })
      )
    )
    const patient = Recovery.retry({ times: 1_000, cap: "2 hours", maxWait: "8 days" })
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(patient), {})
      assert.deepInclude(result, { status: "done", outputJson: "\"done\"" })
      const now = yield* Clock.currentTimeMillis
      assert.isTrue(now >= until && now < until + 3 * hour)
      assert.isAtMost(time.longestSleep(), 10 * minute)
      const requests = yield* provider.requests
      assert.isTrue(requests.length > 80 && requests.length < 200, `${requests.length} requests`)
      const ticks = (yield* eventsOf(result.runId, "waiting")).filter(({ message }) => message.includes("still waits"))
      assert.isTrue(ticks.length > 600 && ticks.length <= 1_008, `${ticks.length} ticks`)
      const [call] = yield* callsOf(result.runId)
      assert.deepInclude(call, { status: "done", attempts: requests.length, inputTokens: 5 })
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("waits for two caps whose resets are hours away, at the named moments and with few requests", () => {
    const asked: Array<number> = []
    const provider = Scripted.make((request) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        asked.push(now - begin)
        return request.attempt === 1
          ? Scripted.fail("UsageLimit", { retryAfter: "5 hours" })
          : request.attempt === 2
          ? Scripted.fail("UsageLimit", { detail: "You've hit your limit, resets 11:08pm (America/New_York)" })
          : Scripted.answer("after both")
      })
    )
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(Recovery.standard), {})
      assert.deepInclude(result, { status: "done", outputJson: "\"after both\"" })
      // 5 hours, then 23:08 in New York, which is 4:08 in UTC; two minutes on top of each
      const named = Date.parse("2026-11-21T04:08:00Z") + 2 * minute - begin
      assert.deepStrictEqual(asked, [0, 5 * hour + 2 * minute, named])
      const [call] = yield* callsOf(result.runId)
      const recovery = call?.recoveryJson ?? ""
      assert.include(recovery, "\"retry\":{\"times\":0,\"waitedMs\":0}")
      assert.include(recovery, "\"reset\":{\"times\":2,")
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("has a session shortened, goes on in it, puts the whole task to a fresh one, and gives up", () => {
    const provider = Scripted.make(
      (request) =>
        request.compact === true
          ? request.attempt < 4
            ? Scripted.answer("", { session: "s1", usage: { inputTokens: 100 } })
            : Scripted.fail("Unknown", { session: "s1" })
          : Scripted.fail("ContextOverflow", {
            session: request.session === undefined ? `s${request.attempt}` : request.session.id,
            usage: { inputTokens: 10 }
          }),
      { capabilities: { compacts: true, sessions: true } }
    )
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(Recovery.all(Recovery.compact(), Recovery.reframe({ times: 1 }))), {})
      const requests = yield* provider.requests
      assert.deepStrictEqual(
        requests.map(({ compact, prompt, session }) => [
          compact === true ? "compact" : prompt === "The whole task." ? "task" : "reframed",
          session?.id
        ]),
        [
          ["task", undefined],
          ["compact", "s1"],
          ["task", "s1"],
          ["compact", "s1"],
          // the session could not be shortened again
          ["reframed", undefined]
        ]
      )
      assert.isTrue(requests[4]?.prompt.includes("The whole task."))
      assert.strictEqual(result.status, "failed")
      const [call] = yield* callsOf(result.runId)
      // every request counts, also those that only shortened the session
      assert.deepInclude(call, {
        status: "provider_failed",
        errorKind: "ContextOverflow",
        inputTokens: 130,
        attempts: 5
      })
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("has an unfit answer corrected in its session and then put anew", () => {
    const Label = Schema.Struct({ label: Schema.String })
    const provider = Scripted.make((request) =>
      request.prompt === "Label it."
        ? Scripted.value({ lable: 1 }, { session: "s1", usage: { outputTokens: 3 } })
        : Scripted.value({ label: "bug" }, { usage: { outputTokens: 4 } }), sessions)
    const flow = Workflow.make(
      { name: "label" },
      () => Effect.map(agent("Label it.", { schema: Label, recover: Recovery.standard }), ({ value }) => value.label)
    )
    return Effect.gen(function*() {
      const result = yield* Workflow.start(flow, {})
      assert.deepInclude(result, { status: "done", outputJson: "\"bug\"" })
      const requests = yield* provider.requests
      assert.deepStrictEqual(
        requests.map(({ correction, session }) => [correction !== undefined, session?.id]),
        [[false, undefined], [true, "s1"], [true, "s1"], [false, undefined]]
      )
      assert.isTrue(requests[3]?.prompt.includes("Label it."))
      const [call] = yield* callsOf(result.runId)
      assert.deepInclude(call, { outputTokens: 13, attempts: 4, status: "done" })
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("PC-18: stops at once at what a person has to put right", () => {
    const provider = Scripted.make(Scripted.fail("Authentication", { detail: "429 usage limit, resets in 3 hours" }))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(Recovery.standard), {})
      assert.strictEqual(result.status, "failed")
      assert.strictEqual((yield* provider.requests).length, 1)
      assert.strictEqual(yield* Clock.currentTimeMillis, begin)
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("never waits beyond the bound, and says until when it was asked to", () => {
    const provider = Scripted.make(Scripted.fail("UsageLimit", { retryAfter: "3 days" }))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(Recovery.standard), {})
      assert.strictEqual(result.status, "failed")
      // two waits of three days and two minutes; a third would be more than eight days
      assert.strictEqual((yield* provider.requests).length, 3)
      assert.strictEqual(yield* Clock.currentTimeMillis, begin + 2 * (3 * day + 2 * minute))
      const [call] = yield* callsOf(result.runId)
      assert.include(call?.error ?? "", "over the bound of 8d for limits")
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("counts what requests take against its deadline, and not what it waits", () => {
    const provider = Scripted.make((request) =>
      request.attempt < 3 ? Scripted.fail("UsageLimit", { retryAfter: "5 hours", delay: "4 minutes" }) : Scripted.never
    )
    return Effect.gen(function*() {
      const result = yield* Workflow.start(one(Recovery.standard), {})
      assert.strictEqual(result.status, "failed")
      const [call] = yield* callsOf(result.runId)
      assert.deepInclude(call, { status: "timeout", attempts: 3 })
      assert.strictEqual(yield* Clock.currentTimeMillis, begin + 10 * minute + 2 * (5 * hour + 2 * minute))
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("takes no room at the provider while it waits", () => {
    const provider = Scripted.make(
      (request) =>
        request.prompt === "capped" && request.attempt === 1
          ? Scripted.fail("UsageLimit", { retryAfter: "5 hours" })
          : Effect.map(Clock.currentTimeMillis, (now) => Scripted.answer(String(now - begin))),
      { capabilities: { concurrency: 1 } }
    )
    const two = Workflow.make({ name: "two" }, () =>
      Effect.map(
        parallel(["capped", "free"].map((prompt) => agent(prompt, { recover: Recovery.standard }))),
        (results) => results.map(({ text }) => Number(text))
      ))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(two, {})
      assert.deepStrictEqual(result.outputJson, JSON.stringify([5 * hour + 2 * minute, 0]))
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("of the run is that of its calls and of its children, unless they say otherwise", () => {
    const provider = Scripted.make((request) =>
      request.attempt === 1 ? Scripted.fail("UsageLimit", { retryAfter: "1 hours" }) : Scripted.answer("late")
    )
    const child = Workflow.make({ name: "child" }, () => Effect.map(agent("in the child"), ({ text }) => text))
    const parent = Workflow.make({ name: "parent" }, function*() {
      const own = yield* agent("its own", { recover: Recovery.none }).pipe(Effect.either)
      return [own._tag, (yield* agent("the run's")).text, yield* child()]
    })
    return Effect.gen(function*() {
      const result = yield* Workflow.start(parent, {}, { recover: Recovery.standard })
      assert.strictEqual(result.outputJson, "[\"Left\",\"late\",\"late\"]")
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })
})

describe("YG-10: a wait", () => {
  it.effect("can be interrupted at once, shows until when it was to last, and is gone on with for what is left", () => {
    const provider = Scripted.make((request) =>
      request.attempt === 1
        ? Scripted.fail("UsageLimit", { retryAfter: "5 hours", session: "s1", usage: { inputTokens: 9 } })
        : Scripted.answer("done"), sessions)
    const flow = one(Recovery.standard)
    return Effect.gen(function*() {
      const store = yield* RunStore.RunStore
      const fiber = yield* Effect.fork(Workflow.start(flow, {}))
      yield* OwfTest.adjust("1 minutes")
      const waiting = yield* latest
      assert.strictEqual(waiting.status, "waiting")
      const until = new Date(5 * hour + 2 * minute).toISOString()
      assert.deepInclude((yield* callsOf(waiting.id))[0], { status: "waiting", waitingUntil: until })
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isSuccess(exit) || Cause.isInterrupted(exit.cause))
      const stopped = yield* latest
      assert.strictEqual(stopped.status, "interrupted")
      assert.deepInclude((yield* callsOf(stopped.id))[0], { status: "cancelled", waitingUntil: until })

      // most of the wait is still to come
      const resumed = yield* Effect.fork(Workflow.resume(flow, stopped))
      yield* OwfTest.adjust("1 minutes")
      assert.strictEqual((yield* store.run(stopped.id)).status, "waiting")
      assert.strictEqual((yield* provider.requests).length, 1)
      for (let passed = 2; passed < 5 * 60 + 2; passed += 30) yield* OwfTest.adjust("30 minutes")
      const result = yield* Fiber.join(resumed)
      assert.strictEqual(result.status, "done")
      const requests = yield* provider.requests
      assert.deepStrictEqual(requests.map(({ session }) => session?.id), [undefined, "s1"])
      const [call] = yield* callsOf(stopped.id)
      assert.deepInclude(call, { status: "done", attempts: 2, waitingUntil: null, inputTokens: 9 })
      assert.include(call?.recoveryJson ?? "", "\"reset\":{\"times\":1,")
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })))
  }, 60_000)

  inWeeks("that ended while nobody was there is not begun again", () => {
    const provider = Scripted.make((request) =>
      request.attempt === 1 ? Scripted.fail("UsageLimit", { retryAfter: "5 hours" }) : Scripted.answer("done")
    )
    const flow = one(Recovery.standard)
    return Effect.gen(function*() {
      yield* Effect.timeoutOption(Workflow.start(flow, {}), "1 minutes")
      yield* Effect.sleep("9 hours")
      const from = yield* Clock.currentTimeMillis
      const result = yield* Workflow.resume(flow, yield* latest)
      assert.strictEqual(result.status, "done")
      assert.strictEqual(yield* Clock.currentTimeMillis, from)
      assert.strictEqual((yield* provider.requests).length, 2)
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("does not renew its bounds when the run is resumed", () => {
    const provider = Scripted.make(Scripted.fail("UsageLimit", { retryAfter: "30 hours" }))
    const flow = one(Recovery.standard)
    return Effect.gen(function*() {
      yield* Effect.timeoutOption(Workflow.start(flow, {}), "40 hours")
      let resumes = 0
      for (; (yield* latest).status === "interrupted"; resumes++) {
        yield* Effect.timeoutOption(Workflow.resume(flow, yield* latest), "40 hours")
      }
      assert.strictEqual((yield* latest).status, "failed")
      assert.isAtLeast(resumes, 3)
      // six waits of thirty hours are 7.5 days, a seventh would be too much
      assert.strictEqual((yield* provider.requests).length, 7)
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("of a call that was given up begins anew when a person resumes the run", () => {
    let broken = true
    const provider = Scripted.make(() => broken ? Scripted.fail("Authentication") : Scripted.answer("done"))
    const flow = one(Recovery.standard)
    return Effect.gen(function*() {
      yield* Workflow.start(flow, {})
      broken = false
      const result = yield* Workflow.resume(flow, yield* latest)
      assert.strictEqual(result.status, "done")
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })
})

describe("an interrupted call", () => {
  const flow = (recover: Recovery.Recovery) => one(recover)
  const interrupted = (recover: Recovery.Recovery, scope: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) =>
        request.attempt === 1
          ? Scripted.fail("Transport", { delay: "1 hours", session: "s1" })
          : Scripted.answer("done"), sessions)
      const program = scope.length === 0
        ? flow(recover)
        : Workflow.make(
          { name: "one" },
          () => Effect.map(agent("The whole task.", { recover, writeScope: scope }), ({ text }) => text)
        )
      return yield* Effect.gen(function*() {
        yield* Effect.timeoutOption(Workflow.start(program, {}), "1 minutes")
        const result = yield* Workflow.resume(program, yield* latest)
        assert.strictEqual(result.status, "done")
        return (yield* provider.requests)[1]?.session?.id
      }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
    })

  inWeeks(
    "goes on in its own session when its policy says so",
    () => Effect.map(interrupted(Recovery.standard, []), (session) => assert.strictEqual(session, "s1"))
  )

  inWeeks(
    "begins anew when its policy does not",
    () => Effect.map(interrupted(Recovery.retry(), []), (session) => assert.strictEqual(session, undefined))
  )

  inWeeks(
    "begins anew when it changes files, which may be gone",
    () => Effect.map(interrupted(Recovery.standard, ["src"]), (session) => assert.strictEqual(session, undefined))
  )
})

describe("a policy", () => {
  inWeeks("is no part of a call's key, and is named in its settings", () => {
    const provider = Scripted.make(Scripted.answer("same"))
    const keyed = Workflow.make({ name: "keyed" }, function*() {
      const options = { cachePolicy: "disabled" } as const
      yield* agent("same", options)
      yield* agent("same", { ...options, recover: Recovery.standard })
    })
    return Effect.gen(function*() {
      const { runId } = yield* Workflow.start(keyed, {})
      const [plain, recovering] = yield* callsOf(runId)
      assert.strictEqual(plain?.callKey, recovering?.callKey)
      assert.strictEqual(
        recovering?.settingsJson,
        "{\"recover\":[\"correct\",\"wait\",\"retry\",\"compact\",\"reframe\",\"continue\"]}"
      )
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })

  inWeeks("that is none is refused before anything is sent", () => {
    const provider = Scripted.make(Scripted.answer("same"))
    // what a script that is not type-checked may do
    const wrong = "standard" as unknown as Recovery.Recovery
    return Effect.gen(function*() {
      const { exit } = yield* Workflow.start(one(wrong), {})
      const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
      assert.deepInclude(error, { _tag: "InvalidCall", option: "recover" })
      assert.deepStrictEqual(promptsOf(yield* provider.requests), [])
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })), Effect.orDie)
  })
})
