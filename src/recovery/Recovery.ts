/**
 * How a call goes on after a failure: rungs that are put together to a ladder, the same for programs and graphs.
 *
 * - R1. Each rung answers only to the failures it is for, by their structured reason. What no rung answers to, such as a
 *   wrong key or an unknown model, ends the call at once.
 * - R2. Of several rungs the first that answers is taken; `orElse` is associative and `none` its identity.
 * - R3. Every rung is bounded, in times and in the time it waits, over all requests and resumes of a call. A wait that
 *   would pass the bound is not begun.
 * - R4. A value stands in for an answer only where it is declared, and the call's type says so.
 *
 * A ladder is part of a call's settings, not of its key: a resumed run finds its answers whatever ladder it has now.
 */
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Pipeable from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Random from "effect/Random"
import type { AgentError, ProviderReason } from "../domain/AgentError.ts"
import * as ResetTime from "../internal/resetTime.ts"
import * as Fallback from "../workflow/Fallback.ts"
import type { Decision, Policy, Situation } from "../workflow/RecoveryPolicy.ts"
import { giveUp, TypeId } from "../workflow/RecoveryPolicy.ts"
import * as Reframing from "./Reframing.ts"

/**
 * A ladder of rungs; `F` is the type of the values that may stand in for an answer.
 * @category models
 * @since 0.1.0
 */
export interface Recovery<out F = never> extends Policy<F>, Pipeable.Pipeable {}

// -----------------------------------------------------------------------------
// rungs
// -----------------------------------------------------------------------------

/**
 * Gives up at the first failure.
 * @category constructors
 * @since 0.1.0
 */
export const none: Recovery = make({ names: [] })

/**
 * How patiently a request that failed for a passing reason is sent again.
 * @category models
 * @since 0.1.0
 */
export interface RetryOptions {
  /** Requests after the first. Defaults to 60. */
  readonly times?: number | undefined
  /** Wait before the second request; doubles from there, with jitter. Defaults to 15 seconds. */
  readonly base?: Duration.DurationInput | undefined
  /** Longest wait that is not the provider's own wish. Defaults to 30 minutes. */
  readonly cap?: Duration.DurationInput | undefined
  /** Longest time to wait in all. Defaults to 28 hours. */
  readonly maxWait?: Duration.DurationInput | undefined
  /** Time between two events that say that it still waits. Defaults to 10 minutes. */
  readonly tick?: Duration.DurationInput | undefined
}

/**
 * Sends the same request again where the reason may pass: an overloaded or unreachable provider, a rate limit, silence.
 * @category constructors
 * @since 0.1.0
 */
export const retry = (options: RetryOptions = {}): Recovery => {
  const times = options.times ?? 60
  const base = millis(options.base, "15 seconds")
  const cap = millis(options.cap, "30 minutes")
  const maxWait = millis(options.maxWait, "28 hours")
  const tickMs = millis(options.tick, "10 minutes")
  return make({
    names: ["retry"],
    decide: ({ failure, history: { retry } }) => {
      if (failure._tag !== "Provider" || !failure.error.isTransient || retry.times >= times) return nothing
      const full = Math.min(base * 2 ** Math.min(retry.times, 40), cap)
      return Effect.map(Random.nextRange(full / 2, full), (jittered) => {
        const afterMs = Math.ceil(Math.max(jittered, failure.error.retryAfterMs ?? 0))
        return retry.waitedMs + afterMs > maxWait
          ? giveUp(`waiting ${shown(afterMs)} more is over the bound of ${shown(maxWait)} for retries`)
          : { _tag: "Again", afterMs, tickMs }
      })
    }
  })
}

/**
 * How a used-up limit is waited for.
 * @category models
 * @since 0.1.0
 */
export interface ResetOptions {
  /** Waits for one call. Defaults to 48. */
  readonly times?: number | undefined
  /** Longest time to wait in all. Defaults to 8 days. */
  readonly maxWait?: Duration.DurationInput | undefined
  /** Wait when nobody says when the limit ends. Defaults to 1 hour. */
  readonly unknown?: Duration.DurationInput | undefined
  /** Added to what was named. Defaults to 2 minutes. */
  readonly margin?: Duration.DurationInput | undefined
  /** From what wait on a rate limit is taken for a limit to wait for. Defaults to 10 minutes. */
  readonly from?: Duration.DurationInput | undefined
  /** Zone of times in a text that name none. Defaults to UTC. */
  readonly zone?: DateTime.TimeZone | undefined
  /** Time between two events that say that it still waits. Defaults to 10 minutes. */
  readonly tick?: Duration.DurationInput | undefined
}

