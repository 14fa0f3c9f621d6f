import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Copilot from "../../src/provider/Copilot.ts"
import * as CopilotUsage from "../../src/provider/CopilotUsage.ts"
import type { Session } from "../../src/provider/Provider.ts"
import * as cliFixtures from "./cliFixtures.ts"

interface Expected {
  readonly text?: string
  readonly reason?: ProviderReason
  readonly session?: string | undefined
  readonly model?: string
  /** Whether the output has a last line that says the program is done. */
  readonly isComplete?: boolean
}

const pong: Expected = { text: "PONG {\"answer\":42}", model: "gpt-5.4", isComplete: true }
const failed = (reason: ProviderReason): Expected => ({ reason, isComplete: true })

const cases: Readonly<Record<string, Expected>> = {
  json: { ...pong, session: cliFixtures.newSession },
  resume: pong,
  // a tool was refused, and the model answered all the same
  tools: { ...pong, text: "PONG done", model: "gpt-4.1" },
  "400big": failed("ContextOverflow"),
  "401": failed("Authentication"),
  "403": failed("Authentication"),
  "404": failed("UnknownModel"),
  "429o": failed("RateLimited"),
  "429quota": failed("Billing"),
  "500": failed("Unavailable"),
  // the exit code and the result say 0
  terminated: failed("Unavailable"),
  // the last of three messages only is printed whole
  cut: failed("Truncated"),
  lostsession: { reason: "Unavailable", session: undefined, isComplete: false },
  nologin: { reason: "Authentication", session: undefined, isComplete: false }
}

const counts = (input: number, output: number, read: number, write: number): Usage.Usage => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadTokens: read,
  cacheWriteTokens: write
})
const one = counts(12, 7, 1_000, 0)

