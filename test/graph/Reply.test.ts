import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import type { Json, Output } from "../../src/graph/Flow.ts"
import * as Reply from "../../src/graph/Reply.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"
import * as Answer from "../../src/workflow/Answer.ts"

const output = (key: string, schema: JsonSchemaObject | null = null): Output => ({
  key,
  schema,
  default: undefined,
  at: { file: "flow.yaml", line: 1, column: 1 }
})
const a = [output("a")]
const typed = [output("n", { type: "integer" }), output("s", { enum: ["x", "y"] })]

const read = (text: string, outputs: ReadonlyArray<Output>) =>
  Effect.flatMap(
    AnswerSchema.make(Reply.schemaOf(outputs)),
    (schema) => Answer.read({ text, structured: undefined }, schema)
  )

const issues = (text: string, outputs: ReadonlyArray<Output>) =>
  Effect.flatMap(
    Effect.flip(read(text, outputs)),
    (error) => "_tag" in error ? Effect.die(error) : Effect.succeed(error)
  )

describe("the object with the declared keys is found", () => {
  it.effect.each<{ what: string; text: string; value: Json }>([
    { what: "as the whole text", text: "{\"a\": 1}", value: 1 },
    { what: "in a fence", text: "Done.\n```json\n{\"a\": 1}\n```\nBye {", value: 1 },
    { what: "after an example in a fence", text: "```json\n{\"b\": 0}\n```\nthen\n```json\n{\"a\": 1}\n```", value: 1 },
    { what: "before an example in a fence", text: "```json\n{\"a\": 1}\n```\nnot\n```json\n{\"b\": 0}\n```", value: 1 },
    { what: "as the last of several", text: "Draft {\"a\": 1}, final {\"a\": 2}", value: 2 },
    { what: "between other objects", text: "{\"b\": 1} {\"a\": 1} {\"c\": 1}", value: 1 },
    { what: "with braces around it in prose", text: "use {x} and {y}: {\"a\": 1} or {z}", value: 1 },
    { what: "in an envelope", text: "{\"result\": {\"a\": 1}}", value: 1 },
    { what: "outside rather than inside", text: "{\"a\": {\"a\": 2}}", value: { a: 2 } },
    { what: "with a trailing comma and single quotes", text: "So: {'a': [1, 2,],}", value: [1, 2] },
    { what: "with null for a value", text: "{\"a\": null}", value: null },
    { what: "after thoughts", text: "<think>{\"a\": 0}</think>{\"a\": 1}", value: 1 },
    { what: "in a fence when prose is cut off", text: "```json\n{\"a\": 1}\n```\nand {\"b\": [", value: 1 }
  ])("$what", ({ text, value }) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read(text, a), { a: value })
    }))

  it.effect("whose values are what their schemas say, of several with the keys", () =>
    Effect.gen(function*() {
      const text = "Use {\"n\": <int>, \"s\": \"x\"}, then {\"n\": \"…\"}: {\"n\": 3, \"s\": \"x\"} as in {\"m\": 1}."
      assert.deepStrictEqual(yield* read(text, typed), { n: 3, s: "x" })
    }))

  it("in any prose, among any other values", async () => {
    const prose = FastCheck.string().map((text) => text.replace(/[[\]{}"'`]/g, ""))
    const value = FastCheck.jsonValue({ maxDepth: 3 })
    const other = FastCheck.dictionary(FastCheck.constantFrom("b", "c", "d"), FastCheck.integer())
    const found = FastCheck.asyncProperty(
      FastCheck.array(FastCheck.tuple(prose, other), { maxLength: 3 }),
      value,
      FastCheck.array(FastCheck.tuple(other, prose), { maxLength: 3 }),
      FastCheck.boolean(),
      async (before, held, after, isFenced) => {
        const text = JSON.stringify({ a: held })
        const parts = [
          ...before.map(([words, object]) => `${words} ${JSON.stringify(object)}`),
          isFenced ? `\n\`\`\`json\n${text}\n\`\`\`\n` : `so: ${text} `,
          ...after.map(([object, words]) => `${JSON.stringify(object)} ${words}`)
        ]
        const outputs = await Effect.runPromise(read(`I think ${parts.join(" ")} that is all`, a))
        assert.strictEqual(JSON.stringify(outputs), text)
      }
    )
    await FastCheck.assert(found, { numRuns: 500 })
  })
})

describe("an answer is refused", () => {
  it.effect.each<{ text: string; problem: RegExp }>([
    { text: "", problem: /the answer is empty/ },
    { text: "I could not do it.", problem: /contains no JSON/ },
    { text: "[1, 2]", problem: /must be object/ },
    { text: "5", problem: /must be object/ },
    { text: "{\"n\": 1}", problem: /^\$\.s: .*missing/ },
    { text: "{\"n\": \"1\", \"s\": \"z\"}", problem: /\$\.n: must be integer\n\$\.s: .*"x", "y"/ },
    { text: "{\"n\": 1.5, \"s\": \"x\"}", problem: /\$\.n: must be integer/ },
    { text: "{\"other\": true}", problem: /\$\.n: .*missing\n\$\.s: .*missing/ },
    { text: "{\"n\": 1, \"s\": \"x\"", problem: /before it is complete/ },
    { text: "```json\n{\"n\": 1, \"s\"", problem: /before it is complete/ },
    { text: "Draft: {\"n\": 1, \"s\": \"x\"}. Final: {\"n\": 2, \"s\": \"", problem: /complete/ }
  ])("$text", ({ problem, text }) =>
    Effect.gen(function*() {
      assert.match(Answer.problem(yield* issues(text, typed)), problem)
    }))

  it.effect("within bounds, whatever it holds", () =>
    Effect.gen(function*() {
      const many = `[${Array.from({ length: 200_000 }, () => "{\"b\":1}").join(",")}]`
      for (const text of [many, "{".repeat(100_000), "{\"a\":".repeat(100_000)]) {
        assert.isNotEmpty(yield* issues(text, a))
      }
    }))
})

describe("the schema to ask for", () => {
  it("demands every key, allows others, and is one object per list", () => {
    assert.deepStrictEqual(Reply.schemaOf([output("n", { type: "integer" }), output("any")]), {
      type: "object",
      properties: { n: { type: "integer" }, any: {} },
      required: ["n", "any"]
    })
    assert.strictEqual(Reply.schemaOf(typed), Reply.schemaOf(typed))
  })

  it.effect("keeps the references inside of an output's schema", () =>
    Effect.gen(function*() {
      const tree = {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $ref: "#/$defs/Tree",
        $defs: {
          Tree: {
            type: "object",
            properties: { children: { type: "array", items: { $ref: "#/$defs/Tree" } } },
            required: ["children"]
          }
        }
      }
      const list = { type: ["array", "null"], items: { $ref: "#" } }
      const outputs = [output("a/b ~c", tree), output("list", list)]
      const good = { "a/b ~c": { children: [{ children: [] }] }, list: [[null], []] }
      assert.deepStrictEqual(yield* read(JSON.stringify(good), outputs), good)
      const bad = { "a/b ~c": { children: [{}] }, list: [[1]] }
      const paths = (yield* issues(JSON.stringify(bad), outputs)).map(({ path }) => path)
      assert.deepStrictEqual(paths, ["$[\"a/b ~c\"].children[0].children", "$.list[0][0]"])
    }))

  it.effect("that cannot be used is an error of its own", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(read("{\"a\": 1}", [output("a", { type: "nonsense" })]))
      assert.strictEqual("_tag" in error ? error._tag : undefined, "UnsupportedSchema")
    }))
})
