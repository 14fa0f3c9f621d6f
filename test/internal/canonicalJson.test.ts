import canonicalize from "canonicalize"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as FastCheck from "fast-check"
import { assert, describe, it } from "vitest"
import * as CanonicalJson from "../../src/internal/canonicalJson.ts"

const text = (value: unknown) => Either.getOrThrow(CanonicalJson.encode(value))
const problem = (value: unknown) => {
  const { pointer, reason } = Either.getOrThrow(Either.flip(CanonicalJson.encode(value)))
  return { pointer, reason }
}

const reversed = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(reversed)
  return Object.fromEntries(Object.entries(value).toReversed().map(([key, field]) => [key, reversed(field)]))
}

describe("encode", () => {
  it("does not depend on the order of keys", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
      assert.strictEqual(text(value), text(reversed(value)))
    }))
  })

  it("keeps the value", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
      assert.deepStrictEqual(JSON.parse(text(value)), JSON.parse(JSON.stringify(value)))
    }))
  })

  it("tells values apart whose fields only look alike when joined", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.tuple(FastCheck.string(), FastCheck.string()),
        FastCheck.tuple(FastCheck.string(), FastCheck.string()),
        ([a, b], [c, d]) => {
          assert.strictEqual(text({ a, b }) === text({ a: c, b: d }), a === c && b === d)
        }
      )
    )
    assert.notStrictEqual(text(["a|b", "c"]), text(["a", "b|c"]))
  })

  it("gives equal numbers one text and different spellings of a text two", () => {
    assert.strictEqual(text(-0), text(0))
    assert.strictEqual(text(JSON.parse("1.0")), text(1))
    assert.notStrictEqual(text("\u00E9"), text("e\u0301"))
  })

  it("leaves undefined fields out", () => {
    assert.strictEqual(text({ b: undefined, a: 1 }), text({ a: 1 }))
  })

  it("uses toJSON and the fields of class instances", () => {
    class Point {
      readonly y = 2
      readonly x = 1
    }
    assert.strictEqual(text([new Point(), new Date(0)]), "[{\"x\":1,\"y\":2},\"1970-01-01T00:00:00.000Z\"]")
  })

  const cycle: { readonly inner: Array<unknown> } = { inner: [] }
  cycle.inner.push(cycle)

  it.each([
    ["NaN", { a: [0, Number.NaN] }, { pointer: "/a/1", reason: "the number NaN" }],
    ["Infinity", { a: -Infinity }, { pointer: "/a", reason: "the number -Infinity" }],
    ["undefined in an array", [undefined], { pointer: "/0", reason: "undefined" }],
    ["undefined", undefined, { pointer: "", reason: "undefined" }],
    ["a hole", [, 1], { pointer: "/0", reason: "undefined" }], // oxlint-disable-line no-sparse-arrays
    ["a function", { "a/b": () => 1 }, { pointer: "/a~1b", reason: "a function" }],
    ["a symbol", { "~": Symbol("s") }, { pointer: "/~0", reason: "a symbol" }],
    ["a bigint", 1n, { pointer: "", reason: "a bigint" }],
    ["a Map", { m: new Map([[1, 2]]) }, { pointer: "/m", reason: "a Map" }],
    ["a Set", [new Set()], { pointer: "/0", reason: "a Set" }],
    ["an Error", new Error("no"), { pointer: "", reason: "a Error" }],
    ["bytes", { bytes: new Uint8Array(2) }, { pointer: "/bytes", reason: "a Uint8Array" }],
    ["an invalid date", { at: new Date(Number.NaN) }, undefined],
    ["a cycle", cycle, { pointer: "/inner/0", reason: "a cycle: it contains itself" }],
    ["half of a character", ["\uD83D"], {
      pointer: "/0",
      reason: "a string with half of a character (a lone surrogate)"
    }]
  ])("%s", (_, value, expected) => {
    if (expected === undefined) assert.isTrue(Either.isRight(CanonicalJson.encode(value)))
    else assert.deepStrictEqual(problem(value), expected)
  })

  it("accepts one object in two places", () => {
    const shared = { a: 1 }
    assert.strictEqual(text([shared, shared]), "[{\"a\":1},{\"a\":1}]")
  })

  it("refuses bottomless nesting and code that throws", () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    assert.include(problem(deep).reason, "nested deeper")
    const throwing = {
      get a(): never {
        throw new Error("no")
      }
    }
    assert.deepStrictEqual(problem(throwing), { pointer: "", reason: "no" })
  })

  it("says in its message what is wrong where", () => {
    assert.strictEqual(
      Either.getOrThrow(Either.flip(CanonicalJson.encode({ a: 1n }))).message,
      "/a is not JSON: a bigint"
    )
  })
})

