/**
 * Everything there is to show of a run, as plain data: the one model that the terminal, Markdown, HTML and programs render.
 *
 * - M1. A renderer asks nobody anything: what is not in here is not shown.
 * - M2. It is JSON as it stands: no undefined, no classes, times in epoch milliseconds, money in dollars. What is not
 *   known is null and never zero.
 * - M3. It is bounded: long texts are cut (`isCut` says so, `size` how long they are, and the commands under `commands`
 *   print all of them), and lists that are too long name in `omitted` how many entries are missing.
 * - M4. Every text in here may be hostile: it was written by models, users and other programs. Renderers escape.
 */
import type { Change } from "../domain/Change.ts"
import type { CallId, RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { CachePolicy, CacheStatus, Isolation, RunStatus } from "../domain/Status.ts"
import type { Usage } from "../domain/Usage.ts"

/**
 * A text that may have been cut.
 * @category models
 * @since 0.1.0
 */
export interface Text {
  /** The beginning of the text, or all of it. */
  readonly text: string
  /** Bytes of the whole text. */
  readonly size: number
  readonly isCut: boolean
}

/**
 * Where a run stands: what there is to say of it without what its calls asked and were answered.
 * @category models
 * @since 0.1.0
 */
export interface RunStanding {
  readonly generatedAt: number
  /** Absolute path of the run's directory. */
  readonly directory: string
  /** The run that was asked for. */
  readonly run: RunFacts
  /** That run first, then the runs below it, each before its own children. */
  readonly runs: ReadonlyArray<RunFacts>
  /** In order of the runs, then of the calls' indices. */
  readonly calls: ReadonlyArray<CallState>
  /** What the run waited for, calls' waits included, oldest first. */
  readonly waits: ReadonlyArray<WaitReport>
  /** What the run's own calls come to; those of the runs below it are not among them. */
  readonly own: Sums
  readonly approvals: ReadonlyArray<ApprovalReport>
  readonly commands: Commands
}

/**
 * Where a run stands, its calls as lines of a list.
 * @category models
 * @since 0.1.0
 */
export interface RunLines extends RunStanding {
  readonly calls: ReadonlyArray<CallLine>
}

/**
 * A run and everything that belongs to it.
 * @category models
 * @since 0.1.0
 */
export interface RunReport extends RunStanding {
  /** Changes when a reader of an older model could misread a newer one. */
  readonly version: 1
  /** The version of this program that made the report. */
  readonly owfVersion: string
  /** Absolute path of the home. */
  readonly home: string
  /** In order of the runs, then of their first event or call. Calls outside any phase are under the name null. */
  readonly phases: ReadonlyArray<PhaseReport>
  readonly calls: ReadonlyArray<CallReport>
  readonly usage: {
    readonly byPhase: ReadonlyArray<Records.Usage>
    readonly byModel: ReadonlyArray<Records.Usage>
    readonly byProvider: ReadonlyArray<Records.Usage>
  }
  readonly totals: Totals
  /** Oldest first. */
  readonly events: ReadonlyArray<EventReport>
  /** What a person should know before reading: degraded answers, unknown costs, lost requests, warnings of calls. */
  readonly warnings: ReadonlyArray<Warning>
  /** How many entries and texts were left out or cut to keep the model bounded (M3). */
  readonly omitted: Omitted
}

/**
 * One execution of a workflow, as far as its own record says.
 * @category models
 * @since 0.1.0
 */
export interface RunState {
  readonly id: RunId
  readonly rootRunId: RunId
  readonly parentRunId: RunId | null
  readonly depth: number
  readonly workflow: string
  readonly description: string | null
  readonly status: RunStatus
  /** Counts up each time the run is resumed, from 1. */
  readonly attempt: number
  /** JSON. */
  readonly args: Text
  /** JSON; null while the run is not done. */
  readonly output: Text | null
  readonly provider: string
  readonly model: string | null
  readonly cachePolicy: CachePolicy
  readonly script: { readonly path: string; readonly hash: string | null } | null
  readonly budget: {
    /** Null for no limit. */
    readonly totalTokens: number | null
    readonly totalCostUsd: number | null
    /** Requests whose outcome or price is not known are counted at what was set aside for them. */
    readonly spentTokens: number
    readonly spentCostUsd: number
  }
  readonly error: { readonly kind: string; readonly message: string } | null
  /** What kind of end it came to, where that was none it was to come to; also where there is nothing to say of it. */
  readonly errorKind: string | null
  readonly createdAt: number
  /** When the present attempt of the run began. */
  readonly startedAt: number
  readonly completedAt: number | null
  readonly updatedAt: number
  /** The command that goes on with the run; null where there is nothing to go on with. */
  readonly resumeCommand: string | null
}

/**
 * One execution of a workflow.
 * @category models
 * @since 0.1.0
 */
export interface RunFacts extends RunState {
  /** What the run was started with, as far as it was recorded. */
  readonly environment: Environment
  /** What a graph said when it ended. */
  readonly message: string | null
}

/**
 * What a run was started with; null for what was not recorded.
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly owfVersion: string | null
  /** Version of Node. */
  readonly node: string | null
  /** The commit that was checked out; files may have differed from it. */
  readonly gitCommit: string | null
  readonly gitBranch: string | null
}

