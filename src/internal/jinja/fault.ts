/**
 * What goes wrong in a template or an expression.
 *
 * - F1. Readers and evaluators of this folder raise a fault where it happens, any number of calls deep, and
 *   {@link attempt} at their entrances turns it into a value: no fault leaves the folder as an exception.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"

/**
 * Why a text cannot be read or evaluated.
 * @category models
 * @since 0.1.0
 */
export type Reason = "Syntax" | "Undefined" | "TypeMismatch" | "Limit"

/**
 * A fault and where it is: `at` counts characters of the text named `origin`, null for the one that was asked for.
 * @category errors
 * @since 0.1.0
 */
export class Fault extends Data.TaggedError("Fault")<{
  readonly reason: Reason
  readonly detail: string
  readonly at: number
  readonly origin: string | null
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * Ends reading with a fault of spelling.
 * @category errors
 * @since 0.1.0
 */
export const raiseSyntax = (at: number, detail: string): never => {
  throw new Fault({ reason: "Syntax", detail, at, origin: null })
}

/**
 * What a function returns, or the fault it raised. A stack that is used up is a fault as well.
 * @category converting
 * @since 0.1.0
 */
export const attempt = <A>(run: () => A): Either.Either<A, Fault> => {
  try {
    return Either.right(run())
  } catch (cause) {
    if (cause instanceof Fault) return Either.left(cause)
    if (!(cause instanceof RangeError)) throw cause
    const detail = cause.message.includes("stack") ? "it is nested too deeply" : "it makes a text that is too long"
    return Either.left(new Fault({ reason: "Limit", detail, at: 0, origin: null }))
  }
}
