/**
 * A run as text: what `owf status` shows, and the command that goes on with it.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import * as Commands from "../report/Commands.ts"
import type { StoreError } from "../store/RunStore.ts"
import { RunStore } from "../store/RunStore.ts"
import * as Format from "./Format.ts"

/**
 * A run and what belongs to it.
 * @category models
 * @since 0.1.0
 */
export interface View {
  readonly run: Records.Run
  readonly calls: ReadonlyArray<Records.Call>
  readonly children: ReadonlyArray<Records.Run>
  /** Questions nobody has answered. */
  readonly approvals: ReadonlyArray<Records.Approval>
  readonly directory: string
  readonly resume: string | undefined
  /** What a graph says at the node it ended at. */
  readonly message?: string | undefined
}

/**
 * Whether a run is over, so that nothing of it is left to be done: a graph that came to a fail node is.
 * @category predicates
 * @since 0.1.0
 */
export const hasEnded: (run: Pick<Records.Run, "errorKind" | "status">) => boolean = Commands.hasEnded

/**
 * What a graph said when it ended; undefined for one that says nothing.
 * @category running
 * @since 0.1.0
 */
export const messageOf = (runId: RunId): Effect.Effect<string | undefined, StoreError, RunStore> =>
  Effect.flatMap(RunStore, ({ events }) =>
    // one for each attempt that came to its end, of which there are few
    Effect.map(events(runId, { type: "end" }), (ends) => ends.at(-1)?.message))

/**
 * The command that goes on with a run; undefined for a run that is done, under way or waiting, or was not started from a
 * file.
 * @category converting
 * @since 0.1.0
 */
export const resumeCommand: (
  run: Pick<Records.Run, "rootRunId" | "status" | "scriptPath" | "errorKind">,
  home: string | undefined
) => string | undefined = Commands.resumeOf

/**
 * The command that goes on with a run in a home; the home is left out when it is the one found without saying.
 * @category converting
 * @since 0.1.0
 */
export const resume: (runId: string, home: string | undefined) => string = Commands.resume

/**
 * What a command about a home has to be given to find it, with a space before; empty where it is found without saying.
 * @category converting
 * @since 0.1.0
 */
export const homeFlag: (home: string | undefined) => string = Commands.homeFlag

/**
 * A run as lines for people.
 * @category converting
 * @since 0.1.0
 */
export const render = (view: View): string => {
  const { approvals, calls, children, directory, resume, run } = view
  const lines: ReadonlyArray<readonly [string, string | undefined]> = [
    ["run_id", run.id],
    ["status", run.status],
    ["workflow", run.workflowName],
    ["script", run.scriptPath ?? undefined],
    ["parent", run.parentRunId ?? undefined],
    ["attempt", String(run.attempt)],
    ["provider", run.model === null ? run.provider : `${run.provider}:${run.model}`],
    ["calls", String(calls.length)],
    ["  by status", countsOf(calls.map((call) => call.status))],
    ["  by cache", countsOf(calls.map((call) => call.cacheStatus))],
    ["tokens", tokensOf(calls)],
    ["cost", costOf(calls)],
    ["budget", budgetOf(run)],
    ...calls.filter((call) => call.waitingUntil !== null).map((
      call
    ): readonly [string, string] => ["waiting", waitOf(call)]),
    ...approvals.map((asked): readonly [string, string] => ["approval", questionOf(asked)]),
    ...calls.filter((call) => call.status === "degraded").map((call): readonly [string, string] => [
      "degraded",
      `${nameOf(call)}: ${call.error ?? "no answer"}`
    ]),
    ["started", run.createdAt],
    ["duration", durationOf(run)],
    ["message", view.message],
    ["error", run.errorMessage === null ? undefined : `${run.errorKind ?? "Error"}: ${run.errorMessage}`],
    ...children.map((
      child
    ): readonly [string, string] => ["child", `${child.id} ${child.status} ${child.workflowName}`]),
    ["run_dir", directory],
    ["resume", resume]
  ]
  return lines.flatMap(([name, value]) => value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}`]).join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const countsOf = (words: ReadonlyArray<string>): string | undefined => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts.size === 0 ? undefined : [...counts].map(([word, count]) => `${count} ${word}`).join(", ")
}

const sum = (calls: ReadonlyArray<Records.Call>, of: (call: Records.Call) => number): number =>
  calls.reduce((total, call) => total + of(call), 0)

const nameOf = (call: Records.Call): string =>
  call.label === null
    ? `call ${Format.callNumber(call.index)}`
    : `${call.label} (call ${Format.callNumber(call.index)})`

const questionOf = ({ name, question, runId }: Records.Approval): string =>
  `${name}${question === null ? "" : `: ${Format.clip(question, 200)}`} (owf approve ${runId} ${Commands.quoted(name)})`

/** A wait that was interrupted is gone on with when the run is resumed. */
const waitOf = (call: Records.Call): string =>
  `${nameOf(call)} ${call.status === "waiting" ? "until" : "was to wait until"} ${call.waitingUntil}`

const tokensOf = (calls: ReadonlyArray<Records.Call>): string =>
  `${sum(calls, (call) => call.inputTokens)} in, ${sum(calls, (call) => call.outputTokens)} out`

/** What is known of the cost, and that some of it is not. */
const costOf = (calls: ReadonlyArray<Records.Call>): string => {
  const unknown = calls.filter((call) => call.estimatedCostUsd === null && call.attempts > 0).length
  const known = Format.usd(sum(calls, (call) => call.estimatedCostUsd ?? 0))
  return unknown === 0 ? known : unknown === calls.length ? "unknown" : `${known} and unknown for ${unknown} calls`
}

/** What the run and its children spent, requests whose outcome is not known counted in full. */
const budgetOf = (run: Records.Run): string => {
  const { budgetSpentCostUsd, budgetSpentTokens, budgetTotalCostUsd, budgetTotalTokens } = run
  const tokens = budgetTotalTokens === null ? `${budgetSpentTokens}` : `${budgetSpentTokens} of ${budgetTotalTokens}`
  const spent = Format.usd(budgetSpentCostUsd)
  const cost = budgetTotalCostUsd === null ? spent : `${spent} of ${Format.usd(budgetTotalCostUsd)}`
  const limit = budgetTotalTokens === null && budgetTotalCostUsd === null ? ", no limit" : ""
  return `${tokens} tokens and ${cost} spent${limit}`
}

const durationOf = (run: Records.Run): string | undefined => {
  const milliseconds = Date.parse(run.completedAt ?? run.updatedAt) - Date.parse(run.startedAt)
  return Number.isFinite(milliseconds) && milliseconds >= 0 ? Format.duration(milliseconds) : undefined
}
