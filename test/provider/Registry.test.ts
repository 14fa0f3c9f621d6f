import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as BuiltIn from "../../src/provider/BuiltIn.ts"
import * as Claude from "../../src/provider/Claude.ts"
import * as Copilot from "../../src/provider/Copilot.ts"
import * as GeminiCli from "../../src/provider/GeminiCli.ts"
import * as OpenCode from "../../src/provider/OpenCode.ts"
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

  it.effect("works without a providers file that is broken, and says so once", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      yield* Effect.gen(function*() {
        yield* get("fake")
        yield* get("openai")
        yield* get("deepseek")
        const error = yield* Effect.flip(get("my-llm"))
        assert.strictEqual(
          error.message,
          "my-llm: /users/me/.workflows/providers.json:1:2: not valid JSON: a name in double quotes is expected here"
        )
      }).pipe(
        Effect.provide(withFile("{x", {})),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.lengthOf(logged, 1)
      assert.match(logged[0] ?? "", /^the providers file is not used: .*providers\.json:1:2/)
    }))

  it.effect("says that what is configured for another name of a built-in provider is not used", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      yield* get("gemini").pipe(
        Effect.provide(withFile({ google: { base_url: "https://evil.example.org", default_model: "m" } }, {})),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.deepStrictEqual(logged, ["what is configured for google is not used: it is another name of gemini"])
    }))

  it.effect("takes models and limits of built-in and of own providers from the file", () =>
    Effect.gen(function*() {
      const openai = yield* get("openai")
      assert.strictEqual(openai.resolveModel(undefined), "gpt-5.5")
      assert.strictEqual(openai.capabilities.concurrency, 2)
      assert.deepStrictEqual(openai.capabilities.limits, { requestsPerMinute: 60, tokensPerMinute: undefined })
      const house = yield* get("HOUSE")
      assert.strictEqual(house.name, "house")
      assert.strictEqual(house.capabilities.concurrency, 8)
      assert.deepStrictEqual(house.capabilities.limits, { requestsPerMinute: undefined, tokensPerMinute: 9 })
      assert.isUndefined((yield* get("deepseek")).capabilities.limits)
      assert.deepStrictEqual((yield* get("fake")).capabilities.limits, {
        requestsPerMinute: 6,
        tokensPerMinute: undefined
      })
      const { names } = yield* Providers
      assert.include(yield* names, "house")
    }).pipe(Effect.provide(withFile({
      openai: { default_model: "gpt-5.5", concurrency: 2, requests_per_minute: 60 },
      fake: { requests_per_minute: 6 },
      house: { base_url: "https://llm.example.org", default_model: "m", tokens_per_minute: 9 }
    }, {}))))
})

const withFile = (content: unknown, env: Settings.Environment, client: typeof http = http) => {
  const text = typeof content === "string" ? content : JSON.stringify({ providers: content })
  return Registry.layerBuiltIn({ http: client }).pipe(
    Layer.provide(Settings.layer({ HOME: "/users/me", ...env }, () => Effect.succeed(text)))
  )
}

/** Everything of a request that could hold a key. */
const sent = (request: HttpClientRequest.HttpClientRequest) =>
  JSON.stringify([request.url, request.headers, request.urlParams, request.body])

