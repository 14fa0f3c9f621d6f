/**
 * A report as Markdown: complete, or short enough for a comment on GitHub.
 *
 * - D1. Nothing that others wrote is Markdown here: see `MarkdownText`.
 * - D2. The complete report holds what the model holds. What the model itself has cut is said where it is, with the
 *   command that prints all of it.
 * - D3. For GitHub it is never longer than a comment may be. What is left out is counted and said; calls that failed come
 *   before those that went well.
 */
import * as Usage from "../domain/Usage.ts"
import { prettyJson } from "../internal/prettyJson.ts"
import * as MarkdownCall from "./MarkdownCall.ts"
import { alert, block, cell, clip, folded, inline, list, prose, table } from "./MarkdownText.ts"
import * as Numbers from "./Numbers.ts"
import type { CallReport, RunReport, Text } from "./RunReport.ts"

/**
 * How a report is written.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** With alerts and folded details, and short enough for a comment. */
  readonly github?: boolean | undefined
}

/**
 * Longest comment GitHub takes, in characters.
 * @category models
 * @since 0.1.0
 */
export const longestComment = 65_536

/**
 * A report as Markdown.
 * @category converting
 * @since 0.1.0
 */
export const render = (report: RunReport, { github = false }: Options = {}): string =>
  github ? comment(report) : document(report)

// -----------------------------------------------------------------------------
// the two forms
// -----------------------------------------------------------------------------

interface Form {
  readonly github: boolean
  /** Characters of a table's rows, and of a text. */
  readonly table: number
  readonly text: number
}

const whole: Form = { github: false, table: Number.POSITIVE_INFINITY, text: Number.POSITIVE_INFINITY }

const short: Form = { github: true, table: 5_000, text: 3_000 }

const document = (report: RunReport): string =>
  joined([
    ...overview(report, whole),
    ...section("Arguments", [json(report.run.args, report.commands.status, whole)]),
    ...outputOf(report, whole),
    ...section(
      "Calls in full",
      report.calls.flatMap((call) => [`### ${MarkdownCall.title(report, call)}`, detail(report, call, whole)])
    ),
    ...section("Events", eventsOf(report)),
    footer(report)
  ])

const comment = (report: RunReport): string => {
  const parts: Array<string> = []
  const left: Array<string> = []
  // what is left is for saying what is left out
  let room = longestComment - 1_500 - footer(report).length
  const add = (part: string): boolean => {
    const fits = part.length + 2 <= room
    if (fits) {
      parts.push(part)
      room -= part.length + 2
    }
    return fits
  }
  for (const part of overview(report, short)) add(part)
  for (const part of outputOf(report, short)) if (!add(part)) left.push("the output")
  let shown = 0
  for (const call of byConcern(report.calls)) {
    if (room < 500) break
    if (add(folded(MarkdownCall.titleInHtml(report, call), detail(report, call, short)))) shown++
  }
  const others = report.calls.length - shown
  if (others > 0) left.push(`the details of ${Numbers.count(others, "call")}`)
  const note = left.length === 0 ? [] : [`Left out, for a comment to hold it: ${left.join(" and ")}.`]
  return joined([...parts, ...note, footer(report)])
}

const detail = (report: RunReport, call: CallReport, { github, text }: Form): string =>
  MarkdownCall.render(report, call, { github, text })

/** Calls that failed first, then those something stands in for, then the others; each in their order. */
const byConcern = (calls: ReadonlyArray<CallReport>): ReadonlyArray<CallReport> => {
  const rank = ({ status }: CallReport): number => status === "degraded" ? 1 : MarkdownCall.isFailure(status) ? 0 : 2
  return calls.toSorted((a, b) => rank(a) - rank(b))
}

// -----------------------------------------------------------------------------
// parts
// -----------------------------------------------------------------------------

const joined = (parts: ReadonlyArray<string>): string => `${parts.join("\n\n")}\n`

const section = (name: string, parts: ReadonlyArray<string>): ReadonlyArray<string> =>
  parts.length === 0 ? [] : [`## ${name}`, ...parts]

