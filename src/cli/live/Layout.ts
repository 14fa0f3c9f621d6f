/**
 * The live region of a run: what is under way, by phase and by call, and a line of totals. Pure: a state in, lines out.
 *
 * - Y1. No line is wider and no region is higher than asked for. What is left out is counted on a line of its own; the
 *   totals stay to the last.
 * - Y2. Calls keep their order, and finished phases give way before others do, so that the eye finds what it looked at.
 */
import * as Format from "../Format.ts"
import type { Line, Piece, Style } from "./Line.ts"
import * as LineText from "./Line.ts"
import type { Counts, Open, Phase, State, Wait } from "./State.ts"
import * as Text from "./Text.ts"

/**
 * What a frame is laid out for.
 * @category models
 * @since 0.1.0
 */
export interface View {
  readonly columns: number
  readonly rows: number
  /** Epoch milliseconds. */
  readonly now: number
  /** Counts up with the frames. */
  readonly frame: number
  readonly budget: Budget | undefined
  /** Minutes local time is ahead of UTC. */
  readonly offset: number
}

/**
 * What a run may spend, and what it has spent and set aside; null for no limit.
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  readonly tokens: { readonly spent: number; readonly limit: number } | null
  readonly costUsd: { readonly spent: number; readonly limit: number } | null
}

/**
 * The lines of the live region.
 * @category converting
 * @since 0.1.0
 */
export const frame = (state: State, view: View): ReadonlyArray<Line> => {
  const under = underWay(state)
  const footer = totals(state, under, view)
  const room = Math.max(0, Math.min(view.rows - 1, highest) - 1)
  const waits = waitLines(state, view, Math.min(3, room))
  const phases = state.phases.filter((phase) => phase.name !== null || phase.depth > 0 || countOf(phase) > 0)
  // a run without phases shows its calls and its totals, which say the same as its only phase would
  const shown = phases.length === 1 && phases[0]?.name === null ? [] : phases
  const left = Math.max(0, room - waits.length)
  const wanted = Math.min(under.count, mostCalls)
  const phaseLines = phasesIn(shown, Math.max(Math.ceil(left / 2), left - wanted))
  return [...phaseLines, ...calls(under, view, Math.min(left - phaseLines.length, mostCalls)), ...waits, footer]
}

/**
 * Counts of calls, those that are zero left out, as pieces with a mark each.
 * @category converting
 * @since 0.1.0
 */
export const countPieces = (counts: Counts): ReadonlyArray<Piece> =>
  marks.flatMap(([name, mark, style]): ReadonlyArray<Piece> =>
    counts[name] === 0 ? [] : [[`  ${mark} ${counts[name]}`, style]]
  )

/**
 * How long something lasts, short and without tenths.
 * @category converting
 * @since 0.1.0
 */
export const elapsed = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/**
 * A number with a unit where it is large: 950, 12.3k, 4.5M.
 * @category converting
 * @since 0.1.0
 */
export const large = (count: number): string => {
  if (count < 10_000) return String(count)
  return count < 999_950 ? `${(count / 1e3).toFixed(1)}k` : `${(count / 1e6).toFixed(2)}M`
}

/**
 * An amount of money, to the cent where it is dollars.
 * @category converting
 * @since 0.1.0
 */
export const money = (usd: number): string => usd >= 1 ? `$${usd.toFixed(2)}` : Format.usd(usd)

/**
 * A name for a call: its label, or its number.
 * @category converting
 * @since 0.1.0
 */
export const nameOf = (call: { readonly callId: string | null; readonly label: string | null }): string =>
  call.label ?? (call.callId === null ? "item" : call.callId.replace(/^.*_call_/, "call "))

/**
 * The phase's own name, under that of its workflow where it is a child run's.
 * @category converting
 * @since 0.1.0
 */
