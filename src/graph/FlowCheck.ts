/**
 * Whether a graph hangs together: every node that is gone to is there, and every node leads to an end.
 *
 * - G1. A node that nothing leads to, or that leads to no end, is a warning: the run never needs it, or is stopped by its
 *   limits. Loops are allowed.
 * - G2. A branch that provably meets a value it has no way for is an error; one that may, as far as anybody can tell, is a
 *   warning.
 */
import type { Body, Node } from "./Flow.ts"
import { end } from "./Flow.ts"
import type { Draft, Scope, Target } from "./FlowDraft.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowFields from "./FlowFields.ts"

/**
 * What is wrong with the way the nodes are connected.
 * @category converting
 * @since 0.1.0
 */
export const check = (draft: Draft): ReadonlyArray<Problem> => [
  ...draft.targets.flatMap((target) => checkTarget(draft, target)),
  ...draft.scopes.flatMap((scope) => checkScope(draft, scope)),
  ...[...allNodes(draft.flow)].flatMap(checkBranch)
]

/**
 * The bodies of a node.
 * @category getters
 * @since 0.1.0
 */
export const bodiesOf = (node: Node): ReadonlyArray<Body> =>
  node.type === "parallel" ? node.branches : node.type === "for_each" || node.type === "while" ? [node.body] : []

/**
 * The nodes of a body and of all bodies in it.
 * @category getters
 * @since 0.1.0
 */
export function* allNodes(body: Body): Generator<Node> {
  for (const node of body.nodes.values()) {
    yield node
    for (const inner of bodiesOf(node)) yield* allNodes(inner)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const checkTarget = ({ scopes }: Draft, { at, field, from, scope, to }: Target): ReadonlyArray<Problem> => {
  if (scope.ids.has(to) || to === end && scope.owner !== null && from !== null) return []
  const names = [...scope.ids.keys()]
  const where = scope.owner === null ? "the graph" : `the body of node '${scope.owner}'`
  const who = from === null ? `${field} of ${where}` : `${field} of node '${from}'`
  const detail = `${who} names the node '${FlowFields.clip(to)}', which is not there`
  if (to === end && scope.owner === null) {
    const terminal = names.find((name) => scope.ends.has(name))
    const advice = terminal === undefined
      ? "Add a node of type terminal and name it."
      : `Name a terminal node: ${terminal}.`
    return [FlowError.error(at, `${who} is 'end', which ends a body and not the graph`, advice)]
  }
  const other = scopes.find(({ ids }) => ids.has(to))
  if (other !== undefined) {
    const there = other.owner === null ? "in the graph around it" : `in the body of node '${other.owner}'`
    return [FlowError.error(at, `${detail}: it is ${there}`, "A node leads to nodes of its own body, or to 'end'.")]
  }
  const advice = FlowFields.suggest(to, names) ??
    (names.length > 0 && names.length <= 12 ? `There are ${names.join(", ")}.` : null)
  return [FlowError.error(at, detail, advice)]
}

const checkScope = (draft: Draft, scope: Scope): ReadonlyArray<Problem> => {
  const targets = draft.targets.filter((target) => target.scope === scope)
  const start = targets.find(({ from }) => from === null)
  const first = start?.to ?? [...scope.ids.keys()][0]
  if (first === undefined) return []
  const problems = checkEnds(draft, scope)
  if (!scope.ids.has(first)) return problems
  const forwards = edges(targets, ({ from }) => from, ({ to }) => to)
  // what is only missing because a name is wrong is not told as well
  const isBroken = targets.some(({ to }) => to !== end && !scope.ids.has(to)) ||
    [...scope.ids.keys()].some((id) => !scope.ends.has(id) && !forwards.has(id))
  if (isBroken) return problems
  const reached = reach([first], forwards)
  const finishing = reach([...scope.ends, end], edges(targets, ({ to }) => to, ({ from }) => from))
  for (const [id, at] of scope.ids) {
    if (!reached.has(id)) {
      const detail = `nothing leads to the node '${id}', so it never runs`
      problems.push(FlowError.warning(at, detail, "Name it in 'next', in a branch, or remove it."))
    } else if (!finishing.has(id) && problems.length === 0) {
      const detail = `no way leads from the node '${id}' to an end; the run goes on until its limits stop it`
      problems.push(FlowError.warning(at, detail, "Let a branch lead out of the loop."))
    }
  }
  return problems
}

const checkEnds = ({ flow }: Draft, { ends, ids, owner }: Scope): Array<Problem> => {
  if (owner !== null || ends.size > 0 || ids.size === 0) return []
  const at = [...ids.values()].at(-1) ?? { file: flow.file, line: 1, column: 1 }
  return [FlowError.error(at, "the graph has no end", "Add a node of type terminal: - {id: done, type: terminal}.")]
}

type Edges = ReadonlyMap<string, ReadonlyArray<string>>

const edges = (
  targets: ReadonlyArray<Target>,
  from: (target: Target) => string | null,
  to: (target: Target) => string | null
): Edges => {
  const found = new Map<string, Array<string>>()
  for (const target of targets) {
    const [a, b] = [from(target), to(target)]
    if (a === null || b === null) continue
    const known = found.get(a)
    if (known === undefined) found.set(a, [b])
    else known.push(b)
  }
  return found
}

const reach = (starts: ReadonlyArray<string>, edges: Edges): ReadonlySet<string> => {
  const reached = new Set(starts)
  // a set gives what is added while it is walked
  for (const id of reached) for (const next of edges.get(id) ?? []) reached.add(next)
  return reached
}

const checkBranch = (node: Node): ReadonlyArray<Problem> => {
  if (node.type !== "branch" || node.default !== null) return []
  if (node.cases.size + node.conditions.length + node.when.length > 0) return []
  return [FlowError.error(
    node.at,
    `node '${node.id}' has no way on`,
    "Give it 'cases', 'conditions', 'when' or 'default'."
  )]
}
