import { assert, describe, it } from "@effect/vitest"
import type { FinishReason } from "@google/genai"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as GeminiWire from "../../src/provider/GeminiWire.ts"
import type { Shape, StreamState } from "../../src/provider/HttpWire.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"

type Json = Record<string, unknown>

const piece = (text: string, more: Json = {}, usageMetadata?: Json): Json => ({
  candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0, ...more }],
  ...(usageMetadata === undefined ? {} : { usageMetadata }),
  modelVersion: "gemini-m-1"
})
const usage = { promptTokenCount: 20, candidatesTokenCount: 5, totalTokenCount: 25 }
const hello = [
  piece("hel", {}, { promptTokenCount: 20, totalTokenCount: 20 }),
  piece("lo", { finishReason: "STOP" }, usage)
]

const read = (pieces: ReadonlyArray<unknown>) => {
  const reader = GeminiWire.reader()
  const states = pieces.map((piece): StreamState => reader.next({ event: undefined, data: JSON.stringify(piece) }))
  return { states, last: states.at(-1), end: reader.end() }
}

const label = { type: "object", properties: { label: { type: "string", pattern: "^[a-z]+$" } }, required: ["label"] }

const shape = (fields: Partial<Shape> = {}): Shape => ({
  form: "none",
  delivery: "stream",
  maxOutputTokens: undefined,
  ...fields
})
const bodyOf = (fields: Parameters<typeof ProviderContract.request>[0], how: Partial<Shape> = {}) => {
  const body = GeminiWire.bodyOf(ProviderContract.request({ model: "m", ...fields }), shape(how))
  return Schema.decodeUnknownSync(GeminiWire.GenerateRequest)(JSON.parse(JSON.stringify(body)))
}

describe("GeminiWire: the request", () => {
  it("has the model in its address, which no name leads out of", () => {
    assert.strictEqual(GeminiWire.pathOf("gemini-x", "stream"), "/v1beta/models/gemini-x:streamGenerateContent?alt=sse")
    assert.strictEqual(GeminiWire.pathOf("gemini-x", "whole"), "/v1beta/models/gemini-x:generateContent")
    assert.strictEqual(GeminiWire.pathOf("models/gemini-x", "whole"), "/v1beta/models/gemini-x:generateContent")
    assert.strictEqual(GeminiWire.pathOf("tunedModels/mine", "whole"), "/v1beta/tunedModels/mine:generateContent")
    assert.strictEqual(GeminiWire.pathOf("a/../b?c#d", "whole"), "/v1beta/models/a%2F..%2Fb%3Fc%23d:generateContent")
  })

  it("asks one question and nothing more", () => {
    assert.deepStrictEqual(bodyOf({ prompt: "Is it?" }), { contents: [{ role: "user", parts: [{ text: "Is it?" }] }] })
  })

  it("passes on system text, temperature, the bound on output and what was wrong before", () => {
    const body = bodyOf({
      system: "Be brief.",
      prompt: "Is it?",
      temperature: 0.2,
      correction: { answer: "perhaps", problem: "not yes or no" }
    }, { maxOutputTokens: 50 })
    assert.deepStrictEqual(body.systemInstruction, { parts: [{ text: "Be brief." }] })
    assert.deepStrictEqual(body.generationConfig, { temperature: 0.2, maxOutputTokens: 50 })
    assert.deepStrictEqual(body.contents.map(({ role }) => role), ["user", "model", "user"])
    assert.strictEqual(body.contents[1]?.parts[0]?.text, "perhaps")
    assert.include(body.contents[2]?.parts[0]?.text, "not yes or no")
  })

  it("sends no empty turn", () => {
    const body = bodyOf({ system: "", prompt: "Is it?", correction: { answer: " ", problem: "it is empty" } })
    assert.deepStrictEqual(body.contents.map(({ role }) => role), ["user"])
    assert.include(body.contents[0]?.parts[1]?.text, "it is empty")
    assert.notProperty(body, "systemInstruction")
  })

  it("puts a schema into the configuration, into words beside JSON mode, or into words", () => {
    const strict = bodyOf({ schema: label, prompt: "Label." }, { form: "strict" })
    assert.strictEqual(strict.generationConfig?.responseMimeType, "application/json")
    assert.deepInclude(strict.generationConfig?.responseJsonSchema, { type: "object", required: ["label"] })
    assert.strictEqual(strict.contents[0]?.parts[0]?.text, "Label.")
    const object = bodyOf({ schema: label, prompt: "Label." }, { form: "object" })
    assert.deepStrictEqual(object.generationConfig, { responseMimeType: "application/json" })
    const words = bodyOf({ schema: label, prompt: "Label." }, { form: "words" })
    assert.notProperty(words, "generationConfig")
    for (const { contents } of [object, words]) assert.include(contents[0]?.parts[0]?.text, JSON.stringify(label))
  })

  it("tries the forms that a schema has", () => {
    assert.deepStrictEqual(GeminiWire.formsOf(undefined), ["none"])
    assert.deepStrictEqual(GeminiWire.formsOf(label), ["strict", "object", "words"])
    assert.deepStrictEqual(GeminiWire.formsOf({ not: { type: "string" } }), ["object", "words"])
  })
})

