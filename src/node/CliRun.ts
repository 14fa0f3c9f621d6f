/**
 * The commands that run a workflow: `owf run` and `owf resume`, in the unbundled library.
 *
 * They take and give plain data, because whoever calls them may have another copy of Effect.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import type { ResumeRequest, RunRequest } from "../cli/Host.ts"
import * as RunView from "../cli/RunView.ts"
import * as SecretArgs from "../cli/SecretArgs.ts"
import * as Usage from "../cli/UsageError.ts"
import type * as WorkflowFile from "../cli/WorkflowFile.ts"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { FlowErrors } from "../graph/FlowError.ts"
import { FlowFailed } from "../graph/FlowRunError.ts"
import * as Commands from "../report/Commands.ts"
import * as LoadSlice from "../report/LoadSlice.ts"
import * as MarkdownCall from "../report/MarkdownCall.ts"
import { RunFiles } from "../store/RunFiles.ts"
import { RunStore, StoreError } from "../store/RunStore.ts"
import type * as Engine from "../workflow/Engine.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { WorkflowError } from "../workflow/WorkflowError.ts"
import type { Loaded } from "./CliRunFile.ts"
import { argsOf, askedOf, budgetOf, load } from "./CliRunFile.ts"
import * as Identity from "./CliRunIdentity.ts"
import * as Limits from "./CliRunLimits.ts"
import * as Rewind from "./CliRunRewind.ts"
import * as Session from "./CliRunSession.ts"
import * as Home from "./Home.ts"
import * as Owf from "./Owf.ts"

/**
 * Runs a workflow file, reports how it ended, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const run = (request: RunRequest): Promise<number> =>
  Session.run(request, (session) =>
    Effect.gen(function*() {
      const loaded = yield* load(request.file)
      const { path, workflow } = loaded
      for (const warning of loaded.warnings) session.tell(warning)
      const definition = Workflow.definitionOf(workflow)
      const args = yield* argsOf(loaded, request)
      yield* Workflow.decodeArgs(workflow, args)
      for (const warning of SecretArgs.warnings(args)) session.tell(`warning: ${warning}`)
      const alias = yield* Identity.aliasOf(definition.name, request.runId, loaded.isFlow)
      const asked = yield* askedOf(loaded, request)
      if (alias === undefined) {
        return yield* inEngine(session, request.home, start(loaded, args, asked))
      }
      return yield* inEngine(session, request.home, named(session, loaded, { alias, args, asked, path, request }))
    }))

/**
 * Goes on with a run, reports how it ended, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const resume = (request: ResumeRequest): Promise<number> =>
  Session.run(request, (session) =>
    Effect.gen(function*() {
      const { counts, directory, found, row } = yield* find(request)
      if (found.id !== row.id) {
        session.tell(`run ${request.run} is part of run ${row.id}, which is resumed as a whole`)
      }
      if (request.from === undefined && RunView.hasEnded(row)) {
        session.tell(`run ${row.id} is ${row.status} already; nothing is to be done`)
        const ended = { ...Session.stored(row, directory), counts }
        if (row.status !== "failed" && counts.failed > 0 && row.scriptPath !== null) {
          const isGiven = row.argsJson === "{}" ? "" : " (and its arguments)"
          const again = `owf run ${Commands.quoted(row.scriptPath)}${RunView.homeFlag(request.home)}${isGiven}`
          session.tell(`begin anew, which asks the failed calls again, with: ${again}`)
        }
        return row.status === "failed" ? { ...ended, cause: failureOf(row), advice: waysOn(row, request.home) } : ended
      }
      const loaded = yield* loadAgain(row, request.script)
      const { path, sha256 } = loaded
      const workflow = request.from === undefined
        ? loaded.workflow
        : yield* Effect.provide(
          Rewind.workflow(loaded, row.id, request.from),
          Owf.layerStore({ home: homeOf(request.home), mode: "read" })
        )
      if (row.scriptHash !== null && row.scriptHash !== sha256) {
        session.tell("the script has changed since; calls that ask the same as before are answered from the record")
      }
      const budget = yield* Effect.provide(
        Limits.ofResumed(loaded, row, request, session.tell),
        Owf.layerStore({ home: homeOf(request.home), mode: "read" })
      )
      const resumed = Workflow.resume(workflow, row, {
        provider: request.provider,
        model: request.model,
        budget: budgetOf(budget),
        strict: request.strict,
        rerunMutating: request.rerunMutating,
        script: { path, hash: sha256 }
      })
      return yield* inEngine(session, request.home, resumed)
    }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const failureOf = (row: Records.Run) =>
  Cause.fail(new FlowFailed({ workflow: row.workflowName, node: "", detail: row.errorMessage ?? "" }))

/** A graph that came to a fail node would only come to it again. */
const waysOn = (row: Records.Run, home: string | undefined): string =>
  `the run has ended; go back to a node before its end with: ${RunView.resume(row.id, home)} --from NODE` +
  (row.scriptPath === null
    ? ""
    : `\nor begin anew with: owf run ${Commands.quoted(row.scriptPath)} --fresh${RunView.homeFlag(home)}`)

