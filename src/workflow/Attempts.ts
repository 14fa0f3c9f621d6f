/**
 * Steps 4 to 8 of a call: reserve, isolate, ask, read the answer, settle.
 *
 * - T1. A request's intent and its reservation are durable before it is sent.
 * - T2. An answer is durable before anything else is sent for the call and before the workflow can see its result.
 * - T3. What a request used is counted in the budget whatever came of it; a request given up before its outcome was
 *   known counts as everything that was reserved for it.
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
import type * as Budget from "../budget/Budget.ts"
import * as AgentError from "../domain/AgentError.ts"
import type { ValidationIssue } from "../domain/AnswerSchema.ts"
import * as Money from "../domain/Money.ts"
import type { Done, Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome, NewAttempt } from "../store/RunStore.ts"
import type * as Worktree from "../worktree/Worktree.ts"
import * as Answer from "./Answer.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallEnvRow from "./CallEnv.ts"
import * as CallResult from "./CallResult.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Ledger from "./Ledger.ts"
import * as Request from "./Request.ts"
import * as RetryPolicy from "./RetryPolicy.ts"
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

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

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

interface Admitted extends Ledger.Reserved {
  readonly room: Effect.Semaphore | undefined
}

/** Step 4: budget, then room at the provider. Interrupted on the way, it leaves nothing reserved. */
const admit = <A>(
  env: CallEnv,
  call: Identified<A>,
  correction: Provider.Request["correction"],
  restore: Restore
): Effect.Effect<Admitted, Budget.Refusal | Ledger.Unpriced> =>
  Effect.flatMap(Ledger.reserve(env, call, correction, restore), (reserved): Effect.Effect<Admitted> => {
    const room = env.permits(call.described.provider)
    return room === undefined
      ? Effect.succeed({ ...reserved, room })
      : Effect.as(
        Effect.onInterrupt(restore(room.take(1)), () => env.budget.settle(reserved.amount, Ledger.none)),
        { ...reserved, room }
      )
  })

/** Sends the first request of a call; its intent is the call's own (T1). */
const begin = <A>(env: CallEnv, call: Identified<A>, cwd: string | undefined, restore: Restore): Result<A> => {
  const room = env.permits(call.described.provider)
  if (room === undefined && Ledger.isUnlimited(env)) {
    return first(env, call, cwd, { ...Ledger.unlimited(call), room }, restore)
  }
  return Effect.flatMap(Effect.either(admit(env, call, undefined, restore)), (admitted) => {
    if (Either.isRight(admitted)) return first(env, call, cwd, admitted.right, restore)
    const { error, kind, status, toError } = unaffordable(admitted.left)
    return refuse(env, call, status, kind, error, toError)
  })
}

const first = <A>(
  env: CallEnv,
  call: Identified<A>,
  cwd: string | undefined,
  { amount, maxOutputTokens, room }: Admitted,
  restore: Restore
): Result<A> => {
  const attempt = (call.place.recorded?.attempts ?? 0) + 1
  const progress: Progress = {
    attempt,
    first: attempt,
    reserved: amount,
    maxOutputTokens,
    correction: undefined,
    session: undefined,
    answers: 0,
    tries: 1,
    spent: Ledger.nothing
  }
  const at = env.now()
  const row = CallEnvRow.row(env, call, call.cacheStatus, at)
  const begun = Effect.catchAll(env.store.begin(env.ownership, row, intent(env, call, progress, at)), env.abort)
  return Effect.flatMap(begun, () => send(env, started(call, at, cwd), progress, restore, room))
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

/** Sends a further request; `ended` is how the one before it ended, where that is not stored yet (T2). */
const again = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  restore: Restore
): Result<A> =>
  Effect.gen(function*() {
    const ready = yield* Effect.exit(Effect.either(admit(env, call, progress.correction, restore)))
    if (Exit.isFailure(ready)) return yield* stopped(env, call, progress, ended, ready.cause)
    if (Either.isLeft(ready.value)) {
      return yield* Settle.giveUp(env, call, progress, ended, unaffordable(ready.value.left))
    }
    const { amount, maxOutputTokens, room } = ready.value.right
    const next: Progress = { ...progress, attempt: progress.attempt + 1, reserved: amount, maxOutputTokens }
    const at = env.now()
    yield* Effect.catchAll(env.store.retry(env.ownership, ended, intent(env, call, next, at)), env.abort)
    return yield* send(env, call, next, restore, room)
  })

const intent = <A>(env: CallEnv, call: Identified<A>, progress: Progress, at: number): NewAttempt => ({
  runId: env.run.id,
  index: call.place.index,
  attempt: progress.attempt,
  reserved: progress.reserved,
  at
})

