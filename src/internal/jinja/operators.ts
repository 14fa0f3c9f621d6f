/**
 * Arithmetic and comparisons, the same for templates and expressions.
 *
 * - O1. Numbers are added to numbers, texts to texts, lists to lists; a text times a number is repeated. Nothing is
 *   turned into something else to fit.
 * - O2. A result that is no finite number is a fault.
 */
import type { BinaryOperator, Comparison } from "./ast.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText } from "./text.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Combines two values.
 * @category converting
 * @since 0.1.0
 */
export const binary = (runtime: Runtime, operator: BinaryOperator, left: Value, right: Value): Value => {
  if (operator === "~") return concatenate(runtime, toText(runtime, left), toText(runtime, right))
  Values.demand(runtime, left)
  Values.demand(runtime, right)
  if (typeof left === "number" && typeof right === "number") return arithmetic(runtime, operator, left, right)
  if (operator === "+" && typeof left === "string" && typeof right === "string") {
    return concatenate(runtime, left, right)
  }
  if (operator === "+" && Values.isList(left) && Values.isList(right)) {
    Runtimes.chargeItems(runtime, left.length + right.length)
    return [...left, ...right]
  }
  if (operator === "*" && typeof left === "string" && typeof right === "number") return repeat(runtime, left, right)
  const detail = `'${operator}' cannot combine ${Values.kindOf(left)} and ${Values.kindOf(right)}`
  const hint = operator === "+" && (typeof left === "string" || typeof right === "string") ? "; '~' joins as text" : ""
  return Runtimes.fail(runtime, "TypeMismatch", `${detail}${hint}`)
}

/**
 * Compares two values.
 * @category predicates
 * @since 0.1.0
 */
export const compare = (runtime: Runtime, operator: Comparison, left: Value, right: Value): boolean => {
  switch (operator) {
    case "==":
      return Values.equals(runtime, left, right)
    case "!=":
      return !Values.equals(runtime, left, right)
    case "<":
      return Values.compare(runtime, left, right) < 0
    case ">":
      return Values.compare(runtime, left, right) > 0
    case "<=":
      return Values.compare(runtime, left, right) <= 0
    case ">=":
      return Values.compare(runtime, left, right) >= 0
    case "in":
      return Values.contains(runtime, right, left)
    case "not in":
      return !Values.contains(runtime, right, left)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const concatenate = (runtime: Runtime, left: string, right: string): string => {
  Runtimes.charge(runtime, left.length + right.length)
  return left + right
}

const repeat = (runtime: Runtime, text: string, count: number): string => {
  if (!Number.isInteger(count)) {
    return Runtimes.fail(runtime, "TypeMismatch", "a text is repeated a whole number of times")
  }
  Runtimes.charge(runtime, text.length * Math.max(0, count))
  return text.repeat(Math.max(0, count))
}

const arithmetic = (
  runtime: Runtime,
  operator: Exclude<BinaryOperator, "~">,
  left: number,
  right: number
): number => {
  if (right === 0 && (operator === "/" || operator === "//" || operator === "%")) {
    return Runtimes.fail(runtime, "TypeMismatch", "a number is divided by zero")
  }
  const result = calculate(operator, left, right)
  // JSON has no negative zero
  if (result === 0) return 0
  return Number.isFinite(result)
    ? result
    : Runtimes.fail(runtime, "TypeMismatch", `'${operator}' gives no finite number`)
}

const calculate = (operator: Exclude<BinaryOperator, "~">, left: number, right: number): number => {
  switch (operator) {
    case "+":
      return left + right
    case "-":
      return left - right
    case "*":
      return left * right
    case "/":
      return left / right
    case "//":
      return Math.floor(left / right)
    case "%": {
      // the sign is the divisor's, as in Python
      const rest = left % right
      return rest !== 0 && rest < 0 !== right < 0 ? rest + right : rest
    }
    case "**":
      return left ** right
  }
}