/**
 * Part of a run under one name.
 * @category models
 * @since 0.1.0
 */
export interface PhaseReport {
  readonly runId: RunId
  /** Null for what happened outside any phase. */
  readonly name: string | null
  /** From 0, within the run. */
  readonly order: number
  /** When the phase, or its first call, began. */
  readonly startedAt: number
  /** When its last call ended; null while one is under way. */
  readonly endedAt: number | null
  readonly calls: number
  readonly byStatus: Counts
  readonly tokens: number
  readonly costUsd: number
  /** Calls whose cost is not known. */
  readonly unknownCosts: number
}

/**
 * How often each word occurs; words that do not occur are left out.
 * @category models
 * @since 0.1.0
 */
export type Counts = Readonly<Record<string, number>>

/**
 * Where an `agent()` of a run stands.
 * @category models
 * @since 0.1.0
 */
export interface CallState {
  readonly id: CallId
  readonly runId: RunId
  readonly index: number
  readonly label: string | null
  readonly phase: string | null
  readonly provider: string
  readonly model: string
  readonly status: Records.Call["status"]
  readonly cacheStatus: CacheStatus
  /** The call of another run the answer was taken from. */
  readonly sourceCallId: CallId | null
  /** What that call had used; null for an answer that was not taken from one. */
  readonly saved: { readonly tokens: number; readonly costUsd: number } | null
  readonly errorKind: string | null
  readonly error: string | null
  /** Why a declared value stands in for the answer. */
  readonly degradedReason: string | null
  /** Requests to the provider in the order they were sent. */
  readonly attempts: ReadonlyArray<AttemptState>
  readonly waits: ReadonlyArray<WaitReport>
  /** Until when the call waits, or was to wait when it was interrupted. */
  readonly waitingUntil: number | null
  /** What all requests of the call used. */
  readonly usage: Usage
  readonly costUsd: number | null
  /** Who priced it; null for a call without requests, several names joined with a comma. */
  readonly costSource: string | null
  readonly durationMs: number | null
  /** From when the call was recorded until its first request was sent; null without one. */
  readonly queuedMs: number | null
  /** The run's attempt this call was last answered in. */
  readonly runAttempt: number
  readonly createdAt: number
  /** When the first request was sent. */
  readonly startedAt: number | null
  readonly completedAt: number | null
}

/**
 * A call in a list.
 * @category models
 * @since 0.1.0
 */
export interface CallLine extends CallState {
  /** Its label, or the beginning of what it asked. */
  readonly title: string
}

/**
 * What tells a call from others.
 * @category models
 * @since 0.1.0
 */
