/**
 * The values of templates and expressions: JSON, and what exists only while something is evaluated.
 *
 * - V1. Fields are own fields. What an object inherits, or what only code could reach, is not there.
 * - V2. What leads nowhere is a value, {@link Undefined}, that knows its name.
 * - V3. Values are never changed; a {@link Namespace} is the one thing that can be set, and a template's own.
 */
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"

/**
 * A value.
 * @category models
 * @since 0.1.0
 */
export type Value = null | boolean | number | string | ReadonlyArray<Value> | Dict | Undefined | Namespace | Callable

/**
 * An object of JSON.
 * @category models
 * @since 0.1.0
 */
export interface Dict {
  readonly [key: string]: Value
}

/**
 * What a name or a path that leads nowhere evaluates to.
 * @category models
 * @since 0.1.0
 */
export class Undefined {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * Fields that can be set, as `namespace()` makes them, and the fields of `loop`.
 * @category models
 * @since 0.1.0
 */
export class Namespace {
  readonly fields: Map<string, Value>
  constructor(fields: Iterable<readonly [string, Value]>) {
    this.fields = new Map(fields)
  }
}

/**
 * Arguments of a call, evaluated.
 * @category models
 * @since 0.1.0
 */
export interface Arguments {
  readonly positional: ReadonlyArray<Value>
  readonly named: ReadonlyMap<string, Value>
}

/**
 * A macro or a function that there is.
 * @category models
 * @since 0.1.0
 */
export class Callable {
  readonly name: string
  readonly call: (runtime: Runtime, args: Arguments) => Value
  constructor(name: string, call: (runtime: Runtime, args: Arguments) => Value) {
    this.name = name
    this.call = call
  }
}

/**
 * Whether a value is an object of JSON.
 * @category predicates
 * @since 0.1.0
 */
export const isDict = (value: Value): value is Dict =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Undefined) &&
  !(value instanceof Namespace) && !(value instanceof Callable)

/**
 * Whether a value is a list.
 * @category predicates
 * @since 0.1.0
 */
export const isList = (value: Value): value is ReadonlyArray<Value> => Array.isArray(value)

/**
 * Steps that it takes to look through a value once.
 * @category converting
 * @since 0.1.0
 */
export const costOf = (value: Value): number => {
  if (typeof value === "string") return 1 + value.length / 200
  return isList(value) ? 1 + value.length / 10 : 1
}

/**
 * Charges the search for a part of a text, which for a long part can mean to compare it at every place.
 * @category combinators
 * @since 0.1.0
 */
export const chargeSearch = (runtime: Runtime, text: string, part: string): void =>
  Runtimes.step(runtime, costOf(text) + (part.length > 64 ? text.length * part.length / 5_000 : 0))

/**
 * What a value is, in words.
 * @category converting
 * @since 0.1.0
 */
export const kindOf = (value: Value): string => {
  if (value === null) return "null"
  if (isList(value)) return "a list"
  if (value instanceof Undefined) return `'${value.name}', which is undefined`
  if (value instanceof Namespace) return "a namespace"
  if (value instanceof Callable) return `the function '${value.name}'`
  switch (typeof value) {
    case "boolean":
      return "true or false"
    case "number":
      return "a number"
    case "string":
      return "a text"
    default:
      return "an object"
  }
}

/**
 * The field or item of a value; `path` is how it is asked for.
 * @category converting
 * @since 0.1.0
 */
export const getItem = (value: Value, key: Value, path: () => string): Value => {
  const found = lookUp(value, key)
  return found === undefined ? new Undefined(path()) : found
}

/**
 * Whether two values are the same JSON. No kind of value equals another kind.
 * @category predicates
 * @since 0.1.0
 */
export const equals = (runtime: Runtime, left: Value, right: Value): boolean => {
  Runtimes.step(runtime, typeof left === "string" ? costOf(left) : 1)
  if (left === right) return true
  if (left instanceof Undefined) return right instanceof Undefined
  if (isList(left)) {
    return isList(right) && left.length === right.length &&
      left.every((item, index) => equals(runtime, item, right[index] ?? null))
  }
  if (!isDict(left) || !isDict(right)) return false
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equals(runtime, left[key] ?? null, right[key] ?? null))
}

