/**
 * What the nodes of a running graph have in common, and where in the run they are.
 */
import * as Effect from "effect/Effect"
import type { Providers } from "../provider/Provider.ts"
import type { AgentSettings, Settings } from "../settings/Settings.ts"
import type { Engine } from "../workflow/Engine.ts"
import type { Run } from "../workflow/Run.ts"
import type * as Workflow from "../workflow/Workflow.ts"
import type { Flow, FlowContext, Node } from "./Flow.ts"
import type { FlowFailure } from "./FlowFailure.ts"
import { NodeFailed } from "./FlowRunError.ts"
import type { FlowState, Outcome } from "./FlowState.ts"
import type { TextProblem } from "./FlowTexts.ts"

/**
 * What a graph's nodes reach outside of the engine.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Loads the file of a `workflow` node; fails with what is wrong with it. */
  readonly load: (path: string) => Effect.Effect<Workflow.Any, { readonly message: string }>
  /** Whether a file is there, for `wait` nodes. */
  readonly exists: (path: string) => Effect.Effect<boolean>
  /** The node of the graph itself a resumed run goes back to. */
  readonly from?: string | undefined
}

/**
 * The services a graph's run requires.
 * @category models
 * @since 0.1.0
 */
export type Services = Engine | Providers | Settings

/**
 * A running graph.
 * @category models
 * @since 0.1.0
 */
export interface FlowEnv {
  readonly flow: Flow
  /** Absolute path of the directory of the graph's file. */
  readonly directory: string
  readonly run: Run["Type"]
  readonly providers: Providers["Type"]
  readonly agents: AgentSettings
  readonly state: FlowState
  readonly options: Options
}

/**
 * A body that is being walked: the graph itself, an item of a list, a turn of a loop, a branch.
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  /** Empty for the graph itself; else the way down to the body, such as `each[3]`. */
  readonly path: string
  /** The node the calls of the body belong to; undefined for those of the graph itself, which stand for themselves. */
  readonly group: string | undefined
  /** Added to the labels of calls, such as `[3]`. */
  readonly suffix: string
  context: FlowContext
  /** What its nodes have put in the context. */
  set: FlowContext
  /** Nodes finished so far. */
  seq: number
  /** How often each node was come to. */
  readonly visits: Map<string, number>
}

/**
 * A body about to be walked.
 * @category constructors
 * @since 0.1.0
 */
export const frame = (
  context: FlowContext,
  place: Pick<Frame, "path" | "group" | "suffix"> = { path: "", group: undefined, suffix: "" }
): Frame => ({ ...place, context, set: {}, seq: 0, visits: new Map() })

/**
 * A node that was come to.
 * @category models
 * @since 0.1.0
 */
export interface Visit<N extends Node = Node> {
  readonly node: N
  readonly frame: Frame
  /** What the node sees: the frame's context, and what belongs to the visit. */
  readonly context: FlowContext
  /** Tells the visits of a run apart, the same whenever the run is taken up again. */
  readonly name: string
  /** Whether it is not tried again when it fails. */
  readonly isLastTry: boolean
  /** Whether the try before this one was stopped because its time was over. */
  readonly hasOverrun: boolean
}

/**
 * What a node does when it is run.
 * @category models
 * @since 0.1.0
 */
export type Done = Effect.Effect<Outcome, FlowFailure, Run | Services>

/**
 * A node that goes on to the next one.
 * @category constructors
 * @since 0.1.0
 */
export const goOn = (next: string, set: FlowContext = {}, isDegraded = false): Outcome => ({ next, set, isDegraded })

/**
 * The failure of a node.
 * @category constructors
 * @since 0.1.0
 */
export const failed = ({ at, id }: Pick<Node, "at" | "id">, detail: string): NodeFailed =>
  new NodeFailed({ node: id, at: placeOf(at), detail })

/**
 * A place as text; empty where it is in no file.
 * @category converting
 * @since 0.1.0
 */
export const placeOf = ({ column, file, line }: Node["at"]): string => file === "" ? "" : `${file}:${line}:${column}`

/**
 * A problem with one of a node's texts as the node's failure.
 * @category combinators
 * @since 0.1.0
 */
export const inNode = <A, R>(
  node: Node,
  effect: Effect.Effect<A, TextProblem, R>
): Effect.Effect<A, NodeFailed, R> => Effect.mapError(effect, ({ detail }) => failed(node, detail))
