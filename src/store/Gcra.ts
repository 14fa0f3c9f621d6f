/**
 * A limit per minute as one number: the time at which everything taken so far will have flowed off evenly (the generic
 * cell rate algorithm).
 *
 * - G1. What is taken in any minute is at most the limit and a burst of it, plus what a single request takes beyond the
 *   burst.
 * - G2. A request is never too large: one that is larger than the burst goes when nothing is left of those before it.
 * - G3. A clock that was set back by more than a minute does not stop anybody: the backlog stays as long as it was.
 */

/**
 * Where a limit stands.
 * @category models
 * @since 0.1.0
 */
export interface Bucket {
  /** Epoch milliseconds at which all that was taken has flowed off. */
  readonly freeAt: number
  /** When it was last asked. */
  readonly askedAt: number
}

/**
 * What may be taken at once after a quiet time.
 * @category converting
 * @since 0.1.0
 */
export const burst = (perMinute: number): number => Math.max(1, Math.ceil(perMinute / 10))

/**
 * Milliseconds until an amount may be taken; 0 for now.
 * @category converting
 * @since 0.1.0
 */
export const wait = (bucket: Bucket | undefined, perMinute: number, amount: number, at: number): number => {
  const most = burst(perMinute)
  const over = backlog(bucket, at) - (most - Math.min(amount, most)) * spacing(perMinute)
  // a rest too small for a timer would be asked for again at once
  return Math.max(0, Math.ceil(over - 1e-6))
}

/**
 * The bucket after an amount was taken; a negative one gives back.
 * @category combinators
 * @since 0.1.0
 */
export const take = (bucket: Bucket | undefined, perMinute: number, amount: number, at: number): Bucket => ({
  freeAt: at + Math.max(0, backlog(bucket, at) + amount * spacing(perMinute)),
  askedAt: bucket === undefined || wasSetBack(bucket, at) ? at : Math.max(bucket.askedAt, at)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const minute = 60_000

const spacing = (perMinute: number): number => minute / perMinute

const wasSetBack = ({ askedAt }: Bucket, at: number): boolean => at < askedAt - minute

/** Milliseconds that what was taken still needs to flow off. */
const backlog = (bucket: Bucket | undefined, at: number): number => {
  if (bucket === undefined) return 0
  return Math.max(0, bucket.freeAt - (wasSetBack(bucket, at) ? bucket.askedAt : at))
}
