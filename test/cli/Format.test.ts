import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Format from "../../src/cli/Format.ts"
import * as Render from "../../src/cli/Render.ts"
import * as Nearest from "../../src/internal/nearest.ts"

describe("Format", () => {
  it("indents JSON as JSON.stringify does, whatever it holds", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue(), (value) => {
      assert.strictEqual(Format.prettyJson(JSON.stringify(value)), JSON.stringify(value, null, 2))
    }))
  })

  it("leaves digits alone", () =>
    assert.strictEqual(Format.prettyJson("{\"n\":12345678901234567890.0}"), "{\n  \"n\": 12345678901234567890.0\n}"))

  it("aligns columns and keeps a row on its line", () => {
    assert.strictEqual(Format.table([["a", "b\n c", "last "], ["long", "", "x"]]), "a     b c  last\nlong       x")
  })

  for (
    const [ms, text] of [[0, "0 ms"], [999, "999 ms"], [1500, "1.5 s"], [61_000, "1 min 1 s"], [
      3_660_000,
      "1 h 1 min"
    ]] as const
  ) {
    it(`writes ${ms} ms as ${text}`, () => assert.strictEqual(Format.duration(ms), text))
  }

  it("writes one of a thing as one", () => {
    assert.deepStrictEqual([0, 1, 2].map(Format.tokens), ["0 tokens", "1 token", "2 tokens"])
    assert.deepStrictEqual([0, 1, 2].map((n) => Format.count(n, "run")), ["0 runs", "1 run", "2 runs"])
  })

  it("leaves a name out that stands beside what is said, and no other", () => {
    assert.strictEqual(Format.bare("codex", "codex: not found"), "not found")
    assert.strictEqual(Format.bare("gemini-cli", "gemini: not found"), "gemini: not found")
  })

  it("tells a cost that is not known from none", () => {
    assert.deepStrictEqual([null, 0, 0.000012, 1.5].map(Format.usd), ["cost unknown", "$0", "$0.000012", "$1.5000"])
  })
})

describe("Nearest", () => {
  const names = ["status", "run", "runs", "resume", "explain-cache"]
  for (
    const [asked, found] of [["stauts", "status"], ["explain", "explain-cache"], ["rums", "runs"], [
      "xyz",
      undefined
    ]] as const
  ) {
    it(`${asked} means ${found ?? "nothing"}`, () => assert.strictEqual(Nearest.nearest(asked, names)[0], found))
  }
  it("does not spend time on a text that is no name", () =>
    assert.deepStrictEqual(Nearest.nearest("x".repeat(1e6), names), []))
})

describe("Render", () => {
  it("puts what a field may be into one line", () => {
    const issues = ["Expected \"a\", actual 1", "Expected \"b\", actual 1", "Expected undefined, actual 1"]
    const error = { _tag: "ArgsInvalid", workflow: "w", issues: issues.map((message) => ({ path: "$.kind", message })) }
    assert.deepStrictEqual(Render.ofFailure(error).facts, ["kind: Expected \"a\" or \"b\", actual 1"])
  })

  for (
    const [value, message] of [["text", "text"], [null, "Error"], [{ _tag: "Odd" }, "Odd"], [
      new RangeError("far"),
      "far"
    ]] as const
  ) {
    it(`reports ${JSON.stringify(value)} that a workflow failed with`, () => {
      assert.deepInclude(Render.ofFailure(value), { message, code: 1 })
    })
  }
})
