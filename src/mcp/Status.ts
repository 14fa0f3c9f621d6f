/**
 * Where a run stands, as tools give it: the run, and a line for each of its calls without what was asked and answered.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Json } from "./Commands.ts"
import * as Commands from "./Commands.ts"
import * as Fields from "./Fields.ts"
import type { Host } from "./Host.ts"
import * as Problem from "./Problem.ts"

const row = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/**
 * Fields of a result that says where a run stands.
 * @category models
 * @since 0.1.0
 */
export const fields = {
  run_id: Schema.String,
  status: Schema.String.annotations({
    description:
      "running, waiting, done, degraded, failed or interrupted; a run that failed or was interrupted can be resumed"
  }),
  run_dir: Schema.String,
  attempt: Schema.Number,
  output: Schema.Unknown,
  run: row,
  calls_by_status: Schema.Record({ key: Schema.String, value: Schema.Number }),
  own: row.annotations({ description: "What the run's own calls come to: requests, tokens, cost" }),
  calls: Schema.Struct(Fields.items)
}

/**
 * Where a run stands.
 * @category running
 * @since 0.1.0
 */
export const read = (
  id: string,
  home: ReadonlyArray<string>,
  page: Parameters<typeof Fields.page>[1]
) =>
  Effect.map(Commands.object("status", home, id), (found) => {
    const { calls, output, own, run, run_dir, ...more } = found
    const { output_json, ...kept } = Commands.objectOf(run) ?? {}
    const rows = Commands.listOf(calls)
    return {
      run_id: String(kept["id"]),
      status: String(kept["status"]),
      run_dir: String(run_dir),
      attempt: Number(kept["attempt_number"]),
      output: output ?? (typeof output_json === "string" ? Option.getOrNull(Commands.parse(output_json)) : null),
      run: kept,
      calls_by_status: Commands.objectOf(Commands.objectOf(own)?.["by_status"]) ?? {},
      own,
      calls: Fields.page(rows.map(lineOf), page),
      ...more
    }
  })

/**
 * The id and the directory of a run.
 * @category running
 * @since 0.1.0
 */
export const find = (
  id: string,
  home: ReadonlyArray<string>
): Effect.Effect<
  { readonly id: string; readonly directory: string; readonly status: string; readonly script: string | undefined },
  Problem.Problem,
  Host
> =>
  Effect.flatMap(Commands.object("status", home, id), ({ run, run_dir }) => {
    const { id, script_path, status } = Commands.objectOf(run) ?? {}
    return typeof id === "string" && typeof run_dir === "string"
      ? Effect.succeed({
        id,
        directory: run_dir,
        status: String(status),
        script: typeof script_path === "string" ? script_path : undefined
      })
      : Effect.fail(Problem.make("InternalError", "This is a bug in owf: a run has no id."))
  })

/**
 * Waits until something has happened in a run, it is not under way, or so many milliseconds have passed.
 * @category running
 * @since 0.1.0
 */
export const changed = (
  id: string,
  home: ReadonlyArray<string>,
  millis: number
): Effect.Effect<void, Problem.Problem, Host> =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + millis
    const first = yield* signs(id, home)
    let last = first
    while (isUnderWay(last) && last.mark === first.mark) {
      const now = yield* Clock.currentTimeMillis
      if (now >= until) return
      yield* Effect.sleep(Duration.millis(Math.min(pause, until - now)))
      last = yield* signs(id, home)
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const pause = 300

interface Signs {
  readonly status: string
  /** Differs when something has happened. */
  readonly mark: string
}

const isUnderWay = ({ status }: Signs): boolean => status === "running" || status === "waiting"

const signs = (id: string, home: ReadonlyArray<string>): Effect.Effect<Signs, Problem.Problem, Host> =>
  Effect.map(Commands.object("health", home, id), ({ last_event_at, status, waiting_until }) => ({
    status: String(status),
    mark: JSON.stringify([status, last_event_at, waiting_until])
  }))

const lineFields = [
  "id",
  "run_id",
  "call_index",
  "label",
  "phase",
  "status",
  "cache_status",
  "provider",
  "model",
  "attempts",
  "input_tokens",
  "output_tokens",
  "estimated_cost_usd",
  "duration_ms",
  "error_kind",
  "error",
  "waiting_until"
]

const lineOf = (row: Json): Json => Object.fromEntries(lineFields.map((field) => [field, row[field] ?? null]))
