import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { Json } from "../../src/graph/Flow.ts"
import * as ValueCheck from "../../src/graph/ValueCheck.ts"

const schema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    tags: { type: "array", items: { type: "string" } },
    n: { type: "integer" }
  },
  required: ["name"],
  additionalProperties: false
}

describe("a value", () => {
  it.effect("that fits has no faults", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ValueCheck.issues({ name: "x", tags: ["a"], n: 3 }, schema), [])
    }))

  it.effect("has every fault named with its path", () =>
    Effect.gen(function*() {
      const found = yield* ValueCheck.issues({ name: "", tags: ["a", 1], n: "3", extra: true }, schema)
      assert.sameMembers(found.map(({ path }) => path), ["$.name", "$.tags[1]", "$.n", "$.extra"])
      assert.include(ValueCheck.describe("input", found), "input.tags[1] must be string")
    }))

  it.effect("is not turned into what is expected", () =>
    Effect.gen(function*() {
      for (
        const [value, type] of [["3", "number"], [3, "string"], [1, "boolean"], ["", "null"], [[3], "number"]] as const
      ) {
        assert.lengthOf(yield* ValueCheck.issues(value as Json, { type }), 1)
      }
    }))

  it.effect("of any kind fits where anything will do", () =>
    Effect.sync(() => {
      FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
        assert.deepStrictEqual(Effect.runSync(ValueCheck.issues(value as Json, null)), [])
      }))
    }))

  it.effect("cannot be checked against a schema that is none", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(ValueCheck.issues(1, { type: "nonsense" })))._tag, "UnsupportedSchema")
    }))
})
