import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Format from "../../src/cli/Format.ts"
import * as Render from "../../src/cli/Render.ts"
import * as Nearest from "../../src/internal/nearest.ts"
import { OutputInvalid } from "../../src/workflow/WorkflowError.ts"

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

  it("names each place of an output that does not fit, once", () => {
    const issues = [{ path: "$.text", message: "is missing" }, { path: "$", message: "Expected number, actual null" }]
    const problem = Render.ofFailure(new OutputInvalid({ workflow: "w", issues }))
    assert.strictEqual(problem.message, "The output of workflow w does not fit its schema.")
    assert.deepStrictEqual(problem.facts, ["text: is missing", "the output: Expected number, actual null"])
  })

  it("says where a script threw: not in Node, in a package or in owf", () => {
    const thrown = new TypeError("no name")
    const ours = new URL("../../src/cli/Render.ts", import.meta.url).href
    const foreign = ["node:fs:1:2", "/app/node_modules/x/y.js:3:4", `${ours}:5:6`].map((at) => `    at f (${at})`)
    thrown.stack = ["TypeError: no name", ...foreign, "    at below (/app/flow.ts:7:8)", "    at g (/app/z.ts:9:1)"]
      .join("\n")
    assert.deepStrictEqual(Render.ofRun(Cause.die(thrown)).facts, ["at below (/app/flow.ts:7:8)"])
    thrown.stack = ["TypeError: no name", ...foreign].join("\n")
    assert.deepStrictEqual(Render.ofRun(Cause.die(thrown)).facts, [])
    assert.deepStrictEqual(Render.ofRun(Cause.die("text")).facts, [])
  })

  it.effect("says what to do about a service that nobody provides", () =>
    Effect.gen(function*() {
      const missing = Context.GenericTag<"Mailer", number>("Mailer") as unknown as Effect.Effect<number>
      const exit = yield* Effect.exit(missing)
      assert(Exit.isFailure(exit))
      assert.include(Render.ofRun(exit.cause).advice.join(), "Effect.provide(")
    }))

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
