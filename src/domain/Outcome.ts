/**
 * The three shapes a call's result has, as plain data; what can be done with them is in `AgentResult`.
 *
 * A result is `ok: true` only when the answer is complete and, where a schema was given, valid. A failed result keeps
 * the text the provider gave, if it gave any: nothing that was paid for is dropped. A degraded one has a value that the
 * program declared and nobody answered.
 */
import * as Predicate from "effect/Predicate"
import type { ValidationIssue } from "./AnswerSchema.ts"
import type { Change } from "./Change.ts"
import type { CallId } from "./Ids.ts"
import type { CacheStatus, FailureStatus, Isolation } from "./Status.ts"
import type { Usage } from "./Usage.ts"

/**
 * A file of a call in the run directory.
 * @category models
 * @since 0.1.0
 */
export interface Artifact {
  readonly kind: string
  readonly path: string
  readonly sha256: string
}

/**
 * What every result says about its call, whatever happened.
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** Null for an item of a fan-out that is not a call of its own. */
  readonly callId: CallId | null
  readonly label: string | null
  readonly phase: string | null
  readonly provider: string
  readonly model: string
  readonly agentType: string | null
  readonly cacheStatus: CacheStatus
  readonly cacheKey: string
  readonly promptPath: string
  readonly outputTextPath: string | null
  readonly outputJsonPath: string | null
  readonly rawOutputPath: string | null
  readonly transcriptPath: string | null
  readonly artifacts: ReadonlyArray<Artifact>
  readonly schemaHash: string | null
  readonly validationStatus: "valid" | "invalid" | "not_checked"
  readonly validationErrors: ReadonlyArray<ValidationIssue>
  /** Answers checked against the schema, the last one included. */
  readonly validationAttempts: number
  /** Tokens of all attempts of this call; zero for a hit. */
  readonly usage: Usage
  /** Cost of all attempts in dollars; null when the price is not known, never 0 for that. */
  readonly estimatedCostUsd: number | null
  readonly durationMs: number
  readonly isolation: Isolation
  /** Top of the call's own worktree; null for a call in place, and when it changed nothing, so that the tree was removed. */
  readonly worktreePath: string | null
  readonly worktreeBranch: string | null
  /** What the call began from; null where that is not known. */
  readonly baseCommit: string | null
  /** The commit that holds everything an isolated call left, what its agent did not commit included. */
  readonly headCommit: string | null
  /** What is different since the call began, as far as it was looked at; ignored files are in no patch. */
  readonly changedFiles: ReadonlyArray<Change>
  /** The changes as git writes them, up to 16 MiB; null when there are none. */
  readonly patch: string | null
}

/**
 * Result of a call that was answered; `value` is the validated value, or the text when no schema was given.
 * @category models
 * @since 0.1.0
 */
export interface Done<out A> extends Facts {
  readonly ok: true
  readonly status: "done"
  readonly value: A
  readonly text: string
  readonly error: null
}

/**
 * Result of a call that was not answered, or not well enough; `text` is what the provider said, if anything.
 * @category models
 * @since 0.1.0
 */
export interface Failed extends Facts {
  readonly ok: false
  readonly status: FailureStatus
  readonly value: null
  readonly text: string | null
  readonly error: string
}

/**
 * Result of a call that failed and has a declared value in place of its answer; `error` is why. It is not `ok`, so that a
 * program that takes the value has to say so.
 * @category models
 * @since 0.1.0
 */
export interface Degraded<out A> extends Facts {
  readonly ok: false
  readonly status: "degraded"
  readonly value: A
  readonly text: string | null
  readonly error: string
}

/**
 * Whether a value is the result of a call that did not succeed and has no value in place of its answer.
 * @category predicates
 * @since 0.1.0
 */
export const isFailed = (value: unknown): value is Failed =>
  Predicate.isRecord(value) && value["ok"] === false && typeof value["status"] === "string" &&
  value["status"] !== "degraded" && "callId" in value

/**
 * Whether a value is the result of a call a declared value stands in for.
 * @category predicates
 * @since 0.1.0
 */
export const isDegraded = (value: unknown): value is Degraded<unknown> =>
  Predicate.isRecord(value) && value["ok"] === false && value["status"] === "degraded" && "callId" in value

/**
 * The failed result an agent error carries, if the value is one.
 * @category converting
 * @since 0.1.0
 */
export const failedOf = (error: unknown): Failed | undefined =>
  Predicate.hasProperty(error, "result") && isFailed(error.result) ? error.result : undefined
