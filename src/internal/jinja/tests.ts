/**
 * What `is` can ask of a value.
 */
import type { Operation } from "./arguments.ts"
import * as Bindings from "./arguments.ts"
import type { Comparison } from "./ast.ts"
import * as Operators from "./operators.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * The tests by name.
 * @category constants
 * @since 0.1.0
 */
export const tests: ReadonlyMap<string, Operation<boolean>> = new Map([
  ["defined", simple((value) => !(value instanceof Values.Undefined))],
  ["undefined", simple((value) => value instanceof Values.Undefined)],
  ["none", simple((value) => value === null)],
  ["null", simple((value) => value === null)],
  ["boolean", simple((value) => typeof value === "boolean")],
  ["true", simple((value) => value === true)],
  ["false", simple((value) => value === false)],
  ["number", simple((value) => typeof value === "number")],
  ["integer", simple((value) => Number.isInteger(value))],
  ["float", simple((value) => typeof value === "number" && !Number.isInteger(value))],
  ["string", simple((value) => typeof value === "string")],
  ["sequence", simple((value) => Values.isList(value) || typeof value === "string" || Values.isDict(value))],
  ["iterable", simple((value) => Values.isList(value) || typeof value === "string" || Values.isDict(value))],
  ["mapping", simple((value) => Values.isDict(value))],
  ["callable", simple((value) => value instanceof Values.Callable)],
  ["lower", simple((value) => typeof value === "string" && isCased(value) && value === value.toLowerCase())],
  ["upper", simple((value) => typeof value === "string" && isCased(value) && value === value.toUpperCase())],
  ["even", { parameters: [], apply: (runtime, value) => Values.toNumber(runtime, value) % 2 === 0 }],
  ["odd", { parameters: [], apply: (runtime, value) => Math.abs(Values.toNumber(runtime, value) % 2) === 1 }],
  ["divisibleby", {
    parameters: ["num"],
    apply: (runtime, value, args) => Values.toNumber(runtime, value) % args.number("num") === 0
  }],
  ...compared("==", ["eq", "equalto", "sameas"]),
  ...compared("!=", ["ne"]),
  ...compared("<", ["lt", "lessthan"]),
  ...compared("<=", ["le"]),
  ...compared(">", ["gt", "greaterthan"]),
  ...compared(">=", ["ge"]),
  ...compared("in", ["in"])
])

/**
 * Asks a value something by name; the name is known.
 * @category predicates
 * @since 0.1.0
 */
export const applyTest = (runtime: Runtime, name: string, value: Value, args: Arguments): boolean => {
  Runtimes.step(runtime, Values.costOf(value))
  const test = tests.get(name)
  return test !== undefined && test.apply(runtime, value, Bindings.bind(runtime, name, test.parameters, args), args)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function isCased(text: string): boolean {
  return text.toLowerCase() !== text.toUpperCase()
}

function simple(is: (value: Value) => boolean): Operation<boolean> {
  return { parameters: [], apply: (_, value) => is(value) }
}

function compared(
  operator: Comparison,
  names: ReadonlyArray<string>
): ReadonlyArray<readonly [string, Operation<boolean>]> {
  const test: Operation<boolean> = {
    parameters: ["other"],
    apply: (runtime, value, args) => Operators.compare(runtime, operator, value, args.value("other") ?? null)
  }
  return names.map((name) => [name, test])
}
