/**
 * What a command line says of a run that is to be started: its file, its arguments, who is asked and what may be spent.
 *
 * The same for a run, for what a run would come to, and for a tool that starts one.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import type { RunRequest } from "../cli/Host.ts"
import * as Usage from "../cli/UsageError.ts"
import * as WorkflowArgs from "../cli/WorkflowArgs.ts"
import * as WorkflowFile from "../cli/WorkflowFile.ts"
import * as Money from "../domain/Money.ts"
import type { Flow } from "../graph/Flow.ts"
import type { FlowErrors } from "../graph/FlowError.ts"
import * as Settings from "../settings/Settings.ts"
import type * as Engine from "../workflow/Engine.ts"
import * as Workflow from "../workflow/Workflow.ts"
import * as Params from "./CliRunParams.ts"
import * as Loader from "./Loader.ts"

/**
 * A workflow of a file, whatever it is written in.
 * @category models
 * @since 0.1.0
 */
export interface Loaded extends WorkflowFile.LoadedWorkflow<Workflow.Any> {
  readonly isFlow: boolean
  /** The graph itself; undefined for a program. */
  readonly flow: Flow | undefined
  /** What is probably not meant in a graph. */
  readonly warnings: ReadonlyArray<string>
  /** What a graph says of its spending. */
  readonly limits: { readonly tokens: number | undefined; readonly costUsd: number | undefined }
}

/**
 * What is said about who answers a run, and what it may spend.
 * @category models
 * @since 0.1.0
 */
export type Asked = Pick<
  RunRequest,
  "provider" | "cli" | "model" | "cachePolicy" | "strict" | "budgetTokens" | "budgetCostUsd"
>

/**
 * What is said about the arguments of a run.
 * @category models
 * @since 0.1.0
 */
export type Given = Pick<RunRequest, "args" | "argsJson" | "params" | "paramsFile">

/**
 * Loads the workflow of a TypeScript file or of a graph.
 * @category running
 * @since 0.1.0
 */
export const load = (
  file: string
): Effect.Effect<Loaded, FlowErrors | WorkflowFile.WorkflowFileError> =>
  WorkflowFile.isFlowFile(file)
    ? Effect.flatMap(Effect.promise(() => import("./FlowNode.ts")), (flows) =>
      Effect.map(flows.load(file), ({ flow, path, sha256, warnings, workflow }): Loaded => ({
        workflow,
        path,
        sha256,
        isFlow: true,
        flow,
        warnings,
        limits: flow.limits
      })))
    : Effect.suspend(() => {
      Loader.register()
      return Effect.map(
        Effect.provide(
          WorkflowFile.load(file, Workflow.isWorkflow),
          Layer.merge(NodeFileSystem.layer, NodePath.layer)
        ),
        (loaded): Loaded => ({ ...loaded, isFlow: false, flow: undefined, warnings: [], limits: noLimits })
      )
    })

/**
 * The arguments that are given; whether they fit is the workflow's to say.
 * @category converting
 * @since 0.1.0
 */
export const argsOf = ({ isFlow, workflow }: Loaded, given: Given) =>
  Effect.gen(function*() {
    if (!isFlow && (given.params !== undefined || given.paramsFile !== undefined)) {
      return yield* Usage.make(
        "--params and --params-file are for graphs.",
        "Give the arguments of a TypeScript workflow with --arg or --args-json."
      )
    }
    const params = yield* Params.read(given)
    const argsJson = given.argsJson === "-" ? yield* fromInput : given.argsJson
    const args = yield* WorkflowArgs.read(Workflow.definitionOf(workflow).args, argsJson, given.args)
    return { ...params, ...args }
  })

/**
 * Who is asked, and what may be spent, where a new run is started.
 * @category converting
 * @since 0.1.0
 */
export const askedOf = ({ isFlow, limits }: Loaded, asked: Asked) =>
  Effect.gen(function*() {
    const { cli, provider } = asked
    if (cli !== undefined && provider !== undefined && cli !== provider) {
      return yield* Usage.make(`--cli is ${cli} and --provider ${provider}; they mean the same.`, "Give one of them.")
    }
    const settings = yield* Settings.fromEnvironment(process.env)
    // read here, so that a value that is none is said before there is a run
    const agents = isFlow ? yield* settings.agents : undefined
    return {
      provider: provider ?? cli ?? agents?.cli,
      budget: {
        ...(limits.tokens === undefined ? {} : { tokens: limits.tokens }),
        ...(limits.costUsd === undefined ? {} : { cost: Money.fromUsd(limits.costUsd) }),
        ...budgetOf(asked)
      },
      model: asked.model,
      cachePolicy: asked.cachePolicy,
      strict: asked.strict
    }
  })

/**
 * The limits that are given.
 * @category converting
 * @since 0.1.0
 */
export const budgetOf = (asked: Pick<Asked, "budgetTokens" | "budgetCostUsd">): Engine.RunOptions["budget"] => ({
  ...(asked.budgetTokens === undefined ? {} : { tokens: asked.budgetTokens }),
  ...(asked.budgetCostUsd === undefined ? {} : { cost: Money.fromUsd(asked.budgetCostUsd) })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Arguments that are no business of who lists processes, or are longer than a word of a command line may be. */
const fromInput = Effect.try({
  try: () => Fs.readFileSync(0, "utf8"),
  catch: (error) => Usage.make(`The arguments cannot be read from stdin: ${String(error)}`)
})

const noLimits = { tokens: undefined, costUsd: undefined }
