import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as LocatedJson from "../../src/internal/locatedJson.ts"

const valueOf = (node: LocatedJson.Node): unknown => {
  switch (node._tag) {
    case "Scalar":
      return node.value
    case "Array":
      return node.items.map(valueOf)
    case "Object": {
      // as JSON.parse does: every name is an own property
      const result = {}
      for (const { key, value } of node.members) {
        Object.defineProperty(result, key, {
          value: valueOf(value),
          enumerable: true,
          writable: true,
          configurable: true
        })
      }
      return result
    }
  }
}

const faultOf = (text: string) => Either.getOrThrow(Either.flip(LocatedJson.parse(text)))

describe("locatedJson", () => {
  it("reads what JSON.parse reads, to the same value", () => {
    FastCheck.assert(FastCheck.property(FastCheck.json(), FastCheck.nat({ max: 2 }), (json, space) => {
      const text = JSON.stringify(JSON.parse(json), null, space)
      assert.deepStrictEqual(valueOf(Either.getOrThrow(LocatedJson.parse(text))), JSON.parse(text))
    }))
  })

  it("refuses what JSON.parse refuses, for every text that is nearly JSON", () => {
    const piece = FastCheck.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "\"a\"",
      "\"b\"",
      "1",
      "-",
      "01",
      "true",
      " ",
      "x"
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join("")
        const expected = Either.isRight(Either.try(() => JSON.parse(text) as unknown))
        const actual = LocatedJson.parse(text)
        const twice = Either.isLeft(actual) && /given twice/.test(actual.left.detail)
        return twice || Either.isRight(actual) === expected
      }),
      { numRuns: 2000 }
    )
  })

  it.each([
    ["", 1, 1, /the text ends/],
    ["{\n  \"a\": 1,\n}", 2, 9, /last comma is one too many/],
    ["{\n  \"a\": 1\n  \"b\": 2\n}", 3, 3, /',' or '}' is expected/],
    ["{\"a\" 1}", 1, 6, /a colon is expected/],
    ["{a: 1}", 1, 2, /a name in double quotes/],
    ["{\n// no\n}", 2, 1, /a name in double quotes/],
    ["[1, // no\n]", 1, 5, /JSON has no comments/],
    ["['a']", 1, 2, /double quotes/],
    ["{\"a\": NaN}", 1, 7, /a value is expected/],
    ["{\"a\": 01}", 1, 7, /a value is expected/],
    ["{\"a\": \"b\n\"}", 1, 7, /not closed on its line/],
    ["{\"a\": 1, \"a\": 2}", 1, 10, /'a' is given twice/],
    ["{} {}", 1, 4, /after the end/],
    ["\uFEFF{\"a\"", 1, 5, /the text ends inside an object/],
    ["[[", 1, 3, /the text ends/]
  ])("says where %j is not JSON", (text, line, column, detail) => {
    const fault = faultOf(text)
    assert.deepStrictEqual([fault.line, fault.column], [line, column], fault.detail)
    assert.match(fault.detail, detail)
  })

  it("skips a byte order mark, and knows places after it", () => {
    const node = Either.getOrThrow(LocatedJson.parse("\uFEFF{\n \"a\": 1}"))
    assert.deepStrictEqual(valueOf(node), { a: 1 })
    assert.strictEqual(node._tag, "Object")
    if (node._tag === "Object") {
      assert.deepStrictEqual(LocatedJson.placeOf("\uFEFF{\n \"a\": 1}", node.members[0]!.at), { line: 2, column: 2 })
    }
  })

  it("keeps names that mean something to JavaScript as names", () => {
    const node = Either.getOrThrow(LocatedJson.parse("{\"__proto__\": {\"x\": 1}, \"constructor\": 2}"))
    assert.deepStrictEqual(node._tag === "Object" ? node.members.map(({ key }) => key) : [], [
      "__proto__",
      "constructor"
    ])
    assert.notProperty({}, "x")
  })

  it("bounds nesting", () => {
    assert.match(faultOf("[".repeat(100_000)).detail, /more than 100 levels/)
  })
})
