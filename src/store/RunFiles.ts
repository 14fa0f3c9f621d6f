/**
 * The port to a run's directory: files people and programs open, written from the store.
 *
 * - F1. Nothing waits for a file: a run's result does not depend on its directory, which can be written again from the
 *   store at any time.
 * - F2. A file under its final name is complete; what an interrupted writer left is swept the next time.
 * - F3. The paths are made from the home and the ids alone; no path stored in the database is ever opened.
 * - F4. Nothing is written to a directory of a run that is a link, which may lead anywhere.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { StoreError } from "./RunStore.ts"

/**
 * Writes run directories from the store.
 * @category services
 * @since 0.1.0
 */
export class RunFiles extends Context.Tag("owf/RunFiles")<RunFiles, {
  /** `<home>/runs/<run id>`. */
  readonly directory: (id: RunId) => string
  /** `<home>/runs/<run id>/calls/<call id>`. */
  readonly callDirectory: (id: CallId) => string
  /** `<home>/runs/<run id>`, to write into; fails where something else than a directory stands there (F4). */
  readonly own: (id: RunId) => Effect.Effect<string, StoreError>
  /** Writes the files of a run in the background, as its calls are settled, until the scope closes; then writes the rest. */
  readonly follow: (id: RunId) => Effect.Effect<void, never, Scope.Scope>
  /** Writes what is missing or out of date in a run's directory, now. */
  readonly flush: (id: RunId) => Effect.Effect<void, StoreError>
}>() {}
