/**
 * JSON as a text that depends on meaning alone, and JSON out of anything.
 *
 * - J1. Two values that mean the same JSON have the same text, whatever the order of their keys (RFC 8785).
 * - J2. {@link encode} refuses what JSON cannot say and names the place; nothing is dropped except undefined fields.
 * - J3. {@link encodeUnsafe} gives the text of {@link encode} for every value that {@link encode} accepts.
 * - J4. {@link toJson} never throws, and {@link encode} accepts whatever it returns.
 * - J5. {@link encodeNear} gives the text of {@link encode} for every value that {@link encode} accepts, and never one of
 *   less than it was given.
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
export const toJson = (value: unknown): Json =>
  lossy(value, { ...bounded, room: maxSize, ancestors: new Set(), path: [], lose: () => {} })

/**
 * A place of a value, and what JSON cannot say of it.
 * @category models
 * @since 0.1.0
 */
export interface Lost {
  readonly path: ReadonlyArray<string | number>
  readonly reason: string
}

/**
 * The text of a value as near to JSON as it comes, or the first places where something of it would be lost.
 *
 * **Details**
 *
 * Dates, maps, sets, bigints and what has a `toJSON` have a text; cycles, functions, symbols and bytes have none. Of an
 * error is told what {@link toJson} tells.
 * @category converting
 * @since 0.1.0
 */
export const encodeNear = (value: unknown): Either.Either<string, ReadonlyArray<Lost>> =>
  Either.orElse(encode(value), () => {
    const lost: Array<Lost> = []
    const path: Array<string | number> = []
    const lose = (reason: string) => {
      if (lost.length < maxLost) lost.push({ path: [...path], reason })
      else budget.room = 0
    }
    const budget: Budget = { ...whole, room: Infinity, ancestors: new Set(), path, lose }
    const json = lossy(value, budget)
    return lost.length === 0 ? Either.right(encodeUnsafe(json)) : Either.left(lost)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxDepth = 1_000
const maxLost = 20
/** Characters, where each value costs `valueCost` besides its text. */
const maxSize = 1_000_000
const valueCost = 8
const bounded = { maxDepth: 50, maxText: 100_000 }
const whole = { maxDepth, maxText: Number.POSITIVE_INFINITY }
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
  readonly maxDepth: number
  readonly maxText: number
  readonly ancestors: Set<object>
  readonly path: Array<string | number>
  /** Told what is not in the JSON, with `path` as it is then. */
  readonly lose: (reason: string) => void
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
      return lossyText(String(value), budget)
    case "symbol":
      budget.lose("a symbol")
      return lossyText(String(value), budget)
    case "undefined":
      return null
    case "function":
      budget.lose("a function")
      return Either.getOrElse(attempt("", () => lossyText(`[Function ${value.name}]`, budget)), () => "[Function]")
    case "object":
      return value === null ? null : lossyObject(value, budget)
  }
}

const lossyText = (text: string, budget: Budget): string => {
  const length = Math.min(text.length, budget.maxText, Math.max(budget.room, 0))
  budget.room -= length
  const kept = length === text.length ? text : `${text.slice(0, length)}…`
  return kept.replace(loneSurrogates, "\uFFFD")
}

const lossyObject = (value: object, budget: Budget): Json => {
  if (budget.ancestors.has(value)) {
    budget.lose("a cycle: it contains itself")
    return "[Circular]"
  }
  if (budget.room <= 0 || budget.ancestors.size >= budget.maxDepth) {
    budget.lose(`nested deeper than ${budget.maxDepth} levels`)
    return "[Truncated]"
  }
  budget.ancestors.add(value)
  const depth = budget.path.length
  const json = attempt("", () => lossyContent(value, budget))
  // what threw may have been further inside
  budget.path.length = depth
  budget.ancestors.delete(value)
  return Either.getOrElse(json, ({ reason }) => unreadable(reason, budget))
}

const unreadable = (reason: string, budget: Budget): string => {
  budget.lose(`reading it threw: ${reason}`)
  return lossyText(`[Unreadable: ${reason}]`, budget)
}

const at = (key: string | number, budget: Budget, read: () => Json): Json => {
  budget.path.push(key)
  const json = read()
  budget.path.pop()
  return json
}

const lossyContent = (value: object, budget: Budget): Json => {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    budget.lose("bytes")
    return `[${Object.prototype.toString.call(value).slice(8, -1)}, ${value.byteLength} bytes]`
  }
  if (Array.isArray(value)) return lossyItems(value, budget)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString()
  if (value instanceof Set) return lossyItems(value, budget)
  if (value instanceof Map) {
    return lossyFields(value, ([key]) => typeof key === "object" ? JSON.stringify(lossy(key, budget)) : key, budget)
  }
  if (value instanceof RegExp) return lossyText(String(value), budget)
  // the causes of an error often lead everywhere, and what it holds is for people
  if (value instanceof Error) return budget.maxText === whole.maxText ? toJson(value) : lossyError(value, budget)
  if (hasToJson(value)) {
    const json = value.toJSON()
    if (json !== value) return lossy(json, budget)
  }
  return lossyFields(ownFields(value, budget), ([key]) => key, budget)
}

/** Fields one by one, so that a getter that throws costs its own field only. */
function* ownFields(value: object, budget: Budget): Generator<readonly [string, unknown]> {
  for (const key of Object.keys(value)) {
    const field = attempt("", (): unknown => Reflect.get(value, key))
    yield [key, Either.getOrElse(field, ({ reason }) => at(key, budget, () => unreadable(reason, budget)))]
  }
}

const lossyError = (error: Error, budget: Budget): Json =>
  lossyFields(
    [
      ["name", error.name],
      ["message", error.message],
      ["cause", error.cause],
      ...(error instanceof AggregateError ? [["errors", error.errors] as const] : []),
      ...ownFields(error, budget)
    ],
    ([key]) => key,
    budget
  )

const lossyItems = (items: Iterable<unknown>, budget: Budget): Json => {
  const out: Array<Json> = []
  for (const item of items) {
    if (budget.room <= 0) return [...out, "[Truncated]"]
    out.push(at(out.length, budget, () => lossy(item, budget)))
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
    const key = lossyText(String(name(entry)), budget)
    if (out.has(key)) budget.lose(`two fields of the name ${key}`)
    out.set(key, at(key, budget, () => lossy(entry[1], budget)))
  }
  return Object.fromEntries(out)
}
