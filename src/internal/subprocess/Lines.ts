/**
 * Lines of text out of pieces of bytes.
 *
 * - L1. A line is whatever stands between two line feeds, decoded as a whole, so where the pieces are cut changes nothing.
 *   A carriage return before the line feed and a byte order mark before the first line are not part of a line.
 * - L2. A line longer than the bound is dropped and counted; no more of it is kept than the bound.
 * - L3. Bytes that are not UTF-8 become U+FFFD, and the facts say so.
 */
import * as Effect from "effect/Effect"
import { isUtf8 } from "node:buffer"
import type { Sink, Verdict } from "./Subprocess.ts"

/**
 * What is known of the lines so far.
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** Lines that were delivered. */
  readonly lines: number
  /** Lines that were longer than the bound. */
  readonly dropped: number
  /** True when bytes were not UTF-8. */
  readonly invalidUtf8: boolean
}

/**
 * Settings of a splitter.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Bytes a line may have. Defaults to 16 MiB. */
  readonly maxLineBytes?: number | undefined
}

/**
 * Takes pieces and gives lines.
 * @category models
 * @since 0.1.0
 */
export interface Splitter {
  /** The lines that end in this piece. */
  readonly push: (chunk: Uint8Array) => ReadonlyArray<string>
  /** The last line, when no line feed ended it; nothing comes after it. */
  readonly end: () => ReadonlyArray<string>
  readonly facts: () => Facts
}

/**
 * Who takes what a cutter finds, in order.
 * @category models
 * @since 0.1.0
 */
export interface Taker {
  readonly line: (line: string) => void
  /** A line of so many bytes was too long. */
  readonly dropped: (bytes: number) => void
}

/**
 * Takes pieces and hands on what ends in them, as it is found.
 * @category models
 * @since 0.1.0
 */
export interface Cutter {
  readonly push: (chunk: Uint8Array) => void
  /** Hands on the last line, when no line feed ended it; nothing comes after it. */
  readonly end: () => void
  readonly facts: () => Facts
}

/**
 * What a splitter gives in place of a line, and who is told of lines that were too long.
 * @category models
 * @since 0.1.0
 */
export interface Reader {
  readonly read: (line: string) => string
  /** A line of so many bytes was too long. */
  readonly dropped: (bytes: number) => void
}

/**
 * A splitter that has seen nothing yet.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: Options, { dropped, read }: Reader = asTheyAre): Splitter => {
  let found: Array<string> = []
  const cutter = cut({ line: (line) => found.push(read(line)), dropped }, options)
  const taken = (): ReadonlyArray<string> => {
    const lines = found
    found = []
    return lines
  }
  return {
    push: (chunk) => {
      cutter.push(chunk)
      return taken()
    },
    end: () => {
      cutter.end()
      return taken()
    },
    facts: cutter.facts
  }
}

/**
 * A cutter that has seen nothing yet.
 * @category constructors
 * @since 0.1.0
 */
export const cut = (taker: Taker, { maxLineBytes = defaultMaxLineBytes }: Options = {}): Cutter => {
  const rest = makeRest(maxLineBytes)
  let lines = 0
  let dropped = 0
  let invalidUtf8 = false
  let isFirst = true

  const decode = (bytes: Uint8Array, hasEnd: boolean): string => {
    const from = isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
    const to = hasEnd && bytes[bytes.length - 1] === 0x0d ? bytes.length - 1 : bytes.length
    isFirst = false
    lines++
    invalidUtf8 ||= !isUtf8(bytes)
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from)).toString("utf8")
  }

  /** Hands on a line of the rest and the bytes after it. */
  const finish = (bytes: Uint8Array, hasEnd: boolean): void => {
    const size = rest.size() + bytes.length
    const whole = rest.take(bytes)
    if (whole !== undefined) return taker.line(decode(whole, hasEnd))
    isFirst = false
    dropped++
    taker.dropped(size)
  }

  return {
    push: (chunk) => {
      let from = 0
      for (let to = chunk.indexOf(lineFeed); to >= 0; to = chunk.indexOf(lineFeed, from)) {
        finish(chunk.subarray(from, to), true)
        from = to + 1
      }
      rest.add(chunk.subarray(from))
    },
    end: () => {
      if (rest.size() > 0) finish(new Uint8Array(), false)
    },
    facts: () => ({ lines, dropped, invalidUtf8 })
  }
}

/**
 * A sink for a program whose output is lines, each taken before the next.
 *
 * `end` is to be run when the program has ended: it delivers a last line that no line feed ended.
 * @category constructors
 * @since 0.1.0
 */
export const sink = (
  onLine: (line: string) => Effect.Effect<Verdict>,
  options?: Options
): { readonly sink: Sink; readonly end: Effect.Effect<Verdict>; readonly facts: Effect.Effect<Facts> } => {
  const splitter = make(options)
  const deliver = Effect.fnUntraced(function*(lines: ReadonlyArray<string>) {
    let verdict: Verdict = "more"
    for (const line of lines) if ((yield* onLine(line)) === "complete") verdict = "complete"
    return verdict
  })
  return {
    sink: (chunk) => Effect.suspend(() => deliver(splitter.push(chunk))),
    end: Effect.suspend(() => deliver(splitter.end())),
    facts: Effect.sync(splitter.facts)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lineFeed = 0x0a
const defaultMaxLineBytes = 16_777_216
const asTheyAre: Reader = { read: (line) => line, dropped: () => undefined }

/** The beginning of a line that has not ended: bytes in blocks, however small the pieces are. */
interface Rest {
  readonly add: (bytes: Uint8Array) => void
  /** Everything so far and these bytes, or undefined when that is too much; empty afterwards. */
  readonly take: (bytes: Uint8Array) => Uint8Array | undefined
  /** Bytes so far, those that are not kept any more included. */
  readonly size: () => number
}

const makeRest = (limit: number): Rest => {
  let blocks: Array<Uint8Array> = []
  let length = 0
  let size = 0
  let isTooLong = false

  const add = (bytes: Uint8Array): void => {
    size += bytes.length
    isTooLong ||= length + bytes.length > limit
    if (isTooLong) {
      blocks = []
      length = 0
      return
    }
    for (let from = 0; from < bytes.length;) {
      const at = length % blockSize
      if (at === 0 && length / blockSize === blocks.length) blocks.push(new Uint8Array(blockSize))
      const part = bytes.subarray(from, from + blockSize - at)
      blocks.at(-1)?.set(part, at)
      from += part.length
      length += part.length
    }
  }

  const take = (bytes: Uint8Array): Uint8Array | undefined => {
    if (length === 0 && !isTooLong) return bytes.length > limit ? undefined : bytes
    add(bytes)
    const [first = bytes] = blocks
    const whole = blocks.length > 1 ? Buffer.concat(blocks, length) : first.subarray(0, length)
    const wasTooLong = isTooLong
    // a long line's blocks are not kept for the short ones after it
    blocks = blocks.slice(0, 1)
    length = 0
    size = 0
    isTooLong = false
    return wasTooLong ? undefined : whole
  }

  return { add, take, size: () => size }
}

const blockSize = 65_536
