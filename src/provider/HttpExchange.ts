/**
 * One HTTP exchange as a value: the whole answer, or how far it came.
 *
 * - E1. No more than the cap is held, compressed or not; the connection is closed as soon as it is passed.
 * - E2. What arrived of an answer that broke off is kept.
 *
 * Compression is never asked for, and undone where a server sends it all the same.
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as HttpFailure from "./HttpFailure.ts"

/**
 * What came of a request.
 * @category models
 * @since 0.1.0
 */
export type Exchange =
  | { readonly _tag: "Complete"; readonly status: number; readonly headers: HttpFailure.Headers; readonly body: string }
  | { readonly _tag: "TooLarge"; readonly limit: number; readonly body: string }
  | { readonly _tag: "Broken"; readonly reason: ProviderReason; readonly detail: string; readonly body: string }

/**
 * An exchange that ended before an answer began.
 * @category constructors
 * @since 0.1.0
 */
export const broken = (error: HttpClientError.HttpClientError, body = ""): Exchange => ({
  _tag: "Broken",
  ...HttpFailure.ofTransport(error),
  body
})

/**
 * Reads an answer up to a number of bytes; of a redirect, nothing.
 * @category constructors
 * @since 0.1.0
 */
export const read = (response: HttpClientResponse.HttpClientResponse, limit: number): Effect.Effect<Exchange> => {
  const { headers, status } = response
  const isRedirect = status >= 300 && status < 400
  if (isRedirect) return Effect.succeed({ _tag: "Complete", status, headers, body: "" })
  return Effect.suspend(() => {
    const sink = makeSink(limit)
    return Effect.matchEffect(drain(response.stream, sink), {
      onSuccess: () =>
        Effect.map(textOf(sink, limit), (text): Exchange => (
          typeof text === "string" ? { _tag: "Complete", status, headers, body: text } : text
        )),
      onFailure: (error) =>
        Effect.succeed<Exchange>(
          error._tag === "LimitReached" ? { _tag: "TooLarge", limit, body: decode(sink) } : broken(error, decode(sink))
        )
    })
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class LimitReached extends Data.TaggedError("LimitReached") {}
class NotCompressed extends Data.TaggedError("NotCompressed") {}

interface Sink {
  readonly chunks: Array<Uint8Array>
  /** Room that is left, below zero when the limit was passed. */
  room: number
}

const makeSink = (limit: number): Sink => ({ chunks: [], room: limit })

const drain = <E>(stream: Stream.Stream<Uint8Array, E>, sink: Sink): Effect.Effect<void, E | LimitReached> =>
  Stream.runForEach(stream, (chunk) => {
    sink.room -= chunk.length
    if (sink.room < 0) return new LimitReached()
    sink.chunks.push(chunk)
    return Effect.void
  })

const decode = ({ chunks }: Sink): string => {
  const decoder = new TextDecoder()
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode()
}

/** JSON never starts with the two bytes that gzip does, so the header is not needed to tell them apart. */
const isGzip = ({ chunks: [first] }: Sink): boolean => first !== undefined && first[0] === 0x1f && first[1] === 0x8b

const textOf = (sink: Sink, limit: number): Effect.Effect<string | Exchange> => {
  if (!isGzip(sink)) return Effect.sync(() => decode(sink))
  const inflated = makeSink(limit)
  const stream = Stream.fromReadableStream(
    () => new Blob(sink.chunks).stream().pipeThrough(new DecompressionStream("gzip")),
    () => new NotCompressed()
  )
  return Effect.match(drain(stream, inflated), {
    onSuccess: () => decode(inflated),
    onFailure: (error): Exchange =>
      error._tag === "LimitReached"
        ? { _tag: "TooLarge", limit, body: decode(inflated) }
        : {
          _tag: "Broken",
          reason: "Malformed",
          detail: "the answer is not compressed as it says",
          body: decode(inflated)
        }
  })
}