/**
 * Waits until a used-up limit is there again: the time the provider names in a field, else the one in its text, else an
 * hour.
 * @category constructors
 * @since 0.1.0
 */
export const waitForReset = (options: ResetOptions = {}): Recovery => {
  const times = options.times ?? 48
  const maxWait = millis(options.maxWait, "8 days")
  const unknown = millis(options.unknown, "1 hour")
  const margin = millis(options.margin, "2 minutes")
  const from = millis(options.from, "10 minutes")
  const tickMs = millis(options.tick, "10 minutes")
  return make({
    names: ["wait"],
    decide: ({ failure, history: { reset }, now }) => {
      if (failure._tag !== "Provider") return nothing
      const { detail, isTransient, reason, retryAfterMs } = failure.error
      const isLimit = reason === "UsageLimit" || (isTransient && (retryAfterMs ?? 0) >= from)
      if (!isLimit || reset.times >= times) return nothing
      const named = retryAfterMs ?? ResetTime.waitOf(detail, { nowMillis: now, zone: options.zone })
      const wait = Math.ceil(Math.max(0, named ?? unknown) + margin)
      if (reset.waitedMs + wait > maxWait) {
        return Effect.succeed(giveUp(`waiting ${shown(wait)} more is over the bound of ${shown(maxWait)} for limits`))
      }
      const why = named === undefined ? "a limit is used up, and nobody says until when" : "a limit is used up"
      return Effect.succeed({ _tag: "Wait", until: now + wait, why, tickMs })
    }
  })
}

/**
 * Asks again with what was wrong with the answer, in the same session where there is one. Defaults to 2 times.
 * @category constructors
 * @since 0.1.0
 */
export const correct = ({ times = 2 }: { readonly times?: number | undefined } = {}): Recovery =>
  make({
    names: ["correct"],
    decide: ({ failure, history }) =>
      failure._tag === "Schema" && history.correct.times < times ? Effect.succeed({ _tag: "Correct" }) : nothing
  })

/**
 * Has the provider shorten a session that has outgrown the model's context, and goes on in it. Defaults to 2 times.
 * @category constructors
 * @since 0.1.0
 */
export const compact = ({ times = 2 }: { readonly times?: number | undefined } = {}): Recovery =>
  make({
    names: ["compact"],
    decide: ({ canCompact, failure, hasSession, history }) =>
      failure._tag === "Provider" && failure.error.reason === "ContextOverflow" && !failure.isCompaction &&
        hasSession && canCompact && history.compact.times < times
        ? Effect.succeed({ _tag: "Compact" })
        : nothing
  })

/**
 * How a task is put in other words.
 * @category models
 * @since 0.1.0
 */
export interface ReframeOptions {
  /** Defaults to 3. */
  readonly times?: number | undefined
  /** Wait before the first; grows by itself each time. Defaults to 10 seconds. */
  readonly pause?: Duration.DurationInput | undefined
  /** The whole task for the n-th fresh session, from 1. Defaults to the task itself under advice to keep it simple. */
  readonly text?: ((task: string, number: number) => string) | undefined
}

/**
 * Puts the whole task to a fresh session in simpler words, after overflow, empty, broken or unfit answers.
 * @category constructors
 * @since 0.1.0
 */
export const reframe = (options: ReframeOptions = {}): Recovery => {
  const times = options.times ?? 3
  const pause = millis(options.pause, "10 seconds")
  return make({
    names: ["reframe"],
    reframed: options.text ?? Reframing.text,
    decide: ({ failure, history }) =>
      history.reframe.times < times && isReframed(failure)
        ? Effect.succeed({ _tag: "Reframe", afterMs: pause * (history.reframe.times + 1), tickMs: pause * times })
        : nothing
  })
}

/**
 * Has an interrupted call go on in its own session when the run is resumed, where the provider has sessions and the
 * call changes no files.
 * @category constructors
 * @since 0.1.0
 */
export const continueSession: Recovery = make({ names: ["continue"], continuesSession: true })

/**
 * Lets a value stand in for the answer of a call that failed for good, marked as degraded. Without `when` it does not
 * stand in for what a person has to put right, such as a wrong key or a budget.
 * @category constructors
 * @since 0.1.0
 */