describe("encodeUnsafe", () => {
  it("gives the text of RFC 8785", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
      assert.strictEqual(CanonicalJson.encodeUnsafe(value), text(value))
    }))
    FastCheck.assert(FastCheck.property(FastCheck.object({ withNullPrototype: true }), (value) => {
      if (Either.isRight(CanonicalJson.encode(value))) {
        assert.strictEqual(CanonicalJson.encodeUnsafe(value), canonicalize(value))
      }
    }))
  })

  it("has a text for a prompt cut in the middle of a character", () => {
    assert.strictEqual(CanonicalJson.encodeUnsafe({ prompt: "\uD83D" }), "{\"prompt\":\"\\ud83d\"}")
  })
})

describe("toJson", () => {
  it("is total, and canonical JSON accepts what it gives", () => {
    const anything = FastCheck.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true
    })
    FastCheck.assert(FastCheck.property(anything, (value) => {
      assert.isTrue(Either.isRight(CanonicalJson.encode(CanonicalJson.toJson(value))))
    }))
  })

  it("keeps JSON as it is", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
      assert.deepStrictEqual(CanonicalJson.toJson(value), JSON.parse(JSON.stringify(value)))
    }))
  })

  class Point {
    readonly x = 1
  }
  const self: Record<string, unknown> = { name: "self" }
  self["self"] = self

  it.each<[string, unknown, CanonicalJson.Json]>([
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an invalid date", new Date(Number.NaN), "Invalid Date"],
    ["a Map", new Map<unknown, unknown>([["a", 1], [{ k: 1 }, 2]]), { a: 1, "{\"k\":1}": 2 }],
    ["a Set", new Set([1, new Set()]), [1, []]],
    ["an Error", new Error("outer", { cause: new TypeError("inner") }), {
      name: "Error",
      message: "outer",
      cause: { name: "TypeError", message: "inner" }
    }],
    ["a bigint", 2n ** 70n, String(2n ** 70n)],
    ["NaN", [Number.NaN, Infinity], ["NaN", "Infinity"]],
    ["undefined", [undefined, { a: undefined }], [null, {}]],
    ["a cycle", self, { name: "self", self: "[Circular]" }],
    ["a class instance", new Point(), { x: 1 }],
    ["a function", [() => 1, Point], ["[Function ]", "[Function Point]"]],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["bytes", Buffer.from("abc"), "[Uint8Array, 3 bytes]"],
    ["a redacted value", { key: Redacted.make("secret") }, { key: "<redacted>" }],
    ["a URL", new URL("https://example.com/a"), "https://example.com/a"],
    ["a regular expression", /a+/g, "/a+/g"],
    ["half of a character", "a\uD83D", "a\uFFFD"],
    ["a boxed number", Object(1), {}]
  ])("%s", (_, value, expected) => {
    assert.deepStrictEqual(CanonicalJson.toJson(value), expected)
  })

  it("keeps what can be read of an object that throws", () => {
    const throwing = {
      a: 1,
      get b(): never {
        throw new Error("no")
      }
    }
    assert.deepStrictEqual(CanonicalJson.toJson(throwing), { a: 1, b: "[Unreadable: no]" })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    assert.match(String(CanonicalJson.toJson(proxy)), /^\[Unreadable: /)
  })

  it("does not let a key become a prototype", () => {
    const json = CanonicalJson.toJson(JSON.parse("{\"__proto__\": {\"polluted\": true}}"))
    assert.isTrue(Object.hasOwn(json as object, "__proto__"))
  })

  it("is bounded in depth and size", () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = { deep }
    assert.include(JSON.stringify(CanonicalJson.toJson(deep)), "[Truncated]")
    assert.isBelow(JSON.stringify(CanonicalJson.toJson(Array.from({ length: 1e6 }, (_, i) => i))).length, 1.5e6)
    assert.isBelow(JSON.stringify(CanonicalJson.toJson(["x".repeat(1e6), "x".repeat(1e6)])).length, 250_000)
  })
})

describe("encodeNear", () => {
  it("is the text of JSON, and of what comes near to it", () => {
    const json = { b: [1, "é"], a: { "": null } }
    assert.deepStrictEqual(CanonicalJson.encodeNear(json), Either.right(CanonicalJson.encodeUnsafe(json)))
    const near = { at: new Date(0), n: 1n, tags: new Set(["x".repeat(200_000)]) }
    assert.deepStrictEqual(
      CanonicalJson.encodeNear(near),
      Either.right(`{"at":"1970-01-01T00:00:00.000Z","n":"1","tags":["${"x".repeat(200_000)}"]}`)
    )
  })

  it("names the first places of which something would be lost, and never throws", () => {
    const many = Array.from({ length: 1_000 }, () => () => 1)
    const lost = Either.getOrElse(Either.flip(CanonicalJson.encodeNear({ many })), () => [])
    assert.deepStrictEqual(lost[0], { path: ["many", 0], reason: "a function" })
    assert.lengthOf(lost, 20)
    const throwing = {
      a: 1,
      get b(): never {
        throw new Error("no")
      }
    }
    assert.deepStrictEqual(
      CanonicalJson.encodeNear([throwing]),
      Either.left([{ path: [0, "b"], reason: "reading it threw: no" }])
    )
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = { deep }
    assert.isTrue(Either.isLeft(CanonicalJson.encodeNear(deep)))
  })
})
