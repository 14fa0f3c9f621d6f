/**
 * What a run came to, for the end of a live region: totals, counts by phase, and each failure with the command that looks
 * into it.
 */
import * as Format from "../Format.ts"
import * as Layout from "./Layout.ts"
import type { Line, Style } from "./Line.ts"
import type { Failure, Phase, State } from "./State.ts"
import * as Text from "./Text.ts"

/**
 * The lines of a summary; `home` is what `--home` has to say where it has to be said.
 * @category converting
 * @since 0.1.0
 */
export const of = (state: State, now: number, flags: string): ReadonlyArray<Line> => {
  const { root } = state
  if (root === undefined) return []
  return [
    totals(state, now),
    ...phases(state),
    ...failures(state, flags),
    ...(countOf(state.total) === 0 ? [] : [[["report: ", "dim"], [`owf report ${root.runId} --html${flags}`]] as const])
  ]
}

/**
 * How many calls there are, however they stand.
 * @category converting
 * @since 0.1.0
 */
export const countOf = (
  { cancelled, degraded, done, failed, hits, queued, replayed, running, waiting }: Omit<
    Phase,
    "workflow" | "name" | "depth"
  >
): number => cancelled + degraded + done + failed + hits + queued + replayed + running + waiting

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Failures that are named; the others are counted. */
const most = 10

const totals = (state: State, now: number): Line => {
  const { total } = state
  const [mark, style] = markOf(state)
  const parts = [
    Layout.elapsed((state.endedAt ?? now) - (state.root?.at ?? now)),
    `${total.done + total.replayed + total.hits + total.degraded} of ${countOf(total)} calls`,
    `${Layout.large(total.tokens)} tokens`,
    Layout.costText(total.costUsd, total.unknownCosts),
    ...(total.hits + total.replayed === 0 ? [] : [Layout.savedText(state, total)])
  ]
  return [[`${mark} ${state.status}`, style], [`  ${parts.join(" · ")}`]]
}

const markOf = ({ status }: State): readonly [string, Style] => {
  switch (status) {
    case "done":
      return ["✓", "good"]
    case "degraded":
      return ["≈", "warning"]
    case "failed":
      return ["✗", "bad"]
    case "interrupted":
    case "waiting":
    case "running":
      return ["⏸", "warning"]
  }
}

const phases = (state: State): ReadonlyArray<Line> => {
  const shown = state.phases.filter((phase) => countOf(phase) > 0)
  // the only phase would say what the totals say
  if (shown.length < 2) return []
  const titles = shown.map((phase) => Text.clean(Layout.titleOf(phase)))
  const columns = Math.min(40, Math.max(...titles.map(Text.width)))
  return shown.map((phase, at): Line => phaseLine(phase, titles[at] ?? "", columns))
}

const phaseLine = (phase: Phase, title: string, columns: number): Line => [
  [`  ${Text.pad(title, columns)}`, "bold"],
  ...Layout.countPieces(phase),
  [`  ${Layout.large(phase.tokens)} tokens  ${Layout.costText(phase.costUsd, phase.unknownCosts)}`, "dim"]
]

const failures = ({ failures, moreFailures, root }: State, flags: string): ReadonlyArray<Line> => {
  const shown = [...failures.values()].slice(0, most)
  const left = failures.size + moreFailures - shown.length
  return [
    ...shown.flatMap(failureLines(flags)),
    ...(left === 0 ? [] : [[[`  … and ${left} more: owf calls ${root?.runId ?? "latest"}${flags}`, "dim"]] as const])
  ]
}

const failureLines = (flags: string) => ({ call, error, status }: Failure): ReadonlyArray<Line> => [
  [["✗ ", "bad"], [`${Layout.nameOf(call)} ${status}: ${Format.clip(error, 160)}`]],
  ...(call.callId === null ? [] : [[[`    owf cat ${call.callId} --json${flags}`, "dim"]] as const])
]
