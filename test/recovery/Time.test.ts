import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import type { Run } from "open-agent-workflows"
import { agent, Owf, OwfTest, Recovery, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { FailPoint } from "open-agent-workflows/store/FailPoint"
import * as Lab from "../graph/flowLab.ts"
import { directoryInMemory } from "../lib/node.ts"
import Database from "../lib/sqlite.ts"
import * as virtualClock from "../lib/virtualClock.ts"

const begin = Date.parse("2026-11-20T22:00:00Z")
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

/** A clock whose time of the day can be set, while what is slept goes on as before. */
const settable = () => {
  const time = virtualClock.make(begin)
  let offset = 0
  const clock: Clock.Clock = {
    ...time.clock,
    unsafeCurrentTimeMillis: () => time.clock.unsafeCurrentTimeMillis() + offset,
    currentTimeMillis: Effect.map(time.clock.currentTimeMillis, (now) => now + offset)
  }
  return {
    clock,
    longestSleep: time.longestSleep,
    set: (by: number) => Effect.sync(() => void (offset += by)),
    /** What has really passed. */
    passed: Effect.map(time.clock.currentTimeMillis, (now) => now - begin)
  }
}

const one = Workflow.make(
  { name: "one" },
  () => Effect.map(agent("task", { recover: Recovery.standard, timeout: "10 minutes" }), ({ text }) => text)
)

describe("TI-1: a wait in a graph", () => {
  const waits = (until: Parameters<typeof Lab.wait>[1], wallClockMs?: number) => {
    const time = settable()
    const limits = { transitions: undefined, wallClockMs, tokens: undefined, costUsd: undefined }
    const body = Effect.gen(function*() {
      const flow = Lab.flow([Lab.wait("w", until)], { limits })
      const { status } = yield* Workflow.start(Lab.workflow(flow), {})
      const { errorKind } = yield* latest
      return { status, errorKind, passed: yield* time.passed, longestSleep: time.longestSleep() }
    }).pipe(Effect.provide(OwfTest.layer({ home: directoryInMemory() })))
    return virtualClock.under(Effect.orDie(body), time.clock)
  }

  it.live("of thirty days ends after thirty days, in sleeps of a minute at most", () =>
    Effect.gen(function*() {
      const ended = yield* waits({ _tag: "Duration", millis: 30 * day })
      assert.deepInclude(ended, { status: "done", passed: 30 * day })
      assert.isAtMost(ended.longestSleep, minute)
    }))

  it.live("until a year far away is stopped by the time the run has, and can go on", () =>
    Effect.gen(function*() {
      const ended = yield* waits({ _tag: "Time", at: Lab.text("2099-01-01T00:00:00Z") }, 3 * day)
      assert.deepInclude(ended, { status: "interrupted", errorKind: "FlowStopped", passed: 3 * day })
    }))

  it.live("until a time that has passed does not wait, and what is no time is an error", () =>
    Effect.gen(function*() {
      const past = yield* waits({ _tag: "Time", at: Lab.text("2020-02-29T00:00:00Z") })
      assert.deepInclude(past, { status: "done", passed: 0 })
      for (const at of ["soon", "2026-13-45", "99999999999999999999"]) {
        assert.deepInclude(yield* waits({ _tag: "Time", at: Lab.text(at) }), { errorKind: "NodeFailed", passed: 0 })
      }
    }))

  it.live("for a person who never answers lasts eight days and then stops the run, which can go on", () =>
    Effect.gen(function*() {
      const ended = yield* waits({ _tag: "Approval", prompt: null })
      assert.deepInclude(ended, { status: "interrupted", errorKind: "WaitedTooLong", passed: 8 * day })
    }))
})

describe("TI-2: a clock that is set", () => {
  /** Starts the call, sets the clock after some time, and gives how it ended and what has really passed. */
  const run = (
    provider: Scripted.Scripted,
    after: Duration.DurationInput,
    by: number,
    call: Workflow.Workflow<Workflow.NoArguments, unknown, unknown, Run> = one
  ) => {
    const time = settable()
    const body = Effect.gen(function*() {
      const fiber = yield* Effect.fork(Workflow.start(call, {}))
      yield* Effect.sleep(after)
      yield* time.set(by)
      const { status } = yield* Fiber.join(fiber)
      return { status, passed: yield* time.passed, requests: (yield* provider.requests).length }
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })))
    return virtualClock.under(Effect.orDie(body), time.clock)
  }
  const capped = () =>
    Scripted.make(({ attempt }) =>
      attempt === 1 ? Scripted.fail("UsageLimit", { retryAfter: "5 hours" }) : Scripted.answer("done")
    )

  it.live("TI-4: ahead, or a machine that slept, ends a wait whose moment has come, within a minute", () =>
    Effect.gen(function*() {
      const { passed, ...ended } = yield* run(capped(), "1 hours", 8 * hour)
      assert.deepStrictEqual(ended, { status: "done", requests: 2 })
      assert.isTrue(passed >= hour && passed <= hour + minute, `${passed}`)
    }))

  it.live("back ends no wait before its moment", () =>
    Effect.gen(function*() {
      const { passed, ...ended } = yield* run(capped(), "1 hours", -hour)
      assert.deepStrictEqual(ended, { status: "done", requests: 2 })
      assert.strictEqual(passed, 6 * hour + 2 * minute)
    }))

  it.live.each([["a day ahead", day], ["a day back", -day]] as const)(
    "%s leaves a request the time it has, and no more",
    ([, by]) =>
      Effect.gen(function*() {
        const slow = yield* run(Scripted.make(Scripted.answer("done", { delay: "9 minutes" })), "1 minutes", by)
        assert.deepStrictEqual(slow, { status: "done", passed: 9 * minute, requests: 1 })
        const hung = yield* run(Scripted.make(Scripted.never), "1 minutes", by)
        assert.deepStrictEqual(hung, { status: "failed", passed: 10 * minute, requests: 1 })
      })
  )

  const patient = Recovery.retry({ base: "1 minutes", cap: "1 minutes" })
  it.live.each(
    [
      ["a day ahead", day, patient],
      ["a day back", -day, patient],
      ["a day ahead, without a ladder", day, undefined],
      ["a day back, without a ladder", -day, undefined]
    ] as const
  )(
    "%s leaves a call that is asked again the rest of its time, and no more",
    ([, by, recover]) =>
      Effect.gen(function*() {
        const call = Workflow.make({ name: "call" }, () => agent("task", { recover, timeout: "10 minutes" }))
        const failing = Scripted.fail("Overloaded", { delay: "4 minutes" })
        const late = Scripted.make(Scripted.sequence([failing, Scripted.answer("done", { delay: "3 minutes" })]))
        assert.deepInclude(yield* run(late, "1 minutes", by, call), { status: "done", requests: 2 })
        const hung = yield* run(Scripted.make(Scripted.sequence([failing, Scripted.never])), "1 minutes", by, call)
        assert.deepInclude(hung, { status: "failed", requests: 2 })
        // what a ladder waits is not part of the call's time
        assert.isAtLeast(hung.passed, 10 * minute)
        assert.isAtMost(hung.passed, 11 * minute)
      })
  )

  it.live("in a wait changes nothing of the time its call has", () =>
    Effect.gen(function*() {
      for (const by of [day, -day]) {
        const replies = [Scripted.fail("UsageLimit", { retryAfter: "2 days", delay: "4 minutes" }), Scripted.never]
        const hung = yield* run(Scripted.make(Scripted.sequence(replies)), "1 hours", by)
        assert.deepInclude(hung, { status: "failed", requests: 2 })
        const waited = 2 * day + 2 * minute - by
        assert.isAtMost(Math.abs(hung.passed - waited - 10 * minute), minute)
      }
    }))
})

