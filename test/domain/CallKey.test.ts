import { assert, describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as CallKey from "open-agent-workflows/domain/CallKey"
import * as canonicalJson from "../../src/internal/canonicalJson.ts"

const text = FastCheck.fullUnicodeString({ maxLength: 12 })
const texts = FastCheck.array(text, { maxLength: 3 })
const optional = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.option(arbitrary, { nil: undefined })

const fields = {
  agentType: optional(text),
  isolation: FastCheck.constantFrom("none", "worktree"),
  maxOutputTokens: optional(FastCheck.integer({ min: 1 })),
  model: text,
  namespace: optional(text),
  permissions: optional(texts),
  provider: text,
  readScope: optional(texts),
  schema: optional(text),
  system: optional(text),
  temperature: optional(FastCheck.double({ min: 0, max: 2, noNaN: true })),
  worktreeBase: optional(text),
  writeScope: optional(texts)
} satisfies { readonly [K in keyof CallKey.Parts]: FastCheck.Arbitrary<CallKey.Parts[K]> }

const parts: FastCheck.Arbitrary<CallKey.Parts> = FastCheck.record(fields)

const keyOf = (parts: CallKey.Parts, prompt: string) => CallKey.make(CallKey.encode(parts), prompt)

const plain: CallKey.Parts = {
  agentType: undefined,
  isolation: "none",
  maxOutputTokens: undefined,
  model: "fake",
  namespace: undefined,
  permissions: undefined,
  provider: "fake",
  readScope: undefined,
  schema: undefined,
  system: undefined,
  temperature: undefined,
  worktreeBase: undefined,
  writeScope: undefined
}

const everything: CallKey.Parts = {
  agentType: "reviewer",
  isolation: "worktree",
  maxOutputTokens: 1_000,
  model: "large",
  namespace: "team",
  permissions: ["Read", "Write"],
  provider: "http",
  readScope: ["docs", "src/**"],
  schema: "0f".repeat(32),
  system: "Be brief.\n\"Always\" – é 😀",
  temperature: 0.2,
  worktreeBase: undefined,
  writeScope: ["src"]
}

describe("the text of the parts", () => {
  it("is their canonical JSON", () => {
    FastCheck.assert(FastCheck.property(parts, (parts) => {
      assert.strictEqual(CallKey.encode(parts), Either.getOrThrow(canonicalJson.encode(parts)))
    }))
  })

  it("does not depend on the order the parts were written in", () => {
    const reversed = Object.fromEntries(Object.entries(everything).toReversed())
    assert.strictEqual(CallKey.encode({ ...plain, ...reversed }), CallKey.encode(everything))
  })

  it("holds nothing but the parts: what does not decide an answer cannot get in", () => {
    const more = { ...everything, label: "one", phase: "two", timeout: 3, cachePolicy: "auto", metadata: {} }
    assert.strictEqual(CallKey.encode(more), CallKey.encode(everything))
  })
})

it("what is not said of a worktree's base is not in the text, so that keys made before there was one still hold", () => {
  assert.notInclude(CallKey.encode(everything), "worktreeBase")
  assert.include(CallKey.encode({ ...everything, worktreeBase: "main" }), `"worktreeBase":"main","writeScope"`)
})

describe("the key", () => {
  it("is the digest of one canonical JSON text of options, prompt and version", () => {
    FastCheck.assert(FastCheck.property(parts, text, (parts, prompt) => {
      const { encode } = canonicalJson
      const whole = Either.getOrThrow(encode({ options: parts, prompt, v: CallKey.version }))
      assert.strictEqual(`{"options":${CallKey.encode(parts)},"prompt":${JSON.stringify(prompt)},"v":1}`, whole)
      assert.match(keyOf(parts, prompt), /^[0-9a-f]{64}$/)
    }))
  })

  it("changes with every part", () => {
    const change = FastCheck.constantFrom(...Object.keys(fields) as ReadonlyArray<keyof CallKey.Parts>).chain((name) =>
      FastCheck.record({ name: FastCheck.constant(name), value: fields[name] as FastCheck.Arbitrary<unknown> })
    )
    const changed = new Set<string>()
    FastCheck.assert(
      FastCheck.property(parts, text, change, (parts, prompt, { name, value }) => {
        const other = { ...parts, [name]: value }
        const same = JSON.stringify(other) === JSON.stringify(parts)
        if (!same) changed.add(name)
        assert.strictEqual(keyOf(other, prompt) === keyOf(parts, prompt), same)
      }),
      { numRuns: 10_000 }
    )
    assert.deepStrictEqual([...changed].toSorted(), Object.keys(fields).toSorted())
  })

  it("tells an absent part from an empty one", () => {
    for (
      const empty of [{ system: "" }, { readScope: [] }, { permissions: [] }, { namespace: "" }, { temperature: 0 }]
    ) {
      assert.notStrictEqual(keyOf({ ...plain, ...empty }, "x"), keyOf(plain, "x"), JSON.stringify(empty))
    }
  })

  it("changes with the prompt", () => {
    FastCheck.assert(FastCheck.property(text, text, (a, b) => {
      assert.strictEqual(keyOf(plain, a) === keyOf(plain, b), a === b)
    }))
  })

  it("does not let one part run into the next", () => {
    FastCheck.assert(FastCheck.property(text, text, text, (a, b, c) => {
      FastCheck.pre(c !== "")
      assert.notStrictEqual(keyOf({ ...plain, system: a + c }, b), keyOf({ ...plain, system: a }, c + b))
      assert.notStrictEqual(
        keyOf({ ...plain, readScope: [a + c, b] }, "x"),
        keyOf({ ...plain, readScope: [a, c + b] }, "x")
      )
    }))
    const forged = `x","v":1},"prompt":"y`
    assert.notStrictEqual(keyOf({ ...plain, writeScope: [forged] }, "x"), keyOf({ ...plain, writeScope: ["x"] }, "y"))
    assert.notStrictEqual(keyOf({ ...plain, readScope: ["a,b"] }, "x"), keyOf({ ...plain, readScope: ["a", "b"] }, "x"))
    assert.notStrictEqual(keyOf({ ...plain, readScope: ["a"] }, "x"), keyOf({ ...plain, writeScope: ["a"] }, "x"))
  })

  it("tells two Unicode spellings of a word apart", () => {
    const word = "caf\u00E9"
    assert.notStrictEqual(keyOf(plain, word), keyOf(plain, word.normalize("NFD")))
    assert.notStrictEqual(
      keyOf({ ...plain, system: word }, "x"),
      keyOf({ ...plain, system: word.normalize("NFD") }, "x")
    )
  })
})

describe("the cache key", () => {
  it("is the call key where nothing can be read, and another for every state of what can", () => {
    const call = keyOf(plain, "x")
    assert.strictEqual(CallKey.cacheKey(call, undefined), call)
    const keys = [call, CallKey.cacheKey(call, ""), CallKey.cacheKey(call, "a"), CallKey.cacheKey(call, "b")]
    assert.strictEqual(new Set(keys).size, 4)
  })
})

describe("a child's key", () => {
  it("depends on its name and its arguments", () => {
    FastCheck.assert(FastCheck.property(text, text, text, text, (name, args, otherName, otherArgs) => {
      assert.strictEqual(
        CallKey.child(name, args) === CallKey.child(otherName, otherArgs),
        name === otherName && args === otherArgs
      )
    }))
    assert.notStrictEqual(CallKey.child("ab", "c"), CallKey.child("a", "bc"))
  })
})

it("keys of fixed calls do not change: every stored answer would be a miss", async () => {
  const cases: ReadonlyArray<readonly [CallKey.Parts, string]> = [
    [plain, "Hello"],
    [plain, "caf\u00E9"],
    [plain, "cafe\u0301"],
    [{ ...plain, temperature: 0 }, "Hello"],
    [{ ...plain, readScope: [] }, "Hello"],
    [everything, "Review the \"docs\"\n\u2028😀"]
  ]
  const golden = {
    version: CallKey.version,
    calls: cases.map(([parts, prompt]) => ({ parts, prompt, key: keyOf(parts, prompt) })),
    cacheKey: CallKey.cacheKey(keyOf(plain, "Hello"), "fingerprint"),
    child: CallKey.child("classify", "{\"issues\":[]}")
  }
  await expect(`${JSON.stringify(golden, undefined, 2)}\n`).toMatchFileSnapshot("../golden/call-keys.json")
})
