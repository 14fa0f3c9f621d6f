/**
 * Evaluates the expressions of templates.
 *
 * - E1. What leads nowhere is empty in text, in loops, in comparisons for equality and as a condition; arithmetic, order
 *   and calls with it are faults.
 * - E2. Nothing is called but the functions, filters, tests and methods of this folder, and the template's own macros.
 */
import type { Argument, Expr } from "./ast.ts"
import { applyFilter } from "./filters.ts"
import { globals } from "./globals.ts"
import { callMethod } from "./methods.ts"
import * as Operators from "./operators.ts"
import { field } from "./path.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { applyTest } from "./tests.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Names that are set, inside of those around them.
 * @category models
 * @since 0.1.0
 */
export class Scope {
  readonly own = new Map<string, Value>()
  readonly outer: Scope | null
  readonly context: Values.Dict
  constructor(outer: Scope | null, context: Values.Dict) {
    this.outer = outer
    this.context = context
  }
  /** A scope inside of this one. */
  inner(): Scope {
    return new Scope(this, this.context)
  }
  get(name: string): Value {
    const own = this.own.get(name)
    if (own !== undefined) return own
    if (this.outer !== null) return this.outer.get(name)
    const given = Object.hasOwn(this.context, name) ? this.context[name] : undefined
    return given ?? (given === null ? null : globals.get(name) ?? new Values.Undefined(name))
  }
}

/**
 * The value of an expression.
 * @category converting
 * @since 0.1.0
 */
export const evaluate = (runtime: Runtime, scope: Scope, expr: Expr): Value => {
  Runtimes.step(runtime)
  runtime.at = expr.at
  const of = (inner: Expr) => evaluate(runtime, scope, inner)
  switch (expr._tag) {
    case "Constant":
      return expr.value
    case "Name":
      return scope.get(expr.name)
    case "List":
      Runtimes.chargeItems(runtime, expr.items.length)
      return expr.items.map(of)
    case "Dict":
      return evaluateDict(runtime, scope, expr)
    case "Attribute":
      return field(of(expr.target), expr.name, expr.target)
    case "Item": {
      const target = of(expr.target)
      return field(target, of(expr.key), expr.target)
    }
    case "Slice":
      return evaluateSlice(runtime, scope, expr)
    case "Call":
      return evaluateCall(runtime, scope, expr)
    case "Filter":
      return filter(runtime, scope, expr, expr.target === null ? "" : of(expr.target))
    case "Test": {
      const target = of(expr.target)
      const args = evaluateArguments(runtime, scope, expr.args)
      runtime.at = expr.at
      return applyTest(runtime, expr.name, target, args) !== expr.isNegated
    }
    case "Unary":
      return evaluateUnary(runtime, expr, of(expr.operand))
    case "Binary": {
      const left = of(expr.left)
      const right = of(expr.right)
      runtime.at = expr.at
      return Operators.binary(runtime, expr.operator, left, right)
    }
    case "Compare":
      return evaluateComparison(runtime, scope, expr)
    case "Logic": {
      const left = of(expr.left)
      return Values.isTruthy(left) === (expr.operator === "and") ? of(expr.right) : left
    }
    case "If":
      if (Values.isTruthy(of(expr.test))) return of(expr.met)
      return expr.else === null ? "" : of(expr.else)
  }
}

/**
 * A text or value with the filters of a block applied to it.
 * @category converting
 * @since 0.1.0
 */
