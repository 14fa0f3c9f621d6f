import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Money from "open-agent-workflows/domain/Money"

describe("dollars", () => {
  it("that are whole billionths are kept exactly", () => {
    FastCheck.assert(FastCheck.property(FastCheck.integer({ min: 0, max: 1e15 }), (nano) => {
      assert.strictEqual(Money.fromUsd(Money.toUsd(Money.fromNano(nano))), nano)
    }))
    assert.strictEqual(Money.fromUsd(0.1), 100_000_000)
    assert.strictEqual(Money.fromUsd(0.07), 70_000_000)
    assert.strictEqual(Money.fromUsd(4.35), 4_350_000_000)
    assert.strictEqual(Money.fromUsd(1.1), 1_100_000_000)
  })

  it("that are not are rounded up, by less than a billionth", () => {
    assert.strictEqual(Money.fromUsd(1e-12), 1)
    assert.strictEqual(Money.fromUsd(1.000_000_000_1), 1_000_000_001)
    FastCheck.assert(FastCheck.property(
      FastCheck.integer({ min: 0, max: 1e9 }),
      FastCheck.integer({ min: 1, max: 999 }),
      (nano, thousandths) => {
        assert.strictEqual(Money.fromUsd(Number(`${nano}.${String(thousandths).padStart(3, "0")}e-9`)), nano + 1)
      }
    ))
  })

  it("of nothing are nothing", () => {
    assert.strictEqual(Money.fromUsd(0), Money.zero)
  })
})

describe("sums", () => {
  it("do not drift: ten times ten cents are a dollar", () => {
    const tenCents = Money.fromUsd(0.1)
    const sum = Array.from({ length: 10 }, () => tenCents).reduce(Money.add, Money.zero)
    assert.strictEqual(sum, Money.fromUsd(1))
    assert.strictEqual(Money.toUsd(sum), 1)
    assert.notStrictEqual(Array.from({ length: 10 }, () => 0.1).reduce((a, b) => a + b, 0), 1)
  })

  it("are exact in any order", () => {
    const amounts = FastCheck.array(FastCheck.integer({ min: 0, max: 1e12 }), { maxLength: 1_000 })
    FastCheck.assert(FastCheck.property(amounts, (nanos) => {
      const sum = (list: ReadonlyArray<number>) => list.map(Money.fromNano).reduce(Money.add, Money.zero)
      const exact = nanos.reduce((total, nano) => total + BigInt(nano), 0n)
      assert.strictEqual(BigInt(sum(nanos)), exact)
      assert.strictEqual(sum(nanos.toReversed()), sum(nanos))
    }))
  })
})
