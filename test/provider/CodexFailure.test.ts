import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import type { Problem } from "../../src/provider/CliFormat.ts"
import * as CodexFailure from "../../src/provider/CodexFailure.ts"

const nowMillis = Date.parse("2026-11-21T12:00:00Z")
const moment = { nowMillis, zone: DateTime.zoneMakeOffset(0) }
const body = (error: object, around: object = {}) => JSON.stringify({ ...around, error })

const messages: ReadonlyArray<readonly [string, Problem["reason"]]> = [
  // by the fields of a body
  [body({ type: "invalid_request_error", code: "context_length_exceeded", message: "too long" }), "ContextOverflow"],
  [body({ type: "invalid_request_error", code: "model_not_found", message: "no such model" }), "UnknownModel"],
  [body({ type: "invalid_request_error", code: "invalid_json_schema", param: "text.format.schema" }), "InvalidRequest"],
  [body({ type: "invalid_request_error", message: "Unsupported value: 'temperature'" }), "InvalidRequest"],
  [body({ code: "invalid_prompt", message: "Invalid prompt" }), "Refused"],
  [body({ code: "insufficient_quota", message: "You exceeded your current quota" }), "Billing"],
  [body({ type: "usage_not_included", message: "not in your plan" }), "Billing"],
  [body({ code: "server_is_overloaded", message: "busy" }, { type: "error", status: 503 }), "Overloaded"],
  [body({ message: "slow down" }, { status: 429 }), "RateLimited"],
  ["{\"detail\":\"The 'gpt-9' model is not supported when using Codex with a ChatGPT account.\"}", "UnknownModel"],
  // by a status
  ["unexpected status 401 Unauthorized: no, url: http://127.0.0.1/v1/responses", "Authentication"],
  ["unexpected status 402 Payment Required: no", "Billing"],
  [
    "unexpected status 404 Not Found: {\"error\":{\"message\":\"no\",\"code\":\"model_not_found\"}}, url: x",
    "UnknownModel"
  ],
  ["unexpected status 529 <unknown status code>: refused", "Overloaded"],
  ["unexpected status 500 Internal Server Error: refused", "Unavailable"],
  ["exceeded retry limit, last status: 429 Too Many Requests, request id: r", "RateLimited"],
  ["exceeded retry limit, last status: 503 Service Unavailable", "Overloaded"],
  ["Access blocked by Cloudflare. (status 403 Forbidden)", "Permission"],
  // by codex's own sentences
  ["You’ve hit your usage limit. Try again later.", "UsageLimit"],
  ["You've hit your usage limit for gpt-6. Switch to another model now.", "UsageLimit"],
  [
    "You’ve hit your usage limit. Upgrade to Plus to continue using Codex (https://chatgpt.com/explore/plus)",
    "UsageLimit"
  ],
  ["To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.", "Billing"],
  ["Your workspace is out of credits. Add credits to continue.", "Billing"],
  ["You hit your spend cap set in your workspace. Increase your spend cap to continue.", "Billing"],
  ["Codex ran out of room in the model's context window. Start a new thread.", "ContextOverflow"],
  ["Selected model is at capacity. Please try a different model.", "Overloaded"],
  ["Your access token could not be refreshed. Please log out and sign in again.", "Authentication"],
  ["This request has been flagged for possible cybersecurity risk.", "Refused"],
  ["stream disconnected before completion: error sending request for url", "Transport"],
  ["stream disconnected before completion: Rate limit reached for gpt-5. Please try again in 1.5s.", "RateLimited"],
  ["something new", "Unknown"],
  ["{\"not\": \"a known body\"}", "Unknown"],
  ["{ broken", "Unknown"],
  ["", "Unknown"]
]

describe("the message of a failed turn", () => {
  it.each(messages)("%s", (message, reason) => {
    const problem = CodexFailure.ofMessage(message, moment)
    assert.strictEqual(problem.reason, reason)
    assert.notStrictEqual(problem.detail, "")
  })

  it("gives the body's own text and not the body", () => {
    const { detail } = CodexFailure.ofMessage(body({ message: "the schema is not valid" }), moment)
    assert.strictEqual(detail, "the schema is not valid")
  })

  it("gives the time to wait from fields before that of the text", () => {
    const error = { type: "usage_limit_reached", message: "try again at 1:00 PM" }
    const problem = (more: object) => CodexFailure.ofMessage(body({ ...error, ...more }), moment)
    assert.deepInclude(problem({ resets_at: nowMillis / 1_000 + 90 }), { reason: "UsageLimit", retryAfterMs: 90_000 })
    assert.deepInclude(problem({ resets_in_seconds: 30 }), { reason: "UsageLimit", retryAfterMs: 30_000 })
    assert.deepInclude(problem({}), { reason: "UsageLimit", retryAfterMs: 61 * 60_000 })
    assert.deepInclude(problem({ resets_at: "soon" }), { reason: "UsageLimit", retryAfterMs: 61 * 60_000 })
  })

  it("gives no time to wait where waiting does not help", () => {
    const problem = CodexFailure.ofMessage("unexpected status 401 Unauthorized: try again in 5s", moment)
    assert.isFalse("retryAfterMs" in problem)
  })

  it("is read in linear time, however long it is", () => {
    const before = performance.now()
    for (const part of ["model ", "{", "Error: ", "(status ", " try again in 1 d"]) {
      CodexFailure.ofMessage(part.repeat(200_000), moment)
    }
    assert.isBelow(performance.now() - before, 500)
  })
})

const ended = (stderr: string, code: number | null = 1) =>
  CodexFailure.ofEnd({ code, signal: null, endedBy: "itself", stderr, outputBytes: 0, nowMillis }, moment)

describe("an end without a turn", () => {
  it("is explained by codex's last word", () => {
    const problem = ended("a log line\nError: stream disconnected\nbefore completion")
    assert.deepInclude(problem, { reason: "Transport", detail: "stream disconnected before completion" })
  })
  it("is a matter of the installation when npm's wrapper says so", () => {
    const text = "Error: Missing optional dependency @openai/codex-linux-x64. Reinstall Codex"
    assert.strictEqual(ended(text)?.reason, "Misconfigured")
  })
  it("is not explained by logs, a success, a signal or what we ended ourselves", () => {
    assert.strictEqual(ended("2026-11-21 ERROR something was logged"), undefined)
    assert.strictEqual(ended("Error: no", 0), undefined)
    assert.strictEqual(ended("Error: no", null), undefined)
    const end = { code: 1, signal: null, endedBy: "silence", stderr: "Error: no", outputBytes: 0, nowMillis } as const
    assert.strictEqual(CodexFailure.ofEnd(end, moment), undefined)
  })
})
