/**
 * Reads the fields of maps in a graph, and notes everything that is wrong with them on the way.
 *
 * - F1. Reading never stops: what cannot be read is noted, and stands as if it were not there.
 * - F2. A field that is not known is an error where its name is close to a known one, which is then probably meant, and a
 *   warning otherwise. Names that begin with `x-` are free.
 * - F3. A field that is empty or `null` is one that is not there.
 */
import * as Either from "effect/Either"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as Nearest from "../internal/nearest.ts"
import type { Json, Position, Template } from "./Flow.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import type { Entry, MapValue, ScalarValue, Value } from "./FlowSource.ts"
import * as FlowSource from "./FlowSource.ts"
import * as FlowType from "./FlowType.ts"

/**
 * A map that is being read, what it is called in messages, and where problems go.
 * @category models
 * @since 0.1.0
 */
export interface Fields {
  readonly what: string
  readonly at: Position
  readonly entries: ReadonlyMap<string, Entry>
  readonly problems: Array<Problem>
  /** Names that no field has. */
  readonly unknown: ReadonlyArray<string>
}

/**
 * Begins to read a map.
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  problems: Array<Problem>,
  map: MapValue,
  what: string,
  known: ReadonlyArray<string>,
  hints: ReadonlyMap<string, string> = new Map()
): Fields => {
  const unknown = map.entries.filter(({ key }) => !known.includes(key) && !key.startsWith("x-"))
  for (const { at, key } of unknown) {
    const detail = `${what} has no field '${key}'`
    const hint = hints.get(key) ?? Nearest.suggestion(key, known).trim()
    problems.push(
      hint === ""
        ? FlowError.warning(at, `${detail}; it does nothing`, `What is known: ${known.join(", ")}.`)
        : FlowError.error(at, detail, hint)
    )
  }
  const entries = new Map(map.entries.map((entry) => [entry.key, entry]))
  return { what, at: map.at, entries, problems, unknown: unknown.map(({ key }) => key) }
}

/**
 * The value of a field; undefined where there is none.
 * @category getters
 * @since 0.1.0
 */
export const value = ({ entries }: Fields, key: string): Value | undefined => {
  const found = entries.get(key)?.value
  return found === undefined || isNull(found) ? undefined : found
}

/**
 * Where a field stands; the map where it is not there.
 * @category getters
 * @since 0.1.0
 */
export const placeOf = (fields: Fields, key: string): Position => fields.entries.get(key)?.at ?? fields.at

/**
 * Notes that a field is wrong.
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (fields: Fields, key: string, expected: string, suggestion: string | null = null): null => {
  const at = value(fields, key)?.at ?? placeOf(fields, key)
  fields.problems.push(FlowError.error(at, `'${key}' of ${fields.what} ${expected}`, suggestion))
  return null
}

/**
 * Notes that a field is missing, unless it is there under a misspelt name, which is noted already.
 * @category constructors
 * @since 0.1.0
 */
export const missing = (fields: Fields, key: string, suggestion: string | null = null): null => {
  if (fields.unknown.some((name) => Nearest.nearest(name, [key]).length > 0)) return null
  fields.problems.push(FlowError.error(placeOf(fields, key), `${fields.what} needs '${key}'`, suggestion))
  return null
}

/**
 * A value without parts; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const scalar = (fields: Fields, key: string): ScalarValue | null => {
  const found = value(fields, key)
  if (found === undefined) return null
  return found._tag === "Scalar" ? found : refuse(fields, key, "has to be a text")
}

/**
 * A text, which may be written as a number or a boolean; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const text = (fields: Fields, key: string): string | null => {
  const found = scalar(fields, key)
  if (found === null) return null
  return found.text.trim() === "" ? refuse(fields, key, "is empty") : found.text
}

/**
 * A text that is taken as it is written, so that a template in it is a mistake; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const literal = (fields: Fields, key: string): string | null => {
  const found = text(fields, key)
  return found !== null && isTemplate(found) ? refuse(fields, key, notRendered) : found
}

/**
 * A text that has to be there.
 * @category getters
 * @since 0.1.0
 */
export const needed = (fields: Fields, key: string, suggestion: string | null = null): string | null =>
  value(fields, key) === undefined ? missing(fields, key, suggestion) : text(fields, key)

/**
 * One of several words.
 * @category getters
 * @since 0.1.0
 */
export const choice = <A extends string>(fields: Fields, key: string, words: ReadonlyArray<A>): A | null => {
  const found = text(fields, key)
  if (found === null) return null
  return words.find((word) => word === found) ??
    refuse(fields, key, `is '${clip(found)}' and has to be ${or(words)}`, suggest(found, words))
}

