/**
 * The forms of a JSON Schema that Anthropic's API takes: as the format of an answer, which it enforces, and as the input
 * of a tool, which it follows.
 *
 * - A1. Objects of the enforced form are closed and their fields may be absent. Choices are `anyOf`. Bounds and patterns
 *   are said in descriptions. A recursive or open shape has no such form.
 * - A2. The root of both forms is an object. A schema with another root is put inside of one, and `unwrap` takes the
 *   answer out again; it leaves every other answer as it is.
 */
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as SchemaReduction from "./SchemaReduction.ts"

/**
 * A schema whose root is that of an object.
 * @category models
 * @since 0.1.0
 */
export interface ObjectSchema extends JsonSchemaObject {
  readonly type: "object"
}

/**
 * The form that is enforced, if the schema has one.
 * @category converting
 * @since 0.1.0
 */
export const enforced = (schema: JsonSchemaObject): Option.Option<ObjectSchema> =>
  SchemaReduction.normal(schema).pipe(
    Option.filter((root) => !SchemaReduction.isRecursive(root)),
    Option.map(wrapped),
    Option.filter((root) => [...JsonSchema.subschemas(root)].every(qualifies)),
    Option.map((root): ObjectSchema => ({ ...reduced(root), type: "object" }))
  )

/**
 * The form for the input of a tool, if the schema has one.
 * @category converting
 * @since 0.1.0
 */
export const tool = (schema: JsonSchemaObject): Option.Option<ObjectSchema> =>
  isPlainObject(schema) ? Option.some(schema) : Option.map(SchemaReduction.normal(schema), wrapped)

/**
 * The answer inside of the object that was put around its schema, or the value itself.
 * @category converting
 * @since 0.1.0
 */
export const unwrap = (value: unknown): unknown =>
  JsonSchema.isObject(value) && Object.keys(value).length === 1 && field in value ? value[field] : value

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** An object of the user's own with this field is wrapped as well, so that unwrapping once is always right. */
const field = "wrapped_answer"

const isPlainObject = (schema: JsonSchemaObject): schema is ObjectSchema =>
  schema["type"] === "object" && !["$ref", "anyOf", "oneOf", "allOf"].some((keyword) => keyword in schema) &&
  !(JsonSchema.isObject(schema["properties"]) && Object.hasOwn(schema["properties"], field))

const wrapped = (root: JsonSchemaObject): ObjectSchema => {
  if (isPlainObject(root)) return root
  const { $defs, ...inner } = root
  return {
    type: "object",
    properties: { [field]: inner },
    required: [field],
    additionalProperties: false,
    ...($defs === undefined ? {} : { $defs })
  }
}

const has = (schema: JsonSchemaObject, keyword: string) => schema[keyword] !== undefined

const typesOf = ({ type }: JsonSchemaObject): ReadonlyArray<unknown> =>
  Array.isArray(type) ? type : type === undefined ? [] : [type]

const areSchemas = (values: ReadonlyArray<unknown>) => values.every(JsonSchema.isObject)

const qualifies = (schema: JsonSchemaObject): boolean => {
  if (SchemaReduction.shaping.some((keyword) => has(schema, keyword)) || has(schema, "prefixItems")) return false
  if (has(schema, "$ref")) return true
  if (has(schema, "anyOf") || has(schema, "oneOf")) return isChoice(schema)
  if (has(schema, "enum")) return Array.isArray(schema["enum"]) && schema["enum"].every(SchemaReduction.isPrimitive)
  if (has(schema, "const")) return SchemaReduction.isPrimitive(schema["const"])
  const types = typesOf(schema)
  if (types.length === 0) return false
  if (types.includes("array") && !JsonSchema.isObject(schema["items"])) return false
  return !types.includes("object") || isClosed(schema)
}

const isChoice = (schema: JsonSchemaObject): boolean => {
  const { anyOf, oneOf, ...beside } = schema
  const choices = anyOf ?? oneOf
  return (anyOf === undefined || oneOf === undefined) && Array.isArray(choices) && areSchemas(choices) &&
    Object.keys(beside).every((keyword) => SchemaReduction.annotations.has(keyword))
}

const isClosed = ({ additionalProperties, properties }: JsonSchemaObject): boolean =>
  (additionalProperties === false || additionalProperties === undefined && properties !== undefined) &&
  (properties === undefined || JsonSchema.isObject(properties) && areSchemas(Object.values(properties)))

const formats: ReadonlySet<unknown> = new Set([
  "date",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "time",
  "uri",
  "uuid"
])

const everywhere = ["$defs", "description", "title"]
const keywordsOf: ReadonlyMap<unknown, ReadonlySet<string>> = new Map([
  ["object", new Set(["additionalProperties", "maxProperties", "minProperties", "properties", "required"])],
  ["array", new Set(["items", "maxItems", "minItems", "uniqueItems"])],
  ["string", new Set(["contentEncoding", "contentMediaType", "format", "maxLength", "minLength", "pattern"])]
])
const numeric: ReadonlySet<string> = new Set([
  "exclusiveMaximum",
  "exclusiveMinimum",
  "maximum",
  "minimum",
  "multipleOf"
])

const reduced = (schema: JsonSchemaObject): JsonSchemaObject => {
  const part = JsonSchema.mapSubschemas(schema, reduced)
  if (has(part, "$ref")) return { $ref: part["$ref"] }
  if (has(part, "oneOf") || has(part, "anyOf")) {
    const { anyOf, oneOf, ...beside } = part
    return pick(beside, everywhere, { anyOf: anyOf ?? oneOf })
  }
  if (has(part, "enum")) return pick(part, [...everywhere, "enum"])
  if (has(part, "const")) return pick(part, [...everywhere, "const"])
  const [type, ...more] = typesOf(part)
  if (more.length === 0) return ofType(type, part)
  const { $defs: _, description, title, type: types, ...checks } = part
  const choices = typesOf({ type: types }).map((type) => ofType(type, relevant(type, checks)))
  return pick({ description, title }, everywhere, { anyOf: choices })
}

/** The keywords, as far as they are there, with others beside them. */
const pick = (
  schema: JsonSchemaObject,
  keywords: ReadonlyArray<string>,
  more: JsonSchemaObject = {}
): JsonSchemaObject => ({
  ...Object.fromEntries(keywords.filter((keyword) => has(schema, keyword)).map((name) => [name, schema[name]])),
  ...more
})

const relevant = (type: unknown, checks: JsonSchemaObject): JsonSchemaObject => {
  const own = keywordsOf.get(type) ?? (type === "number" || type === "integer" ? numeric : new Set<string>())
  return Object.fromEntries(Object.entries(checks).filter(([keyword]) => own.has(keyword)))
}

const ofType = (type: unknown, schema: JsonSchemaObject): JsonSchemaObject => {
  const { taken, said } = SchemaReduction.split({ ...schema, type }, isTaken)
  const closed = type === "object" ? { properties: {}, ...taken, additionalProperties: false } : taken
  return SchemaReduction.withNotes(closed, said)
}

const taken: ReadonlySet<string> = new Set([
  ...everywhere,
  "additionalProperties",
  "items",
  "properties",
  "required",
  "type"
])

const isTaken = (keyword: string, value: unknown): boolean =>
  taken.has(keyword) || keyword === "format" && formats.has(value) ||
  keyword === "minItems" && (value === 0 || value === 1)
