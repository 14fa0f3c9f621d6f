import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Gcra from "../../src/store/Gcra.ts"

/** Asks at the given pauses and gives the times at which, and the amounts that, were let through. */
const letThrough = (perMinute: number, asked: ReadonlyArray<{ readonly pause: number; readonly amount: number }>) => {
  const taken: Array<{ readonly at: number; readonly amount: number }> = []
  let bucket: Gcra.Bucket | undefined
  let at = 1_000_000
  for (const { amount, pause } of asked) {
    at += pause
    if (Gcra.wait(bucket, perMinute, amount, at) > 0) continue
    bucket = Gcra.take(bucket, perMinute, amount, at)
    taken.push({ at, amount })
  }
  return taken
}

describe("a limit per minute", () => {
  it("G1: lets through no more than itself and its burst in any minute, however it is asked", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.integer({ min: 1, max: 600 }),
      FastCheck.array(FastCheck.record({ pause: FastCheck.integer({ min: 0, max: 3000 }) }), {
        minLength: 200,
        maxLength: 400
      }),
      (perMinute, asked) => {
        const times = letThrough(perMinute, asked.map(({ pause }) => ({ pause, amount: 1 }))).map(({ at }) => at)
        const most = perMinute + Gcra.burst(perMinute)
        for (const [index, from] of times.entries()) {
          const within = times.slice(index).filter((at) => at < from + 60_000)
          assert.isAtMost(within.length, most)
        }
      }
    )))

  it("G1: and for amounts of any size what one request takes beyond the burst", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.integer({ min: 100, max: 10_000 }),
      FastCheck.array(
        FastCheck.record({
          pause: FastCheck.integer({ min: 0, max: 20_000 }),
          amount: FastCheck.integer({ min: 0, max: 3000 })
        }),
        { minLength: 50, maxLength: 150 }
      ),
      (perMinute, asked) => {
        const taken = letThrough(perMinute, asked)
        const largest = Math.max(...asked.map(({ amount }) => amount))
        for (const { at: from } of taken) {
          const sum = taken.filter(({ at }) => at >= from && at < from + 60_000).reduce(
            (all, one) => all + one.amount,
            0
          )
          assert.isAtMost(sum, perMinute + Gcra.burst(perMinute) + largest)
        }
      }
    )))

  it("says exactly how long to wait: there is room then, and none a millisecond earlier", () =>
    FastCheck.assert(FastCheck.property(
      FastCheck.integer({ min: 1, max: 100_000 }),
      FastCheck.array(FastCheck.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 20 }),
      FastCheck.integer({ min: 1, max: 5000 }),
      (perMinute, before, amount) => {
        const at = 5_000_000
        const bucket = before.reduce<Gcra.Bucket | undefined>(
          (bucket, amount) => Gcra.take(bucket, perMinute, amount, at),
          undefined
        )
        const wait = Gcra.wait(bucket, perMinute, amount, at)
        assert.strictEqual(Gcra.wait(bucket, perMinute, amount, at + wait), 0)
        if (wait > 0) assert.isAbove(Gcra.wait(bucket, perMinute, amount, at + wait - 1), 0)
      }
    )))

  it("G2: lets a request that is larger than the burst go when nothing is left of those before it", () => {
    assert.strictEqual(Gcra.wait(undefined, 600, 100_000, 0), 0)
    const bucket = Gcra.take(undefined, 600, 100_000, 0)
    assert.strictEqual(Gcra.wait(bucket, 600, 60, 0), 10_000_000)
  })

  it("gives back what was not used, but never more than there was", () => {
    const full = Gcra.take(undefined, 60, 6, 1000)
    assert.strictEqual(Gcra.wait(full, 60, 6, 1000), 6000)
    assert.strictEqual(Gcra.wait(Gcra.take(full, 60, -2, 1000), 60, 6, 1000), 4000)
    assert.strictEqual(Gcra.wait(Gcra.take(full, 60, -1000, 1000), 60, 6, 1000), 0)
    const again = Gcra.take(Gcra.take(full, 60, -1000, 1000), 60, 6, 1000)
    assert.strictEqual(Gcra.wait(again, 60, 1, 1000), 1000)
  })

  it("G3: keeps its backlog, and nothing more, when the clock is set back", () => {
    const full = Gcra.take(undefined, 60, 6, 10_000_000)
    assert.strictEqual(Gcra.wait(full, 60, 1, 10_000_000), 1000)
    // processes that ask at nearly the same time may come in another order
    assert.strictEqual(Gcra.wait(full, 60, 1, 9_999_990), 1010)
    assert.strictEqual(Gcra.wait(full, 60, 1, 5_000_000), 1000)
    const later = Gcra.take(full, 60, 1, 5_000_000)
    assert.deepStrictEqual(later, { freeAt: 5_007_000, askedAt: 5_000_000 })
  })
})
