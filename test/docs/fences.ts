import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "../lib/node.ts"

/** A block of code in a document, and where it is. */
export interface Fence {
  readonly file: string
  /** The line of its opening mark. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** The file its text says it is, where it says so just before it. */
  readonly name: string | undefined
}

/** Every document somebody reads to learn to use this, the generated ones left out. */
export const documents: ReadonlyArray<string> = [
  "README.md",
  "AGENTS.md",
  "llms.txt",
  ...filesIn("docs").filter((file) => file.endsWith(".md") && !file.startsWith("docs/reference/")),
  ...filesIn("skills").filter((file) => file.endsWith(".md"))
]

/** The modules whose comments show code. */
export const sources: ReadonlyArray<string> = filesIn("src").filter((file) => file.endsWith(".ts"))

export const read = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")

/** The fences of a document, or of the comments of a module. */
export const fencesOf = (file: string, text: string = read(file)): ReadonlyArray<Fence> =>
  [...text.matchAll(/^([ \t]*(?:\* ?)?)```(\w+)\n([\s\S]*?)^\1```/gm)].map((match) => {
    const before = text.slice(0, match.index)
    const language = match[2] ?? ""
    return {
      file,
      line: before.split("\n").length,
      language,
      code: withoutMargin(file, match[1] ?? "", match[3] ?? ""),
      name: nameIn(before, language, match[3] ?? "")
    }
  })

function filesIn(folder: string): ReadonlyArray<string> {
  const directory = Path.join(root, folder)
  if (!Fs.existsSync(directory)) return []
  return Fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).map((file) =>
    `${folder}/${file.split(Path.sep).join("/")}`
  )
}

const withoutMargin = (file: string, margin: string, code: string): string =>
  code.split("\n")
    .map((line) =>
      file.endsWith(".ts") ? line.replace(/^\s*\* ?/, "") : line.startsWith(margin) ? line.slice(margin.length) : line
    )
    .join("\n")

const endings: Readonly<Record<string, string>> = {
  ts: "ts",
  yaml: "ya?ml",
  js: "m?js",
  jinja: "md",
  json: "json",
  jsonl: "jsonl"
}

/** The last file of the right kind in the paragraph before, else the name the workflow gives itself. */
const nameIn = (before: string, language: string, code: string): string | undefined => {
  const ending = endings[language]
  if (ending === undefined) return undefined
  const paragraph = before.trimEnd().split(/\n\s*\n/).at(-1) ?? ""
  const names = [...paragraph.matchAll(new RegExp(`\`([\\w./-]+\\.${ending})\``, "g"))].map((match) => match[1])
  const own = /export default Workflow\.make\(\{\s*name: "([\w-]+)"|^name: ([\w-]+)$/m.exec(code)
  const name = own?.[1] ?? own?.[2]
  return names.at(-1) ?? (name === undefined ? undefined : `${name}.${language}`)
}
