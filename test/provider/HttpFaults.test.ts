import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import * as Zlib from "node:zlib"
import type { Run } from "open-agent-workflows"
import { agent, AgentResult, OwfTest, RunStore, Workflow } from "open-agent-workflows"
import type { AgentError } from "open-agent-workflows/domain/AgentError"
import type { Done } from "open-agent-workflows/domain/Outcome"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as Pricing from "open-agent-workflows/provider/Pricing"
import type { Provider, ProviderError } from "open-agent-workflows/provider/Provider"
import { Providers } from "open-agent-workflows/provider/Provider"
import * as Registry from "open-agent-workflows/provider/Registry"
import * as Settings from "open-agent-workflows/settings/Settings"
import * as Undici from "undici"
import { against, ask, build, key } from "./httpLab.ts"
import type { Handler } from "./loopback.ts"
import { chunk, completion, counts, pieces, reply, serve, serveRaw, serveTls, stream } from "./loopback.ts"

const serverError = (fields: Record<string, unknown> = {}) => ({ error: { message: "It failed.", ...fields } })

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature") })

const plain = agent("Is it?")

/** One call in a run of its own, and what is recorded of it. */
const observe = <A>(
  provider: Provider,
  asked: Effect.Effect<Done<A>, AgentError, Run>,
  config: Omit<OwfTest.Options, "provider"> = {}
) =>
  Effect.gen(function*() {
    const workflow = Workflow.make({ name: "test" }, () => AgentResult.settle(asked))
    const run = yield* Workflow.start(workflow, {})
    const store = yield* RunStore.RunStore
    const [call] = yield* store.calls(run.runId)
    const result = yield* run.exit
    return { result, attempts: yield* store.attempts(call!.id), run: yield* store.run(run.runId) }
  }).pipe(
    Effect.provide(OwfTest.layer({ provider, retry: { base: Duration.millis(1), cap: Duration.millis(2) }, ...config }))
  )

const minute = Duration.minutes(1)

/** Waits for things that happen outside of the test's time. */
const really = (millis: number) => Effect.promise(() => new Promise((resume) => setTimeout(resume, millis)))

/** Lets the test's time go on in steps, with a real moment after each, until the work is done. */
const driven = <A, E, R>(work: Effect.Effect<A, E, R>, step: number, after: () => void = () => {}) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(work)
    yield* really(50)
    while (fiber.unsafePoll() === null) {
      yield* TestClock.adjust(step)
      after()
      yield* really(4)
    }
    return yield* Fiber.join(fiber)
  })

describe("PH-1: a 429 with a time to wait", () => {
  const second = 1_000
  it.scoped.each<[string, Record<string, string>, least: number, most: number]>([
    ["2", { "retry-after": "2" }, 2 * second, 8 * second],
    ["0", { "retry-after": "0" }, 250, 6 * second],
    ["-1", { "retry-after": "-1" }, 250, 6 * second],
    ["a date to come", { "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT" }, 59 * second, 75 * second],
    ["a date that passed", { "retry-after": "Wed, 31 Dec 1969 23:00:00 GMT" }, 250, 6 * second],
    ["garbage", { "retry-after": "soon; maybe" }, 250, 6 * second],
    ["nothing", {}, 250, 6 * second],
    ["milliseconds", { "retry-after-ms": "1500" }, 1_500, 8 * second],
    [
      "Anthropic's reset",
      {
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "1970-01-01T00:00:30Z",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:10Z"
      },
      29 * second,
      45 * second
    ]
  ])("of %s is asked again no sooner, and soon after", ([, headers, least, most]) =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      const times: Array<number> = []
      const server = yield* serve((response, index, request) => {
        times.push(clock.unsafeCurrentTimeMillis())
        const answer = index === 0 ? reply(429, serverError(), headers) : reply(200, completion("yes"))
        answer(response, index, request)
      })
      const provider = yield* build(server.url)
      const { attempts } = yield* driven(observe(provider, plain, { retry: {} }), 250)
      assert.deepStrictEqual(attempts.map(({ errorKind }) => errorKind), ["RateLimited", null])
      const [first = 0, again = 0] = times
      assert.isAtLeast(again - first, least)
      assert.isAtMost(again - first, most)
    }))

  it.scopedLive.each<[string, Record<string, string>]>([
    ["of three years", { "retry-after": "99999999" }],
    ["of an hour", { "retry-after": new Date(Date.now() + 3_600_000).toUTCString() }],
    ["until a reset in 2099", {
      "anthropic-ratelimit-unified-status": "rejected",
      "anthropic-ratelimit-unified-reset": "4070908800"
    }]
  ])("%s is not waited for: the call says at once until when it would", ([, headers]) =>
    Effect.gen(function*() {
      const server = yield* serve(reply(429, serverError(), headers))
      const { result } = yield* observe(yield* build(server.url), agent("Is it?", { timeout: "1 minute" }))
      const value = result
      assert.deepInclude(value, { ok: false, status: "provider_failed" })
      assert.match(value.ok ? "" : value.error, /HTTP 429.*; waiting until 20\d\d-.*Z is asked for, and (1m|59s)/)
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive("for ever is asked as often as the run retries, and no more", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(429, serverError(), { "retry-after": "0" }))
      const { result } = yield* observe(yield* build(server.url), plain)
      assert.deepInclude(result, { ok: false, status: "provider_failed" })
      assert.strictEqual(server.received.length, 5)
    }))
})

