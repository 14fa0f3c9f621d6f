/**
 * Whether a value that stands in for an answer leads a run to where something is changed.
 *
 * - K1. Only what is certain is told: the branches right after an agent are decided with its defaults as a run would
 *   decide them, and a branch that does not read them is followed no further.
 * - K2. What changes something is a script, and an agent that says so by `write_scope` or `isolation`.
 */
import * as Either from "effect/Either"
import * as Condition from "./Condition.ts"
import type { AgentNode, Body, BranchNode, Flow, FlowContext, Json, Node } from "./Flow.ts"
import * as FlowCheck from "./FlowCheck.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"

/**
 * Warnings of defaults by which a branch leads to a node that changes something.
 * @category converting
 * @since 0.1.0
 */
export const check = (flow: Flow): ReadonlyArray<Problem> => {
  const variables = Object.fromEntries(flow.variables.map(({ name, value }) => [name, value]))
  return bodiesOf(flow).flatMap((body) => [...body.nodes.values()].flatMap((node) => checkNode(body, node, variables)))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bodiesOf = (body: Body): ReadonlyArray<Body> => [
  body,
  ...[...body.nodes.values()].flatMap(FlowCheck.bodiesOf).flatMap(bodiesOf)
]

const checkNode = (body: Body, node: Node, variables: FlowContext): ReadonlyArray<Problem> => {
  if (node.type !== "agent" || node.onExhausted !== "default" || node.outputs.length === 0) return []
  const target = targetOf(body, node, variables)
  const what = target === undefined ? undefined : changeOf(target)
  if (target === undefined || what === undefined) return []
  return [FlowError.warning(
    node.at,
    `without an answer the defaults of node '${node.id}' lead to node '${target.id}', which ${what}`,
    "Choose defaults that lead elsewhere, or say 'on_exhausted: stop'."
  )]
}

/** Where the branches after an agent lead when its defaults stand in; undefined where that is not certain (K1). */
const targetOf = (body: Body, agent: AgentNode, variables: FlowContext): Node | undefined => {
  const defaults: Record<string, Json> = Object.fromEntries(
    agent.outputs.map(({ default: value, key }) => [key, value ?? null])
  )
  let node = body.nodes.get(agent.next)
  // a way through branches alone that comes round ends nowhere
  for (let steps = 0; node?.type === "branch" && steps < body.nodes.size; steps++) {
    if (!reads(node, Object.keys(defaults))) return undefined
    const choice = Condition.choose(node, { ...variables, ...defaults })
    if (Either.isLeft(choice)) return undefined
    node = body.nodes.get(choice.right.next)
    if (node?.type !== "branch") return node
  }
  return undefined
}

/** Whether nothing but what stands in decides: every name an expression could read is one of the outputs. */
const reads = ({ path, when }: BranchNode, outputs: ReadonlyArray<string>): boolean => {
  const roots = [
    ...path === null ? [] : [/^\w+/.exec(path)?.[0] ?? path],
    ...when.flatMap(({ if: condition }) =>
      condition.source.replaceAll(/"[^"]*"|'[^']*'|\.\w+/g, " ").match(/[a-z_]\w*/gi) ?? []
    )
  ].filter((name) => !words.has(name))
  return roots.length > 0 && roots.every((name) => outputs.includes(name))
}

const words: ReadonlySet<string> = new Set(
  "and or not in if else true false null True False None len lower upper trim startswith endswith contains min max sum range default exists"
    .split(" ")
)

const changeOf = (node: Node): string | undefined => {
  if (node.type === "script") return "runs a script"
  if (node.type !== "agent") return undefined
  if (node.isolation === "worktree") return "changes files in a worktree"
  return node.writeScope !== null && node.writeScope.length > 0 ? "changes files" : undefined
}
