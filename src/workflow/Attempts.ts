/**
 * Steps 4 to 8 of a call: reserve, isolate, ask, read the answer, settle.
 *
 * - T1. A request's intent and its reservation are durable before it is sent.
 * - T2. An answer is durable before anything else is sent for the call and before the workflow can see its result.
 * - T3. What a request used is counted in the budget whatever came of it; a request given up before its outcome was
 *   known counts as everything that was reserved for it, or as what was reported for it where that is more.
 * - T4. One deadline covers everything from the first request on: waiting for room before it is not part of it, nor is
 *   what a recovery policy waits.
 * - T5. Interrupting a call ends its request and records the call as cancelled before the interruption goes on.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as AgentError from "../domain/AgentError.ts"
import type { ValidationIssue } from "../domain/AnswerSchema.ts"
import type { Done, Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome, NewAttempt } from "../store/RunStore.ts"
import * as Accounting from "./Accounting.ts"
import * as Admission from "./Admission.ts"
import * as Answer from "./Answer.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallEnvRow from "./CallEnv.ts"
import * as CallResult from "./CallResult.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Ledger from "./Ledger.ts"
import * as Observer from "./Observer.ts"
import * as RateLimits from "./RateLimits.ts"
import * as Recovering from "./Recovering.ts"
import * as Reported from "./Reported.ts"
import * as Request from "./Request.ts"
import * as RetryPolicy from "./RetryPolicy.ts"
import * as Sessions from "./Sessions.ts"
import type { Progress, Started } from "./Settle.ts"
import * as Settle from "./Settle.ts"
import * as Workplace from "./Workplace.ts"

/**
 * Asks the call's provider until there is an answer or a reason to stop, and settles the call.
 * @category running
 * @since 0.1.0
 */