describe("PH-2: a server that fails for a while", () => {
  it.scopedLive.each([500, 502, 503, 504, 529, 408, 409])(
    "with %i is asked again until it answers",
    (status) =>
      Effect.gen(function*() {
        const server = yield* serve((response, index, request) =>
          (index < 2 ? reply(status, serverError()) : stream(pieces("yes")))(response, index, request)
        )
        const { attempts, result } = yield* observe(yield* build(server.url), plain)
        assert.deepInclude(result, { ok: true, text: "yes" })
        assert.deepStrictEqual(attempts.map((attempt) => attempt.status), ["failed", "failed", "done"])
      })
  )

  it.scopedLive("for ever is given up with its last status", () =>
    Effect.gen(function*() {
      const server = yield* serve((response, index, request) =>
        reply(index < 4 ? 500 : 503, serverError())(response, index, request)
      )
      const { result } = yield* observe(yield* build(server.url), plain)
      const value = result
      assert.include(value.ok ? "" : value.error, "HTTP 503")
      assert.strictEqual(server.received.length, 5)
    }))
})

describe("PH-3: a request that is wrong", () => {
  it.scopedLive.each<[number, Record<string, unknown>]>([
    [400, {}],
    [401, {}],
    [402, {}],
    [403, {}],
    [404, {}],
    [413, {}],
    [422, {}],
    [429, { code: "insufficient_quota" }]
  ])(
    "(%i %j) is sent once, and what the server said is kept without the key",
    ([status, fields]) =>
      Effect.gen(function*() {
        const server = yield* serve(reply(status, serverError({ ...fields, message: `No ${key}.` })))
        const { attempts, result } = yield* observe(yield* build(server.url), plain)
        const value = result
        assert.include(value.ok ? "" : value.error, `HTTP ${status}: No [masked].`)
        assert.strictEqual(server.received.length, 1)
        assert.notInclude(JSON.stringify([value, attempts]), key)
      })
  )
})