describe("TI-8: a graph whose provider cannot be reached for nine hours", () => {
  it.live("sleeps through it, says so, and lets nothing stand in for an answer", () => {
    const time = virtualClock.make(begin)
    const provider = Scripted.make(() =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        now < begin + 9 * hour
          ? Scripted.fail("Transport", { detail: "connect ECONNREFUSED" })
          : Scripted.value({ a: "real" }))
    )
    const body = Effect.gen(function*() {
      const flow = Lab.flow([
        Lab.agent("a", "a", { outputs: [Lab.output("a", { default: "invented" })], onExhausted: "default" })
      ])
      const { outputJson, runId, status } = yield* Workflow.start(Lab.workflow(flow), {})
      assert.deepStrictEqual([status, outputJson], ["done", "{\"a\":\"real\"}"])
      const passed = (yield* Clock.currentTimeMillis) - begin
      assert.isTrue(passed >= 9 * hour && passed <= 10 * hour, `${passed}`)
      const store = yield* RunStore.RunStore
      const told = yield* store.events(runId, { type: "waiting" })
      assert.isAtLeast(told.filter(({ message }) => message.includes("still waits")).length, 30)
    }).pipe(Effect.provide(OwfTest.layer({ provider, home: directoryInMemory() })))
    return virtualClock.under(Effect.orDie(body), time.clock)
  })
})

