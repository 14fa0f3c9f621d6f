import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as Zlib from "node:zlib"
import * as Usage from "../../src/domain/Usage.ts"
import * as OpenAiWire from "../../src/provider/OpenAiWire.ts"
import type { Answer, ProviderError } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import { against, ask, build, key } from "./httpLab.ts"
import type { Handler, Server } from "./loopback.ts"
import { completion, reply, serve } from "./loopback.ts"

const bodyAt = (server: Server, index: number) =>
  Schema.decodeUnknownSync(Schema.parseJson(OpenAiWire.ChatRequest))(server.received[index]?.body)

const label = {
  type: "object",
  properties: { label: { type: "string", enum: ["bug", "feature"] }, why: { type: "string" } },
  required: ["label", "why"],
  additionalProperties: false
}

ProviderContract.suite(
  "OpenAiCompatible",
  Effect.flatMap(
    serve((response, index, request) => {
      const content = request.body.includes("response_format") ? "{\"label\":\"bug\",\"why\":\"it crashes\"}" : "yes"
      reply(200, completion(content))(response, index, request)
    }),
    (server) => build(server.url)
  )
)

describe("OpenAiCompatible: the request", () => {
  it.scopedLive("asks one question with the key, and sends nothing else about us", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, completion("yes")))
      yield* ask(yield* build(server.url), { prompt: "Is it?" }).pipe(Effect.withSpan("parent"))
      assert.strictEqual(server.received.length, 1)
      const [got] = server.received
      assert.strictEqual(got?.url, "/v1/chat/completions")
      assert.strictEqual(got?.headers.authorization, `Bearer ${key}`)
      assert.strictEqual(got?.headers["content-type"], "application/json")
      assert.deepStrictEqual(JSON.parse(got?.body ?? ""), {
        model: "m",
        messages: [{ role: "user", content: "Is it?" }],
        stream: true,
        stream_options: { include_usage: true }
      })
      for (const name of ["traceparent", "b3", "tracestate", "cookie"]) assert.notProperty(got?.headers, name)
    }))

  it.scopedLive("passes on system text, temperature, the output bound and what was wrong before", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, completion("yes")))
      const fields = {
        system: "Be brief.",
        prompt: "Is it?",
        temperature: 0.2,
        maxOutputTokens: 50,
        correction: { answer: "perhaps", problem: "not yes or no" }
      }
      yield* ask(yield* build(server.url), fields)
      yield* ask(yield* build(server.url, { outputBound: "max_completion_tokens" }), fields)
      const first = bodyAt(server, 0)
      assert.deepStrictEqual(first.messages.map(({ role }) => role), ["system", "user", "assistant", "user"])
      assert.strictEqual(first.messages[2]?.content, "perhaps")
      assert.include(first.messages[3]?.content, "not yes or no")
      assert.deepInclude(first, { temperature: 0.2, max_tokens: 50 })
      assert.deepInclude(bodyAt(server, 1), { max_completion_tokens: 50 })
      assert.notProperty(bodyAt(server, 1), "max_tokens")
    }))

  it.scopedLive("sends a schema as a strict one when it can be, with absent fields as null", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, completion("{}")))
      const schema = { ...label, required: ["label"] }
      yield* ask(yield* build(server.url), { schema, prompt: "Label it." })
      const { messages, response_format } = bodyAt(server, 0)
      assert.strictEqual(messages[0]?.content, "Label it.")
      assert.deepStrictEqual(response_format, {
        type: "json_schema",
        json_schema: {
          name: "result",
          strict: true,
          schema: {
            ...label,
            properties: { label: label.properties.label, why: { anyOf: [{ type: "string" }, { type: "null" }] } }
          }
        }
      })
    }))

  it.scopedLive.each([
    ["a list at the root", { type: "array", items: { type: "string" } }],
    ["any other field", { type: "object", additionalProperties: { type: "string" } }],
    ["a field of any type", { type: "object", properties: { a: {} }, required: ["a"] }],
    ["a choice at the root", { anyOf: [label] }],
    ["allOf", { ...label, allOf: [] }],
    ["a reference elsewhere", { ...label, properties: { label: { $ref: "other.json" }, why: { type: "string" } } }]
  ])("sends %s in words, with JSON mode", ([, schema]) =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, completion("{}")))
      yield* ask(yield* build(server.url), { schema: schema as Record<string, unknown>, prompt: "Label it." })
      const { messages, response_format } = bodyAt(server, 0)
      assert.deepStrictEqual(response_format, { type: "json_object" })
      assert.include(messages[0]?.content, JSON.stringify(schema))
    }))

  it.scopedLive("remembers the form a server refuses and sends the next, one request at a time", () =>
    Effect.gen(function*() {
      const server = yield* serve((response, index, request) =>
        request.body.includes("response_format")
          ? reply(400, { error: { message: "Unknown", param: "response_format.type" } })(response, index, request)
          : reply(200, completion("{}"))(response, index, request)
      )
      const provider = yield* build(server.url)
      const first = yield* Effect.flip(ask(provider, { schema: label }))
      assert.deepInclude(first, { reason: "Unavailable", isTransient: true, isAdapted: true })
      assert.match(first.message, /does not take a strict JSON Schema/)
      const second = yield* Effect.flip(ask(provider, { schema: label }))
      assert.match(second.message, /does not take JSON mode/)
      assert.strictEqual((yield* ask(provider, { schema: label })).text, "{}")
      assert.strictEqual(server.received.length, 3)
      assert.deepStrictEqual(bodyAt(server, 1).response_format, { type: "json_object" })
      const last = bodyAt(server, 2)
      assert.isUndefined(last.response_format)
      assert.include(last.messages[0]?.content, "\"enum\":[\"bug\",\"feature\"]")
      // what one model does not take says nothing about another
      yield* Effect.flip(ask(provider, { schema: label, model: "other" }))
      assert.strictEqual(bodyAt(server, 3).response_format?.type, "json_schema")
    }))

  it.scopedLive("keeps strict schemas for others when a server that enforces them refuses one", () =>
    Effect.gen(function*() {
      const server = yield* serve((response, index, request) =>
        request.body.includes("\"bad\"")
          ? reply(400, { error: { message: "Invalid schema for response_format" } })(response, index, request)
          : reply(200, completion("{}"))(response, index, request)
      )
      const provider = yield* build(server.url, { schemas: "enforced" })
      assert.strictEqual(provider.capabilities.schema, "native")
      const bad = { ...label, properties: { bad: { type: "string" } }, required: ["bad"] }
      yield* Effect.flip(ask(provider, { schema: bad }))
      yield* ask(provider, { schema: label })
      assert.strictEqual(bodyAt(server, 1).response_format?.type, "json_schema")
      yield* ask(provider, { schema: bad })
      assert.strictEqual(bodyAt(server, 2).response_format?.type, "json_object")
    }))

  it.scopedLive("sends no key where none is configured and no request where it is missing or broken", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, completion("yes")))
      yield* ask(yield* build(server.url, { keyVariable: undefined }))
      assert.notProperty(server.received[0]?.headers, "authorization")
      const missing = yield* Effect.flip(ask(yield* build(server.url, { keyVariable: "EMPTY_KEY" })))
      assert.deepInclude(missing, { reason: "Authentication", detail: "needs an API key in $EMPTY_KEY" })
      const broken = yield* Effect.flip(ask(yield* build(server.url, { keyVariable: "BROKEN_KEY" })))
      assert.strictEqual(broken.reason, "Misconfigured")
      assert.notInclude(broken.message, "sk-two")
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive("reserves what a request can use at most", () =>
    Effect.gen(function*() {
      const provider = yield* build("http://127.0.0.1:1")
      const fields = { prompt: "ä".repeat(1_000), schema: label, model: "m" }
      const estimate = provider.estimate(ProviderContract.request(fields))
      assert.isAtLeast(estimate.inputTokens, 2_000 + JSON.stringify(label).length)
      assert.strictEqual(estimate.cost(1_000_000, 100), 1_250_000_000 + 1_000_000)
      assert.isUndefined(provider.estimate(ProviderContract.request({ model: "unknown" })).cost(1, 1))
    }))
})

