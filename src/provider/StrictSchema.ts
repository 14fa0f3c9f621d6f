/**
 * The form of a JSON Schema that OpenAI's strict mode takes, when there is one with the same answers.
 *
 * - S1. A field that may be absent becomes one that may be null; `AnswerSchema` reads such a null as absent.
 * - S2. Objects are closed: an answer of the strict form is an answer of the schema.
 * - S3. A schema with a keyword or an open shape that strict mode does not know has no strict form.
 */
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as SchemaReduction from "./SchemaReduction.ts"

/**
 * The strict form of a schema, if it has one.
 * @category converting
 * @since 0.1.0
 */
export const make = (schema: JsonSchemaObject): Option.Option<JsonSchemaObject> => {
  if (schema["type"] !== "object" || "anyOf" in schema) return Option.none()
  for (const part of JsonSchema.subschemas(schema)) if (!qualifies(part)) return Option.none()
  return Option.some(strict(schema))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const unsupported: ReadonlyArray<string> = [
  ...SchemaReduction.shaping,
  "contentEncoding",
  "contentMediaType",
  "maxContains",
  "maxProperties",
  "minContains",
  "minProperties",
  "oneOf",
  "prefixItems",
  "uniqueItems"
]
const kinds: ReadonlyArray<string> = ["type", "$ref", "anyOf", "enum", "const"]

const hasKind = (value: unknown): boolean => JsonSchema.isObject(value) && kinds.some((keyword) => keyword in value)

const qualifies = (schema: JsonSchemaObject): boolean => {
  if (unsupported.some((keyword) => keyword in schema)) return false
  const { $ref, additionalProperties, anyOf, items, properties, type } = schema
  if ($ref !== undefined && !(typeof $ref === "string" && $ref.startsWith("#/"))) return false
  if (Array.isArray(anyOf) && !anyOf.every(hasKind)) return false
  if (includes(type, "array") && !hasKind(items)) return false
  if (!includes(type, "object")) return properties === undefined
  const isClosed = additionalProperties === false
  if (!isClosed && (additionalProperties !== undefined || properties === undefined)) return false
  return properties === undefined || JsonSchema.isObject(properties) && Object.values(properties).every(hasKind)
}

const includes = (type: unknown, name: string): boolean => Array.isArray(type) ? type.includes(name) : type === name

const strict = (schema: JsonSchemaObject): JsonSchemaObject => {
  const { $comment: _, $schema: _schema, default: _default, examples: _examples, ...kept } = JsonSchema.mapSubschemas(
    schema,
    strict
  )
  if (!includes(kept["type"], "object")) return kept
  const properties = JsonSchema.isObject(kept["properties"]) ? kept["properties"] : {}
  const required = Array.isArray(kept["required"]) ? kept["required"] : []
  const fields = Object.entries(properties).map(([name, field]) =>
    [name, required.includes(name) ? field : nullable(field)] as const
  )
  return {
    ...kept,
    properties: Object.fromEntries(fields),
    required: Object.keys(properties),
    additionalProperties: false
  }
}

const nullable = (schema: unknown): unknown =>
  JsonSchema.isObject(schema) && includes(schema["type"], "null") ? schema : { anyOf: [schema, { type: "null" }] }
