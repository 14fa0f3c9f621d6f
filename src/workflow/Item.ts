/**
 * One item of a fan-out: its failure as a value.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { AgentError } from "../domain/AgentError.ts"
import type { Failed } from "../domain/Outcome.ts"
import * as Outcome from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import * as Usage from "../domain/Usage.ts"
import * as CallResult from "./CallResult.ts"

/**
 * A failed item of a fan-out; `failure` is the error it failed with, where that was not a call's own.
 * @category models
 * @since 0.1.0
 */
export type FailedItem<E> = Failed & { readonly failure?: Exclude<E, AgentError> }

/**
 * Runs an item and gives its failure as a value; defects and interruption go on.
 * @category combinators
 * @since 0.1.0
 */
export const settled = <A, E, R>(
  item: Effect.Effect<A, E, R>
): Effect.Effect<A | FailedItem<E>, never, R> =>
  Effect.catchAll(item, (error): Effect.Effect<FailedItem<E>> => {
    const failed = Outcome.failedOf(error)
    if (failed !== undefined) return Effect.succeed(failed)
    // an error without a failed result is not a call's own
    return Effect.succeed({ ...bare("failed", describe(error)), failure: error as Exclude<E, AgentError> })
  })

/**
 * The result of an item that was stopped or not begun.
 * @category constructors
 * @since 0.1.0
 */
export const cancelled = (why: string): Failed => bare("cancelled", why)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const describe = (error: unknown): string =>
  Predicate.hasProperty(error, "message") && typeof error.message === "string" && error.message !== ""
    ? error.message
    : String(error)

/** A failed result that belongs to no call. */
const bare = (status: FailureStatus, error: string): Failed => ({
  ok: false,
  status,
  value: null,
  text: null,
  error,
  callId: null,
  label: null,
  phase: null,
  provider: "",
  model: "",
  agentType: null,
  cacheStatus: "bypassed",
  cacheKey: "",
  promptPath: "",
  outputTextPath: null,
  outputJsonPath: null,
  rawOutputPath: null,
  transcriptPath: null,
  artifacts: [],
  schemaHash: null,
  validationStatus: "not_checked",
  validationErrors: [],
  validationAttempts: 0,
  usage: Usage.zero,
  estimatedCostUsd: null,
  durationMs: 0,
  isolation: "none",
  ...CallResult.unchanged
})
