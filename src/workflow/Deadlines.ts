/**
 * Deadlines of the calls under way in a run, kept by one sleeping fiber.
 *
 * - D1. Work that has not ended at its deadline is interrupted, and known to have been.
 * - D2. Time is the `Clock` of the run, so that a test clock drives it.
 * - D3. What time work has is decided when it begins, and measured: a clock that is set gives it neither less nor more.
 *
 * A timer and a race for each call would cost more than everything else the engine does for it; calls mostly have the
 * same timeout, so the next deadline is mostly the oldest one.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"

/**
 * Given instead of a result when the deadline passed.
 * @category models
 * @since 0.1.0
 */
export const timedOut: unique symbol = Symbol.for("owf/Deadlines/timedOut")

/**
 * Deadlines of the calls under way in a run.
 * @category models
 * @since 0.1.0
 */
export interface Deadlines {
  /**
   * Runs work until `at` (epoch milliseconds) and gives how it ended. To be used in an uninterruptible region, with its
   * `restore`: an interruption ends the work first and is then part of what is given.
   */
  readonly until: <A, E>(
    at: number,
    work: Effect.Effect<A, E>,
    restore: <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) => Effect.Effect<A2, E2, R2>
  ) => Effect.Effect<Exit.Exit<A, E | typeof timedOut>>
  /** Ends the sleeping fiber. */
  readonly close: Effect.Effect<void>
}

/**
 * Deadlines on a clock.
 * @category constructors
 * @since 0.1.0
 */
export const make = (clock: Clock.Clock): Deadlines => {
  const state = new State(clock)
  return {
    until: <A, E>(at: number, work: Effect.Effect<A, E>, restore: Restore) =>
      Effect.flatMap(Effect.fork(Effect.interruptible(work)), (fiber) => {
        const entry: Entry = { due: state.dueAt(at), fiber, state: "waiting" }
        // only an interruption fails the awaiting itself
        const awaited = Effect.catchAllCause(restore(Fiber.await(fiber)), () => Fiber.interrupt(fiber))
        const ended = Effect.map(awaited, (exit): Exit.Exit<A, E | typeof timedOut> => {
          const late = entry.state === "passed" && Exit.isInterrupted(exit)
          entry.state = "done"
          entry.fiber = undefined
          return late ? Exit.fail(timedOut) : exit
        })
        return state.add(entry) ? Effect.zipRight(state.arm, ended) : ended
      }),
    close: Effect.suspend(() => state.alarm === undefined ? Effect.void : Fiber.interrupt(state.alarm))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Entry {
  /** When the deadline is, in the milliseconds of a clock that nobody sets (D3). */
  readonly due: number
  /** Until the work has ended: it has the work's result, and the entry may stay behind one that goes on for long. */
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  state: "waiting" | "passed" | "done"
}

class State {
  /** By deadline, the next one first; entries that are done are dropped when they come to the front. */
  private readonly entries: Array<Entry> = []
  private wakesAt = Infinity
  alarm: Fiber.RuntimeFiber<void> | undefined
  private readonly clock: Clock.Clock
  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  dueAt(at: number): number {
    // the small difference first: the sum of two instants has no room for fractions of a millisecond
    return this.now() + (at - this.clock.unsafeCurrentTimeMillis())
  }

  private now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos()) / 1e6
  }

  /** Adds an entry and says whether the alarm must be set for it. */
  add(entry: Entry): boolean {
    this.trim()
    let at = this.entries.length
    while (at > 0 && (this.entries[at - 1]?.due ?? 0) > entry.due) at--
    this.entries.splice(at, 0, entry)
    return entry.due < this.wakesAt
  }

  /** Sleeps until the next deadline, interrupts what has passed it, and goes on while there is anything to wait for. */
  readonly arm: Effect.Effect<void> = Effect.suspend(() => {
    const previous = this.alarm
    const next = this.entries[0]
    if (next === undefined) return Effect.void
    this.wakesAt = next.due
    const wait = Math.max(0, Math.ceil(next.due - this.now()))
    const ring = Effect.zipRight(
      Effect.sleep(Duration.millis(wait)),
      Effect.flatMap(Effect.fiberId, (id) => this.pass(id))
    )
    return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(ring)), (alarm) => {
      this.alarm = alarm
      return previous === undefined ? Effect.void : Fiber.interruptFork(previous)
    })
  })

  private pass(id: FiberId.FiberId): Effect.Effect<void> {
    const now = this.now()
    for (let first = this.trim(); first !== undefined && first.due <= now; first = this.trim()) {
      first.state = "passed"
      first.fiber?.unsafeInterruptAsFork(id)
      this.entries.shift()
    }
    this.wakesAt = Infinity
    this.alarm = undefined
    return this.arm
  }

  private trim(): Entry | undefined {
    while (this.entries[0]?.state === "done") this.entries.shift()
    return this.entries[0]
  }
}
