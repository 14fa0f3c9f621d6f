import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"
import * as JsonSchema from "../../src/internal/jsonSchema.ts"
import * as JsonSchemaSample from "../../src/internal/jsonSchemaSample.ts"
import * as JsonSchemaValidator from "../../src/internal/jsonSchemaValidator.ts"
import * as AnthropicSchema from "../../src/provider/AnthropicSchema.ts"

const closed = (properties: JsonSchemaObject, more: JsonSchemaObject = {}): JsonSchemaObject => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more
})

const advertised = <A>(schema: AnswerSchema.Input<A>) => Effect.map(AnswerSchema.make(schema), ({ json }) => json)

const enforced = (schema: JsonSchemaObject) => Option.getOrThrow(AnthropicSchema.enforced(schema))

const list = { $ref: "#/$defs/List" }
const recursive = closed({ head: list }, {
  $defs: { List: closed({ value: { type: "string" }, next: { anyOf: [list, { type: "null" }] } }) }
})

describe("AnthropicSchema: the enforced form", () => {
  it("leaves a plain closed object as it is", () => {
    const schema = closed({ label: { type: "string", enum: ["a", "b"] }, n: { type: "integer" } })
    assert.deepStrictEqual(
      enforced(schema),
      closed({ label: { enum: ["a", "b"] }, n: { type: "integer" } }) as AnthropicSchema.ObjectSchema
    )
  })

  it("lets fields be absent, and closes objects that list their fields", () => {
    const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "number" } }, required: ["a"] }
    assert.deepStrictEqual<unknown>(enforced(schema), { ...schema, additionalProperties: false })
  })

  it("says bounds, patterns and unknown formats in words, after what the description says already", () => {
    const schema = closed({
      n: { type: "integer", minimum: 1, maximum: 5, description: "How many." },
      s: { type: "string", pattern: "^a", minLength: 2 },
      when: { type: "string", format: "date" },
      odd: { type: "string", format: "color" },
      many: { type: "array", items: { type: "string" }, minItems: 2, maxItems: 3 },
      some: { type: "array", items: { type: "string" }, minItems: 1 }
    })
    assert.deepStrictEqual(enforced(schema)["properties"], {
      n: { type: "integer", description: "How many.\n\nMust keep to minimum: 1, maximum: 5." },
      s: { type: "string", description: "Must keep to pattern: \"^a\", minLength: 2." },
      when: { type: "string", format: "date" },
      odd: { type: "string", description: "Must keep to format: \"color\"." },
      many: {
        type: "array",
        items: { type: "string" },
        description: "Must keep to minItems: 2, maxItems: 3."
      },
      some: { type: "array", items: { type: "string" }, minItems: 1 }
    })
  })

  it("makes choices of oneOf and of several types", () => {
    const schema = closed({
      one: { oneOf: [{ type: "string" }, { type: "number" }] },
      both: { type: ["string", "null"], maxLength: 3, description: "A name." }
    })
    assert.deepStrictEqual(enforced(schema)["properties"], {
      one: { anyOf: [{ type: "string" }, { type: "number" }] },
      both: {
        description: "A name.",
        anyOf: [{ type: "string", description: "Must keep to maxLength: 3." }, { type: "null" }]
      }
    })
  })

  it("joins checks that stand one by one in allOf, and moves definitions to one place", () => {
    const schema = closed({
      n: { type: "number", allOf: [{ minimum: 1, description: "positive" }, { maximum: 9 }] },
      a: { allOf: [{ $ref: "#/definitions/A" }], description: "An A." }
    }, { definitions: { A: { type: "string", const: "a" } } })
    const { $defs, properties } = enforced(schema)
    assert.deepStrictEqual(properties, {
      n: { type: "number", description: "positive\n\nMust keep to minimum: 1, maximum: 9." },
      a: { $ref: "#/$defs/A" }
    })
    assert.deepStrictEqual($defs, { A: { const: "a" } })
  })

  it("drops what says nothing about answers", () => {
    const schema = closed({ a: { type: "string", default: "x", examples: ["y"], $comment: "z" } })
    assert.deepStrictEqual(enforced({ ...schema, $schema: "https://json-schema.org/draft/2020-12/schema" }), {
      ...closed({ a: { type: "string" } }),
      type: "object"
    })
  })

  const unsaid: ReadonlyArray<readonly [what: string, schema: JsonSchemaObject]> = [
    ["a recursive shape", recursive],
    ["a record of any keys", { type: "object", additionalProperties: { type: "number" } }],
    ["an object of any shape", { type: "object" }],
    ["an open object", closed({ a: { type: "string" } }, { additionalProperties: true })],
    ["patterns of keys", closed({}, { patternProperties: { "^a": { type: "string" } } })],
    ["a tuple", { type: "array", prefixItems: [{ type: "string" }], items: false }],
    ["a list of anything", closed({ a: { type: "array" } })],
    ["a field of any type", closed({ a: {} })],
    ["a boolean schema", closed({ a: true })],
    ["not", closed({ a: { type: "string", not: { const: "a" } } })],
    ["a condition", closed({ a: { type: "string" } }, { if: { required: ["a"] }, else: {} })],
    ["a literal that is an object", closed({ a: { enum: [{ b: 1 }] } })],
    ["allOf of objects", { allOf: [closed({ a: { type: "string" } }), closed({ b: { type: "string" } })] }],
    ["choices beside fields", closed({ a: { type: "string" } }, { anyOf: [{ required: ["a"] }] })],
    ["a reference into a property", closed({ a: { type: "string" }, b: { $ref: "#/properties/a" } })],
    ["a schema of another address", closed({ a: { $ref: "https://example.com/a" } })],
    ["definitions inside of a field", closed({ a: { type: "string", $defs: { A: { type: "string" } } } })],
    ["definitions under both names", closed({}, { $defs: {}, definitions: {} })],
    [
      "checks beside a reference",
      closed({ a: { allOf: [{ $ref: "#/$defs/A" }, { minLength: 1 }] } }, {
        $defs: { A: { type: "string" } }
      })
    ],
    [
      "a reference beside checks",
      closed({ a: { minLength: 1, allOf: [{ $ref: "#/$defs/A" }] } }, {
        $defs: { A: { type: "string" } }
      })
    ],
    ["two bounds of one kind", closed({ a: { type: "number", allOf: [{ minimum: 1 }, { minimum: 2 }] } })],
    ["an identifier", closed({ a: { type: "string" } }, { $id: "https://example.com/a" })]
  ]
  it.each(unsaid)("does not exist for %s", (_, schema) => {
    assert.isTrue(Option.isNone(AnthropicSchema.enforced(schema)))
  })
})