/**
 * A number between two bounds; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const number = (
  fields: Fields,
  key: string,
  accepts: { readonly isWhole: boolean; readonly least: number; readonly most?: number }
): number | null => {
  const found = scalar(fields, key)
  if (found === null) return null
  const { isWhole, least, most = Number.MAX_SAFE_INTEGER } = accepts
  const read = typeof found.value === "number"
    ? found.value
    : numeric.test(found.text)
    ? Number(found.text)
    : Number.NaN
  if (read >= least && read <= most && (!isWhole || Number.isInteger(read))) return read
  const from = Number.isFinite(least) ? ` from ${least}` : ""
  const to = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`
  return refuse(fields, key, `is '${clip(found.text)}' and has to be a ${isWhole ? "whole " : ""}number${from}${to}`)
}

/**
 * A time in milliseconds, written in seconds or with units; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const duration = (fields: Fields, key: string): number | null => {
  const found = scalar(fields, key)
  if (found === null) return null
  const millis = millisOf(found.text)
  if (millis !== undefined && millis <= maxMillis) return millis
  return refuse(
    fields,
    key,
    `is '${clip(found.text)}' and has to be a time of at most a year`,
    "Write seconds, such as 90, or units, such as \"20 minutes\" or 1h 30m."
  )
}

/**
 * Texts in a list; one alone may stand for itself. Null where there are none.
 * @category getters
 * @since 0.1.0
 */
export const scalars = (fields: Fields, key: string): ReadonlyArray<ScalarValue> | null => {
  const found = value(fields, key)
  if (found === undefined) return null
  if (found._tag === "Scalar") return [found]
  if (found._tag === "Map") return refuse(fields, key, "has to be a list of texts")
  return found.items.flatMap((item) => {
    if (item._tag === "Scalar" && !isNull(item)) return [item]
    fields.problems.push(FlowError.error(item.at, `'${key}' of ${fields.what} has to be a list of texts`, emptyText))
    return []
  })
}

/**
 * Texts in a list that are taken as they are written. Null where there are none.
 * @category getters
 * @since 0.1.0
 */
export const literals = (fields: Fields, key: string): ReadonlyArray<string> | null => {
  const found = scalars(fields, key)
  for (const { at } of found?.filter(({ text }) => isTemplate(text)) ?? []) {
    fields.problems.push(FlowError.error(at, `'${key}' of ${fields.what} ${notRendered}`))
  }
  return found?.map(({ text }) => text) ?? null
}

/**
 * Items of a list.
 * @category getters
 * @since 0.1.0
 */
export const items = (fields: Fields, key: string): ReadonlyArray<Value> | null => {
  const found = value(fields, key)
  if (found === undefined) return null
  return found._tag === "List" ? found.items : refuse(fields, key, "has to be a list")
}

/**
 * Maps of a list.
 * @category getters
 * @since 0.1.0
 */
export const maps = (fields: Fields, key: string, each: string): ReadonlyArray<MapValue> =>
  (items(fields, key) ?? []).flatMap((item) => {
    if (item._tag === "Map") return [item]
    fields.problems.push(FlowError.error(item.at, `${each} of ${fields.what} has to be a map of its fields`))
    return []
  })

/**
 * Entries of a map; none where it is not there.
 * @category getters
 * @since 0.1.0
 */
export const entries = (fields: Fields, key: string): ReadonlyArray<Entry> => {
  const found = value(fields, key)
  if (found === undefined) return []
  return found._tag === "Map" ? found.entries : refuse(fields, key, "has to be a map of names and values") ?? []
}

/**
 * A text to render; null where there is none.
 * @category getters
 * @since 0.1.0
 */
export const template = (fields: Fields, key: string): Template | null => {
  const found = scalar(fields, key)
  return found === null ? null : templateOf(found)
}

/**
 * Texts to render, by name.
 * @category getters
 * @since 0.1.0
 */
export const templates = (fields: Fields, key: string): ReadonlyMap<string, Template> =>
  new Map(
    entries(fields, key).flatMap((entry) => {
      if (entry.value._tag === "Scalar" && !isNull(entry.value)) return [[entry.key, templateOf(entry.value)]]
      const detail = `'${entry.key}' in '${key}' of ${fields.what} has to be a text`
      fields.problems.push(FlowError.error(entry.value.at, detail, isNull(entry.value) ? emptyText : null))
      return []
    })
  )

/**
 * A text to render.
 * @category constructors
 * @since 0.1.0
 */
export const templateOf = ({ text, textAt }: ScalarValue): Template => ({ source: text, at: textAt })

/**
 * A value as JSON; what other readers of YAML take for something else is told.
 * @category converting
 * @since 0.1.0
 */
