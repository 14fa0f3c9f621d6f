/**
 * A graph as a program can run it: read, checked, and with every name resolved. Positions point into the file it was
 * written in, for messages.
 *
 * `FlowFile` reads and checks one, `FlowProgram` runs one, `FlowEject` writes one as TypeScript.
 */
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"

/**
 * A place in a file, counted from 1.
 * @category models
 * @since 0.1.0
 */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * A value of JSON.
 * @category models
 * @since 0.1.0
 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * What the nodes of a run know: variables, parameters and outputs by name.
 * @category models
 * @since 0.1.0
 */
export type FlowContext = { readonly [key: string]: Json }

/**
 * A Jinja text as it is written, to be rendered against the context.
 * @category models
 * @since 0.1.0
 */
export interface Template {
  readonly source: string
  readonly at: Position
}

/**
 * A prompt: the text of a file, or one written in the graph.
 * @category models
 * @since 0.1.0
 */
export interface Prompt {
  readonly template: Template
  /** The file it comes from; null for one that is written in the graph. */
  readonly file: string | null
  /** The texts it includes, by the names it includes them by. */
  readonly includes?: ReadonlyMap<string, Template> | undefined
}

/**
 * An expression over the context as it is written; `Expression` reads and evaluates it.
 * @category models
 * @since 0.1.0
 */
export interface ExpressionText {
  readonly source: string
  readonly at: Position
}

/**
 * A value a node has to give.
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly key: string
  /** Null where any value will do. */
  readonly schema: JsonSchemaObject | null
  /** What stands in when the node is exhausted; undefined where none is declared. */
  readonly default: Json | undefined
  readonly at: Position
}

/**
 * A variable, its value at the start, and what it may hold.
 * @category models
 * @since 0.1.0
 */
export interface Variable {
  readonly name: string
  readonly value: Json
  readonly schema: JsonSchemaObject | null
  /** Whether a run has to be given it. */
  readonly isRequired: boolean
  readonly at: Position
}

/**
 * What bounds a run or a node; undefined for no bound.
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly transitions: number | undefined
  /** Over all resumes. */
  readonly wallClockMs: number | undefined
  readonly tokens: number | undefined
  readonly costUsd: number | undefined
}

/**
 * What every node has.
 * @category models
 * @since 0.1.0
 */
interface Base {
  readonly id: string
  readonly at: Position
}

/**
 * Asks an agent.
 * @category models
 * @since 0.1.0
 */
export interface AgentNode extends Base {
  readonly type: "agent"
  readonly prompt: Prompt
  /** Rendered first; known to this prompt only. */
  readonly args: ReadonlyMap<string, Template>
  readonly outputs: ReadonlyArray<Output>
  readonly model: string | null
  readonly provider: string | null
  /** Null for the run's own. */
  readonly timeoutMs: number | null
  readonly idleTimeoutMs: number | null
  readonly isolation: "none" | "worktree"
  readonly readScope: ReadonlyArray<string> | null
  readonly writeScope: ReadonlyArray<string> | null
  readonly permissions: ReadonlyArray<string> | null
  /** Rungs of the recovery ladder by name; null for the standard one. */
  readonly recover: ReadonlyArray<string> | null
  readonly onExhausted: "stop" | "default"
  readonly budget: { readonly tokens: number | undefined; readonly costUsd: number | undefined } | null
  readonly retry: Retry | null
  readonly next: string
}

/**
 * Runs a program. Values reach it as arguments, variables or input, never as text of a command line.
 * @category models
 * @since 0.1.0
 */
export interface ScriptNode extends Base {
  readonly type: "script"
  /** Absolute path. */
  readonly script: string
  readonly args: ReadonlyArray<Template>
  readonly environment: ReadonlyMap<string, Template>
  readonly input: Template | null
  readonly outputs: ReadonlyArray<Output>
  readonly timeoutMs: number | null
  readonly idleTimeoutMs: number | null
  readonly retry: Retry | null
  readonly next: string
}

