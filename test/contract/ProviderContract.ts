/**
 * What every provider has to do, to be run by the author of one against a server or command of the test's own.
 *
 * The provider under test must answer any prompt; with a schema, by a value that fits it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as JsonText from "../../src/internal/jsonText.ts"
import type { Listener, Provider, Request } from "../../src/provider/Provider.ts"

/** A request with everything left out that can be. */
export const request = (fields: Partial<Request> = {}): Request => ({
  callId: "call-1",
  attempt: 1,
  prompt: "Say something.",
  system: undefined,
  schema: undefined,
  model: "",
  temperature: undefined,
  maxOutputTokens: undefined,
  agentType: undefined,
  permissions: undefined,
  readScope: undefined,
  writeScope: undefined,
  mutates: false,
  cwd: undefined,
  timeout: Duration.seconds(30),
  idleTimeout: undefined,
  correction: undefined,
  session: undefined,
  metadata: {},
  ...fields
})

/** A listener that keeps nothing. */
export const listener: Listener = { session: () => Effect.void, usage: () => Effect.void }

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })

/** Runs the contract; `provider` is built anew for every test. */
export const suite = (name: string, provider: Effect.Effect<Provider, unknown, Scope.Scope>): void => {
  const test = (title: string, body: (provider: Provider) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.scopedLive(title, () => Effect.flatMap(provider, body))
  const asked = (provider: Provider, fields: Partial<Request> = {}) =>
    provider.ask(request({ model: provider.resolveModel(undefined), ...fields }), listener)

  describe(`${name} keeps the contract of a provider`, () => {
    test("has a lower-case name and a model to ask by default", (provider) =>
      Effect.sync(() => {
        assert.match(provider.name, /^[a-z0-9_-]+$/)
        const model = provider.resolveModel(undefined)
        assert.notStrictEqual(model, "")
        assert.strictEqual(provider.resolveModel(model), model)
        assert.strictEqual(provider.resolveModel("some-model"), "some-model")
      }))

    test("answers with a text, whole counts and a cost that is never negative", (provider) =>
      Effect.gen(function*() {
        const answer = yield* asked(provider)
        assert.notStrictEqual(answer.text, "")
        assert.notStrictEqual(answer.raw, "")
        if (answer.usage !== undefined) assert.isTrue(Schema.is(Schema.typeSchema(Usage.Usage))(answer.usage))
        if (answer.cost !== undefined) {
          assert.isAtLeast(answer.cost.amount, 0)
          assert.isTrue(Number.isSafeInteger(answer.cost.amount))
          assert.notStrictEqual(answer.cost.source, "")
        }
      }))

    test("answers with a value that fits the schema, when it takes one", (provider) =>
      Effect.gen(function*() {
        if (provider.capabilities.schema === "none") return
        const schema = yield* AnswerSchema.make(Label)
        const answer = yield* asked(provider, { schema: schema.json })
        const value = answer.structured ?? (yield* JsonText.extract(answer.text)).value
        const decoded = schema.decode(value)
        assert.isTrue(Either.isRight(decoded), answer.text)
      }))

    test("estimates whole tokens that cover the input it reports", (provider) =>
      Effect.gen(function*() {
        const fields = { model: provider.resolveModel(undefined), prompt: "Count these words. Ünïcödé, too: 数える." }
        const estimate = provider.estimate(request(fields))
        const { usage = Usage.zero } = yield* asked(provider, fields)
        assert.isTrue(Number.isSafeInteger(estimate.inputTokens) && Number.isSafeInteger(estimate.outputTokens))
        assert.isAtLeast(estimate.inputTokens, usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens)
        const cost = estimate.cost(estimate.inputTokens, estimate.outputTokens)
        if (cost !== undefined) assert.isAtLeast(cost, 0)
      }))

    test("serves requests at the same time", (provider) =>
      Effect.gen(function*() {
        const calls = Array.from({ length: 8 }, (_, index) => asked(provider, { callId: `call-${index}` }))
        const answers = yield* Effect.all(calls, { concurrency: "unbounded" })
        assert.strictEqual(answers.length, 8)
      }))

    test("can be interrupted at once", (provider) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(asked(provider))
        const exit = yield* Effect.timeout(Fiber.interrupt(fiber), "5 seconds")
        assert.isTrue(exit._tag === "Success" || exit.cause._tag !== "Die")
      }))
  })
}
