/**
 * What an agent call came to, as a plain value: it can be logged, returned from a workflow and compared.
 */
import * as Effect from "effect/Effect"
import type { AgentError } from "./AgentError.ts"
import { NotOk } from "./AgentError.ts"
import * as Outcome from "./Outcome.ts"

/**
 * Result of a call that was answered.
 * @category models
 * @since 0.1.0
 */
export type Done<A> = Outcome.Done<A>

/**
 * Result of a call that was not answered, or not well enough.
 * @category models
 * @since 0.1.0
 */
export type Failed = Outcome.Failed

/**
 * Result of a call that failed and has a declared value in place of its answer.
 * @category models
 * @since 0.1.0
 */
export type Degraded<A> = Outcome.Degraded<A>

/**
 * What an agent call came to.
 * @category models
 * @since 0.1.0
 */
export type AgentResult<A> = Done<A> | Failed

/**
 * Whether a value is the result of a call that did not succeed.
 * @category predicates
 * @since 0.1.0
 */
export const isFailed: (value: unknown) => value is Failed = Outcome.isFailed

/**
 * Whether a value is the result of a call a declared value stands in for.
 * @category predicates
 * @since 0.1.0
 */
export const isDegraded: (value: unknown) => value is Degraded<unknown> = Outcome.isDegraded

/**
 * The answer, or the value that stands in for it: by its name a program says that it takes either.
 * @category converting
 * @since 0.1.0
 */
export const valueOrDegraded = <A, F>(result: Done<A> | Degraded<F>): A | F => result.value

/**
 * Gives the result as a value whatever happened, so that one failed call does not end the program.
 * @category combinators
 * @since 0.1.0
 */
export const settle = <Result extends Done<unknown> | Degraded<unknown>, E, R>(
  call: Effect.Effect<Result, E, R>
): Effect.Effect<Result | Failed, Exclude<E, AgentError>, R> =>
  Effect.catchAll(call, (error): Effect.Effect<Failed, Exclude<E, AgentError>> => {
    const failed = Outcome.failedOf(error)
    // an error that carries a failed result is an AgentError, so what is left is not one
    return failed === undefined ? Effect.fail(error as Exclude<E, AgentError>) : Effect.succeed(failed)
  })

/**
 * The value of a settled result, or its error with the status and the text in the message.
 * @category combinators
 * @since 0.1.0
 */
export const valueOrFail = <A>(result: AgentResult<A>): Effect.Effect<A, NotOk> =>
  Effect.map(requireOk(result), (done) => done.value)

/**
 * The text of a settled result, or its error.
 * @category combinators
 * @since 0.1.0
 */
export const textOrFail = <A>(result: AgentResult<A>): Effect.Effect<string, NotOk> =>
  Effect.map(requireOk(result), (done) => done.text)

/**
 * A settled result narrowed to an answered one, or its error.
 * @category combinators
 * @since 0.1.0
 */
export const requireOk = <A>(result: AgentResult<A>): Effect.Effect<Done<A>, NotOk> =>
  result.ok ? Effect.succeed(result) : Effect.fail(new NotOk({ result }))
