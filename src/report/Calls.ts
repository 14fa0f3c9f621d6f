/**
 * Calls as they are reported, put together from rows of several tables.
 *
 * A call's usage is that of its requests: what the row of a call counts is right only once the call is done.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Explanation } from "../cache/Explain.ts"
import { ChangesJson } from "../domain/Change.ts"
import type { CallId } from "../domain/Ids.ts"
import type {
  CutText,
  Recorded,
  RecordedAttempt,
  RecordedCall,
  Standing,
  StandingAttempt,
  StandingCall,
  Whole
} from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import * as Usage from "../domain/Usage.ts"
import { History } from "../workflow/RecoveryPolicy.ts"
import type {
  ArtifactReport,
  AttemptReport,
  AttemptState,
  CallIdentity,
  CallLine,
  CallReport,
  RecoveryReport,
  Text,
  WaitReport,
  WholeCall
} from "./RunReport.ts"

/**
 * What is known of calls beside their rows.
 * @category models
 * @since 0.1.0
 */
export interface Known {
  readonly explanations: ReadonlyMap<CallId, Pick<Explanation, "reason" | "differs" | "nearest">>
  readonly waits: Waits
}

/**
 * What calls waited for, by call.
 * @category models
 * @since 0.1.0
 */
export type Waits = ReadonlyMap<CallId | null, ReadonlyArray<WaitReport>>

/**
 * The calls of some runs.
 * @category constructors
 * @since 0.1.0
 */
export const make = (recorded: Recorded, known: Known): ReadonlyArray<CallReport> => {
  const attempts = grouped(recorded.attempts)
  const artifacts = grouped(recorded.artifacts)
  const events = grouped(recorded.events)
  const schemas = schemasOf(recorded.events)
  const options = new Options()
  return recorded.calls.map((call) =>
    callOf(call, {
      known,
      options,
      schemas,
      attempts: attempts.get(call.id) ?? [],
      artifacts: artifacts.get(call.id) ?? [],
      events: events.get(call.id) ?? []
    })
  )
}

/**
 * Where the calls of some runs stand, as lines of a list.
 * @category constructors
 * @since 0.1.0
 */
export const lines = (standing: Standing, waits: Waits): ReadonlyArray<CallLine> => {
  const attempts = grouped(standing.attempts)
  const events = grouped(standing.events)
  return standing.calls.map((call) =>
    lineOf(call, attempts.get(call.id) ?? [], events.get(call.id) ?? [], waits.get(call.id) ?? [], call.asked)
  )
}

/**
 * Calls with all that is recorded of them.
 * @category constructors
 * @since 0.1.0
 */
export const whole = (rows: Whole): ReadonlyArray<WholeCall> => {
  const attempts = grouped(rows.attempts)
  return rows.calls.map((call) => {
    const own = attempts.get(call.id) ?? []
    const { degradedReason: _, title: _1, waits: _2, ...state } = lineOf(call, own, [], [], "")
    return {
      ...state,
      ...identityOf(call),
      attempts: own.map(attemptOf),
      prompt: call.prompt.text,
      outputText: call.outputText?.text ?? null,
      outputJson: call.outputJson?.text ?? null,
      optsJson: call.optsJson,
      settingsJson: call.settingsJson,
      validationErrorsJson: call.validationErrorsJson,
      changesJson: call.changedFilesJson,
      recoveryJson: call.recoveryJson
    }
  })
}

/**
 * Rows by the call they belong to; rows of no call are left out.
 * @category converting
 * @since 0.1.0
 */
export const grouped = <A extends { readonly callId: CallId | null }>(
  rows: ReadonlyArray<A>
): ReadonlyMap<CallId | null, ReadonlyArray<A>> =>
  groupedBy(rows.filter(({ callId }) => callId !== null), ({ callId }) => callId)

/**
 * Rows by what they have in common, in their order.
 * @category converting
 * @since 0.1.0
 */
