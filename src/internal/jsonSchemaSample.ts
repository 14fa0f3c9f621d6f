/**
 * A value for a JSON Schema, for providers that answer without thinking.
 *
 * - S1. Deterministic: the same schema and text give the same value.
 * - S2. Whatever is returned satisfies the schema; what is too intricate gives nothing, never something invalid.
 * - S3. Bounded: recursion takes the shortest way out, and the work done for one schema is limited.
 *
 * All properties are filled near the root, required ones below, so that a sample shows what a real answer would hold.
 */
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "./jsonSchema.ts"
import * as JsonSchema from "./jsonSchema.ts"
import * as JsonSchemaCheck from "./jsonSchemaCheck.ts"
import * as JsonSchemaNumber from "./jsonSchemaNumber.ts"
import * as JsonSchemaString from "./jsonSchemaString.ts"

/**
 * A value that satisfies the schema.
 * @category constructors
 * @since 0.1.0
 */
export const sample = (
  schema: JsonSchemaObject,
  options?: {
    /** What free texts are filled with, shortened. Defaults to `sample`. */
    readonly text?: string | undefined
  }
): Option.Option<unknown> => {
  const context: Context = { root: schema, text: options?.text ?? "", budget: { left: maxSteps } }
  return pick(context, [schema], { depth: 0, salt: 0, above: new Set(), here: new Set() })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxSteps = 10_000
/** Optional properties are filled down to this depth. */
const fullDepth = 4
const maxDepth = 40
const maxItems = 1_000

interface Context {
  readonly root: JsonSchemaObject
  readonly text: string
  readonly budget: JsonSchemaCheck.Budget
}

interface Place {
  readonly depth: number
  /** Different salts ask for different values, which is how unique items are found. */
  readonly salt: number
  /** References followed on the way here; meeting one again is recursion. */
  readonly above: ReadonlySet<string>
  /** References followed for this very value. */
  readonly here: ReadonlySet<string>
}

/** What a value has to satisfy, all of it. */
type Parts = ReadonlyArray<unknown>

const pick = (context: Context, parts: Parts, place: Place): Option.Option<unknown> => {
  for (const value of values(context, parts, place)) {
    const isAccepted = parts.every((part) => JsonSchemaCheck.accepts(context.root, part, value, context.budget))
    if (isAccepted) return Option.some(value)
    if (context.budget.left <= 0) return Option.none()
  }
  return Option.none()
}

const below = ({ above, depth, here, salt }: Place): Place => ({
  depth: depth + 1,
  salt,
  above: new Set([...above, ...here]),
  here: new Set()
})

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Candidates for a value: takes the parts apart until each is free of references and choices. */
function* values(context: Context, parts: Parts, place: Place): Generator<unknown> {
  if (--context.budget.left <= 0 || place.depth > maxDepth) return
  const index = parts.findIndex((part) => JsonSchema.isObject(part) && structural.some((keyword) => keyword in part))
  const part = parts[index]
  if (!JsonSchema.isObject(part)) {
    if (!parts.includes(false)) yield* plainValues(context, parts.filter(JsonSchema.isObject), place)
    return
  }
  const others = parts.toSpliced(index, 1)
  const keyword = structural.find((keyword) => keyword in part) ?? ""
  const { [keyword]: content, ...rest } = part
  if (keyword === "$ref") return yield* referenced(context, String(content), [...others, rest], place)
  if (keyword === "allOf") return yield* values(context, [...others, rest, ...list(content)], place)
  if (keyword === "if") {
    const { else: otherwise = true, then = true, ...unconditional } = rest
    yield* values(context, [...others, unconditional, content, then], place)
    return yield* values(context, [...others, unconditional, otherwise], place)
  }
  for (const branch of rotated(list(content), place.salt)) yield* values(context, [...others, rest, branch], place)
}

const structural = ["$ref", "allOf", "if", "anyOf", "oneOf"]

const rotated = <A>(items: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const at = items.length === 0 ? 0 : by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

function* referenced(context: Context, ref: string, parts: Parts, place: Place): Generator<unknown> {
  if (place.here.has(ref)) return yield* values(context, parts, place)
  const target = JsonSchema.resolve(context.root, ref)
  if (target === undefined || place.above.has(ref)) return
  yield* values(context, [...parts, target], { ...place, here: new Set([...place.here, ref]) })
}

type Plain = ReadonlyArray<JsonSchemaObject>

const all = (plain: Plain, keyword: string): Parts => plain.flatMap((part) => keyword in part ? [part[keyword]] : [])
const numbers = (plain: Plain, keyword: string) => all(plain, keyword).filter((value) => typeof value === "number")
const strings = (plain: Plain, keyword: string) => all(plain, keyword).filter((value) => typeof value === "string")

function* plainValues(context: Context, plain: Plain, place: Place): Generator<unknown> {
  const constants = all(plain, "const")
  if (constants.length > 0) return yield* constants
  const choices = all(plain, "enum")[0]
  if (choices !== undefined) return yield* rotated(list(choices), place.salt)
  if (place.salt === 0) yield* [...all(plain, "default"), ...all(plain, "examples").flatMap(list)]
  for (const type of typesOf(plain)) yield* ofType(type, context, plain, place)
}

const typesOf = (plain: Plain): ReadonlyArray<string> => {
  const named = all(plain, "type").map((type) => list(typeof type === "string" ? [type] : type).map(String))
  if (named.length === 0) return [...new Set([...inferTypes(plain), "string", "object", "null"])]
  const shared = named.flat().filter((type) => named.every((types) => admits(types, type)))
  return [...new Set(shared)].toSorted((left, right) => Number(left === "null") - Number(right === "null"))
}

const admits = (types: ReadonlyArray<string>, type: string) =>
  types.includes(type) || type === "integer" && types.includes("number")

const inferTypes = (plain: Plain): ReadonlyArray<string> =>
  Object.entries(keywordsOf).flatMap(([type, keywords]) =>
    plain.some((part) => keywords.some((keyword) => keyword in part)) ? [type] : []
  )

const keywordsOf = {
  object: ["properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties"],
  array: ["items", "prefixItems", "contains", "minItems", "uniqueItems"],
  string: ["pattern", "format", "minLength"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
}

const ofType = (type: string, context: Context, plain: Plain, place: Place): Iterable<unknown> => {
  switch (type) {
    case "object":
      return objects(context, plain, place)
    case "array":
      return arrays(context, plain, place)
    case "string":
      return texts(context, plain, place)
    case "number":
    case "integer":
      return numerals(type === "integer", plain, place)
    case "boolean":
      return place.salt % 2 === 0 ? [true, false] : [false, true]
    default:
      return type === "null" ? [null] : []
  }
}

const texts = (context: Context, plain: Plain, { salt }: Place): Iterable<string> =>
  JsonSchemaString.candidates({
    text: context.text,
    minLength: Math.max(0, ...numbers(plain, "minLength")),
    maxLength: Math.min(Infinity, ...numbers(plain, "maxLength")),
    patterns: strings(plain, "pattern"),
    formats: [...strings(plain, "format"), ...strings(plain, "description").flatMap(decodedFrom)],
    salt
  })

/** What an Effect Schema decodes a text into stands in its description and nowhere else. */
const decodedFrom = (description: string): ReadonlyArray<string> => {
  const into = /^a string to be decoded into (?:a )?(\S+)$/.exec(description)?.[1]
  const format = into === undefined || !Object.hasOwn(decoded, into) ? undefined : decoded[into]
  return format === undefined ? [] : [format]
}

const decoded: Readonly<Record<string, string>> = {
  "Date": "date-time",
  "DateTime.Utc": "date-time",
  "number": "number",
  "bigint": "number",
  "BigDecimal": "number",
  "JSON": "number",
  "URL": "uri"
}

const numerals = (isInteger: boolean, plain: Plain, { salt }: Place): Iterable<number> =>
  JsonSchemaNumber.candidates({
    isInteger,
    minimum: Math.max(-Infinity, ...numbers(plain, "minimum")),
    maximum: Math.min(Infinity, ...numbers(plain, "maximum")),
    exclusiveMinimum: Math.max(-Infinity, ...numbers(plain, "exclusiveMinimum")),
    exclusiveMaximum: Math.min(Infinity, ...numbers(plain, "exclusiveMaximum")),
    multiplesOf: numbers(plain, "multipleOf"),
    salt
  })

/** With all properties, then with the required ones only. */
function* objects(context: Context, plain: Plain, place: Place): Generator<JsonSchemaObject> {
  const required = requiredOf(plain)
  const optional = all(plain, "properties").flatMap((properties) =>
    JsonSchema.isObject(properties) ? Object.keys(properties).filter((name) => !required.has(name)) : []
  )
  const most = Math.min(Infinity, ...numbers(plain, "maxProperties"))
  const full = [...new Set([...required, ...optional])].slice(0, Math.max(most, required.size))
  const variants = place.depth < fullDepth && optional.length > 0 ? [full, [...required]] : [[...required], full]
  for (const names of variants) {
    const object = fill(context, plain, place, names, required)
    if (object !== undefined) yield object
  }
}

const requiredOf = (plain: Plain): ReadonlySet<string> => {
  const names = new Set(all(plain, "required").flatMap(list).map(String))
  for (const dependent of all(plain, "dependentRequired")) {
    if (!JsonSchema.isObject(dependent)) continue
    // a name added while iterating over a Set is visited too
    for (const name of names) for (const other of list(dependent[name])) names.add(String(other))
  }
  return names
}

const fill = (
  context: Context,
  plain: Plain,
  place: Place,
  names: ReadonlyArray<string>,
  required: ReadonlySet<string>
): JsonSchemaObject | undefined => {
  const fields = new Map<string, unknown>()
  for (const name of names) {
    const value = pick(context, plain.flatMap((part) => propertyParts(part, name)), below(place))
    if (Option.isSome(value)) fields.set(name, value.value)
    else if (required.has(name)) return undefined
  }
  const least = Math.max(0, ...numbers(plain, "minProperties"))
  for (let salt = 0; fields.size < least && salt < maxItems && context.budget.left > 0; salt++) {
    const name = pick(context, [{ type: "string" }, ...all(plain, "propertyNames")], { ...below(place), salt })
    const key = Option.getOrElse(Option.filter(name, (value) => typeof value === "string"), () => "")
    if (key === "" || fields.has(key)) continue
    const value = pick(context, plain.flatMap((part) => propertyParts(part, key)), below(place))
    if (Option.isSome(value)) fields.set(key, value.value)
  }
  return Object.fromEntries(fields)
}

/** What a schema asks of the property with this name. */
const propertyParts = (schema: JsonSchemaObject, name: string): Parts => {
  const { additionalProperties = true, patternProperties, properties } = schema
  const named = JsonSchema.isObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : []
  const patterned = JsonSchema.isObject(patternProperties)
    ? Object.entries(patternProperties).filter(([pattern]) => JsonSchemaCheck.toRegExp(pattern)?.test(name))
    : []
  const parts = [...named, ...patterned.map(([, part]) => part)]
  return parts.length === 0 ? [additionalProperties] : parts
}

/** With an item to show if there may be one, then with as few as possible. */
function* arrays(context: Context, plain: Plain, place: Place): Generator<ReadonlyArray<unknown>> {
  const least = Math.max(0, ...numbers(plain, "minItems"), ...minContains(plain))
  const most = Math.min(Infinity, ...numbers(plain, "maxItems"))
  if (least > maxItems) return
  const prefix = Math.max(0, ...all(plain, "prefixItems").map((items) => list(items).length))
  const full = Math.min(most, Math.max(least, prefix, 1))
  for (const length of new Set([full, least])) {
    const items = fillItems(context, plain, place, length)
    if (items.length >= least) yield items
  }
}

const minContains = (plain: Plain): ReadonlyArray<number> =>
  plain.flatMap(({ contains, minContains = 1 }) =>
    contains === undefined || typeof minContains !== "number" ? [] : [minContains]
  )

const fillItems = (context: Context, plain: Plain, place: Place, length: number): ReadonlyArray<unknown> => {
  const isUnique = all(plain, "uniqueItems").includes(true)
  const items: Array<unknown> = []
  for (let index = 0; index < length; index++) {
    const parts = plain.flatMap((part) => itemParts(part, index))
    const item = isUnique
      ? pickOther(context, parts, below(place), items)
      : pick(context, parts, below(place))
    if (Option.isNone(item)) return items
    items.push(item.value)
  }
  return items
}

const itemParts = (
  { contains, items = true, minContains = 1, prefixItems }: JsonSchemaObject,
  index: number
): Parts => {
  const prefix = list(prefixItems)
  const own = index < prefix.length ? prefix[index] : items
  return contains !== undefined && index < Number(minContains) ? [own, contains] : [own]
}

const pickOther = (context: Context, parts: Parts, place: Place, taken: Parts): Option.Option<unknown> => {
  for (let salt = taken.length; salt <= 3 * taken.length + 10; salt++) {
    const item = pick(context, parts, { ...place, salt: place.salt + salt })
    if (Option.isNone(item)) return item
    if (!taken.some((other) => JsonSchemaCheck.isEqual(other, item.value))) return item
  }
  return Option.none()
}
