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
 * Gives the result as a value whatever happened, so that one failed call does not end the program.
 * @category combinators
 * @since 0.1.0
 */
export const settle = <A, E, R>(
  call: Effect.Effect<Done<A>, E, R>
): Effect.Effect<AgentResult<A>, Exclude<E, AgentError>, R> =>
  Effect.catchAll(call, (error): Effect.Effect<AgentResult<A>, Exclude<E, AgentError>> => {
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