const overview = (report: RunReport, form: Form): ReadonlyArray<string> => [
  `# ${inline(report.run.workflow, 100)}: ${report.run.status}`,
  ...report.run.description === null ? [] : [prose(report.run.description, 1_000)],
  facts(report),
  ...errorOf(report, form),
  ...warningsOf(report, form),
  ...runsOf(report, form),
  ...phasesOf(report, form),
  ...callsOf(report, form),
  ...modelsOf(report, form),
  ...changesOf(report, form),
  ...waitsOf(report, form),
  ...approvalsOf(report, form)
]

const facts = (report: RunReport): string => {
  const { run, totals } = report
  const { budget, environment, script } = run
  const rows: ReadonlyArray<readonly [string, string | null]> = [
    ["Run", cell(run.id)],
    ["Status", run.attempt === 1 ? run.status : `${run.status}, attempt ${run.attempt}`],
    ["Message", run.message === null ? null : cell(run.message)],
    ["Started", Numbers.moment(run.createdAt)],
    ["Time", timeOf(report)],
    ["Calls", callCounts(report)],
    ["Tokens", tokensOf(totals.usage)],
    ["Cost", Numbers.cost(totals.costUsd, totals.unknownCosts, totals.requests)],
    ["Saved by the cache", savedOf(report)],
    ["Budget", budgetOf(budget)],
    ["Provider", cell(run.model === null ? run.provider : `${run.provider}:${run.model}`)],
    ["Script", script === null ? null : cell(script.path)],
    ["Commit", environment.gitCommit === null ? null : commitOf(environment)],
    ["Made by", madeBy(environment)],
    ["Go on with", run.resumeCommand === null ? null : cell(run.resumeCommand)]
  ]
  return table(["", ""], rows.flatMap(([name, value]) => value === null ? [] : [[name, value]]))
}

const timeOf = ({ totals }: RunReport): string => {
  const { peakConcurrency, requestMs, wallMs } = totals
  const wall = Numbers.duration(wallMs)
  return totals.requests === 0
    ? wall
    : `${wall}; requests took ${Numbers.duration(requestMs)} together, up to ${peakConcurrency} at once`
}

const callCounts = ({ totals }: RunReport): string =>
  totals.calls === 0
    ? "0"
    : `${Numbers.whole(totals.calls)} (${Numbers.counts(totals.byStatus)}; cache: ${Numbers.counts(totals.byCache)})`

const tokensOf = (usage: Usage.Usage): string => {
  const cached = usage.cacheReadTokens + usage.cacheWriteTokens
  return `${Numbers.whole(usage.inputTokens)} in, ${Numbers.whole(usage.outputTokens)} out` +
    (cached === 0
      ? ""
      : `, ${Numbers.whole(usage.cacheReadTokens)} read from and ${
        Numbers.whole(usage.cacheWriteTokens)
      } written to prompt caches`)
}

const savedOf = ({ totals }: RunReport): string | null =>
  totals.savedTokens === 0 ? null : `${Numbers.whole(totals.savedTokens)} tokens, ${Numbers.usd(totals.savedCostUsd)}`

const budgetOf = (budget: RunReport["run"]["budget"]): string | null => {
  const { spentCostUsd, spentTokens, totalCostUsd, totalTokens } = budget
  const parts = [
    ...totalTokens === null ? [] : [`${Numbers.whole(spentTokens)} of ${Numbers.whole(totalTokens)} tokens`],
    ...totalCostUsd === null ? [] : [`${Numbers.usd(spentCostUsd)} of ${Numbers.usd(totalCostUsd)}`]
  ]
  return parts.length === 0 ? null : parts.join(", ")
}

const commitOf = ({ gitBranch, gitCommit }: RunReport["run"]["environment"]): string =>
  [
    cell(gitCommit ?? ""),
    ...gitBranch === null ? [] : [`on ${cell(gitBranch)}`]
  ].join(" ")

const madeBy = ({ node, owfVersion }: RunReport["run"]["environment"]): string | null =>
  owfVersion === null ? null : cell(node === null ? `owf ${owfVersion}` : `owf ${owfVersion}, Node ${node}`)

