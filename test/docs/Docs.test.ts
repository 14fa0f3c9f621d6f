import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import ts from "typescript"

const root = Path.resolve(import.meta.dirname, "../..")

const documents = ["README.md", ...filesIn("docs"), ...filesIn("src")].filter((file) =>
  Fs.existsSync(Path.join(root, file)) && /^(?!docs\/reference\/).*\.md$|^src\/.*\.ts$/.test(file)
)

/** Every TypeScript fence in the documents and in the JSDoc of the sources, with the place it came from. */
const fences = documents.flatMap((file) => {
  const text = Fs.readFileSync(Path.join(root, file), "utf8")
  return [...text.matchAll(/^([ \t]*(?:\* ?)?)```ts\n([\s\S]*?)^\1```/gm)].map((match) => ({
    line: text.slice(0, match.index).split("\n").length,
    file,
    code: (match[2] ?? "").split("\n").map((line) => file.endsWith(".ts") ? line.replace(/^\s*\* ?/, "") : line)
      .join("\n")
  }))
})

describe("documentation", () => {
  it("has only examples that compile", () => {
    assert.deepStrictEqual(problemsIn(fences), [])
  }, 120_000)

  it("would notice an example that does not compile", () => {
    const problems = problemsIn([{ file: "docs/planted.md", line: 3, code: "export const answer: number = \"no\"" }])
    assert.lengthOf(problems, 1)
    assert.match(problems[0] ?? "", /^docs\/planted\.md:4: Type 'string' is not assignable/)
  }, 60_000)
})

interface Fence {
  readonly file: string
  readonly line: number
  readonly code: string
}

function problemsIn(fences: ReadonlyArray<Fence>): ReadonlyArray<string> {
  const { config } = ts.readConfigFile(Path.join(root, "tsconfig.json"), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const byName = new Map(fences.map((fence, index) => [Path.join(root, "docs", `example-${index}.ts`), fence]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (name) => byName.has(name) || fileExists(name)
  host.readFile = (name) => byName.get(name)?.code ?? readFile(name)
  const program = ts.createProgram([...byName.keys()], {
    ...options,
    composite: false,
    declarationMap: false,
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false
  }, host)
  return [...byName].flatMap(([name, fence]) => {
    const source = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((problem) => {
      const line = source?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0
      return `${fence.file}:${fence.line + line + 1}: ${ts.flattenDiagnosticMessageText(problem.messageText, "\n")}`
    })
  })
}

function filesIn(folder: string): ReadonlyArray<string> {
  const directory = Path.join(root, folder)
  if (!Fs.existsSync(directory)) return []
  return Fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).map((file) =>
    `${folder}/${file.split(Path.sep).join("/")}`
  )
}