export const evaluateFilters = (runtime: Runtime, scope: Scope, expr: Expr, value: Value): Value => {
  if (expr._tag !== "Filter") return value
  const input = expr.target === null ? value : evaluateFilters(runtime, scope, expr.target, value)
  return filter(runtime, scope, expr, input)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Of<Tag extends Expr["_tag"]> = Extract<Expr, { readonly _tag: Tag }>

const filter = (runtime: Runtime, scope: Scope, expr: Of<"Filter">, value: Value): Value => {
  const args = evaluateArguments(runtime, scope, expr.args)
  runtime.at = expr.at
  return applyFilter(runtime, expr.name, value, args)
}

const evaluateArguments = (runtime: Runtime, scope: Scope, args: ReadonlyArray<Argument>): Arguments => {
  const positional: Array<Value> = []
  const named = new Map<string, Value>()
  for (const { name, value } of args) {
    if (name === null) positional.push(evaluate(runtime, scope, value))
    else named.set(name, evaluate(runtime, scope, value))
  }
  return { positional, named }
}

const evaluateDict = (runtime: Runtime, scope: Scope, expr: Of<"Dict">): Value => {
  Runtimes.chargeItems(runtime, expr.entries.length)
  return Object.fromEntries(expr.entries.map(([key, value]) => {
    const name = evaluate(runtime, scope, key)
    if (typeof name !== "string" && typeof name !== "number") {
      return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(name)} cannot be the name of a field`)
    }
    return [String(name), evaluate(runtime, scope, value)]
  }))
}

const evaluateUnary = (runtime: Runtime, expr: Of<"Unary">, value: Value): Value => {
  if (expr.operator === "not") return !Values.isTruthy(value)
  runtime.at = expr.at
  const number = Values.toNumber(runtime, value)
  return expr.operator === "-" ? 0 - number : number
}

const evaluateComparison = (runtime: Runtime, scope: Scope, expr: Of<"Compare">): Value => {
  let left = evaluate(runtime, scope, expr.first)
  for (const { operand, operator } of expr.rest) {
    const right = evaluate(runtime, scope, operand)
    runtime.at = expr.at
    const isIn = operator === "in" || operator === "not in"
    // nothing is in something undefined, and something undefined is in nothing
    const isEmpty = isIn && (right instanceof Values.Undefined || left instanceof Values.Undefined)
    if (isEmpty ? operator === "in" : !Operators.compare(runtime, operator, left, right)) return false
    left = right
  }
  return true
}

const evaluateCall = (runtime: Runtime, scope: Scope, { args, at, target }: Of<"Call">): Value => {
  const owner = target._tag === "Attribute" ? evaluate(runtime, scope, target.target) : undefined
  const given = evaluateArguments(runtime, scope, args)
  runtime.at = at
  if (owner !== undefined && target._tag === "Attribute") {
    Values.demand(runtime, owner)
    const result = callMethod(runtime, owner, target.name, given)
    if (result !== undefined) return result
  }
  const called = owner !== undefined && target._tag === "Attribute"
    ? field(owner, target.name, target.target)
    : evaluate(runtime, scope, target)
  runtime.at = at
  if (called instanceof Values.Callable) return called.call(runtime, given)
  if (owner !== undefined && target._tag === "Attribute" && called instanceof Values.Undefined) {
    return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(owner)} has no method '${target.name}'`)
  }
  if (called instanceof Values.Undefined) {
    return Runtimes.fail(runtime, "Undefined", `there is no function '${called.name}'`)
  }
  return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(called)} cannot be called`)
}

const evaluateSlice = (runtime: Runtime, scope: Scope, expr: Of<"Slice">): Value => {
  const target = evaluate(runtime, scope, expr.target)
  const [start, stop, step] = [expr.start, expr.stop, expr.step].map((part) => {
    const value = part === null ? null : evaluate(runtime, scope, part)
    return value === null ? null : Math.trunc(Values.toNumber(runtime, value))
  })
  runtime.at = expr.at
  if (target instanceof Values.Undefined) return target
  if (typeof target !== "string" && !Values.isList(target)) {
    return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(target)} has no slices`)
  }
  if (step === 0) return Runtimes.fail(runtime, "TypeMismatch", "a slice has no step of zero")
  const taken = slice(Values.toList(runtime, target), start ?? null, stop ?? null, step ?? 1)
  Runtimes.chargeItems(runtime, taken.length)
  return typeof target === "string" ? taken.join("") : taken
}

/** Python's rules: negative positions count from the end, and a negative step goes backwards. */
const slice = (
  items: ReadonlyArray<Value>,
  start: number | null,
  stop: number | null,
  step: number
): ReadonlyArray<Value> => {
  const [low, high] = step > 0 ? [0, items.length] : [-1, items.length - 1]
  const place = (position: number) => Math.max(low, Math.min(high, position < 0 ? items.length + position : position))
  const from = start === null ? (step > 0 ? low : high) : place(start)
  const to = stop === null ? (step > 0 ? high : low) : place(stop)
  const count = Math.max(0, Math.ceil((to - from) / step))
  return Array.from({ length: count }, (_, index) => items[from + index * step] ?? null)
}
