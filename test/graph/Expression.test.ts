import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Expression from "../../src/graph/Expression.ts"
import type { FlowContext, Json } from "../../src/graph/Flow.ts"

const at = { file: "flow.yaml", line: 3, column: 9 }
const context: FlowContext = {
  n: 3,
  half: 0.5,
  yes: true,
  no: false,
  nothing: null,
  text: "Hello",
  list: [3, 1, 2],
  words: ["a", "b"],
  review: { verdict: "approved", findings: [{ file: "a.ts" }, { file: "b.ts" }], score: 7 },
  "max": 5
}

const parsed = (source: string) => Either.getOrThrow(Expression.parse({ source, at }))
const problem = (source: string) => Either.getOrThrow(Either.flip(Expression.parse({ source, at })))
const value = (source: string, values = context) => Either.getOrThrow(Expression.evaluate(parsed(source), values))
const error = (source: string, values = context) =>
  Either.getOrThrow(Either.flip(Expression.evaluate(parsed(source), values)))

describe("values", () => {
  it.each<[string, Json]>([
    ["3", 3],
    ["'it\\'s' + \" \\\"q\\\"\"", "it's \"q\""],
    ["[1, 'a', true, null]", [1, "a", true, null]],
    ["True == true and None == null", true],
    ["review.findings[1].file", "b.ts"],
    ["review['verdict']", "approved"],
    ["review.findings.0.file", "a.ts"],
    ["list[-1]", 2],
    ["1 + 2 * 3 - 4 / 2", 5],
    ["(1 + 2) * 3", 9],
    ["7 // 2 + 7 % 3", 4],
    ["-7 % 3", 2],
    ["-n + +n", 0],
    ["text + '!'", "Hello!"],
    ["words + ['c']", ["a", "b", "c"]],
    ["1 == 1.0", true],
    ["1 == '1'", false],
    ["null == false", false],
    ["yes != 'true'", true],
    ["[1, [2]] == [1, [2]]", true],
    ["1 < n <= 3", true],
    ["'a' < 'b'", true],
    ["2 in list and 9 not in list", true],
    ["'ell' in text", true],
    ["'score' in review", true],
    ["yes and not no or no", true],
    ["no and missing.x", false],
    ["yes or missing.x", true],
    ["'many' if n > 2 else 'few'", "many"],
    ["1 if no else 2 if no else 3", 3],
    ["len(list) + len(text) + len(review)", 11],
    ["lower(text) + upper(text) + trim(' x ')", "helloHELLOx"],
    ["startswith(text, 'He') and endswith(text, 'lo') and contains(list, 2)", true],
    ["min(list) + max(list) + min(4, 2)", 6],
    ["max('a', 'b')", "b"],
    ["sum(list)", 6],
    ["sum([])", 0],
    ["range(3) + range(5, 7) + range(4, 0, -2)", [0, 1, 2, 5, 6, 4, 2]],
    ["max", 5],
    ["max(max, 9)", 9],
    ["default(missing, 'd') + default(review.zip.zap, 'e') + default(nothing, 'f')", "def"],
    ["default(n, missing)", 3],
    ["exists(missing)", false],
    ["exists(review.findings[5].file)", false],
    ["exists(nothing) and exists(review.verdict)", true],
    ["default(missing, 0) > 2", false]
  ])("%s", (source, expected) => {
    assert.deepStrictEqual(value(source), expected)
  })

  it("keep the type they have in the context", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (held) => {
      const json = decode(JSON.stringify(held)) as Json
      assert.deepStrictEqual(value("a.b[0]", { a: { b: [json] } }), json)
    }))
  })
})

const decode = Schema.decodeSync(Schema.parseJson())

