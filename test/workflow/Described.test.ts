import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CallKey from "open-agent-workflows/domain/CallKey"
import type { Capabilities } from "open-agent-workflows/provider/Provider"
import * as Registry from "open-agent-workflows/provider/Registry"
import * as Scripted from "open-agent-workflows/provider/Scripted"
import type { CallOptions } from "open-agent-workflows/workflow/Options"
import * as Described from "../../src/workflow/Described.ts"

const defaults: Described.RunDefaults = {
  provider: "one",
  model: "run-model",
  cachePolicy: "read_only",
  timeout: Duration.minutes(3)
}

const describeCall = (
  options: CallOptions & { readonly schema?: Schema.Schema<number, string> },
  changes: { readonly defaults?: Partial<Described.RunDefaults>; readonly capabilities?: Partial<Capabilities> } = {}
) =>
  Effect.gen(function*() {
    const { capabilities } = changes
    const providers = yield* Registry.make([
      Scripted.make([], { name: "one", model: "one-model", capabilities }),
      Scripted.make([], { name: "two", model: "two-model", capabilities })
    ])
    return yield* Described.make("Hello", options, { ...defaults, ...changes.defaults }, providers)
  })

describe("what a call does not say", () => {
  it.effect("the run says", () =>
    Effect.gen(function*() {
      const described = yield* describeCall({})
      assert.deepInclude(described, {
        prompt: "Hello",
        model: "run-model",
        isolation: "none",
        mutating: false,
        cachePolicy: "read_only",
        access: { reads: true, writes: false, status: "miss" },
        timeout: Duration.minutes(3),
        settingsJson: null,
        answer: undefined
      })
      assert.strictEqual(described.provider.name, "one")
    }))

  it.effect("is left out of its key", () =>
    Effect.gen(function*() {
      const { callKey, optsJson } = yield* describeCall({})
      assert.strictEqual(optsJson, `{"isolation":"none","model":"run-model","provider":"one"}`)
      assert.strictEqual(callKey, CallKey.make(optsJson, "Hello"))
    }))

  it.effect("the provider says where the run does not", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* describeCall({}, { defaults: { model: undefined } })).model, "one-model")
    }))
})

describe("the model", () => {
  it.effect("of the call wins", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* describeCall({ model: "mine" })).model, "mine")
      assert.strictEqual((yield* describeCall({ model: "mine", provider: "two" })).model, "mine")
    }))

  it.effect("of the run is not asked of another provider", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* describeCall({ provider: "two" })).model, "two-model")
    }))

  it.effect("of the run holds when a call names the run's own provider", () =>
    Effect.gen(function*() {
      const [named, unnamed] = [yield* describeCall({ provider: "one" }), yield* describeCall({})]
      assert.strictEqual(named.model, "run-model")
      assert.strictEqual(named.callKey, unnamed.callKey)
    }))
})

describe("the key", () => {
  it.effect("has everything in it that decides the answer", () =>
    Effect.gen(function*() {
      const { callKey } = yield* describeCall({})
      const deciding: ReadonlyArray<CallOptions & { readonly schema?: Schema.Schema<number, string> }> = [
        { provider: "two", model: "run-model" },
        { model: "other" },
        { system: "Be brief" },
        { temperature: 0 },
        { maxOutputTokens: 10 },
        { agentType: "reviewer" },
        { isolation: "worktree" },
        { cacheNamespace: "team" },
        { readScope: [] },
        { writeScope: [] },
        { permissions: [] },
        { schema: Schema.NumberFromString }
      ]
      const keys = yield* Effect.forEach(deciding, (options) => describeCall(options))
      assert.strictEqual(new Set([callKey, ...keys.map((one) => one.callKey)]).size, deciding.length + 1)
    }))

  it.effect("has nothing in it that does not", () =>
    Effect.gen(function*() {
      const plain = yield* describeCall({})
      const more = yield* describeCall({
        label: "one",
        phase: "two",
        timeout: "1 second",
        cachePolicy: "disabled",
        metadata: { a: 1 }
      })
      assert.strictEqual(more.callKey, plain.callKey)
      assert.strictEqual(more.optsJson, plain.optsJson)
    }))
})