/** Fails for every reason a rung answers to, once each, then answers. */
const everyRung = () => {
  const faults: ReadonlyArray<Scripted.Reply> = [
    Scripted.fail("RateLimited"),
    Scripted.fail("UsageLimit", { retryAfter: "20 minutes" }),
    Scripted.fail("EmptyAnswer"),
    Scripted.answer("no JSON", { session: "s" })
  ]
  let next = 0
  const scripted = Scripted.make(() => {
    // what is asked again because its outcome was lost meets the fault that comes next
    const fault = faults[next++]
    return fault ?? Scripted.value({ a: 1 })
  }, { capabilities: { sessions: true } })
  return { scripted, faults: faults.length }
}

const giveUpLeases = (home: string): void => {
  const database = new Database(Path.join(home, "workflow.sqlite"))
  database.prepare("DELETE FROM leases").run()
  database.close()
}

describe("YG-10: a process that dies at any step of the ladder", () => {
  const flow = Lab.flow([
    Lab.agent("a", "a", { outputs: [Lab.output("a")] })
  ])

  /** Works on the home until the n-th durable step of a call begins or ends, and then is gone. */
  const life = (home: string, provider: Scripted.Scripted, dieAt: number) => {
    let hits = 0
    let isDead = false
    const hit: FailPoint["Type"]["hit"] = (step) => {
      if (step.startsWith("call.") && ++hits === dieAt) isDead = true
      if (isDead) throw new Error("the process is gone")
    }
    const layer = Layer.provide(
      Owf.layer({ home, provider: provider.name, providers: [provider], environment: {} }),
      Layer.succeedContext(FailPoint.context({ hit }))
    )
    const work = Effect.gen(function*() {
      const runs = yield* Effect.flatMap(RunStore.RunStore, (store) => store.runs({ limit: 1 }))
      const [run] = runs
      return run === undefined
        ? yield* Workflow.start(Lab.workflow(flow), {})
        : yield* Workflow.resume(Lab.workflow(flow), run)
    })
    return Effect.map(Effect.exit(Effect.provide(work, layer)), (exit) => ({ exit, hits }))
  }

  it.live("goes on from there: no rung is climbed twice, no wait begun anew, no answer asked for again", () => {
    const play = (dieAt: number) => {
      const time = virtualClock.make(begin)
      const { faults, scripted } = everyRung()
      const home = directoryInMemory()
      const body = Effect.gen(function*() {
        const { hits } = yield* life(home, scripted, dieAt)
        const died = (yield* Clock.currentTimeMillis) - begin
        // the process that died is this one, which lives
        giveUpLeases(home)
        yield* life(home, scripted, Infinity)
        const run = yield* Effect.provide(latest, Owf.layerStore({ home, mode: "read" }))
        const calls = yield* Effect.flatMap(RunStore.RunStore, (store) => store.calls(run.id)).pipe(
          Effect.provide(Owf.layerStore({ home, mode: "read" }))
        )
        return {
          hits,
          died,
          status: run.status,
          output: run.outputJson,
          calls: calls.map(({ status }) => status),
          requests: (yield* scripted.requests).length,
          least: faults + 1,
          passed: (yield* Clock.currentTimeMillis) - begin
        }
      })
      return virtualClock.under(Effect.orDie(body), time.clock)
    }
    return Effect.gen(function*() {
      const whole = yield* play(Infinity)
      assert.deepInclude(whole, { status: "done", requests: whole.least, calls: ["done"] })
      assert.isAbove(whole.hits, 10)
      const steps = Array.from({ length: whole.hits }, (_, index) => index + 1)
      const all = yield* Effect.forEach(steps, play, { concurrency: 4 })
      for (const [index, ended] of all.entries()) {
        const dieAt = index + 1
        const what = `died at step ${dieAt}`
        assert.deepInclude(ended, { status: "done", output: "{\"a\":1}", calls: ["done"] }, what)
        // a request whose outcome was not stored is sent once more, and nothing else is
        assert.isTrue(ended.requests >= whole.least && ended.requests <= whole.least + 1, `${what}: ${ended.requests}`)
        // twenty minutes, two more, and a few pauses; nothing of that twice
        assert.isBelow(ended.passed, 24 * minute, what)
      }
    })
  }, 60_000)
})