export const fallback = <const F>(
  value: F,
  { when = Fallback.isExhausted }: { readonly when?: ((error: AgentError) => boolean) | undefined } = {}
): Recovery<F> => make({ names: ["fallback"], fallback: (error) => when(error) ? { value } : undefined })

// -----------------------------------------------------------------------------
// combinators
// -----------------------------------------------------------------------------

/**
 * The first ladder, and the second for what it does not answer to.
 * @category combinators
 * @since 0.1.0
 */
export const orElse: {
  <G>(that: Recovery<G>): <F>(self: Recovery<F>) => Recovery<F | G>
  <F, G>(self: Recovery<F>, that: Recovery<G>): Recovery<F | G>
} = dual(2, <F, G>(self: Recovery<F>, that: Recovery<G>): Recovery<F | G> =>
  make({
    names: [...self.names, ...that.names],
    decide: (situation) =>
      Effect.flatMap(self.decide(situation), (first) =>
        first._tag !== "GiveUp"
          ? Effect.succeed(first)
          : Effect.map(that.decide(situation), (second) =>
            second._tag === "GiveUp" ? giveUp(first.why ?? second.why) : second)),
    reframed: self.reframed ?? that.reframed,
    continuesSession: self.continuesSession || that.continuesSession,
    fallback: either(self.fallback, that.fallback)
  }))

/**
 * Ladders one after the other.
 * @category combinators
 * @since 0.1.0
 */
export const all = <F = never>(...ladders: ReadonlyArray<Recovery<F>>): Recovery<F> =>
  ladders.reduce((ladder: Recovery<F>, next) => orElse(ladder, next), none)

/**
 * Everything but a fallback, sized for runs that nobody watches: retries for a day, limits for a week.
 * @category constructors
 * @since 0.1.0
 */
export const standard: Recovery = all(
  correct(),
  waitForReset(),
  retry(),
  compact(),
  reframe(),
  continueSession
)

/**
 * Names of the rungs that can be had without options.
 * @category models
 * @since 0.1.0
 */
export const names = ["retry", "wait", "correct", "compact", "reframe", "continue", "standard", "none"] as const

/**
 * A rung or a ladder by its name, for what is written in files.
 * @category constructors
 * @since 0.1.0
 */
export const named = (name: (typeof names)[number]): Recovery => {
  switch (name) {
    case "retry":
      return retry()
    case "wait":
      return waitForReset()
    case "correct":
      return correct()
    case "compact":
      return compact()
    case "reframe":
      return reframe()
    case "continue":
      return continueSession
    case "standard":
      return standard
    case "none":
      return none
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Effect.Effect<Decision> = Effect.succeed(giveUp())

// function declarations, because constants above are made with them
function make<F = never>(
  parts: Partial<Omit<Policy<F>, typeof TypeId>> & { readonly names: ReadonlyArray<string> }
): Recovery<F> {
  return {
    [TypeId]: TypeId,
    // not `nothing`, which is made after some of the constants
    decide: parts.decide ?? (() => Effect.succeed(giveUp())),
    reframed: parts.reframed,
    continuesSession: parts.continuesSession ?? false,
    fallback: parts.fallback,
    names: parts.names,
    pipe() {
      return pipeArguments(this, arguments)
    }
  }
}

function millis(given: Duration.DurationInput | undefined, otherwise: Duration.DurationInput): number {
  return Duration.toMillis(given ?? otherwise)
}

function either<F, G>(first: Policy<F>["fallback"], second: Policy<G>["fallback"]): Policy<F | G>["fallback"] {
  return first === undefined || second === undefined ? first ?? second : (error) => first(error) ?? second(error)
}

const shown = (milliseconds: number): string => Duration.format(Duration.millis(Math.round(milliseconds)))

const unfit: ReadonlySet<ProviderReason> = new Set(["ContextOverflow", "EmptyAnswer", "Malformed", "Truncated"])

/** Whether a fresh session may do better; one that could not be shortened for no passing reason is given up for it. */
const isReframed = (failure: Situation["failure"]): boolean =>
  failure._tag === "Schema" || unfit.has(failure.error.reason) ||
  (failure.isCompaction && !failure.error.isTransient && !permanent.has(failure.error.reason))

/** What no session changes; a limit is waited for or not. */
const permanent: ReadonlySet<ProviderReason> = new Set([...Fallback.permanent, "UsageLimit"])
