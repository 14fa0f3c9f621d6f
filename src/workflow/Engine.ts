/**
 * Turns a program into a run: starts it, takes it up again, ends it.
 *
 * - E1. A run exists in the store before its body begins, and its end is stored before its result is given.
 * - E2. A run that is interrupted, runs out of budget or loses its process can be taken up again under the same id; what
 *   it completed is answered from its journal.
 * - E3. When the store cannot be written, or another process took the run over, the body is interrupted and nothing
 *   further is sent.
 * - E4. A child run has rows of its own and its parent's home, ownership and budget.
 * - E5. Requests at the same time are bounded by what a provider bears, over all runs and engines of the process that share
 *   the provider, children included; nothing else bounds them.
 *
 * What a program is made of is in `Workflow`; what its calls do is in `Call`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Budget from "../budget/Budget.ts"
import { Fingerprint } from "../cache/Fingerprint.ts"
import * as CallKey from "../domain/CallKey.ts"
import type { RunId } from "../domain/Ids.ts"
import * as Ids from "../domain/Ids.ts"
import type { CachePolicy, RunStatus } from "../domain/Status.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import * as Permits from "../internal/permits.ts"
import type { Provider } from "../provider/Provider.ts"
import { Providers } from "../provider/Provider.ts"
import { FailPoint } from "../store/FailPoint.ts"
import { RunFiles } from "../store/RunFiles.ts"
import type { Journal, WriteError } from "../store/RunStore.ts"
import { RunStore } from "../store/RunStore.ts"
import { Worktree } from "../worktree/Worktree.ts"
import * as Call from "./Call.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Degrading from "./Degrading.ts"
import * as Described from "./Described.ts"
import * as Ending from "./Ending.ts"
import type { Defaults } from "./EngineConfig.ts"
import { EngineConfig } from "./EngineConfig.ts"
import * as Lines from "./Lines.ts"
import * as Memory from "./Memory.ts"
import type { Observer } from "./Observer.ts"
import * as Position from "./Position.ts"
import * as Recall from "./Recall.ts"
import type { Policy } from "./RecoveryPolicy.ts"
import * as Replay from "./Replay.ts"
import type { ChildPlace } from "./Run.ts"
import { Run } from "./Run.ts"
import * as RunBudget from "./RunBudget.ts"
import { currentPhase } from "./Verbs.ts"
import type { WorkflowError } from "./WorkflowError.ts"
import { NestingTooDeep } from "./WorkflowError.ts"

/**
 * What the engine runs: a body whose only requirement is its run, and how to write its output down.
 * @category models
 * @since 0.1.0
 */
export interface Program<A, E> {
  readonly name: string
  readonly description: string | undefined
  /** Most a run of it may spend where it is not told otherwise. */
  readonly budget?: Budget.Limits | undefined
  /** Canonical JSON of the encoded arguments. */
  readonly argsJson: string
  readonly body: Effect.Effect<A, E, Run>
  /** Canonical JSON of the encoded output. */
  readonly encode: (output: A) => Either.Either<string, WorkflowError>
  /** Told what the calls do while they are under way; a child run is watched by its own program's. */
  readonly observer?: Observer | undefined
}

/**
 * What may be said about one run; what is left out is the engine's default.
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly cachePolicy?: CachePolicy | undefined
  readonly budget?: Partial<Budget.Limits> | undefined
  /** The file the workflow was loaded from. */
  readonly script?: { readonly path: string; readonly hash: string } | undefined
  /** How calls go on after a failure where they do not say so themselves. Not stored: said again when a run is resumed. */
  readonly recover?: Policy | undefined
  /** Fails calls instead of letting declared values stand in for their answers. Not stored either. */
  readonly strict?: boolean | undefined
  /** Makes completed calls that may change files again when the run is resumed, also where what they left still stands. */
  readonly rerunMutating?: boolean | undefined
  /** A name the run has as long as no other takes it; starting a second run under it fails. */
  readonly alias?: string | undefined
}

/**
 * How an attempt of a run ended; the run can be looked up in the store by its id.
 * @category models
 * @since 0.1.0
 */
export interface RunResult<A, E> {
  readonly runId: RunId
  readonly attempt: number
  readonly status: RunStatus
  /** Absolute path of the run's directory. */
  readonly directory: string
  /** Canonical JSON of the output; null when there is none. */
  readonly outputJson: string | null
  readonly exit: Exit.Exit<A, E | WorkflowError>
}

/**
 * Turns programs into runs.
 * @category services
 * @since 0.1.0
 */
