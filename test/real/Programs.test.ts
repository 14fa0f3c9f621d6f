/**
 * One workflow through each agent's real command line, against a server on loopback that speaks its API.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { bin as owfBin } from "../cli/owf.ts"
import { directoryWith } from "../lib/node.ts"
import type { AgentServer } from "./AgentServer.ts"
import * as AgentServerMake from "./AgentServer.ts"
import * as Programs from "./programs.ts"

const missing = Programs.install()
if (missing !== undefined) process.stderr.write(`${missing}\n`)

const canary = "canary-4711-0815-abcdef"
const flow = Path.join(import.meta.dirname, "flow.ts")

interface Program {
  readonly provider: string
  /** Variables and files that make the program ask the server. */
  readonly setUp: (home: string, address: string) => Readonly<Record<string, string>>
  /** The same for a program that is logged in to a plan, whose limits have a time at which they end. */
  readonly onPlan?: (home: string, address: string) => Readonly<Record<string, string>>
  /** Permissions with which the agent may run `tail`. */
  readonly shell: ReadonlyArray<string>
  readonly tokens: {
    readonly input: number
    readonly output: number
    readonly cacheRead: number
    readonly cacheWrite: number
  }
}

const codexConfig = (home: string, address: string) => {
  const folder = Path.join(home, ".codex")
  Fs.mkdirSync(folder, { recursive: true })
  Fs.writeFileSync(
    Path.join(folder, "config.toml"),
    `model_provider = "loop"
model = "gpt-5.4-mini"
[model_providers.loop]
name = "loop"
base_url = "${address}/v1"
env_key = "LOOP_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`
  )
  return { LOOP_KEY: canary }
}

const programs: ReadonlyArray<Program> = [
  {
    provider: "claude",
    setUp: (_, address) => ({ ANTHROPIC_BASE_URL: address, ANTHROPIC_API_KEY: canary }),
    onPlan: (_, address) => ({ ANTHROPIC_BASE_URL: address, CLAUDE_CODE_OAUTH_TOKEN: canary }),
    shell: ["Bash(tail:*)"],
    tokens: { input: 12, output: 7, cacheRead: 5, cacheWrite: 3 }
  },
  {
    provider: "codex",
    setUp: codexConfig,
    onPlan: codexConfig,
    shell: [],
    tokens: { input: 12, output: 7, cacheRead: 8, cacheWrite: 0 }
  },
  {
    provider: "copilot",
    setUp: (_, address) => ({
      COPILOT_OFFLINE: "true",
      COPILOT_PROVIDER_BASE_URL: `${address}/v1`,
      COPILOT_PROVIDER_API_KEY: canary,
      COPILOT_MODEL: "gpt-5.4-mini"
    }),
    shell: ["shell(tail)"],
    tokens: { input: 12, output: 7, cacheRead: 8, cacheWrite: 0 }
  }
]

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Place {
  readonly folder: string
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
}

