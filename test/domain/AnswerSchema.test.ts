import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"

const json = <A>(schema: AnswerSchema.Input<A>) => Effect.map(AnswerSchema.make(schema), ({ json }) => json)
const issues = <A>(schema: AnswerSchema.AnswerSchema<A>, value: unknown) =>
  Either.getOrThrow(Either.flip(schema.decode(value)))
const value = <A>(schema: AnswerSchema.AnswerSchema<A>, encoded: unknown) => Either.getOrThrow(schema.decode(encoded))

class Finding extends Schema.Class<Finding>("Finding")({
  path: Schema.NonEmptyString,
  line: Schema.optional(Schema.Int)
}) {}

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend(() => Tree))
}).annotations({ identifier: "Tree" })

const report = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: {
    items: {
      type: "array",
      items: {
        type: "object",
        properties: {
          at: { type: "string", format: "date-time" },
          "a key": { enum: ["x", "y"] },
          n: { type: "integer" }
        },
        required: ["at"],
        additionalProperties: false
      }
    }
  },
  required: ["items"]
}

describe("an Effect Schema", () => {
  it.effect("is described without $schema and with a schema at its root", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* json(Finding), {
        type: "object",
        required: ["path"],
        properties: {
          path: { $ref: "#/$defs/NonEmptyString" },
          line: { $ref: "#/$defs/Int" }
        },
        additionalProperties: false,
        $defs: {
          Int: { type: "integer", description: "an integer", title: "int" },
          NonEmptyString: { type: "string", description: "a non empty string", title: "nonEmptyString", minLength: 1 }
        }
      })
    }))

  it.effect("keeps the definitions of a recursive schema", () =>
    Effect.gen(function*() {
      const tree = yield* json(Tree)
      const content = {
        type: "object",
        required: ["name", "children"],
        properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/$defs/Tree" } } },
        additionalProperties: false
      }
      assert.deepStrictEqual(tree, { ...content, $defs: { Tree: content } })
    }))

  it.effect("is described by standard keywords only", () =>
    Effect.gen(function*() {
      const { json } = yield* AnswerSchema.make(Schema.Struct({
        unknown: Schema.Unknown,
        any: Schema.Any.annotations({ description: "whatever" }),
        empty: Schema.Struct({}),
        object: Schema.Object.annotations({ title: "an object" }),
        never: Schema.optional(Schema.Never),
        choice: Schema.Enums({ A: "a", B: 1 } as const)
      }))
      assert.deepStrictEqual(json["properties"], {
        unknown: {},
        any: { description: "whatever" },
        empty: { type: "object" },
        object: {
          anyOf: [{ type: "object" }, { type: "array" }],
          title: "an object",
          description: "an object in the TypeScript meaning, i.e. the `object` type"
        },
        never: { not: {} },
        choice: { anyOf: [{ type: "string", title: "A", enum: ["a"] }, { type: "number", title: "B", enum: [1] }] }
      })
    }))

  it.effect("describes the encoded side and decodes to the other", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.Struct({
        at: Schema.Date,
        n: Schema.NumberFromString.pipe(Schema.between(1, 2)),
        note: Schema.optionalWith(Schema.String, { default: () => "none" })
      }))
      assert.deepInclude(schema.json, { required: ["at", "n"] })
      const answer = value(schema, { at: "2026-01-02T03:04:05.000Z", n: "2" })
      assert.deepStrictEqual(answer, { at: new Date("2026-01-02T03:04:05.000Z"), n: 2, note: "none" })
      assert.deepStrictEqual(schema.encode(answer), { at: "2026-01-02T03:04:05.000Z", n: "2", note: "none" })
    }))

  it.effect("takes the content of a root parseJson", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.parseJson(Schema.Struct({ a: Schema.Number })))
      assert.deepInclude(schema.json, { type: "object", required: ["a"] })
      assert.deepStrictEqual(value(schema, { a: 1 }), { a: 1 })
      assert.deepStrictEqual(schema.encode({ a: 1 }), { a: 1 })
    }))

  it.effect("decodes to class instances and back", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Finding)
      const finding = value(schema, { path: "a.ts", line: 3 })
      assert.instanceOf(finding, Finding)
      assert.deepStrictEqual(schema.encode(finding), { path: "a.ts", line: 3 })
    }))

  it.effect("reports every fault with its path", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.Struct({
        "a key": Schema.Literal("x"),
        items: Schema.Array(Schema.Struct({ n: Schema.Int, label: Schema.String }))
      }))
      assert.deepStrictEqual(issues(schema, { "a key": "y", items: [{ n: 1.5 }, { n: 1, label: "", more: 1 }] }), [
        { path: "$[\"a key\"]", message: "Expected \"x\", actual \"y\"" },
        { path: "$.items[0].n", message: "Expected an integer, actual 1.5" },
        { path: "$.items[0].label", message: "is missing" },
        { path: "$.items[1].more", message: "is unexpected, expected: \"n\" | \"label\"" }
      ])
      assert.deepStrictEqual(issues(schema, []).map(({ path }) => path), ["$"])
    }))

  it.effect("bounds messages about large values", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.Number)
      assert.isAtMost(issues(schema, "x".repeat(100_000))[0]?.message.length ?? 0, 501)
    }))

  it.effect("refuses extra keys exactly if it says so", () =>
    Effect.gen(function*() {
      const closed = yield* AnswerSchema.make(Schema.Struct({ a: Schema.Number }))
      assert.isTrue(Either.isLeft(closed.decode({ a: 1, b: 2 })))
      const open = yield* AnswerSchema.make(
        Schema.Struct({ a: Schema.Number }).annotations({
          jsonSchema: { type: "object", properties: { a: { type: "number" } }, required: ["a"] }
        })
      )
      assert.deepStrictEqual(value(open, { a: 1, b: 2 }), { a: 1 })
      const record = yield* AnswerSchema.make(Schema.Record({ key: Schema.String, value: Schema.Number }))
      assert.deepStrictEqual(value(record, { a: 1, b: 2 }), { a: 1, b: 2 })
    }))

  it.effect("takes null for an absent field", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.Struct({ findings: Schema.Array(Finding) }))
      const answer = value(schema, { findings: [{ path: "a", line: null }, { path: "b", line: 2 }] })
      assert.deepStrictEqual(answer.findings.map(({ line }) => line), [undefined, 2])
      assert.deepStrictEqual(issues(schema, { findings: [{ path: null, line: null }] }).map(({ path }) => path), [
        "$.findings[0].path",
        "$.findings[0].line",
        "$.findings[0].line"
      ])
    }))

  it.effect("keeps null where the schema wants it", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(
        Schema.Struct({ a: Schema.NullOr(Schema.String), b: Schema.optional(Schema.Int) })
      )
      assert.deepStrictEqual(value(schema, { a: null, b: null }), { a: null })
    }))

  it.effect("turns code that throws into a fault", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Schema.String.pipe(Schema.filter(() => {
        throw new Error("no")
      })))
      assert.deepStrictEqual(issues(schema, "a"), [{ path: "$", message: "could not be decoded: no" }])
    }))

  const refuses = <A>(name: string, schema: AnswerSchema.Input<A>, words: string) =>
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(AnswerSchema.make(schema))
        assert.deepInclude(error, { _tag: "UnsupportedSchema", reason: "NoJsonSchema" })
        assert.include(error.message, words)
        assert.notInclude(error.message, "\n")
      }))

  refuses("a declaration", Schema.Struct({ at: Schema.Struct({ x: Schema.DateFromSelf }) }), "[\"at\"][\"x\"]")
  refuses("a bigint", Schema.BigIntFromSelf, "BigInt")
  refuses("undefined at the root", Schema.UndefinedOr(Schema.String), "Undefined")
  refuses("void", Schema.Struct({ a: Schema.Void }), "undefined")
  refuses("never", Schema.Never, "accepts nothing")
  refuses("a symbol key", Schema.Struct({ [Symbol.for("s")]: Schema.String }), "Symbol(s)")

  const agrees = <A, I>(name: string, schema: Schema.Schema<A, I>) =>
    it.effect(`agrees with what it says: ${name}`, () =>
      Effect.gen(function*() {
        const { decode, encode, json } = yield* AnswerSchema.make(schema)
        const validate = new Ajv2020({ strict: false }).compile(json)
        const property = FastCheck.property(Arbitrary.make(Schema.encodedBoundSchema(schema)), (value) => {
          const encoded = JSON.parse(JSON.stringify(value), (key, field: unknown) =>
            key === "__proto__" ? undefined : field)
          assert.isTrue(validate(encoded), JSON.stringify(validate.errors))
          const answer = Either.getOrThrow(decode(encoded))
          assert.deepStrictEqual(encode(answer), encoded)
        })
        FastCheck.assert(property)
        FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (encoded) => {
          if (validate(encoded)) {
            assert.isTrue(Either.isRight(decode(encoded)))
          }
        }))
      }))

  agrees("class", Finding)
  agrees("tree", Tree)
  agrees("record", Schema.Record({ key: Schema.String, value: Schema.Union(Schema.Finite, Schema.Null) }))
  agrees("tuple", Schema.Tuple([Schema.String, Schema.optionalElement(Schema.Finite)], Schema.Boolean))
  agrees(
    "overlapping union",
    Schema.Union(
      Schema.Struct({ a: Schema.String }),
      Schema.Struct({ a: Schema.String, b: Schema.Finite })
    )
  )
  agrees("enums", Schema.Enums({ A: "a", B: 1 } as const))
  agrees("template", Schema.TemplateLiteral("a-", Schema.Number))
  agrees(
    "optional",
    Schema.Struct({ a: Schema.optional(Schema.NullOr(Schema.String)), b: Schema.NullOr(Schema.Finite) })
  )
})

