import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as AnswerSchema from "../../src/domain/AnswerSchema.ts"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type { JsonSchemaObject } from "../../src/internal/jsonSchema.ts"
import * as Claude from "../../src/provider/Claude.ts"
import * as ClaudeSchema from "../../src/provider/ClaudeSchema.ts"
import type { Request, Session } from "../../src/provider/Provider.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import * as FakeCli from "../lib/FakeCli.ts"
import { answered, test } from "./cliLab.ts"
import * as cliLab from "./cliLab.ts"

const line = (value: unknown) => `${JSON.stringify(value)}\n`
const session = "{{--session-id|--resume}}"
const init = line({ type: "system", subtype: "init", session_id: session, model: "claude-sonnet-5-5" })
const result = (fields: Record<string, unknown> = {}) =>
  init + line({
    type: "result",
    subtype: "success",
    is_error: false,
    result: "pong",
    session_id: session,
    total_cost_usd: 0.25,
    usage: { input_tokens: 3, output_tokens: 5 },
    ...fields
  })

const play = (parts: ReadonlyArray<FakeCli.Part>) =>
  Effect.gen(function*() {
    const cli = FakeCli.make("claude", parts)
    return { cli, claude: yield* cliLab.build(Claude.make({ concurrency: 8 }), cli) }
  })

const id = "0a1b2c3d-0000-4000-8000-000000000000"

const invocation = (fields: Partial<Request> = {}) =>
  Claude.format.invocation(ProviderContract.request({ model: "default", prompt: "Do it.", ...fields }), id)

const invoked = (fields: Partial<Request> = {}) => {
  const found = invocation(fields)
  if (Either.isLeft(found)) assert.fail(found.left.detail)
  return { ...found.right, args: found.right.args("/private/dir") }
}

const refused = (fields: Partial<Request>): string => {
  const found = invocation(fields)
  if (Either.isRight(found)) assert.fail("it was not refused")
  assert.strictEqual(found.left.reason, "InvalidRequest")
  return found.left.detail
}

const base = ["-p", "--output-format=stream-json", "--verbose", "--permission-prompts=none"]
const own = `--session-id=${id}`
const used: Session = { id: "s-1", used: Usage.make({ outputTokens: 5 }), cost: Money.fromUsd(0.1) }

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })

describe("Claude", () => {
  describe("shortens a session", () => {
    const shortening = { compact: true, session: used, readScope: [], prompt: "Do it." } as const
    const boundary = line({ type: "system", subtype: "compact_boundary", session_id: "s-1" })

    it("with the program's own command, which it is let know, and without the call's schema", () => {
      const { args, input } = invoked({ ...shortening, schema: { type: "object" } })
      assert.strictEqual(input, "/compact")
      assert.include(args, "--resume=s-1")
      assert.notInclude(args, "--disable-slash-commands")
      assert.isFalse(args.some((arg) => arg.startsWith("--json-schema")))
    })

    it("only where there is one", () => {
      assert.strictEqual(invoked({ compact: true }).input, "Do it.")
    })

    test("and has done so when the program says that, though its result is empty", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: boundary + result({ result: "" }) }] }])
        const answer = answered((yield* cliLab.ask(claude, shortening)).outcome)
        assert.deepInclude(answer, { session: "s-1", usage: Usage.make({ inputTokens: 3, outputTokens: 5 }) })
      }))

    test("and has not when it does not, or says that it failed", () =>
      Effect.gen(function*() {
        const failed = line({ type: "system", subtype: "status", compact_result: "failed" })
        for (const print of [result({ result: "Conversation compacted" }), boundary + failed + result()]) {
          const { claude } = yield* play([{ steps: [{ print }] }])
          const { outcome } = yield* cliLab.ask(claude, shortening)
          assert(Either.isLeft(outcome))
          assert.strictEqual(outcome.left.reason, "ContextOverflow")
        }
      }))
  })

  describe("starts the program", () => {
    it("to read, with the project's settings and the tools that read", () => {
      assert.deepStrictEqual(invoked(), {
        args: [...base, own, "--tools=Read,Grep,Glob", "--strict-mcp-config"],
        input: "Do it."
      })
    })

    it("to read with rules, whose tools it makes available, and MCP servers when one is named", () => {
      const { args } = invoked({ permissions: ["Bash(npm test:*)", "WebFetch(domain:a, b)", "Read"] })
      assert.deepStrictEqual(args, [
        ...base,
        own,
        "--tools=Read,Grep,Glob,Bash,WebFetch",
        "--strict-mcp-config",
        "--allowedTools=Bash(npm test:*)",
        "--allowedTools=WebFetch(domain:a, b)",
        "--allowedTools=Read"
      ])
      assert.deepStrictEqual(invoked({ permissions: ["mcp__github__get_issue"] }).args, [
        ...base,
        own,
        "--tools=Read,Grep,Glob",
        "--allowedTools=mcp__github__get_issue"
      ])
    })

    it("to answer only, without tools, project or system prompt", () => {
      const lean = invoked({ readScope: [], model: "sonnet" })
      assert.deepStrictEqual(lean, {
        args: [
          ...base,
          "--model=sonnet",
          own,
          "--tools=",
          "--setting-sources=user",
          "--strict-mcp-config",
          "--disable-slash-commands",
          "--system-prompt-file=/private/dir/system.txt"
        ],
        input: "Do it.",
        files: { "system.txt": "" }
      })
      assert.deepStrictEqual(invoked({ readScope: [], system: "Be brief." }).files, { "system.txt": "Be brief." })
      // what needs tools has them, though it reads no files that count
      assert.include(invoked({ readScope: [], permissions: ["WebSearch"] }).args, "--tools=Read,Grep,Glob,WebSearch")
      assert.include(invoked({ readScope: [], agentType: "Explore" }).args, "--agent=Explore")
      assert.include(invoked({ readScope: [], mutates: true }).args, "--permission-mode=acceptEdits")
    })

    it("to write, with every tool but those that outlive or leave the call, and never past permissions", () => {
      const { args } = invoked({ mutates: true, writeScope: ["src"], permissions: ["Bash"], system: "S" })
      assert.deepStrictEqual(args, [
        ...base,
        own,
        "--permission-mode=acceptEdits",
        "--disallowedTools=Workflow,ScheduleWakeup,CronCreate,CronDelete,CronList,RemoteTrigger,EnterWorktree,ExitWorktree",
        "--allowedTools=Bash",
        "--append-system-prompt-file=/private/dir/system.txt"
      ])
      assert.notMatch(args.join(" "), /dangerous|bypass/i)
    })

    it("with a schema, an agent and a bound on output", () => {
      const schema: JsonSchemaObject = {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: { a: { type: "integer" } }
      }
      const made = invoked({ schema, agentType: "reviewer", maxOutputTokens: 500 })
      assert.deepStrictEqual(made.args.slice(-2), [
        "--agent=reviewer",
        "--json-schema={\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}"
      ])
      assert.strictEqual(made.input, "Do it.")
      assert.deepStrictEqual(made.environment, { CLAUDE_CODE_MAX_OUTPUT_TOKENS: "500" })
    })

    it("in the session of an earlier request, with what is new alone", () => {
      const correction = { answer: "no", problem: "$.a: is missing" }
      const again = invoked({ session: used, correction })
      assert.include(again.args, "--resume=s-1")
      assert.notInclude(again.args, own)
      assert.include(again.input, "$.a: is missing")
      assert.notInclude(again.input, "Do it.")
      // nothing was wrong with it, it only did not come to its end
      assert.notInclude(invoked({ session: used }).input, "Do it.")
      assert.include(invoked({ session: { ...used, used: Usage.zero } }).input, "Do it.")
    })

    it("with the whole request, the answer and what was wrong with it where no session can be continued", () => {
      const { input } = invoked({ correction: { answer: "{\"a\":\"x\"}", problem: "$.a: is not a number" } })
      for (const part of ["Do it.", "{\"a\":\"x\"}", "$.a: is not a number"]) assert.include(input, part)
    })

    it("with a prompt that begins with a slash as a prompt, not as one of its commands", () => {
      assert.strictEqual(invoked({ prompt: "/cost" }).input, "\n/cost")
      assert.strictEqual(invoked({ prompt: " /cost" }).input, " /cost")
    })
  })

  describe("refuses", () => {
    it("rules that let an agent write in a call that may only read", () => {
      for (
        const rule of ["Edit", "Write(src/**)", "NotebookEdit", "MultiEdit", "Bash", "Bash(*)", "Bash(:*)", "Bash()"]
      ) {
        assert.include(refused({ permissions: ["Read", rule] }), "writeScope")
        assert.isTrue(Either.isRight(invocation({ permissions: [rule], mutates: true })))
      }
    })

    it("what is no rule and no agent's name", () => {
      for (const rule of ["", "--bare", "Bash(", "Bash) x", "a b", "Read\n--bare"]) refused({ permissions: [rule] })
      for (const agentType of ["", "-x", "a b", "../x"]) refused({ agentType })
    })
  })

  describe("puts a schema", () => {
    const argument = (schema: JsonSchemaObject) => ClaudeSchema.make(schema).argument

    it("whose root is no object into one, and takes the answer out of it again", () => {
      const schema = { type: "array", items: { $ref: "#/$defs/A" }, $defs: { A: { type: "string" } } }
      const made = ClaudeSchema.make(schema)
      assert.deepStrictEqual(JSON.parse(made.argument ?? ""), {
        type: "object",
        properties: { value: { type: "array", items: { $ref: "#/$defs/A" } } },
        required: ["value"],
        additionalProperties: false,
        $defs: { A: { type: "string" } }
      })
      assert.deepStrictEqual(made.unwrap({ value: ["x"] }), ["x"])
      // an object that only looks wrapped is left alone
      assert.deepStrictEqual(made.unwrap({ value: 1, more: 2 }), { value: 1, more: 2 })
      assert.deepStrictEqual(ClaudeSchema.make({ type: "object" }).unwrap({ value: 1 }), { value: 1 })
    })

    it("in words where it is too long for an argument or refers to its own root", () => {
      const long = { type: "object", properties: { a: { type: "string", description: "é".repeat(60_000) } } }
      const recursive = { anyOf: [{ type: "string" }, { type: "array", items: { $ref: "#" } }] }
      for (const schema of [long, recursive]) {
        assert.isUndefined(argument(schema))
        const { args, input } = invoked({ schema })
        assert.isFalse(args.some((arg) => arg.startsWith("--json-schema")))
        assert.include(input, JSON.stringify(schema))
      }
      // at its root an object can refer to itself
      assert.isDefined(argument({ type: "object", properties: { a: { $ref: "#" } } }))
    })

    test("and gives the structured answer without what was put around it", () =>
      Effect.gen(function*() {
        const schema = yield* AnswerSchema.make(Schema.Array(Schema.Number))
        const { claude } = yield* play([{
          steps: [{ print: result({ result: "{\"value\":[1,2]}", structured_output: { value: [1, 2] } }) }]
        }])
        const answer = answered((yield* cliLab.ask(claude, { schema: schema.json })).outcome)
        assert.deepStrictEqual(answer.structured, [1, 2])
        assert.strictEqual(answer.text, "[1,2]")
      }))
  })

  describe("continues a session", () => {
    test("and reports what the request added to its cost", () =>
      Effect.gen(function*() {
        const { claude, cli } = yield* play([{ steps: [{ print: result({ total_cost_usd: 0.35 }) }] }])
        const answer = answered((yield* cliLab.ask(claude, { session: used })).outcome)
        assert.deepStrictEqual(answer.cost, { amount: 250_000_000, source: "provider" })
        assert.strictEqual(answer.session, "s-1")
        assert.include(cli.starts()[0]?.argv ?? [], "--resume=s-1")
      }))

    test("and prices the request itself when the session's cost is not known", () =>
      Effect.gen(function*() {
        const { claude } = yield* play([{ steps: [{ print: result() }] }])
        const answer = answered((yield* cliLab.ask(claude, { session: { ...used, cost: undefined } })).outcome)
        assert.deepStrictEqual(answer.cost, { amount: 53_000, source: "test prices" })
      }))

    test("once; when it is gone, the caller's retry starts a new one with the whole request", () =>
      Effect.gen(function*() {
        const said = "No conversation found with session ID: s-1"
        const ways: ReadonlyArray<FakeCli.Part> = [
          { when: "--resume", times: 1, steps: [{ error: `${said}\n` }, { exit: 1 }] },
          { when: "--resume", steps: [{ print: "never\n" }] },
          { steps: [{ print: result() }] }
        ]
        const printed: FakeCli.Part = {
          when: "--resume",
          times: 1,
          steps: [{ print: line({ type: "result", is_error: true, session_id: "s-1", errors: [said] }) }, { exit: 1 }]
        }
        for (const parts of [ways, [printed, ...ways.slice(1)]]) {
          const { claude, cli } = yield* play(parts)
          const fields = { session: used, correction: { answer: "a", problem: "b" }, prompt: "Say it." }
          const lost = yield* Effect.flip((yield* cliLab.ask(claude, fields)).outcome)
          assert.isTrue(lost.isTransient)
          assert.isUndefined(lost.session)
          assert.strictEqual(answered((yield* cliLab.ask(claude, fields)).outcome).text, "pong")
          assert.include(cli.starts()[1]?.input ?? "", "Say it.")
        }
      }))
  })

  test("waits for a limit to end when the program says until when", () =>
    Effect.gen(function*() {
      const resetsAt = Math.floor(Date.now() / 1_000) + 3_600
      const print = line({ type: "rate_limit_event", rate_limit_info: { status: "rejected", resetsAt } }) +
        result({
          is_error: true,
          api_error_status: 429,
          api_error: "usage_limit_reached",
          result: "You've hit your limit"
        })
      const { claude } = yield* play([{ steps: [{ print }, { exit: 1 }] }])
      const error = yield* Effect.flip((yield* cliLab.ask(claude)).outcome)
      assert.strictEqual(error.reason, "UsageLimit")
      assert.isAbove(error.retryAfterMs ?? 0, 3_590_000 - 10_000)
      assert.isAtMost(error.retryAfterMs ?? 0, 3_600_000)
    }))

  it("has a price for its aliases and for the model it chooses itself", () => {
    const { pricedModel } = Claude.format
    assert.deepStrictEqual(
      ["default", "opus", "Sonnet", "sonnet[1m]", "haiku", "claude-opus-4-1"].map(pricedModel),
      [
        "claude-opus-5-5",
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-sonnet-5-5",
        "claude-haiku-4-5",
        "claude-opus-4-1"
      ]
    )
  })

  ProviderContract.suite(
    "claude",
    Effect.gen(function*() {
      const label = { label: "bug", why: "it is one" }
      const { claude } = yield* play([
        {
          when: "--json-schema",
          steps: [{ print: result({ result: JSON.stringify(label), structured_output: label }) }]
        },
        { steps: [{ print: result() }] }
      ])
      return claude
    })
  )

  test("gives the contract's schema to the program as it is", () =>
    Effect.gen(function*() {
      const schema = yield* AnswerSchema.make(Label)
      const { claude, cli } = yield* play([{
        steps: [{ print: result({ structured_output: { label: "bug", why: "x" } }) }]
      }])
      yield* cliLab.ask(claude, { schema: schema.json })
      const argument = cli.starts()[0]?.argv.find((arg) => arg.startsWith("--json-schema=")) ?? ""
      const { $schema: _, ...plain } = schema.json
      assert.deepStrictEqual(JSON.parse(argument.slice("--json-schema=".length)), plain)
    }))
})
