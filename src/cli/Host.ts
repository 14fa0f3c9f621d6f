/**
 * What the commands need of the process they run in; `src/node` decides what that is.
 *
 * Reading commands run in the process that parsed the command line. Commands that load a workflow hand over plain data,
 * because workflow files share the Effect of the unbundled library, not of the bundle that parses.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { CallId } from "../domain/Ids.ts"
import type { CachePolicy } from "../domain/Status.ts"
import type { OwnerId } from "../store/Owner.ts"
import type { RunFiles } from "../store/RunFiles.ts"
import type { RunStore, StoreError } from "../store/RunStore.ts"
import type { BatchHost } from "./BatchView.ts"
import type { GraphHost } from "./GraphView.ts"
import type { Finding, PricesView, ProviderView, RefreshedView } from "./Inspection.ts"
import type { AppliedView, GcRequest, LeftView, TreeView } from "./TreeView.ts"

/**
 * Options of the commands that load a workflow.
 * @category models
 * @since 0.1.0
 */
export interface Loading {
  readonly home: string | undefined
  readonly json: boolean
  readonly debug: boolean
}

/**
 * How a run is shown while it works.
 * @category models
 * @since 0.1.0
 */
export interface Showing {
  readonly quiet: boolean
  /** Whether a line is printed for each thing that happens, also where a live region could be drawn. */
  readonly noColor: boolean
  /** Whether stdout gets the run's events, as JSON lines, in place of its result. */
  readonly events: boolean
}

/**
 * What `owf run` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface RunRequest extends Loading, Showing {
  readonly file: string
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly budgetTokens: number | undefined
  readonly budgetCostUsd: number | undefined
  readonly cachePolicy: CachePolicy | undefined
  readonly argsJson: string | undefined
  /** `KEY=VALUE`, in the order given. */
  readonly args: ReadonlyArray<string>
  /** `--params`, a JSON object. */
  readonly params: string | undefined
  readonly paramsFile: string | undefined
  /** Names the run beside its workflow; the same command goes on with it. */
  readonly runId: string | undefined
  /** Another name for `provider`. */
  readonly cli: string | undefined
  /** Whether a new run is started although one of the name has not ended. */
  readonly fresh: boolean
  /** Whether a call fails where a declared value would stand in for its answer. */
  readonly strict: boolean
}

/**
 * What `owf resume` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface ResumeRequest extends Loading, Showing {
  readonly run: string
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly budgetTokens: number | undefined
  readonly budgetCostUsd: number | undefined
  /** Where the workflow file is now, when it was moved. */
  readonly script: string | undefined
  /** The node of a graph from which on it is run again. */
  readonly from: string | undefined
  readonly rerunMutating: boolean
  /** Whether a call fails where a declared value would stand in for its answer. */
  readonly strict: boolean
}

/**
 * What `owf validate` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface ValidateRequest extends Loading {
  readonly file: string
  /** Whether types are left unchecked. */
  readonly noTypes: boolean
}

/**
 * What `owf dry-run` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface DryRunRequest extends
  Loading,
  Pick<
    RunRequest,
    | "file"
    | "provider"
    | "cli"
    | "model"
    | "budgetTokens"
    | "budgetCostUsd"
    | "args"
    | "argsJson"
    | "params"
    | "paramsFile"
    | "strict"
  >
{
  /** Tokens an answer is taken to have. */
  readonly outputTokens: number | undefined
  /** Requests after which the program is stopped. */
  readonly maxRequests: number | undefined
  /** Seconds after which the program is stopped. */
  readonly maxSeconds: number | undefined
}

/**
 * The commands that load a workflow; each has reported how it went and gives its exit code.
 * @category models
 * @since 0.1.0
 */
export interface Loader {
  readonly run: (request: RunRequest) => Effect.Effect<number>
  readonly resume: (request: ResumeRequest) => Effect.Effect<number>
  readonly validate: (request: ValidateRequest) => Effect.Effect<number>
  readonly dryRun: (request: DryRunRequest) => Effect.Effect<number>
}

/**
 * What the commands about the installation show; nothing is asked of a provider.
 * @category models
 * @since 0.1.0
 */
export interface Inspector {
  readonly providers: Effect.Effect<ReadonlyArray<ProviderView>, unknown>
  readonly doctor: (home: string) => Effect.Effect<ReadonlyArray<Finding>, unknown>
  /** The prices of these models, or of the built-in providers' own when there are none. */
  readonly prices: (models: ReadonlyArray<string>) => Effect.Effect<PricesView, unknown>
  readonly refreshPrices: (url: string | undefined) => Effect.Effect<RefreshedView, unknown>
}

/**
 * What the commands about worktrees do in the repository they are started in.
 * @category models
 * @since 0.1.0
 */
export interface Trees {
  /** Worktrees of one run, or of all. */
  readonly list: (home: string, run: string | undefined) => Effect.Effect<ReadonlyArray<TreeView>, unknown>
  /** What a call changed; null for nothing. */
  readonly diff: (home: string, call: CallId) => Effect.Effect<string | null, unknown>
  readonly apply: (home: string, call: CallId, branch: string | undefined) => Effect.Effect<AppliedView, unknown>
  readonly gc: (home: string, options: GcRequest) => Effect.Effect<ReadonlyArray<LeftView>, unknown>
}

/**
 * What became of asking the process of a run to stop: it was asked, it has ended already, it runs on another machine, or
 * it is a program of its own, which would be ended and not only its run.
 * @category models
 * @since 0.1.0
 */
export type Stopped = "asked" | "gone" | "elsewhere" | "foreign"

/**
 * What `owf mcp` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface McpRequest {
  /** Directories whose files the tools may name; the working directory when there is none. */
  readonly roots: ReadonlyArray<string>
  /** Homes the tools may name beside those in the roots; the first is the one they use by themselves. */
  readonly homes: ReadonlyArray<string>
}

/**
 * The process a command runs in.
 * @category services
 * @since 0.1.0
 */
export class Host extends Context.Tag("owf/cli/Host")<Host, {
  /** Absolute path of the home a command uses. */
  readonly home: (asked: string | undefined) => string
  /** The store of a home; `read` makes nothing. */
  readonly store: (home: string, mode: "read" | "write") => Layer.Layer<RunStore | RunFiles, StoreError>
  readonly loader: Loader
  readonly inspector: Inspector
  readonly trees: Trees
  readonly graphs: GraphHost
  readonly batches: BatchHost
  /** Asks the process of a run to stop, when it is still the one that took the run and one of ours. */
  readonly stop: (owner: OwnerId) => Effect.Effect<Stopped>
  /** Serves the tools to a client on the standard streams until it goes away, and gives the exit code. */
  readonly mcp: (request: McpRequest) => Effect.Effect<number, unknown>
  /** Directory of the examples that come with the package. */
  readonly examples: string
  /** Directory of the built script and style of the report's page. */
  readonly viewer: string
  /** How a path is best written for somebody in the working directory. */
  readonly shown: (path: string) => string
}>() {}

/**
 * Ends a command with an exit code after it has reported why itself.
 * @category errors
 * @since 0.1.0
 */
export class Exited extends Schema.TaggedError<Exited>("owf/cli/Host/Exited")("Exited", { code: Schema.Int }) {}
