/**
 * A small, synchronous check of a value against a JSON Schema, erring on the side of no.
 *
 * - C1. What it accepts, a complete validator accepts.
 * - C2. It rejects what it cannot judge: references out of the document, `$dynamicRef`, negated references.
 *
 * Answers are validated by `jsonSchemaValidator`; this is for values that we make ourselves.
 */
import * as Either from "effect/Either"
import type { JsonSchemaObject } from "./jsonSchema.ts"
import * as JsonSchema from "./jsonSchema.ts"

/**
 * Work that may still be done; nothing is accepted when there is none left.
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  left: number
}

/**
 * Whether the value certainly satisfies the schema, whose references lead into `root`.
 * @category predicates
 * @since 0.1.0
 */
export const accepts = (root: JsonSchemaObject, schema: unknown, value: unknown, budget: Budget): boolean =>
  check({ root, budget, depth: 0 }, schema, value) && budget.left > 0

/**
 * Whether two JSON values are equal.
 * @category predicates
 * @since 0.1.0
 */
export const isEqual = (left: unknown, right: unknown): boolean => {
  if (left === right) return true
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]))
  }
  if (!JsonSchema.isObject(left) || !JsonSchema.isObject(right)) return false
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key], right[key]))
}

/**
 * A pattern as a regular expression; undefined when it is none.
 * @category constructors
 * @since 0.1.0
 */
export const toRegExp = (pattern: string): RegExp | undefined =>
  Either.getOrUndefined(Either.try(() => new RegExp(pattern, "u")))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Context {
  readonly root: JsonSchemaObject
  readonly budget: Budget
  readonly depth: number
}

const maxDepth = 200

const check = (context: Context, schema: unknown, value: unknown): boolean => {
  if (typeof schema === "boolean") return schema
  if (context.depth > maxDepth) context.budget.left = 0
  if (!JsonSchema.isObject(schema) || --context.budget.left <= 0) return false
  if ("$dynamicRef" in schema || "dependencies" in schema) return false
  const inner = { ...context, depth: context.depth + 1 }
  return hasType(schema, value) && isListed(schema, value) && hasApplied(inner, schema, value) &&
    (typeof value !== "number" || fitsNumber(schema, value)) &&
    (typeof value !== "string" || fitsString(schema, value)) &&
    (!Array.isArray(value) || fitsArray(inner, schema, value)) &&
    (!JsonSchema.isObject(value) || fitsObject(inner, schema, value))
}

