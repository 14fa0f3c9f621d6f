/**
 * A run as text: what `owf status` shows, and the command that goes on with it.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import * as Usage from "../domain/Usage.ts"
import * as Commands from "../report/Commands.ts"
import * as MarkdownCall from "../report/MarkdownCall.ts"
import type { ApprovalReport, CallReport, RunFacts, RunReport } from "../report/RunReport.ts"
import type { StoreError } from "../store/RunStore.ts"
import { RunStore } from "../store/RunStore.ts"
import * as Format from "./Format.ts"

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
export const render = (report: RunReport): string => {
  const { run } = report
  const calls = report.calls.filter(({ runId }) => runId === run.id)
  const lines: ReadonlyArray<readonly [string, string | undefined]> = [
    ["run_id", run.id],
    ["status", run.status],
    ["workflow", run.workflow],
    ["script", run.script?.path],
    ["parent", run.parentRunId ?? undefined],
    ["attempt", String(run.attempt)],
    ["provider", run.model === null ? run.provider : `${run.provider}:${run.model}`],
    ["calls", String(calls.length)],
    ["  by status", countsOf(calls.map((call) => call.status))],
    ["  by cache", countsOf(calls.map((call) => call.cacheStatus))],
    ["tokens", tokensOf(calls)],
    ["cost", costOf(calls)],
    ["budget", budgetOf(run)],
    ...calls.flatMap((call) =>
      call.waitingUntil === null ? [] : [["waiting", waitOf(call, call.waitingUntil)] as const]
    ),
    ...report.waits.flatMap(({ callId, endedAt, reason }) =>
      run.status === "waiting" && callId === null && endedAt === null && !reason.endsWith(": waiting for approval")
        ? [["waiting", Format.clip(reason.replace(": waiting ", " "), 200)] as const]
        : []
    ),
    ...report.approvals.flatMap((asked) => asked.decision === null ? [["approval", questionOf(asked)] as const] : []),
    ...calls.flatMap((call) =>
      call.status === "degraded" ? [["degraded", `${nameOf(call)}: ${call.error ?? "no answer"}`] as const] : []
    ),
    ...failuresOf(report, calls),
    ["started", iso(run.createdAt)],
    ["duration", durationOf(run)],
    ["message", run.message ?? undefined],
    ["error", run.error === null ? undefined : `${run.error.kind}: ${run.error.message}`],
    ...report.runs.flatMap((child) =>
      child.parentRunId === run.id ? [["child", `${child.id} ${child.status} ${child.workflow}`] as const] : []
    ),
    ["run_dir", report.directory],
    ["resume", run.resumeCommand ?? undefined]
  ]
  return lines.flatMap(([name, value]) => value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}`]).join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Failed calls that are named, each with the command that shows what is known of it. */
const named = 5

const failuresOf = (
  { commands }: RunReport,
  calls: ReadonlyArray<CallReport>
): ReadonlyArray<readonly [string, string]> => {
  const failed = calls.filter(({ status }) => MarkdownCall.isFailure(status))
  const lines = failed.slice(0, named).map((call) =>
    ["failed", `${nameOf(call)} ${call.status}: ${Commands.forCall(commands.answer, call.id)}`] as const
  )
  return failed.length > named ? [...lines, ["failed", `and ${failed.length - named} more`]] : lines
}

const countsOf = (words: ReadonlyArray<string>): string | undefined => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts.size === 0 ? undefined : [...counts].map(([word, count]) => `${count} ${word}`).join(", ")
}

const iso = (at: number): string => new Date(at).toISOString()

const nameOf = (call: CallReport): string =>
  call.label === null
    ? `call ${Format.callNumber(call.index)}`
    : `${Format.clip(call.label, 80)} (call ${Format.callNumber(call.index)})`

const questionOf = ({ name, question, runId }: ApprovalReport): string =>
  `${name}${question === null ? "" : `: ${Format.clip(question, 200)}`} (owf approve ${runId} ${Commands.quoted(name)})`

/** A wait that was interrupted is gone on with when the run is resumed. */
const waitOf = (call: CallReport, until: number): string =>
  `${nameOf(call)} ${call.status === "waiting" ? "until" : "was to wait until"} ${iso(until)}`

const tokensOf = (calls: ReadonlyArray<CallReport>): string => {
  const { inputTokens, outputTokens } = calls.reduce((sum, { usage }) => Usage.add(sum, usage), Usage.zero)
  return `${inputTokens} in, ${outputTokens} out`
}

/** What is known of the cost, and that some of it is not. */
const costOf = (calls: ReadonlyArray<CallReport>): string => {
  const unknown = calls.filter((call) => call.costUsd === null && call.attempts.length > 0).length
  const known = Format.usd(calls.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0))
  return unknown === 0 ? known : unknown === calls.length ? "unknown" : `${known} and unknown for ${unknown} calls`
}

/** What the run and its children spent, requests whose outcome is not known counted in full. */
const budgetOf = ({ budget: { spentCostUsd, spentTokens, totalCostUsd, totalTokens } }: RunFacts): string => {
  const tokens = totalTokens === null ? `${spentTokens}` : `${spentTokens} of ${totalTokens}`
  const spent = Format.usd(spentCostUsd)
  const cost = totalCostUsd === null ? spent : `${spent} of ${Format.usd(totalCostUsd)}`
  const limit = totalTokens === null && totalCostUsd === null ? ", no limit" : ""
  return `${tokens} tokens and ${cost} spent${limit}`
}

const durationOf = (run: RunFacts): string | undefined => {
  const milliseconds = (run.completedAt ?? run.updatedAt) - run.startedAt
  return Number.isFinite(milliseconds) && milliseconds >= 0 ? Format.duration(milliseconds) : undefined
}