describe("OpenAiCompatible: the answer", () => {
  it.scopedLive("gives the text, the counts, the cost and the body", () =>
    Effect.gen(function*() {
      const body = completion(" yes\n")
      const answer = yield* against(reply(200, body))
      assert.deepStrictEqual(answer, {
        text: "yes",
        structured: undefined,
        raw: JSON.stringify(body),
        usage: Usage.make({ inputTokens: 20, outputTokens: 5 }),
        cost: { amount: 70_000, source: "test prices" },
        model: "m-2026",
        session: undefined
      } as unknown as Answer)
    }))

  it.scopedLive.each(
    [
      ["openai", { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 60 } }, [
        40,
        60,
        0
      ]],
      ["openrouter", {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 }
      }, [10, 60, 30]],
      ["deepseek", {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_cache_hit_tokens: 90,
        prompt_cache_miss_tokens: 10
      }, [10, 90, 0]],
      ["more cached than counted", {
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 160 }
      }, [0, 100, 0]],
      ["nulls", { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: null }, [100, 0, 0]]
    ] as const
  )(
    "splits the input tokens of %s",
    ([, usage, [inputTokens, cacheReadTokens, cacheWriteTokens]]) =>
      Effect.gen(function*() {
        const answer = yield* against(reply(200, completion("yes", { usage })))
        assert.deepStrictEqual(answer.usage, { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens: 5 })
      })
  )

  it.scopedLive.each([[undefined], ["many"], [{ prompt_tokens: -1 }], [{ prompt_tokens: 1.5 }], [{}]])(
    "keeps an answer whose counts are %j",
    ([usage]) =>
      Effect.gen(function*() {
        const answer = yield* against(reply(200, completion("yes", { usage })))
        assert.deepInclude(answer, { text: "yes", usage: undefined, cost: undefined })
      })
  )

  it.scopedLive("prefers the cost a server reports, where that is in dollars, and knows none for unknown models", () =>
    Effect.gen(function*() {
      const usage = { prompt_tokens: 20, completion_tokens: 5, cost: 0.0123 }
      const reported = yield* against(reply(200, completion("yes", { usage })), {}, { reportsCost: true })
      assert.deepStrictEqual(reported.cost, { amount: 12_300_000, source: "provider" } as unknown as Answer["cost"])
      const own = yield* against(reply(200, completion("yes", { usage })))
      assert.strictEqual(own.cost?.source, "test prices")
      const unknown = yield* against(reply(200, completion("yes")), { model: "x" })
      assert.isUndefined(unknown.cost)
    }))

  it.scopedLive("joins parts, and takes the first of several choices", () =>
    Effect.gen(function*() {
      const parts = yield* against(reply(200, completion([{ type: "text", text: "a" }, { type: "text", text: "b" }])))
      assert.strictEqual(parts.text, "ab")
      const choices = ["first", "second"].map((content) => ({ message: { content }, finish_reason: "stop" }))
      assert.strictEqual((yield* against(reply(200, completion("", { choices })))).text, "first")
    }))

  const choice = (message: Record<string, unknown>, finish_reason: string | null = "stop") =>
    completion("", { choices: [{ message, finish_reason }] })

  it.scopedLive.each<[string, unknown, ProviderError["reason"], boolean]>([
    ["an HTML page", "<!doctype html><title>Sign in</title>", "Malformed", false],
    // it may be a connection that broke, so it is asked for again
    ["nothing", "", "Transport", false],
    ["null", "null", "Malformed", false],
    ["a list", "[]", "Malformed", false],
    ["half of a body", "{\"choices\":[{\"message\"", "Malformed", false],
    ["no choices", { id: "1" }, "Malformed", false],
    ["no choice", { choices: [] }, "Malformed", false],
    ["no message", { choices: [{}] }, "Malformed", false],
    ["no content", choice({ content: null }), "EmptyAnswer", true],
    ["white space", choice({ content: " \n" }), "EmptyAnswer", true],
    ["a refusal", choice({ content: null, refusal: "I cannot help." }), "Refused", true],
    ["a refusal in parts", choice({ content: [{ type: "refusal", refusal: "No." }] }), "Refused", true],
    ["a filtered answer", choice({ content: "He" }, "content_filter"), "Refused", true],
    ["a cut answer", choice({ content: "Once upon" }, "length"), "Truncated", true],
    ["a broken-off answer", choice({ content: "Once" }, "error"), "Unavailable", true],
    ["a tool call", choice({ content: null, tool_calls: [{ id: "1" }] }, "tool_calls"), "Malformed", true],
    ["an error", { error: { message: "Overloaded", code: 503 } }, "Overloaded", false],
    ["an error in a choice", { choices: [{ error: { code: 429, message: "slow" } }] }, "RateLimited", false],
    ["an error by its code", { error: { code: "insufficient_quota", message: "x" } }, "Billing", false]
  ])("PH-7: does not take %s for an answer", ([, body, reason, isCounted]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(reply(200, body)))
      assert.deepInclude(error, { _tag: "ProviderError", provider: "mock", reason })
      if (body !== "") assert.strictEqual(error.raw, typeof body === "string" ? body : JSON.stringify(body))
      assert.strictEqual(error.usage?.outputTokens, isCounted ? 5 : undefined)
      assert.strictEqual(error.cost?.amount, isCounted ? 70_000 : undefined)
    }))
})