describe("errors", () => {
  it.each<[string, Expression.ExpressionError["reason"], number, string]>([
    ["missing", "Undefined", 9, "'missing' is undefined"],
    ["n + review.zip", "Undefined", 13, "'review.zip' is undefined"],
    ["review.findings[7].file == 'a'", "Undefined", 9, "'review.findings[7]' is"],
    ["default(missing, other)", "Undefined", 9, "'other'"],
    ["1 < '2'", "TypeMismatch", 11, "a number and a text have no order"],
    ["nothing > 1", "TypeMismatch", 17, "null and a number"],
    ["yes < no", "TypeMismatch", 13, "have no order"],
    ["1 + '2'", "TypeMismatch", 11, "'+' cannot combine a number and a text"],
    ["'a' * 3", "TypeMismatch", 13, "'*' cannot combine"],
    ["text and yes", "TypeMismatch", 14, "true or false is needed here, not a text"],
    ["not n", "TypeMismatch", 9, "not a number"],
    ["1 if n else 2", "TypeMismatch", 14, "a condition is true or false"],
    ["1 / 0", "TypeMismatch", 11, "divided by zero"],
    ["5 % 0", "TypeMismatch", 11, "divided by zero"],
    ["1e308 * 1e308", "TypeMismatch", 15, "no finite number"],
    ["1 in 2", "TypeMismatch", 11, "cannot contain"],
    ["len(3)", "TypeMismatch", 9, "a text is needed"],
    ["min([])", "TypeMismatch", 9, "empty list"],
    ["sum(['a'])", "TypeMismatch", 9, "a number is needed"],
    ["range(1.5)", "TypeMismatch", 9, "a whole number"],
    ["range(1000000000)", "Limit", 9, "at most"]
  ])("%s is %s", (source, reason, column, detail) => {
    const failure = error(source)
    assert.deepInclude(failure, { _tag: "ExpressionError", reason, file: "flow.yaml", line: 3, column })
    assert.include(failure.detail, detail)
  })

  it("are given for a condition that is neither true nor false", () => {
    for (const source of ["'false'", "n", "list", "nothing"]) {
      const tested = Expression.test(parsed(source), context)
      assert.strictEqual(Either.getOrThrow(Either.flip(tested)).reason, "TypeMismatch")
    }
    assert.isTrue(Either.getOrThrow(Expression.test(parsed("n == 3"), context)))
  })
})

describe("problems", () => {
  it.each<[string, number, string]>([
    ["", 9, "a value is expected"],
    ["n >", 12, "a value is expected here, not the end"],
    ["n = 3", 11, "'==' compares"],
    ["n === 3", 13, "a value is expected here, not '='"],
    ["n && yes", 11, "write 'and'"],
    ["!yes", 9, "write 'not'"],
    ["n ? 1 : 2", 11, "write 'a if condition else b'"],
    ["1 if yes", 11, "no 'else'"],
    ["(n", 9, "'(' is not closed"],
    ["n]", 10, "no opening bracket"],
    ["'n", 9, "no closing quote"],
    ["n n", 11, "not expected here"],
    ["lenn(list)", 9, "did you mean 'len'?"],
    ["eval('1')", 9, "no function 'eval'"],
    ["len()", 9, "takes 1 arguments, not 0"],
    ["len(x=1)", 15, "have no names"],
    ["list | length", 16, "write 'len(…)'"],
    ["n is defined", 14, "write 'exists(…)'"],
    ["text.startswith('a')", 9, "write 'startswith(…)'"],
    ["text.constructor('a')", 9, "there are no methods"],
    ["list[0](1)", 9, "only functions are called"],
    ["list[1:]", 9, "no slices"],
    ["{'a': 1}", 9, "no objects"],
    ["a ~ b", 11, "'+' joins texts"],
    ["a; b", 10, "not expected"],
    ["`a`", 9, "means nothing here"],
    ["3abc", 10, "followed by letters"],
    ["1e999", 9, "too large"]
  ])("%j", (source, column, detail) => {
    const found = problem(source)
    assert.deepInclude(found, { _tag: "ExpressionProblem", file: "flow.yaml", line: 3, column })
    assert.include(found.detail, detail)
  })

  it("show the place", () => {
    assert.strictEqual(problem("n > 1 andd yes").excerpt, "n > 1 andd yes\n      ^")
    // lines after `|` are indented like the first, which begins in column 9
    assert.match(problem("n >\n  = 1").message, /^flow\.yaml:4:11: /)
  })
})

describe("names", () => {
  it("are those the context has to give, with their places", () => {
    const { names } = parsed("a.b > len(c) and a and exists(d.e) and default(f, g[h]) == max(i, 1)")
    assert.deepStrictEqual(names.map(({ name }) => name), ["a", "c", "g", "h", "i"])
    assert.deepStrictEqual(names[1]?.at, { file: "flow.yaml", line: 3, column: 19 })
  })
})

