/**
 * What an agent can read beside its prompt, as part of the key its answer is shared under: an answer about files is not
 * used after they changed, and not stored when they changed while it was made.
 */
import * as Effect from "effect/Effect"
import type { FingerprintUnknown } from "../cache/Fingerprint.ts"
import * as CallKey from "../domain/CallKey.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"

/**
 * Whether the agent can read anything beside its prompt that its shared answers would depend on.
 * @category predicates
 * @since 0.1.0
 */
export const isReader = <A>({ described, reads, writes }: Identified<A>): boolean =>
  (reads || writes) && (described.options.readScope === undefined
    ? described.provider.capabilities.readsFiles
    : described.options.readScope.length > 0)

/**
 * Adds what the agent can read to the call's cache key; where that cannot be told, the answer is not shared.
 * @category running
 * @since 0.1.0
 */
export const fingerprinted = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Identified<A>> => {
  const readable = digest(env, call)
  if (readable === undefined) return Effect.succeed(call)
  return Effect.match(readable, {
    onFailure: () => ({ ...call, reads: false, writes: false, cacheStatus: "bypassed" as const }),
    onSuccess: (now) => ({
      ...call,
      identity: { ...call.identity, cacheKey: CallKey.cacheKey(call.described.callKey, now) }
    })
  })
}

/**
 * Whether what the agent can read is still as it was when the call's cache key was made.
 * @category running
 * @since 0.1.0
 */
export const unchanged = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<boolean> => {
  const readable = digest(env, call)
  if (readable === undefined) return Effect.succeed(true)
  return Effect.match(readable, {
    onFailure: () => false,
    onSuccess: (now) => CallKey.cacheKey(call.described.callKey, now) === call.identity.cacheKey
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What the agent can read, as a digest; undefined when it reads nothing but its prompt. */
const digest = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<string, FingerprintUnknown> | undefined => {
  if (!isReader(call)) return undefined
  const scope = call.described.options.readScope
  return scope === undefined ? env.fingerprint.repository : env.fingerprint.files(scope)
}
