import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Argv from "../../src/cli/Argv.ts"
import * as Cli from "../../src/cli/Cli.ts"
import { Host } from "../../src/cli/Host.ts"
import * as Output from "../../src/cli/Output.ts"
import * as CliMain from "../../src/node/CliMain.ts"
import * as Owf from "../../src/node/Owf.ts"
import * as Scripted from "../../src/provider/Scripted.ts"
import { RunStore } from "../../src/store/RunStore.ts"
import { agent } from "../../src/workflow/Agent.ts"
import * as Workflow from "../../src/workflow/Workflow.ts"
import { directoryWith } from "../lib/node.ts"
import { documents, fencesOf, read } from "./fences.ts"
import { directoryOf } from "./prepared.ts"
import type { Line } from "./shell.ts"
import { commandsIn } from "./shell.ts"

/** Programs that are not ours: that a document names them is all that is looked at. */
const foreign = new Set(["claude", "codex", "curl", "cd", "docker", "export", "gh", "git", "npm", "npx"])

/** Commands of ours that ask somebody, or that nobody stops; only whether they would be understood is looked at. */
const isOnlyRead = ([name, ...rest]: ReadonlyArray<string>): boolean =>
  name === "mcp" || name === "ui" || name === "watch" || name === "batch" || rest.includes("--refresh") ||
  rest.includes("--follow") || rest.includes("-f")

const before = { cwd: process.cwd(), env: { ...process.env } }

