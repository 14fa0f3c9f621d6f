/**
 * Server-sent events out of the bytes of a response, wherever those are split.
 *
 * - V1. An event is held up to a limit; what passes it is refused before it is read to its end.
 * - V2. Line ends are CR LF, LF or CR; a byte order mark at the start, comments, identifiers and times to reconnect after
 *   are passed over.
 * - V3. Time is linear in the bytes, also for one large event that comes in small pieces.
 *
 * What an event that was not ended holds is given on request, because some servers close without the last empty line;
 * whether it is whole is for the reader of its data to say.
 */
import * as Either from "effect/Either"
import type { StreamEvent } from "./HttpWire.ts"

/**
 * An event has more characters than are held.
 * @category errors
 * @since 0.1.0
 */
export interface EventTooLarge {
  readonly _tag: "EventTooLarge"
  readonly limit: number
}

/**
 * Finds the events of one response.
 * @category models
 * @since 0.1.0
 */
export interface Parser {
  /** The events that are complete with these bytes. */
  readonly feed: (bytes: Uint8Array) => Either.Either<ReadonlyArray<StreamEvent>, EventTooLarge>
  /** The event that was under way when the bytes ended, if there was one. */
  readonly end: () => StreamEvent | undefined
}

/**
 * A parser that holds events of up to a number of characters.
 * @category constructors
 * @since 0.1.0
 */
export const make = (limit: number): Parser => {
  const decoder = new TextDecoder()
  const state = new State(limit)
  return {
    feed: (bytes) => state.feed(decoder.decode(bytes, { stream: true })),
    end: () => state.end(decoder.decode())
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class State {
  /** The line under way; joined piece by piece, which costs nothing until the line is read. */
  private line = ""
  private endsWithCr = false
  private event: string | undefined
  private data: Array<string> = []
  private size = 0
  private readonly limit: number
  constructor(limit: number) {
    this.limit = limit
  }

  feed(text: string): Either.Either<ReadonlyArray<StreamEvent>, EventTooLarge> {
    const events: Array<StreamEvent> = []
    let from = 0
    if (this.endsWithCr && text !== "") {
      this.endsWithCr = false
      if (text.startsWith("\n")) from = 1
    }
    let lf = text.indexOf("\n", from)
    let cr = text.indexOf("\r", from)
    while (lf >= 0 || cr >= 0) {
      const isCr = cr >= 0 && (lf < 0 || cr < lf)
      const at = isCr ? cr : lf
      this.take(this.line === "" ? text.slice(from, at) : this.line + text.slice(from, at), events)
      this.line = ""
      from = at + 1
      if (isCr && from === text.length) this.endsWithCr = true
      if (isCr && lf === from) from++
      if (lf >= 0 && lf < from) lf = text.indexOf("\n", from)
      if (cr >= 0 && cr < from) cr = text.indexOf("\r", from)
      if (this.size > this.limit) return this.tooLarge()
    }
    this.line += text.slice(from)
    return this.size + this.line.length > this.limit ? this.tooLarge() : Either.right(events)
  }

  end(rest: string): StreamEvent | undefined {
    const events: Array<StreamEvent> = []
    this.take(this.line + rest, events)
    this.take("", events)
    return events[0]
  }

  private take(line: string, events: Array<StreamEvent>): void {
    if (line === "") return this.dispatch(events)
    const colon = line.indexOf(":")
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    if (field !== "data" && field !== "event") return
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1)
    if (field === "event") this.event = value
    else this.data.push(value)
    this.size += line.length
  }

  private dispatch(events: Array<StreamEvent>): void {
    if (this.data.length > 0) {
      events.push({ event: this.event === "" ? undefined : this.event, data: this.data.join("\n") })
      this.data = []
    }
    this.event = undefined
    this.size = 0
  }

  private tooLarge(): Either.Either<never, EventTooLarge> {
    this.line = ""
    this.data = []
    return Either.left({ _tag: "EventTooLarge", limit: this.limit })
  }
}