export class Engine extends Context.Tag("owf/Engine")<Engine, {
  /** Starts a run of a program; as a child of `parent` when there is one. Fails only when the run could not be started. */
  readonly start: <A, E>(
    program: Program<A, E>,
    options: RunOptions,
    parent: Option.Option<Run["Type"]>
  ) => Effect.Effect<RunResult<A, E>, WorkflowError>
  /** Takes a root run up again with the program it was a run of. */
  readonly resume: <A, E>(
    id: RunId,
    program: Program<A, E>,
    options: RunOptions
  ) => Effect.Effect<RunResult<A, E>, WorkflowError>
}>() {}

/**
 * Engine over the ports it needs; runs end before the layer is released.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Engine, never, RunStore | RunFiles | Providers | Fingerprint | Worktree> = Layer.scoped(
  Engine,
  Effect.suspend(() => make)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Ports {
  readonly store: RunStore["Type"]
  readonly files: RunFiles["Type"]
  readonly providers: Providers["Type"]
  readonly fingerprint: Fingerprint["Type"]
  readonly worktree: Worktree["Type"]
  readonly failPoint: FailPoint["Type"]
  readonly config: Defaults
  readonly lines: Lines.Lines
  /** Runs an effect beside the runs; the engine's release waits for it. */
  readonly behind: (effect: Effect.Effect<void>) => Effect.Effect<void>
}

const make = Effect.gen(function*() {
  const background = yield* Effect.acquireRelease(FiberSet.make<void>(), FiberSet.awaitEmpty)
  const ports: Ports = {
    store: yield* RunStore,
    files: yield* RunFiles,
    providers: yield* Providers,
    fingerprint: yield* Fingerprint,
    worktree: yield* Worktree,
    failPoint: yield* FailPoint,
    config: yield* EngineConfig,
    lines: Lines.make(),
    behind: (effect) => Effect.asVoid(FiberSet.run(background, effect))
  }
  return Engine.of({
    start: Effect.fn("Engine.start")(function*(program, options, parent) {
      return yield* Option.match(parent, {
        onNone: () => root(ports, program, options),
        onSome: (run) => child(ports, program, run)
      })
    }),
    resume: Effect.fn("Engine.resume")(function*(id, program, options) {
      yield* checkProvider(ports, options.provider)
      return yield* owned(ports, program, settingsOf(ports, options), (at) =>
        ports.store.acquire(id, {
          provider: options.provider,
          model: options.model,
          budget: options.budget,
          scriptHash: options.script?.hash,
          at
        }))
    })
  })
})

// by the provider itself and not by engine, so that what a provider bears is shared by every run of the process that asks
// the same instance; a registry has one instance for each name
const rooms = new WeakMap<Provider, Permits.Permits>()

const permits = (provider: Provider): Permits.Permits | undefined => {
  const { concurrency } = provider.capabilities
  if (concurrency === undefined) return undefined
  const known = rooms.get(provider)
  if (known !== undefined) return known
  const room = Permits.make(concurrency)
  rooms.set(provider, room)
  return room
}

const checkProvider = (ports: Ports, name: string | undefined) =>
  name === undefined ? Effect.void : Effect.asVoid(ports.providers.get(name))

const root = <A, E>(
  ports: Ports,
  program: Program<A, E>,
  options: RunOptions
): Effect.Effect<RunResult<A, E>, WorkflowError> =>
  Effect.gen(function*() {
    const provider = yield* ports.providers.get(options.provider ?? ports.config.provider)
    const model = options.model ?? ports.config.model
    const budget = RunBudget.ofRoot(ports.config.budget, program.budget, options.budget)
    yield* RunBudget.checkPrice(provider, model, budget)
    const id = yield* Ids.makeRunId
    return yield* owned(ports, program, settingsOf(ports, options), (at) =>
      ports.store.create({
        id,
        parent: null,
        depth: 0,
        workflowName: program.name,
        workflowDescription: program.description ?? null,
        scriptPath: options.script?.path ?? null,
        scriptHash: options.script?.hash ?? null,
        alias: options.alias ?? null,
        argsJson: program.argsJson,
        provider: provider.name,
        model: model ?? null,
        cachePolicy: options.cachePolicy ?? ports.config.cachePolicy,
        budget,
        at
      }, null))
  })

/** Runs a root program in the journal that `open` gives, under an ownership of its own. */
const owned = <A, E, E2 extends WorkflowError>(
  ports: Ports,
  program: Program<A, E>,
  settings: Degrading.Settings,
  open: (at: number) => Effect.Effect<Journal, E2>
): Effect.Effect<RunResult<A, E>, E2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const journal = yield* open(yield* Clock.currentTimeMillis)
      const broken = yield* Deferred.make<never, WriteError>()
      const budget = Budget.make({
        tokens: journal.run.budgetTotalTokens,
        cost: journal.run.budgetTotalCostUsd === null ? null : Ending.limitOf(journal.run.budgetTotalCostUsd)
      }, journal.spent)
      return yield* execute(ports, program, journal, settings, budget, broken, restore)
    })
  )

