/**
 * Messages of the protocol, one JSON object to a line, from bytes and to text.
 *
 * - W1. A line that is no message is answered with an error of JSON-RPC, and the next one is read.
 * - W2. A line is read up to a bound; the rest of a longer one is passed over without being kept.
 * - W3. A request with the id of one that is not answered yet is refused, because nobody could tell their answers apart.
 * - W4. While more requests are unanswered than a client has use for, or their answers are not read, nothing more is read.
 */
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
  Transport
} from "@modelcontextprotocol/server"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * Bytes of a message, at the most.
 * @category models
 * @since 0.1.0
 */
export const mostBytes = 4_194_304

/**
 * Where messages come from and go to.
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  /** Writes a line; fails when nobody reads it any more. */
  readonly write: (line: string) => Promise<void>
  /** Stops and goes on with reading. */
  readonly pause: () => void
  readonly resume: () => void
  /** Begins to read. */
  readonly start: () => void
  readonly close: () => void
}

/**
 * A transport for the protocol's implementation, and the ends the bytes come in at.
 * @category models
 * @since 0.1.0
 */
export interface Lines extends Transport {
  readonly feed: (chunk: Uint8Array) => void
  /** Nothing more comes. */
  readonly end: () => void
}

/**
 * A transport over a wire.
 * @category constructors
 * @since 0.1.0
 */
export const make = (wire: Wire): Lines => new LineTransport(wire)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Requests that may be unanswered while more is read. */
const mostOpen = 256

const Params = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const Id = Schema.Union(Schema.String, Schema.JsonNumber.pipe(Schema.int()))

const Message = Schema.Union(
  Schema.Struct({
    jsonrpc: Schema.Literal("2.0"),
    id: Schema.optional(Id),
    method: Schema.String,
    params: Schema.optional(Params)
  }),
  Schema.Struct({ jsonrpc: Schema.Literal("2.0"), id: Id, result: Schema.Unknown }),
  Schema.Struct({ jsonrpc: Schema.Literal("2.0"), id: Schema.optional(Schema.NullOr(Id)), error: Params })
)

const parse = Schema.decodeUnknownEither(Schema.parseJson())
const isMessage = Schema.is(Message)
const isId = Schema.is(Id)
const isRecord = Schema.is(Params)

class LineTransport implements Lines {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  private readonly wire: Wire
  private readonly decoder = new TextDecoder()
  private parts: Array<Uint8Array> = []
  private bytes = 0
  private isPassing = false
  private isClosed = false
  private readonly open = new Set<RequestId>()
  /** Refusals nobody has read yet. */
  private refusals = 0
  private isPaused = false

  constructor(wire: Wire) {
    this.wire = wire
  }

  async start(): Promise<void> {
    this.wire.start()
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.isClosed) return
    await this.wire.write(`${JSON.stringify(message)}\n`)
    // an answer nobody has read yet is one that is held
    if ("id" in message && message.id !== undefined && !("method" in message)) this.answered(message.id)
  }

  async close(): Promise<void> {
    this.end()
    this.wire.close()
  }

  readonly end = (): void => {
    if (this.isClosed) return
    this.isClosed = true
    this.parts = []
    this.onclose?.()
  }

  readonly feed = (chunk: Uint8Array): void => {
    let rest = chunk
    for (let at = rest.indexOf(lineFeed); at !== -1 && !this.isClosed; at = rest.indexOf(lineFeed)) {
      this.keep(rest.subarray(0, at))
      this.finish()
      rest = rest.subarray(at + 1)
    }
    this.keep(rest)
  }

  private keep(part: Uint8Array): void {
    if (part.length === 0 || this.isPassing) return
    this.bytes += part.length
    if (this.bytes > mostBytes) {
      this.isPassing = true
      this.parts = []
      this.refuse(invalidRequest, `A message may have ${mostBytes} bytes; this one has more.`)
      return
    }
    // the buffer it came in is used again
    this.parts.push(part.slice())
  }

  private finish(): void {
    const parts = this.parts
    const isPassing = this.isPassing
    const size = this.bytes
    this.parts = []
    this.bytes = 0
    this.isPassing = false
    if (isPassing || size === 0) return
    const whole = new Uint8Array(size)
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    this.take(this.decoder.decode(whole).trim())
  }

  private take(line: string): void {
    if (line === "") return
    const parsed = parse(line)
    if (Either.isLeft(parsed)) return this.refuse(parseError, "The line is not JSON.")
    const value = parsed.right
    if (!isMessage(value)) {
      const id = isRecord(value) && isId(value["id"]) ? value["id"] : null
      return this.refuse(invalidRequest, "The message is no request, notification or response of JSON-RPC 2.0.", id)
    }
    // checked above; what is in params and result is decoded by who handles it
    const message = value as JSONRPCMessage
    if ("method" in message) {
      if ("id" in message && message.id !== undefined && this.open.has(message.id)) {
        return this.refuse(invalidRequest, "The id is that of a request that is not answered yet.")
      }
      this.received(message)
    }
    this.onmessage?.(message)
  }

  private received(message: JSONRPCRequest | JSONRPCNotification): void {
    if ("id" in message && message.id !== undefined) this.open.add(message.id)
    const { method, params } = message
    const cancelled = method === "notifications/cancelled" && isRecord(params) ? params["requestId"] : undefined
    // what is cancelled is not answered
    if (isId(cancelled)) this.answered(cancelled)
    this.hold()
  }

  private answered(id: RequestId): void {
    this.open.delete(id)
    this.hold()
  }

  /** Stops and goes on with reading (W4). */
  private hold(): void {
    const held = this.open.size + this.refusals
    if (this.isPaused ? held >= mostOpen / 2 : held < mostOpen) return
    this.isPaused = !this.isPaused
    if (this.isPaused) this.wire.pause()
    else this.wire.resume()
  }

  private refuse(code: number, message: string, id: RequestId | null = null): void {
    this.refusals++
    this.hold()
    this.wire.write(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })}\n`).then(() => {
      this.refusals--
      this.hold()
    }, (error: unknown) => this.onerror?.(error instanceof Error ? error : new Error(String(error))))
  }
}

const lineFeed = 10
const parseError = -32_700
const invalidRequest = -32_600
