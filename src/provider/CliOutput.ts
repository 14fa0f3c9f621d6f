/**
 * The output of a program as masked lines, and as much of it as is kept.
 *
 * - O1. Lines are cut as `Lines` cuts them.
 * - O2. Lines are masked before anybody reads them.
 * - O3. Memory is bounded: a line longer than its bound is dropped and counted; of the lines, the first and the last are
 *   kept, and always the last one, whole.
 */
import * as Lines from "../internal/subprocess/Lines.ts"

/**
 * Takes output piece by piece.
 * @category models
 * @since 0.1.0
 */
export interface CliOutput {
  /** The lines that ended in this piece, masked. */
  readonly push: (chunk: Uint8Array) => ReadonlyArray<string>
  /** The line that was begun and not ended, if any. */
  readonly rest: () => ReadonlyArray<string>
  /** What is kept of the output, masked, with a note in place of what is not. */
  readonly kept: () => string
  /** Lines that were longer than the bound. */
  readonly dropped: () => number
  /** Whether nothing but white space was printed. */
  readonly isBlank: () => boolean
  /** The last line that is not blank, masked, and its number from 1. */
  readonly last: () => { readonly number: number; readonly text: string }
}

/**
 * Bounds in bytes of a line, and in characters of the lines that are kept from the beginning and from the end.
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly line: number
  readonly head: number
  readonly tail: number
}

/**
 * The bounds of agents' output.
 * @category constructors
 * @since 0.1.0
 */
export const bounds: Bounds = { line: 16_777_216, head: 1_048_576, tail: 3_145_728 }

/**
 * The end of an error output without what may be the rest of a secret that was cut in two.
 * @category converting
 * @since 0.1.0
 */
export const endOf = (stderr: string): string => {
  if (stderr.length < wholeErrors) return stderr
  const from = stderr.indexOf("\n")
  return stderr.slice(from >= 0 && from < longestSecret ? from + 1 : longestSecret)
}

/**
 * An output of which nothing has come yet.
 * @category constructors
 * @since 0.1.0
 */
export const make = (mask: (text: string) => string, { head, line, tail }: Bounds = bounds): CliOutput => {
  const keeper = makeKeeper(head, tail)
  let count = 0
  let last = { number: 0, text: "" }

  const splitter = Lines.make({ maxLineBytes: line }, {
    read: (line) => {
      const text = mask(line)
      count += 1
      if (/\S/.test(text)) last = { number: count, text }
      keeper.add(text)
      return text
    },
    dropped: (bytes) => {
      count += 1
      last = { number: count, text: `[a line of ${bytes} bytes is left out]` }
      keeper.add(last.text)
    }
  })

  return {
    push: splitter.push,
    rest: splitter.end,
    kept: keeper.text,
    dropped: () => splitter.facts().dropped,
    isBlank: () => last.number === 0,
    last: () => last
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Characters below which an error output was not cut, given that of 64 KiB each character takes four bytes at most. */
const wholeErrors = 16_384
const longestSecret = 8_192

/** An empty line takes room too. */
const sizeOf = (line: string) => line.length + 1

/** Keeps whole lines only, so that no secret is cut where it would not be recognised. */
const makeKeeper = (headBound: number, tailBound: number) => {
  const head: Array<string> = []
  const tail: Tail = { lines: [], from: 0, size: 0, left: 0 }
  let headSize = 0
  return {
    add: (line: string) => {
      if (tail.lines.length === 0 && headSize + sizeOf(line) <= headBound) {
        head.push(line)
        headSize += sizeOf(line)
        return
      }
      tail.lines.push(line)
      tail.size += sizeOf(line)
      while (tail.size > tailBound && tail.from < tail.lines.length - 1) dropFirst(tail)
    },
    text: () => {
      const note = tail.left === 0 ? [] : [`[${tail.left} characters are left out]`]
      const lines = [...head, ...note, ...tail.lines.slice(tail.from)]
      return lines.length === 0 ? "" : `${lines.join("\n")}\n`
    }
  }
}

interface Tail {
  lines: Array<string>
  /** Lines before this one are dropped. */
  from: number
  size: number
  /** Characters dropped. */
  left: number
}

const dropFirst = (tail: Tail): void => {
  const size = sizeOf(tail.lines[tail.from] ?? "")
  tail.lines[tail.from] = ""
  tail.from += 1
  tail.size -= size
  tail.left += size
  if (tail.from >= 4_096 && tail.from * 2 >= tail.lines.length) {
    tail.lines = tail.lines.slice(tail.from)
    tail.from = 0
  }
}
