/**
 * Names of runs and calls.
 *
 * A run id starts with the UTC second it was created in, so that a person can read it and a directory listing sorts by
 * age; the suffix carries the millisecond, a per-process sequence and random bits, so that ids of one process sort in the order they were
 * made and ids of several processes do not collide. A call id is its run's id and the call's index, so that either can
 * be found from the other without a table.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as GlobalValue from "effect/GlobalValue"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

/**
 * Id of a run: `20260528-143201-0sj04k7m2x9q`.
 * @category schemas
 * @since 0.1.0
 */
export const RunId = Schema.String.pipe(
  Schema.pattern(/^\d{8}-\d{6}-[0-9a-z]{8,20}$/, { message: () => "not a run id" }),
  Schema.brand("owf/RunId")
)

/**
 * Id of a run.
 * @category models
 * @since 0.1.0
 */
export type RunId = typeof RunId.Type

/**
 * Id of a call: its run's id, `_call_` and its index with at least four digits.
 * @category schemas
 * @since 0.1.0
 */
export const CallId = Schema.String.pipe(
  Schema.pattern(/^\d{8}-\d{6}-[0-9a-z]{8,20}_call_\d{4,}$/, { message: () => "not a call id" }),
  Schema.brand("owf/CallId")
)

/**
 * Id of a call.
 * @category models
 * @since 0.1.0
 */
export type CallId = typeof CallId.Type

/**
 * Id of the call with this index (from 1) in a run.
 * @category constructors
 * @since 0.1.0
 */
export const callId = (run: RunId, index: number): CallId =>
  // built from a valid run id and a positive integer, so it always matches the pattern
  `${run}_call_${index < 1000 ? String(index).padStart(4, "0") : index}` as CallId

/**
 * Run and index a call id names.
 * @category converting
 * @since 0.1.0
 */
export const splitCallId = (id: CallId): { readonly runId: RunId; readonly index: number } => {
  const at = id.lastIndexOf("_call_")
  return { runId: id.slice(0, at) as RunId, index: Number(id.slice(at + 6)) }
}

/**
 * Makes a run id from the clock, a sequence and the random service.
 * @category constructors
 * @since 0.1.0
 */
export const makeRunId: Effect.Effect<RunId> = Effect.gen(function*() {
  const now = yield* Clock.currentTimeMillis
  const salt = yield* Random.nextIntBetween(0, 0x40000000)
  const iso = new Date(now).toISOString()
  const day = iso.slice(0, 10).replaceAll("-", "")
  const time = iso.slice(11, 19).replaceAll(":", "")
  const millis = base32(now % 1000, 2)
  const order = base32(nextIn(now) % 32 ** 3, 3)
  return `${day}-${time}-${millis}${order}${base32(salt, 6)}` as RunId
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const base32 = (value: number, width: number): string => {
  let text = ""
  for (let rest = value, i = 0; i < width; i++, rest = Math.floor(rest / 32)) text = alphabet.charAt(rest % 32) + text
  return text
}

// shared by every copy of this module in the process, so that two copies do not repeat each other's sequence
const sequence = GlobalValue.globalValue(Symbol.for("owf/Ids/sequence"), () => ({ at: 0, next: 0 }))

/** Counts the ids of one millisecond from 0, so that the count does not begin again in the middle of one. */
const nextIn = (now: number): number => {
  if (sequence.at !== now) {
    sequence.at = now
    sequence.next = 0
  }
  return sequence.next++
}
