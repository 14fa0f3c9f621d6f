/**
 * `owf diff-runs A B`: prices the difference of two runs.
 */
import * as Effect from "effect/Effect"
import type { Amount, CallDiff, Component, RunDiff, Side } from "../../report/DiffRuns.ts"
import * as DiffRuns from "../../report/DiffRuns.ts"
import * as Numbers from "../../report/Numbers.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { loadReport, reading, runId, withStore } from "./shared.ts"

/**
 * Prices the difference of two runs.
 * @category constructors
 * @since 0.1.0
 */
export const diffRuns = Spec.make({
  name: "diff-runs",
  summary: "Price the difference between two runs",
  details:
    "Calls of the two runs are paired. A call was reused, or asked again because a part of its key differs, or is " +
    "new; or it is gone.",
  positional: { ...runId, description: "The earlier run, then the later one", repeated: true },
  examples: ["owf diff-runs 20260528-143201-0sj04k7m2x9q latest", "owf diff-runs flow-nightly latest --json"],
  flags: { all: Flag.flag("all", "List the calls that were reused too"), ...reading }
}, ({ all, home, json }, _first, ids) =>
  withStore(
    home,
    Effect.gen(function*() {
      const [first, second, ...others] = ids
      if (first === undefined || second === undefined || others.length > 0) {
        return yield* Usage.make("Two runs are compared.", "Such as: owf diff-runs 20260528-143201-0sj04k7m2x9q latest")
      }
      const before = yield* loadReport(first, home)
      const after = yield* loadReport(second, home)
      if (before.run.id === after.run.id) {
        return yield* Usage.make(`${first} and ${second} are the same run.`, "`owf runs` lists the runs.")
      }
      const diff = DiffRuns.make(before, after)
      yield* json ? printJson(ReportJson.encode(diff)) : print(render(diff, all))
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const render = (diff: RunDiff, all: boolean): string => {
  const { added, after, before, calls, gone, rerun, reused } = diff
  const shown = all ? calls : calls.filter(({ kind }) => kind !== "reused")
  return [
    Format.table([
      ["", "run", "status", "calls", "tokens", "cost", "time"],
      sideOf("before", before),
      sideOf("after", after)
    ]),
    Format.table([
      ["", "calls", "tokens before", "cost before", "tokens after", "cost after"],
      ["reused", ...both(reused, undefined)],
      ["asked again", ...both(rerun.before, rerun.after)],
      ...rerun.byComponent.map(componentOf),
      ["new", ...both(undefined, added)],
      ["gone", ...both(gone, undefined)]
    ]),
    ...shown.length === 0 ? [] : [Format.table(shown.map(lineOf))]
  ].join("\n\n")
}

const amountOf = ({ calls, costUsd, tokens, unknownCosts }: Amount): ReadonlyArray<string> => [
  String(calls),
  String(tokens),
  Numbers.cost(costUsd, unknownCosts, -1)
]

const both = (before: Amount | undefined, after: Amount | undefined): ReadonlyArray<string> => [
  String((after ?? before)?.calls ?? 0),
  ...before === undefined ? ["-", "-"] : amountOf(before).slice(1),
  ...after === undefined ? ["-", "-"] : amountOf(after).slice(1)
]

const sideOf = (name: string, side: Side): ReadonlyArray<string> => [
  name,
  side.runId,
  side.status,
  ...amountOf(side),
  Numbers.duration(side.wallMs)
]

const componentOf = ({ after, before, differs }: Component): ReadonlyArray<string> => [
  `  ${differs.length === 0 ? "the same question" : differs.join(", ")}`,
  ...both(before, after)
]

const words: Readonly<Record<CallDiff["kind"], string>> = {
  reused: "=",
  rerun: "~",
  added: "+",
  gone: "-"
}

const lineOf = (call: CallDiff): ReadonlyArray<string> => [
  words[call.kind],
  (call.after ?? call.before ?? "").replace(/^.*_call_/, ""),
  Format.clip(call.label ?? "", 60),
  Numbers.usd(call.kind === "gone" ? call.beforeCostUsd : call.afterCostUsd),
  call.differs.length > 0
    ? `${call.differs.join(", ")} differ${call.differs.length === 1 ? "s" : ""}`
    : call.reason ?? ""
]