export const make = <A>(env: CallEnv, call: Identified<A>): Result<A> =>
  Effect.uninterruptibleMask((restore) => {
    const { now, observer } = env
    const answered = begin(env, call, restore)
    return observer === undefined ? answered : Observer.during(observer, call.identity, now, answered)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Result<A> = Effect.Effect<Done<A | string>, AgentError.AgentError>

/** Does what is to be done where the call works; its place is given up after the call is settled. */
const placed = <A>(
  env: CallEnv,
  call: Identified<A>,
  admission: Admission.Admitted | undefined,
  restore: Admission.Restore,
  use: (place: Workplace.Workplace | undefined) => Result<A>
): Result<A> =>
  !Workplace.isNeeded(call) ? use(undefined) : Effect.scoped(
    Effect.flatMap(Effect.exit(restore(Effect.either(Workplace.open(env, call)))), (opened) => {
      const back = admission === undefined ? Effect.void : Admission.giveBack(env, call, admission)
      if (Exit.isFailure(opened)) return Effect.zipRight(back, Effect.failCause(opened.cause))
      if (Either.isRight(opened.value)) return use(opened.value.right)
      const toError = (result: Failed) => new AgentError.WorktreeFailed({ result })
      const { detail } = opened.value.left
      return Effect.zipRight(back, refuse(env, call, "worktree_failed", "WorktreeFailed", detail, toError))
    })
  )

/** Refuses a call before anything is sent for it. */
const refuse = <A>(
  env: CallEnv,
  call: Identified<A>,
  status: FailureStatus,
  kind: string,
  error: string,
  toError: (result: Failed) => AgentError.AgentError
): Effect.Effect<never, AgentError.AgentError> =>
  Effect.gen(function*() {
    const at = env.now()
    const row = CallEnvRow.row(env, call, call.cacheStatus, at)
    yield* Settle.refuse(env, call.identity, row, status, kind, error)
    return yield* Effect.fail(toError(CallResult.failed(call.identity, call.cacheStatus, status, error, {})))
  })

/** Sends the first request of a call; its intent is the call's own (T1). */
const begin = <A>(env: CallEnv, call: Identified<A>, restore: Admission.Restore): Result<A> => {
  const { provider } = call.described
  const room = env.permits(provider)
  if (Recovering.isOpen(call)) return resumed(env, call, restore)
  if (Sessions.isContinued(env, call)) {
    return Effect.flatMap(Sessions.recorded(env, call), (session) => admitted(env, call, session, restore))
  }
  return room === undefined && provider.capabilities.limits === undefined && Ledger.isUnlimited(env)
    ? first(env, call, { ...Ledger.unlimited(call), room, taken: undefined }, undefined, restore)
    : admitted(env, call, undefined, restore)
}

/** Goes on with a call that an earlier attempt of the run left to its recovery policy. */
const resumed = <A>(env: CallEnv, call: Identified<A>, restore: Admission.Restore) =>
  Effect.flatMap(Recovering.recorded(env, call), (found) =>
    placed(env, call, undefined, restore, (place) => {
      const admission = { amount: Ledger.none, maxOutputTokens: undefined, taken: undefined }
      const progress = initial(call, admission, found.session)
      const again = { ...progress, attempt: progress.attempt - 1 }
      const open = started(env, call, env.now(), place)
      return Recovering.resume(env, open, again, found, stepsOf(env, open, restore))
    }))

/** What a recovery policy goes on with. */
const stepsOf = <A>(
  env: CallEnv,
  call: Started<A>,
  restore: Admission.Restore
): Recovering.Steps<Done<A | string>, AgentError.AgentError> => ({
  again: (progress, unstored) => again(env, call, progress, unstored, restore),
  stopped: (progress, cause) => stopped(env, call, progress, null, cause),
  restore
})

const admitted = <A>(
  env: CallEnv,
  call: Identified<A>,
  session: Provider.Session | undefined,
  restore: Admission.Restore
): Result<A> =>
  Effect.flatMap(
    Effect.either(Admission.admit(env, call, { correction: undefined, session }, Infinity, restore)),
    (admitted) => {
      if (Either.isRight(admitted)) return first(env, call, admitted.right, session, restore)
      const { error, kind, status, toError } = Admission.refused(call, admitted.left)
      return refuse(env, call, status, kind, error, toError)
    }
  )

const first = <A>(
  env: CallEnv,
  call: Identified<A>,
  admission: Admission.Admitted,
  session: Provider.Session | undefined,
  restore: Admission.Restore
): Result<A> =>
  placed(env, call, admission, restore, (place) => {
    const { room } = admission
    const progress = initial(call, admission, session)
    const at = env.now()
    const row = CallEnvRow.row(env, call, call.cacheStatus, at)
    const begun = Effect.catchAll(env.store.begin(env.ownership, row, intent(env, call, progress, at)), env.abort)
    return Effect.flatMap(
      room === undefined ? begun : Effect.onError(begun, () => Admission.leave(room)),
      () => send(env, started(env, call, at, place), progress, restore, room)
    )
  })

const initial = <A>(
  call: Identified<A>,
  { amount, maxOutputTokens, taken }: Omit<Admission.Admitted, "room">,
  session: Provider.Session | undefined
): Progress => {
  const { recorded } = call.place
  const attempt = (recorded?.attempts ?? 0) + 1
  return {
    attempt,
    first: attempt,
    reserved: amount,
    taken,
    reported: Reported.none(),
    maxOutputTokens,
    correction: undefined,
    session,
    answers: 0,
    tries: 1,
    adaptations: 0,
    recovery: undefined,
    // requests of a process that died are the call's too
    spent: recorded === undefined ? Ledger.nothing : { usage: recorded.usage, cost: recorded.cost }
  }
}

const started = <A>(
  env: CallEnv,
  call: Identified<A>,
  startedAt: number,
  workplace: Workplace.Workplace | undefined
): Started<A> => ({
  described: call.described,
  place: call.place,
  position: call.position,
  identity: call.identity,
  reads: call.reads,
  writes: call.writes,
  cacheStatus: call.cacheStatus,
  startedAt,
  began: env.elapsed(),
  workplace
})

/** Sends a further request; `unstored` is how the one before it ended, where that is not stored yet (T2). */
const again = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  unstored: AttemptOutcome | null,
  restore: Admission.Restore
): Result<A> =>
  Effect.gen(function*() {
    let ended = unstored
    if (ended !== null && call.described.provider.capabilities.limits !== undefined) {
      // there may be a long wait before the next request, which is stored with this one otherwise
      yield* Effect.catchAll(env.store.retry(env.ownership, ended, null), env.abort)
      ended = null
    }
    const ready = yield* Effect.exit(
      Effect.either(Admission.admit(env, call, progress, Admission.deadlineOf(env, call, progress), restore))
    )
    if (Exit.isFailure(ready)) return yield* stopped(env, call, progress, ended, ready.cause)
    if (Either.isLeft(ready.value)) {
      return yield* Settle.giveUp(env, call, progress, ended, Admission.refused(call, ready.value.left))
    }
    const { amount, maxOutputTokens, room, taken } = ready.value.right
    const next: Progress = {
      ...progress,
      attempt: progress.attempt + 1,
      reserved: amount,
      taken,
      reported: Reported.none(),
      maxOutputTokens
    }
    const stored = env.store.retry(env.ownership, ended, intent(env, call, next, env.now()))
    yield* Effect.onError(Effect.catchAll(stored, env.abort), () => Admission.leave(room))
    return yield* send(env, call, next, restore, room)
  })

const intent = <A>(env: CallEnv, call: Identified<A>, progress: Progress, at: number): NewAttempt => ({
  runId: env.run.id,
  index: call.place.index,
  attempt: progress.attempt,
  reserved: progress.reserved,
  at
})

type Ended = Exit.Exit<Provider.Answer, Provider.ProviderError | typeof Deadlines.timedOut>

/** Sends one request under the call's deadline (T4). */
const send = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  restore: Admission.Restore,
  room: Admission.Admitted["room"]
): Result<A> => {
  const deadline = Admission.deadlineOf(env, call, progress)
  const asked = env.deadlines.until(deadline, request(env, call, progress, deadline), restore)
  const released = room === undefined ? asked : Effect.zipLeft(asked, room.release)
  return Effect.flatMap(released, (ended) => conclude(env, call, progress, ended, restore))
}

