/**
 * Arguments of filters, tests, methods and functions, by the names of their parameters.
 */
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Arguments that have found their parameters.
 * @category models
 * @since 0.1.0
 */
export interface Bound {
  /** The value given, or undefined for none. */
  readonly value: (parameter: string) => Value | undefined
  readonly text: (parameter: string, fallback?: string) => string
  readonly number: (parameter: string, fallback?: number) => number
  /** A whole number. */
  readonly integer: (parameter: string, fallback?: number) => number
  readonly flag: (parameter: string, fallback?: boolean) => boolean
}

/**
 * Something that is applied to a value, with the names of its parameters; `rest` takes any arguments as they come.
 * @category models
 * @since 0.1.0
 */
export interface Operation<A> {
  readonly parameters: ReadonlyArray<string>
  readonly apply: (runtime: Runtime, value: Value, args: Bound, rest: Arguments) => A
}

/**
 * Gives each parameter its argument.
 * @category constructors
 * @since 0.1.0
 */
export const bind = (
  runtime: Runtime,
  name: string,
  parameters: ReadonlyArray<string>,
  args: Arguments
): Bound => {
  const values = new Map<string, Value>(args.named)
  for (const [index, value] of args.positional.entries()) {
    const parameter = parameters[index]
    if (parameter === undefined) {
      return Runtimes.fail(runtime, "TypeMismatch", `'${name}' takes at most ${parameters.length} arguments`)
    }
    values.set(parameter, value)
  }
  const unknown = [...args.named.keys()].find((given) => !parameters.includes(given))
  if (unknown !== undefined) Runtimes.fail(runtime, "TypeMismatch", `'${name}' has no parameter '${unknown}'`)
  return make(runtime, name, values)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const make = (runtime: Runtime, name: string, values: ReadonlyMap<string, Value>): Bound => {
  const take = <A extends Value>(
    parameter: string,
    fallback: A | undefined,
    is: (value: Value) => value is A,
    wanted: string
  ): A => {
    const value = values.get(parameter) ?? fallback
    if (value === undefined) return Runtimes.fail(runtime, "TypeMismatch", `'${name}' needs '${parameter}'`)
    Values.demand(runtime, value)
    return is(value)
      ? value
      : Runtimes.fail(runtime, "TypeMismatch", `'${parameter}' of '${name}' is ${wanted}, not ${Values.kindOf(value)}`)
  }
  return {
    value: (parameter) => values.get(parameter),
    text: (parameter, fallback) => take(parameter, fallback, isText, "a text"),
    number: (parameter, fallback) => take(parameter, fallback, isNumber, "a number"),
    integer: (parameter, fallback) => take(parameter, fallback, isInteger, "a whole number"),
    flag: (parameter, fallback = false) => Values.isTruthy(values.get(parameter) ?? fallback)
  }
}

const isText = (value: Value): value is string => typeof value === "string"
const isNumber = (value: Value): value is number => typeof value === "number"
const isInteger = (value: Value): value is number => Number.isSafeInteger(value)
