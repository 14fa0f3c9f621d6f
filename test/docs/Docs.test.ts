import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import ts from "typescript"
import * as Yaml from "yaml"
import * as Templates from "../../src/cli/templates.ts"
import * as FlowNode from "../../src/node/FlowNode.ts"
import { root } from "../lib/node.ts"
import type { Fence } from "./fences.ts"
import { documents, fencesOf, read, sources } from "./fences.ts"
import { directoryOf } from "./prepared.ts"

const fences = [...documents, ...sources].flatMap((file) => fencesOf(file))

/** The workflows that are written for people to start from, as if they were shown. */
const templates = Templates.templates.filter(({ language }) => language === "typescript").map((template): Fence => ({
  file: `owf new --template ${template.name}`,
  line: 0,
  language: "ts",
  code: template.text("sample"),
  name: undefined
}))

const planted: Fence = {
  file: "docs/planted.md",
  line: 3,
  language: "ts",
  code: "export const answer: number = \"no\"",
  name: undefined
}

describe("documentation", () => {
  it("has only TypeScript that compiles, and an error in it would be noticed", () => {
    const shown = [...fences.filter(({ language }) => language === "ts"), ...templates]
    const problems = problemsIn([...shown, planted])
    assert.deepStrictEqual(problems.filter((problem) => !problem.startsWith(planted.file)), [])
    assert.lengthOf(problems, 1)
    assert.match(problems[0] ?? "", /^docs\/planted\.md:4: Type 'string' is not assignable/)
    assert.isAbove(shown.length, 30)
  }, 180_000)

  for (const fence of fences.filter(({ language }) => language === "yaml" || language === "yml")) {
    it(`has YAML that is right at ${fence.file}:${fence.line}`, async () => {
      const value: unknown = Yaml.parse(fence.code)
      if (typeof value !== "object" || value === null || !("nodes" in value)) return
      const { name = "" } = fence
      const loaded = await Effect.runPromise(FlowNode.load(Path.join(directoryOf(fence.file), name)))
      assert.deepStrictEqual(loaded.warnings, [])
    })
  }

  it("has JSON that is right", () => {
    for (const { code, file, language, line } of fences) {
      if (language !== "json") continue
      assert.doesNotThrow(() => void JSON.parse(code), `${file}:${line}`)
    }
  })

  it("has only links that lead somewhere", () => {
    const broken = documents.flatMap((file) =>
      [...read(file).replaceAll(/```[\s\S]*?```/g, "").matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        if (/^(?:https?|mailto):/.test(link)) return []
        const [path = "", anchor] = link.split("#")
        const target = path === "" ? file : Path.join(Path.dirname(file), path)
        if (!Fs.existsSync(Path.join(root, target))) return [`${file}: ${link}`]
        return anchor === undefined || anchorsIn(target).has(anchor) ? [] : [`${file}: ${link} (no such heading)`]
      })
    )
    assert.deepStrictEqual(broken, [])
  })
})

describe("the skill", () => {
  const text = read("skills/owf/SKILL.md")
  const frontmatter: unknown = Yaml.parse(/^---\n([\s\S]*?)\n---\n/.exec(text)?.[1] ?? "")

  it("has the frontmatter that agents look for, within its bounds", () => {
    assert(typeof frontmatter === "object" && frontmatter !== null)
    const known = new Set(["name", "description", "license", "compatibility", "metadata", "allowed-tools"])
    assert.deepStrictEqual(Object.keys(frontmatter).filter((key) => !known.has(key)), [])
    assert.deepNestedInclude(frontmatter, { name: "owf" })
    assert("description" in frontmatter && typeof frontmatter.description === "string")
    assert.isAbove(frontmatter.description.length, 100)
    assert.isAtMost(frontmatter.description.length, 1024)
  })

  it("is short enough to be read whole, and names every page beside it", () => {
    assert.isBelow(text.split("\n").length, 500)
    assert.isBelow(text.length, 20_000)
    for (const name of Fs.readdirSync(Path.join(root, "skills/owf/references"))) {
      assert.include(text, `references/${name}`)
    }
  })
})

describe("llms.txt", () => {
  it("begins with a title and a summary, and has lists of links below headings", () => {
    const [title = "", , summary = ""] = read("llms.txt").split("\n")
    assert.match(title, /^# \S/)
    assert.match(summary, /^> \S/)
    const sections = read("llms.txt").split(/^## /m).slice(1)
    for (const section of sections) {
      const [heading, ...lines] = section.trim().split("\n").filter((line) => line !== "")
      assert.isNotEmpty(heading)
      for (const line of lines) assert.match(line, /^- \[[^\]]+\]\([^)]+\)(?:: .+)?$/)
    }
  })
})

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

/** Headings of a document as links name them. */
function anchorsIn(file: string): ReadonlySet<string> {
  if (!file.endsWith(".md")) return new Set()
  const headings = read(file).replaceAll(/```[\s\S]*?```/g, "").matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").trim().replaceAll(" ", "-")
    )
  )
}