const request = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  deadline: number
): Effect.Effect<Provider.Answer, Provider.ProviderError> =>
  Effect.suspend(() => {
    env.failPoint.hit("call.ask", "before")
    env.observer?.({ _tag: "Asked", callId: call.identity.callId, attempt: progress.attempt, at: env.now() })
    const parts: Request.Parts = {
      callId: call.identity.callId,
      attempt: progress.attempt,
      prompt: Recovering.prompt(call, progress),
      options: call.described.options,
      schema: call.described.answer?.json,
      model: call.described.model,
      maxOutputTokens: progress.maxOutputTokens,
      cwd: call.workplace?.cwd,
      correction: progress.correction,
      session: Sessions.given(call.described.provider, progress.session),
      compact: progress.recovery?.isCompacting
    }
    const timeout = Duration.millis(Math.max(0, deadline - env.now()))
    return Reported.ask(env, call, progress.attempt, progress.reported, Request.within(parts, timeout))
  })

/** Decides what a request's end means for the call. Runs uninterruptibly: what was paid for is settled (T2, T5). */
const conclude = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: Ended,
  restore: Admission.Restore
): Result<A> => {
  env.failPoint.hit("call.ask", "after")
  if (Exit.isSuccess(ended)) return answered(env, call, progress, ended.value, restore)
  const failure = Cause.failureOption(ended.cause)
  if (Option.isNone(failure)) {
    return Accounting.lost(env, call, progress, (after, lost) => stopped(env, call, after, lost, ended.cause))
  }
  return failure.value === Deadlines.timedOut
    ? Accounting.lost(
      env,
      call,
      progress,
      (after, lost) => Settle.giveUp(env, call, after, lost, Admission.tooLate(call))
    )
    : refused(env, call, progress, failure.value, restore)
}

/** An answer came: reads it, and settles the call or asks again with what was wrong. */
const answered = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  answer: Provider.Answer,
  restore: Admission.Restore
): Result<A> => {
  const { reported: { spent: reported }, reserved, taken } = before
  const spent = Ledger.answered(answer, reserved, reported)
  const progress = Settle.afterAnswer(before, answer, spent)
  const isCompacted = before.recovery?.isCompacting === true
  const read = Answer.read(answer, call.described.answer)
  const settled = env.budget.settle(reserved, Ledger.amountOf(spent, reserved))
  const corrected = taken === undefined || (answer.usage ?? reported) === undefined
    ? settled
    : Effect.zipRight(RateLimits.correct(env, call, taken, spent.usage), settled)
  return Effect.flatMap(corrected, () =>
    isCompacted
      ? Recovering.compacted(
        progress,
        Accounting.shortened(env, call, before, answer, spent),
        stepsOf(env, call, restore)
      )
      : Either.isRight(read)
      ? Settle.succeed(env, call, progress, answer, spent, read.right, env.now())
      : unfit(env, call, before, progress, answer, spent, read.left, restore))
}

