/**
 * Step 8 of a call: what is stored of a request and of the call when it ends, and the result made of it.
 *
 * Everything here runs uninterruptibly in its caller; a store that cannot be written ends the run.
 */
import * as Effect from "effect/Effect"
import type * as Budget from "../budget/Budget.ts"
import type * as AgentError from "../domain/AgentError.ts"
import type { ValidationIssue } from "../domain/AnswerSchema.ts"
import type { Done, Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Provider from "../provider/Provider.ts"
import type { AttemptOutcome, NewCall } from "../store/RunStore.ts"
import * as Answer from "./Answer.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallResult from "./CallResult.ts"
import * as Ledger from "./Ledger.ts"
import * as Readable from "./Readable.ts"
import type { State } from "./RecoveryState.ts"
import type * as Reported from "./Reported.ts"
import * as Sessions from "./Sessions.ts"
import type { Findings, Workplace } from "./Workplace.ts"

/**
 * A call whose first request is on its way.
 * @category models
 * @since 0.1.0
 */
export interface Started<A> extends Identified<A> {
  readonly startedAt: number
  /** The same moment by `CallEnv.elapsed`: how long the call takes does not depend on a clock that is set. */
  readonly began: number
  /** Undefined where it does not matter. */
  readonly workplace: Workplace | undefined
}

/**
 * What a call's requests came to so far.
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** Number of the request under way, and of the first one since the run was taken up. */
  readonly attempt: number
  readonly first: number
  readonly reserved: Budget.Amount
  /** Tokens taken of the provider's limit per minute; undefined where there is none. */
  readonly taken: number | undefined
  /** What the provider told of the request under way so far. */
  readonly reported: Reported.Reported
  readonly maxOutputTokens: number | undefined
  readonly correction: Provider.Request["correction"]
  readonly session: Provider.Session | undefined
  /** Answers read so far. */
  readonly answers: number
  /** Requests since the last answer, this one included. */
  readonly tries: number
  /** Times the provider learned how to ask; those are not tries. */
  readonly adaptations: number
  /** Where a recovery policy has brought the call; undefined before it was asked, and without one. */
  readonly recovery: State | undefined
  readonly spent: Ledger.Spent
}

/**
 * How a call that is not answered is settled, and what it fails with.
 * @category models
 * @since 0.1.0
 */
export interface GivingUp {
  readonly status: FailureStatus
  readonly kind: string
  readonly error: string
  readonly text?: string | null
  readonly issues?: ReadonlyArray<ValidationIssue>
  readonly toError: (result: Failed) => AgentError.AgentError
}

/**
 * How a request ended, from what came back.
 * @category constructors
 * @since 0.1.0
 */
export const outcome = <A>(
  env: CallEnv,
  call: Identified<A>,
  progress: Progress,
  at: number,
  end: {
    readonly status: AttemptOutcome["status"]
    readonly spent: Ledger.Spent
    readonly costSource?: string | undefined
    readonly model?: string | undefined
    readonly session?: string | undefined
    readonly errorKind?: string
    readonly error?: string
    readonly raw?: string | null | undefined
  }
): AttemptOutcome => ({
  runId: env.run.id,
  index: call.place.index,
  attempt: progress.attempt,
  status: end.status,
  usage: end.spent.usage,
  cost: end.spent.cost,
  costSource: end.costSource ?? null,
  model: end.model ?? null,
  sessionId: end.session ?? null,
  errorKind: end.errorKind ?? null,
  error: end.error ?? null,
  raw: end.raw ?? null,
  at
})

/**
 * What a call's requests came to with one more answer.
 * @category combinators
 * @since 0.1.0
 */
export const afterAnswer = (before: Progress, answer: Provider.Answer, spent: Ledger.Spent): Progress => ({
  attempt: before.attempt,
  first: before.first,
  reserved: before.reserved,
  taken: before.taken,
  reported: before.reported,
  maxOutputTokens: before.maxOutputTokens,
  correction: before.correction,
  session: Sessions.after(before.session, answer.session ?? before.reported.session, spent),
  answers: before.answers + 1,
  tries: before.tries,
  adaptations: before.adaptations,
  recovery: before.recovery,
  spent: Ledger.add(before.spent, spent)
})

/**
 * Settles an answered call and gives its result; fails when it left what it may not leave.
 * @category running
 * @since 0.1.0
 */
export const succeed = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  answer: Provider.Answer,
  spent: Ledger.Spent,
  value: A | string,
  at: number
): Effect.Effect<Done<A | string>, AgentError.AgentError> =>
  call.workplace === undefined
    ? done(env, call, progress, answer, spent, value, at, noFindings)
    : Effect.flatMap(call.workplace.collect, (findings) => {
      const { problem } = findings
      if (problem === undefined) return done(env, call, progress, answer, spent, value, env.now(), findings)
      // the call has no output of its own, so the answer is kept here
      const ended = answered(env, call, progress, answer, spent, answer.raw, at)
      const how = { ...problem, text: answer.text }
      return Effect.flatMap(
        store(env, call, progress, ended, how, findings),
        (result) => Effect.fail(problem.toError(result))
      )
    })

const noFindings: Findings = { evidence: undefined, changedFiles: [], problem: undefined }

const changedOf = ({ changedFiles, evidence }: Findings): CallResult.Changed =>
  evidence === undefined ? CallResult.unchanged : {
    worktreePath: evidence.worktreePath,
    worktreeBranch: evidence.worktreeBranch,
    baseCommit: evidence.baseCommit,
    headCommit: evidence.headCommit,
    changedFiles,
    patch: evidence.patch
  }

