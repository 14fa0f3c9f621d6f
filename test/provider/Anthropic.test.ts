import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Usage from "../../src/domain/Usage.ts"
import * as Anthropic from "../../src/provider/Anthropic.ts"
import * as AnthropicWire from "../../src/provider/AnthropicWire.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import type { Handler, Server } from "./loopback.ts"
import { reply, serve, stream } from "./loopback.ts"
import * as vendorSuite from "./vendorSuite.ts"
import { label, labelled } from "./vendorSuite.ts"

const key = "sk-ant-Canary+/=0123456789abcdef"
const model = "claude-sonnet-4-6"

const build = (
  url: string,
  options: Partial<Anthropic.Options> = {}
): Effect.Effect<Provider, never, Scope> =>
  vendorSuite.build(
    Anthropic.make({
      name: "anthropic",
      baseUrl: url,
      model,
      keyVariable: "TEST_KEY",
      schemas: "enforced",
      concurrency: 4,
      ...options
    }),
    { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
    { TEST_KEY: key, BROKEN_KEY: "sk-two\nlines" }
  )

const ask = vendorSuite.asking(model)

/** One request to a server that does this. */
const against = (handler: Handler, fields: Partial<Request> = {}, options: Partial<Anthropic.Options> = {}) =>
  Effect.gen(function*() {
    const server = yield* serve(handler)
    return yield* ask(yield* build(server.url, options), fields)
  })

const bodyAt = (server: Server, index: number) =>
  Schema.decodeUnknownSync(Schema.parseJson(AnthropicWire.MessagesRequest))(server.received[index]?.body)

type Json = Record<string, unknown>

/** An event as the API writes it. */
const event = (data: Json): Buffer => Buffer.from(`event: ${String(data["type"])}\ndata: ${JSON.stringify(data)}\n\n`)

const opening = (block: Json): ReadonlyArray<Json> => [
  {
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: `${model}-1`,
      content: [],
      stop_reason: null,
      usage: { input_tokens: 20, cache_read_input_tokens: 100, cache_creation_input_tokens: 10, output_tokens: 1 }
    }
  },
  { type: "ping" },
  { type: "content_block_start", index: 0, content_block: block }
]
const ending = (stop_reason: string): ReadonlyArray<Json> => [
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } },
  { type: "message_stop" }
]
const delta = (delta: Json): Json => ({ type: "content_block_delta", index: 0, delta })

const textEvents = (text: string, stop_reason = "end_turn"): ReadonlyArray<Json> => [
  ...opening({ type: "text", text: "" }),
  ...[...text].map((char) => delta({ type: "text_delta", text: char })),
  ...ending(stop_reason)
]
const toolEvents = (input: string): ReadonlyArray<Json> => [
  ...opening({ type: "tool_use", id: "toolu_1", name: "answer", input: {} }),
  delta({ type: "input_json_delta", partial_json: input }),
  ...ending("tool_use")
]
const sent = (events: ReadonlyArray<Json>): Handler => stream(events.map(event))

const failure = (type: string, message = "no", details?: Json) => ({
  type: "error",
  error: { type, message, ...(details === undefined ? {} : { details }) },
  request_id: "req_1"
})

const counted = Usage.make({ inputTokens: 20, cacheReadTokens: 100, cacheWriteTokens: 10, outputTokens: 5 })

ProviderContract.suite(
  "Anthropic",
  Effect.flatMap(
    serve((response, index, request) => {
      const events = textEvents(request.body.includes("output_config") ? labelled : "yes")
      // the contract wants a reservation that covers what is counted, so nothing is from a cache here
      const plain = events.map((event) =>
        event["type"] === "message_start"
          ? { type: "message_start", message: { model, usage: { input_tokens: 20, output_tokens: 1 } } }
          : event
      )
      sent(plain)(response, index, request)
    }),
    (server) => build(server.url)
  )
)

vendorSuite.suite({
  name: "Anthropic",
  model,
  key,
  build,
  answering: textEvents,
  encode: event,
  failure: (_, type, message) => failure(type, message),
  failures: [
    [400, "invalid_request_error", "InvalidRequest", false],
    [401, "authentication_error", "Authentication", false],
    [402, "billing_error", "Billing", false],
    [403, "permission_error", "Permission", false],
    [404, "not_found_error", "UnknownModel", false],
    [413, "request_too_large", "ContextOverflow", false],
    [429, "rate_limit_error", "RateLimited", true],
    [500, "api_error", "Unavailable", true],
    [504, "timeout_error", "Unavailable", true],
    [529, "overloaded_error", "Overloaded", true]
  ],
  endings: [
    ["max_tokens", "Truncated"],
    ["refusal", "Refused"],
    ["model_context_window_exceeded", "ContextOverflow"],
    ["pause_turn", "Malformed"]
  ],
  counted,
  amount: 202_500
})

