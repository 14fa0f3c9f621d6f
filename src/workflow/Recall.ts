/**
 * Whether what a completed call changed is still as it left it, so that a resumed run need not make it again.
 *
 * - R1. An isolated call stands while the commit it left is still there and its branch has not moved. One that changed
 *   nothing stands always.
 * - R2. A call in place stands while what is under its write scope is as it left it, or as later calls of the run left it
 *   that began with that.
 * - R3. A call of which neither is known does not stand, and none does where the run is told to make them again.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ChangesJson } from "../domain/Change.ts"
import type { RecordedEvidence, Settled } from "../store/RunStore.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import type { Changed } from "./CallResult.ts"
import * as Workplace from "./Workplace.ts"

/**
 * What a completed call that may change files changed, if it stands; undefined when it is to be made again.
 * @category running
 * @since 0.1.0
 */
export const standing = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Changed | undefined> => {
  const { recorded } = call.place
  const evidence = recorded?.evidence
  if (recorded?.status !== "done" || evidence === undefined || env.rerunsMutating) return Effect.succeed(undefined)
  return Effect.flatMap(stands(env, call, evidence), (isStanding) =>
    isStanding
      ? Effect.map(Effect.catchAll(env.store.patch(recorded.callId), env.abort), ({ text }) => ({
        worktreePath: evidence.worktreePath,
        worktreeBranch: evidence.worktreeBranch,
        baseCommit: evidence.baseCommit,
        headCommit: evidence.headCommit,
        changedFiles: changesOf(evidence) ?? [],
        patch: text
      }))
      : Effect.succeed(undefined))
}

/**
 * For a digest of a write scope, the digests that the recorded calls of a run may have turned it into (R2).
 * @category constructors
 * @since 0.1.0
 */
export const rewritten = (calls: ReadonlyArray<Settled>): (digest: string) => ReadonlySet<string> => {
  const steps = calls.flatMap(({ evidence, status }) =>
    status === "done" && evidence?.scopeBefore != null && evidence.scopeAfter !== null
      ? [[evidence.scopeBefore, evidence.scopeAfter] as const]
      : []
  )
  return (digest) => {
    const found = new Set([digest])
    // a set that grows while it is walked: each digest is followed once
    for (const known of found) for (const [before, after] of steps) if (before === known) found.add(after)
    return found
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeChanges = Schema.decodeUnknownOption(ChangesJson)

const changesOf = ({ changedFilesJson }: RecordedEvidence) => Option.getOrUndefined(decodeChanges(changedFilesJson))

const stands = <A>(
  env: CallEnv,
  { described: { isolation, options: { writeScope = [] } } }: Identified<A>,
  evidence: RecordedEvidence
): Effect.Effect<boolean> => {
  if (isolation === "worktree") {
    const changes = changesOf(evidence)
    if (changes === undefined) return Effect.succeed(false)
    const { headCommit, worktreeBranch: branch, worktreePath: path } = evidence
    return path === null && changes.length === 0
      ? Effect.succeed(true)
      : env.worktree.holds({ path, branch, headCommit, digest: null, changes })
  }
  const { scopeAfter } = evidence
  return scopeAfter === null
    ? Effect.succeed(false)
    : Effect.map(
      Workplace.digest(env, writeScope),
      (now) => now !== null && env.rewritten(scopeAfter).has(now)
    )
}
