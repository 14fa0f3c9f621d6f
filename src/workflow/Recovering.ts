/**
 * Goes on with a call as its recovery policy says, between two of its requests.
 *
 * - V1. What was done, and until when is waited, is durable before it is done; a resumed run goes on from there, with
 *   what is left of a wait, and with the bounds where they were.
 * - V2. A wait ends at a moment of the wall clock, looked at once a minute or more often: a machine that slept, or a clock
 *   that was set, ends none early and lets none go on for ever. An event says from time to time that it still waits.
 * - V3. Waiting does not count against the call's deadline, and takes no room at the provider.
 * - V4. Interrupting a wait records the call as cancelled, with the moment it waited for.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { AgentError } from "../domain/AgentError.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome } from "../store/RunStore.ts"
import * as Admission from "./Admission.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallEnvRow from "./CallEnv.ts"
import type { Decision, Failure, Policy, Rung } from "./RecoveryPolicy.ts"
import * as RecoveryPolicy from "./RecoveryPolicy.ts"
import type { State } from "./RecoveryState.ts"
import { begun, decode, encode } from "./RecoveryState.ts"
import { Run } from "./Run.ts"
import * as Sessions from "./Sessions.ts"
import type { GivingUp, Progress, Started } from "./Settle.ts"
import * as Settle from "./Settle.ts"

/**
 * What `Attempts` does for a policy.
 * @category models
 * @since 0.1.0
 */
export interface Steps<B, E> {
  /** Sends the next request; `unstored` is how the one before it ended, where that is not stored yet. */
  readonly again: (progress: Progress, unstored: AttemptOutcome | null) => Effect.Effect<B, E>
  /** Records the call as interrupted and lets the cause go on. */
  readonly stopped: (progress: Progress, cause: Cause.Cause<never>) => Effect.Effect<never>
  readonly restore: Admission.Restore
}

/**
 * The call, with the session and the history of an earlier attempt of the run where its policy goes on with them.
 * @category models
 * @since 0.1.0
 */
export interface Resumed {
  readonly state: State
  readonly session: Provider.Session | undefined
  /** Epoch milliseconds; undefined where nothing is waited for. */
  readonly until: number | undefined
  readonly json: string
}

/**
 * The prompt of the next request: the call's own, or the whole of it in other words.
 * @category converting
 * @since 0.1.0
 */
export const prompt = <A>({ described }: Started<A>, { recovery }: Progress): string => {
  const times = recovery?.history.reframe.times ?? 0
  const reframed = described.recover?.reframed
  return times === 0 || reframed === undefined ? described.prompt : reframed(described.prompt, times)
}

/**
 * Whether a call may be gone on with: a policy has it, and an earlier attempt of the run left it open.
 * @category predicates
 * @since 0.1.0
 */
export const isOpen = <A>({ described, place }: Identified<A>): boolean =>
  described.recover !== undefined && place.recorded !== undefined && Sessions.isOpen(place.recorded)

/**
 * What an earlier attempt of the run has recorded for a call that it left open.
 * @category running
 * @since 0.1.0
 */
export const recorded = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Resumed> =>
  Effect.gen(function*() {
    const row = yield* Effect.catchAll(env.store.call(call.identity.callId), env.abort)
    const continues = Sessions.isContinued(env, call)
    const stored = Option.flatMap(Option.flatMapNullable(row, (row) => row.recoveryJson), decode)
    const state: State = Option.match(stored, {
      onNone: () => begun,
      onSome: (stored) => ({
        ...begun,
        history: stored.history,
        sessionFrom: stored.sessionFrom,
        isCompacting: stored.isCompacting && continues
      })
    })
    const until = Option.getOrUndefined(Option.flatMapNullable(stored, ({ until }) => until))
    const attempts = continues ? yield* Effect.catchAll(env.store.attempts(call.identity.callId), env.abort) : []
    return {
      state,
      session: Sessions.ofAttempts(attempts.filter(({ attempt }) => attempt >= state.sessionFrom)),
      until: until === undefined ? undefined : Date.parse(until),
      json: encode(state, until ?? null)
    }
  })

