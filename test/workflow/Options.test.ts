import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Options from "open-agent-workflows/workflow/Options"

/** As a script does that is loaded without its types being looked at. */
const untyped = (options: unknown) => options as Options.CallOptions
const problem = (options: unknown, prompt: unknown = "Hello") => Options.problem(prompt, untyped(options))

const right = {
  label: "one",
  phase: "first",
  provider: "fake",
  model: "small",
  system: "Be brief",
  temperature: 0.7,
  maxOutputTokens: 1_000,
  agentType: "reviewer",
  isolation: "worktree",
  cachePolicy: "read_only",
  cacheNamespace: "team",
  readScope: ["docs/**"],
  writeScope: ["src"],
  permissions: ["Read"],
  timeout: "90 seconds",
  idleTimeout: "30 seconds",
  metadata: { ticket: 1 },
  schema: Schema.Number
} satisfies Options.CallOptions & { readonly schema: unknown }

describe("options that are right", () => {
  it("have no problem, alone and together", () => {
    assert.strictEqual(problem({}), undefined)
    assert.strictEqual(problem(right), undefined)
    for (const [name, value] of Object.entries(right)) assert.strictEqual(problem({ [name]: value }), undefined, name)
  })

  it("may be undefined, each of them", () => {
    for (const name of Object.keys(right)) assert.strictEqual(problem({ [name]: undefined }), undefined, name)
  })

  it.each([0, 2, 1e-9])("may have the temperature %s", (temperature) => {
    assert.strictEqual(problem({ temperature }), undefined)
  })

  it.each([1, "2 minutes", 5n, [1, 500], Duration.minutes(1), Infinity, Duration.infinity])(
    "may have the timeout %s",
    (timeout) => {
      assert.strictEqual(problem({ timeout }), undefined)
    }
  )

  it("may have a schema that is a class or a JSON Schema, and empty scopes", () => {
    class Finding extends Schema.Class<Finding>("Finding")({ path: Schema.String }) {}
    assert.strictEqual(problem({ schema: Finding }), undefined)
    assert.strictEqual(problem({ schema: { type: "object" } }), undefined)
    assert.strictEqual(problem({ readScope: [], writeScope: [], permissions: [] }), undefined)
  })
})

describe("options that are wrong", () => {
  const timeout = "must be a positive duration such as \"90 seconds\" or a number of milliseconds"
  const wrong: ReadonlyArray<readonly [string, unknown, string]> = [
    ["label", 1, "must be text, not 1"],
    ["phase", {}, "must be text"],
    ["provider", null, "must be text, not null"],
    ["model", false, "must be text, not false"],
    ["system", ["a"], "must be text"],
    ["agentType", Symbol("x"), "must be text, not Symbol(x)"],
    ["cacheNamespace", 1n, "must be text, not 1"],
    ["temperature", 2.1, "must be a number from 0 to 2, not 2.1"],
    ["temperature", -0.1, "must be a number from 0 to 2, not -0.1"],
    ["temperature", NaN, "must be a number from 0 to 2, not NaN"],
    ["temperature", "1", "must be a number from 0 to 2, not \"1\""],
    ["maxOutputTokens", 0, "must be a positive whole number, not 0"],
    ["maxOutputTokens", 1.5, "must be a positive whole number, not 1.5"],
    ["maxOutputTokens", Infinity, "must be a positive whole number, not Infinity"],
    ["maxOutputTokens", 2 ** 53, "must be a positive whole number, not 9007199254740992"],
    ["isolation", "worktre", "must be one of none, worktree, not \"worktre\""],
    ["isolation", true, "must be one of none, worktree, not true"],
    ["cachePolicy", "off", "must be one of auto, disabled, read_only, refresh, not \"off\""],
    ["readScope", "docs", "must be a list of strings, not \"docs\""],
    ["readScope", ["docs", 1], "must be a list of strings"],
    ["writeScope", {}, "must be a list of strings"],
    ["permissions", [null], "must be a list of strings"],
    ["timeout", 0, `${timeout}, not 0`],
    ["timeout", -1, `${timeout}, not -1`],
    ["timeout", NaN, `${timeout}, not NaN`],
    ["timeout", "soon", `${timeout}, not "soon"`],
    ["timeout", {}, timeout],
    ["idleTimeout", 0, `${timeout}, not 0`],
    ["metadata", "x", "must be an object, not \"x\""],
    ["metadata", null, "must be an object, not null"],
    ["schema", "string", "must be a schema, not \"string\""],
    ["schema", null, "must be a schema, not null"],
    ["schema", 1, "must be a schema, not 1"]
  ]

  it.each(wrong)("%s: %s", (option, value, message) => {
    const found = problem({ ...right, [option]: value })
    assert.isDefined(found)
    assert.strictEqual(found.option, option)
    assert.isTrue(found.detail.startsWith(message), found.detail)
  })

  it("are told of each option there is", () => {
    assert.deepStrictEqual([...new Set(wrong.map(([option]) => option))].toSorted(), Object.keys(right).toSorted())
  })

  it("are reported also when the value cannot be turned into text", () => {
    assert.deepInclude(problem({ label: Object.create(null) }), { option: "label" })
    const hostile = {
      toString: () => {
        throw new Error("no")
      }
    }
    assert.deepInclude(problem({ timeout: hostile }), { option: "timeout" })
  })
})

describe("options that do not exist", () => {
  it.each([
    ["lable", " Did you mean label?"],
    ["readscope", " Did you mean readScope?"],
    ["concurrency", ""],
    ["0", ""],
    ["__proto__x", ""]
  ])("%s is named, with those that do", (name, meant) => {
    assert.deepStrictEqual(problem({ [name]: 1 }), {
      option: name,
      detail: `is not an option of agent().${meant} Known: ${
        [
          "label, phase, provider, model, system, temperature, maxOutputTokens, agentType, isolation, cachePolicy",
          "cacheNamespace, readScope, worktreeBase, writeScope, permissions, timeout, idleTimeout, recover, budget",
          "metadata, schema"
        ].join(", ")
      }`
    })
  })

  it("do not matter when they are undefined", () => {
    assert.strictEqual(problem({ lable: undefined }), undefined)
  })

  it("are found in what should have been an object", () => {
    assert.deepInclude(problem("label"), { option: "0" })
  })
})

describe("a prompt", () => {
  it.each([undefined, null, "", 1, {}, ["Hello"]])("%s is refused", (prompt) => {
    assert.deepStrictEqual(Options.problem(prompt, {}), { option: "prompt", detail: "must be a non-empty string" })
  })
})

it("a call changes something when it has a worktree of its own or paths to write", () => {
  assert.isTrue(Options.isMutating({ isolation: "worktree" }))
  assert.isTrue(Options.isMutating({ writeScope: ["src"] }))
  assert.isFalse(Options.isMutating({ writeScope: [], isolation: "none" }))
  assert.isFalse(Options.isMutating({ permissions: ["Write"] }))
})
