/**
 * What the batch protocols of all vendors do over HTTP.
 *
 * - H1. One request per call, authorized at the origin of the base address and nowhere else; redirects are refused.
 * - H2. An answer is read up to a cap, and every silence is bounded. Results are streams of whatever length.
 * - H3. A failure says whether the request may have been carried out: all do but refusals by the server, which are
 *   statuses below 500 except 408 and 409, and those that cannot have reached it.
 * - H4. What a server says is kept without the key.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Url from "@effect/platform/Url"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as HttpFailure from "../provider/HttpFailure.ts"
import * as HttpProvider from "../provider/HttpProvider.ts"
import type { HttpWire, SchemaForm, Shape } from "../provider/HttpWire.ts"
import * as KeyMask from "../provider/KeyMask.ts"
import { ProviderError } from "../provider/Provider.ts"
import * as WireJson from "../provider/WireJson.ts"
import { Settings } from "../settings/Settings.ts"
import type { BatchApi, BatchRequest, Download, Outcome, RemoteJob } from "./Batch.ts"

/**
 * A server.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  /** Address without a trailing slash. */
  readonly baseUrl: string
  /** The variable that holds the key, or several of which the first one set does; undefined for servers that take none. */
  readonly keyVariable: string | ReadonlyArray<string> | undefined
  /** Longest silence of the server. Defaults to two minutes. */
  readonly idleTimeout?: Duration.Duration | undefined
}

/**
 * A server whose batches are asked for by name.
 * @category models
 * @since 0.1.0
 */
export interface ApiOptions extends Options {
  /** Model of requests that name none. */
  readonly model: string
  /** Name or address the server's models are priced under. */
  readonly pricedAs: string
}

/**
 * Requests to one server.
 * @category models
 * @since 0.1.0
 */
export interface BatchHttp {
  /** Whether there is a key. */
  readonly ready: Effect.Effect<void, ProviderError>
  /** To an address below the base address (`/batches`), or one that the server named, if its origin is ours (H1). */
  readonly get: (path: string) => Effect.Effect<HttpClientRequest.HttpClientRequest, ProviderError>
  /** To an address like that of `get`. */
  readonly post: (path: string) => Effect.Effect<HttpClientRequest.HttpClientRequest, ProviderError>
  /** Sends a request and gives the JSON of a successful answer. */
  readonly json: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<unknown, ProviderError>
  /** Sends a request and gives the headers of a successful answer, by lower-case name. */
  readonly send: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpFailure.Headers, ProviderError>
  /** Begins to download from a byte on, or from the start where the server cannot (`Batch` B5). */
  readonly open: (
    request: HttpClientRequest.HttpClientRequest,
    from: number
  ) => Effect.Effect<Download, ProviderError, Scope.Scope>
  /** A failure of this provider, with the key masked. */
  readonly failure: (reason: ProviderReason, detail: string, facts?: Facts) => ProviderError
  /** A text without the key (H4). */
  readonly mask: (text: string) => string
}

/**
 * What else an error may say.
 * @category models
 * @since 0.1.0
 */
export type Facts = Partial<Omit<ConstructorParameters<typeof ProviderError>[0], "provider" | "reason" | "detail">>

/**
 * Requests to one server over the wire format of its live provider.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options,
  wire: HttpWire
): Effect.fn.Return<BatchHttp, never, Settings | HttpClient.HttpClient> {
  const { secret } = yield* Settings
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
  const idleTimeout = options.idleTimeout ?? Duration.minutes(2)
  const readKey = HttpProvider.readKey(options, secret)
  const masks = new Map<string, (text: string) => string>()
  const mask = (text: string): string => {
    let masked = text
    for (const key of keysOf(options, secret)) {
      const known = masks.get(Redacted.value(key)) ?? KeyMask.make(Redacted.value(key))
      masks.set(Redacted.value(key), known)
      masked = known(masked)
    }
    return masked
  }
  const failure = (reason: ProviderReason, detail: string, facts: Facts = {}): ProviderError =>
    new ProviderError({ provider: options.name, reason, detail: cut(mask(detail), maxDetail), ...facts })
  const server: Server = { options, wire, client, idleTimeout, failure, readKey }
  return {
    ready: Effect.asVoid(readKey),
    get: (path) => Effect.map(addressOf(server, path), (url) => HttpClientRequest.get(url)),
    post: (path) => Effect.map(addressOf(server, path), (url) => HttpClientRequest.post(url)),
    json: (request) =>
      Effect.scoped(
        Effect.flatMap(successful(server, request), (response) =>
          Effect.flatMap(text(server, response), (body) =>
            Option.match(WireJson.parse(body), {
              onNone: () =>
                failure("Malformed", `the answer is not JSON; is ${options.baseUrl} the right address?`, {
                  mayBeBilled: true
                }),
              onSome: Effect.succeed
            })))
      ),
    send: (request) =>
      Effect.scoped(
        Effect.flatMap(successful(server, request), (response) => Effect.as(text(server, response), response.headers))
      ),
    open: (request, from) => open(server, request, from),
    failure,
    mask
  }
})

/**
 * What is the same in the batches of all vendors: half the price, and the models of the live provider.
 * @category constructors
 * @since 0.1.0
 */
