/**
 * Whether values that are written in a graph are what its types say.
 *
 * - T1. Every schema is one, and every value that stands beside it fits it.
 * - T2. A branch on a value whose type is known compares it only with values of that type, and has a way for each where
 *   they can be counted.
 */
import * as Effect from "effect/Effect"
import * as JsonPath from "../internal/jsonPath.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as JsonSchemaValidator from "../internal/jsonSchemaValidator.ts"
import type { BranchNode, Flow, Json, Node, Output, Position } from "./Flow.ts"
import * as FlowCheck from "./FlowCheck.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowFields from "./FlowFields.ts"

/**
 * What does not fit.
 * @category converting
 * @since 0.1.0
 */
export const check = (flow: Flow): Effect.Effect<ReadonlyArray<Problem>> => {
  const nodes = [...FlowCheck.allNodes(flow)]
  const typed = [
    ...flow.variables.map(({ at, isRequired, name, schema, value }): Typed => ({
      what: `the variable '${name}'`,
      at,
      schema,
      value: isRequired ? undefined : value
    })),
    ...nodes.flatMap((node) => outputsOf(node).map((output) => typedOutput(node, output)))
  ]
  const types = typesOf(flow, nodes)
  return Effect.map(
    Effect.forEach(typed, checkValue),
    (found) => [...found.flat(), ...nodes.flatMap((node) => node.type === "branch" ? checkBranch(types, node) : [])]
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Typed {
  readonly what: string
  readonly at: Position
  readonly schema: JsonSchemaObject | null
  readonly value: Json | undefined
}

const outputsOf = (node: Node): ReadonlyArray<Output> =>
  node.type === "agent" || node.type === "script" ? node.outputs : []

const typedOutput = (node: Node, output: Output): Typed => ({
  what: `the default of output '${output.key}' of node '${node.id}'`,
  at: output.at,
  schema: output.schema,
  value: output.default
})

const checkValue = ({ at, schema, value, what }: Typed): Effect.Effect<ReadonlyArray<Problem>> =>
  schema === null ? Effect.succeed([]) : Effect.match(JsonSchemaValidator.compile(schema), {
    onFailure: (
      fault
    ) => [FlowError.error(at, `the schema of ${what.replace(/^the default of /, "")} is none: ${fault}`)],
    onSuccess: (faultsOf) =>
      value === undefined ?
        [] :
        faultsOf(value).slice(0, 3).map(({ message, path }) =>
          FlowError.error(
            at,
            `${what} does not fit its type: ${path.length === 0 ? "" : `${JsonPath.format(path)} `}${message}`
          )
        )
  })

/** What is known of a name: one schema for everybody who gives it; null where somebody gives anything. */
type Types = ReadonlyMap<string, ReadonlyArray<JsonSchemaObject> | null>

const typesOf = (flow: Flow, nodes: ReadonlyArray<Node>): Types => {
  const types = new Map<string, ReadonlyArray<JsonSchemaObject> | null>()
  const add = (name: string, schema: JsonSchemaObject | null) => {
    const known = types.get(name)
    types.set(name, schema === null || known === null ? null : [...known ?? [], schema])
  }
  for (const { name, schema } of flow.variables) add(name, schema)
  for (const node of nodes) {
    for (const { key, schema } of outputsOf(node)) add(key, schema)
    if (node.type === "for_each") {
      add(node.as, null)
      add(`${node.as}_index`, { type: "integer" })
    }
    if (node.type === "while") add(node.as, { type: "integer" })
    if ("output" in node && node.output !== null) add(node.output, null)
  }
  return types
}

/** The schemas a dot path leads to; none where that cannot be said. */
const schemasAt = (types: Types, path: string): ReadonlyArray<JsonSchemaObject> => {
  const [name = "", ...rest] = path.split(".")
  const found = types.get(name) ?? []
  const led = found.map((schema) =>
    rest.reduce<unknown>((schema, segment) => {
      const properties = JsonSchema.isObject(schema) ? schema["properties"] : undefined
      return JsonSchema.isObject(properties) && Object.hasOwn(properties, segment) ? properties[segment] : undefined
    }, schema)
  )
  const schemas = led.filter(JsonSchema.isObject)
  return schemas.length === led.length ? schemas : []
}

/** The values of a schema where they can be counted. */
const valuesOf = (schema: JsonSchemaObject): ReadonlyArray<Json> | undefined => {
  const { anyOf, enum: values, type } = schema
  if (Array.isArray(values)) return values
  if ("const" in schema) return [schema["const"] as Json]
  if (type === "boolean") return [true, false]
  if (type === "null") return [null]
  if (!Array.isArray(anyOf)) return undefined
  const parts = anyOf.map((part) => JsonSchema.isObject(part) ? valuesOf(part) : undefined)
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined
}

/** How a value is written in `cases`: as JSON, a text as it is, and in Python's spelling. */
const spellings = (value: Json): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (value === null) return ["null", "None"]
  return typeof value === "boolean" ? [String(value), value ? "True" : "False"] : [JSON.stringify(value)]
}

const checkBranch = (types: Types, node: BranchNode): ReadonlyArray<Problem> => {
  if (node.path === null) return node.default === null && node.when.length > 0 ? [mayNotMatch(node)] : []
  const schemas = schemasAt(types, node.path)
  const counted = schemas.map(valuesOf)
  const values = schemas.length > 0 && counted.every((one) => one !== undefined) ? counted.flat() : undefined
  if (values !== undefined) return checkCounted(node, values)
  const kinds = schemas.map(({ type }) => type)
  const isNumber = kinds.length > 0 && kinds.every((kind) => kind === "integer" || kind === "number")
  const numbers = isNumber ? checkNumbers(node, kinds) : []
  if (node.default !== null || node.cases.size + node.conditions.length + node.when.length === 0) return numbers
  return isNumber && isComplete(node) ? numbers : [...numbers, mayNotMatch(node, schemas.length > 0)]
}

const checkCounted = (node: BranchNode, values: ReadonlyArray<Json>): ReadonlyArray<Problem> => {
  const texts = new Set(values.flatMap(spellings))
  const listed = values.map((value) => spellings(value)[0] ?? "")
  const written = [
    ...node.cases.keys(),
    ...node.conditions.flatMap(({ op, value }) => op === "==" || op === "!=" ? [value] : [])
  ]
  const strange = written.filter((text) => !texts.has(text)).map((text) =>
    FlowError.error(
      node.at,
      `node '${node.id}' compares '${node.path ?? ""}' with '${FlowFields.clip(text)}', which it never is`,
      FlowFields.suggest(text, listed) ?? `It is one of ${FlowFields.clip(listed.join(", "))}.`
    )
  )
  if (node.default !== null || node.conditions.length + node.when.length > 0) return strange
  const left = values.filter((value) => !spellings(value).some((text) => node.cases.has(text)))
  return left.length === 0 ? strange : [
    ...strange,
    FlowError.error(
      node.at,
      `node '${node.id}' has no case for ${
        left.map((value) => `'${spellings(value)[0] ?? ""}'`).join(", ")
      }, and no 'default'`,
      "Add the case, or a default."
    )
  ]
}

const checkNumbers = (node: BranchNode, kinds: ReadonlyArray<unknown>): ReadonlyArray<Problem> => {
  const isWhole = kinds.every((kind) => kind === "integer")
  return [...node.cases.keys(), ...node.conditions.map(({ value }) => value)].flatMap((text) => {
    const read = text.trim() === "" ? Number.NaN : Number(text)
    if (Number.isFinite(read)) return []
    const kind = isWhole ? "a whole number" : "a number"
    const detail = `node '${node.id}' compares '${node.path ?? ""}', which is ${kind}, with '${FlowFields.clip(text)}'`
    return [FlowError.error(node.at, detail, "Write a number.")]
  })
}

/** Two comparisons with one number that leave nothing between them. */
const isComplete = ({ conditions }: BranchNode): boolean =>
  conditions.some(({ op, value }) =>
    conditions.some((other) => Number(other.value) === Number(value) && other.op === opposites.get(op))
  )

const opposites: ReadonlyMap<string, string> = new Map([
  ["<", ">="],
  [">", "<="],
  ["==", "!="],
  ["<=", ">"],
  [">=", "<"],
  ["!=", "=="]
])

const mayNotMatch = (node: BranchNode, isTyped = false): Problem => {
  const detail = `node '${node.id}' has no 'default', and the run stops there when nothing matches`
  return isTyped
    ? FlowError.error(node.at, detail, "Add a default.")
    : FlowError.warning(node.at, detail, "Add a default.")
}
