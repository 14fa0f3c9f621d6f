/**
 * Where the calls of a run stand, for whoever follows it from another process.
 *
 * Only small columns are read: what was asked and answered stays where it is, so that looking every moment is cheap.
 */
import { sourceIndex, sourceRun } from "./SqlUsage.ts"

/**
 * SELECT of calls that are under way, or were settled by an event after a number; takes the run, the run and the number.
 *
 * What a call under way used up to now is in the rows of its requests.
 * @category models
 * @since 0.1.0
 */
export const select = `SELECT printf('%s_call_%04d', calls.run_id, calls.call_index) AS id, calls.label, calls.phase,
  calls.provider, calls.model, calls.status, calls.cache_status, calls.duration_ms, calls.error_kind,
  substr(calls.error, 1, 2000) AS error,
  CASE WHEN calls.status = 'waiting' THEN calls.recovery_json ->> '$.until' END AS waiting_until,
  ${ofRequests("max(started_at)", "calls.created_at")} AS started_at,
  ${ofRequests("max(attempt)", "calls.attempts")} AS attempts,
  ${ofRequests("sum(input_tokens + output_tokens)", "calls.input_tokens + calls.output_tokens")} AS tokens,
  ${ofRequests("sum(cost_nano)", "calls.cost_nano")} / 1e9 AS cost_usd,
  coalesce(source.input_tokens + source.output_tokens, 0) AS saved_tokens,
  coalesce(source.cost_nano, 0) / 1e9 AS saved_cost_usd
  FROM calls
  LEFT JOIN calls AS source ON source.run_id = ${sourceRun} AND source.call_index = ${sourceIndex}
  WHERE calls.run_id = ? AND (calls.status IN ('running', 'waiting') OR calls.call_index IN (
    SELECT call_index FROM events WHERE run_id = ? AND id > ? AND type IN ('call_settled', 'call_degraded')))
  ORDER BY calls.call_index`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// a function declaration, because the statement above is built before a constant below it would be
function ofRequests(open: string, settled: string): string {
  return `CASE WHEN calls.status IN ('running', 'waiting') THEN coalesce(
    (SELECT ${open} FROM attempts WHERE run_id = calls.run_id AND call_index = calls.call_index), ${settled})
    ELSE ${settled} END`
}
