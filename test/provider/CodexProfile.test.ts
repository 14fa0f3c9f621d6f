import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CodexProfile from "../../src/provider/CodexProfile.ts"
import { directoryWith } from "../lib/node.ts"

const read = (home: string | undefined) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => CodexProfile.read(files, home)).pipe(
    Effect.provide(NodeFileSystem.layer)
  )

describe("a model's name", () => {
  it.each([
    ["gpt-5.5", undefined, "gpt-5.5", "gpt-5.5"],
    ["local@", "local", undefined, "local@"],
    ["local@qwen3", "local", "qwen3", "local@qwen3"],
    ["local@org/qwen3@fp8", "local", "org/qwen3@fp8", "local@org/qwen3@fp8"],
    ["@gpt-5.5", undefined, "gpt-5.5", "gpt-5.5"],
    ["local@default", "local", undefined, "local@"],
    [" local @ qwen3 ", "local", "qwen3", "local@qwen3"],
    ["@", undefined, undefined, "default"],
    ["default", undefined, undefined, "default"]
  ])("%s", (model, profile, slug, normal) => {
    assert.deepStrictEqual(CodexProfile.parseModel(model), { profile, slug })
    assert.strictEqual(CodexProfile.normalModel(model), normal)
    assert.strictEqual(CodexProfile.normalModel(normal), normal)
  })

  it("has a profile that is a plain file name", () => {
    for (const name of ["local", "my-proxy_2"]) assert.isTrue(CodexProfile.isName(name))
    for (const name of ["", "-p", "../x", "a/b", "a.b", "a b", "a\u0000"]) assert.isFalse(CodexProfile.isName(name))
  })
})

describe("a configuration file", () => {
  it("says a model, a provider and the variables with keys", () => {
    const text = `\uFEFF# model = "commented"
model = "gpt-5.5" # ours
model_provider = 'proxy'
notes = """
model = "inside a text"
[table]
env_key = "IN_A_TEXT"
"""
model_reasoning_effort = "high"

[model_providers.proxy]
base_url = "http://127.0.0.1/v1"
env_key = "PROXY_CREDENTIAL"
model = "not at the top"
[model_providers]
other = { name = "x", env_key = 'OTHER' }
# env_key = "COMMENTED"
[mcp_servers.tools]
bearer_token_env_var = "TOOLS"
my_env_key = "NOT_THIS"
env_key = "not a name"
env_key = "OTHER"
`
    for (const ends of [text, text.replaceAll("\n", "\r\n")]) {
      assert.deepStrictEqual(CodexProfile.parse(ends), {
        model: "gpt-5.5",
        modelProvider: "proxy",
        keyVariables: ["PROXY_CREDENTIAL", "OTHER", "TOOLS"]
      })
    }
  })

  it("that says nothing of this is empty", () => {
    for (const text of ["", "model = 3\n", "[profiles.x]\nmodel = \"y\"\n", "model = \"a\\\"b\"\n"]) {
      assert.deepStrictEqual(CodexProfile.parse(text), { model: undefined, modelProvider: undefined, keyVariables: [] })
    }
  })
})

describe("codex's home", () => {
  it.effect("has a profile for each of its files", () =>
    Effect.gen(function*() {
      const home = directoryWith({
        "config.toml": "model = \"gpt-5.5\"\n[model_providers.a]\nenv_key = \"A\"\n",
        "local.config.toml": "model_provider = \"ollama\"\nmodel = \"qwen3\"\n[model_providers.b]\nenv_key = \"B\"\n",
        "plain.config.toml": "",
        ".config.toml": "",
        "bad name.config.toml": "",
        "other.toml": ""
      })
      Fs.mkdirSync(Path.join(home, "directory.config.toml"))
      const config = yield* read(home)
      assert.deepStrictEqual([...config.profiles.keys()].toSorted(), ["local", "plain"])
      assert.deepStrictEqual([...CodexProfile.keyVariables(config)].toSorted(), ["A", "B"])
      const priced = (model: string) => CodexProfile.pricedModel(config, model)
      assert.strictEqual(priced("default"), "gpt-5.5")
      assert.strictEqual(priced("gpt-5.4"), "gpt-5.4")
      assert.strictEqual(priced("plain@"), "gpt-5.5")
      assert.strictEqual(priced("plain@gpt-5.4"), "gpt-5.4")
      // a model of another provider has not the price of the one that OpenAI has under this name
      assert.strictEqual(priced("local@"), "ollama/qwen3")
      assert.strictEqual(priced("local@gpt-5.4"), "ollama/gpt-5.4")
    }))

  it.effect("says nothing where it is not", () =>
    Effect.gen(function*() {
      for (const home of [undefined, "/nonexistent/codex"]) {
        const config = yield* read(home)
        assert.strictEqual(config.profiles.size, 0)
        assert.strictEqual(CodexProfile.pricedModel(config, "default"), "default")
      }
    }))
})
