/**
 * Graphs as drawings: Mermaid for pages and chats, DOT for Graphviz.
 *
 * - V1. Every node is drawn once, inside of the node it belongs to; every way out of it is an edge, with what leads there.
 * - V2. Nothing that is written in a graph is read as the drawing's own language: ids are made here, labels are escaped.
 * - V3. The same graph gives the same text.
 */
import type { Body, BranchNode, Flow, Node } from "./Flow.ts"
import { end } from "./Flow.ts"

/**
 * The languages a drawing can be written in.
 * @category models
 * @since 0.1.0
 */
export type Format = "mermaid" | "dot"

/**
 * What is known of a workflow that is a program.
 * @category models
 * @since 0.1.0
 */
export interface Outline {
  readonly name: string
  readonly phases: ReadonlyArray<string>
  /** Names of the arguments, with their types where they are known. */
  readonly args: ReadonlyArray<string>
}

/**
 * A graph as a drawing; graphs that it runs and that are given by their file are drawn inside of it.
 * @category converting
 * @since 0.1.0
 */
export const ofFlow = (flow: Flow, format: Format, children: ReadonlyMap<string, Flow> = new Map()): string => {
  const sheet: Sheet = { children, shapes: 0, edges: [] }
  const begin = shape(sheet, "start", [flow.name])
  const { items, start } = drawBody(sheet, flow, [flow.file])
  sheet.edges.push({ from: begin.id, to: start, label: "" })
  return write(format, [begin, ...items], sheet.edges)
}

/**
 * What a program declares as a drawing: its name, its arguments, and its phases in their order.
 * @category converting
 * @since 0.1.0
 */
export const ofOutline = ({ args, name, phases }: Outline, format: Format): string => {
  const sheet: Sheet = { children: new Map(), shapes: 0, edges: [] }
  const begin = shape(sheet, "start", [name, ...args])
  const steps = phases.map((phase) => shape(sheet, "agent", [phase]))
  const all = [begin, ...steps, shape(sheet, "terminal", [end])]
  all.slice(1).forEach(({ id }, index) => sheet.edges.push({ from: all[index]?.id ?? "", to: id, label: "" }))
  return write(format, all, sheet.edges)
}

// -----------------------------------------------------------------------------
// what is drawn
// -----------------------------------------------------------------------------

type Kind = Node["type"] | "start"

interface Shape {
  readonly _tag: "Shape"
  readonly id: string
  readonly kind: Kind
  readonly lines: ReadonlyArray<string>
}

interface Group {
  readonly _tag: "Group"
  readonly id: string
  readonly lines: ReadonlyArray<string>
  readonly items: ReadonlyArray<Item>
}

type Item = Shape | Group

interface Edge {
  readonly from: string
  readonly to: string
  readonly label: string
}

interface Sheet {
  readonly children: ReadonlyMap<string, Flow>
  shapes: number
  readonly edges: Array<Edge>
}

const shape = (sheet: Sheet, kind: Kind, lines: ReadonlyArray<string>): Shape => ({
  _tag: "Shape",
  id: `n${sheet.shapes++}`,
  kind,
  lines
})

const group = (
  sheet: Sheet,
  lines: ReadonlyArray<string>,
  make: (id: string) => ReadonlyArray<Item>
): Group => {
  const id = `g${sheet.shapes++}`
  return { _tag: "Group", id, lines, items: make(id) }
}

/** The nodes of a body and the ways between them; gives where it starts. */
const drawBody = (sheet: Sheet, body: Body, chain: ReadonlyArray<string>) => {
  const drawn = new Map([...body.nodes].map(([id, node]) => [id, draw(sheet, node, chain)]))
  const ends: Array<Shape> = []
  const idOf = (target: string): string => {
    const known = drawn.get(target)
    if (known !== undefined) return known.id
    const [last = shape(sheet, "terminal", [end])] = ends
    if (ends.length === 0) ends.push(last)
    return last.id
  }
  for (const [id, node] of body.nodes) {
    for (const { label, to } of waysOf(node)) sheet.edges.push({ from: idOf(id), to: idOf(to), label })
  }
  const start = idOf(body.start)
  return { start, items: [...drawn.values(), ...ends] }
}

