import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as WorkflowArgs from "../../src/cli/WorkflowArgs.ts"

const Args = Schema.Struct({
  text: Schema.optional(Schema.String),
  short: Schema.optional(Schema.String.pipe(Schema.maxLength(3))),
  number: Schema.optionalWith(Schema.Number, { default: () => 1 }),
  whole: Schema.optional(Schema.Int),
  encoded: Schema.optional(Schema.NumberFromString),
  on: Schema.optional(Schema.Boolean),
  list: Schema.optional(Schema.Array(Schema.Int)),
  nested: Schema.optional(Schema.Struct({ a: Schema.Int })),
  either: Schema.optional(Schema.Union(Schema.String, Schema.Number)),
  word: Schema.optional(Schema.Literal("bug", "feature")),
  nothing: Schema.optional(Schema.NullOr(Schema.Number)),
  anything: Schema.optional(Schema.Unknown)
})

const read = (pairs: ReadonlyArray<string>, json?: string) => WorkflowArgs.read(Args, json, pairs)

const refuse = (...pairs: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(read(pairs))).message

describe("WorkflowArgs", () => {
  for (
    const [pair, value] of [
      ["text=1", "1"],
      ["text=", ""],
      ["text=a=b=c", "a=b=c"],
      ["text={\"a\":1}", "{\"a\":1}"],
      ["short=längst", "längst"],
      ["number=-2.5", -2.5],
      ["whole=3", 3],
      ["encoded=42", "42"],
      ["on=false", false],
      ["list=[1,2]", [1, 2]],
      ["nested={\"a\":1}", { a: 1 }],
      ["either=7", "7"],
      ["word=bug", "bug"],
      ["nothing=null", null],
      ["anything=[1]", [1]],
      ["anything=[1", "[1"]
    ] as const
  ) {
    it(`reads ${pair}`, () => {
      const [key] = pair.split("=", 1)
      assert.deepStrictEqual(Either.getOrThrow(read([pair])), { [key!]: value })
    })
  }

  for (
    const [pair, part] of [
      ["number=two", "--arg number is 'two'; it has to be a number"],
      ["number=\"2\"", "it has to be a number"],
      ["whole=1.5", "it has to be an integer"],
      ["on=yes", "--arg on is 'yes'; it has to be true or false"],
      ["list=1,2", "it has to be a JSON array, ReadonlyArray<Int>"],
      ["nested=[]", "it has to be a JSON object, { readonly a: Int }"],
      ["word=bugg", "it has to be \"bug\" or \"feature\". Did you mean bug?"],
      ["txet=1", "The workflow has no argument 'txet'. Did you mean text?"],
      ["text", "it has to be KEY=VALUE"]
    ] as const
  ) {
    it(`refuses ${pair}`, () => assert.include(refuse(pair), part))
  }

  it("refuses a key that is given twice", () => assert.include(refuse("text=1", "text=2"), "--arg text is given twice"))

  it("takes --arg before --args-json, which has to be an object", () => {
    const json = "{\"text\":\"json\",\"number\":2}"
    assert.deepStrictEqual(Either.getOrThrow(read(["text=arg"], json)), { text: "arg", number: 2 })
    for (const wrong of ["[]", "1", "null", "{", ""]) assert.isTrue(Either.isLeft(read([], wrong)), wrong)
    const { prototype } = Object.getPrototypeOf(Either.getOrThrow(read([], "{\"__proto__\":{\"x\":1}}"))).constructor
    assert.notProperty(prototype, "x")
  })

  it("takes any key of a record, and none where there are no arguments", () => {
    const record = Schema.Record({ key: Schema.String, value: Schema.Number })
    assert.deepStrictEqual(Either.getOrThrow(WorkflowArgs.read(record, undefined, ["a=1"])), { a: 1 })
    const none = Either.getOrThrow(Either.flip(WorkflowArgs.read(undefined, undefined, ["a=1"])))
    assert.deepStrictEqual(none.advice, ["The workflow takes no arguments."])
  })
})
