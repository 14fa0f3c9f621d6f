/**
 * Signs that somebody is at work on a run, for whoever watches it from another process.
 */
import type { RunId } from "../domain/Ids.ts"
import type { Pulse } from "./RunStore.ts"
import * as SqlLease from "./SqlLease.ts"
import type { Row } from "./SqlRows.ts"

/**
 * SELECT of the signs of a root run and the runs below it; takes the root run twice.
 * @category models
 * @since 0.1.0
 */
export const select = `WITH family AS (SELECT id FROM runs WHERE root_run_id = ?),
  newest AS (
    SELECT events.timestamp, events.type FROM family
    JOIN events ON events.run_id = family.id AND events.id = (SELECT max(id) FROM events WHERE run_id = family.id)
    ORDER BY events.timestamp DESC LIMIT 1
  )
  SELECT
    ${SqlLease.columns},
    (SELECT timestamp FROM newest) AS event_at,
    (SELECT type FROM newest) AS event_type,
    (SELECT count(*) FROM calls WHERE run_id IN (SELECT id FROM family) AND status = 'running') AS running_calls,
    coalesce(
      (SELECT max(recovery_json ->> '$.until') FROM calls
        WHERE run_id IN (SELECT id FROM family) AND status = 'waiting'),
      (SELECT events.data_json ->> '$.until' FROM family JOIN events ON events.run_id = family.id
        AND events.id = (SELECT max(id) FROM events WHERE run_id = family.id)
        WHERE events.type = 'waiting' ORDER BY events.timestamp DESC LIMIT 1)
    ) AS waiting_until
  FROM runs LEFT JOIN leases ON leases.root_run_id = runs.id WHERE runs.id = ?`

/**
 * The parameters of the SELECT.
 * @category converting
 * @since 0.1.0
 */
export const parameters = (root: RunId): readonly [string, string] => [root, root]

/**
 * The signs in a row of the SELECT.
 * @category converting
 * @since 0.1.0
 */
export const fromRow = (row: Row | undefined): Pulse => {
  const lease = row === undefined ? undefined : SqlLease.fromRow(row)
  return {
    heartbeatAt: lease?.heartbeatAt ?? null,
    owner: lease?.owner ?? null,
    lastEventAt: momentOf(row?.["event_at"]),
    lastEventType: textOf(row?.["event_type"]),
    runningCalls: numberOf(row?.["running_calls"]) ?? 0,
    waitingUntil: momentOf(row?.["waiting_until"])
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const numberOf = (value: unknown): number | null => typeof value === "number" ? value : null
const textOf = (value: unknown): string | null => typeof value === "string" ? value : null

const momentOf = (value: unknown): number | null => {
  const moment = typeof value === "string" ? Date.parse(value) : Number.NaN
  return Number.isNaN(moment) ? null : moment
}