/** Runs a child program in its parent's ownership and budget (E4). */
const child = <A, E>(
  ports: Ports,
  program: Program<A, E>,
  parent: Run["Type"]
): Effect.Effect<RunResult<A, E>, WorkflowError> =>
  Effect.gen(function*() {
    const { broken, degraded, journal, ownership, recover, rerunMutating } = parent.inheritance
    const depth = journal.run.depth + 1
    if (depth > ports.config.maxDepth) {
      return yield* new NestingTooDeep({ workflow: program.name, limit: ports.config.maxDepth })
    }
    const position = yield* Position.path
    const childKey = CallKey.child(program.name, program.argsJson + (Position.isNamed(position) ? position : ""))
    const place = parent.inheritance.place(childKey)
    const id = place.recorded ?? (yield* Ids.makeRunId)
    const open = (at: number) =>
      place.recorded !== undefined
        ? ports.store.acquireChild(place.recorded, ownership, at)
        : ports.store.create({
          id,
          parent: { runId: parent.id, rootRunId: ownership.rootRunId, childKey, ordinal: place.ordinal },
          depth,
          workflowName: program.name,
          workflowDescription: program.description ?? null,
          scriptPath: journal.run.scriptPath,
          scriptHash: journal.run.scriptHash,
          argsJson: program.argsJson,
          provider: journal.run.provider,
          model: journal.run.model,
          cachePolicy: journal.run.cachePolicy,
          budget: { tokens: null, cost: null },
          at
        }, ownership)
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const opened = yield* open(yield* Clock.currentTimeMillis)
        const settings = { recover, rerunMutating, strict: parent.strict, above: degraded }
        const budget = RunBudget.ofChild(parent.budget, program.budget, opened.spentBelow)
        return yield* execute(ports, program, opened, settings, budget, broken, restore)
      })
    )
  })

const execute = <A, E>(
  ports: Ports,
  program: Program<A, E>,
  journal: Journal,
  settings: Degrading.Settings,
  budget: Budget.Budget,
  broken: Deferred.Deferred<never, WriteError>,
  restore: <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) => Effect.Effect<A2, E2, R2>
): Effect.Effect<RunResult<A, E>> =>
  Effect.gen(function*() {
    const replayed: Array<number> = []
    const clock = yield* Effect.clock
    const deadlines = Deadlines.make(clock)
    const { observer } = program
    const parts = { settings, budget, broken, replayed, clock, deadlines, observer }
    const { degrading, run } = context(ports, journal, parts)
    const directory = ports.files.directory(journal.run.id)
    const following = yield* Scope.make()
    yield* Scope.extend(ports.files.follow(journal.run.id), following)
    const began = journal.run.attempt === 1 ? "run_started" : "run_resumed"
    const body = Effect.zipRight(
      Effect.flatMap(originOf(ports, journal), (origin) => run.event(began, program.name, origin)),
      Effect.provideService(program.body, Run, run)
    ).pipe(
      Effect.locally(Position.current, Position.root()),
      Effect.locally(currentPhase, undefined)
    )
    const ended = yield* untilBroken(body, broken, restore)
    yield* deadlines.close
    const end = Ending.make(ended, program.encode, degrading.happened())
    const finished = yield* Effect.exit(finish(ports, journal, broken, end.outcome, replayed))
    yield* ports.behind(Scope.close(following, Exit.void))
    const known = { runId: journal.run.id, attempt: journal.run.attempt, directory }
    if (Exit.isFailure(finished) && journal.run.parentRunId === null) yield* ports.store.abandon(journal.ownership)
    // without a stored end the run is what the next process will find: interrupted
    return Exit.isFailure(finished)
      ? { ...known, status: "interrupted", outputJson: null, exit: Exit.failCause(finished.cause) }
      : { ...known, status: end.outcome.status, outputJson: end.outcome.outputJson, exit: end.exit }
  })

/**
 * Runs a body until it ends or `broken` fails. Nothing of it runs any more when this is done, also when it is
 * interrupted: a race by itself would be left at once, while the calls that were cut off are still being recorded.
 */
const untilBroken = <A, E>(
  body: Effect.Effect<A, E>,
  broken: Deferred.Deferred<never, WriteError>,
  restore: <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) => Effect.Effect<A2, E2, R2>
): Effect.Effect<Exit.Exit<A, E | WriteError>> =>
  Effect.flatMap(Effect.fork(restore(body)), (fiber) =>
    Effect.zipLeft(
      Effect.exit(restore(Effect.raceFirst(Fiber.join(fiber), Deferred.await(broken)))),
      Fiber.interrupt(fiber)
    ))

