import addFormats from "ajv-formats"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { assert, describe, it } from "vitest"
import * as AdvertisedSchema from "../../src/internal/advertisedSchema.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"
import * as JsonSchemaCheck from "../../src/internal/jsonSchemaCheck.ts"
import * as JsonSchemaSample from "../../src/internal/jsonSchemaSample.ts"

const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true })
addFormats.default(ajv)
const isValid = (schema: JsonSchemaObject, value: unknown): boolean => ajv.validate(schema, value)

const sampled = (schema: JsonSchemaObject, text?: string) => {
  const value = Option.getOrThrow(JsonSchemaSample.sample(schema, { text }))
  assert.isTrue(isValid(schema, value), JSON.stringify(value))
  return value
}

const text = { type: "string" }
const object = (properties: JsonSchemaObject, more?: JsonSchemaObject) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more
})
const formatted = (format: string) => ({ type: "string", format })
const pattern = (pattern: string, more?: JsonSchemaObject) => ({ type: "string", pattern, ...more })

const tree = object({ name: text, children: { type: "array", items: { $ref: "#/$defs/Tree" } } })
const expression = {
  anyOf: [
    object({ type: { const: "add" }, left: { $ref: "#/$defs/Expr" }, right: { $ref: "#/$defs/Expr" } }),
    object({ type: { const: "number" }, value: { type: "number" } })
  ]
}

