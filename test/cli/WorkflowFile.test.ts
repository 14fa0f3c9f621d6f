import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import * as WorkflowFile from "../../src/cli/WorkflowFile.ts"
import { directoryWith, root, runWithLoader } from "../lib/node.ts"

interface Fake {
  readonly name: string
  readonly isFake: true
}

const isFake = (value: unknown): value is Fake => typeof value === "object" && value !== null && "isFake" in value

const valid = "export default { name: \"a\", isFake: true }\n"

const load = (files: Readonly<Record<string, string>>, name: string) =>
  WorkflowFile.load(Path.join(directoryWith(files), name), isFake).pipe(Effect.provide(NodeContext.layer))

const refuse = (files: Readonly<Record<string, string>>, name: string) => Effect.flip(load(files, name))

/** Loads a file in a Node process with our loader, as `owf run` does, and returns the error. */
const refuseInNode = (files: Readonly<Record<string, string>>, name: string): Record<string, unknown> => {
  const directory = directoryWith({
    ...files,
    "load.mjs": `
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import { load } from ${JSON.stringify(Path.join(root, "dist/cli/WorkflowFile.js"))}
const error = await Effect.runPromise(Effect.flip(load(process.argv[2], (value) => value?.isFake === true)).pipe(Effect.provide(NodeContext.layer)))
console.log(JSON.stringify({ reason: error.reason, message: error.message }))`
  })
  const { stdout, stderr } = runWithLoader(Path.join(directory, "load.mjs"), Path.join(directory, name))
  assert.strictEqual(stderr, "")
  return JSON.parse(stdout)
}

describe("WorkflowFile", () => {
  it.effect("loads a default export with its absolute path and digest", () =>
    Effect.gen(function*() {
      const loaded = yield* load({ "a.mjs": valid }, "a.mjs")
      assert.deepStrictEqual(loaded.workflow, { name: "a", isFake: true })
      assert.isTrue(Path.isAbsolute(loaded.path))
      assert.match(loaded.sha256, /^[0-9a-f]{64}$/)
    }))

  it.effect("refuses a file that is missing", () =>
    Effect.gen(function*() {
      const error = yield* refuse({}, "none.ts")
      assert.deepInclude(error, { _tag: "WorkflowFileError", reason: "NotFound", detail: "there is no such file" })
    }))

  it.effect("refuses a directory", () =>
    Effect.gen(function*() {
      const error = yield* refuse({ "dir.ts/a.ts": valid }, "dir.ts")
      assert.strictEqual(error.reason, "NotAFile")
      assert.include(error.message, "is a directory")
    }))

  for (const name of ["graph.yaml", "a.json", "a.cjs", "a"]) {
    it.effect(`refuses ${name} by its extension`, () =>
      Effect.gen(function*() {
        const error = yield* refuse({ [name]: valid }, name)
        assert.strictEqual(error.reason, "UnsupportedExtension")
        assert.include(error.detail, "use one of .ts, .mts, .js, .mjs")
      }))
  }

  it.effect("refuses a file without a default export, and names the export that is a workflow", () =>
    Effect.gen(function*() {
      const none = yield* refuse({ "a.mjs": "export const a = 1" }, "a.mjs")
      assert.deepInclude(none, { reason: "NoDefaultExport" })
      const named = yield* refuse({ "a.mjs": "export const flow = { isFake: true }" }, "a.mjs")
      assert.include(named.detail, "`flow` is a workflow")
    }))

  it.effect("says what a default export is that is not a workflow", () =>
    Effect.gen(function*() {
      const error = yield* refuse({ "a.mjs": "export default function main() {}" }, "a.mjs")
      assert.strictEqual(error.reason, "NotAWorkflow")
      assert.include(error.detail, "the function main")
      const nothing = yield* refuse({ "a.mjs": "export default undefined" }, "a.mjs")
      assert.include(nothing.detail, "undefined")
    }))

  it.effect("reports what a file throws when it is imported", () =>
    Effect.gen(function*() {
      const thrown = yield* refuse({ "a.mjs": "throw new Error(\"boom\")" }, "a.mjs")
      assert.strictEqual(thrown.reason, "ImportFailed")
      assert.include(thrown.detail, "boom")
      const odd = yield* refuse({ "a.mjs": "throw null" }, "a.mjs")
      assert.deepInclude(odd, { reason: "ImportFailed", detail: "importing it threw null" })
    }))

  it.effect("does not take an error of the script for one of the parser", () =>
    Effect.gen(function*() {
      const error = yield* refuse({ "a.mjs": "JSON.parse(\"{\")" }, "a.mjs")
      assert.strictEqual(error.reason, "ImportFailed")
    }))

  it("shows the place of a syntax error", () => {
    const error = refuseInNode({ "a.ts": "const a: number = 1\nconst = 2\n" }, "a.ts")
    assert.strictEqual(error["reason"], "SyntaxError")
    assert.include(String(error["message"]), "2 | const = 2")
    assert.strictEqual(refuseInNode({ "a.mjs": "const = 2\n" }, "a.mjs")["reason"], "SyntaxError")
  })

  it("tells a missing import from a syntax error", () => {
    const error = refuseInNode({
      "a.ts": "import { b } from \"./b.ts\"\nexport default b",
      "b.ts": "export const c = 1"
    }, "a.ts")
    assert.strictEqual(error["reason"], "ImportFailed")
    assert.include(String(error["message"]), "does not provide an export named 'b'")
  })

  describe("a script for Effect 4", () => {
    const sentence = "this script imports effect 4; owf needs effect ^3.22"
    const manifest = (range: string) => JSON.stringify({ dependencies: { effect: range } })

    it.effect("is recognized by the package it belongs to", () =>
      Effect.gen(function*() {
        const script = `import * as Effect from "effect/Effect"\n${valid}`
        const error = yield* refuse({ "package.json": manifest("^4.1.0"), "flows/a.ts": script }, "flows/a.ts")
        assert.deepInclude(error, { reason: "EffectVersion", detail: sentence })
      }))

    it.effect("is recognized by what is installed when the range does not say", () =>
      Effect.gen(function*() {
        const error = yield* refuse({
          "package.json": manifest("latest"),
          "node_modules/effect/package.json": "{ \"version\": \"4.0.1\" }",
          "a.ts": `import { Effect } from "effect"\n${valid}`
        }, "a.ts")
        assert.strictEqual(error.reason, "EffectVersion")
      }))

    it.effect("is recognized by its default export", () =>
      Effect.gen(function*() {
        const error = yield* refuse({ "a.mjs": "export default Object.create({ \"~effect/Effect\": {} })" }, "a.mjs")
        assert.deepInclude(error, { reason: "EffectVersion", detail: sentence })
      }))

    it.effect("is not suspected when the file itself needs no effect, or the package has effect 3", () =>
      Effect.gen(function*() {
        const inNewer = yield* load({ "package.json": manifest("^4.1.0"), "a.mjs": valid }, "a.mjs")
        assert.strictEqual(inNewer.workflow.name, "a")
        const inOlder = yield* load({
          "package.json": manifest("^3.10.0"),
          "a.mjs": `// import "effect"\n${valid}`
        }, "a.mjs")
        assert.strictEqual(inOlder.workflow.name, "a")
      }))
  })
})
