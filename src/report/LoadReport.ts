/**
 * Reads everything about a run once and decodes it; `LoadSlice` reads parts of it. Nothing else that shows a run asks the
 * store.
 *
 * A handful of statements, whatever the number of calls and of runs below the run. They are not one transaction: a report
 * of a live run may know a request more or less of a call than its state says.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Answered, Asked } from "../cache/Explain.ts"
import * as Explain from "../cache/Explain.ts"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Limits, Recorded, RecordedCall } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import type { RunNotFound, StoreError } from "../store/RunStore.ts"
import { RunStore } from "../store/RunStore.ts"
import * as Calls from "./Calls.ts"
import * as Commands from "./Commands.ts"
import * as Facts from "./Facts.ts"
import type { RunFacts, RunReport } from "./RunReport.ts"
import * as Summary from "./Summary.ts"
import * as Waits from "./Waits.ts"

/**
 * How a report is made.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The version of this program. */
  readonly owfVersion: string
  /** How commands name the home; undefined where it is the one they find without being told. */
  readonly home?: string | undefined
  readonly limits?: Partial<Limits> | undefined
}

/**
 * What a report holds at most: 64 KiB of a text, 16 MiB of texts, 5,000 events.
 * @category models
 * @since 0.1.0
 */
export const limits: Limits = { text: 65_536, total: 16_777_216, events: 5_000 }

/**
 * Everything about a run, named by its id, an unambiguous beginning of it, an alias, or `latest`.
 * @category running
 * @since 0.1.0
 */
export const load = (
  id: string,
  options: Options
): Effect.Effect<RunReport, StoreError | RunNotFound, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const root = yield* store.run(id)
    const family = Facts.belowOf(root, yield* store.family(root.rootRunId))
    const recorded = yield* store.recorded(family.map((run) => run.id), { ...limits, ...options.limits })
    const approvals = yield* store.approvals(root.rootRunId)
    return make({
      generatedAt: yield* Clock.currentTimeMillis,
      options,
      home: store.home,
      directory: Facts.directoryOf(store.home, root.id),
      family,
      recorded,
      approvals,
      explanations: yield* explanationsOf(family, recorded.calls)
    })
  }).pipe(Effect.withSpan("LoadReport.load"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Parts {
  readonly generatedAt: number
  readonly options: Options
  readonly home: string
  readonly directory: string
  readonly family: ReadonlyArray<Records.Run>
  readonly recorded: Recorded
  readonly approvals: ReadonlyArray<Records.Approval>
  readonly explanations: Calls.Known["explanations"]
}

const make = (parts: Parts): RunReport => {
  const { directory, family, generatedAt: now, home, options, recorded } = parts
  const runs = family.map((run) => Facts.runOf(run, recorded.events, options.home, limits.text))
  const order = new Map(runs.map(({ id }, at) => [id, at]))
  const inOrder = (a: { readonly runId: RunId }, b: { readonly runId: RunId }): number =>
    (order.get(a.runId) ?? 0) - (order.get(b.runId) ?? 0)
  // the run that was asked for comes first, whatever is below it
  const [run] = runs as [RunFacts]
  const waits = Waits.make(recorded, new Map(runs.map(({ completedAt, id }) => [id, completedAt])), now)
  const calls = Calls.make(recorded, { explanations: parts.explanations, waits: Calls.grouped(waits) }).toSorted(
    inOrder
  )
  const totals = Summary.totals(run, runs, calls, now)
  return {
    version: 1,
    generatedAt: now,
    owfVersion: options.owfVersion,
    home,
    directory,
    run,
    runs,
    phases: Summary.phases(runs, calls, recorded.events),
    calls,
    waits,
    usage: Summary.usages(calls),
    own: Summary.sums(calls.filter(({ runId }) => runId === run.id)),
    totals,
    events: recorded.events.map(Facts.eventOf).toSorted((a, b) => a.at - b.at || inOrder(a, b) || a.id - b.id),
    approvals: Facts.approvalsOf(parts.approvals, runs),
    warnings: Summary.warnings(recorded, calls, totals),
    omitted: { events: recorded.omittedEvents, texts: cutTexts(calls), textLimit: recorded.textLimit },
    commands: Commands.make(run, options.home)
  }
}

/** Earlier calls to compare with; the newest are the ones people mean. */
const earlier = 5_000

/** Runs of one workflow are explained one after the other, so that each is compared with those before it. */
const explanationsOf = (
  family: ReadonlyArray<Records.Run>,
  calls: ReadonlyArray<RecordedCall>
): Effect.Effect<Calls.Known["explanations"], StoreError, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const byRun = Calls.groupedBy(calls, ({ runId }) => runId)
    const explained = new Map<CallId, Pick<Explain.Explanation, "reason" | "differs" | "nearest">>()
    const workflows = Calls.groupedBy(
      family.toSorted((a, b) => a.id < b.id ? -1 : 1),
      ({ workflowName }) => workflowName
    )
    for (const [, runs] of workflows) {
      const first = runs.find(({ id }) => byRun.has(id))
      if (first === undefined) continue
      const explain = Explain.explainer(yield* store.earlierCalls(first.id, earlier))
      for (const { id } of runs) {
        for (const { call, differs, nearest, reason } of explain((byRun.get(id) ?? []).map(comparable))) {
          explained.set(call.id, { reason, differs, nearest })
        }
      }
    }
    return explained
  })

const comparable = (call: RecordedCall): Answered & Asked => ({
  id: call.id,
  callKey: call.callKey,
  cacheKey: call.cacheKey,
  ordinal: call.ordinal,
  label: call.label,
  position: call.position,
  prompt: call.promptSha256,
  optsJson: call.optsJson,
  status: call.status,
  cachePolicy: call.cachePolicy,
  cacheStatus: call.cacheStatus,
  sourceCallId: call.sourceCallId,
  errorKind: call.errorKind,
  isolation: call.isolation
})

const cutTexts = (calls: RunReport["calls"]): number => {
  let texts = 0
  for (const { attempts, outputJson, outputText, patch, prompt, system } of calls) {
    for (const text of [prompt, system, outputText, outputJson, patch, ...attempts.map(({ raw }) => raw)]) {
      if (text?.isCut === true) texts++
    }
  }
  return texts
}
