import { assert, describe, it } from "vitest"
import * as SecretArgs from "../../src/cli/SecretArgs.ts"

const places = (args: unknown): ReadonlyArray<string> =>
  SecretArgs.warnings(args).map((warning) => /^'([^']*)'/.exec(warning)?.[1] ?? warning)

// put together here, so that no file holds what a scanner takes for a key
const key = (start: string) => start + "a1B2".repeat(10)

describe("YG-15: arguments that look like keys", () => {
  it.each([
    ["api_key", "abcdefgh"],
    ["apiKey", "abcdefgh"],
    ["GITHUB_TOKEN", "abcdefgh"],
    ["password", "correct horse"],
    ["db.password", "correct horse"],
    ["anything", key("sk-")],
    ["anything", key("ghp_")],
    ["anything", `use ${key("github_pat_")} there`],
    ["anything", `AKIA${"ABCD".repeat(4)}`],
    ["anything", `-----BEGIN ${"RSA"} PRIVATE KEY-----\n`]
  ])("are found by their name or their shape: %s", (name, value) => {
    assert.deepStrictEqual(places({ [name]: value }), [name])
  })

  it("are found wherever they are, and named without their value", () => {
    const value = key("sk-")
    const warnings = SecretArgs.warnings({ servers: [{ name: "a" }, { auth: { token: value } }], list: [value] })
    assert.strictEqual(warnings.length, 2)
    assert.include(warnings[0], "'servers[1].auth.token' looks like a key")
    assert.include(warnings[1], "'list[0]' looks like a key")
    assert.notInclude(warnings.join(" "), value)
  })

  it.each([
    ["tokens", 4_000],
    ["max_tokens", "4000 at most"],
    ["token", ""],
    ["key", "primary_key_of_a_table"],
    ["task", "risk-assessment-of-the-project"],
    ["tokenizer", "sentencepiece"],
    ["secretary", "Somebody"]
  ])("are not taken for what merely sounds like one: %s", (name, value) => {
    assert.deepStrictEqual(places({ [name]: value }), [])
  })

  it("are looked for in any value without end", () => {
    let deep: unknown = key("sk-")
    for (let n = 0; n < 10_000; n++) deep = [deep]
    assert.deepStrictEqual(places(deep), [])
    assert.deepStrictEqual(places(null), [])
  })
})
