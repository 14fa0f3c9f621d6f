import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as PriceSources from "../../src/provider/PriceSources.ts"
import * as PriceTable from "../../src/provider/PriceTable.ts"

const now = Date.parse("2026-11-20T12:00:00Z")
const read = (document: unknown) =>
  PriceSources.read(typeof document === "string" ? document : JSON.stringify(document), now)
const reading = (document: unknown) => Either.getOrThrow(read(document))
const refusal = (document: unknown) => Either.getOrThrow(Either.flip(read(document)))
const flat = (base: number) => ({ base, tiers: [] })

const genai = [{
  id: "openai",
  api_pattern: "x",
  models: [
    {
      id: "gpt-5.5",
      match: { or: [{ equals: "gpt-5.5" }, { equals: "gpt-5.5-chat" }, { starts_with: "gpt-5.5-2" }] },
      prices: {
        input_mtok: { base: 5, tiers: [{ start: 272000, price: 10 }] },
        output_mtok: 30,
        cache_read_mtok: 0.5
      }
    },
    { id: "whisper", match: { equals: "whisper" }, prices: { input_audio_mtok: 3 } },
    {
      id: "by-date",
      match: { equals: "by-date" },
      prices: [
        { prices: { input_mtok: 1, output_mtok: 2 } },
        { constraint: { type: "start_date", start_date: "2026-06-01" }, prices: { input_mtok: 3, output_mtok: 4 } },
        { constraint: { type: "start_date", start_date: "2027-01-01" }, prices: { input_mtok: 9, output_mtok: 9 } }
      ]
    },
    {
      id: "by-hour",
      match: { equals: "by-hour" },
      prices: [
        { prices: { input_mtok: 1, output_mtok: 2 } },
        {
          constraint: { type: "time_of_date", start_time: "00:00:00Z", end_time: "08:00:00Z" },
          prices: { input_mtok: 2, output_mtok: 1 }
        }
      ]
    },
    { id: "unknown", match: { equals: "unknown" }, prices: { input_mtok: 0, output_mtok: 0 } }
  ]
}]

const litellm = {
  sample_spec: { litellm_provider: "one of …", input_cost_per_token: 0, output_cost_per_token: 0 },
  fallback_generalizations: { a: "b" },
  "gpt-5.5": {
    litellm_provider: "openai",
    mode: "chat",
    input_cost_per_token: 0.000005,
    output_cost_per_token: 3e-05,
    cache_read_input_token_cost: 5e-07,
    input_cost_per_token_above_272k_tokens: 1e-05,
    supports_vision: true
  },
  "openrouter/openai/gpt-5.5": {
    litellm_provider: "openrouter",
    input_cost_per_token: 5e-6,
    output_cost_per_token: 3e-5,
    input_cost_per_token_batches: 2.5e-6,
    output_cost_per_token_batches: 1.5e-5
  },
  "gemini/gemini-3.5-flash": { litellm_provider: "gemini", input_cost_per_token: 1.5e-6, output_cost_per_token: 9e-6 },
  "dall-e": { litellm_provider: "openai", mode: "image_generation", output_cost_per_image: 0.1 }
}

const modelsDev = {
  anthropic: {
    id: "anthropic",
    env: ["ANTHROPIC_API_KEY"],
    models: {
      "claude-sonnet-5-5": {
        id: "claude-sonnet-5-5",
        cost: { input: 2, output: 10, cache_read: 0.2, cache_write: 2.5, context_over_200k: { input: 4, output: 15 } }
      },
      "no-cost": { id: "no-cost" }
    }
  }
}

const openRouter = {
  data: [
    {
      id: "openai/gpt-5.5",
      pricing: { prompt: "0.000005", completion: "0.00003", input_cache_read: "0.0000005", request: "0" }
    },
    { id: "openrouter/auto", pricing: { prompt: "-1", completion: "-1" } },
    { id: "free/model:free", pricing: { prompt: "0", completion: "0" } }
  ]
}