export const groupedBy = <A, K>(rows: ReadonlyArray<A>, of: (row: A) => K): ReadonlyMap<K, ReadonlyArray<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const row of rows) {
    const key = of(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groups
}

/**
 * A stored time in epoch milliseconds.
 * @category converting
 * @since 0.1.0
 */
export const millis = (time: string): number => Date.parse(time)

/**
 * A stored time in epoch milliseconds, where there is one.
 * @category converting
 * @since 0.1.0
 */
export const millisOrNull = (time: string | null): number | null => time === null ? null : Date.parse(time)

/**
 * Type of the events that hold the schemas of a run's calls, once each.
 * @category models
 * @since 0.1.0
 */
export const schemaEvent = "schema"

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Parts {
  readonly known: Known
  readonly options: Options
  readonly schemas: ReadonlyMap<string, Text>
  readonly attempts: ReadonlyArray<RecordedAttempt>
  readonly artifacts: ReadonlyArray<Records.Artifact>
  readonly events: ReadonlyArray<Records.Event>
}

// written out, field by field: spreading ten thousand objects of this size takes as long as reading them
const callOf = (call: RecordedCall, parts: Parts): CallReport => {
  const { attempts, events, known, options, schemas } = parts
  const { system, ...others } = options.of(call)
  const state = lineOf(call, attempts, events, known.waits.get(call.id) ?? [], "")
  const identity = identityOf(call)
  return {
    id: state.id,
    runId: state.runId,
    index: state.index,
    label: state.label,
    phase: state.phase,
    position: identity.position,
    callKey: identity.callKey,
    cacheKey: identity.cacheKey,
    ordinal: identity.ordinal,
    provider: state.provider,
    model: state.model,
    agentType: identity.agentType,
    isolation: identity.isolation,
    status: state.status,
    cacheStatus: state.cacheStatus,
    cachePolicy: identity.cachePolicy,
    sourceCallId: state.sourceCallId,
    saved: state.saved,
    prompt: call.prompt,
    system: typeof system === "string" ? systemOf(system, call.systemSize) : null,
    schema: call.schemaHash === null ? null : schemas.get(call.schemaHash) ?? null,
    schemaHash: identity.schemaHash,
    options: others,
    outputText: call.outputText,
    outputJson: call.outputJson,
    validationErrors: validationErrorsOf(call.validationErrorsJson),
    errorKind: state.errorKind,
    error: state.error,
    degradedReason: state.degradedReason,
    attempts: attempts.map(attemptOf),
    recovery: recoveryOf(call.recoveryJson, events),
    waits: state.waits,
    waitingUntil: state.waitingUntil,
    usage: state.usage,
    costUsd: state.costUsd,
    costSource: state.costSource,
    durationMs: state.durationMs,
    queuedMs: state.queuedMs,
    runAttempt: state.runAttempt,
    createdAt: state.createdAt,
    startedAt: state.startedAt,
    completedAt: state.completedAt,
    explanation: known.explanations.get(call.id) ?? nothingToSay,
    worktree: identity.worktree,
    changes: changesOf(call.changedFilesJson),
    patch: call.patch === null ? null : { ...call.patch, isCut: call.patch.isCut || call.patchIsCut },
    artifacts: parts.artifacts.map(artifactOf)
  }
}

/** Where a call stands, by its row, its requests, and what its events say of it. */
const lineOf = (
  call: Omit<StandingCall, "asked">,
  attempts: ReadonlyArray<StandingAttempt>,
  events: ReadonlyArray<Records.Event>,
  waits: ReadonlyArray<WaitReport>,
  asked: string
): CallLine => {
  const createdAt = millis(call.createdAt)
  const first = attempts[0]
  const startedAt = first === undefined ? null : millis(first.startedAt)
  return {
    id: call.id,
    runId: call.runId,
    index: call.index,
    label: call.label,
    title: call.label ?? asked,
    phase: call.phase,
    provider: call.provider,
    model: call.model,
    status: call.status,
    cacheStatus: call.cacheStatus,
    sourceCallId: call.sourceCallId,
    saved: call.saved === null ? null : { tokens: call.saved.tokens, costUsd: call.saved.costNano / 1e9 },
    errorKind: call.errorKind,
    error: call.error,
    degradedReason: events.findLast(({ type }) => type === "call_degraded")?.message ??
      (call.status === "degraded" ? call.error : null),
    attempts: attempts.map(sentOf),
    waits,
    waitingUntil: millisOrNull(call.waitingUntil),
    usage: attempts.reduce((sum, attempt) => Usage.add(sum, usageOf(attempt)), Usage.zero),
    costUsd: costOf(attempts),
    costSource: sourceOf(attempts),
    durationMs: call.durationMs,
    queuedMs: startedAt === null ? null : Math.max(0, startedAt - createdAt),
    runAttempt: call.runAttempt,
    createdAt,
    startedAt,
    completedAt: millisOrNull(call.completedAt)
  }
}

const identityOf = (call: RecordedCall): CallIdentity => ({
  position: call.position,
  callKey: call.callKey,
  cacheKey: call.cacheKey,
  ordinal: call.ordinal,
  agentType: call.agentType,
  isolation: call.isolation,
  cachePolicy: call.cachePolicy,
  schemaHash: call.schemaHash,
  worktree: worktreeOf(call)
})

const nothingToSay = { reason: "not known", differs: [], nearest: null }

const usageOf = (attempt: StandingAttempt): Usage.Usage => ({
  inputTokens: attempt.inputTokens,
  outputTokens: attempt.outputTokens,
  cacheReadTokens: attempt.cacheReadTokens,
  cacheWriteTokens: attempt.cacheWriteTokens
})

/** Whole billionths are added, so that nothing is lost; one request of unknown cost makes the sum unknown. */
const costOf = (attempts: ReadonlyArray<StandingAttempt>): number | null => {
  let sum = 0
  for (const { costNano } of attempts) {
    if (costNano === null) return null
    sum += costNano
  }
  return sum / 1e9
}

const sourceOf = (attempts: ReadonlyArray<StandingAttempt>): string | null => {
  const names = new Set(attempts.flatMap(({ costSource }) => costSource === null ? [] : [costSource]))
  return names.size === 0 ? null : [...names].join(", ")
}

const attemptOf = (attempt: RecordedAttempt): AttemptReport => ({ ...sentOf(attempt), raw: attempt.raw })

const sentOf = (attempt: StandingAttempt): AttemptState => ({
  number: attempt.attempt,
  status: attempt.status,
  model: attempt.model,
  sessionId: attempt.sessionId,
  usage: usageOf(attempt),
  costUsd: attempt.costNano === null ? null : attempt.costNano / 1e9,
  costSource: attempt.costSource,
  reservedTokens: attempt.reservedTokens,
  reservedCostUsd: attempt.reservedCostNano / 1e9,
  errorKind: attempt.errorKind,
  error: attempt.error,
  startedAt: millis(attempt.startedAt),
  completedAt: millisOrNull(attempt.completedAt)
})

const artifactOf = ({ kind, path, sha256, sizeBytes }: Records.Artifact): ArtifactReport => ({
  kind,
  path,
  sha256,
  size: sizeBytes
})

const systemOf = (text: string, size: number | null): CutText => {
  const bytes = new TextEncoder().encode(text).length
  return { text, size: size ?? bytes, isCut: size !== null && size > bytes }
}

const worktreeOf = (call: RecordedCall): CallReport["worktree"] =>
  call.worktreePath === null && call.worktreeBranch === null && call.baseCommit === null && call.headCommit === null
    ? null
    : { path: call.worktreePath, branch: call.worktreeBranch, base: call.baseCommit, head: call.headCommit }

// -----------------------------------------------------------------------------
// JSON columns
// -----------------------------------------------------------------------------

const Fields = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const decodeFields = Schema.decodeEither(Fields)

const decodeIssues = Schema.decodeEither(
  Schema.parseJson(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })))
)
const decodeChanges = Schema.decodeEither(ChangesJson)
const decodeRecovery = Schema.decodeEither(Schema.parseJson(Schema.Struct({ history: History })))

