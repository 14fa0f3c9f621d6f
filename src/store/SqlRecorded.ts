/**
 * Whole runs as rows, for reports: what to select, and how it decodes.
 *
 * - Q1. One statement per table, whatever the number of runs and calls.
 * - Q2. A text leaves the database cut; its size is known without reading it.
 */
import * as Effect from "effect/Effect"
import type * as Ids from "../domain/Ids.ts"
import type { AskedCall, Limits, Recorded, RecordedAttempt, RecordedCall, Whole } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { CachePolicy, CallStatus, Isolation } from "../domain/Status.ts"
import type { StoreError } from "./RunStore.ts"
import type { All, Columns } from "./SqlColumns.ts"
import { allFit, decode } from "./SqlColumns.ts"
import * as SqlStanding from "./SqlStanding.ts"

/**
 * What is stored of some runs.
 * @category running
 * @since 0.1.0
 */
export const read = (
  all: All,
  path: string,
  ids: ReadonlyArray<Ids.RunId>,
  limits: Limits
): Effect.Effect<Recorded, StoreError> =>
  Effect.gen(function*() {
    const runs = JSON.stringify(ids)
    const textLimit = yield* fitting(all, runs, limits)
    const calls = yield* Effect.flatMap(all(selectCalls(cutting(textLimit)), runs), decode(path, callOf))
    const attempts = yield* Effect.flatMap(all(selectAttempts(cutting(textLimit)), runs), decode(path, attemptOf))
    const events = yield* Effect.flatMap(all(selectEvents, runs, limits.events), decode(path, SqlStanding.eventOf))
    const artifacts = yield* Effect.flatMap(all(selectArtifacts, runs), decode(path, artifactsOf))
    const [counted] = yield* all(countEvents, runs)
    return {
      calls,
      attempts,
      events: events.toSorted(SqlStanding.byPlace),
      artifacts: artifacts.flat(),
      omittedEvents: Math.max(0, Number(counted?.["there_are"] ?? 0) - events.length),
      textLimit
    }
  })

/**
 * Calls of a run, or one of them, with all that is recorded of them.
 * @category running
 * @since 0.1.0
 */
export const whole = (
  all: All,
  path: string,
  id: Ids.RunId,
  index: number | null
): Effect.Effect<Whole, StoreError> => {
  const only = (column: string): string => index === null ? "" : ` AND ${column} = ?`
  const parameters = [JSON.stringify([id]), ...(index === null ? [] : [index])]
  const calls = all(selectCalls(nothingCut, only("calls.call_index")), ...parameters)
  const attempts = all(selectAttempts(nothingCut, only("call_index")), ...parameters)
  return Effect.all({
    calls: Effect.flatMap(calls, decode(path, callOf)),
    attempts: Effect.flatMap(attempts, decode(path, attemptOf))
  })
}

/**
 * What calls of the newest earlier runs of a run's workflow asked, the newest first.
 * @category running
 * @since 0.1.0
 */
export const earlier = (
  all: All,
  path: string,
  id: Ids.RunId,
  limit: number
): Effect.Effect<ReadonlyArray<AskedCall>, StoreError> =>
  Effect.flatMap(all(selectEarlier, id, id, limit), decode(path, askedOf))

// -----------------------------------------------------------------------------
// statements
// -----------------------------------------------------------------------------

const inRuns = "IN (SELECT value FROM json_each(?))"

/** How much of a row is read. */
interface Cutting {
  /** Characters of a text. */
  readonly text: number
  /** Bytes of JSON; beyond, it is left out as a whole: a part of it is no JSON. */
  readonly json: number
  readonly error: number
  readonly patches: boolean
}

const longestJson = 262_144

const longestError = 8_192

const longestSystemToCompare = 1_024

const cutting = (text: number): Cutting => ({ text, json: longestJson, error: longestError, patches: true })

/** A patch has a command of its own. */
const nothingCut: Cutting = { text: Infinity, json: Infinity, error: 2 ** 31, patches: false }

const cut = (column: string, limit: number): string =>
  limit === Infinity
    ? column
    : `CASE WHEN octet_length(${column}) > ${limit} THEN substr(${column}, 1, ${limit}) ELSE ${column} END`

const orNone = (column: string, limit: number): string =>
  limit === Infinity ? column : `CASE WHEN octet_length(${column}) <= ${limit} THEN ${column} END`

/** Texts that may be cut, and JSON that may be left out: their sizes are told only where one is, which is rare. */
const texts = ["prompt", "output_text", "output_json", "patch"] as const
const jsons = ["settings_json", "validation_errors_json", "changed_files_json", "recovery_json"] as const