const start = (
  place: Place,
  words: ReadonlyArray<string>
): { readonly child: ChildProcess; readonly ran: Promise<Ran> } => {
  const child = spawn(process.execPath, [owfBin, ...words], {
    cwd: place.folder,
    env: place.environment,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const texts = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => texts.stdout += text)
  child.stderr.setEncoding("utf8").on("data", (text: string) => texts.stderr += text)
  const ran = new Promise<Ran>((resolve) => child.once("close", (code) => resolve({ code, ...texts })))
  return { child, ran }
}

const run = (place: Place, provider: string, args: object): Promise<Ran> =>
  start(place, ["run", flow, "--provider", provider, "--args-json", JSON.stringify(args)]).ran

/** What the record says of the newest run's only call. */
const recorded = async (place: Place): Promise<Readonly<Record<string, unknown>>> => {
  const { stdout } = await start(place, ["calls", "latest", "--json"]).ran
  const listed = JSON.parse(stdout) as unknown
  const calls =
    (Array.isArray(listed) ? listed : (listed as { readonly calls: ReadonlyArray<unknown> }).calls) as ReadonlyArray<
      Readonly<Record<string, unknown>>
    >
  assert.strictEqual(calls.length, 1)
  return calls[0] ?? {}
}

/** Processes, by command line, whose environment or arguments name the place. */
const leftBehind = (place: Place): ReadonlyArray<string> =>
  Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).flatMap((pid) => {
    try {
      const environment = Fs.readFileSync(`/proc/${pid}/environ`, "latin1")
      return environment.includes(place.home) ? [Fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").slice(0, 120)] : []
    } catch {
      // it ended while it was looked at
      return []
    }
  })

const until = async (what: string, holds: () => boolean, millis: number): Promise<void> => {
  const deadline = Date.now() + millis
  while (!holds()) {
    assert.isBelow(Date.now(), deadline, `${what} did not happen`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => Path.join(entry.parentPath, entry.name))

describe.skipIf(missing !== undefined).each(programs)("the real $provider", (program) => {
  let server: AgentServer
  let place: Place

  const placeWith = (setUp: Program["setUp"]): Place => {
    const home = directoryWith({})
    const folder = directoryWith({ "README.md": "A repository.\n" })
    const environment = {
      PATH: `${Programs.bin}:${process.env["PATH"]}`,
      HOME: home,
      NO_COLOR: "1",
      ...setUp(home, server.address)
    }
    return { folder, home, environment }
  }

  beforeAll(async () => {
    server = await AgentServerMake.start()
    place = placeWith(program.setUp)
  })

  afterAll(() => server.close())

  it("answers with a text, its tokens and its session", async () => {
    const ran = await run(place, program.provider, { prompt: "[[answer forty-two]]" })
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.include(ran.stdout, "forty-two")
    const call = await recorded(place)
    assert.strictEqual(call["status"], "done")
    assert.strictEqual(call["input_tokens"], program.tokens.input)
    assert.strictEqual(call["output_tokens"], program.tokens.output)
    assert.strictEqual(call["cache_read_tokens"], program.tokens.cacheRead)
    assert.strictEqual(call["cache_write_tokens"], program.tokens.cacheWrite)
  })

  it("answers with a value that fits the schema", async () => {
    const ran = await run(place, program.provider, {
      prompt: "Label it. [[json {\"label\":\"bug\",\"why\":\"it breaks\"}]]",
      kind: "value"
    })
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.include(ran.stdout, "it breaks")
    assert.strictEqual((await recorded(place))["status"], "done")
  })

  it("fails for good, and soon, when the key is not accepted", async () => {
    const ran = await run(place, program.provider, { prompt: "[[fail 401]]" })
    assert.notStrictEqual(ran.code, 0)
    const call = await recorded(place)
    assert.strictEqual(call["status"], "provider_failed")
    assert.strictEqual(call["error_kind"], "Authentication", String(call["error"]).slice(0, 300))
  })

  it.skipIf(program.onPlan === undefined)("says when a limit that is used up ends", async () => {
    const limited = placeWith(program.onPlan ?? program.setUp)
    const ran = await run(limited, program.provider, { prompt: "[[limit]]" })
    assert.notStrictEqual(ran.code, 0)
    const call = await recorded(limited)
    assert.strictEqual(call["error_kind"], "UsageLimit", String(call["error"]).slice(0, 300))
  })

  it("leaves no process when it is cancelled", async () => {
    const before = server.seen.length
    const { child, ran } = start(place, [
      "run",
      flow,
      "--provider",
      program.provider,
      "--args-json",
      JSON.stringify({ prompt: "[[hang]]" })
    ])
    await until("the question", () => server.seen.slice(before).some(({ order }) => order?.verb === "hang"), 60_000)
    assert.isAbove(leftBehind(place).length, 1)
    child.kill("SIGINT")
    assert.strictEqual((await ran).code, 130)
    assert.deepStrictEqual(leftBehind(place), [])
  })

  it("leaves no process when its agent runs a command and owf is killed", async () => {
    const before = server.seen.length
    const prompt = "[[shell tail -f README.md]]"
    const { child, ran } = start(place, [
      "run",
      flow,
      "--provider",
      program.provider,
      "--args-json",
      JSON.stringify({ prompt, kind: "change", permissions: program.shell })
    ])
    await until("the question", () => server.seen.length > before, 60_000)
    await until("the command", () => leftBehind(place).some((line) => line.startsWith("tail\u0000-f")), 60_000)
    child.kill("SIGKILL")
    await ran
    await until("the end of all", () => leftBehind(place).length === 0, 20_000)
  })

  it("keeps the key out of everything it wrote", () => {
    const files = filesBelow(place.folder)
    assert.isTrue(files.some((file) => file.endsWith("workflow.sqlite")))
    for (const file of files) assert.notInclude(Fs.readFileSync(file, "latin1"), canary, file)
  })
})
