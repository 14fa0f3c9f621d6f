import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Environment } from "../../src/settings/Settings.ts"
import * as Settings from "../../src/settings/Settings.ts"

const local = {
  OWF_PROVIDER_MY_LLM_BASE_URL: "http://127.0.0.1:8080/v1//",
  OWF_PROVIDER_MY_LLM_MODEL: "qwen",
  OWF_PROVIDER_MY_LLM_API_KEY_ENV: "MY_KEY"
}

const custom = (env: Environment, name = "my_llm") =>
  Effect.flatMap(Settings.fromEnvironment(env), (settings) => settings.customProvider(name))

const variableOf = (error: Settings.SettingsError | Settings.ProvidersFileError) =>
  error._tag === "SettingsError" ? error.variable : undefined

const refusal = (env: Environment, name?: string) => Effect.flip(custom(env, name))

describe("Settings", () => {
  it.effect("has a default for everything", () =>
    Effect.gen(function*() {
      const settings = yield* Settings.Settings
      assert.strictEqual(settings.maxConcurrency, 8)
      assert.isUndefined(settings.home)
      assert.isUndefined(settings.pricesFile)
      assert.isUndefined(settings.priceTableFile)
      assert.isUndefined(settings.providersFile)
      assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none())
      assert.deepStrictEqual(yield* settings.configuredProviders, [])
      assert.isUndefined((yield* settings.configured("openai")).concurrency)
      assert.deepStrictEqual(yield* settings.customProvider("x"), Option.none())
    }).pipe(Effect.provide(Settings.layerDefault)))

  it.effect("takes values as they are set, and what is set to nothing as not set", () =>
    Effect.gen(function*() {
      const settings = yield* Settings.fromEnvironment({
        OWF_HOME: " ./state ",
        OWF_MAX_CONCURRENCY: "24",
        OWF_PRICES_FILE: "prices.json",
        OWF_PROVIDER_MY_LLM_CONCURRENCY: "3",
        OWF_PROVIDER_OPENAI_CONCURRENCY: ""
      })
      assert.strictEqual(settings.home, "./state")
      assert.strictEqual(settings.maxConcurrency, 24)
      assert.deepStrictEqual(settings.pricesFile, { path: "prices.json", isNamed: true })
      assert.strictEqual((yield* settings.configured("my-llm")).concurrency, 3)
      assert.strictEqual((yield* settings.configured("My_LLM")).concurrency, 3)
      assert.isUndefined((yield* settings.configured("openai")).concurrency)
    }))

  it.effect("looks for prices below the user's own home", () =>
    Effect.gen(function*() {
      const settings = yield* Settings.fromEnvironment({ HOME: "/users/me" })
      assert.deepStrictEqual(settings.pricesFile, { path: "/users/me/.workflows/prices.json", isNamed: false })
    }))

  it.effect.each(["0", "-1", "1.5", "many", "1e3", "99999999999999999999"])(
    "refuses a concurrency of %s",
    (value) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Settings.fromEnvironment({ OWF_MAX_CONCURRENCY: value }))
        assert.deepInclude(error, { _tag: "SettingsError", variable: "OWF_MAX_CONCURRENCY", value })
        assert.strictEqual(
          error.message,
          `OWF_MAX_CONCURRENCY is '${value}'; it has to be a whole number of at least 1`
        )
      })
  )

  it.effect("lets a malformed value of one provider be, until that provider is asked for", () =>
    Effect.gen(function*() {
      const settings = yield* Settings.fromEnvironment({ OWF_PROVIDER_X_CONCURRENCY: "all", OWF_PROVIDER_X_KIND: "y" })
      assert.isUndefined((yield* settings.configured("openai")).concurrency)
      const error = yield* Effect.flip(settings.configured("x"))
      assert.match(error.message, /^OWF_PROVIDER_X_KIND is 'y'; it has to be one of/)
      assert.deepStrictEqual(yield* settings.configuredProviders, ["x"])
    }))

  it.effect.each(["my_llm", "my-llm", "MY-LLM"])("finds a custom provider as %s", (name) =>
    Effect.gen(function*() {
      assert.deepInclude(Option.getOrThrow(yield* custom(local, name)), {
        name: "my_llm",
        kind: "openai",
        baseUrl: "http://127.0.0.1:8080/v1",
        model: "qwen",
        keyVariable: "MY_KEY"
      })
    }))

  it.effect.each([
    ["openai-compatible", "openai"],
    ["OpenAI", "openai"],
    ["anthropic", "anthropic"],
    ["google", "gemini"]
  ])("takes the kind %s as %s", ([kind, expected]) =>
    Effect.gen(function*() {
      const found = yield* custom({ ...local, OWF_PROVIDER_MY_LLM_KIND: kind })
      assert.strictEqual(Option.getOrThrow(found).kind, expected)
    }))

  it.effect("says which variable of a custom provider is missing", () =>
    Effect.gen(function*() {
      const noAddress = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_BASE_URL: undefined })
      assert.match(noAddress.message, /^OWF_PROVIDER_MY_LLM_BASE_URL has to be an address such as https:/)
      const noModel = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_MODEL: " " })
      assert.strictEqual(variableOf(noModel), "OWF_PROVIDER_MY_LLM_MODEL")
      const badKind = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_KIND: "cohere" })
      assert.match(badKind.message, /is 'cohere'; it has to be one of openai, openai-compatible, anthropic/)
    }))

  it.effect.each([
    ["https://llm.example.org/v1/", "https://llm.example.org/v1"],
    ["https://llm.example.org", "https://llm.example.org"],
    ["http://[::1]:9000/v1", "http://[::1]:9000/v1"],
    ["http://localhost/a/b///", "http://localhost/a/b"]
  ])("reads the address %s as %s", ([address, expected]) =>
    Effect.gen(function*() {
      const found = yield* custom({ ...local, OWF_PROVIDER_MY_LLM_BASE_URL: address })
      assert.strictEqual(Option.getOrThrow(found).baseUrl, expected)
    }))

  it.effect.each([
    "llm.example.org/v1",
    "ftp://llm.example.org",
    "unix:/run/llm.sock",
    "http://llm.example.org/v1",
    "https://llm.example.org/v1?a=b",
    "https://llm.example.org/v1#a",
    "http://127.0.0.1.example.org/v1"
  ])("refuses the address %s", (address) =>
    Effect.gen(function*() {
      const error = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_BASE_URL: address })
      assert.strictEqual(variableOf(error), "OWF_PROVIDER_MY_LLM_BASE_URL")
    }))

  it.effect("sends keys in clear only when told to", () =>
    Effect.gen(function*() {
      const found = yield* custom({
        ...local,
        OWF_PROVIDER_MY_LLM_BASE_URL: "http://10.0.0.5:8000/v1",
        OWF_PROVIDER_MY_LLM_ALLOW_HTTP: "1"
      })
      assert.strictEqual(Option.getOrThrow(found).baseUrl, "http://10.0.0.5:8000/v1")
    }))

  it.effect("repeats no secret: neither a password in an address nor a key in place of its name", () =>
    Effect.gen(function*() {
      const password = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_BASE_URL: "https://me:hunter2@llm.example.org" })
      const broken = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_BASE_URL: "https//me:hunter2@llm" })
      const key = yield* refusal({ ...local, OWF_PROVIDER_MY_LLM_API_KEY_ENV: "sk-hunter2" })
      for (const error of [password, broken, key]) {
        assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "hunter2")
      }
      assert.match(key.message, /the name of the variable that holds the key, not the key itself/)
    }))

  it.effect("reads a secret when it is asked for", () =>
    Effect.gen(function*() {
      const env: Record<string, string | undefined> = {}
      const settings = yield* Settings.fromEnvironment(env)
      assert.deepStrictEqual(settings.secret("MY_KEY"), Option.none())
      env["MY_KEY"] = "sk-1"
      const secret = Option.getOrThrow(settings.secret("MY_KEY"))
      assert.strictEqual(Redacted.value(secret), "sk-1")
      assert.notInclude(String(secret) + JSON.stringify(secret), "sk-1")
      assert.deepStrictEqual(settings.secret("__proto__"), Option.none())
      assert.deepStrictEqual(settings.secret("toString"), Option.none())
    }))
})
