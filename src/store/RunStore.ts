/**
 * The port to the record of runs: everything a run did, in one database per home.
 *
 * - S1. A write has reached the disk when its effect succeeds; nothing is acknowledged earlier.
 * - S2. A write happens whole or not at all. Writes of different calls may share a commit, and one that cannot be made
 *   fails alone.
 * - S3. Writes on behalf of a run carry its ownership; after another process took the run over they fail with
 *   `OwnershipLost` and change nothing.
 * - S4. The money of a run is the sum of its attempts: what a request may use is stored with the request's intent and
 *   what it used with its outcome. There is no second counter that could disagree.
 * - S5. The cache points at settled calls; an entry appears in the same transaction as the call it points at.
 * - S6. What a provider may be asked per minute is counted once for all processes of the home.
 *
 * Files under the run directory are not the store: they are written from it afterwards and can be written again.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { NanoUsd } from "../domain/Money.ts"
import type { AskedCall, Limits, Recorded, Standing, Whole } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import type { CachePolicy, CacheStatus, CallStatus, Isolation, RunStatus } from "../domain/Status.ts"
import type { Usage } from "../domain/Usage.ts"
import type { OwnerId } from "./Owner.ts"

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/**
 * Why the store cannot be opened, read or written.
 * @category schemas
 * @since 0.1.0
 */
export const StoreReason = Schema.Literal(
  /** The home does not exist and may not be made by a reading command. */
  "Missing",
  /** The home is a file, or something else that is not a directory. */
  "NotADirectory",
  "PermissionDenied",
  "ReadOnly",
  /** Not a database, or a damaged one. */
  "Corrupt",
  /** An empty database file beside run directories: the record was lost, not new. */
  "Lost",
  /** Written by a newer version of this program. */
  "TooNew",
  /** Written by another program. */
  "Foreign",
  "DiskFull",
  /** Reading or writing the disk failed. */
  "Io",
  /** Another process held the lock for longer than we wait. */
  "Busy",
  /** The native driver is missing or was built for another Node. */
  "Driver",
  /** A row that breaks a rule of the schema, or does not decode. */
  "Invalid"
)

/**
 * The store cannot be opened, read or written; `detail` says what happened and what to do.
 * @category errors
 * @since 0.1.0
 */