const answered = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  answer: Provider.Answer,
  spent: Ledger.Spent,
  raw: string | null,
  at: number
): AttemptOutcome =>
  outcome(env, call, progress, at, {
    status: "done",
    spent,
    costSource: Ledger.sourceOf(answer, progress.reserved, progress.reported.spent),
    model: answer.model,
    session: answer.session ?? progress.reported.session,
    raw
  })

const done = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  answer: Provider.Answer,
  spent: Ledger.Spent,
  value: A | string,
  at: number,
  findings: Findings
): Effect.Effect<Done<A | string>> => {
  const schema = call.described.answer
  // a value that was decoded by the schema is of its type; without one it is the text
  const json = schema === undefined ? null : Answer.stored(answer, value as A, schema)
  const output = CallResult.outputOf(answer.text, json)
  const raw = answer.raw === (output.text ?? output.json) ? null : answer.raw
  const { evidence } = findings
  const files = CallResult.artifacts(call.identity, output, raw, null, evidence?.patch)
  const expense = {
    usage: progress.spent.usage,
    cost: progress.spent.cost,
    durationMs: Math.round(env.elapsed() - call.began)
  }
  const ended = answered(env, call, progress, answer, spent, raw, at)
  const store = (shared: boolean) =>
    Effect.catchAll(
      env.store.settle(env.ownership, ended, {
        runId: env.run.id,
        index: call.place.index,
        status: "done",
        outputText: output.text,
        outputJson: output.json,
        validationErrorsJson: null,
        errorKind: null,
        error: null,
        attempts: progress.attempt,
        usage: expense.usage,
        cost: expense.cost,
        durationMs: expense.durationMs,
        artifacts: files,
        cacheEntry: shared ? { cacheKey: call.identity.cacheKey, ordinal: call.place.ordinal } : null,
        evidence,
        at
      }),
      env.abort
    )
  const checked = schema === undefined ? 0 : progress.answers
  const changed = changedOf(findings)
  const result = () => CallResult.done(call.identity, call.cacheStatus, output, value, files, checked, expense, changed)
  return call.writes && Readable.isReader(call)
    ? Effect.map(Effect.flatMap(Readable.unchanged(env, call), store), result)
    : Effect.map(store(call.writes), result)
}

/**
 * Settles a call that is not answered and fails with its error.
 * @category running
 * @since 0.1.0
 */
export const giveUp = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  how: GivingUp
): Effect.Effect<never, AgentError.AgentError> =>
  Effect.flatMap(record(env, call, progress, ended, how), (result) => Effect.fail(how.toError(result)))

/**
 * Settles a call that is not answered and gives its result.
 * @category running
 * @since 0.1.0
 */
export const record = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  how: Omit<GivingUp, "toError">
): Effect.Effect<Failed> =>
  call.workplace === undefined
    ? store(env, call, progress, ended, how, noFindings)
    : Effect.flatMap(call.workplace.collect, ({ changedFiles, evidence, problem }) => {
      // the call has failed already; what it did besides is said beside it
      const warnings = evidence === undefined || problem === undefined ? [] : [problem.error]
      const told = evidence === undefined ? undefined : { ...evidence, warnings: [...evidence.warnings, ...warnings] }
      return store(env, call, progress, ended, how, { changedFiles, evidence: told, problem: undefined })
    })

const store = <A>(
  env: CallEnv,
  call: Started<A>,
  progress: Progress,
  ended: AttemptOutcome | null,
  how: Omit<GivingUp, "toError">,
  findings: Findings
): Effect.Effect<Failed> =>
  Effect.gen(function*() {
    const at = env.now()
    const text = how.text ?? null
    const { evidence } = findings
    const output = { text: null, json: null }
    const files = CallResult.artifacts(call.identity, output, ended?.raw ?? null, how.error, evidence?.patch)
    const expense = { ...progress.spent, durationMs: Math.round(env.elapsed() - call.began) }
    yield* Effect.catchAll(
      env.store.settle(env.ownership, ended, {
        runId: env.run.id,
        index: call.place.index,
        status: how.status,
        outputText: null,
        outputJson: null,
        validationErrorsJson: how.issues === undefined ? null : JSON.stringify(how.issues),
        errorKind: how.kind,
        error: how.error,
        attempts: progress.attempt,
        ...expense,
        artifacts: files,
        cacheEntry: null,
        evidence,
        at
      }),
      env.abort
    )
    return CallResult.failed(call.identity, call.cacheStatus, how.status, how.error, {
      text,
      files,
      issues: how.issues ?? [],
      validationAttempts: progress.answers,
      expense,
      changed: changedOf(findings)
    })
  })

/**
 * Records a call that is refused before anything is sent.
 * @category running
 * @since 0.1.0
 */
export const refuse = (
  env: CallEnv,
  identity: CallResult.Identity,
  row: NewCall,
  status: FailureStatus,
  errorKind: string,
  error: string
): Effect.Effect<void> =>
  Effect.catchAll(
    env.store.record(env.ownership, row, {
      runId: row.runId,
      index: row.index,
      status,
      outputText: null,
      outputJson: null,
      validationErrorsJson: null,
      errorKind,
      error,
      attempts: 0,
      usage: Usage.zero,
      cost: CallResult.free.cost,
      durationMs: 0,
      artifacts: CallResult.artifacts(identity, { text: null, json: null }, null, error),
      cacheEntry: null,
      at: row.at
    }, null),
    env.abort
  )