describe("PH-4: a connection that fails", () => {
  it.scopedLive("is tried again where nothing answers, resets or has no name yet", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(ask(yield* build("http://127.0.0.1:1")))
      assert.deepInclude(refused, { reason: "Transport", isTransient: true })
      assert.match(refused.message, /ECONNREFUSED/)
      const reset = yield* Effect.flip(against((response) => response.socket?.resetAndDestroy()))
      assert.deepInclude(reset, { reason: "Transport", isTransient: true })
      assert.notStrictEqual(reset.mayBeBilled, true)
      const unnamed = yield* Effect.flip(ask(yield* build("http://nowhere.invalid")))
      assert.deepInclude(unnamed, { reason: "Transport", isTransient: true })
      assert.match(unnamed.message, /host name cannot be resolved/)
    }))

  it.scopedLive("is tried again where the answer's head is all that came", () =>
    Effect.gen(function*() {
      const server = yield* serve((response, index, request) => {
        if (index > 0) return stream(pieces("yes"))(response, index, request)
        response.writeHead(200, { "content-type": "application/json" })
        response.end()
      })
      const { attempts, result } = yield* observe(yield* build(server.url), plain)
      assert.deepInclude(result, { ok: true, text: "yes" })
      assert.deepStrictEqual(attempts.map(({ errorKind }) => errorKind), ["Transport", null])
    }))

  it.scopedLive("is not tried again where the certificate is not accepted or TLS is not spoken", () =>
    Effect.gen(function*() {
      const tls = yield* serveTls(reply(200, completion("stolen")))
      const untrusted = yield* Effect.flip(ask(yield* build(tls.url)))
      assert.deepInclude(untrusted, { reason: "Misconfigured", isTransient: false })
      assert.match(untrusted.message, /certificate is not accepted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
      assert.strictEqual(tls.received.length, 0)
      const plain = yield* serve(reply(200, completion("yes")))
      const spoken = yield* Effect.flip(ask(yield* build(plain.url.replace("http:", "https:"))))
      assert.deepInclude(spoken, { reason: "Misconfigured", isTransient: false })
    }))

  it.scopedLive("goes through the user's proxy, whose refusal is told without the key", () =>
    Effect.gen(function*() {
      const proxy = yield* serveRaw("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
      for (const url of ["http://api.invalid", "https://api.invalid"]) {
        const settings = Settings.layer({ HTTP_PROXY: proxy.url, https_proxy: proxy.url, NO_PROXY: "127.0.0.1" })
        const http = Layer.provide(HttpClientNode.layer, Layer.orDie(settings))
        const error = yield* Effect.flip(ask(yield* build(url, {}, http)))
        assert.deepInclude(error, { reason: "Transport", isTransient: true })
        assert.match(error.message, /perhaps by a proxy/)
        assert.match(proxy.received(), /CONNECT api\.invalid:(?:80|443) /)
        assert.notInclude(proxy.received(), "Canary")
      }
      const server = yield* serve(reply(200, completion("yes")))
      const settings = Settings.layer({ HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" })
      const http = Layer.provide(HttpClientNode.layer, Layer.orDie(settings))
      assert.strictEqual((yield* ask(yield* build(server.url, {}, http))).text, "yes")
    }))

  it.scopedLive.each([["a body", reply], ["a stream", undefined]])(
    "in the middle of %s leaves the outcome open: what arrived is kept and the reservation counts",
    ([, kind]) =>
      Effect.gen(function*() {
        const server = yield* serve((response, index, request) => {
          if (index > 0) return stream(pieces("yes"))(response, index, request)
          response.writeHead(200, { "content-type": kind === undefined ? "text/event-stream" : "application/json" })
          const part = kind === undefined
            ? `data: ${JSON.stringify(chunk({ content: "ye" }))}\n\n`
            : "{\"choices\":[{\"mess"
          response.write(part, () => setTimeout(() => response.socket?.resetAndDestroy(), 20))
        })
        const { attempts, result } = yield* observe(
          yield* build(server.url),
          agent("Is it?", { maxOutputTokens: 500 }),
          {
            budget: { tokens: 1_000 }
          }
        )
        assert.deepInclude(result, { ok: true, text: "yes" })
        assert.deepStrictEqual(attempts.map(({ errorKind, status }) => [status, errorKind]), [
          ["lost", "Transport"],
          ["done", null]
        ])
        // what the first request may have used is no longer there for the second
        const [first = 0, second = 0] = server.received.map(({ body }) => JSON.parse(body).max_tokens as number)
        assert.strictEqual(first, 500)
        assert.isBelow(second, 500)
        assert.match(attempts[0]?.error ?? "", /may have been billed/)
        assert.include(attempts[0]?.raw ?? "", kind === undefined ? "\"ye\"" : "{\"choices\":[{\"mess")
      })
  )
})

describe("PH-5: a stream without its end", () => {
  const cut = [chunk({ role: "assistant", content: "Once upon" })]
  it.scopedLive.each<[string, Handler]>([
    ["closes properly", stream(cut)],
    ["is cut within an event", stream([...cut, Buffer.from("data: {\"choices\":[{\"delta\":{\"conte")])],
    ["is cut within an event that looks whole", stream([...cut, Buffer.from("data: {}")])],
    ["only keeps alive", stream([Buffer.from(": keep-alive\n\n"), Buffer.from(": keep-alive\n\n")])],
    ["has no events", stream([])]
  ])("that %s is no answer; it is asked for again and never cached", ([, handler]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(handler))
      assert.deepInclude(error, { reason: "Transport", isTransient: true, mayBeBilled: true })
      assert.match(error.message, /ended before the answer was complete; the request may have been billed/)
      const server = yield* serve(handler)
      const provider = yield* build(server.url)
      const workflow = Workflow.make(
        { name: "test" },
        () => AgentResult.settle(agent("Is it?", { cachePolicy: "auto", readScope: [] }))
      )
      const layer = OwfTest.layer({ provider, retry: { attempts: 2, base: Duration.millis(1) } })
      const runs = Effect.replicateEffect(Effect.flatMap(Workflow.start(workflow, {}), ({ exit }) => exit), 2)
      for (const value of yield* Effect.provide(runs, layer)) assert.deepInclude(value, { ok: false })
      assert.strictEqual(server.received.length, 4)
    }))

  it.scopedLive("that was cut at the bound on output is truncated, paid for and not asked for again", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream([...cut, chunk({}, "length"), counts, "[DONE]"]))
      const { attempts, result } = yield* observe(yield* build(server.url), plain)
      const value = result
      assert.deepInclude(value, { ok: false, status: "provider_failed" })
      assert.deepInclude(attempts[0], { status: "failed", errorKind: "Truncated", outputTokens: 5 })
      assert.include(attempts[0]?.raw ?? "", "Once upon")
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive.each<[string, unknown, ProviderError["reason"]]>([
    ["overloaded", { error: { message: "busy", type: "overloaded_error" } }, "Overloaded"],
    ["a limit by its status", { error: { message: "slow down", code: 429 } }, "RateLimited"],
    ["the account's end", { error: { message: "pay", code: "insufficient_quota" } }, "Billing"],
    ["a refused key", { error: { message: "who", type: "authentication_error" } }, "Authentication"],
    ["nothing more exact", { error: { message: "oops" } }, "Unavailable"],
    ["an error in a choice", { choices: [{ index: 0, delta: {}, error: { code: 502, message: "up" } }] }, "Unavailable"]
  ])("that ends with an error is called what the error says: %s", ([, event, reason]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(stream([...cut, event, "[DONE]"])))
      assert.deepInclude(error, { reason, mayBeBilled: true })
      assert.include(error.raw, "Once upon")
    }))

  it.scopedLive("that breaks off with the counts already sent is paid as they say", () =>
    Effect.gen(function*() {
      const usage = { prompt_tokens: 20, completion_tokens: 2 }
      const error = yield* Effect.flip(against(stream([{ ...chunk({ content: "Once" }), usage }])))
      assert.deepInclude(error.usage, { inputTokens: 20, outputTokens: 2 })
      assert.strictEqual(error.cost?.amount, 40_000)
    }))

  it.scopedLive("with an event that cannot be read is no answer with a hole", () =>
    Effect.gen(function*() {
      for (const event of ["{\"choices\":", "null", { choices: [{ delta: 5 }] }]) {
        const error = yield* Effect.flip(against(stream([...cut, event, ...pieces("yes")])))
        assert.strictEqual(error.reason, "Malformed")
      }
    }))
})

