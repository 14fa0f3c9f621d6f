/**
 * Step 4 of a call, its last part: room under what all processes of a home may ask of a provider per minute.
 *
 * - L1. A request is sent after its room was taken, never before; a provider without limits costs nothing here.
 * - L2. Requests of this engine that have to wait stand in a line per provider, so that they go in the order they came in
 *   and only the first of them asks the store.
 * - L3. Tokens are taken as the request was estimated, and corrected when it is known what it used.
 * - L4. The beginning of a wait is an event of the run that says until when.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Usage from "../domain/Usage.ts"
import * as Permits from "../internal/permits.ts"
import type * as Provider from "../provider/Provider.ts"
import type { Room } from "../store/RunStore.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import type { Line } from "./Lines.ts"
import * as Request from "./Request.ts"

/**
 * No room comes before the call's deadline.
 * @category models
 * @since 0.1.0
 */
export interface NoRoom {
  readonly _tag: "NoRoom"
  readonly provider: string
  readonly waitMs: number
}

/**
 * Takes room for a request, waiting for it as long as that takes or until the deadline (epoch milliseconds); gives the
 * tokens that were taken, or undefined where tokens are not limited.
 * @category running
 * @since 0.1.0
 */
export const take = <A>(
  env: CallEnv,
  call: Identified<A>,
  limits: Provider.RateLimits,
  continued: Request.Continued,
  deadline: number
): Effect.Effect<number | undefined, NoRoom> =>
  Effect.suspend(() => {
    const expected = limits.tokensPerMinute === undefined ? undefined : estimate(call, continued)
    const tokens = expected ?? 0
    const line = env.lines.of(call.described.provider.name)
    const ask = Effect.suspend(() => Effect.catchAll(env.store.takeRoom(room(env, call, limits, tokens)), env.abort))
    const taken = line.waiting > 0
      ? inLine(env, call, line, ask, deadline)
      : Effect.flatMap(ask, (wait) => wait === 0 ? Effect.void : inLine(env, call, line, ask, deadline))
    return Effect.as(taken, expected)
  })

/**
 * Replaces the tokens that were taken for a request by those it used (L3), beside what else is written of its end. That
 * it could not be written is no loss: the store then refuses the end of the request too.
 * @category running
 * @since 0.1.0
 */
export const correct = <A>(
  env: CallEnv,
  call: Identified<A>,
  taken: number,
  used: Usage.Usage
): Effect.Effect<void> => {
  const { limits } = call.described.provider.capabilities
  const difference = Usage.total(used) - taken
  return limits?.tokensPerMinute === undefined || difference === 0
    ? Effect.void
    : Effect.asVoid(Effect.forkDaemon(Effect.ignore(env.store.correctRoom(room(env, call, limits, difference)))))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const room = <A>(env: CallEnv, call: Identified<A>, limits: Provider.RateLimits, tokens: number): Room => ({
  provider: call.described.provider.name,
  requestsPerMinute: limits.requestsPerMinute,
  tokensPerMinute: limits.tokensPerMinute,
  tokens,
  at: env.now()
})

const estimate = <A>(call: Identified<A>, continued: Request.Continued): number => {
  const { inputTokens, outputTokens } = Request.estimate(call, continued)
  return inputTokens + (call.described.options.maxOutputTokens ?? outputTokens)
}

const inLine = <A>(
  env: CallEnv,
  call: Identified<A>,
  line: Line,
  ask: Effect.Effect<number>,
  deadline: number
): Effect.Effect<void, NoRoom> =>
  Effect.suspend(() => {
    const begins = line.waiting === 0
    line.waiting += 1
    return Effect.ensuring(
      Permits.within(line.first, untilTaken(env, call, ask, deadline, begins)),
      Effect.sync(() => void (line.waiting -= 1))
    )
  })

const untilTaken = <A>(
  env: CallEnv,
  call: Identified<A>,
  ask: Effect.Effect<number>,
  deadline: number,
  begins: boolean
): Effect.Effect<void, NoRoom> =>
  Effect.gen(function*() {
    let told = !begins
    while (true) {
      const wait = yield* ask
      if (wait === 0) return
      const until = env.now() + wait
      if (until >= deadline) {
        return yield* Effect.fail<NoRoom>({ _tag: "NoRoom", provider: call.described.provider.name, waitMs: wait })
      }
      env.observer?.({
        _tag: "Delayed",
        callId: call.identity.callId,
        provider: call.described.provider.name,
        until
      })
      if (!told) yield* tell(env, call, until)
      told = true
      yield* Effect.sleep(Duration.millis(wait))
    }
  })

/** L4. */
const tell = <A>(env: CallEnv, call: Identified<A>, until: number): Effect.Effect<void> => {
  const { name } = call.described.provider
  const at = new Date(until).toISOString()
  return Effect.catchAll(
    env.store.event(env.ownership, {
      runId: env.run.id,
      index: call.place.index,
      runAttempt: env.run.attempt,
      type: "rate_limit_waiting",
      message: `waiting until ${at} for room under the rate limit of ${name}`,
      dataJson: JSON.stringify({ provider: name, until: at }),
      at: env.now()
    }),
    env.abort
  )
}
