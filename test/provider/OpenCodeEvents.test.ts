import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import type * as Usage from "../../src/domain/Usage.ts"
import * as OpenCode from "../../src/provider/OpenCode.ts"
import * as cliFixtures from "./cliFixtures.ts"

interface Expected {
  readonly text?: string
  readonly reason?: ProviderReason
  readonly usage?: Usage.Usage
  readonly cost?: number
  readonly wait?: number
  readonly isComplete?: boolean
}

const counts = (input: number, output: number, read: number, write: number): Usage.Usage => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadTokens: read,
  cacheWriteTokens: write
})
const one = counts(12, 7, 1_000, 0)

const cases: Readonly<Record<string, Expected>> = {
  json: { text: "PONG {\"answer\":42}", usage: one, cost: 0.000026, isComplete: true },
  // three steps, of which one was refused a tool
  tools: { text: "PONG done", usage: counts(36, 21, 3_000, 0), cost: 0.001578, isComplete: true },
  "401": { reason: "Authentication", isComplete: false },
  "404": { reason: "UnknownModel", isComplete: false },
  "429": { reason: "RateLimited", wait: 1_000, isComplete: false },
  // the exit code is 0
  cut: { reason: "Truncated", usage: one, cost: 0.000526, isComplete: false },
  filtered: { reason: "Refused", usage: one, cost: 0.000526, isComplete: false },
  lostsession: { reason: "Unavailable", isComplete: false }
}

const line = (type: string, part: Record<string, unknown> = {}) => JSON.stringify({ type, sessionID: "ses_1", part })
const start = line("step_start")
const text = (value: string) => line("text", { text: value })
const finish = (reason: unknown, more: Record<string, unknown> = {}) => line("step_finish", { reason, ...more })
const error = (name: string, data: Record<string, unknown> = {}) =>
  JSON.stringify({ type: "error", sessionID: "ses_1", error: { name, data: { message: "no", ...data } } })
const fold = (lines: ReadonlyArray<string>, end = {}) => cliFixtures.fold(OpenCode.format, lines, end)

describe("OpenCodeEvents", () => {
  for (const [name, expected] of Object.entries(cases)) {
    it(`reads ${name} as ${expected.reason ?? "an answer"}`, () => {
      const { completion, isComplete, problem, session } = cliFixtures.read(OpenCode.format, `opencode-${name}`)
      assert.strictEqual(problem?.reason, expected.reason, problem?.detail)
      assert.strictEqual(problem?.retryAfterMs, expected.wait)
      assert.strictEqual(isComplete, expected.isComplete)
      assert.strictEqual(completion?.text ?? "", expected.text ?? "")
      assert.deepStrictEqual(completion?.usage, expected.usage)
      assert.approximately(completion?.costUsd ?? 0, expected.cost ?? 0, 1e-12)
      if (name !== "lostsession") assert.match(session ?? "", /^ses_\w+$/)
      if (problem !== undefined) assert.notStrictEqual(problem.detail, "")
    })
  }

  it("knows a session that is gone, so that the next request starts a new one", () => {
    assert.strictEqual(cliFixtures.read(OpenCode.format, "opencode-lostsession").problem?.isSessionLost, true)
    assert.isUndefined(OpenCode.format.failure(cliFixtures.ended({ stderr: "the model says Session not found" })))
  })

  it("adds reasoning to output, adds up steps, and tells what is used after each", () => {
    const tokens = { input: 3, output: 2, reasoning: 5, cache: { read: 7, write: 11 } }
    const lines = [
      start,
      finish("tool-calls", { tokens, cost: 0.25 }),
      start,
      text("x"),
      finish("stop", { tokens, cost: 0.5 })
    ]
    const { completion, told } = fold(lines)
    assert.deepStrictEqual(completion?.usage, counts(6, 14, 14, 22))
    assert.strictEqual(completion?.costUsd, 0.75)
    assert.deepStrictEqual(told, [7, 14])
  })

  it("takes the text of the last step only", () => {
    const { completion } = fold([
      start,
      text("Let me see."),
      finish("tool-calls"),
      start,
      text("a"),
      text("b"),
      finish("stop")
    ])
    assert.strictEqual(completion?.text, "a\nb")
  })

  it("takes no answer from a last step that did not stop of itself", () => {
    const reasonOf = (reason: unknown) => fold([start, text("x"), finish(reason)])
    assert.strictEqual(reasonOf("error").problem?.reason, "Unavailable")
    for (const reason of ["tool-calls", "unknown", "other", undefined, 1]) {
      assert.isUndefined(reasonOf(reason).completion)
    }
    assert.isUndefined(fold([start, text("x")]).completion)
    assert.isUndefined(fold([start, text("x"), finish("tool-calls"), start]).completion)
  })

  it("tells the reason of an error from its name, its status and what the server sent", () => {
    const reason = (sent: string) => fold([sent]).problem?.reason
    assert.strictEqual(reason(error("ProviderAuthError")), "Authentication")
    assert.strictEqual(reason(error("ContextOverflowError")), "ContextOverflow")
    assert.strictEqual(reason(error("MessageOutputLengthError")), "Truncated")
    assert.strictEqual(reason(error("MessageAbortedError")), "Unavailable")
    assert.strictEqual(reason(error("ProviderModelNotFoundError")), "UnknownModel")
    assert.strictEqual(reason(error("APIError", { statusCode: 503 })), "Overloaded")
    const responseBody = JSON.stringify({ error: { code: "insufficient_quota", message: "no" } })
    assert.strictEqual(reason(error("APIError", { statusCode: 429, responseBody })), "Billing")
    assert.strictEqual(reason(error("UnknownError")), "Unknown")
    assert.strictEqual(reason(JSON.stringify({ type: "error" })), "Unknown")
  })

  it("keeps what was used before an error, and goes on with a step after one", () => {
    const tokens = { input: 1, output: 1 }
    const lines = [start, finish("tool-calls", { tokens }), error("APIError", { statusCode: 500 })]
    assert.deepStrictEqual(fold(lines).completion?.usage, counts(1, 1, 0, 0))
    assert.strictEqual(fold([...lines, start, text("x"), finish("stop")]).completion?.text, "x")
  })

  it("never throws, and never makes an answer up, whatever a line holds", () => {
    const lines = cliFixtures.text("opencode-json.out").split("\n")
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(lines.length - 1),
        FastCheck.nat(200),
        FastCheck.jsonValue(),
        (at, cut, other) => {
          const changed = lines.map((whole, index) =>
            index === at ? whole.slice(0, cut) + JSON.stringify(other) : whole
          )
          const { completion, problem } = fold(changed)
          if (completion !== undefined && problem === undefined) {
            assert.include(["", "PONG {\"answer\":42}"], completion.text)
          }
        }
      ),
      { numRuns: 300 }
    )
    const part = FastCheck.dictionary(FastCheck.constantFrom("text", "reason", "tokens", "cost"), FastCheck.jsonValue())
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom("step_start", "text", "step_finish", "error"), part, (type, fields) => {
        fold([start, line(type, fields), JSON.stringify({ type, error: fields }), finish("stop")])
      }),
      { numRuns: 300 }
    )
  })
})