/**
 * Records a call that is gone on with, waits for what is left of its wait, and asks again.
 * @category running
 * @since 0.1.0
 */
export const resume = <A, B, E>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  { json, state, until }: Resumed,
  steps: Steps<B, E>
): Effect.Effect<B, E> =>
  Effect.gen(function*() {
    const row = { ...CallEnvRow.row(env, call, call.cacheStatus, call.startedAt), recoveryJson: json }
    yield* Effect.catchAll(env.store.begin(env.ownership, row, null), env.abort)
    const next = { ...progress, recovery: state }
    if (until === undefined || until <= env.now()) return yield* steps.again(next, null)
    const why = "goes on waiting"
    return yield* wait(env, call, next, null, { until, why, rung: "reset", tickMs: defaultTickMs }, steps)
  })

/**
 * Goes on with a call after a request that did not come to an answer that can be used. `ended` is how that request
 * ended, which is not stored yet, and `how` how the call is settled where the policy gives up.
 * @category running
 * @since 0.1.0
 */
export const after = <A, B, E>(
  env: CallEnv,
  call: Started<A>,
  policy: Policy<unknown>,
  progress: Progress,
  ended: AttemptOutcome,
  failure: Failure,
  how: GivingUp & { readonly correction?: Provider.Request["correction"] },
  steps: Steps<B, E>
): Effect.Effect<B, E | AgentError> =>
  Effect.gen(function*() {
    const before = progress.recovery ?? begun
    const leftMs = Admission.deadlineOf(env, call, progress) - env.now()
    const { sessions, compacts = false } = call.described.provider.capabilities
    const decision: Decision = leftMs <= 0 ? RecoveryPolicy.giveUp() : yield* policy.decide({
      failure,
      history: before.history,
      now: env.now(),
      leftMs,
      hasSession: sessions && progress.session !== undefined,
      canCompact: compacts
    })
    const go = (rung: Rung, change: Partial<State> = {}): Progress => ({
      ...progress,
      tries: 1,
      recovery: { ...before, ...change, history: RecoveryPolicy.counted(before.history, rung, 0) }
    })
    switch (decision._tag) {
      case "GiveUp":
        return yield* Settle.giveUp(
          env,
          call,
          progress,
          ended,
          decision.why === undefined ? how : { ...how, error: `${how.error}; ${decision.why}` }
        )
      case "Correct":
        return yield* stand(env, call, { ...go("correct"), correction: how.correction }, ended, "correct", steps)
      case "Compact":
        return yield* stand(env, call, go("compact", { isCompacting: true }), ended, "compact", steps)
      case "Again": {
        const next = go("retry")
        return yield* wait(env, call, next, ended, {
          ...decision,
          until: env.now() + decision.afterMs,
          why: how.error,
          rung: "retry"
        }, steps)
      }
      case "Wait":
        return yield* wait(env, call, go("reset"), ended, { ...decision, rung: "reset" }, steps)
      case "Reframe": {
        const change = { isCompacting: false, sessionFrom: progress.attempt + 1 }
        const next = { ...go("reframe", change), session: undefined, correction: undefined }
        const until = env.now() + decision.afterMs
        return yield* wait(env, call, next, ended, { ...decision, until, why: how.error, rung: "reframe" }, steps)
      }
    }
  })

/**
 * The session was shortened: goes on in it.
 * @category running
 * @since 0.1.0
 */
