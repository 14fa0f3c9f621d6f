/**
 * What a run does where neither it nor its calls say otherwise.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Limits } from "../budget/Budget.ts"
import type { CachePolicy } from "../domain/Status.ts"
import type { Policy } from "./RecoveryPolicy.ts"

/**
 * How often and how patiently a request that failed for a passing reason is sent again.
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  /** Requests per answer, the first included. */
  readonly attempts: number
  /** Wait before the second request; doubles from there, with jitter. */
  readonly base: Duration.Duration
  /** Longest wait that is not the provider's own wish. */
  readonly cap: Duration.Duration
}

/**
 * Defaults of runs.
 * @category models
 * @since 0.1.0
 */
export interface Defaults {
  readonly provider: string
  /** Undefined for the provider's own default. */
  readonly model: string | undefined
  readonly cachePolicy: CachePolicy
  readonly budget: Limits
  /** Deadline of a call, retries included. */
  readonly timeout: Duration.Duration
  /** Levels of workflows below a root run. */
  readonly maxDepth: number
  readonly retry: Retry
  /** Times an answer that does not fit its schema is asked for again. */
  readonly corrections: number
  /** Whether a call that an interrupted run left open goes on in its provider's session when the run is resumed. */
  readonly sessions: "new" | "continue"
  /** How calls go on after a failure; undefined for `retry` and `corrections`. */
  readonly recover?: Policy | undefined
  /** What a run is started with, such as versions: recorded each time one begins or is taken up again. */
  readonly origin?: Effect.Effect<Readonly<Record<string, unknown>>> | undefined
}

/**
 * The defaults when nothing is configured: the offline provider, no budget, ten minutes a call.
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Defaults = {
  provider: "fake",
  model: undefined,
  cachePolicy: "auto",
  budget: { tokens: null, cost: null },
  timeout: Duration.minutes(10),
  maxDepth: 16,
  retry: { attempts: 5, base: Duration.millis(500), cap: Duration.seconds(30) },
  corrections: 2,
  sessions: "new"
}

/**
 * What a run does where neither it nor its calls say otherwise.
 * @category services
 * @since 0.1.0
 */
export class EngineConfig extends Context.Reference<EngineConfig>()("owf/EngineConfig", {
  defaultValue: (): Defaults => defaults
}) {}
