/**
 * One run on the command line: progress while it works, how it ended, and its exit code.
 *
 * With `--json` stdout has exactly one document, whatever happens: a failed run, an error before there is a run, a script
 * that ends the process.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { ExitCode } from "../cli/ExitCode.ts"
import * as Format from "../cli/Format.ts"
import type { Loading, Showing } from "../cli/Host.ts"
import type * as Live from "../cli/live/Live.ts"
import * as Output from "../cli/Output.ts"
import * as Progress from "../cli/Progress.ts"
import * as Render from "../cli/Render.ts"
import * as RunView from "../cli/RunView.ts"
import * as Usage from "../cli/UsageError.ts"
import type * as Records from "../domain/Records.ts"
import type { RunStatus } from "../domain/Status.ts"
import type { RunStore } from "../store/RunStore.ts"
import { Engine } from "../workflow/Engine.ts"
import type { RunResult } from "../workflow/Engine.ts"
import * as CliLog from "./CliLog.ts"
import * as Notes from "./CliNotes.ts"
import * as CliLive from "./CliRunLive.ts"
import * as CliProcess from "./CliRunProcess.ts"

/**
 * What a command can do while a workflow is loaded and run.
 * @category models
 * @since 0.1.0
 */
export interface Session {
  /** Writes a result to stdout. */
  readonly print: (text: string) => Effect.Effect<void>
  /** Writes a line to stderr, unless the command was asked to be quiet. */
  readonly tell: (text: string) => void
  /** Runs an effect in an engine whose progress is shown and which stops on a signal. */
  readonly observed: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | Engine | RunStore>
}

/**
 * How a run ended, or stands.
 * @category models
 * @since 0.1.0
 */
export interface Ended {
  readonly runId: string
  readonly attempt: number
  readonly status: RunStatus
  readonly directory: string
  readonly outputJson: string | null
  readonly cause: Cause.Cause<unknown> | undefined
  /** What a graph says at the node it ended at. */
  readonly message?: string | undefined
  /** The calls of a run that is not of this process. */
  readonly counts?: Live.Counts | undefined
  /** What can be done after it has ended, where that is something else than to begin anew with the same command. */
  readonly advice?: string | undefined
}

/**
 * How a run ended, from the engine's result.
 * @category converting
 * @since 0.1.0
 */
export const ended = ({ exit, ...result }: RunResult<unknown, unknown>): Ended => ({
  ...result,
  cause: Exit.isFailure(exit) ? exit.cause : undefined
})

/**
 * How a run ended, from its record.
 * @category converting
 * @since 0.1.0
 */
export const stored = (run: Records.Run, directory: string): Ended => ({
  runId: run.id,
  attempt: run.attempt,
  status: run.status,
  directory,
  outputJson: run.outputJson,
  cause: undefined
})

/**
 * Does work that ends with a run, and reports the run.
 * @category running
 * @since 0.1.0
 */
export const run = (
  request: Loading & Showing,
  work: (session: Session) => Effect.Effect<Ended, unknown>
): Promise<number> =>
  inProcess(
    request,
    (session) => Effect.zipRight(check(request), work(session)),
    (context, result, stopped) => Effect.runPromise(conclude(context, result, stopped))
  )

/**
 * Does work that loads a workflow and gives an exit code.
 * @category running
 * @since 0.1.0
 */
export const watch = (request: Loading, work: (session: Session) => Effect.Effect<number, unknown>): Promise<number> =>
  inProcess(request, work, (_, code) => Promise.resolve(code))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Context {
  readonly request: Loading & Partial<Showing>
  readonly output: Output.Output["Type"]
  readonly shown: CliLive.Shown
}

/** What stopped a run from outside. */
interface Stopped {
  readonly signal: number | undefined
  readonly thrown: unknown
}

const check = ({ events, json }: Loading & Showing): Effect.Effect<void, Usage.UsageError> =>
  events && json
    ? Usage.make("--events and --json exclude each other.", "`owf output` prints the result of a run that has ended.")
    : Effect.void

