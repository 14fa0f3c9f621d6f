import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as FakeCli from "../lib/FakeCli.ts"
import { directoryWith, root } from "../lib/node.ts"
import { inPairs, owfWith } from "./owf.ts"

const line = (value: unknown) => `${JSON.stringify(value)}\n`
const event = (type: string, data: Readonly<Record<string, unknown>> = {}) => line({ type, data })

/** The three programs, each of which answers every prompt with a text. */
const programs: Readonly<Record<string, (text: string) => ReadonlyArray<FakeCli.Step>>> = {
  claude: (text) => [{
    print:
      line({ type: "system", subtype: "init", session_id: "{{--session-id|--resume}}", model: "claude-sonnet-5-5" }) +
      line({
        type: "result",
        subtype: "success",
        is_error: false,
        result: text,
        session_id: "{{--session-id|--resume}}",
        total_cost_usd: 0.25,
        usage: { input_tokens: 3, output_tokens: 5 }
      })
  }],
  codex: (text) => [{
    print: line({ type: "thread.started", thread_id: "01a1fb01-1271-7c12-87d3-3dc11a49efe3" }) +
      line({ type: "turn.started" }) +
      line({ type: "item.completed", item: { id: "item_0", type: "agent_message", text } }) +
      line({ type: "turn.completed", usage: { input_tokens: 100, cached_input_tokens: 40, output_tokens: 10 } })
  }],
  copilot: (text) => [{
    print: event("user.message") + event("assistant.turn_start") +
      event("assistant.message", { content: text, toolRequests: [], model: "gpt-5.4" }) + event("assistant.turn_end") +
      event("assistant.idle") +
      line({ type: "result", sessionId: "{{--session-id|--resume}}", exitCode: 0, usage: {} })
  }]
}

/** The graphs of the first engine's manual, with one of the programs in reach. */
const scene = (program: string, text: string) => {
  const cli = FakeCli.make(program, [{ steps: programs[program]?.(text) ?? [] }])
  const directory = directoryWith({})
  Fs.cpSync(Path.join(root, "test/fixtures/graphs/seed"), directory, { recursive: true })
  const home = directoryWith({ "codex/local.config.toml": "", "codex/openrouter.config.toml": "" })
  const owf = (...words: ReadonlyArray<string>) =>
    owfWith(
      {
        PATH: `${cli.directory}:${process.env["PATH"]}`,
        HOME: home,
        CODEX_HOME: Path.join(home, "codex"),
        // nothing is waited for in real time
        AGENT_MAX_INVOKE_RETRIES: "0",
        AGENT_MAX_OUTPUT_RETRIES: "0",
        AGENT_MAX_REPHRASE_ATTEMPTS: "0"
      },
      directory,
      ...words
    )
  const prompts = () => cli.starts().flatMap(({ input }) => input === null || input === "" ? [] : [input])
  return { cli, directory, owf, prompts }
}

const fenced = (value: unknown) => `Here it is.\n\n\`\`\`json\n${JSON.stringify(value)}\n\`\`\`\n`
const documentOf = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout)

/** What a node left in the directory of its run. */
const filesOf = (directory: string, runDir: string): ReadonlyArray<Readonly<Record<string, string>>> => {
  const calls = Path.join(Path.resolve(directory, runDir), "calls")
  return Fs.readdirSync(calls).toSorted().map((call) =>
    Object.fromEntries(
      Fs.readdirSync(Path.join(calls, call)).map((
        file
      ) => [file, Fs.readFileSync(Path.join(calls, call, file), "utf8")])
    )
  )
}