const errorOf = ({ run: { error } }: RunReport, form: Form): ReadonlyArray<string> => {
  if (error === null) return []
  const text = `${inline(error.kind)}: ${prose(error.message, Math.min(form.text, 4_000))}`
  return form.github ? [alert("CAUTION", [text])] : section("Error", [text])
}

const warningsOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (report.warnings.length === 0) return []
  const names = new Map(report.calls.map((call) => [call.id, MarkdownCall.title(report, call)]))
  const warnings = report.warnings.map(({ callId, message }) =>
    callId === null ? prose(message) : `${names.get(callId) ?? inline(callId)}: ${prose(message)}`
  )
  const shown = fitting(warnings, form)
  const lines = shown.length < warnings.length ? [...shown, more(warnings.length - shown.length)] : shown
  return form.github ? [alert("WARNING", list(lines))] : section("Warnings", [list(lines).join("\n")])
}

const runsOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (report.runs.length === 1) return []
  const calls = new Map<string, number>()
  for (const { runId } of report.calls) calls.set(runId, (calls.get(runId) ?? 0) + 1)
  return section(
    "Runs",
    rowsOf(
      ["Run", "Workflow", "Status", "Calls", "Error"],
      report.runs.map(({ depth, error, id, status, workflow }) => [
        cell(id),
        `${"&nbsp;&nbsp;".repeat(Math.min(depth, 8))}${cell(workflow, 80)}`,
        status,
        Numbers.whole(calls.get(id) ?? 0),
        error === null ? "" : cell(error.message)
      ]),
      form
    )
  )
}

const phasesOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (!report.phases.some(({ name }) => name !== null)) return []
  const several = report.runs.length > 1
  const workflows = new Map(report.runs.map(({ id, workflow }) => [id, workflow]))
  return section(
    "Phases",
    rowsOf(
      [...several ? ["Workflow"] : [], "Phase", "Calls", "Status", "Tokens", "Cost", "Time"],
      report.phases.map((phase) => [
        ...several ? [cell(workflows.get(phase.runId) ?? "", 60)] : [],
        phase.name === null ? "(none)" : cell(phase.name, 100),
        Numbers.whole(phase.calls),
        Numbers.counts(phase.byStatus),
        Numbers.whole(phase.tokens),
        Numbers.cost(phase.costUsd, phase.unknownCosts, -1),
        phase.endedAt === null ? "under way" : Numbers.duration(phase.endedAt - phase.startedAt)
      ]),
      form
    )
  )
}

const callsOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (report.calls.length === 0) return []
  return section(
    "Calls",
    rowsOf(
      ["Call", "Phase", "Status", "Cache", "Model", "Tokens", "Cost", "Time"],
      report.calls.map((call) => [
        MarkdownCall.titleInCell(report, call),
        call.phase === null ? "" : cell(call.phase, 60),
        MarkdownCall.isFailure(call.status) ? `**${call.status}**` : call.status,
        call.cacheStatus,
        cell(`${call.provider}:${call.model}`, 80),
        Numbers.whole(Usage.total(call.usage)),
        call.attempts.length === 0 ? "" : Numbers.usd(call.costUsd),
        call.durationMs === null ? "" : Numbers.duration(call.durationMs)
      ]),
      { ...form, table: form.table * 2 }
    )
  )
}

const modelsOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (report.usage.byModel.length === 0) return []
  return section(
    "Cost by model",
    rowsOf(
      ["Model", "Calls", "From the cache", "Requests", "Tokens", "Cost"],
      report.usage.byModel.map((usage) => [
        cell(usage.group ?? "", 80),
        Numbers.whole(usage.calls),
        Numbers.whole(usage.hits),
        Numbers.whole(usage.attempts),
        tokensOf(usage),
        Numbers.cost(usage.costUsd, usage.unknownCosts, usage.attempts)
      ]),
      form
    )
  )
}

const changesOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  const rows = report.calls.flatMap((call) =>
    (call.changes ?? []).map(({ from, kind, path }) => [
      cell(path, 200),
      from === null ? kind : `${kind} from ${cell(from, 200)}`,
      MarkdownCall.titleInCell(report, call)
    ])
  )
  return rows.length === 0 ? [] : section("Changed files", rowsOf(["File", "Change", "Call"], rows, form))
}

const waitsOf = (report: RunReport, form: Form): ReadonlyArray<string> => {
  if (report.waits.length === 0) return []
  const names = new Map(report.calls.map((call) => [call.id, MarkdownCall.titleInCell(report, call)]))
  return section(
    "Waits",
    rowsOf(
      ["From", "For", "Who", "Why"],
      report.waits.map(({ callId, endedAt, from, reason }) => [
        Numbers.moment(from),
        endedAt === null ? "still waiting" : Numbers.duration(endedAt - from),
        callId === null ? "the workflow" : names.get(callId) ?? cell(callId),
        cell(reason, 200)
      ]),
      form
    )
  )
}

const approvalsOf = (report: RunReport, form: Form): ReadonlyArray<string> =>
  report.approvals.length === 0 ? [] : section(
    "Approvals",
    rowsOf(
      ["Asked", "Question", "Answer"],
      report.approvals.map(({ askedAt, decidedAt, decision, message, name, question }) => [
        Numbers.moment(askedAt),
        question === null ? cell(name) : `${cell(name)}: ${cell(question, 300)}`,
        decision === null || decidedAt === null
          ? "not answered yet"
          : `${decision}, ${Numbers.moment(decidedAt)}${message === null ? "" : `: ${cell(message, 300)}`}`
      ]),
      form
    )
  )

const outputOf = ({ commands, run: { output } }: RunReport, form: Form): ReadonlyArray<string> => {
  if (output === null) return []
  const text = json(output, commands.output, form)
  return form.github ? [folded("Output", text)] : section("Output", [text])
}

const json = (text: Text, command: string, form: Form): string => {
  const pretty = prettyJson(text.text)
  const isCut = text.isCut || pretty.length > form.text
  return joinedLines([
    block(clip(pretty, form.text), "json"),
    ...isCut ? [`Only the beginning; ${inline(command)} prints all of it (${Numbers.bytes(text.size)}).`] : []
  ])
}

const joinedLines = (parts: ReadonlyArray<string>): string => parts.join("\n\n")

/** A call's end is with the call; the other events are told here. */
const eventsOf = (report: RunReport): ReadonlyArray<string> => {
  const events = report.events.filter(({ type }) => type !== "call_settled")
  const names = new Map(report.calls.map((call) => [call.id, MarkdownCall.titleInCell(report, call)]))
  const omitted = report.omitted.events === 0
    ? []
    : [`${Numbers.count(report.omitted.events, "event")} more; ${inline(report.commands.events)} lists all of them.`]
  return events.length === 0 ? omitted : [
    table(
      ["Time", "Event", "Call", ""],
      events.map(({ at, callId, message, type }) => [
        new Date(at).toISOString(),
        cell(type, 60),
        callId === null ? "" : names.get(callId) ?? cell(callId),
        cell(message, 300)
      ])
    ),
    ...omitted
  ]
}

const footer = ({ commands, generatedAt, owfVersion }: RunReport): string =>
  `Made by owf ${inline(owfVersion, 40)} at ${Numbers.moment(generatedAt)}. ${
    inline(commands.status)
  } shows where the run stands.`

// -----------------------------------------------------------------------------
// room
// -----------------------------------------------------------------------------

const rowsOf = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  form: Form
): ReadonlyArray<string> => {
  const lines = rows.map((row) => row.join(" | "))
  const shown = fitting(lines, form).length
  return [table(header, rows.slice(0, shown)), ...shown < rows.length ? [more(rows.length - shown)] : []]
}

/** As many lines from the beginning as there is room for. */
const fitting = (lines: ReadonlyArray<string>, form: Form): ReadonlyArray<string> => {
  let room = form.table
  const end = lines.findIndex((line) => (room -= line.length + 6) < 0)
  return end === -1 ? lines : lines.slice(0, end)
}

const more = (number: number): string => `… and ${Numbers.whole(number)} more.`