export class StoreError extends Schema.TaggedError<StoreError>("owf/RunStore/StoreError")("StoreError", {
  reason: StoreReason,
  /** The database file or the directory concerned. */
  path: Schema.String,
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * No run has this id; `nearest` lists ids and names of runs that look like it, the closest first.
 * @category errors
 * @since 0.1.0
 */
export class RunNotFound extends Schema.TaggedError<RunNotFound>("owf/RunStore/RunNotFound")("RunNotFound", {
  runId: Schema.String,
  home: Schema.String,
  nearest: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const { home, nearest, runId } = this
    if (runId === "latest") return `There are no runs in ${home}.`
    // one alone would have been found, so there are others
    if (nearest.length > 1 && nearest.every((id) => id.startsWith(runId))) {
      return `Several runs in ${home} have an id that begins with ${runId}, such as ${nearest.join(", ")}.`
    }
    return `There is no run ${runId} in ${home}.` +
      (nearest.length === 0 ? "" : ` Did you mean ${nearest.join(" or ")}?`)
  }
}

/**
 * A live process owns the run.
 * @category errors
 * @since 0.1.0
 */
export class RunOwned extends Schema.TaggedError<RunOwned>("owf/RunStore/RunOwned")("RunOwned", {
  runId: Schema.String,
  pid: Schema.Int,
  host: Schema.String,
  since: Schema.String
}) {
  override get message(): string {
    return `Run ${this.runId} is owned by process ${this.pid} on ${this.host} since ${this.since}.`
  }
}

/**
 * Another process took the run over, so this one may not write for it any more.
 * @category errors
 * @since 0.1.0
 */
export class OwnershipLost extends Schema.TaggedError<OwnershipLost>("owf/RunStore/OwnershipLost")("OwnershipLost", {
  runId: Schema.String
}) {
  override get message(): string {
    return `Run ${this.runId} was taken over by another process.`
  }
}

/**
 * What can go wrong when a run writes.
 * @category errors
 * @since 0.1.0
 */
export type WriteError = StoreError | OwnershipLost

// -----------------------------------------------------------------------------
// models
// -----------------------------------------------------------------------------

/**
 * The right to write for a root run and its children, checked with every write (S3).
 * @category models
 * @since 0.1.0
 */
export interface Ownership {
  readonly rootRunId: RunId
  readonly token: string
}

/**
 * Limits of a run's spending; null for none.
 * @category models
 * @since 0.1.0
 */
export interface BudgetLimits {
  readonly tokens: number | null
  readonly cost: NanoUsd | null
}

/**
 * A run as it is first stored.
 * @category models
 * @since 0.1.0
 */
export interface NewRun {
  readonly id: RunId
  readonly parent: {
    readonly runId: RunId
    readonly rootRunId: RunId
    readonly childKey: string
    readonly ordinal: number
  } | null
  readonly depth: number
  readonly workflowName: string
  readonly workflowDescription: string | null
  readonly scriptPath: string | null
  readonly scriptHash: string | null
  /** A name that one run of the home has at a time; see `giveUpAlias`. */
  readonly alias?: string | null | undefined
  readonly argsJson: string
  readonly provider: string
  readonly model: string | null
  readonly cachePolicy: CachePolicy
  readonly budget: BudgetLimits
  /** Epoch milliseconds. */
  readonly at: number
}

/**
 * What may be changed when a run is taken up again.
 * @category models
 * @since 0.1.0
 */
export interface ResumeChanges {
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly budget?: Partial<BudgetLimits> | undefined
  readonly scriptHash?: string | undefined
  readonly at: number
}

/**
 * What a request may use at most, set aside with its intent (S4).
 * @category models
 * @since 0.1.0
 */
export interface Reservation {
  readonly tokens: number
  readonly cost: NanoUsd
}

/**
 * Where in the journal a call is: its run and its index, from 1.
 * @category models
 * @since 0.1.0
 */
export interface CallRef {
  readonly runId: RunId
  readonly index: number
}

/**
 * A call as its intent is stored, before anything is sent. `replaces` is true when a call of an earlier attempt of the
 * run that did not succeed is made again under the same index.
 * @category models
 * @since 0.1.0
 */
export interface NewCall extends CallRef {
  readonly replaces: boolean
  readonly callKey: string
  /** Equal to `callKey` unless the answer depends on files. */
  readonly cacheKey: string
  readonly ordinal: number
  readonly position: string
  readonly label: string | null
  readonly phase: string | null
  readonly prompt: string
  readonly promptSha256: string
  readonly optsJson: string
  readonly settingsJson: string | null
  readonly provider: string
  readonly model: string
  readonly agentType: string | null
  readonly isolation: Isolation
  readonly cacheStatus: CacheStatus
  readonly cachePolicy: CachePolicy
  readonly schemaHash: string | null
  /** The JSON Schema of this hash; kept once for an attempt of the run, as an event. */
  readonly schema?: object | undefined
  readonly runAttempt: number
  /** What was done for the call so far, where a recovery policy goes on with it. */
  readonly recoveryJson?: string | null | undefined
  readonly at: number
}

/**
 * A request as its intent is stored; `attempt` counts the requests of a call over all resumes, from 1.
 * @category models
 * @since 0.1.0
 */
export interface NewAttempt extends CallRef {
  readonly attempt: number
  readonly reserved: Reservation
  readonly at: number
}

/**
 * How a request ended; `lost` when it was given up before its outcome was known, so that its reservation counts as spent.
 * `raw` is left null when it is the same as the call's output text.
 * @category models
 * @since 0.1.0
 */
export interface AttemptOutcome extends CallRef {
  readonly attempt: number
  readonly status: "done" | "failed" | "lost"
  readonly usage: Usage
  readonly cost: NanoUsd | null
  readonly costSource: string | null
  readonly model: string | null
  readonly sessionId: string | null
  readonly errorKind: string | null
  readonly error: string | null
  readonly raw: string | null
  readonly at: number
}

/**
 * What a request used up to now, as its provider reports it before the answer is complete. `cost` is what a price table
 * makes of it; null when the price is not known.
 * @category models
 * @since 0.1.0
 */
export interface Reported {
  readonly usage: Usage
  readonly cost: NanoUsd | null
  readonly costSource: string | null
}

/**
 * Room under what a provider may be asked per minute (S6): one request, and the tokens it is expected to use.
 *
 * A limit lets through what flows off evenly over the minute, and a tenth of the limit at once (at least one request)
 * after a quiet time: in any minute never more than eleven tenths of it. A request of more tokens than that tenth goes
 * when nothing is left over from those before it, and the next ones wait until it has flowed off.
 * @category models
 * @since 0.1.0
 */
export interface Room {
  readonly provider: string
  /** Undefined for no limit; what is not above zero is none either. */
  readonly requestsPerMinute: number | undefined
  /** Undefined for no limit. */
  readonly tokensPerMinute: number | undefined
  readonly tokens: number
  readonly at: number
}

/**
 * What to add up the usage of, and by what.
 * @category models
 * @since 0.1.0
 */
export interface UsageQuery {
  readonly by: "provider" | "model" | "workflow" | "phase" | "day"
  /** Requests sent and calls made from this time on; epoch milliseconds. */
  readonly since?: number | undefined
  /** A run and everything below it; all runs of the home when left out. */
  readonly run?: RunId | undefined
}

/**
 * A file of a call: what `RunFiles` will write from the call's row.
 * @category models
 * @since 0.1.0
 */
export interface NewArtifact {
  readonly kind: "prompt" | "output_text" | "output_json" | "raw" | "error" | "patch"
  readonly sha256: string
  readonly sizeBytes: number
}

/**
 * What a call changed, and what has to be there still for it not to be made again.
 * @category models
 * @since 0.1.0
 */
export interface CallEvidence extends RecordedEvidence {
  /** The changes as git writes them; null when there are none. */
  readonly patch: string | null
  readonly isPatchCut: boolean
  /** What a person should know; each becomes an event. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * What is recorded of a call's changes beside the patch.
 * @category models
 * @since 0.1.0
 */
export interface RecordedEvidence {
  readonly worktreePath: string | null
  readonly worktreeBranch: string | null
  readonly baseCommit: string | null
  readonly headCommit: string | null
  /** JSON of the changes; null where nobody could look. */
  readonly changedFilesJson: string | null
  /** Digests of what is under the write scope of a call in place, before and after it; null where that is not known. */
  readonly scopeBefore: string | null
  readonly scopeAfter: string | null
}

/**
 * How a call ended.
 * @category models
 * @since 0.1.0
 */
export interface CallOutcome extends CallRef {
  readonly status: CallStatus
  readonly outputText: string | null
  readonly outputJson: string | null
  readonly validationErrorsJson: string | null
  readonly errorKind: string | null
  readonly error: string | null
  readonly attempts: number
  readonly usage: Usage
  readonly cost: NanoUsd | null
  readonly durationMs: number
  readonly artifacts: ReadonlyArray<NewArtifact>
  /** Set when the answer may be used by other runs; the entry is stored under it. */
  readonly cacheEntry: { readonly cacheKey: string; readonly ordinal: number } | null
  /** Left out for a call whose changes are nobody's concern. */
  readonly evidence?: CallEvidence | undefined
  readonly at: number
}

/**
 * Where a call stands between two of its requests; `recoveryJson` is what a resumed run goes on from.
 * @category models
 * @since 0.1.0
 */
export interface CallStanding extends CallRef {
  readonly status: "running" | "waiting"
  readonly recoveryJson: string
  readonly event: { readonly type: string; readonly message: string; readonly dataJson: string | null }
  readonly at: number
}

/**
 * The declared value that stands in for the answer of a call that failed, and why it does.
 * @category models
 * @since 0.1.0
 */
export interface DegradedCall extends CallRef {
  readonly outputJson: string
  readonly reason: string
  readonly artifact: NewArtifact
  readonly at: number
}

/**
 * A settled call as replay and the cache need it.
 * @category models
 * @since 0.1.0
 */
export interface Settled {
  readonly callId: CallId
  readonly index: number
  readonly callKey: string
  readonly cacheKey: string
  readonly ordinal: number
  readonly position: string
  readonly status: CallStatus | "running" | "waiting"
  readonly outputText: string | null
  readonly outputJson: string | null
  /** True when the outputs were too large to be loaded with the journal and must be read with `output`. */
  readonly partial: boolean
  readonly attempts: number
  readonly usage: Usage
  readonly cost: NanoUsd | null
  readonly durationMs: number
  /** What it changed; undefined where nobody looked. */
  readonly evidence?: RecordedEvidence | undefined
}

/**
 * What a run did before: what a resumed run starts from.
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  readonly ownership: Ownership
  readonly run: Records.Run
  /** Calls in order of their index; empty for a new run. */
  readonly calls: ReadonlyArray<Settled>
  /** Child runs made so far. */
  readonly children: ReadonlyArray<{ readonly runId: RunId; readonly childKey: string; readonly ordinal: number }>
  /** What the root run and all its children spent, requests lost with their process counted at their reservation. */
  readonly spent: Reservation
  /** The same of this run and those below it. */
  readonly spentBelow: Reservation
}

/**
 * Something to record that is not a call.
 * @category models
 * @since 0.1.0
 */
export interface NewEvent {
  readonly runId: RunId
  readonly index: number | null
  readonly runAttempt: number
  readonly type: string
  readonly message: string
  readonly dataJson: string | null
  readonly at: number
}

/**
 * Signs that somebody is at work on a run; moments in epoch milliseconds, null where there are none.
 * @category models
 * @since 0.1.0
 */
export interface Pulse {
  /** When its process last said that it lives; null where no process holds it. */
  readonly heartbeatAt: number | null
  /** The process that holds it, which may have ended since. */
  readonly owner: OwnerId | null
  readonly lastEventAt: number | null
  readonly lastEventType: string | null
  /** Calls under way, those that wait left out. */
  readonly runningCalls: number
  /** When the last of the calls that wait will go on. */
  readonly waitingUntil: number | null
}

/**
 * What a run asks a person; `name` tells the questions of a run apart.
 * @category models
 * @since 0.1.0
 */
export interface NewApproval {
  readonly runId: RunId
  readonly name: string
  readonly question: string | null
  readonly at: number
}

/**
 * A person's answer to a question of a run.
 * @category models
 * @since 0.1.0
 */
export interface Decision {
  readonly runId: RunId
  readonly name: string
  /** `expired`: nobody answered in the time there was. */
  readonly decision: "approved" | "rejected" | "expired"
  readonly message: string | null
  readonly at: number
}

/**
 * How a run's attempt ended.
 * @category models
 * @since 0.1.0
 */
export interface RunOutcome {
  readonly runId: RunId
  readonly status: Exclude<RunStatus, "running">
  readonly outputJson: string | null
  readonly errorKind: string | null
  readonly errorMessage: string | null
  /** Calls that were answered from the journal in this attempt. */
  readonly replayed: ReadonlyArray<number>
  readonly at: number
}

/**
 * The texts of a settled call's files, null for those it does not have; `cursor` orders them by when they were settled.
 * @category models
 * @since 0.1.0
 */
export interface CallFiles {
  readonly cursor: number
  readonly index: number
  readonly prompt: string | null
  readonly outputText: string | null
  readonly outputJson: string | null
  readonly raw: string | null
  readonly error: string | null
  readonly patch: string | null
}

/**
 * The record of runs of one home. Writes are durable when they succeed (S1); reads see every acknowledged write.
 * @category services
 * @since 0.1.0
 */
export class RunStore extends Context.Tag("owf/RunStore")<RunStore, {
  /** Absolute path of the home. */
  readonly home: string
  /** Stores a new run. A root run is owned by this process from then on; a child is covered by its root's ownership. */
  readonly create: (run: NewRun, parent: Ownership | null) => Effect.Effect<Journal, WriteError>
  /** Takes a run up again: counts its attempt up, settles what a dead owner left open as lost, and loads its journal. */
  readonly acquire: (
    id: RunId,
    changes: ResumeChanges
  ) => Effect.Effect<Journal, StoreError | RunNotFound | RunOwned>
  /** Takes up a child run of a run this process owns. */
  readonly acquireChild: (id: RunId, parent: Ownership, at: number) => Effect.Effect<Journal, WriteError>
  /** Says that the owner is alive; the layer of the store calls it, nobody else needs to. */
  readonly heartbeat: (ownership: Ownership, at: number) => Effect.Effect<void, WriteError>
  /** Stores the intent of a call and of its first request, in one transaction. */
  readonly begin: (ownership: Ownership, call: NewCall, attempt: NewAttempt | null) => Effect.Effect<void, WriteError>
  /** Stores a session id as soon as the provider names it. */
  readonly session: (ownership: Ownership, ref: CallRef, attempt: number, id: string) => Effect.Effect<void, WriteError>
  /** Stores what a request used up to now; a report that comes after its end changes nothing. */
  readonly report: (
    ownership: Ownership,
    ref: CallRef,
    attempt: number,
    reported: Reported
  ) => Effect.Effect<void, WriteError>
  /**
   * Stores how a request ended, the intent of the next one, or both in one transaction; a request that will be followed
   * by a wait is stored alone, before the wait.
   */
  readonly retry: (
    ownership: Ownership,
    ended: AttemptOutcome | null,
    next: NewAttempt | null
  ) => Effect.Effect<void, WriteError>
  /** Stores how a request ended and where its call stands now, in one transaction; nothing is under way after it. */
  readonly stand: (
    ownership: Ownership,
    ended: AttemptOutcome | null,
    call: CallStanding
  ) => Effect.Effect<void, WriteError>
  /** Stores that a declared value stands in for the answer of a call that was settled as failed. */
  readonly degrade: (ownership: Ownership, call: DegradedCall) => Effect.Effect<void, WriteError>
  /** Stores how a call ended: its last request, its files, its cache entry and its event, in one transaction. */
  readonly settle: (
    ownership: Ownership,
    ended: AttemptOutcome | null,
    call: CallOutcome
  ) => Effect.Effect<void, WriteError>
  /** Stores a call for which nothing is sent, whole, in one transaction: answered from `source`, or refused when that is null. */
  readonly record: (
    ownership: Ownership,
    call: NewCall,
    outcome: CallOutcome,
    source: CallId | null
  ) => Effect.Effect<void, WriteError>
  readonly event: (ownership: Ownership, event: NewEvent) => Effect.Effect<void, WriteError>
  /** Stores how the run's attempt ended and gives up a root run's ownership. */
  readonly finish: (ownership: Ownership, outcome: RunOutcome) => Effect.Effect<void, WriteError>
  /**
   * Gives up the ownership of a root run whose end could not be stored: it shows as interrupted, and anybody may take it
   * up. Where that cannot be stored either, the ownership lapses.
   */
  readonly abandon: (ownership: Ownership) => Effect.Effect<void>

  /** Takes a name from a run that is done with it, so that another can be started under it; does nothing where it is not its. */
  readonly giveUpAlias: (alias: string, id: RunId) => Effect.Effect<void, StoreError>
  /** Stores what a run asks a person; asked again, the question and its answer stay as they are. */
  readonly ask: (approval: NewApproval) => Effect.Effect<void, StoreError>
  /** Stores a person's answer, on behalf of no run; false when there is no such question, or it was answered before. */
  readonly decide: (decision: Decision) => Effect.Effect<boolean, StoreError>

  /** Deletes a root run that nobody works for, the runs below it and what they shared; their files stay. */
  readonly forget: (id: RunId, at: number) => Effect.Effect<void, StoreError | RunOwned>

  /** Takes room for a request, or takes nothing and says after how many milliseconds to ask again; 0 when it was taken. */
  readonly takeRoom: (room: Room) => Effect.Effect<number, StoreError>
  /** Corrects what a request was expected to use, once that is known: `tokens` is the difference, negative when it was less. */
  readonly correctRoom: (room: Room) => Effect.Effect<void, StoreError>

  /** The newest complete answer under a cache key, checked against its digest; none when it was tampered with. */
  readonly lookup: (cacheKey: string, ordinal: number) => Effect.Effect<Option.Option<Settled>, StoreError>
  /** Outputs of a settled call. */
  readonly output: (
    id: CallId
  ) => Effect.Effect<{ readonly text: string | null; readonly json: string | null }, StoreError>
  /** What a settled call changed, as git writes it; null when it changed nothing, or nobody looked. */
  readonly patch: (
    id: CallId
  ) => Effect.Effect<{ readonly text: string | null; readonly isCut: boolean }, StoreError>

  /** The run of this id, of this alias, of a unique prefix of an id, or the newest root run for `latest`; a dead owner's run shows as interrupted. */
  readonly run: (id: string) => Effect.Effect<Records.Run, StoreError | RunNotFound>
  /** Runs, newest first; children included when asked for. */
  readonly runs: (
    options: { readonly limit?: number | undefined; readonly children?: boolean | undefined }
  ) => Effect.Effect<ReadonlyArray<Records.ListedRun>, StoreError>
  /** Child runs of a run, oldest first. */
  readonly children: (id: RunId) => Effect.Effect<ReadonlyArray<Records.Run>, StoreError>
  /** Calls of a run in order of their index. */
  readonly calls: (id: RunId) => Effect.Effect<ReadonlyArray<Records.Call>, StoreError>
  readonly call: (id: string) => Effect.Effect<Option.Option<Records.Call>, StoreError>
  readonly attempts: (id: CallId) => Effect.Effect<ReadonlyArray<Records.Attempt>, StoreError>
  readonly events: (
    id: RunId,
    options?: {
      readonly after?: number | undefined
      readonly limit?: number | undefined
      readonly type?: string | undefined
    }
  ) => Effect.Effect<ReadonlyArray<Records.Event>, StoreError>
  /** The run that has a name. */
  readonly byAlias: (alias: string) => Effect.Effect<Option.Option<Records.Run>, StoreError>
  /** What a root run and the runs below it asked people, oldest first. */
  readonly approvals: (rootRunId: RunId) => Effect.Effect<ReadonlyArray<Records.Approval>, StoreError>
  /** Signs that somebody is at work on a root run and the runs below it. */
  readonly pulse: (rootRunId: RunId) => Effect.Effect<Pulse, StoreError>
  readonly artifacts: (id: RunId) => Effect.Effect<ReadonlyArray<Records.Artifact>, StoreError>
  /** Files of the calls of a run that were settled after a cursor (0 for all), oldest first; for the writer of files. */
  readonly settledAfter: (
    id: RunId,
    cursor: number,
    limit: number
  ) => Effect.Effect<ReadonlyArray<CallFiles>, StoreError>
  /** What calls of the newest earlier runs of the same workflow asked, newest first, for explaining a miss. */
  readonly earlierCalls: (id: RunId, limit: number) => Effect.Effect<ReadonlyArray<AskedCall>, StoreError>
  /** A root run and all runs below it, oldest first. */
  readonly family: (rootRunId: RunId) => Effect.Effect<ReadonlyArray<Records.Run>, StoreError>
  /** Where all calls of some runs stand, and the events that tell of it. */
  readonly standing: (runs: ReadonlyArray<RunId>) => Effect.Effect<Standing, StoreError>
  /** Where the calls of a run stand that are under way, or were settled by an event after a number; and those events. */
  readonly standingAfter: (id: RunId, after: number) => Effect.Effect<Standing, StoreError>
  /** The calls of a run, or the one of an index, with all that is recorded of them but what they changed. */
  readonly whole: (id: RunId, index?: number | undefined) => Effect.Effect<Whole, StoreError>
  /** What is stored of some runs, bounded, in a few statements. */
  readonly recorded: (runs: ReadonlyArray<RunId>, limits: Limits) => Effect.Effect<Recorded, StoreError>
  /** What calls used, added up over runs, in order of the groups. */
  readonly usage: (query: UsageQuery) => Effect.Effect<ReadonlyArray<Records.Usage>, StoreError>
}>() {}
