import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { WorkflowFileError } from "../../src/cli/WorkflowFile.ts"
import * as TypeCheck from "../../src/node/TypeCheck.ts"
import type * as TypeCheckRules from "../../src/node/TypeCheckRules.ts"
import * as Validate from "../../src/node/Validate.ts"
import { directoryWith, root } from "../lib/node.ts"

/** A project with the TypeScript of this one, and nothing else installed. */
const projectWith = (files: Readonly<Record<string, string>>, { isTyped = true } = {}): string => {
  const directory = directoryWith({ "package.json": "{}", ...files })
  Fs.mkdirSync(Path.join(directory, "node_modules"))
  if (isTyped) {
    Fs.symlinkSync(Path.join(root, "node_modules/typescript"), Path.join(directory, "node_modules/typescript"))
  }
  return directory
}

const good = `
import * as Schema from "effect/Schema"
import { agent, Workflow } from "open-agent-workflows"
import { topicOf } from "./topic.js"

export default Workflow.make({
  name: "sample",
  args: Schema.Struct({ topic: Schema.String }),
  output: Schema.Struct({ text: Schema.String })
}, function*({ topic }) {
  console.log("the body ran")
  throw new Error("the body ran")
  const result = yield* agent(topicOf(topic))
  return { text: result.text }
})
`

const topic = "export const topicOf = (topic: string): string => `about ${topic}`\n"

const examine = (directory: string, file = "flow.ts", noTypes = false) =>
  Validate.examine(Path.join(directory, file), { noTypes })

const diagnosticsOf = ({ types }: Validate.Validated): ReadonlyArray<TypeCheckRules.Diagnostic> => {
  assert(types._tag === "Checked", types._tag === "Unchecked" ? types.reason : "")
  return types.diagnostics
}