describe("OpenAiCompatible: failures", () => {
  const serverError = (fields: Record<string, unknown> = {}) => ({ error: { message: "It failed.", ...fields } })

  it.scopedLive.each<[number, Record<string, unknown>, ProviderError["reason"], boolean]>([
    [400, {}, "InvalidRequest", false],
    [400, { code: "context_length_exceeded" }, "ContextOverflow", false],
    [400, { code: "model_not_found" }, "UnknownModel", false],
    [401, {}, "Authentication", false],
    [402, {}, "Billing", false],
    [403, {}, "Permission", false],
    [404, {}, "UnknownModel", false],
    [407, {}, "Misconfigured", false],
    [408, {}, "Transport", true],
    [409, {}, "Transport", true],
    [413, {}, "InvalidRequest", false],
    [422, {}, "InvalidRequest", false],
    [425, {}, "Transport", true],
    [429, {}, "RateLimited", true],
    [429, { code: "insufficient_quota" }, "Billing", false],
    [429, { type: "insufficient_quota" }, "Billing", false],
    [451, {}, "Refused", false],
    [500, {}, "Unavailable", true],
    [502, {}, "Unavailable", true],
    [503, {}, "Overloaded", true],
    [504, {}, "Unavailable", true],
    [529, {}, "Overloaded", true]
  ])("PH-2, PH-3: calls %i with %j %s", ([status, fields, reason, isTransient]) =>
    Effect.gen(function*() {
      const server = yield* serve(reply(status, serverError(fields)))
      const error = yield* Effect.flip(ask(yield* build(server.url)))
      assert.deepInclude(error, { reason, isTransient })
      assert.match(error.message, new RegExp(`^mock: HTTP ${status}: It failed\\.`))
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive("tells an address without such a server from a model that is not there", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(reply(404, "<h1>Not Found</h1>")))
      assert.strictEqual(error.reason, "Misconfigured")
      assert.match(error.message, /check the address http:\/\/127/)
    }))

  it.scopedLive("lets the server say whether asking again helps", () =>
    Effect.gen(function*() {
      const yes = yield* Effect.flip(against(reply(400, serverError(), { "x-should-retry": "true" })))
      assert.isTrue(yes.isTransient)
      const no = yield* Effect.flip(against(reply(500, serverError(), { "x-should-retry": "false" })))
      assert.isFalse(no.isTransient)
    }))

  it.scopedLive.each<[string, Record<string, string>, number | undefined]>([
    ["seconds", { "retry-after": "2" }, 2_000],
    ["a part of a second", { "retry-after": "0.25" }, 250],
    ["none", { "retry-after": "0" }, 0],
    ["a negative number", { "retry-after": "-1" }, undefined],
    ["years", { "retry-after": "99999999" }, 99_999_999_000],
    ["more than a number holds", { "retry-after": "9".repeat(400) }, undefined],
    ["a past date in the oldest form", { "retry-after": "Sun Nov  6 08:49:37 1994" }, 0],
    ["a past date", { "retry-after": "Fri, 07 Nov 2014 23:59:59 GMT" }, 0],
    ["garbage", { "retry-after": "soon" }, undefined],
    ["nothing", {}, undefined],
    ["milliseconds before seconds", { "retry-after": "5", "retry-after-ms": "1200.5" }, 1_201],
    [
      "the reset of the limit that is used up",
      {
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6m0.5s"
      },
      360_500
    ],
    ["a reset that cannot be read", {
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "1700000000"
    }, undefined]
  ])("PH-1: waits as a Retry-After of %s says", ([, headers, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(reply(429, serverError(), headers)))
      assert.strictEqual(error.retryAfterMs, expected)
    }))

  it.scopedLive("waits until a date to come", () =>
    Effect.gen(function*() {
      const date = new Date(Date.now() + 60_000).toUTCString()
      const error = yield* Effect.flip(against(reply(503, serverError(), { "retry-after": date })))
      assert.isAtLeast(error.retryAfterMs ?? 0, 55_000)
      assert.isAtMost(error.retryAfterMs ?? 0, 60_000)
    }))

  it.scopedLive.each([301, 302, 303, 307, 308])(
    "PH-9: refuses a redirect (%i): the other server gets nothing",
    (status) =>
      Effect.gen(function*() {
        const other = yield* serve(reply(200, completion("stolen")))
        const location = `${other.url}/v1/chat/completions`
        for (const http of [NodeHttpClient.layerUndici, NodeHttpClient.layer, FetchHttpClient.layer]) {
          const server = yield* serve(reply(status, "", { location }))
          const error = yield* Effect.flip(ask(yield* build(server.url, {}, http)))
          assert.strictEqual(error.reason, "Misconfigured")
          assert.match(error.message, new RegExp(`redirects to another address \\(HTTP ${status}\\)`))
          assert.strictEqual(server.received.length, 1)
        }
        assert.strictEqual(other.received.length, 0)
      })
  )

  it.scopedLive("calls it Transport when nothing answers or the connection breaks before an answer", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(ask(yield* build("http://127.0.0.1:1")))
      assert.deepInclude(refused, { reason: "Transport", isTransient: true })
      assert.match(refused.message, /ECONNREFUSED/)
      const reset = yield* Effect.flip(against((response) => response.destroy()))
      assert.strictEqual(reset.reason, "Transport")
      assert.notMatch(reset.message, /billed/)
    }))

  it.scopedLive.each<[string, Record<string, string>]>([
    ["with a length", { "content-length": "1000" }],
    ["in chunks", {}]
  ])(
    "keeps what arrived of a body %s that breaks off, and says it may have been billed",
    ([, headers]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(against((response) => {
          response.writeHead(200, headers)
          response.write("{\"choices\":[{\"mess", () => setTimeout(() => response.destroy(), 20))
        }))
        assert.deepInclude(error, { reason: "Transport", raw: "{\"choices\":[{\"mess" })
        assert.match(error.message, /may have been billed/)
      })
  )

  it.scopedLive("ends the request when it is interrupted, before and during the answer", () =>
    Effect.gen(function*() {
      const handlers: ReadonlyArray<Handler> = [
        () => {},
        (response) => {
          response.writeHead(200)
          response.write("{")
        }
      ]
      for (const handler of handlers) {
        const server = yield* serve(handler)
        const provider = yield* build(server.url)
        const fiber = yield* Effect.fork(ask(provider))
        yield* Effect.sleep("10 millis").pipe(Effect.repeat({ until: () => server.received.length === 1 }))
        yield* Effect.sleep("50 millis")
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(exit))
        yield* Effect.timeout(server.abandoned, "2 seconds")
      }
    }))
})

