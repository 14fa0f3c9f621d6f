/**
 * Random choices that can be made again: a test prints its seed, and `OWF_TEST_SEED` repeats it.
 */

/** The seed of this run of the tests. */
export const seed: number = Number(process.env["OWF_TEST_SEED"] ?? Date.now() % 1_000_000)

/** Numbers from 0 up to, but not including, 1, that follow from a seed. */
export const randomFrom = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of several. */
export const pick = <const A>(random: () => number, from: ReadonlyArray<A>): A =>
  from[Math.floor(random() * from.length)]!
