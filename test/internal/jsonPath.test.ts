import * as FastCheck from "fast-check"
import { assert, describe, it } from "vitest"
import * as JsonPath from "../../src/internal/jsonPath.ts"

describe("format", () => {
  it("writes paths as people and models read them", () => {
    const texts: ReadonlyArray<readonly [JsonPath.Path, string]> = [
      [[], "$"],
      [["items", 0, "name"], "$.items[0].name"],
      [["a key"], `$["a key"]`],
      [["with \"quotes\""], `$["with \\"quotes\\""]`],
      [["0"], `$["0"]`],
      [[0], "$[0]"],
      [["", "a.b", "a[0]"], `$[""]["a.b"]["a[0]"]`],
      [["_x", "$y", "é"], `$._x.$y["é"]`],
      [["__proto__"], "$.__proto__"]
    ]
    for (const [path, text] of texts) assert.strictEqual(JsonPath.format(path), text)
  })

  it("writes no two paths alike", () => {
    const path = FastCheck.array(FastCheck.oneof(FastCheck.nat({ max: 3 }), FastCheck.string({ maxLength: 3 })), {
      maxLength: 3
    })
    FastCheck.assert(
      FastCheck.property(path, path, (a, b) => {
        assert.strictEqual(JsonPath.format(a) === JsonPath.format(b), JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 2_000 }
    )
  })
})

describe("get", () => {
  it("gives what is at a path, also when that is null", () => {
    const value = { a: [{ b: null, c: 1 }] }
    assert.strictEqual(JsonPath.get(value, []), value)
    assert.strictEqual(JsonPath.get(value, ["a", 0, "c"]), 1)
    assert.strictEqual(JsonPath.get(value, ["a", 0, "b"]), null)
  })

  it("gives nothing where there is nothing, and nothing that is inherited", () => {
    const value = { a: [1], text: "abc" }
    for (
      const path of [["b"], ["a", 1], ["a", 0, "x"], ["text", "length"], ["toString"], ["__proto__"], ["a", "map"]]
    ) {
      assert.isUndefined(JsonPath.get(value, path), JSON.stringify(path))
    }
    for (const root of [null, undefined, 1, "a"]) assert.isUndefined(JsonPath.get(root, ["a"]))
  })
})

describe("omit", () => {
  it("leaves the fields at the paths out, and the value as it was", () => {
    const value = { a: null, b: { c: null, d: [{ e: null, f: 1 }] } }
    const copy = structuredClone(value)
    assert.deepStrictEqual(JsonPath.omit(value, [["a"], ["b", "c"], ["b", "d", 0, "e"]]), { b: { d: [{ f: 1 }] } })
    assert.deepStrictEqual(value, copy)
  })

  it("passes over paths that lead nowhere", () => {
    assert.deepStrictEqual(JsonPath.omit({ a: 1 }, [["x", "y"], ["a", "b"], [], ["toString"]]), { a: 1 })
    assert.strictEqual(JsonPath.omit(1, [["a"]]), 1)
  })

  it("takes nothing else away", () => {
    const record = FastCheck.dictionary(FastCheck.string({ maxLength: 3 }), FastCheck.integer(), { maxKeys: 5 })
    FastCheck.assert(FastCheck.property(record, FastCheck.string({ maxLength: 3 }), (value, key) => {
      const kept = Object.entries(value).filter(([name]) => name !== key)
      assert.deepStrictEqual(JsonPath.omit(value, [[key]]), Object.fromEntries(kept))
    }))
  })
})