describe("PH-6: an answer that takes long", () => {
  it.scopedLive("has no time limit but the call's own", () =>
    Effect.gen(function*() {
      const dispatch = vi.spyOn(Undici.Agent.prototype, "dispatch")
      yield* Effect.addFinalizer(() => Effect.sync(() => dispatch.mockRestore()))
      yield* against(stream(pieces("yes")))
      assert.strictEqual(dispatch.mock.calls.length, 1)
      assert.deepInclude(dispatch.mock.calls[0]?.[0], { headersTimeout: 0, bodyTimeout: 0 })
    }))

  it.scoped("at a byte a minute is waited for until the call's deadline", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(`data: ${JSON.stringify(chunk({ content: "yes" }))}\n\n`)
      const open: Array<() => void> = []
      const server = yield* serve((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        let at = 0
        open.push(() => void response.write(bytes.subarray(at, ++at)))
      })
      const { result } = yield* driven(
        observe(yield* build(server.url), agent("Is it?", { timeout: "15 minutes" })),
        60_000,
        () => open[0]?.()
      )
      assert.deepInclude(result, { ok: false, status: "timeout" })
      assert.isAtLeast(yield* Clock.currentTimeMillis, 900_000)
      assert.strictEqual(server.received.length, 1)
      yield* server.abandoned
    }))

  const alive = (text: string): Handler => (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    const timer = setInterval(() => response.write(text), 2)
    response.on("close", () => clearInterval(timer))
  }

  it.scoped.each<[string, Handler]>([
    ["before its headers", () => {}],
    ["after its headers", (response) => {
      response.writeHead(200)
      response.flushHeaders()
    }],
    ["but for comments", alive(": keep-alive\n\n")]
  ])("is Silent when nothing comes %s for the time that is borne", ([, handler]) =>
    Effect.gen(function*() {
      const server = yield* serve(handler)
      const provider = yield* build(server.url)
      const error = yield* driven(Effect.flip(ask(provider, { idleTimeout: minute })), 5_000)
      assert.deepInclude(error, { reason: "Silent", isTransient: true, mayBeBilled: true })
      assert.match(error.message, /nothing came for 1m/)
      assert.isAtLeast(yield* Clock.currentTimeMillis, 60_000)
      assert.isAtMost(yield* Clock.currentTimeMillis, 300_000)
      yield* server.abandoned
    }))

  it.scopedLive("is given its time once more when the process was stopped meanwhile", () =>
    Effect.gen(function*() {
      const server = yield* serve((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.flushHeaders()
      })
      const provider = yield* build(server.url)
      const live = Clock.make()
      let ended = 0
      let stopped = 0n
      const sleeping: Clock.Clock = {
        ...live,
        unsafeCurrentTimeMillis: () => live.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => live.unsafeCurrentTimeNanos() + stopped,
        // the first timer that ends does so eight hours late
        sleep: (duration) =>
          Effect.tap(live.sleep(duration), () =>
            Effect.sync(() => {
              if (ended++ === 0) stopped = 8n * 3_600_000_000_000n
            }))
      }
      const asked = ask(provider, { idleTimeout: Duration.millis(200) })
      assert.strictEqual((yield* Effect.flip(Effect.withClock(asked, sleeping))).reason, "Silent")
      assert.strictEqual(ended, 2)
    }))

  it.scoped("is not Silent while events come", () =>
    Effect.gen(function*() {
      let sent = 0
      let turn = 0
      const events = pieces("x".repeat(30), 1)
      const open: Array<() => void> = []
      const server = yield* serve((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        open.push(() => {
          if (++turn % 3 > 0) return
          const event = events[sent++]
          if (event !== undefined) {
            response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
          }
        })
      })
      const provider = yield* build(server.url)
      const answer = yield* driven(ask(provider, { idleTimeout: minute }), 10_000, () => open[0]?.())
      assert.strictEqual(answer.text.length, 30)
      assert.isAtLeast(yield* Clock.currentTimeMillis, 900_000)
    }))
})

