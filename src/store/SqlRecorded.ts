/**
 * Whole runs as rows, for reports: what to select, and how it decodes.
 *
 * - Q1. One statement per table, whatever the number of runs and calls.
 * - Q2. A text leaves the database cut; its size is known without reading it.
 * - Q3. Columns are checked by hand, like those of a journal: a schema takes thirty times as long for a row. A row that
 *   does not decode is an error all the same.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Ids from "../domain/Ids.ts"
import type { AskedCall, CutText, Limits, Recorded, RecordedAttempt, RecordedCall } from "../domain/Recorded.ts"
import type * as Records from "../domain/Records.ts"
import { CachePolicy, CacheStatus, CallStatus, Isolation } from "../domain/Status.ts"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import type { Row } from "./SqlRows.ts"
import type { Value } from "./SqlTemplates.ts"

/**
 * Asks the database for all rows of a statement.
 * @category models
 * @since 0.1.0
 */
export type All = (
  statement: string,
  ...parameters: ReadonlyArray<Value>
) => Effect.Effect<ReadonlyArray<Row>, StoreError>

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
    const calls = yield* Effect.flatMap(all(selectCalls(textLimit), runs), decode(path, callOf))
    const attempts = yield* Effect.flatMap(all(selectAttempts(textLimit), runs), decode(path, attemptOf))
    const events = yield* Effect.flatMap(all(selectEvents, runs, limits.events), decode(path, eventOf))
    const artifacts = yield* Effect.flatMap(all(selectArtifacts, runs), decode(path, artifactsOf))
    const [counted] = yield* all(countEvents, runs)
    return {
      calls,
      attempts,
      events: events.toSorted(byPlace),
      artifacts: artifacts.flat(),
      omittedEvents: Math.max(0, Number(counted?.["there_are"] ?? 0) - events.length),
      textLimit
    }
  })

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

/** JSON beyond this many bytes is left out as a whole: a part of it is no JSON. */
const longestJson = 262_144

const longestError = 8_192

const longestSystemToCompare = 1_024

const cut = (column: string, limit: number): string =>
  `CASE WHEN octet_length(${column}) > ${limit} THEN substr(${column}, 1, ${limit}) ELSE ${column} END`

const whole = (column: string): string =>
  `CASE WHEN octet_length(${column}) <= ${longestJson} THEN ${column} END AS ${column.replace("calls.", "")}`

/** Texts that may be cut, and JSON that may be left out: their sizes are told only where one is, which is rare. */
const texts = ["prompt", "output_text", "output_json", "patch"] as const
const jsons = ["settings_json", "validation_errors_json", "changed_files_json", "recovery_json"] as const

const sizes = (limit: number): string => {
  const size = (column: string) => `octet_length(calls.${column})`
  const over = [
    ...[...texts, "opts_json"].map((column) => `${size(column)} > ${limit}`),
    ...jsons.map((column) => `${size(column)} > ${longestJson}`)
  ]
  const told = [...texts, ...jsons].map((column) => `'${column}', ${size(column)}`)
  return `CASE WHEN ${over.join(" OR ")} THEN
    json_object(${told.join(", ")}, 'system', octet_length(calls.opts_json ->> '$.system')) END AS sizes`
}

const options = (limit: number): string =>
  `CASE WHEN octet_length(calls.opts_json) > ${limit} AND calls.opts_json ->> '$.system' IS NOT NULL
    THEN json_set(calls.opts_json, '$.system', substr(calls.opts_json ->> '$.system', 1, ${limit}))
    ELSE calls.opts_json END AS opts_json`

const sourceAt = "instr(calls.source_call_id, '_call_')"

// a column that says the same as another is left out: what reading ten thousand calls takes is making their texts
const selectCalls = (limit: number): string =>
  `SELECT calls.run_id, calls.call_index, calls.call_key, nullif(calls.cache_key, calls.call_key) AS cache_key,
  calls.ordinal, calls.label, calls.phase, calls.position, calls.prompt_sha256, calls.provider, calls.model,
  calls.agent_type, calls.isolation, calls.status, calls.cache_status, calls.cache_policy, calls.source_call_id,
  calls.schema_hash, calls.error_kind, calls.worktree_path, calls.worktree_branch, calls.base_commit,
  calls.head_commit, calls.attempts, calls.input_tokens, calls.output_tokens, calls.cache_read_tokens,
  calls.cache_write_tokens, calls.cost_nano, calls.duration_ms, calls.run_attempt, calls.created_at,
  calls.completed_at, calls.patch_cut, ${options(limit)}, ${jsons.map((column) => whole(`calls.${column}`)).join(", ")},
  CASE WHEN calls.status IN ('waiting', 'cancelled') THEN calls.recovery_json ->> '$.until' END AS waiting_until,
  substr(calls.error, 1, ${longestError}) AS error,
  ${texts.map((column) => `${cut(`calls.${column}`, limit)} AS ${column}`).join(", ")}, ${sizes(limit)},
  source.input_tokens + source.output_tokens + source.cache_read_tokens + source.cache_write_tokens AS saved_tokens,
  coalesce(source.cost_nano, 0) AS saved_cost
  FROM calls LEFT JOIN calls AS source ON source.run_id = substr(calls.source_call_id, 1, ${sourceAt} - 1)
    AND source.call_index = CAST(substr(calls.source_call_id, ${sourceAt} + 6) AS INTEGER)
  WHERE calls.run_id ${inRuns} ORDER BY calls.run_id, calls.call_index`

