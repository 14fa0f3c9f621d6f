import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as DotPath from "../../src/graph/DotPath.ts"
import type { FlowContext } from "../../src/graph/Flow.ts"

const context: FlowContext = {
  a: { b: { c: 1 }, "0": "field", nothing: null },
  list: [{ file: "x.ts" }, [true]],
  text: "hello",
  "with space": { "ä-ö": 2 }
}
const found = (path: string) => Option.getOrUndefined(DotPath.resolve(context, path))

describe("a path", () => {
  it.each<[string, unknown]>([
    ["a.b.c", 1],
    ["a.nothing", null],
    ["a.0", "field"],
    ["list.0.file", "x.ts"],
    ["list[0].file", "x.ts"],
    ["list[1][0]", true],
    ["with space.ä-ö", 2]
  ])("%s leads to its value", (path, expected) => {
    assert.deepStrictEqual(found(path), expected)
  })

  it.each([
    "b",
    "a.x.y",
    "a.b.c.d",
    "a.nothing.x",
    "list.2",
    "list.-1",
    "list.00",
    "list.length",
    "list.file",
    "text.0",
    "text.length",
    "__proto__",
    "a.__proto__",
    "a.constructor.name",
    "list.constructor",
    "toString",
    "",
    "a..b",
    ".a",
    "a.",
    "a[x]",
    "a[0"
  ])("%j leads nowhere", (path) => {
    assert.isUndefined(found(path))
  })

  it("that cannot be read says why", () => {
    const problem = (text: string) => Either.getOrThrow(Either.flip(DotPath.parse(text)))
    assert.strictEqual(problem("a..b"), "'a..b' has an empty part")
    assert.strictEqual(problem("a[x]"), "'a[x]' in 'a[x]' is no name")
    assert.include(problem("a.".repeat(200)), "more than 100 parts")
  })
})

describe("paths", () => {
  const name = FastCheck.string({ minLength: 1, maxLength: 8 }).filter((text) => !/[.[\]]/.test(text))
  const path = FastCheck.array(name, { minLength: 1, maxLength: 6 })

  it("are read as they are written", () => {
    FastCheck.assert(FastCheck.property(path, (segments) => {
      assert.deepStrictEqual(Either.getOrThrow(DotPath.parse(DotPath.format(segments))), segments)
    }))
  })

  it("lead to what was put there, and in two steps to where they lead in one", () => {
    FastCheck.assert(FastCheck.property(path, path, FastCheck.integer(), (first, second, value) => {
      const inner = second.reduceRight<FlowContext | number>((held, key) => Object.fromEntries([[key, held]]), value)
      const outer = first.reduceRight<FlowContext | number>((held, key) => Object.fromEntries([[key, held]]), inner)
      assert.isObject(outer)
      const whole = DotPath.get(outer as FlowContext, [...first, ...second])
      assert.deepStrictEqual(whole, Option.some(value))
      const half = Option.getOrThrow(DotPath.get(outer as FlowContext, first))
      assert.deepStrictEqual(DotPath.get(half as FlowContext, second), whole)
    }))
  })

  it("never fail, whatever the context holds", () => {
    const values = FastCheck.dictionary(FastCheck.string(), FastCheck.jsonValue())
    FastCheck.assert(FastCheck.property(values, FastCheck.string(), (held, text) => {
      assert.isTrue(Option.isOption(DotPath.resolve(held as FlowContext, text)))
    }))
  })
})
