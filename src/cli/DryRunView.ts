/**
 * What a run would come to, as JSON and as text: its calls by run and phase, and what they are estimated to use.
 */
import * as Format from "./Format.ts"

/**
 * What calls are estimated to use; a cost is null where the price of a model is not known.
 * @category models
 * @since 0.1.0
 */
export interface Estimate {
  readonly calls: number
  /** Requests to providers; calls that are refused or answered by the cache send none. */
  readonly requests: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
  /** What the requests may cost at most, as it is reserved of a budget. */
  readonly cost_usd_at_most: number | null
}

/**
 * A call that would be made.
 * @category models
 * @since 0.1.0
 */
export interface PlannedCall extends Omit<Estimate, "calls"> {
  readonly index: number
  readonly label: string | null
  readonly phase: string | null
  readonly provider: string
  readonly model: string
  readonly isolation: string
  readonly status: string
  readonly cache_status: string
  readonly error: string | null
}

/**
 * A run that would be made, and those below it.
 * @category models
 * @since 0.1.0
 */
export interface PlannedRun {
  readonly workflow: string
  readonly status: string
  readonly calls: ReadonlyArray<PlannedCall>
  readonly children: ReadonlyArray<PlannedRun>
}

/**
 * What a run would come to.
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly script_path: string
  readonly script_hash: string
  /** What the workflow declares, as `owf validate` shows it. */
  readonly workflow: Readonly<Record<string, unknown>>
  /** The arguments with their defaults. */
  readonly args: unknown
  readonly provider: string
  readonly model: string | null
  /** `done` or `degraded`; `failed`, or `stopped` at a bound of the dry run, with why. */
  readonly status: string
  readonly error: { readonly kind: string; readonly message: string } | null
  readonly phases: ReadonlyArray<Estimate & { readonly phase: string | null }>
  readonly models: ReadonlyArray<Estimate & { readonly provider: string; readonly model: string }>
  readonly totals: Estimate
  readonly tree: PlannedRun
  /** Tokens every answer was taken to have. */
  readonly assumed_output_tokens: number
  /** What to know of these figures. */
  readonly notes: ReadonlyArray<string>
}

/**
 * A plan as lines for people.
 * @category converting
 * @since 0.1.0
 */
export const render = (plan: Plan): string => {
  const { workflow } = plan
  const provider = plan.model === null ? plan.provider : `${plan.provider}:${plan.model}`
  return [
    `${String(workflow["name"])}: ${counted(plan.totals)}, provider ${provider}`,
    ...(typeof workflow["description"] === "string" ? [workflow["description"]] : []),
    `args: ${JSON.stringify(plan.args)}`,
    "",
    ...treeLines(plan.tree, ""),
    "",
    Format.table([
      ...plan.models.map((one) => [`${one.provider}:${one.model}`, ...columns(one)]),
      ...(plan.models.length === 1 ? [] : [["total", ...columns(plan.totals)]])
    ]),
    ...(plan.error === null ? [] : ["", `${plan.status}: ${plan.error.message}`]),
    "",
    ...plan.notes.map((note) => `note: ${note}`)
  ].join("\n").trimEnd()
}

/**
 * The sum of what calls are estimated to use.
 * @category combinators
 * @since 0.1.0
 */
export const sum = (calls: ReadonlyArray<Omit<Estimate, "calls">>): Estimate => ({
  calls: calls.length,
  requests: total(calls.map(({ requests }) => requests)),
  input_tokens: total(calls.map(({ input_tokens: tokens }) => tokens)),
  output_tokens: total(calls.map(({ output_tokens: tokens }) => tokens)),
  cost_usd: totalCost(calls.map(({ cost_usd: cost }) => cost)),
  cost_usd_at_most: totalCost(calls.map(({ cost_usd_at_most: cost }) => cost))
})

/**
 * Calls by something they have in common, in the order in which it is first met.
 * @category converting
 * @since 0.1.0
 */
export const groupBy = <A, K>(items: ReadonlyArray<A>, key: (item: A) => K): ReadonlyMap<K, ReadonlyArray<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return groups
}

/**
 * The calls of a run and of those below it.
 * @category converting
 * @since 0.1.0
 */
export const callsOf = ({ calls, children }: PlannedRun): ReadonlyArray<PlannedCall> => [
  ...calls,
  ...children.flatMap(callsOf)
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const total = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, number) => sum + number, 0)

/** In billionths, so that sums are exact. */
const totalCost = (costs: ReadonlyArray<number | null>): number | null =>
  costs.includes(null) ? null : total(costs.map((cost) => Math.round((cost ?? 0) * 1e9))) / 1e9

/** Calls of a phase that are shown one by one. */
const shownCalls = 12

const treeLines = (run: PlannedRun, indent: string): ReadonlyArray<string> => {
  const phases = groupBy(run.calls, ({ phase }) => phase)
  const ended = run.status === "done" ? "" : ` (${run.status})`
  return [
    `${indent}${run.workflow}${ended}`,
    ...[...phases].flatMap(([phase, calls]) => phaseLines(phase, calls, `${indent}  `)),
    ...run.children.flatMap((child) => treeLines(child, `${indent}  `))
  ]
}

const phaseLines = (phase: string | null, calls: ReadonlyArray<PlannedCall>, indent: string): ReadonlyArray<string> => {
  const inner = phase === null ? indent : `${indent}  `
  const rows = calls.slice(0, shownCalls).map((call) => [
    `${inner}${call.status === "done" ? "✓" : "✗"} ${Format.clip(call.label ?? Format.callNumber(call.index), 40)}`,
    `${call.provider}:${call.model}${call.isolation === "none" ? "" : `, ${call.isolation}`}`,
    call.requests === 0 ? call.error === null ? `answered by the cache` : Format.clip(call.error, 60) : used(call)
  ])
  return [
    ...(phase === null ? [] : [`${indent}${phase}: ${counted(sum(calls))}`]),
    ...(rows.length === 0 ? [] : Format.table(rows).split("\n")),
    ...(calls.length > shownCalls ? [`${inner}… and ${calls.length - shownCalls} more`] : [])
  ]
}

const counted = ({ calls, requests }: Estimate): string => {
  const some = `${calls} call${calls === 1 ? "" : "s"}`
  return requests === calls ? some : `${some}, ${requests} request${requests === 1 ? "" : "s"}`
}

const columns = (estimate: Estimate): ReadonlyArray<string> => [
  counted(estimate),
  used(estimate),
  estimate.cost_usd_at_most === null || estimate.cost_usd_at_most === 0
    ? ""
    : `at most ${Format.usd(estimate.cost_usd_at_most)}`
]

const used = (one: Omit<Estimate, "calls">): string =>
  `about ${one.input_tokens} in, ${one.output_tokens} out, ${Format.usd(one.cost_usd)}`
