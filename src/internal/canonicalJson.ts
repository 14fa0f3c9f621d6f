/**
 * JSON as a text that depends on meaning alone, and JSON out of anything.
 *
 * - J1. Two values that mean the same JSON have the same text, whatever the order of their keys (RFC 8785).
 * - J2. {@link encode} refuses what JSON cannot say and names the place; nothing is dropped except undefined fields.
 * - J3. {@link encodeUnsafe} gives the text of {@link encode} for every value that {@link encode} accepts.
 * - J4. {@link toJson} never throws, and {@link encode} accepts whatever it returns.
 *
 * Strings are not normalised: two Unicode spellings of one word are two values.
 */
import canonicalize from "canonicalize"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * Everything a JSON text can hold.
 * @category models
 * @since 0.1.0
 */
export type Json = string | number | boolean | null | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * A value that has no JSON text, with the place (a JSON pointer) and the reason.
 * @category errors
 * @since 0.1.0
 */
export class NotJson extends Schema.TaggedError<NotJson>("owf/CanonicalJson/NotJson")("NotJson", {
  pointer: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.pointer === "" ? "the value" : this.pointer} is not JSON: ${this.reason}`
  }
}

/**
 * The RFC 8785 text of a value, or the first place that JSON cannot express.
 * @category converting
 * @since 0.1.0
 */
export const encode = (value: unknown): Either.Either<string, NotJson> =>
  Either.flatMap(
    attempt("", () => findProblem(value, "", new Set())),
    (problem) => problem === undefined ? attempt("", () => canonicalize(value) ?? "null") : Either.left(problem)
  )

/**
 * The RFC 8785 text of a value known to be JSON, without looking for problems first.
 *
 * **Gotchas**
 *
 * A lone surrogate, which a prompt cut in the middle of a character has and which RFC 8785 forbids, is escaped, so
 * that such a prompt still has a text of its own.
 * @category converting
 * @since 0.1.0
 */
export const encodeUnsafe = (value: unknown): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null"
  if (Array.isArray(value)) return `[${value.map(encodeUnsafe).join(",")}]`
  if (hasToJson(value)) return encodeUnsafe(value.toJSON())
  let text = ""
  for (const [key, field] of Object.entries(value).toSorted(byKey)) {
    if (field !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${encodeUnsafe(field)}`
  }
  return `{${text}}`
}

/**
 * Any value as JSON for people to read: lossy, bounded in depth and size, and total.
 * @category converting
 * @since 0.1.0
 */
export const toJson = (value: unknown): Json => lossy(value, { room: maxSize, ancestors: new Set() })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxDepth = 1_000
const maxLossyDepth = 50
/** Characters, where each value costs `valueCost` besides its text. */
const maxSize = 1_000_000
const valueCost = 8
const maxText = 100_000
const loneSurrogate = /\p{Surrogate}/u
const loneSurrogates = /\p{Surrogate}/gu

const byKey = (left: [string, unknown], right: [string, unknown]) => left[0] < right[0] ? -1 : 1

const hasToJson = (value: object): value is { readonly toJSON: () => unknown } =>
  "toJSON" in value && typeof value.toJSON === "function"

const attempt = <A>(pointer: string, evaluate: () => A): Either.Either<A, NotJson> =>
  Either.try({
    try: evaluate,
    catch: (cause) =>
      new NotJson({ pointer, reason: cause instanceof Error ? String(cause.message) : "reading it threw" })
  })

const child = (pointer: string, key: string | number) =>
  `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`

const findProblem = (value: unknown, pointer: string, ancestors: Set<object>): NotJson | undefined => {
  const refuse = (reason: string) => new NotJson({ pointer, reason })
  switch (typeof value) {
    case "boolean":
      return undefined
    case "string":
      return loneSurrogate.test(value) ? refuse("a string with half of a character (a lone surrogate)") : undefined
    case "number":
      return Number.isFinite(value) ? undefined : refuse(`the number ${value}`)
    case "object":
      return value === null ? undefined : findProblemInside(value, pointer, ancestors)
    default:
      return refuse(value === undefined ? "undefined" : `a ${typeof value}`)
  }
}

const findProblemInside = (value: object, pointer: string, ancestors: Set<object>): NotJson | undefined => {
  if (ancestors.has(value)) return new NotJson({ pointer, reason: "a cycle: it contains itself" })
  if (ancestors.size >= maxDepth) return new NotJson({ pointer, reason: `nested deeper than ${maxDepth} levels` })
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  ancestors.add(value)
  const problem = hasToJson(value)
    ? findProblem(value.toJSON(), pointer, ancestors)
    : kind === "Object" || kind === "Array"
    ? findProblemInFields(value, pointer, ancestors)
    : new NotJson({ pointer, reason: `a ${kind}` })
  ancestors.delete(value)
  return problem
}

