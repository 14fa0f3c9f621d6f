/**
 * What the engine asks when a request of a call did not come to an answer that can be used: whether, when and how to go on.
 *
 * - P1. A policy decides by structured facts alone and does nothing itself: the engine waits, asks and records.
 * - P2. What was done for a call so far is told with every question, over all resumes, so that a policy can bound it.
 * - P3. Waits that a policy asks for are recorded before they begin and do not count against the call's deadline.
 *
 * A call without a policy is asked again as `RetryPolicy` and `EngineConfig` say. The policies themselves are made in
 * `recovery/Recovery`.
 */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { AgentError } from "../domain/AgentError.ts"
import type { ProviderError } from "../provider/Provider.ts"

/**
 * Marks a value as a policy.
 * @category models
 * @since 0.1.0
 */
export const TypeId: unique symbol = Symbol.for("owf/RecoveryPolicy")

/**
 * A way to go on, by which what was done is counted.
 * @category schemas
 * @since 0.1.0
 */
export const Rung = Schema.Literal("retry", "reset", "correct", "compact", "reframe")

/**
 * A way to go on, by which what was done is counted.
 * @category models
 * @since 0.1.0
 */
export type Rung = typeof Rung.Type

/**
 * How often something was done for a call, and how long was waited for it.
 * @category schemas
 * @since 0.1.0
 */
export const Count = Schema.Struct({ times: Schema.NonNegativeInt, waitedMs: Schema.NonNegative })

/**
 * What was done for a call so far, over all resumes.
 * @category schemas
 * @since 0.1.0
 */
export const History = Schema.Struct({ retry: Count, reset: Count, correct: Count, compact: Count, reframe: Count })

/**
 * What was done for a call so far, over all resumes.
 * @category models
 * @since 0.1.0
 */
export type History = typeof History.Type

/**
 * Nothing was done yet.
 * @category constructors
 * @since 0.1.0
 */
export const noHistory: History = {
  retry: { times: 0, waitedMs: 0 },
  reset: { times: 0, waitedMs: 0 },
  correct: { times: 0, waitedMs: 0 },
  compact: { times: 0, waitedMs: 0 },
  reframe: { times: 0, waitedMs: 0 }
}

/**
 * What was done with one more time of a rung, and the time that is waited for it.
 * @category combinators
 * @since 0.1.0
 */
export const counted = (history: History, rung: Rung, waitMs: number): History => ({
  ...history,
  [rung]: { times: history[rung].times + 1, waitedMs: history[rung].waitedMs + waitMs }
})

/**
 * Why a request did not come to an answer that can be used.
 * @category models
 * @since 0.1.0
 */
export type Failure =
  | {
    readonly _tag: "Provider"
    readonly error: ProviderError
    /** Whether the request asked for the session to be shortened. */
    readonly isCompaction: boolean
  }
  | { readonly _tag: "Schema"; readonly problem: string }

/**
 * What a policy decides by.
 * @category models
 * @since 0.1.0
 */
export interface Situation {
  readonly failure: Failure
  readonly history: History
  /** Epoch milliseconds. */
  readonly now: number
  /** Milliseconds that are left of the call's deadline, which waits do not count against. */
  readonly leftMs: number
  /** Whether there is a session to go on in. */
  readonly hasSession: boolean
  /** Whether the provider can shorten a session. */
  readonly canCompact: boolean
}

/**
 * How to go on.
 * @category models
 * @since 0.1.0
 */
export type Decision =
  /** Not at all; `why` is added to the error. */
  | { readonly _tag: "GiveUp"; readonly why: string | undefined }
  /** The same request once more, after a time. */
  | { readonly _tag: "Again"; readonly afterMs: number; readonly tickMs: number }
  /** The same request once more, at an instant that somebody named. */
  | { readonly _tag: "Wait"; readonly until: number; readonly why: string; readonly tickMs: number }
  /** With what was wrong, in the same session where there is one. */
  | { readonly _tag: "Correct" }
  /** In the same session, after the provider has shortened it. */
  | { readonly _tag: "Compact" }
  /** In a session of its own, with the text of `Policy.reframed`. */
  | { readonly _tag: "Reframe"; readonly afterMs: number; readonly tickMs: number }

/**
 * The decision to give up.
 * @category constructors
 * @since 0.1.0
 */
export const giveUp = (why?: string): Decision => ({ _tag: "GiveUp", why })

/**
 * Decides how a call goes on; `F` is the type of the values that may stand in for an answer.
 * @category models
 * @since 0.1.0
 */
export interface Policy<out F = never> {
  readonly [TypeId]: typeof TypeId
  readonly decide: (situation: Situation) => Effect.Effect<Decision>
  /** The whole task in other words, for a fresh session; counts from 1. */
  readonly reframed: ((prompt: string, number: number) => string) | undefined
  /** Whether a call that was interrupted goes on in its own session when the run is resumed. */
  readonly continuesSession: boolean
  /** The value that stands in where the call failed for good; undefined for errors it does not stand in for. */
  readonly fallback: ((error: AgentError) => { readonly value: F } | undefined) | undefined
  /** What it consists of, to be stored with the call's settings. */
  readonly names: ReadonlyArray<string>
}

/**
 * Whether a value is a policy.
 * @category predicates
 * @since 0.1.0
 */
export const isPolicy = (value: unknown): value is Policy<unknown> => Predicate.hasProperty(value, TypeId)
