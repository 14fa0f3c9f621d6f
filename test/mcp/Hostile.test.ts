import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { bin } from "../cli/owf.ts"
import { directoryWith } from "../lib/node.ts"
import type { Connected, Json, Raw } from "./client.ts"
import { connect, hello, processesOf, raw, request, textOf, until } from "./client.ts"
import * as Flows from "./flows.ts"

const errorOf = (answer: Json): Json => answer["error"] as Json

describe("a hostile client of owf mcp", { timeout: 90_000 }, () => {
  let directory: string
  let server: Raw

  beforeAll(() => {
    directory = directoryWith({ "flow.ts": Flows.corrected })
    server = raw(directory)
  })

  afterAll(() => {
    server.child.kill("SIGKILL")
  })

  it("gets the errors of JSON-RPC, and an answer to the ping after each (MC-1, MC-2)", async () => {
    server.send(hello("first"))
    const { result } = await server.answer("first") as { readonly result: Json }
    assert.strictEqual(result["protocolVersion"], "2025-11-25")
    server.send(JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }))
    const lines: ReadonlyArray<readonly [line: string, id: string | number | null, code: number]> = [
      ["{\"jsonrpc\":\"2.0\",", null, -32_700],
      [`[${request(1, "ping")}]`, null, -32_600],
      [request("s", "no/such/method"), "s", -32_601],
      [request(5, "tools/call", { name: "owf_no_such_tool", arguments: {} }), 5, -32_602],
      [request(6, "tools/call", { arguments: {} }), 6, -32_602],
      [request(7, "tools/call", { name: "owf_status", arguments: [] }), 7, -32_602],
      [request(8, "resources/read", { uri: "file:///etc/passwd" }), 8, -32_602],
      [`{"jsonrpc":"2.0","id":9,"method":"x","params":{"x":"${"y".repeat(5_000_000)}"}}`, null, -32_600]
    ]
    for (const [index, [line, id, code]] of lines.entries()) {
      server.send(line)
      assert.strictEqual(errorOf(await server.answer(id))["code"], code, line.slice(0, 80))
      server.send(request(`ping-${index}`, "ping"))
      assert.deepEqual((await server.answer(`ping-${index}`))["result"], {})
    }
    server.send(JSON.stringify({ jsonrpc: "2.0", method: "notifications/no_such" }))
    server.send(hello("again"))
    await server.answer("again")
    server.send(request("still", "tools/list"))
    assert.property((await server.answer("still"))["result"], "tools")
    for (const line of server.lines) assert.strictEqual((JSON.parse(line) as Json)["jsonrpc"], "2.0")
  })

  it("gets a version the server speaks when it names another, and what it does not read is not held (MC-2, MC-11)", async () => {
    const other = raw(directory)
    other.send(JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "1999-01-01", capabilities: {}, clientInfo: { name: "x", version: "1" } }
    }))
    const { result } = await other.answer(1) as { readonly result: Json }
    assert.match(String(result["protocolVersion"]), /^2025-/)
    // a client that sends much at once and reads it all gets it all
    for (let id = 0; id < 2_000; id++) other.send(request(`p${id}`, "ping"))
    await other.answer("p1999")
    assert.strictEqual(other.lines.length, 2_001)
    // one that sends much and reads nothing for a while is not read either
    other.child.stdout.pause()
    for (let id = 0; id < 50_000; id++) other.send(request(`q${id}`, "ping"))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const [, resident] = /VmRSS:\s+(\d+)/.exec(Fs.readFileSync(`/proc/${other.child.pid}/status`, "utf8")) ?? []
    assert.isBelow(Number(resident), 220_000)
    other.child.stdout.resume()
    await other.answer("q49999")
    other.child.stdin.end()
    assert.strictEqual(await other.closed, 0)
  })
})

describe("a client that reads no more", () => {
  it("is left, with exit code 0 and nothing that spins (MC-9)", async () => {
    const server = raw(directoryWith({}))
    server.send(hello(1))
    await server.answer(1)
    server.child.stdout.destroy()
    server.send(request(2, "tools/list"))
    assert.strictEqual(await server.closed, 0)
  }, 30_000)
})

