/**
 * A run as text: what `owf status` shows, and the command that goes on with it.
 */
import type * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import * as Commands from "../report/Commands.ts"
import * as LoadSlice from "../report/LoadSlice.ts"
import * as MarkdownCall from "../report/MarkdownCall.ts"
import * as Numbers from "../report/Numbers.ts"
import type { ApprovalReport, CallState, Counts, RunStanding, Sums } from "../report/RunReport.ts"
import type { RunStore, StoreError } from "../store/RunStore.ts"
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
export const messageOf: (runId: RunId) => Effect.Effect<string | undefined, StoreError, RunStore> = LoadSlice.message

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
 * A run as lines for people; its commands find the home by what is given of it.
 * @category converting
 * @since 0.1.0
 */
export const render = (standing: RunStanding, home: string | undefined): string => {
  const { own, run } = standing
  const calls = standing.calls.filter(({ runId }) => runId === run.id)
  const lines: ReadonlyArray<readonly [string, string | undefined]> = [
    ["run_id", run.id],
    ["status", run.status],
    ["workflow", run.workflow],
    ["script", run.script?.path],
    ["parent", run.parentRunId ?? undefined],
    ["attempt", String(run.attempt)],
    ["provider", run.model === null ? run.provider : `${run.provider}:${run.model}`],
    ["calls", String(own.calls)],
    ["  by status", countsOf(own.byStatus)],
    ["  by cache", countsOf(own.byCache)],
    ["tokens", `${own.usage.inputTokens} in, ${own.usage.outputTokens} out`],
    ["cost", costOf(own)],
    ["budget", budgetOf(standing)],
    ...waitsOf(standing, calls),
    ...standing.approvals.map((asked) =>
      asked.decision === null
        ? ["approval", questionOf(asked, homeFlag(home))] as const
        : ["answered", answerOf(asked)] as const
    ),
    ...calls.flatMap((call) =>
      call.status === "degraded" ? [["degraded", `${nameOf(call)}: ${call.error ?? "no answer"}`] as const] : []
    ),
    ...failuresOf(standing, calls),
    ["started", iso(run.createdAt)],
    ["duration", durationOf(standing)],
    ["message", run.message ?? undefined],
    ["error", run.error === null ? undefined : `${run.error.kind}: ${run.error.message}`],
    ...standing.runs.flatMap((child) =>
      child.parentRunId === run.id ? [["child", `${child.id} ${child.status} ${child.workflow}`] as const] : []
    ),
    ["run_dir", standing.directory],
    ["resume", run.resumeCommand ?? undefined]
  ]
  return lines.flatMap(([name, value]) => value === undefined ? [] : [`${`${name}:`.padEnd(14)}${value}`]).join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Lines = ReadonlyArray<readonly [string, string]>

/** Failed calls that are named, each with the command that shows what is known of it. */
const named = 5

const failuresOf = ({ commands }: RunStanding, calls: ReadonlyArray<CallState>): Lines => {
  // what was broken off failed for no reason of its own
  const failed = calls.filter(({ status }) => MarkdownCall.isFailure(status) && status !== "cancelled")
  const lines = failed.slice(0, named).map((call) =>
    ["failed", `${nameOf(call)} ${call.status}: ${Commands.forCall(commands.answer, call.id)}`] as const
  )
  return failed.length > named ? [...lines, ["failed", `and ${failed.length - named} more`]] : lines
}

/** What calls wait for, or were to wait for when the run was interrupted, and what the workflow itself waits for. */
const waitsOf = ({ run, waits }: RunStanding, calls: ReadonlyArray<CallState>): Lines => {
  const isUnderWay = run.status === "running" || run.status === "waiting"
  return [
    ...calls.flatMap((call) => {
      if (call.waitingUntil !== null) return [["waiting", waitOf(call, call.waitingUntil)] as const]
      const open = call.waits.findLast(({ endedAt }) => endedAt === null)
      if (!isUnderWay || open === undefined) return []
      return [["waiting", `${nameOf(call)}: ${Format.clip(open.reason, 200)}`] as const]
    }),
    ...waits.flatMap(({ callId, endedAt, reason }) =>
      run.status === "waiting" && callId === null && endedAt === null && !reason.endsWith(": waiting for approval")
        ? [["waiting", Format.clip(reason.replace(": waiting ", " "), 200)] as const]
        : []
    )
  ]
}

const countsOf = (counts: Counts): string | undefined =>
  Object.keys(counts).length === 0
    ? undefined
    : Object.entries(counts).map(([word, count]) => `${count} ${word}`).join(", ")

const iso = (at: number): string => new Date(at).toISOString()

const nameOf = (call: CallState): string =>
  call.label === null
    ? `call ${Format.callNumber(call.index)}`
    : `${Format.clip(call.label, 80)} (call ${Format.callNumber(call.index)})`

const questionOf = ({ name, question, runId }: ApprovalReport, flags: string): string =>
  `${name}${question === null ? "" : `: ${Format.clip(question, 200)}`} ` +
  `(owf approve ${runId} ${Commands.quoted(name)}${flags})`

const answerOf = ({ decidedAt, decision, message, name, question }: ApprovalReport): string => {
  const asked = `${name}${question === null ? "" : `: ${Format.clip(question, 200)}`}`
  const why = message === null || message === "" ? "" : `: ${Format.clip(message, 200)}`
  return `${asked} (${decision}${decidedAt === null ? "" : ` at ${iso(decidedAt)}`}${why})`
}

/** A wait that was interrupted is gone on with when the run is resumed. */
const waitOf = (call: CallState, until: number): string =>
  `${nameOf(call)} ${call.status === "waiting" ? "until" : "was to wait until"} ${iso(until)}`

/** What is known of the cost, and of how many requests it is not. */
const costOf = ({ costUsd, requests, unknownCosts }: Sums): string => {
  const text = Numbers.cost(costUsd, unknownCosts, requests)
  return unknownCosts === 0 || unknownCosts === requests ? text : `${text} request${unknownCosts === 1 ? "" : "s"}`
}

/** What the run and its children spent, requests whose outcome is not known counted in full. */
const budgetOf = ({ calls, run }: RunStanding): string => {
  const { budget: { spentCostUsd, spentTokens, totalCostUsd, totalTokens } } = run
  const tokens = totalTokens === null ? `${spentTokens}` : `${spentTokens} of ${totalTokens}`
  const isKnown = spentCostUsd > 0 || calls.every(({ attempts }) => attempts.every(({ costUsd }) => costUsd !== null))
  const spent = isKnown ? Format.usd(spentCostUsd) : "unknown cost"
  const cost = totalCostUsd === null ? spent : `${spent} of ${Format.usd(totalCostUsd)}`
  const limit = totalTokens === null && totalCostUsd === null ? ", no limit" : ""
  return `${tokens} tokens and ${cost} spent${limit}`
}

/** Up to now while it works; of a run that was cut off, up to the last that is known of it. */
const durationOf = ({ calls, generatedAt, run }: RunStanding): string | undefined => {
  const { completedAt, startedAt, status, updatedAt } = run
  const isUnderWay = status === "running" || status === "waiting"
  const lastSeen = () =>
    calls.flatMap(({ attempts, completedAt, createdAt }) => [createdAt, completedAt ?? 0, ...attempts.map(lastOf)])
      .reduce((last, at) => Math.max(last, at), updatedAt)
  const milliseconds = (completedAt ?? (isUnderWay ? generatedAt : lastSeen())) - startedAt
  // that nothing more is known does not mean that it took no time
  const isKnown = completedAt === null ? milliseconds > 0 : milliseconds >= 0
  return isKnown ? Format.duration(milliseconds) : undefined
}

const lastOf = ({ completedAt, startedAt }: CallState["attempts"][number]): number => completedAt ?? startedAt