describe("AnthropicSchema: the form for a tool", () => {
  it("is the schema itself for an object, also an open or a recursive one", () => {
    const open = { type: "object", additionalProperties: { type: "number" } }
    for (const schema of [open, recursive]) {
      assert.strictEqual<unknown>(Option.getOrThrow(AnthropicSchema.tool(schema)), schema)
    }
  })

  it("does not exist for a schema that cannot be put inside another", () => {
    const schema = { type: "array", items: { $ref: "#" } }
    assert.isTrue(Option.isNone(AnthropicSchema.tool(schema)))
  })
})

describe("AnthropicSchema: roots that are no objects", () => {
  const roots: ReadonlyArray<readonly [what: string, schema: JsonSchemaObject, answer: unknown]> = [
    ["a list", { type: "array", items: { type: "string" } }, ["a"]],
    ["a text", { type: "string" }, "a"],
    ["a choice", { anyOf: [closed({ a: { type: "string" } }), { type: "null" }] }, null],
    ["a literal", { const: 5 }, 5],
    ["a reference", { $ref: "#/$defs/A", $defs: { A: { type: "boolean" } } }, false],
    ["an object with the field of the wrapping", closed({ wrapped_answer: { type: "string" } }), {
      wrapped_answer: "mine"
    }]
  ]
  it.effect.each(roots)(
    "%s is put inside an object and taken out again",
    ([, schema, answer]) =>
      Effect.gen(function*() {
        for (const form of [AnthropicSchema.enforced(schema), AnthropicSchema.tool(schema)]) {
          const wrapped = Option.getOrThrow(form)
          assert.strictEqual(wrapped.type, "object")
          const validate = yield* JsonSchemaValidator.compile(wrapped)
          assert.deepStrictEqual(validate({ wrapped_answer: answer }), [])
          assert.deepStrictEqual(AnthropicSchema.unwrap({ wrapped_answer: answer }), answer)
        }
      })
  )

  it("leaves every other answer as it is", () => {
    for (const answer of [null, 5, "a", [1], {}, { a: 1 }, { wrapped_answer: 1, b: 2 }]) {
      assert.strictEqual(AnthropicSchema.unwrap(answer), answer)
    }
  })
})

describe("AnthropicSchema: what answers of the forms are", () => {
  class Finding extends Schema.Class<Finding>("Finding")({
    path: Schema.NonEmptyString,
    line: Schema.optional(Schema.Int),
    kind: Schema.Literal("bug", "style"),
    seen: Schema.NullOr(Schema.DateFromString)
  }) {}
  const schemas: ReadonlyArray<readonly [string, ReturnType<typeof advertised>]> = [
    ["a class", advertised(Finding)],
    ["a list of classes", advertised(Schema.Array(Finding))],
    ["a union", advertised(Schema.Union(Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.Boolean })))],
    ["nested structs", advertised(Schema.Struct({ a: Schema.Struct({ b: Schema.Array(Schema.Number) }) }))],
    ["an enum", advertised(closed({ a: { enum: ["x", 1, null, true] } }))]
  ]
  it.effect.each(schemas)(
    "a sample of the enforced form of %s is an answer of the schema",
    ([, jsonOf]) =>
      Effect.gen(function*() {
        const json = yield* jsonOf
        const form = enforced(json)
        for (const part of JsonSchema.subschemas(form)) {
          if (part["type"] === "object") assert.strictEqual(part["additionalProperties"], false)
        }
        const sample = Option.getOrThrow(JsonSchemaSample.sample(form, { text: "sample" }))
        const validate = yield* JsonSchemaValidator.compile(json)
        assert.deepStrictEqual(validate(AnthropicSchema.unwrap(sample)), [])
      })
  )
})
