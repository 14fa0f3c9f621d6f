/**
 * What a run tells of its calls while they are under way, to whoever watches it in the same process.
 *
 * - W1. Nothing is told before it is so: of a request after its intent is durable, of an end after it is stored.
 * - W2. An observer decides nothing. It is called in the middle of a call, so it only takes a note and never throws.
 * - W3. A run that nobody watches makes nothing of this: no call does more than look whether there is an observer.
 *
 * What is durable is in the store, whose events can be read by any process; this is what is not worth storing.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { CallId } from "../domain/Ids.ts"
import * as Money from "../domain/Money.ts"
import type { Done, Failed } from "../domain/Outcome.ts"
import * as Outcome from "../domain/Outcome.ts"
import type { Usage } from "../domain/Usage.ts"
import type { Identity } from "./CallResult.ts"

/**
 * Takes note of what a run tells.
 * @category models
 * @since 0.1.0
 */
export type Observer = (told: Told) => void

/**
 * Something that happened to a call, or to a wait of the workflow's own; times are epoch milliseconds.
 * @category models
 * @since 0.1.0
 */
export type Told =
  /** A call is to be answered by its provider; it may have to wait for room before anything is sent. */
  | { readonly _tag: "Placed"; readonly call: Identity; readonly at: number }
  /** A request for a call is sent. */
  | { readonly _tag: "Asked"; readonly callId: CallId; readonly attempt: number; readonly at: number }
  /** What the request under way used up to now. */
  | {
    readonly _tag: "Reported"
    readonly callId: CallId
    readonly usage: Usage
    readonly costUsd: number | null
  }
  /** A request failed, and the next one for the call is sent after a pause. */
  | {
    readonly _tag: "Retrying"
    readonly callId: CallId
    readonly attempt: number
    readonly error: string
    readonly until: number
  }
  /** A request waits for room under a provider's limit per minute. */
  | { readonly _tag: "Delayed"; readonly callId: CallId; readonly provider: string; readonly until: number }
  /** A call was answered from another run's result, which would have used this much. */
  | {
    readonly _tag: "Saved"
    readonly callId: CallId
    readonly usage: Usage
    readonly costUsd: number | null
  }
  /** A call ended, with its result; one that was broken off has none. */
  | {
    readonly _tag: "Ended"
    readonly callId: CallId | null
    readonly result: Done<unknown> | Failed | undefined
    readonly at: number
  }
  /** A wait of the workflow's own is over, however it ended. */
  | { readonly _tag: "Waited"; readonly name: string }

/**
 * Tells of a call from its place to its end. To be used in an uninterruptible region, where nothing passes unseen.
 * @category combinators
 * @since 0.1.0
 */
export const during = <A, E, R>(
  observer: Observer,
  call: Identity,
  now: () => number,
  effect: Effect.Effect<Done<A>, E, R>
): Effect.Effect<Done<A>, E, R> =>
  Effect.suspend(() => {
    observer({ _tag: "Placed", call, at: now() })
    return ending(observer, call.callId, now, effect)
  })

/**
 * Tells of a call's end, in an uninterruptible region as well.
 * @category combinators
 * @since 0.1.0
 */
export const ending = <A, E, R>(
  observer: Observer,
  callId: CallId | null,
  now: () => number,
  effect: Effect.Effect<Done<A>, E, R>
): Effect.Effect<Done<A>, E, R> =>
  Effect.tapErrorCause(
    Effect.map(effect, (result) => {
      observer({ _tag: "Ended", callId: result.callId, result, at: now() })
      return result
    }),
    (cause) =>
      Effect.sync(() => {
        const result = Outcome.failedOf(Cause.squash(cause))
        observer({ _tag: "Ended", callId: result?.callId ?? callId, result, at: now() })
      })
  )

/**
 * An amount the ledger knows, in dollars; null for one that is not known.
 * @category converting
 * @since 0.1.0
 */
export const usdOf = (cost: Money.NanoUsd | null): number | null => cost === null ? null : Money.toUsd(cost)