const sizes = ({ json, text }: Cutting): string => {
  if (text === Infinity) return "NULL AS sizes"
  const size = (column: string) => `octet_length(calls.${column})`
  const over = [
    ...[...texts, "opts_json"].map((column) => `${size(column)} > ${text}`),
    ...jsons.map((column) => `${size(column)} > ${json}`)
  ]
  const told = [...texts, ...jsons].map((column) => `'${column}', ${size(column)}`)
  return `CASE WHEN ${over.join(" OR ")} THEN
    json_object(${told.join(", ")}, 'system', octet_length(calls.opts_json ->> '$.system')) END AS sizes`
}

const options = (limit: number): string =>
  limit === Infinity
    ? "calls.opts_json"
    : `CASE WHEN octet_length(calls.opts_json) > ${limit} AND calls.opts_json ->> '$.system' IS NOT NULL
    THEN json_set(calls.opts_json, '$.system', substr(calls.opts_json ->> '$.system', 1, ${limit}))
    ELSE calls.opts_json END AS opts_json`

// a column that says the same as another is left out: what reading ten thousand calls takes is making their texts
const selectCalls = (limits: Cutting, only = ""): string =>
  `SELECT ${SqlStanding.callColumns(limits.error)}, calls.call_key,
  nullif(calls.cache_key, calls.call_key) AS cache_key, calls.ordinal, calls.position, calls.prompt_sha256,
  calls.agent_type, calls.isolation, calls.cache_policy, calls.schema_hash, calls.worktree_path, calls.worktree_branch,
  calls.base_commit, calls.head_commit, calls.patch_cut, ${options(limits.text)},
  ${jsons.map((column) => `${orNone(`calls.${column}`, limits.json)} AS ${column}`).join(", ")},
  ${texts.map((column) => `${textOf(column, limits)} AS ${column}`).join(", ")}, ${sizes(limits)}
  FROM ${SqlStanding.callTables} WHERE calls.run_id ${inRuns}${only} ORDER BY calls.run_id, calls.call_index`

const textOf = (column: typeof texts[number], { patches, text }: Cutting): string =>
  column === "patch" && !patches ? "NULL" : cut(`calls.${column}`, text)

const selectAttempts = ({ error, text }: Cutting, only = ""): string =>
  `SELECT ${SqlStanding.attemptColumns(error)}, ${cut("raw", text)} AS raw,
  ${text === Infinity ? "NULL" : `CASE WHEN octet_length(raw) > ${text} THEN octet_length(raw) END`} AS raw_size
  FROM attempts WHERE run_id ${inRuns}${only} ORDER BY run_id, call_index, attempt`

const countEvents = `SELECT count(*) AS there_are FROM events WHERE run_id ${inRuns}`

const selectEvents = `SELECT id, run_id, call_index, run_attempt, type, substr(message, 1, ${longestError}) AS message,
  CASE WHEN octet_length(data_json) <= CASE type WHEN 'schema' THEN ${longestJson} ELSE ${longestError} END
    THEN data_json END AS data_json, timestamp
  FROM events WHERE run_id ${inRuns} ORDER BY type IN ('call_settled', 'step'), timestamp DESC, run_id, id DESC LIMIT ?`

const selectArtifacts =
  `SELECT run_id, call_index, group_concat(kind || ' ' || size_bytes || ' ' || sha256 || ' ' || created_at) AS files
  FROM artifacts WHERE run_id ${inRuns} GROUP BY run_id, call_index ORDER BY run_id, call_index`

const selectEarlier = `SELECT calls.run_id, calls.call_index, calls.call_key, calls.cache_key, calls.ordinal,
  calls.label, calls.position, calls.prompt_sha256, calls.status, calls.cache_policy, ${options(longestSystemToCompare)}
  FROM calls JOIN runs ON runs.id = calls.run_id WHERE runs.id < ? AND runs.workflow_name =
  (SELECT workflow_name FROM runs WHERE id = ?) ORDER BY calls.run_id DESC, calls.call_index DESC LIMIT ?`

/** The largest limit, of powers of two, that all texts fit into. */
const fitting = (all: All, runs: string, { text, total }: Limits): Effect.Effect<number, StoreError> => {
  const size = (column: string) => `coalesce(min(octet_length(${column}), ?), 0)`
  const sum = texts.map(size).join(" + ")
  const statement = `SELECT coalesce((SELECT sum(${sum}) FROM calls WHERE run_id ${inRuns}), 0) +
    coalesce((SELECT sum(${size("raw")}) FROM attempts WHERE run_id ${inRuns}), 0) AS bytes`
  const bytes = (limit: number) =>
    Effect.map(all(statement, ...texts.map(() => limit), runs, limit, runs), ([row]) => Number(row?.["bytes"] ?? 0))
  return Effect.iterate({ limit: text, isFit: false }, {
    while: ({ isFit, limit }) => !isFit && limit > least,
    body: ({ limit }) =>
      Effect.map(bytes(limit), (sum) => sum <= total ? { limit, isFit: true } : { limit: limit / 2, isFit: false })
  }).pipe(Effect.map(({ limit }) => limit))
}