describe("a JSON Schema", () => {
  it.effect("reports every fault with its path, formats included", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(report)
      assert.notProperty(schema.json, "$schema")
      assert.deepStrictEqual(
        issues(schema, { items: [{ at: "yesterday", "a key": "z" }, { n: 1.5, more: 1 }] }),
        [
          { path: "$.items[0].at", message: "must match format \"date-time\"" },
          { path: "$.items[0][\"a key\"]", message: "must be equal to one of the allowed values: \"x\", \"y\"" },
          { path: "$.items[1].at", message: "is missing" },
          { path: "$.items[1].more", message: "is unexpected" },
          { path: "$.items[1].n", message: "must be integer" }
        ]
      )
    }))

  it.effect("accepts what is valid as it is", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(report)
      const answer = { items: [{ at: "2026-01-01T00:00:00Z", n: 1 }], more: [1] }
      assert.strictEqual(value(schema, answer), answer)
      assert.strictEqual(schema.encode(answer), answer)
    }))

  it.effect("does not take what every object inherits for a property", () =>
    Effect.gen(function*() {
      const optional = yield* AnswerSchema.make({ properties: { toString: { type: "string" } } })
      assert.isTrue(Either.isRight(optional.decode({})))
      const required = yield* AnswerSchema.make({ type: "object", required: ["constructor"] })
      assert.deepStrictEqual(issues(required, {}), [{ path: "$.constructor", message: "is missing" }])
    }))

  it.effect("takes null for an absent property", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(report)
      const answer = { items: [{ at: "2026-01-01T00:00:00Z", n: null }] }
      assert.deepStrictEqual(value(schema, answer), { items: [{ at: "2026-01-01T00:00:00Z" }] })
      assert.isNull(answer.items[0]?.n)
    }))

  it.effect("has the schema at the root that its root points at", () =>
    Effect.gen(function*() {
      const tree = {
        type: "object",
        properties: { children: { type: "array", items: { $ref: "#/$defs/Tree" } } },
        additionalProperties: false
      }
      assert.deepStrictEqual(yield* json({ $ref: "#/$defs/Tree", $defs: { Tree: tree, Unused: {} } }), {
        ...tree,
        $defs: { Tree: tree, Unused: {} }
      })
      assert.deepStrictEqual(yield* json({ $ref: "#/$defs/A", title: "T", $defs: { A: { type: "string" } } }), {
        type: "string",
        title: "T"
      })
      const narrowed = yield* AnswerSchema.make({
        $ref: "#/$defs/A",
        maxLength: 2,
        $defs: { A: { type: "string", maxLength: 3 } }
      })
      assert.isTrue(Either.isLeft(narrowed.decode("abc")))
    }))

  it.effect.each<[string, JsonSchemaObject, string]>([
    ["a wrong type", { type: "objekt" }, "data/type"],
    ["a nested wrong keyword", { type: "object", properties: { a: { minimum: "1" } } }, "data/properties/a/minimum"],
    ["items of an older draft", { type: "array", items: [{ type: "string" }] }, "data/items"],
    ["a broken pattern", { type: "string", pattern: "(" }, "("],
    ["a missing definition", { type: "array", items: { $ref: "#/$defs/nope" } }, "#/$defs/nope"],
    ["a missing definition at the root", { $ref: "#/$defs/nope" }, "#/$defs/nope"],
    ["a root that leads to itself", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }, "back to itself"],
    [
      "a remote reference",
      { type: "array", items: { $ref: "https://example.com/x.json" } },
      "https://example.com/x.json"
    ],
    [
      "a definition that leads to itself",
      { items: { $ref: "#/$defs/a" }, $defs: { a: { $ref: "#/$defs/a" } } },
      "itself"
    ],
    ["an asynchronous schema", { $async: true, type: "object" }, "$async"],
    ["what is not JSON", { type: "number", minimum: Number.NaN }, "/minimum"]
  ])("refuses %s", ([, schema, words]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AnswerSchema.make(schema))
      assert.deepInclude(error, { _tag: "UnsupportedSchema", reason: "InvalidJsonSchema" })
      assert.include(error.message, words)
    }))

  it.effect("does not see the definitions of another", () =>
    Effect.gen(function*() {
      const first = yield* AnswerSchema.make({ $id: "https://example.com/s", type: "string" })
      const second = yield* AnswerSchema.make({ $id: "https://example.com/s", type: "number" })
      assert.isTrue(Either.isRight(first.decode("a")))
      assert.isTrue(Either.isRight(second.decode(1)))
      yield* Effect.flip(AnswerSchema.make({ $id: 1, type: "number" }))
      const third = yield* Effect.flip(AnswerSchema.make({ items: { $ref: "https://example.com/s" } }))
      assert.include(third.message, "https://example.com/s")
    }))

  it.effect("answers nesting that the stack does not hold with a fault", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make({ type: "array", items: { $ref: "#" } })
      let deep: unknown = []
      for (let level = 0; level < 100_000; level++) deep = [deep]
      assert.deepStrictEqual(issues(schema, deep), [{ path: "$", message: "is nested too deeply to be checked" }])
    }))
})

