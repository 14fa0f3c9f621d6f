import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as JsonSchema from "../../src/internal/jsonSchema.ts"

const inlined = (schema: JsonSchema.JsonSchemaObject) => Either.getOrThrow(JsonSchema.inlineRoot(schema))
const refused = (schema: JsonSchema.JsonSchemaObject) => Either.getOrThrow(Either.flip(JsonSchema.inlineRoot(schema)))

const lookalike = { $ref: "#/nowhere", type: "object" }
const schema: JsonSchema.JsonSchemaObject = {
  type: "object",
  properties: { a: { type: "string" }, type: { enum: [lookalike], const: lookalike, default: lookalike } },
  patternProperties: { "^x": { type: "number" } },
  additionalProperties: false,
  items: { title: "items" },
  prefixItems: [{ title: "first" }, true],
  anyOf: [{ title: "any" }, { not: { title: "not" } }],
  $defs: { d: { title: "d" } },
  examples: [lookalike]
}

describe("the schemas in a schema", () => {
  it("are found everywhere one may stand, and nowhere else", () => {
    const titles = [...JsonSchema.subschemas(schema)].map(({ title }) => title)
    assert.deepStrictEqual(titles.filter((title) => title !== undefined).toSorted(), [
      "any",
      "d",
      "first",
      "items",
      "not"
    ])
    assert.isFalse([...JsonSchema.subschemas(schema)].includes(lookalike))
    assert.strictEqual(titles.length, 1 + 3 + 2 + 3 + 1)
  })

  it("can each be changed, which leaves the schema itself as it was", () => {
    const before = structuredClone(schema)
    const marked = JsonSchema.mapSubschemas(schema, (subschema) => ({ ...subschema, marked: true }))
    assert.deepStrictEqual(schema, before)
    assert.deepInclude(marked, { type: "object", additionalProperties: false, examples: [lookalike] })
    assert.deepStrictEqual(marked["properties"], {
      a: { type: "string", marked: true },
      type: { enum: [lookalike], const: lookalike, default: lookalike, marked: true }
    })
    assert.deepStrictEqual(marked["prefixItems"], [{ title: "first", marked: true }, true])
  })

  it("that are not there leave it the same", () => {
    const plain = { type: "string", minLength: 1, properties: "not an object", items: [1], anyOf: {} }
    assert.deepStrictEqual(JsonSchema.mapSubschemas(plain, () => ({ wrong: true })), plain)
  })
})

describe("a reference", () => {
  const root = {
    $defs: {
      a: { type: "string" },
      "b/c ~d": { type: "number" },
      deep: { $defs: { e: { $anchor: "here", title: "e" } } }
    },
    properties: { list: { prefixItems: [{ title: "first" }] } }
  }

  it("leads to what it names", () => {
    assert.strictEqual(JsonSchema.resolve(root, "#"), root)
    assert.deepStrictEqual(JsonSchema.resolve(root, "#/$defs/a"), { type: "string" })
    assert.deepStrictEqual(JsonSchema.resolve(root, "#/$defs/b~1c%20~0d"), { type: "number" })
    assert.deepStrictEqual(JsonSchema.resolve(root, "#/properties/list/prefixItems/0"), { title: "first" })
    assert.deepInclude(JsonSchema.resolve(root, "#here"), { title: "e" })
  })

  it("leads nowhere else: not out of the document, and not to what is inherited", () => {
    const nowhere = [
      "#/$defs/x",
      "#/$defs/a/type/length",
      "#elsewhere",
      "other.json#/a",
      "#/toString",
      "#/__proto__",
      "#/%"
    ]
    for (const ref of nowhere) assert.isUndefined(JsonSchema.resolve(root, ref), ref)
  })
})

describe("a root that is a reference", () => {
  it("becomes what it leads to, and its definition goes when nothing needs it", () => {
    const definition = { type: "object", properties: { a: { type: "string" } } }
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/A", $defs: { A: definition } }), definition)
    assert.deepStrictEqual(inlined({ $ref: "#/definitions/A", definitions: { A: definition } }), definition)
  })

  it("keeps the definitions others point at", () => {
    const tree = { type: "object", properties: { children: { items: { $ref: "#/$defs/Tree" } } } }
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/Tree", $defs: { Tree: tree } }), { ...tree, $defs: { Tree: tree } })
    const $defs = { A: { items: { $ref: "#/$defs/B" } }, B: { type: "string" } }
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/A", $defs }), { ...$defs.A, $defs: { B: $defs.B } })
  })

  it("is followed through references to references", () => {
    const $defs = { A: { $ref: "#/$defs/B" }, B: { allOf: [{ $ref: "#/$defs/C" }], title: "B" }, C: { type: "string" } }
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/A", $defs }), { type: "string", title: "B" })
  })

  it("keeps what stands beside it", () => {
    const $defs = { A: { type: "string", description: "of A" } }
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/A", description: "mine", $defs }), {
      type: "string",
      description: "mine"
    })
    assert.deepStrictEqual(inlined({ $ref: "#/$defs/A", minLength: 2, $defs }), {
      ...$defs.A,
      allOf: [{ minLength: 2 }]
    })
  })

  it("that leads back to itself or nowhere is refused", () => {
    assert.include(refused({ $ref: "#" }), "back to itself")
    const $defs = { A: { $ref: "#/$defs/B" }, B: { $ref: "#/$defs/A" } }
    assert.include(refused({ $ref: "#/$defs/A", $defs }), "back to itself")
    assert.include(refused({ $ref: "#/$defs/X", $defs }), "no schema in the document")
    assert.include(refused({ $ref: "https://example.com/schema" }), "no schema in the document")
  })

  it("is the only thing that is changed", () => {
    const plain = { type: "object", properties: { a: { $ref: "#/$defs/A" } }, $defs: { A: {}, unused: {} } }
    assert.strictEqual(inlined(plain), plain)
  })
})
