/**
 * A number of permits, given to those who wait for them one by one.
 *
 * - F1. Permits are given in the order they were asked for.
 * - F2. Giving one back wakes one who waits, however many do. A semaphore of Effect wakes them all, of whom all but one
 *   wait anew: with ten thousand waiting that takes longer than what they wait for.
 * - F3. Whoever is interrupted while waiting holds nothing, also when a permit was given in the same moment.
 */
import * as Effect from "effect/Effect"

/**
 * Makes an effect interruptible again, as far as its caller is.
 * @category models
 * @since 0.1.0
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * A number of permits.
 * @category models
 * @since 0.1.0
 */
export interface Permits {
  /** Takes a permit. To be used in an uninterruptible region, with its `restore`: only the waiting can be interrupted. */
  readonly take: (restore: Restore) => Effect.Effect<void>
  /** Gives a permit back. */
  readonly release: Effect.Effect<void>
}

/**
 * So many permits, all of them free.
 * @category constructors
 * @since 0.1.0
 */
export const make = (count: number): Permits => {
  let free = count
  // in the order in which they were added; one who is gone is found at once
  const waiting = new Set<Waiter>()
  const release = () => {
    const [next] = waiting
    if (next === undefined) {
      free++
      return
    }
    waiting.delete(next)
    next.isGiven = true
    next.resume()
  }
  return {
    take: (restore) =>
      Effect.suspend(() => {
        if (free > 0) {
          free--
          return Effect.void
        }
        const waiter: Waiter = { isGiven: false, resume: () => {} }
        waiting.add(waiter)
        const given = Effect.async<void>((resume) => {
          waiter.resume = () => resume(Effect.void)
          if (waiter.isGiven) waiter.resume()
        })
        const withdraw = Effect.sync(() => {
          if (waiter.isGiven) release()
          else waiting.delete(waiter)
        })
        return Effect.onInterrupt(restore(given), () => withdraw)
      }),
    release: Effect.sync(release)
  }
}

/**
 * Runs an effect with a permit, waiting for one.
 * @category combinators
 * @since 0.1.0
 */
export const within = <A, E, R>(permits: Permits, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.zipRight(permits.take(restore), Effect.ensuring(restore(effect), permits.release))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Waiter {
  isGiven: boolean
  resume: () => void
}
