/**
 * Where a recovery policy has brought a call, and what is stored of it.
 */
import type { Option } from "effect/Option"
import * as Schema from "effect/Schema"
import * as RecoveryPolicy from "./RecoveryPolicy.ts"

/**
 * Where a policy has brought a call.
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly history: RecoveryPolicy.History
  /** Number of the first request of the present session; what was said before it is forgotten. */
  readonly sessionFrom: number
  /** Whether the next request asks for the session to be shortened. */
  readonly isCompacting: boolean
  /** Milliseconds this process has waited, which do not count against the call's deadline. */
  readonly waitedMs: number
}

/**
 * Nothing was done for the call yet.
 * @category constructors
 * @since 0.1.0
 */
export const begun: State = { history: RecoveryPolicy.noHistory, sessionFrom: 1, isCompacting: false, waitedMs: 0 }

/**
 * What is stored of a state; `until` is the moment the call waits for.
 * @category models
 * @since 0.1.0
 */
export interface Stored {
  readonly history: RecoveryPolicy.History
  readonly sessionFrom: number
  readonly isCompacting: boolean
  readonly until: string | null
}

/**
 * Reads what was stored.
 * @category converting
 * @since 0.1.0
 */
export const decode = (json: string): Option<Stored> => decodeStored(json)

/**
 * What to store of a state; reading the `until` of it is the store's as well.
 * @category converting
 * @since 0.1.0
 */
export const encode = ({ history, isCompacting, sessionFrom }: State, until: string | null): string =>
  encodeStored({ history, sessionFrom, isCompacting, until })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const StoredJson = Schema.parseJson(Schema.Struct({
  history: RecoveryPolicy.History,
  sessionFrom: Schema.NonNegativeInt,
  isCompacting: Schema.Boolean,
  until: Schema.NullOr(Schema.String)
}))
const decodeStored = Schema.decodeUnknownOption(StoredJson)
const encodeStored = Schema.encodeSync(StoredJson)
