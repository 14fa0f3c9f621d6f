/**
 * JSON Schemas (draft 2020-12) as data: walking them and following references inside of one document.
 *
 * Only positions that hold schemas are visited, so that a `const`, `enum`, `default` or `examples` that looks like a
 * schema is left alone.
 */
import * as Either from "effect/Either"

/**
 * A JSON Schema that is an object.
 * @category models
 * @since 0.1.0
 */
export interface JsonSchemaObject {
  readonly [keyword: string]: unknown
}

/**
 * Whether a value is an object with string keys, as opposed to an array or null.
 * @category predicates
 * @since 0.1.0
 */
export const isObject = (value: unknown): value is JsonSchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The schema with each of its direct subschemas replaced.
 * @category combinators
 * @since 0.1.0
 */
export const mapSubschemas = (
  schema: JsonSchemaObject,
  change: (subschema: JsonSchemaObject) => JsonSchemaObject
): JsonSchemaObject => {
  const one = (value: unknown) => isObject(value) ? change(value) : value
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (schemaKeywords.has(keyword) && isObject(value)) return [keyword, change(value)]
      if (listKeywords.has(keyword) && Array.isArray(value)) return [keyword, value.map(one)]
      if (mapKeywords.has(keyword) && isObject(value)) return [keyword, mapValues(value, one)]
      return [keyword, value]
    })
  )
}

/**
 * The schema and everything below it, references not followed.
 * @category converting
 * @since 0.1.0
 */
export function* subschemas(schema: JsonSchemaObject): Generator<JsonSchemaObject> {
  const pending = [schema]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next
    mapSubschemas(next, (subschema) => {
      pending.push(subschema)
      return subschema
    })
  }
}

/**
 * What a reference within the document points at; undefined for anything else.
 * @category converting
 * @since 0.1.0
 */
export const resolve = (root: JsonSchemaObject, ref: string): unknown => {
  if (ref === "#") return root
  if (!ref.startsWith("#")) return undefined
  if (!ref.startsWith("#/")) return findAnchor(root, ref.slice(1))
  let target: unknown = root
  for (const segment of ref.slice(2).split("/")) {
    const key = unescapeSegment(segment)
    if (typeof target !== "object" || target === null || !Object.hasOwn(target, key)) return undefined
    target = Reflect.get(target, key)
  }
  return target
}

/**
 * The same schema with a real schema instead of a reference at the root, or why that cannot be.
 *
 * **Details**
 *
 * Definitions stay where they are, because others point at them; the one that moved to the root goes when nothing does.
 * @category converting
 * @since 0.1.0
 */
export const inlineRoot = (root: JsonSchemaObject): Either.Either<JsonSchemaObject, string> => {
  const seen = new Set<string>()
  let schema = root
  for (let ref = soleReference(schema); ref !== undefined; ref = soleReference(schema)) {
    if (seen.has(ref)) return Either.left(`the reference ${ref} at the root leads back to itself`)
    seen.add(ref)
    const target = resolve(root, ref)
    if (!isObject(target)) return Either.left(`the reference ${ref} at the root leads to no schema in the document`)
    if ("$id" in target) return Either.right(schema)
    schema = { ...conjoin(target, withoutReference(schema)), ...pickDefinitions(root) }
  }
  return Either.right(seen.size === 0 ? schema : withoutUnused(schema, seen))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const schemaKeywords = new Set([
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties"
])
const listKeywords = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])
const definitionKeywords = ["$defs", "definitions"]
const mapKeywords = new Set([...definitionKeywords, "dependentSchemas", "patternProperties", "properties"])
const annotations = new Set([
  ...definitionKeywords,
  "$comment",
  "default",
  "deprecated",
  "description",
  "examples",
  "readOnly",
  "title",
  "writeOnly"
])

const mapValues = (record: JsonSchemaObject, change: (value: unknown) => unknown): JsonSchemaObject =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

const unescapeSegment = (segment: string) => {
  const decoded = Either.getOrElse(Either.try(() => decodeURIComponent(segment)), () => segment)
  return decoded.replaceAll("~1", "/").replaceAll("~0", "~")
}

const findAnchor = (root: JsonSchemaObject, anchor: string): JsonSchemaObject | undefined => {
  for (const schema of subschemas(root)) {
    if (schema["$anchor"] === anchor || schema["$dynamicAnchor"] === anchor) return schema
  }
  return undefined
}

/** The reference at the root, also in the form that a description beside a reference is given: `allOf` of one. */
const soleReference = (schema: JsonSchemaObject): string | undefined => {
  if ("$id" in schema) return undefined
  if (typeof schema["$ref"] === "string") return schema["$ref"]
  const only = wrapped(schema)
  return typeof only?.["$ref"] === "string" ? only["$ref"] : undefined
}

const wrapped = (schema: JsonSchemaObject): JsonSchemaObject | undefined => {
  const { allOf, ...rest } = schema
  if (!Array.isArray(allOf) || allOf.length !== 1 || !Object.keys(rest).every((key) => annotations.has(key))) {
    return undefined
  }
  return isObject(allOf[0]) && Object.keys(allOf[0]).length === 1 ? allOf[0] : undefined
}

const withoutReference = (schema: JsonSchemaObject): JsonSchemaObject => {
  const { $ref, ...rest } = schema
  if ($ref !== undefined) return rest
  const { allOf: _, ...annotated } = schema
  return annotated
}

/** What stood beside the reference keeps its own scope: `additionalProperties` there never saw the target's. */
const conjoin = (target: JsonSchemaObject, beside: JsonSchemaObject): JsonSchemaObject => {
  const isShared = (key: string) => annotations.has(key) || key.startsWith("unevaluated") && !(key in target)
  const shared = Object.entries(beside).filter(([key]) => isShared(key))
  const own = Object.entries(beside).filter(([key]) => !isShared(key))
  const inherited = Array.isArray(target["allOf"]) ? target["allOf"] : []
  return {
    ...target,
    ...Object.fromEntries(shared),
    ...(own.length === 0 ? {} : { allOf: [...inherited, Object.fromEntries(own)] })
  }
}

const pickDefinitions = (root: JsonSchemaObject): JsonSchemaObject =>
  Object.fromEntries(Object.entries(root).filter(([key]) => definitionKeywords.includes(key)))

const withoutUnused = (schema: JsonSchemaObject, moved: ReadonlySet<string>): JsonSchemaObject => {
  let out = schema
  for (const ref of moved) {
    const isPointedAt = [...subschemas(out)].some((subschema) => {
      const other = subschema["$ref"] ?? subschema["$dynamicRef"]
      return typeof other === "string" && (other === ref || other.startsWith(`${ref}/`) || !other.startsWith("#/"))
    })
    if (!isPointedAt) out = withoutDefinition(out, ref)
  }
  return out
}

const withoutDefinition = (schema: JsonSchemaObject, ref: string): JsonSchemaObject => {
  const [keyword = "", name = "", ...deeper] = ref.slice(2).split("/")
  const definitions = schema[keyword]
  if (!definitionKeywords.includes(keyword) || deeper.length > 0 || !isObject(definitions)) return schema
  const { [unescapeSegment(name)]: _, ...kept } = definitions
  const { [keyword]: __, ...rest } = schema
  return Object.keys(kept).length === 0 ? rest : { ...rest, [keyword]: kept }
}