describe("PH-7: a stream that is not an answer", () => {
  it.scopedLive.each<[string, Handler, ProviderError["reason"]]>([
    ["no content", stream([chunk({ role: "assistant" }), chunk({}, "stop"), counts, "[DONE]"]), "EmptyAnswer"],
    ["null content", stream([chunk({ content: null }, "stop"), counts, "[DONE]"]), "EmptyAnswer"],
    ["white space", stream([chunk({ content: " \n" }, "stop"), counts, "[DONE]"]), "EmptyAnswer"],
    ["nothing but its end", stream(["[DONE]"]), "EmptyAnswer"],
    [
      "a refusal in pieces",
      stream([chunk({ refusal: "I " }), chunk({ refusal: "won't." }, "stop"), counts, "[DONE]"]),
      "Refused"
    ],
    ["a filtered answer", stream([chunk({ content: "He" }, "content_filter"), counts, "[DONE]"]), "Refused"],
    [
      "a tool call",
      stream([chunk({ tool_calls: [{ index: 0, id: "1" }] }), chunk({}, "tool_calls"), counts, "[DONE]"]),
      "Malformed"
    ],
    [
      "an HTML page that calls itself a stream",
      stream([Buffer.from("<!doctype html>\n<p>Sign in</p>\n\n")]),
      "Transport"
    ],
    [
      "JSON that calls itself a stream",
      reply(200, completion("yes"), { "content-type": "text/event-stream" }),
      "Transport"
    ]
  ])("(%s) fails and is paid for", ([, handler, reason]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(against(handler))
      assert.strictEqual(error.reason, reason)
      assert.isTrue(error.usage !== undefined || error.mayBeBilled)
    }))

  it.scopedLive("gives the first of two choices", () =>
    Effect.gen(function*() {
      const both = (first: string, second: string) => ({
        ...chunk({}),
        choices: [{ index: 1, delta: { content: second } }, { index: 0, delta: { content: first } }]
      })
      const events = [both("ye", "n"), both("s", "o"), chunk({}, "stop"), counts, "[DONE]"]
      assert.strictEqual((yield* against(stream(events))).text, "yes")
    }))
})