describe("PH-8: OpenAiCompatible: bounds", () => {
  const endless: { sent: number; readonly handler: Handler } = {
    sent: 0,
    handler: (response) => {
      endless.sent = 0
      const chunk = Buffer.alloc(1_048_576, 0x20)
      const pump = () => {
        while (!response.destroyed) {
          endless.sent += chunk.length
          if (!response.write(chunk)) return void response.once("drain", pump)
        }
      }
      response.writeHead(200)
      pump()
    }
  }

  it.scopedLive("stops reading an endless body at 64 MiB", () =>
    Effect.gen(function*() {
      const server = yield* serve(endless.handler)
      const before = process.memoryUsage.rss()
      const error = yield* Effect.flip(ask(yield* build(server.url)))
      assert.strictEqual(error.reason, "Malformed")
      assert.match(error.message, /more than 67108864 bytes/)
      assert.isAtMost(error.raw?.length ?? 0, 100_000)
      yield* Effect.timeout(server.abandoned, "2 seconds")
      assert.isAtMost(endless.sent, 100_000_000)
      assert.isAtMost(process.memoryUsage.rss() - before, 400_000_000)
    }))

  it.scopedLive("undoes gzip that was not asked for, up to the same bound", () =>
    Effect.gen(function*() {
      const plain = yield* against(
        reply(200, Zlib.gzipSync(JSON.stringify(completion("yes"))), { "content-encoding": "gzip" })
      )
      assert.strictEqual(plain.text, "yes")
      const bomb = Zlib.gzipSync(Buffer.alloc(300_000_000))
      const error = yield* Effect.flip(against(reply(200, bomb, { "content-encoding": "gzip" })))
      assert.match(error.message, /more than 67108864 bytes/)
      const broken = Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from("not gzip")])
      const malformed = yield* Effect.flip(against(reply(200, broken, { "content-encoding": "gzip" })))
      assert.strictEqual(malformed.reason, "Malformed")
    }))
})

