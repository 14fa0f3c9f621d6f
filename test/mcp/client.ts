import type { CallToolResult } from "@modelcontextprotocol/client"
import { Client } from "@modelcontextprotocol/client"
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio"
import { spawn } from "node:child_process"
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import * as Fs from "node:fs"
import { assert } from "vitest"
import { bin } from "../cli/owf.ts"

export type Json = Readonly<Record<string, unknown>>

export type Era = "2025-11-25" | "2026-07-28"

export const environment = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  NO_COLOR: "1"
}

export interface Connected {
  readonly client: Client
  readonly pid: number
  /** What the server wrote to its error output. */
  readonly stderr: () => string
  /** Calls a tool and gives its result, whatever it is. */
  readonly call: (name: string, given?: Json, options?: Parameters<Client["callTool"]>[1]) => Promise<CallToolResult>
  /** Calls a tool that is to succeed and gives its value. */
  readonly value: (name: string, given?: Json) => Promise<Json>
  /** Calls a tool that is to be refused and gives what it says. */
  readonly refusal: (name: string, given?: Json) => Promise<string>
  readonly close: () => Promise<void>
}

/** The official client, connected to the built command. */
export const connect = async (era: Era, cwd: string, ...flags: ReadonlyArray<string>): Promise<Connected> => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [bin, "mcp", ...flags],
    cwd,
    env: environment,
    stderr: "pipe"
  })
  let stderr = ""
  transport.stderr?.on("data", (chunk: Buffer) => stderr += chunk.toString("utf8"))
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { versionNegotiation: { mode: era === "2026-07-28" ? { pin: era } : "legacy" } }
  )
  await client.connect(transport, { timeout: 30_000 })
  const pid = transport.pid ?? 0
  const call: Connected["call"] = async (name, given = {}, options = {}) =>
    await client.callTool({ name, arguments: given }, { timeout: 60_000, ...options }) as CallToolResult
  return {
    client,
    pid,
    stderr: () => stderr,
    call,
    value: async (name, given) => {
      const result = await call(name, given)
      assert.notStrictEqual(result.isError, true, `${name}: ${textOf(result).slice(0, 2_000)}`)
      return result.structuredContent as Json
    },
    refusal: async (name, given) => {
      const result = await call(name, given)
      assert.strictEqual(result.isError, true, `${name} was not refused`)
      const text = textOf(result)
      assert.match(text, /^owf: /)
      return text
    },
    close: () => client.close()
  }
}

export const textOf = ({ content }: CallToolResult): string =>
  content.map((part) => part.type === "text" ? part.text : "").join("")

export const linksOf = ({ content }: CallToolResult): ReadonlyArray<string> =>
  content.flatMap((part) => part.type === "resource_link" ? [part.uri] : [])

export interface Raw {
  readonly child: ChildProcessWithoutNullStreams
  readonly send: (line: string) => void
  /** The answer to a request, by its id, or the next one without an id. */
  readonly answer: (id: string | number | null) => Promise<Json>
  readonly lines: ReadonlyArray<string>
  readonly closed: Promise<number | null>
}

/** The built command, spoken to in lines. */
export const raw = (cwd: string, ...flags: ReadonlyArray<string>): Raw => {
  const child = spawn(process.execPath, [bin, "mcp", ...flags], { cwd, env: environment, stdio: "pipe" })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
  child.stderr.resume()
  const lines: Array<string> = []
  const unread: Array<Json> = []
  let open = ""
  let wake: () => void = () => undefined
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (open + text).split("\n")
    open = parts.pop() ?? ""
    for (const line of parts) {
      lines.push(line)
      unread.push(JSON.parse(line) as Json)
    }
    wake()
  })
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
  return {
    child,
    lines,
    closed,
    send: (line) => void child.stdin.write(`${line}\n`),
    answer: async (id) => {
      const deadline = Date.now() + 30_000
      for (;;) {
        const at = unread.findIndex((one) => one["id"] === id)
        const [found] = at === -1 ? [] : unread.splice(at, 1)
        if (found !== undefined) return found
        assert.isBelow(Date.now(), deadline, `no answer to ${String(id)}`)
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, 250)
        })
      }
    }
  }
}

export const hello = (id: string | number): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
  })

export const request = (id: string | number, method: string, params?: Json): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) })

/** Processes whose command line or working directory names a directory. */
export const processesOf = (directory: string): ReadonlyArray<number> =>
  Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return pid !== process.pid && (Fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(directory) ||
        Fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(directory))
    } catch {
      // it ended while it was looked at
      return false
    }
  })

export const until = async (what: string, holds: () => boolean, millis: number): Promise<void> => {
  const deadline = Date.now() + millis
  while (!holds()) {
    assert.isBelow(Date.now(), deadline, `${what} did not happen`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
