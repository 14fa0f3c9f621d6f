/**
 * Shows a run while it works: a live region where there is a screen, else a line for each thing that is worth one.
 *
 * - V1. What a run costs to show does not grow with how fast it is: of calls that ended well between two frames as many
 *   are named as can be read, and the others are counted. Whatever else happened is always told.
 */
import * as Layout from "./Layout.ts"
import type { Line } from "./Line.ts"
import * as LineText from "./Line.ts"
import * as Lines from "./Lines.ts"
import type { Screen } from "./Screen.ts"
import type { Signal } from "./Signal.ts"
import { endingOf, State } from "./State.ts"
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
  /** What the run came to, as text; undefined where somebody has read all of it line by line. */
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
}): Live => options.screen === undefined ? onLines(options.line) : onScreen(options.screen, options.budget)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const onLines = (write: (text: string) => void): Live => {
  const state = new State()
  let isLate = false
  return {
    signal: (signal) => {
      const line = Lines.of(signal, state)
      state.apply(signal)
      if (line !== undefined) write(LineText.write(line, Infinity, false))
    },
    before: (signal) => {
      isLate = true
      state.apply(signal)
    },
    close: () => {},
    summary: (now, flags) =>
      isLate
        ? Summary.of(state, now, flags).map((line) => LineText.write(line, Infinity, false)).join("\n")
        : undefined
  }
}

/** Calls that ended well and are named between two frames; more could not be read. */
const mostNamed = 40

const onScreen = (screen: Screen, budget: () => Layout.Budget | undefined): Live => {
  const state = new State()
  let pending: Array<Line | Extract<Signal, { readonly _tag: "CallEnded" }>> = []
  let named = 0
  let unnamed = 0
  const above = (): ReadonlyArray<Line> => {
    const lines = pending.flatMap((entry) => {
      const line = "_tag" in entry ? Lines.of(entry, state) : entry
      return line === undefined ? [] : [line]
    })
    const rest: ReadonlyArray<Line> = unnamed === 0 ? [] : [[["✓ ", "good"], [`${unnamed} more calls ended`, "dim"]]]
    pending = []
    named = unnamed = 0
    return [...lines, ...rest]
  }
  const tell = (signal: Signal): void => {
    if (signal._tag === "CallEnded" && isGood(signal)) {
      if (named++ < mostNamed) pending.push(signal)
      else unnamed++
      return
    }
    const line = Lines.of(signal, state)
    if (line !== undefined) pending.push(line)
  }
  const shown = screen.show({
    above,
    region: (frame) => state.root === undefined ? [] : Layout.frame(state, { ...frame, budget: budget() })
  })
  return {
    signal: (signal) => {
      tell(signal)
      state.apply(signal)
      shown.changed()
    },
    before: (signal) => state.apply(signal),
    close: shown.close,
    summary: (now, flags) =>
      Summary.of(state, now, flags).map((line) => LineText.write(line, Infinity, true)).join("\n")
  }
}

const isGood = ({ cacheStatus, status }: Extract<Signal, { readonly _tag: "CallEnded" }>): boolean => {
  const ending = endingOf(status, cacheStatus)
  return ending === "done" || ending === "replayed" || ending === "hits"
}
