/**
 * The schema of the database as a list of steps, from an empty file to today.
 *
 * - G1. The list is append-only: a released step is never changed. `PRAGMA user_version` is the number of steps taken.
 * - G2. All missing steps are taken in one `BEGIN IMMEDIATE` in which the version is read again, so that of several
 *   processes that open a home at once one takes them and the others find them taken.
 * - G3. A database with more steps than we know is left as it is.
 */
import * as M0001 from "./migrations/m0001.ts"

/**
 * Statements of each step, in order.
 * @category models
 * @since 0.1.0
 */
export const migrations: ReadonlyArray<ReadonlyArray<string>> = [M0001.statements]

/**
 * Marks our databases in their header: `OWF1`.
 * @category models
 * @since 0.1.0
 */
export const applicationId = 0x4f_57_46_31

/**
 * What a migration needs of a connection.
 * @category models
 * @since 0.1.0
 */
export interface Database {
  readonly exec: (statement: string) => unknown
  readonly number: (pragma: "user_version" | "application_id") => number
  /** Tables and views of anybody. */
  readonly objects: () => number
}

/**
 * Whose database it is and how old.
 * @category models
 * @since 0.1.0
 */
export type Standing = "empty" | "current" | "older" | "newer" | "foreign"

/**
 * Looks at a database without changing it.
 * @category running
 * @since 0.1.0
 */
export const standing = (database: Database, list: ReadonlyArray<ReadonlyArray<string>> = migrations): Standing => {
  const application = database.number("application_id")
  const version = database.number("user_version")
  if (application === 0 && version === 0 && database.objects() === 0) return "empty"
  if (application !== applicationId) return "foreign"
  return version > list.length ? "newer" : version < list.length ? "older" : "current"
}

/**
 * Takes the missing steps; changes nothing when there are none or when the database is not ours to change.
 * @category running
 * @since 0.1.0
 */
export const migrate = (database: Database, list: ReadonlyArray<ReadonlyArray<string>> = migrations): Standing => {
  database.exec("BEGIN IMMEDIATE")
  const found = standing(database, list)
  if (found !== "empty" && found !== "older") {
    database.exec("ROLLBACK")
    return found
  }
  for (const statement of list.slice(database.number("user_version")).flat()) database.exec(statement)
  database.exec(`PRAGMA application_id = ${applicationId}`)
  database.exec(`PRAGMA user_version = ${list.length}`)
  database.exec("COMMIT")
  return found
}
