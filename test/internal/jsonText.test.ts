import * as Either from "effect/Either"
import * as FastCheck from "fast-check"
import { assert, describe, it } from "vitest"
import * as JsonText from "../../src/internal/jsonText.ts"

const found = (text: string) => Either.getOrThrow(JsonText.extract(text))
const reason = (text: string) => Either.getOrThrow(Either.flip(JsonText.extract(text))).reason

const json = FastCheck.jsonValue({ maxDepth: 6 })
const container = json.filter((value) => typeof value === "object" && value !== null)
/** Not what the module takes for a placeholder or a citation. */
const answer = FastCheck.record({ answer: json })
const prose = FastCheck.string().map((text) => text.replace(/[[\]{}"'`]/g, ""))

describe("extract", () => {
  it("takes a whole text as it is", () => {
    FastCheck.assert(FastCheck.property(json, FastCheck.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      assert.deepStrictEqual(found(text), { value: JSON.parse(text), how: "whole" })
    }))
    assert.deepStrictEqual(found("\uFEFF \u0000{\"a\": 1}\u2028\n"), { value: { a: 1 }, how: "whole" })
  })

  it("takes a fenced block", () => {
    FastCheck.assert(
      FastCheck.property(
        answer,
        prose,
        prose,
        FastCheck.constantFrom("json", "", "JSON", "json5"),
        (value, a, b, tag) => {
          const text = JSON.stringify(value, null, 2)
          assert.deepStrictEqual(found(`${a}\n\`\`\`${tag}\n${text}\n\`\`\`\n${b}`), {
            value: JSON.parse(text),
            how: "fenced"
          })
        }
      )
    )
  })

  it("takes an object in prose", () => {
    FastCheck.assert(FastCheck.property(answer, prose, prose, (value, before, after) => {
      const text = JSON.stringify(value)
      assert.deepStrictEqual(found(`So: ${before}${text}${after} done`).value, JSON.parse(text))
    }))
  })

  it.each<[string, string, unknown, JsonText.Extracted["how"]]>([
    ["the last of two blocks", "```json\n{\"a\":1}\n```\nBetter:\n```json\n{\"a\":2}\n```", { a: 2 }, "fenced"],
    ["a labelled block rather than a later unlabelled", "```json\n{\"a\":1}\n```\n```\n[2]\n```", { a: 1 }, "fenced"],
    ["JSON rather than code", "```ts\nconst a = {}\n```\n```\n{\"a\":1}\n```\n```sh\nls\n```", { a: 1 }, "fenced"],
    ["a block in one line", "```json {\"a\":1} ```", { a: 1 }, "fenced"],
    ["a block without an end", "Sure!\n```json\n{\"a\":1}", { a: 1 }, "fenced"],
    ["an indented block with a title", "1. ok\n   ```json title=\"x\"\n   {\"a\":1}\n   ```", { a: 1 }, "fenced"],
    ["a text in a block", "```json\n\"bug\"\n```", "bug", "fenced"],
    ["fences inside of a text", "```json\n{\"a\":\"```ts\\nx\\n```\"}\n```", { a: "```ts\nx\n```" }, "fenced"],
    ["windows line ends", "```json\r\n{\"a\":1}\r\n```\r\n", { a: 1 }, "fenced"],
    ["the first of two objects", "{\"a\":1}\n{\"b\":2}", { a: 1 }, "embedded"],
    ["an object after a citation", "As [1] says, {} is {\"a\":[1]}.", { a: [1] }, "embedded"],
    ["numbers when there is nothing else", "The scores are [1, 2].", [1, 2], "embedded"],
    ["an object inside of brackets of prose", "[see {\"a\":1}]", { a: 1 }, "embedded"],
    ["an object after an open brace of prose", "Use { to open: {\"a\":1}", { a: 1 }, "embedded"],
    ["an object after one that is no JSON", "The set {\"a\"} gives {\"a\":1}", { a: 1 }, "embedded"],
    ["brackets in texts", "x {\"a\":\"}]\\\"{\"} y", { a: "}]\"{" }, "embedded"],
    ["an answer after reasoning", "<think>maybe {\"a\":0}?</think>\n{\"a\":1}", { a: 1 }, "whole"],
    ["trailing commas", "{\"a\":[1,2,],}", { a: [1, 2] }, "repaired"],
    ["single quotes", "{'a':'it\\'s \"b\" isn't, {ok'}", { a: "it's \"b\" isn't, {ok" }, "repaired"],
    ["raw control characters", "{\"a\":\"x\ny\t\u0000z\"}", { a: "x\ny\t\u0000z" }, "repaired"],
    ["comments", "{ // one }\n \"a\": 1, /* { */ # three\n \"u\": \"http://x\" }", { a: 1, u: "http://x" }, "repaired"],
    [
      "bare keys and Python's words",
      "{a: True, b_1: None, 'c': [False]}",
      { a: true, b_1: null, c: [false] },
      "repaired"
    ],
    ["bad escapes", "{\"a\":\"\\d\\u12 \\u0041\"}", { a: "\\d\\u12 A" }, "repaired"],
    ["repaired in a block", "```json\n{\"a\":1,}\n```", { a: 1 }, "repaired"],
    ["U+2028 inside of a text", "{\"a\":\"\u2028\"}", { a: "\u2028" }, "whole"],
    ["the last of duplicate keys", "{\"a\":1,\"a\":2}", { a: 2 }, "whole"],
    ["nothing but an empty object", "{}", {}, "whole"]
  ])("finds %s", (_, text, value, how) => {
    assert.deepStrictEqual(found(text), { value, how })
  })

  it.each<[string, string, JsonText.JsonTextError["reason"]]>([
    ["nothing", " \n\u0000", "Empty"],
    ["prose", "I could not do this. Sorry {about} that [really].", "Absent"],
    ["an object without an end", "{\"items\":[{\"a\":1},{\"b\":", "Truncated"],
    ["a text without an end", "{\"a\":\"b", "Truncated"],
    ["an open single-quoted text", "{'a':'b", "Truncated"],
    ["an open comment", "{\"a\":1 /* ", "Truncated"],
    ["a closed object in an open list", "Here: [{\"a\":1}, ", "Truncated"],
    ["a block without an end", "```json\n{\"a\":[1,\n", "Truncated"],
    ["a closed block of half an object", "```json\n{\"a\":[1,\n```", "Truncated"],
    ["half a last block after a draft", "```json\n{\"a\":1}\n```\n```json\n{\"a\":", "Truncated"],
    ["a missing colon", "{\"a\" 1}", "Malformed"],
    ["mismatched brackets", "{\"a\":[1}", "Malformed"],
    ["a fragment inside of a broken object", "{\"items\":[{\"a\":1}], \"b\": what?}", "Malformed"],
    ["a number out of range", "{\"a\":1e400}", "Malformed"],
    ["a number out of range alone", "-1e999", "Absent"],
    ["deep nesting", `${"[".repeat(201)}${"]".repeat(201)}`, "TooDeep"],
    ["deep nesting in prose", `x ${"[".repeat(201)}${"]".repeat(201)}`, "TooDeep"]
  ])("refuses %s", (_, text, expected) => {
    assert.strictEqual(reason(text), expected)
  })

  it("accepts 200 levels", () => {
    assert.strictEqual(found(`${"[".repeat(200)}${"]".repeat(200)}`).how, "whole")
  })

  it("never completes a truncated answer, nor takes a part for the whole", () => {
    FastCheck.assert(
      FastCheck.property(
        container,
        FastCheck.nat(),
        FastCheck.constantFrom("", "```json\n", "Here it is: "),
        (value, position, before) => {
          const text = JSON.stringify(value)
          const part = text.slice(0, 1 + position % (text.length - 1))
          assert.strictEqual(reason(before + part), "Truncated")
        }
      ),
      { numRuns: 1_000 }
    )
  })

  it("says where", () => {
    const error = Either.getOrThrow(Either.flip(JsonText.extract("{\n\"a\" 1}")))
    assert.strictEqual(
      error.message,
      "the JSON in the answer is malformed: line 1, near \"{\\n\\\"a\\\" 1}\""
    )
  })

  it("is total", () => {
    const piece = FastCheck.constantFrom(
      ..."{}[]\"'`\\,:/*#\n a1",
      "```json\n",
      "//",
      "\\u",
      "True",
      "{\"a\":",
      "\uD83D"
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece, { maxLength: 60 }), (pieces) => {
        assert.isTrue(Either.isEither(JsonText.extract(pieces.join(""))))
      }),
      { numRuns: 5_000 }
    )
  })

  const many = 100_000
  it.each([
    ["open brackets", "[".repeat(many)],
    ["open brackets in prose", `x ${"[ ".repeat(many)}`],
    ["open objects", "{\"".repeat(many)],
    ["open nested objects", `x${"{\"a\":".repeat(many)}`],
    ["backticks", "`".repeat(many)],
    ["backticks and a letter", `${"```x".repeat(many)}${"`".repeat(many)}x\`\`\``],
    ["fences", "```\n".repeat(many)],
    ["broken blocks", "```json\n{oops\n```\n".repeat(many / 10)],
    ["stray braces", "{ x ".repeat(many)],
    ["braces of prose", "{x} [y] ".repeat(many)],
    ["broken objects", "{\"a\" 1} ".repeat(many)],
    ["quotes", `{${"'".repeat(many)}`],
    ["quotes and spaces", `{'${"' ".repeat(many)}`],
    ["spaces", `{${" ".repeat(many)}`],
    ["commas", `[${",".repeat(many)}]`],
    ["words", `[${"a ".repeat(many)}]`],
    ["backslashes", `{"${"\\".repeat(many)}`],
    ["comments", `{${"/**/".repeat(many)}`],
    ["open comments", `{ x ${"/*".repeat(many)}`],
    ["outer spaces", `${" ".repeat(many)}x${" ".repeat(many)}`]
  ])("takes linear time for many %s", (_, text) => {
    const start = performance.now()
    JsonText.extract(text)
    JsonText.extract(`${text}\n{"a":1}`)
    assert.isBelow(performance.now() - start, 2_000)
  })

  it("refuses what is too large to look at", () => {
    assert.strictEqual(reason(" ".repeat(16_777_217)), "TooLarge")
  })
})
