/**
 * What each type of node does when it is come to.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AgentError from "../domain/AgentError.ts"
import * as Fallback from "../workflow/Fallback.ts"
import type { Run } from "../workflow/Run.ts"
import * as Verbs from "../workflow/Verbs.ts"
import * as Condition from "./Condition.ts"
import type { Body, BranchNode, FlowContext, ForEachNode, Json, ParallelNode, WhileNode } from "./Flow.ts"
import * as FlowAgents from "./FlowAgents.ts"
import type { Done, FlowEnv, Frame, Services, Visit } from "./FlowEnv.ts"
import { failed, frame, goOn, inNode } from "./FlowEnv.ts"
import type { FlowFailure } from "./FlowFailure.ts"
import { FlowDiverged, NodeFailed } from "./FlowRunError.ts"
import * as FlowTexts from "./FlowTexts.ts"
import * as FlowWaits from "./FlowWaits.ts"

/**
 * Walks a body to its end.
 * @category models
 * @since 0.1.0
 */
export type Walk = (body: Body, frame: Frame) => Effect.Effect<void, FlowFailure, Run | Services>

/**
 * Runs a node.
 * @category running
 * @since 0.1.0
 */
export const run = (env: FlowEnv, visit: Visit, walk: Walk): Done => {
  const { node } = visit
  switch (node.type) {
    case "agent":
      return FlowAgents.ask(env, { ...visit, node })
    case "script":
      return FlowAgents.run(env, { ...visit, node })
    case "branch":
      return Effect.map(decide(env.run, node, visit.context), (next) => goOn(next))
    case "for_each":
      return forEach({ ...visit, node }, walk)
    case "while":
      return loop(env, { ...visit, node }, walk)
    case "parallel":
      return parallel(env, { ...visit, node }, walk)
    case "workflow":
      return FlowWaits.child(env, { ...visit, node })
    case "wait":
      return FlowWaits.wait(env, { ...visit, node })
    case "terminal":
    case "fail":
      return Effect.dieMessage(`node ${node.id} ends the run and is not run`)
  }
}

/**
 * Whether a failure may pass when the node is run again: not one that a person has to put right, and no bound.
 * @category predicates
 * @since 0.1.0
 */
export const isWorthAnotherTry = (error: unknown): boolean =>
  AgentError.isAgentError(error) ? Fallback.isExhausted(error) : error instanceof NodeFailed

/**
 * A failure in a sentence.
 * @category converting
 * @since 0.1.0
 */
export const describe = (error: unknown): string => error instanceof Error ? error.message : String(error)

/**
 * Decides a branch, and keeps what could not be compared; gives the next node.
 * @category running
 * @since 0.1.0
 */
export const decide = (
  run: Run["Type"],
  node: BranchNode,
  context: FlowContext
): Effect.Effect<string, NodeFailed> =>
  Effect.gen(function*() {
    const choice = yield* Effect.mapError(Condition.choose(node, context), (error) => failed(node, error.message))
    for (const warning of choice.warnings) {
      yield* run.event("branch_warning", `${node.id}: ${warning}`, { node: node.id, next: choice.next })
    }
    return choice.next
  })

/**
 * Whether a loop that would go on may do so; keeps that it may not.
 * @category running
 * @since 0.1.0
 */
export const mayTurn = (run: Run["Type"], id: string, turn: number, most: number): Effect.Effect<boolean> =>
  turn < most ? Effect.succeed(true) : Effect.as(
    run.event("loop_bound", `${id}: went on after ${turn} turns, as many as it may take`, { node: id, turns: turn }),
    false
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const forEach = ({ context, frame: outer, name, node }: Visit<ForEachNode>, walk: Walk): Done =>
  Effect.gen(function*() {
    const list = Effect.flatMap(
      inNode(node, FlowTexts.evaluate(node.items, context)),
      (items) =>
        isList(items) ? Effect.succeed(items) : failed(node, `its items are ${kindOf(items)} and have to be a list`)
    )
    // what was done for an item is found by its place in the list, so the list stays as it was
    const items = yield* Verbs.step(`${name}:items`, Items, list)
    const outputs = yield* Effect.forEach(items, (item, index) => {
      const given: FlowContext = { ...context, [node.as]: item, [`${node.as}_index`]: index }
      const inner = frame(given, {
        path: `${name}[${index}]`,
        group: outer.group ?? node.id,
        suffix: `${outer.suffix}[${index}]`
      })
      return Effect.map(walk(node.body, inner), () => inner.set)
    }, { concurrency: node.concurrency })
    return goOn(node.next, node.output === null ? {} : { [node.output]: outputs })
  })

const Items = Schema.Array(Schema.declare((value: unknown): value is Json => value !== undefined))

const loop = (env: FlowEnv, { context, frame: outer, name, node }: Visit<WhileNode>, walk: Walk): Done =>
  Effect.gen(function*() {
    const set: Record<string, Json> = { [node.as]: 0 }
    let turn = 0
    for (;;) {
      const path = `${name}[${turn + 1}]`
      // a turn of which something is on record was begun, which is not decided again
      if (env.state.recorded(path, 0) === undefined) {
        const holds = yield* inNode(node, FlowTexts.test(node.condition, { ...context, ...set }))
        if (!holds || !(yield* mayTurn(env.run, node.id, turn, node.maxTurns))) break
      }
      turn++
      set[node.as] = turn
      const inner = frame({ ...context, ...set }, {
        path,
        group: outer.group ?? node.id,
        suffix: `${outer.suffix}[${turn}]`
      })
      yield* walk(node.body, inner)
      Object.assign(set, inner.set)
    }
    return goOn(node.next, set)
  })

const parallel = (env: FlowEnv, { context, frame: outer, name, node }: Visit<ParallelNode>, walk: Walk): Done =>
  Effect.gen(function*() {
    yield* inPlace(env, name, node)
    const outputs = yield* Effect.forEach(node.branches, (body, index) => {
      const inner = frame(context, {
        path: `${name}[${index}]`,
        group: outer.group ?? node.id,
        suffix: outer.suffix
      })
      return Effect.map(walk(body, inner), () => inner.set)
    }, { concurrency: node.concurrency })
    return goOn(node.next, Object.assign({}, ...outputs))
  })

/** What was done in a branch is found by its place among the others, so a branch that has begun has to stay there. */
const inPlace = (env: FlowEnv, name: string, { branches, id }: ParallelNode): Effect.Effect<void, FlowDiverged> => {
  for (const [index, { nodes }] of branches.entries()) {
    const begun = env.state.recorded(`${name}[${index}]`, 0)?.node
    if (begun === undefined || nodes.has(begun)) continue
    const now = branches.findIndex((other) => other.nodes.has(begun))
    if (now < 0) continue
    return new FlowDiverged({
      workflow: env.flow.name,
      node: id,
      detail:
        `The run was in branch ${index + 1} of node '${id}' with node '${begun}', which is in branch ${now + 1} now. ` +
        `Put the branches back in their order and resume the run, or do all of them again with \`owf resume <run_id> --from ${id}\`.`
    })
  }
  return Effect.void
}

const isList = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value)

const kindOf = (value: Json): string =>
  value === null ? "null" : typeof value === "object" ? "an object" : `a ${typeof value}`
