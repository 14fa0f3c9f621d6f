/**
 * The report in the page, and what is read off it once: who is who, how phases are named, what can be searched.
 */
import type { CallReport, PhaseReport, RunFacts, RunReport } from "../RunReport.ts"
import * as Document from "./Document.ts"

const text = document.getElementById("owf-report")?.textContent ?? "null"

/** Says in the place of the report that there is none; nothing else of the viewer could do anything then. */
const refuse = (): never => {
  const said =
    "The data in this file is damaged, so that there is nothing to show. owf report RUN_ID --html writes the " +
    "report again."
  document.getElementById("app")?.replaceChildren(said)
  throw new Error(said)
}

const model = Document.decode(text) ?? refuse()

/** Calls of the runs below a run stand among its own by time; those of one run keep their order. */
const inTime = (calls: ReadonlyArray<CallReport>): ReadonlyArray<CallReport> => {
  const last = new Map<string, number>()
  const times = new Map(calls.map((call) => {
    const at = Math.max(call.createdAt, last.get(call.runId) ?? call.createdAt)
    last.set(call.runId, at)
    return [call, at]
  }))
  return calls.toSorted((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0))
}

/** The model, its calls in the order in which they are shown. */
export const report: RunReport = { ...model, calls: inTime(model.calls) }

/** The runs by their ids. */
export const runs: ReadonlyMap<string, RunFacts> = new Map(report.runs.map((run) => [run.id, run]))

/** The calls by their ids. */
export const calls: ReadonlyMap<string, CallReport> = new Map(report.calls.map((call) => [call.id, call]))

/** Whether the run had not come to an end when the report was made, and will. */
export const isOpen = report.run.status === "running" || report.run.status === "waiting"

/** When the run began, and when it ended or the report was made. */
export const span = {
  from: report.calls.reduce((least, call) => Math.min(least, call.createdAt), report.run.createdAt),
  to: report.calls.reduce(
    (most, call) => Math.max(most, call.completedAt ?? most),
    report.run.completedAt ?? (isOpen ? report.generatedAt : report.run.updatedAt)
  )
}

/** Tells phases apart: those of this run, and of the workflows below it, each of which may have run many times. */
export const phaseKey = ({ phase, runId }: { readonly runId: string; readonly phase: string | null }): string =>
  `${runId === report.run.id ? "" : runs.get(runId)?.workflow ?? runId} ${phase === null ? "" : `:${phase}`}`

/** A phase, its run named before it where it is another than the one asked for. */
export const phaseName = ({ name, runId }: Pick<PhaseReport, "name" | "runId">): string => {
  const own = name ?? "no phase"
  return runId === report.run.id ? own : `${runs.get(runId)?.workflow ?? runId} › ${own}`
}

/** The calls of each phase. */
export const callsByPhase: ReadonlyMap<string, ReadonlyArray<CallReport>> = Map.groupBy(report.calls, phaseKey)

/** The phases with calls in them, in the order in which they began. */
export const phases: ReadonlyArray<{ readonly key: string; readonly name: string; readonly costUsd: number }> = [
  ...callsByPhase
].flatMap(([key, [first]]) =>
  first === undefined ? [] : [{
    key,
    name: phaseName({ runId: first.runId, name: first.phase }),
    costUsd: report.phases.reduce(
      (sum, phase) => phaseKey({ runId: phase.runId, phase: phase.name }) === key ? sum + phase.costUsd : sum,
      0
    )
  }]
)

/** Who answered; of a call that came to nobody, who should have. */
export const answerer = ({ model, provider }: Pick<CallReport, "provider" | "model">): string =>
  model === "" ? provider : `${provider}:${model}`

const firstModel = new Map(report.calls.toReversed().map(({ model, provider }) => [provider, model]))

const providers = new Set(
  report.calls.filter(({ model, provider }) => model !== firstModel.get(provider)).map(({ provider }) => provider)
)

/** Everybody who answered, in alphabetical order; a provider of several models by itself, too. */
export const answerers: ReadonlyArray<string> = [
  ...providers,
  ...new Set(report.calls.map(answerer))
].toSorted()

/** How a call is called where it has no label: the beginning of its prompt. */
export const nameOf = (call: CallReport): string => {
  if (call.label !== null && call.label.trim() !== "") return call.label
  const line = call.prompt.text.trimStart().split("\n", 1)[0] ?? ""
  return line === "" ? `call ${call.index}` : line
}

/** All tokens of a call. */
export const tokensOf = ({ usage }: Pick<CallReport, "usage">): number =>
  usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens

/** Whether a call was answered without a request. */
export const isCached = (call: CallReport): boolean => call.cacheStatus === "hit" || call.cacheStatus === "replayed"

/** What a call is shown as: its status, or that its answer was there already. */
export const tone = (call: CallReport): Tone =>
  call.status === "done" && isCached(call) ? "cached" : toneOf(call.status)

/** A colour with a meaning. */
export type Tone = "done" | "cached" | "failed" | "degraded" | "running" | "waiting" | "quiet"

/** The tone of a call's or a run's status. */
export const toneOf = (status: string): Tone => {
  switch (status) {
    case "done":
    case "running":
    case "waiting":
    case "degraded":
      return status
    case "cancelled":
      return "quiet"
    case "interrupted":
      return "waiting"
    default:
      return "failed"
  }
}

/** What the search looks at, in lower case. It is made when it is first asked for. */
export const searchable = (call: CallReport): string => {
  const known = texts.get(call.id)
  if (known !== undefined) return known
  const made = [
    call.id,
    call.label,
    call.phase,
    answerer(call),
    call.status,
    call.cacheStatus,
    call.error,
    call.prompt.text,
    call.outputText?.text ?? call.outputJson?.text,
    ...(call.changes ?? []).map((change) => change.path)
  ].join("\n").toLowerCase()
  texts.set(call.id, made)
  return made
}

const texts = new Map<string, string>()
