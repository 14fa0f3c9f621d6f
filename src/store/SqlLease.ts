/**
 * Who may write for a run: taking, keeping and giving up the lease of a root run.
 *
 * A lease belongs to a process as long as its token stands in the database. A new owner writes a new token, and from
 * then on the old owner's writes are refused in the same transaction they are made in. So taking over from a process that
 * merely looks dead is safe; the rules here only keep two live processes from taking a run from each other.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type { Owner, OwnerId } from "./Owner.ts"
import type { Ownership, StoreError } from "./RunStore.ts"
import { RunOwned } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import { iso } from "./SqlTemplates.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * Age in milliseconds after which a heartbeat no longer proves anything.
 * @category models
 * @since 0.1.0
 */
export const lapse = 30_000

/**
 * A lease as it is stored.
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  readonly owner: OwnerId
  readonly heartbeatAt: number
  readonly takenAt: string
}

/**
 * The lease in a row that has its columns, prefixed `lease_`; undefined when there is none.
 * @category converting
 * @since 0.1.0
 */
export const fromRow = (row: Readonly<Record<string, unknown>>): Lease | undefined => {
  const { lease_heartbeat_at, lease_host, lease_pid, lease_started_at, lease_system, lease_taken_at } = row
  return typeof lease_pid === "number" && typeof lease_started_at === "string" && typeof lease_system === "string" &&
      typeof lease_host === "string" && typeof lease_heartbeat_at === "number" && typeof lease_taken_at === "string"
    ? {
      owner: { pid: lease_pid, startedAt: lease_started_at, system: lease_system, host: lease_host },
      heartbeatAt: lease_heartbeat_at,
      takenAt: lease_taken_at
    }
    : undefined
}

/**
 * Columns of a lease in a SELECT that joins `leases`, as `fromRow` reads them.
 * @category models
 * @since 0.1.0
 */
export const columns: string = ["pid", "started_at", "system", "host", "heartbeat_at", "taken_at"]
  .map((column) => `leases.${column} AS lease_${column}`).join(", ")

/**
 * Whether somebody still works for the run, as far as can be told from here.
 * @category predicates
 * @since 0.1.0
 */
export const isLive = (owner: Owner["Type"], lease: Lease | undefined, now: number): Effect.Effect<boolean> =>
  lease === undefined
    ? Effect.succeed(false)
    : Effect.map(
      owner.check(lease.owner),
      (state) => state === "alive" || (state === "unknown" && now - lease.heartbeatAt <= lapse)
    )

/**
 * Where leases are kept, and what they are for.
 * @category models
 * @since 0.1.0
 */
export interface Table {
  readonly name: string
  readonly key: string
}

/**
 * The lease in a table that stands in the way of taking it: its owner is alive and gives signs of life.
 * @category running
 * @since 0.1.0
 */
export const held = Effect.fnUntraced(
  function*(connection: Writing, owner: Owner["Type"], { key, name }: Table, id: string, at: number) {
    const [row] = yield* connection.all(`SELECT ${columns} FROM ${name} AS leases WHERE ${key} = ?`, [id])
    const lease = row === undefined ? undefined : fromRow(row)
    const isHeld = lease !== undefined && at - lease.heartbeatAt <= lapse && (yield* isLive(owner, lease, at))
    return isHeld ? lease : undefined
  }
)

/**
 * Writes a lease into a table with a new token, whoever had it before, and gives the token.
 * @category running
 * @since 0.1.0
 */
export const write = (
  connection: Writing,
  owner: Owner["Type"],
  { key, name }: Table,
  id: string,
  at: number
): Effect.Effect<string, StoreError> => {
  const { host, pid, startedAt, system } = owner.self
  // the token comes from the database, so that a seeded random service cannot repeat one
  return connection.all(
    `INSERT OR REPLACE INTO ${name} (${key}, token, pid, started_at, system, host, heartbeat_at, taken_at) ` +
      "VALUES (?, lower(hex(randomblob(16))), ?, ?, ?, ?, ?, ?) RETURNING token",
    [id, pid, startedAt, system, host, at, iso(at)]
  ).pipe(Effect.flatMap(([row]) => {
    const token = row?.["token"]
    return typeof token === "string"
      ? Effect.succeed(token)
      : Effect.fail(SqlFailure.make("Invalid", connection.path, "a lease was stored without a token"))
  }))
}

/**
 * Takes the lease of a root run, inside a transaction; refuses when its owner is alive and gives signs of life.
 * @category running
 * @since 0.1.0
 */
export const take = Effect.fnUntraced(
  function*(connection: Writing, owner: Owner["Type"], rootRunId: RunId, at: number) {
    const lease = yield* held(connection, owner, ofRuns, rootRunId, at)
    if (lease !== undefined) {
      return yield* new RunOwned({
        runId: rootRunId,
        pid: lease.owner.pid,
        host: lease.owner.host,
        since: lease.takenAt
      })
    }
    return yield* grant(connection, owner, rootRunId, at)
  }
)

/**
 * Writes a lease with a new token, whoever had it before.
 * @category running
 * @since 0.1.0
 */
export const grant = (
  connection: Writing,
  owner: Owner["Type"],
  rootRunId: RunId,
  at: number
): Effect.Effect<Ownership, StoreError> =>
  Effect.map(write(connection, owner, ofRuns, rootRunId, at), (token) => ({ rootRunId, token }))

/**
 * Gives a lease up; nothing happens when it is somebody else's by now.
 * @category running
 * @since 0.1.0
 */
export const release = (connection: Writing, ownership: Ownership): Effect.Effect<number, StoreError> =>
  connection.run("DELETE FROM leases WHERE root_run_id = ? AND token = ?", [ownership.rootRunId, ownership.token])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ofRuns: Table = { name: "leases", key: "root_run_id" }
