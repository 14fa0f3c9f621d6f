/**
 * Questions of runs to people, and their answers: written on behalf of nobody, since who answers does not own the run.
 */
import * as Effect from "effect/Effect"
import type { Decision, NewApproval, StoreError } from "./RunStore.ts"
import * as SqlTemplates from "./SqlTemplates.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * SELECT of questions with their answers.
 * @category models
 * @since 0.1.0
 */
export const select = "SELECT run_id, name, question, asked_at, decision, message, decided_at FROM approvals "

/**
 * Stores a question; one that was asked before stays as it is.
 * @category running
 * @since 0.1.0
 */
export const ask = (connection: Writing, { at, name, question, runId }: NewApproval): Effect.Effect<void, StoreError> =>
  Effect.asVoid(connection.run(
    "INSERT INTO approvals (run_id, name, question, asked_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    [runId, name, question, SqlTemplates.iso(at)]
  ))

/**
 * Stores an answer; the first one stays.
 * @category running
 * @since 0.1.0
 */
export const decide = (
  connection: Writing,
  { at, decision, message, name, runId }: Decision
): Effect.Effect<boolean, StoreError> =>
  Effect.map(
    connection.run(
      "UPDATE approvals SET decision = ?, message = ?, decided_at = ? WHERE run_id = ? AND name = ? AND decision IS NULL",
      [decision, message, SqlTemplates.iso(at), runId, name]
    ),
    (changed) => changed === 1
  )
