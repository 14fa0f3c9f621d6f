/**
 * What values are, as TypeScript types and as schemas of Effect.
 *
 * A type is never narrower than what its schema accepts: what cannot be said in TypeScript is any JSON.
 */
import * as Predicate from "effect/Predicate"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Json, Variable } from "./Flow.ts"
import * as Print from "./FlowEjectPrint.ts"

/**
 * What a value is: a JSON Schema, or null where any value will do.
 * @category models
 * @since 0.1.0
 */
export type Type = JsonSchemaObject | null

/**
 * The kinds of values the printed program compares and calculates with.
 * @category models
 * @since 0.1.0
 */
export type Kind = "string" | "integer" | "number" | "boolean" | "list" | "object" | "other"

/**
 * The kind of every value of a type.
 * @category getters
 * @since 0.1.0
 */
export const kindOf = (type: Type): Kind => {
  if (type === null) return "other"
  const { anyOf, const: only, enum: choices, type: name } = type
  if (anyOf !== undefined || "oneOf" in type || "allOf" in type || "$ref" in type) {
    return Array.isArray(anyOf) && Object.keys(type).length === 1
      ? common(anyOf.map((one) => kindOf(asType(one))))
      : "other"
  }
  if (Array.isArray(choices)) return common(choices.map(kindOfValue))
  if (only !== undefined) return kindOfValue(only)
  return typeof name === "string" ? kinds.get(name) ?? "other" : "other"
}

/**
 * The type of a field that every value of a type has; undefined where there is none.
 * @category getters
 * @since 0.1.0
 */
export const fieldOf = (type: Type, name: string): Type | undefined => {
  if (type === null) return undefined
  if (Array.isArray(type["anyOf"]) && Object.keys(type).length === 1) {
    const members = type["anyOf"].map((one) => fieldOf(asType(one), name))
    return members.every((one) => one !== undefined) ? union(members) : undefined
  }
  const { properties, required } = type
  if (kindOf(type) !== "object" || !isPlain(type) || !Predicate.isReadonlyRecord(properties)) return undefined
  if (!Array.isArray(required) || !required.includes(name) || !Object.hasOwn(properties, name)) return undefined
  return asType(properties[name])
}

/**
 * The type of the items of a list.
 * @category getters
 * @since 0.1.0
 */
export const itemOf = (type: Type): Type =>
  kindOf(type) === "list" && type !== null && isPlain(type) ? asType(type["items"]) : null

/**
 * Either of several types.
 * @category constructors
 * @since 0.1.0
 */
export const union = (types: ReadonlyArray<Type>): Type => {
  if (types.length === 0 || types.some((type) => type === null)) return null
  const different = new Map(types.map((type) => [JSON.stringify(type), type]))
  const [only = null, ...others] = different.values()
  return others.length === 0 ? only : { anyOf: [only, ...others] }
}

/**
 * A type in TypeScript.
 * @category converting
 * @since 0.1.0
 */
export const print = (type: Type, depth = 0): string => {
  if (type === null || depth > maxDepth) return any
  const { anyOf, const: only, enum: choices } = type
  if (!isPlain(type)) {
    return Array.isArray(anyOf) && Object.keys(type).length === 1
      ? either(anyOf.map((one) => print(asType(one), depth + 1)))
      : any
  }
  if (Array.isArray(choices)) return either(choices.map(literalType))
  if (only !== undefined) return literalType(only)
  if (Array.isArray(type["type"])) return either(type["type"].map((name) => print({ ...type, type: name }, depth + 1)))
  switch (type["type"]) {
    case "string":
    case "boolean":
    case "null":
      return type["type"]
    case "integer":
    case "number":
      return "number"
    case "array":
      return "prefixItems" in type
        ? `ReadonlyArray<${any}>`
        : `ReadonlyArray<${print(asType(type["items"]), depth + 1)}>`
    case "object":
      return objectType(type, depth)
    default:
      return any
  }
}

/**
 * The type of an argument: any JSON where its default cannot be written as a value of a closer type.
 * @category getters
 * @since 0.1.0
 */
export const argumentType = ({ isRequired, schema, value }: Variable): Type =>
  isRequired || fits(value, schema) ? schema : null

/**
 * The schema of an argument, with its default where it may be left out.
 * @category converting
 * @since 0.1.0
 */
