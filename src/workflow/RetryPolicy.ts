/**
 * Whether and when a request that failed for a passing reason is sent again.
 *
 * The wait doubles from `base` up to `cap`, with full jitter above half of it so that many calls do not come back at
 * once; a provider's own wish is a floor, never shortened by the cap.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { ProviderError } from "../provider/Provider.ts"
import type { Retry } from "./EngineConfig.ts"

/**
 * Milliseconds to wait before the next request, or undefined when there should be none. `tries` counts the requests sent;
 * `left` is what remains of the deadline: a wait that would outlast it is pointless.
 * @category running
 * @since 0.1.0
 */
export const next = (
  policy: Retry,
  error: ProviderError,
  tries: number,
  left: Duration.Duration
): Effect.Effect<number | undefined> => {
  if (!error.isTransient || tries >= policy.attempts) return Effect.succeed(undefined)
  const full = Math.min(Duration.toMillis(policy.base) * 2 ** (tries - 1), Duration.toMillis(policy.cap))
  return Effect.map(Random.nextRange(full / 2, full), (jittered) => {
    const wait = Math.max(jittered, error.retryAfterMs ?? 0)
    return wait < Duration.toMillis(left) ? wait : undefined
  })
}
