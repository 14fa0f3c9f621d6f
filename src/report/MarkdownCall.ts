/**
 * One call of a report as Markdown.
 */
import * as Usage from "../domain/Usage.ts"
import { prettyJson } from "../internal/prettyJson.ts"
import * as Commands from "./Commands.ts"
import { block, cell, clip, html, inline, list, prose, table } from "./MarkdownText.ts"
import * as Numbers from "./Numbers.ts"
import type { AttemptReport, CallReport, RunReport, Text } from "./RunReport.ts"

/**
 * How a call is written.
 * @category models
 * @since 0.1.0
 */
export interface Form {
  readonly github: boolean
  /** Characters of a text. */
  readonly text: number
}

/**
 * What a call is called: its number and its label; those of runs below the one that was asked for begin with the workflow.
 * @category converting
 * @since 0.1.0
 */
export const title = (report: RunReport, call: CallReport): string => named(report, call, inline)

/**
 * The same, for a cell of a table.
 * @category converting
 * @since 0.1.0
 */
export const titleInCell = (report: RunReport, call: CallReport): string => named(report, call, cell)

/**
 * The same, as HTML.
 * @category converting
 * @since 0.1.0
 */
export const titleInHtml = (report: RunReport, call: CallReport): string =>
  `${named(report, call, html)}: ${call.status}`

/**
 * Whether a call ended without an answer.
 * @category predicates
 * @since 0.1.0
 */
export const isFailure = (status: CallReport["status"]): boolean =>
  status !== "done" && status !== "degraded" && status !== "running" && status !== "waiting"

/**
 * Everything about a call.
 * @category converting
 * @since 0.1.0
 */
