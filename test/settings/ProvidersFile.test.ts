import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ProvidersFile from "../../src/settings/ProvidersFile.ts"
import type { Environment } from "../../src/settings/Settings.ts"
import * as Settings from "../../src/settings/Settings.ts"

const path = "/users/me/.workflows/providers.json"
const fileOnly = { HOME: "/users/me" }

/** Settings over files that are given as texts, and how often each was read. */
const settingsOver = (files: Readonly<Record<string, string>>, env: Environment = fileOnly) => {
  const reads: Array<string> = []
  return Effect.map(
    Settings.fromEnvironment(env, (path) => Effect.sync(() => (reads.push(path), files[path]))),
    (settings) => ({ settings, reads })
  )
}

const withFile = (content: unknown, env?: Environment) =>
  Effect.map(
    settingsOver({ [path]: typeof content === "string" ? content : JSON.stringify(content) }, env),
    ({ settings }) => settings
  )

const house = { base_url: "https://llm.example.org/v1/", default_model: "m", api_key_env: "HOUSE_KEY" }

/** All that is wrong with one provider of a file. */
const problemOf = (entry: unknown, name = "house") =>
  Effect.flatMap(withFile({ providers: { [name]: entry } }), (settings) => Effect.flip(settings.configured(name)))

describe("the providers file", () => {
  it.effect("configures providers, with every field", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({
        providers: {
          "My-LLM": { ...house, kind: "google", concurrency: 3, requests_per_minute: 60, tokens_per_minute: 90_000 },
          claude: { command: "~/bin/claude", default_model: "opus" }
        }
      })
      assert.deepStrictEqual(yield* settings.configuredProviders, ["claude", "my-llm"])
      const found = Option.getOrThrow(yield* settings.customProvider("my_llm"))
      assert.deepInclude(found, {
        name: "my-llm",
        kind: "gemini",
        baseUrl: "https://llm.example.org/v1",
        model: "m",
        keyVariable: "HOUSE_KEY",
        concurrency: 3,
        requestsPerMinute: 60,
        tokensPerMinute: 90_000
      })
      assert.deepInclude(yield* settings.configured("claude"), { command: "/users/me/bin/claude", model: "opus" })
    }))

  it.effect("is overridden by variables, field by field", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({ providers: { "my-llm": { ...house, concurrency: 3 } } }, {
        ...fileOnly,
        OWF_PROVIDER_MY_LLM_MODEL: "other",
        OWF_PROVIDER_MY_LLM_RPM: "10",
        OWF_PROVIDER_MY_LLM_TPM: "1000"
      })
      const found = Option.getOrThrow(yield* settings.customProvider("my-llm"))
      assert.deepInclude(found, { model: "other", concurrency: 3, requestsPerMinute: 10, tokensPerMinute: 1000 })
      assert.strictEqual(found.keyVariable, "HOUSE_KEY")
      assert.deepStrictEqual(yield* settings.configuredProviders, ["my-llm"])
    }))

  it.effect("does not lend its key to an address that a variable sets", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({ providers: { house } }, {
        ...fileOnly,
        OWF_PROVIDER_HOUSE_BASE_URL: "https://other.example.org"
      })
      const found = Option.getOrThrow(yield* settings.customProvider("house"))
      assert.strictEqual(found.baseUrl, "https://other.example.org")
      assert.isUndefined(found.keyVariable)
    }))

  it.effect.each(["anthropic", "gemini"])(
    "gives a provider of kind %s no key that is not named",
    (kind) =>
      Effect.gen(function*() {
        const settings = yield* withFile({
          providers: { x: { kind, base_url: "https://x.example.org", default_model: "m" } }
        })
        assert.isUndefined(Option.getOrThrow(yield* settings.customProvider("x")).keyVariable)
      })
  )

  it.effect("is read once, when it is first asked about", () =>
    Effect.gen(function*() {
      const { reads, settings } = yield* settingsOver({ [path]: JSON.stringify({ providers: { house } }) })
      assert.deepStrictEqual(reads, [])
      yield* settings.configured("openai")
      yield* settings.customProvider("house")
      yield* settings.configuredProviders
      assert.deepStrictEqual(reads, [path])
    }))

  it.effect("is the one a variable names, which has to exist", () =>
    Effect.gen(function*() {
      const env = { HOME: "/users/me", OWF_PROVIDERS_FILE: "~/p.json" }
      const { settings } = yield* settingsOver({ "/users/me/p.json": "{\"providers\": {}}" }, env)
      assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none())
      const missing = yield* settingsOver({}, env)
      const problem = Option.getOrThrow(yield* missing.settings.providersFileProblem)
      assert.strictEqual(problem.message, "/users/me/p.json: it does not exist")
    }))

  it.effect("is looked for only below the user's own home", () =>
    Effect.gen(function*() {
      const { reads, settings } = yield* settingsOver({}, { HOME: "/users/me", OWF_HOME: "/repo/.workflows" })
      assert.deepStrictEqual(yield* settings.configuredProviders, [])
      assert.deepStrictEqual(reads, ["/users/me/.workflows/providers.json"])
    }))

  it.effect("stops no provider that does not need it when it is broken as a whole", () =>
    Effect.gen(function*() {
      const settings = yield* withFile("{\n  \"providers\": {\n    \"a\": {},\n  }\n}", {
        ...fileOnly,
        OWF_PROVIDER_OPENAI_CONCURRENCY: "2",
        OWF_PROVIDER_WHOLE_BASE_URL: "https://whole.example.org",
        OWF_PROVIDER_WHOLE_MODEL: "m",
        OWF_PROVIDER_HALF_MODEL: "m"
      })
      const problem = Option.getOrThrow(yield* settings.providersFileProblem)
      assert.strictEqual(problem.message, `${path}:3:12: not valid JSON: the last comma is one too many`)
      assert.strictEqual((yield* settings.configured("openai")).concurrency, 2)
      assert.strictEqual(Option.getOrThrow(yield* settings.customProvider("whole")).model, "m")
      for (const name of ["half", "a", "unknown"]) {
        assert.strictEqual((yield* Effect.flip(settings.customProvider(name))).message, problem.message, name)
      }
    }))

  it.effect("stops only the provider in which something is wrong", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({ providers: { house, broken: { ...house, concurrency: 0 } } })
      assert.strictEqual((yield* settings.configured("house")).model, "m")
      assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none())
      assert.match((yield* Effect.flip(settings.configured("broken"))).message, /concurrency is '0'/)
      assert.deepStrictEqual(yield* settings.configuredProviders, ["broken", "house"])
    }))

  it.effect.each([
    [{ concurency: 3 }, /:1:\d+: providers\.house\.concurency is not known\. Did you mean concurrency\?/],
    [{ baseurl: "x" }, /providers\.house\.baseurl is not known\. Did you mean base_url\?/],
    [{ colour: "x" }, /providers\.house\.colour is not known\. What is known: kind, base_url, api_key_env/],
    [{ concurrency: "3", requests_per_minute: 1.5 }, /requests_per_minute is '1\.5'; it has to be a whole number/],
    [{ concurrency: true }, /concurrency is 'true'; it has to be a whole number/],
    [{ default_model: 5 }, /default_model has to be the name of a model/],
    [{ default_model: null }, /default_model has to be the name of a model/],
    [{ kind: "cohere" }, /kind is 'cohere'; it has to be one of openai, openai-compatible/],
    [{ kind: {} }, /kind has to be one of/],
    [{ base_url: "http://llm.example.org" }, /any http: one after "allow_http": true, which sends the key in clear/],
    [{ base_url: "ftp://llm.example.org" }, /base_url is 'ftp:/],
    [{ allow_http: "yes" }, /allow_http has to be true or false/],
    [{ command: "./bin/claude" }, /command is '\.\/bin\/claude'; it has to be the absolute path/],
    [{ command: "bin/claude" }, /absolute path/],
    ["text", /providers\.house has to be an object/],
    [[], /providers\.house has to be an object/]
  ])("says what is wrong with %j", ([entry, expected]) =>
    Effect.map(problemOf(entry), (error) => {
      assert.strictEqual(error._tag, "ProvidersFileError")
      assert.match(error.message, expected as RegExp)
      assert.isTrue(error.message.startsWith(`${path}:1:`), error.message)
    }))

  it.effect("reports all that is wrong at once", () =>
    Effect.map(problemOf({ api_key_env: "sk-not-a-name", kind: "x", tokens_per_minute: -1, nope: 1 }), (error) => {
      assert.strictEqual(error._tag === "ProvidersFileError" ? error.problems.length : 0, 4)
    }))

  it.effect.each([
    ["api_key", "sk-canary-0123456789"],
    ["apikey", "sk-canary-0123456789"],
    ["key", "sk-canary-0123456789"],
    ["auth_token", "sk-canary-0123456789"],
    ["password", "sk-canary-0123456789"],
    ["api_key_env", "sk-canary-0123456789"],
    ["base_url", "https://me:sk-canary-0123456789@llm.example.org"],
    ["base_url", "https//me:sk-canary-0123456789@llm.example.org"]
  ])(
    "refuses a key as %s, and does not repeat it",
    ([key, value]) =>
      Effect.map(problemOf({ [String(key)]: value }), (error) => {
        assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), "canary")
        assert.match(error.message, /put it in a variable|not the key itself|such as https/)
      })
  )

  it.effect("takes an http: address of this machine, and another one when told to", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({
        providers: {
          local: { base_url: "http://[::1]:8080/v1//", default_model: "m" },
          lan: { base_url: "http://10.0.0.5/v1", default_model: "m", allow_http: true }
        }
      })
      assert.strictEqual((yield* settings.configured("local")).baseUrl, "http://[::1]:8080/v1")
      assert.strictEqual((yield* settings.configured("lan")).baseUrl, "http://10.0.0.5/v1")
    }))

  it.effect("says where a provider is incomplete: in the file, or the variable that would do", () =>
    Effect.gen(function*() {
      const settings = yield* withFile({ providers: { half: { base_url: "https://llm.example.org" } } })
      const error = yield* Effect.flip(settings.customProvider("half"))
      assert.strictEqual(
        error.message,
        `providers.half.default_model in ${path}, or OWF_PROVIDER_HALF_MODEL, has to be the model to ask half for by default`
      )
    }))

  it.effect.each([
    ["[]", /:1:1: it has to be an object/],
    ["null", /:1:1: it has to be an object/],
    ["{\"provider\": {}}", /:1:2: provider is not known\. Did you mean providers\?/],
    ["{\"providers\": []}", /:1:15: providers has to be an object/],
    ["{\"providers\": {\"a b\": {}}}", /providers\.a b is no name for a provider/],
    ["{\"providers\": {\"my-llm\": {}, \"MY_LLM\": {}}}", /providers\.MY_LLM is the same name as providers\.my-llm/],
    ["{\"providers\": {\"__proto__\": {\"kind\": \"openai\"}}}", /providers\.__proto__ is no name/],
    ["{\"api_key\": \"sk-canary\"}", /keys do not belong in this file/],
    ["<html>", /:1:1: not valid JSON/],
    ["", /:1:1: not valid JSON: the text ends/]
  ])("says what is wrong with a file that is %s", ([content, expected]) =>
    Effect.gen(function*() {
      const settings = yield* withFile(String(content))
      const problem = Option.getOrThrow(yield* settings.providersFileProblem)
      assert.match(problem.message, expected as RegExp)
      assert.notInclude(problem.message, "canary")
      assert.notProperty({}, "kind")
    }))

  it.effect("takes a byte order mark, an empty object and a $schema", () =>
    Effect.gen(function*() {
      for (const content of ["\uFEFF{\"providers\": {}}", "{}", "{\"$schema\": \"x\"}"]) {
        const settings = yield* withFile(content)
        assert.deepStrictEqual(yield* settings.providersFileProblem, Option.none(), content)
      }
    }))

  it.effect("says why it cannot be read, and refuses one that is too large", () =>
    Effect.gen(function*() {
      const unreadable = yield* Settings.fromEnvironment(fileOnly, () => Effect.fail("it cannot be read (EACCES)"))
      const problem = Option.getOrThrow(yield* unreadable.providersFileProblem)
      assert.strictEqual(problem.message, `${path}: it cannot be read (EACCES)`)
      const large = yield* withFile(" ".repeat(2_000_000))
      assert.match(Option.getOrThrow(yield* large.providersFileProblem).message, /more than 1048576 characters/)
    }))

  it("keeps entries apart from the prototype of objects", () => {
    const entries = Either.getOrThrow(ProvidersFile.parse(path, "{\"providers\": {\"constructor\": {}}}", undefined))
    assert.deepStrictEqual([...entries.keys()], ["constructor"])
    assert.isUndefined(entries.get("toString"))
  })
})