describe("an official key", () => {
  const keys = {
    OPENAI_API_KEY: "sk-openai-canary",
    ANTHROPIC_API_KEY: "sk-ant-canary",
    GEMINI_API_KEY: "gemini-canary",
    GOOGLE_API_KEY: "google-canary",
    DEEPSEEK_API_KEY: "deepseek-canary",
    OPENROUTER_API_KEY: "openrouter-canary",
    HOUSE_KEY: "house-key"
  }
  const address = "https://llm.example.org"

  /** What is sent when a provider is asked; nothing answers. */
  const requestsOf = (name: string, providers: unknown, env: Settings.Environment = {}) =>
    Effect.gen(function*() {
      const requests: Array<HttpClientRequest.HttpClientRequest> = []
      const client = Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.make((request) => {
          requests.push(request)
          return new HttpClientError.RequestError({ request, reason: "Transport" })
        })
      )
      const layer = withFile(providers, { ...keys, ...env }, Layer.merge(client, Pricing.layerNoop))
      const outcome = yield* get(name).pipe(
        Effect.flatMap((provider) => provider.ask(ProviderContract.request({ model: "m" }), ProviderContract.listener)),
        Effect.provide(layer),
        Effect.flip
      )
      return { requests, outcome }
    })

  it.effect.each([
    ["openai", "https://api.openai.com/v1/", "sk-openai-canary"],
    ["anthropic", "https://api.anthropic.com/v1/", "sk-ant-canary"],
    ["gemini", "https://generativelanguage.googleapis.com/v1beta/", "gemini-canary"],
    ["google", "https://generativelanguage.googleapis.com/v1beta/", "gemini-canary"],
    ["deepseek", "https://api.deepseek.com/v1/", "deepseek-canary"],
    ["openrouter", "https://openrouter.ai/api/v1/", "openrouter-canary"]
  ])("goes to its own address: %s", ([name, url, key]) =>
    Effect.gen(function*() {
      const { requests } = yield* requestsOf(String(name), {})
      const last = requests.at(-1)!
      assert.isTrue(last.url.startsWith(String(url)), last.url)
      assert.include(JSON.stringify(last.headers), String(key))
      for (const other of Object.values(keys)) if (other !== key) assert.notInclude(sent(last), other)
    }))

  it.effect.each(["openai", "openai-compatible", "anthropic", "gemini", "google"])(
    "goes to no provider of kind %s that names no key, in the file or in variables",
    (kind) =>
      Effect.gen(function*() {
        const inFile = yield* requestsOf("house", { house: { kind, base_url: address, default_model: "m" } })
        const inVariables = yield* requestsOf("house", {}, {
          OWF_PROVIDER_HOUSE_KIND: kind,
          OWF_PROVIDER_HOUSE_BASE_URL: address,
          OWF_PROVIDER_HOUSE_MODEL: "m"
        })
        for (const { requests } of [inFile, inVariables]) {
          assert.isAbove(requests.length, 0)
          for (const request of requests) {
            assert.isTrue(request.url.startsWith(address), request.url)
            for (const key of Object.values(keys)) assert.notInclude(sent(request), key)
          }
        }
      })
  )

  it.effect.each(["openai", "anthropic", "gemini", "deepseek", "openrouter"])(
    "is not sent elsewhere by another address of %s alone: nothing is",
    (name) =>
      Effect.gen(function*() {
        const inFile = yield* requestsOf(name, { [name]: { base_url: address } })
        const inVariables = yield* requestsOf(name, {}, { [`OWF_PROVIDER_${name.toUpperCase()}_BASE_URL`]: address })
        for (const { outcome, requests } of [inFile, inVariables]) {
          assert.lengthOf(requests, 0)
          assert.match(outcome.message, /its own key is sent only to its own address/)
        }
      })
  )

  it.effect("goes where the configuration names it", () =>
    Effect.gen(function*() {
      const named = yield* requestsOf("openai", { openai: { base_url: address, api_key_env: "HOUSE_KEY" } })
      assert.isTrue(named.requests[0]?.url.startsWith(address))
      assert.include(JSON.stringify(named.requests[0]?.headers), "house-key")
      assert.notInclude(sent(named.requests[0]!), "canary")
      const official = yield* requestsOf("house", {
        house: { base_url: address, default_model: "m", api_key_env: "OPENAI_API_KEY" }
      })
      assert.include(JSON.stringify(official.requests[0]?.headers), "sk-openai-canary")
    }))
})

describe("BuiltIn", () => {
  it("names the programs that the command lines' modules start", () => {
    const programs = BuiltIn.all.flatMap((builtIn) =>
      builtIn._tag === "Program" ? [[builtIn.name, builtIn.program]] : []
    )
    for (
      const [name, format] of [
        ["claude", Claude.format],
        ["copilot", Copilot.format],
        ["gemini-cli", GeminiCli.format],
        ["opencode", OpenCode.format]
      ] as const
    ) assert.deepInclude(programs, [name, format.program])
  })

  it("has no name twice", () => {
    const names = [...BuiltIn.all.map(({ name }) => name), ...BuiltIn.all.flatMap(({ aliases }) => aliases)]
    assert.strictEqual(new Set(names).size, names.length)
  })
})