describe("what an expression reaches", () => {
  it("is nothing inherited", () => {
    const values: FlowContext = { o: {}, l: [1], s: "x", n: 1 }
    for (const name of ["__proto__", "constructor", "toString", "valueOf", "length", "hasOwnProperty"]) {
      for (const path of [name, `o.${name}`, `l.${name}`, `s.${name}`, `n.${name}`, `o['${name}']`, `l[0].${name}`]) {
        assert.isFalse(value(`exists(${path})`, values))
        assert.strictEqual(error(path, values).reason, "Undefined")
      }
      assert.isFalse(value(`'${name}' in o`, values))
    }
  })

  it("is bounded", () => {
    const closed = (text: string) => {
      const closers = [...text].toReversed().map((char) => char === "(" ? ")" : char === "[" ? "]" : "").join("")
      return text.endsWith("]") || text.endsWith("a") ? text : `${text}1${closers}`
    }
    const texts = ["(", "[", "not ", "-", "1+", "len(", "1 if yes else "].map((before) => before.repeat(600))
    for (const source of [...texts, `n${".a".repeat(600)}`, `n${"[0]".repeat(600)}`]) {
      assert.match(problem(closed(source)).detail, /nested deeper than|operators follow each other/)
    }
    assert.include(problem("1".repeat(20_000)).detail, "at most 10000 characters")
    const values = { big: "x".repeat(4_000_000) }
    assert.strictEqual(error(Array.from({ length: 60 }, () => "big").join(" + "), values).reason, "Limit")
    const rows = Array.from({ length: 2_000 }, () => Array.from({ length: 600 }, () => 1))
    assert.strictEqual(error("rows == same", { rows, same: structuredClone(rows) }).reason, "Limit")
  })
})

type Model =
  | { readonly kind: "value"; readonly text: string; readonly value: Json }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Model; readonly right: Model }
  | { readonly kind: "not" | "minus"; readonly operand: Model }
  | { readonly kind: "if"; readonly test: Model; readonly met: Model; readonly other: Model }

const precedence: ReadonlyArray<ReadonlyArray<string>> = [["or"], ["and"], ["==", "!=", "<", ">", "<=", ">=", "in"], [
  "+",
  "-"
], [
  "*",
  "/",
  "//",
  "%"
]]
const levelOf = (operator: string) => precedence.findIndex((operators) => operators.includes(operator))

/** As few brackets as the precedences allow. */
const write = (model: Model, level = -1): string => {
  const bracketed = (text: string, own: number) => own < level ? `(${text})` : text
  switch (model.kind) {
    case "value":
      return model.text
    case "not":
      return bracketed(`not ${write(model.operand, 2)}`, 1.5)
    case "minus":
      return `-(${write(model.operand)})`
    case "if":
      return `(${write(model.met, 0)} if ${write(model.test, 0)} else ${write(model.other, 0)})`
    case "binary": {
      const own = levelOf(model.operator)
      const left = own === 2 ? 3 : own
      return bracketed(`${write(model.left, left)} ${model.operator} ${write(model.right, own + 1)}`, own)
    }
  }
}

const wrong = Symbol("wrong")
type Result = Json | typeof wrong

const isNumber = (value: Result): value is number => typeof value === "number"
const same = (left: Result, right: Result) => JSON.stringify(left) === JSON.stringify(right)
const finite = (value: number): Result => Number.isFinite(value) ? (value === 0 ? 0 : value) : wrong

/** The same language, written down once more and in another way. */
const interpret = (model: Model): Result => {
  switch (model.kind) {
    case "value":
      return model.value
    case "not": {
      const value = interpret(model.operand)
      return typeof value === "boolean" ? !value : wrong
    }
    case "minus": {
      const value = interpret(model.operand)
      return isNumber(value) ? finite(-value) : wrong
    }
    case "if": {
      const test = interpret(model.test)
      return typeof test === "boolean" ? interpret(test ? model.met : model.other) : wrong
    }
    case "binary":
      return interpretBinary(model.operator, interpret(model.left), () => interpret(model.right))
  }
}

