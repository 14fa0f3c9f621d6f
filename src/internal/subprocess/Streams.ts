/**
 * The pipes of a program: its output read as it is wanted, its error output drained, its input fed as it is taken.
 *
 * Nothing a pipe does is a failure here: it ends, and how the program ended is told elsewhere.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Readable, Writable } from "node:stream"

/**
 * An output that is read piece by piece.
 * @category models
 * @since 0.1.0
 */
export interface Output {
  /** The next piece; undefined at the end. */
  readonly next: Effect.Effect<Uint8Array | undefined>
}

/**
 * The pieces of a stream; no more than the stream's own buffer is read ahead.
 * @category constructors
 * @since 0.1.0
 */
export const output = (stream: Readable): Output => {
  let wake: (() => void) | undefined
  let closed = false
  const look = () => wake?.()
  const close = () => {
    closed = true
    wake?.()
  }
  stream.on("readable", look)
  for (const event of ["end", "close", "error"]) stream.on(event, close)
  const next = Effect.async<Uint8Array | undefined>((resume) => {
    wake = () => {
      const chunk: Uint8Array | null = stream.destroyed ? null : stream.read()
      if (chunk === null && !closed) return
      wake = undefined
      resume(Effect.succeed(chunk === null ? undefined : plain(chunk)))
    }
    wake()
    return Effect.sync(() => void (wake = undefined))
  })
  return { next }
}

/**
 * Gives back the memory of a piece nobody needs any more, where Node can.
 *
 * Left to the garbage collector, pieces of a program that prints without pause pile up for as long as newer versions
 * of V8 see fit. A piece that shares its memory with others is left alone.
 * @category running
 * @since 0.1.0
 */
export const release = ({ buffer, byteLength }: Uint8Array): void => {
  if (buffer.byteLength !== byteLength || !Predicate.hasProperty(buffer, "transfer")) return
  if (Predicate.isFunction(buffer.transfer)) Reflect.apply(buffer.transfer, buffer, [0])
}

/**
 * The end of an output that nobody waits for.
 * @category models
 * @since 0.1.0
 */
export interface Tail {
  /** The last bytes, as text. */
  readonly text: () => string
}

/**
 * Drains a stream, keeping its last `size` bytes.
 * @category constructors
 * @since 0.1.0
 */
export const tail = (
  stream: Readable,
  size: number,
  told: { readonly heard: () => void; readonly ended: () => void }
): Tail => {
  // a ring: byte n of the stream is at n modulo its size
  const ring = Buffer.alloc(size)
  let length = 0
  stream.on("data", (chunk: Uint8Array) => {
    const kept = chunk.subarray(Math.max(0, chunk.length - size))
    const at = (length + chunk.length - kept.length) % size
    ring.set(kept.subarray(0, size - at), at)
    ring.set(kept.subarray(size - at), 0)
    length += chunk.length
    release(chunk)
    told.heard()
  })
  for (const event of ["end", "close", "error"]) stream.on(event, told.ended)
  const text = () => {
    if (length <= size) return ring.toString("utf8", 0, length)
    const bytes = Buffer.concat([ring.subarray(length % size), ring.subarray(0, length % size)])
    return bytes.toString("utf8", firstCharacter(bytes))
  }
  return { text }
}

/**
 * Writes an input as fast as it is taken, and closes it; a program that does not want it is none the worse.
 * @category running
 * @since 0.1.0
 */
export const feed = (stream: Writable, input: string | Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    let position = 0
    const write = () => {
      while (position < input.length) {
        const end = pieceEnd(input, position)
        const piece = typeof input === "string"
          ? Buffer.from(input.slice(position, end))
          : input.subarray(position, end)
        position = end
        if (!stream.write(piece)) return
      }
      stream.end()
    }
    const done = () => resume(Effect.void)
    stream.on("drain", write)
    stream.once("close", done)
    write()
    return Effect.sync(() => {
      stream.off("drain", write)
      stream.off("close", done)
      stream.destroy()
    })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A piece without what Buffer changes: its `slice` is no copy, which those who keep pieces rely on. */
const plain = ({ buffer, byteLength, byteOffset }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

const piece = 65_536

/** Where a piece ends, without parting a pair of surrogates. */
const pieceEnd = (input: string | Uint8Array, from: number): number => {
  const end = Math.min(from + piece, input.length)
  if (typeof input !== "string" || end === input.length) return end
  const last = input.charCodeAt(end - 1)
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end
}

/** Where the first whole character of a cut text begins. */
const firstCharacter = (bytes: Uint8Array): number => {
  let at = 0
  while (at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++
  return at
}