const realistic: ReadonlyArray<[string, JsonSchemaObject]> = [
  ["a label", object({ label: { enum: ["bug", "feature"] }, why: text })],
  [
    "findings",
    object({ findings: { type: "array", items: object({ path: text, line: { type: "integer", minimum: 1 } }) } })
  ],
  ["a tree", { ...tree, $defs: { Tree: tree } }],
  ["a tree by the root", object({ name: text, children: { type: "array", items: { $ref: "#" } } })],
  ["an expression", { $ref: "#/$defs/Expr", $defs: { Expr: expression } }],
  ["a list with an optional tail", object({ head: text, tail: { anyOf: [{ $ref: "#" }, { type: "null" }] } })],
  ["recursion in two steps", {
    $ref: "#/$defs/A",
    $defs: { A: object({ b: { anyOf: [{ $ref: "#/$defs/B" }, text] } }), B: object({ a: { $ref: "#/$defs/A" } }) }
  }],
  ["a tagged union", {
    oneOf: [object({ kind: { const: "a" }, n: { type: "number" } }), object({ kind: { const: "b" }, s: text })]
  }],
  ["a nullable", object({ note: { type: ["null", "string"] } })],
  ["a score", object({ score: { type: "number", minimum: 0, maximum: 1 } })],
  ["an open interval", object({ p: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 0.01 } })],
  ["negative integers", { type: "integer", exclusiveMaximum: -3 }],
  ["multiples", { type: "array", items: { type: "number", multipleOf: 0.25, minimum: 2.1 }, minItems: 2 }],
  ["multiples of two numbers", { allOf: [{ type: "integer", multipleOf: 6 }, { multipleOf: 4, minimum: 30 }] }],
  ["a price", object({ usd: { type: "number", multipleOf: 0.01, minimum: 0 } })],
  [
    "a UUID and dates",
    object({ id: formatted("uuid"), at: formatted("date-time"), on: formatted("date"), t: formatted("time") })
  ],
  [
    "hosts",
    object({ v4: formatted("ipv4"), v6: formatted("ipv6"), host: formatted("hostname"), mail: formatted("email") })
  ],
  [
    "links",
    object({
      uri: formatted("uri"),
      ref: formatted("uri-reference"),
      url: formatted("url"),
      t: formatted("uri-template")
    })
  ],
  [
    "rare formats",
    object({ d: formatted("duration"), p: formatted("json-pointer"), r: formatted("regex"), b: formatted("byte") })
  ],
  ["a format nobody knows", formatted("semver")],
  ["a semantic version", pattern("^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-[\\w.]+)?$")],
  ["a commit", pattern("^[0-9a-f]{40}$")],
  ["a ticket", pattern("^[A-Z]{2,5}-[0-9]+$")],
  ["a slug", pattern("^[a-z0-9]+(?:-[a-z0-9]+)*$", { minLength: 12, maxLength: 20 })],
  ["a phone number", pattern("^\\+?[1-9]\\d{1,14}$")],
  ["a colour", pattern("^#(?:[0-9a-fA-F]{3}){1,2}$")],
  ["a password", pattern("^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d).{8,}$")],
  ["an open pattern", pattern("foo|bar")],
  ["a named group and a Unicode class", pattern("^(?<word>\\p{Lu}\\p{Ll}+)[^\\s\\d]\\u0041\\x42$")],
  ["bounded texts", object({ short: { ...text, maxLength: 3 }, long: { ...text, minLength: 200 } })],
  ["unique choices", { type: "array", items: { enum: ["a", "b", "c"] }, minItems: 3, uniqueItems: true }],
  ["unique texts", { type: "array", items: { ...text, maxLength: 2 }, minItems: 12, uniqueItems: true }],
  ["unique objects", { type: "array", items: object({ n: { type: "integer" } }), minItems: 5, uniqueItems: true }],
  ["unique booleans", { type: "array", items: { type: "boolean" }, minItems: 2, uniqueItems: true }],
  ["unique dates", { type: "array", items: formatted("date"), minItems: 4, uniqueItems: true }],
  ["a tuple", { type: "array", prefixItems: [text, { type: "integer" }], items: false, minItems: 2 }],
  ["an array that contains", { type: "array", contains: { const: "x" }, minContains: 2, items: text }],
  ["a record", { type: "object", additionalProperties: { type: "number" }, minProperties: 2 }],
  ["a record of patterned names", {
    type: "object",
    propertyNames: { pattern: "^[a-z]{3}$" },
    patternProperties: { "^[a-z]{3}$": { type: "integer" } },
    additionalProperties: false,
    minProperties: 2
  }],
  ["inheritance", {
    allOf: [{ $ref: "#/$defs/Base" }, { type: "object", properties: { b: { type: "integer" } }, required: ["b"] }],
    unevaluatedProperties: false,
    $defs: { Base: { type: "object", properties: { a: text }, required: ["a"] } }
  }],
  ["a reference with siblings", { $ref: "#/$defs/S", maxLength: 2, $defs: { S: { ...text, minLength: 2 } } }],
  ["a condition", {
    type: "object",
    properties: { kind: { enum: ["card", "cash"] }, number: text },
    required: ["kind"],
    if: { properties: { kind: { const: "card" } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ["number"] }
  }],
  ["dependent fields", {
    type: "object",
    properties: { card: text, address: text },
    required: ["card"],
    dependentRequired: { card: ["address"] }
  }],
  ["few properties", { type: "object", properties: { a: text, b: text, c: text }, required: ["c"], maxProperties: 2 }],
  ["a negation", { type: "string", not: { const: "sample" }, minLength: 7 }],
  ["a default", object({ n: { type: "integer", default: 7 } })],
  ["examples", object({ n: { ...text, examples: [3, "eight"] } })],
  ["anything", {}],
  ["keywords without a type", {
    properties: { a: { minimum: 3 }, b: { items: { pattern: "^x$" } } },
    required: ["a", "b"]
  }],
  ["an anchor", {
    type: "array",
    items: { $ref: "#item" },
    minItems: 1,
    $defs: { i: { $anchor: "item", type: "integer" } }
  }],
  ["deep requirements", Array.from({ length: 15 }).reduce<JsonSchemaObject>((inner) => object({ inner }), text)]
]