const isType = (type: unknown, value: unknown): boolean => {
  switch (type) {
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return JsonSchema.isObject(value)
    case "integer":
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

const list = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : value === undefined ? [] : [value]

const hasType = ({ type }: JsonSchemaObject, value: unknown) =>
  type === undefined || list(type).some((one) => isType(one, value))

const isListed = (schema: JsonSchemaObject, value: unknown): boolean =>
  (schema["enum"] === undefined || list(schema["enum"]).some((one) => isEqual(one, value))) &&
  (!("const" in schema) || isEqual(schema["const"], value))

const hasApplied = (context: Context, schema: JsonSchemaObject, value: unknown): boolean => {
  const holds = (subschema: unknown) => check(context, subschema, value)
  const { $ref, allOf, anyOf, not, oneOf } = schema
  return ($ref === undefined || holds(JsonSchema.resolve(context.root, String($ref)))) &&
    list(allOf).every(holds) &&
    (anyOf === undefined || list(anyOf).some(holds)) &&
    (oneOf === undefined || isExactlyOne(context, list(oneOf), value)) &&
    (not === undefined || fails(context, not, value)) &&
    holdsIf(context, schema, value)
}

const isExactlyOne = (context: Context, schemas: ReadonlyArray<unknown>, value: unknown) => {
  const holding = schemas.findIndex((schema) => check(context, schema, value))
  return holding >= 0 && schemas.every((schema, index) => index === holding || fails(context, schema, value))
}

const holdsIf = (context: Context, schema: JsonSchemaObject, value: unknown): boolean => {
  if (schema["if"] === undefined) return true
  const holds = (keyword: string) => schema[keyword] === undefined || check(context, schema[keyword], value)
  return check(context, schema["if"], value) ? holds("then") : fails(context, schema["if"], value) && holds("else")
}

/** Certainly does not hold: no is not the opposite of yes for what this module cannot judge. */
const fails = (context: Context, schema: unknown, value: unknown): boolean => {
  if (typeof schema === "boolean") return !schema
  if (!JsonSchema.isObject(schema)) return false
  for (const part of JsonSchema.subschemas(schema)) {
    if (Object.keys(part).some((keyword) => unjudged.has(keyword))) return false
  }
  return !check(context, schema, value) && context.budget.left > 0
}

const unjudged = new Set(["$dynamicRef", "$ref", "format", "unevaluatedItems", "unevaluatedProperties"])

const within = (
  schema: JsonSchemaObject,
  minimum: string,
  maximum: string,
  size: number
): boolean => {
  const { [maximum]: most, [minimum]: least } = schema
  return (typeof least !== "number" || size >= least) && (typeof most !== "number" || size <= most)
}

const fitsNumber = (schema: JsonSchemaObject, value: number): boolean => {
  const { exclusiveMaximum, exclusiveMinimum, format, multipleOf } = schema
  return within(schema, "minimum", "maximum", value) &&
    (format !== "int32" && format !== "int64" || Math.abs(value) < 2 ** 31 && Number.isInteger(value)) &&
    (typeof exclusiveMinimum !== "number" || value > exclusiveMinimum) &&
    (typeof exclusiveMaximum !== "number" || value < exclusiveMaximum) &&
    (typeof multipleOf !== "number" || Number.isInteger(value / multipleOf) && Math.abs(value / multipleOf) < 1e15)
}

const fitsString = (schema: JsonSchemaObject, value: string): boolean => {
  const { format, pattern } = schema
  return within(schema, "minLength", "maxLength", Array.from(value).length) &&
    (typeof pattern !== "string" || toRegExp(pattern)?.test(value) === true) &&
    (typeof format !== "string" || (formats.get(format)?.test(value) ?? true))
}

const dateText = "\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])"
const timeText = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|[+-](?:0\\d|1[0-2]):[0-5]\\d)"
const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"

/** Narrower than the formats are; a format that is not listed here and that nobody validates is free. */
const formats: ReadonlyMap<string, RegExp> = new Map([
  ["date", new RegExp(`^${dateText}$`)],
  ["time", new RegExp(`^${timeText}$`)],
  ["date-time", new RegExp(`^${dateText}T${timeText}$`)],
  ["iso-time", new RegExp(`^${timeText}$`)],
  ["iso-date-time", new RegExp(`^${dateText}T${timeText}$`)],
  ["duration", /^P(?:\d+D)?(?:T\d+[HMS])?(?<=\d[DHMS])$/],
  ["email", /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*@[a-z0-9]+(?:\.[a-z0-9]+)+$/],
  ["hostname", /^[a-z0-9]{1,60}(?:\.[a-z0-9]{1,60}){0,3}$/],
  ["ipv4", new RegExp(`^${byte}(?:\\.${byte}){3}$`)],
  ["ipv6", /^(?:[\da-f]{1,4}:){7}[\da-f]{1,4}$/i],
  ["uri", /^https?:\/\/[a-z0-9.-]+(?:\/[\w./-]*)?$/],
  ["url", /^https?:\/\/[a-z0-9-]+\.[a-z]{2,6}(?:\/[\w./-]*)?$/],
  ["uri-reference", /^(?:https?:\/\/[a-z0-9.-]+)?(?:\/[\w.-]+)*\/?$/],
  ["uri-template", /^https?:\/\/[a-z0-9.-]+(?:\/[\w./-]*)?$/],
  ["uuid", /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i],
  ["json-pointer", /^(?:\/[\w-]*)*$/],
  ["json-pointer-uri-fragment", /^#(?:\/[\w-]*)*$/],
  ["relative-json-pointer", /^(?:0|[1-9]\d*)(?:#|(?:\/[\w-]*)*)$/],
  ["regex", /^[a-z ]*$/],
  ["byte", /^(?:[A-Za-z\d+/]{4})*$/]
])

const fitsArray = (context: Context, schema: JsonSchemaObject, value: ReadonlyArray<unknown>): boolean => {
  const { contains, items, maxContains, minContains, prefixItems, unevaluatedItems, uniqueItems } = schema
  const prefix = list(prefixItems)
  const matching = contains === undefined ? 0 : value.filter((item) => check(context, contains, item)).length
  return within(schema, "minItems", "maxItems", value.length) &&
    prefix.slice(0, value.length).every((subschema, index) => check(context, subschema, value[index])) &&
    (items === undefined || value.slice(prefix.length).every((item) => check(context, items, item))) &&
    (contains === undefined || matching >= (typeof minContains === "number" ? minContains : 1)) &&
    (contains === undefined || maxContains === undefined || value.length <= Number(maxContains)) &&
    (uniqueItems !== true || value.every((item, at) => value.slice(0, at).every((other) => !isEqual(item, other)))) &&
    (unevaluatedItems === undefined || items !== undefined || value.length <= prefix.length)
}

const fitsObject = (context: Context, schema: JsonSchemaObject, value: JsonSchemaObject): boolean => {
  const { dependentRequired, dependentSchemas, propertyNames, required, unevaluatedProperties } = schema
  const keys = Object.keys(value)
  const has = (key: unknown) => Object.hasOwn(value, String(key))
  return within(schema, "minProperties", "maxProperties", keys.length) &&
    list(required).every(has) &&
    keys.every((key) => hasProperty(context, schema, key, value[key])) &&
    (propertyNames === undefined || keys.every((key) => check(context, propertyNames, key))) &&
    fields(dependentRequired).every(([key, others]) => !has(key) || list(others).every(has)) &&
    fields(dependentSchemas).every(([key, subschema]) => !has(key) || check(context, subschema, value)) &&
    (unevaluatedProperties === undefined || keys.every((key) => isEvaluated(context, schema, key)))
}

const fields = (value: unknown) => JsonSchema.isObject(value) ? Object.entries(value) : []

const hasProperty = (context: Context, schema: JsonSchemaObject, key: string, value: unknown): boolean => {
  const named = fields(schema["properties"]).filter(([name]) => name === key)
  const patterned = fields(schema["patternProperties"]).filter(([pattern]) => toRegExp(pattern)?.test(key) ?? true)
  const matching = [...named, ...patterned].map(([, subschema]) => subschema)
  const { additionalProperties = true } = schema
  return (matching.length === 0 ? [additionalProperties] : matching).every((one) => check(context, one, value))
}

/** By what certainly applies: the schema itself, `allOf` and `$ref`. */
const isEvaluated = (context: Context, schema: unknown, key: string): boolean => {
  if (!JsonSchema.isObject(schema) || context.depth > maxDepth) return false
  const inner = { ...context, depth: context.depth + 1 }
  const { $ref, additionalProperties, allOf, properties } = schema
  return fields(properties).some(([name]) => name === key) || additionalProperties !== undefined ||
    ($ref !== undefined && isEvaluated(inner, JsonSchema.resolve(context.root, String($ref)), key)) ||
    list(allOf).some((part) => isEvaluated(inner, part, key))
}