const least = 256

// -----------------------------------------------------------------------------
// decoding
// -----------------------------------------------------------------------------

const words = {
  cachePolicy: new Set<string>(CachePolicy.literals),
  isolation: new Set<string>(Isolation.literals),
  status: new Set<string>([...CallStatus.literals, "running", "waiting"])
}

const none: ReadonlyArray<string> = []

// written out, field by field: spreading ten thousand objects of this size takes as long as all the rest
const callOf = (columns: Columns): RecordedCall => {
  const standing = SqlStanding.callOf(columns)
  const callKey = columns.text("call_key")
  const sizes = columns.sizes()
  const sizeOf = (name: string): number | undefined => sizes[name] ?? undefined
  return {
    id: standing.id,
    runId: standing.runId,
    index: standing.index,
    label: standing.label,
    phase: standing.phase,
    provider: standing.provider,
    model: standing.model,
    status: standing.status,
    cacheStatus: standing.cacheStatus,
    sourceCallId: standing.sourceCallId,
    errorKind: standing.errorKind,
    error: standing.error,
    runAttempt: standing.runAttempt,
    createdAt: standing.createdAt,
    completedAt: standing.completedAt,
    durationMs: standing.durationMs,
    waitingUntil: standing.waitingUntil,
    saved: standing.saved,
    callKey,
    cacheKey: columns.textOrNull("cache_key") ?? callKey,
    ordinal: columns.count("ordinal"),
    position: columns.text("position"),
    promptSha256: columns.text("prompt_sha256"),
    prompt: columns.cut("prompt", sizeOf("prompt")),
    optsJson: columns.text("opts_json"),
    systemSize: sizes["system"] ?? null,
    settingsJson: columns.textOrNull("settings_json"),
    agentType: columns.textOrNull("agent_type"),
    isolation: columns.word("isolation", words.isolation),
    cachePolicy: columns.word("cache_policy", words.cachePolicy),
    schemaHash: columns.textOrNull("schema_hash"),
    outputText: columns.cutOrNull("output_text", sizeOf("output_text")),
    outputJson: columns.cutOrNull("output_json", sizeOf("output_json")),
    patch: columns.cutOrNull("patch", sizeOf("patch")),
    patchIsCut: columns.count("patch_cut") === 1,
    validationErrorsJson: columns.textOrNull("validation_errors_json"),
    worktreePath: columns.textOrNull("worktree_path"),
    worktreeBranch: columns.textOrNull("worktree_branch"),
    baseCommit: columns.textOrNull("base_commit"),
    headCommit: columns.textOrNull("head_commit"),
    changedFilesJson: columns.textOrNull("changed_files_json"),
    recoveryJson: columns.textOrNull("recovery_json"),
    tooLong: sizes === allFit ? none : jsons.filter((name) => (sizes[name] ?? 0) > longestJson)
  }
}

const attemptOf = (columns: Columns): RecordedAttempt => ({
  ...SqlStanding.attemptOf(columns),
  raw: columns.cutOrNull("raw", columns.countOrNull("raw_size") ?? undefined)
})

const files: Readonly<Record<string, string>> = {
  prompt: "prompt.txt",
  output_text: "output.txt",
  output_json: "output.json",
  raw: "raw.txt",
  patch: "patch.diff"
}

/** The files of a call: no kind, digest or time has a space or a comma in it. */
const artifactsOf = (columns: Columns): ReadonlyArray<Records.Artifact> => {
  const callId = columns.callId()
  const runId = columns.runId()
  return columns.text("files").split(",").map((file) => {
    const [kind = "", size = "", sha256 = "", createdAt = ""] = file.split(" ")
    return {
      runId,
      callId,
      kind,
      path: `calls/${callId}/${files[kind] ?? "error.txt"}`,
      sha256,
      sizeBytes: Number(size),
      createdAt
    }
  })
}

const askedOf = (columns: Columns): AskedCall => ({
  id: columns.callId(),
  callKey: columns.text("call_key"),
  cacheKey: columns.text("cache_key"),
  ordinal: columns.count("ordinal"),
  label: columns.textOrNull("label"),
  position: columns.text("position"),
  prompt: columns.text("prompt_sha256"),
  optsJson: columns.text("opts_json"),
  status: columns.word("status", words.status),
  cachePolicy: columns.word("cache_policy", words.cachePolicy)
})
