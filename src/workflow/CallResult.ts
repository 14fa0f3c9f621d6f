/**
 * Builds a call's result and errors from what is known of it, in one place, so that a live, a replayed and a shared
 * answer look the same.
 */
import type { ValidationIssue } from "../domain/AnswerSchema.ts"
import type { CallId } from "../domain/Ids.ts"
import * as Money from "../domain/Money.ts"
import type { Artifact, Done, Facts, Failed } from "../domain/Outcome.ts"
import type { CacheStatus, FailureStatus, Isolation } from "../domain/Status.ts"
import * as Usage from "../domain/Usage.ts"
import * as sha256 from "../internal/sha256.ts"
import type { NewArtifact } from "../store/RunStore.ts"

/**
 * What is fixed about a call before it is answered.
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly callId: CallId
  /** Absolute path of the call's directory. */
  readonly directory: string
  readonly prompt: string
  readonly promptSha256: string
  readonly label: string | null
  readonly phase: string | null
  readonly provider: string
  readonly model: string
  readonly agentType: string | null
  readonly isolation: Isolation
  readonly cacheKey: string
  readonly schemaHash: string | null
}

/**
 * What a call used.
 * @category models
 * @since 0.1.0
 */
export interface Expense {
  readonly usage: Usage.Usage
  /** Null when the price of any request is not known. */
  readonly cost: Money.NanoUsd | null
  readonly durationMs: number
}

/**
 * No expense.
 * @category constructors
 * @since 0.1.0
 */
export const free: Expense = { usage: Usage.zero, cost: Money.zero, durationMs: 0 }

/**
 * What a call changed, as its result says it.
 * @category models
 * @since 0.1.0
 */
export type Changed = Pick<
  Facts,
  "worktreePath" | "worktreeBranch" | "baseCommit" | "headCommit" | "changedFiles" | "patch"
>

/**
 * Nothing was changed, or nobody looked.
 * @category constructors
 * @since 0.1.0
 */
export const unchanged: Changed = {
  worktreePath: null,
  worktreeBranch: null,
  baseCommit: null,
  headCommit: null,
  changedFiles: [],
  patch: null
}

/**
 * Outputs of a call as they are stored: `text` is null when it is the same as `json`.
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly text: string | null
  readonly json: string | null
}

/**
 * The output to store for an answer; `json` is null where no schema was asked for.
 * @category constructors
 * @since 0.1.0
 */
export const outputOf = (text: string, json: string | null): Output => ({ text: text === json ? null : text, json })

/**
 * The files of a call: its prompt, its output, what the provider sent where that is something else, why it failed, and
 * what it changed.
 * @category constructors
 * @since 0.1.0
 */
export const artifacts = (
  identity: Identity,
  output: Output,
  raw: string | null,
  error: string | null,
  patch: string | null = null
): ReadonlyArray<NewArtifact> => {
  const files: Array<NewArtifact> = [
    { kind: "prompt", sha256: identity.promptSha256, sizeBytes: byteLength(identity.prompt) }
  ]
  if (output.json !== null) files.push(file("output_json", output.json))
  else if (output.text !== null) files.push(file("output_text", output.text))
  if (raw !== null) files.push(file("raw", raw))
  if (error !== null) files.push(file("error", error))
  if (patch !== null) files.push(file("patch", patch))
  return files
}

/**
 * Result of an answered call.
 * @category constructors
 * @since 0.1.0
 */
export const done = <A>(
  identity: Identity,
  cacheStatus: CacheStatus,
  output: Output,
  value: A,
  files: ReadonlyArray<NewArtifact>,
  validationAttempts: number,
  expense: Expense,
  changed: Changed = unchanged
): Done<A> =>
  result(
    { ok: true, status: "done", value, text: output.text ?? output.json ?? "", error: null },
    identity,
    cacheStatus,
    files,
    { status: identity.schemaHash === null ? "not_checked" : "valid", errors: [], attempts: validationAttempts },
    expense,
    changed
  )

/**
 * Result of a call that failed.
 * @category constructors
 * @since 0.1.0
 */
export const failed = (
  identity: Identity,
  cacheStatus: CacheStatus,
  status: FailureStatus,
  error: string,
  details: {
    readonly text?: string | null
    readonly files?: ReadonlyArray<NewArtifact>
    readonly issues?: ReadonlyArray<ValidationIssue>
    readonly validationAttempts?: number
    readonly expense?: Expense
    readonly changed?: Changed
  }
): Failed =>
  result(
    { ok: false, status, value: null, text: details.text ?? null, error },
    identity,
    cacheStatus,
    details.files ?? [],
    {
      status: status === "schema_failed" ? "invalid" : "not_checked",
      errors: details.issues ?? [],
      attempts: details.validationAttempts ?? 0
    },
    details.expense ?? free,
    details.changed ?? unchanged
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Validation {
  readonly status: Facts["validationStatus"]
  readonly errors: ReadonlyArray<ValidationIssue>
  readonly attempts: number
}

// one literal for both shapes: results are made by the thousand, and copying objects into objects costs several times as much
const result = <Ok extends boolean, Status, Value, Text, Problem>(
  head: {
    readonly ok: Ok
    readonly status: Status
    readonly value: Value
    readonly text: Text
    readonly error: Problem
  },
  identity: Identity,
  cacheStatus: CacheStatus,
  files: ReadonlyArray<NewArtifact>,
  validation: Validation,
  expense: Expense,
  changed: Changed
) => {
  const named: Array<Artifact> = []
  let text: string | null = null
  let json: string | null = null
  let raw: string | null = null
  for (const { kind, sha256 } of files) {
    const path = `${identity.directory}/${fileNames[kind]}`
    named.push({ kind, path, sha256 })
    if (kind === "output_text") text = path
    else if (kind === "output_json") json = path
    else if (kind === "raw") raw = path
  }
  return {
    ok: head.ok,
    status: head.status,
    value: head.value,
    text: head.text,
    error: head.error,
    callId: identity.callId,
    label: identity.label,
    phase: identity.phase,
    provider: identity.provider,
    model: identity.model,
    agentType: identity.agentType,
    cacheStatus,
    cacheKey: identity.cacheKey,
    promptPath: `${identity.directory}/${fileNames.prompt}`,
    outputTextPath: text,
    outputJsonPath: json,
    rawOutputPath: raw ?? text,
    transcriptPath: null,
    artifacts: named,
    schemaHash: identity.schemaHash,
    validationStatus: validation.status,
    validationErrors: validation.errors,
    validationAttempts: validation.attempts,
    usage: expense.usage,
    estimatedCostUsd: expense.cost === null ? null : Money.toUsd(expense.cost),
    durationMs: expense.durationMs,
    isolation: identity.isolation,
    worktreePath: changed.worktreePath,
    worktreeBranch: changed.worktreeBranch,
    baseCommit: changed.baseCommit,
    headCommit: changed.headCommit,
    changedFiles: changed.changedFiles,
    patch: changed.patch
  }
}

const fileNames: Record<NewArtifact["kind"], string> = {
  prompt: "prompt.txt",
  output_text: "output.txt",
  output_json: "output.json",
  raw: "raw.txt",
  error: "error.txt",
  patch: "patch.diff"
}

const file = (kind: NewArtifact["kind"], content: string): NewArtifact => ({
  kind,
  sha256: sha256.hex(content),
  sizeBytes: byteLength(content)
})

const encoder = new TextEncoder()

// most texts are ASCII, whose length is known without encoding them
const byteLength = (text: string): number => /^[\x00-\x7f]*$/.test(text) ? text.length : encoder.encode(text).length
