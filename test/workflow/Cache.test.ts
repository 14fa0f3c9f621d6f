import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { agent, AgentResult, OwfTest, parallel, Scripted, Workflow } from "open-agent-workflows"
import type { RunId } from "open-agent-workflows/domain/Ids"
import * as LoadReport from "open-agent-workflows/report/LoadReport"
import type { CallOptions } from "open-agent-workflows/workflow/Options"

const ask = (options: CallOptions) =>
  Workflow.make({
    name: "ask",
    args: Schema.Struct({ prompt: Schema.optionalWith(Schema.String, { default: () => "q" }) })
  }, function*({ prompt }) {
    const done = yield* agent(prompt, options)
    return { text: done.text, cache: done.cacheStatus, tokens: done.usage.outputTokens }
  })

/** Answers that can be told apart: the number of the request. */
const counting = () => {
  let asked = 0
  return Scripted.make(() => Scripted.answer(`answer ${++asked}`, { usage: { outputTokens: 5 } }))
}

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-cache-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

const why = (id: RunId) =>
  Effect.map(LoadReport.load(id, { owfVersion: "0" }), ({ calls }) => calls.map(({ explanation }) => explanation))

describe("the shared cache", () => {
  const table: ReadonlyArray<readonly [CallOptions["cachePolicy"], ReadonlyArray<string>, ReadonlyArray<string>]> = [
    ["auto", ["miss", "hit", "hit"], ["answer 1", "answer 1", "answer 1"]],
    ["read_only", ["miss", "miss", "miss"], ["answer 1", "answer 2", "answer 3"]],
    ["refresh", ["miss", "miss", "miss"], ["answer 1", "answer 2", "answer 3"]],
    ["disabled", ["disabled", "disabled", "disabled"], ["answer 1", "answer 2", "answer 3"]]
  ]
  for (const [cachePolicy, statuses, texts] of table) {
    it.effect(`under the policy ${cachePolicy}`, () =>
      Effect.gen(function*() {
        const results = yield* Effect.replicateEffect(ask({ cachePolicy })(), 3)
        assert.deepStrictEqual(results.map(({ cache }) => cache), statuses)
        assert.deepStrictEqual(results.map(({ text }) => text), texts)
      }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))
  }

  it.effect("gives what a refresh stored to later runs", () =>
    Effect.gen(function*() {
      yield* ask({})()
      yield* ask({ cachePolicy: "refresh" })()
      assert.deepInclude(yield* ask({})(), { cache: "hit", text: "answer 2" })
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))

  it.effect("costs nothing when it answers", () =>
    Effect.gen(function*() {
      yield* ask({})()
      assert.deepInclude(yield* ask({})(), { cache: "hit", tokens: 0 })
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))

  it.effect("applies the run's policy to calls that have none of their own", () =>
    Effect.gen(function*() {
      yield* ask({})()
      const run = (policy: "disabled" | "auto", options: CallOptions) =>
        Effect.map(Workflow.start(ask(options), {}, { cachePolicy: policy }), ({ outputJson }) => outputJson)
      assert.include(yield* run("disabled", {}), "disabled")
      assert.include(yield* run("disabled", { cachePolicy: "auto" }), "hit")
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))

  it.effect("keeps several samples of one prompt apart, and gives each its own again", () =>
    Effect.gen(function*() {
      const three = Workflow.make({ name: "three" }, () =>
        Effect.map(parallel([1, 2, 3].map(() => agent("q"))), (results) => results.map(({ text }) => text)))
      assert.deepStrictEqual(yield* three(), ["answer 1", "answer 2", "answer 3"])
      assert.deepStrictEqual(yield* three(), ["answer 1", "answer 2", "answer 3"])
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))

  it.effect("neither reads nor writes for a mutating call, whatever the policy", () =>
    Effect.gen(function*() {
      const results = yield* Effect.replicateEffect(ask({ writeScope: ["src"] })(), 2)
      assert.deepStrictEqual(results.map(({ cache }) => cache), ["bypassed", "bypassed"])
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))

  it.effect("stores no failure", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("not json"))
      const failing = Workflow.make({ name: "failing" }, () =>
        AgentResult.settle(agent("q", { schema: Schema.Struct({ a: Schema.String }) })))
      yield* Effect.gen(function*() {
        yield* failing()
        assert.deepInclude(yield* failing(), { status: "schema_failed", cacheStatus: "miss" })
      }).pipe(Effect.provide(OwfTest.layer({ provider })))
    }))

  it.scoped("does not reuse an answer about files that changed, nor store one whose files changed meanwhile", () =>
    Effect.gen(function*() {
      const cwd = yield* temporaryDirectory
      const file = Path.join(cwd, "a.md")
      Fs.writeFileSync(file, "one")
      let asked = 0
      const provider = Scripted.make((request) => {
        if (request.prompt === "meddle") Fs.writeFileSync(file, `meddled ${asked}`)
        return Scripted.answer(`answer ${++asked}`)
      })
      yield* Effect.gen(function*() {
        const about = ask({ readScope: ["a.md"] })
        assert.deepInclude(yield* about(), { cache: "miss" })
        assert.deepInclude(yield* about(), { cache: "hit" })
        Fs.writeFileSync(file, "two")
        const changed = yield* Workflow.start(about, {})
        assert.include(changed.outputJson, "miss")
        assert.deepStrictEqual((yield* why(changed.runId))[0]?.differs, ["files"])
        yield* about({ prompt: "meddle" })
        assert.deepInclude(yield* about({ prompt: "meddle" }), { cache: "miss" })
      }).pipe(Effect.provide(OwfTest.layer({ provider, cwd })))
    }))

  it.effect("names what differs from the nearest earlier call", () =>
    Effect.gen(function*() {
      const differs = (options: CallOptions, prompt?: string) =>
        Effect.gen(function*() {
          const { runId } = yield* Workflow.start(
            ask({ label: "l", ...options }),
            prompt === undefined ? {} : { prompt }
          )
          return (yield* why(runId))[0]
        })
      assert.strictEqual((yield* differs({}))?.reason, "no earlier call to compare with")
      assert.include((yield* differs({}))?.reason, "asked the same thing")
      assert.deepStrictEqual((yield* differs({ model: "other" }))?.differs, ["model"])
      assert.deepStrictEqual((yield* differs({ temperature: 1 }, "r"))?.differs, ["prompt", "model", "temperature"])
      assert.deepStrictEqual((yield* differs({ cacheNamespace: "v2" }, "r"))?.differs, ["namespace", "temperature"])
    }).pipe(Effect.provide(OwfTest.layer({ provider: counting() }))))
})
