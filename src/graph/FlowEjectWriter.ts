/**
 * What is shared while a graph is written as a program: its variables, where they are known, and what they are called.
 */
import type { Body, Flow, Node, Prompt } from "./Flow.ts"
import type { File } from "./FlowEjectFile.ts"
import * as Print from "./FlowEjectPrint.ts"
import type { Frame, State, Survey } from "./FlowEjectScope.ts"
import * as Scope from "./FlowEjectScope.ts"
import type { Stmts } from "./FlowEjectShape.ts"
import type { Known, Names } from "./FlowEjectText.ts"
import * as Texts from "./FlowEjectText.ts"
import type { Type } from "./FlowEjectTypes.ts"
import * as Types from "./FlowEjectTypes.ts"

/**
 * What the bodies of a program have in common.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Absolute path of the directory the program is written to. */
  readonly directory: string
  readonly relative: (from: string, to: string) => string
  /** The name of the workflow of a file. */
  readonly childOf: (path: string) => string
}

/**
 * What is known of the variables of a program once it was written.
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  readonly isFirst: boolean
  /** Variables whose value is used. */
  readonly read: Set<string>
  /** Variables that are used where they may have no value. */
  readonly unsure: Set<string>
  /** Nodes that stand inside of no loop and no branch. */
  readonly straight: Set<string>
}

/**
 * Nothing known yet: every variable is taken to be used.
 * @category constructors
 * @since 0.1.0
 */
export const noFacts: Facts = { isFirst: true, read: new Set(), unsure: new Set(), straight: new Set() }

/**
 * What is to be learnt while a program is written.
 * @category constructors
 * @since 0.1.0
 */
export const facts = (): Facts => ({
  ...noFacts,
  isFirst: false,
  read: new Set(),
  unsure: new Set(),
  straight: new Set()
})

/**
 * A graph that is being written.
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  readonly flow: Flow
  readonly file: File
  readonly options: Options
  readonly survey: Survey
  readonly known: Facts
  readonly facts: Facts
  /** The variables of a frame. */
  readonly slots: Map<string, Slot>
  readonly labels: Map<string, string>
  /** The statements of a body, and a body as a function of its own. */
  readonly bodyOf: (body: Body, place: Place, leave: Stmts) => Stmts
  readonly functionOf: (body: Body, place: Place, gives: string | null) => string
  /** Names that were compared, of which TypeScript may know more from then on. */
  readonly compared: Set<string>
}

/**
 * A variable.
 * @category models
 * @since 0.1.0
 */
export interface Slot {
  readonly key: string
  readonly id: string
  readonly type: Type
  readonly isNarrow: boolean
}

/**
 * Where in a program a node stands.
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly frame: Frame
  /** Whether calls name the phase they belong to; inside of a node they belong to its phase. */
  readonly isTop: boolean
  /** Whether variables can be declared where they are set. */
  readonly isOwn: boolean
  /** What is added to labels, to stand between backticks. */
  readonly suffix: string
  /** The way down to the body, to stand between backticks. */
  readonly path: string
  /** The name of what counts transitions, where the body may come to a node more than once. */
  readonly come: string | null
}

/**
 * What the texts of a place know.
 * @category converting
 * @since 0.1.0
 */
export const namesAt = (writer: Writer, frame: Frame, state: State | undefined): Names => ({
  find: (name) => find(writer, frame, state, name),
  compared: (name) => void writer.compared.add(name),
  template: (prompt) => templateOf(writer, prompt)
})

/**
 * The variable of a name in a frame.
 * @category getters
 * @since 0.1.0
 */
export const slotOf = (writer: Writer, frame: Frame, name: string): Slot => {
  const key = `${frame.id}\u0000${writer.flow.file}\u0000${name}`
  const known = writer.slots.get(key)
  if (known !== undefined) return known
  const type = Scope.typeOf(frame, name)
  const different = new Set(
    [frame.given.get(name), ...frame.sets.get(name) ?? []].map((one) => one === undefined ? "" : JSON.stringify(one()))
  )
  const slot = { key, id: writer.file.name(name), type, isNarrow: different.size > (frame.given.has(name) ? 1 : 2) }
  writer.slots.set(key, slot)
  return slot
}

/**
 * Whether the value of a name is used anywhere.
 * @category predicates
 * @since 0.1.0
 */
export const isRead = (writer: Writer, frame: Frame, name: string): boolean =>
  writer.known.isFirst || writer.known.read.has(slotOf(writer, frame, name).key)

/**
 * An object of what a body has set, or of all it knows.
 * @category converting
 * @since 0.1.0
 */
