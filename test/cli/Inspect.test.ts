import { assert, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as Path from "node:path"
import { directoryWith } from "../lib/node.ts"
import type { Ran } from "./owf.ts"
import { owfWith, transcript } from "./owf.ts"

const golden = (name: string): string => `../golden/cli/${name}.txt`
const canary = "sk-canary-0123456789abcdef"

interface Provider {
  readonly name: string
  readonly ready: boolean
  readonly problem: string | null
  readonly program: { readonly version: string | null; readonly problem: string | null } | null
  readonly capabilities: Readonly<Record<string, unknown>> | null
  readonly limits: Readonly<Record<string, unknown>>
  readonly default_model: string | null
}
interface Finding {
  readonly check: string
  readonly status: string
  readonly detail: string
  readonly advice: string | null
}

/** A user's home, and a directory of programs that stand in for the command lines. */
const machine = (files: Readonly<Record<string, string>>, programs: Readonly<Record<string, string>> = {}) => {
  const directory = directoryWith({
    ...files,
    ...Object.fromEntries(Object.entries(programs).map(([name, text]) => [`bin/${name}`, `#!/bin/sh\n${text}\n`]))
  })
  for (const name of Object.keys(programs)) Fs.chmodSync(Path.join(directory, "bin", name), 0o755)
  const env = { HOME: Path.join(directory, "home"), PATH: `${Path.join(directory, "bin")}:/usr/bin:/bin` }
  return {
    directory,
    owf: (words: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) =>
      owfWith({ ...env, ...more }, directory, ...words)
  }
}

const providersFile = (providers: unknown) => ({ "home/.workflows/providers.json": JSON.stringify({ providers }) })

const json = <A>({ stdout }: Ran): A => JSON.parse(stdout) as A

/** What differs from machine to machine and day to day. */
const stable = (text: string): string =>
  text
    .replaceAll(/Node [\d.]+ on [\w ]+/g, "Node <version>")
    .replaceAll(/[\d.]+ at \S+\/git\b/g, "<version> at <git>")
    .replaceAll(/effect [\d.]+/g, "effect <version>")
    .replaceAll(/platform [\d.]+/g, "platform <version>")
    .replaceAll(/by (?:better-sqlite3|node:sqlite)$/gm, "by <driver>")
    .replaceAll(/SQLite [\d.]+/g, "SQLite <version>")
    .replaceAll(/[\d.]+ KiB/g, "<size>")

describe("owf providers", () => {
  let listed: ReadonlyArray<Provider>
  let texts: ReadonlyArray<Ran>
  const { directory, owf } = machine({
    ...providersFile({
      house: {
        kind: "anthropic",
        base_url: "https://llm.example.org",
        default_model: "m",
        api_key_env: "HOUSE_KEY",
        requests_per_minute: 60,
        tokens_per_minute: 90_000
      },
      local: { base_url: "http://127.0.0.1:8080/v1", default_model: "qwen", concurrency: 1 },
      half: { base_url: "https://llm.example.org" },
      openai: { default_model: "gpt-5.5", concurrency: 3 },
      opencode: { command: "/nowhere/opencode" }
    })
  }, {
    claude: "echo '2.1.329 (Claude Code)'",
    codex: "echo 'Error: claude native binary not installed' >&2; exit 1",
    gemini: "printf '\\033[2J what? \\000'; exit 3"
  })
  beforeAll(async () => {
    const keys = { OPENAI_API_KEY: canary, HOUSE_KEY: canary }
    texts = [await owf(["providers"], keys), await owf(["providers", "--json"], keys)]
    listed = json(texts[1]!)
  }, 30_000)
  const named = (name: string) => listed.find((provider) => provider.name === name)!

  it("shows every provider, what it can do and what it needs", async () => {
    await expect(stable(transcript(directory, ["providers"], texts[0]!))).toMatchFileSnapshot(golden("providers"))
    await expect(stable(transcript(directory, ["providers", "--json"], texts[1]!))).toMatchFileSnapshot(
      golden("providers-json")
    )
  })

  it("never shows a key", () => {
    for (const { stderr, stdout } of texts) assert.notInclude(stdout + stderr, "canary")
  })

  it("says whether a program is there, and of which version", () => {
    assert.deepInclude(named("claude"), { ready: true, problem: null })
    assert.strictEqual(named("claude").program?.version, "2.1.329")
    assert.match(named("codex").problem ?? "", /install script was not run/)
    assert.match(named("gemini-cli").problem ?? "", /exit code 3 and no version/)
    assert.match(named("copilot").problem ?? "", /not found/)
    assert.match(named("opencode").problem ?? "", /\/nowhere\/opencode: not found/)
  })

  it("says whether a key is set, and what is wrong with what is configured", () => {
    assert.isTrue(named("openai").ready)
    assert.strictEqual(named("anthropic").problem, "$ANTHROPIC_API_KEY is not set")
    assert.isTrue(named("house").ready)
    assert.isTrue(named("local").ready)
    assert.match(named("half").problem ?? "", /providers\.half\.default_model in .*providers\.json/)
    assert.isNull(named("half").capabilities)
  })

  it("shows models and limits as they are configured", () => {
    assert.strictEqual(named("openai").default_model, "gpt-5.5")
    assert.strictEqual(named("openai").limits["concurrency"], 3)
    assert.strictEqual(named("anthropic").limits["concurrency"], 8)
    assert.deepStrictEqual(named("house").limits, {
      concurrency: 8,
      requests_per_minute: 60,
      tokens_per_minute: 90_000
    })
  })
})

describe("owf doctor", () => {
  it("finds nothing broken on a machine with nothing on it, changes nothing and exits with 0", async () => {
    const { directory, owf } = machine({})
    const ran = await owf(["doctor"])
    assert.strictEqual(ran.code, 0, ran.stderr)
    await expect(stable(transcript(directory, ["doctor"], ran))).toMatchFileSnapshot(golden("doctor"))
    const found = json<{ readonly healthy: boolean; readonly findings: ReadonlyArray<Finding> }>(
      await owf(["doctor", "--json"])
    )
    assert.isTrue(found.healthy)
    assert.deepStrictEqual(Fs.readdirSync(directory), [])
  }, 30_000)

  it("finds what is set up and broken, says what to do, and exits with 8", async () => {
    const { directory, owf } = machine({
      ...providersFile({
        half: { base_url: "https://llm.example.org" },
        unset: { base_url: "https://llm.example.org", default_model: "m", api_key_env: "NOT_SET" },
        fine: { base_url: "http://localhost:1/v1", default_model: "m" },
        opencode: { command: "/nowhere/opencode" },
        openai: { base_url: "https://llm.example.org" }
      }),
      "home/.workflows/prices.json": "{\"m\": [-1, 2]}",
      ".workflows/providers.json": "{}",
      ".workflows/workflow.sqlite": "this is no database, but long enough to be taken for one at first sight".repeat(20)
    }, { claude: "sleep 60", codex: "echo 'claude native binary not installed'; exit 1" })
    const ran = await owf(["doctor", "--json"], { ANTHROPIC_API_KEY: canary, NODE_DEBUG: "http" })
    assert.strictEqual(ran.code, 8, ran.stderr)
    assert.notInclude(ran.stdout, "canary")
    const { findings, healthy } = json<{ readonly healthy: boolean; readonly findings: ReadonlyArray<Finding> }>(ran)
    assert.isFalse(healthy)
    const broken = findings.filter(({ status }) => status === "broken")
    for (const { advice, check } of broken) assert.isNotEmpty(advice ?? "", check)
    assert.deepStrictEqual(broken.map(({ check }) => check), [
      "codex",
      "opencode",
      "provider openai",
      "provider half",
      "provider unset",
      "prices",
      "store"
    ])
    const detailOf = (check: string) =>
      findings.filter((finding) => finding.check === check).map(({ detail }) => detail)
    assert.match(detailOf("claude")[0] ?? "", /did not say its version within 5s/)
    assert.deepStrictEqual(detailOf("provider unset"), ["$NOT_SET is not set"])
    assert.match(detailOf("provider half")[0] ?? "", /^providers\.half\.default_model in /)
    assert.strictEqual(broken.find(({ check }) => check === "provider unset")?.advice, "Set $NOT_SET.")
    assert.match(detailOf("prices")[0] ?? "", /'m' is not \[dollars/)
    assert.match(detailOf("keys")[0] ?? "", /^set: \$ANTHROPIC_API_KEY$/)
    assert.include(
      detailOf("providers file").join(),
      `${Path.join(directory, ".workflows/providers.json")} is not read`
    )
    assert.include(detailOf("NODE_DEBUG")[0] ?? "", "with keys")
  }, 40_000)

  it("says what a login is known by, without reading it", async () => {
    const { owf } = machine(
      { "home/.codex/auth.json": `{"token": "${canary}"}`, "home/.claude/.credentials.json": "not even JSON" },
      { codex: "echo codex-cli 0.169.0", claude: "echo 2.1.0", copilot: "echo 1.0.102" }
    )
    const ran = await owf(["doctor", "--json"], { GH_TOKEN: canary })
    const { findings } = json<{ readonly findings: ReadonlyArray<Finding> }>(ran)
    const detailOf = (check: string) => findings.find((finding) => finding.check === check)?.detail ?? ""
    assert.match(detailOf("codex"), /^0\.169\.0 at .*, logged in \(.*auth\.json\)/)
    assert.match(detailOf("claude"), /^2\.1\.0 at .*, logged in \(.*\.credentials\.json\)/)
    assert.match(detailOf("copilot"), /^1\.0\.102 at .*, logs in with \$GH_TOKEN/)
    assert.notInclude(ran.stdout + ran.stderr, "canary")
  }, 30_000)

  it("looks at the store of a home, and finds damage in it", async () => {
    const { directory, owf } = machine({})
    assert.strictEqual((await owf(["init"])).code, 0)
    const storeOf = (ran: Ran) =>
      json<{ readonly findings: ReadonlyArray<Finding> }>(ran).findings.find(({ check }) => check === "store")
    const whole = storeOf(await owf(["doctor", "--json"]))
    assert.strictEqual(whole?.status, "ok")
    assert.match(whole?.detail ?? "", /SQLite 3\.\d+\.\d+, schema \d+ of \d+, 0 runs, .* KiB, intact/)
    const file = Path.join(directory, ".workflows/workflow.sqlite")
    const content = Fs.readFileSync(file)
    content.fill(0x5a, 4096, content.length)
    Fs.writeFileSync(file, content)
    const ran = await owf(["doctor", "--json"])
    assert.strictEqual(ran.code, 8)
    assert.strictEqual(storeOf(ran)?.status, "broken")
  }, 30_000)
})

describe("a provider of the providers file", () => {
  it("answers a run, with the key that is named for it and no other", async () => {
    const received: Array<Http.IncomingMessage> = []
    const server = Http.createServer((request, response) => {
      received.push(request.resume())
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify({
        model: "qwen",
        choices: [{ index: 0, message: { role: "assistant", content: "from the house" }, finish_reason: "stop" }],
        usage: { prompt_tokens: 2, completion_tokens: 3 }
      }))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const base_url = `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}/v1`
    const { directory, owf } = machine({
      ...providersFile({ "my-house": { base_url, default_model: "qwen", api_key_env: "HOUSE_KEY" } }),
      "flow.ts": `
import { agent, Workflow } from "open-agent-workflows"
export default Workflow.make({ name: "hello" }, function*() { return (yield* agent("hi")).text })
`
    })
    try {
      const keys = { HOUSE_KEY: canary, OPENAI_API_KEY: "sk-official-0123456789" }
      const ran = await owf(["run", "flow.ts", "--provider", "my-house", "--json"], keys)
      assert.strictEqual(ran.code, 0, ran.stderr)
      assert.strictEqual(json<{ readonly output: string }>(ran).output, "from the house")
      assert.deepStrictEqual(received.map(({ headers, url }) => [url, headers.authorization]), [
        ["/v1/chat/completions", `Bearer ${canary}`]
      ])
      const written = Fs.readdirSync(Path.join(directory, ".workflows"), { recursive: true, encoding: "utf8" })
        .map((name) => Path.join(directory, ".workflows", name))
        .filter((file) => Fs.statSync(file).isFile())
      assert.isAbove(written.length, 0)
      for (const file of written) assert.notInclude(Fs.readFileSync(file, "latin1"), "canary", file)
    } finally {
      server.close()
    }
  }, 30_000)
})

describe("a providers file that is broken", () => {
  const broken = { "home/.workflows/providers.json": "{\"providers\": {,}}" }
  const flow = `
import { agent, Workflow } from "open-agent-workflows"
export default Workflow.make({ name: "hello" }, () => agent("hi"))
`

  it("does not stop a run that does not need it, and says so once, on stderr", async () => {
    const { owf } = machine({ ...broken, "flow.ts": flow })
    const ran = await owf(["run", "flow.ts", "--json"])
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.strictEqual(json<{ readonly status: string }>(ran).status, "done")
    const warnings = ran.stderr.split("\n").filter((line) => line.startsWith("warning: "))
    assert.lengthOf(warnings, 1)
    assert.match(warnings[0] ?? "", /the providers file is not used: .*providers\.json:1:16: not valid JSON/)
  }, 30_000)

  it("stops a run whose provider may be in it, with the place of the mistake", async () => {
    const { owf } = machine({ ...broken, "flow.ts": flow })
    const ran = await owf(["run", "flow.ts", "--provider", "house"])
    assert.strictEqual(ran.code, 5, ran.stderr)
    assert.match(ran.stderr, /house: .*providers\.json:1:16: not valid JSON: a name in double quotes is expected here/)
  }, 30_000)
})

describe("owf prices", () => {
  it("shows the prices of models, and that one is not known", async () => {
    const { directory, owf } = machine({ "home/.workflows/prices.json": "{\"house-1\": [1.5, 2]}" })
    const words = ["prices", "openai/gpt-5.5", "claude-opus-4-6", "house-1-large", "no-such-model"]
    const text = await owf(words)
    const document = await owf([...words, "--json"])
    assert.strictEqual(text.code, 0, text.stderr)
    await expect(
      transcript(directory, words, text) + transcript(directory, [...words, "--json"], document)
    ).toMatchFileSnapshot(golden("prices"))
  }, 30_000)

  it("fetches a table, shows what changed by it, and keeps the old one when the new one is bad", async () => {
    const answers = [
      "{\"prices\": {\"house-9\": [4, 5]}}",
      "<html>",
      "{\"a\": [0, 0]}"
    ]
    const server = Http.createServer((_, response) => response.end(answers.shift()))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}/prices.json`
    const { directory, owf } = machine({})
    const inputOf = (ran: Ran) =>
      json<{ readonly prices: ReadonlyArray<{ readonly input: number }> }>(ran).prices[0]?.input
    try {
      assert.isNull(inputOf(await owf(["prices", "house-9", "--json"])))
      const fetched = await owf(["prices", "house-9", "--refresh", "--url", url])
      assert.strictEqual(fetched.code, 0, fetched.stderr)
      assert.match(fetched.stdout, /house-9 +\S+ +\$4 +\$5 .* 127\.0\.0\.1:\d+ \d{4}-\d\d-\d\d/)
      assert.include(fetched.stderr, "Wrote the prices of 1 model to ")
      assert.match(fetched.stderr, /fetched: http:\/\/127.* \(1 model, fetched today, .*price-table\.json\)/)
      const file = Path.join(directory, "home/.workflows/price-table.json")
      const before = Fs.readFileSync(file, "utf8")
      for (const expected of [/it is not JSON/, /no model in it has a price/]) {
        const bad = await owf(["prices", "--refresh"], { OWF_PRICES_URL: url })
        assert.strictEqual(bad.code, 2)
        assert.match(bad.stderr, expected)
        assert.strictEqual(Fs.readFileSync(file, "utf8"), before)
      }
      assert.strictEqual(inputOf(await owf(["prices", "house-9", "--json"])), 4)
    } finally {
      server.close()
    }
  }, 60_000)

  it("refuses addresses that are not https:, and --url without --refresh", async () => {
    const { owf } = machine({})
    const http = await owf(["prices", "--refresh", "--url", "http://prices.example.org"])
    assert.strictEqual(http.code, 2)
    assert.match(http.stderr, /has to be an https: one/)
    const alone = await owf(["prices", "--url", "https://prices.example.org", "--json"])
    assert.strictEqual(alone.code, 2)
    assert.include(alone.stdout, "Give --refresh too.")
  }, 30_000)
})
