/**
 * What the nodes of a graph know by name where they are come to, and what each of them sets.
 *
 * - N1. A name has a value for sure where every way to a node sets it, and may have one where some way does.
 * - N2. Bodies of `for_each` and `parallel` set names of their own; bodies of `while` set those of what they stand in.
 */
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { AgentNode, Body, Flow, Node, Output, WaitNode } from "./Flow.ts"
import { end } from "./Flow.ts"
import type { Type } from "./FlowEjectTypes.ts"
import * as Types from "./FlowEjectTypes.ts"

/**
 * Names that have a value for sure, and names that may have one.
 * @category models
 * @since 0.1.0
 */
export interface Known {
  readonly surely: ReadonlySet<string>
  readonly maybe: ReadonlySet<string>
}

/**
 * What a frame knows where a node is come to: all its names, and those that its nodes have set.
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly names: Known
  readonly set: Known
}

/**
 * The names of the run, of an item of a list, or of a branch that runs beside others.
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  readonly id: string
  readonly outer: Frame | null
  /** The node in the outer frame it stands in. */
  readonly owner: string | null
  readonly body: Body
  /** Names it begins with, and their types. */
  readonly given: ReadonlyMap<string, () => Type>
  /** What its nodes set: names, and the types of what is put there. */
  readonly sets: Map<string, Array<() => Type>>
  /** Nodes that set a name. */
  readonly setters: Map<string, Array<string>>
}

/**
 * What is known of a whole graph.
 * @category models
 * @since 0.1.0
 */
export interface Survey {
  readonly root: Frame
  readonly states: ReadonlyMap<string, State>
  /** What is known at the end of a body, by the node it begins with. */
  readonly ends: ReadonlyMap<Body, State>
  /** The frames of a node's bodies. */
  readonly frames: ReadonlyMap<Body, Frame>
}

/**
 * Looks through a graph. `itemOf` gives the type of a list's items, which may depend on what is asked of the survey.
 * @category converting
 * @since 0.1.0
 */
export const survey = (flow: Flow, itemOf: (node: Extract<Node, { readonly type: "for_each" }>) => Type): Survey => {
  const states = new Map<string, State>()
  const ends = new Map<Body, State>()
  const frames = new Map<Body, Frame>()
  const given = new Map(flow.variables.map((variable) => [variable.name, () => Types.argumentType(variable)]))
  const root = frameOf("", null, null, flow, given)
  const table: Table = { states, ends, frames, itemOf }
  addFrames(table, root, flow)
  walk(table, flow, { names: surely(given.keys()), set: nothing })
  return { root, states, ends, frames }
}

/**
 * The type of a name in a frame that has it: all that is ever put there.
 * @category getters
 * @since 0.1.0
 */
export const typeOf = (frame: Frame, name: string): Type => {
  const given = frame.given.get(name)
  return Types.union([...given === undefined ? [] : [given()], ...(frame.sets.get(name) ?? []).map((type) => type())])
}

/**
 * Whether a frame has a name of its own, rather than that of what it stands in.
 * @category predicates
 * @since 0.1.0
 */
export const has = (frame: Frame, name: string): boolean => frame.given.has(name) || frame.sets.has(name)

/**
 * What an agent or a script puts in the context: null as well where nothing is declared to stand in for an answer.
 * @category getters
 * @since 0.1.0
 */
export const outputType = (output: Output, node: Pick<AgentNode, "onExhausted"> | null): Type =>
  node?.onExhausted === "default" && output.default === undefined
    ? Types.union([output.schema, { type: "null" }])
    : output.schema

/**
 * What a wait puts in the context.
 * @category getters
 * @since 0.1.0
 */
