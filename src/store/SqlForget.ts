/**
 * Takes a root run and everything below it out of the record, its shared answers included.
 */
import * as Effect from "effect/Effect"
import type { RunId } from "../domain/Ids.ts"
import type { Owner } from "./Owner.ts"
import * as SqlFailure from "./SqlFailure.ts"
import * as SqlLease from "./SqlLease.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * Deletes the rows of a root run and of the runs below it, unless somebody works for it.
 * @category running
 * @since 0.1.0
 */
export const forget = Effect.fnUntraced(function*(connection: Writing, owner: Owner["Type"], id: RunId, at: number) {
  const rows = yield* connection.all("SELECT id FROM runs WHERE id = ? AND root_run_id = id", [id])
  if (rows.length === 0) return yield* SqlFailure.make("Invalid", connection.path, `there is no root run ${id}`)
  // whoever takes it up from here on finds that it is gone
  yield* SqlLease.take(connection, owner, id, at)
  for (const table of ["cache_entries", "artifacts", "attempts", "events", "approvals", "calls"]) {
    yield* connection.run(`DELETE FROM ${table} WHERE run_id IN (SELECT id FROM runs WHERE root_run_id = ?)`, [id])
  }
  yield* connection.run("DELETE FROM leases WHERE root_run_id = ?", [id])
  yield* connection.run("DELETE FROM runs WHERE root_run_id = ?", [id])
})