describe("a model that uses the tools wrongly", { timeout: 90_000 }, () => {
  let directory: string
  let outside: string
  let owf: Connected

  beforeAll(async () => {
    outside = directoryWith({ "flow.ts": Flows.corrected, "home/x": "canary" })
    directory = directoryWith({
      "chatty.ts": Flows.chatty,
      "slow.ts": Flows.slow,
      "broken.ts": "export default 5\n",
      "crash.ts": "process.exit(3)\n",
      "pretending.ts": Flows.pretending,
      "wide.ts": Flows.wide,
      "flow.ts": Flows.corrected,
      "file-home": "x",
      "corrupt/workflow.sqlite": "this is no database, and it is long enough to look like one".repeat(100)
    })
    Fs.symlinkSync(outside, Path.join(directory, "out"))
    owf = await connect("2026-07-28", directory)
  }, 60_000)

  afterAll(() => owf.close())

  it("is told what is wrong with the arguments, by field (MC-3)", async () => {
    const table: ReadonlyArray<readonly [tool: string, given: Json, names: RegExp]> = [
      ["owf_run_workflow", {}, /path: is missing/],
      ["owf_run_workflow", { path: 5 }, /path: Expected string, actual 5/],
      ["owf_run_workflow", { path: "a.ts", args: "{}" }, /args: /],
      ["owf_run_workflow", { path: "a.ts", budget_tokens: -1 }, /budget_tokens: /],
      ["owf_run_workflow", { path: "a.ts", budget_tokens: 1.5 }, /budget_tokens: /],
      ["owf_run_workflow", { path: "a.ts", cache_policy: "sometimes" }, /cache_policy: /],
      ["owf_status", { run: "latest" }, /run: is unexpected/],
      ["owf_status", { ["__proto__x"]: 1, run_id: ["a"] }, /run_id: /],
      ["owf_list_runs", { limit: -1 }, /limit: /],
      ["owf_report", { format: "pdf" }, /format: /],
      ["owf_read_artifact", { path: "a", offset: -5 }, /offset: /],
      ["owf_providers", { all: true }, /all: is unexpected/],
      ["owf_usage", { since: "yesterday" }, /--since is 'yesterday'/],
      ["owf_examples", { name: "none" }, /There is no example 'none'/]
    ]
    await Promise.all(table.map(async ([tool, given, names]) => {
      assert.match(await owf.refusal(tool, given), names, `${tool} ${JSON.stringify(given)}`)
    }))
    // null is what models write for what they leave out
    assert.deepStrictEqual((await owf.value("owf_list_runs", { limit: null }))["items"], [])
  })

  it("is kept to the roots and homes, and nothing is made on the way (MC-4, MC-5, MC-6)", async () => {
    const table: ReadonlyArray<readonly [tool: string, given: Json, says: RegExp]> = [
      ["owf_run_workflow", { path: "out/flow.ts" }, /outside of what this server allows/],
      ["owf_validate_workflow", { path: Path.join(outside, "flow.ts") }, /outside of what this server allows/],
      ["owf_dry_run", { path: "../flow.ts" }, /outside of what this server allows/],
      ["owf_new_workflow", { output_path: "out/new.ts" }, /outside of what this server allows/],
      ["owf_new_workflow", { output_path: Path.join(outside, "new.ts"), allow_absolute: true }, /outside/],
      ["owf_new_workflow", { output_path: "chatty.ts" }, /already exists/],
      ["owf_new_workflow", { output_path: "x.py" }, /neither a TypeScript file nor a graph/],
      ["owf_list_runs", { home: "/" }, /The home \/ is outside/],
      ["owf_status", { home: Path.join(outside, "home") }, /outside of what this server allows/],
      ["owf_resume", { home: "out/home" }, /outside of what this server allows/],
      ["owf_status", { home: "not-there" }, /not-there/],
      ["owf_status", { home: "file-home" }, /file-home/],
      ["owf_status", { home: "corrupt" }, /corrupt/],
      ["owf_run_workflow", { path: "none.ts" }, /There is no file none\.ts/],
      ["owf_run_workflow", { path: "broken.ts" }, /broken\.ts/],
      ["owf_run_workflow", { path: "crash.ts", background: true }, /process/],
      ["owf_validate_workflow", { path: "crash.ts" }, /process/],
      ["owf_run_workflow", { path: "chatty.ts", args: { size: "x" } }, /do not fit workflow chatty/],
      ["owf_run_workflow", { path: "chatty.ts", provider: "nobody" }, /nobody/]
    ]
    await Promise.all(table.map(async ([tool, given, says]) => {
      assert.match(await owf.refusal(tool, given), says, `${tool} ${JSON.stringify(given)}`)
    }))
    assert.isFalse(Fs.existsSync(Path.join(directory, "not-there")))
    assert.deepStrictEqual(Fs.readdirSync(outside).toSorted(), ["flow.ts", "home"])
  })

  it("gets what a script that prints returned, cut to fit and with nothing that steers a terminal (MC-8, MC-12, MC-13)", async () => {
    const valid = await owf.value("owf_validate_workflow", { path: "chatty.ts", no_types: true })
    assert.strictEqual(valid["valid"], true)
    const ran = await owf.call("owf_run_workflow", { path: "chatty.ts", args: { size: 1_000_000 } })
    assert.isUndefined(ran.isError, textOf(ran).slice(0, 500))
    assert.deepInclude(ran.structuredContent as Json, { status: "done", truncated: true })
    assert.isBelow(JSON.stringify(ran).length, 2_000_000)
    const run_id = (ran.structuredContent as Json)["run_id"]
    const first = await owf.value("owf_read_artifact", { run_id, path: "output.json", max_bytes: 1e12 })
    assert.deepInclude(first, { truncated: true, offset: 0 })
    assert.isAbove(Number(first["size_bytes"]), 2_000_000)
    assert.match(await owf.refusal("owf_read_artifact", { run_id, path: "../../workflow.sqlite" }), /leads out of/)
    const output = await owf.value("owf_output", { run_id })
    assert.include(JSON.stringify(output), "␛[31mred")
  })

  it("gets the id and the state of a run that returned an object of very many fields (MC-12)", async () => {
    const ran = await owf.value("owf_run_workflow", { path: "wide.ts", home: "wide" })
    assert.deepInclude(ran, { status: "done", truncated: true })
    assert.match(String(ran["run_id"]), /^\d{8}-/)
    const uri = `owf://runs/${String(ran["run_id"])}/output?home=wide`
    await owf.client.readResource({ uri }).then(
      () => assert.fail("JSON that was cut was given"),
      (error: unknown) => assert.match(String(error), /owf_read_artifact/)
    )
  })

  it("gets nothing that steers a terminal in what is refused (MC-13)", async () => {
    const said = await owf.refusal("owf_validate_workflow", { path: "\u001B[2Jgone\u202E.ts" })
    assert.include(said, "There is no file ␛[2Jgone⟨U+202E⟩.ts")
  })

  it("gets the id of a run in the background whose script prints what looks like an event (MC-8)", async () => {
    const begun = await owf.value("owf_run_workflow", { path: "pretending.ts", home: "pretending", background: true })
    assert.match(String(begun["run_id"]), /^\d{8}-/)
    const { status } = await owf.value("owf_status", {
      run_id: begun["run_id"],
      home: "pretending",
      wait_ms: 20_000
    })
    assert.include(["running", "done"], status)
  })

  it("cannot make a server read, write or work in the place a crafted home's run links to (MC-5)", async () => {
    const { run_id } = await owf.value("owf_run_workflow", { path: "flow.ts", args: { topic: "x" }, home: "linked" })
    const run = Path.join(directory, "linked/runs", String(run_id))
    const before = Fs.readdirSync(outside).toSorted()
    Fs.rmSync(run, { recursive: true })
    Fs.symlinkSync(outside, run)
    const given = { run_id, home: "linked" }
    const uses: ReadonlyArray<readonly [tool: string, given: Json]> = [
      ["owf_read_artifact", { ...given, path: "flow.ts" }],
      ["owf_report", { ...given, format: "html" }],
      ["owf_resume", given],
      ["owf_resume", { ...given, background: true }]
    ]
    for (const [tool, words] of uses) assert.match(await owf.refusal(tool, words), /is a link/, tool)
    assert.deepStrictEqual(Fs.readdirSync(outside).toSorted(), before)
  })

  it("goes on being answered during a run, which is interrupted when it is cancelled (MC-10)", async () => {
    const stop = new AbortController()
    const home = "cancelled"
    const running = owf.call("owf_run_workflow", { path: "slow.ts", home }, { signal: stop.signal })
    const ended = running.then(() => "answered", () => "cancelled")
    await until("the run", () => Fs.existsSync(Path.join(directory, home, "workflow.sqlite")), 30_000)
    for (;;) {
      const { items } = await owf.value("owf_list_runs", { home }) as { readonly items: ReadonlyArray<Json> }
      if (items.length > 0) break
    }
    const asked = Date.now()
    await owf.client.listTools()
    assert.isBelow(Date.now() - asked, 2_000)
    const seen = await owf.value("owf_status", { home, wait_ms: 500 })
    assert.strictEqual(seen["status"], "running")
    stop.abort()
    assert.strictEqual(await ended, "cancelled")
    let status = seen
    for (let look = 0; look < 20 && status["status"] === "running"; look++) {
      status = await owf.value("owf_status", { home, wait_ms: 1_000 })
    }
    assert.strictEqual(status["status"], "interrupted")
    await until("the end of its process", () => processesOf(Path.join(directory, home)).length === 0, 5_000)
  })

  it("cannot make a run read a file its record names, when that lies elsewhere (MC-5)", async () => {
    // a home in which a run was recorded as started from a file outside of the roots
    const elsewhere = await connect("2025-11-25", directory, "--root", outside, "--home", Path.join(directory, "moved"))
    const begun = await elsewhere.value("owf_run_workflow", {
      path: Path.join(outside, "flow.ts"),
      args: { topic: "x" }
    })
    await elsewhere.close()
    assert.strictEqual(begun["status"], "done")
    assert.match(
      await owf.refusal("owf_resume", { run_id: begun["run_id"], home: "moved" }),
      /outside of what this server allows/
    )
  })
})