export const render = (report: RunReport, call: CallReport, form: Form): string => {
  const { commands } = report
  const command = (name: "answer" | "prompt" | "raw" | "details" | "diff") => Commands.forCall(commands[name], call.id)
  const text = (name: string, value: Text | null, shows: string, language = "text"): ReadonlyArray<string> => {
    if (value === null) return []
    const shown = language === "json" ? prettyJson(value.text) : value.text
    const isCut = value.isCut || shown.length > form.text
    return [
      `**${name}**`,
      block(clip(shown, form.text), language),
      ...isCut ? [`Only the beginning; ${inline(shows)} prints all of it (${Numbers.bytes(value.size)}).`] : []
    ]
  }
  return [
    list(facts(call)).join("\n"),
    ...failure(call),
    ...text("Prompt", call.prompt, command("prompt")),
    ...text("System prompt", call.system, command("details")),
    ...text("Schema", call.schema, command("details"), "json"),
    ...text(
      "Answer",
      call.outputJson ?? call.outputText,
      command("answer"),
      call.outputJson === null ? "text" : "json"
    ),
    ...call.attempts.flatMap((attempt) =>
      text(`Answer of request ${attempt.number}, as it was sent`, attempt.raw, command("raw"))
    ),
    ...requests(call),
    ...recovery(call),
    ...changes(call),
    ...text("Patch", call.patch, command("diff"), "diff"),
    ...call.artifacts.length === 0 || form.github ? [] : ["**Files**", list(call.artifacts.map(fileOf)).join("\n")]
  ].join("\n\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const named = (report: RunReport, call: CallReport, text: (text: string, length?: number) => string): string => {
  const number = String(call.index).padStart(4, "0")
  const workflow = call.runId === report.run.id
    ? ""
    : `${text(report.runs.find(({ id }) => id === call.runId)?.workflow ?? "", 60)} `
  return call.label === null ? `${workflow}${number}` : `${workflow}${number} ${text(call.label, 80)}`
}

const facts = (call: CallReport): ReadonlyArray<string> => {
  const { explanation } = call
  const options = Object.entries(call.options).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  const rows: ReadonlyArray<readonly [string, string | null]> = [
    ["Id", inline(call.id)],
    ["Status", call.status],
    ["Phase", call.phase === null ? null : inline(call.phase)],
    ["Model", inline(`${call.provider}:${call.model}`)],
    ["Agent", call.agentType === null ? null : inline(call.agentType)],
    ["Cache", `${call.cacheStatus}: ${prose(explanation.reason, 600)}`],
    ["Tokens", call.attempts.length === 0 ? null : `${Numbers.whole(Usage.total(call.usage))}`],
    [
      "Cost",
      call.attempts.length === 0
        ? null
        : `${Numbers.usd(call.costUsd)}${call.costSource === null ? "" : ` (${inline(call.costSource)})`}`
    ],
    ["Time", timeOf(call)],
    ["Options", options.length === 0 ? null : inline(options.join(", "), 1_000)],
    ["Worktree", call.worktree === null ? null : worktreeOf(call.worktree)],
    ["Waits until", call.waitingUntil === null ? null : Numbers.moment(call.waitingUntil)]
  ]
  return rows.flatMap(([name, value]) => value === null ? [] : [`${name}: ${value}`])
}

const timeOf = ({ createdAt, durationMs, queuedMs }: CallReport): string =>
  [
    Numbers.moment(createdAt),
    ...durationMs === null ? [] : [Numbers.duration(durationMs)],
    ...queuedMs === null || queuedMs < 1 ? [] : [`${Numbers.duration(queuedMs)} until its first request was sent`]
  ].join(", ")

const worktreeOf = ({ base, branch, head, path }: NonNullable<CallReport["worktree"]>): string =>
  [
    ...branch === null ? [] : [`branch ${inline(branch)}`],
    ...path === null ? [] : [`in ${inline(path)}`],
    ...base === null ? [] : [`from ${inline(base.slice(0, 12))}`],
    ...head === null ? [] : [`at ${inline(head.slice(0, 12))}`]
  ].join(", ")

const failure = (call: CallReport): ReadonlyArray<string> => [
  ...call.error === null
    ? []
    : [`**Error:** ${call.errorKind === null ? "" : `${inline(call.errorKind)}: `}${prose(call.error, 4_000)}`],
  ...call.degradedReason === null
    ? []
    : [`**A declared value stands in for the answer:** ${prose(call.degradedReason, 1_000)}`],
  ...call.validationErrors.length === 0 ? [] : [
    "**The answer does not fit its schema**",
    list(call.validationErrors.map(({ message, path }) => `${inline(path)}: ${prose(message)}`)).join("\n")
  ]
]

const requests = ({ attempts }: CallReport): ReadonlyArray<string> =>
  attempts.length === 0 ? [] : [
    "**Requests**",
    table(["#", "Sent", "Time", "Outcome", "Tokens", "Cost", "Session"], attempts.map(requestOf))
  ]

const requestOf = (attempt: AttemptReport): ReadonlyArray<string> => [
  String(attempt.number),
  Numbers.moment(attempt.startedAt),
  attempt.completedAt === null ? "" : Numbers.duration(attempt.completedAt - attempt.startedAt),
  attempt.error === null
    ? attempt.status
    : `${attempt.status}: ${
      cell(attempt.errorKind === null ? attempt.error : `${attempt.errorKind}: ${attempt.error}`, 300)
    }`,
  Numbers.whole(Usage.total(attempt.usage)),
  Numbers.usd(attempt.costUsd),
  attempt.sessionId === null ? "" : cell(attempt.sessionId, 80)
]

const recovery = ({ recovery }: CallReport): ReadonlyArray<string> =>
  recovery === null || recovery.steps.length === 0 ? [] : [
    "**Recovery**",
    list(recovery.steps.map(({ at, message }) => `${Numbers.moment(at)}: ${prose(message)}`)).join("\n")
  ]

const changes = ({ changes }: CallReport): ReadonlyArray<string> =>
  changes === null || changes.length === 0 ? [] : [
    "**Changed files**",
    list(
      changes.map(({ from, kind, path }) => `${kind} ${inline(path)}${from === null ? "" : ` (was ${inline(from)})`}`)
    )
      .join("\n")
  ]

const fileOf = ({ path, size }: CallReport["artifacts"][number]): string => `${inline(path)}, ${Numbers.bytes(size)}`
