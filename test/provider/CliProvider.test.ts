import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FastCheck from "fast-check"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { inspect } from "node:util"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Claude from "../../src/provider/Claude.ts"
import type * as CliProvider from "../../src/provider/CliProvider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import * as FakeCli from "../lib/FakeCli.ts"
import { directoryWith } from "../lib/node.ts"
import { alive, answered, failed, test } from "./cliLab.ts"
import * as cliLab from "./cliLab.ts"

const line = (value: unknown) => `${JSON.stringify(value)}\n`
const session = "{{--session-id|--resume}}"
const init = line({ type: "system", subtype: "init", session_id: session, model: "claude-sonnet-5-5" })
const turn = line({
  type: "assistant",
  session_id: session,
  message: { id: "m1", model: "claude-sonnet-5-5", usage: { input_tokens: 10, output_tokens: 5 } }
})
const result = (fields: Record<string, unknown> = {}) =>
  line({
    type: "result",
    subtype: "success",
    is_error: false,
    result: "pong",
    session_id: session,
    total_cost_usd: 0.25,
    usage: { input_tokens: 10, output_tokens: 5 },
    ...fields
  })
const good = init + turn + result()

type Options = Partial<CliProvider.Options>

const provider = (cli: Pick<FakeCli.FakeCli, "directory">, environment = {}, options: Options = {}) =>
  cliLab.build(Claude.make({ concurrency: 4, ...options }), cli, environment)

const play = (parts: ReadonlyArray<FakeCli.Part>, environment = {}, options: Options = {}) =>
  Effect.gen(function*() {
    const cli = FakeCli.make("claude", parts)
    return { cli, claude: yield* provider(cli, environment, options) }
  })

