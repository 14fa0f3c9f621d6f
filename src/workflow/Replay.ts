/**
 * Which recorded call answers which call of a resumed run.
 *
 * - R1. A recorded call answers at most one call, and only one with the same call key.
 * - R2. A call finds its record whatever order the calls of the run finished or are made in: first the record made at the
 *   same position, else the oldest one not yet used. It leaves alone what was recorded for another item of its own
 *   fan-out, which that item will ask for, unless an item there has asked for something other than it had recorded: then
 *   the program was edited and its items have moved.
 *   A place with a name of its own (`Position.named`) is answered by its own record alone.
 * - R3. Equal calls keep their number: a call that is made again after it failed has the index and ordinal it had.
 */
import type { Settled } from "../store/RunStore.ts"
import * as Position from "./Position.ts"

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
  const left = new Map<string, number>()
  const moved = new Set<string>()
  let next = 1
  for (const call of calls) {
    const same = unused.get(call.callKey)
    if (same === undefined) unused.set(call.callKey, [call])
    else same.push(call)
    ordinals.set(call.callKey, Math.max(ordinals.get(call.callKey) ?? 0, call.ordinal + 1))
    left.set(call.position, (left.get(call.position) ?? 0) + 1)
    next = Math.max(next, call.index + 1)
  }
  const pick = (records: Array<Settled>, position: string): Settled | undefined => {
    const exact = records.findIndex((record) => record.position === position)
    if (Position.isNamed(position)) return exact < 0 ? undefined : records.splice(exact, 1)[0]
    const fanOut = fanOutOf(position)
    const at = exact >= 0 || moved.has(fanOut)
      ? Math.max(0, exact)
      : records.findIndex((record) => fanOutOf(record.position) !== fanOut)
    return at < 0 ? undefined : records.splice(at, 1)[0]
  }
  return {
    take: (callKey, position) => {
      const records = unused.get(callKey) ?? []
      const isExpected = records.some((record) => record.position === position)
      if (!isExpected && (left.get(position) ?? 0) > 0) moved.add(fanOutOf(position))
      const recorded = records.length === 0 ? undefined : pick(records, position)
      if (recorded !== undefined) {
        left.set(recorded.position, (left.get(recorded.position) ?? 1) - 1)
        return { index: recorded.index, ordinal: recorded.ordinal, recorded }
      }
      const ordinal = ordinals.get(callKey) ?? 0
      ordinals.set(callKey, ordinal + 1)
      return { index: next++, ordinal, recorded: undefined }
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The fan-out an item belongs to: its position without the numbers of items; the top level is no fan-out. */
const fanOutOf = (position: string): string => position.replaceAll(/\[\d+\]/g, "[]")
