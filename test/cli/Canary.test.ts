/**
 * A key of its own in every variable that may hold one, and servers and programs that say it back: it appears in nothing
 * that is written or printed, and in no process's arguments.
 */
import { Buffer } from "node:buffer"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as FakeCli from "../lib/FakeCli.ts"
import { directoryWith } from "../lib/node.ts"
import { bin } from "./owf.ts"

const variables = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "OPENAI_API_KEY",
  "CODEX_API_KEY",
  "DEEPSEEK_API_KEY",
  "OPENROUTER_API_KEY",
  "GEMINI_API_KEY",
  "GOOGLE_API_KEY",
  "COPILOT_GITHUB_TOKEN",
  "COPILOT_PROVIDER_API_KEY",
  "GH_TOKEN",
  "GITHUB_TOKEN",
  "OWN_KEY"
] as const

/** No two keys have a run of characters in common, so that what is found says whose it is. */
const keys: Readonly<Record<string, string>> = Object.fromEntries(
  variables.map((name, index) => [name, `canary-${String.fromCodePoint(97 + index).repeat(12)}-${index}-Zq9`])
)

/** Forms in which a key might be written. */
const forms = (key: string): ReadonlyArray<string> => [
  key,
  encodeURIComponent(key),
  Buffer.from(key).toString("base64").replaceAll("=", ""),
  Buffer.from(key).toString("base64url"),
  Buffer.from(key).toString("hex"),
  [...key].map((letter) => String.raw`\u00${letter.codePointAt(0)?.toString(16)}`).join(""),
  Buffer.from(key, "utf16le").toString("latin1"),
  [...key].toReversed().join("")
]

const flow = `
import { agent, AgentResult, log, Workflow } from "open-agent-workflows"
import * as Recovery from "open-agent-workflows/recovery/Recovery"

export default Workflow.make({ name: "canary", description: "Asks once", phases: [] }, function*() {
  const result = yield* AgentResult.settle(agent("Say your key.", { label: "canary", recover: Recovery.none }))
  yield* log(result.ok ? result.text : result.error)
  return result.ok ? result.text : result.error
})
`

let port = 0
let echoes = 0

/** Says back whatever key it was sent, in its answers and in its errors. */
const server = Http.createServer((request, response) => {
  request.resume()
  request.on("end", () => {
    const { authorization, "x-api-key": anthropic, "x-goog-api-key": google } = request.headers
    const key = String(anthropic ?? google ?? authorization?.replace("Bearer ", "") ?? "")
    if (key !== "") echoes += 1
    const url = request.url ?? ""
    if (url.startsWith("/refuse")) {
      const body = {
        type: "error",
        error: { type: "authentication_error", code: "invalid_api_key", message: `no: ${key}` }
      }
      response.writeHead(401, { "content-type": "application/json", "x-echo": key }).end(JSON.stringify(body))
      return
    }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answerOf(url, `It is ${key}.`)))
  })
})

const answerOf = (url: string, text: string): unknown => {
  if (url.includes("/v1/messages")) {
    const usage = { input_tokens: 1, output_tokens: 1 }
    const content = [{ type: "text", text }]
    return { id: "1", type: "message", role: "assistant", model: "m", content, stop_reason: "end_turn", usage }
  }
  if (url.includes("generateContent") || url.includes("streamGenerateContent")) {
    return { candidates: [{ content: { role: "model", parts: [{ text }] }, finishReason: "STOP" }], usageMetadata: {} }
  }
  return {
    id: "1",
    model: "m",
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: text } }]
  }
}

const said = variables.flatMap((variable) => [
  { variable, to: "stdout" as const },
  { print: "\n" },
  { variable, to: "stderr" as const }
])

const programs = ["claude", "codex", "copilot", "gemini", "opencode"].map((name) =>
  FakeCli.make(name, [{ steps: [...said, { exit: 3 }] }])
)

const custom = (name: string, kind: string, path: string): Readonly<Record<string, string>> => ({
  [`OWF_PROVIDER_${name}_KIND`]: kind,
  [`OWF_PROVIDER_${name}_BASE_URL`]: `http://127.0.0.1:${port}${path}`,
  [`OWF_PROVIDER_${name}_MODEL`]: "m",
  [`OWF_PROVIDER_${name}_API_KEY_ENV`]: "OWN_KEY"
})

const arguments_: Array<string> = []

/** Every process's arguments, while something runs. */
const watchArguments = (): () => void => {
  const timer = setInterval(() => {
    for (const name of Fs.readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue
      try {
        const line = Fs.readFileSync(`/proc/${name}/cmdline`, "latin1")
        if (line.includes("canary-")) arguments_.push(line)
      } catch {
        // it ended while it was looked at
      }
    }
  }, 20)
  return () => clearInterval(timer)
}

const owf = (folder: string, ...words: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...words], {
      cwd: folder,
      env: {
        PATH: `${programs.map(({ directory }) => directory).join(":")}:${process.env["PATH"]}`,
        HOME: folder,
        NO_COLOR: "1",
        ...custom("CHAT", "openai", "/answer/v1"),
        ...custom("CHAT_NO", "openai", "/refuse/v1"),
        ...custom("MESSAGES", "anthropic", "/answer"),
        ...custom("MESSAGES_NO", "anthropic", "/refuse"),
        ...custom("CONTENT", "gemini", "/answer"),
        ...custom("CONTENT_NO", "gemini", "/refuse"),
        ...keys
      },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let printed = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => printed += text)
    child.stderr.setEncoding("utf8").on("data", (text: string) => printed += text)
    child.once("close", () => resolve(printed))
  })

const findIn = (what: string, text: string): ReadonlyArray<string> =>
  Object.entries(keys).flatMap(([variable, key]) =>
    forms(key).flatMap((form, index) => text.includes(form) ? [`${variable} (form ${index}) in ${what}`] : [])
  )

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => Path.join(entry.parentPath, entry.name))

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  port = (server.address() as AddressInfo).port
})

afterAll(() => server.close())

describe("keys (SE-1, SE-2, SE-3)", () => {
  it("are in nothing that is written or printed, whatever servers and programs say back", async () => {
    const folder = directoryWith({ "canary.ts": flow })
    const stop = watchArguments()
    const printed: Array<readonly [string, string]> = []
    const http = ["chat", "chat_no", "messages", "messages_no", "content", "content_no"]
    for (const provider of ["claude", "codex", "copilot", "gemini-cli", "opencode", ...http]) {
      const text = await owf(folder, "run", "canary.ts", "--provider", provider)
      assert.include(text, "run_id", `${provider}: ${text.slice(0, 300)}`)
      printed.push([`output of ${provider}`, text])
    }
    for (const words of [["calls", "latest", "--json"], ["status"], ["events", "latest"], ["providers"], ["doctor"]]) {
      printed.push([words.join(" "), await owf(folder, ...words)])
    }
    stop()
    assert.isAtLeast(echoes, http.length)
    for (const program of programs) assert.isAtLeast(program.starts().length, 1, program.file)
    const found = [
      ...printed.flatMap(([what, text]) => findIn(what, text)),
      ...filesBelow(folder).flatMap((file) => findIn(Path.relative(folder, file), Fs.readFileSync(file, "latin1"))),
      ...findIn("a process's arguments", arguments_.join("\n"))
    ]
    assert.deepStrictEqual(found, [])
  }, 120_000)
})
