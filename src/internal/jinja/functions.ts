/**
 * The functions of the expression language. None of them takes what is undefined but `default` and `exists`, which are
 * not here, because they look at an argument before it is used.
 */
import { range } from "./globals.ts"
import * as Operators from "./operators.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * A function and how many arguments it takes.
 * @category models
 * @since 0.1.0
 */
export interface Function {
  readonly least: number
  readonly most: number
  readonly call: (runtime: Runtime, args: ReadonlyArray<Value>) => Value
}

/**
 * The functions by name.
 * @category constants
 * @since 0.1.0
 */
export const functions: ReadonlyMap<string, Function> = new Map<string, Function>([
  ["len", { least: 1, most: 1, call: length }],
  ["lower", text(1, (_, own) => own.toLowerCase())],
  ["upper", text(1, (_, own) => own.toUpperCase())],
  ["trim", text(1, (_, own) => own.trim())],
  ["startswith", text(2, (runtime, own, part) => own.startsWith(needText(runtime, part)))],
  ["endswith", text(2, (runtime, own, part) => own.endsWith(needText(runtime, part)))],
  ["contains", {
    least: 2,
    most: 2,
    call: (runtime, [container = null, item = null]) => Operators.compare(runtime, "in", item, container)
  }],
  ["min", { least: 1, most: 100, call: (runtime, args) => extreme(runtime, args, -1) }],
  ["max", { least: 1, most: 100, call: (runtime, args) => extreme(runtime, args, 1) }],
  ["sum", {
    least: 1,
    most: 1,
    call: (runtime, [list = null]) =>
      needList(runtime, list).reduce(
        (sum, item) => Operators.binary(runtime, "+", needNumber(runtime, sum), needNumber(runtime, item)),
        0
      )
  }],
  ["range", { least: 1, most: 3, call: toRange }]
])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const need =
  <A extends Value>(wanted: string, is: (value: Value) => value is A) => (runtime: Runtime, value: Value): A => {
    Runtimes.step(runtime)
    return is(value)
      ? value
      : Runtimes.fail(runtime, "TypeMismatch", `${wanted} is needed here, not ${Values.kindOf(value)}`)
  }

const needText = need("a text", (value): value is string => typeof value === "string")
const needNumber = need("a number", (value): value is number => typeof value === "number")
const needInteger = need("a whole number", (value): value is number => Number.isSafeInteger(value))
const needList = need("a list", Values.isList)

function text(count: number, call: (runtime: Runtime, own: string, other: Value) => Value): Function {
  return {
    least: count,
    most: count,
    call: (runtime, [own = null, other = null]) => {
      const subject = needText(runtime, own)
      Runtimes.charge(runtime, subject.length)
      return call(runtime, subject, other)
    }
  }
}

function length(runtime: Runtime, [value = null]: ReadonlyArray<Value>): Value {
  if (Values.isList(value)) return value.length
  if (Values.isDict(value)) return Object.keys(value).length
  const own = needText(runtime, value)
  Runtimes.chargeItems(runtime, own.length)
  return Array.from(own).length
}

/** Of several arguments, or of the items of one list: the least or the greatest. */
function extreme(runtime: Runtime, args: ReadonlyArray<Value>, sign: 1 | -1): Value {
  const [only = null] = args
  const items = args.length === 1 ? needList(runtime, only) : args
  const [first, ...others] = items
  if (first === undefined) {
    return Runtimes.fail(runtime, "TypeMismatch", "an empty list has neither least nor greatest item")
  }
  Runtimes.step(runtime, items.length)
  // compared with itself as well, so that a list of one thing without an order is refused like a list of two
  return others.reduce<Value>(
    (best, item) => Values.compare(runtime, item, best) * sign > 0 ? item : best,
    Values.compare(runtime, first, first) === 0 ? first : null
  )
}

function toRange(runtime: Runtime, args: ReadonlyArray<Value>): Value {
  const [start = 0, stop = 0, step = 1] = args.map((arg) => needInteger(runtime, arg))
  return args.length === 1 ? range(runtime, 0, start, 1) : range(runtime, start, stop, step)
}
