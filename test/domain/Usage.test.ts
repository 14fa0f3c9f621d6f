import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Usage from "open-agent-workflows/domain/Usage"

const count = FastCheck.nat({ max: 1e12 })
const usage: FastCheck.Arbitrary<Usage.Usage> = FastCheck.record({
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count
})

describe("adding", () => {
  it("is associative and commutative, with zero as its unit", () => {
    FastCheck.assert(FastCheck.property(usage, usage, usage, (a, b, c) => {
      assert.deepStrictEqual(Usage.add(Usage.add(a, b), c), Usage.add(a, Usage.add(b, c)))
      assert.deepStrictEqual(Usage.add(a, b), Usage.add(b, a))
      assert.deepStrictEqual(Usage.add(a, Usage.zero), a)
      assert.deepStrictEqual(Usage.add(Usage.zero, a), a)
    }))
  })

  it("adds the totals", () => {
    FastCheck.assert(FastCheck.property(usage, usage, (a, b) => {
      assert.strictEqual(Usage.total(Usage.add(a, b)), Usage.total(a) + Usage.total(b))
    }))
  })
})

it("a total counts each bucket once", () => {
  assert.strictEqual(
    Usage.total({ inputTokens: 1, outputTokens: 10, cacheReadTokens: 100, cacheWriteTokens: 1000 }),
    1111
  )
})

it("buckets that are not named are zero", () => {
  assert.deepStrictEqual(Usage.make({ outputTokens: 7 }), { ...Usage.zero, outputTokens: 7 })
})

it("is stored under the names of the command line's contract", () => {
  const encode = Schema.encodeSync(Usage.Usage)
  assert.deepStrictEqual(encode({ inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 }), {
    input_tokens: 1,
    output_tokens: 2,
    cache_read_tokens: 3,
    cache_write_tokens: 4
  })
  const decode = Schema.is(Usage.Usage)
  assert.isFalse(decode({ ...Usage.zero, inputTokens: -1 }))
  assert.isFalse(decode({ ...Usage.zero, inputTokens: 0.5 }))
})