describe("the graphs of the first engine's manual", () => {
  it(
    "run with each of the three programs to the same end, with the artifacts and the exit code that are documented",
    async () => {
      const ran = await inPairs(Object.keys(programs), async (program) => {
        const { directory, owf, prompts } = scene(program, fenced({ result: { status: "ok", count: 5 }, more: 1 }))
        const ran = await owf(
          "run",
          "workflow.yaml",
          "--cli",
          program,
          "--params",
          "{\"my_var\":\"the door\"}",
          "--json"
        )
        return { program, ran, directory, prompts: prompts(), events: await owf("events", "latest", "--json") }
      })
      for (const { directory, events, program, prompts, ran: { code, stderr, stdout } } of ran) {
        assert.strictEqual(code, 0, `${program}: ${stderr}`)
        const { output, run_dir: runDir, status } = documentOf({ stdout })
        assert.strictEqual(status, "done")
        assert.deepStrictEqual(output, { my_var: "the door", result: { status: "ok", count: 5 } })
        // the prompt as it was rendered, and what was taken from the answer
        const [call] = filesOf(directory, runDir)
        const prompt = "Look at the door and say how it is.\n"
        assert.isTrue(call?.["prompt.txt"]?.startsWith(prompt), program)
        if (program !== "copilot") assert.isTrue(prompts.some((text) => text.includes(prompt)), program)
        assert.deepStrictEqual(JSON.parse(call?.["output.json"] ?? "null").result, { status: "ok", count: 5 })
        assert.deepStrictEqual(
          JSON.parse(Fs.readFileSync(Path.join(Path.resolve(directory, runDir), "output.json"), "utf8")),
          output
        )
        // the context before and after each node, and where the branch led
        const transitions = (JSON.parse(events.stdout) as ReadonlyArray<Record<string, unknown>>)
          .filter(({ type }) => type === "transition")
          .map(({ data_json: data }) => JSON.parse(String(data)) as Record<string, unknown>)
        assert.deepStrictEqual(transitions.map(({ next, node }) => [node, next]), [
          ["first_node", "check_result"],
          ["check_result", "done"]
        ])
        assert.deepStrictEqual(transitions[0]?.["before"], { my_var: "the door" })
        assert.deepStrictEqual(transitions[0]?.["after"], output)
      }
    },
    60_000
  )

  it(
    "have declared values stand in for what is no answer, and then end with 10, or with 1 where none may",
    async () => {
      const { owf } = scene("claude", "I would rather not say.")
      const degraded = await owf("run", "workflow.yaml", "--cli", "claude", "--json")
      assert.strictEqual(degraded.code, 10, degraded.stderr)
      assert.deepStrictEqual(documentOf(degraded).output, { my_var: "default value", result: { status: "ok" } })
      const strict = await owf("run", "workflow.yaml", "--cli", "claude", "--strict", "--json")
      assert.strictEqual(strict.code, 1)
      assert.strictEqual(documentOf(strict).error.kind, "SchemaFailed")
    },
    60_000
  )

  it(
    "set up with a script, compare numbers, choose a profile for each node, and end with 1 at a fail node",
    async () => {
      const { cli, owf, prompts } = scene("codex", fenced({ decision: "go on", review: null, notes: "n" }))
      const ran = await owf("run", "counts.yaml", "--cli", "codex", "--params", "{\"flag\":true}", "--json")
      assert.strictEqual(ran.code, 0, ran.stderr)
      const { output } = documentOf(ran)
      assert.deepStrictEqual(output.result, { status: "ok", count: 12 })
      assert.deepStrictEqual([output.decision, output.review, output.notes], ["go on", null, "n"])
      assert.include(prompts().join(""), "Write notes on 12 things; you have 10 minutes.")
      assert.include(prompts().join(""), "Answer with ok in mind.")
      const profiles = cli.starts().flatMap(({ argv }) => {
        const at = argv.findIndex((arg) => arg === "--profile" || arg === "-p")
        return at < 0 ? [] : [argv[at + 1]]
      })
      assert.deepStrictEqual(profiles, ["openrouter", "local"])
      const failed = await owf(
        "run",
        "counts.yaml",
        "--cli",
        "codex",
        "--params",
        "{\"flag\":\"else\"}",
        "--fresh",
        "--json"
      )
      assert.strictEqual(failed.code, 1)
      assert.strictEqual(documentOf(failed).error.kind, "FlowFailed")
    },
    60_000
  )
})
