/**
 * The real `claude` uses `owf mcp` as its user configures it, against a server on loopback that speaks its API.
 */
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { bin as owfBin } from "../cli/owf.ts"
import { directoryWith } from "../lib/node.ts"
import { processesOf, until } from "../mcp/client.ts"
import type { AgentServer } from "./AgentServer.ts"
import * as AgentServerMake from "./AgentServer.ts"
import * as Programs from "./programs.ts"

const missing = Programs.install()
if (missing !== undefined) process.stderr.write(`${missing}\n`)

type Json = Readonly<Record<string, unknown>>

describe.skipIf(missing !== undefined)("the real claude with owf mcp", () => {
  let server: AgentServer

  beforeAll(async () => {
    server = await AgentServerMake.start()
  })

  afterAll(() => server.close())

  it("connects, lists the tools and calls one, and leaves no process", async () => {
    const home = directoryWith({})
    const folder = directoryWith({
      ".mcp.json": JSON.stringify({
        mcpServers: { owf: { command: process.execPath, args: [owfBin, "mcp"] } }
      })
    })
    const tool = "mcp__owf__owf_new_workflow"
    const events = await ask(folder, home, server.address, [
      "-p",
      `[[tool ${tool} {"output_path":"made.ts"}]]`,
      "--mcp-config",
      ".mcp.json",
      "--strict-mcp-config",
      "--allowedTools",
      tool,
      "--output-format",
      "stream-json",
      "--verbose"
    ])
    const begin = events.find(({ subtype, type }) => type === "system" && subtype === "init") ?? {}
    const [connected] = begin["mcp_servers"] as ReadonlyArray<Json>
    assert.deepInclude(connected, { name: "owf", status: "connected" })
    const tools = (begin["tools"] as ReadonlyArray<string>).filter((name) => name.startsWith("mcp__owf__"))
    assert.strictEqual(tools.length, 18)
    assert.include(Fs.readFileSync(Path.join(folder, "made.ts"), "utf8"), "Workflow.make")
    assert.deepInclude(events.at(-1), { type: "result", is_error: false, result: "it was used" })
    // what the tool answered went on to the model
    assert.isTrue(server.seen.some(({ body }) => body.includes("tool_result") && body.includes("made.ts")))
    await until("the end of the server", () => processesOf(owfBin).every((pid) => !isIn(pid, folder)), 10_000)
  })
})

const ask = (
  folder: string,
  home: string,
  address: string,
  words: ReadonlyArray<string>
): Promise<ReadonlyArray<Json>> =>
  new Promise((resolve, reject) => {
    const child = spawn(Path.join(Programs.bin, "claude"), words, {
      cwd: folder,
      env: {
        PATH: `${Programs.bin}:${process.env["PATH"]}`,
        HOME: home,
        NO_COLOR: "1",
        ANTHROPIC_BASE_URL: address,
        ANTHROPIC_API_KEY: "not-a-key",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1"
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 90_000
    })
    const texts = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => texts.stdout += text)
    child.stderr.setEncoding("utf8").on("data", (text: string) => texts.stderr += text)
    child.once("close", (code) => {
      if (code !== 0) return reject(new Error(`claude ended with ${code}: ${texts.stderr.slice(0, 1_000)}`))
      resolve(texts.stdout.trim().split("\n").map((line) => JSON.parse(line) as Json))
    })
  })

const isIn = (pid: number, folder: string): boolean => {
  try {
    return Fs.readlinkSync(`/proc/${pid}/cwd`) === folder
  } catch {
    // it ended while it was looked at
    return false
  }
}
