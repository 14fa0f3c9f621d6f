/**
 * What the forms of a JSON Schema that APIs take have in common: each is a part of JSON Schema, and what it cannot say is
 * said in words.
 *
 * - R1. A reduced schema that is kept to gives answers of the shape of the whole one; what is only said in words may be
 *   missed, and is checked when the answer is decoded.
 * - R2. References lead to definitions at the root, so that they stay right when the schema is put inside another.
 */
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"

/**
 * The schema without `allOf` and with its definitions under `$defs`; none when a reference leads elsewhere.
 * @category converting
 * @since 0.1.0
 */
export const normal = (schema: JsonSchemaObject): Option.Option<JsonSchemaObject> => {
  const { $defs, definitions, ...rest } = schema
  if (definitions !== undefined && $defs !== undefined) return Option.none()
  const definitionsOf = $defs ?? definitions
  const root = definitionsOf === undefined ? rest : { ...rest, $defs: definitionsOf }
  for (const part of JsonSchema.subschemas(root)) {
    const { $ref } = part
    if (part !== root && definitionKeywords.some((keyword) => keyword in part)) return Option.none()
    if ($ref !== undefined && !(typeof $ref === "string" && definition.test($ref))) return Option.none()
  }
  return Option.some(merged(root))
}

/**
 * Whether a schema, in its normal form, leads back to itself.
 * @category predicates
 * @since 0.1.0
 */
export const isRecursive = (
  root: JsonSchemaObject,
  options: { readonly throughOptional: boolean } = { throughOptional: true }
): boolean => {
  const done = new Set<string>()
  const leadsBack = (schema: JsonSchemaObject, path: ReadonlyArray<string>): boolean => {
    const { $ref } = schema
    if (typeof $ref === "string") {
      if (path.includes($ref)) return true
      const target = JsonSchema.resolve(root, $ref)
      if (!done.has($ref) && JsonSchema.isObject(target) && leadsBack(target, [...path, $ref])) return true
      done.add($ref)
    }
    return parts(schema, options.throughOptional).some((part) => leadsBack(part, path))
  }
  return leadsBack(root, [])
}

/**
 * The schema with keywords that an API does not take as part of its description.
 * @category combinators
 * @since 0.1.0
 */
export const withNotes = (schema: JsonSchemaObject, said: JsonSchemaObject): JsonSchemaObject => {
  const notes = Object.entries(said).map(([keyword, value]) => `${keyword}: ${JSON.stringify(value)}`)
  if (notes.length === 0) return schema
  const { description } = schema
  const note = `Must keep to ${notes.join(", ")}.`
  return { ...schema, description: typeof description === "string" ? `${description}\n\n${note}` : note }
}

/**
 * The keywords of a schema that are in a set, and the others, without those that say nothing about answers.
 * @category converting
 * @since 0.1.0
 */
export const split = (
  schema: JsonSchemaObject,
  isTaken: (keyword: string, value: unknown) => boolean
): { readonly taken: JsonSchemaObject; readonly said: JsonSchemaObject } => {
  const entries = Object.entries(schema).filter(([keyword]) => !silent.has(keyword))
  return {
    taken: Object.fromEntries(entries.filter(([keyword, value]) => isTaken(keyword, value))),
    said: Object.fromEntries(entries.filter(([keyword, value]) => !isTaken(keyword, value)))
  }
}

/**
 * Whether a value can stand in an `enum` that an API takes.
 * @category predicates
 * @since 0.1.0
 */
export const isPrimitive = (value: unknown): boolean => value === null || typeof value !== "object"

/**
 * Keywords that stand beside the choices of an `anyOf` without changing what they mean.
 * @category models
 * @since 0.1.0
 */
export const annotations: ReadonlySet<string> = new Set(["$defs", "default", "description", "examples", "title"])

/**
 * Keywords that decide the shape of answers and that no API takes.
 * @category models
 * @since 0.1.0
 */
export const shaping: ReadonlyArray<string> = [
  "$anchor",
  "$dynamicAnchor",
  "$dynamicRef",
  "$id",
  "allOf",
  "contains",
  "contentSchema",
  "dependencies",
  "dependentRequired",
  "dependentSchemas",
  "else",
  "if",
  "not",
  "patternProperties",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties"
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const definition = /^#\/(?:\$defs|definitions)\/[^/]+$/
const definitionKeywords: ReadonlyArray<string> = ["$defs", "definitions"]
const silent: ReadonlySet<string> = new Set(["$comment", "$schema", "default", "deprecated", "examples", "readOnly"])

const merged = (schema: JsonSchemaObject): JsonSchemaObject => {
  const { $ref, ...rest } = JsonSchema.mapSubschemas(schema, merged)
  const self = typeof $ref === "string" ? { ...rest, $ref: $ref.replace("#/definitions/", "#/$defs/") } : rest
  return Array.isArray(self["allOf"]) ? conjoined(self, self["allOf"]) : self
}

/** One schema for several that no keyword has twice; such are the checks that are added to a type one by one. */
const conjoined = (schema: JsonSchemaObject, members: ReadonlyArray<unknown>): JsonSchemaObject => {
  const { allOf: _, ...beside } = schema
  const isAlone = Object.keys(beside).every((keyword) => annotations.has(keyword))
  const all: Record<string, unknown> = { ...beside }
  for (const member of members) {
    if (!JsonSchema.isObject(member) || closing.some((keyword) => keyword in member)) return schema
    if ("$ref" in member && !(isAlone && members.length === 1)) return schema
    for (const [keyword, value] of Object.entries(member)) {
      if (!(keyword in all)) all[keyword] = value
      else if (!annotations.has(keyword) && all[keyword] !== value) return schema
    }
  }
  return all
}

/** What these mean depends on the keywords beside them. */
const closing: ReadonlyArray<string> = ["additionalProperties", "items", "prefixItems", "properties"]

const parts = (schema: JsonSchemaObject, throughOptional: boolean): ReadonlyArray<JsonSchemaObject> => {
  const { $defs: _, properties, required, ...rest } = schema
  const fields = Object.entries(JsonSchema.isObject(properties) ? properties : {})
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  const followed = fields.filter(([name]) => throughOptional || isRequired(name))
  const found: Array<JsonSchemaObject> = []
  JsonSchema.mapSubschemas({ ...rest, properties: Object.fromEntries(followed) }, (part) => {
    found.push(part)
    return part
  })
  return found
}
