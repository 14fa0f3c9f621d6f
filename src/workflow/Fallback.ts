/**
 * Values that stand in for answers: declared by the program, marked in the type, the record and the end of the run.
 *
 * - F1. Nothing stands in that was not declared, and only for a call that failed for good.
 * - F2. The call's row says `degraded` with the reason and what the tries cost; the cache never sees the value.
 * - F3. A run in which a value stood in ends `degraded`, and so does every run above it.
 * - F4. A resumed run asks nobody again for a call a value stood in for, as long as the program declares one there.
 * - F5. In a strict run nothing stands in: the call fails as if no value were declared.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as GlobalValue from "effect/GlobalValue"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as AgentError from "../domain/AgentError.ts"
import type { Degraded, Done, Failed } from "../domain/Outcome.ts"
import type { FailureStatus } from "../domain/Status.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import * as sha256 from "../internal/sha256.ts"
import type { DegradedCall } from "../store/RunStore.ts"
import { Run } from "./Run.ts"

/**
 * Whether the program declares a value for the calls it makes here, so that a resumed run need not ask again (F4).
 * @category services
 * @since 0.1.0
 */
export const isDeclared: FiberRef.FiberRef<boolean> = GlobalValue.globalValue(
  Symbol.for("owf/Fallback/isDeclared"),
  () => FiberRef.unsafeMake(false)
)

/**
 * Reasons that pass neither by themselves nor with another prompt: somebody has to do something.
 * @category models
 * @since 0.1.0
 */
export const permanent: ReadonlySet<ProviderReason> = new Set([
  "Authentication",
  "Permission",
  "Billing",
  "UnknownModel",
  "InvalidRequest",
  "Misconfigured"
])

/**
 * Whether a call was asked as often and as long as it may be, as opposed to one that a person has to put right.
 * @category predicates
 * @since 0.1.0
 */
export const isExhausted = (error: AgentError.AgentError): boolean => {
  switch (error._tag) {
    case "ProviderFailed":
      return !permanent.has(error.reason)
    case "SchemaFailed":
    case "CallTimeout":
      return true
    case "WorktreeFailed":
    case "WriteScopeViolated":
    case "BudgetExceeded":
    case "InvalidCall":
      return false
  }
}

/**
 * When a value stands in.
 * @category models
 * @since 0.1.0
 */
export interface FallbackOptions {
  /** Errors the value stands in for. Defaults to those of a call that was asked as often as it may be. */
  readonly when?: ((error: AgentError.AgentError) => boolean) | undefined
}

/**
 * Lets `choose` give a value for a call that fails; without one the error goes on.
 * @category combinators
 * @since 0.1.0
 */
export const orValue = <A, E, R, F>(
  call: Effect.Effect<Done<A>, E, R>,
  choose: (error: AgentError.AgentError) => { readonly value: F } | undefined
): Effect.Effect<Done<A> | Degraded<F>, E, R | Run> =>
  Effect.flatMap(Run, (run) => {
    if (run.strict) return call
    return Effect.catchAll(
      Effect.locally(call, isDeclared, true),
      (error): Effect.Effect<Degraded<F>, E> => {
        const chosen = AgentError.isAgentError(error) ? choose(error) : undefined
        if (!AgentError.isAgentError(error) || chosen === undefined) return Effect.fail(error)
        const result = degraded(error, chosen.value)
        return Effect.as(run.degrade(result), result)
      }
    )
  })

/**
 * What is stored of a value that stands in; what is not JSON is written as near to it as it comes.
 * @category converting
 * @since 0.1.0
 */
export const toStored = (result: Degraded<unknown>): Pick<DegradedCall, "outputJson" | "reason" | "artifact"> => {
  const outputJson = canonicalJson.encodeUnsafe(canonicalJson.toJson(result.value ?? null))
  return {
    outputJson,
    reason: result.error,
    artifact: {
      kind: "output_json",
      sha256: sha256.hex(outputJson),
      sizeBytes: new TextEncoder().encode(outputJson).length
    }
  }
}

/**
 * The error of a recorded call that a value stood in for, made again from its row (F4); undefined for one that is asked
 * again, because a person may have put it right.
 * @category converting
 * @since 0.1.0
 */
export const recordedError = (
  row: { readonly errorKind: string | null; readonly attempts: number; readonly timeoutMs: number },
  toResult: (status: FailureStatus) => Failed
): AgentError.AgentError | undefined => {
  switch (row.errorKind) {
    case "SchemaFailed":
      return new AgentError.SchemaFailed({ result: toResult("schema_failed") })
    case "CallTimeout":
      return new AgentError.CallTimeout({ timeoutMs: row.timeoutMs, result: toResult("timeout") })
    default:
      return Option.getOrUndefined(
        Option.map(
          decodeReason(row.errorKind),
          (reason) =>
            new AgentError.ProviderFailed({ reason, attempts: row.attempts, result: toResult("provider_failed") })
        )
      )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeReason = Schema.decodeUnknownOption(AgentError.ProviderReason)

const degraded = <F>(error: AgentError.AgentError, value: F): Degraded<F> => ({
  ...error.result,
  status: "degraded",
  value
})
