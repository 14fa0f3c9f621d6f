/**
 * How a run's body ended, as what is stored and what is given back.
 *
 * Running out of budget and being interrupted are stops, not failures: the run can be taken up again and goes on where
 * it stopped.
 */
import * as Cause from "effect/Cause"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Money from "../domain/Money.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import type { RunOutcome } from "../store/RunStore.ts"
import type { WorkflowError } from "./WorkflowError.ts"

/**
 * How a run's body ended.
 * @category models
 * @since 0.1.0
 */
export interface Ending<A, E> {
  readonly outcome: Omit<RunOutcome, "runId" | "replayed" | "at">
  readonly exit: Exit.Exit<A, E | WorkflowError>
}

/**
 * Reads a body's exit: an output that does not fit its schema is a failure; one that rests on values that stood in for
 * answers is degraded.
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E>(
  ended: Exit.Exit<A, E>,
  encode: (output: A) => Either.Either<string, WorkflowError>,
  degraded = false
): Ending<A, E | WorkflowError> => {
  if (Exit.isFailure(ended)) return { exit: ended, outcome: stopped(ended.cause) }
  // a schema's own code may throw; the run ends all the same, and is stored as ended
  const attempted = Either.try({ try: () => encode(ended.value), catch: (defect) => Cause.die(defect) })
  if (Either.isLeft(attempted)) return { exit: Exit.failCause(attempted.left), outcome: stopped(attempted.left) }
  const encoded = attempted.right
  if (Either.isRight(encoded)) {
    return {
      exit: ended,
      outcome: {
        status: degraded ? "degraded" : "done",
        outputJson: encoded.right,
        errorKind: null,
        errorMessage: null
      }
    }
  }
  return { exit: Exit.fail(encoded.left), outcome: stopped(Cause.fail(encoded.left)) }
}

/**
 * A stored limit in dollars as an amount.
 * @category converting
 * @since 0.1.0
 */
export const limitOf = (usd: number): Money.NanoUsd => Money.fromNano(Math.round(usd * 1e9))

/**
 * What an error is called, for programs to decide by.
 * @category converting
 * @since 0.1.0
 */
export const kindOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "Error"
}

/**
 * What an error says, for people.
 * @category converting
 * @since 0.1.0
 */
export const messageOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== "") {
    return error.message
  }
  return typeof error === "string" ? error : `${kindOf(error)}${isPlain(error) ? ` ${show(error)}` : ""}`
}

/**
 * Whether an error says of itself that the run stopped and can go on.
 * @category predicates
 * @since 0.1.0
 */
export const isResumable = (error: unknown): boolean =>
  Predicate.hasProperty(error, "isResumable") && error.isResumable === true

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Whether a value says nothing of itself that its kind does not say, so that it is shown whole. */
const isPlain = (error: unknown): boolean =>
  Predicate.isRecord(error)
    ? Object.getPrototypeOf(error) === Object.prototype
    : Predicate.isNotNullable(error) && !Predicate.isObject(error)

const show = (error: unknown): string =>
  Predicate.isObject(error) ? JSON.stringify(canonicalJson.toJson(error)) : String(error)

const stopped = (cause: Cause.Cause<unknown>): Ending<never, never>["outcome"] => {
  if (Cause.isInterruptedOnly(cause)) {
    return {
      status: "interrupted",
      outputJson: null,
      errorKind: "Interrupted",
      errorMessage: "The run was interrupted."
    }
  }
  const failure = Cause.failureOption(cause)
  const error = Option.isSome(failure) ? failure.value : Cause.squash(cause)
  const kind = Option.isSome(failure) ? kindOf(error) : "Defect"
  const resumable = kind === "BudgetExceeded" || kind === "BudgetRefused" || isResumable(error)
  return {
    status: resumable ? "interrupted" : "failed",
    outputJson: null,
    errorKind: kind,
    errorMessage: messageOf(error)
  }
}
