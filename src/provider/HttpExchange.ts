/**
 * One HTTP exchange as a value: the whole answer, or how far it came.
 *
 * - E1. No more than the caps are held, compressed or not; the connection is closed as soon as one is passed.
 * - E2. What arrived of an answer that broke off is kept.
 * - E3. A stream that closes before its answer is whole is broken, however properly it closes.
 * - E4. Where silence is bounded, comments and events that only keep a connection open are silence. Time is the
 *   monotonic one of the `Clock`: setting the system's time neither shortens nor prolongs it.
 * - E5. A process that was stopped, or a machine that slept, while an answer was awaited gives it its time once more.
 *
 * Compression is never asked for, and undone where a server sends it all the same. Whether an answer is a stream is what
 * the server says it is, or, where its type says nothing, what it looks like.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { Usage } from "../domain/Usage.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Completion, ServerError, StreamEvent, StreamReader } from "./HttpWire.ts"
import * as ServerSentEvents from "./ServerSentEvents.ts"

/**
 * What a stream said, word for word as far as it is kept.
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  readonly text: string
  /** Whether that is all of it. */
  readonly isWhole: boolean
}

/**
 * What came of a request.
 * @category models
 * @since 0.1.0
 */
export type Exchange =
  /** An answer in one piece, of any status. */
  | { readonly _tag: "Whole"; readonly status: number; readonly headers: HttpFailure.Headers; readonly body: string }
  /** A stream with a whole answer. */
  | { readonly _tag: "Streamed"; readonly completion: Completion; readonly kept: Kept }
  /** A stream the server ended with an error. */
  | {
    readonly _tag: "Failed"
    readonly headers: HttpFailure.Headers
    readonly error: ServerError
    readonly completion: Completion
    readonly kept: Kept
  }
  /** No whole answer. */
  | {
    readonly _tag: "Broken"
    readonly reason: ProviderReason
    readonly detail: string
    /** What a stream brought; undefined for answers in one piece. */
    readonly completion: Completion | undefined
    readonly kept: Kept
    /** Whether the server had begun to work, so that it may be paid. */
    readonly mayBeBilled: boolean
  }

/**
 * Bounds on an exchange, and who reads it.
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly maxBodyBytes: number
  readonly maxEventSize: number
  readonly idleTimeout: Duration.Duration | undefined
  readonly reader: () => StreamReader
  /** Told what is counted before the end: when it is first known, and then now and again. */
  readonly onUsage: (usage: Usage) => Effect.Effect<void>
}

/**
 * Sends a request and reads its answer; of a redirect, nothing is read.
 * @category running
 * @since 0.1.0
 */