const start = (
  { path, sha256, workflow }: Loaded,
  args: unknown,
  options: Engine.RunOptions
) => Workflow.start(workflow, args, { ...options, script: { path, hash: sha256 } })

/** Starts a run that has a name, or goes on with it. */
const named = (
  session: Session.Session,
  loaded: Loaded,
  { alias, args, asked, path, request }: {
    readonly alias: string
    readonly args: Readonly<Record<string, unknown>>
    readonly asked: Engine.RunOptions
    readonly path: string
    readonly request: RunRequest
  }
) => {
  const meant = Effect.flatMap(Identity.decide(alias, request, { path, args }), (meant) =>
    Effect.gen(function*() {
      if (meant._tag === "GoOn") {
        session.tell(`going on with run ${meant.run.id}, ${alias}; --fresh starts anew`)
        const budget = yield* Limits.ofResumed(loaded, meant.run, request, session.tell)
        return yield* again(session, loaded, meant.run, {
          provider: request.provider ?? request.cli,
          model: request.model,
          budget: budgetOf(budget),
          strict: request.strict
        })
      }
      const { giveUpAlias } = yield* RunStore
      if (meant.replaces !== undefined) yield* giveUpAlias(alias, meant.replaces.id)
      return yield* start(loaded, args, { ...asked, alias })
    }))
  // who loses a race for a name finds the run of who won it
  return Effect.catchIf(meant, isTaken, () => meant)
}

const isTaken = (error: unknown): boolean => error instanceof StoreError && error.reason === "Invalid"

const again = (
  session: Session.Session,
  { path, sha256, workflow }: Loaded,
  row: Records.Run,
  options: Engine.RunOptions
) => {
  if (row.scriptHash !== null && row.scriptHash !== sha256) {
    session.tell("the file has changed since; what was done is not done again, and the rest is done as it says now")
  }
  return Workflow.resume(workflow, row, { ...options, script: { path, hash: sha256 } })
}

/** The root run an argument names; nothing is made when there is none. */
const find = (request: ResumeRequest) =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const found = yield* store.run(request.run)
    const row = found.parentRunId === null ? found : yield* store.run(found.rootRunId)
    const counts = RunView.hasEnded(row) ? yield* countsOf(row.id) : { calls: 0, failed: 0 }
    return { row, found, counts, directory: (yield* RunFiles).directory(row.id) }
  }).pipe(Effect.provide(Owf.layerStore({ home: homeOf(request.home), mode: "read" })))

const countsOf = (id: RunId) =>
  Effect.map(LoadSlice.standing(id), ({ calls }) => ({
    calls: calls.length,
    failed: calls.filter(({ status }) => MarkdownCall.isFailure(status) && status !== "cancelled").length
  }))

const loadAgain = (row: Records.Run, script: string | undefined) =>
  Effect.gen(function*() {
    const path = script ?? row.scriptPath
    if (path === null) {
      return yield* Usage.make(
        `Run ${row.id} was not started from a file.`,
        "Resume it from the application that started it, or name its workflow file with --script PATH."
      )
    }
    const loaded = yield* Effect.mapError(load(path), (error) =>
      isMissing(error) && script === undefined
        ? Usage.make(
          `The workflow file of run ${row.id} is not there any more: ${path}`,
          `Say where it is now: owf resume ${row.id} --script PATH`
        )
        : error)
    const { name } = Workflow.definitionOf(loaded.workflow)
    if (name !== row.workflowName) {
      return yield* Usage.make(
        `${loaded.path} is workflow '${name}', but run ${row.id} is one of '${row.workflowName}'.`,
        "Name the file the run was started from with --script PATH, or start a new run with owf run."
      )
    }
    return loaded
  })

const isMissing = (error: FlowErrors | WorkflowFile.WorkflowFileError): boolean =>
  error._tag === "FlowErrors" ? !Fs.existsSync(error.file) : error.reason === "NotFound"

const homeOf = (asked: string | undefined): string => Home.resolve(asked, process.env["OWF_HOME"], process.cwd())

const inEngine = (
  session: Session.Session,
  home: string | undefined,
  started: Effect.Effect<Engine.RunResult<unknown, unknown>, WorkflowError | Usage.UsageError, unknown>
) =>
  // a file's workflow can require what only an application provides; it then fails by the name of what is missing
  (started as Effect.Effect<Engine.RunResult<unknown, unknown>, WorkflowError | Usage.UsageError, Owf.Owf>).pipe(
    session.observed,
    Effect.flatMap((result) =>
      Effect.map(RunView.messageOf(result.runId), (message) => ({ ...Session.ended(result), message }))
    ),
    Effect.provide(Owf.layer({ home: homeOf(home) }))
  )
