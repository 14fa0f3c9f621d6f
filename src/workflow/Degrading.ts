/**
 * Whether values stood in for answers in a run, and how they are recorded.
 */
import * as Effect from "effect/Effect"
import * as Ids from "../domain/Ids.ts"
import type { Degraded } from "../domain/Outcome.ts"
import type { Ownership, RunStore, WriteError } from "../store/RunStore.ts"
import * as Fallback from "./Fallback.ts"
import type { Policy } from "./RecoveryPolicy.ts"

/**
 * What a run is told about failures: by whoever starts it, or by the run above it.
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly recover: Policy | undefined
  readonly strict: boolean
  /** Whether completed calls that may change files are made again. */
  readonly rerunMutating: boolean
  /** Notes with the runs above that a value stood in for an answer. */
  readonly above: () => void
}

/**
 * Whether values stood in for answers in a run, and how one is recorded.
 * @category models
 * @since 0.1.0
 */
export interface Degrading {
  readonly happened: () => boolean
  readonly note: () => void
  readonly degrade: (result: Degraded<unknown>) => Effect.Effect<void>
}

/**
 * Nothing stood in for an answer yet.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly settings: Settings
  readonly store: RunStore["Type"]
  readonly ownership: Ownership
  readonly now: () => number
  readonly abort: (error: WriteError) => Effect.Effect<never>
}): Degrading => {
  const { abort, now, ownership, settings, store } = options
  let isDegraded = false
  const note = () => {
    isDegraded = true
    settings.above()
  }
  return {
    happened: () => isDegraded,
    note,
    // what was recorded as settled is recorded again before the program sees the value
    degrade: (result) =>
      Effect.suspend(() => {
        note()
        if (result.callId === null) return Effect.void
        const { index, runId } = Ids.splitCallId(result.callId)
        const call = { runId, index, ...Fallback.toStored(result), at: now() }
        return Effect.uninterruptible(Effect.catchAll(store.degrade(ownership, call), abort))
      })
  }
}