export const waitType = ({ until }: WaitNode): JsonSchemaObject => {
  switch (until._tag) {
    case "Duration":
      return record({ waited_ms: { type: "integer" } })
    case "Time":
      return record({ until: { type: "string" } })
    case "File":
      return record({ found: { type: "boolean" }, path: { type: "string" }, timed_out: { type: "boolean" } })
    case "Approval":
      return record({
        approved: { type: "boolean" },
        message: { anyOf: [{ type: "string" }, { type: "null" }] },
        timed_out: { type: "boolean" }
      })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Table {
  readonly states: Map<string, State>
  readonly ends: Map<Body, State>
  readonly frames: Map<Body, Frame>
  readonly itemOf: (node: Extract<Node, { readonly type: "for_each" }>) => Type
}

const record = (properties: JsonSchemaObject): JsonSchemaObject => ({
  type: "object",
  properties,
  required: Object.keys(properties)
})

const frameOf = (
  id: string,
  outer: Frame | null,
  owner: string | null,
  body: Body,
  given: Frame["given"]
): Frame => ({ id, outer, owner, body, given, sets: new Map(), setters: new Map() })

const addFrames = (table: Table, frame: Frame, body: Body): void => {
  table.frames.set(body, frame)
  for (const node of body.nodes.values()) {
    const put = (name: string, type: () => Type) => {
      frame.sets.set(name, [...frame.sets.get(name) ?? [], type])
      frame.setters.set(name, [...frame.setters.get(name) ?? [], node.id])
    }
    switch (node.type) {
      case "agent":
        for (const output of node.outputs) put(output.key, () => outputType(output, node))
        break
      case "script":
        for (const output of node.outputs) put(output.key, () => outputType(output, null))
        break
      case "workflow":
        if (node.output !== null) put(node.output, () => null)
        break
      case "wait":
        if (node.output !== null) put(node.output, () => waitType(node))
        break
      case "while":
        put(node.as, () => ({ type: "integer" }))
        addFrames(table, frame, node.body)
        break
      case "for_each": {
        const given = new Map<string, () => Type>([
          [node.as, () => table.itemOf(node)],
          [`${node.as}_index`, () => ({ type: "integer" })]
        ])
        const inner = frameOf(node.id, frame, node.id, node.body, given)
        addFrames(table, inner, node.body)
        if (node.output !== null) put(node.output, () => ({ type: "array", items: resultType(table, inner) ?? {} }))
        break
      }
      case "parallel":
        for (const [index, branch] of node.branches.entries()) {
          const inner = frameOf(`${node.id}_${index + 1}`, frame, node.id, branch, new Map())
          addFrames(table, inner, branch)
          for (const name of inner.sets.keys()) put(name, () => typeOf(inner, name))
        }
        break
    }
  }
}

/** What a body gives: an object of what it set, where that is the same each time. */
const resultType = (table: Table, frame: Frame): Type => {
  const set = table.ends.get(frame.body)?.set ?? nothing
  const names = [...set.maybe]
  if (names.length === 0 || names.some((name) => !set.surely.has(name))) return null
  return record(Object.fromEntries(names.map((name) => [name, typeOf(frame, name) ?? {}])))
}

const nothing: Known = { surely: new Set(), maybe: new Set() }

const surely = (names: Iterable<string>): Known => {
  const all = new Set(names)
  return { surely: all, maybe: all }
}

const and = (known: Known, more: Known): Known => ({
  surely: new Set([...known.surely, ...more.surely]),
  maybe: new Set([...known.maybe, ...more.maybe])
})

const or = (left: Known, right: Known): Known => ({
  surely: new Set([...left.surely].filter((name) => right.surely.has(name))),
  maybe: new Set([...left.maybe, ...right.maybe])
})

const put = (state: State, more: Known): State => ({ names: and(state.names, more), set: and(state.set, more) })

const either = (left: State | undefined, right: State): State =>
  left === undefined ? right : { names: or(left.names, right.names), set: or(left.set, right.set) }

const isSame = (left: State | undefined, right: State): boolean =>
  left !== undefined && left.names.surely.size === right.names.surely.size &&
  left.names.maybe.size === right.names.maybe.size && left.set.surely.size === right.set.surely.size &&
  left.set.maybe.size === right.set.maybe.size

/** Follows every way through a body until nothing new is learnt; gives what is known at its end. */
const walk = (table: Table, body: Body, entry: State): State => {
  const known = new Map<string, State>([[body.start, entry]])
  let last: State | undefined
  const queue = [body.start]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const node = body.nodes.get(id)
    const state = known.get(id)
    if (node === undefined || state === undefined) continue
    table.states.set(id, state)
    const after = passed(table, node, state)
    for (const to of targetsOf(node)) {
      if (to === end) {
        last = either(last, after)
        continue
      }
      const joined = either(known.get(to), after)
      if (isSame(known.get(to), joined)) continue
      known.set(to, joined)
      queue.push(to)
    }
  }
  const result = last ?? entry
  table.ends.set(body, result)
  return result
}

/**
 * The nodes a node leads to.
 * @category getters
 * @since 0.1.0
 */
export const targetsOf = (node: Node): ReadonlyArray<string> => {
  switch (node.type) {
    case "branch":
      return [
        ...node.when.map(({ next }) => next),
        ...node.cases.values(),
        ...node.conditions.map(({ next }) => next),
        ...node.default === null ? [] : [node.default]
      ]
    case "terminal":
    case "fail":
      return []
    default:
      return [node.next]
  }
}

const passed = (table: Table, node: Node, state: State): State => {
  switch (node.type) {
    case "agent":
    case "script":
      return put(state, surely(node.outputs.map(({ key }) => key)))
    case "workflow":
    case "wait":
      return node.output === null ? state : put(state, surely([node.output]))
    case "while": {
      const before = put(state, surely([node.as]))
      // a turn may begin with what the turn before it left
      const first = walk(table, node.body, before)
      return either(before, walk(table, node.body, either(before, first)))
    }
    case "for_each": {
      walk(table, node.body, { names: surely([node.as, `${node.as}_index`]), set: nothing })
      return node.output === null ? state : put(state, surely([node.output]))
    }
    case "parallel":
      return node.branches.reduce(
        (all, branch) => put(all, walk(table, branch, { names: nothing, set: nothing }).set),
        state
      )
    case "branch":
    case "terminal":
    case "fail":
      return state
  }
}
