/**
 * What `owf graph` and `owf eject` do, in the unbundled library; no workflow's body is run.
 *
 * They take and give plain data, because whoever calls them may have another copy of Effect. What fails is thrown as it is.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as JSONSchema from "effect/JSONSchema"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Path from "node:path"
import type { Drawn, Ejected } from "../cli/GraphView.ts"
import type { Flow, Node } from "../graph/Flow.ts"
import type { Format } from "../graph/FlowDiagram.ts"
import * as FlowDiagram from "../graph/FlowDiagram.ts"
import * as FlowEject from "../graph/FlowEject.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { Loaded } from "./CliRunFile.ts"
import * as CliRunFile from "./CliRunFile.ts"
import * as FlowNode from "./FlowNode.ts"

/**
 * A workflow as a drawing: all of a graph, and of a program what it declares.
 * @category running
 * @since 0.1.0
 */
export const draw = (file: string, format: Format): Promise<Drawn> =>
  promised(Effect.gen(function*() {
    const loaded = yield* CliRunFile.load(file)
    const { flow, warnings } = loaded
    if (flow === undefined) return { text: FlowDiagram.ofOutline(outlineOf(loaded), format), warnings }
    return { text: FlowDiagram.ofFlow(flow, format, yield* childrenOf(flow)), warnings }
  }))

/**
 * A graph as a program that is going to stand at `out`.
 * @category running
 * @since 0.1.0
 */
export const eject = (file: string, out: string): Promise<Ejected> =>
  promised(Effect.gen(function*() {
    const { flow, warnings } = yield* FlowNode.load(file)
    const children = yield* childrenOf(flow)
    const text = FlowEject.eject(flow, { directory: Path.dirname(out), relative, children })
    return { text, warnings, made: [flow.file, ...children.keys()] }
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const promised = async <A>(effect: Effect.Effect<A, unknown>): Promise<A> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

const relative = (from: string, to: string): string => Path.relative(from, to).replaceAll("\\", "/")

/** The graphs a graph runs, and those that they run; that they load was found when it was loaded. */
const childrenOf = (flow: Flow) =>
  Effect.gen(function*() {
    const known = new Map<string, Flow>()
    const queue = [...nodesOf(flow.nodes.values())]
    for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
      if (node.type !== "workflow" || known.has(node.workflow) || !/\.ya?ml$/i.test(node.workflow)) continue
      const child = yield* FlowNode.load(node.workflow)
      known.set(node.workflow, child.flow)
      queue.push(...nodesOf(child.flow.nodes.values()))
    }
    return known
  })

const nodesOf = function*(nodes: Iterable<Node>): Iterable<Node> {
  for (const node of nodes) {
    yield node
    if (node.type === "for_each" || node.type === "while") yield* nodesOf(node.body.nodes.values())
    if (node.type === "parallel") { for (const branch of node.branches) yield* nodesOf(branch.nodes.values()) }
  }
}

const outlineOf = ({ workflow }: Loaded): FlowDiagram.Outline => {
  const { args, name, phases = [] } = Workflow.definitionOf(workflow)
  return { name, phases, args: args === undefined ? [] : argsOf(args) }
}

/** The arguments by name, with a `?` where they may be left out; none where no JSON Schema tells them. */
const argsOf = (schema: Schema.Schema.AnyNoContext): ReadonlyArray<string> => {
  const told: unknown = Either.getOrNull(Either.try(() => JSONSchema.make(schema)))
  if (!Predicate.isReadonlyRecord(told) || !Predicate.isReadonlyRecord(told["properties"])) return []
  const required = Array.isArray(told["required"]) ? told["required"] : []
  return Object.entries(told["properties"]).map(([name, field]) => {
    const type = Predicate.isReadonlyRecord(field) && typeof field["type"] === "string" ? `: ${field["type"]}` : ""
    return `${name}${required.includes(name) ? "" : "?"}${type}`
  })
}