describe.concurrent("a client that goes away", { timeout: 90_000 }, () => {
  const begin = async (home: string): Promise<{ readonly server: Raw; readonly directory: string }> => {
    const directory = directoryWith({ "slow.ts": Flows.slow })
    const server = raw(directory)
    server.send(hello(0))
    await server.answer(0)
    server.send(request(1, "tools/call", { name: "owf_run_workflow", arguments: { path: "slow.ts", home } }))
    server.send(request(2, "tools/call", {
      name: "owf_run_workflow",
      arguments: { path: "slow.ts", home: `${home}-background`, background: true }
    }))
    await server.answer(2)
    for (let look = 0;; look++) {
      server.send(request(`look-${look}`, "tools/call", { name: "owf_status", arguments: { home, wait_ms: 500 } }))
      if (JSON.stringify(await server.answer(`look-${look}`)).includes("\"status\":\"running\"")) break
      assert.isBelow(look, 100)
    }
    return { server, directory }
  }

  const statusOf = async (directory: string, home: string): Promise<Json> => {
    const { inProcess } = await import("../cli/owf.ts")
    return (JSON.parse((await inProcess(directory, "status", "latest", "--home", home, "--json")).stdout) as Json)[
      "run"
    ] as Json
  }

  it("takes its runs in the foreground with it, to be resumed, and leaves those in the background (MC-9, IN-11)", async () => {
    const { directory, server } = await begin("home")
    const from = Date.now()
    server.child.stdin.end()
    assert.strictEqual(await server.closed, 0)
    assert.isBelow(Date.now() - from, 8_000)
    assert.strictEqual((await statusOf(directory, "home"))["status"], "interrupted")
    assert.strictEqual((await statusOf(directory, "home-background"))["status"], "running")
    const { inProcess } = await import("../cli/owf.ts")
    const cancelled = await inProcess(directory, "cancel", "latest", "--home", "home-background", "--json")
    assert.strictEqual(cancelled.code, 0, cancelled.stderr)
    assert.deepInclude(JSON.parse(cancelled.stdout) as Json, { stopped: true, status: "interrupted" })
    await until("the end of all processes", () => processesOf(directory).length === 0, 10_000)
    for (const line of server.lines) assert.strictEqual((JSON.parse(line) as Json)["jsonrpc"], "2.0")
  })

  it("leaves nothing in the foreground when the server is killed, too (MC-9)", async () => {
    const { directory, server } = await begin("home")
    server.child.kill("SIGKILL")
    await server.closed
    const inForeground = () => processesOf(directory).filter((pid) => isOf(pid, Path.join(directory, "home")))
    await until("the end of the run in the foreground", () => inForeground().length === 0, 15_000)
    assert.strictEqual((await statusOf(directory, "home"))["status"], "interrupted")
    const { inProcess } = await import("../cli/owf.ts")
    await inProcess(directory, "cancel", "latest", "--home", "home-background")
    await until("the end of all processes", () => processesOf(directory).length === 0, 10_000)
  })
})

/** Whether a process is the command that works in exactly this home. */
const isOf = (pid: number, home: string): boolean => {
  try {
    const words = Fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
    return words.includes(bin) && words.includes(`--home=${home}`)
  } catch {
    return false
  }
}