const draw = (sheet: Sheet, node: Node, chain: ReadonlyArray<string>): Item => {
  switch (node.type) {
    case "agent":
      return shape(sheet, node.type, [node.id, ...facts("agent", node.provider, node.model)])
    case "script":
      return shape(sheet, node.type, [node.id, `script ${nameOf(node.script)}`])
    case "branch":
      return shape(sheet, node.type, [node.id, ...node.path === null ? [] : [node.path]])
    case "wait":
      return shape(sheet, node.type, [node.id, `wait: ${awaited(node.until)}`])
    case "terminal":
    case "fail":
      return shape(sheet, node.type, [node.id, ...node.message === null ? [] : [node.message.source]])
    case "for_each":
      return group(
        sheet,
        [node.id, `for each ${node.as} in ${node.items.source}`],
        () => within(sheet, node.body, chain)
      )
    case "while":
      return group(sheet, [node.id, `while ${node.condition.source}`], () => within(sheet, node.body, chain))
    case "parallel":
      return group(
        sheet,
        [node.id, "at the same time"],
        () => node.branches.map((branch, index) => group(sheet, [`${index + 1}`], () => within(sheet, branch, chain)))
      )
    case "workflow": {
      const child = sheet.children.get(node.workflow)
      const isKnown = child !== undefined && !chain.includes(node.workflow)
      return group(sheet, [node.id, "workflow"], () =>
        isKnown
          ? within(sheet, child, [...chain, node.workflow])
          : [shape(sheet, "workflow", [nameOf(node.workflow)])])
    }
  }
}

const within = (sheet: Sheet, body: Body, chain: ReadonlyArray<string>): ReadonlyArray<Item> => {
  const begin = shape(sheet, "start", [""])
  const { items, start } = drawBody(sheet, body, chain)
  sheet.edges.push({ from: begin.id, to: start, label: "" })
  return [begin, ...items]
}

const facts = (what: string, ...more: ReadonlyArray<string | null>): ReadonlyArray<string> => [
  [what, ...more.filter((fact) => fact !== null)].join(" ")
]

const nameOf = (path: string): string => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)

const awaited = (until: Extract<Node, { readonly type: "wait" }>["until"]): string => {
  switch (until._tag) {
    case "Duration":
      return `${until.millis / 1000} seconds`
    case "Time":
      return `until ${until.at.source}`
    case "File":
      return `file ${until.path.source}`
    case "Approval":
      return `approval${until.prompt === null ? "" : ` ${until.prompt.source}`}`
  }
}

interface Way {
  readonly to: string
  readonly label: string
}

const waysOf = (node: Node): ReadonlyArray<Way> => {
  switch (node.type) {
    case "branch":
      return merged(branchWays(node))
    case "terminal":
    case "fail":
      return []
    default:
      return [{ to: node.next, label: "" }]
  }
}

const branchWays = (node: BranchNode): ReadonlyArray<Way> => [
  ...node.when.map((when) => ({ to: when.next, label: when.if.source })),
  ...[...node.cases].map(([value, to]) => ({ to, label: value === "" ? "''" : value })),
  ...node.conditions.map(({ next, op, value }) => ({ to: next, label: `${op} ${value}` })),
  ...node.default === null ? [] : [{ to: node.default, label: "default" }]
]

/** One edge to each target, with all that leads there. */
const merged = (ways: ReadonlyArray<Way>): ReadonlyArray<Way> => {
  const labels = new Map<string, ReadonlyArray<string>>()
  for (const { label, to } of ways) labels.set(to, [...labels.get(to) ?? [], label])
  return [...labels].map(([to, all]) => ({ to, label: all.join(", ") }))
}

// -----------------------------------------------------------------------------
// how it is written
// -----------------------------------------------------------------------------

const write = (format: Format, items: ReadonlyArray<Item>, edges: ReadonlyArray<Edge>): string =>
  (format === "mermaid" ? mermaid(items, edges) : dot(items, edges)).join("\n") + "\n"

const longest = 80

/** One line of a label, without what no drawing shows. */
const clean = (text: string): string => {
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]+/g, " ").trim()
  const characters = [...line]
  return characters.length > longest ? `${characters.slice(0, longest - 1).join("")}…` : line
}

