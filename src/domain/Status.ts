/**
 * Where a run and a call stand, and how a call's answer was found: the words that are stored, printed and documented.
 */
import * as Schema from "effect/Schema"

/**
 * Where a run is. `interrupted` and `failed` runs can be resumed; a stored `running` whose owner died is shown as `interrupted`.
 * @category schemas
 * @since 0.1.0
 */
export const RunStatus = Schema.Literal("running", "done", "degraded", "failed", "interrupted", "waiting")

/**
 * Where a run is.
 * @category models
 * @since 0.1.0
 */
export type RunStatus = typeof RunStatus.Type

/**
 * How a call ended.
 * @category schemas
 * @since 0.1.0
 */
export const CallStatus = Schema.Literal(
  "done",
  "failed",
  "provider_failed",
  "schema_failed",
  "timeout",
  "worktree_failed",
  "budget_exceeded",
  "cancelled",
  "degraded"
)

/**
 * How a call ended.
 * @category models
 * @since 0.1.0
 */
export type CallStatus = typeof CallStatus.Type

/**
 * How a call that did not succeed ended.
 * @category models
 * @since 0.1.0
 */
export type FailureStatus = Exclude<CallStatus, "done" | "degraded">

/**
 * Where a call's answer came from: another run (`hit`), this run's journal (`replayed`), a provider (`miss`), a provider
 * because the call changes something (`bypassed`) or because the policy says so (`disabled`).
 * @category schemas
 * @since 0.1.0
 */
export const CacheStatus = Schema.Literal("hit", "replayed", "miss", "bypassed", "disabled")

/**
 * Where a call's answer came from.
 * @category models
 * @since 0.1.0
 */
export type CacheStatus = typeof CacheStatus.Type

/**
 * What a call may do with the shared cache: `auto` reads and writes, `read_only` only reads, `refresh` only writes, `disabled` neither.
 * @category schemas
 * @since 0.1.0
 */
export const CachePolicy = Schema.Literal("auto", "disabled", "read_only", "refresh")

/**
 * What a call may do with the shared cache.
 * @category models
 * @since 0.1.0
 */
export type CachePolicy = typeof CachePolicy.Type

/**
 * Where a call works: in the current directory or in a git worktree of its own.
 * @category schemas
 * @since 0.1.0
 */
export const Isolation = Schema.Literal("none", "worktree")

/**
 * Where a call works.
 * @category models
 * @since 0.1.0
 */
export type Isolation = typeof Isolation.Type
