/**
 * The body of a program that was made of a graph: its variables, and what is done in which order.
 */
import type { Body, Flow, Node } from "./Flow.ts"
import { end } from "./Flow.ts"
import * as Branches from "./FlowEjectBranch.ts"
import type { File } from "./FlowEjectFile.ts"
import * as Nodes from "./FlowEjectNodes.ts"
import * as Print from "./FlowEjectPrint.ts"
import type { Frame } from "./FlowEjectScope.ts"
import * as Scope from "./FlowEjectScope.ts"
import type { Stmt, Stmts, Vertex, Ways } from "./FlowEjectShape.ts"
import * as Shape from "./FlowEjectShape.ts"
import * as Texts from "./FlowEjectText.ts"
import type { Facts, Options, Place, Writer } from "./FlowEjectWriter.ts"
import * as Writers from "./FlowEjectWriter.ts"

/**
 * The text of a body, and whether it uses the arguments.
 * @category converting
 * @since 0.1.0
 */
export const program = (flow: Flow, file: File, options: Options, known: Facts, facts: Facts) => {
  const writer: Writer = {
    flow,
    file,
    options,
    known,
    facts,
    // the types of items are asked for when the survey is there
    survey: Scope.survey(flow, (node) => Writers.itemType(writer, node)),
    slots: new Map(),
    labels: new Map(),
    compared: new Set(),
    bodyOf: (body, place, leave) => bodyOf(writer, body, place, leave),
    functionOf: (body, place, gives) => functionOf(writer, body, place, gives)
  }
  const { root } = writer.survey
  const place: Place = { frame: root, isTop: true, isOwn: true, suffix: "", path: "", come: null }
  const last = writer.survey.ends.get(flow)
  const leave: Stmts = last === undefined
    ? []
    : [{ _tag: "Exit", text: `return ${Writers.result(writer, root, last, "names")}` }]
  const statements = bodyOf(writer, flow, place, leave)
  const used = flow.variables.filter(({ name }) => Writers.isRead(writer, root, name))
  const fixed = used.filter(({ name }) => !root.sets.has(name))
  const lines = [
    ...fixed.length === 0
      ? []
      : [`const ${
        Print.object(fixed.map(({ name }) => {
          const { id } = Writers.slotOf(writer, root, name)
          return id === name ? name : `${Print.key(name)}: ${id}`
        }))
      } = args`],
    ...used.filter(({ name }) => root.sets.has(name)).map(({ name }) => {
      const { id, type } = Writers.slotOf(writer, root, name)
      return `let ${id}: ${file.type(name, type)} = ${Print.field("args", name)}`
    }),
    ...declarations(writer, root),
    Print.print(statements, (label) => labelOf(writer, label))
  ]
  return { body: lines.filter((line) => line !== "").join("\n"), readsArgs: used.length > 0 }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A body inside of a generator function of its own, with what it gives. */
const functionOf = (writer: Writer, body: Body, place: Place, gives: string | null): string => {
  const leave: Stmts = gives === null ? [{ _tag: "Exit", text: "return" }] : [{ _tag: "Exit", text: `return ${gives}` }]
  const all = bodyOf(writer, body, place, leave)
  const last = all.at(-1)
  const statements = last?._tag === "Exit" && last.text === "return" ? all.slice(0, -1) : all
  const lines = [...declarations(writer, place.frame), Print.print(statements, (label) => labelOf(writer, label))]
  return `function*() {\n${Print.indent(lines.filter((line) => line !== "").join("\n"))}\n}`
}

/** The statements of a body; `leave` is what is done at its end. */
const bodyOf = (writer: Writer, body: Body, place: Place, leave: Stmts): Stmts => {
  const most = writer.flow.limits.transitions ?? 1_000
  const isLong = hasWayBack(body) || body.nodes.size > most
  const come = isLong ? writer.file.name(place.path === "" ? "come" : "comeWithin") : null
  const inner: Place = { ...place, come }
  const bound = writer.flow.limits.transitions
  const given = [
    Print.quote(writer.flow.name),
    ...bound === undefined && place.path === "" ? [] : [bound === undefined ? "undefined" : String(bound)],
    ...place.path === "" ? [] : [`\`${place.path}\``]
  ]
  const before: Stmts = come === null
    ? []
    : [{ _tag: "Code", text: `const ${come} = FlowSteps.transitions(${given.join(", ")})` }]
  const go = (to: string): Ways => wayTo(writer, body, place, leave, to)
  const vertices = new Map<string, Vertex>()
  const first = go(body.start)
  if (first._tag === "Leave") return [...before, ...first.body]
  const add = (id: string): void => {
    const node = body.nodes.get(id)
    if (node === undefined || vertices.has(id)) return
    const vertex = vertexOf(writer, node, inner, go)
    vertices.set(id, vertex)
    for (const to of Shape.targetsOf(vertex.ways)) add(to)
  }
  add(body.start)
  const statements = Shape.structured(body.start, vertices)
  if (statements === undefined) {
    const names = { variable: writer.file.name("next"), label: `steps ${body.start}` }
    return [...before, ...Shape.machine(body.start, vertices, names)]
  }
  if (place.isOwn) {
    for (const stmt of statements) {
      if (stmt._tag === "Code" && stmt.node !== undefined) writer.facts.straight.add(stmt.node)
    }
  }
  return [...before, ...statements]
}

const labelOf = (writer: Writer, label: string): string => {
  const known = writer.labels.get(label) ?? writer.file.name(label.replace(/^\w+ /, ""))
  writer.labels.set(label, known)
  return known
}

const hasWayBack = (body: Body): boolean => {
  const done = new Set<string>()
  const open = new Set<string>()
  const visit = (id: string): boolean => {
    if (open.has(id)) return true
    const node = body.nodes.get(id)
    if (node === undefined || done.has(id)) return false
    open.add(id)
    const found = Scope.targetsOf(node).some(visit)
    open.delete(id)
    done.add(id)
    return found
  }
  return visit(body.start)
}

/** Variables that are not declared where they are set. */
const declarations = (writer: Writer, frame: Frame): ReadonlyArray<string> =>
  [...frame.sets.keys()].filter((name) =>
    !(frame.outer === null && frame.given.has(name)) && !(frame.given.has(name)) &&
    !Writers.isConstant(writer, frame, name) &&
    Writers.isRead(writer, frame, name)
  ).map((name) => {
    const { id, key, type } = Writers.slotOf(writer, frame, name)
    const printed = writer.file.type(name, type)
    // the ways of the graph were followed, which the compiler cannot do everywhere
    return writer.known.unsure.has(key) ? `let ${id}: ${printed} | undefined` : `let ${id}!: ${printed}`
  })

const wayTo = (writer: Writer, body: Body, place: Place, leave: Stmts, to: string): Ways => {
  if (to === end) return { _tag: "Leave", body: leave }
  const node = body.nodes.get(to)
  if (node === undefined || (node.type !== "terminal" && node.type !== "fail")) return { _tag: "Go", to }
  const state = writer.survey.states.get(to)
  const names = Writers.namesAt(writer, place.frame, state)
  const message = node.message === null ? undefined : Texts.text(node.message, names)
  const [flow, id] = [Print.quote(writer.flow.name), Print.quote(node.id)]
  if (node.type === "fail") {
    const said = message === undefined ? [] : [message]
    const text = `return yield* ${Print.call("FlowSteps.fail", [flow, id, ...said])}`
    return { _tag: "Leave", body: [{ _tag: "Exit", text }] }
  }
  const said: Stmts = message === undefined
    ? []
    : [{ _tag: "Code", text: `yield* ${Print.call("FlowSteps.finish", [id, message])}` }]
  const gives = state === undefined ? "{}" : Writers.result(writer, place.frame, state, "names")
  return { _tag: "Leave", body: [...said, { _tag: "Exit", text: `return ${gives}` }] }
}

const vertexOf = (writer: Writer, node: Node, place: Place, go: (to: string) => Ways): Vertex => {
  const arrive: Stmts = place.come === null || Nodes.isNamed(node)
    ? []
    : [{ _tag: "Code", text: `yield* ${place.come}(${Print.quote(node.id)})` }]
  if (node.type === "branch") {
    const names = Writers.namesAt(writer, place.frame, writer.survey.states.get(node.id))
    const { before, ways } = Branches.waysOf(node, names, writer.file, go)
    return { code: [...arrive, ...before.map((text): Stmt => ({ _tag: "Code", text }))], ways }
  }
  const [next = end] = Scope.targetsOf(node)
  return { code: [...arrive, ...Nodes.codeOf(writer, node, place)], ways: go(next) }
}