describe("a call that is mutating", () => {
  it.effect("bypasses the cache", () =>
    Effect.gen(function*() {
      for (const options of [{ isolation: "worktree" }, { writeScope: ["src"] }] as const) {
        const described = yield* describeCall(options)
        assert.deepInclude(described, {
          mutating: true,
          access: { reads: false, writes: false, status: "bypassed" }
        })
      }
    }))
})

describe("the settings", () => {
  it.effect("are the timeout and the metadata, as JSON", () =>
    Effect.gen(function*() {
      const settings = (options: CallOptions) =>
        Effect.map(describeCall(options), ({ settingsJson }) => settingsJson === null ? null : JSON.parse(settingsJson))
      assert.deepStrictEqual(yield* settings({ timeout: "90 seconds" }), { timeoutMs: 90_000 })
      assert.deepStrictEqual(yield* settings({ metadata: { ticket: 1 } }), { metadata: { ticket: 1 } })
      const both = { timeout: 5, metadata: { n: 1n, at: new Date(0) } }
      assert.deepStrictEqual(yield* settings(both), {
        timeoutMs: 5,
        metadata: { n: "1", at: "1970-01-01T00:00:00.000Z" }
      })
      assert.deepInclude(yield* describeCall({ timeout: "90 seconds" }), { timeout: Duration.seconds(90) })
    }))
})

describe("a call is refused", () => {
  const refusals: ReadonlyArray<
    readonly [string, CallOptions & { readonly schema?: Schema.Schema<number, string> }, Partial<Capabilities>, string]
  > = [
    [
      "schema",
      { schema: Schema.NumberFromString },
      { schema: "none" },
      "provider one cannot give answers that fit a schema"
    ],
    ["temperature", { temperature: 0 }, { temperature: false }, "provider one has no temperature"],
    ["writeScope", { writeScope: ["src"] }, { writesFiles: false }, "provider one cannot change files"],
    ["isolation", { isolation: "worktree" }, { writesFiles: false }, "provider one cannot change files"],
    [
      "prompt",
      { system: "Bé brief" },
      { maxPromptBytes: 13 },
      "with system and schema it has 14 bytes; provider one takes 13"
    ]
  ]

  it.effect.each(refusals)(
    "for its %s when the provider cannot give that",
    ([option, options, capabilities, detail]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* Effect.flip(describeCall(options, { capabilities })), { option, detail })
        yield* describeCall(options)
      })
  )

  it.effect("not for a prompt that is just short enough, its schema counted", () =>
    Effect.gen(function*() {
      yield* describeCall({ system: "Bé brief" }, { capabilities: { maxPromptBytes: 14 } })
      const options = { schema: Schema.NumberFromString }
      const { detail } = yield* Effect.flip(describeCall(options, { capabilities: { maxPromptBytes: 5 } }))
      const bytes = Number(/it has (\d+) bytes/.exec(detail)?.[1])
      assert.isAbove(bytes, 5)
      yield* describeCall(options, { capabilities: { maxPromptBytes: bytes } })
    }))

  it.effect("not for what it does not ask for", () =>
    Effect.gen(function*() {
      const capabilities: Partial<Capabilities> = { schema: "none", temperature: false, writesFiles: false }
      yield* describeCall({ writeScope: [] }, { capabilities })
    }))

  it.effect("for a provider that does not exist", () =>
    Effect.gen(function*() {
      const problem = yield* Effect.flip(describeCall({ provider: "three" }))
      assert.strictEqual(problem.option, "provider")
      assert.include(problem.detail, "three")
    }))

  it.effect("for a schema no provider can be asked for", () =>
    Effect.gen(function*() {
      const schema = Schema.declare((value: unknown): value is number => value === 1) as never
      assert.deepInclude(yield* Effect.flip(describeCall({ schema })), { option: "schema" })
    }))

  it.effect("for the first option that is wrong, before anything else", () =>
    Effect.gen(function*() {
      const wrong = { provider: "three", temperature: 9 }
      assert.deepInclude(yield* Effect.flip(describeCall(wrong)), { option: "temperature" })
    }))
})
