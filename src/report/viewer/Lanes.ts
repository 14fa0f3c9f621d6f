/**
 * Where calls stand in the timeline: those that overlap in time in lanes below each other, as few as there can be.
 */
import type { CallReport } from "../RunReport.ts"

/** A call in its lane. */
export interface Bar {
  readonly call: CallReport
  readonly lane: number
  /** When its first request was sent, or the moment it was answered without one. */
  readonly from: number
  readonly to: number
  /** From when on it waited for its turn, as far as its lane is free. */
  readonly queuedFrom: number
}

/** The calls of a phase in lanes. */
export interface Lanes {
  readonly count: number
  /** By lane, each in order of time. */
  readonly bars: ReadonlyArray<ReadonlyArray<Bar>>
}

/**
 * Puts calls into lanes. Past `most` lanes bars overlap; a bar takes at least `least` milliseconds of room.
 */
export const pack = (calls: ReadonlyArray<CallReport>, now: number, most: number, least: number): Lanes => {
  const lanes: Array<Array<Bar>> = []
  const free: Array<number> = []
  for (const call of calls.toSorted((a, b) => begin(a) - begin(b))) {
    const from = begin(call)
    const to = Math.max(from, call.completedAt ?? now)
    const lane = place(free, from, most)
    const bars = lanes[lane] ??= []
    const before = bars.at(-1)
    bars.push({ call, lane, from, to, queuedFrom: Math.min(from, Math.max(call.createdAt, before?.to ?? -Infinity)) })
    free[lane] = Math.max(free[lane] ?? -Infinity, to, from + least)
  }
  return { count: lanes.length, bars: lanes }
}

/** How many requests were under way at once, at equally long steps of time. */
export const load = (
  calls: ReadonlyArray<CallReport>,
  from: number,
  to: number,
  steps: number,
  now: number
): ReadonlyArray<number> => {
  const counts = new Int32Array(steps + 1)
  const step = (at: number): number => Math.max(0, Math.min(steps, Math.floor((at - from) / (to - from || 1) * steps)))
  for (const { attempts } of calls) {
    for (const attempt of attempts) {
      const end = attempt.completedAt ?? now
      if (attempt.startedAt > to || end < from) continue
      const first = step(attempt.startedAt)
      counts[first] = (counts[first] ?? 0) + 1
      const last = Math.max(step(end), first + 1)
      if (last <= steps) counts[last] = (counts[last] ?? 0) - 1
    }
  }
  let sum = 0
  return Array.from(counts.subarray(0, steps), (change) => sum += change)
}

/** The bar at a moment in a lane, with some milliseconds to spare on both sides. */
export const barAt = (bars: ReadonlyArray<Bar>, at: number, spare: number): Bar | undefined => {
  let low = 0
  let high = bars.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((bars[middle]?.from ?? Infinity) <= at + spare) low = middle
    else high = middle - 1
  }
  const bar = bars[low]
  return bar !== undefined && bar.queuedFrom - spare <= at && at <= bar.to + spare ? bar : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const begin = (call: CallReport): number => call.startedAt ?? call.createdAt

/** The first lane that is free; with no room for another, the one that is free soonest. */
const place = (free: ReadonlyArray<number>, from: number, most: number): number => {
  let soonest = 0
  for (const [lane, until] of free.entries()) {
    if (until <= from) return lane
    if (until < (free[soonest] ?? Infinity)) soonest = lane
  }
  return free.length < most ? free.length : soonest
}
