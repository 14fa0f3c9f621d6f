/**
 * Parts of the model, for what shows less than all of it.
 *
 * - D1. A slice is read in as few statements as it takes: what is looked at every moment does not read what is looked at
 *   once.
 * - D2. Nothing is decoded or derived here: a slice is made by what makes the whole, so both say the same.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunId } from "../domain/Ids.ts"
import type { RunNotFound, StoreError, UsageQuery } from "../store/RunStore.ts"
import { RunStore } from "../store/RunStore.ts"
import * as Calls from "./Calls.ts"
import * as Commands from "./Commands.ts"
import * as Facts from "./Facts.ts"
import { limits } from "./LoadReport.ts"
import type { CallLine, EventReport, RunFacts, RunLines, RunState, UsageReport, WholeCall } from "./RunReport.ts"
import * as Summary from "./Summary.ts"
import * as Waits from "./Waits.ts"

/**
 * How a slice is made.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How commands name the home; undefined where it is the one they find without being told. */
  readonly home?: string | undefined
  /** Whether texts of runs come whole, for programs; they are cut for people. */
  readonly isWhole?: boolean | undefined
}

/**
 * A run as far as its own record says, named by its id, an unambiguous beginning of it, an alias, or `latest`.
 * @category running
 * @since 0.1.0
 */
export const run = (id: string, options: Options = {}): Effect.Effect<RunState, StoreError | RunNotFound, RunStore> =>
  Effect.flatMap(RunStore, (store) => Effect.map(store.run(id), (run) => Facts.stateOf(run, ...formOf(options))))

/**
 * A root run and the runs below it, oldest first.
 * @category running
 * @since 0.1.0
 */
export const family = (
  rootRunId: RunId,
  options: Options = {}
): Effect.Effect<ReadonlyArray<RunState>, StoreError, RunStore> =>
  Effect.flatMap(
    RunStore,
    (store) => Effect.map(store.family(rootRunId), (runs) => runs.map((run) => Facts.stateOf(run, ...formOf(options))))
  )

/**
 * What a graph said when it ended; undefined for one that says nothing.
 * @category running
 * @since 0.1.0
 */
export const message = (id: RunId): Effect.Effect<string | undefined, StoreError, RunStore> =>
  Effect.flatMap(RunStore, ({ events }) =>
    // one for each attempt that came to its end, of which there are few
    Effect.map(events(id, { type: "end" }), (ends) => ends.at(-1)?.message))

/**
 * Where a run stands, with a line for each of its calls and of those of the runs below it.
 * @category running
 * @since 0.1.0
 */
export const standing = (
  id: string,
  options: Options = {}
): Effect.Effect<RunLines, StoreError | RunNotFound, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const root = yield* store.run(id)
    const family = Facts.belowOf(root, yield* store.family(root.rootRunId))
    const rows = yield* store.standing(family.map((run) => run.id))
    const approvals = yield* store.approvals(root.rootRunId)
    const now = yield* Clock.currentTimeMillis
    const runs = family.map((run) => Facts.runOf(run, rows.events, ...formOf(options)))
    // the run that was asked for comes first, whatever is below it
    const [run] = runs as [RunFacts]
    const waits = Waits.make(rows, new Map(runs.map(({ completedAt, id }) => [id, completedAt])), now)
    const order = new Map(runs.map(({ id }, at) => [id, at]))
    const calls = Calls.lines(rows, Calls.grouped(waits)).toSorted((a, b) =>
      (order.get(a.runId) ?? 0) - (order.get(b.runId) ?? 0)
    )
    return {
      generatedAt: now,
      directory: Facts.directoryOf(store.home, run.id),
      run,
      runs,
      calls,
      waits,
      own: Summary.sums(calls.filter(({ runId }) => runId === run.id)),
      approvals: Facts.approvalsOf(approvals, runs),
      commands: Commands.make(run, options.home)
    }
  }).pipe(Effect.withSpan("LoadSlice.standing"))

/**
 * What happened in a run after an event, and the calls it happened to, those under way included.
 * @category running
 * @since 0.1.0
 */
export const changes = (
  id: RunId,
  after: number
): Effect.Effect<
  { readonly calls: ReadonlyArray<CallLine>; readonly events: ReadonlyArray<EventReport> },
  StoreError,
  RunStore
> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const rows = yield* store.standingAfter(id, after)
    return { calls: Calls.lines(rows, Calls.grouped(Waits.ofCalls(rows))), events: rows.events.map(Facts.eventOf) }
  })

/**
 * The calls of a run with all that is recorded of them.
 * @category running
 * @since 0.1.0
 */
export const calls = (id: RunId): Effect.Effect<ReadonlyArray<WholeCall>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) => Effect.map(store.whole(id), Calls.whole))

/**
 * A call with all that is recorded of it.
 * @category running
 * @since 0.1.0
 */
export const call = (id: RunId, index: number): Effect.Effect<Option.Option<WholeCall>, StoreError, RunStore> =>
  Effect.flatMap(
    RunStore,
    (store) => Effect.map(store.whole(id, index), (rows) => Option.fromNullable(Calls.whole(rows)[0]))
  )

/**
 * Events of a run in their order.
 * @category running
 * @since 0.1.0
 */
export const events = (
  id: RunId,
  options: {
    readonly after?: number | undefined
    readonly limit?: number | undefined
    readonly type?: string | undefined
  } = {}
): Effect.Effect<ReadonlyArray<EventReport>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) => Effect.map(store.events(id, options), (events) => events.map(Facts.eventOf)))

/**
 * What calls used; the database adds up what may be all runs of a home.
 * @category running
 * @since 0.1.0
 */
export const usage = (query: UsageQuery): Effect.Effect<UsageReport, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) => Effect.map(store.usage(query), (groups) => usageOf(query, groups)))

/**
 * What groups of calls used, as it is reported.
 * @category constructors
 * @since 0.1.0
 */
export const usageOf = ({ by, run, since }: UsageQuery, groups: UsageReport["groups"]): UsageReport => ({
  by,
  since: since ?? null,
  runId: run ?? null,
  groups,
  total: Summary.totalOf(groups)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const formOf = ({ home, isWhole = false }: Options): readonly [home: string | undefined, limit: number] => [
  home,
  isWhole ? Infinity : limits.text
]
