import { assert, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FlowType from "../../src/graph/FlowType.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"

const types: ReadonlyArray<readonly [text: string, schema: JsonSchemaObject | null]> = [
  ["any", null],
  ["string", { type: "string" }],
  [" int ", { type: "integer" }],
  ["number", { type: "number" }],
  ["bool", { type: "boolean" }],
  ["object", { type: "object" }],
  ["list", { type: "array" }],
  ["list<string>", { type: "array", items: { type: "string" } }],
  ["list< list<int> >", { type: "array", items: { type: "array", items: { type: "integer" } } }],
  ["map<number>", { type: "object", additionalProperties: { type: "number" } }],
  ["enum(a, not b, 3, -1.5, true, null, \"4\", 'x, y')", { enum: ["a", "not b", 3, -1.5, true, null, "4", "x, y"] }],
  ["string | null", { anyOf: [{ type: "string" }, { type: "null" }] }],
  [
    "{a: string, b?: list<int>, c-d: any}",
    {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "array", items: { type: "integer" } }, "c-d": {} },
      required: ["a", "c-d"]
    }
  ],
  ["{}", { type: "object", properties: {} }]
]
for (const [text, schema] of types) {
  it(`reads the type ${text.trim()}`, () => assert.deepStrictEqual(FlowType.parse(text), Either.right(schema)))
}

const faults: ReadonlyArray<readonly [text: string, offset: number, detail: RegExp]> = [
  ["", 0, /a type is missing/],
  ["strin", 0, /'strin' is no type\. Did you mean string/],
  ["text", 0, /'text' is no type\. Known are any, string/],
  ["list<string", 11, /'>' is missing/],
  ["string<int>", 6, /'string' holds no other type/],
  ["string x", 7, /'x' after the type/],
  ["{a string}", 3, /':' is missing/],
  ["{a: string b}", 11, /',' or '}' is missing/],
  ["enum()", 5, /a value is missing/],
  ["enum(a", 6, /'\)' is missing/],
  ["list<".repeat(50), 100, /nested more than 20 levels/],
  ["a".repeat(5_000), 0, /at most 4000 characters/]
]
for (const [text, offset, detail] of faults) {
  it(`tells where '${text.slice(0, 20)}' is no type`, () => {
    const fault = Either.getOrThrow(Either.flip(FlowType.parse(text)))
    assert.strictEqual(fault.offset, offset)
    assert.match(fault.detail, detail)
  })
}
