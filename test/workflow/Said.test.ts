import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { agent, AgentResult, OwfTest, RunStore, Usage, Workflow } from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"
import type { Answer, Provider } from "open-agent-workflows/provider/Provider"
import { ProviderError } from "open-agent-workflows/provider/Provider"
import { provider } from "./teller.ts"

const answer = (said: Partial<Answer>): Answer => ({
  text: "done",
  structured: undefined,
  raw: "done",
  usage: undefined,
  cost: undefined,
  model: undefined,
  session: undefined,
  ...said
})

const ask = Workflow.make({ name: "ask" }, () => AgentResult.settle(agent("Ask")))

/** What the record holds after a run with a budget that asked once. */
const recorded = (said: Provider["ask"]) =>
  Effect.gen(function*() {
    const result = yield* ask()
    const store = yield* RunStore.RunStore
    const run = yield* store.run("latest")
    const [call] = yield* store.calls(run.id)
    const [attempt] = yield* store.attempts(call!.id)
    return { result, run, attempt: attempt! }
  }).pipe(Effect.provide(OwfTest.layer({ provider: provider(said), budget: { tokens: 10_000, costUsd: 1 } })))

const counts = [-1, 1.5, NaN, Infinity, 1e300, Number.MAX_SAFE_INTEGER]

describe("a count that cannot be true", () => {
  for (const count of counts) {
    it.effect(`of ${count} tokens in an answer is taken for none: what was set aside counts`, () =>
      Effect.gen(function*() {
        const said = answer({ usage: { ...Usage.zero, outputTokens: count } })
        const { attempt, result, run } = yield* recorded(() => Effect.succeed(said))
        assert.strictEqual(result.status, "done")
        assert.deepInclude(attempt, { status: "done", inputTokens: 100, outputTokens: 0, costUsd: 1e-7 })
        assert.deepInclude(run, { status: "done", budgetSpentTokens: 100, budgetSpentCostUsd: 1e-7 })
      }))

    it.effect(`of ${count} tokens that a request reports is left out`, () =>
      Effect.gen(function*() {
        const { attempt, result } = yield* recorded((_, listener) =>
          Effect.as(
            listener.usage({ ...Usage.zero, inputTokens: count }),
            answer({ usage: Usage.make({ inputTokens: 7 }) })
          )
        )
        assert.strictEqual(result.status, "done")
        assert.deepInclude(attempt, { inputTokens: 7, outputTokens: 0 })
      }))

    it.effect(`of ${count} billionths of a dollar in an answer leaves the cost unknown, at what was set aside`, () =>
      Effect.gen(function*() {
        const cost = { amount: Money.fromNano(count), source: "provider" }
        const said = answer({ usage: Usage.make({ inputTokens: 7 }), cost })
        const { attempt, run } = yield* recorded(() => Effect.succeed(said))
        assert.deepInclude(attempt, { status: "done", inputTokens: 7, costUsd: null, costSource: null })
        assert.deepInclude(run, { status: "done", budgetSpentTokens: 7, budgetSpentCostUsd: 1e-7 })
      }))

    it.effect(`of ${count} billionths of a dollar in a refusal is left out, and the refusal stays as it is`, () =>
      Effect.gen(function*() {
        const error = new ProviderError({
          provider: "teller",
          reason: "Refused",
          detail: "not this",
          raw: "no",
          usage: Usage.make({ inputTokens: 7 }),
          cost: { amount: count, source: "provider" }
        })
        const { attempt, result, run } = yield* recorded(() => Effect.fail(error))
        assert.strictEqual(result.status, "provider_failed")
        assert.deepInclude(attempt, { status: "failed", inputTokens: 7, costUsd: null })
        assert.deepInclude(run, { status: "done", budgetSpentTokens: 7 })
      }))
  }
})