const mermaid = (items: ReadonlyArray<Item>, edges: ReadonlyArray<Edge>): ReadonlyArray<string> => [
  "flowchart TD",
  ...items.flatMap((item) => mermaidItem(item, "  ")),
  ...edges.map(({ from, label, to }) =>
    label === "" ? `  ${from} --> ${to}` : `  ${from} -->|"${mermaidText(label)}"| ${to}`
  ),
  ...items.some(fails) ? ["  classDef fail stroke:#c00,color:#c00"] : []
]

/** Whether anything in it is drawn as a failure. */
const fails = (item: Item): boolean => item._tag === "Group" ? item.items.some(fails) : item.kind === "fail"

const mermaidItem = (item: Item, indent: string): ReadonlyArray<string> => {
  // an empty label is no label
  const label = item.lines.map(mermaidText).join("<br/>") || " "
  if (item._tag === "Group") {
    return [
      `${indent}subgraph ${item.id}["${label}"]`,
      ...item.items.flatMap((inner) => mermaidItem(inner, `${indent}  `)),
      `${indent}end`
    ]
  }
  const [open, close] = mermaidShapes[item.lines[0] === "" ? "dot" : item.kind]
  return [`${indent}${item.id}${open}"${label}"${close}${item.kind === "fail" ? ":::fail" : ""}`]
}

const mermaidShapes: Readonly<Record<Kind | "dot", readonly [open: string, close: string]>> = {
  start: ["([", "])"],
  dot: ["((", "))"],
  agent: ["[", "]"],
  script: ["[[", "]]"],
  branch: ["{", "}"],
  wait: ["{{", "}}"],
  workflow: ["[/", "/]"],
  terminal: ["([", "])"],
  fail: [">", "]"],
  for_each: ["[", "]"],
  while: ["[", "]"],
  parallel: ["[", "]"]
}

/** What Mermaid, or the HTML it makes, could read as its own is written as the number of the character. */
const mermaidText = (text: string): string =>
  clean(text).replace(/[^\p{L}\p{N} .,:!?=+/()_'…-]/gu, (character) => `#${character.codePointAt(0) ?? 32};`)

const dot = (items: ReadonlyArray<Item>, edges: ReadonlyArray<Edge>): ReadonlyArray<string> => {
  const groups = new Set(items.flatMap(groupsIn))
  const ends = ({ from, to }: Edge) => [
    ...groups.has(from) ? [`ltail=cluster_${from}`] : [],
    ...groups.has(to) ? [`lhead=cluster_${to}`] : []
  ]
  return [
    "digraph {",
    "  compound=true",
    "  node [fontname=\"sans-serif\"]",
    ...items.flatMap((item) => dotItem(item, "  ")),
    ...edges.map((edge) => {
      const attributes = [...edge.label === "" ? [] : [`label="${dotText(edge.label)}"`], ...ends(edge)]
      return `  ${edge.from} -> ${edge.to}${attributes.length === 0 ? "" : ` [${attributes.join(", ")}]`}`
    }),
    "}"
  ]
}

const groupsIn = (item: Item): ReadonlyArray<string> =>
  item._tag === "Shape" ? [] : [item.id, ...item.items.flatMap(groupsIn)]

const dotItem = (item: Item, indent: string): ReadonlyArray<string> => {
  const label = item.lines.map(dotText).join("\\n")
  if (item._tag === "Group") {
    return [
      `${indent}subgraph cluster_${item.id} {`,
      `${indent}  label="${label}"`,
      // edges lead between nodes, so a group has one that nobody sees
      `${indent}  ${item.id} [shape=point, style=invis]`,
      ...item.items.flatMap((inner) => dotItem(inner, `${indent}  `)),
      `${indent}}`
    ]
  }
  const look = item.lines[0] === "" ? "shape=point" : dotShapes[item.kind]
  return [`${indent}${item.id} [label="${label}", ${look}]`]
}

const dotShapes: Readonly<Record<Kind, string>> = {
  start: "shape=oval, style=dashed",
  agent: "shape=box",
  script: "shape=component",
  branch: "shape=diamond",
  wait: "shape=hexagon",
  workflow: "shape=folder",
  terminal: "shape=oval",
  fail: "shape=octagon, color=\"#cc0000\"",
  for_each: "shape=box",
  while: "shape=box",
  parallel: "shape=box"
}

const dotText = (text: string): string => clean(text).replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")