describe("Anthropic: a request and its answer", () => {
  it.scopedLive("asks with the key and the version, and gives the streamed text with tokens, cost and model", () =>
    Effect.gen(function*() {
      const server = yield* serve(sent(textEvents("Yes, it is.")))
      const provider = yield* build(server.url)
      const answer = yield* ask(provider, { prompt: "Is it?" })
      const [got] = server.received
      assert.strictEqual(server.received.length, 1)
      assert.strictEqual(got?.url, "/v1/messages")
      assert.strictEqual(got?.headers["x-api-key"], key)
      assert.strictEqual(got?.headers["anthropic-version"], "2023-06-01")
      assert.notProperty(got?.headers, "authorization")
      assert.deepStrictEqual(bodyAt(server, 0), {
        model,
        max_tokens: 128_000,
        messages: [{ role: "user", content: "Is it?" }],
        stream: true
      })
      assert.strictEqual(answer.text, "Yes, it is.")
      assert.deepStrictEqual(answer.usage, counted)
      // 20 × $3 + 100 × $0.3 + 10 × $3.75 + 5 × $15, per million
      assert.deepStrictEqual(answer.cost, { amount: 202_500, source: "test prices" })
      assert.strictEqual(answer.model, `${model}-1`)
      assert.include(answer.raw, "message_stop")
    }))

  it.scopedLive("takes an answer in one piece as well", () =>
    Effect.gen(function*() {
      const body = {
        type: "message",
        content: [{ type: "text", text: "yes" }],
        model,
        stop_reason: "end_turn",
        usage: { input_tokens: 20, output_tokens: 5 }
      }
      const answer = yield* against(reply(200, body))
      assert.strictEqual(answer.text, "yes")
      assert.deepStrictEqual(answer.usage, Usage.make({ inputTokens: 20, outputTokens: 5 }))
    }))

  it.scopedLive("can do what it says: no temperature, bounded output, enforced schemas where the server is the vendor's", () =>
    Effect.gen(function*() {
      const { capabilities } = yield* build("http://127.0.0.1:9", {
        limits: { requestsPerMinute: 5, tokensPerMinute: 9 }
      })
      assert.deepInclude(capabilities, { temperature: false, boundsOutput: true, schema: "native", concurrency: 4 })
      assert.deepStrictEqual(capabilities.limits, { requestsPerMinute: 5, tokensPerMinute: 9 })
      assert.strictEqual((yield* build("http://127.0.0.1:9", { schemas: "tried" })).capabilities.schema, "prompt")
    }))
})

describe("Anthropic: schemas", () => {
  it.scopedLive("are enforced by the format of the answer", () =>
    Effect.gen(function*() {
      const server = yield* serve(sent(textEvents(labelled)))
      const answer = yield* ask(yield* build(server.url), { schema: label })
      assert.strictEqual(bodyAt(server, 0).output_config?.format.type, "json_schema")
      assert.strictEqual(answer.text, labelled)
    }))

  it.scopedLive("with another root than an object come back without what was put around them", () =>
    Effect.gen(function*() {
      const server = yield* serve(sent(textEvents("{\"wrapped_answer\":[\"a\"]}")))
      const answer = yield* ask(yield* build(server.url), { schema: { type: "array", items: { type: "string" } } })
      assert.strictEqual(bodyAt(server, 0).output_config?.format.schema["type"], "object")
      assert.strictEqual(answer.text, "[\"a\"]")
    }))

  it.scopedLive("go from the format to the only tool to words as the server refuses them, and stay there", () =>
    Effect.gen(function*() {
      const refuse = (message: string) => reply(400, failure("invalid_request_error", message))
      const server = yield* serve((response, index, request) => {
        const { body } = request
        const handler = body.includes("\"output_config\"")
          ? refuse("output_config.format: this model does not support structured outputs")
          : body.includes("\"tool_choice\"")
          ? refuse("Thinking may not be enabled when tool_choice forces tool use.")
          : sent(textEvents(labelled))
        handler(response, index, request)
      })
      const provider = yield* build(server.url)
      for (const _ of ["format", "tool"]) {
        const error = yield* Effect.flip(ask(provider, { schema: label }))
        assert.isTrue(error.isAdapted)
      }
      for (const _ of ["words", "words again"]) {
        assert.strictEqual((yield* ask(provider, { schema: label })).text, labelled)
      }
      const forms = server.received.map((_, index) => {
        const body = bodyAt(server, index)
        return body.output_config !== undefined ? "format" : body.tools !== undefined ? "tool" : "words"
      })
      assert.deepStrictEqual(forms, ["format", "tool", "words", "words"])
    }))

  it.scopedLive("that cannot be enforced go to the only tool at once", () =>
    Effect.gen(function*() {
      const server = yield* serve(sent(toolEvents("{\"a\":1}")))
      const schema = { type: "object", additionalProperties: { type: "number" } }
      const answer = yield* ask(yield* build(server.url), { schema })
      assert.deepStrictEqual(bodyAt(server, 0).tools?.[0]?.input_schema, schema as { readonly type: "object" })
      assert.strictEqual(answer.text, "{\"a\":1}")
    }))
})