const inProcess = async <A>(
  request: Loading & Partial<Showing>,
  work: (session: Session) => Effect.Effect<A, unknown>,
  conclude: (context: Context, result: A, stopped: Stopped) => Promise<number>
): Promise<number> => {
  const output = CliProcess.output()
  const notes = Notes.make((text) => void Effect.runFork(output.note(text)))
  const tell = (text: string): void => {
    if (request.quiet !== true) notes.tell(text)
  }
  const shown = CliLive.make(request, output, tell)
  const context: Context = { request, output, shown }
  const stop = Effect.runSync(Deferred.make<void>())
  let current: { readonly run: Records.Run; readonly directory: string } | undefined
  let isStarting = false
  let isStopping = false
  const listener: Progress.Listener = {
    // a run that is stored is never left without a word of it: it is stopped before, or by itself
    starting: Effect.suspend(() => {
      if (isStopping) return Effect.interrupt
      isStarting = true
      return Effect.void
    }),
    started: (run, directory, budget) => {
      current = { run, directory }
      tell(beginning(run))
      shown.begin(budget)
    },
    signal: shown.signal,
    stop: Deferred.await(stop)
  }
  const observed: Session["observed"] = (effect) =>
    shown.printing(
      Effect.flatMap(Engine, (engine) => Effect.provideService(effect, Engine, Progress.observe(engine, listener)))
    )
  const logged = Effect.provide(work({ print: output.print, tell, observed }), CliLog.layer)
  const { exit, signal, thrown } = await CliProcess.watch(logged, {
    stop: (bySignal) => {
      if (bySignal) tell("stopping …")
      isStopping = true
      if (!isStarting) return false
      Effect.runSync(Deferred.succeed(stop, undefined))
      return true
    },
    ended: (code, bySignal) => {
      notes.flush()
      shown.close()
      sayEnded(context, code, bySignal, current)
    }
  })
  notes.flush()
  shown.close()
  if (Exit.isSuccess(exit)) return conclude(context, exit.value, { signal, thrown })
  const problem = thrown === undefined ? Render.ofCause(exit.cause) : Render.ofThrown(thrown)
  const code = Cause.isInterruptedOnly(exit.cause) && signal !== undefined ? signal : problem.code
  return Effect.runPromise(Effect.provideService(Render.report({ ...problem, code }, request), Output.Output, output))
}

const beginning = (run: Records.Run): string => {
  const provider = run.model === null ? run.provider : `${run.provider}:${run.model}`
  const offline = run.provider === "fake" ? " (offline; its answers are made up, choose another with --provider)" : ""
  const attempt = run.attempt === 1 ? "" : `, attempt ${run.attempt}`
  return `run ${run.id}${attempt}, provider ${provider}${offline}`
}

const conclude = (context: Context, result: Ended, stopped: Stopped): Effect.Effect<number> => {
  const { output, request } = context
  const problem = problemOf(result, stopped)
  const hasEnded = problem === undefined || RunView.hasEnded({ errorKind: problem.kind, status: result.status })
  const resume = hasEnded ? undefined : resumeOf(request, result.runId)
  const counts = result.counts ?? context.shown.counts()
  const failures = failuresOf(request, result.runId, counts)
  if (request.json) {
    const document = JSON.stringify(toJson(result, counts, problem, resume), null, 2)
    return Effect.as(Effect.zipRight(failures(output.note), output.print(document)), codeOf(result, problem))
  }
  const lines = [
    `run_id: ${result.runId}`,
    `status: ${result.status}`,
    ...(result.message === undefined ? [] : [`message: ${result.message}`]),
    `run_dir: ${result.directory}`
  ]
  const text = result.outputJson === null ? lines : [...lines, "", Format.prettyJson(result.outputJson)]
  return Effect.gen(function*() {
    // where stdout is for events, what is said beside them is for people
    yield* request.events === true ? output.note(lines.join("\n")) : output.print(text.join("\n"))
    const summary = yield* context.shown.summary(RunView.homeFlag(request.home))
    yield* summary === undefined || summary === "" ? failures(output.note) : output.note(`\n${summary}`)
    if (problem !== undefined) {
      if (problem.kind !== "Interrupted") yield* output.note(Render.toText(described(problem)))
      if (request.debug && problem.trace !== undefined) yield* output.note(problem.trace)
      yield* output.note(
        resume === undefined
          ? result.advice ?? "the run has ended; the same command begins a new one"
          : `${problem.kind === "Interrupted" ? "interrupted; " : ""}resume with: ${resume}`
      )
    }
    return codeOf(result, problem)
  })
}

