/**
 * What a run was started with, as the event says that an attempt of the run began with.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { RunId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { Environment } from "./RunReport.ts"

/**
 * What is recorded.
 * @category schemas
 * @since 0.1.0
 */
export const Recorded = Schema.Struct({
  owfVersion: Schema.NullOr(Schema.String),
  node: Schema.NullOr(Schema.String),
  gitCommit: Schema.NullOr(Schema.String),
  gitBranch: Schema.NullOr(Schema.String)
})

/**
 * What a run's newest attempt was started with; what was not recorded is null.
 * @category converting
 * @since 0.1.0
 */
export const of = (id: RunId, events: ReadonlyArray<Records.Event>): Environment =>
  Option.getOrElse(
    decode(events.findLast(({ runId, type }) => isBeginning(type) && runId === id)?.dataJson),
    () => unknown
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decode = Schema.decodeUnknownOption(Schema.parseJson(Recorded))

const isBeginning = (type: string): boolean => type === "run_started" || type === "run_resumed"

const unknown: Environment = { owfVersion: null, node: null, gitCommit: null, gitBranch: null }
