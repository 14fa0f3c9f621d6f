import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import * as Usage from "../../src/domain/Usage.ts"
import * as Gemini from "../../src/provider/Gemini.ts"
import * as GeminiWire from "../../src/provider/GeminiWire.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import type { Handler, Server } from "./loopback.ts"
import { reply, serve, stream } from "./loopback.ts"
import * as vendorSuite from "./vendorSuite.ts"
import { label, labelled } from "./vendorSuite.ts"

const key = "AIzaCanary-_0123456789abcdef"
const model = "gemini-3.5-flash"

const build = (url: string, options: Partial<Gemini.Options> = {}): Effect.Effect<Provider, never, Scope> =>
  vendorSuite.build(
    Gemini.make({
      name: "gemini",
      baseUrl: url,
      model,
      keyVariable: ["UNSET_KEY", "TEST_KEY", "OTHER_KEY"],
      schemas: "enforced",
      concurrency: 4,
      ...options
    }),
    { input: 1.5, output: 9, cacheRead: 0.15, cacheWrite: 1.5 },
    { TEST_KEY: key, OTHER_KEY: "AIzaOther-0123456789" }
  )

const ask = vendorSuite.asking(model)

/** One request to a server that does this. */
const against = (handler: Handler, fields: Partial<Request> = {}) =>
  Effect.gen(function*() {
    const server = yield* serve(handler)
    return yield* ask(yield* build(server.url), fields)
  })

const bodyAt = (server: Server, index: number) =>
  Schema.decodeUnknownSync(Schema.parseJson(GeminiWire.GenerateRequest))(server.received[index]?.body)

type Json = Record<string, unknown>

const usageMetadata = {
  promptTokenCount: 120,
  cachedContentTokenCount: 100,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 15,
  totalTokenCount: 140
}
const counted = Usage.make({ inputTokens: 20, cacheReadTokens: 100, outputTokens: 20 })

const piece = (text: string, more: Json = {}): Json => ({
  candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0, ...more }],
  usageMetadata: { promptTokenCount: 120, cachedContentTokenCount: 100, totalTokenCount: 120 },
  modelVersion: `${model}-1`
})
const pieces = (text: string, finishReason = "STOP", usage: Json = usageMetadata): ReadonlyArray<Json> => [
  ...[...text].map((char) => piece(char)),
  { ...piece("", { finishReason }), usageMetadata: usage }
]

const failure = (code: number, status: string, details: ReadonlyArray<Json> = [], message = "no") => ({
  error: { code, message, status, details }
})
const quota = (quotaId: string) => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: [{ quotaMetric: "requests", quotaId }]
})
const retry = (retryDelay: string) => ({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay })

ProviderContract.suite(
  "Gemini",
  Effect.flatMap(
    serve((response, index, request) => {
      const text = request.body.includes("responseJsonSchema") ? labelled : "yes"
      stream(pieces(text, "STOP", { promptTokenCount: 20, candidatesTokenCount: 5 }))(response, index, request)
    }),
    (server) => build(server.url)
  )
)

vendorSuite.suite({
  name: "Gemini",
  model,
  key,
  build,
  answering: pieces,
  encode: (piece) => Buffer.from(`data: ${JSON.stringify(piece)}\n\n`),
  failure: (code, status, message) => failure(code, status, [], message),
  failures: [
    [400, "INVALID_ARGUMENT", "InvalidRequest", false],
    [400, "FAILED_PRECONDITION", "InvalidRequest", false],
    [401, "UNAUTHENTICATED", "Authentication", false],
    [403, "PERMISSION_DENIED", "Permission", false],
    [404, "NOT_FOUND", "UnknownModel", false],
    [429, "RESOURCE_EXHAUSTED", "RateLimited", true],
    [500, "INTERNAL", "Unavailable", true],
    [503, "UNAVAILABLE", "Overloaded", true],
    [504, "DEADLINE_EXCEEDED", "Unavailable", true]
  ],
  endings: [
    ["MAX_TOKENS", "Truncated"],
    ["SAFETY", "Refused"],
    ["MALFORMED_RESPONSE", "Malformed"],
    ["OTHER", "Unknown"]
  ],
  counted,
  amount: 225_000
})