const unaffordable = (reason: Budget.Refusal | Ledger.Unpriced): Settle.GivingUp =>
  reason._tag === "Unpriced"
    ? {
      status: "failed",
      kind: "InvalidCall",
      error: reason.detail,
      toError: (result) => new AgentError.InvalidCall({ option: "model", result })
    }
    : {
      status: "budget_exceeded",
      kind: "BudgetExceeded",
      error: Ledger.explain(reason),
      toError: (result) => new AgentError.BudgetExceeded({ ...Ledger.facts(reason), result })
    }

type Ended = Exit.Exit<Provider.Answer, Provider.ProviderError | typeof Deadlines.timedOut>

/** Sends one request under the call's deadline (T4). */
const send = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  restore: Restore,
  room: Effect.Semaphore | undefined
): Result<A> => {
  const deadline = call.startedAt + Duration.toMillis(call.described.timeout)
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
      session: progress.session
    }
    const timeout = Duration.millis(Math.max(0, deadline - env.now()))
    return call.described.provider.ask(Request.within(parts, timeout), {
      session: (id) => {
        const ref = { runId: env.run.id, index: call.place.index }
        return Effect.catchAll(env.store.session(env.ownership, ref, progress.attempt, id), env.abort)
      },
      usage: () => Effect.void
    })
  })

/** Decides what a request's end means for the call. Runs uninterruptibly: what was paid for is settled (T2, T5). */
const conclude = <A>(env: CallEnv, call: Started<A>, progress: Progress, ended: Ended, restore: Restore): Result<A> => {
  env.failPoint.hit("call.ask", "after")
  if (Exit.isSuccess(ended)) return answered(env, call, progress, ended.value, restore)
  const failure = Cause.failureOption(ended.cause)
  if (Option.isNone(failure)) {
    return Effect.flatMap(lost(env, call, progress), (lost) => stopped(env, call, progress, lost, ended.cause))
  }
  return failure.value === Deadlines.timedOut
    ? Effect.flatMap(lost(env, call, progress), (lost) => Settle.giveUp(env, call, progress, lost, tooLate(call)))
    : refused(env, call, progress, failure.value, restore)
}

const tooLate = <A>(call: Started<A>): Settle.GivingUp => ({
  status: "timeout",
  kind: "CallTimeout",
  error: `no complete answer within ${Duration.format(call.described.timeout)}`,
  toError: (result) => new AgentError.CallTimeout({ timeoutMs: Duration.toMillis(call.described.timeout), result })
})

/** A request whose outcome is not known: it counts as all that was reserved for it (T3). */
const lost = <A>(env: CallEnv, call: Started<A>, progress: Progress): Effect.Effect<AttemptOutcome> =>
  Effect.map(
    env.budget.settle(progress.reserved, progress.reserved),
    () => Settle.outcome(env, call, progress, env.now(), { status: "lost", spent: Ledger.nothing })
  )

/** An answer came: reads it, and settles the call or asks again with what was wrong. */
const answered = <A>(
  env: CallEnv,
  call: Started<A>,
  before: Progress,
  answer: Provider.Answer,
  restore: Restore
): Result<A> => {
  const spent = Ledger.answered(answer, before.reserved)
  const progress = Settle.afterAnswer(before, answer, spent)
  const read = Answer.read(answer, call.described.answer)
  const settled = env.budget.settle(before.reserved, Ledger.amountOf(spent, before.reserved))
  return Effect.flatMap(settled, () =>
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
  restore: Restore
): Result<A> => {
  const problem = Answer.problem(issues)
  const ended = Settle.outcome(env, call, before, env.now(), {
    status: "failed",
    spent,
    costSource: Ledger.sourceOf(answer, before.reserved),
    model: answer.model,
    session: answer.session,
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
  restore: Restore
): Result<A> =>
  Effect.gen(function*() {
    const cost = error.cost === undefined ? undefined : { ...error.cost, amount: Money.fromNano(error.cost.amount) }
    const spent = Ledger.used({ usage: error.usage, cost })
    yield* env.budget.settle(before.reserved, Ledger.amountOf(spent, before.reserved))
    const progress: Progress = {
      ...before,
      session: Settle.inSession(before.session, error.session, spent),
      spent: Ledger.add(before.spent, spent)
    }
    const at = env.now()
    const ended = Settle.outcome(env, call, before, at, {
      status: "failed",
      spent,
      costSource: cost?.source,
      session: error.session,
      errorKind: error.reason,
      error: error.detail,
      raw: error.raw
    })
    const left = Duration.subtract(call.described.timeout, Duration.millis(at - call.startedAt))
    const wait = yield* RetryPolicy.next(env.defaults.retry, error, progress.tries, left)
    if (wait === undefined) {
      return yield* Settle.giveUp(env, call, progress, ended, {
        status: "provider_failed",
        kind: error.reason,
        error: error.message,
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