describe("OpenAiCompatible: the key", () => {
  const echoes: ReadonlyArray<[string, string]> = [
    ["as it is", key],
    ["in base64", Buffer.from(key).toString("base64")],
    ["in base64 with what stands before it", Buffer.from(`Bearer ${key}`).toString("base64")],
    ["in base64url", Buffer.from(`x:${key}`).toString("base64url")],
    ["percent-encoded", encodeURIComponent(key)],
    ["in hexadecimal", Buffer.from(key).toString("hex")],
    ["with JSON escapes", key.replaceAll("/", "\\/").replace("s", "\\u0073")]
  ]
  const secrets = [
    key,
    encodeURIComponent(key),
    Buffer.from(key).toString("hex"),
    ...[0, 1, 2].map((offset) =>
      Buffer.from("x".repeat(offset) + key).toString("base64url").slice(offset === 0 ? 0 : offset + 1, 30)
    )
  ]

  const assertClean = (value: unknown, spellings: ReadonlyArray<string> = secrets) => {
    const texts = [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value), String(value)]
    if (value instanceof Error) texts.push(value.message, String(value.stack), Cause.pretty(Cause.fail(value)))
    for (const text of texts) for (const secret of spellings) assert.notInclude(text, secret)
  }

  it.scopedLive.each(echoes)("SE-2: is masked when a server echoes it %s", ([, echo]) =>
    Effect.gen(function*() {
      const quoted = echo.includes("\\") ? `"${echo}"` : JSON.stringify(echo)
      const refused = yield* Effect.flip(against(reply(401, `{"error":{"message":${quoted}}}`)))
      assert.strictEqual(refused.reason, "Authentication")
      assert.include(refused.message, "[masked]")
      assert.include(refused.message, "check the key in $TEST_KEY")
      assertClean(refused, [...secrets, echo])
      assert.notInclude(refused.raw, "Canary")
      assertClean(yield* Effect.flip(against(reply(500, `oops ${echo}`))))
      assertClean(yield* Effect.flip(against(reply(200, `<html>${echo}`))))
      const answered = yield* against(reply(200, `{"choices":[{"message":{"content":${quoted}}}]}`))
      assert.strictEqual(answered.text.includes("[masked]"), true)
      assertClean(answered)
    }))

  it.scopedLive("SE-5: is not in errors of the connection, nor are headers", () =>
    Effect.gen(function*() {
      const errors = [
        yield* Effect.flip(ask(yield* build("http://127.0.0.1:1"))),
        yield* Effect.flip(against((response) => response.destroy())),
        yield* Effect.flip(ask(yield* build("not an address"))),
        yield* Effect.flip(against(reply(302, "", { location: "http://127.0.0.1:1" })))
      ]
      for (const error of errors) {
        assertClean(error)
        assert.notMatch(inspect(error, { depth: 20 }), /authorization|bearer/i)
      }
    }))
})
