import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Condition from "../../src/graph/Condition.ts"
import type { BranchNode, Condition as Written, FlowContext, Json } from "../../src/graph/Flow.ts"

const at = { file: "flow.yaml", line: 1, column: 1 }
const branch = (parts: Partial<BranchNode>): BranchNode => ({
  id: "gate",
  at,
  type: "branch",
  path: "v",
  cases: new Map(),
  conditions: [],
  when: [],
  default: "other",
  ...parts
})
const choose = (parts: Partial<BranchNode>, context: FlowContext) => Condition.choose(branch(parts), context)
const chosen = (parts: Partial<BranchNode>, context: FlowContext) => Either.getOrThrow(choose(parts, context))
const met = (value: Json, op: Written["op"], written: string) =>
  Condition.isMet({ op, value: written, next: "x" }, value).pipe(Either.getOrElse(() => "no order"))

describe("YG-7: cases", () => {
  it.each<[Json, string]>([
    ["ok", "ok"],
    [true, "true"],
    [true, "True"],
    [false, "False"],
    [null, "null"],
    [null, "None"],
    [5, "5"],
    [0.5, "0.5"],
    ["", ""],
    [["a"], "[\"a\"]"],
    [["a"], "['a']"],
    [{ a: null }, "{'a': None}"]
  ])("%j is the case %j", (value, text) => {
    assert.deepInclude(chosen({ cases: new Map([[text, "there"]]) }, { v: value }), {
      next: "there",
      by: "case",
      value
    })
  })

  it.each<[Json, string]>([["true", "True"], ["OK", "ok"], [5, "5.0"], [1, "true"], ["null", "None"], [" ok", "ok"]])(
    "%j is not the case %j",
    (value, text) => {
      assert.strictEqual(chosen({ cases: new Map([[text, "there"]]) }, { v: value }).by, "default")
    }
  )

  it("come before conditions, and conditions in their order", () => {
    const cases = new Map([["3", "case"]])
    const conditions: BranchNode["conditions"] = [
      { op: ">", value: "2", next: "first" },
      { op: ">", value: "1", next: "second" }
    ]
    assert.strictEqual(chosen({ cases, conditions }, { v: 3 }).next, "case")
    assert.strictEqual(chosen({ cases, conditions }, { v: 4 }).next, "first")
    assert.strictEqual(chosen({ cases, conditions }, { v: 2 }).next, "second")
    assert.strictEqual(chosen({ cases, conditions }, { v: 1 }).next, "other")
  })
})

describe("YG-7: conditions", () => {
  it.each<[Json, Written["op"], string, boolean | "no order"]>([
    ["a", "==", "a", true],
    ["a", "!=", "b", true],
    ["1.0", "==", "1", false],
    [5, "==", "5.0", true],
    [5, "!=", "5.0", false],
    [true, "==", "True", true],
    [true, "==", "1", false],
    [null, "!=", "None", false],
    [10, ">", "9", true],
    ["10", ">", "9", true],
    ["10", "<", "9", false],
    ["1e3", ">=", " 1000 ", true],
    [-0.5, "<", "0", true],
    ["b", ">", "a", true],
    ["b", "<=", "B", false],
    ["abc", "<", "10", "no order"],
    [5, "<", "abc", "no order"],
    [true, ">=", "1", "no order"],
    [null, "<", "1", "no order"],
    [[1], ">", "0", "no order"],
    [{}, ">", "0", "no order"],
    ["nan", "<", "1", "no order"],
    ["", "<", "1", "no order"]
  ])("%j %s %j is %s", (value, op, written, expected) => {
    assert.strictEqual(met(value, op, written), expected)
  })

  it("without an order are not met, and say so", () => {
    const conditions: BranchNode["conditions"] = [
      { op: "<", value: "10", next: "less" },
      { op: "==", value: "abc", next: "same" }
    ]
    const choice = chosen({ conditions }, { v: "abc" })
    assert.strictEqual(choice.next, "same")
    assert.deepStrictEqual(choice.warnings, ["'v < 10': 'abc' and '10' have no order"])
  })

  it("compare numbers as numbers, however they are written", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.integer(), FastCheck.integer(), FastCheck.boolean(), (a, b, asText) => {
        const value = asText ? String(a) : a
        assert.strictEqual(met(value, "<", String(b)), a < b)
        assert.strictEqual(met(value, ">=", String(b)), a >= b)
        assert.strictEqual(met(value, "==", String(b)), a === b)
      })
    )
  })

  it("always say yes, no or why not", () => {
    const operators = FastCheck.constantFrom<Written["op"]>("==", "!=", "<", ">", "<=", ">=")
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), operators, FastCheck.string(), (value, op, written) => {
      assert.include([true, false, "no order"], met(value as Json, op, written))
      assert.notStrictEqual(met(value as Json, "==", written), met(value as Json, "!=", written))
    }))
  })
})

describe("expressions", () => {
  const when: BranchNode["when"] = [
    { if: { source: "v > 2 and ok", at }, next: "both" },
    { if: { source: "exists(w)", at }, next: "w" }
  ]
  it("decide in their order", () => {
    assert.deepInclude(chosen({ path: null, when }, { v: 3, ok: true }), { next: "both", by: "when" })
    assert.deepInclude(chosen({ path: null, when }, { v: 1, ok: true, w: null }), { next: "w", by: "when" })
    assert.deepInclude(chosen({ path: null, when }, { v: 1, ok: true }), { next: "other", by: "default", warnings: [] })
  })

  it("that cannot be decided are an error, not the default", () => {
    assert.deepInclude(Either.getOrThrow(Either.flip(choose({ path: null, when }, { v: "3" }))), {
      _tag: "ExpressionError",
      reason: "TypeMismatch"
    })
  })
})

describe("YG-7: what is not there", () => {
  it("takes the default, with a warning", () => {
    const choice = chosen({ path: "v.deep", cases: new Map([["null", "no"]]) }, { v: 1 })
    assert.deepStrictEqual(choice, {
      next: "other",
      by: "default",
      value: null,
      warnings: ["'v.deep' is not in the context"]
    })
  })

  it("leads nowhere without one", () => {
    const failure = Either.getOrThrow(Either.flip(choose({ path: "gone", default: null }, {})))
    assert.strictEqual(failure._tag, "NoBranch")
    assert.strictEqual(
      failure.message,
      "the branch 'gate' leads nowhere: 'gone' is not in the context; a 'default' would"
    )
  })
})
