import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"
import * as JsonSchema from "../../src/internal/jsonSchema.ts"
import * as JsonSchemaSample from "../../src/internal/jsonSchemaSample.ts"
import * as JsonSchemaValidator from "../../src/internal/jsonSchemaValidator.ts"
import * as GeminiSchema from "../../src/provider/GeminiSchema.ts"

const object = (properties: JsonSchemaObject, more: JsonSchemaObject = {}): JsonSchemaObject => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  ...more
})

const advertised = <A>(schema: AnswerSchema.Input<A>) => Effect.map(AnswerSchema.make(schema), ({ json }) => json)

const enforced = (schema: JsonSchemaObject) => Option.getOrThrow(GeminiSchema.enforced(schema))

/** As the API's own documentation lists them. */
const taken = new Set(
  ("$defs $ref type format title description enum items prefixItems minItems maxItems minimum maximum anyOf oneOf " +
    "properties additionalProperties required").split(" ")
)

describe("GeminiSchema", () => {
  it("keeps what the API takes, at any root", () => {
    const schemas: ReadonlyArray<JsonSchemaObject> = [
      object({ n: { type: "integer", minimum: 1, maximum: 5 }, s: { type: "string", format: "date" } }),
      { type: "array", items: { type: ["string", "null"] }, minItems: 1, maxItems: 9 },
      { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
      { type: "object", additionalProperties: { type: "number" } },
      { anyOf: [{ type: "string" }, { type: "null" }], description: "A name." }
    ]
    for (const schema of schemas) assert.deepStrictEqual(enforced(schema), schema)
  })

  it("says in words what the API does not take", () => {
    const schema = object({ s: { type: "string", pattern: "^a", maxLength: 5, description: "A name." } })
    assert.deepStrictEqual(
      enforced(schema),
      object({ s: { type: "string", description: "A name.\n\nMust keep to pattern: \"^a\", maxLength: 5." } })
    )
  })

  it("lists texts and numbers, and gives null and booleans as types", () => {
    const schema = object({
      one: { const: "a" },
      nothing: { const: null },
      yes: { const: true, description: "Agreed." },
      either: { enum: [true, false] },
      mixed: { enum: ["a", 1, null], title: "Mixed" }
    })
    assert.deepStrictEqual(enforced(schema)["properties"], {
      one: { type: "string", enum: ["a"] },
      nothing: { type: "null" },
      yes: { type: "boolean", description: "Agreed.\n\nMust keep to enum: [true]." },
      either: { type: "boolean" },
      mixed: {
        title: "Mixed",
        anyOf: [{ type: "string", enum: ["a"] }, { type: "number", enum: [1] }, { type: "null" }]
      }
    })
  })

  it("leaves nothing beside a reference", () => {
    const schema = object({ a: { $ref: "#/definitions/A", description: "An A." } }, {
      definitions: { A: { type: "string" } }
    })
    assert.deepStrictEqual(enforced(schema), object({ a: { $ref: "#/$defs/A" } }, { $defs: { A: { type: "string" } } }))
  })

  it("lets a shape lead back to itself through fields that may be absent, and not through others", () => {
    const tree = (required: ReadonlyArray<string>) =>
      object({ root: { $ref: "#/$defs/Tree" } }, {
        $defs: {
          Tree: {
            type: "object",
            properties: { value: { type: "string" }, left: { $ref: "#/$defs/Tree" } },
            required
          }
        }
      })
    assert.isTrue(Option.isSome(GeminiSchema.enforced(tree(["value"]))))
    assert.isTrue(Option.isNone(GeminiSchema.enforced(tree(["value", "left"]))))
  })

  const unsaid: ReadonlyArray<readonly [what: string, schema: JsonSchemaObject]> = [
    ["patterns of keys", { type: "object", patternProperties: { "^a": { type: "string" } } }],
    ["not", object({ a: { type: "string", not: { const: "a" } } })],
    ["a condition", object({ a: { type: "string" } }, { if: { required: ["a"] }, else: {} })],
    ["a value of any type", object({ a: {} })],
    ["a literal that is an object", object({ a: { const: { b: 1 } } })],
    ["allOf of objects", { allOf: [object({ a: { type: "string" } }), object({ b: { type: "string" } })] }],
    ["a reference to the root", object({ a: { $ref: "#" } })],
    ["choices beside fields", object({ a: { type: "string" } }, { anyOf: [{ required: ["a"] }] })]
  ]
  it.each(unsaid)("has no form for %s", (_, schema) => {
    assert.isTrue(Option.isNone(GeminiSchema.enforced(schema)))
  })

  const schemas: ReadonlyArray<readonly [string, ReturnType<typeof advertised>]> = [
    ["a struct", advertised(Schema.Struct({ a: Schema.NonEmptyString, b: Schema.optional(Schema.Int) }))],
    ["a union", advertised(Schema.Union(Schema.Struct({ a: Schema.String }), Schema.Literal("b", 2, null)))],
    ["a record", advertised(Schema.Record({ key: Schema.String, value: Schema.Number }))],
    ["a tuple", advertised(Schema.Tuple(Schema.String, Schema.Boolean))],
    ["an enum", advertised(object({ a: { enum: ["x", 1, null, true, false] } }))]
  ]
  it.effect.each(schemas)(
    "only keywords that the API takes are left of %s, and its samples are answers",
    ([, jsonOf]) =>
      Effect.gen(function*() {
        const json = yield* jsonOf
        const form = enforced(json)
        for (const part of JsonSchema.subschemas(form)) {
          assert.deepStrictEqual(Object.keys(part).filter((name) => !taken.has(name)), [])
        }
        const sample = Option.getOrThrow(JsonSchemaSample.sample(form, { text: "sample" }))
        const validate = yield* JsonSchemaValidator.compile(json)
        assert.deepStrictEqual(validate(sample), [])
      })
  )
})
