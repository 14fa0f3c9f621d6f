/**
 * The commands that load a workflow: `owf run`, `owf resume` and `owf validate`, in the unbundled library.
 *
 * They take and give plain data, because whoever calls them may have another copy of Effect.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExitCode } from "../cli/ExitCode.ts"
import type { ResumeRequest, RunRequest, ValidateRequest } from "../cli/Host.ts"
import * as Usage from "../cli/UsageError.ts"
import * as WorkflowArgs from "../cli/WorkflowArgs.ts"
import * as WorkflowFile from "../cli/WorkflowFile.ts"
import * as WorkflowView from "../cli/WorkflowView.ts"
import * as Money from "../domain/Money.ts"
import type * as Records from "../domain/Records.ts"
import { RunFiles } from "../store/RunFiles.ts"
import { RunStore } from "../store/RunStore.ts"
import type * as Engine from "../workflow/Engine.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { WorkflowError } from "../workflow/WorkflowError.ts"
import * as Session from "./CliRunSession.ts"
import * as Home from "./Home.ts"
import * as Loader from "./Loader.ts"
import * as Owf from "./Owf.ts"

/**
 * Runs a workflow file, reports how it ended, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const run = (request: RunRequest): Promise<number> =>
  Session.run(request, (session) =>
    Effect.gen(function*() {
      const { path, sha256, workflow } = yield* load(request.file)
      const args = yield* WorkflowArgs.read(Workflow.definitionOf(workflow).args, request.argsJson, request.args)
      yield* Workflow.decodeArgs(workflow, args)
      const started = Workflow.start(workflow, args, {
        provider: request.provider,
        model: request.model,
        cachePolicy: request.cachePolicy,
        budget: budgetOf(request),
        strict: request.strict,
        script: { path, hash: sha256 }
      })
      return yield* inEngine(session, request.home, started)
    }))

/**
 * Goes on with a run, reports how it ended, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const resume = (request: ResumeRequest): Promise<number> =>
  Session.run(request, (session) =>
    Effect.gen(function*() {
      const { directory, row } = yield* find(request)
      if (
        row.id !== request.run && row.parentRunId === null && !row.id.startsWith(request.run) &&
        request.run !== "latest"
      ) {
        session.tell(`run ${request.run} is part of run ${row.id}, which is resumed as a whole`)
      }
      if (row.status === "done" || row.status === "degraded") {
        session.tell(`run ${row.id} is ${row.status} already; nothing is to be done`)
        return Session.stored(row, directory)
      }
      const { path, sha256, workflow } = yield* loadAgain(row, request.script)
      if (row.scriptHash !== null && row.scriptHash !== sha256) {
        session.tell("the script has changed since; calls that ask the same as before are answered from the record")
      }
      const resumed = Workflow.resume(workflow, row, {
        provider: request.provider,
        model: request.model,
        budget: budgetOf(request),
        strict: request.strict,
        script: { path, hash: sha256 }
      })
      return yield* inEngine(session, request.home, resumed)
    }))

/**
 * Shows what a workflow file declares, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const validate = (request: ValidateRequest): Promise<number> =>
  Session.watch(request, (session) =>
    Effect.gen(function*() {
      const loaded = yield* load(request.file)
      const definition = Workflow.definitionOf(loaded.workflow)
      yield* session.print(
        request.json
          ? JSON.stringify(WorkflowView.toJson(loaded, definition), null, 2)
          : WorkflowView.render(loaded, definition)
      )
      return ExitCode.done
    }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const load = (file: string) => {
  Loader.register()
  return Effect.provide(
    WorkflowFile.load(file, Workflow.isWorkflow),
    Layer.merge(NodeFileSystem.layer, NodePath.layer)
  )
}

/** The root run an argument names; nothing is made when there is none. */
const find = (request: ResumeRequest) =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const found = yield* store.run(request.run)
    const row = found.parentRunId === null ? found : yield* store.run(found.rootRunId)
    return { row, directory: (yield* RunFiles).directory(row.id) }
  }).pipe(Effect.provide(Owf.layerStore({ home: homeOf(request.home), mode: "read" })))

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
      error.reason === "NotFound" && script === undefined
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

const homeOf = (asked: string | undefined): string => Home.resolve(asked, process.env["OWF_HOME"], process.cwd())

const budgetOf = (request: RunRequest | ResumeRequest): Engine.RunOptions["budget"] => ({
  ...(request.budgetTokens === undefined ? {} : { tokens: request.budgetTokens }),
  ...(request.budgetCostUsd === undefined ? {} : { cost: Money.fromUsd(request.budgetCostUsd) })
})

const inEngine = (
  session: Session.Session,
  home: string | undefined,
  started: Effect.Effect<Engine.RunResult<unknown, unknown>, WorkflowError, unknown>
) =>
  // a file's workflow can require what only an application provides; it then fails by the name of what is missing
  (started as Effect.Effect<Engine.RunResult<unknown, unknown>, WorkflowError, Engine.Engine>).pipe(
    session.observed,
    Effect.provide(Owf.layer({ home: homeOf(home) })),
    Effect.map(Session.ended)
  )