describe("Anthropic: the bound on output", () => {
  const known = (max_tokens: unknown): Handler => (response, index, request) =>
    request.url.startsWith("/v1/models/")
      ? reply(200, { id: "x", type: "model", max_tokens })(response, index, request)
      : sent(textEvents("yes"))(response, index, request)
  const bound = (server: Server) =>
    server.received.flatMap(({ body, url }, index) =>
      url === "/v1/messages" && body !== "" ? [bodyAt(server, index).max_tokens] : []
    )

  it.scopedLive("is the call's own when it has one, without asking about the model", () =>
    Effect.gen(function*() {
      const server = yield* serve(known(999))
      yield* ask(yield* build(server.url), { model: "claude-next", maxOutputTokens: 50 })
      assert.deepStrictEqual(bound(server), [50])
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive("is what the API says of a model that is not known, asked once for calls at the same time", () =>
    Effect.gen(function*() {
      const server = yield* serve(known(77_000))
      const provider = yield* build(server.url)
      const fields = { model: "claude/next?1" }
      yield* Effect.all(Array.from({ length: 4 }, () => ask(provider, fields)), { concurrency: "unbounded" })
      const [first] = server.received
      assert.strictEqual(first?.url, "/v1/models/claude%2Fnext%3F1")
      assert.strictEqual(first?.headers["x-api-key"], key)
      assert.strictEqual(first?.headers["anthropic-version"], "2023-06-01")
      assert.deepStrictEqual(bound(server), [77_000, 77_000, 77_000, 77_000])
      assert.strictEqual(server.received.length, 5)
      const { outputTokens } = provider.estimate(ProviderContract.request(fields))
      assert.isAtMost(outputTokens, 77_000)
    }))

  const unsaid: ReadonlyArray<readonly [what: string, handler: Handler]> = [
    ["null", known(null)],
    ["zero", known(0)],
    ["a text", known("many")],
    ["no JSON", reply(200, "<html>")],
    ["a redirect", reply(302, "", { location: "https://example.com" })],
    ["not found", reply(404, failure("not_found_error"))]
  ]
  it.scopedLive.each(unsaid)(
    "is a safe one where the API says %s, and that is remembered",
    ([, models]) =>
      Effect.gen(function*() {
        const server = yield* serve((response, index, request) =>
          (request.url.startsWith("/v1/models/") ? models : sent(textEvents("yes")))(response, index, request)
        )
        const provider = yield* build(server.url)
        for (const _ of [1, 2]) assert.strictEqual((yield* ask(provider, { model: "claude-next" })).text, "yes")
        assert.deepStrictEqual(bound(server), [32_000, 32_000])
        assert.strictEqual(server.received.length, 3)
      })
  )

  it.scopedLive("is asked for again where the server could not say it just then", () =>
    Effect.gen(function*() {
      const server = yield* serve((response, index, request) =>
        (index === 0 ? reply(529, failure("overloaded_error")) : known(77_000))(response, index, request)
      )
      const provider = yield* build(server.url)
      for (const _ of [1, 2]) yield* ask(provider, { model: "claude-next" })
      assert.deepStrictEqual(bound(server), [32_000, 77_000])
    }))

  /** A server that does not answer about models until it is told to. */
  const hanging = Effect.gen(function*() {
    const asked = yield* Queue.unbounded<string>()
    const run = Runtime.runSync(yield* Effect.runtime())
    const waiting: Array<() => void> = []
    const server = yield* serve((response, index, request) => {
      if (!request.url.startsWith("/v1/models/")) return sent(textEvents("yes"))(response, index, request)
      waiting.push(() => known(77_000)(response, index, request))
      run(Queue.offer(asked, request.url))
    })
    const answer = Effect.sync(() => {
      for (const reply of waiting) reply()
    })
    return { server, asked: Queue.take(asked), answer }
  })

  it.scopedLive("is asked for by the next call when the one that asked is interrupted", () =>
    Effect.gen(function*() {
      const { answer, asked, server } = yield* hanging
      const provider = yield* build(server.url)
      const first = yield* Effect.fork(ask(provider, { model: "claude-next" }))
      yield* asked
      const second = yield* Effect.fork(ask(provider, { model: "claude-next" }))
      yield* Fiber.interrupt(first)
      yield* asked
      yield* answer
      assert.strictEqual((yield* Fiber.join(second)).text, "yes")
      assert.deepStrictEqual(bound(server), [77_000])
    }))

  it.scoped("is not waited for longer than ten seconds", () =>
    Effect.gen(function*() {
      const { asked, server } = yield* hanging
      const fiber = yield* Effect.fork(ask(yield* build(server.url), { model: "claude-next" }))
      yield* asked
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).text, "yes")
      assert.deepStrictEqual(bound(server), [32_000])
    }))

  it.scoped("is not waited for by one call after the other", () =>
    Effect.gen(function*() {
      const { asked, server } = yield* hanging
      const provider = yield* build(server.url)
      const calls = yield* Effect.replicateEffect(Effect.fork(ask(provider, { model: "claude-next" })), 3)
      yield* asked
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* Fiber.joinAll(calls)).map(({ text }) => text), ["yes", "yes", "yes"])
      assert.strictEqual(server.received.filter(({ url }) => url.startsWith("/v1/models/")).length, 1)
    }))

  it.scopedLive("is not asked for without a key, and with a broken one nothing is sent", () =>
    Effect.gen(function*() {
      const server = yield* serve(known(77_000))
      const missing = yield* Effect.flip(
        ask(yield* build(server.url, { keyVariable: "NO_KEY" }), { model: "claude-next" })
      )
      assert.strictEqual(missing.reason, "Authentication")
      assert.include(missing.detail, "$NO_KEY")
      const broken = yield* Effect.flip(
        ask(yield* build(server.url, { keyVariable: "BROKEN_KEY" }), { model: "claude-next" })
      )
      assert.strictEqual(broken.reason, "Misconfigured")
      assert.strictEqual(server.received.length, 0)
    }))
})

