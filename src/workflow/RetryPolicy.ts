/**
 * Whether and when a request that failed for a passing reason is sent again.
 *
 * The wait doubles from `base` up to `cap`, with full jitter above half of it so that many calls do not come back at
 * once; a provider's own wish is a floor, never shortened by the cap, and calls that were given the same one come back
 * apart as well.
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
    const wish = error.retryAfterMs ?? 0
    const least = Math.max(jittered, wish)
    if (least >= Duration.toMillis(left)) return undefined
    const spread = Math.max(jittered, wish + jittered - full / 2)
    return spread < Duration.toMillis(left) ? spread : least
  })
}

/**
 * Whether a provider that learned how to ask is asked again at once: that is no try, but bounded all the same.
 * @category predicates
 * @since 0.1.0
 */
export const isAtOnce = (error: ProviderError, adaptations: number): boolean =>
  error.isAdapted === true && adaptations < maxAdaptations

/**
 * What a call is given up with: what happened and, where the provider asks to wait for longer than is left, until when.
 * @category converting
 * @since 0.1.0
 */
export const explain = (error: ProviderError, at: number, left: Duration.Duration): string => {
  const { isTransient, message, retryAfterMs } = error
  if (!isTransient || retryAfterMs === undefined || retryAfterMs < Duration.toMillis(left)) return message
  const until = at + retryAfterMs
  const when = until <= latest ? `until ${new Date(until).toISOString()}` : "for longer than dates go"
  const rest = Duration.format(Duration.millis(Math.round(Duration.toMillis(left))))
  return `${message}; waiting ${when} is asked for, and ${rest} is left of the call's time`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** More than there are ways to put a schema, times ways to deliver an answer. */
const maxAdaptations = 8
const latest = Date.UTC(9999, 11, 31)
