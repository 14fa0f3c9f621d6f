/**
 * How long nothing happened, counted in turns of this process's own timers.
 *
 * A turn that comes late counts as one turn, so time in which this process was stopped, or the machine asleep, is no
 * silence: a program gets its whole time again after that.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Something that can be silent.
 * @category models
 * @since 0.1.0
 */
export interface Activity {
  /** Changes with whatever is heard. */
  readonly count: () => number
  /** True while it is not to be waited for: it waits for us. */
  readonly isHeld: () => boolean
}

/**
 * Ends once nothing was heard for the given time, at most a twentieth of it, and never more than a second, later.
 * @category running
 * @since 0.1.0
 */
export const longerThan = (limit: Duration.Duration, activity: Activity): Effect.Effect<void> =>
  Effect.gen(function*() {
    const turn = Duration.clamp(Duration.times(limit, 1 / turns), { minimum: "5 millis", maximum: "1 second" })
    const needed = Math.ceil(Duration.toMillis(limit) / Duration.toMillis(turn))
    let heard = activity.count()
    for (let silent = 0; silent < needed;) {
      yield* Effect.sleep(turn)
      const count = activity.count()
      silent = count === heard && !activity.isHeld() ? silent + 1 : 0
      heard = count
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const turns = 20