describe("PriceSources", () => {
  it("reads genai-prices: tiers, names, today's price, and of prices by hour the dearest", () => {
    const { form, models, skipped } = reading(genai)
    assert.deepStrictEqual([form, skipped], ["genai-prices", 0])
    const gpt = {
      input: { base: 5, tiers: [{ start: 272000, price: 10 }] },
      output: flat(30),
      cacheRead: flat(0.5)
    }
    assert.deepStrictEqual(models, {
      openai: {
        "gpt-5.5": gpt,
        "gpt-5.5-chat": gpt,
        "by-date": { input: flat(3), output: flat(4) },
        "by-hour": { input: flat(2), output: flat(2) }
      }
    })
    assert.deepStrictEqual(reading({ version: 2, providers: genai }).models, models)
  })

  it("reads LiteLLM: dollars per token, exactly, with tiers, without the sample and without images", () => {
    const { form, models } = reading(litellm)
    assert.strictEqual(form, "LiteLLM")
    assert.deepStrictEqual(models, {
      openai: {
        "gpt-5.5": {
          input: { base: 5, tiers: [{ start: 272_000, price: 10 }] },
          output: flat(30),
          cacheRead: flat(0.5)
        }
      },
      openrouter: {
        "openai/gpt-5.5": { input: flat(5), output: flat(30), batch: { input: flat(2.5), output: flat(15) } }
      },
      google: { "gemini-3.5-flash": { input: flat(1.5), output: flat(9) } }
    })
  })

  it("reads models.dev, with the price of long inputs", () => {
    const { form, models } = reading(modelsDev)
    assert.strictEqual(form, "models.dev")
    assert.deepStrictEqual(models, {
      anthropic: {
        "claude-sonnet-5-5": {
          input: { base: 2, tiers: [{ start: 200_000, price: 4 }] },
          output: { base: 10, tiers: [{ start: 200_000, price: 15 }] },
          cacheRead: flat(0.2),
          cacheWrite: flat(2.5)
        }
      }
    })
  })

  it("reads OpenRouter, where what is free or variable has no price", () => {
    const { form, models, skipped } = reading(openRouter)
    assert.deepStrictEqual([form, skipped], ["OpenRouter", 1])
    assert.deepStrictEqual(models, {
      openrouter: { "openai/gpt-5.5": { input: flat(5), output: flat(30), cacheRead: flat(0.5) } }
    })
  })

  it("reads pairs, with or without an outer key", () => {
    const models = { "*": { "house-1": { input: flat(1.5), output: flat(2) } } }
    assert.deepStrictEqual(reading({ "House-1": [1.5, 2] }).models, models)
    assert.deepStrictEqual(reading({ prices: { "house-1": [1.5, 2] } }).models, models)
  })

  it.each([
    ["<html><body>404</body></html>", /not JSON/],
    ["", /not JSON/],
    ["{\"a\": NaN}", /not JSON/],
    ["null", /no prices in a form that is known: genai-prices, OpenRouter, LiteLLM, models.dev/],
    ["[]", /no prices in a form/],
    ["{}", /no prices in a form/],
    ["{\"message\": \"not found\"}", /no prices in a form/],
    ["{\"a\": [0, 0]}", /no model in it has a price/],
    ["{\"a\": [-1, 2]}", /no model in it has a price/],
    ["{\"a\": [1e400, 2]}", /no model in it has a price/],
    ["{\"a\": [1, 2], \"b\": [-1, 2], \"c\": [1, \"x\"]}", /2 of 3 prices in it are no prices/],
    // dollars per million where dollars per token are expected
    ["{\"a\": {\"litellm_provider\": \"x\", \"input_cost_per_token\": 5, \"output_cost_per_token\": 30}}", /no model/]
  ])("refuses %s", (text, expected) => {
    assert.match(refusal(text), expected)
  })

  it("takes no harm from names that mean something to JavaScript", () => {
    const { models } = reading("{\"__proto__\": [1, 2], \"constructor\": [3, 4]}")
    assert.notProperty({}, "input")
    const table: PriceTable.PriceTable = { version: 1, source: "", form: "", fetchedAt: "", etag: null, models }
    assert.isUndefined(PriceTable.find(table, "x", "toString"))
    assert.strictEqual(PriceTable.find(table, "x", "constructor")?.rates.input.base, 3)
  })
})

describe("PriceTable", () => {
  const rates = { input: flat(1), output: flat(2) }
  const table: PriceTable.PriceTable = {
    version: 1,
    source: "https://prices.example.org/a.json",
    form: "LiteLLM",
    fetchedAt: "2026-11-20T00:00:00.000Z",
    etag: null,
    models: {
      openai: { "gpt-5.4": rates, "gpt-5.4-mini": rates, "gpt-4o-2024-08-06": rates, "gpt-4o-2024-11-20": rates },
      "*": { anywhere: rates }
    }
  }
  const nameOf = (provider: string, model: string) => PriceTable.find(table, provider, model)?.name

  it("finds a model by its name, and by its name at a date", () => {
    assert.strictEqual(nameOf("openai", "gpt-5.4"), "gpt-5.4")
    assert.strictEqual(nameOf("openai", "gpt-5.4-mini-2026-03-17"), "gpt-5.4-mini")
    assert.strictEqual(nameOf("openai", "gpt-5.4@20260317"), "gpt-5.4")
    assert.strictEqual(nameOf("openai", "gpt-5.4-latest"), "gpt-5.4")
    assert.strictEqual(nameOf("openai", "gpt-4o"), "gpt-4o-2024-11-20")
    assert.strictEqual(nameOf("nobody", "anywhere"), "anywhere")
  })

  it("never takes a model for another whose name begins alike", () => {
    for (const model of ["gpt-5.4-mini-x", "gpt-5.4-pro", "gpt-5", "gpt-5.45", "gpt-4o-audio", "gpt-4", ""]) {
      assert.isUndefined(nameOf("openai", model), model)
    }
    assert.isUndefined(nameOf("anthropic", "gpt-5.4"))
  })

  it("is what it was after a file", () => {
    assert.deepStrictEqual(Either.getOrThrow(PriceTable.decode(PriceTable.encode(table))), table)
    assert.strictEqual(PriceTable.size(table), 5)
  })
})