describe("GeminiWire: a stream", () => {
  it("is an answer when it closes after a piece that says why it ends", () => {
    const { end, states } = read(hello)
    assert.isTrue(states.every(({ _tag }) => _tag === "Open"))
    assert.isTrue(end.isComplete)
    assert.deepStrictEqual(end.completion, {
      text: "hello",
      structured: undefined,
      problem: undefined,
      usage: Usage.make({ inputTokens: 20, outputTokens: 5 }),
      costUsd: undefined,
      model: "gemini-m-1"
    })
  })

  it("is no answer when it is cut before that", () => {
    for (let count = 0; count < hello.length; count++) assert.isFalse(read(hello.slice(0, count)).end.isComplete)
    assert.strictEqual(read(hello.slice(0, 1)).end.completion.text, "hel")
  })

  it("goes on after a piece that says why it ends, as older models say in each", () => {
    const pieces = [piece("a", { finishReason: "STOP" }), piece("b", { finishReason: "STOP" }), {
      usageMetadata: usage
    }]
    const { end } = read(pieces)
    assert.strictEqual(end.completion.text, "ab")
    assert.strictEqual(end.completion.usage?.outputTokens, 5)
  })

  it("says the tokens used when they come: cached ones apart, thoughts as output, results of tools as input", () => {
    const counted = {
      promptTokenCount: 100,
      cachedContentTokenCount: 60,
      candidatesTokenCount: 7,
      thoughtsTokenCount: 13,
      toolUsePromptTokenCount: 5
    }
    const { last } = read([piece("a", { finishReason: "STOP" }, counted)])
    assert.deepStrictEqual(last, {
      _tag: "Open",
      usage: { inputTokens: 45, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 0 }
    })
  })

  it("keeps an answer whose counts cannot be read", () => {
    const { completion } = read([piece("a", { finishReason: "STOP" }, { promptTokenCount: "many" })]).end
    assert.deepInclude(completion, { text: "a", usage: undefined, problem: undefined })
  })

  it("leaves out thoughts and other candidates", () => {
    const parts = [{ text: "hm", thought: true }, { text: "a", thoughtSignature: "x" }, { text: "b" }]
    const candidates = [
      { content: { parts: [{ text: "other" }] }, index: 1, finishReason: "STOP" },
      { content: { parts }, index: 0, finishReason: "STOP" }
    ]
    assert.strictEqual(read([{ candidates }]).end.completion.text, "ab")
  })

  it("is malformed with an event that cannot be read", () => {
    const reader = GeminiWire.reader()
    const state = reader.next({ event: undefined, data: "{\"candidates\":[{\"content\"" })
    assert.strictEqual(state._tag === "Complete" ? state.completion.problem?.reason : state._tag, "Malformed")
    assert.isFalse(reader.end().isComplete)
    const { end, last } = read([piece("a", { finishReason: "STOP" }), { candidates: "none" }])
    assert.strictEqual(last?._tag, "Complete")
    assert.isFalse(end.isComplete)
    assert.strictEqual(end.completion.problem?.reason, "Malformed")
  })

  it("fails with an error in the middle, with what it says", () => {
    const error = { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" }
    const { end, last } = read([hello[0], { error }])
    assert.deepInclude(last?._tag === "Failed" ? last.error : {}, { message: error.message, reason: "Overloaded" })
    assert.strictEqual(end.completion.text, "hel")
  })
})

describe("GeminiWire: reasons to finish", () => {
  const known: Record<`${FinishReason}`, ProviderReason | undefined> = {
    STOP: undefined,
    MAX_TOKENS: "Truncated",
    CONTINUATION: "Truncated",
    SAFETY: "Refused",
    RECITATION: "Refused",
    LANGUAGE: "Refused",
    BLOCKLIST: "Refused",
    PROHIBITED_CONTENT: "Refused",
    SPII: "Refused",
    IMAGE_SAFETY: "Refused",
    IMAGE_PROHIBITED_CONTENT: "Refused",
    IMAGE_RECITATION: "Refused",
    MALFORMED_FUNCTION_CALL: "Malformed",
    MALFORMED_RESPONSE: "Malformed",
    UNEXPECTED_TOOL_CALL: "Malformed",
    TOO_MANY_TOOL_CALLS: "Malformed",
    NO_IMAGE: "Malformed",
    IMAGE_OTHER: "Malformed",
    OTHER: "Unknown",
    FINISH_REASON_UNSPECIFIED: "Unknown"
  }
  const cases: ReadonlyArray<readonly [reason: string, problem: string | undefined]> = [
    ...Object.entries(known),
    ["SOMETHING_NEW", "Unknown"]
  ]
  it.each(cases)("%s, streamed and in one piece", (finishReason, problem) => {
    const answer = piece("a", { finishReason, finishMessage: "so it is" }, usage)
    const { completion, isComplete } = read([answer]).end
    assert.isTrue(isComplete)
    assert.strictEqual(completion.problem?.reason, problem)
    assert.deepStrictEqual(completion.usage, Usage.make({ inputTokens: 20, outputTokens: 5 }))
    assert.deepStrictEqual(Option.getOrThrow(GeminiWire.completionOf(answer)), completion)
  })

  it("a blocked prompt is refused", () => {
    const blocked = { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 9 } }
    const { completion, isComplete } = read([blocked]).end
    assert.isTrue(isComplete)
    assert.strictEqual(completion.problem?.reason, "Refused")
    assert.include(completion.problem?.detail, "PROHIBITED_CONTENT")
    assert.strictEqual(completion.usage?.inputTokens, 9)
  })

  it("a call of a function instead of an answer is malformed", () => {
    const parts = [{ functionCall: { name: "f", args: {} } }]
    const { completion } = read([{ candidates: [{ content: { parts }, finishReason: "STOP" }] }]).end
    assert.strictEqual(completion.problem?.reason, "Malformed")
  })
})