const finish = (
  ports: Ports,
  journal: Journal,
  broken: Deferred.Deferred<never, WriteError>,
  outcome: Ending.Ending<unknown, unknown>["outcome"],
  replayed: ReadonlyArray<number>
): Effect.Effect<void, WriteError> =>
  Effect.gen(function*() {
    if (yield* Deferred.isDone(broken)) return yield* Deferred.await(broken)
    const at = yield* Clock.currentTimeMillis
    yield* ports.store.finish(journal.ownership, { runId: journal.run.id, ...outcome, replayed, at })
  })

/** The run as its verbs see it. */
const context = (
  ports: Ports,
  journal: Journal,
  { broken, budget, clock, deadlines, observer, replayed, settings }: {
    readonly settings: Degrading.Settings
    readonly budget: Budget.Budget
    readonly broken: Deferred.Deferred<never, WriteError>
    readonly replayed: Array<number>
    readonly clock: Clock.Clock
    readonly deadlines: Deadlines.Deadlines
    readonly observer: Observer | undefined
  }
): { readonly run: Run["Type"]; readonly degrading: Degrading.Degrading } => {
  const { ownership, run } = journal
  // the body is interrupted by the failure of `broken`, wherever the caller of abort stands (E3)
  const abort = (error: WriteError): Effect.Effect<never> =>
    Effect.zipRight(Deferred.fail(broken, error), Effect.interruptible(Effect.never))
  const { recover, rerunMutating, strict } = settings
  const now = () => clock.unsafeCurrentTimeMillis()
  const degrading = Degrading.make({ settings, store: ports.store, ownership, now, abort })
  const event: Run["Type"]["event"] = (type, message, data) =>
    Effect.gen(function*() {
      const at = yield* Clock.currentTimeMillis
      const dataJson = data === undefined ? null : JSON.stringify(canonicalJson.toJson(data))
      const event = { runId: run.id, index: null, runAttempt: run.attempt, type, message, dataJson, at }
      yield* Effect.catchAll(ports.store.event(ownership, event), abort)
    })
  const made: Run["Type"] = {
    id: run.id,
    attempt: run.attempt,
    strict,
    degrade: degrading.degrade,
    createdAt: Date.parse(run.createdAt),
    ...Memory.make({ run, store: ports.store, event, abort }),
    directory: ports.files.directory(run.id),
    budget,
    call: Call.make({
      run,
      ownership,
      store: ports.store,
      providers: Described.remember(ports.providers),
      fingerprint: ports.fingerprint,
      worktree: ports.worktree,
      failPoint: ports.failPoint,
      budget,
      replay: Replay.make(journal.calls),
      defaults: {
        ...ports.config,
        provider: run.provider,
        model: run.model ?? undefined,
        cachePolicy: run.cachePolicy,
        recover
      },
      callDirectory: ports.files.callDirectory,
      now,
      elapsed: () => Number(clock.unsafeCurrentTimeNanos()) / 1e6,
      deadlines,
      permits,
      lines: ports.lines,
      rerunsMutating: rerunMutating,
      rewritten: Recall.rewritten(journal.calls),
      told: new Set(),
      replayed: (index) => void replayed.push(index),
      observer,
      abort
    }),
    event,
    observer,
    inheritance: {
      ownership,
      journal,
      broken,
      place: makePlaces(journal),
      degraded: degrading.note,
      recover,
      rerunMutating
    }
  }
  return { run: made, degrading }
}

/** A run below another is started with the same. */
const originOf = (ports: Ports, journal: Journal): Effect.Effect<Readonly<Record<string, unknown>> | undefined> =>
  journal.run.parentRunId === null && ports.config.origin !== undefined
    ? ports.config.origin
    : Effect.succeed(undefined)

const settingsOf = (ports: Ports, options: RunOptions): Degrading.Settings => ({
  recover: options.recover ?? ports.config.recover,
  strict: options.strict ?? false,
  rerunMutating: options.rerunMutating ?? false,
  above: () => {}
})

/** Numbers equal children of a run as equal calls are numbered, so that each finds its own run again. */
const makePlaces = (journal: Journal): (childKey: string) => ChildPlace => {
  const made = new Map<string, number>()
  return (childKey) => {
    const ordinal = made.get(childKey) ?? 0
    made.set(childKey, ordinal + 1)
    const recorded = journal.children.find((child) => child.childKey === childKey && child.ordinal === ordinal)
    return { ordinal, recorded: recorded?.runId }
  }
}
