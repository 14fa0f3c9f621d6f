import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Pricing from "../../src/provider/Pricing.ts"
import { Providers, ProviderUnavailable } from "../../src/provider/Provider.ts"
import * as Registry from "../../src/provider/Registry.ts"
import * as Scripted from "../../src/provider/Scripted.ts"
import * as Settings from "../../src/settings/Settings.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"

const noHttp = Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.dieMessage("a request was sent")))
const http = Layer.merge(noHttp, Pricing.layerNoop)

const builtIn = (env: Settings.Environment = {}, options: Partial<Parameters<typeof Registry.layerBuiltIn>[0]> = {}) =>
  Registry.layerBuiltIn({ http, ...options } as { readonly http: typeof http }).pipe(
    Layer.provide(Settings.layer(env))
  )

const get = (name: string) => Effect.flatMap(Providers, (providers) => providers.get(name))

const custom = {
  OWF_PROVIDER_MY_LLM_BASE_URL: "https://llm.example.org/v1",
  OWF_PROVIDER_MY_LLM_MODEL: "qwen"
}

describe("Registry", () => {
  it.effect("finds a provider in any case and gives the same instance each time", () =>
    Effect.gen(function*() {
      const a = Scripted.make([], { name: "local-a" })
      const registry = yield* Registry.make([a, Scripted.make([], { name: "b" })])
      assert.strictEqual(yield* registry.get("local-a"), a)
      assert.strictEqual(yield* registry.get(" LOCAL_A "), a)
      assert.deepStrictEqual(yield* registry.names, ["b", "local-a"])
    }))

  it.effect("builds an entry once, when it is asked for, also from many fibers", () =>
    Effect.gen(function*() {
      const built = yield* Ref.make(0)
      const build = Ref.updateAndGet(built, (n) => n + 1).pipe(
        Effect.tap(() => Effect.yieldNow()),
        Effect.map((n) => Scripted.make([], { name: `x${n}` }))
      )
      const registry = yield* Registry.make([{ name: "x", aliases: ["y"], build }])
      assert.strictEqual(yield* Ref.get(built), 0)
      const all = yield* Effect.all(["x", "Y", "x", "y"].map(registry.get), { concurrency: "unbounded" })
      assert.strictEqual(new Set(all).size, 1)
      assert.strictEqual(yield* Ref.get(built), 1)
      assert.deepStrictEqual(yield* registry.names, ["x"])
    }))

  it.effect("tries again after a provider could not be built", () =>
    Effect.gen(function*() {
      const tries = yield* Ref.make(0)
      const build = Effect.flatMap(Ref.updateAndGet(tries, (n) => n + 1), (n) =>
        n === 1
          ? new ProviderUnavailable({ provider: "x", detail: "not now" })
          : Effect.succeed(Scripted.make([], { name: "x" })))
      const registry = yield* Registry.make([{ name: "x", build }])
      assert.strictEqual((yield* Effect.flip(registry.get("x"))).message, "not now")
      assert.strictEqual((yield* registry.get("x")).name, "x")
    }))

  it.effect("lists what it knows when it is asked for something else", () =>
    Effect.gen(function*() {
      const unknown = yield* Effect.flip(get("nothing-like-it"))
      assert.deepInclude(unknown, { _tag: "ProviderUnavailable", provider: "nothing-like-it" })
      assert.strictEqual(
        unknown.message,
        "unknown provider 'nothing-like-it'; known providers: anthropic, claude, codex, copilot, deepseek, fake, gemini, " +
          "gemini-cli, my_llm, openai, opencode, openrouter"
      )
      assert.match((yield* Effect.flip(get("opnai"))).message, /; did you mean 'openai'\?$/)
      assert.match((yield* Effect.flip(get("fixtures"))).message, /; did you mean 'fixture'\?$/)
      assert.match((yield* Effect.flip(get("__proto__"))).message, /^unknown provider '__proto__'/)
    }).pipe(Effect.provide(builtIn(custom))))

  it.effect("has the built-in providers with their default models", () =>
    Effect.gen(function*() {
      const models = yield* Effect.forEach(["fixture", "openai", "deepseek", "openrouter"], (name) =>
        Effect.map(get(name), (provider) => provider.resolveModel(undefined)))
      assert.deepStrictEqual(models, ["fake", "gpt-5.4-mini", "deepseek-v4-flash", "openai/gpt-5.5"])
      assert.strictEqual((yield* get("FIXTURE")).name, "fake")
      const openai = yield* get("openai")
      assert.strictEqual(openai.resolveModel("openai"), "gpt-5.4-mini")
      assert.strictEqual(openai.resolveModel("gpt-5.5"), "gpt-5.5")
    }).pipe(Effect.provide(builtIn())))

  it.effect("takes limits from the environment: the provider's own, then the general one", () =>
    Effect.gen(function*() {
      const limitOf = (name: string) => Effect.map(get(name), ({ capabilities }) => capabilities.concurrency)
      assert.strictEqual(yield* limitOf("openai"), 2)
      assert.strictEqual(yield* limitOf("deepseek"), 5)
      assert.strictEqual(yield* limitOf("my-llm"), 3)
      assert.isUndefined(yield* limitOf("fake"))
    }).pipe(Effect.provide(builtIn({
      ...custom,
      OWF_MAX_CONCURRENCY: "5",
      OWF_PROVIDER_OPENAI_CONCURRENCY: "2",
      OWF_PROVIDER_MY_LLM_CONCURRENCY: "3"
    }))))

  it.effect("builds what HTTP needs once, and not for the fake provider", () =>
    Effect.gen(function*() {
      const built = yield* Ref.make(0)
      const counted = Layer.tap(http, () => Ref.update(built, (n) => n + 1))
      yield* Effect.gen(function*() {
        yield* get("fake")
        assert.strictEqual(yield* Ref.get(built), 0)
        yield* Effect.all([get("openai"), get("deepseek"), get("my-llm")], { concurrency: "unbounded" })
        assert.strictEqual(yield* Ref.get(built), 1)
      }).pipe(Effect.provide(builtIn(custom, { http: counted })))
    }))

  it.effect("finds a custom provider under either spelling", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* get("my-llm"), yield* get("MY_LLM"))
      assert.strictEqual((yield* get("my-llm")).resolveModel(undefined), "qwen")
    }).pipe(Effect.provide(builtIn(custom))))

  it.effect("says which variable of a custom provider is missing, only to who asks for it", () =>
    Effect.gen(function*() {
      yield* get("fake")
      const error = yield* Effect.flip(get("half"))
      assert.strictEqual(error._tag, "ProviderUnavailable")
      assert.match(error.message, /^half: OWF_PROVIDER_HALF_MODEL has to be the model/)
      assert.match((yield* Effect.flip(get("limit"))).message, /OWF_PROVIDER_LIMIT_CONCURRENCY is 'all'/)
    }).pipe(Effect.provide(builtIn({
      OWF_PROVIDER_HALF_BASE_URL: "https://llm.example.org",
      OWF_PROVIDER_LIMIT_BASE_URL: "https://llm.example.org",
      OWF_PROVIDER_LIMIT_MODEL: "m",
      OWF_PROVIDER_LIMIT_CONCURRENCY: "all"
    }))))

  it.effect("lets built-in names win over what is configured and code over both", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("openai")).resolveModel(undefined), "gpt-5.5")
      assert.strictEqual((yield* get("fixture")).name, "fake")
      assert.strictEqual((yield* get("deepseek")).resolveModel(undefined), "mine")
      const { names } = yield* Providers
      assert.notInclude(yield* names, "fixture")
    }).pipe(Effect.provide(builtIn(
      { OWF_PROVIDER_OPENAI_MODEL: "gpt-5.5", OWF_PROVIDER_FIXTURE_MODEL: "x" },
      { more: [Scripted.make([], { name: "deepseek", model: "mine" })] }
    ))))

  it.effect.each([
    [
      "openai",
      { OWF_PROVIDER_OPENAI_BASE_URL: "https://llm.example.org" },
      /its own key is sent only to its own address/
    ],
    ["openai", { OWF_PROVIDER_OPENAI_KIND: "gemini" }, /openai is built in and of kind openai, not gemini/],
    ["openai", { OWF_PROVIDER_OPENAI_COMMAND: "/bin/sh" }, /openai is an HTTP API and takes no command/],
    ["claude", { OWF_PROVIDER_CLAUDE_BASE_URL: "https://llm.example.org" }, /command line and takes no base_url/],
    ["fake", { OWF_PROVIDER_FAKE_MODEL: "x" }, /fake is built in and takes no default_model/]
  ])("refuses what would make another provider of %s", ([name, env, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(String(name)))
      assert.match(error.message, expected as RegExp)
    }).pipe(Effect.provide(builtIn(env as Settings.Environment))))

  it.effect("asks for a key when a request is made, naming the variable", () =>
    Effect.gen(function*() {
      const openai = yield* get("openai")
      const error = yield* Effect.flip(openai.ask(ProviderContract.request(), ProviderContract.listener))
      assert.deepInclude(error, { _tag: "ProviderError", reason: "Authentication" })
      assert.strictEqual(error.message, "openai: needs an API key in $OPENAI_API_KEY")
    }).pipe(Effect.provide(builtIn())))

  it.effect("passes a broken prices file on to who asks for an HTTP provider", () =>
    Effect.gen(function*() {
      yield* get("fake")
      const error = yield* Effect.flip(get("openai"))
      assert.strictEqual(error.message, "openai: the prices in p.json cannot be used: bad")
    }).pipe(Effect.provide(builtIn({}, {
      http: Layer.fail(new Pricing.PricesError({ file: "p.json", problems: ["bad"] }))
    }))))
})
