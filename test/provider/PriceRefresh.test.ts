import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as PriceRefresh from "../../src/provider/PriceRefresh.ts"
import * as PriceTable from "../../src/provider/PriceTable.ts"
import { directoryWith } from "../lib/node.ts"
import type { Handler } from "./loopback.ts"
import { reply, serve } from "./loopback.ts"

const services = Layer.merge(NodeFileSystem.layer, NodeHttpClient.layerUndici)
const fresh = () => Path.join(directoryWith({}), "home/.workflows/price-table.json")
const tableIn = (file: string) => Either.getOrThrow(PriceTable.decode(Fs.readFileSync(file, "utf8")))

const withServer = <A, E, R>(
  handler: Handler,
  use: (server: Effect.Effect.Success<ReturnType<typeof serve>>, file: string) => Effect.Effect<A, E, R>
) => Effect.provide(Effect.scoped(Effect.flatMap(serve(handler), (server) => use(server, fresh()))), services)

const good = { prices: { "house-1": [1, 2] } }

describe("PriceRefresh", () => {
  it.live("writes the table below a folder it makes, with source, date and etag, and sends no key", () =>
    withServer(reply(200, good, { etag: "\"a\"" }), ({ received, url }, file) =>
      Effect.gen(function*() {
        const { isUnchanged, skipped, table } = yield* PriceRefresh.refresh({ url: `${url}/p.json`, file })
        assert.deepStrictEqual([isUnchanged, skipped], [false, 0])
        assert.deepStrictEqual(tableIn(file), table)
        assert.deepInclude(table, { source: `${url}/p.json`, form: "prefix pairs", etag: "\"a\"" })
        assert.isBelow(Math.abs(Date.now() - Date.parse(table.fetchedAt)), 60_000)
        assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["price-table.json"])
        assert.isUndefined(received[0]?.headers.authorization)
        assert.isUndefined(received[0]?.headers["traceparent"])
      })))

  it.live("asks whether anything changed, and keeps the table when nothing did", () =>
    withServer(
      (response, index, request) =>
        index === 0
          ? reply(200, good, { etag: "\"a\"" })(response, index, request)
          : reply(request.headers["if-none-match"] === "\"a\"" ? 304 : 500, "")(response, index, request),
      ({ url }, file) =>
        Effect.gen(function*() {
          const first = yield* PriceRefresh.refresh({ url, file })
          const second = yield* PriceRefresh.refresh({ url, file })
          assert.isTrue(second.isUnchanged)
          assert.deepStrictEqual(second.table.models, first.table.models)
          assert.isAtLeast(Date.parse(tableIn(file).fetchedAt), Date.parse(first.table.fetchedAt))
        })
    ))

  it.live.each<[string, Handler, RegExp]>([
    ["a page", reply(200, "<html>"), /it is not JSON/],
    ["an error", reply(503, "{}"), /HTTP 503/],
    ["a redirect", reply(302, "", { location: "http://127.0.0.1:1/" }), /redirects elsewhere/],
    ["prices below nothing", reply(200, { a: [-1, 2] }), /no model in it has a price/],
    ["more than is read", reply(200, `{"a": [1, 2]}${" ".repeat(10_000_000)}`), /more than 8388608 bytes/],
    ["half an answer", (response) => {
      response.writeHead(200, { "content-length": "1000" })
      response.write("{\"a\": [1,")
      setImmediate(() => response.destroy())
    }, /broke off/],
    ["a 304 that nobody asked for", reply(304, ""), /nothing yet/]
  ])(
    "keeps the table there is when the server sends %s",
    ([, bad, expected]) =>
      withServer(bad, ({ url }, file) =>
        Effect.gen(function*() {
          Fs.mkdirSync(Path.dirname(file), { recursive: true })
          Fs.writeFileSync(file, "what was there")
          const error = yield* Effect.flip(PriceRefresh.refresh({ url, file }))
          assert.match(error.message, expected)
          assert.strictEqual(Fs.readFileSync(file, "utf8"), "what was there")
          assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["price-table.json"])
        }))
  )

  it.live.each([
    ["http://prices.example.org/a.json", /has to be an https: one; http: is for this machine alone/],
    ["http://127.0.0.1.example.org/a.json", /has to be an https: one/],
    ["ftp://prices.example.org", /has to be an https: one/],
    ["file:///etc/passwd", /has to be an https: one/],
    ["prices", /has to be an https: one/],
    ["https://me:hunter2@prices.example.org", /without a user or password/]
  ])("asks nothing of %s", ([url, expected]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(PriceRefresh.refresh({ url: String(url), file: fresh() }))
      assert.match(error.message, expected as RegExp)
      assert.notInclude(error.message + JSON.stringify(error), "hunter2")
    }).pipe(Effect.provide(services)))

  it.live("says so when nobody answers, or the table cannot be written", () =>
    withServer(reply(200, good), ({ url }, file) =>
      Effect.gen(function*() {
        const nobody = yield* Effect.flip(PriceRefresh.refresh({ url: "http://127.0.0.1:1/", file }))
        assert.match(nobody.message, /cannot be reached/)
        Fs.mkdirSync(Path.dirname(Path.dirname(file)), { recursive: true })
        Fs.writeFileSync(Path.dirname(file), "a file where the folder should be")
        const unwritable = yield* Effect.flip(PriceRefresh.refresh({ url, file }))
        assert.match(unwritable.message, /cannot be written/)
      })))
})
