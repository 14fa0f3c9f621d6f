/**
 * Numbers that a JSON Schema probably accepts, the plainest first. The caller checks them.
 */

/**
 * What is asked of a number.
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly isInteger: boolean
  readonly minimum: number
  readonly maximum: number
  readonly exclusiveMinimum: number
  readonly exclusiveMaximum: number
  readonly multiplesOf: ReadonlyArray<number>
  /** Different salts give different numbers, where there are any. */
  readonly salt: number
}

/**
 * Numbers to try, in order.
 * @category constructors
 * @since 0.1.0
 */
export function* candidates(wanted: Wanted): Generator<number> {
  const low = Math.max(wanted.minimum, wanted.exclusiveMinimum)
  const high = Math.min(wanted.maximum, wanted.exclusiveMaximum)
  const step = Math.max(wanted.isInteger && wanted.multiplesOf.length === 0 ? 1 : 0, ...wanted.multiplesOf)
  const start = low > 1 ? low : high < 1 ? high : 1
  const direction = low > 1 || high >= 1 ? 1 : -1
  if (step > 0) yield* multiples(start, step, direction, wanted.salt)
  else {
    yield start + direction * wanted.salt
    yield start + direction * (wanted.salt + 1)
    const width = high - low
    if (Number.isFinite(width)) { for (let part = 1; part <= 8; part++) yield low + width / (wanted.salt + part + 1) }
  }
  yield 0
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxMultiples = 200

function* multiples(start: number, step: number, direction: number, salt: number): Generator<number> {
  const first = direction > 0 ? Math.ceil(start / step) : Math.floor(start / step)
  for (let count = 0; count < maxMultiples; count++) yield (first + direction * (count + salt)) * step
}