export const result = (writer: Writer, frame: Frame, state: State, what: "names" | "set"): string => {
  const names = [...state[what].maybe].filter((name) => Scope.has(frame, name))
  return Print.object(names.map((name) => {
    const known = find(writer, frame, state, name)
    return known === undefined || known.code === name ? Print.key(name) : `${Print.key(name)}: ${known.code}`
  }))
}

/**
 * Whether a variable is declared where a node sets it.
 * @category predicates
 * @since 0.1.0
 */
export const isConstant = (writer: Writer, frame: Frame, name: string): boolean => {
  const setters = frame.setters.get(name) ?? []
  const [only] = setters
  return only !== undefined && setters.length === 1 && !frame.given.has(name) && frame.body.nodes.has(only) &&
    writer.known.straight.has(only) && !writer.known.unsure.has(slotOf(writer, frame, name).key)
}

/**
 * A length of time as options take it.
 * @category converting
 * @since 0.1.0
 */
export const durationOf = (millis: number): string => {
  const [unit, size] = units.find(([, size]) => millis > 0 && millis % size === 0) ?? ["millis", 1]
  const count = millis / size
  return Print.quote(`${count} ${count === 1 ? unit.replace(/s$/, "") : unit}`)
}

/**
 * The type of the items a node goes through.
 * @category getters
 * @since 0.1.0
 */
export const itemType = (writer: Writer, node: Extract<Node, { readonly type: "for_each" }>): Type => {
  const frame = frameWith(writer.survey, node)
  // the type is asked for while the survey is made, before anything is read
  const quiet: Writer = { ...writer, facts: facts() }
  const names = namesAt(quiet, frame, writer.survey.states.get(node.id))
  return Types.itemOf(Texts.value(node.items, { ...names, template: () => "" }).type)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const units: ReadonlyArray<readonly [string, number]> = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
  ["seconds", 1_000],
  ["millis", 1]
]

const find = (writer: Writer, frame: Frame, state: State | undefined, name: string): Known | undefined => {
  const around = (): Known | undefined =>
    frame.outer === null ? undefined : find(writer, frame.outer, writer.survey.states.get(frame.owner ?? ""), name)
  if (!Scope.has(frame, name) || state === undefined || !state.names.maybe.has(name)) return around()
  const slot = slotOf(writer, frame, name)
  writer.facts.read.add(slot.key)
  const own = { code: slot.id, type: slot.type, isNarrow: slot.isNarrow || writer.compared.has(name) }
  if (state.names.surely.has(name)) {
    // the ways of the graph were followed, which the compiler cannot do everywhere
    const code = writer.known.unsure.has(slot.key) ? `${slot.id}!` : slot.id
    return { ...own, code, raw: slot.id, isThere: true }
  }
  writer.facts.unsure.add(slot.key)
  const other = around()
  return other === undefined ? { ...own, isThere: false } : {
    code: `(${slot.id} === undefined ? ${other.code} : ${slot.id})`,
    type: Types.union([slot.type, other.type]),
    isThere: other.isThere,
    isNarrow: true
  }
}

const frameWith = ({ frames, root }: Survey, node: Extract<Node, { readonly type: "for_each" }>): Frame =>
  frames.get(node.body)?.outer ?? root

const templateOf = (writer: Writer, prompt: Prompt): string => {
  const includes = [...prompt.includes ?? []].map(([name, { source }]) =>
    `${Print.key(name)}: ${Print.literalText(source)}`
  )
  const options = [
    ...prompt.file === null ? [] : [`from: ${Print.quote(prompt.file.replace(/^.*[\\/]/, ""))}`],
    ...includes.length === 0 ? [] : [`includes: {\n${includes.join(",\n")}\n}`],
    ...writer.flow.values === undefined ? [] : [`values: ${Print.quote(writer.flow.values)}`]
  ]
  const wanted = prompt.file === null ? "text" : `${prompt.file.replace(/^.*[\\/]/, "").replace(/\.\w+$/, "")}Text`
  const text = Print.literalText(prompt.template.source)
  // a text of several lines begins where it is opened, so that none of its lines moves
  const more = options.length === 0 ? "" : options.some((option) => option.includes("\n"))
    ? `, {\n${options.join(",\n")}\n}`
    : `, { ${options.join(", ")} }`
  const isMoved = [text, ...options].every((part) => !part.includes("\n"))
  return writer.file.constant(
    wanted,
    isMoved ? Print.call("FlowKit.template", [text], options) : `FlowKit.template(${text}${more})`
  )
}
