/**
 * Going back in the run of a graph, to run again from a node.
 *
 * - W1. The run goes on from the last time it came to the node, with the context as it was before it. What it did from
 *   there on stays on record and in its costs, and nothing of it is used again.
 * - W2. Going back is on record before the node begins: a run that is stopped afterwards goes on from there.
 * - W3. A run that cannot go back is left as it is.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Body, Flow, Node } from "./Flow.ts"
import type { FlowEnv } from "./FlowEnv.ts"
import { CannotGoBack } from "./FlowRunError.ts"
import type { Recorded } from "./FlowState.ts"

/**
 * The transition to go back to: the last one of the node, or the next one where the run stands at the node.
 * @category getters
 * @since 0.1.0
 */
export const placeOf = (
  flow: Flow,
  way: ReadonlyArray<Recorded>,
  node: string
): Either.Either<number, CannotGoBack> => {
  const refuse = (detail: string) => Either.left(new CannotGoBack({ workflow: flow.name, node, detail }))
  if (!flow.nodes.has(node)) {
    const outer = [...flow.nodes.values()].find((one) => bodiesOf(one).some((body) => holds(body, node)))
    return refuse(
      outer === undefined
        ? `${flow.file} has no node '${node}'. ${cameTo(flow, way)}`
        : `Node '${node}' is one of node '${outer.id}': go back to '${outer.id}'.`
    )
  }
  const last = way.findLastIndex((recorded) => recorded.node === node)
  if (last >= 0) return Either.right(last)
  const standsAt = way.length === 0 ? flow.start : way.at(-1)?.next
  return standsAt === node
    ? Either.right(way.length)
    : refuse(`The run has not come to node '${node}' yet. ${cameTo(flow, way)}`)
}

/**
 * Goes back to a node (W2).
 * @category running
 * @since 0.1.0
 */
export const go = ({ flow, state }: FlowEnv, node: string): Effect.Effect<void, CannotGoBack> =>
  Effect.flatMap(placeOf(flow, state.way(), node), (seq) => state.rewind(seq, node))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bodiesOf = (node: Node): ReadonlyArray<Body> => {
  switch (node.type) {
    case "for_each":
    case "while":
      return [node.body]
    case "parallel":
      return node.branches
    case "agent":
    case "script":
    case "branch":
    case "workflow":
    case "wait":
    case "terminal":
    case "fail":
      return []
  }
}

const holds = ({ nodes }: Body, id: string): boolean =>
  nodes.has(id) || [...nodes.values()].some((node) => bodiesOf(node).some((body) => holds(body, id)))

const cameTo = ({ nodes, start }: Flow, way: ReadonlyArray<Recorded>): string => {
  const ids = [...new Set([...way.map(({ node }) => node), way.at(-1)?.next ?? start])].filter((id) => nodes.has(id))
  return `It came to ${ids.slice(-20).join(", ")}.`
}