describe("make", () => {
  it.effect("gives equal schemas equal hashes, whatever the order of keys", () =>
    Effect.gen(function*() {
      const one = yield* AnswerSchema.make({ type: "object", required: ["a"] })
      const two = yield* AnswerSchema.make({ required: ["a"], type: "object" })
      const three = yield* AnswerSchema.make({ required: ["b"], type: "object" })
      assert.match(one.hash, /^[\da-f]{64}$/)
      assert.strictEqual(one.hash, two.hash)
      assert.notStrictEqual(one.hash, three.hash)
    }))

  it.effect("compiles a schema once", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* AnswerSchema.make(Finding), yield* AnswerSchema.make(Finding))
      assert.strictEqual(yield* AnswerSchema.make(report), yield* AnswerSchema.make(report))
      const invalid = { type: "objekt" }
      assert.strictEqual(
        yield* Effect.flip(AnswerSchema.make(invalid)),
        yield* Effect.flip(AnswerSchema.make(invalid))
      )
    }))

  it.effect("keeps the order of properties and the caller's object", () =>
    Effect.gen(function*() {
      const schema = { type: "object", properties: { z: {}, a: {} } }
      const { json } = yield* AnswerSchema.make(schema)
      assert.deepStrictEqual(Object.keys(json["properties"] ?? {}), ["z", "a"])
      Object.assign(schema.properties, { b: {} })
      assert.notProperty(json["properties"], "b")
    }))
})