export interface CallIdentity {
  /** Where in the program the call was made. */
  readonly position: string
  readonly callKey: string
  readonly cacheKey: string
  /** How many calls of the run asked the same before. */
  readonly ordinal: number
  readonly agentType: string | null
  readonly isolation: Isolation
  readonly cachePolicy: CachePolicy
  readonly schemaHash: string | null
  readonly worktree: Worktree | null
}

/**
 * One `agent()` of a run.
 * @category models
 * @since 0.1.0
 */
export interface CallReport extends CallState, CallIdentity {
  readonly prompt: Text
  readonly system: Text | null
  /** The JSON Schema the answer has to fit; null where there is none, or it was not recorded. */
  readonly schema: Text | null
  /** Options that have no field of their own here, those that decide the answer and those that do not; JSON values. */
  readonly options: Readonly<Record<string, unknown>>
  readonly outputText: Text | null
  /** JSON. */
  readonly outputJson: Text | null
  readonly validationErrors: ReadonlyArray<ValidationError>
  readonly attempts: ReadonlyArray<AttemptReport>
  readonly recovery: RecoveryReport | null
  readonly explanation: Explanation
  /** Null for a call whose changes were not looked at. */
  readonly changes: ReadonlyArray<Change> | null
  /** The changes as git writes them. */
  readonly patch: Text | null
  readonly artifacts: ReadonlyArray<ArtifactReport>
}

/**
 * A call with all that is recorded of it, nothing cut: its texts, and what is stored as JSON as it is stored. What only
 * the run's events say of it is not there.
 * @category models
 * @since 0.1.0
 */
export interface WholeCall extends Omit<CallState, "waits" | "degradedReason">, CallIdentity {
  readonly prompt: string
  readonly attempts: ReadonlyArray<AttemptReport>
  readonly outputText: string | null
  readonly outputJson: string | null
  /** What decides the answer beside the prompt. */
  readonly optsJson: string
  readonly settingsJson: string | null
  readonly validationErrorsJson: string | null
  readonly changesJson: string | null
  readonly recoveryJson: string | null
}

/**
 * Where an answer does not fit its schema.
 * @category models
 * @since 0.1.0
 */
export interface ValidationError {
  readonly path: string
  readonly message: string
}

/**
 * Why a call was answered the way it was.
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly reason: string
  /** Parts of the key that differ from the nearest earlier call. */
  readonly differs: ReadonlyArray<string>
  readonly nearest: CallId | null
}

/**
 * Where an isolated call worked.
 * @category models
 * @since 0.1.0
 */
export interface Worktree {
  readonly path: string | null
  readonly branch: string | null
  readonly base: string | null
  readonly head: string | null
}

/**
 * One request to a provider, without what was sent back.
 * @category models
 * @since 0.1.0
 */
export interface AttemptState {
  /** From 1, over all resumes of the run. */
  readonly number: number
  /** `lost`: given up before its outcome was known; it may have been paid for. */
  readonly status: Records.Attempt["status"]
  readonly model: string | null
  readonly sessionId: string | null
  readonly usage: Usage
  readonly costUsd: number | null
  readonly costSource: string | null
  readonly reservedTokens: number
  readonly reservedCostUsd: number
  readonly errorKind: string | null
  readonly error: string | null
  readonly startedAt: number
  readonly completedAt: number | null
}

/**
 * One request to a provider.
 * @category models
 * @since 0.1.0
 */
export interface AttemptReport extends AttemptState {
  /** What the provider sent, where it differs from the call's answer. */
  readonly raw: Text | null
}

/**
 * How often each rung of a recovery policy was taken for a call, and what was told about it.
 * @category models
 * @since 0.1.0
 */
export interface RecoveryReport {
  readonly retries: number
  readonly retryWaitMs: number
  readonly resets: number
  readonly resetWaitMs: number
  readonly corrections: number
  readonly compactions: number
  readonly reframings: number
  readonly steps: ReadonlyArray<{ readonly at: number; readonly message: string }>
}