describe("GeminiWire: an answer in one piece", () => {
  it("is one answer, or the list of its pieces", () => {
    const streamed = read(hello).end.completion
    assert.deepStrictEqual(Option.getOrThrow(GeminiWire.completionOf(hello)), streamed)
  })

  it("is none for bodies of another form, and for one that does not say why it ends", () => {
    for (const body of [null, [], {}, "text", { candidates: "a" }, { choices: [] }, piece("a"), { candidates: [] }]) {
      assert.isTrue(Option.isNone(GeminiWire.completionOf(body)), JSON.stringify(body))
    }
  })
})

describe("GeminiWire: errors", () => {
  const error = (code: number, status: string, details?: ReadonlyArray<Json>, message = "no") =>
    Option.getOrThrow(GeminiWire.errorOf({ error: { code, message, status, details } }))

  const statuses: ReadonlyArray<readonly [code: number, status: string, reason: ProviderReason | undefined]> = [
    [400, "INVALID_ARGUMENT", "InvalidRequest"],
    [400, "FAILED_PRECONDITION", "InvalidRequest"],
    [401, "UNAUTHENTICATED", "Authentication"],
    [402, "RESOURCE_EXHAUSTED", "Billing"],
    [403, "PERMISSION_DENIED", "Permission"],
    [404, "NOT_FOUND", "UnknownModel"],
    [429, "RESOURCE_EXHAUSTED", "RateLimited"],
    [499, "CANCELLED", "Unavailable"],
    [500, "INTERNAL", "Unavailable"],
    [501, "UNIMPLEMENTED", "InvalidRequest"],
    [503, "UNAVAILABLE", "Overloaded"],
    [504, "DEADLINE_EXCEEDED", "Unavailable"],
    [418, "SOMETHING_NEW", undefined]
  ]
  it.each(statuses)("%i %s", (code, status, reason) => {
    assert.deepInclude(error(code, status), { reason, code, type: status.toLowerCase() })
  })

  it("an invalid key is told from an invalid request by the details", () => {
    const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "x" }
    assert.strictEqual(error(400, "INVALID_ARGUMENT", [info]).reason, "Authentication")
    assert.strictEqual(error(403, "PERMISSION_DENIED", [{ ...info, reason: "BILLING_DISABLED" }]).reason, "Billing")
  })

  const preconditions: ReadonlyArray<readonly [message: string, reason: ProviderReason]> = [
    [
      "Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.",
      "Billing"
    ],
    ["User location is not supported for the API use without a billing account linked.", "Billing"],
    ["User location is not supported for the API use.", "Permission"],
    ["The File 4d21d8wxg1pe is not in an ACTIVE state and usage is not allowed.", "Unavailable"],
    ["Precondition check failed.", "InvalidRequest"]
  ]
  it.each(preconditions)("what is not as it has to be is told by the message: %s", (message, reason) => {
    assert.strictEqual(error(400, "FAILED_PRECONDITION", undefined, message).reason, reason)
  })

  it("disabled billing is told from other preconditions by the details", () => {
    const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "BILLING_DISABLED", domain: "x" }
    const message = "User location is not supported for the API use."
    assert.strictEqual(error(400, "FAILED_PRECONDITION", [info], message).reason, "Billing")
  })

  const quota = (...ids: ReadonlyArray<string>) => ({
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    violations: ids.map((quotaId) => ({ quotaMetric: "m", quotaId, quotaDimensions: { model: "gemini-x" } }))
  })
  const retry = (retryDelay: string) => ({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay })

  it("says how long to wait for a limit of the minute", () => {
    const perMinute = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")
    assert.deepInclude(error(429, "RESOURCE_EXHAUSTED", [perMinute, retry("13s")]), {
      reason: "RateLimited",
      retryAfterMs: 13_000
    })
    assert.strictEqual(error(429, "RESOURCE_EXHAUSTED", [retry("20.04466179s")]).retryAfterMs, 20_045)
    for (const odd of ["13", "-1s", "soon", ""]) {
      assert.isUndefined(error(429, "RESOURCE_EXHAUSTED", [retry(odd)]).retryAfterMs)
    }
  })

  it("a limit of the day is a usage limit, whose wait is not that of the minute", () => {
    const ids = ["GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"]
    assert.deepInclude(error(429, "RESOURCE_EXHAUSTED", [quota(...ids), retry("13s")]), {
      reason: "UsageLimit",
      retryAfterMs: undefined
    })
  })

  it("a prompt that does not fit is known by how the API begins to say so, and by nothing else of a text", () => {
    const fits = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    assert.strictEqual(error(400, "INVALID_ARGUMENT", [], fits).reason, "ContextOverflow")
    assert.strictEqual(error(400, "INVALID_ARGUMENT", [], `Not so: ${fits}`).reason, "InvalidRequest")
  })

  it("are read out of the list that an answer in pieces is, and with details that cannot be read", () => {
    const body = { error: { code: 503, message: "later", status: "UNAVAILABLE", details: "none" } }
    assert.strictEqual(Option.getOrThrow(GeminiWire.errorOf([body])).message, "later")
    for (const none of [null, [], {}, { error: null }, { error: "text" }, hello]) {
      assert.isTrue(Option.isNone(GeminiWire.errorOf(none)), JSON.stringify(none))
    }
  })

  it("are about the form when they name it, in a field or in words", () => {
    const violation = {
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: "generation_config.response_json_schema", description: "no" }]
    }
    const byField = error(400, "INVALID_ARGUMENT", [violation])
    assert.isTrue(GeminiWire.refusesForm(400, byField))
    assert.isTrue(
      GeminiWire.refusesForm(400, error(400, "INVALID_ARGUMENT", [], "JSON mode is not enabled for models/x"))
    )
    assert.isFalse(GeminiWire.refusesForm(400, error(400, "INVALID_ARGUMENT")))
    assert.isFalse(GeminiWire.refusesForm(429, byField))
  })
})