const selectAttempts = (limit: number): string =>
  `SELECT run_id, call_index, attempt, status, reserved_tokens, reserved_cost_nano, input_tokens, output_tokens,
  cache_read_tokens, cache_write_tokens, cost_nano, cost_source, model, session_id, error_kind, started_at,
  completed_at, substr(error, 1, ${longestError}) AS error, ${cut("raw", limit)} AS raw,
  CASE WHEN octet_length(raw) > ${limit} THEN octet_length(raw) END AS raw_size
  FROM attempts WHERE run_id ${inRuns} ORDER BY run_id, call_index, attempt`

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

const decode = <A>(path: string, one: (columns: Columns) => A) => (rows: ReadonlyArray<Row>) =>
  Effect.suspend((): Effect.Effect<Array<A>, StoreError> => {
    const columns = new Columns()
    const decoded: Array<A> = []
    for (const row of rows) {
      columns.row = row
      decoded.push(one(columns))
      if (columns.wrong !== undefined) {
        const place = `${String(row["run_id"])}, call ${String(row["call_index"])}`
        return Effect.fail(SqlFailure.make("Invalid", path, `a row of ${place} does not decode: ${columns.wrong}`))
      }
    }
    return Effect.succeed(decoded)
  })

const isRunId = Schema.is(Ids.RunId)
const isCallId = Schema.is(Ids.CallId)

/** Reads columns of a row and remembers the first that is not what it has to be. */
class Columns {
  row: Row = {}
  wrong: string | undefined
  // rows of one run come one after the other: their id is checked once
  private checked: Ids.RunId | undefined

  private not<A>(name: string, stand: A): A {
    this.wrong ??= name
    return stand
  }

  runId(): Ids.RunId {
    const value = this.row["run_id"]
    if (value === this.checked && this.checked !== undefined) return this.checked
    if (!isRunId(value)) return this.not("run_id", "" as Ids.RunId)
    this.checked = value
    return value
  }

  text(name: string): string {
    const value = this.row[name]
    return typeof value === "string" ? value : this.not(name, "")
  }

  textOrNull(name: string): string | null {
    const value = this.row[name]
    return value === null || typeof value === "string" ? value : this.not(name, null)
  }

  count(name: string): number {
    const value = this.row[name]
    return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : this.not(name, 0)
  }

  countOrNull(name: string): number | null {
    return this.row[name] === null ? null : this.count(name)
  }

  amountOrNull(name: string): number | null {
    const value = this.row[name]
    return value === null || typeof value === "number" ? value : this.not(name, null)
  }

  word<A extends string>(name: string, words: ReadonlySet<string>): A {
    const value = this.row[name]
    // one of the words, which are those of the type
    return typeof value === "string" && words.has(value) ? value as A : this.not(name, "" as A)
  }

  callIdOrNull(name: string): Ids.CallId | null {
    const value = this.row[name]
    return value === null || isCallId(value) ? value : this.not(name, null)
  }

  /** The call a row belongs to. */
  callId(): Ids.CallId {
    return Ids.callId(this.runId(), this.count("call_index"))
  }

  /** A text that was cut where it is longer than it came. */
  cutOrNull(name: string, size: number | undefined): CutText | null {
    const text = this.textOrNull(name)
    if (text === null) return null
    const bytes = Buffer.byteLength(text)
    return size === undefined || size <= bytes ? { text, size: bytes, isCut: false } : { text, size, isCut: true }
  }

  cut(name: string, size: number | undefined): CutText {
    return this.cutOrNull(name, size) ?? this.not(name, { text: "", size: 0, isCut: false })
  }

  sizes(): Sizes {
    const value = this.row["sizes"]
    return value === null ? allFit : Option.getOrElse(decodeSizes(value), () => this.not("sizes", allFit))
  }
}

const Sizes = Schema.parseJson(
  Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.NonNegativeInt) })
)
type Sizes = typeof Sizes.Type
const decodeSizes = Schema.decodeUnknownOption(Sizes)
const allFit: Sizes = {}

const words = {
  cachePolicy: new Set<string>(CachePolicy.literals),
  cacheStatus: new Set<string>(CacheStatus.literals),
  isolation: new Set<string>(Isolation.literals),
  status: new Set<string>([...CallStatus.literals, "running", "waiting"]),
  attempt: new Set<string>(["running", "done", "failed", "lost"] satisfies ReadonlyArray<Records.Attempt["status"]>)
}