const event = (type: string, data: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  JSON.stringify({ type, data, ...more })
const turn = event("assistant.turn_start")
const message = (content: string, toolRequests: ReadonlyArray<unknown> = []) =>
  event("assistant.message", { content, toolRequests, model: "m" })
const over = event("assistant.turn_end")
const result = JSON.stringify({ type: "result", sessionId: "s", exitCode: 0 })
const fold = (lines: ReadonlyArray<string>, end = {}) => cliFixtures.fold(Copilot.format, lines, end)

describe("CopilotEvents", () => {
  for (const [name, expected] of Object.entries(cases)) {
    it(`reads ${name} as ${expected.reason ?? "an answer"}`, () => {
      const { completion, isComplete, problem, session } = cliFixtures.read(Copilot.format, `copilot-${name}`)
      assert.strictEqual(problem?.reason, expected.reason, problem?.detail)
      assert.strictEqual(isComplete, expected.isComplete)
      assert.strictEqual(completion?.text ?? "", expected.text ?? "")
      if (expected.model !== undefined) assert.strictEqual(completion?.model, expected.model)
      assert.strictEqual(session, "session" in expected ? expected.session : cliFixtures.newSession)
      if (problem !== undefined) assert.notStrictEqual(problem.detail, "")
    })
  }

  it("knows a session that is gone, so that the next request starts a new one", () => {
    const { problem } = cliFixtures.read(Copilot.format, "copilot-lostsession")
    assert.strictEqual(problem?.isSessionLost, true)
  })

  it("says how to log in", () => {
    const { problem } = cliFixtures.read(Copilot.format, "copilot-nologin")
    assert.match(problem?.detail ?? "", /copilot login/)
  })

  it("tells the chosen session as soon as it holds a message, and the continued one when there is one", () => {
    const first = JSON.stringify({ type: "user.message", data: {} })
    assert.strictEqual(fold([first]).session, cliFixtures.newSession)
    assert.isUndefined(fold([event("session.tools_updated")]).session)
    const session: Session = { id: "old", used: Usage.zero, cost: undefined }
    assert.strictEqual(cliFixtures.fold(Copilot.format, [first], {}, session).session, "old")
  })

  describe("takes no answer from", () => {
    const refused = (lines: ReadonlyArray<string>, reason: ProviderReason | undefined, end = {}) => {
      const { completion, problem } = fold(lines, end)
      assert.strictEqual(problem?.reason, reason, problem?.detail)
      assert.strictEqual(completion?.text ?? "", "")
    }
    it("a turn before the last", () => refused([turn, message("early"), over, turn], undefined))
    it("a message that asks for a tool", () => refused([turn, message("wait", [{ name: "bash" }]), over], undefined))
    it("a turn that is not over", () => refused([turn, message("early")], undefined))
    it("a subagent", () =>
      refused([turn, event("assistant.message", { content: "sub" }, { agentId: "a" }), over], undefined))
    it("a turn that ended with an error, whatever was said before", () =>
      refused(
        [turn, message("x"), over, event("session.error", { errorType: "query", message: "no" }), result],
        "Unknown"
      ))
    it("a run that was broken off", () =>
      refused([turn, message("x"), event("abort"), event("assistant.idle", { aborted: true }), result], "Unavailable"))
    it("a run that was ended for its silence, and says so", () =>
      refused([turn, message("x"), event("assistant.idle", { aborted: true }), result], "Silent", {
        endedBy: "silence"
      }))
    it("a turn whose message was in a line that cannot be read", () =>
      refused([turn, "{\"type\":\"assistant.mess******data\":{}}", over, result], "Malformed"))
  })

  describe("takes an answer", () => {
    const text = (lines: ReadonlyArray<string>, end = {}) => {
      const { completion, problem } = fold(lines, end)
      assert.isUndefined(problem, problem?.detail)
      return completion?.text
    }
    it("whatever the exit code, once it is there", () => {
      assert.strictEqual(text([turn, message("x"), over, result], { code: 1 }), "x")
      assert.strictEqual(
        text([turn, message("x"), over, result], { code: null, signal: "SIGKILL", endedBy: "linger" }),
        "x"
      )
    })
    it("without the last line, when the turn is over", () => assert.strictEqual(text([turn, message("x"), over]), "x"))
    it("between lines that cannot be read", () =>
      assert.strictEqual(text(["{\"ty", turn, "{]", message("x"), over, result]), "x"))
    it("after an error from which the program went on", () =>
      assert.strictEqual(
        text([turn, event("session.error", { errorType: "rate_limit" }), turn, message("x"), over]),
        "x"
      ))
    it("of which an earlier turn was cut before a tool was used", () => {
      const cut = [turn, event("assistant.message_delta"), over]
      assert.strictEqual(text([...cut, turn, message("", [{}]), over, turn, message("x"), over, result]), "x")
    })
    it("whose stream broke once and was asked for again", () => {
      const retried = [turn, event("assistant.message_delta"), event("assistant.turn_retry", { reason: "api_error" })]
      assert.strictEqual(text([...retried, message("x"), over, result]), "x")
    })
  })

  describe("tells the reason of an error from its fields:", () => {
    const reasons: ReadonlyArray<readonly [ProviderReason, Record<string, unknown>, Record<string, unknown>?]> = [
      ["Authentication", { errorType: "authentication" }],
      ["Permission", { errorType: "authorization", statusCode: 403 }],
      ["UsageLimit", { errorType: "quota", errorCode: "quota_exceeded" }],
      ["UsageLimit", { errorType: "quota", errorCode: "session_quota_exceeded" }],
      ["Billing", { errorType: "quota", errorCode: "billing_not_configured" }],
      ["UsageLimit", { errorType: "quota" }],
      ["UsageLimit", { errorType: "rate_limit", errorCode: "user_weekly_rate_limited", statusCode: 429 }],
      ["UsageLimit", { errorType: "rate_limit", errorCode: "user_global_rate_limited" }],
      ["RateLimited", { errorType: "rate_limit", errorCode: "user_model_rate_limited", statusCode: 429 }],
      ["RateLimited", { errorType: "rate_limit" }],
      ["ContextOverflow", { errorType: "context_limit" }],
      ["ContextOverflow", { errorType: "query" }, { statusCode: 400, errorCode: "model_max_prompt_tokens_exceeded" }],
      ["InvalidRequest", { errorType: "query" }, { statusCode: 400 }],
      ["Overloaded", { errorType: "query", statusCode: 503 }],
      ["Unknown", { errorType: "query" }],
      ["Unknown", { errorType: "something_new" }]
    ]
    for (const [reason, error, call] of reasons) {
      it(`${JSON.stringify({ ...error, ...call })} is ${reason}`, () => {
        const before = call === undefined ? [] : [event("model.call_failure", call)]
        assert.strictEqual(fold([turn, ...before, event("session.error", error), result]).problem?.reason, reason)
      })
    }

    it("and the wait from the one that says how long", () => {
      const asked = event("auto_mode_switch.requested", { retryAfterSeconds: 90.5 })
      const { problem } = fold([turn, event("session.error", { errorType: "rate_limit" }), asked, result])
      assert.strictEqual(problem?.retryAfterMs, 90_500)
    })
  })

  it("never throws, and never makes an answer up, whatever a line holds", () => {
    const lines = cliFixtures.text("copilot-json.out").split("\n")
    const value = FastCheck.jsonValue()
    FastCheck.assert(
      FastCheck.property(FastCheck.nat(lines.length - 1), FastCheck.nat(200), value, (at, cut, other) => {
        const changed = lines.map((line, index) => index === at ? line.slice(0, cut) + JSON.stringify(other) : line)
        const { completion, problem } = fold(changed)
        if (completion !== undefined && problem === undefined) assert.strictEqual(completion.text, pong.text)
      }),
      { numRuns: 300 }
    )
    const types = ["assistant.message", "assistant.turn_start", "session.error", "model.call_failure", "result"]
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom(...types), value, (type, data) => {
        fold([turn, JSON.stringify({ type, data }), over, result])
      }),
      { numRuns: 300 }
    )
  })
})

