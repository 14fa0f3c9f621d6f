/**
 * What is stored of whole runs, bounded: the rows a report is made of, read in a few statements however many calls there are.
 *
 * Long texts come cut, with their size, so that a run whose answers fill a disk does not fill the memory.
 */
import type { CallId } from "./Ids.ts"
import type * as Records from "./Records.ts"

/**
 * A text that may have been cut.
 * @category models
 * @since 0.1.0
 */
export interface CutText {
  readonly text: string
  /** Bytes of the whole text. */
  readonly size: number
  readonly isCut: boolean
}

/**
 * How much is read.
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Characters of a text. */
  readonly text: number
  /** Bytes of all texts together; the limit of each is lowered until they fit. */
  readonly total: number
  /** Events; those that tell more than that a call was settled are preferred, and of equals the newest. */
  readonly events: number
}

/**
 * Where a call stands: what is recorded of it without what it asked and was answered.
 * @category models
 * @since 0.1.0
 */
export interface StandingCall extends
  Pick<
    Records.Call,
    | "id"
    | "runId"
    | "index"
    | "label"
    | "phase"
    | "provider"
    | "model"
    | "status"
    | "cacheStatus"
    | "sourceCallId"
    | "errorKind"
    | "error"
    | "runAttempt"
    | "createdAt"
    | "completedAt"
  >
{
  /** The beginning of the prompt of a call without a label; empty for one that has one. */
  readonly asked: string
  readonly durationMs: number | null
  readonly waitingUntil: string | null
  /** What the call used that the answer was taken from; null for a call that was not answered so. */
  readonly saved: { readonly tokens: number; readonly costNano: number } | null
}

/**
 * A request without what the provider sent.
 * @category models
 * @since 0.1.0
 */
export interface StandingAttempt extends Omit<Records.Attempt, "raw" | "costUsd" | "reservedCostUsd"> {
  readonly costNano: number | null
  readonly reservedCostNano: number
}

/**
 * Where the calls of some runs stand; every list is in order of the runs' ids, then of its own.
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly calls: ReadonlyArray<StandingCall>
  readonly attempts: ReadonlyArray<StandingAttempt>
  readonly events: ReadonlyArray<Records.Event>
}

/**
 * A call as a report needs it. What its row counts of its requests is no part of it: that is right only for a call that
 * is done, and the requests are there.
 * @category models
 * @since 0.1.0
 */
export interface RecordedCall extends
  Omit<StandingCall, "asked">,
  Pick<
    Records.Call,
    | "callKey"
    | "cacheKey"
    | "ordinal"
    | "position"
    | "agentType"
    | "isolation"
    | "cachePolicy"
    | "schemaHash"
    | "optsJson"
    | "settingsJson"
    | "validationErrorsJson"
    | "recoveryJson"
    | "worktreePath"
    | "worktreeBranch"
    | "baseCommit"
    | "headCommit"
  >
{
  /** Stands for the prompt where prompts are compared. */
  readonly promptSha256: string
  readonly prompt: CutText
  readonly outputText: CutText | null
  readonly outputJson: CutText | null
  readonly patch: CutText | null
  readonly patchIsCut: boolean
  /** Bytes of the system prompt where it was cut in `optsJson`, else null. */
  readonly systemSize: number | null
  readonly changedFilesJson: string | null
  /** Columns of JSON that are too long to be read, and are null here. */
  readonly tooLong: ReadonlyArray<string>
}

/**
 * A request as a report needs it.
 * @category models
 * @since 0.1.0
 */
export interface RecordedAttempt extends StandingAttempt {
  readonly raw: CutText | null
}

/**
 * What is stored of some runs; every list is in order of the runs' ids, then of its own.
 * @category models
 * @since 0.1.0
 */
export interface Recorded extends Omit<Standing, "calls"> {
  readonly calls: ReadonlyArray<RecordedCall>
  readonly attempts: ReadonlyArray<RecordedAttempt>
  readonly artifacts: ReadonlyArray<Records.Artifact>
  /** Events there are beside those. */
  readonly omittedEvents: number
  /** What the texts were cut to. */
  readonly textLimit: number
}

/**
 * Calls with all that is recorded of them, nothing cut, and what providers sent for them.
 * @category models
 * @since 0.1.0
 */
export type Whole = Pick<Recorded, "calls" | "attempts">

/**
 * What a call asked, as far as it takes to compare it with another.
 * @category models
 * @since 0.1.0
 */
export interface AskedCall {
  readonly id: CallId
  readonly callKey: string
  readonly cacheKey: string
  readonly ordinal: number
  readonly label: string | null
  readonly position: string
  /** The digest of the prompt. */
  readonly prompt: string
  /** Like a call's, with a long system prompt cut. */
  readonly optsJson: string
  readonly status: Records.Call["status"]
  readonly cachePolicy: Records.Call["cachePolicy"]
}
