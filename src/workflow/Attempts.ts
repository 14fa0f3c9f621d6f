/**
 * Steps 4 to 8 of a call: reserve, isolate, ask, read the answer, settle.
 *
 * - T1. A request's intent and its reservation are durable before it is sent.
 * - T2. An answer is durable before anything else is sent for the call and before the workflow can see its result.
 * - T3. What a request used is counted in the budget whatever came of it; a request given up before its outcome was
 *   known counts as everything that was reserved for it, or as what was reported for it where that is more.
 * - T4. One deadline covers everything from the first request on: waiting for room before it is not part of it.
 * - T5. Interrupting a call ends its request and records the call as cancelled before the interruption goes on.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AgentError from "../domain/AgentError.ts"
import type { ValidationIssue } from "../domain/AnswerSchema.ts"
import * as Money from "../domain/Money.ts"
import type { Done, Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome, NewAttempt } from "../store/RunStore.ts"
import type * as Worktree from "../worktree/Worktree.ts"
import * as Admission from "./Admission.ts"
import * as Answer from "./Answer.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallEnvRow from "./CallEnv.ts"
import * as CallResult from "./CallResult.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Ledger from "./Ledger.ts"
import * as RateLimits from "./RateLimits.ts"
import * as Reported from "./Reported.ts"
import * as Request from "./Request.ts"
import * as RetryPolicy from "./RetryPolicy.ts"
import * as Sessions from "./Sessions.ts"
import type { Progress, Started } from "./Settle.ts"
import * as Settle from "./Settle.ts"

/**
 * Asks the call's provider until there is an answer or a reason to stop, and settles the call.
 * @category running
 * @since 0.1.0
 */
export const make = <A>(env: CallEnv, call: Identified<A>): Result<A> =>
  call.described.isolation === "worktree"
    ? Effect.scoped(isolated(env, call))
    : Effect.uninterruptibleMask((restore) => begin(env, call, undefined, restore))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Result<A> = Effect.Effect<Done<A | string>, AgentError.AgentError>

const isolated = <A>(
  env: CallEnv,
  call: Identified<A>
): Effect.Effect<Done<A | string>, AgentError.AgentError, Scope.Scope> =>
  Effect.matchEffect(env.worktree.acquire(wanted(env, call)), {
    onFailure: ({ detail }) =>
      refuse(
        env,
        call,
        "worktree_failed",
        "WorktreeFailed",
        detail,
        (result) => new AgentError.WorktreeFailed({ result })
      ),
    onSuccess: (tree) => Effect.uninterruptibleMask((restore) => begin(env, call, tree.path, restore))
  })

const wanted = <A>(env: CallEnv, call: Identified<A>): Worktree.Wanted => ({
  run: env.run.id,
  call: call.identity.callId,
  attempt: (call.place.recorded?.attempts ?? 0) + 1,
  base: { _tag: "Head" }
})

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
const begin = <A>(
  env: CallEnv,
  call: Identified<A>,
  cwd: string | undefined,
  restore: Admission.Restore
): Result<A> => {
  const { provider } = call.described
  const room = env.permits(provider)
  if (Sessions.isContinued(env, call)) {
    return Effect.flatMap(Sessions.recorded(env, call), (session) => admitted(env, call, cwd, session, restore))
  }
  return room === undefined && provider.capabilities.limits === undefined && Ledger.isUnlimited(env)
    ? first(env, call, cwd, { ...Ledger.unlimited(call), room, taken: undefined }, undefined, restore)
    : admitted(env, call, cwd, undefined, restore)
}

const admitted = <A>(
  env: CallEnv,
  call: Identified<A>,
  cwd: string | undefined,
  session: Provider.Session | undefined,
  restore: Admission.Restore
): Result<A> =>
  Effect.flatMap(Effect.either(Admission.admit(env, call, undefined, Infinity, restore)), (admitted) => {
    if (Either.isRight(admitted)) return first(env, call, cwd, admitted.right, session, restore)
    const { error, kind, status, toError } = Admission.refused(call, admitted.left)
    return refuse(env, call, status, kind, error, toError)
  })

const first = <A>(
  env: CallEnv,
  call: Identified<A>,
  cwd: string | undefined,
  { amount, maxOutputTokens, room, taken }: Admission.Admitted,
  session: Provider.Session | undefined,
  restore: Admission.Restore
): Result<A> => {
  const { recorded } = call.place
  const attempt = (recorded?.attempts ?? 0) + 1
  const progress: Progress = {
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
    // requests of a process that died are the call's too
    spent: recorded === undefined ? Ledger.nothing : { usage: recorded.usage, cost: recorded.cost }
  }
  const at = env.now()
  const row = CallEnvRow.row(env, call, call.cacheStatus, at)
  const begun = Effect.catchAll(env.store.begin(env.ownership, row, intent(env, call, progress, at)), env.abort)
  return Effect.flatMap(
    room === undefined ? begun : Effect.onError(begun, () => Admission.leave(room)),
    () => send(env, started(call, at, cwd), progress, restore, room)
  )
}