describe("CopilotUsage", () => {
  const read = (name: string, session?: Session) => CopilotUsage.read(cliFixtures.text(`${name}.json`), session)
  const session = (used: Usage.Usage, cost?: number): Session => ({
    id: "s",
    used,
    cost: cost === undefined ? undefined : Money.fromUsd(cost)
  })

  it("counts input without what the cache was read for or written with", () => {
    assert.deepStrictEqual(read("copilot-usage"), { usage: one, costUsd: undefined })
    assert.deepStrictEqual(read("copilot-usage-cachewrites")?.usage, counts(10, 7, 1_000, 100))
  })

  it("counts what a request added to its session", () => {
    assert.deepStrictEqual(read("copilot-usage-resumed")?.usage, Usage.add(one, one))
    assert.deepStrictEqual(read("copilot-usage-resumed", session(one))?.usage, one)
  })

  it("counts what requests used that were lost before they could say so", () => {
    assert.deepStrictEqual(read("copilot-usage-resumed", session(Usage.zero))?.usage, Usage.add(one, one))
  })

  it("takes counts below those of the session for the request's own", () => {
    assert.deepStrictEqual(read("copilot-usage", session(counts(13, 7, 1_000, 0)))?.usage, one)
  })

  describe("with AI credits", () => {
    const report = (nano: unknown, aiCreditsStatus: unknown = "available") =>
      JSON.stringify({
        totalNanoAiu: nano,
        aiCreditsStatus,
        modelMetrics: {
          a: { usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4 } },
          b: { usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: null } }
        }
      })
    const used = counts(7, 3, 4, 0)

    it("adds up models and takes a credit for a cent", () => {
      assert.deepStrictEqual(CopilotUsage.read(report(2.5e9), undefined), { usage: used, costUsd: 0.025 })
    })
    it("counts the credits a request added, and none when the session's are not known", () => {
      const cost = (before?: number) => CopilotUsage.read(report(2.5e9), session(Usage.zero, before))?.costUsd
      assert.approximately(cost(0.01) ?? 0, 0.015, 1e-12)
      assert.strictEqual(cost(0.03), 0)
      assert.isUndefined(cost())
    })
    it("knows no cost where the credits are said not to be known, or are none", () => {
      assert.isUndefined(CopilotUsage.read(report(2.5e9, "unavailable"), undefined)?.costUsd)
      assert.isUndefined(CopilotUsage.read(report(0), undefined)?.costUsd)
      for (const odd of [-1, "1", null]) assert.isUndefined(CopilotUsage.read(report(odd), undefined)?.costUsd)
    })
  })

  it("knows nothing from a file that is missing, empty or of another form", () => {
    for (const text of [undefined, "", "{}", "[]", "{\"modelMetrics\":{\"m\":{\"usage\":{\"inputTokens\":-5}}}}"]) {
      assert.isUndefined(CopilotUsage.read(text, undefined))
    }
  })
})