export const run = (
  client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>,
  request: HttpClientRequest.HttpClientRequest,
  plan: Plan
): Effect.Effect<Exchange> =>
  Effect.gen(function*() {
    const watch = new Watch(yield* Effect.clock, plan.idleTimeout)
    const response = yield* watch.during(
      Effect.catchAllDefect(client.execute(request), () => new ClientBroken())
    )
    watch.progress()
    const { headers, status } = response
    if (status >= 300 && status < 400) return { _tag: "Whole", status, headers, body: "" } satisfies Exchange
    const pull = yield* open(response)
    return isStream(status, headers["content-type"])
      ? yield* follow(pull, watch, headers, plan)
      : yield* collect(pull, watch, response, plan)
  }).pipe(
    Effect.catchAll((error) => Effect.succeed(broken(error, undefined, nothing))),
    Effect.scoped
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class LimitReached extends Data.TaggedError("LimitReached")<{ readonly detail: string }> {}
class NotCompressed extends Data.TaggedError("NotCompressed") {}
class ClientBroken extends Data.TaggedError("ClientBroken") {}
class BrokenOff extends Data.TaggedError("BrokenOff") {}
class Silent extends Data.TaggedError("Silent")<{ readonly idleTimeout: Duration.Duration }> {}

type Interruption =
  | HttpClientError.HttpClientError
  | LimitReached
  | NotCompressed
  | ClientBroken
  | BrokenOff
  | Silent
type Pull = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<Interruption>>

const nothing: Kept = { text: "", isWhole: true }
/** What is kept of a stream word for word, and how long its end is waited for to use the connection again. */
const maxKept = 32_768
const reportEvery = 10_000_000_000n
/** A timer that is later than this was not kept waiting by work. */
const stopped = Duration.seconds(15)
const drainFor = Duration.millis(250)

const isStream = (status: number, type: string | undefined): boolean =>
  status >= 200 && status < 300 && type !== undefined && /^\s*text\/event-stream\b/i.test(type)

const tooLarge = (limit: number): LimitReached =>
  new LimitReached({ detail: `the answer has more than ${limit} bytes; the rest was not read` })

const broken = (error: Interruption, completion: Completion | undefined, kept: Kept): Exchange => {
  const end = { _tag: "Broken", completion, kept } as const
  switch (error._tag) {
    case "LimitReached":
      return { ...end, reason: "Malformed", detail: error.detail, mayBeBilled: true }
    case "NotCompressed":
      return { ...end, reason: "Malformed", detail: "the answer is not compressed as it says", mayBeBilled: true }
    case "ClientBroken":
      return { ...end, reason: "Transport", detail: "the HTTP client broke off", mayBeBilled: true }
    case "BrokenOff": {
      const detail = "the connection broke before anything of the answer came"
      return { ...end, reason: "Transport", detail, mayBeBilled: true }
    }
    case "Silent": {
      const detail = `nothing came for ${Duration.format(error.idleTimeout)}; the request may have been billed`
      return { ...end, reason: "Silent", detail, mayBeBilled: true }
    }
    case "RequestError":
    case "ResponseError":
      return { ...end, ...HttpFailure.ofTransport(error), mayBeBilled: error._tag === "ResponseError" }
  }
}

/** Bounds the time without progress. */
class Watch {
  private since: bigint
  private nextReport = 0n
  private readonly clock: Clock.Clock
  private readonly idleTimeout: Duration.Duration | undefined
  constructor(clock: Clock.Clock, idleTimeout: Duration.Duration | undefined) {
    this.clock = clock
    this.idleTimeout = idleTimeout
    this.since = clock.unsafeCurrentTimeNanos()
  }

  progress(): void {
    if (this.idleTimeout !== undefined) this.since = this.clock.unsafeCurrentTimeNanos()
  }

  /** Whether what is known so far is to be reported: at once, and then not at every event. */
  isDue(): boolean {
    const now = this.clock.unsafeCurrentTimeNanos()
    if (now < this.nextReport) return false
    this.nextReport = now + reportEvery
    return true
  }

  during<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | Silent, R> {
    const { idleTimeout } = this
    return idleTimeout === undefined ? work : Effect.raceFirst(work, this.silence(idleTimeout, false))
  }

  /** Fails when the time is over. A process that was stopped meanwhile has the time once more (E5). */
  private silence(idleTimeout: Duration.Duration, isExtended: boolean): Effect.Effect<never, Silent> {
    return Effect.suspend(() => {
      const left = Duration.subtract(idleTimeout, this.quiet())
      return Effect.flatMap(Effect.sleep(left), () => {
        if (isExtended || Duration.lessThan(this.quiet(), Duration.sum(idleTimeout, stopped))) {
          return new Silent({ idleTimeout })
        }
        this.progress()
        return this.silence(idleTimeout, true)
      })
    })
  }

  private quiet(): Duration.Duration {
    return Duration.nanos(this.clock.unsafeCurrentTimeNanos() - this.since)
  }

  /** The next bytes; none at the end. */
  next(pull: Pull): Effect.Effect<Option.Option<Chunk.Chunk<Uint8Array>>, Interruption> {
    return Effect.catchAll(this.during(Effect.asSome(pull)), (error) =>
      Predicate.isTagged(error, "Silent")
        ? Effect.fail(error)
        : Option.match(error, { onNone: () => Effect.succeedNone, onSome: (found) => Effect.fail(found) }))
  }
}

/** The bytes of an answer, decompressed. */
const open = ({ stream }: HttpClientResponse.HttpClientResponse): Effect.Effect<Pull, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const source = shielded(yield* Stream.toPull(stream))
    let rest: Pull | undefined
    const first: Pull = Effect.gen(function*() {
      const pieces = yield* start(source)
      rest = isGzip(pieces) ? yield* inflate(pieces, source).pipe(Scope.extend(scope)) : source
      if (rest !== source) return yield* rest
      return pieces.length === 0 ? yield* rest : Chunk.unsafeFromArray(pieces)
    })
    return Effect.suspend(() => rest ?? first)
  })

