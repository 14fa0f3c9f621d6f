/**
 * What a run was started with: recorded as an event when an attempt of the run begins, read back for its report.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { Environment } from "./RunReport.ts"

/**
 * Type of the event.
 * @category models
 * @since 0.1.0
 */
export const eventType = "environment"

/**
 * What is recorded.
 * @category schemas
 * @since 0.1.0
 */
export const Recorded = Schema.Struct({
  owfVersion: Schema.NullOr(Schema.String),
  node: Schema.NullOr(Schema.String),
  gitCommit: Schema.NullOr(Schema.String),
  gitBranch: Schema.NullOr(Schema.String),
  gitDirty: Schema.NullOr(Schema.Boolean)
})

/**
 * What a run's newest attempt was started with; what was not recorded is null.
 * @category converting
 * @since 0.1.0
 */
export const of = (id: RunId, events: ReadonlyArray<Records.Event>): Environment =>
  Option.getOrElse(
    decode(events.findLast(({ runId, type }) => type === eventType && runId === id)?.dataJson),
    () => unknown
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decode = Schema.decodeUnknownOption(Schema.parseJson(Recorded))

const unknown: Environment = { owfVersion: null, node: null, gitCommit: null, gitBranch: null, gitDirty: null }
