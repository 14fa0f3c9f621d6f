import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Usage from "../../src/domain/Usage.ts"
import * as GeminiCli from "../../src/provider/GeminiCli.ts"
import type { Session } from "../../src/provider/Provider.ts"
import { directoryWith } from "../lib/node.ts"
import * as cliFixtures from "./cliFixtures.ts"
import * as cliLab from "./cliLab.ts"
import { answered, failed, test } from "./cliLab.ts"
import { argv, play, started, suite } from "./programSuite.ts"
import type { Program } from "./programSuite.ts"

const line = (type: string, fields: Record<string, unknown> = {}) => `${JSON.stringify({ type, ...fields })}\n`
const init = line("init", { session_id: "ses-1", model: "gemini-2.5-flash" })
const stats = { total_tokens: 22, input_tokens: 12, output_tokens: 7, cached: 4 }

const program: Program = {
  program: "gemini",
  make: GeminiCli.make,
  beginning: [{ print: init + line("message", { role: "assistant", content: "po", delta: true }) }],
  answering: (text) => [{
    print: init + line("message", { role: "user", content: "Say pong" }) +
      line("message", { role: "assistant", content: text, delta: true }) + line("result", { status: "success", stats })
  }]
}
const session: Session = { id: "ses-1", used: Usage.zero, cost: undefined }

suite("gemini-cli", program)

describe("GeminiCli", () => {
  const always = ["--output-format=stream-json", "--skip-trust"]

  test("is started for reading with the tools that ask nobody, whatever is read", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* argv(program), [...always, "--approval-mode=default"])
      assert.deepStrictEqual(yield* argv(program, { readScope: [] }), [...always, "--approval-mode=default"])
    }))

  test("is started for changing files with edits approved, and nothing else", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* argv(program, { mutates: true }), [...always, "--approval-mode=auto_edit"])
    }))

  test("is started with the model, the session and the permissions of a call, in its directory", () =>
    Effect.gen(function*() {
      const cwd = directoryWith({})
      const fields = { cwd, model: "gemini-2.5-pro", session, permissions: ["run_shell_command(git log)"] }
      assert.deepStrictEqual(yield* argv(program, fields), [
        ...always,
        "--approval-mode=default",
        "--model=gemini-2.5-pro",
        "--resume=ses-1",
        "--allowed-tools=run_shell_command(git log)"
      ])
      assert.strictEqual((yield* started(program, fields)).env["PWD"], cwd)
    }))

  test("is started with flags that its help knows", () =>
    Effect.gen(function*() {
      const help = cliFixtures.text("gemini-help.txt")
      const args = yield* argv(program, { model: "m", session, permissions: ["x"] })
      for (const flag of cliFixtures.flagsOf(args)) assert.match(help, new RegExp(`^ .*${flag}\\b`, "m"))
    }))

  test("is started with its own keys alone", () =>
    Effect.gen(function*() {
      const keys = {
        GEMINI_API_KEY: "key-4711-0815",
        GOOGLE_CLOUD_PROJECT: "p",
        OPENAI_API_KEY: "key-4711-0815",
        GH_TOKEN: "token-4711"
      }
      const { env } = yield* started(program, {}, keys)
      assert.deepStrictEqual(Object.keys(env).filter((name) => name in keys), [
        "GEMINI_API_KEY",
        "GOOGLE_CLOUD_PROJECT"
      ])
    }))

  test("refuses a permission that lets an agent write in a call that may only read", () =>
    Effect.gen(function*() {
      const { cli, provider } = yield* play(program, [])
      for (const permission of ["write_file", "replace", "run_shell_command"]) {
        failed((yield* cliLab.ask(provider, { permissions: [permission] })).outcome, "InvalidRequest")
      }
      assert.deepStrictEqual(cli.starts(), [])
    }))

  test("prices what was used, reasoning included, and tells the session at once", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [{ steps: program.answering("pong") }])
      const { outcome, told } = yield* cliLab.ask(provider)
      const { cost, model, usage } = answered(outcome)
      assert.deepStrictEqual(usage, Usage.make({ inputTokens: 8, outputTokens: 10, cacheReadTokens: 4 }))
      // 8 input at 1 dollar, 4 from the cache at 0.1, 10 output at 10 dollars per million
      assert.deepStrictEqual({ amount: Number(cost?.amount), source: cost?.source }, {
        amount: 108_400,
        source: "test prices"
      })
      assert.strictEqual(model, "gemini-2.5-flash")
      assert.deepStrictEqual(told.sessions, ["ses-1"])
    }))

  test("tells a failed login from the exit code", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [{
        steps: [{ error: cliFixtures.text("gemini-nologin.err") }, { exit: 41 }]
      }])
      failed((yield* cliLab.ask(provider)).outcome, "Authentication")
    }))

  test("starts a new session when the one to be continued is gone", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [
        { when: "--resume", steps: [{ error: cliFixtures.text("gemini-lostsession.err") }, { exit: 42 }] },
        { steps: program.answering("pong") }
      ])
      failed((yield* cliLab.ask(provider, { session })).outcome, "Unavailable")
      answered((yield* cliLab.ask(provider, { session })).outcome)
    }))
})