/** What breaks in the client holds the request with its key, so that nothing of it goes further. */
const shielded = (pull: Pull): Pull => Effect.catchAllDefect(pull, () => Effect.fail(Option.some(new ClientBroken())))

/** At least the first two bytes, in as many pieces as they come. */
const start = (source: Pull): Effect.Effect<Array<Uint8Array>, Option.Option<Interruption>> =>
  Effect.gen(function*() {
    const pieces: Array<Uint8Array> = []
    let size = 0
    while (size < 2) {
      const next = yield* Effect.catchIf(Effect.asSome(source), Option.isNone, () => Effect.succeedNone)
      if (Option.isNone(next)) return pieces
      for (const bytes of next.value) {
        pieces.push(bytes)
        size += bytes.length
      }
    }
    return pieces
  })

/** Neither JSON nor a stream of events starts with the two bytes that gzip does: the header is not needed, nor right. */
const isGzip = (pieces: ReadonlyArray<Uint8Array>): boolean => {
  const [a, b] = pieces.flatMap((bytes) => [...bytes.subarray(0, 2)])
  return a === 0x1f && b === 0x8b
}

const inflate = (start: ReadonlyArray<Uint8Array>, rest: Pull): Effect.Effect<Pull, never, Scope.Scope> => {
  // what passes through a web stream loses its type
  let failure: Interruption | undefined
  const source = Stream.concat(Stream.fromIterable(start), Stream.repeatEffectChunkOption(rest)).pipe(
    Stream.tapError((error) => Effect.sync(() => failure = error))
  )
  return Effect.flatMap(
    Stream.toReadableStreamEffect(source),
    (readable) =>
      Stream.toPull(Stream.fromReadableStream<Uint8Array, Interruption>(
        () => readable.pipeThrough(new DecompressionStream("gzip")),
        () => failure ?? new NotCompressed()
      ))
  )
}

/** Reads an answer in one piece. */
const collect = (
  pull: Pull,
  watch: Watch,
  { headers, status }: HttpClientResponse.HttpClientResponse,
  plan: Plan
): Effect.Effect<Exchange> => {
  const chunks: Array<Uint8Array> = []
  let room = plan.maxBodyBytes
  return Effect.gen(function*() {
    for (let next = yield* watch.next(pull); Option.isSome(next); next = yield* watch.next(pull)) {
      watch.progress()
      for (const bytes of next.value) {
        room -= bytes.length
        if (room < 0) return yield* tooLarge(plan.maxBodyBytes)
        chunks.push(bytes)
      }
    }
    // a connection that broke before anybody listened looks like an answer without content
    if (status >= 200 && status < 300 && chunks.length === 0 && headers["content-length"] !== "0") {
      return yield* new BrokenOff()
    }
    const body = decode(chunks)
    return status >= 200 && status < 300 && looksLikeEvents.test(body)
      ? replay(chunks, headers, plan)
      : { _tag: "Whole", status, headers, body } satisfies Exchange
  }).pipe(
    Effect.catchAll((error) => Effect.succeed(broken(error, undefined, keptOf(error, chunks))))
  )
}

const decode = (chunks: ReadonlyArray<Uint8Array>): string => {
  const decoder = new TextDecoder()
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode()
}

/** Of an answer without end only its start says anything. */
const keptOf = (error: Interruption, chunks: ReadonlyArray<Uint8Array>): Kept =>
  error._tag === "LimitReached"
    ? { text: decode(prefix(chunks)), isWhole: false }
    : { text: decode(chunks), isWhole: true }

const prefix = (chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  let room = maxKept
  return chunks.flatMap((bytes) => {
    const part = bytes.subarray(0, room)
    room -= part.length
    return part.length === 0 ? [] : [part]
  })
}

const looksLikeEvents = /^\s*(?::|data:|event:|id:|retry:)/

