import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AgentError from "open-agent-workflows/domain/AgentError"
import * as AgentResult from "open-agent-workflows/domain/AgentResult"
import * as Ids from "open-agent-workflows/domain/Ids"
import type * as Outcome from "open-agent-workflows/domain/Outcome"
import * as Usage from "open-agent-workflows/domain/Usage"

const facts: Outcome.Facts = {
  callId: Schema.decodeSync(Ids.CallId)("20260528-143201-0sj04k7m2x9_call_0001"),
  label: null,
  phase: null,
  provider: "fake",
  model: "fake",
  agentType: null,
  cacheStatus: "miss",
  cacheKey: "",
  promptPath: "",
  outputTextPath: null,
  outputJsonPath: null,
  rawOutputPath: null,
  transcriptPath: null,
  artifacts: [],
  schemaHash: null,
  validationStatus: "not_checked",
  validationErrors: [],
  validationAttempts: 0,
  usage: Usage.zero,
  estimatedCostUsd: null,
  durationMs: 1,
  isolation: "none",
  worktreePath: null,
  worktreeBranch: null,
  baseCommit: null,
  headCommit: null,
  changedFiles: [],
  patch: null
}

const done: AgentResult.Done<number> = { ...facts, ok: true, status: "done", value: 42, text: "42", error: null }
const result: AgentResult.Failed = {
  ...facts,
  ok: false,
  status: "provider_failed",
  value: null,
  text: "half of",
  error: "fake: overloaded"
}

const errors: ReadonlyArray<AgentError.AgentError> = [
  new AgentError.ProviderFailed({ reason: "Overloaded", attempts: 5, result }),
  new AgentError.SchemaFailed({ result }),
  new AgentError.CallTimeout({ timeoutMs: 1, result }),
  new AgentError.WorktreeFailed({ result }),
  new AgentError.BudgetExceeded({ unit: "usd", total: 1, spent: 1, requested: 1, result }),
  new AgentError.InvalidCall({ option: "schema", result })
]

class Mine extends Schema.TaggedError<Mine>("Mine")("Mine", { n: Schema.Number }) {}

describe("settle", () => {
  it.effect("gives a done result as it is", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* AgentResult.settle(Effect.succeed(done)), done)
    }))

  it.effect("turns every agent error into the failed result it carries", () =>
    Effect.gen(function*() {
      for (const error of errors) {
        const settled = yield* AgentResult.settle(Effect.fail(error))
        assert.deepStrictEqual(settled, result, error._tag)
      }
    }))

  it.effect("lets errors that are not a call's go on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AgentResult.settle(Effect.fail(new Mine({ n: 1 }))))
      assert.deepInclude(error, { _tag: "Mine", n: 1 })
    }))

  it.effect("lets defects and interruption go on", () =>
    Effect.gen(function*() {
      const died = yield* Effect.exit(AgentResult.settle(Effect.die("broken")))
      assert.isTrue(Exit.isFailure(died) && Option.isSome(Cause.dieOption(died.cause)))
      const stopped = yield* Effect.exit(AgentResult.settle(Effect.interrupt))
      assert.isTrue(Exit.isInterrupted(stopped))
    }))
})

describe("a settled result", () => {
  it.effect("that is done gives its value, its text and itself", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* AgentResult.valueOrFail(done), 42)
      assert.strictEqual(yield* AgentResult.textOrFail(done), "42")
      assert.strictEqual(yield* AgentResult.requireOk(done), done)
    }))

  it.effect("that failed fails with its status and its text, under its label or its id", () =>
    Effect.gen(function*() {
      for (const read of [AgentResult.valueOrFail, AgentResult.textOrFail, AgentResult.requireOk]) {
        const error = yield* Effect.flip<unknown, AgentError.NotOk, never>(read(result))
        assert.deepInclude(error, { _tag: "NotOk" })
        assert.strictEqual(error.message, `${result.callId} is provider_failed: fake: overloaded`)
        assert.deepStrictEqual(error.result, result)
      }
      const labelled = yield* Effect.flip(AgentResult.valueOrFail<number>({ ...result, label: "review" }))
      assert.strictEqual(labelled.message, "review is provider_failed: fake: overloaded")
    }))

  it("is told from a done one and from anything else", () => {
    assert.isTrue(AgentResult.isFailed(result))
    for (const other of [done, null, undefined, "failed", { ok: false }, { ok: false, status: "failed" }, errors[0]]) {
      assert.isFalse(AgentResult.isFailed(other))
    }
  })
})

describe("agent errors", () => {
  it("are known by their tag and the result they carry", () => {
    assert.isTrue(errors.every(AgentError.isAgentError))
    for (
      const other of [new Mine({ n: 1 }), new AgentError.NotOk({ result }), { _tag: "SchemaFailed" }, result, null]
    ) {
      assert.isFalse(AgentError.isAgentError(other))
    }
  })

  it("say what their result says", () => {
    for (const error of errors) assert.strictEqual(error.message, result.error)
  })
})
