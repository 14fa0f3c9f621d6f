import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Copilot from "../../src/provider/Copilot.ts"
import type { Session } from "../../src/provider/Provider.ts"
import type * as FakeCli from "../lib/FakeCli.ts"
import { directoryWith } from "../lib/node.ts"
import * as cliFixtures from "./cliFixtures.ts"
import * as cliLab from "./cliLab.ts"
import { answered, failed, test } from "./cliLab.ts"
import { argv, play, started, suite } from "./programSuite.ts"
import type { Program } from "./programSuite.ts"

const line = (type: string, data: Record<string, unknown> = {}) => `${JSON.stringify({ type, data })}\n`
const result = `${JSON.stringify({ type: "result", sessionId: "{{--session-id|--resume}}", exitCode: 0, usage: {} })}\n`
const turn = line("user.message") + line("assistant.turn_start")
const message = (content: string) => line("assistant.message", { content, toolRequests: [], model: "gpt-5.4" })
const usage = (text: string): FakeCli.Step => ({ write: text, to: "--usage-output-file" })
const counted = (factor: number, more: Record<string, unknown> = {}) =>
  JSON.stringify({
    modelMetrics: { m: { usage: { inputTokens: 12 * factor, outputTokens: 7 * factor, cacheReadTokens: 2 * factor } } },
    ...more
  })

const program: Program = {
  program: "copilot",
  make: Copilot.make,
  beginning: [{ print: turn + line("assistant.message_delta", { deltaContent: "po" }) }],
  answering: (text) => [
    usage(counted(1)),
    { print: turn + message(text) + line("assistant.turn_end") + line("assistant.idle") + result }
  ]
}
const one = Usage.make({ inputTokens: 10, outputTokens: 7, cacheReadTokens: 2 })
const session: Session = { id: "11111111-2222-4333-8444-555555555555", used: one, cost: undefined }

suite("copilot", program)