const findProblemInFields = (value: object, pointer: string, ancestors: Set<object>): NotJson | undefined => {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = findProblem(value[index], child(pointer, index), ancestors)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  for (const [key, field] of Object.entries(value)) {
    if (loneSurrogate.test(key)) return new NotJson({ pointer, reason: "a key with half of a character" })
    const problem = field === undefined ? undefined : findProblem(field, child(pointer, key), ancestors)
    if (problem !== undefined) return problem
  }
  return undefined
}

interface Budget {
  room: number
  readonly ancestors: Set<object>
}

const lossy = (value: unknown, budget: Budget): Json => {
  budget.room -= valueCost
  switch (typeof value) {
    case "boolean":
      return value
    case "number":
      // minus zero is zero in JSON
      return Number.isFinite(value) ? value + 0 : String(value)
    case "string":
      return lossyText(value, budget)
    case "bigint":
    case "symbol":
      return lossyText(String(value), budget)
    case "undefined":
      return null
    case "function":
      return Either.getOrElse(attempt("", () => lossyText(`[Function ${value.name}]`, budget)), () => "[Function]")
    case "object":
      return value === null ? null : lossyObject(value, budget)
  }
}

const lossyText = (text: string, budget: Budget): string => {
  const length = Math.min(text.length, maxText, Math.max(budget.room, 0))
  budget.room -= length
  const kept = length === text.length ? text : `${text.slice(0, length)}…`
  return kept.replace(loneSurrogates, "\uFFFD")
}

const lossyObject = (value: object, budget: Budget): Json => {
  if (budget.ancestors.has(value)) return "[Circular]"
  if (budget.room <= 0 || budget.ancestors.size >= maxLossyDepth) return "[Truncated]"
  budget.ancestors.add(value)
  const json = attempt("", () => lossyContent(value, budget))
  budget.ancestors.delete(value)
  return Either.getOrElse(json, ({ reason }) => lossyText(`[Unreadable: ${reason}]`, budget))
}

const lossyContent = (value: object, budget: Budget): Json => {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return `[${Object.prototype.toString.call(value).slice(8, -1)}, ${value.byteLength} bytes]`
  }
  if (Array.isArray(value)) return lossyItems(value, budget)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString()
  if (value instanceof Set) return lossyItems(value, budget)
  if (value instanceof Map) {
    return lossyFields(value, ([key]) => typeof key === "object" ? JSON.stringify(lossy(key, budget)) : key, budget)
  }
  if (value instanceof RegExp) return lossyText(String(value), budget)
  if (value instanceof Error) return lossyError(value, budget)
  if (hasToJson(value)) {
    const json = value.toJSON()
    if (json !== value) return lossy(json, budget)
  }
  return lossyFields(ownFields(value), ([key]) => key, budget)
}

/** Fields one by one, so that a getter that throws costs its own field only. */
function* ownFields(value: object): Generator<readonly [string, unknown]> {
  for (const key of Object.keys(value)) {
    const field = attempt("", (): unknown => Reflect.get(value, key))
    yield [key, Either.getOrElse(field, ({ reason }) => `[Unreadable: ${reason}]`)]
  }
}

const lossyError = (error: Error, budget: Budget): Json =>
  lossyFields(
    [
      ["name", error.name],
      ["message", error.message],
      ["cause", error.cause],
      ...(error instanceof AggregateError ? [["errors", error.errors] as const] : []),
      ...ownFields(error)
    ],
    ([key]) => key,
    budget
  )

const lossyItems = (items: Iterable<unknown>, budget: Budget): Json => {
  const out: Array<Json> = []
  for (const item of items) {
    if (budget.room <= 0) return [...out, "[Truncated]"]
    out.push(lossy(item, budget))
  }
  return out
}

const lossyFields = (
  entries: Iterable<readonly [unknown, unknown]>,
  name: (entry: readonly [unknown, unknown]) => unknown,
  budget: Budget
): Json => {
  const out = new Map<string, Json>()
  for (const entry of entries) {
    if (entry[1] === undefined) continue
    if (budget.room <= 0) {
      out.set("[Truncated]", true)
      break
    }
    out.set(lossyText(String(name(entry)), budget), lossy(entry[1], budget))
  }
  return Object.fromEntries(out)
}
