import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Usage from "../../src/domain/Usage.ts"
import * as PriceTable from "../../src/provider/PriceTable.ts"
import * as Pricing from "../../src/provider/Pricing.ts"
import * as Settings from "../../src/settings/Settings.ts"

const noon = Date.parse("2026-11-20T12:00:00Z")

const pricing = (env: Settings.Environment = {}) =>
  Effect.map(
    Layer.build(
      Pricing.layer.pipe(Layer.provide(Layer.merge(Settings.layer(env), NodeFileSystem.layer)))
    ),
    (context) => context.unsafeMap.get(Pricing.Pricing.key) as Pricing.Pricing["Type"]
  )

const withFile = (content: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFileString(file, content)
    return yield* pricing({ OWF_PRICES_FILE: file })
  }).pipe(Effect.provide(NodeFileSystem.layer))

const flat = (base: number): Pricing.Rate => ({ base, tiers: [] })
const price: Pricing.Price = {
  input: flat(5),
  output: flat(30),
  cacheRead: flat(0.5),
  cacheWrite: flat(6.25),
  source: "test"
}

describe("Pricing", () => {
  it.scoped("knows the models of the table and says which table that is", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* pricing()
      const found = Option.getOrThrow(priceAt("openai", "gpt-5.4-mini", noon))
      assert.deepStrictEqual(found, {
        input: flat(0.75),
        output: flat(4.5),
        cacheRead: flat(0.075),
        cacheWrite: flat(0.75),
        source: "genai-prices 0.1.8"
      })
      assert.isTrue(Option.isSome(priceAt("OpenAI", "GPT-5.4-mini", noon)))
      assert.isTrue(Option.isSome(priceAt("openai", "gpt-5.4-mini-2026-03-17", noon)))
      assert.isTrue(Option.isSome(priceAt("deepseek", "deepseek-v4-flash", noon)))
      assert.isTrue(Option.isSome(priceAt("openrouter", "openai/gpt-5.5", noon)))
      assert.isTrue(Option.isSome(priceAt("codex", "gpt-5.5", noon)))
      assert.isTrue(Option.isSome(priceAt("https://api.openai.com/v1", "gpt-5.5", noon)))
    }))

  it.effect("names the version of the table that is installed", () =>
    Effect.sync(() => {
      const file = Path.resolve(import.meta.dirname, "../../node_modules/@pydantic/genai-prices/package.json")
      const { version } = JSON.parse(Fs.readFileSync(file, "utf8")) as { readonly version: string }
      assert.strictEqual(`genai-prices ${version}`, "genai-prices 0.1.8")
    }))

  it.scoped("leaves unknown what it does not know", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* pricing()
      for (
        const [provider, model] of [
          ["openai", "gpt-99"],
          ["nobody", "gpt-5.5"],
          ["openai", ""],
          ["https://llm.example.org/v1", "gpt-5.5"]
        ] as const
      ) {
        assert.deepStrictEqual(priceAt(provider, model, noon), Option.none(), `${provider} ${model}`)
      }
    }))

  it.scoped("takes the price of the time", () =>
    Effect.gen(function*() {
      const { price, priceAt } = yield* pricing()
      const rateAt = (time: string) =>
        Option.map(priceAt("deepseek", "deepseek-v4-flash", Date.parse(time)), ({ output }) => output.base)
      assert.deepStrictEqual(rateAt("2026-08-01T12:00:00Z"), Option.some(0.28))
      assert.deepStrictEqual(rateAt("2026-11-20T12:00:00Z"), Option.some(0.66))
      assert.deepStrictEqual(rateAt("2026-11-20T02:00:00Z"), Option.some(1.32))
      yield* TestClock.setTime(Date.parse("2026-11-20T02:00:00Z"))
      const now = yield* price("deepseek", "deepseek-v4-flash")
      assert.strictEqual(Option.getOrThrow(now).output.base, 1.32)
    }))

  it.effect("adds up the four buckets exactly and rounds up once", () =>
    Effect.sync(() => {
      const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 400, cacheWriteTokens: 8 }
      assert.strictEqual(Pricing.cost(price, usage), 5_000_000 + 3_000_000 + 200_000 + 50_000)
      const small = { ...price, input: flat(0.0028), output: flat(0.0001) }
      assert.strictEqual(Pricing.cost(small, Usage.make({ inputTokens: 1 })), 3)
      assert.strictEqual(Pricing.cost(small, Usage.make({ inputTokens: 1_000_000 })), 2_800_000)
      assert.strictEqual(Pricing.cost(small, Usage.make({ outputTokens: 1 })), 1)
      assert.strictEqual(Pricing.cost(small, Usage.zero), 0)
    }))

  it.effect("prices batches as the table says, else at the vendor's part of the list price", () =>
    Effect.sync(() => {
      const tiered = { ...price, output: { base: 30, tiers: [{ start: 200_000, price: 45 }] } }
      assert.deepStrictEqual(Pricing.forBatch(tiered, 0.5), {
        input: flat(2.5),
        output: { base: 15, tiers: [{ start: 200_000, price: 22.5 }] },
        cacheRead: flat(0.25),
        cacheWrite: flat(3.125),
        source: "test, batch at 0.5"
      })
      const said = Pricing.forBatch({ ...price, batch: { input: flat(3), output: flat(20) } }, 0.5)
      assert.deepStrictEqual([said.input, said.output, said.source], [flat(3), flat(20), "test, batch"])
      assert.strictEqual(Pricing.forBatch({ ...price, input: flat(0.3) }, 0.1).input.base, 0.03)
    }))

  it.scoped("reads prices of batches from the user's own file", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* withFile(
        "{\"house\": {\"input\": 4, \"output\": 8, \"batch_input\": 1, \"batch_output\": 3}}"
      )
      const found = Option.getOrThrow(priceAt("anybody", "house", noon))
      assert.deepStrictEqual(found.batch, { input: flat(1), output: flat(3) })
    }))

  it.scoped("charges a long input at its tier", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* pricing()
      const tiered = Option.getOrThrow(priceAt("openai", "gpt-5.5", noon))
      assert.strictEqual(Pricing.cost(tiered, Usage.make({ inputTokens: 1_000, outputTokens: 1 })), 5_030_000)
      const long = Usage.make({ inputTokens: 200_000, cacheReadTokens: 100_000, outputTokens: 1 })
      assert.strictEqual(Pricing.cost(tiered, long), 200_000 * 10_000 + 100_000 * 1_000 + 45_000)
    }))

  it.effect("bounds every way in which tokens can be counted", () =>
    Effect.sync(() => {
      const count = FastCheck.nat({ max: 400_000 })
      const tiered = { ...price, input: { base: 5, tiers: [{ start: 200_000, price: 10 }] } }
      FastCheck.assert(FastCheck.property(count, count, count, count, (a, b, c, output) => {
        const usage = { inputTokens: a, cacheReadTokens: b, cacheWriteTokens: c, outputTokens: output }
        return Pricing.cost(tiered, usage) <= Pricing.bound(tiered, a + b + c, output)
      }))
    }))

  it.scoped("lets a file override the table, by the longest name", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* withFile(
        "\uFEFF{\"prices\": {\"gpt-5.4\": [1, 2], \"GPT-5.5\": [3, 4], \"house-model\": [0, 0], \"house-model-x\": [7, 8]}}"
      )
      const inputOf = (model: string) => Option.map(priceAt("openai", model, noon), ({ input }) => input.base)
      assert.deepStrictEqual(inputOf("gpt-5.4"), Option.some(1))
      assert.deepStrictEqual(inputOf("gpt-5.5"), Option.some(3))
      assert.deepStrictEqual(inputOf("house-model"), Option.some(0))
      assert.deepStrictEqual(inputOf("house-model-x-large"), Option.some(7))
      // the table's `gpt-5.4-mini` says more about this model than the file's `gpt-5.4`
      assert.deepStrictEqual(inputOf("gpt-5.4-mini"), Option.some(0.75))
      assert.strictEqual(Option.getOrThrow(priceAt("anyone", "gpt-5.5", noon)).source, "prices file")
    }))

  it.scoped("takes a file without the outer key", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* withFile("{\"m\": [1.5, 2]}")
      assert.strictEqual(Option.getOrThrow(priceAt("x", "m", noon)).input.base, 1.5)
    }))

  it.scoped.each([
    ["{\"good\": [1, 2], \"bad\": [1]}", /'bad' is not/],
    ["{\"bad\": [-1, 2]}", /'bad' is not/],
    ["{\"bad\": [1e400, 2]}", /'bad' is not/],
    ["{\"bad\": [\"1\", 2]}", /'bad' is not/],
    ["{\"prices\": {\"bad\": {\"in\": 1}}}", /'bad' is not/],
    ["{\"bad\": NaN}", /not a JSON object/],
    ["<html>", /not a JSON object/],
    ["[1, 2]", /not a JSON object/],
    ["", /not a JSON object/]
  ])("refuses the file %s", ([content, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(withFile(String(content)))
      assert.strictEqual(error._tag, "PricesError")
      assert.match(error.message, expected as RegExp)
    }))

  it.scoped("refuses a file that is too large or that was named and is not there", () =>
    Effect.gen(function*() {
      const large = yield* Effect.flip(withFile(" ".repeat(9_000_000)))
      assert.match(large.message, /9000000 bytes/)
      const missing = yield* Effect.flip(pricing({ OWF_PRICES_FILE: "/nowhere/prices.json" }))
      assert.match(missing.message, /\/nowhere\/prices\.json cannot be used: it does not exist/)
    }))

  it.scoped("takes no model for another whose name begins alike", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* withFile(
        "{\"gpt-5.4\": [1, 2], \"gpt-4\": [3, 4], \"open*\": [5, 6], \"acme-\": [7, 8]}"
      )
      const inputOf = (model: string) =>
        Option.getOrNull(Option.map(priceAt("openai", model, noon), ({ input }) => input.base))
      assert.strictEqual(inputOf("gpt-5.4-2026-01-01"), 1)
      // the table knows `gpt-5.4-mini` and `gpt-5.4-pro`, and nobody these variants of them
      assert.isNull(inputOf("gpt-5.4-mini-x"))
      assert.isNull(inputOf("gpt-5.4-pro-x"))
      assert.isNull(inputOf("gpt-4.99"))
      assert.isNull(inputOf("gpt-4x"))
      assert.strictEqual(inputOf("opener"), 5)
      assert.strictEqual(inputOf("acme-large"), 7)
    }))

  it.scoped("lets a price be for one provider, and say what the cache costs", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* withFile(
        "{\"openai/gpt-5.5\": [1, 2], \"house\": {\"input\": 4, \"output\": 8, \"cache_read\": 0.4, \"cache_write\": 5}}"
      )
      const inputOf = (provider: string) => Option.map(priceAt(provider, "gpt-5.5", noon), ({ input }) => input.base)
      assert.deepStrictEqual(inputOf("openai"), Option.some(1))
      assert.deepStrictEqual(inputOf("codex"), Option.some(1))
      assert.deepStrictEqual(inputOf("azure"), Option.some(5))
      const house = Option.getOrThrow(priceAt("anyone", "house", noon))
      assert.deepStrictEqual([house.cacheRead, house.cacheWrite], [flat(0.4), flat(5)])
    }))

  it.scoped("prices a model that names its vendor as the vendor's, where requests are passed on", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* pricing()
      const known = (provider: string, model: string) => Option.isSome(priceAt(provider, model, noon))
      assert.isTrue(known("openai", "openai/gpt-5.5"))
      assert.isTrue(known("opencode", "anthropic/claude-opus-4-6"))
      assert.isTrue(known("opencode", "google/gemini-3.5-flash"))
      assert.isTrue(known("gemini", "gemini-3.5-flash"))
      assert.isTrue(known("gemini-cli", "gemini-3.5-flash"))
      assert.isFalse(known("anthropic", "openai/gpt-5.5"))
      assert.isFalse(known("https://llm.example.org/v1", "openai/gpt-5.5"))
    }))

  it.scoped("prefers a table that was fetched, says where and when it was, and does without a broken one", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const file = `${home}/.workflows/price-table.json`
      yield* fs.makeDirectory(`${home}/.workflows`)
      const rates = { input: flat(9), output: flat(10) }
      yield* fs.writeFileString(
        file,
        PriceTable.encode({
          version: 1,
          source: "https://prices.example.org/a/b.json",
          form: "LiteLLM",
          fetchedAt: "2026-11-19T08:00:00.000Z",
          etag: null,
          models: { openai: { "gpt-5.5": rates, "gpt-99": rates } }
        })
      )
      const { priceAt } = yield* pricing({ HOME: home })
      const found = Option.getOrThrow(priceAt("codex", "gpt-99", noon))
      assert.deepStrictEqual(found, {
        ...rates,
        cacheRead: flat(9),
        cacheWrite: flat(9),
        source: "prices.example.org 2026-11-19"
      })
      assert.deepStrictEqual(Option.map(priceAt("openai", "gpt-5.5", noon), ({ input }) => input.base), Option.some(9))
      assert.isTrue(Option.isSome(priceAt("openai", "gpt-5.4-mini", noon)))
      yield* fs.writeFileString(file, "{\"version\": 1, \"models\": {\"openai\": {\"gpt-5.5\": {\"input\": -1}}}}")
      const without = yield* pricing({ HOME: home })
      assert.strictEqual(Option.getOrThrow(without.priceAt("openai", "gpt-5.5", noon)).source, "genai-prices 0.1.8")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("does without the default file", () =>
    Effect.gen(function*() {
      const { priceAt } = yield* pricing({ HOME: "/nowhere" })
      assert.isTrue(Option.isSome(priceAt("openai", "gpt-5.5", noon)))
    }))
})