export const common = (
  options: ApiOptions,
  { mask, ready }: BatchHttp
): Pick<BatchApi, "name" | "pricedAs" | "discount" | "resolveModel" | "ready" | "mask"> => ({
  name: options.name,
  pricedAs: options.pricedAs,
  discount: 0.5,
  resolveModel: HttpProvider.resolveModel(options),
  ready,
  mask
})

/**
 * The body of a request: text that is streamed, with its length in bytes where that is known.
 * @category constructors
 * @since 0.1.0
 */
export const body = (
  request: HttpClientRequest.HttpClientRequest,
  options: {
    readonly text: Stream.Stream<string, unknown>
    readonly bytes: number
    readonly contentType: string
  }
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.bodyStream(request, Stream.encodeText(options.text), {
    contentType: options.contentType,
    contentLength: options.bytes
  }).pipe(HttpClientRequest.setHeader("content-length", String(options.bytes)))

/**
 * The shape of a request in a batch: whole, and with its schema in a form that the server is sure to take, because there is
 * nobody to ask again in another one.
 * @category constructors
 * @since 0.1.0
 */
export const shapeOf = (
  wire: HttpWire,
  request: BatchRequest,
  options: {
    /** `enforced`: the server takes every schema it has a strict form for; otherwise that form is not used. */
    readonly schemas: "enforced" | "tried" | "object"
    readonly maxOutputTokens?: number | undefined
  }
): Shape => {
  const forms = wire.forms(request)
  const form = options.schemas === "enforced" ? forms[0] : forms.find((form) => form !== "strict") ?? forms[0]
  return { form, delivery: "whole", maxOutputTokens: request.maxOutputTokens ?? options.maxOutputTokens }
}

/**
 * What a response to one request of a batch means: its status and its body, as a live one would be read.
 * @category converting
 * @since 0.1.0
 */
export const outcomeOf = (wire: HttpWire, form: SchemaForm, status: number, answer: unknown): Outcome => {
  const error = Option.getOrUndefined(wire.errorOf(answer))
  const isSuccessful = isSuccess(status)
  if (error !== undefined || !isSuccessful) {
    const reason = isSuccessful && error !== undefined
      ? HttpFailure.reasonWithin(error, {})
      : HttpFailure.reasonOf(status, error, {})
    const said = error?.message ?? "the server reports an error without a text"
    return { _tag: "Failed", reason, detail: isSuccessful ? said : `HTTP ${status}: ${said}` }
  }
  return Option.match(wire.completionOf(answer, form), {
    onNone: (): Outcome => ({
      _tag: "Failed",
      reason: "Malformed",
      detail: "the answer is JSON, but not in this API's form"
    }),
    onSome: (completion): Outcome => ({ _tag: "Answered", completion })
  })
}

/**
 * Reads a body by a schema, or says that the server does not speak the protocol.
 * @category converting
 * @since 0.1.0
 */
export const decode = <A, I>(http: BatchHttp, schema: Schema.Schema<A, I>, what: string) => {
  const decodeBody = Schema.decodeUnknownEither(schema)
  return (answer: unknown): Effect.Effect<A, ProviderError> =>
    Either.mapLeft(
      decodeBody(answer),
      () => http.failure("Malformed", `${what} is JSON, but not in this API's form`, { mayBeBilled: true })
    )
}

/**
 * A cancellation, or the status of a job that had ended, which servers refuse to cancel in ways of their own.
 * @category combinators
 * @since 0.1.0
 */
export const orEnded = (
  cancel: Effect.Effect<RemoteJob, ProviderError>,
  status: Effect.Effect<RemoteJob, ProviderError>
): Effect.Effect<RemoteJob, ProviderError> =>
  Effect.catchAll(cancel, (error) =>
    error.reason === "InvalidRequest" || error.reason === "Transport"
      ? Effect.matchEffect(status, {
        onFailure: () => error,
        onSuccess: (job) => job.state === "running" ? error : Effect.succeed(job)
      })
      : error)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class TooLarge extends Data.TaggedError("TooLarge") {}
class Silent extends Data.TaggedError("Silent") {}
class ClientBroken extends Data.TaggedError("ClientBroken") {}

type Interruption = HttpClientError.HttpClientError | TooLarge | Silent | ClientBroken

interface Server {
  readonly options: Options
  readonly wire: HttpWire
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly idleTimeout: Duration.Duration
  readonly failure: BatchHttp["failure"]
  readonly readKey: Effect.Effect<Redacted.Redacted | undefined, ProviderError>
}

const keysOf = (
  { keyVariable = [] }: Options,
  secret: Settings["Type"]["secret"]
): ReadonlyArray<Redacted.Redacted> =>
  (typeof keyVariable === "string" ? [keyVariable] : keyVariable).flatMap((variable) =>
    Option.toArray(secret(variable))
  )

const maxDetail = 2_048
const maxBody = 16_777_216

const cut = (said: string, length: number) => said.length > length ? `${said.slice(0, length)}…` : said

const addressOf = ({ failure, options }: Server, path: string): Effect.Effect<string, ProviderError> => {
  if (path.startsWith("/") && !path.startsWith("//")) return Effect.succeed(`${options.baseUrl}${path}`)
  const origin = (address: string) => Either.getOrUndefined(Either.map(Url.fromString(address), (url) => url.origin))
  // `//host` and user names in an address are caught as well: the origin of what is parsed is compared
  if (origin(path) !== undefined && origin(path) === origin(options.baseUrl)) return Effect.succeed(path)
  const where = origin(path) ?? "an address that cannot be read"
  return failure("Misconfigured", `the server names ${where} for its data, which is refused to keep the key from it`)
}

/** Sends a request and gives what is answered, of any status. */
const execute = (
  server: Server,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, ProviderError, Scope.Scope> =>
  Effect.gen(function*() {
    const key = yield* server.readKey
    const plain = HttpClientRequest.setHeaders(request, { ...server.wire.headers, "accept-encoding": "identity" })
    return yield* server.client.execute(key === undefined ? plain : server.wire.authorize(plain, key)).pipe(
      // what breaks in the client holds the request with its key
      Effect.catchAllDefect(() => Effect.fail(new ClientBroken())),
      // the fetch client follows redirects unless it is told not to
      Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
      Effect.timeoutFail({ duration: answerWithin(server, request), onTimeout: () => new Silent() }),
      Effect.mapError((error) => interrupted(server, error))
    )
  })

/** Sends a request; every status but a success fails. */
const successful = (server: Server, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(
    execute(server, request),
    (response) => isSuccess(response.status) ? Effect.succeed(response) : refused(server, response)
  )

const isSuccess = (status: number) => status >= 200 && status < 300

/** A request with a large body is answered when all of it was sent. */
const answerWithin = ({ idleTimeout }: Server, { body }: HttpClientRequest.HttpClientRequest): Duration.Duration =>
  Duration.sum(idleTimeout, Duration.seconds(body._tag === "Stream" ? (body.contentLength ?? 0) / slowest : 0))

/** Bytes per second of the slowest connection that is waited for. */
const slowest = 100_000

const refused = (
  server: Server,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<never, ProviderError> =>
  Effect.gen(function*() {
    const { failure, options, wire } = server
    const { headers, status } = response
    if (status >= 300 && status < 400) {
      const detail =
        `the server redirects to another address (HTTP ${status}), which is refused to keep the key from it`
      return yield* failure("Misconfigured", detail)
    }
    const said = yield* Effect.orElseSucceed(text(server, response), () => "")
    const error = Option.getOrUndefined(Option.flatMap(WireJson.parse(said), wire.errorOf))
    const reason = HttpFailure.reasonOf(status, error, headers)
    const wait = HttpFailure.retryAfterMs(headers, yield* Clock.currentTimeMillis) ?? error?.retryAfterMs
    const what = error?.message ?? cut(said.trim(), 300)
    const advice = reason === "Misconfigured" ? `: check the address ${options.baseUrl}` : ""
    return yield* failure(reason, `HTTP ${status}${what === "" ? "" : `: ${what}`}${advice}`, {
      mayBeBilled: status >= 500 || status === 408 || status === 409,
      ...(wait === undefined ? {} : { retryAfterMs: wait })
    })
  })

const interrupted = ({ failure, idleTimeout }: Server, error: Interruption): ProviderError => {
  switch (error._tag) {
    case "TooLarge":
      return failure("Malformed", `the answer has more than ${maxBody} bytes`, { mayBeBilled: true })
    case "Silent":
      return failure("Silent", `nothing came for ${Duration.format(idleTimeout)}`, { mayBeBilled: true })
    case "ClientBroken":
      return failure("Transport", "the HTTP client broke off", { mayBeBilled: true })
    case "RequestError":
    case "ResponseError": {
      const { detail, reason } = HttpFailure.ofTransport(error)
      return failure(reason, detail, { mayBeBilled: !HttpFailure.isUnsent(error) })
    }
  }
}

/** The bytes of an answer as they come, with every silence bounded. */
const bytesOf = (
  server: Server,
  response: HttpClientResponse.HttpClientResponse
): Stream.Stream<Uint8Array, ProviderError> =>
  response.stream.pipe(
    Stream.catchAllCause((cause) =>
      Stream.fail(Option.getOrElse(Cause.failureOption(cause), (): Interruption => new ClientBroken()))
    ),
    Stream.timeoutFail((): Interruption => new Silent(), server.idleTimeout),
    Stream.mapError((error) => interrupted(server, error))
  )

/**
 * The bytes of a file, which fail where fewer came than there are, also where the server meant to send a part only. A
 * connection that broke before anybody listened looks like an answer without content, so one that does not say its length
 * is not believed to be empty.
 */
const whole = (
  server: Server,
  response: HttpClientResponse.HttpClientResponse,
  rest: number | undefined
): Stream.Stream<Uint8Array, ProviderError> =>
  Stream.suspend(() => {
    const said = response.headers["content-length"]
    const least = rest ?? (said === undefined ? 1 : Number(said))
    let count = 0
    const counted = Stream.map(bytesOf(server, response), (bytes) => {
      count += bytes.length
      return bytes
    })
    return Stream.concat(
      counted,
      Stream.suspend(() =>
        count >= least ? Stream.empty : Stream.fail(
          server.failure("Transport", "the connection broke before the file was whole", { mayBeBilled: false })
        )
      )
    )
  })

const text = (server: Server, response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, ProviderError> =>
  Effect.suspend(() => {
    let room = maxBody
    return bytesOf(server, response).pipe(
      Stream.tap((bytes) => {
        room -= bytes.length
        return room < 0 ? Effect.fail(interrupted(server, new TooLarge())) : Effect.void
      }),
      Stream.decodeText(),
      Stream.runCollect,
      Effect.map((parts) => Chunk.join(parts, ""))
    )
  })

/** A file that is refused is not gone: it can be asked for again when whatever is in the way is not any more. */
const withheld = (error: ProviderError): ProviderError =>
  error.reason === "InvalidRequest"
    ? new ProviderError({ provider: error.provider, reason: "Unknown", detail: error.detail, mayBeBilled: false })
    : error

const open = (
  server: Server,
  request: HttpClientRequest.HttpClientRequest,
  from: number
): Effect.Effect<Download, ProviderError, Scope.Scope> =>
  Effect.gen(function*() {
    const ranged = from === 0 ? request : HttpClientRequest.setHeader(request, "range", `bytes=${from}-`)
    const response = yield* execute(server, ranged)
    const [, begin, size] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "") ?? []
    if (from > 0 && response.status === 416) {
      // all of it is there already, or what is there is not of this file
      return Number(size) === from ? { from, bytes: Stream.empty } : yield* open(server, request, 0)
    }
    if (response.status === 404 || response.status === 410) {
      return yield* server.failure(
        "InvalidRequest",
        `HTTP ${response.status}: the server does not have this file any more`
      )
    }
    if (!isSuccess(response.status)) return yield* Effect.mapError(refused(server, response), withheld)
    if (!["identity", ""].includes(response.headers["content-encoding"] ?? "")) {
      return yield* server.failure("Malformed", "the server compresses the file although it was asked not to")
    }
    const at = response.status === 206 ? Number(begin) : 0
    if (at !== 0 && at !== from) {
      return yield* server.failure(
        "Malformed",
        "the server answers with another part of the file than it was asked for"
      )
    }
    const rest = response.status === 206 && size !== undefined && size !== "*" ? Number(size) - at : undefined
    return { from: at, bytes: whole(server, response, rest) }
  })
