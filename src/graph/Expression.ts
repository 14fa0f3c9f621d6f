/**
 * Expressions over the context: `tries < max_tries and review.verdict != "approved"`.
 *
 * - X1. Literals, lists, names, `.name` and `[index]`; `== != < > <= >= in not in`; `and or not`; `+ - * / // %`;
 *   `a if condition else b`; `len lower upper trim startswith endswith contains min max sum range default exists`.
 * - X2. Values keep their types: `1 == "1"` is false, `1 < "2"` an error. Order exists between two numbers and between
 *   two texts. `and`, `or`, `not` and conditions take true and false only.
 * - X3. What is undefined is an error naming it, but in `exists(x)` and in `default(x, other)`, which also stands in for
 *   null.
 * - X4. An expression reads own fields of the context and nothing else, and its steps and what it makes are bounded.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Expr } from "../internal/jinja/ast.ts"
import * as Fault from "../internal/jinja/fault.ts"
import * as Runtime from "../internal/jinja/runtime.ts"
import * as Strict from "../internal/jinja/strict.ts"
import type { ExpressionText, FlowContext, Json, Position } from "./Flow.ts"
import * as TextPlace from "./TextPlace.ts"

/**
 * A text that is no expression, and where.
 * @category errors
 * @since 0.1.0
 */
export class ExpressionProblem extends Schema.TaggedError<ExpressionProblem>("owf/Expression/ExpressionProblem")(
  "ExpressionProblem",
  TextPlace.problemFields
) {
  override get message(): string {
    return TextPlace.describe(this)
  }
}

/**
 * An expression that has no value in this context, and where.
 * @category errors
 * @since 0.1.0
 */
export class ExpressionError extends Schema.TaggedError<ExpressionError>("owf/Expression/ExpressionError")(
  "ExpressionError",
  TextPlace.errorFields
) {
  override get message(): string {
    return TextPlace.describe(this)
  }
}

/**
 * An expression that has been read.
 * @category models
 * @since 0.1.0
 */
export class Expression extends Data.Class<{
  readonly text: ExpressionText
  /** Names it needs in the context, each where it is first used; those guarded by `exists` or `default` are left out. */
  readonly names: ReadonlyArray<{ readonly name: string; readonly at: Position }>
  readonly expr: Expr
}> {}

/**
 * Reads an expression.
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: ExpressionText): Either.Either<Expression, ExpressionProblem> => {
  const read = () => {
    if (text.source.length > maxLength) Fault.raiseSyntax(0, `an expression has at most ${maxLength} characters`)
    const { expr, names } = Strict.parse(text.source)
    const placed = names.map(({ at, name }) => ({ name, at: TextPlace.placeIn(text.at, text.source, at) }))
    return new Expression({ text, names: placed, expr })
  }
  return Either.mapLeft(
    Fault.attempt(read),
    (fault) => new ExpressionProblem(TextPlace.problemOf(text.at, text.source, fault))
  )
}

/**
 * The value of an expression in a context.
 * @category converting
 * @since 0.1.0
 */
export const evaluate = (expression: Expression, context: FlowContext): Either.Either<Json, ExpressionError> =>
  // the language makes JSON of JSON: it has no macros or namespaces, and what is undefined is a fault
  attempt(expression, (runtime) => Strict.evaluate(runtime, context, expression.expr) as Json)

/**
 * Whether a condition holds; an error for a value that is neither true nor false.
 * @category predicates
 * @since 0.1.0
 */
export const test = (expression: Expression, context: FlowContext): Either.Either<boolean, ExpressionError> =>
  attempt(expression, (runtime) => Strict.test(runtime, context, expression.expr))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxLength = 10_000

const attempt = <A>(
  { text }: Expression,
  run: (runtime: Runtime.Runtime) => A
): Either.Either<A, ExpressionError> =>
  Either.mapLeft(
    Fault.attempt(() => run(Runtime.make("json"))),
    (fault) => new ExpressionError(TextPlace.errorOf(text.at, text.source, fault))
  )