export const argument = (variable: Variable): string => {
  const { isRequired, schema, value } = variable
  const type = argumentType(variable) === schema ? schemaOf(schema) : jsonSchema(any, schema)
  const text = Print.literal(value)
  const given = text.startsWith("{") ? `(${text})` : text
  return isRequired ? type : Print.call("Schema.optionalWith", [type, `{ default: () => ${given} }`])
}

/**
 * A JSON Schema as a schema of Effect with its type.
 * @category converting
 * @since 0.1.0
 */
export const jsonSchema = (type: string, schema: JsonSchemaObject | null): string =>
  schema === null
    ? "FlowKit.anything"
    : Print.call(
      `FlowKit.json<${Print.type(type)}>`,
      [],
      Object.entries(schema).map(([name, value]) => `${Print.key(name)}: ${Print.literal(value)}`)
    )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const any = "FlowKit.Json"
const maxDepth = 12

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["string", "string"],
  ["integer", "integer"],
  ["number", "number"],
  ["boolean", "boolean"],
  ["array", "list"],
  ["object", "object"]
])

const asType = (schema: unknown): Type =>
  Predicate.isReadonlyRecord(schema) && Object.keys(schema).length > 0 ? schema : null

const isPlain = (type: JsonSchemaObject): boolean =>
  !["anyOf", "oneOf", "allOf", "not", "$ref", "if"].some((word) => word in type)

const common = (all: ReadonlyArray<Kind>): Kind => {
  const [first = "other", ...rest] = all
  return rest.every((kind) => kind === first) ? first : "other"
}

const kindOfValue = (value: unknown): Kind => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return typeof value === "string" ? "string" : "boolean"
    case "number":
      return "number"
    default:
      return "other"
  }
}

const literalType = (value: unknown): string => typeof value === "object" && value !== null ? any : Print.literal(value)

const either = (types: ReadonlyArray<string>): string => {
  const different = [...new Set(types)]
  return different.includes(any) || different.length === 0 ? any : different.join(" | ")
}

const objectType = (type: JsonSchemaObject, depth: number): string => {
  const { additionalProperties, properties, required } = type
  const names = Array.isArray(required) ? required : []
  const fields = Predicate.isReadonlyRecord(properties) ? Object.entries(properties) : []
  if (fields.length === 0) {
    return `{ readonly [key: string]: ${
      additionalProperties === false ? any : print(asType(additionalProperties), depth + 1)
    } }`
  }
  return `{ ${
    fields.map(([name, field]) =>
      `readonly ${Print.key(name)}${names.includes(name) ? "" : "?"}: ${print(asType(field), depth + 1)}`
    ).join("; ")
  } }`
}

const schemaOf = (schema: JsonSchemaObject | null): string => {
  if (schema === null) return "FlowKit.anything"
  const [word, ...more] = Object.keys(schema)
  const name = word === "type" && more.length === 0 ? schema["type"] : undefined
  switch (name) {
    case "string":
      return "Schema.String"
    case "integer":
      return "Schema.Int"
    case "number":
      return "Schema.Number"
    case "boolean":
      return "Schema.Boolean"
  }
  const { enum: choices, items } = schema
  if (word === "enum" && more.length === 0 && Array.isArray(choices) && choices.every(isScalar)) {
    return `Schema.Literal(${choices.map(Print.literal).join(", ")})`
  }
  if (schema["type"] === "array" && Object.keys(schema).length === 2 && asType(items) !== null) {
    const item = schemaOf(asType(items))
    if (!item.startsWith("FlowKit")) return `Schema.Array(${item})`
  }
  return jsonSchema(print(schema), schema)
}

const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null

/** Whether a literal can be written where the type is asked for: TypeScript takes no further fields there. */
const fits = (value: Json, type: Type): boolean => {
  if (type === null) return true
  const { anyOf } = type
  if (Array.isArray(anyOf)) return anyOf.some((one) => fits(value, asType(one)))
  if (!isPlain(type)) return false
  if (Array.isArray(value)) return value.every((item) => fits(item, itemOf(type)))
  if (!Predicate.isReadonlyRecord(value)) return true
  const { properties } = type
  if (!Predicate.isReadonlyRecord(properties)) return true
  return Object.entries(value).every(([name, field]) =>
    // a field of an object that is JSON
    Object.hasOwn(properties, name) && fits(field as Json, asType(properties[name]))
  )
}
