import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Batches } from "open-agent-workflows/batch/Batch"
import * as BatchRegistry from "open-agent-workflows/batch/BatchRegistry"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as Settings from "open-agent-workflows/settings/Settings"

const withVariables = <A, E>(variables: Settings.Environment, effect: Effect.Effect<A, E, Batches>) =>
  Effect.provide(
    effect,
    BatchRegistry.layer.pipe(
      Layer.provide(Layer.provideMerge(HttpClientNode.layer, Layer.orDie(Settings.layer(variables))))
    )
  )

const get = (name: string) => Effect.flatMap(Batches, (batches) => batches.get(name))

const custom = (name: string, kind: string) => ({
  [`OWF_PROVIDER_${name}_KIND`]: kind,
  [`OWF_PROVIDER_${name}_BASE_URL`]: "http://127.0.0.1:1/v1",
  [`OWF_PROVIDER_${name}_MODEL`]: "house-1"
})

describe("BatchRegistry", () => {
  it.effect("has the three vendors, under their other names too", () =>
    Effect.gen(function*() {
      for (
        const [name, kind, model] of [
          ["openai", "openai", "gpt-5.4-mini"],
          ["Anthropic", "anthropic", "claude-sonnet-4-6"],
          ["gemini", "gemini", "gemini-3.5-flash"],
          ["google", "gemini", "gemini-3.5-flash"]
        ] as const
      ) {
        const api = yield* withVariables({}, get(name))
        assert.deepStrictEqual([api.kind, api.resolveModel(undefined), api.discount], [kind, model, 0.5])
      }
    }))

  it.effect("has custom providers of each kind", () =>
    Effect.gen(function*() {
      const variables = { ...custom("A", "openai"), ...custom("B", "anthropic"), ...custom("C", "gemini") }
      for (const [name, kind] of [["a", "openai"], ["b", "anthropic"], ["c", "gemini"]] as const) {
        const api = yield* withVariables(variables, get(name))
        assert.deepStrictEqual([api.name, api.kind, api.resolveModel("default")], [name, kind, "house-1"])
        assert.strictEqual(api.pricedAs, "http://127.0.0.1:1/v1")
        // a server that takes no key needs none
        yield* api.ready
      }
      const names = yield* withVariables(variables, Effect.flatMap(Batches, (batches) => batches.names))
      assert.deepStrictEqual(names, ["a", "anthropic", "b", "c", "gemini", "openai"])
    }))

  it.effect("names those that have batches where another one is asked for", () =>
    Effect.gen(function*() {
      for (const name of ["claude", "fake", "deepseek", "nobody"]) {
        const error = yield* Effect.flip(withVariables({}, get(name)))
        assert.strictEqual(
          error.message,
          `batch is not supported for provider '${name}'; supported: anthropic, gemini, openai`
        )
      }
    }))

  it.effect("takes a vendor's key to the vendor's address only", () =>
    Effect.gen(function*() {
      const elsewhere = { OPENAI_API_KEY: "sk-1", OWF_PROVIDER_OPENAI_BASE_URL: "https://llm.example.org/v1" }
      assert.include((yield* Effect.flip(withVariables(elsewhere, get("openai")))).message, "no api_key_env beside it")
      const without = yield* withVariables({}, Effect.flatMap(get("openai"), ({ ready }) => Effect.flip(ready)))
      assert.strictEqual(without.message, "openai: needs an API key in $OPENAI_API_KEY")
      const second = { GOOGLE_API_KEY: "sk-2" }
      yield* withVariables(second, Effect.flatMap(get("gemini"), ({ ready }) => ready))
    }))

  it.effect("puts a schema to a custom server in the form that it is sure to take", () =>
    Effect.gen(function*() {
      const { request } = yield* Effect.promise(() => import("open-agent-workflows/batch/Batch"))
      const asked = request({
        callId: "c",
        prompt: "p",
        model: "m",
        schema: { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false }
      })
      const formOf = (variables: Settings.Environment, name: string) =>
        withVariables(variables, Effect.map(get(name), (api) => api.encode("k", asked).form))
      assert.strictEqual(yield* formOf({}, "openai"), "strict")
      assert.strictEqual(yield* formOf({}, "anthropic"), "strict")
      assert.strictEqual(yield* formOf({}, "gemini"), "strict")
      for (const kind of ["openai", "anthropic", "gemini"]) {
        assert.strictEqual(yield* formOf(custom("A", kind), "a"), "object")
      }
    }))
})
