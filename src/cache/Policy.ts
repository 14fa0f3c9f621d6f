/**
 * What a call may do with the shared cache, from its policy and from whether it changes anything.
 *
 * A mutating call never reads or writes it, whatever the policy: its effect is not in its answer.
 */
import * as Match from "effect/Match"
import type { CachePolicy, CacheStatus } from "../domain/Status.ts"

/**
 * What a call may do, and the status a call answered by a provider is recorded with.
 * @category models
 * @since 0.1.0
 */
export interface Access {
  readonly reads: boolean
  readonly writes: boolean
  readonly status: Exclude<CacheStatus, "hit" | "replayed">
}

/**
 * Decides what a call may do with the shared cache.
 * @category constructors
 * @since 0.1.0
 */
export const access = (policy: CachePolicy, mutating: boolean): Access => mutating ? bypassed(policy) : byPolicy(policy)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bypassed = (policy: CachePolicy): Access => ({
  reads: false,
  writes: false,
  status: policy === "disabled" ? "disabled" : "bypassed"
})

const byPolicy: (policy: CachePolicy) => Access = Match.type<CachePolicy>().pipe(
  Match.when("auto", (): Access => ({ reads: true, writes: true, status: "miss" })),
  Match.when("read_only", (): Access => ({ reads: true, writes: false, status: "miss" })),
  Match.when("refresh", (): Access => ({ reads: false, writes: true, status: "miss" })),
  Match.when("disabled", (): Access => ({ reads: false, writes: false, status: "disabled" })),
  Match.exhaustive
)