/**
 * A time in which nothing was asked.
 * @category models
 * @since 0.1.0
 */
export interface WaitReport {
  readonly runId: RunId
  /** Null for a wait of the workflow itself. */
  readonly callId: CallId | null
  readonly from: number
  /** When it ended; null while it lasts. */
  readonly endedAt: number | null
  /** Until when it was to last, where that is known. */
  readonly until: number | null
  readonly reason: string
}

/**
 * What some calls come to.
 * @category models
 * @since 0.1.0
 */
export interface Sums {
  readonly calls: number
  readonly byStatus: Counts
  readonly byCache: Counts
  readonly requests: number
  readonly lostRequests: number
  readonly usage: Usage
  /** All buckets of `usage` together. */
  readonly tokens: number
  /** Sum of the costs that are known. */
  readonly costUsd: number
  /** Requests whose cost is not known. */
  readonly unknownCosts: number
  /** What the answers used that were taken from other runs. */
  readonly savedTokens: number
  readonly savedCostUsd: number
}

/**
 * What a run comes to, the runs below it included.
 * @category models
 * @since 0.1.0
 */
export interface Totals extends Sums {
  readonly runs: number
  /** From the run's creation to its end, pauses between its attempts included. */
  readonly wallMs: number
  /** The times of all requests together: what they would take one after the other. */
  readonly requestMs: number
  /** Most requests under way at once. */
  readonly peakConcurrency: number
  readonly changedFiles: number
}

/**
 * What the calls of a run and those below it used, or of all runs of a home.
 * @category models
 * @since 0.1.0
 */
export interface UsageReport {
  readonly by: "provider" | "model" | "workflow" | "phase" | "day"
  /** Only what was asked from then on; null for all of it. */
  readonly since: number | null
  /** Null for all runs. */
  readonly runId: RunId | null
  readonly groups: ReadonlyArray<Records.Usage>
  readonly total: Records.Usage
}

/**
 * Something that happened.
 * @category models
 * @since 0.1.0
 */
export interface EventReport {
  readonly id: number
  readonly runId: RunId
  readonly callId: CallId | null
  readonly runAttempt: number
  readonly type: string
  readonly message: string
  /** JSON. */
  readonly data: string | null
  readonly at: number
}

/**
 * What the run asked a person.
 * @category models
 * @since 0.1.0
 */
export interface ApprovalReport {
  readonly runId: RunId
  readonly name: string
  readonly question: string | null
  readonly askedAt: number
  /** Null while it waits for an answer. */
  readonly decision: Records.Approval["decision"]
  readonly message: string | null
  readonly decidedAt: number | null
}

/**
 * A file of a call, its path relative to the run's directory.
 * @category models
 * @since 0.1.0
 */
export interface ArtifactReport {
  readonly kind: string
  readonly path: string
  readonly sha256: string
  readonly size: number
}

/**
 * What a person should know before reading on.
 * @category models
 * @since 0.1.0
 */
export interface Warning {
  /** Null where it is about the run. */
  readonly callId: CallId | null
  readonly message: string
}

/**
 * How much was left out; all zero for a run of usual size.
 * @category models
 * @since 0.1.0
 */
export interface Omitted {
  /** The newest are kept. */
  readonly events: number
  /** Texts that were cut. */
  readonly texts: number
  /** Bytes each text was cut to at most. */
  readonly textLimit: number
}

/**
 * Commands that show the rest; `CALL_ID` stands for the id of a call (see `Commands.forCall`).
 * @category models
 * @since 0.1.0
 */
export interface Commands {
  readonly status: string
  readonly output: string
  readonly events: string
  readonly answer: string
  readonly prompt: string
  readonly raw: string
  /** Everything that is recorded of a call, as JSON. */
  readonly details: string
  readonly diff: string
  readonly resume: string | null
}