/** A stream that came under another name. */
const replay = (chunks: ReadonlyArray<Uint8Array>, headers: HttpFailure.Headers, plan: Plan): Exchange => {
  const events = new Follower(headers, plan)
  for (const bytes of chunks) {
    const taken = events.take(bytes)
    if (taken.final !== undefined) return taken.final
  }
  return events.close(undefined)
}

/** Reads a stream up to its final event. */
const follow = (pull: Pull, watch: Watch, headers: HttpFailure.Headers, plan: Plan): Effect.Effect<Exchange> => {
  const events = new Follower(headers, plan)
  return Effect.gen(function*() {
    for (let next = yield* watch.next(pull); Option.isSome(next); next = yield* watch.next(pull)) {
      for (const bytes of next.value) {
        const { final, isProgress, usage } = events.take(bytes)
        if (isProgress) watch.progress()
        if (usage !== undefined && watch.isDue()) yield* plan.onUsage(usage)
        if (final?._tag === "Broken") return final
        if (final !== undefined) {
          // a connection that is read to its end is used again
          yield* Effect.ignore(Effect.timeout(Effect.forever(pull), drainFor))
          return final
        }
      }
    }
    return events.close(undefined)
  }).pipe(Effect.catchAll((error) => Effect.succeed(events.close(error))))
}

interface Taken {
  readonly final: Exchange | undefined
  readonly isProgress: boolean
  readonly usage: Usage | undefined
}

class Follower {
  private readonly reader: StreamReader
  private readonly parser: ServerSentEvents.Parser
  private readonly headers: HttpFailure.Headers
  private readonly plan: Plan
  private readonly chunks: Array<Uint8Array> = []
  private size = 0
  constructor(headers: HttpFailure.Headers, plan: Plan) {
    this.headers = headers
    this.plan = plan
    this.reader = plan.reader()
    this.parser = ServerSentEvents.make(plan.maxEventSize)
  }

  take(bytes: Uint8Array): Taken {
    const none = { final: undefined, isProgress: false, usage: undefined }
    if (this.size < maxKept) this.chunks.push(bytes.subarray(0, maxKept - this.size))
    this.size += bytes.length
    if (this.size > this.plan.maxBodyBytes) return { ...none, final: this.close(tooLarge(this.plan.maxBodyBytes)) }
    const events = this.parser.feed(bytes)
    if (Either.isLeft(events)) {
      const detail = `an event of the answer has more than ${this.plan.maxEventSize} characters; the rest was not read`
      return { ...none, final: this.close(new LimitReached({ detail })) }
    }
    let taken: Taken = none
    for (const event of events.right) {
      taken = this.next(event, taken)
      if (taken.final !== undefined) return taken
    }
    return taken
  }

  private next(event: StreamEvent, before: Taken): Taken {
    const state = this.reader.next(event)
    switch (state._tag) {
      case "Open":
        return {
          final: undefined,
          isProgress: before.isProgress || state.isKeepAlive !== true,
          usage: state.usage ?? before.usage
        }
      case "Complete":
        return { ...before, final: { _tag: "Streamed", completion: state.completion, kept: this.kept() } }
      case "Failed": {
        const { completion } = this.reader.end()
        const { error } = state
        return { ...before, final: { _tag: "Failed", headers: this.headers, error, completion, kept: this.kept() } }
      }
    }
  }

  /** The stream ended here, properly or by an error. */
  close(error: Interruption | undefined): Exchange {
    const last = error === undefined ? this.parser.end() : undefined
    const final = last === undefined
      ? undefined
      : this.next(last, { final: undefined, isProgress: true, usage: undefined }).final
    // an event that was cut cannot be read, which says nothing but that the stream was cut
    const isCut = final?._tag === "Streamed" && final.completion.problem?.reason === "Malformed"
    if (final !== undefined && !isCut) return final
    const { completion, isComplete } = this.reader.end()
    const kept = this.kept()
    if (isComplete) return { _tag: "Streamed", completion, kept }
    if (error !== undefined) return broken(error, completion, kept)
    const detail = "the stream ended before the answer was complete; the request may have been billed"
    return { _tag: "Broken", reason: "Transport", detail, completion, kept, mayBeBilled: true }
  }

  private kept(): Kept {
    return { text: decode(this.chunks), isWhole: this.size <= maxKept }
  }
}
