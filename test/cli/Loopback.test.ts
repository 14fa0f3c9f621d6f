import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../lib/node.ts"

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly enum?: ReadonlyArray<unknown> }>>
}

interface Body {
  readonly model: string
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string }>
  readonly response_format?: { readonly json_schema?: { readonly schema: ObjectSchema } }
}

const requests: Array<{ readonly body: Body; readonly authorization: string | undefined }> = []

/** A chat-completions server that answers every third request only when it is sent again. */
const server = Http.createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Body
    requests.push({ body, authorization: request.headers.authorization })
    if (requests.length === 3) {
      response.writeHead(503, { "retry-after": "0" }).end("{\"error\":{\"message\":\"busy\"}}")
      return
    }
    const prompt = body.messages.find(({ role }) => role === "user")?.content ?? ""
    const schema = body.response_format?.json_schema?.schema
    const content = schema === undefined ? `An answer of ${prompt.length} characters.` : JSON.stringify(sample(schema))
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({
      id: "1",
      model: body.model,
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
      usage: { prompt_tokens: 100, completion_tokens: 20, prompt_tokens_details: { cached_tokens: 40 } }
    }))
  })
})

/** A value for every property of the schema. */
const sample = ({ properties }: ObjectSchema): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, schema.enum?.[0] ?? `a ${name}`]))

const home = Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-loopback-"))
let base = ""

const owf = (...args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [Path.join(root, "dist/bin/owf.js"), ...args, "--home", home],
      {
        cwd: root,
        env: {
          ...process.env,
          OWF_PROVIDER_LOCAL_BASE_URL: base,
          OWF_PROVIDER_LOCAL_API_KEY_ENV: "LOOPBACK_KEY",
          OWF_PROVIDER_LOCAL_MODEL: "small-1",
          LOOPBACK_KEY: "canary-key-4711"
        },
        maxBuffer: 1 << 24
      },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr })
    )
  })

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})

afterAll(() => {
  server.close()
  Fs.rmSync(home, { recursive: true, force: true })
})

describe("a chat-completions server on loopback", () => {
  it("answers the fan-out over the files of docs, and every call is recorded", async () => {
    const ran = await owf("run", "examples/04-fan-out.ts", "--provider", "local", "--json")
    assert.strictEqual(ran.code, 0, ran.stderr)
    const result = JSON.parse(ran.stdout) as { run_id: string; status: string; output: { files: Array<string> } }
    assert.strictEqual(result.status, "done")
    const files = result.output.files.length
    assert.isAbove(files, 10)
    assert.isAtLeast(requests.length, files + 2)
    assert.isTrue(requests.every(({ authorization }) => authorization === "Bearer canary-key-4711"))

    const calls = JSON.parse((await owf("calls", "latest", "--json")).stdout) as ReadonlyArray<Record<string, unknown>>
    assert.strictEqual(calls.length, files + 1)
    assert.isTrue(
      calls.every(({ model, provider, status }) => status === "done" && provider === "local" && model === "small-1")
    )
    assert.isTrue(calls.every((call) => Number(call["cache_read_tokens"]) >= 40))
    assert.isTrue(calls.some(({ attempts }) => attempts === 2))

    const output = await owf("output", "latest")
    assert.include(output.stdout, files === 0 ? "" : result.output.files[0] ?? "")
    const printed = await owf("cat", String(calls[0]?.["id"]), "--prompt")
    assert.strictEqual(printed.stdout.trim(), String(calls[0]?.["prompt"]).trim())
    const explained = JSON.parse((await owf("explain-cache", "latest", "--json")).stdout) as ReadonlyArray<unknown>
    assert.strictEqual(explained.length, calls.length)
  }, 60_000)

  it("is not asked again by a second run, nor is the key written down anywhere", async () => {
    const before = requests.length
    const again = await owf("run", "examples/04-fan-out.ts", "--provider", "local", "--json")
    assert.strictEqual(again.code, 0, again.stderr)
    assert.strictEqual(requests.length, before)
    const written = Fs.readdirSync(home, { recursive: true, encoding: "utf8" })
      .map((file) => Path.join(home, file))
      .filter((file) => Fs.statSync(file).isFile())
    assert.isAbove(written.length, 20)
    for (const file of written) assert.notInclude(Fs.readFileSync(file, "latin1"), "canary-key-4711", file)
    assert.notInclude(again.stdout + again.stderr, "canary-key-4711")
  }, 60_000)
})
