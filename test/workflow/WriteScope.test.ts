import { assert, describe, it } from "@effect/vitest"
import * as WriteScope from "../../src/workflow/WriteScope.ts"

const cases: ReadonlyArray<readonly [pattern: string, allowed: ReadonlyArray<string>, refused: ReadonlyArray<string>]> =
  [
    ["src", ["src", "src/a.ts", "src/.env", "src/a/b/c"], ["srcs", "sr", "a/src", "../src"]],
    ["src/", ["src/a.ts"], ["docs"]],
    ["./src/../docs", ["docs/a.md"], ["src/a.ts"]],
    ["src/**", ["src/a", "src/a/b", "src/.a/.b", "src/a\nb", "src/x/../y"], [
      "a",
      "docs/a",
      "src/../docs/a",
      "../src/a"
    ]],
    ["src/*.ts", ["src/a.ts", "src/.a.ts", "src/a\nb.ts"], ["src/a/b.ts", "src/a.js"]],
    ["**/*.md", ["a.md", "docs/a.md"], ["a.txt", "../a.md"]],
    ["**", ["a", ".env", "a/b"], ["../a", ".."]],
    [".", ["a", "a/b"], ["../a", ".."]],
    ["../shared/**", ["../shared/a"], ["shared/a", "../../shared/a", "../a"]],
    ["a/{b,c}.ts", ["a/b.ts", "a/c.ts"], ["a/d.ts"]],
    ["app/[id]/page.tsx", ["app/[id]/page.tsx", "app/i/page.tsx"], ["app/x/page.tsx"]],
    ["!src/**", ["!src/a"], ["docs/a", "src/a"]],
    ["Docs/**", ["Docs/a"], ["docs/a", "DOCS/a"]],
    ["docs/ü?.md", ["docs/üa.md"], ["docs/ü.md"]]
  ]

describe("a write scope", () => {
  it.each(cases)("of %s allows what it names and nothing else", (pattern, allowed, refused) => {
    const scope = WriteScope.make([pattern])
    assert.deepStrictEqual(allowed.filter((name) => !scope.allows(name)), [])
    assert.deepStrictEqual(refused.filter((name) => scope.allows(name)), [])
  })

  it("of nothing allows nothing, and of two what either allows", () => {
    assert.isFalse(WriteScope.make([]).allows("a"))
    const both = WriteScope.make(["a", "b"])
    assert.deepStrictEqual(["a/x", "b/x", "c/x"].map(both.allows), [true, true, false])
    assert.strictEqual(both.key, WriteScope.make(["b", "a"]).key)
    assert.notStrictEqual(both.key, WriteScope.make(["a"]).key)
  })
})
