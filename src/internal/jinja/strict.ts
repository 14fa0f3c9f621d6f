/**
 * The expression language of loops and branches: the expressions of templates without what is loose in them.
 *
 * - S1. Nothing undefined is ever used: it is a fault everywhere but in `exists(…)` and `default(…, …)`.
 * - S2. `and`, `or`, `not` and conditions take true and false and nothing else, so the text "false" is no surprise.
 * - S3. Only known functions are called. There are no filters, tests, methods and no names set on the way.
 */
import { nearest } from "../nearest.ts"
import type { BinaryOperator, Expr } from "./ast.ts"
import * as Expressions from "./expressionParser.ts"
import { raiseSyntax } from "./fault.ts"
import { functions } from "./functions.ts"
import * as Lexer from "./lexer.ts"
import * as Operators from "./operators.ts"
import { field } from "./path.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Mention } from "./survey.ts"
import * as Tokens from "./tokenStream.ts"
import type { Dict, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * An expression of this language, and the names it needs, each once.
 * @category models
 * @since 0.1.0
 */
export interface Strict {
  readonly expr: Expr
  readonly names: ReadonlyArray<Mention>
}

/**
 * Reads an expression; raises a fault for one that is not of this language.
 * @category converting
 * @since 0.1.0
 */
export const parse = (source: string): Strict => {
  const stream = Tokens.make(Lexer.tokens(source))
  const expr = Expressions.parse(stream)
  Expressions.expectEnd(stream)
  const names = new Map<string, Mention>()
  check(expr, names)
  return { expr, names: [...names.values()] }
}

/**
 * The value of an expression, which is never undefined.
 * @category converting
 * @since 0.1.0
 */
export const evaluate = (runtime: Runtime, context: Dict, expr: Expr): Value => {
  const value = look(runtime, context, expr)
  if (value instanceof Values.Undefined) {
    runtime.at = expr.at
    Runtimes.fail(runtime, "Undefined", `'${value.name}' is undefined; 'default(…, …)' gives it a value`)
  }
  return value
}

/**
 * Whether a condition holds.
 * @category predicates
 * @since 0.1.0
 */
export const test = (runtime: Runtime, context: Dict, expr: Expr): boolean => {
  const value = evaluate(runtime, context, expr)
  runtime.at = expr.at
  return typeof value === "boolean"
    ? value
    : Runtimes.fail(runtime, "TypeMismatch", `a condition is true or false, not ${Values.kindOf(value)}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Names = Map<string, Mention>

const check = (expr: Expr, names: Names): void => {
  switch (expr._tag) {
    case "Constant":
      return
    case "Name":
      if (!names.has(expr.name)) names.set(expr.name, { name: expr.name, at: expr.at })
      return
    case "List":
      return expr.items.forEach((item) => check(item, names))
    case "Attribute":
      return check(expr.target, names)
    case "Item":
      check(expr.target, names)
      return check(expr.key, names)
    case "Call":
      return checkCall(expr, names)
    case "Unary":
      return check(expr.operand, names)
    case "Binary":
      if (expr.operator === "~" || expr.operator === "**") {
        raiseSyntax(expr.at, `there is no '${expr.operator}' here${expr.operator === "~" ? "; '+' joins texts" : ""}`)
      }
      check(expr.left, names)
      return check(expr.right, names)
    case "Logic":
      check(expr.left, names)
      return check(expr.right, names)
    case "Compare":
      check(expr.first, names)
      return expr.rest.forEach(({ operand }) => check(operand, names))
    case "If":
      check(expr.test, names)
      check(expr.met, names)
      return expr.else === null ? raiseSyntax(expr.at, "this 'if' has no 'else'") : check(expr.else, names)
    case "Filter":
      return raiseSyntax(expr.at, `there are no filters here${instead(expr.name)}`)
    case "Test":
      return raiseSyntax(
        expr.at,
        `there is no 'is' here; ${expr.name === "defined" ? "write 'exists(…)'" : "'==' compares"}`
      )
    case "Slice":
    case "Dict":
      return raiseSyntax(
        expr.at,
        expr._tag === "Slice" ? "there are no slices here" : "there are no objects in braces here"
      )
  }
}

const asFunctions = new Map([["length", "len"], ["count", "len"], ["d", "default"]])

const instead = (name: string): string => {
  const known = asFunctions.get(name) ?? name
  return functions.has(known) || guards.has(known) ? `; write '${known}(…)'` : ""
}

const guards = new Map([["exists", 1], ["default", 2]])

const checkCall = (expr: Extract<Expr, { readonly _tag: "Call" }>, names: Names): void => {
  const { args, at, target } = expr
  if (target._tag === "Attribute") return raiseSyntax(target.at, `there are no methods here${instead(target.name)}`)
  if (target._tag !== "Name") return raiseSyntax(at, "only functions are called")
  const named = args.find(({ name }) => name !== null)
  if (named !== undefined) raiseSyntax(named.value.at, "arguments have no names here")
  const count = guards.get(target.name)
  const { least, most } = functions.get(target.name) ?? { least: count ?? -1, most: count ?? -1 }
  if (most < 0) raiseSyntax(at, unknown(target.name))
  if (args.length < least || args.length > most) {
    raiseSyntax(
      at,
      `'${target.name}' takes ${least === most ? least : `${least} to ${most}`} arguments, not ${args.length}`
    )
  }
  // a name that is guarded may be missing, so it is not one that is needed
  const needed = count === undefined || !isPath(args[0]?.value) ? args : args.slice(1)
  for (const { value } of needed) check(value, names)
}

const isPath = (expr: Expr | undefined): boolean =>
  expr?._tag === "Name" || expr?._tag === "Attribute" && isPath(expr.target) ||
  expr?._tag === "Item" && expr.key._tag === "Constant" && isPath(expr.target)

const unknown = (name: string): string => {
  const [close] = nearest(name, [...functions.keys(), ...guards.keys()])
  return `there is no function '${name}'${close === undefined ? "" : `; did you mean '${close}'?`}`
}

/** The value of an expression, undefined ones included, which only `exists` and `default` may see. */
const look = (runtime: Runtime, context: Dict, expr: Expr): Value => {
  Runtimes.step(runtime)
  runtime.at = expr.at
  switch (expr._tag) {
    case "Constant":
      return expr.value
    case "Name":
      return Values.getItem(context, expr.name, () => expr.name)
    case "Attribute":
      return field(look(runtime, context, expr.target), expr.name, expr.target)
    case "Item": {
      const target = look(runtime, context, expr.target)
      return field(target, evaluate(runtime, context, expr.key), expr.target)
    }
    case "List":
      Runtimes.chargeItems(runtime, expr.items.length)
      return expr.items.map((item) => evaluate(runtime, context, item))
    case "Call":
      return call(runtime, context, expr)
    case "Unary": {
      const value = evaluate(runtime, context, expr.operand)
      runtime.at = expr.at
      if (expr.operator === "not") return !toBoolean(runtime, value)
      const number = Values.toNumber(runtime, value)
      return expr.operator === "-" ? 0 - number : number
    }
    case "Binary": {
      const left = evaluate(runtime, context, expr.left)
      const right = evaluate(runtime, context, expr.right)
      runtime.at = expr.at
      return binary(runtime, expr.operator, left, right)
    }
    case "Logic": {
      const first = evaluate(runtime, context, expr.left)
      runtime.at = expr.at
      const left = toBoolean(runtime, first)
      if (left !== (expr.operator === "and")) return left
      const right = evaluate(runtime, context, expr.right)
      runtime.at = expr.at
      return toBoolean(runtime, right)
    }
    case "Compare":
      return compare(runtime, context, expr)
    case "If": {
      const isMet = test(runtime, context, expr.test)
      return isMet || expr.else === null ? look(runtime, context, expr.met) : look(runtime, context, expr.else)
    }
    default:
      // `check` has let none of these through
      return Runtimes.fail(runtime, "TypeMismatch", "this is not an expression of graphs")
  }
}

const toBoolean = (runtime: Runtime, value: Value): boolean =>
  typeof value === "boolean"
    ? value
    : Runtimes.fail(runtime, "TypeMismatch", `true or false is needed here, not ${Values.kindOf(value)}`)

const binary = (runtime: Runtime, operator: BinaryOperator, left: Value, right: Value): Value =>
  operator === "+" || typeof left === "number"
    ? Operators.binary(runtime, operator, left, right)
    : Runtimes.fail(
      runtime,
      "TypeMismatch",
      `'${operator}' cannot combine ${Values.kindOf(left)} and ${Values.kindOf(right)}`
    )

const compare = (runtime: Runtime, context: Dict, expr: Extract<Expr, { readonly _tag: "Compare" }>): boolean => {
  let left = evaluate(runtime, context, expr.first)
  for (const { operand, operator } of expr.rest) {
    const right = evaluate(runtime, context, operand)
    runtime.at = expr.at
    if (!Operators.compare(runtime, operator, left, right)) return false
    left = right
  }
  return true
}

const call = (runtime: Runtime, context: Dict, expr: Extract<Expr, { readonly _tag: "Call" }>): Value => {
  const name = expr.target._tag === "Name" ? expr.target.name : ""
  const [first, second] = expr.args
  if (first !== undefined && guards.has(name)) {
    const value = look(runtime, context, first.value)
    const isMissing = value instanceof Values.Undefined
    if (name === "exists") return !isMissing
    return (isMissing || value === null) && second !== undefined ? look(runtime, context, second.value) : value
  }
  const args = expr.args.map(({ value }) => evaluate(runtime, context, value))
  runtime.at = expr.at
  return functions.get(name)?.call(runtime, args) ?? null
}
