import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Owf, OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import type { AgentNode } from "../../src/graph/Flow.ts"
import type { Capabilities } from "../../src/provider/Provider.ts"
import { directoryWith } from "../lib/node.ts"
import * as Lab from "./flowLab.ts"

const worksOnFiles: Partial<Capabilities> = { readsFiles: true, writesFiles: true }

/** What one agent node asks a provider of a name for. */
const asked = (
  provider: string,
  fields: Partial<AgentNode>,
  environment: Readonly<Record<string, string>> = {},
  options: { readonly model?: string; readonly capabilities?: Partial<Capabilities> } = {}
) =>
  Effect.gen(function*() {
    const scripted = Scripted.make(() => Scripted.answer("ok"), {
      name: provider,
      capabilities: options.capabilities
    })
    yield* Workflow.start(Lab.workflow(Lab.flow([Lab.agent("a", "a", fields)])), {}, { model: options.model }).pipe(
      Effect.provide(Owf.layer({
        home: directoryWith({}),
        provider,
        providers: [scripted, Scripted.make(() => Scripted.answer("ok"), { name: "other" })],
        environment
      }))
    )
    return (yield* scripted.requests)[0]
  })

const modelOf = (...args: Parameters<typeof asked>) => Effect.map(asked(...args), (request) => request?.model)

describe("the model of an agent node", () => {
  it.effect("is the node's, else the run's, else AGENT_MODEL, else for claude AGENT_CLAUDE_MODEL", () =>
    Effect.gen(function*() {
      const environment = { AGENT_MODEL: "m", AGENT_CLAUDE_MODEL: "c" }
      assert.strictEqual(yield* modelOf("claude", { model: "n" }, environment, { model: "r" }), "n")
      assert.strictEqual(yield* modelOf("claude", {}, environment, { model: "r" }), "r")
      assert.strictEqual(yield* modelOf("claude", {}, environment), "m")
      assert.strictEqual(yield* modelOf("claude", {}, { AGENT_CLAUDE_MODEL: "c" }), "c")
      assert.notStrictEqual(yield* modelOf("gemini-cli", {}, { AGENT_CLAUDE_MODEL: "c" }), "c")
    }))

  it.effect("of codex is profile@slug, where a bare name is a profile and CODEX_PROFILE stands in for one", () =>
    Effect.gen(function*() {
      const environment = { CODEX_PROFILE: "env" }
      const model = (model: string | null, variables: Readonly<Record<string, string>> = environment) =>
        modelOf("codex", { model }, variables)
      assert.strictEqual(yield* model("local"), "local@")
      assert.strictEqual(yield* model("p@s"), "p@s")
      assert.strictEqual(yield* model("p@"), "p@")
      assert.strictEqual(yield* model("@s"), "env@s")
      assert.strictEqual(yield* model("@s", {}), "@s")
      assert.strictEqual(yield* model(null), "env@")
      assert.strictEqual(yield* model(null, { ...environment, AGENT_MODEL: "q" }), "q@")
    }))

  it.effect("of another provider than the run's is not the run's", () =>
    Effect.gen(function*() {
      const other = yield* asked("claude", { provider: "other" }, {}, { model: "r" })
      assert.isUndefined(other)
      const layer = Lab.layer(Scripted.make(() => Scripted.answer("ok"), { name: "mine" }), {
        providers: [Scripted.make(() => Scripted.answer("ok"), { name: "other" })]
      })
      yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(Lab.flow([Lab.agent("a", "a", { provider: "other" })])), {}, { model: "r" })
        const [call] = yield* Effect.flatMap(RunStore.RunStore, (store) =>
          Effect.flatMap(Lab.latest, ({ id }) => store.calls(id)))
        assert.strictEqual(call?.provider, "other")
        assert.notStrictEqual(call?.model, "r")
      }).pipe(Effect.provide(layer))
    }))
})

describe("what an agent node may change", () => {
  it.effect("is everything where its provider works on files and it says nothing, and what it says else", () =>
    Effect.gen(function*() {
      const capabilities = worksOnFiles
      const mutates = (fields: Partial<AgentNode>, own: Partial<Capabilities> = capabilities) =>
        Effect.map(asked("claude", fields, {}, { capabilities: own }), (request) => request?.mutates)
      assert.strictEqual(yield* mutates({}), true)
      assert.strictEqual(yield* mutates({ writeScope: [] }), false)
      assert.strictEqual(yield* mutates({ writeScope: ["docs"] }), true)
      assert.strictEqual(yield* mutates({}, { readsFiles: false, writesFiles: false }), false)
    }))
})

describe("how an agent node goes on after a failure", () => {
  it.effect("is sized by AGENT_ variables", () =>
    Effect.gen(function*() {
      const provider = Scripted.make((request) =>
        request.prompt.includes("a") ? Scripted.fail("Overloaded") : Scripted.answer("")
      )
      const environment = { AGENT_MAX_INVOKE_RETRIES: "2", AGENT_INVOKE_BACKOFF_BASE_S: "10" }
      const layer = Owf.layer({
        home: directoryWith({}),
        provider: provider.name,
        providers: [provider],
        environment
      })
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(Lab.flow([Lab.agent("a", "a")])), {}))
        yield* OwfTest.adjust("2 minutes")
        assert.strictEqual((yield* Fiber.join(fiber)).status, "failed")
        assert.strictEqual((yield* provider.requests).length, 3)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("keeps AGENT_USE_DEFAULT_OUTPUTS=false: nothing stands in", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(() => Scripted.answer("no"))
      const node = Lab.agent("a", "a", {
        outputs: [Lab.output("v", { default: 1 })],
        recover: ["none"],
        onExhausted: "default"
      })
      const status = (environment: Readonly<Record<string, string>>) =>
        Effect.map(
          Effect.provide(
            Workflow.start(Lab.workflow(Lab.flow([node])), {}),
            Owf.layer({ home: directoryWith({}), provider: provider.name, providers: [provider], environment })
          ),
          ({ status }) => status
        )
      assert.strictEqual(yield* status({}), "degraded")
      assert.strictEqual(yield* status({ AGENT_USE_DEFAULT_OUTPUTS: "false" }), "failed")
    }))

  it.effect("is bounded by the node's own budget, which stops the run", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.sequence([
        Scripted.answer("no", { usage: { inputTokens: 60 } }),
        Scripted.answer("no", { usage: { inputTokens: 60 } }),
        Scripted.answer("no", { usage: { inputTokens: 60 } })
      ]))
      const node = Lab.agent("a", "a", {
        outputs: [Lab.output("v")],
        recover: ["correct"],
        budget: { tokens: 130, costUsd: undefined }
      })
      yield* Effect.gen(function*() {
        const run = yield* Workflow.start(Lab.workflow(Lab.flow([node])), {})
        assert.strictEqual(run.status, "interrupted")
        assert.strictEqual((yield* provider.requests).length, 2)
        assert.strictEqual((yield* Lab.latest).errorKind, "BudgetExceeded")
      }).pipe(Effect.provide(Lab.layer(provider)))
    }))
})
