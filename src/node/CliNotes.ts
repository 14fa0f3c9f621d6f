/**
 * What a command tells on stderr while it works, line by line.
 *
 * - N1. Lines keep their order. One that comes alone is written at once, so that it stands where it belongs among what
 *   others write.
 * - N2. Lines that come together are written together, at the latest when the program has nothing else to do: a write for
 *   each line of a large fan-out would take more time than its calls leave.
 */

/**
 * Tells lines.
 * @category models
 * @since 0.1.0
 */
export interface Notes {
  readonly tell: (line: string) => void
  /** Writes what was told and is not written yet. */
  readonly flush: () => void
}

/**
 * Tells lines by a function that writes one or more of them.
 * @category constructors
 * @since 0.1.0
 */
export const make = (write: (lines: string) => void): Notes => {
  let waiting: Array<string> = []
  let isBusy = false
  const flush = (): void => {
    if (waiting.length === 0) return
    const lines = waiting.join("\n")
    waiting = []
    write(lines)
  }
  const turn = (): void => {
    isBusy = waiting.length > 0
    if (!isBusy) return
    flush()
    setImmediate(turn)
  }
  return {
    tell: (line) => {
      waiting.push(line)
      if (isBusy && waiting.length < most) return
      if (!isBusy) setImmediate(turn)
      isBusy = true
      flush()
    },
    flush
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** So many lines are written without waiting for others. */
const most = 500
