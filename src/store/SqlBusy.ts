/**
 * Waiting for another process's lock without holding the event loop.
 *
 * SQLite itself waits for a tenth of a second (see `Sqlite.ts`); longer waits happen here, between two tries. Locks are
 * other processes' doing, so the time that passes is real time whatever clock a program was given.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"

/**
 * How long to wait before `Busy` is a failure, in milliseconds, unless it is said.
 * @category models
 * @since 0.1.0
 */
export const patience = 30_000

/**
 * Tries again for as long as another process holds the lock and there is patience; what is tried changes nothing when it
 * fails.
 * @category combinators
 * @since 0.1.0
 */
export const retry = <A, R>(
  body: Effect.Effect<A, StoreError, R>,
  path: string,
  longest: number = patience
): Effect.Effect<A, StoreError, R> =>
  Effect.catchIf(body, isBusy, (first) => {
    const since = clock.unsafeCurrentTimeMillis()
    let told = false
    const again = (last: StoreError): Effect.Effect<A, StoreError, R> =>
      Effect.gen(function*() {
        const waited = clock.unsafeCurrentTimeMillis() - since
        if (waited > longest) {
          return yield* SqlFailure.make("Busy", path, `it was not released for ${Math.round(waited / 1000)} s`, last)
        }
        if (!told && waited > noticeAfter) {
          told = true
          yield* Effect.logWarning(`Waiting for another process to release ${path}.`)
        }
        yield* clock.sleep(Duration.millis(yield* Random.nextIntBetween(5, 50)))
        return yield* Effect.catchIf(body, isBusy, again)
      })
    return again(first)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const clock = Clock.make()

const noticeAfter = 2_000

const isBusy = (error: StoreError): boolean => error.reason === "Busy"
