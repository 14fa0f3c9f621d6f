import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import type * as Usage from "../../src/domain/Usage.ts"
import * as GeminiCli from "../../src/provider/GeminiCli.ts"
import * as cliFixtures from "./cliFixtures.ts"

interface Expected {
  readonly text?: string
  readonly reason?: ProviderReason
  readonly usage?: Usage.Usage
  readonly model?: string
  readonly isComplete?: boolean
  readonly session?: string
}

const counts = (input: number, output: number, read: number): Usage.Usage => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadTokens: read,
  cacheWriteTokens: 0
})
const nothing = counts(0, 0, 0)

const cases: Readonly<Record<string, Expected>> = {
  stream: {
    text: "PONG {\"answer\":42}",
    usage: counts(8, 7, 4),
    model: "gemini-mock",
    session: "58a600d1-62cb-4ffd-9e64-6eb6503961fd",
    isComplete: true
  },
  // the output of another format, which is not asked for
  json: { isComplete: false },
  tools: { text: "PONG done", usage: counts(24, 30, 12), model: "gemini-2.5-flash", isComplete: true },
  "400": { reason: "InvalidRequest", usage: nothing, isComplete: true },
  "401": { reason: "Authentication", usage: nothing, isComplete: true },
  // the status is in what is printed of the exception only
  "404": { reason: "UnknownModel", usage: nothing, isComplete: true },
  // the exit code is 0
  malformed: { reason: "Unknown", usage: counts(32, 40, 16), isComplete: true },
  lostsession: { reason: "Unavailable", isComplete: false },
  nologin: { reason: "Authentication", isComplete: false }
}

const line = (type: string, fields: Record<string, unknown> = {}) => JSON.stringify({ type, ...fields })
const init = line("init", { session_id: "s", model: "m" })
const said = (content: string, delta = true) => line("message", { role: "assistant", content, delta })
const success = line("result", { status: "success", stats: {} })
const fold = (lines: ReadonlyArray<string>, end = {}) => cliFixtures.fold(GeminiCli.format, lines, end)
const failing = (message: string, end = {}) =>
  fold([init, line("result", { status: "error", error: { type: "unknown", message } })], end).problem

