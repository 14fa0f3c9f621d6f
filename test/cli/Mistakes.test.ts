import { assert, describe, expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as ExitCode from "../../src/cli/ExitCode.ts"
import { version } from "../../src/cli/Version.ts"
import { directoryWith, root } from "../lib/node.ts"
import { inPairs, inProcess, owf, transcript } from "./owf.ts"

/** Command lines that are refused before anything is loaded. */
const refused: ReadonlyArray<ReadonlyArray<string>> = [
  [],
  ["runn"],
  ["hlep"],
  ["--hom", "x", "runs"],
  ["--provider", "x", "run", "f.ts"],
  ["--limit"],
  ["run"],
  ["run", ""],
  ["run", "a.ts", "b.ts"],
  ["init", "x"],
  ["run", "f.ts", "--provder", "x"],
  ["run", "f.ts", "--wizard"],
  ["run", "f.ts", "--provider"],
  ["run", "f.ts", "--provider="],
  ["run", "f.ts", "--provider", "--json"],
  ["run", "f.ts", "--model", "a", "--model", "b"],
  ["run", "f.ts", "--json=yes"],
  ["run", "f.ts", "--budget-tokens", "-5"],
  ["run", "f.ts", "--budget-tokens", "1.5"],
  ["run", "f.ts", "--budget-cost-usd=-0.5"],
  ["run", "f.ts", "--budget-cost-usd", "NaN"],
  ["run", "f.ts", "--cache-policy", "read-only"],
  ["runs", "--limit", "ten"],
  ["runs", "--json", "--limit", "ten"],
  ["usage", "--since", "yesterday"],
  ["usage", "--by", "modle"],
  ["usage", "a", "b"],
  ["help", "stauts"],
  ["status", "--", "--json", "x"]
]

const script = (body: string, more = ""): string => `
import * as Schema from "effect/Schema"
import { agent, budget, Workflow } from "open-agent-workflows"
import * as Effect from "effect/Effect"
${more}
export default Workflow.make({
  name: "flow",
  args: Schema.Struct({
    count: Schema.optional(Schema.Int),
    kind: Schema.optional(Schema.Literal("bug", "feature")),
    tags: Schema.optional(Schema.Array(Schema.String)),
    on: Schema.optional(Schema.Boolean),
    name: Schema.optional(Schema.String)
  })
}, function*(args) { ${body} })
`

const files = {
  "good.ts": script("return args"),
  "fails.ts": script("yield* agent('x', { schema: 5 as never })"),
  "throws.ts": script("throw new TypeError('in the body')"),
  "throws-below.ts": script("return below(args)", "const below = (args) => args.missing.name"),
  "no-name.ts": script("return 1").replace("name:", "nmae:"),
  "budget.ts": script("yield* Effect.scoped(budget.reserve({ tokens: 10 })); return 1"),
  "exits.ts": script("process.exit(0)"),
  "exits-at-import.ts": script("return 1", "process.exit(0)"),
  "waits.ts": script("return 1", "await new Promise(() => {})"),
  "loose.ts": script("setTimeout(() => { throw new Error('loose') }, 1); yield* Effect.sleep(20000)"),
  "import.ts": script("return 1", "throw new Error('at import')"),
  "package.ts": script("return 1", "import 'no-such-package'"),
  "syntax.ts": "const = 1\n",
  "none.ts": "export const a = 1\n",
  "other.mjs": "export default { a: 1 }\n",
  "flow.py": "async def main(args): ...\n",
  "a directory/x.txt": "",
  "file": "not a directory"
}

/** Command lines that are refused, or fail, when the workflow is loaded. */
const failing: ReadonlyArray<ReadonlyArray<string>> = [
  ["run", "missing.ts"],
  ["run", "missing.ts", "--json"],
  ["run", "a directory"],
  ["run", "flow.py"],
  ["run", "none.ts"],
  ["run", "other.mjs"],
  ["run", "syntax.ts"],
  ["run", "import.ts"],
  ["run", "package.ts", "--json"],
  ["run", "exits-at-import.ts", "--json"],
  ["validate", "waits.ts"],
  ["run", "good.ts", "--arg", "count"],
  ["run", "good.ts", "--arg", "=1"],
  ["run", "good.ts", "--arg", "count=many"],
  ["run", "good.ts", "--arg", "count=1.5"],
  ["run", "good.ts", "--arg", "kind=bugg"],
  ["run", "good.ts", "--arg", "tags=a,b"],
  ["run", "good.ts", "--arg", "cuont=1"],
  ["run", "good.ts", "--args-json", "{\"count\": }"],
  ["run", "good.ts", "--args-json", "[1]"],
  ["run", "good.ts", "--args-json", "{\"count\": \"x\", \"other\": 1}", "--json"],
  ["run", "good.ts", "--provider", "fkae"],
  ["run", "good.ts", "--home", "file"],
  [
    "run",
    "good.ts",
    "--arg",
    "name=a=b",
    "--arg",
    "count=2",
    "--arg",
    "on=true",
    "--arg=tags=[\"x\"]",
    "--arg",
    "kind=bug",
    "--quiet"
  ],
  ["run", "fails.ts"],
  ["run", "throws.ts", "--json"],
  ["run", "throws-below.ts"],
  ["run", "no-name.ts"],
  ["run", "exits.ts"],
  ["run", "loose.ts"],
  ["run", "budget.ts", "--budget-tokens", "5"],
  ["resume", "nothing"]
]

describe("a command line that is refused", () => {
  it("names the mistake and what is accepted, once, on stderr", async () => {
    const texts = []
    for (const words of refused) {
      const ran = await inProcess("/", ...words)
      assert.strictEqual(ran.code, 2, words.join(" "))
      if (words.includes("--json") && !words.includes("--")) JSON.parse(ran.stdout)
      else assert.strictEqual(ran.stdout, "", words.join(" "))
      texts.push(transcript("/nowhere", words, ran))
    }
    await expect(texts.join("\n")).toMatchFileSnapshot("../golden/cli/refused.txt")
  })

  it("looks the same from the built command", async () => {
    for (const words of [["runn"], ["run", "f.ts", "--budget-tokens", "-5"]]) {
      assert.deepStrictEqual(await owf("/", ...words), await inProcess("/", ...words))
    }
  })
})

describe("a workflow that cannot be run, or fails", () => {
  it("is reported with what is wrong, never as a dump of the runtime", async () => {
    const directory = directoryWith(files)
    const ran = await inPairs(failing, async (words) => ({ words, ...(await owf(directory, ...words)) }))
    for (const { stderr, stdout, words } of ran) {
      assert.notMatch(stdout + stderr, /FiberFailure|"_id"|node_modules|\n {4}at .*dist/, words.join(" "))
      if (words.includes("--json")) JSON.parse(stdout)
    }
    const texts = ran.map(({ words, ...rest }) => transcript(directory, words, rest))
    await expect(texts.join("\n")).toMatchFileSnapshot("../golden/cli/failing.txt")
  }, 60_000)

  it("shows a stack trace with --debug, before or after the command", async () => {
    const directory = directoryWith(files)
    for (const words of [["--debug", "run", "throws.ts"], ["run", "throws.ts", "--debug"]]) {
      const { code, stderr } = await owf(directory, ...words)
      assert.strictEqual(code, 1)
      assert.match(stderr, /TypeError: in the body\n.*throws\.ts:\d+/)
    }
  })
})

describe("a store that cannot be read", () => {
  it("is named with its file and exits with the code of the store", async () => {
    const directory = directoryWith({ "bad/workflow.sqlite": "x".repeat(4096), "file": "" })
    for (const [home, code] of [["bad", 4], ["file", 4], ["none", 2]] as const) {
      const ran = await inProcess(directory, "status", "latest", "--home", home)
      assert.strictEqual(ran.code, code, ran.stderr)
      assert.include(ran.stderr, Path.join(directory, home))
    }
    assert.isFalse(Fs.existsSync(Path.join(directory, "none")))
  })

  it("is an empty list of runs where there is no home yet", async () => {
    const directory = directoryWith({})
    assert.deepInclude(await inProcess(directory, "runs"), { code: 0, stdout: "" })
    assert.deepInclude(await inProcess(directory, "runs", "--json"), { code: 0, stdout: "[]\n" })
  })
})

describe("the table of exit codes", () => {
  it("covers every code once and is the documentation", async () => {
    assert.sameMembers(ExitCode.table.map(({ name }) => name), Object.keys(ExitCode.ExitCode))
    await expect(ExitCode.toMarkdown()).toMatchFileSnapshot("../../docs/reference/exit-codes.md")
  })

  it("the version is the manifest's", () => {
    const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
      readonly version: string
    }
    assert.strictEqual(version, manifest.version)
  })
})
