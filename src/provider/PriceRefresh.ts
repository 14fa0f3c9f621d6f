/**
 * Fetches a price table and puts it in the place of the one fetched before.
 *
 * - N1. The table before stays until a good one is written beside it and moved into its place in one step.
 * - N2. Addresses are `https:`; `http:` is for this machine. Redirects are not followed, and no key is ever sent.
 * - N3. A document is read up to a cap, and within a time.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Url from "@effect/platform/Url"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as PriceFile from "./PriceFile.ts"
import * as PriceSources from "./PriceSources.ts"
import * as PriceTable from "./PriceTable.ts"

/**
 * Where tables are fetched from unless another address is given.
 * @category models
 * @since 0.1.0
 */
export const defaultUrl = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json"

/**
 * What came of fetching a table.
 * @category models
 * @since 0.1.0
 */
export interface Refreshed {
  /** Whether the table at the address is the one there was. */
  readonly isUnchanged: boolean
  readonly table: PriceTable.PriceTable
  /** Models whose prices were no prices. */
  readonly skipped: number
}

/**
 * A table that was not fetched, or is none; the one before is still there.
 * @category errors
 * @since 0.1.0
 */
export class RefreshError extends Schema.TaggedError<RefreshError>("owf/Provider/PriceRefresh/RefreshError")(
  "RefreshError",
  { url: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `the prices at ${this.url} were not taken over: ${this.detail}`
  }
}

/**
 * Fetches a table and writes it to a file.
 * @category running
 * @since 0.1.0
 */
export const refresh = Effect.fn("PriceRefresh.refresh")(
  function*(options: { readonly url: string; readonly file: string; readonly maxBytes?: number | undefined }) {
    const { file, maxBytes = defaultMaxBytes, url } = options
    const refuse = (detail: string) => new RefreshError({ url: shown(url), detail })
    const address = yield* Either.mapLeft(addressOf(url), refuse)
    const before = yield* current(file)
    const known = before?.source === address ? before : undefined
    const answer = yield* fetch(address, known?.etag ?? undefined, maxBytes).pipe(
      Effect.mapError(refuse),
      Effect.timeoutFail({ duration: timeLimit, onTimeout: () => refuse(`no whole answer within ${timeLimit}`) })
    )
    const nowMillis = yield* Clock.currentTimeMillis
    const fetchedAt = new Date(nowMillis).toISOString()
    if (answer === undefined) {
      if (known === undefined) return yield* refuse("the server says that nothing changed, but there is nothing yet")
      const table = { ...known, fetchedAt }
      yield* write(file, table).pipe(Effect.mapError((error) => refuse(`${file} cannot be written: ${error.message}`)))
      return { isUnchanged: true, table, skipped: 0 } satisfies Refreshed
    }
    const { form, models, skipped } = yield* Either.mapLeft(PriceSources.read(answer.text, nowMillis), refuse)
    const table: PriceTable.PriceTable = { version: 1, source: address, form, fetchedAt, etag: answer.etag, models }
    yield* write(file, table).pipe(Effect.mapError((error) => refuse(`${file} cannot be written: ${error.message}`)))
    return { isUnchanged: false, table, skipped } satisfies Refreshed
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultMaxBytes = 8_388_608
const timeLimit = "30 seconds"
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** An address without what may be a password in it. */
const shown = (url: string): string => url.replace(/\/\/[^/@]*@/, "//***@")

const addressOf = (url: string): Either.Either<string, string> => {
  const wanted = "the address has to be an https: one"
  return Either.flatMap(Either.mapLeft(Url.fromString(url), () => wanted), (parsed) => {
    if (parsed.username !== "" || parsed.password !== "") return Either.left(`${wanted} without a user or password`)
    const isSafe = parsed.protocol === "https:" || (parsed.protocol === "http:" && loopback.test(parsed.hostname))
    return isSafe ? Either.right(parsed.href) : Either.left(`${wanted}; http: is for this machine alone`)
  })
}

/** The table there is; one that cannot be read is as good as none. */
const current = (file: string) =>
  Effect.map(
    Effect.option(PriceFile.readText({ path: file, isNamed: false })),
    (text) =>
      text._tag === "None" || text.value === undefined
        ? undefined
        : Either.getOrUndefined(PriceTable.decode(text.value))
  )

const fetch = Effect.fnUntraced(function*(url: string, etag: string | undefined, maxBytes: number) {
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
  const request = HttpClientRequest.get(url, {
    headers: {
      accept: "application/json",
      // what is compressed has no size that could be bounded beforehand
      "accept-encoding": "identity",
      ...(etag === undefined ? {} : { "if-none-match": etag })
    }
  })
  return yield* Effect.gen(function*() {
    const response = yield* Effect.mapError(client.execute(request), () => "the server cannot be reached")
    if (response.status === 304) return undefined
    if (response.status >= 300 && response.status < 400) {
      return yield* Effect.fail(`the server redirects elsewhere (HTTP ${response.status}); give the address it means`)
    }
    if (response.status !== 200) return yield* Effect.fail(`HTTP ${response.status}`)
    return { text: yield* textOf(response, maxBytes), etag: response.headers["etag"] ?? null }
  }).pipe(
    // the fetch client follows redirects unless it is told not to
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.scoped
  )
})

const textOf = (response: HttpClientResponse.HttpClientResponse, maxBytes: number): Effect.Effect<string, string> => {
  let bytes = 0
  return response.stream.pipe(
    Stream.mapError(() => "the connection broke off"),
    Stream.tap((chunk) => {
      bytes += chunk.length
      return bytes > maxBytes ? Effect.fail(`it has more than ${maxBytes} bytes`) : Effect.void
    }),
    Stream.decodeText(),
    Stream.runFold("", (text, part) => text + part)
  )
}

const write = Effect.fnUntraced(function*(file: string, table: PriceTable.PriceTable) {
  const fs = yield* FileSystem.FileSystem
  const folder = file.slice(0, Math.max(file.lastIndexOf("/"), 0))
  yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
  yield* Effect.scoped(Effect.gen(function*() {
    // in the same folder, so that it can be moved in one step
    const temporary = yield* fs.makeTempFileScoped({ directory: folder, prefix: ".price-table-" })
    const handle = yield* fs.open(temporary, { flag: "w" })
    yield* handle.writeAll(new TextEncoder().encode(PriceTable.encode(table)))
    yield* handle.sync
    yield* fs.rename(temporary, file)
  }))
})
