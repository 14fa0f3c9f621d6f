/**
 * Fields and items by the paths that expressions ask for them with.
 */
import type { Expr } from "./ast.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * The field or item of the value of an expression.
 *
 * **Details**
 *
 * What is below something undefined is the same undefined thing: its name is the first one that leads nowhere.
 * @category converting
 * @since 0.1.0
 */
export const field = (target: Value, key: Value, expr: Expr): Value =>
  target instanceof Values.Undefined ? target : Values.getItem(target, key, () => `${pathOf(expr)}${suffix(key)}`)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const suffix = (key: Value) => typeof key === "string" ? `.${key}` : `[${typeof key === "number" ? key : "…"}]`

const pathOf = (expr: Expr): string => {
  if (expr._tag === "Name") return expr.name
  if (expr._tag === "Attribute") return `${pathOf(expr.target)}.${expr.name}`
  if (expr._tag !== "Item") return "(…)"
  return `${pathOf(expr.target)}${suffix(expr.key._tag === "Constant" ? expr.key.value : null)}`
}
