/**
 * Shows a run while it works: a live region where there is a screen, else a line for each thing that is worth one.
 */
import * as Layout from "./Layout.ts"
import type { Line } from "./Line.ts"
import * as LineText from "./Line.ts"
import * as Lines from "./Lines.ts"
import type { Screen } from "./Screen.ts"
import type { Signal } from "./Signal.ts"
import { State } from "./State.ts"
import * as Summary from "./Summary.ts"

/**
 * Something that shows a run.
 * @category models
 * @since 0.1.0
 */
export interface Live {
  readonly signal: (signal: Signal) => void
  /** Takes note of what happened before anybody watched; no line tells of it. */
  readonly before: (signal: Signal) => void
  /** Removes what is only for while the run works. */
  readonly close: () => void
  /** What the run came to, as text; undefined where no region was shown, whose reader has read it line by line. */
  readonly summary: (now: number, flags: string) => string | undefined
}

/**
 * Shows a run on a screen, or line by line.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** Undefined for none. */
  readonly screen: Screen | undefined
  /** Writes a line where there is no screen. */
  readonly line: (text: string) => void
  /** What the run may spend and has spent, now. */
  readonly budget: () => Layout.Budget | undefined
}): Live => {
  const state = new State()
  const { budget, screen } = options
  const shown = screen?.show((frame) =>
    state.root === undefined ? [] : Layout.frame(state, { ...frame, budget: budget() })
  )
  const write = (line: Line): void =>
    shown === undefined ? options.line(LineText.write(line, Infinity, false)) : shown.above(line)
  return {
    signal: (signal) => {
      const line = Lines.of(signal, state)
      state.apply(signal)
      if (line !== undefined) write(line)
      shown?.changed()
    },
    before: (signal) => state.apply(signal),
    close: () => shown?.close(),
    summary: (now, flags) =>
      shown === undefined
        ? undefined
        : Summary.of(state, now, flags).map((line) => LineText.write(line, Infinity, true)).join("\n")
  }
}
