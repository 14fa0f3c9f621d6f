import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Zlib from "node:zlib"
import { agent, OwfTest, RunStore, Workflow } from "open-agent-workflows"
import type { Usage } from "open-agent-workflows/domain/Usage"
import * as Usages from "open-agent-workflows/domain/Usage"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as HttpProvider from "open-agent-workflows/provider/HttpProvider"
import type { HttpWire } from "open-agent-workflows/provider/HttpWire"
import { capabilities } from "open-agent-workflows/provider/Provider"
import type { Settings } from "open-agent-workflows/settings/Settings"
import * as ProviderContract from "../contract/ProviderContract.ts"
import { against, ask, build, key, services } from "./httpLab.ts"
import type { Handler, Server } from "./loopback.ts"
import { chunk, completion, counts, pieces, reply, serve, stream } from "./loopback.ts"

const bodyAt = (server: Server, index: number) =>
  JSON.parse(server.received[index]?.body ?? "") as Record<string, unknown>

const labelled = "{\"label\":\"bug\",\"why\":\"it crashes\"}"

ProviderContract.suite(
  "HttpProvider, streaming",
  Effect.flatMap(
    serve((response, index, request) =>
      stream(pieces(request.body.includes("response_format") ? labelled : "yes"))(response, index, request)
    ),
    (server) => build(server.url)
  )
)

const written = (events: ReadonlyArray<unknown>) =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("")

