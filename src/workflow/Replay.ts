/**
 * Which recorded call answers which call of a resumed run.
 *
 * - R1. A recorded call answers at most one call, and only one with the same call key.
 * - R2. A call finds its record whatever order the calls of the run finished or are made in: first the record made at the
 *   same position, else the oldest one not yet used.
 * - R3. Equal calls keep their number: a call that is made again after it failed has the index and ordinal it had.
 */
import type { Settled } from "../store/RunStore.ts"

/**
 * What a call is in its run.
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly index: number
  readonly ordinal: number
  /** What an earlier attempt of the run recorded for this call, finished or not. */
  readonly recorded: Settled | undefined
}

/**
 * Hands out places in a run.
 * @category models
 * @since 0.1.0
 */
export interface Replay {
  readonly take: (callKey: string, position: string) => Place
}

/**
 * Hands out places after the calls an earlier attempt recorded.
 * @category constructors
 * @since 0.1.0
 */
export const make = (calls: ReadonlyArray<Settled>): Replay => {
  const unused = new Map<string, Array<Settled>>()
  const ordinals = new Map<string, number>()
  let next = 1
  for (const call of calls) {
    const same = unused.get(call.callKey)
    if (same === undefined) unused.set(call.callKey, [call])
    else same.push(call)
    ordinals.set(call.callKey, Math.max(ordinals.get(call.callKey) ?? 0, call.ordinal + 1))
    next = Math.max(next, call.index + 1)
  }
  return {
    take: (callKey, position) => {
      const recorded = pick(unused.get(callKey), position)
      if (recorded !== undefined) return { index: recorded.index, ordinal: recorded.ordinal, recorded }
      const ordinal = ordinals.get(callKey) ?? 0
      ordinals.set(callKey, ordinal + 1)
      return { index: next++, ordinal, recorded: undefined }
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// the records of a key are few unless a program samples one prompt thousands of times, so a scan is enough: equal calls
// are made in the order they were recorded in, and the scan ends at the first
const pick = (records: Array<Settled> | undefined, position: string): Settled | undefined => {
  if (records === undefined || records.length === 0) return undefined
  const at = records.findIndex((record) => record.position === position)
  return records.splice(Math.max(0, at), 1)[0]
}