/** An answer that does not fit: asks again, or settles the call when it was asked often enough. */
const unfit = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  progress: Progress,
  answer: Provider.Answer,
  spent: Ledger.Spent,
  issues: ReadonlyArray<ValidationIssue>,
  restore: Admission.Restore
): Result<A> => {
  const problem = Answer.problem(issues)
  const ended = Settle.outcome(env, call, before, env.now(), {
    status: "failed",
    spent,
    costSource: Ledger.sourceOf(answer, before.reserved, before.reported.spent),
    model: answer.model,
    session: answer.session ?? before.reported.session,
    errorKind: "SchemaFailed",
    error: problem,
    raw: answer.raw
  })
  const correction = { answer: answer.text, problem }
  const { recover } = call.described
  if (recover === undefined && progress.answers <= env.defaults.corrections) {
    return again(env, call, { ...progress, correction, tries: 1 }, ended, restore)
  }
  const how: Settle.GivingUp = {
    status: "schema_failed",
    kind: "SchemaFailed",
    error: `the answer does not fit the schema: ${problem}`,
    text: answer.text,
    issues,
    toError: (result) => new AgentError.SchemaFailed({ result })
  }
  if (recover === undefined) return Settle.giveUp(env, call, progress, ended, how)
  const failure = { _tag: "Schema", problem } as const
  return Recovering.after(
    env,
    call,
    recover,
    progress,
    ended,
    failure,
    { ...how, correction },
    stepsOf(env, call, restore)
  )
}

/** The provider refused: waits and asks again where its reason may pass, else settles the call. */
const refused = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  error: Provider.ProviderError,
  restore: Admission.Restore
): Result<A> =>
  Effect.gen(function*() {
    const { ended, progress } = yield* Accounting.refused(env, call, before, error)
    const { at } = ended
    const left = Duration.millis(Math.max(0, Admission.deadlineOf(env, call, progress) - at))
    if (RetryPolicy.isAtOnce(error, progress.adaptations)) {
      return yield* again(env, call, { ...progress, adaptations: progress.adaptations + 1 }, ended, restore)
    }
    const how = Accounting.givingUp(progress, error, RetryPolicy.explain(error, at, left))
    const { recover } = call.described
    if (recover !== undefined) {
      const failure = { _tag: "Provider", error, isCompaction: progress.recovery?.isCompacting === true } as const
      const plain = { ...how, error: error.message }
      return yield* Recovering.after(env, call, recover, progress, ended, failure, plain, stepsOf(env, call, restore))
    }
    const wait = yield* RetryPolicy.next(env.defaults.retry, error, progress.tries, left)
    if (wait === undefined) return yield* Settle.giveUp(env, call, progress, ended, how)
    yield* Effect.catchAll(env.store.retry(env.ownership, ended, null), env.abort)
    env.observer?.({
      _tag: "Retrying",
      callId: call.identity.callId,
      attempt: progress.attempt + 1,
      error: error.message,
      until: env.now() + Duration.toMillis(wait)
    })
    const waited = yield* Effect.exit(restore(Effect.sleep(wait)))
    if (Exit.isFailure(waited)) return yield* stopped(env, call, progress, null, waited.cause)
    return yield* again(env, call, { ...progress, tries: progress.tries + 1 }, null, restore)
  })

/** Interrupted, or broken by a defect: records the call and lets the cause go on (T5). */
const stopped = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  cause: Cause.Cause<unknown>
): Effect.Effect<never> =>
  Effect.zipRight(
    Settle.record(
      env,
      call,
      progress,
      ended,
      Cause.isInterruptedOnly(cause)
        ? { status: "cancelled", kind: "Interrupted", error: "the call was interrupted" }
        : { status: "failed", kind: "Defect", error: `the provider broke off: ${Cause.pretty(cause)}` }
    ),
    // only interruptions and defects are left in it: a typed failure never comes here
    Effect.failCause(cause as Cause.Cause<never>)
  )
