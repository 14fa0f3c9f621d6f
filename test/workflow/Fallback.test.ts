import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fs from "node:fs"
import {
  agent,
  AgentResult,
  OwfTest,
  parallel,
  pipeline,
  Recovery,
  RunStore,
  Scripted,
  withFallback,
  Workflow,
  workflow
} from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows"
import type { RunId } from "open-agent-workflows/domain/Ids"
import { directoryWith } from "../lib/node.ts"

const callsOf = (id: RunId) => Effect.flatMap(RunStore.RunStore, (store) => store.calls(id))
const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

const empty = Scripted.fail("EmptyAnswer", { detail: "nothing was said", usage: { inputTokens: 7 }, cost: 0.5 })

const summary = withFallback(agent("Summarise.", { label: "summary" }), { text: "n/a" })

const flow = Workflow.make(
  { name: "flow" },
  () => Effect.map(summary, (result) => result.status === "degraded" ? result.value.text : result.value)
)

describe("a declared value", () => {
  it.effect("stands in for a call that failed for good, with its reason and cost, and degrades the run", () => {
    const provider = Scripted.make(empty)
    return Effect.gen(function*() {
      const result = yield* Workflow.start(flow, {})
      assert.deepInclude(result, { status: "degraded", outputJson: "\"n/a\"" })
      assert.isTrue(Exit.isSuccess(result.exit))
      const [call] = yield* callsOf(result.runId)
      assert.deepInclude(call, {
        status: "degraded",
        outputJson: "{\"text\":\"n/a\"}",
        errorKind: "EmptyAnswer",
        inputTokens: 7,
        estimatedCostUsd: 0.5
      })
      assert.include(call?.error ?? "", "nothing was said")
      const store = yield* RunStore.RunStore
      const events = yield* store.events(result.runId, { type: "call_degraded" })
      assert.deepStrictEqual(events.map(({ callId }) => callId), [call?.id ?? null])
      assert.include(events[0]?.message ?? "", "nothing was said")
      assert.deepInclude(yield* latest, { status: "degraded", budgetSpentTokens: 7, budgetSpentCostUsd: 0.5 })
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.live("is among the files of its call, beside the error", () => {
    const home = directoryWith({})
    const started = Effect.flatMap(
      Workflow.start(flow, {}),
      ({ directory, runId }) => Effect.map(callsOf(runId), ([call]) => `${directory}/calls/${call?.id}`)
    )
    // the files are written by the time the engine is released
    return Effect.map(Effect.provide(started, OwfTest.layer({ provider: Scripted.make(empty), home })), (directory) => {
      assert.deepStrictEqual(JSON.parse(Fs.readFileSync(`${directory}/output.json`, "utf8")), { text: "n/a" })
      assert.include(Fs.readFileSync(`${directory}/error.txt`, "utf8"), "nothing was said")
    })
  })

  it.effect("is not taken where there is an answer", () => {
    const provider = Scripted.make(Scripted.answer("a summary"))
    return Effect.gen(function*() {
      assert.deepInclude(yield* Workflow.start(flow, {}), { status: "done", outputJson: "\"a summary\"" })
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("does not stand in for what a person has to put right, unless the program says so", () => {
    const provider = Scripted.make(Scripted.fail("Authentication"))
    const insisting = Workflow.make(
      { name: "insisting" },
      () => Effect.map(withFallback(agent("x"), null, { when: () => true }), ({ status }) => status)
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(flow, {})).status, "failed")
      assert.deepInclude(yield* Workflow.start(insisting, {}), { status: "degraded", outputJson: "\"degraded\"" })
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("stands in for what the program chooses, and for nothing else", () => {
    const provider = Scripted.make(empty)
    const when = (error: AgentError.AgentError) => error._tag === "SchemaFailed"
    const choosy = Workflow.make({ name: "choosy" }, () => withFallback(agent("x"), null, { when }))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(choosy, {})
      assert.strictEqual(result.status, "failed")
      assert.deepInclude((yield* callsOf(result.runId))[0], { status: "provider_failed" })
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("is refused in a strict run, which fails and can be resumed", () => {
    let broken = true
    const provider = Scripted.make(() => broken ? empty : Scripted.answer("a summary"))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(flow, {}, { strict: true })
      assert.strictEqual(result.status, "failed")
      assert.deepInclude((yield* callsOf(result.runId))[0], { status: "provider_failed", outputJson: null })
      broken = false
      assert.strictEqual((yield* Workflow.resume(flow, yield* latest, { strict: true })).status, "done")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("never gets into the cache", () => {
    let broken = true
    const provider = Scripted.make(() => broken ? empty : Scripted.answer("a summary"), {
      capabilities: { readsFiles: false }
    })
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(flow, {})).status, "degraded")
      broken = false
      const second = yield* Workflow.start(flow, {})
      assert.deepInclude(second, { status: "done", outputJson: "\"a summary\"" })
      assert.strictEqual((yield* callsOf(second.runId))[0]?.cacheStatus, "miss")
      const third = yield* Workflow.start(flow, {})
      assert.strictEqual((yield* callsOf(third.runId))[0]?.cacheStatus, "hit")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("degrades the runs above a child as well", () => {
    const provider = Scripted.make(empty)
    const parent = Workflow.make({ name: "parent" }, () => workflow(flow))
    return Effect.gen(function*() {
      const result = yield* Workflow.start(parent, {})
      assert.strictEqual(result.status, "degraded")
      const store = yield* RunStore.RunStore
      assert.deepStrictEqual((yield* store.children(result.runId)).map(({ status }) => status), ["degraded"])
      const strict = yield* Workflow.start(parent, {}, { strict: true })
      assert.strictEqual(strict.status, "failed")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("is written as near to JSON as it comes, and given as it is", () => {
    const provider = Scripted.make(empty)
    const value = { map: new Map([["a", 1]]), big: 1n, none: undefined }
    const odd = Workflow.make(
      { name: "odd" },
      () => Effect.map(withFallback(agent("x"), value), (result) => result.value === value)
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* Workflow.start(odd, {})).outputJson, "true")
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })
})

describe("a resumed run", () => {
  const stopping = Workflow.make({ name: "stopping" }, function*() {
    const first = yield* summary
    const last = yield* agent(`After ${first.status}`)
    return [first.status, last.text]
  })
  /** What is asked of the provider after the run was interrupted behind its first call. */
  const askedAgain = (again: typeof stopping) => {
    const provider = Scripted.make((request) =>
      request.prompt === "Summarise." ? empty : request.attempt === 1 ? Scripted.never : Scripted.answer("end")
    )
    return Effect.gen(function*() {
      yield* Effect.timeoutOption(Workflow.start(stopping, {}), "200 millis")
      const before = (yield* provider.requests).length
      const result = yield* Workflow.resume(again, yield* latest)
      return { result, prompts: (yield* provider.requests).slice(before).map(({ prompt }) => prompt) }
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  }

  it.live("asks nobody again for a call a value stood in for, and is degraded all the same", () =>
    Effect.gen(function*() {
      const { prompts, result } = yield* askedAgain(stopping)
      assert.deepStrictEqual(prompts, ["After degraded"])
      assert.deepInclude(result, { status: "degraded", outputJson: "[\"degraded\",\"end\"]" })
    }))

  it.live("asks again where the program declares no value any more", () =>
    Effect.gen(function*() {
      const edited = Workflow.make({ name: "stopping" }, function*() {
        const first = yield* AgentResult.settle(agent("Summarise."))
        return [first.status, first.ok ? first.value : ""]
      })
      const { prompts, result } = yield* askedAgain(edited as unknown as typeof stopping)
      assert.deepStrictEqual(prompts, ["Summarise."])
      assert.deepInclude(result, { status: "done", outputJson: "[\"provider_failed\",\"\"]" })
    }))
})

describe("a degraded result", () => {
  it.effect("is no failure for a fan-out, and no answer either", () => {
    const provider = Scripted.make((request) => request.prompt === "good" ? Scripted.answer("yes") : empty)
    const fan = Workflow.make({ name: "fan" }, function*() {
      const prompts = ["bad", "good", "worse"]
      const results = yield* parallel(prompts.map((prompt) => withFallback(agent(prompt), "none")), { failFast: true })
      const lines = yield* pipeline(
        prompts,
        (prompt) => withFallback(agent(`${prompt}`), "none"),
        (result) => Effect.succeed(AgentResult.isDegraded(result) ? "seen" : "answered")
      )
      return [results.map(({ ok, status, value }) => [ok, status, value]), lines]
    })
    return Effect.gen(function*() {
      const { outputJson } = yield* Workflow.start(fan, {})
      assert.deepStrictEqual(JSON.parse(outputJson ?? ""), [
        [[false, "degraded", "none"], [true, "done", "yes"], [false, "degraded", "none"]],
        ["seen", "answered", "seen"]
      ])
    }).pipe(Effect.provide(OwfTest.layer({ provider })))
  })

  it.effect("comes after every rung of the ladder it ends", () => {
    const provider = Scripted.make(empty)
    const ladder = Recovery.reframe({ times: 2, pause: 1 }).pipe(Recovery.orElse(Recovery.fallback("n/a")))
    const laddered = Workflow.make(
      { name: "laddered" },
      () => Effect.map(agent("Summarise.", { recover: ladder }), AgentResult.valueOrDegraded)
    )
    return Effect.gen(function*() {
      const result = yield* Workflow.start(laddered, {})
      assert.deepInclude(result, { status: "degraded", outputJson: "\"n/a\"" })
      assert.strictEqual((yield* provider.requests).length, 3)
      assert.deepInclude((yield* callsOf(result.runId))[0], { attempts: 3, inputTokens: 21, estimatedCostUsd: 1.5 })
    }).pipe(Effect.provide(OwfTest.layer({ provider })), Effect.withClock(Clock.make()))
  })
})
