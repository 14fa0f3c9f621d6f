/**
 * The part of JSON Schema that Gemini's API takes for answers.
 *
 * - G1. Keywords that it does not take are said in descriptions; a shape that it cannot express has no such form.
 * - G2. A schema that leads back to itself must do so through fields that may be absent.
 */
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as SchemaReduction from "./SchemaReduction.ts"

/**
 * The form that is enforced, if the schema has one.
 * @category converting
 * @since 0.1.0
 */
export const enforced = (schema: JsonSchemaObject): Option.Option<JsonSchemaObject> =>
  SchemaReduction.normal(schema).pipe(
    Option.filter((root) => !SchemaReduction.isRecursive(root, { throughOptional: false })),
    Option.filter((root) => [...JsonSchema.subschemas(root)].every(qualifies)),
    Option.map(reduced)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const has = (schema: JsonSchemaObject, keyword: string) => schema[keyword] !== undefined

const qualifies = (schema: JsonSchemaObject): boolean => {
  if (SchemaReduction.shaping.some((keyword) => has(schema, keyword))) return false
  if (has(schema, "$ref")) return true
  if (has(schema, "anyOf") || has(schema, "oneOf")) return isChoice(schema)
  if (has(schema, "enum")) return Array.isArray(schema["enum"]) && areLiterals(schema["enum"])
  if (has(schema, "const")) return SchemaReduction.isPrimitive(schema["const"])
  const { items, prefixItems, properties, type } = schema
  return type !== undefined &&
    (items === undefined || typeof items === "boolean" || JsonSchema.isObject(items)) &&
    (prefixItems === undefined || Array.isArray(prefixItems) && prefixItems.every(JsonSchema.isObject)) &&
    (properties === undefined ||
      JsonSchema.isObject(properties) && Object.values(properties).every(JsonSchema.isObject))
}

const isChoice = (schema: JsonSchemaObject): boolean => {
  const { anyOf, oneOf, ...beside } = schema
  const choices = anyOf ?? oneOf
  return (anyOf === undefined || oneOf === undefined) && Array.isArray(choices) &&
    choices.every(JsonSchema.isObject) &&
    Object.keys(beside).every((keyword) => SchemaReduction.annotations.has(keyword))
}

const areLiterals = (values: ReadonlyArray<unknown>) => values.length > 0 && values.every(SchemaReduction.isPrimitive)

const taken: ReadonlySet<string> = new Set([
  "$defs",
  "additionalProperties",
  "anyOf",
  "description",
  "format",
  "items",
  "maxItems",
  "maximum",
  "minItems",
  "minimum",
  "oneOf",
  "prefixItems",
  "properties",
  "propertyOrdering",
  "required",
  "title",
  "type"
])

const reduced = (schema: JsonSchemaObject): JsonSchemaObject => {
  const part = JsonSchema.mapSubschemas(schema, reduced)
  if (has(part, "$ref")) return { $ref: part["$ref"] }
  const { const: only, enum: values, ...rest } = part
  if (Array.isArray(values)) return literals(rest, values)
  if (only !== undefined) return literals(rest, [only])
  const { said, taken: kept } = SchemaReduction.split(part, (keyword) => taken.has(keyword))
  return SchemaReduction.withNotes(kept, said)
}

/** Only texts and numbers can be listed: null is a type, and which of true and false is said. */
const literals = (schema: JsonSchemaObject, values: ReadonlyArray<unknown>): JsonSchemaObject => {
  const kinds: ReadonlyArray<JsonSchemaObject> = ["string", "number", "boolean"].flatMap((type) => {
    const own = values.filter((value) => typeof value === type)
    if (own.length === 0) return []
    return [type === "boolean" ? { type } : { type, enum: own }]
  })
  const choices = values.includes(null) ? [...kinds, { type: "null" }] : kinds
  const booleans = new Set(values.filter((value) => typeof value === "boolean"))
  const { description, title, $defs } = schema
  const content = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(choices.length === 1 ? choices[0] : { anyOf: choices }),
    ...($defs === undefined ? {} : { $defs })
  }
  return booleans.size === 1 ? SchemaReduction.withNotes(content, { enum: values }) : content
}
