import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as OpenCode from "../../src/provider/OpenCode.ts"
import type { Request, Session } from "../../src/provider/Provider.ts"
import { directoryWith } from "../lib/node.ts"
import * as cliFixtures from "./cliFixtures.ts"
import * as cliLab from "./cliLab.ts"
import { answered, failed, test } from "./cliLab.ts"
import { argv, play, started, suite } from "./programSuite.ts"
import type { Program } from "./programSuite.ts"

const line = (type: string, part: Record<string, unknown> = {}) =>
  `${JSON.stringify({ type, sessionID: "ses_1", part })}\n`
const tokens = { input: 12, output: 4, reasoning: 3, cache: { read: 10, write: 1 } }

const program: Program = {
  program: "opencode",
  make: OpenCode.make,
  beginning: [{ print: line("step_start") + line("text", { text: "po" }) }],
  answering: (text) => [{
    print: line("step_start") + line("text", { text }) + line("step_finish", { reason: "stop", tokens, cost: 0.25 })
  }]
}
const session: Session = { id: "ses_1", used: Usage.zero, cost: undefined }

const rules = (fields: Partial<Request> = {}) =>
  Effect.map(
    started(program, fields, { OPENCODE_PERMISSION: "{\"*\":\"allow\"}" }),
    ({ env }) => env["OPENCODE_PERMISSION"]
  )

suite("opencode", program)

describe("OpenCode", () => {
  const always = ["run", "--format=json"]

  test("is started with the model, the agent, the session and the directory of a call", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* argv(program), [...always, "--agent=build", "--title=owf call-1"])
      const cwd = directoryWith({})
      const fields = { cwd, model: "anthropic/claude-sonnet-5-5", agentType: "reviewer", session }
      assert.deepStrictEqual(yield* argv(program, fields), [
        ...always,
        "--agent=reviewer",
        `--dir=${cwd}`,
        "--model=anthropic/claude-sonnet-5-5",
        "--session=ses_1"
      ])
    }))

  test("is started with flags that its help knows, and never with the one that approves all", () =>
    Effect.gen(function*() {
      const help = cliFixtures.text("opencode-run-help.txt")
      const args = yield* Effect.forEach(
        [{}, { session, model: "m/m", cwd: directoryWith({}), mutates: true }],
        (fields) => argv(program, fields)
      )
      for (const flag of cliFixtures.flagsOf(args.flat())) assert.match(help, new RegExp(`^ .*${flag}\\b`, "m"))
      assert.notInclude(args.flat(), "--auto")
    }))

  describe("gives an agent", () => {
    test("for reading the right to read and to search, whatever the environment says", () =>
      Effect.gen(function*() {
        assert.strictEqual(
          yield* rules(),
          `{"*":"deny","read":"allow","list":"allow","glob":"allow","grep":"allow","edit":"deny"}`
        )
      }))
    test("for an answer alone no right at all", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* rules({ readScope: [] }), `{"*":"deny","edit":"deny"}`)
      }))
    test("for changing files the right to do so, and to nothing else", () =>
      Effect.gen(function*() {
        assert.strictEqual(
          yield* rules({ mutates: true }),
          `{"*":"deny","read":"allow","list":"allow","glob":"allow","grep":"allow","edit":"allow"}`
        )
      }))
    test("the permissions of the call, each pattern after what it is an exception of", () =>
      Effect.gen(function*() {
        const permissions = ["bash(git log*)", "bash(git show*)", "webfetch"]
        assert.strictEqual(
          yield* rules({ permissions }),
          `{"*":"deny","read":"allow","list":"allow","glob":"allow","grep":"allow",` +
            `"bash":{"*":"deny","git log*":"allow","git show*":"allow"},"webfetch":{"*":"allow"},"edit":"deny"}`
        )
      }))
  })

  test("refuses a permission that lets an agent write in a call that may only read", () =>
    Effect.gen(function*() {
      const { cli, provider } = yield* play(program, [])
      for (const permission of ["edit", "edit(src/*)", "bash", "bash(*)", "*"]) {
        failed((yield* cliLab.ask(provider, { permissions: [permission] })).outcome, "InvalidRequest")
      }
      assert.deepStrictEqual(cli.starts(), [])
    }))

  test("hands on what it says of tokens and dollars, and the session at once", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [{ steps: program.answering("pong") }])
      const { outcome, told } = yield* cliLab.ask(provider)
      const { cost, usage } = answered(outcome)
      assert.deepStrictEqual(usage, { inputTokens: 12, outputTokens: 7, cacheReadTokens: 10, cacheWriteTokens: 1 })
      assert.deepStrictEqual(cost, { amount: Money.fromUsd(0.25), source: "provider" })
      assert.deepStrictEqual(told, { sessions: ["ses_1"], usage: [7] })
    }))

  test("takes an answer that was cut for none, although the exit code is 0", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [{ steps: [{ print: cliFixtures.text("opencode-cut.out") }] }])
      const error = failed((yield* cliLab.ask(provider)).outcome, "Truncated")
      assert.strictEqual(error.usage?.outputTokens, 7)
    }))

  test("starts a new session when the one to be continued is gone", () =>
    Effect.gen(function*() {
      const { provider } = yield* play(program, [
        { when: "--session", steps: [{ error: cliFixtures.text("opencode-lostsession.err") }, { exit: 1 }] },
        { steps: program.answering("pong") }
      ])
      failed((yield* cliLab.ask(provider, { session })).outcome, "Unavailable")
      answered((yield* cliLab.ask(provider, { session })).outcome)
    }))
})