describe("the commands that are shown", () => {
  beforeAll(() => {
    process.stdout.setMaxListeners(0)
    process.stderr.setMaxListeners(0)
  })
  afterAll(() => process.chdir(before.cwd))

  for (const file of documents) {
    const shown = fencesOf(file).flatMap(({ code, language, line }) =>
      language === "sh" || language === "console" ? commandsIn(language, filled(code), line) : []
    )
    if (shown.length === 0) continue
    it(`run in ${file}`, async () => {
      const terminal = await Terminal.open(file)
      try {
        for (const line of shown) await terminal.run(line)
      } finally {
        await terminal.close()
      }
    }, 120_000)
  }

  it("would be noticed if they failed, or if nobody knew them", async () => {
    const terminal = await Terminal.open("AGENTS.md")
    const typed = async (text: string): Promise<string> => {
      const [line] = commandsIn("sh", text, 0)
      assert(line !== undefined)
      return terminal.run(line).then(() => "", (error: unknown) => String(error))
    }
    assert.include(await typed("owf run nowhere.ts"), "exits with 2")
    assert.include(await typed("owf run flow.ts --bugdet-tokens 1"), "Did you mean")
    assert.include(await typed("python flow.py"), "who knows python?")
    assert.include(await typed("npm run unknown"), "no script unknown")
    assert.strictEqual(await typed("owf run 'flow.ts' --arg \"topic=two words\" # fine"), "")
    await terminal.close().catch(() => undefined)
  })

  it("are understood where they stand in a sentence", () => {
    const wrong = documents.flatMap((file) =>
      [...read(file).replaceAll(/```[\s\S]*?```/g, "").matchAll(/`(?:npx )?owf ([^`]+)`/g)].flatMap(([, text = ""]) => {
        const [line] = commandsIn("sh", `owf ${filled(text)}`, 0)
        const words = line?.words.slice(1) ?? []
        // `owf status` in a sentence names the command, and says nothing of what it takes
        const name = words.join(" ")
        const isName = words.length === 1 || Cli.specs.some((spec) => spec.name === name)
        const request = isName
          ? Cli.specs.some((spec) => spec.name === name || spec.name.startsWith(`${name} `))
            ? undefined
            : `there is no command ${name}`
          : problemOf(words)
        return request === undefined ? [] : [`${file}: owf ${text}: ${request}`]
      })
    )
    assert.deepStrictEqual(wrong, [])
  })
})

/** Placeholders as somebody would fill them in, and "…" left out. */
const filled = (text: string): string =>
  text
    .replaceAll("<earlier>", "earlier")
    .replaceAll(/<(?:run_id|run id|run)>|\bRUN_ID\b/g, "latest")
    .replaceAll(/<call_id>|\bCALL\b/g, "latest_call_0001")
    .replaceAll(/<file>|\bFILE\b/g, "flow.ts")
    .replaceAll("<command>", "run")
    .replaceAll(/<[\w -]+>|\[[\w.-]+\]/g, "x")
    .replaceAll(/\s*…/g, "")

const problemOf = (words: ReadonlyArray<string>): string | undefined =>
  Either.match(Argv.read(Cli.specs, words), {
    onLeft: ({ message }) => /^owf [\w-]+ needs <|needs a value/.test(message) ? undefined : message,
    onRight: () => undefined
  })

/** Somebody who types what a document shows, in a directory with what it shows and a run that left something. */
class Terminal {
  private readonly pending: Array<Promise<void>> = []

  private readonly file: string
  private readonly home: string
  private readonly silence: () => string

  private constructor(file: string, home: string, silence: () => string) {
    this.file = file
    this.home = home
    this.silence = silence
  }

  static async open(file: string): Promise<Terminal> {
    const directory = directoryOf(file)
    const home = Path.join(directory, ".workflows")
    process.chdir(directory)
    process.env["HOME"] = directoryWith({})
    process.env["OWF_HOME"] = home
    for (const name of Object.keys(process.env)) if (name.endsWith("_API_KEY")) delete process.env[name]
    await Effect.runPromise(
      Effect.zipRight(earlier, leave).pipe(
        Effect.provide(Owf.layer({ home, provider: "scripted", providers: [writer] }))
      )
    )
    return new Terminal(file, home, silenced())
  }

  async run(line: Line): Promise<void> {
    Object.assign(process.env, line.variables)
    const words = wordsOf(line)
    if (words === undefined) {
      return assert(foreign.has(line.words[0] ?? ""), `${this.file}:${line.line}: who knows ${line.words[0]}?`)
    }
    const problem = problemOf(words)
    assert.isUndefined(problem, `${this.file}:${line.line}: ${line.text}: ${problem}`)
    if (isOnlyRead(words)) return
    let said = ""
    const output = (text: string) => Effect.sync(() => void (said += `${text}\n`))
    const services = Layer.mergeAll(
      NodeContext.layer,
      Layer.succeed(Output.Output, { print: output, note: output }),
      Layer.succeed(Host, CliMain.host)
    )
    const ended = Effect.runPromise(Effect.provide(Cli.main(offline(words)), services)).then((code) => {
      // the doctor's exit code is about this machine
      const isFine = code === 0 || (words[0] === "doctor" && code === 8)
      assert(isFine, `${this.file}:${line.line}: ${line.text} exits with ${code}: ${said.slice(-500)}`)
    })
    this.pending.push(ended)
    if (words[0] !== "run" && words[0] !== "resume") return ended
    // what waits for a person goes on while the next command is typed
    await this.until(ended, async () => (await this.questions()).length > 0)
  }

  async close(): Promise<void> {
    try {
      const all = Promise.all(this.pending)
      // nobody is left to ask but us
      await this.until(all, async () => {
        await this.approveAll()
        return false
      })
      await all
    } finally {
      const noise = this.silence()
      process.chdir(before.cwd)
      for (const name of Object.keys(process.env)) if (!(name in before.env)) delete process.env[name]
      Object.assign(process.env, before.env)
      assert.notInclude(noise, "This is a bug in owf")
    }
  }

  /** Waits for the end of some work, or until something is so. */
  private async until(work: Promise<unknown>, isSo: () => Promise<boolean>): Promise<void> {
    const state = { isOver: false }
    const over = work.finally(() => {
      state.isOver = true
    })
    const asked = async () => {
      while (!state.isOver && !(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await Promise.race([over, asked()])
  }

  private questions() {
    return Effect.runPromise(
      Effect.provide(open, Owf.layerStore({ home: this.home, mode: "read" })).pipe(Effect.orElseSucceed(() => []))
    )
  }

  private async approveAll(): Promise<void> {
    const decide = Effect.gen(function*() {
      const store = yield* RunStore
      for (const { name, runId } of yield* open) {
        yield* store.decide({ runId, name, decision: "approved", message: null, at: 0 })
      }
    })
    await Effect.runPromise(Effect.provide(decide, Owf.layerStore({ home: this.home, mode: "write" })))
  }
}

const open = Effect.gen(function*() {
  const store = yield* RunStore
  const runs = yield* store.runs({})
  const asked = yield* Effect.forEach(runs, ({ id }) => store.approvals(id))
  return asked.flat().filter(({ decision }) => decision === null)
})

/** A run that ended before. */
const earlier = Workflow.start(
  Workflow.make({ name: "left" }, () => agent("Say something.", { label: "say" })),
  {},
  { alias: "earlier" }
)

/** A run whose first call changed a file in a worktree. */
const leave = Workflow.start(
  Workflow.make({ name: "left" }, () => agent("Change a file.", { label: "change", isolation: "worktree" })),
  {}
)

const writer = Scripted.make((request) => {
  if (request.cwd !== undefined) Fs.writeFileSync(Path.join(request.cwd, "src/a.ts"), "export const a = 2\n")
  return Scripted.answer("changed")
})

/** The words after `owf`; undefined for another program's. */
const wordsOf = ({ words }: Line): ReadonlyArray<string> | undefined => {
  const [program, ...rest] = words
  if (program === "owf") return rest
  if (program === "npx" && rest[0] === "owf") return rest.slice(1)
  if (program === "node" && rest[0] === "dist/bin/owf.js") return rest.slice(1)
  if (program === "npm" && rest[0] === "run") {
    const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }
    assert(rest[1] !== undefined && rest[1] in scripts, `there is no script ${rest[1]}`)
  }
  return undefined
}

/** The same command, asking the offline provider: who answers is not what is looked at. */
const offline = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words[0] === "run" || words[0] === "resume"
    ? words.map((word, at) => ["--provider", "--cli"].includes(words[at - 1] ?? "") ? "fake" : word)
    : words

/** Keeps what is printed, and gives it back when the streams are as before. */
function silenced(): () => string {
  const streams = [process.stdout, process.stderr]
  const writes = streams.map((stream) => stream.write)
  let text = ""
  for (const stream of streams) {
    stream.write = (chunk: unknown, ...rest: ReadonlyArray<unknown>) => {
      text += String(chunk)
      for (const one of rest) if (typeof one === "function") one()
      return true
    }
  }
  return () => {
    for (const [at, stream] of streams.entries()) {
      const write = writes[at]
      if (write !== undefined) stream.write = write
    }
    return text
  }
}
