import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Zlib from "node:zlib"
import * as HttpClientNode from "open-agent-workflows/node/HttpClientNode"
import * as OpenAiCompatible from "open-agent-workflows/provider/OpenAiCompatible"
import * as Settings from "open-agent-workflows/settings/Settings"
import * as BatchHttp from "../../src/batch/BatchHttp.ts"
import type { Handler } from "../provider/loopback.ts"
import { reply, serve } from "../provider/loopback.ts"
import { key } from "./vendor.ts"

const wire = OpenAiCompatible.wireOf({ schemas: "tried" })

const client = (url: string) =>
  Effect.gen(function*() {
    const settings = Layer.orDie(Settings.layer({ TEST_KEY: key }))
    const services = yield* Layer.build(Layer.provideMerge(HttpClientNode.layer, settings))
    return yield* Effect.provide(
      BatchHttp.make(
        { name: "mock", baseUrl: url, keyVariable: "TEST_KEY", idleTimeout: Duration.millis(150) },
        wire
      ),
      services
    )
  })

/** A client in front of a server that does this. */
const inFront = (handler: Handler) =>
  Effect.gen(function*() {
    const server = yield* serve(handler)
    const http = yield* client(server.url)
    return { http, server, get: HttpClientRequest.get(`${server.url}/x`) }
  })

describe("BatchHttp", () => {
  it.scopedLive("knows which requests cannot have reached the server", () =>
    Effect.gen(function*() {
      for (const url of ["http://127.0.0.1:1", "http://no-such-host.invalid"]) {
        const http = yield* client(url)
        const error = yield* Effect.flip(http.json(HttpClientRequest.post(`${url}/x`)))
        assert.deepStrictEqual([error.reason, error.mayBeBilled], ["Transport", false], url)
      }
    }))

  it.scopedLive("gives up on a server that is silent, before its answer and in the middle of it", () =>
    Effect.gen(function*() {
      const silent = yield* inFront(() => {})
      const before = yield* Effect.flip(silent.http.json(silent.get))
      assert.deepStrictEqual([before.reason, before.mayBeBilled], ["Silent", true])
      const halting = yield* inFront((response) => {
        response.writeHead(200, { "content-length": 100 })
        response.write("{")
      })
      const within = yield* Effect.flip(halting.http.json(halting.get))
      assert.deepStrictEqual([within.reason, within.mayBeBilled], ["Silent", true])
    }))

  it.scopedLive("reads no answer without end", () =>
    Effect.gen(function*() {
      const { get, http } = yield* inFront((response) => {
        response.writeHead(200)
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
          if (!response.destroyed) response.once("drain", more)
        }
        more()
      })
      const error = yield* Effect.flip(http.json(get))
      assert.deepStrictEqual([error.reason, error.mayBeBilled], ["Malformed", true])
    }))

  it.scopedLive("takes neither a compressed file nor another part than it asked for", () =>
    Effect.gen(function*() {
      const compressed = yield* inFront(reply(200, Zlib.gzipSync("{}\n"), { "content-encoding": "gzip" }))
      const open = ({ get, http }: typeof compressed, from: number) =>
        Effect.scoped(Effect.flatMap(http.open(get, from), ({ bytes }) => Stream.runDrain(bytes)))
      assert.strictEqual((yield* Effect.flip(open(compressed, 0))).reason, "Malformed")
      const other = yield* inFront(reply(206, "rest", { "content-range": "bytes 7-10/11" }))
      assert.strictEqual((yield* Effect.flip(open(other, 5))).reason, "Malformed")
      assert.strictEqual(other.server.received[0]?.headers.range, "bytes=5-")
    }))

  it.scopedLive("takes an answer without a length and without content for one that broke off", () =>
    Effect.gen(function*() {
      const { get, http } = yield* inFront((response) => {
        response.writeHead(200, { "transfer-encoding": "chunked" })
        response.end()
      })
      const error = yield* Effect.flip(
        Effect.scoped(Effect.flatMap(http.open(get, 0), ({ bytes }) => Stream.runDrain(bytes)))
      )
      assert.deepStrictEqual([error.reason, error.isTransient], ["Transport", true])
      const empty = yield* inFront(reply(200, "", { "content-length": 0 }))
      yield* Effect.scoped(Effect.flatMap(empty.http.open(empty.get, 0), ({ bytes }) => Stream.runDrain(bytes)))
    }))

  it.scopedLive("sends the key to the origin of its own address, however an address is written", () =>
    Effect.gen(function*() {
      const http = yield* client("https://api.example.org/v1")
      assert.strictEqual((yield* http.get("/batches")).url, "https://api.example.org/v1/batches")
      const own = "https://api.example.org/other/results?x=1"
      assert.strictEqual((yield* http.post(own)).url, own)
      for (
        const address of [
          "https://evil.example.org/v1/results",
          "http://api.example.org/v1/results",
          "https://api.example.org:444/v1/results",
          "https://api.example.org@evil.example.org/",
          "//evil.example.org/results",
          "https:\\\\evil.example.org/",
          "file:///etc/passwd",
          "results",
          ""
        ]
      ) {
        assert.strictEqual((yield* Effect.flip(http.get(address))).reason, "Misconfigured", address)
      }
    }))

  it.scopedLive("says how long to wait, and takes the key out of what a server says", () =>
    Effect.gen(function*() {
      const said = { error: { message: `slow down, ${key}` } }
      const { get, http } = yield* inFront(reply(429, said, { "retry-after": "7" }))
      const error = yield* Effect.flip(http.json(get))
      assert.deepStrictEqual(
        [error.reason, error.retryAfterMs, error.mayBeBilled, error.detail],
        ["RateLimited", 7_000, false, "HTTP 429: slow down, [masked]"]
      )
    }))
})