/** A workflow may end well without answers, which whoever reads its output should know. */
const failuresOf =
  (request: Loading, runId: string, { calls, failed }: Live.Counts) =>
  (note: Output.Output["Type"]["note"]): Effect.Effect<void> =>
    failed === 0 ? Effect.void : note(
      `${failed} of ${Format.count(calls, "call")} failed; see ${failed === 1 ? "it" : "them"} with: ` +
        `owf status ${runId}${RunView.homeFlag(request.home)}`
    )

/** A failure of the workflow is told from a mistake in the command line. */
const described = (problem: Render.Problem): Render.Problem => {
  if (problem.code !== ExitCode.failed || problem.kind === "Uncaught") return problem
  const how = problem.kind === "Defect" ? "The workflow threw" : `The workflow failed with ${problem.kind}`
  return { ...problem, message: `${how}: ${problem.message}` }
}

const problemOf = (result: Ended, { signal, thrown }: Stopped): Render.Problem | undefined => {
  if (result.cause === undefined) return undefined
  const problem = Render.ofRun(result.cause)
  if (problem.kind !== "Interrupted") return problem
  if (thrown !== undefined) return Render.ofThrown(thrown)
  return { ...problem, message: "The run was interrupted.", code: signal ?? ExitCode.interrupted }
}

const codeOf = (result: Ended, problem: Render.Problem | undefined): number =>
  problem?.code ?? (result.status === "degraded" ? ExitCode.degraded : ExitCode.done)

const resumeOf = (request: Loading, runId: string): string => RunView.resume(runId, request.home)

const toJson = (
  result: Ended,
  { calls, failed }: Live.Counts,
  problem: Render.Problem | undefined,
  resume: string | undefined
) => ({
  run_id: result.runId,
  status: result.status,
  ...(result.message === undefined ? {} : { message: result.message }),
  // canonical JSON of our own, which always parses
  output: result.outputJson === null ? null : (JSON.parse(result.outputJson) as unknown),
  run_dir: result.directory,
  attempt: result.attempt,
  calls,
  failed_calls: failed,
  error: problem === undefined ? null : Render.toJson(problem),
  resume: resume ?? null
})

/** The process ends before the run did: nothing can be waited for any more. */
const sayEnded = (
  { request }: Context,
  code: number,
  bySignal: boolean,
  current: { readonly run: Records.Run; readonly directory: string } | undefined
): void => {
  const message = bySignal
    ? "The process ended without waiting for its workflow to stop."
    : `The process ended before the workflow did (exit code ${code}): ` +
      "the script called process.exit, or waits for what never comes."
  const resume = current === undefined ? undefined : resumeOf(request, current.run.id)
  if (!request.json) {
    const line = `owf: ${message}${resume === undefined ? "" : `\nresume with: ${resume}`}`
    return CliProcess.lastWords("stderr", line)
  }
  const error = { kind: bySignal ? "Interrupted" : "ProcessEnded", message }
  const run = current === undefined
    ? { status: "error" }
    : {
      run_id: current.run.id,
      status: "interrupted",
      output: null,
      run_dir: current.directory,
      attempt: current.run.attempt
    }
  CliProcess.lastWords("stdout", JSON.stringify({ ...run, error, resume: resume ?? null }, null, 2))
}
