import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Fake from "../../src/provider/Fake.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"

ProviderContract.suite("Fake", Effect.sync(() => Fake.make()))

const ask = (fields: Parameters<typeof ProviderContract.request>[0]) =>
  Fake.make().ask(ProviderContract.request({ model: "fake", ...fields }), ProviderContract.listener)

describe("Fake", () => {
  it.effect("answers with the prompt, for nothing", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ prompt: "Label: crash" })
      assert.deepStrictEqual(answer, {
        text: "Label: crash",
        structured: undefined,
        raw: "Label: crash",
        usage: Usage.zero,
        cost: { amount: Money.zero, source: "fake" },
        model: "fake",
        session: undefined
      })
    }))

  it.effect("answers a schema with the same valid value every time", () =>
    Effect.gen(function*() {
      const schema = {
        type: "object",
        properties: { kind: { enum: ["bug", "feature"] }, count: { type: "integer", minimum: 3 } },
        required: ["kind", "count"],
        additionalProperties: false
      }
      const first = yield* ask({ schema })
      const second = yield* ask({ schema })
      assert.deepStrictEqual(first, second)
      assert.deepStrictEqual(first.structured, { kind: "bug", count: 3 })
      assert.strictEqual(first.text, "{\"kind\":\"bug\",\"count\":3}")
    }))

  it.effect("says so when no value fits", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask({ schema: { type: "string", not: {} } }))
      assert.deepInclude(error, { _tag: "ProviderError", provider: "fake", reason: "Malformed" })
      assert.match(error.message, /no value that fits the schema could be made up/)
    }))

  it.effect("estimates nothing and limits nothing, unless told to", () =>
    Effect.sync(() => {
      const { capabilities, estimate } = Fake.make()
      const { cost, ...tokens } = estimate(ProviderContract.request())
      assert.deepStrictEqual(tokens, { inputTokens: 0, outputTokens: 0 })
      assert.strictEqual(cost(1_000, 1_000), Money.zero)
      assert.isUndefined(capabilities.concurrency)
      assert.strictEqual(Fake.make({ concurrency: 2 }).capabilities.concurrency, 2)
    }))
})