describe("sample", () => {
  it.each(realistic)("has a valid value for %s", (_, schema) => {
    sampled(schema, "Review the change and say what is wrong with it")
    sampled(schema)
  })

  it("fills free texts with the prompt", () => {
    assert.deepStrictEqual(sampled(object({ a: text, b: { ...text, maxLength: 6 } }), "Label: x "), {
      a: "Label: x",
      b: "Label:"
    })
    assert.strictEqual(sampled(text, "\u{1F600}".repeat(100)), "\u{1F600}".repeat(80))
    assert.strictEqual(sampled(text), "sample")
  })

  it("prefers what the schema suggests", () => {
    assert.deepStrictEqual(
      sampled(object({ a: { enum: ["x", "y"] }, b: { default: 3 }, c: { ...text, default: 3 } })),
      {
        a: "x",
        b: 3,
        c: "sample"
      }
    )
    assert.deepStrictEqual(sampled({ type: "object", properties: { a: { type: ["null", "boolean"] } } }), { a: true })
  })

  it.each<[string, Schema.Schema.AnyNoContext]>([
    ["a date", Schema.Date],
    ["a moment", Schema.DateTimeUtc],
    ["a number", Schema.NumberFromString],
    ["a large number", Schema.BigInt],
    ["an exact number", Schema.BigDecimal],
    ["an address", Schema.URL],
    ["JSON", Schema.parseJson()]
  ])("gives texts that an Effect Schema can decode: %s", (_, schema) => {
    const decoding = Schema.Struct({ value: schema, maybe: Schema.optional(Schema.Array(schema)) })
    const advertised = Either.getOrThrow(AdvertisedSchema.make(decoding))
    const value = sampled(advertised, "When was it, and how much?")
    assert.isTrue(Either.isRight(Schema.decodeUnknownEither(decoding)(value)), JSON.stringify(value))
  })

  it("takes the shortest way out of recursion", () => {
    assert.deepStrictEqual(sampled({ $ref: "#/$defs/Tree", $defs: { Tree: tree } }), { name: "sample", children: [] })
    assert.deepStrictEqual(sampled({ $ref: "#/$defs/Expr", $defs: { Expr: expression } }), { type: "number", value: 1 })
  })

  it("shows optional properties near the root only", () => {
    const nested = Array.from({ length: 8 }).reduce<JsonSchemaObject>(
      (inner) => ({ type: "object", properties: { inner } }),
      { type: "object" }
    )
    assert.strictEqual(JSON.stringify(sampled(nested)), "{\"inner\":{\"inner\":{\"inner\":{\"inner\":{}}}}}")
  })

  it.each<[string, JsonSchemaObject]>([
    ["accepts nothing", { not: {} }],
    ["contradicts itself", { type: "integer", minimum: 3, maximum: 2 }],
    ["asks for two types", { allOf: [{ type: "string" }, { type: "number" }] }],
    ["has no end", object({ next: { $ref: "#" } })],
    ["leads to itself", { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }],
    ["leads nowhere", { $ref: "#/$defs/a" }],
    ["has too few values", { type: "array", items: { type: "boolean" }, minItems: 3, uniqueItems: true }],
    ["asks for too much", { type: "array", items: text, minItems: 1e9 }],
    ["asks for too long a text", { ...text, minLength: 1e9 }],
    ["has a back-reference", pattern("^(a|b)\\1$")],
    ["has a broken pattern", pattern("(")],
    ["has a pattern that is too long", pattern("^(?:a{1000}){1000}$")]
  ])("has nothing for a schema that %s", (_, schema) => {
    assert.isTrue(Option.isNone(JsonSchemaSample.sample(schema)))
  })

  it("is bounded for schemas that branch without end", () => {
    const start = performance.now()
    const many = Array.from({ length: 20 }, (_, at) => object({ [`p${at}`]: { $ref: "#" } }))
    JsonSchemaSample.sample({ anyOf: many })
    JsonSchemaSample.sample({ allOf: many.map((one) => ({ anyOf: [one, one] })) })
    JsonSchemaSample.sample(pattern(`^${"(".repeat(500)}a${")".repeat(500)}$`))
    JsonSchemaSample.sample(pattern(`^${"(?:a*)".repeat(200)}$`, { minLength: 500 }))
    assert.isBelow(performance.now() - start, 3_000)
  })
})