describe("PH-8: a stream without bounds", () => {
  const endless = (block: Buffer): { sent: number; readonly handler: Handler } => {
    const self = {
      sent: 0,
      handler: ((response) => {
        self.sent = 0
        const pump = (): void => {
          while (!response.destroyed) {
            self.sent += block.length
            if (!response.write(block)) return void response.once("drain", pump)
          }
        }
        response.writeHead(200, { "content-type": "text/event-stream" })
        pump()
      }) as Handler
    }
    return self
  }

  it.scopedLive.each<[string, Buffer, RegExp, number]>([
    [
      "of events",
      Buffer.from(`data: ${JSON.stringify(chunk({ content: "x".repeat(60_000) }))}\n\n`),
      /67108864 bytes/,
      100e6
    ],
    ["of one event", Buffer.alloc(65_536, "x"), /16777216 characters/, 40e6],
    ["of comments", Buffer.from(`:${" ".repeat(60_000)}\n\n`), /67108864 bytes/, 100e6]
  ])(
    "%s is read up to its cap, in bounded memory, and what came is kept",
    ([, block, expected, most]) =>
      Effect.gen(function*() {
        const source = endless(block)
        const server = yield* serve(source.handler)
        const before = process.memoryUsage.rss()
        const error = yield* Effect.flip(ask(yield* build(server.url)))
        assert.strictEqual(error.reason, "Malformed")
        assert.match(error.message, expected)
        assert.isTrue(error.mayBeBilled)
        yield* Effect.timeout(server.abandoned, "2 seconds")
        assert.isAtMost(process.memoryUsage.rss() - before, 400_000_000)
        assert.isAtMost(source.sent, most)
      }),
    30_000
  )

  it.scopedLive("is undone from gzip as it comes, up to the same cap", () =>
    Effect.gen(function*() {
      const gzip = { "content-encoding": "gzip" }
      const text = pieces("yes").map((event) =>
        `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`
      )
      const packed = Zlib.gzipSync(text.join(""))
      assert.strictEqual((yield* against(stream([packed], gzip))).text, "yes")
      const inPieces = [...packed].map((byte) => Buffer.of(byte))
      assert.strictEqual((yield* against(stream(inPieces, gzip))).text, "yes")
      const bomb = Zlib.gzipSync(Buffer.alloc(300_000_000, ": \n"))
      const error = yield* Effect.flip(against(stream([bomb], gzip)))
      assert.match(error.message, /more than 67108864 bytes/)
      const cut = yield* Effect.flip(against(stream([packed.subarray(0, 40)], gzip)))
      assert.isTrue(cut.mayBeBilled)
    }), 30_000)

  it.scopedLive("in another character set keeps what can be read", () =>
    Effect.gen(function*() {
      const latin = Buffer.from(JSON.stringify(completion("caf\u00e9")), "latin1")
      const answer = yield* against(reply(200, latin, { "content-type": "application/json; charset=iso-8859-1" }))
      assert.strictEqual(answer.text, "caf\uFFFD")
    }))
})