/** Reads options once for all calls that have the same. */
class Options {
  private readonly read = new Map<string, Readonly<Record<string, unknown>>>()

  of({ optsJson, settingsJson }: RecordedCall): Readonly<Record<string, unknown>> {
    const deciding = this.fields(optsJson)
    return settingsJson === null ? deciding : { ...deciding, ...this.fields(settingsJson) }
  }

  private fields(json: string): Readonly<Record<string, unknown>> {
    const known = this.read.get(json)
    if (known !== undefined) return known
    const fields = Either.getOrElse(decodeFields(json), () => ({}))
    const made = Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !shown.has(name) && value !== null)
    )
    this.read.set(json, made)
    return made
  }
}

/** What has a field of its own. */
const shown = new Set(["agentType", "isolation", "model", "provider", "schema"])

const validationErrorsOf = (json: string | null): CallReport["validationErrors"] =>
  json === null ? [] : Either.getOrElse(decodeIssues(json), () => [])

const changesOf = (json: string | null): CallReport["changes"] =>
  json === null ? null : Either.getOrElse(decodeChanges(json), () => null)

const recoveryOf = (json: string | null, events: ReadonlyArray<Records.Event>): RecoveryReport | null => {
  if (json === null) return null
  const decoded = decodeRecovery(json)
  if (Either.isLeft(decoded)) return null
  const { compact, correct, reframe, reset, retry } = decoded.right.history
  return {
    retries: retry.times,
    retryWaitMs: retry.waitedMs,
    resets: reset.times,
    resetWaitMs: reset.waitedMs,
    corrections: correct.times,
    compactions: compact.times,
    reframings: reframe.times,
    steps: events.flatMap(({ message, timestamp, type }) =>
      type === "call_recovering" || type === "call_waiting" ? [{ at: millis(timestamp), message }] : []
    )
  }
}

const schemasOf = (events: ReadonlyArray<Records.Event>): ReadonlyMap<string, Text> =>
  new Map(
    events.flatMap(({ dataJson, message, type }): ReadonlyArray<readonly [string, Text]> =>
      type === schemaEvent && dataJson !== null
        ? [[message, { text: dataJson, size: new TextEncoder().encode(dataJson).length, isCut: false }]]
        : []
    )
  )
