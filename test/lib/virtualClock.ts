/**
 * A clock that jumps to the next moment somebody sleeps for, as soon as nothing else happens: a week passes in a moment.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface Sleeper {
  readonly at: number
  readonly rung: Deferred.Deferred<void>
}

/** Turns of the event loop without a new sleeper after which it is looked whether anything else is under way. */
const quiet = 20

/** What is under way and ends by itself; connections and pipes stay open, and other clocks turn as this one does. */
const work: ReadonlySet<string> = new Set(["FSReqCallback", "FSReqPromise", "ProcessWrap"])

/** Sleeps may have fractions of a millisecond. */
const nanosOf = (millis: number): bigint =>
  BigInt(Math.floor(millis)) * 1_000_000n + BigInt(Math.floor((millis % 1) * 1e6))

const isBusy = (): boolean => process.getActiveResourcesInfo().some((resource) => work.has(resource))

/** A virtual clock that starts at an instant, and the longest sleep that was asked of it. */
export const make = (start: number): { readonly clock: Clock.Clock; readonly longestSleep: () => number } => {
  let now = start
  let longest = 0
  let changes = 0
  let isPumping = false
  const sleepers: Array<Sleeper> = []
  const pump = (): void => {
    isPumping = true
    let seen = changes
    let left = quiet
    const turn = (): void => {
      if (seen !== changes) {
        seen = changes
        left = quiet
      }
      if (left-- > 0) return void setImmediate(turn)
      if (isBusy()) {
        left = quiet
        return void setImmediate(turn)
      }
      const next = sleepers.shift()
      if (next === undefined) {
        isPumping = false
        return
      }
      now = Math.max(now, next.at)
      Deferred.unsafeDone(next.rung, Effect.void)
      left = quiet
      setImmediate(turn)
    }
    setImmediate(turn)
  }
  const clock: Clock.Clock = {
    ...Clock.make(),
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => nanosOf(now),
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => nanosOf(now)),
    sleep: (duration) =>
      Effect.suspend(() => {
        const millis = Duration.toMillis(duration)
        longest = Math.max(longest, millis)
        const sleeper: Sleeper = { at: now + millis, rung: Effect.runSync(Deferred.make<void>()) }
        const index = sleepers.findIndex(({ at }) => at > sleeper.at)
        sleepers.splice(index < 0 ? sleepers.length : index, 0, sleeper)
        changes++
        if (!isPumping) pump()
        return Effect.onInterrupt(Deferred.await(sleeper.rung), () =>
          Effect.sync(() => {
            const at = sleepers.indexOf(sleeper)
            if (at >= 0) sleepers.splice(at, 1)
          }))
      })
  }
  return { clock, longestSleep: () => longest }
}

/** Runs an effect under a clock. */
export const under = <A, E, R>(effect: Effect.Effect<A, E, R>, clock: Clock.Clock): Effect.Effect<A, E, R> =>
  Effect.withClock(effect, clock)
