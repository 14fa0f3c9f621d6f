/**
 * All filters, those included that apply others.
 */
import type { Operation } from "./arguments.ts"
import * as Bindings from "./arguments.ts"
import { attribute, listFilters } from "./listFilters.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { applyTest, tests } from "./tests.ts"
import { textFilters } from "./textFilters.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Whether there is a filter of this name.
 * @category predicates
 * @since 0.1.0
 */
export const isFilter = (name: string): boolean => filters.has(name) || applying.has(name)

/**
 * The names of all filters.
 * @category converting
 * @since 0.1.0
 */
export const filterNames = (): ReadonlyArray<string> => [...filters.keys(), ...applying.keys()]

/**
 * The names of a filter's parameters; undefined where it takes what comes.
 * @category getters
 * @since 0.1.0
 */
export const parametersOfFilter = (name: string): ReadonlyArray<string> | undefined =>
  name === "format" ? undefined : filters.get(name)?.parameters

/**
 * Applies a filter by its name.
 * @category converting
 * @since 0.1.0
 */
export const applyFilter = (runtime: Runtime, name: string, value: Value, args: Arguments): Value => {
  Runtimes.step(runtime, Values.costOf(value))
  const other = applying.get(name)
  if (other !== undefined) return other(runtime, value, args)
  const filter = filters.get(name)
  if (filter === undefined) return Runtimes.fail(runtime, "TypeMismatch", `there is no filter '${name}'`)
  const rest = filter.parameters.length === 0 && name === "format"
  return filter.apply(runtime, value, Bindings.bind(runtime, name, filter.parameters, rest ? nothing : args), args)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const filters: ReadonlyMap<string, Operation<Value>> = new Map([...textFilters, ...listFilters])

const nothing: Arguments = { positional: [], named: new Map() }

type Apply = (runtime: Runtime, value: Value, args: Arguments) => Value

const map: Apply = (runtime, value, args) => {
  const items = Values.toList(runtime, value)
  Runtimes.chargeItems(runtime, items.length)
  const path = args.named.get("attribute")
  const fallback = args.named.get("default")
  if (path !== undefined) {
    return items.map((item) => {
      const found = attribute(item, path)
      return found instanceof Values.Undefined && fallback !== undefined ? fallback : found
    })
  }
  const [name, ...positional] = args.positional
  if (typeof name !== "string") return Runtimes.fail(runtime, "TypeMismatch", "'map' needs the name of a filter")
  return Runtimes.deeper(
    runtime,
    runtime.origin,
    () => items.map((item) => applyFilter(runtime, name, item, { positional, named: args.named }))
  )
}

/** Keeps the items whose own value, or value of a field, passes a test or is true, or those where it is not so. */
const choose = (isKept: boolean, byField: boolean): Apply => (runtime, value, args) => {
  const items = Values.toList(runtime, value)
  const [path, ...others] = byField ? args.positional : [null, ...args.positional]
  if (path === undefined) return Runtimes.fail(runtime, "TypeMismatch", "the name of a field is needed")
  const [test, ...positional] = others
  const passes = (item: Value) => {
    const subject = byField ? attribute(item, path) : item
    Runtimes.step(runtime)
    if (test === undefined) return Values.isTruthy(subject)
    return typeof test === "string" && tests.has(test)
      ? applyTest(runtime, test, subject, { positional, named: args.named })
      : Runtimes.fail(
        runtime,
        "TypeMismatch",
        `there is no test ${typeof test === "string" ? `'${test}'` : "of this name"}`
      )
  }
  const kept = items.filter((item) => passes(item) === isKept)
  Runtimes.chargeItems(runtime, kept.length)
  return kept
}

const applying: ReadonlyMap<string, Apply> = new Map([
  ["map", map],
  ["select", choose(true, false)],
  ["reject", choose(false, false)],
  ["selectattr", choose(true, true)],
  ["rejectattr", choose(false, true)]
])