const none: ReadonlyArray<string> = []

const callOf = (columns: Columns): RecordedCall => {
  const savedTokens = columns.countOrNull("saved_tokens")
  const callKey = columns.text("call_key")
  const sizes = columns.sizes()
  const sizeOf = (name: string): number | undefined => sizes[name] ?? undefined
  return {
    id: columns.callId(),
    runId: columns.runId(),
    index: columns.count("call_index"),
    callKey,
    cacheKey: columns.textOrNull("cache_key") ?? callKey,
    ordinal: columns.count("ordinal"),
    label: columns.textOrNull("label"),
    phase: columns.textOrNull("phase"),
    position: columns.text("position"),
    promptSha256: columns.text("prompt_sha256"),
    prompt: columns.cut("prompt", sizeOf("prompt")),
    optsJson: columns.text("opts_json"),
    systemSize: sizes["system"] ?? null,
    settingsJson: columns.textOrNull("settings_json"),
    provider: columns.text("provider"),
    model: columns.text("model"),
    agentType: columns.textOrNull("agent_type"),
    isolation: columns.word("isolation", words.isolation),
    status: columns.word("status", words.status),
    cacheStatus: columns.word("cache_status", words.cacheStatus),
    cachePolicy: columns.word("cache_policy", words.cachePolicy),
    sourceCallId: columns.callIdOrNull("source_call_id"),
    schemaHash: columns.textOrNull("schema_hash"),
    outputText: columns.cutOrNull("output_text", sizeOf("output_text")),
    outputJson: columns.cutOrNull("output_json", sizeOf("output_json")),
    patch: columns.cutOrNull("patch", sizeOf("patch")),
    patchIsCut: columns.count("patch_cut") === 1,
    validationErrorsJson: columns.textOrNull("validation_errors_json"),
    errorKind: columns.textOrNull("error_kind"),
    error: columns.textOrNull("error"),
    worktreePath: columns.textOrNull("worktree_path"),
    worktreeBranch: columns.textOrNull("worktree_branch"),
    baseCommit: columns.textOrNull("base_commit"),
    headCommit: columns.textOrNull("head_commit"),
    changedFilesJson: columns.textOrNull("changed_files_json"),
    attempts: columns.count("attempts"),
    inputTokens: columns.count("input_tokens"),
    outputTokens: columns.count("output_tokens"),
    cacheReadTokens: columns.count("cache_read_tokens"),
    cacheWriteTokens: columns.count("cache_write_tokens"),
    costNano: columns.countOrNull("cost_nano"),
    durationMs: columns.amountOrNull("duration_ms"),
    runAttempt: columns.count("run_attempt"),
    createdAt: columns.text("created_at"),
    completedAt: columns.textOrNull("completed_at"),
    recoveryJson: columns.textOrNull("recovery_json"),
    waitingUntil: columns.textOrNull("waiting_until"),
    saved: savedTokens === null ? null : { tokens: savedTokens, costNano: columns.count("saved_cost") },
    tooLong: sizes === allFit ? none : jsons.filter((name) => (sizes[name] ?? 0) > longestJson)
  }
}

const attemptOf = (columns: Columns): RecordedAttempt => ({
  callId: columns.callId(),
  attempt: columns.count("attempt"),
  status: columns.word("status", words.attempt),
  reservedTokens: columns.count("reserved_tokens"),
  reservedCostNano: columns.count("reserved_cost_nano"),
  inputTokens: columns.count("input_tokens"),
  outputTokens: columns.count("output_tokens"),
  cacheReadTokens: columns.count("cache_read_tokens"),
  cacheWriteTokens: columns.count("cache_write_tokens"),
  costNano: columns.countOrNull("cost_nano"),
  costSource: columns.textOrNull("cost_source"),
  model: columns.textOrNull("model"),
  sessionId: columns.textOrNull("session_id"),
  errorKind: columns.textOrNull("error_kind"),
  error: columns.textOrNull("error"),
  raw: columns.cutOrNull("raw", columns.countOrNull("raw_size") ?? undefined),
  startedAt: columns.text("started_at"),
  completedAt: columns.textOrNull("completed_at")
})

const eventOf = (columns: Columns): Records.Event => ({
  id: columns.count("id"),
  runId: columns.runId(),
  callId: columns.row["call_index"] === null ? null : columns.callId(),
  runAttempt: columns.count("run_attempt"),
  type: columns.text("type"),
  message: columns.text("message"),
  dataJson: columns.textOrNull("data_json"),
  timestamp: columns.text("timestamp")
})

const byPlace = (a: Records.Event, b: Records.Event): number =>
  a.runId === b.runId ? a.id - b.id : a.runId < b.runId ? -1 : 1

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