describe("a streamed answer", () => {
  it.scopedLive("is the same as one in a piece: text, counts, cost and model", () =>
    Effect.gen(function*() {
      const events = pieces(" Grüße, 世界 🌍\n", 2)
      const answer = yield* against(stream(events))
      const { raw: _, ...rest } = answer
      const whole = yield* against(reply(200, completion(" Grüße, 世界 🌍\n")))
      const { raw: _raw, ...expected } = whole
      assert.deepStrictEqual(rest, expected)
      assert.deepInclude(answer, { text: "Grüße, 世界 🌍", model: "m-2026" })
      assert.strictEqual(answer.raw.match(/^data: /gm)?.length, events.length)
    }))

  it.scopedLive.each<[string, Layer.Layer<HttpClient.HttpClient, never, Settings>]>([
    ["undici", HttpClientNode.layer],
    ["node:http", NodeHttpClient.layer],
    ["fetch", FetchHttpClient.layer]
  ])("is the same with the client %s", ([, http]) =>
    Effect.gen(function*() {
      const server = yield* serve(stream([Zlib.gzipSync(written(pieces("yes")))], { "content-encoding": "gzip" }))
      assert.strictEqual((yield* ask(yield* build(server.url, {}, http))).text, "yes")
    }))

  it.scopedLive("is asked for with its counts", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces("yes")))
      yield* ask(yield* build(server.url))
      assert.deepInclude(bodyAt(server, 0), { stream: true, stream_options: { include_usage: true } })
      assert.include(server.received[0]?.headers.accept, "text/event-stream")
    }))

  it.scopedLive("does not depend on how the network splits it", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(
        pieces("añb").map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\r\n\r\n`).join(
          ""
        )
      )
      const answer = yield* against((response) => {
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
        response.socket?.setNoDelay(true)
        let at = 0
        const step = (): void => {
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, at + 7), () => setImmediate(step))
          at += 7
        }
        step()
      })
      assert.strictEqual(answer.text, "añb")
    }))

  it.scopedLive.each<[string, Handler]>([
    ["has no type", (response) => {
      response.writeHead(200)
      response.end(
        pieces("yes").map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("")
      )
    }],
    ["is JSON by its type", stream(pieces("yes"), { "content-type": "application/json" })],
    ["starts with a comment", stream([Buffer.from(": hello\n\n"), ...pieces("yes")], { "content-type": "text/plain" })]
  ])("is read also when it %s", ([, handler]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* against(handler)).text, "yes")
    }))

  it.scopedLive("is whole after its finish reason, where a server says nothing more", () =>
    Effect.gen(function*() {
      const answer = yield* against(stream([chunk({ content: "yes" }), chunk({}, "stop")]))
      assert.deepInclude(answer, { text: "yes", usage: undefined })
      const unended = yield* against(stream([...pieces("yes").slice(0, -1), Buffer.from("data: [DONE]")]))
      assert.strictEqual(unended.text, "yes")
      const open = yield* against((response, index, request) => {
        const end = response.end.bind(response)
        // never closed: what is complete is not waited for
        response.end = () => response
        stream(pieces("yes"))(response, index, request)
        response.end = end
      })
      assert.strictEqual(open.text, "yes")
    }))

  it.scopedLive("is kept word for word while it is short, and as its text where it is long", () =>
    Effect.gen(function*() {
      const text = "0123456789".repeat(1_000)
      const short = yield* against(stream(pieces(text, 5_000)))
      assert.include(short.raw, "chat.completion.chunk")
      const long = yield* against(stream(pieces(text, 5)))
      assert.strictEqual(long.raw, text)
    }))

  it.scopedLive("leaves its connection to the next one, though it is closed a moment after its final event", () =>
    Effect.gen(function*() {
      const ports = new Set<number | undefined>()
      const server = yield* serve((response) => {
        ports.add(response.socket?.remotePort)
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(`data: ${JSON.stringify(chunk({ content: "yes" }, "stop"))}\n\ndata: [DONE]\n\n`)
        setTimeout(() => response.end(), 20)
      })
      const provider = yield* build(server.url)
      for (let i = 0; i < 10; i++) yield* ask(provider)
      // a request that is made in the moment of the end before it may open a second one
      assert.isAtMost(ports.size, 3)
    }))

  it.scopedLive("never holds a key that comes in pieces, in its text or elsewhere", () =>
    Effect.gen(function*() {
      const halves = [key.slice(0, 12), key.slice(12)]
      const spoken = yield* against(stream([
        chunk({ content: "your key is " }),
        ...halves.map((content) => chunk({ content })),
        chunk({}, "stop"),
        "[DONE]"
      ]))
      assert.strictEqual(spoken.text, "your key is [masked]")
      assert.strictEqual(spoken.raw, spoken.text)
      const thought = yield* against(stream([
        ...halves.map((reasoning) => chunk({ reasoning })),
        chunk({ content: "done" }),
        chunk({}, "stop"),
        "[DONE]"
      ]))
      assert.strictEqual(thought.raw, "done")
      const cut = yield* Effect.flip(against(stream(halves.map((reasoning) => chunk({ reasoning })))))
      assert.isUndefined(cut.raw)
      for (const half of halves) assert.notInclude(JSON.stringify([spoken, thought, cut]), half)
    }))

  it.scopedLive("of 30 MB is read in bounded memory", () =>
    Effect.gen(function*() {
      const part = "x".repeat(30_000)
      const server = yield* serve(stream([
        ...Array.from({ length: 1_000 }, () => chunk({ content: part })),
        chunk({}, "stop"),
        counts,
        "[DONE]"
      ]))
      const provider = yield* build(server.url)
      const before = process.memoryUsage.rss()
      const start = performance.now()
      const answer = yield* ask(provider)
      if (process.env["OWF_FIGURES"] !== undefined) {
        const mib = Math.round((process.memoryUsage.rss() - before) / 1_048_576)
        console.log(`30 MB answer: ${Math.round(performance.now() - start)} ms, ${mib} MiB more`)
      }
      assert.strictEqual(answer.text.length, 30_000_000)
      assert.isBelow(process.memoryUsage.rss() - before, 500_000_000)
    }), 60_000)

  it.scopedLive("of 20,000 small pieces is read in a moment", () =>
    Effect.gen(function*() {
      const server = yield* serve(stream(pieces("word".repeat(20_000), 4)))
      const provider = yield* build(server.url)
      const start = performance.now()
      assert.strictEqual((yield* ask(provider)).text.length, 80_000)
      const seconds = (performance.now() - start) / 1_000
      if (process.env["OWF_FIGURES"] !== undefined) console.log(`pieces: ${Math.round(20_000 / seconds)}/s`)
      assert.isBelow(seconds, 10)
    }), 30_000)
})

describe("what a server does not take", () => {
  const refusing =
    (pattern: RegExp, error: Record<string, unknown>, otherwise: Handler): Handler => (response, index, request) =>
      (pattern.test(request.body) ? reply(400, { error }) : otherwise)(response, index, request)

  it.scopedLive("is remembered by model: counts first, then streams", () =>
    Effect.gen(function*() {
      const server = yield* serve(refusing(
        /"stream"/,
        { message: "Unrecognized request argument: stream_options", param: "stream_options" },
        reply(200, completion("yes"))
      ))
      const provider = yield* build(server.url)
      const first = yield* Effect.flip(ask(provider))
      assert.deepInclude(first, { reason: "Unavailable", isTransient: true, isAdapted: true })
      assert.match(first.message, /does not answer with a stream that counts tokens/)
      assert.match((yield* Effect.flip(ask(provider))).message, /does not answer with a stream;/)
      assert.strictEqual((yield* ask(provider)).text, "yes")
      assert.deepStrictEqual(
        [0, 1, 2].map((index) => Object.keys(bodyAt(server, index)).filter((name) => name.startsWith("stream"))),
        [["stream", "stream_options"], ["stream"], []]
      )
      assert.isTrue((yield* Effect.flip(ask(provider, { model: "other" }))).isAdapted)
    }))

  it.scopedLive("is not guessed from an error about something else", () =>
    Effect.gen(function*() {
      const handler = reply(400, { error: { message: "The messages are too many.", param: "messages" } })
      const error = yield* Effect.flip(against(handler))
      assert.deepInclude(error, { reason: "InvalidRequest", isTransient: false })
      assert.isUndefined(error.isAdapted)
    }))

  it.effect("is learned within one call, at once and without a try of it", () =>
    Effect.gen(function*() {
      const server = yield* serve(refusing(
        /response_format|stream_options/,
        { message: "unsupported: response_format, stream_options" },
        stream(pieces(labelled))
      ))
      const provider = yield* build(server.url)
      const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })
      // the test clock stands still, so that a wait would never end; one try is all there is
      const { attempts, result } = yield* Effect.gen(function*() {
        const workflow = Workflow.make({ name: "test" }, () => agent("Label it", { schema: Label }))
        const run = yield* Workflow.start(workflow, {})
        const store = yield* RunStore.RunStore
        const [call] = yield* store.calls(run.runId)
        return { attempts: yield* store.attempts(call!.id), result: yield* run.exit }
      }).pipe(Effect.provide(OwfTest.layer({ provider, retry: { attempts: 1 } })))
      assert.deepStrictEqual(result.value, { label: "bug", why: "it crashes" })
      assert.deepStrictEqual(attempts.map(({ errorKind }) => errorKind), [
        "Unavailable",
        "Unavailable",
        "Unavailable",
        null
      ])
      assert.strictEqual(server.received.length, 4)
    }).pipe(Effect.scoped))
})

describe("a wire format and the key", () => {
  const wire: HttpWire = {
    path: (model, delivery) => `/${model}/${delivery}?alt=sse`,
    headers: { "x-version": "1" },
    authorize: (request, found) => HttpClientRequest.setHeader(request, "x-api-key", found.toString()),
    forms: () => ["none"],
    deliveries: ["whole"],
    body: (_request, { maxOutputTokens }) => ({ maxOutputTokens }),
    reader: () => ({ next: () => ({ _tag: "Open" }), end: () => ({ isComplete: false, completion: none }) }),
    completionOf: () => Option.some({ ...none, structured: { said: key }, usage: Usages.zero }),
    errorOf: () => Option.none(),
    refusesForm: () => false,
    refusesDelivery: () => false
  }
  const none = {
    text: undefined,
    structured: undefined,
    problem: undefined,
    usage: undefined,
    costUsd: undefined,
    model: undefined
  }
  const of = (url: string, fields: Partial<HttpProvider.Options>, changes: Partial<HttpWire> = {}) =>
    Effect.flatMap(Layer.build(services()), (context) =>
      Effect.provide(
        HttpProvider.make({
          name: "mock",
          baseUrl: url,
          model: "m",
          keyVariable: "TEST_KEY",
          capabilities: capabilities(),
          ...fields
        }, { ...wire, ...changes }),
        context
      ))

  it.scopedLive("is that of the first variable that is set", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, {}))
      yield* ask(yield* of(server.url, { keyVariable: ["EMPTY_KEY", "TEST_KEY"] }))
      assert.strictEqual(server.received[0]?.headers["x-version"], "1")
      const missing = yield* Effect.flip(ask(yield* of(server.url, { keyVariable: ["EMPTY_KEY", "NO_KEY"] })))
      assert.deepInclude(missing, { reason: "Authentication", detail: "needs an API key in $EMPTY_KEY or $NO_KEY" })
      const broken = yield* Effect.flip(ask(yield* of(server.url, { keyVariable: ["BROKEN_KEY", "TEST_KEY"] })))
      assert.strictEqual(broken.reason, "Misconfigured")
      assert.strictEqual(server.received.length, 1)
    }))

  it.scopedLive("is masked in structured answers", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, {}))
      const answer = yield* ask(yield* of(server.url, {}))
      assert.deepStrictEqual(answer.structured, { said: "[masked]" })
      assert.strictEqual(answer.text, "{\"said\":\"[masked]\"}")
    }))

  it.scopedLive("a wire may say which events are no progress", () =>
    Effect.gen(function*() {
      const server = yield* serve((response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        const timer = setInterval(() => response.write("event: ping\ndata: {}\n\n"), 5)
        response.on("close", () => clearInterval(timer))
      })
      const end = () => ({ isComplete: false, completion: none })
      const provider = yield* of(server.url, {}, {
        reader: () => ({ next: ({ event }) => ({ _tag: "Open", isKeepAlive: event === "ping" }), end })
      })
      const error = yield* Effect.flip(ask(provider, { idleTimeout: Duration.millis(200) }))
      assert.strictEqual(error.reason, "Silent")
    }))

  it.scopedLive("a wire is given the request's bound on output, else the model's limit", () =>
    Effect.gen(function*() {
      const server = yield* serve(reply(200, {}))
      const provider = yield* of(server.url, { limitOf: (model) => model === "m" ? 4_096 : undefined })
      yield* ask(provider)
      yield* ask(provider, { maxOutputTokens: 7 })
      yield* ask(provider, { model: "other" })
      assert.deepStrictEqual([0, 1, 2].map((index) => bodyAt(server, index)["maxOutputTokens"]), [4_096, 7, undefined])
      assert.deepStrictEqual(server.received.map(({ url }) => url).slice(1), [
        "/m/whole?alt=sse",
        "/other/whole?alt=sse"
      ])
      assert.strictEqual(provider.estimate(ProviderContract.request({ model: "m" })).outputTokens, 4_096)
      assert.strictEqual(provider.estimate(ProviderContract.request({ model: "x" })).outputTokens, 8_192)
    }))
})

describe("usage", () => {
  it.scopedLive("that is known before the end is told once, and what is counted at the end is not", () =>
    Effect.gen(function*() {
      const heard: Array<Usage> = []
      const listener = { ...ProviderContract.listener, usage: (usage: Usage) => Effect.sync(() => heard.push(usage)) }
      const early = (completion_tokens: number) => ({
        ...chunk({ content: "a" }),
        usage: { prompt_tokens: 20, completion_tokens }
      })
      const server = yield* serve((response, index, request) =>
        stream(index === 0 ? pieces("yes") : [early(1), early(2), chunk({}, "stop"), "[DONE]"])(
          response,
          index,
          request
        )
      )
      const provider = yield* build(server.url)
      yield* ask(provider, {}, listener)
      assert.strictEqual(heard.length, 0)
      const answer = yield* ask(provider, {}, listener)
      assert.deepStrictEqual(heard.map(({ inputTokens }) => inputTokens), [20])
      assert.strictEqual(answer.usage?.outputTokens, 2)
    }))
})
