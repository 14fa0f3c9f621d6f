import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Bounds from "../../src/mcp/Bounds.ts"
import * as JsonSchema from "../../src/mcp/JsonSchema.ts"
import * as Links from "../../src/mcp/Links.ts"

describe("results that fit", () => {
  it("are left as they are when they are short (MC-12)", () => {
    const value = { text: "é\n\t", list: [1, null, { a: true }] }
    assert.deepStrictEqual(Bounds.fit(value), { value, isCut: false })
  })

  it("keep their shape when they are cut, and say so (MC-12)", () => {
    const values: ReadonlyArray<Readonly<Record<string, unknown>>> = [
      { text: "x".repeat(2_000_000) },
      { list: Array.from({ length: 100_000 }, (_, index) => ({ index, text: "x".repeat(100) })) },
      { list: Array.from({ length: 3_000 }, () => "😀".repeat(5_000)) }
    ]
    for (const value of values) {
      const { isCut, value: cut } = Bounds.fit(value)
      assert.isTrue(isCut)
      assert.isAtMost(JSON.stringify(cut).length, Bounds.mostCharacters)
      assert.deepStrictEqual(Object.keys(cut), Object.keys(value))
      assert.isFalse(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(JSON.stringify(cut).slice(0, 100_000)))
    }
    assert.match(String(Bounds.fit(values[0] ?? {}).value["text"]), /… \[\d+ more characters\]$/)
  })

  it("keep what a client needs of a run that returned an object with very many keys (MC-12)", () => {
    const output = Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`issue ${at}`, { label: "bug" }]))
    const part = Object.fromEntries(Object.entries(output).slice(0, 3_000))
    const wide = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`part ${at}`, part]))
    for (const one of [output, wide]) {
      const { isCut, value } = Bounds.fit({
        run_id: "abc",
        status: "done",
        output: one,
        calls: { items: [], total: 3 }
      })
      assert.isTrue(isCut)
      const { calls, output: kept, run_id, status } = value
      assert.deepStrictEqual([run_id, status, calls], ["abc", "done", { items: [], total: 3 }])
      assert.isAtLeast(Object.keys(kept as object).length, 40)
      assert.isAtMost(JSON.stringify(value).length, Bounds.mostCharacters)
    }
  })

  it("keep what is short of a value that is too much in every way (MC-12)", () => {
    let tree: unknown = "x"
    for (let depth = 0; depth < 6; depth++) tree = Array.from({ length: 10 }, () => tree)
    const { isCut, value } = Bounds.fit({ run_id: "abc", status: "done", items: [tree], output: { tree } })
    assert.isTrue(isCut)
    assert.deepStrictEqual(value, { run_id: "abc", status: "done", items: [], output: { tree: [] } })
  })

  it("show what steers a terminal in place of doing it (MC-13)", () => {
    const text = JSON.stringify(Bounds.fit({ text: "\u001B[31mred\u0007\u202E" }).value)
    assert.notMatch(text, /\\u00/)
    assert.include(text, "␛[31mred␇")
  })

  it("survive nesting without end (MC-12)", () => {
    let value: Record<string, unknown> = {}
    for (let depth = 0; depth < 2_000; depth++) value = { value }
    assert.isTrue(Bounds.fit(value).isCut)
  })
})

describe("schemas for clients", () => {
  it("are objects, also of what takes no arguments", () => {
    assert.deepStrictEqual(JsonSchema.ofInput(Schema.Struct({})), {
      type: "object",
      properties: {},
      additionalProperties: false
    })
    const some = Schema.Struct({ title: Schema.String, any: Schema.Unknown, more: Schema.optional(Schema.Boolean) })
    assert.deepStrictEqual(JsonSchema.ofInput(some), {
      type: "object",
      required: ["title", "any"],
      properties: { title: { type: "string" }, any: {}, more: { type: "boolean" } },
      additionalProperties: false
    })
    assert.notProperty(JsonSchema.ofOutput(some), "additionalProperties")
  })
})

describe("addresses of runs", () => {
  it("say the same there and back, and name nothing else (MC-4)", () => {
    const address = { run: "20260101-000000-abc", what: "report", home: "/a b/ü?&" } as const
    assert.deepStrictEqual(Links.fromUri(Links.toUri(address)), address)
    for (
      const uri of [
        "owf://runs/../report",
        "owf://runs/a/b/report",
        "owf://runs/a/secrets",
        "owf://runs/a/report?home=%",
        "owf://runs/a/report?x=1",
        "file:///etc/passwd"
      ]
    ) {
      const found = Links.fromUri(uri)
      // a run of this name is looked up in the record, and there is none
      if (uri.includes("..")) assert.strictEqual(found?.run, "..")
      else assert.isUndefined(found, uri)
    }
  })
})
