/**
 * How a branch compares a value of the context with what is written in the graph, where everything is text.
 *
 * - C1. A value's text is itself for a text, JSON for anything else. Python's spelling means the same: a case `True`
 *   meets `true`, `None` meets `null`.
 * - C2. `==` and `!=` compare texts; a number is also equal to any other way of writing it, such as `5.0`.
 * - C3. `<`, `>`, `<=` and `>=` compare numbers where both sides are numbers or texts that look like one, and texts where
 *   neither is. Anything else has no order: the condition is not met, and a note says so.
 * - C4. Cases are tried before conditions, conditions in the order they are written, the default last.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fault from "../internal/jinja/fault.ts"
import * as Runtime from "../internal/jinja/runtime.ts"
import * as JinjaText from "../internal/jinja/text.ts"
import * as DotPath from "./DotPath.ts"
import type { ExpressionError, ExpressionProblem } from "./Expression.ts"
import * as Expression from "./Expression.ts"
import type { BranchNode, Condition, FlowContext, Json } from "./Flow.ts"

/**
 * Where a branch goes and why.
 * @category models
 * @since 0.1.0
 */
export interface Choice {
  readonly next: string
  readonly by: "when" | "case" | "condition" | "default"
  /** The value that decided; null where the path leads nowhere. */
  readonly value: Json
  /** What could not be compared, or was not there. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * A branch that no value of its kind leads out of.
 * @category errors
 * @since 0.1.0
 */
export class NoBranch extends Schema.TaggedError<NoBranch>("owf/Condition/NoBranch")("NoBranch", {
  node: Schema.String,
  path: Schema.NullOr(Schema.String),
  warnings: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const why = this.warnings.length === 0 ? "nothing in it is met" : this.warnings.join("; ")
    return `the branch '${this.node}' leads nowhere: ${why}; a 'default' would`
  }
}

/**
 * Decides a branch.
 * @category converting
 * @since 0.1.0
 */
export const choose = (
  node: BranchNode,
  context: FlowContext
): Either.Either<Choice, NoBranch | ExpressionProblem | ExpressionError> =>
  Either.gen(function*() {
    const { path } = node
    for (const when of node.when) {
      const isMet = yield* Either.flatMap(
        Expression.parse(when.if),
        (expression) => Expression.test(expression, context)
      )
      if (isMet) return { next: when.next, by: "when", value: true, warnings: [] }
    }
    const found = path === null ? Option.none() : DotPath.resolve(context, path)
    const warnings = path === null || Option.isSome(found) ? [] : [`'${path}' is not in the context`]
    const value = Option.getOrNull(found)
    const choice = Option.isSome(found) ? byValue(node, found.value, warnings) : undefined
    if (choice !== undefined) return { ...choice, value, warnings }
    return node.default === null
      ? yield* Either.left(new NoBranch({ node: node.id, path, warnings }))
      : { next: node.default, by: "default", value, warnings }
  })

/**
 * The text of a value: see C1.
 * @category converting
 * @since 0.1.0
 */
export const textOf = (value: Json): string => spell(value, "json") ?? "a value of many megabytes"

/**
 * Whether a value meets a condition, or why that cannot be said.
 * @category predicates
 * @since 0.1.0
 */
export const isMet = ({ op, value: written }: Condition, value: Json): Either.Either<boolean, string> => {
  switch (op) {
    case "==":
      return Either.right(isSame(value, written))
    case "!=":
      return Either.right(!isSame(value, written))
    case "<":
      return Either.map(compare(value, written), (order) => order < 0)
    case ">":
      return Either.map(compare(value, written), (order) => order > 0)
    case "<=":
      return Either.map(compare(value, written), (order) => order <= 0)
    case ">=":
      return Either.map(compare(value, written), (order) => order >= 0)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const byValue = (
  node: BranchNode,
  value: Json,
  warnings: Array<string>
): Pick<Choice, "by" | "next"> | undefined => {
  for (const text of [spell(value, "json"), spell(value, "python")]) {
    const next = text === undefined ? undefined : node.cases.get(text)
    if (next !== undefined) return { next, by: "case" }
  }
  for (const condition of node.conditions) {
    const met = isMet(condition, value)
    if (Either.isLeft(met)) warnings.push(`'${node.path ?? ""} ${condition.op} ${condition.value}': ${met.left}`)
    else if (met.right) return { next: condition.next, by: "condition" }
  }
  return undefined
}

/** Nothing for a value that is larger than anything a graph could name. */
const spell = (value: Json, spelling: Runtime.Spelling): string | undefined =>
  typeof value === "string"
    ? value
    : Either.getOrUndefined(Fault.attempt(() => JinjaText.write(Runtime.make(spelling), value, spelling)))

const isSame = (value: Json, written: string): boolean => {
  if (spell(value, "json") === written || spell(value, "python") === written) return true
  return typeof value === "number" && value === numberIn(written)
}

const numeric = /^\s{0,10}[-+]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][-+]?\d{1,4})?\s{0,10}$/

const numberIn = (text: string): number | undefined => numeric.test(text) ? Number(text) : undefined

const compare = (value: Json, written: string): Either.Either<number, string> => {
  const right = numberIn(written)
  const left = typeof value === "string" ? numberIn(value) : value
  if (typeof left === "number" && right !== undefined) return Either.right(left - right)
  if (typeof value === "string" && left === undefined && right === undefined) {
    return Either.right(value < written ? -1 : value > written ? 1 : 0)
  }
  return Either.left(`${shorten(textOf(value))} and '${written}' have no order`)
}

const shorten = (text: string) => text.length > 60 ? `${text.slice(0, 60)}…` : `'${text}'`
