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
  /** How many calls the run and the runs below it made, and how many of them failed. */
  readonly counts: () => Counts
}

/**
 * How many calls were made, and how many of them failed.
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly calls: number
  readonly failed: number
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
  /** What a command has to be told to find the home. Defaults to nothing. */
  readonly flags?: string | undefined
}): Live => {
  const state = new State(options.flags)
  return options.screen === undefined
    ? onLines(state, options.line)
    : onScreen(state, options.screen, options.budget)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const onLines = (state: State, write: (text: string) => void): Live => {
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
        : undefined,
    counts: () => countsOf(state)
  }
}

const countsOf = ({ total }: State): Counts => ({ calls: Summary.countOf(total), failed: total.failed })

/** Calls that ended well and are named between two frames, where few were before; more could not be read. */
const mostNamed = 40

/** As many may be named more after each frame. */
const namedAgain = 10

/** So many signals wait for the next frame at the most. */
const mostWaiting = 1_000

const onScreen = (state: State, screen: Screen, budget: () => Layout.Budget | undefined): Live => {
  let pending: Array<Line> = []
  let namable = mostNamed
  let unnamed = 0
  // taken note of many at a time: one by one, in between all that a call does, each takes several times as long
  let waiting: Array<Signal> = []
  const take = (): void => {
    const signals = waiting
    waiting = []
    for (const signal of signals) {
      tell(signal)
      state.apply(signal)
    }
  }
  const above = (): ReadonlyArray<Line> => {
    take()
    const lines = pending
    if (unnamed > 0) lines.push([["✓ ", "good"], [`${unnamed} more calls ended`, "dim"]])
    pending = []
    unnamed = 0
    namable = Math.min(mostNamed, namable + namedAgain)
    return lines
  }
  const tell = (signal: Signal): void => {
    if (signal._tag === "Placed" || signal._tag === "Asked") return
    if (signal._tag === "CallEnded" && isGood(signal)) {
      if (namable === 0) return void unnamed++
      namable--
    }
    const line = Lines.of(signal, state)
    if (line !== undefined) pending.push(line)
  }
  const shown = screen.show({
    above,
    region: (frame) => {
      take()
      return state.root === undefined ? [] : Layout.frame(state, { ...frame, budget: budget() })
    }
  })
  return {
    signal: (signal) => {
      if (waiting.push(signal) >= mostWaiting) take()
      shown.changed()
    },
    before: (signal) => state.apply(signal),
    close: shown.close,
    summary: (now, flags) => {
      take()
      return Summary.of(state, now, flags).map((line) => LineText.write(line, Infinity, true)).join("\n")
    },
    counts: () => {
      take()
      return countsOf(state)
    }
  }
}

const isGood = ({ cacheStatus, status }: Extract<Signal, { readonly _tag: "CallEnded" }>): boolean => {
  const ending = endingOf(status, cacheStatus)
  return ending === "done" || ending === "replayed" || ending === "hits"
}