export const titleOf = ({ depth, name, workflow }: Pick<Phase, "workflow" | "name" | "depth">): string =>
  depth === 0 ? name ?? "(no phase)" : `${"  ".repeat(depth - 1)}${workflow}${name === null ? "" : ` › ${name}`}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Most rows a region takes, however high the terminal is: what scrolls above it is to be read too. */
const highest = 24

const mostCalls = 12

const marks: ReadonlyArray<readonly [Exclude<keyof Counts, "tokens" | "costUsd" | "unknownCosts">, string, Style]> = [
  ["running", "●", "active"],
  ["queued", "○", "dim"],
  ["waiting", "⏸", "warning"],
  ["done", "✓", "good"],
  ["replayed", "↺", "good"],
  ["hits", "=", "good"],
  ["degraded", "≈", "warning"],
  ["failed", "✗", "bad"],
  ["cancelled", "⊘", "dim"]
]

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

const countOf = (counts: Counts): number => marks.reduce((sum, [name]) => sum + counts[name], 0)

const isOpen = ({ queued, running, waiting }: Counts): boolean => queued + running + waiting > 0

// --- phases -------------------------------------------------------------------

const phasesIn = (phases: ReadonlyArray<Phase>, rows: number): ReadonlyArray<Line> => {
  if (phases.length <= rows) return phases.map(phaseLine(phases))
  if (rows === 0) return []
  // those at work first, then the newest of the others; in their own order
  const chosen = new Set(
    [...phases.filter(isOpen), ...phases.filter((phase) => !isOpen(phase)).toReversed()].slice(0, rows - 1)
  )
  const shown = phases.filter((phase) => chosen.has(phase))
  return [[[`  … ${phases.length - shown.length} more phases`, "dim"]], ...shown.map(phaseLine(shown))]
}

const phaseLine = (among: ReadonlyArray<Phase>) => {
  const columns = Math.min(32, Math.max(...among.map((phase) => Text.width(Text.clean(titleOf(phase))))))
  return (phase: Phase): Line => {
    const [mark, style] = markOf(phase)
    return [[`${mark} `, style], [Text.pad(Text.clean(titleOf(phase)), columns), "bold"], ...countPieces(phase)]
  }
}

const markOf = (phase: Phase): readonly [string, Style] => {
  if (phase.running + phase.queued > 0) return ["●", "active"]
  if (phase.waiting > 0) return ["⏸", "warning"]
  if (phase.failed > 0) return ["✗", "bad"]
  if (countOf(phase) === 0) return ["·", "dim"]
  return phase.replayed === countOf(phase) ? ["↺", "good"] : ["✓", "good"]
}

// --- calls --------------------------------------------------------------------

interface UnderWay {
  /** The first of them; no more are ever shown. */
  readonly first: ReadonlyArray<Open>
  /** How many there are, queued ones aside. */
  readonly count: number
  /** What requests under way reported. */
  readonly tokens: number
  readonly costUsd: number
}

/** What there is to say of calls under way, found by looking at each of them once. */
const underWay = ({ open }: State): UnderWay => {
  const first: Array<Open> = []
  let [count, tokens, costUsd] = [0, 0, 0]
  for (const call of open.values()) {
    if (call.state === "queued") continue
    if (count++ < mostCalls) first.push(call)
    if (call.used === undefined) continue
    tokens += call.used.tokens
    costUsd += call.used.costUsd ?? 0
  }
  return { first, count, tokens, costUsd }
}

const calls = ({ count, first }: UnderWay, view: View, rows: number): ReadonlyArray<Line> => {
  if (count === 0 || rows <= 0) return []
  const shown = count <= rows ? first : first.slice(0, rows - 1)
  const names = shown.map(({ call }) => Text.clean(nameOf(call)))
  const models = shown.map(({ call }) => Text.clean(`${call.provider}:${call.model}`))
  const nameColumns = Math.min(widest(names), Math.max(8, Math.floor(view.columns * 0.4)))
  const modelColumns = modelsIn(view.columns, nameColumns, widest(models))
  const lines = shown.map((call, at): Line => [
    ["  "],
    call.state === "running"
      ? [`${spinner[(view.frame + at) % spinner.length]} `, "active"]
      : [call.pause?.isRetry === true ? "↻ " : "⏸ ", "warning"],
    [Text.pad(names[at] ?? "", nameColumns)],
    ...(modelColumns === 0 ? [] : [["  "], [Text.pad(models[at] ?? "", modelColumns), "dim"]] as const),
    ...detail(call, view)
  ])
  return count === shown.length ? lines : [...lines, [[`    … and ${count - shown.length} more`, "dim"]]]
}

/** Columns for the models: how long a call takes and what it waits for say more, and on a narrow screen have their place. */
const modelsIn = (columns: number, names: number, wanted: number): number => {
  const room = Math.min(Math.floor(columns * 0.25), columns - names - forDetail)
  return room < Math.min(wanted, 12) ? 0 : Math.min(wanted, room)
}

/** Columns of a call's line beside its name and model. */
const forDetail = 30

const widest = (texts: ReadonlyArray<string>): number => Math.max(0, ...texts.map(Text.width))

const detail = (open: Open, view: View): Line => {
  const { attempt, pause, since, used } = open
  const spent: Line = [
    [`  ${elapsed(view.now - since)}`],
    ...(attempt > 1 && pause === undefined ? [[`  try ${attempt}`, "warning"] as const] : []),
    ...(used === undefined ? [] : [[`  ${large(used.tokens)} tokens`] as const]),
    ...(used === undefined || used.costUsd === null ? [] : [[`  ${money(used.costUsd)}`] as const])
  ]
  if (pause === undefined) return spent
  const until = pause.until === null
    ? pause.isRetry ? `  try ${attempt + 1} follows: ` : "  waits: "
    : pause.isRetry
    ? `  try ${attempt + 1} in ${elapsed(pause.until - view.now + 999)}: `
    : `  ${untilText(pause.until, view)}: `
  return [...spent, [until, "warning"], [Text.fit(Text.clean(pause.why), 200), "dim"]]
}

// --- waits --------------------------------------------------------------------

const waitLines = (state: State, view: View, rows: number): ReadonlyArray<Line> => {
  const waits = [...state.waits.values()].filter(({ until }) => until === null || until > view.now)
  const shown = waits.length <= rows ? waits : waits.slice(0, Math.max(0, rows - 1))
  const lines = shown.map((wait): Line => {
    const text = waitText(wait, view)
    // half a command is of no use to anybody
    const fits = 2 + Text.width(Text.clean(text + wait.answer)) <= view.columns
    return [["⏸ ", "warning"], [text], [fits ? wait.answer : "", "dim"]]
  })
  return waits.length === shown.length || rows <= 0
    ? lines
    : [...lines, [[`  … ${waits.length - shown.length} more waits`, "dim"]]]
}

const waitText = ({ text, until }: Wait, view: View): string =>
  until === null ? text : `${text.replace(/,? ?until \d{4}-\d\d-\d\dT[\d:.]+Z/, "")} ${untilText(until, view)}`

/** The local time, with the day where it is another one, and how far off that is. */
const untilText = (until: number, { now, offset }: View): string => {
  const local = (moment: number) => new Date(moment + offset * 60_000).toISOString()
  const at = local(until)
  const day = at.slice(0, 10) === local(now).slice(0, 10) ? "" : `${at.slice(0, 10)} `
  return `until ${day}${at.slice(11, 16)} (in ${elapsed(until - now + 999)})`
}

// --- totals -------------------------------------------------------------------

/** What matters most comes first: where not all fits, what comes later is left out. */
const totals = (state: State, under: UnderWay, view: View): Line => {
  const { total } = state
  const since = state.root?.at ?? view.now
  const parts: ReadonlyArray<ReadonlyArray<Piece>> = [
    [[elapsed((state.endedAt ?? view.now) - since), "bold"]],
    ...budgetPieces(view.budget, view.columns >= wide),
    [[costText(total.costUsd + under.costUsd, total.unknownCosts)]],
    ...placesOf(total),
    [[`${large(total.tokens + under.tokens)} tokens`]],
    ended(total)
  ]
  const line: Array<Piece> = [["─ ", "dim"]]
  const add = (part: ReadonlyArray<Piece>): boolean => {
    const separated: Line = line.length === 1 ? part : [[" · ", "dim"], ...part]
    const fits = LineText.width(line) + LineText.width(separated) <= view.columns
    if (fits) line.push(...separated)
    return fits
  }
  for (const part of parts) add(part)
  if (total.hits + total.replayed > 0 && !add([[savedText(state, total), "good"]])) {
    const { kept, saved } = state
    add([[`saved ${worth({ tokens: saved.tokens + kept.tokens, costUsd: saved.costUsd + kept.costUsd })}`, "good"]])
  }
  return line
}

const placesOf = ({ queued, running, waiting }: Counts): ReadonlyArray<ReadonlyArray<Piece>> => {
  const parts = [[running, "running"], [waiting, "waiting"], [queued, "queued"]] as const
  const told = parts.flatMap(([count, what]) => count === 0 ? [] : [`${count} ${what}`])
  return told.length === 0 ? [] : [[[told.join(", "), "active"]]]
}

const ended = (total: Counts): ReadonlyArray<Piece> => [
  [`${total.done + total.replayed + total.hits + total.degraded + total.failed + total.cancelled} ended`],
  ...(total.failed === 0 ? [] : [[`, ${total.failed} failed`, "bad"] as const])
]

const budgetPieces = (budget: Budget | undefined, hasBar: boolean): ReadonlyArray<ReadonlyArray<Piece>> => {
  const { costUsd = null, tokens = null } = budget ?? {}
  return [
    ...(costUsd === null ? [] : [spentOf(costUsd, money(costUsd.limit), hasBar)]),
    ...(tokens === null ? [] : [spentOf(tokens, `${large(tokens.limit)} tokens`, hasBar)])
  ]
}

/** From so many columns on, budgets are drawn as bars too. */
const wide = 100

const spentOf = (
  { limit, spent }: { readonly spent: number; readonly limit: number },
  of: string,
  hasBar: boolean
): ReadonlyArray<Piece> => {
  const share = limit <= 0 ? 1 : Math.min(1, spent / limit)
  const full = Math.round(share * 10)
  const style = share >= 0.9 ? "bad" : share >= 0.7 ? "warning" : "good"
  const percent = `${Math.floor(share * 100)} %`
  const said: Line = hasBar
    ? [["█".repeat(full), style], ["░".repeat(10 - full), "dim"], [` ${percent}`]]
    : [[percent, style]]
  return [["budget "], ...said, [` of ${of}`]]
}

/**
 * A sum of costs, and that it is not all.
 * @category converting
 * @since 0.1.0
 */
export const costText = (known: number, unknown: number): string =>
  unknown === 0 ? money(known) : known === 0 ? "cost unknown" : `${money(known)} and more`

/**
 * What was not paid for again, and why.
 * @category converting
 * @since 0.1.0
 */
export const savedText = ({ kept, saved }: State, total: Counts): string => {
  const parts = [
    ...(total.hits === 0 ? [] : [`${total.hits} from cache saved ${worth(saved)}`]),
    ...(total.replayed === 0 ? [] : [`${total.replayed} kept from before (${worth(kept)})`])
  ]
  return parts.join(", ")
}

/** Money where any is known of, else what it is paid for. */
const worth = ({ costUsd, tokens }: State["saved"]): string => costUsd > 0 ? money(costUsd) : `${large(tokens)} tokens`
