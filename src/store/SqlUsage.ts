/**
 * What calls used, added up in the database: requests and calls are two lists of rows, each with the group it belongs to.
 */
import type { UsageQuery } from "./RunStore.ts"
import { iso } from "./SqlTemplates.ts"
import type { Value } from "./SqlTemplates.ts"

// the id of a call is that of its run, `_call_` and its index
const separator = "instr(calls.source_call_id, '_call_')"

/**
 * The run of the call a hit was answered from.
 * @category models
 * @since 0.1.0
 */
export const sourceRun = `substr(calls.source_call_id, 1, ${separator} - 1)`

/**
 * The index of the call a hit was answered from.
 * @category models
 * @since 0.1.0
 */
export const sourceIndex = `CAST(substr(calls.source_call_id, ${separator} + 6) AS INTEGER)`

/**
 * The statement for a query, and its parameters; rows decode as `Records.Usage`.
 * @category constructors
 * @since 0.1.0
 */
export const select = (query: UsageQuery): readonly [statement: string, parameters: ReadonlyArray<Value>] => {
  const requests = conditions(query, "attempts.started_at")
  const calls = conditions(query, "calls.created_at")
  const statement = `SELECT "group", sum(calls) AS calls, sum(hits) AS hits, sum(attempts) AS attempts,
    sum(lost) AS lost_attempts, sum(input) AS input_tokens, sum(output) AS output_tokens,
    sum(cache_read) AS cache_read_tokens, sum(cache_write) AS cache_write_tokens,
    sum(cost) / 1e9 AS cost_usd, sum(unknown) AS unknown_costs,
    sum(saved_tokens) AS saved_tokens, sum(saved_cost) / 1e9 AS saved_cost_usd
    FROM (
      SELECT ${groups[query.by]("attempts.started_at")} AS "group", 0 AS calls, 0 AS hits, 1 AS attempts,
        attempts.status = 'lost' AS lost, attempts.input_tokens AS input, attempts.output_tokens AS output,
        attempts.cache_read_tokens AS cache_read, attempts.cache_write_tokens AS cache_write,
        coalesce(attempts.cost_nano, 0) AS cost, attempts.cost_nano IS NULL AS unknown,
        0 AS saved_tokens, 0 AS saved_cost
      FROM attempts
      JOIN calls ON calls.run_id = attempts.run_id AND calls.call_index = attempts.call_index
      JOIN runs ON runs.id = calls.run_id ${requests.where}
      UNION ALL
      SELECT ${groups[query.by]("calls.created_at")}, 1, calls.source_call_id IS NOT NULL, 0, 0, 0, 0, 0, 0, 0, 0,
        coalesce(source.input_tokens + source.output_tokens + source.cache_read_tokens + source.cache_write_tokens, 0),
        coalesce(source.cost_nano, 0)
      FROM calls JOIN runs ON runs.id = calls.run_id
      LEFT JOIN calls AS source ON source.run_id = ${sourceRun} AND source.call_index = ${sourceIndex} ${calls.where}
    ) GROUP BY "group" ORDER BY "group" IS NULL, "group"`
  return [statement, [...requests.parameters, ...calls.parameters]]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A run and the runs below it. */
const below = `WITH RECURSIVE below (id) AS (
    SELECT ? UNION ALL SELECT child.id FROM below JOIN runs AS child ON child.parent_run_id = below.id)
  SELECT id FROM below`

const groups: Readonly<Record<UsageQuery["by"], (time: string) => string>> = {
  provider: () => "calls.provider",
  model: () => "calls.provider || ':' || calls.model",
  workflow: () => "runs.workflow_name",
  phase: () => "calls.phase",
  day: (time) => `substr(${time}, 1, 10)`
}

const conditions = (
  { run, since }: UsageQuery,
  time: string
): { readonly where: string; readonly parameters: ReadonlyArray<Value> } => {
  const all = [
    ...(since === undefined ? [] : [`${time} >= ?`]),
    ...(run === undefined ? [] : [`runs.id IN (${below})`])
  ]
  return {
    where: all.length === 0 ? "" : `WHERE ${all.join(" AND ")}`,
    parameters: [...(since === undefined ? [] : [iso(since)]), ...(run === undefined ? [] : [run])]
  }
}