/**
 * Less than, equal to or greater than 0, for two numbers or two texts; anything else has no order.
 * @category converting
 * @since 0.1.0
 */
export const compare = (runtime: Runtime, left: Value, right: Value): number => {
  if (typeof left === "number" && typeof right === "number") return left - right
  if (typeof left === "string" && typeof right === "string") {
    Runtimes.step(runtime, costOf(left))
    return left < right ? -1 : left > right ? 1 : 0
  }
  demand(runtime, left)
  demand(runtime, right)
  return Runtimes.fail(runtime, "TypeMismatch", `${kindOf(left)} and ${kindOf(right)} have no order`)
}

/**
 * Whether a list has an item, a text a part, or an object a field.
 * @category predicates
 * @since 0.1.0
 */
export const contains = (runtime: Runtime, container: Value, item: Value): boolean => {
  if (isList(container)) return container.some((candidate) => equals(runtime, candidate, item))
  if (typeof container === "string" && typeof item === "string") {
    chargeSearch(runtime, container, item)
    return container.includes(item)
  }
  if (isDict(container)) return typeof item === "string" && Object.hasOwn(container, item)
  return Runtimes.fail(runtime, "TypeMismatch", `${kindOf(container)} cannot contain ${kindOf(item)}`)
}

/**
 * Demands that a value is defined, which arithmetic and order do.
 * @category combinators
 * @since 0.1.0
 */
export const demand = (runtime: Runtime, value: Value): void => {
  if (value instanceof Undefined) Runtimes.fail(runtime, "Undefined", `'${value.name}' is undefined`)
}

/**
 * Whether a value counts as true: everything but false, null, 0, what is empty and what is undefined.
 * @category predicates
 * @since 0.1.0
 */
export const isTruthy = (value: Value): boolean => {
  if (value === null || typeof value !== "object") return Boolean(value)
  if (isList(value)) return value.length > 0
  if (isDict(value)) return Object.keys(value).length > 0
  return !(value instanceof Undefined)
}

/**
 * A number, or a fault where a value is none.
 * @category converting
 * @since 0.1.0
 */
export const toNumber = (runtime: Runtime, value: Value): number => {
  demand(runtime, value)
  return typeof value === "number"
    ? value
    : Runtimes.fail(runtime, "TypeMismatch", `a number is needed here, not ${kindOf(value)}`)
}

/**
 * What a loop goes through: items of a list, keys of an object, characters of a text; nothing where it is undefined.
 * @category converting
 * @since 0.1.0
 */
export const toList = (runtime: Runtime, value: Value): ReadonlyArray<Value> => {
  if (isList(value)) return value
  if (value instanceof Undefined) {
    notice(runtime, value)
    return []
  }
  if (typeof value === "string") Runtimes.chargeItems(runtime, value.length)
  if (typeof value === "string") return Array.from(value)
  if (!isDict(value)) return Runtimes.fail(runtime, "TypeMismatch", `${kindOf(value)} has no items`)
  const keys = Object.keys(value)
  Runtimes.chargeItems(runtime, keys.length)
  return keys
}

/**
 * Notes that something undefined was used as if it were empty.
 * @category combinators
 * @since 0.1.0
 */
export const notice = (runtime: Runtime, { name }: Undefined): void => {
  if (!runtime.missing.has(name) && runtime.missing.size < maxMissing) {
    runtime.missing.set(name, { name, at: runtime.at, origin: runtime.origin })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names that are reported of one evaluation. */
const maxMissing = 100

const lookUp = (value: Value, key: Value): Value | undefined => {
  if (value instanceof Namespace) return typeof key === "string" ? value.fields.get(key) : undefined
  if (typeof key === "number" && (isList(value) || typeof value === "string")) {
    return value[key < 0 ? value.length + key : key]
  }
  // what else is asked of a list or of a text is a method, and those exist in calls only
  if (!isDict(value) || typeof key !== "string" && typeof key !== "number") return undefined
  return Object.hasOwn(value, key) ? value[key] : undefined
}