export const compacted = <B, E>(progress: Progress, ended: AttemptOutcome, steps: Steps<B, E>): Effect.Effect<B, E> => {
  const { recovery = begun } = progress
  // what the program said to that is no answer of the call
  return steps.again(
    { ...progress, answers: progress.answers - 1, recovery: { ...recovery, isCompacting: false } },
    ended
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const longestLook = 60_000
const defaultTickMs = 600_000
const latest = Date.UTC(9999, 11, 31)
const iso = (millis: number): string => new Date(Math.min(millis, latest)).toISOString()

interface Waiting {
  readonly until: number
  readonly why: string
  readonly rung: Rung
  readonly tickMs: number
}

/** Records what is done next, and asks. */
const stand = <A, R, E>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome,
  rung: Rung,
  steps: Steps<R, E>
): Effect.Effect<R, E> =>
  Effect.zipRight(
    write(env, call, progress, ended, "running", null, "call_recovering", told(progress, rung)),
    Effect.suspend(() => steps.again(progress, null))
  )

const told = ({ recovery = begun }: Progress, rung: Rung): string => `${words[rung]} (${recovery.history[rung].times})`

const words: Readonly<Record<Rung, string>> = {
  retry: "asks again",
  reset: "waits for a limit",
  correct: "asks with what was wrong",
  compact: "has the session shortened",
  reframe: "puts the task to a fresh session"
}

/** Waits as V1 to V4 say, and asks. */
const wait = <A, R, E>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  waiting: Waiting,
  steps: Steps<R, E>
): Effect.Effect<R, E> =>
  Effect.gen(function*() {
    const began = env.elapsed()
    const { recovery = begun } = progress
    const length = Math.max(0, waiting.until - env.now())
    const { rung } = waiting
    // a wait that is gone on with was counted when it began
    const history = ended === null ? recovery.history : {
      ...recovery.history,
      [rung]: { times: recovery.history[rung].times, waitedMs: recovery.history[rung].waitedMs + length }
    }
    const planned: Progress = { ...progress, recovery: { ...recovery, history } }
    const until = iso(waiting.until)
    const text = `${told(planned, rung)}; until ${until}: ${waiting.why}`
    yield* write(env, call, planned, ended, "waiting", until, "call_waiting", text)
    yield* announce(call, text, waiting.until)
    const waited = yield* Effect.exit(steps.restore(sleep(env, call, waiting)))
    if (Exit.isFailure(waited)) return yield* steps.stopped(planned, waited.cause)
    const next: Progress = {
      ...planned,
      recovery: { ...recovery, history, waitedMs: recovery.waitedMs + (env.elapsed() - began) }
    }
    yield* write(env, call, next, null, "running", null, "call_recovering", told(next, rung))
    return yield* steps.again(next, null)
  })

/** Looks at the clock once a minute, because a timer of many days never rings. */
const sleep = <A>(env: CallEnv, call: Started<A>, { tickMs, until }: Waiting): Effect.Effect<void> =>
  Effect.gen(function*() {
    let next = env.now() + tickMs
    for (let now = env.now(); now < until; now = env.now()) {
      yield* Effect.sleep(Duration.millis(Math.min(until - now, longestLook)))
      if (env.now() >= until || env.now() < next) continue
      next = env.now() + tickMs
      const left = Duration.format(Duration.seconds(Math.ceil((until - env.now()) / 1_000)))
      yield* announce(call, `still waits until ${iso(until)}, ${left} from now`, until)
    }
  })

/** Tells the run, which shows it to whoever watches; what is stored with the call does not depend on it. */
const announce = <A>({ identity }: Started<A>, message: string, until: number): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.serviceOption(Run),
    Option.match({
      onNone: () => Effect.void,
      onSome: (run) =>
        run.event("waiting", `${identity.label ?? identity.callId} ${message}`, {
          callId: identity.callId,
          until: iso(until)
        })
    })
  )

const write = <A>(
  env: CallEnv,
  call: Started<A>,
  { recovery = begun }: Progress,
  ended: AttemptOutcome | null,
  status: "running" | "waiting",
  until: string | null,
  type: string,
  message: string
): Effect.Effect<void> => {
  const recoveryJson = encode(recovery, until)
  return Effect.catchAll(
    env.store.stand(env.ownership, ended, {
      runId: env.run.id,
      index: call.place.index,
      status,
      recoveryJson,
      event: { type, message: message.slice(0, 2_048), dataJson: recoveryJson },
      at: env.now()
    }),
    env.abort
  )
}