const small = FastCheck.integer({ min: 0, max: 4 })
const scalar = FastCheck.oneof(
  FastCheck.record({ type: FastCheck.constant("string"), minLength: small, maxLength: small }, {
    requiredKeys: ["type"]
  }),
  FastCheck.record(
    {
      type: FastCheck.constantFrom("number", "integer"),
      minimum: FastCheck.integer({ min: -9, max: 9 }),
      exclusiveMaximum: FastCheck.integer({ min: -9, max: 9 }),
      multipleOf: FastCheck.constantFrom(0.1, 0.5, 2, 3)
    },
    { requiredKeys: ["type"] }
  ),
  FastCheck.record({
    enum: FastCheck.uniqueArray(FastCheck.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 4 })
  }),
  FastCheck.record({
    type: FastCheck.constant("string"),
    format: FastCheck.constantFrom("date", "email", "uuid", "x")
  }),
  FastCheck.record({
    type: FastCheck.constant("string"),
    pattern: FastCheck.constantFrom("^a+$", "[b-d]{2}", "^\\w \\d?")
  }),
  FastCheck.constantFrom<JsonSchemaObject>({ type: "boolean" }, { type: "null" }, {}, { $ref: "#" }, {
    $ref: "#/$defs/d"
  })
)
const name = FastCheck.constantFrom("a", "b", "c", "toString")
const { schema: generated } = FastCheck.letrec<{ schema: JsonSchemaObject }>((tie) => ({
  schema: FastCheck.oneof(
    { maxDepth: 3 },
    scalar,
    FastCheck.record({
      type: FastCheck.constant("object"),
      properties: FastCheck.dictionary(name, tie("schema"), { maxKeys: 3 }),
      required: FastCheck.uniqueArray(name, { maxLength: 2 }),
      additionalProperties: FastCheck.oneof(FastCheck.boolean(), tie("schema")),
      minProperties: small,
      maxProperties: small,
      unevaluatedProperties: FastCheck.boolean()
    }, { requiredKeys: [] }),
    FastCheck.record({
      type: FastCheck.constant("array"),
      items: FastCheck.oneof(FastCheck.boolean(), tie("schema")),
      prefixItems: FastCheck.array(tie("schema"), { minLength: 1, maxLength: 2 }),
      contains: tie("schema"),
      minItems: small,
      maxItems: small,
      uniqueItems: FastCheck.boolean(),
      unevaluatedItems: FastCheck.boolean()
    }, { requiredKeys: [] }),
    FastCheck.record({
      anyOf: FastCheck.array(tie("schema"), { minLength: 1, maxLength: 3 }),
      oneOf: FastCheck.array(tie("schema"), { minLength: 1, maxLength: 3 }),
      allOf: FastCheck.array(tie("schema"), { minLength: 1, maxLength: 2 }),
      not: tie("schema"),
      if: tie("schema"),
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: tie("schema"),
      else: tie("schema")
    }, { requiredKeys: [] }).filter((schema) => Object.keys(schema).length > 0)
  )
}))
const root = FastCheck.record({ schema: generated, d: generated }).map(({ d, schema }) =>
  Object.assign({}, schema, { $defs: { d } })
)

const validity = (schema: JsonSchemaObject, value: unknown): boolean | undefined => {
  try {
    return isValid(schema, value)
  } catch {
    return undefined
  }
}

describe("for any schema", () => {
  it("a sample is valid", () => {
    let found = 0
    FastCheck.assert(
      FastCheck.property(root, (schema) => {
        const value = JsonSchemaSample.sample(schema, { text: "text" })
        if (Option.isNone(value)) return
        found++
        assert.notStrictEqual(validity(schema, value.value), false, JSON.stringify(value.value))
      }),
      { numRuns: 500 }
    )
    assert.isAbove(found, 100)
  }, 60_000)

  it("the small check accepts only what the complete one accepts", () => {
    FastCheck.assert(
      FastCheck.property(root, FastCheck.jsonValue({ maxDepth: 2 }), (schema, value) => {
        if (JsonSchemaCheck.accepts(schema, schema, value, { left: 10_000 })) {
          assert.notStrictEqual(validity(schema, value), false)
        }
      }),
      { numRuns: 500 }
    )
  }, 60_000)
})