describe("Copilot", () => {
  const always = [
    "--output-format=json",
    "--no-ask-user",
    "--no-auto-update",
    "--session-id=<uuid>",
    "--usage-output-file=<directory>/usage.json"
  ]

  describe("is started", () => {
    test("for reading without the right to change files or to run commands", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* argv(program), [...always, "--deny-tool=write", "--deny-tool=shell"])
      }))

    test("for an answer alone without tools, instructions of the project and servers", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* argv(program, { readScope: [] }), [
          ...always,
          "--available-tools=none",
          "--no-custom-instructions",
          "--disable-builtin-mcps",
          "--deny-tool=write",
          "--deny-tool=shell"
        ])
      }))

    test("for changing files with the right to do so, and to nothing else", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* argv(program, { mutates: true, writeScope: ["src"] }), [
          ...always,
          "--allow-tool=write"
        ])
      }))

    test("with the permissions of the call, the model, the agent and the directory it names", () =>
      Effect.gen(function*() {
        const cwd = directoryWith({})
        const fields = { cwd, model: "gpt-5.4", agentType: "reviewer", permissions: ["shell(git log:*)", "github"] }
        assert.deepStrictEqual(yield* argv(program, fields), [
          ...always,
          "-C",
          cwd,
          "--model=gpt-5.4",
          "--agent=reviewer",
          "--deny-tool=write",
          "--allow-tool=shell(git log:*)",
          "--allow-tool=github"
        ])
        assert.strictEqual((yield* started(program, fields)).cwd, Fs.realpathSync(cwd))
      }))

    test("in the session it continues", () =>
      Effect.gen(function*() {
        const args = yield* argv(program, { session: { ...session, used: Usage.zero } })
        assert.include(args, "--resume=<uuid>")
        assert.notInclude(args, "--session-id=<uuid>")
      }))

    test("with flags that its help knows", () =>
      Effect.gen(function*() {
        const help = cliFixtures.text("copilot-help.txt")
        const kinds = [{ readScope: [] }, { mutates: true }, { session, model: "m", agentType: "a", cwd: Os.tmpdir() }]
        const args = yield* Effect.forEach(kinds, (fields) => argv(program, fields))
        for (const flag of cliFixtures.flagsOf(args.flat())) assert.match(help, new RegExp(`^ .*${flag}\\b`, "m"))
      }))

    test("with its own keys and settings, and not with what allows everything", () =>
      Effect.gen(function*() {
        const { env } = yield* started(program, {}, {
          COPILOT_HOME: "/home/user/.copilot",
          COPILOT_PROVIDER_BASE_URL: "http://127.0.0.1:1",
          COPILOT_ALLOW_ALL: "true",
          COPILOT_ASSISTED_APPROVAL: "true",
          GH_TOKEN: "token-of-gh-4711",
          GITHUB_TOKEN: "token-of-github-4711",
          OPENAI_API_KEY: "key-of-openai-4711",
          NODE_OPTIONS: "--inspect"
        })
        assert.deepStrictEqual(Object.keys(env).filter((name) => /^(?:COPILOT|GH|GITHUB|OPENAI|NODE_)/.test(name)), [
          "COPILOT_HOME",
          "COPILOT_PROVIDER_BASE_URL",
          "GH_TOKEN"
        ])
      }))
  })

  test("refuses a permission that lets an agent write in a call that may only read", () =>
    Effect.gen(function*() {
      const { cli, provider } = yield* play(program, [])
      for (const permission of ["write", "write(src)", "shell", "shell(*)", "shell(:*)"]) {
        failed((yield* cliLab.ask(provider, { permissions: [permission] })).outcome, "InvalidRequest")
      }
      assert.deepStrictEqual(cli.starts(), [])
    }))

  describe("counts", () => {
    test("what the file says that it was told to write, and leaves none behind", () =>
      Effect.gen(function*() {
        const before = new Set(Fs.readdirSync(Os.tmpdir()))
        const { cli, provider } = yield* play(program, [{ steps: program.answering("pong") }])
        const answer = answered((yield* cliLab.ask(provider)).outcome)
        assert.deepStrictEqual(answer.usage, one)
        const file = cli.starts()[0]?.argv.find((arg) => arg.startsWith("--usage-output-file="))?.split("=")[1] ?? ""
        assert.match(file, /\/owf-[^/]+\/usage\.json$/)
        assert.isFalse(Fs.existsSync(file))
        assert.isFalse(before.has(file.split("/").at(-2) ?? ""))
      }))

    test("what a request added to the session it continued", () =>
      Effect.gen(function*() {
        const steps = [usage(counted(2, { totalNanoAiu: 3e9 })), ...program.answering("pong").slice(1)]
        const { provider } = yield* play(program, [{ steps }])
        const before = { ...session, cost: Money.fromUsd(0.01) }
        const { outcome, told } = yield* cliLab.ask(provider, { session: before })
        const answer = answered(outcome)
        assert.deepStrictEqual(answer.usage, one)
        assert.deepStrictEqual(answer.cost, { amount: Money.fromUsd(0.02), source: "provider" })
        assert.strictEqual(answer.session, session.id)
        assert.deepStrictEqual(told.sessions, [session.id])
      }))

    test("what a request used that failed", () =>
      Effect.gen(function*() {
        const error = line("session.error", { errorType: "rate_limit", statusCode: 429, message: "no" })
        const steps: ReadonlyArray<FakeCli.Step> = [usage(counted(1)), { print: turn + error + result }, { exit: 1 }]
        const { provider } = yield* play(program, [{ steps }])
        assert.deepStrictEqual(failed((yield* cliLab.ask(provider)).outcome, "RateLimited").usage, one)
      }))

    test("nothing when there is no file, or one that cannot be read, and answers all the same", () =>
      Effect.gen(function*() {
        for (const steps of [[], [usage("{")], [usage("x".repeat(5_000_000))]]) {
          const { provider } = yield* play(program, [{ steps: [...steps, ...program.answering("pong").slice(1)] }])
          assert.isUndefined(answered((yield* cliLab.ask(provider)).outcome).usage)
        }
      }))
  })

  test("takes an end with 0 after SIGTERM for no answer", () =>
    Effect.gen(function*() {
      const steps: ReadonlyArray<FakeCli.Step> = [
        usage(JSON.stringify({ modelMetrics: {} })),
        { print: cliFixtures.text("copilot-terminated.out") },
        { exit: 0 }
      ]
      const { provider } = yield* play(program, [{ steps }])
      failed((yield* cliLab.ask(provider)).outcome, "Unavailable")
    }))

  test("starts a new session when the one to be continued is gone", () =>
    Effect.gen(function*() {
      const { cli, provider } = yield* play(program, [
        { when: "--resume", steps: [{ error: cliFixtures.text("copilot-lostsession.err") }, { exit: 1 }] },
        { steps: program.answering("pong") }
      ])
      const error = failed((yield* cliLab.ask(provider, { session })).outcome, "Unavailable")
      assert.isUndefined(error.session)
      const { outcome, told } = yield* cliLab.ask(provider, { session })
      const { session: started } = answered(outcome)
      assert.notStrictEqual(started, session.id)
      assert.deepStrictEqual(told.sessions, [started])
      assert.strictEqual(cli.starts().length, 2)
    }))

  test("keeps a key out of everything it hands on", () =>
    Effect.gen(function*() {
      const key = "provider-key-4711-0815"
      const text = `my key is ${key}`
      const steps: ReadonlyArray<FakeCli.Step> = [{ error: key }, ...program.answering(text)]
      const { provider } = yield* play(program, [{ steps }], { COPILOT_PROVIDER_API_KEY: key })
      const { raw, text: answer } = answered((yield* cliLab.ask(provider)).outcome)
      assert.notInclude(raw + answer, key)
      assert.include(answer, "my key is")
    }))
})