describe("validate", () => {
  it.live("says which TypeScript to install where there is one that cannot be asked", () =>
    Effect.gen(function*() {
      const directory = projectWith({ "flow.ts": good, "topic.ts": topic }, { isTyped: false })
      const typescript = Path.join(directory, "node_modules/typescript")
      Fs.mkdirSync(typescript)
      Fs.writeFileSync(Path.join(typescript, "package.json"), `{"name":"typescript","main":"version.cjs"}`)
      Fs.writeFileSync(Path.join(typescript, "version.cjs"), `exports.version = "7.0.2"`)
      const { types } = yield* examine(directory)
      assert(types._tag === "Unchecked")
      assert.match(types.reason, /^typescript 7\.0\.2 at .* npm install --save-dev typescript@6$/)
    }), 60_000)

  it.live("finds nothing wrong with a file that is right, and runs nothing of its body", () =>
    Effect.gen(function*() {
      const validated = yield* examine(projectWith({ "flow.ts": good, "topic.ts": topic }))
      assert.deepStrictEqual(diagnosticsOf(validated), [])
      assert.isTrue(Validate.isValid(validated))
      const json = Validate.toJson(validated)
      assert.deepNestedInclude(json, { "workflow.name": "sample", "types.checked": true, valid: true })
      assert.match(Validate.toText(validated), /types: no errors, by typescript \d\S*\nvalid: yes$/)
    }), 60_000)

  it.live(
    "names every type error with its file and line, those of imported files as well",
    () =>
      Effect.gen(function*() {
        const directory = projectWith({
          "flow.ts": good.replace("topicOf(topic)", "topicOf(1)"),
          "topic.ts": `${topic}\nexport const wrong: number = "text"\nexport const untyped = (topic) => topic\n`
        })
        const validated = yield* examine(directory)
        const found = diagnosticsOf(validated).map(({ code, file, line }) => `${Path.basename(file)}:${line} ${code}`)
        assert.sameMembers(found, ["flow.ts:13 TS2345", "topic.ts:3 TS2322", "topic.ts:4 TS7006"])
        assert.isFalse(Validate.isValid(validated))
        assert.include(Validate.toText(validated), `${Path.join(directory, "topic.ts")}:3:14: TS2322: Type 'string'`)
        assert.match(Validate.toText(validated), /\nvalid: no$/)
      }),
    60_000
  )

  it.live("keeps to what the project's configuration says of types", () =>
    Effect.gen(function*() {
      const loose = projectWith({
        "topic.ts": "export const topicOf = (topic) => `about ${topic}`\n",
        "flow.ts": good,
        "tsconfig.json": JSON.stringify({ compilerOptions: { strict: false, module: "commonjs" } })
      })
      assert.deepStrictEqual(diagnosticsOf(yield* examine(loose)), [])
    }), 60_000)

  it.live("checks what is not known of Node without complaining of it", () =>
    Effect.gen(function*() {
      const flow =
        "import * as Fs from \"node:fs\"\nexport const a: string = Fs.constants.F_OK + process.version\nconsole.log(a)\n"
      const types = yield* TypeCheck.check(Path.join(projectWith({ "flow.ts": flow }), "flow.ts"))
      assert(types._tag === "Checked")
      assert.deepStrictEqual(types.diagnostics, [])
      assert.lengthOf(types.notes, 1)
      assert.include(types.notes[0], "@types/node is not installed")
    }), 60_000)

  it.live("says that types were not checked, and why, and that is no fault of the file", () =>
    Effect.gen(function*() {
      const wrong = {
        "flow.ts": good,
        "topic.ts": "export const topicOf = (topic: string): number => topic as never\n"
      }
      const without = yield* examine(projectWith(wrong, { isTyped: false }))
      assert.isTrue(Validate.isValid(without))
      assert.deepInclude(Validate.toJson(without), {
        types: { checked: false, typescript: null, reason: "typescript is not installed in the file's project" },
        diagnostics: []
      })
      const skipped = yield* examine(projectWith(wrong), "flow.ts", true)
      assert.include(Validate.toText(skipped), "types: not checked, --no-types")
    }), 60_000)

  it.live("gives what is wrong with a graph as data, each thing with its place", () =>
    Effect.gen(function*() {
      const directory = directoryWith({
        "flow.yaml":
          "start: a\nnodes:\n  - {id: a, type: agent, prompt_text: Hi, next: nowhere}\n  - {id: b, type: terminal}\n"
      })
      const error = yield* Effect.flip(examine(directory, "flow.yaml"))
      assert(error._tag === "FlowErrors")
      const json = Validate.failureToJson(error)
      assert.deepInclude(json, { status: "error", valid: false })
      const diagnostics = json["diagnostics"] as ReadonlyArray<Record<string, unknown>>
      const found = diagnostics.find(({ message }) => String(message).includes("nowhere"))
      assert.deepInclude(found, { severity: "error", file: Path.join(directory, "flow.yaml"), line: 3 })
    }))

  it("gives the place of what keeps a file from being loaded, where one is known", () => {
    const path = "/app/my flow.ts"
    const details = [
      [`Cannot parse ${path}\n\n  x Expected \`,\` but found \`}\`\n   ,-[${path}:4:1]\n 3 |   f(\n`, path, 4, 1],
      ["importing it failed: Error: boom (at <anonymous> (/app/other.ts:2:7))", "/app/other.ts", 2, 7],
      ["importing it failed: Error: boom (at file:///app/other.mjs:12:3)", "/app/other.mjs", 12, 3]
    ] as const
    const jsonOf = (detail: string) =>
      Validate.failureToJson(new WorkflowFileError({ reason: "ImportFailed", path, detail }))
    for (const [detail, file, line, column] of details) {
      assert.deepInclude(jsonOf(detail), {
        status: "error",
        script_path: path,
        valid: false,
        diagnostics: [{ severity: "error", file, line, column, code: null, message: detail }]
      })
    }
    assert.deepInclude(jsonOf("there is no such file"), { valid: false, diagnostics: [] })
  })

  it.live("shows the shape of a graph, whose types are its own", () =>
    Effect.gen(function*() {
      const file = Path.join(root, "test/fixtures/graphs/full/flow.yaml")
      const validated = yield* Validate.examine(file, { noTypes: false })
      const json = Validate.toJson(validated)
      assert.deepNestedInclude(json, { "types.checked": false, valid: true })
      assert.deepNestedInclude(json, { "workflow.name": "release notes" })
    }))
})