describe("GeminiCliEvents", () => {
  for (const [name, expected] of Object.entries(cases)) {
    it(`reads ${name} as ${expected.reason ?? (expected.text === undefined ? "no result" : "an answer")}`, () => {
      const { completion, isComplete, problem, session } = cliFixtures.read(GeminiCli.format, `gemini-${name}`)
      assert.strictEqual(problem?.reason, expected.reason, problem?.detail)
      assert.strictEqual(isComplete, expected.isComplete)
      assert.strictEqual(completion?.text ?? "", expected.text ?? "")
      assert.deepStrictEqual(completion?.usage, expected.usage)
      if (expected.model !== undefined) assert.strictEqual(completion?.model, expected.model)
      if (expected.session !== undefined) assert.strictEqual(session, expected.session)
      if (problem !== undefined) assert.notStrictEqual(problem.detail, "")
    })
  }

  it("knows a session that is gone, so that the next request starts a new one", () => {
    assert.strictEqual(cliFixtures.read(GeminiCli.format, "gemini-lostsession").problem?.isSessionLost, true)
  })

  it("joins the pieces of a message and leaves out what was said before a tool was used", () => {
    const lines = [
      init,
      said("Let me "),
      said("see."),
      line("tool_use"),
      line("tool_result"),
      said("for"),
      said("ty"),
      success
    ]
    assert.strictEqual(fold(lines).completion?.text, "forty")
    assert.strictEqual(fold([init, said("a"), said("b", false), success]).completion?.text, "b")
  })

  it("counts reasoning as output, by the total, and what the cache gave apart from input", () => {
    const stats = { total_tokens: 100, input_tokens: 60, output_tokens: 10, cached: 25 }
    const { completion } = fold([init, said("x"), line("result", { status: "success", stats })])
    assert.deepStrictEqual(completion?.usage, counts(35, 40, 25))
  })

  it("takes no answer from a result of another status, nor from an output without one", () => {
    for (const status of ["error", "cancelled", undefined, true]) {
      assert.isDefined(fold([init, said("x"), line("result", { status })]).problem)
    }
    assert.isUndefined(fold([init, said("x")]).completion)
  })

  describe("tells the reason of an error", () => {
    const api = (code: number, more: Record<string, unknown> = {}) =>
      `[API Error: ${JSON.stringify({ error: { code, message: "no", status: "X", ...more } })}]`

    it("from the status the server sent", () => {
      const statuses: ReadonlyArray<readonly [number, ProviderReason]> = [
        [400, "InvalidRequest"],
        [403, "Permission"],
        [404, "UnknownModel"],
        [429, "RateLimited"],
        [500, "Unavailable"],
        [503, "Overloaded"]
      ]
      for (const [status, reason] of statuses) assert.strictEqual(failing(api(status))?.reason, reason)
    })

    it("from what the server says of a key and of a day's quota, and the wait with it", () => {
      assert.strictEqual(failing(api(400, { details: [{ reason: "API_KEY_INVALID" }] }))?.reason, "Authentication")
      const daily = { violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel" }] }
      assert.strictEqual(failing(api(429, { details: [daily] }))?.reason, "UsageLimit")
      const { reason, retryAfterMs } = failing(api(429, { details: [{ retryDelay: "13.2s" }] })) ?? {}
      assert.deepStrictEqual([reason, retryAfterMs], ["RateLimited", 13_200])
    })

    it("from the exception that was printed last, when the message says nothing", () => {
      const stderr = "Attempt 1 failed {\n  status: 429\n}\nError {\n  status: 503\n}\n"
      assert.strictEqual(failing("[API Error: no]", { stderr })?.reason, "Overloaded")
      assert.strictEqual(failing("[API Error: no]")?.reason, "Unknown")
    })

    it("from the exit codes that mean one thing, and never from the rest of a status", () => {
      const reason = (code: number, stderr = "why") => fold([init], { code, stderr }).problem?.reason
      assert.deepStrictEqual([41, 42, 44, 52, 53].map((code) => reason(code)), [
        "Authentication",
        "InvalidRequest",
        "Misconfigured",
        "Misconfigured",
        "Truncated"
      ])
      for (const code of [0, 1, 145, 173, 244]) assert.isUndefined(reason(code))
    })

    it("from the object on the error output", () => {
      const object = { session_id: "s", error: { type: "ApiError", message: api(429), code: 429 } }
      const stderr = `a line of a log\n${JSON.stringify(object, null, 2)}\n`
      assert.strictEqual(fold([], { code: 173, stderr }).problem?.reason, "RateLimited")
      const fatal = { error: { type: "FatalAuthenticationError", message: "log in", code: 41 } }
      const { detail, reason } = fold([], { code: 41, stderr: JSON.stringify(fatal, null, 2) }).problem ?? {}
      assert.deepStrictEqual([reason, detail], ["Authentication", "log in"])
    })
  })

  it("never throws, and never makes an answer up, whatever a line holds", () => {
    const lines = cliFixtures.text("gemini-stream.out").split("\n")
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(lines.length - 1),
        FastCheck.nat(200),
        FastCheck.jsonValue(),
        (at, cut, other) => {
          const changed = lines.map((text, index) => index === at ? text.slice(0, cut) + JSON.stringify(other) : text)
          const { completion, problem } = fold(changed)
          if (completion !== undefined && problem === undefined) {
            assert.include(["", "PONG {\"answer\":42}"], completion.text)
          }
        }
      ),
      { numRuns: 300 }
    )
    const types = ["init", "message", "tool_use", "error", "result"]
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...types),
        FastCheck.dictionary(FastCheck.string(), FastCheck.jsonValue()),
        (
          type,
          fields
        ) => {
          fold([init, line(type, fields), success], { stderr: JSON.stringify(fields) })
        }
      ),
      { numRuns: 300 }
    )
  })
})
