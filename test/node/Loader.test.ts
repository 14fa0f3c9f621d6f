import { assert, describe, it } from "@effect/vitest"
import * as Path from "node:path"
import * as Loader from "open-agent-workflows/node/Loader"
import { directoryWith, root, runWithLoader } from "../lib/node.ts"

/** Runs `main.ts` of a set of files, and returns what it printed as JSON. */
const run = (files: Readonly<Record<string, string>>): unknown => {
  const { stdout, stderr } = runWithLoader(Path.join(directoryWith(files), "main.ts"))
  assert.strictEqual(stderr, "")
  return JSON.parse(stdout)
}

const fail = (files: Readonly<Record<string, string>>): string => {
  const { status, stderr } = runWithLoader(Path.join(directoryWith(files), "main.ts"))
  assert.strictEqual(status, 1)
  return stderr
}

const print = (expression: string): string => `console.log(JSON.stringify(${expression}))\n`

describe("Loader", () => {
  it("translates what needs more than removing types", () => {
    const main = `
enum Color { Red = "red" }
namespace Box { export const size = 3 }
class Point { constructor(readonly x: number) {} }
const answer = await Promise.resolve<number>(42)
${print("[Color.Red, Box.size, new Point(1).x, answer]")}`
    assert.deepStrictEqual(run({ "main.ts": main }), ["red", 3, 1, 42])
  })

  it("finds the TypeScript behind .js, .mjs, .cjs, extensionless and directory imports", () => {
    const main = `
import { a } from "./a.js"
import { b } from "./b.mjs"
import c from "./c.cjs"
import { d } from "./d"
import { e } from "./e"
import data from "./data.json" with { type: "json" }
${print("[a, b, c.c, d, e, data.f]")}`
    const files = {
      "main.ts": main,
      "a.ts": "export const a: number = 1",
      "b.mts": "export const b: number = 2",
      "c.cts": "const c: number = 3; module.exports = { c }",
      "d.tsx": "export const d: number = 4",
      "e/index.ts": "export const e: number = 5",
      "data.json": "{ \"f\": 6 }"
    }
    assert.deepStrictEqual(run(files), [1, 2, 3, 4, 5, 6])
  })

  it("prefers a file that exists over its TypeScript namesake", () => {
    const files = {
      "package.json": "{ \"type\": \"module\" }",
      "main.ts": `import { a } from "./a.js"\n${print("a")}`,
      "a.js": "export const a = \"js\"",
      "a.ts": "export const a = \"ts\""
    }
    assert.strictEqual(run(files), "js")
  })

  it("serves one effect, whatever the script's project has installed", () => {
    const stale = {
      "package.json":
        "{ \"name\": \"effect\", \"version\": \"3.0.0\", \"type\": \"module\", \"exports\": { \".\": \"./i.js\" } }",
      "i.js": "export const Effect = \"stale\""
    }
    const main = `
import { Effect } from "effect"
import * as Same from "effect/Effect"
import * as Path from "@effect/platform/Path"
import { register } from "open-agent-workflows/node/Loader"
import { inner } from "other"
${
      print(
        "[Effect.succeed === Same.succeed, inner === Effect, typeof Path.Path, typeof register, import.meta.resolve('effect')]"
      )
    }`
    const files = {
      "main.ts": main,
      "node_modules/effect/package.json": stale["package.json"],
      "node_modules/effect/i.js": stale["i.js"],
      "node_modules/other/package.json": "{ \"name\": \"other\", \"type\": \"module\", \"exports\": \"./index.js\" }",
      "node_modules/other/index.js": "import { Effect } from \"effect\"\nexport const inner = Effect"
    }
    const [same, shared, path, register, url] = run(files) as ReadonlyArray<unknown>
    assert.deepStrictEqual([same, shared, path, register], [true, true, "object", "function"])
    assert.include(String(url), new URL(`file://${root}/node_modules/effect/`).href)
  })

  it("leaves @effect packages we do not have to the script's own", () => {
    const files = {
      "main.ts": `import { own } from "@effect/own"\n${print("own")}`,
      "node_modules/@effect/own/package.json": "{ \"type\": \"module\", \"exports\": \"./index.js\" }",
      "node_modules/@effect/own/index.js": "export const own = true"
    }
    assert.strictEqual(run(files), true)
  })

  it("names the importing file when a package is missing", () => {
    assert.match(
      fail({ "main.ts": "import \"@effect/missing\"" }),
      /Cannot find package '@effect\/missing' imported from .*main\.ts/
    )
    assert.match(fail({ "main.ts": "import \"effect/Missing\"" }), /imported from .*main\.ts/)
  })

  it("shows the place of a syntax error, in TypeScript and in JavaScript", () => {
    const typescript = fail({ "main.ts": "export const a = 1\nexport const = 2\n" })
    assert.match(typescript, /SyntaxError.*: Cannot parse .*main\.ts/)
    assert.match(typescript, /2 \| export const = 2/)
    assert.match(
      fail({ "main.ts": "import \"./b.mjs\"", "b.mjs": "const = 1" }),
      /Cannot parse .*b\.mjs[\s\S]*1 \| const = 1/
    )
  })

  it("keeps line and column of a thrown error", () => {
    const main =
      "interface A {\n  a: string\n}\n\nconst boom = (a: A): never => {\n  throw new Error(a.a)\n}\nboom({ a: \"x\" })\n"
    assert.match(fail({ "main.ts": main }), /main\.ts:6:9/)
  })

  it("can be registered again, from its own source as well", () => {
    Loader.register()
    Loader.register()
    const main = `
import { register } from "open-agent-workflows/node/Loader"
register()
${print("true")}`
    assert.strictEqual(run({ "main.ts": main }), true)
  })
})