const interpretBinary = (operator: string, left: Result, later: () => Result): Result => {
  if (left === wrong) return wrong
  if (operator === "and" || operator === "or") {
    if (typeof left !== "boolean") return wrong
    if (left === (operator === "or")) return left
    const right = later()
    return typeof right === "boolean" ? right : wrong
  }
  const right = later()
  if (right === wrong) return wrong
  if (operator === "==") return same(left, right)
  if (operator === "!=") return !same(left, right)
  if (operator === "in") {
    if (Array.isArray(right)) return right.some((item: Json) => same(item, left))
    return typeof right === "string" && typeof left === "string" ? right.includes(left) : wrong
  }
  if (operator === "+" && typeof left === "string" && typeof right === "string") return left + right
  if (operator === "+" && Array.isArray(left) && Array.isArray(right)) return [...left, ...right] as Json
  const isText = typeof left === "string" && typeof right === "string"
  if (isText || isNumber(left) && isNumber(right)) {
    if (operator === "<") return left < right
    if (operator === ">") return left > right
    if (operator === "<=") return left <= right
    if (operator === ">=") return left >= right
  }
  if (!isNumber(left) || !isNumber(right)) return wrong
  if (operator === "+") return finite(left + right)
  if (operator === "-") return finite(left - right)
  if (operator === "*") return finite(left * right)
  if (right === 0) return wrong
  if (operator === "/") return finite(left / right)
  if (operator === "//") return finite(Math.floor(left / right))
  return finite(left - right * Math.floor(left / right))
}

const leaf = FastCheck.oneof(
  FastCheck.integer({ min: 0, max: 9 }).map((value): Model => ({ kind: "value", text: String(value), value })),
  FastCheck.boolean().map((value): Model => ({ kind: "value", text: String(value), value })),
  FastCheck.constantFrom("", "a", "ab", "b").map((value): Model => ({ kind: "value", text: `'${value}'`, value })),
  FastCheck.constantFrom<Model>(
    { kind: "value", text: "null", value: null },
    { kind: "value", text: "[]", value: [] },
    { kind: "value", text: "n", value: 3 },
    { kind: "value", text: "list", value: [3, 1, 2] },
    { kind: "value", text: "words[1]", value: "b" },
    { kind: "value", text: "review.score", value: 7 },
    { kind: "value", text: "['a', 1]", value: ["a", 1] }
  )
)
const { model } = FastCheck.letrec<{ model: Model }>((tie) => ({
  model: FastCheck.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    FastCheck.record({
      kind: FastCheck.constant("binary" as const),
      operator: FastCheck.constantFrom(...precedence.flat()),
      left: tie("model"),
      right: tie("model")
    }),
    FastCheck.record({ kind: FastCheck.constantFrom("not" as const, "minus" as const), operand: tie("model") }),
    FastCheck.record({
      kind: FastCheck.constant("if" as const),
      test: tie("model"),
      met: tie("model"),
      other: tie("model")
    })
  )
}))

describe("evaluation", () => {
  it("agrees with a second interpreter", () => {
    FastCheck.assert(
      FastCheck.property(model, (generated) => {
        const source = write(generated)
        const expected = interpret(generated)
        const actual = Expression.evaluate(parsed(source), context)
        if (expected === wrong) {
          assert.strictEqual(Either.getOrThrow(Either.flip(actual)).reason, "TypeMismatch", source)
        } else assert.strictEqual(JSON.stringify(Either.getOrThrow(actual)), JSON.stringify(expected), source)
      }),
      { numRuns: 5_000 }
    )
  })

  const word = FastCheck.constantFrom(
    ..."n list text review missing . , ( ) [ ] { } : | ~ + - * / // % ** == != < > <= >= = and or not in is if else"
      .split(" "),
    ..."0 1 2.5 'a' \"b\" len default exists max range __proto__ constructor true null".split(" ")
  )
  it("of any words gives JSON, a problem or an error", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(word, { maxLength: 15 }), (words) => {
        const result = Either.flatMap(
          Expression.parse({ source: words.join(" "), at }),
          (expression) => Expression.evaluate(expression, context)
        )
        if (Either.isRight(result)) assert.deepStrictEqual(decode(JSON.stringify(result.right)), result.right)
        else assert.isAtLeast(result.left.column, 1)
      }),
      { numRuns: 5_000 }
    )
  })

  it("of any characters does so too", () => {
    FastCheck.assert(FastCheck.property(FastCheck.string({ unit: "binary", maxLength: 60 }), (source) => {
      assert.isTrue(Either.isEither(Expression.parse({ source, at })))
    }))
  })
})
