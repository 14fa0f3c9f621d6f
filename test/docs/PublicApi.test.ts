import { assert, describe, expect, it } from "@effect/vitest"
import * as Path from "node:path"
import { publicModules } from "../../.tools/publicApi.mjs"

const root = Path.resolve(import.meta.dirname, "../..")

describe("public API", () => {
  const modules = publicModules(root)

  it("exports what the golden file lists", async () => {
    const text = modules.map(({ specifier, exports }) =>
      [specifier, ...exports.map(({ name, kind }) => `  ${name}: ${kind}`)].join("\n")
    ).join("\n\n")
    await expect(`${text}\n`).toMatchFileSnapshot("../golden/public-api.txt")
  }, 60_000)

  it("documents every export with a sentence", () => {
    const silent = modules.flatMap(({ specifier, exports }) =>
      exports.filter(({ summary }) => summary === "").map(({ name }) => `${specifier}: ${name}`)
    )
    assert.deepStrictEqual(silent, [])
  })
})