const started = <A>(call: Identified<A>, startedAt: number, cwd: string | undefined): Started<A> => ({
  described: call.described,
  place: call.place,
  position: call.position,
  identity: call.identity,
  reads: call.reads,
  writes: call.writes,
  cacheStatus: call.cacheStatus,
  startedAt,
  cwd
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
      Effect.either(Admission.admit(env, call, progress.correction, Admission.deadlineOf(call), restore))
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
  room: Effect.Semaphore | undefined
): Result<A> => {
  const deadline = Admission.deadlineOf(call)
  const asked = env.deadlines.until(deadline, request(env, call, progress, deadline), restore)
  const released = room === undefined ? asked : Effect.zipLeft(asked, room.release(1))
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
    const parts: Request.Parts = {
      callId: call.identity.callId,
      attempt: progress.attempt,
      prompt: call.described.prompt,
      options: call.described.options,
      schema: call.described.answer?.json,
      model: call.described.model,
      maxOutputTokens: progress.maxOutputTokens,
      cwd: call.cwd,
      correction: progress.correction,
      session: Sessions.given(call.described.provider, progress.session)
    }
    const timeout = Duration.millis(Math.max(0, deadline - env.now()))
    return call.described.provider.ask(
      Request.within(parts, timeout),
      Reported.listener(env, call, progress.attempt, progress.reported)
    )
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
    return lost(env, call, progress, (after, lost) => stopped(env, call, after, lost, ended.cause))
  }
  return failure.value === Deadlines.timedOut
    ? lost(env, call, progress, (after, lost) => Settle.giveUp(env, call, after, lost, Admission.tooLate(call)))
    : refused(env, call, progress, failure.value, restore)
}

/** A request whose outcome is not known: it counts as all that was reserved for it, or more if that was reported (T3). */
const lost = <A, B, E>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  settle: (after: Progress, lost: AttemptOutcome) => Effect.Effect<B, E>
): Effect.Effect<B, E> => {
  const { reported: { session, spent: reported }, reserved } = progress
  const spent = Ledger.lost(reported)
  const outcome = Settle.outcome(env, call, progress, env.now(), {
    status: "lost",
    spent,
    costSource: spent.cost === null ? undefined : Reported.source,
    session
  })
  return Effect.zipRight(
    env.budget.settle(reserved, Ledger.lostAmount(reported, reserved)),
    settle({ ...progress, spent: Ledger.add(progress.spent, spent) }, outcome)
  )
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
  const read = Answer.read(answer, call.described.answer)
  const settled = env.budget.settle(reserved, Ledger.amountOf(spent, reserved))
  const corrected = taken === undefined || (answer.usage ?? reported) === undefined
    ? settled
    : Effect.zipRight(RateLimits.correct(env, call, taken, spent.usage), settled)
  return Effect.flatMap(corrected, () =>
    Either.isRight(read)
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
  if (progress.answers <= env.defaults.corrections) {
    const correction = { answer: answer.text, problem }
    return again(env, call, { ...progress, correction, tries: 1 }, ended, restore)
  }
  return Settle.giveUp(env, call, progress, ended, {
    status: "schema_failed",
    kind: "SchemaFailed",
    error: `the answer does not fit the schema: ${problem}`,
    text: answer.text,
    issues,
    toError: (result) => new AgentError.SchemaFailed({ result })
  })
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
    const cost = error.cost === undefined ? undefined : { ...error.cost, amount: Money.fromNano(error.cost.amount) }
    const { reported, taken } = before
    const paid = Ledger.refused({ usage: error.usage, cost }, reported.spent)
    const known = error.usage === undefined ? reported.spent : paid
    const isLost = error.mayBeBilled === true
    const spent = isLost ? Ledger.lost(known) : paid
    const amount = isLost ? Ledger.lostAmount(known, before.reserved) : Ledger.amountOf(paid, before.reserved)
    const session = error.session ?? reported.session
    if (taken !== undefined && Usage.total(spent.usage) > 0) yield* RateLimits.correct(env, call, taken, spent.usage)
    yield* env.budget.settle(before.reserved, amount)
    const progress: Progress = {
      ...before,
      session: Sessions.after(before.session, session, spent),
      spent: Ledger.add(before.spent, spent)
    }
    const at = env.now()
    const ended = Settle.outcome(env, call, before, at, {
      status: isLost ? "lost" : "failed",
      spent,
      costSource: cost?.source ?? (error.usage === undefined && reported.spent?.cost ? Reported.source : undefined),
      session,
      errorKind: error.reason,
      error: error.detail,
      raw: error.raw
    })
    const left = Duration.millis(Math.max(0, Admission.deadlineOf(call) - at))
    if (RetryPolicy.isAtOnce(error, progress.adaptations)) {
      return yield* again(env, call, { ...progress, adaptations: progress.adaptations + 1 }, ended, restore)
    }
    const wait = yield* RetryPolicy.next(env.defaults.retry, error, progress.tries, left)
    if (wait === undefined) {
      return yield* Settle.giveUp(env, call, progress, ended, {
        status: "provider_failed",
        kind: error.reason,
        error: RetryPolicy.explain(error, at, left),
        text: error.raw ?? null,
        toError: (result) =>
          new AgentError.ProviderFailed({
            reason: error.reason,
            attempts: progress.attempt - progress.first + 1,
            result
          })
      })
    }
    yield* Effect.catchAll(env.store.retry(env.ownership, ended, null), env.abort)
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