describe("PH-9: a redirect", () => {
  it.scopedLive.each<[string, number, ((url: string) => string) | undefined]>([
    ["to another server", 307, (url: string) => `${url}/v1/chat/completions`],
    ["to the same server, in a loop", 302, undefined],
    ["to a file", 301, () => "file:///etc/passwd"],
    ["to nothing that can be read", 308, () => "http://[::"],
    ["without an address", 303, () => ""]
  ])("%s is refused, and the key goes nowhere else", ([, status, location]) =>
    Effect.gen(function*() {
      const other = yield* serve(reply(200, completion("stolen")))
      const server = yield* serve((response, index, request) =>
        reply(status, "", { location: location === undefined ? request.url : location(other.url) })(
          response,
          index,
          request
        )
      )
      const { result } = yield* observe(yield* build(server.url), plain)
      const value = result
      assert.match(value.ok ? "" : value.error, new RegExp(`redirects to another address \\(HTTP ${status}\\)`))
      assert.strictEqual(server.received.length, 1)
      assert.strictEqual(other.received.length, 0)
    }))
})

describe("PH-10: an address", () => {
  const provided = (env: Settings.Environment) =>
    Effect.gen(function*() {
      const http = Layer.merge(HttpClientNode.layer, Pricing.layerNoop)
      const context = yield* Layer.build(
        Layer.provide(Registry.layerBuiltIn({ http }), Layer.orDie(Settings.layer(env)))
      )
      return yield* Context.get(context, Providers).get("my_llm")
    })
  const env = (url: string) => ({ OWF_PROVIDER_MY_LLM_BASE_URL: url, OWF_PROVIDER_MY_LLM_MODEL: "m" })

  it.scopedLive.each<[string, string, string]>([
    ["127.0.0.1", "", "/chat/completions"],
    ["127.0.0.1", "/", "/chat/completions"],
    ["127.0.0.1", "/v1", "/v1/chat/completions"],
    ["127.0.0.1", "/a/b///", "/a/b/chat/completions"],
    ["localhost", "/v1/", "/v1/chat/completions"],
    ["[::1]", "/v1", "/v1/chat/completions"]
  ])("http://%s…%s is asked at %s", ([host, path, expected]) =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces("yes")), host === "[::1]" ? "::1" : "127.0.0.1")
      const provider = yield* provided(env(server.url.replace(/127\.0\.0\.1|\[::1\]/, host) + path))
      assert.strictEqual((yield* ask(provider)).text, "yes")
      assert.strictEqual(server.received[0]?.url, expected)
    }))

  it.scopedLive.each([
    "http://llm.example.org/v1",
    "http://me:hunter2@127.0.0.1/v1",
    "unix:/run/llm.sock",
    "file:///etc/passwd",
    "http://127.0.0.1.example.org/v1"
  ])("%s is refused before any request, without repeating a password", (url) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(provided(env(url)))
      assert.match(error.message, /OWF_PROVIDER_MY_LLM_BASE_URL/)
      assert.notInclude(error.message, "hunter2")
    }))
})

describe("PH-11: a file of providers", () => {
  const house = { base_url: "https://llm.example.org/v1", default_model: "m" }
  const asked = (content: string, name: string) =>
    Effect.gen(function*() {
      const settings = yield* Settings.fromEnvironment({ HOME: "/users/me" }, () => Effect.succeed(content))
      const layer = Registry.layerBuiltIn({ http: Layer.merge(HttpClientNode.layer, Pricing.layerNoop) })
      const context = yield* Layer.build(Layer.provide(layer, Layer.succeed(Settings.Settings, settings)))
      return yield* Context.get(context, Providers).get(name)
    })

  it.scopedLive.each<[string, string, RegExp]>([
    ["is not JSON", "{\n  \"providers\": {,\n", /providers\.json:2:\d+: not valid JSON/],
    [
      "names a kind that is not known",
      JSON.stringify({ providers: { house: { ...house, kind: "cohere" } } }, null, 2),
      /providers\.json:6:\d+: .*kind is 'cohere'; it has to be one of openai/
    ],
    [
      "holds a key in place of its variable",
      JSON.stringify({ providers: { house: { ...house, api_key_env: "sk-hunter2" } } }),
      /providers\.json:1:\d+: .*api_key_env has to be the name of the variable/
    ]
  ])("that %s is told by its line, without what may be a key", ([, content, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(asked(content, "house"))
      assert.match(error.message, expected)
      assert.notInclude(error.message, "hunter2")
    }))

  it.scopedLive("may start with a byte order mark", () =>
    Effect.gen(function*() {
      const content = `\uFEFF${JSON.stringify({ providers: { house } })}`
      assert.strictEqual((yield* asked(content, "house")).resolveModel(undefined), "m")
    }))

  it.scopedLive("makes neither a built-in provider another one nor an object", () =>
    Effect.gen(function*() {
      const shadow = JSON.stringify({ providers: { openai: { ...house, base_url: "https://evil.example.org" } } })
      const error = yield* Effect.flip(asked(shadow, "openai"))
      assert.match(error.message, /its own key is sent only to its own address/)
      const proto = `{"providers": {"__proto__": ${JSON.stringify(house)}}}`
      const refused = yield* Effect.flip(asked(proto, "house"))
      assert.match(refused.message, /providers\.json:1:\d+: providers\.__proto__ is no name for a provider/)
      assert.isUndefined(({} as Record<string, unknown>)["base_url"])
    }))
})