/**
 * How often a node is run again when it failed, with the number of the try in the context as `retry`.
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly attempts: number
  readonly delayMs: number
}

/**
 * A comparison of a branch.
 * @category models
 * @since 0.1.0
 */
export interface Condition {
  readonly op: "==" | "!=" | "<" | ">" | "<=" | ">="
  readonly value: string
  readonly next: string
}

/**
 * Chooses the next node by a value of the context, or by expressions.
 * @category models
 * @since 0.1.0
 */
export interface BranchNode extends Base {
  readonly type: "branch"
  /** Null where `when` decides. */
  readonly path: string | null
  readonly cases: ReadonlyMap<string, string>
  readonly conditions: ReadonlyArray<Condition>
  readonly when: ReadonlyArray<{ readonly if: ExpressionText; readonly next: string }>
  readonly default: string | null
}

/**
 * Runs nodes for every item of a list; the outputs of all items are a list under `output`.
 * @category models
 * @since 0.1.0
 */
export interface ForEachNode extends Base {
  readonly type: "for_each"
  readonly items: ExpressionText
  /** Name of the item in the context of the body; its number is `<as>_index`. */
  readonly as: string
  readonly concurrency: number
  readonly body: Body
  readonly output: string | null
  readonly next: string
}

/**
 * Runs nodes as long as an expression holds, at most so often; the number of the turn is in the context as `as`.
 * @category models
 * @since 0.1.0
 */
export interface WhileNode extends Base {
  readonly type: "while"
  readonly condition: ExpressionText
  readonly as: string
  readonly maxTurns: number
  readonly body: Body
  readonly next: string
}

/**
 * Runs several bodies at the same time; their outputs are merged in the order they are written.
 * @category models
 * @since 0.1.0
 */
export interface ParallelNode extends Base {
  readonly type: "parallel"
  readonly branches: ReadonlyArray<Body>
  readonly concurrency: number
  readonly next: string
}

/**
 * Runs another workflow, written in YAML or TypeScript, with arguments of its own.
 * @category models
 * @since 0.1.0
 */
export interface WorkflowNode extends Base {
  readonly type: "workflow"
  /** Absolute path. */
  readonly workflow: string
  readonly args: ReadonlyMap<string, Template | ExpressionText>
  readonly output: string | null
  readonly next: string
}

/**
 * Waits until a time, for a file, or for a person; the wait outlives the process.
 * @category models
 * @since 0.1.0
 */
export interface WaitNode extends Base {
  readonly type: "wait"
  readonly until:
    | { readonly _tag: "Time"; readonly at: Template }
    | { readonly _tag: "Duration"; readonly millis: number }
    | { readonly _tag: "File"; readonly path: Template }
    | { readonly _tag: "Approval"; readonly prompt: Template | null }
  readonly timeoutMs: number | null
  readonly output: string | null
  readonly next: string
}

/**
 * Ends the run, well or badly.
 * @category models
 * @since 0.1.0
 */
export interface EndNode extends Base {
  readonly type: "terminal" | "fail"
  readonly message: Template | null
}

/**
 * Nodes below another, with a start of their own; they end where `next` is `end`.
 * @category models
 * @since 0.1.0
 */
export interface Body {
  readonly start: string
  readonly nodes: ReadonlyMap<string, Node>
}

/**
 * A node of a graph.
 * @category models
 * @since 0.1.0
 */
export type Node =
  | AgentNode
  | ScriptNode
  | BranchNode
  | ForEachNode
  | WhileNode
  | ParallelNode
  | WorkflowNode
  | WaitNode
  | EndNode

/**
 * The node a body ends at, which is in no list of nodes.
 * @category constants
 * @since 0.1.0
 */
export const end = "end"

/**
 * A graph that can be run.
 * @category models
 * @since 0.1.0
 */
export interface Flow extends Body {
  readonly name: string
  readonly description: string
  /** Absolute path of the file. */
  readonly file: string
  /** Digest of the file and of everything it names. */
  readonly digest: string
  readonly variables: ReadonlyArray<Variable>
  readonly limits: Limits
  /** How templates spell values that are no texts, where it is not JSON. */
  readonly values?: "python" | undefined
}