describe("Gemini: a request and its answer", () => {
  it.scopedLive("asks with the first key that is set, and gives the streamed text with tokens, cost and model", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces("Yes, it is.")))
      const answer = yield* ask(yield* build(server.url), { prompt: "Is it?", temperature: 0.2, maxOutputTokens: 50 })
      const [got] = server.received
      assert.strictEqual(server.received.length, 1)
      assert.strictEqual(got?.url, `/v1beta/models/${model}:streamGenerateContent?alt=sse`)
      assert.strictEqual(got?.headers["x-goog-api-key"], key)
      assert.notProperty(got?.headers, "authorization")
      assert.deepStrictEqual(bodyAt(server, 0), {
        contents: [{ role: "user", parts: [{ text: "Is it?" }] }],
        generationConfig: { temperature: 0.2, maxOutputTokens: 50 }
      })
      assert.strictEqual(answer.text, "Yes, it is.")
      assert.deepStrictEqual(answer.usage, counted)
      // 20 × $1.5 + 100 × $0.15 + 20 × $9, per million
      assert.deepStrictEqual(answer.cost, { amount: 225_000, source: "test prices" })
      assert.strictEqual(answer.model, `${model}-1`)
    }))

  it.scopedLive("names every variable that may hold the key when none does", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces("yes")))
      const provider = yield* build(server.url, { keyVariable: ["GEMINI_API_KEY", "GOOGLE_API_KEY"] })
      const error = yield* Effect.flip(ask(provider))
      assert.strictEqual(error.reason, "Authentication")
      assert.include(error.detail, "$GEMINI_API_KEY or $GOOGLE_API_KEY")
      assert.strictEqual(server.received.length, 0)
    }))

  it.scopedLive("takes an answer in one piece, and the list of its pieces", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* against(reply(200, piece("yes", { finishReason: "STOP" })))).text, "yes")
      assert.strictEqual((yield* against(reply(200, pieces("yes")))).text, "yes")
    }))

  it.scopedLive("can do what it says", () =>
    Effect.gen(function*() {
      const { capabilities } = yield* build("http://127.0.0.1:9")
      assert.deepInclude(capabilities, { temperature: true, boundsOutput: true, schema: "native", concurrency: 4 })
    }))
})

describe("Gemini: schemas", () => {
  it.scopedLive("are enforced by the configuration", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces(labelled)))
      const answer = yield* ask(yield* build(server.url), { schema: label })
      assert.deepStrictEqual(bodyAt(server, 0).generationConfig, {
        responseMimeType: "application/json",
        responseJsonSchema: label
      })
      assert.strictEqual(answer.text, labelled)
    }))

  it.scopedLive("go from the configuration to JSON mode to words as the server refuses them, and stay there", () =>
    Effect.gen(function*() {
      const refuse = (message: string) => reply(400, failure(400, "INVALID_ARGUMENT", [], message))
      const server = yield* serve((response, index, request) => {
        const { body } = request
        const handler = body.includes("\"responseJsonSchema\"")
          ? refuse("The specified schema produces a constraint that has too many states for serving.")
          : body.includes("\"responseMimeType\"")
          ? refuse("JSON mode is not enabled for this model")
          : stream(pieces(labelled))
        handler(response, index, request)
      })
      const provider = yield* build(server.url)
      for (const _ of ["schema", "JSON"]) {
        assert.isTrue((yield* Effect.flip(ask(provider, { schema: label }))).isAdapted)
      }
      for (const _ of ["words", "words again"]) {
        assert.strictEqual((yield* ask(provider, { schema: label })).text, labelled)
      }
      const configurations = server.received.map((_, index) =>
        Object.keys(bodyAt(server, index).generationConfig ?? {})
      )
      assert.deepStrictEqual(configurations, [["responseMimeType", "responseJsonSchema"], ["responseMimeType"], [], []])
    }))
})

describe("Gemini: failures", () => {
  it.scopedLive("an invalid key is an error of the key, with the variables to check", () =>
    Effect.gen(function*() {
      const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }
      const error = yield* Effect.flip(against(reply(400, failure(400, "INVALID_ARGUMENT", [info]))))
      assert.strictEqual(error.reason, "Authentication")
      assert.include(error.detail, "$TEST_KEY")
    }))

  it.scopedLive("a limit of the minute says how long to wait, and one of the day is a usage limit", () =>
    Effect.gen(function*() {
      const limited = (quotaId: string, headers = {}) =>
        Effect.flip(against(reply(429, failure(429, "RESOURCE_EXHAUSTED", [quota(quotaId), retry("13.5s")]), headers)))
      assert.deepInclude(yield* limited("RequestsPerMinutePerProject"), { reason: "RateLimited", retryAfterMs: 13_500 })
      const inHeader = yield* limited("RequestsPerMinutePerProject", { "retry-after": "7" })
      assert.strictEqual(inHeader.retryAfterMs, 7_000)
      const daily = yield* limited("RequestsPerDayPerProject-FreeTier")
      assert.strictEqual(daily.reason, "UsageLimit")
      assert.isUndefined(daily.retryAfterMs)
    }))

  it.scopedLive("an error in the middle of an answer keeps what came and what it cost", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(stream([piece("half"), failure(503, "UNAVAILABLE", [], "overloaded")])))
      assert.strictEqual(error.reason, "Overloaded")
      assert.include(error.raw, "half")
      assert.deepStrictEqual(error.usage, { ...counted, outputTokens: 0 })
      assert.isTrue(error.mayBeBilled)
    }))

  it.scopedLive("a stream that breaks off in the middle of its last piece is no answer", () =>
    Effect.gen(function*() {
      const [first, second] = pieces("a").map((piece) => `data: ${JSON.stringify(piece)}\n\n`)
      const cut = Buffer.from(second?.slice(0, -20) ?? "")
      const error = yield* Effect.flip(against(stream([Buffer.from(first ?? ""), cut])))
      assert.strictEqual(error.reason, "Transport")
    }))

  it.scopedLive("a blocked prompt is refused", () =>
    Effect.gen(function*() {
      const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 9 } }
      assert.strictEqual((yield* Effect.flip(against(stream([blocked])))).reason, "Refused")
      assert.strictEqual((yield* Effect.flip(against(reply(200, blocked)))).reason, "Refused")
    }))
})