describe("PH-12: a structured answer that does not fit", () => {
  it.scopedLive.each<[string, string]>([
    ["no JSON", "I would say: bug."],
    ["half of JSON", "{\"label\":\"bu"],
    ["other fields", "{\"kind\":\"bug\"}"],
    ["another type", "{\"label\":5}"],
    ["a value that is not allowed", "{\"label\":\"chore\"}"],
    ["nesting of ten thousand levels", `{"label":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["a number beyond all numbers", "{\"label\":1e400}"]
  ])(
    "(%s) is asked for once more with the error, then given up with its text kept",
    ([, text]) =>
      Effect.gen(function*() {
        const server = yield* serve(stream(pieces(text, 500)))
        const { result } = yield* observe(yield* build(server.url), agent("Is it?", { schema: Label }), {
          corrections: 1
        })
        assert.deepInclude(result, { ok: false, status: "schema_failed", text })
        assert.strictEqual(server.received.length, 2)
        assert.include(server.received[1]?.body, "That answer was not accepted")
      })
  )

  it.scopedLive.each<[string, string]>([
    ["in a fence", "```json\n{\"label\":\"bug\"}\n```"],
    ["in prose", "Here it is: {\"label\":\"bug\"} as asked."]
  ])("is taken out of what is around it: %s", ([, text]) =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces(text)))
      const { result } = yield* observe(yield* build(server.url), agent("Is it?", { schema: Label }))
      assert.deepInclude(result, { ok: true, value: { label: "bug" } })
      assert.strictEqual(server.received.length, 1)
    }))
})

describe("SE-2 and SE-5: the key", () => {
  it.scopedLive("is in nothing that comes of a stream, a cut or a client that breaks", () =>
    Effect.gen(function*() {
      const dying = Layer.succeed(HttpClient.HttpClient, HttpClient.make((request) => Effect.die({ request })))
      const encoded = Buffer.from(`Bearer ${key}`).toString("base64")
      const exits = [
        yield* Effect.exit(against(stream([...pieces(`${key} ${encoded}`, 1_000)]))),
        yield* Effect.exit(against(stream([chunk({ content: key })]))),
        yield* Effect.exit(against(stream([{ ...chunk({ content: "yes" }, "stop"), model: key }, "[DONE]"]))),
        yield* Effect.exit(against(stream([key.slice(0, 9), key.slice(9)]))),
        yield* Effect.exit(against(stream([{ error: { message: `bad key ${key}`, code: 401 } }]))),
        yield* Effect.exit(against((response) => {
          response.writeHead(200)
          response.write(`{"key":"${key}`, () => setTimeout(() => response.destroy(), 20))
        })),
        yield* Effect.exit(ask(yield* build("http://127.0.0.1:1", {}, dying)))
      ]
      for (const exit of exits) {
        const texts = [inspect(exit, { depth: 20, showHidden: true }), JSON.stringify(exit)]
        if (Exit.isFailure(exit)) {
          assert.isTrue(Cause.isFailure(exit.cause) && !Cause.isDie(exit.cause))
          texts.push(Cause.pretty(exit.cause))
        }
        for (const text of texts) {
          for (const secret of [key, encoded.slice(12, 40)]) assert.notInclude(text, secret)
          assert.notMatch(text, /authorization/i)
        }
      }
    }))
})