export const json = (problems: Array<Problem>, value: Value): Json => {
  for (const { at, isPlain, text, value: read } of scalarsOf(value)) {
    if (!isPlain) continue
    if (typeof read === "string" && oldBoolean.test(text)) {
      const meant = /^(?:yes|on)$/i.test(text) ? "true" : "false"
      problems.push(FlowError.warning(at, `${text} is a text`, `Write ${meant} if that is meant, else "${text}".`))
    } else if (oldNumber.test(text)) {
      const shown = typeof read === "string" ? "a text" : `the number ${String(read)}`
      problems.push(FlowError.warning(at, `${text} is ${shown}`, "Write it in quotes, or as a plain number."))
    }
  }
  return FlowSource.toJson(value)
}

/**
 * What a value has to be: `type` in short, or `schema` as a JSON Schema. Null where any value will do.
 * @category getters
 * @since 0.1.0
 */
export const schema = (fields: Fields): JsonSchemaObject | null => {
  const short = value(fields, "type")
  const long = value(fields, "schema")
  if (short !== undefined && long !== undefined) {
    return refuse(fields, "schema", "stands beside 'type'", "Keep one of them.")
  }
  return short !== undefined
    ? typeOf(fields.problems, short)
    : long !== undefined
    ? schemaOf(fields.problems, long)
    : null
}

/**
 * The schema of a type in short.
 * @category converting
 * @since 0.1.0
 */
export const typeOf = (problems: Array<Problem>, value: Value): JsonSchemaObject | null => {
  switch (value._tag) {
    case "Map":
      return FlowType.object(value.entries.map((entry) => [entry.key, typeOf(problems, entry.value)]))
    case "List": {
      const [only, ...more] = value.items
      if (only !== undefined && more.length === 0) return FlowType.list(typeOf(problems, only))
      problems.push(FlowError.error(value.at, "a list of types has one type, that of its items", "Write list<string>."))
      return null
    }
    case "Scalar":
      return Either.getOrElse(FlowType.parse(value.text), ({ detail, offset }) => {
        problems.push(FlowError.error({ ...value.textAt, column: value.textAt.column + offset }, detail))
        return null
      })
  }
}

/**
 * A JSON Schema as it is written.
 * @category converting
 * @since 0.1.0
 */
export const schemaOf = (problems: Array<Problem>, value: Value): JsonSchemaObject | null => {
  if (value._tag === "Map") {
    return Object.fromEntries(value.entries.map(({ key, value }) => [key, FlowSource.toJson(value)]))
  }
  problems.push(FlowError.error(value.at, "a schema has to be a JSON Schema", "Short types stand in 'type'."))
  return null
}

/**
 * "Did you mean …?", or null.
 * @category constructors
 * @since 0.1.0
 */
export const suggest = (asked: string, names: ReadonlyArray<string>): string | null =>
  Nearest.suggestion(asked, names).trim() || null

/**
 * A text short enough for a message.
 * @category converting
 * @since 0.1.0
 */
export const clip = (text: string): string => text.length > 60 ? `${text.slice(0, 60)}…` : text

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isTemplate = (text: string): boolean => /\{[{%]/.test(text)
const notRendered = "is taken as it is written; values are not put into it"
const emptyText = "Write \"\" for an empty text."
const numeric = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/
const maxMillis = 366 * 86_400_000

/** What YAML 1.1 reads as a boolean and 1.2 does not. */
const oldBoolean = /^(?:yes|no|on|off)$/i
/** What YAML 1.1 reads as another number: octal, with underscores, or in base 60. */
const oldNumber = /^[-+]?(?:0\d+|\d[\d_]*_[\d_]*|[1-9]\d*(?::[0-5]?\d)+)$/

const isNull = (value: Value): boolean => value._tag === "Scalar" && value.value === null

const or = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`

const units: ReadonlyArray<readonly [pattern: RegExp, millis: number]> = [
  [/^(?:ms|millis|milliseconds?)$/, 1],
  [/^(?:s|secs?|seconds?)$/, 1_000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:d|days?)$/, 86_400_000],
  [/^(?:w|weeks?)$/, 604_800_000]
]

const millisOf = (text: string): number | undefined => {
  const trimmed = text.trim().toLowerCase()
  if (numeric.test(trimmed)) return Number(trimmed) >= 0 ? Math.round(Number(trimmed) * 1_000) : undefined
  if (trimmed.length > 60 || !/^(?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*)+$/.test(trimmed)) return undefined
  let sum = 0
  for (const [, count, unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const millis = units.find(([pattern]) => pattern.test(unit))?.[1]
    if (millis === undefined) return undefined
    sum += Number(count) * millis
  }
  return Math.round(sum)
}

function* scalarsOf(value: Value): Generator<ScalarValue> {
  switch (value._tag) {
    case "Map":
      for (const entry of value.entries) yield* scalarsOf(entry.value)
      return
    case "List":
      for (const item of value.items) yield* scalarsOf(item)
      return
    case "Scalar":
      yield value
  }
}