describe("Anthropic: failures", () => {
  it.scopedLive("a spend limit is told from a limit of the rate", () =>
    Effect.gen(function*() {
      const body = failure("rate_limit_error", "no", { error_code: "enforced_spend_limit_reached" })
      assert.strictEqual((yield* Effect.flip(against(reply(429, body)))).reason, "UsageLimit")
    }))

  it.scopedLive("a limit of the rate says how long to wait, in each form", () =>
    Effect.gen(function*() {
      const at = (headers: Record<string, string>) =>
        Effect.map(
          Effect.flip(against(reply(429, failure("rate_limit_error"), headers))),
          ({ retryAfterMs }) => retryAfterMs
        )
      assert.strictEqual(yield* at({ "retry-after": "7" }), 7_000)
      assert.strictEqual(yield* at({ "retry-after-ms": "250" }), 250)
      assert.isUndefined(yield* at({}))
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const reset = new Date(now + 60_000).toISOString()
      const limit = "anthropic-ratelimit-input-tokens"
      const used = yield* at({ [`${limit}-remaining`]: "0", [`${limit}-reset`]: reset })
      assert.isTrue(used !== undefined && used > 50_000 && used <= 60_000, String(used))
      assert.isUndefined(yield* at({ [`${limit}-remaining`]: "5", [`${limit}-reset`]: reset }))
    }))

  it.scopedLive("an error in the middle of an answer keeps what came and what it cost", () =>
    Effect.gen(function*() {
      const events = [...textEvents("half an answer").slice(0, -3), failure("overloaded_error", "Overloaded")]
      const error = yield* Effect.flip(against(sent(events)))
      assert.strictEqual(error.reason, "Overloaded")
      assert.include(error.raw, "message_start")
      assert.deepStrictEqual(error.usage, { ...counted, outputTokens: 1 })
      assert.isTrue(error.mayBeBilled)
    }))

  it.scopedLive("a prompt that does not fit is known by how the API says it", () =>
    Effect.gen(function*() {
      const body = failure("invalid_request_error", "prompt is too long: 208656 tokens > 200000 maximum")
      assert.strictEqual((yield* Effect.flip(against(reply(400, body)))).reason, "ContextOverflow")
    }))
})
