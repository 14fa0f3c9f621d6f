/**
 * Waits that outlive the process: until a time, until something is so, until a person has answered.
 *
 * - D1. When a wait ends is decided once and kept: a resumed run waits for what is left, or not at all.
 * - D2. The end of a wait is a moment of the wall clock, looked at once a minute or more often: a machine that slept, or
 *   a clock that was set, ends no wait early and lets none go on for ever.
 * - D3. How a wait ended is kept too, so that a resumed run takes the same way.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Run } from "./Run.ts"
import * as Verbs from "./Verbs.ts"

/**
 * Waits until a moment, in epoch milliseconds; a moment that has passed is not waited for.
 * @category running
 * @since 0.1.0
 */
export const until = (moment: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let now = yield* Clock.currentTimeMillis; now < moment; now = yield* Clock.currentTimeMillis) {
      yield* Effect.sleep(Duration.millis(Math.min(moment - now, look)))
    }
  })

/**
 * Waits for a time from now on; a resumed run waits for what is left of it.
 * @category running
 * @since 0.1.0
 */
export const duration = (name: string, length: Duration.DurationInput): Effect.Effect<void, never, Run> =>
  Effect.flatMap(
    deadline(name, Duration.toMillis(length)),
    (moment) =>
      Effect.zipRight(
        told(name, `waiting until ${iso(moment)}`, { until: iso(moment) }),
        during(name, unlessSkipped(until(moment)))
      )
  )

/**
 * Waits until a moment, in epoch milliseconds, and says so in the run's record.
 * @category running
 * @since 0.1.0
 */
export const moment = (name: string, at: number): Effect.Effect<void, never, Run> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now >= at
      ? Effect.void
      : Effect.zipRight(
        told(name, `waiting until ${iso(at)}`, { until: iso(at) }),
        during(name, unlessSkipped(until(at)))
      ))

/**
 * Looks every second at first, then more rarely, whether something is so; false when it was not within the time there is.
 * @category running
 * @since 0.1.0
 */
export const condition = <E, R>(
  name: string,
  check: Effect.Effect<boolean, E, R>,
  options: Options & { readonly what: string }
): Effect.Effect<boolean, E | WaitedTooLong, R | Run> =>
  Verbs.step(
    `${name}:found`,
    Schema.Boolean,
    Effect.gen(function*() {
      const bound = yield* boundOf(name, options)
      yield* told(name, `waiting for ${options.what}`, { for: options.what, until: bound.isOwn ? iso(bound.at) : null })
      const found = yield* during(name, poll(Effect.map(check, (so) => so ? true : undefined), bound.at, true))
      if (found === undefined && !bound.isOwn) return yield* new WaitedTooLong({ name, what: options.what })
      return found !== undefined
    })
  )

/**
 * Waits for a person to answer with `owf approve`; null when nobody did within the time there is.
 * @category running
 * @since 0.1.0
 */
export const approval = (
  name: string,
  options: Options & { readonly question?: string | undefined } = {}
): Effect.Effect<Answer | null, WaitedTooLong, Run> =>
  Verbs.step(
    `${name}:answer`,
    Schema.NullOr(Answer),
    Effect.gen(function*() {
      const { approvals } = yield* Run
      const bound = yield* boundOf(name, options)
      yield* approvals.ask(name, options.question ?? null)
      yield* told(name, "waiting for approval", { question: options.question ?? null })
      const answer = yield* during(name, poll(approvals.answer(name), bound.at, { approved: true, message: null }))
      if (answer === undefined && !bound.isOwn) return yield* new WaitedTooLong({ name, what: "approval" })
      if (answer !== undefined) return answer
      // whoever answered in the last moment was told that the answer counts
      return (yield* approvals.expire(name)) ? null : (yield* approvals.answer(name)) ?? null
    })
  )

/**
 * Whether waits are waited for, or passed over as if what is waited for had come: time, a condition, a person who says yes.
 * @category services
 * @since 0.1.0
 */
export class Waiting extends Context.Reference<Waiting>()("owf/Wait/Waiting", {
  defaultValue: (): "waited" | "skipped" => "waited"
}) {}

/**
 * How long to wait at most, over all resumes; without it a wait that takes too long stops the run, which can be resumed.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout?: Duration.DurationInput | undefined
  /** How long an attempt of the run waits without one. Defaults to 8 days. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * What a person answered.
 * @category schemas
 * @since 0.1.0
 */
export const Answer = Schema.Struct({ approved: Schema.Boolean, message: Schema.NullOr(Schema.String) })

/**
 * What a person answered.
 * @category models
 * @since 0.1.0
 */
export type Answer = typeof Answer.Type

/**
 * What was waited for did not come in as long as any wait lasts; the run can be resumed, and waits on.
 * @category errors
 * @since 0.1.0
 */
export class WaitedTooLong extends Schema.TaggedError<WaitedTooLong>("owf/Wait/WaitedTooLong")("WaitedTooLong", {
  name: Schema.String,
  what: Schema.String
}) {
  override get message(): string {
    return `${this.name} waited for ${this.what} for too long; resume the run to wait on.`
  }

  /** The run stops and can go on. */
  readonly isResumable = true
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const look = 60_000

/** Often at first, more rarely the longer it lasts. */
const pause = (waited: number): number => Math.min(look, Math.max(1_000, Math.ceil(waited / 60)))

const iso = (millis: number): string => new Date(Math.min(millis, latest)).toISOString()
const latest = Date.UTC(9999, 11, 31)

const told = (name: string, what: string, data: Readonly<Record<string, unknown>>): Effect.Effect<void, never, Run> =>
  Effect.flatMap(Run, (run) => run.event("waiting", `${name}: ${what}`, { name, ...data }))

/** Says that a wait is over to whoever watches the run. */
const during = <A, E, R>(name: string, wait: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Run> =>
  Effect.flatMap(
    Run,
    ({ observer }) =>
      observer === undefined ? wait : Effect.ensuring(wait, Effect.sync(() => observer({ _tag: "Waited", name })))
  )

const deadline = (name: string, millis: number): Effect.Effect<number, never, Run> =>
  Verbs.step(`${name}:deadline`, Schema.Number, Effect.map(Clock.currentTimeMillis, (now) => now + millis))

/** When a wait ends at the latest: at its own time, which is kept, or when any wait of this process would. */
const boundOf = (name: string, { patience = "8 days", timeout }: Options) =>
  timeout === undefined
    ? Effect.map(Clock.currentTimeMillis, (now) => ({ at: now + Duration.toMillis(patience), isOwn: false }))
    : Effect.map(deadline(name, Duration.toMillis(timeout)), (at) => ({ at, isOwn: true }))

const unlessSkipped = (wait: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(Waiting, (waiting) => waiting === "skipped" ? Effect.void : wait)

/**
 * What `find` finds, or nothing once the moment has passed; it is looked at least once. What is not found is `assumed`
 * where waits are skipped.
 */
const poll = <A, E, R>(
  find: Effect.Effect<A | undefined, E, R>,
  moment: number,
  assumed: A
): Effect.Effect<A | undefined, E, R> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const waiting = yield* Waiting
    for (;;) {
      const found = yield* find
      if (found !== undefined) return found
      if (waiting === "skipped") return assumed
      const now = yield* Clock.currentTimeMillis
      if (now >= moment) return undefined
      yield* Effect.sleep(Duration.millis(Math.min(pause(now - began), moment - now)))
    }
  })
