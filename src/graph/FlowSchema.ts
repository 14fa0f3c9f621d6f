/**
 * A graph from what is written: its head, its variables, and its nodes in their bodies.
 *
 * Names are looked up later, when all of them are known; here they are collected.
 */
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Body, Limits, Node, Variable } from "./Flow.ts"
import { end } from "./Flow.ts"
import type { Draft, Reading, Scope } from "./FlowDraft.ts"
import * as FlowDraft from "./FlowDraft.ts"
import * as FlowError from "./FlowError.ts"
import type { Fields } from "./FlowFields.ts"
import * as FlowFields from "./FlowFields.ts"
import * as FlowNodeSchema from "./FlowNodeSchema.ts"
import type { MapValue, Value } from "./FlowSource.ts"

/**
 * Reads a graph; null where there is none to be read.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  value: Value | null,
  options: {
    /** Absolute path of the file. */
    readonly file: string
    /** What the graph is called where it does not say. */
    readonly name: string
    readonly resolve: (written: string) => string
  }
): Draft | { readonly flow: null; readonly problems: ReadonlyArray<FlowError.Problem> } => {
  const start = { file: options.file, line: 1, column: 1 }
  if (value?._tag !== "Map") {
    const detail = value === null ? "the file holds no graph" : "a graph has to be a map of its fields"
    const problem = FlowError.error(value?.at ?? start, detail, "It begins with 'name', 'start' and 'nodes'.")
    return { flow: null, problems: [problem] }
  }
  const reading = FlowDraft.reading(options.resolve)
  const fields = FlowFields.open(reading.problems, value, "the graph", known, hints)
  const body = readBody(reading, fields, null)
  const { resolve: _, ...draft } = reading
  return {
    ...draft,
    flow: {
      ...body,
      name: nameOf(fields, options.name),
      description: FlowFields.text(fields, "description") ?? "",
      file: options.file,
      digest: "",
      variables: variables(fields),
      limits: limits(fields),
      values: FlowFields.choice(fields, "values", ["json", "python"]) === "python" ? "python" : undefined
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const known = ["name", "description", "start", "vars", "types", "schemas", "limits", "values", "nodes"]
const hints: ReadonlyMap<string, string> = new Map([
  ["variables", "Did you mean vars?"],
  ["params", "What a run is given stands in 'vars', and what it has to be in 'types'."],
  ["inputs", "What a run is given stands in 'vars', and what it has to be in 'types'."],
  ["steps", "Did you mean nodes?"]
])

const longestName = 100

/** Names are parts of paths, commands and headings: no separators, no way up. */
const faultOfName = (name: string): string | undefined => {
  if (name.length > longestName) return `has ${name.length} characters; the most is ${longestName}`
  if (name.includes("..") || /[\\/]/.test(name)) return "could lead out of the directory of a run"
  if (name === "__proto__") return "is reserved"
  if (/^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_. -]*[\p{L}\p{N}\p{M}_-])?$/u.test(name)) return undefined
  return "has to begin with a letter, a digit or '_' and go on with those, '-', '.' and spaces"
}

const nameOf = (fields: Fields, byFile: string): string => {
  const written = FlowFields.text(fields, "name")
  const name = written ?? byFile
  const fault = faultOfName(name)
  if (fault !== undefined) {
    FlowFields.refuse(
      fields,
      "name",
      `is '${FlowFields.clip(name)}', which ${fault}`,
      written === null ? "Give it a 'name'." : null
    )
  }
  return name
}

const readBody = (reading: Reading, fields: Fields, owner: string | null): Body => {
  const scope: Scope = { owner, ids: new Map(), ends: new Set() }
  reading.scopes.push(scope)
  const maps = FlowFields.maps(fields, "nodes", "a node")
  if (FlowFields.value(fields, "nodes") === undefined) FlowFields.missing(fields, "nodes")
  else if (maps.length === 0 && FlowFields.items(fields, "nodes")?.length === 0) {
    FlowFields.refuse(fields, "nodes", "is empty")
  }
  const nodes = new Map<string, Node>()
  for (const map of maps) {
    const node = readNode(reading, scope, map, nodes.size)
    if (node !== null) nodes.set(node.id, node)
  }
  const start = FlowDraft.target(reading, scope, fields, "start", { from: null, isNeeded: owner === null })
  return { start: start ?? [...scope.ids.keys()][0] ?? "", nodes }
}

const readNode = (reading: Reading, scope: Scope, map: MapValue, index: number): Node | null => {
  const entry = (key: string) => map.entries.find((entry) => entry.key === key)?.value
  const id = entry("id")
  const type = entry("type")
  const what = id?._tag === "Scalar" && id.text !== "" ? `node '${FlowFields.clip(id.text)}'` : `node ${index + 1}`
  const head: Fields = {
    what,
    at: map.at,
    entries: new Map(map.entries.map((entry) => [entry.key, entry])),
    problems: reading.problems,
    unknown: []
  }
  const name = readId(reading, scope, head)
  const word = type === undefined
    ? FlowFields.missing(head, "type", `It is one of ${FlowNodeSchema.types.join(", ")}.`)
    : FlowFields.choice(head, "type", FlowNodeSchema.types)
  if (word === null) return null
  const read = FlowNodeSchema.read(
    reading,
    scope,
    map,
    name ?? `${index + 1}`,
    word,
    (fields, owner) => readBody(reading, fields, owner)
  )
  return name === null ? null : read
}

/** Names are of the whole graph, so that a name says which node is meant in records, commands and pictures. */
const readId = ({ problems, scopes }: Reading, scope: Scope, fields: Fields): string | null => {
  const id = FlowFields.needed(fields, "id")
  if (id === null) return null
  const at = FlowFields.value(fields, "id")?.at ?? fields.at
  const fault = id === end ? "is reserved: it stands for the end of a body" : faultOfName(id)
  if (fault !== undefined) {
    problems.push(FlowError.error(at, `the id '${FlowFields.clip(id)}' ${fault}`, "Choose another id."))
  }
  const earlier = scopes.map(({ ids }) => ids.get(id)).find((place) => place !== undefined)
  if (earlier === undefined) scope.ids.set(id, at)
  else {problems.push(
      FlowError.error(
        at,
        `the id '${FlowFields.clip(id)}' is given twice; first in line ${earlier.line}`,
        "Choose another id."
      )
    )}
  return earlier === undefined ? id : null
}

const variables = (fields: Fields): ReadonlyArray<Variable> => {
  const schemas = new Map([
    ...FlowFields.entries(fields, "types").map((entry) =>
      [entry.key, { at: entry.at, schema: FlowFields.typeOf(fields.problems, entry.value) }] as const
    ),
    ...FlowFields.entries(fields, "schemas").map((entry) =>
      [entry.key, { at: entry.at, schema: FlowFields.schemaOf(fields.problems, entry.value) }] as const
    )
  ])
  for (const { at, key } of FlowFields.entries(fields, "schemas")) {
    if (FlowFields.entries(fields, "types").every((entry) => entry.key !== key)) continue
    fields.problems.push(FlowError.error(at, `'${key}' stands in 'types' and in 'schemas'`, "Keep one of them."))
  }
  const valued = FlowFields.entries(fields, "vars").map(({ at, key, value }): Variable => ({
    name: key,
    // a type says how a word is meant
    value: FlowFields.json(schemas.has(key) ? [] : fields.problems, value),
    schema: schemas.get(key)?.schema ?? null,
    isRequired: false,
    at
  }))
  const names = new Set(valued.map(({ name }) => name))
  const required = [...schemas].flatMap(([name, { at, schema }]) => names.has(name) ? [] : [needed(name, at, schema)])
  return [...valued, ...required]
}

const needed = (name: string, at: Variable["at"], schema: JsonSchemaObject | null): Variable => ({
  name,
  value: null,
  schema,
  isRequired: true,
  at
})

const noLimits: Limits = { transitions: undefined, wallClockMs: undefined, tokens: undefined, costUsd: undefined }

const limits = (fields: Fields): Limits => {
  const found = FlowFields.value(fields, "limits")
  if (found === undefined) return noLimits
  if (found._tag !== "Map") return FlowFields.refuse(fields, "limits", "has to be a map") ?? noLimits
  const inner = FlowFields.open(fields.problems, found, "'limits'", ["transitions", "wall_clock", "tokens", "usd"])
  const count = (key: string, isWhole: boolean) => {
    const read = FlowFields.number(inner, key, { isWhole, least: Number.NEGATIVE_INFINITY })
    return read === null ? undefined : positive(inner, key, read)
  }
  const wallClock = FlowFields.duration(inner, "wall_clock")
  return {
    transitions: count("transitions", true),
    wallClockMs: wallClock === null ? undefined : positive(inner, "wall_clock", wallClock),
    tokens: count("tokens", true),
    costUsd: count("usd", false)
  }
}

/** A limit of nothing is a slip of the pen, and a run that cannot make a step is no use to anybody. */
const positive = (fields: Fields, key: string, read: number): number | undefined => {
  if (read > 0) return read
  const detail = `'${key}' of ${fields.what} is ${read}, which no run can keep; it is taken as if it were not there`
  fields.problems.push(FlowError.warning(FlowFields.placeOf(fields, key), detail, "Give a positive number."))
  return undefined
}
