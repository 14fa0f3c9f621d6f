/**
 * Sends a request of a batch protocol again when it failed for a passing reason.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ProviderError } from "../provider/Provider.ts"
import type { Retry } from "../workflow/EngineConfig.ts"
import * as RetryPolicy from "../workflow/RetryPolicy.ts"

/**
 * How often and how far apart, where nothing else is said.
 * @category models
 * @since 0.1.0
 */
export const defaults: Retry = { attempts: 5, base: Duration.seconds(1), cap: Duration.minutes(1) }

/**
 * An effect that is tried again as long as the policy says; `isProgress` begins to count anew.
 * @category combinators
 * @since 0.1.0
 */
export const withRetry = <A, E, R>(
  effect: Effect.Effect<A, E | ProviderError, R>,
  policy: Retry,
  options: { readonly isProgress?: (() => boolean) | undefined } = {}
): Effect.Effect<A, E | ProviderError, R> => {
  const attempt = (tries: number): Effect.Effect<A, E | ProviderError, R> =>
    Effect.catchAll(effect, (error) => {
      if (!isProviderError(error)) return Effect.fail(error)
      const counted = options.isProgress?.() === true ? 1 : tries
      return Effect.flatMap(pause(policy, error, counted), (goOn) => goOn ? attempt(counted + 1) : Effect.fail(error))
    })
  return attempt(1)
}

/**
 * Waits as long as the policy says after so many tries; false when there should not be another one.
 * @category running
 * @since 0.1.0
 */
export const pause = (policy: Retry, error: ProviderError, tries: number): Effect.Effect<boolean> =>
  Effect.flatMap(
    RetryPolicy.next(policy, error, tries, longest),
    (wait) => wait === undefined ? Effect.succeed(false) : Effect.as(Effect.sleep(Duration.millis(wait)), true)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A server that asks for a longer wait is asked again when the batch is next looked at. */
const longest = Duration.minutes(10)

const isProviderError = (error: unknown): error is ProviderError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProviderError"
