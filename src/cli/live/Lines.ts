/**
 * What happens in a run as lines of text, one for each thing that is worth one.
 *
 * They are what a run prints where no live region can be drawn, and what scrolls above it where one is.
 */
import * as Format from "../Format.ts"
import * as Layout from "./Layout.ts"
import type { Line } from "./Line.ts"
import type { Amount, Signal } from "./Signal.ts"
import type { State } from "./State.ts"
import { endingOf } from "./State.ts"

/**
 * The line of a signal, by the state before it; undefined for one that has none.
 * @category converting
 * @since 0.1.0
 */
export const of = (signal: Signal, state: State): Line | undefined => {
  switch (signal._tag) {
    case "Phase":
      return indented(state.depthOf(signal.runId), [["phase: ", "dim"], [Format.clip(signal.name, 200), "bold"]])
    case "Logged":
      return indented(state.depthOf(signal.runId), [["log: ", "dim"], [Format.clip(signal.text, 200)]])
    case "Waiting":
      return indented(state.depthOf(signal.runId), [
        ["waiting: ", "warning"],
        [Format.clip(signal.text, 200)],
        [state.answerOf(signal), "dim"]
      ])
    case "Paused": {
      const open = state.open.get(signal.callId)
      return open === undefined || signal.attempt === null ? undefined : indented(state.depthOf(open.call.runId), [
        ["↻ ", "warning"],
        [`${Layout.nameOf(open.call)} fails, try ${signal.attempt} follows: ${Format.clip(signal.why, 300)}`]
      ])
    }
    case "CallEnded":
      return ended(signal, state.depthOf(signal.call.runId))
    case "Degraded": {
      const failure = state.failures.get(signal.callId)
      return failure === undefined ? undefined : indented(failure.phase.depth, [
        ["≈ ", "warning"],
        [`${Layout.nameOf(failure.call)} degraded: a declared value stands in`]
      ])
    }
    case "RunBegan":
    case "RunEnded":
    case "Waited":
    case "Placed":
    case "Asked":
    case "Reported":
    case "Broken":
    case "Saved":
      return undefined
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const indented = (depth: number, line: Line): Line => depth === 0 ? line : [["  ".repeat(depth)], ...line]

const ended = (signal: Extract<Signal, { readonly _tag: "CallEnded" }>, depth: number): Line | undefined => {
  const { call, durationMs, error, status, used } = signal
  const name = Layout.nameOf(call)
  switch (endingOf(status, signal.cacheStatus)) {
    case "done":
      return indented(depth, [
        ["✓ ", "good"],
        [name],
        [`  ${call.provider}:${call.model}`, "dim"],
        [`  ${amountOf(used)}  ${Format.duration(durationMs)}`]
      ])
    case "replayed":
      return indented(depth, [["↺ ", "good"], [`${name} replayed`]])
    case "hits":
      return indented(depth, [["= ", "good"], [`${name} hit`]])
    case "failed":
      return indented(depth, [["✗ ", "bad"], [`${name} ${status}: ${Format.clip(error ?? "", 300)}`]])
    case "degraded":
      return indented(depth, [["≈ ", "warning"], [`${name} degraded: ${Format.clip(error ?? "", 300)}`]])
    case "cancelled":
      return undefined
  }
}

const amountOf = ({ costUsd, tokens }: Amount): string => `${Format.tokens(tokens)}  ${Format.usd(costUsd)}`