describe("CliProvider", () => {
  describe("gives the prompt", () => {
    for (const size of [1, 131_071, 131_072, 5 * 1_048_576, 50 * 1_048_576]) {
      test(`PC-1: of ${size} bytes whole by standard input, and nowhere else`, () =>
        Effect.gen(function*() {
          const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
          const prompt = "p".repeat(size - 1) + "!"
          const { outcome } = yield* cliLab.ask(claude, { prompt })
          assert.strictEqual(answered(outcome).text, "pong")
          const [start] = cli.starts()
          assert.strictEqual(start?.bytes, size)
          assert.strictEqual(start?.sha256, FakeCli.sha256(prompt))
          assert.isBelow(start?.argv.join(" ").length ?? Infinity, 1_000)
        }))
    }

    test("PC-2: as it is, whatever it looks like", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        const prompts = [
          "-p x",
          "--help",
          "--",
          "@file",
          "\nleading",
          "$(id)`id`",
          "a\u0000b",
          "a\r\nb\r",
          "\u2028\u2029",
          "🦊".repeat(10_000),
          "{{--session-id}}",
          ...FastCheck.sample(FastCheck.string({ unit: "binary", minLength: 1 }), 8)
        ]
        yield* Effect.forEach(prompts, (prompt) => cliLab.ask(claude, { prompt }))
        // a slash at the start would make a command of it
        const wanted = prompts.map((prompt) => FakeCli.sha256(prompt.startsWith("/") ? `\n${prompt}` : prompt))
        assert.deepStrictEqual(cli.starts().map(({ sha256 }) => sha256), wanted)
        const plain = new Set(prompts.filter((prompt) => prompt.length > 3))
        for (const { argv } of cli.starts()) assert.isFalse(argv.some((arg) => plain.has(arg)))
      }))

    test("in which a lone surrogate is replaced, as every encoder does", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        yield* cliLab.ask(claude, { prompt: "a\ud800b" })
        assert.strictEqual(cli.starts()[0]?.input, "a\ufffdb")
      }))

    test("PC-14: to a program that ends without reading it, and reports what that said", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ reads: false, steps: [{ error: "disk full\n" }, { exit: 7 }] }])
        const { outcome } = yield* cliLab.ask(claude, { prompt: "p".repeat(8 * 1_048_576) })
        const error = failed(outcome, "Unknown")
        assert.include(error.detail, "exit code 7")
        assert.include(error.detail, "disk full")
        assert.include(error.raw ?? "", "disk full")
      }))
  })

  describe("refuses before anything is started", () => {
    test("PC-3: a model, session or directory that would be taken for something else", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        const bad = [
          { model: "--dangerous" },
          { model: "a\nb" },
          {
            session: {
              id: "-x",
              used: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
              cost: undefined
            }
          },
          { cwd: "/tmp/\u0000" },
          { agentType: "--bare" },
          { permissions: ["--bare"] },
          { permissions: ["Bash(a\nb)"] }
        ]
        for (const fields of bad) failed((yield* cliLab.ask(claude, fields)).outcome, "InvalidRequest")
        assert.deepStrictEqual(cli.starts(), [])
      }))

    test("and passes on a model with spaces and a directory with a dash as one argument and a directory", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        const cwd = Path.join(directoryWith({ "-rf x/file": "" }), "-rf x")
        answered((yield* cliLab.ask(claude, { model: "my model -p", cwd })).outcome)
        assert.include(cli.starts()[0]?.argv ?? [], "--model=my model -p")
        assert.strictEqual(cli.starts()[0]?.cwd, cwd)
        assert.strictEqual(cli.starts()[0]?.env["PWD"], cwd)
      }))

    test("a directory that does not exist", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: good }] }])
        failed((yield* cliLab.ask(claude, { cwd: "/nowhere/at/all" })).outcome, "InvalidRequest")
      }))
  })

  describe("PC-4, TI-5: says of a program that cannot be started", () => {
    test("how to get it when it is missing, and that it may come back when it was there", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        Fs.renameSync(cli.file, `${cli.file}.away`)
        const missing = failed((yield* cliLab.ask(claude)).outcome, "Misconfigured")
        assert.include(missing.detail, "npm install")
        Fs.renameSync(`${cli.file}.away`, cli.file)
        answered((yield* cliLab.ask(claude)).outcome)
        Fs.renameSync(cli.file, `${cli.file}.away`)
        assert.isTrue(failed((yield* cliLab.ask(claude)).outcome, "Unavailable").isTransient)
      }))

    test("that it is none, when it is a directory, not executable or of another machine", () =>
      Effect.gen(function*() {
        const directory = directoryWith({
          "noexec/claude": "#!/bin/sh\n",
          "folder/claude/x": "",
          "arch/claude": "\u007fELF",
          "interpreter/claude": "#!/no/such/node\n"
        })
        for (const name of ["arch", "interpreter"]) Fs.chmodSync(Path.join(directory, name, "claude"), 0o755)
        for (const name of ["noexec", "folder", "arch", "interpreter"]) {
          const claude = yield* provider({ directory: Path.join(directory, name) })
          failed((yield* cliLab.ask(claude)).outcome, "Misconfigured")
        }
      }))

    test("nothing when it is being replaced for a moment", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }])
        // a program that is open for writing cannot be started
        const native = Path.join(cli.directory, "native")
        Fs.copyFileSync("/bin/true", native)
        Fs.chmodSync(native, 0o755)
        const busy = yield* provider(cli, {}, { command: native })
        const handle = Fs.openSync(native, "r+")
        const fiber = yield* Effect.fork(cliLab.ask(busy))
        yield* Effect.sleep("300 millis")
        Fs.closeSync(handle)
        const { outcome } = yield* Fiber.join(fiber)
        // it was started in the end, and said nothing
        failed(outcome, "EmptyAnswer")
        answered((yield* cliLab.ask(claude)).outcome)
      }))

    test("another name or path, when one is given", () =>
      Effect.gen(function*() {
        const cli = FakeCli.make("my-claude", [{ steps: [{ print: good }] }])
        for (const command of ["my-claude", cli.file]) {
          const claude = yield* provider(cli, {}, { command })
          answered((yield* cliLab.ask(claude)).outcome)
        }
        const none = yield* provider(cli, {}, { command: "/no/such/claude" })
        assert.include(failed((yield* cliLab.ask(none)).outcome, "Misconfigured").detail, "/no/such/claude")
      }))
  })

  describe("PC-5: takes no answer from a program that", () => {
    const ways: ReadonlyArray<readonly [title: string, steps: ReadonlyArray<FakeCli.Step>, reason: ProviderReason]> = [
      ["prints nothing", [], "EmptyAnswer"],
      ["prints white space", [{ print: " \n\n\t\n" }], "EmptyAnswer"],
      ["prints a banner", [{ print: "Welcome to Claude!\n" }], "Malformed"],
      ["prints JSON without a result", [{ print: init + turn }], "Malformed"],
      ["prints half a result", [{ print: init + result().slice(0, 60) }], "Malformed"],
      ["prints an empty result", [{ print: init + result({ result: " \n" }) }], "EmptyAnswer"],
      [
        "prints an error and exits with 0",
        [{ print: init + result({ is_error: true, api_error_status: 529 }) }],
        "Overloaded"
      ],
      [
        "is logged out",
        [{ print: result({ is_error: true, result: "Not logged in · Please run /login" }) }],
        "Authentication"
      ],
      [
        "has no more room in its context",
        [{ print: result({ is_error: true, terminal_reason: "prompt_too_long" }) }],
        "ContextOverflow"
      ],
      ["breaks off in the middle", [{ print: init + turn }, { exit: 3 }], "Unavailable"],
      ["is killed in the middle", [{ print: init + turn }, { kill: "SIGKILL" }], "Unavailable"],
      ["crashes before anything", [{ kill: "SIGSEGV" }], "Unavailable"]
    ]
    for (const [title, steps, reason] of ways) {
      test(title, () =>
        Effect.gen(function*() {
          const { claude } = yield* play([{ steps }])
          const { outcome } = yield* cliLab.ask(claude)
          const error = failed(outcome, reason)
          assert.strictEqual(error.isTransient, ["Overloaded", "Unavailable"].includes(reason))
        }))
    }

    test("C7: broke off, and may have been paid for; none that was refused, or has not come far", () =>
      Effect.gen(function*() {
        const refusal = (result: string, fields = {}) => line({ type: "result", is_error: true, result, ...fields })
        const ends: ReadonlyArray<readonly [steps: ReadonlyArray<FakeCli.Step>, mayBeBilled: boolean]> = [
          [[{ print: init }, { exit: 3 }], true],
          [[{ print: init + turn }, { kill: "SIGKILL" }], true],
          [[{ print: init + turn }], true],
          [[{ print: init + result({ result: " ", usage: undefined }) }], true],
          [[{ print: init + result({ result: " " }) }], false],
          [[{ print: init + refusal("Not logged in · Please run /login") }], false],
          [[{ print: init + refusal("busy", { api_error_status: 529 }) }], false],
          [[{ error: "unknown option '--x'\n" }, { exit: 1 }], false],
          [[], false]
        ]
        for (const [steps, mayBeBilled] of ends) {
          const { claude } = yield* play([{ steps }])
          const { outcome } = yield* cliLab.ask(claude)
          const error = Either.isLeft(outcome) ? outcome.left : assert.fail("it answered")
          assert.strictEqual(error.mayBeBilled === true, mayBeBilled, `${JSON.stringify(steps)} ${error.reason}`)
        }
        const silent = yield* play([{ steps: [{ signal: "hang" }] }], {}, { grace: Duration.millis(200) })
        const { outcome } = yield* cliLab.ask(silent.claude, { idleTimeout: Duration.millis(500) })
        assert.isTrue(failed(outcome, "Silent").mayBeBilled)
      }))

    test("printed more than it may, of which only a little is kept", () =>
      Effect.gen(function*() {
        const noise = `${"x".repeat(1_023)}\n`.repeat(1_024)
        const { claude } = yield* play([{ steps: [{ print: noise, times: 64 }, { print: good }] }], {}, {
          maxOutputBytes: 16 * 1_048_576
        })
        const before = process.memoryUsage.rss()
        const error = failed((yield* cliLab.ask(claude)).outcome, "Malformed")
        assert.isBelow((error.raw ?? "").length, 5 * 1_048_576)
        assert.isBelow(process.memoryUsage.rss() - before, 256 * 1_048_576)
      }))

    test("printed a line without an end", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: "x".repeat(1_048_576), times: 20 }] }])
        const error = failed((yield* cliLab.ask(claude)).outcome, "Malformed")
        assert.include(error.raw ?? "", "is left out")
        assert.isBelow((error.raw ?? "").length, 1_000)
      }))
  })

  describe("PC-6: keeps a result", () => {
    test("that the program follows up with exit code 1", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: good }, { error: "cleanup failed\n" }, { exit: 1 }] }])
        const answer = answered((yield* cliLab.ask(claude)).outcome)
        assert.strictEqual(answer.text, "pong")
        assert.deepStrictEqual(answer.cost, { amount: 250_000_000, source: "provider" })
      }))

    test("after which the program hangs, and ends the program", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play(
          [{ steps: [{ signal: "ignoreTerm" }, { print: good }, { signal: "hang" }] }],
          {},
          {
            linger: Duration.millis(300),
            grace: Duration.millis(200)
          }
        )
        const [duration, { outcome }] = yield* Effect.timed(cliLab.ask(claude))
        assert.strictEqual(answered(outcome).text, "pong")
        assert.isBelow(Duration.toMillis(duration), 9_000)
        assert.isFalse(alive(cli.starts()[0]?.pid ?? 0))
      }))

    test("after which the program prints something else", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{
          steps: [{ print: `${good}trailing {"type":"result"}\n${result({ result: "no" })}` }]
        }])
        assert.strictEqual(answered((yield* cliLab.ask(claude)).outcome).text, "pong")
      }))

    test("that does not end its line", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: good.trimEnd() }] }])
        assert.strictEqual(answered((yield* cliLab.ask(claude)).outcome).text, "pong")
      }))

    test("PC-11: that came in pieces that cut characters, with line ends of another system", () =>
      Effect.gen(function*() {
        const text = "é 数 🦊 \u2028"
        const bytes = Buffer.from((init + result({ result: text })).replaceAll("\n", "\r\n")).toString("base64")
        const { claude } = yield* play([{ steps: [{ bytes, pieces: 3 }] }])
        assert.strictEqual(answered((yield* cliLab.ask(claude)).outcome).text, text)
      }))

    test("of ten megabytes, and its line in what is kept of the output", () =>
      Effect.gen(function*() {
        const text = "long ".repeat(2_000_000)
        const noise = `${line({ type: "user", text: "n".repeat(1_000) })}`
        const { claude } = yield* play([{
          steps: [{ print: noise, times: 6_000 }, { print: init + result({ result: text }) }]
        }])
        const answer = answered((yield* cliLab.ask(claude)).outcome)
        assert.strictEqual(answer.text.length, text.length)
        assert.isBelow(answer.raw.length, text.length + 5 * 1_048_576)
        assert.isTrue(answer.raw.includes("characters are left out"))
        assert.isTrue(answer.raw.endsWith(result({ result: text, session_id: answer.session ?? "" })))
      }))
  })

  describe("PC-7, PC-8: gives up on a program that", () => {
    const bounds = { grace: Duration.millis(200), linger: Duration.millis(200) }
    const silences: ReadonlyArray<readonly [title: string, steps: ReadonlyArray<FakeCli.Step>]> = [
      ["never prints", [{ signal: "hang" }]],
      ["prints and then is silent", [{ print: init + turn }, { signal: "hang" }]],
      ["stops in the middle of a line", [{ print: init + turn + result().slice(0, 40) }, { signal: "hang" }]],
      ["does not end when it is asked to", [{ signal: "ignoreTerm" }, { print: init + turn }, { signal: "hang" }]]
    ]
    for (const [title, steps] of silences) {
      test(title, () =>
        Effect.gen(function*() {
          const { claude, cli } = yield* play([{ steps }], {}, bounds)
          const idleTimeout = Duration.seconds(1)
          const [duration, { outcome, told }] = yield* Effect.timed(cliLab.ask(claude, { idleTimeout }))
          const error = failed(outcome, "Silent")
          assert.isTrue(error.isTransient)
          assert.include(error.detail, "1s")
          assert.isBelow(Duration.toMillis(duration), 9_000)
          assert.isFalse(alive(cli.starts()[0]?.pid ?? 0))
          if (steps.length === 1) return
          // what it used until then is not lost, and the session in which it did can be continued
          assert.strictEqual(error.usage?.outputTokens, 5)
          assert.strictEqual(error.cost?.source, "test prices")
          assert.strictEqual(error.session, told.sessions[0])
        }))
    }

    test("is not waited for any longer, without an answer although it ends with 0 when it is ended", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: init + turn }, { signal: "hang" }] }], {}, bounds)
        const fiber = yield* Effect.fork(cliLab.ask(claude))
        yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => cli.starts().length === 1 })
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        assert.isFalse(alive(cli.starts()[0]?.pid ?? 0))
      }))
  })

  describe("tells", () => {
    test("the session as soon as it is named, once, and usage as it grows", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{
          steps: [{ print: good.replace(result(), turn.replace("m1", "m2") + result()) }]
        }])
        const { outcome, told } = yield* cliLab.ask(claude)
        const { session } = answered(outcome)
        assert.match(session ?? "", /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
        assert.deepStrictEqual(told.sessions, [session])
        assert.strictEqual(told.usage.at(-1), 10)
      }))
  })

  describe("prices a request", () => {
    const costs: ReadonlyArray<readonly [title: string, total: unknown, amount: number | undefined, source?: string]> =
      [
        ["by the program's own word", 0.25, 250_000_000, "provider"],
        ["by the table when the program's word is below zero", -0.25, 60_000, "test prices"],
        ["by the table when the program's word is no number", "0.25", 60_000, "test prices"],
        ["by the table when the program's word is null, as NaN is in JSON", null, 60_000, "test prices"],
        ["by the table when the program's word cannot be true", 1e308, 60_000, "test prices"],
        ["by the table when the program says that tokens were free", 0, 60_000, "test prices"],
        ["by the table when the program says nothing", undefined, 60_000, "test prices"]
      ]
    for (const [title, total, amount, source] of costs) {
      test(title, () =>
        Effect.gen(function*() {
          const { claude } = yield* play([{ steps: [{ print: init + result({ total_cost_usd: total }) }] }])
          const answer = answered((yield* cliLab.ask(claude)).outcome)
          assert.deepStrictEqual(answer.cost, { amount, source })
        }))
    }

    test("not at all when nobody knows", () =>
      Effect.gen(function*() {
        const print = result({ total_cost_usd: -1 })
        const { claude } = yield* play([{ steps: [{ print: init.replace("claude-sonnet-5-5", "unpriced") + print }] }])
        assert.isUndefined(answered((yield* cliLab.ask(claude)).outcome).cost)
      }))

    test("before it is sent, by its bytes and what was said before", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: good }] }])
        const fields = { prompt: "数".repeat(1_000), model: "default", readScope: [] }
        const { request } = ProviderContract
        const first = claude.estimate(request(fields))
        assert.isAtLeast(first.inputTokens, 3_000)
        assert.isAtLeast(first.cost(first.inputTokens, first.outputTokens) ?? 0, 3_000_000)
        const used = { inputTokens: 500, outputTokens: 40, cacheReadTokens: 9_000, cacheWriteTokens: 60 }
        const next = claude.estimate(request({ ...fields, session: { id: "s", used, cost: undefined } }))
        assert.strictEqual(next.inputTokens - first.inputTokens, 600)
      }))
  })

  describe("lets the program see", () => {
    const canary = {
      HOME: "/home/someone",
      LANG: "C.UTF-8",
      LC_ALL: "C",
      XDG_CONFIG_HOME: "/home/someone/.config",
      https_proxy: "http://user:proxy-password-1@127.0.0.1:9",
      ANTHROPIC_API_KEY: "sk-ant-canary-0123456789",
      CLAUDE_CODE_OAUTH_TOKEN: "oat-canary-0123456789",
      OPENAI_API_KEY: "sk-openai-canary-0123456789",
      GEMINI_API_KEY: "gm-canary-0123456789",
      GOOGLE_API_KEY: "gg-canary-0123456789",
      GITHUB_TOKEN: "ghp-canary-0123456789",
      AWS_SECRET_ACCESS_KEY: "aws-canary-0123456789",
      DATABASE_URL: "postgres://canary",
      CLAUDECODE: "1",
      CLAUDE_CODE_ENTRYPOINT: "cli",
      NODE_OPTIONS: "--max-old-space-size=100",
      GIT_DIR: "/somewhere/.git",
      OLDPWD: "/stale",
      PWD: "/stale",
      OWF_HOME: "/home/someone/.workflows"
    }

    test("what every program needs and its own, never what is others' or about us", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }], canary)
        answered((yield* cliLab.ask(claude)).outcome)
        const seen = Object.keys(cli.starts()[0]?.env ?? {}).filter((name) => !name.startsWith("OWF_"))
        assert.sameMembers(seen, [
          "PATH",
          "PWD",
          "HOME",
          "LANG",
          "LC_ALL",
          "XDG_CONFIG_HOME",
          "https_proxy",
          "ANTHROPIC_API_KEY",
          "CLAUDE_CODE_OAUTH_TOKEN",
          "CLAUDE_CODE_MAX_RETRIES",
          "DISABLE_AUTOUPDATER"
        ])
        assert.isUndefined(cli.starts()[0]?.env["OWF_HOME"])
        assert.strictEqual(cli.starts()[0]?.env["PWD"], process.cwd())
      }))

    test("a cloud's variables only when it is asked there", () =>
      Effect.gen(function*() {
        const see = (switched: string) =>
          Effect.gen(function*() {
            const { claude, cli } = yield* play([{ steps: [{ print: good }] }], { ...canary, [switched]: "1" })
            answered((yield* cliLab.ask(claude)).outcome)
            return cli.starts()[0]?.env ?? {}
          })
        const bedrock = yield* see("CLAUDE_CODE_USE_BEDROCK")
        assert.strictEqual(bedrock["AWS_SECRET_ACCESS_KEY"], canary.AWS_SECRET_ACCESS_KEY)
        const vertex = yield* see("CLAUDE_CODE_USE_VERTEX")
        assert.isUndefined(vertex["AWS_SECRET_ACCESS_KEY"])
        assert.isUndefined(vertex["GOOGLE_API_KEY"])
      }))

    test("the user's own choice over the default", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: good }] }], { CLAUDE_CODE_MAX_RETRIES: "9" })
        answered((yield* cliLab.ask(claude)).outcome)
        assert.strictEqual(cli.starts()[0]?.env["CLAUDE_CODE_MAX_RETRIES"], "9")
      }))
  })

  describe("masks", () => {
    const key = "sk-ant-Canary+/=0123456789abcdef"
    const environment = {
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_CUSTOM_HEADERS: "Authorization: Bearer header-canary-12345",
      HTTPS_PROXY: "http://user:proxy-canary-12345@127.0.0.1:9",
      MAX_THINKING_TOKENS: "12345678"
    }
    const secrets = [key, "header-canary-12345", "proxy-canary-12345"]
    const spellings = secrets.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(JSON.stringify(secret)).slice(3, -3),
      Buffer.from(secret).toString("hex"),
      // what only the secret decides of base64, at each offset
      ...[0, 1, 2].map((offset) => Buffer.from("x".repeat(offset) + secret).toString("base64").slice(4, -4))
    ])
    const holdsNone = (value: unknown) => {
      const text = inspect(value, { depth: 10, maxStringLength: Infinity })
      for (const spelling of spellings) assert.isFalse(text.includes(spelling), spelling.slice(0, 8))
    }
    const said = [...secrets, ...secrets.map((secret) => Buffer.from(`x${secret}`).toString("base64"))].join(" , ")

    test("every secret the program had, in an answer and all that comes with it", () =>
      Effect.gen(function*() {
        const print = init + result({ result: said, structured_output: { deep: [{ said }], [secrets[1] ?? ""]: 1 } })
        const { claude } = yield* play(
          [{ steps: [{ bytes: Buffer.from(print).toString("base64"), pieces: 7 }] }],
          environment
        )
        const answer = answered((yield* cliLab.ask(claude)).outcome)
        holdsNone(answer)
        assert.include(answer.text, "[masked]")
      }))

    test("every secret in an error, from the result and from the error output", () =>
      Effect.gen(function*() {
        const ways: ReadonlyArray<ReadonlyArray<FakeCli.Step>> = [
          [{ print: init + result({ is_error: true, api_error_status: 401, result: `Invalid key ${said}` }) }],
          [{ print: `not JSON ${said}\n` }],
          [{ error: `fatal: ${said}\n` }, { exit: 2 }],
          [{ error: `${"e".repeat(70_000)}\n${said}\n` }, { exit: 2 }],
          [{ variable: "ANTHROPIC_API_KEY", to: "stderr" }, { exit: 2 }],
          [{ print: `half a line ${said}` }]
        ]
        for (const steps of ways) {
          const { claude } = yield* play([{ steps }], environment)
          const exit = yield* Effect.exit(Effect.flatMap(cliLab.ask(claude), ({ outcome }) => outcome))
          assert.isTrue(Exit.isFailure(exit))
          if (Exit.isFailure(exit)) {
            holdsNone(exit)
            holdsNone(Cause.pretty(exit.cause))
            holdsNone(JSON.stringify(exit.cause))
            assert.include(inspect(exit, { depth: 10 }), "[masked]")
          }
        }
      }))

    test("no secret that was cut where only the end of the error output is kept", () =>
      Effect.gen(function*() {
        // the last 64 KiB begin in the middle of the key
        const tail = "e".repeat(65_536 - 1 - 16)
        const { claude } = yield* play([{ steps: [{ error: `${key}${tail}\n` }, { exit: 2 }] }], environment)
        const error = failed((yield* cliLab.ask(claude)).outcome, "Unknown")
        for (const part of [key.slice(-8), key.slice(-12), key.slice(-16)]) assert.notInclude(error.raw ?? "", part)
      }))

    test("nothing that only looks like a secret by its name", () =>
      Effect.gen(function*() {
        const { claude } = yield* play(
          [{ steps: [{ print: init + result({ result: "12345678 tokens" }) }] }],
          environment
        )
        assert.strictEqual(answered((yield* cliLab.ask(claude)).outcome).text, "12345678 tokens")
      }))

    test("control characters of details, which people see, and leaves stored text as it is", () =>
      Effect.gen(function*() {
        const steering = "\u001b]52;c;AAAA\u0007\u001b[2J\u202e\u0085 end"
        const { claude } = yield* play([
          { times: 1, steps: [{ print: result({ is_error: true, result: steering }) }] },
          {
            steps: [{ print: result({ result: steering }) }]
          }
        ])
        const error = failed((yield* cliLab.ask(claude)).outcome, "Unknown")
        assert.notMatch(error.detail, /[\u0000-\u001f\u007f-\u009f\u202e]/)
        assert.include(error.detail, "end")
        assert.strictEqual(answered((yield* cliLab.ask(claude)).outcome).text, steering)
      }))
  })

  describe("leaves nothing behind:", () => {
    test("files of a request are its user's own, and gone after it, however it ends", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play(
          [{ times: 1, steps: [{ print: good }] }, { times: 1, steps: [{ exit: 4 }] }, {
            steps: [{ signal: "hang" }]
          }],
          {},
          { grace: Duration.millis(100) }
        )
        const system = "Be brief.\n-- \u00e9"
        answered((yield* cliLab.ask(claude, { system })).outcome)
        failed((yield* cliLab.ask(claude, { system })).outcome, "Unknown")
        const fiber = yield* Effect.fork(cliLab.ask(claude, { system }))
        yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => cli.starts().length === 3 })
        yield* Fiber.interrupt(fiber)
        for (const { argv, files } of cli.starts()) {
          assert.deepStrictEqual(Object.values(files), [{ text: system, mode: 0o600 }])
          assert.isFalse(argv.some((arg) => arg.includes("Be brief")))
          const directory = Path.dirname(Object.keys(files)[0]?.replace(/^--[\w-]+=/, "") ?? "")
          assert.notStrictEqual(directory, Os.tmpdir())
          assert.isFalse(Fs.existsSync(directory))
        }
      }))
  })
})
