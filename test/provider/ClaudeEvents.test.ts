import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Money from "../../src/domain/Money.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Claude from "../../src/provider/Claude.ts"
import * as ClaudeEvents from "../../src/provider/ClaudeEvents.ts"
import type { Completion, End, Events, Problem } from "../../src/provider/CliFormat.ts"
import type { Session } from "../../src/provider/Provider.ts"
import { root } from "../lib/node.ts"

const fixture = (name: string) => {
  const read = (end: string) => {
    const file = Path.join(root, `test/fixtures/cli/claude-${name}.${end}`)
    return Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : ""
  }
  return { out: read("out"), err: read("err") }
}

const nowMillis = Date.parse("2026-11-20T22:08:12Z")
const ended = (fields: Partial<End> = {}): End => ({
  code: 0,
  signal: null,
  endedBy: "itself",
  stderr: "",
  outputBytes: 0,
  nowMillis,
  ...fields
})

interface Read {
  readonly completion: Completion | undefined
  readonly problem: Problem | undefined
  readonly session: string | undefined
  readonly isComplete: boolean
}

/** Folds the lines of an output, as the provider does. */
const fold = (events: Events, lines: ReadonlyArray<string>, end: Partial<End> = {}): Read => {
  let session: string | undefined
  let isComplete = false
  for (const line of lines) {
    const told = events.next(line)
    session ??= told.session
    isComplete ||= told.isComplete
    if (isComplete) break
  }
  const completion = events.completion(ended(end))
  const problem = completion === undefined ? Claude.format.failure(ended(end)) : completion.problem
  return { completion, problem, session, isComplete }
}

const readFixture = (name: string, continued?: Session): Read => {
  const { err, out } = fixture(name)
  return fold(ClaudeEvents.make(continued), out.split("\n"), { stderr: err, code: 1 })
}

const counts = (input: number, output: number, read: number, write: number): Usage.Usage => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadTokens: read,
  cacheWriteTokens: write
})
const one = counts(12, 7, 1_000, 100)
const times = (count: number) => counts(12 * count, 7 * count, 1_000 * count, 100 * count)

interface Expected {
  readonly text?: string
  readonly structured?: unknown
  readonly reason?: ProviderReason
  readonly wait?: number
  readonly usage?: Usage.Usage
  readonly cost?: number
  readonly session?: string | undefined
  readonly model?: string
}

const answer: Expected = { text: "PONG {\"answer\":42}", usage: one, cost: 0.000444, model: "claude-sonnet-5-5" }
const nothing: Expected = { usage: Usage.zero, cost: 0 }

const cases: Readonly<Record<string, Expected>> = {
  json: { ...answer, session: "06b4bea1-8cc7-42af-aa8b-b5eab0e95997" },
  stream: { ...answer, session: "af8432f2-04f1-4eb4-aaa3-60a1ed488090" },
  "oauth-ok": { ...answer, session: "b454554b-0763-4f6f-94e3-7f0fcc031277" },
  schema: { ...answer, text: "{\"answer\":42}", structured: { answer: 42 } },
  // the model never gave the schema's form: the text is what there is
  badschema: { ...answer, usage: times(3), cost: 0.001332 },
  "write-ok": { ...answer, usage: times(2), cost: 0.000888 },
  "write-denied": { ...answer, usage: times(2), cost: 0.000888 },
  "400big": { ...nothing, reason: "ContextOverflow" },
  "400credit": { ...nothing, reason: "Billing" },
  "401b": { ...nothing, reason: "Authentication" },
  "403": { ...nothing, reason: "Permission" },
  "404": { ...nothing, reason: "UnknownModel" },
  "429a": { ...nothing, reason: "RateLimited", session: "17b22057-893f-43d7-b6a5-fa5d86d0dd77" },
  "500": { ...nothing, reason: "Unavailable" },
  "529": { ...nothing, reason: "Overloaded" },
  sub429: { ...nothing, reason: "RateLimited" },
  "oauth-sub429": { ...nothing, reason: "UsageLimit", wait: 1_795_216_092_000 - nowMillis },
  refused: { ...nothing, reason: "Transport" },
  nologin: { ...nothing, reason: "Authentication" },
  // text of the program's own, which no model wrote
  slash: { ...nothing, reason: "Unknown" },
  refusal: { reason: "Refused", usage: times(2), cost: 0.000888 },
  maxtokens: { reason: "Truncated", usage: times(4), cost: 0.001776 },
  maxturns: { reason: "Truncated", usage: one, cost: 0.000444 },
  // its own usage is zero, the models' is not
  budget: { reason: "Billing", usage: one, cost: 0.000444 },
  lostsession: { ...nothing, reason: "Unavailable" }
}

const started: Session = { id: "5f0c3c1e-0d2e-4a2e-9d55-0a4d7f6c1b2a", used: one, cost: Money.fromUsd(0.000444) }

describe("ClaudeEvents", () => {
  for (const [name, expected] of Object.entries(cases)) {
    it(`reads ${name} as ${expected.reason ?? "an answer"}`, () => {
      const { completion, isComplete, problem, session } = readFixture(name)
      assert.isTrue(isComplete)
      assert.strictEqual(problem?.reason, expected.reason, problem?.detail)
      assert.strictEqual(problem?.retryAfterMs, expected.wait)
      assert.deepStrictEqual(completion?.usage, expected.usage)
      assert.strictEqual(completion?.costUsd, expected.cost)
      assert.deepStrictEqual(completion?.structured, expected.structured)
      if (expected.text !== undefined) assert.strictEqual(completion?.text, expected.text)
      if (expected.model !== undefined) assert.strictEqual(completion?.model, expected.model)
      if (expected.session !== undefined) assert.strictEqual(session, expected.session)
      if (problem !== undefined) assert.notStrictEqual(problem.detail, "")
    })
  }

  it("has a row for every transcript there is", () => {
    const there = Fs.readdirSync(Path.join(root, "test/fixtures/cli"))
      .flatMap((file) => /^claude-(.+)\.out$/.exec(file)?.[1] ?? [])
    assert.sameMembers(there, [...Object.keys(cases), "resume", "stream-resume"])
  })

  it("counts a continued session's request alone, with and without the field that says so", () => {
    for (const name of ["resume", "stream-resume"]) {
      const { completion } = readFixture(name, started)
      assert.deepStrictEqual(completion?.usage, one)
      assert.approximately(completion?.costUsd ?? 0, 0.000444, 1e-12)
    }
  })

  it("knows no cost of a continued session's request when it is not known what the session had cost", () => {
    const { completion } = readFixture("resume", { ...started, cost: undefined })
    assert.isUndefined(completion?.costUsd)
    assert.deepStrictEqual(completion?.usage, one)
  })

  it("names no session that is not there", () => {
    const { problem, session } = readFixture("lostsession", started)
    assert.strictEqual(problem?.isSessionLost, true)
    assert.isUndefined(session)
  })

  it("tells a lost session, an unknown flag and an unknown agent from what is on the error output", () => {
    const said = (name: string) => Claude.format.failure(ended({ stderr: fixture(name).err, code: 1 }))
    assert.strictEqual(said("lostsession")?.isSessionLost, true)
    assert.strictEqual(said("badflag")?.reason, "Misconfigured")
    assert.strictEqual(said("badagent")?.reason, "InvalidRequest")
    assert.isUndefined(said("404"))
  })

  it("adds up the usage of several results, of which all but the last announce another", () => {
    const result = (fields: Record<string, unknown>) =>
      JSON.stringify({
        type: "result",
        subtype: "success",
        is_error: false,
        result: "first",
        total_cost_usd: 9,
        model_usage_since_last_result: { m: { inputTokens: 3, outputTokens: 2, costUSD: 0.5 } },
        ...fields
      })
    const { completion } = fold(ClaudeEvents.make(undefined), [
      result({ queued_turn_count: 1 }),
      result({ result: "second", queued_turn_count: 0 }),
      result({ result: "third" })
    ])
    assert.strictEqual(completion?.text, "second")
    assert.deepStrictEqual(completion?.usage, counts(6, 4, 0, 0))
    assert.strictEqual(completion?.costUsd, 1)
  })

  it("tells usage once per message, however many parts it comes in, subagents' included", () => {
    const events = ClaudeEvents.make(undefined)
    const part = (id: string, output: number, parent: string | null = null) =>
      JSON.stringify({
        type: "assistant",
        parent_tool_use_id: parent,
        message: { id, model: "m", usage: { input_tokens: 1, output_tokens: output } }
      })
    const told = [part("a", 2), part("a", 2), part("a", 5), part("b", 1, "tool"), part("a", 5)].map((line) =>
      events.next(line).usage?.outputTokens
    )
    assert.deepStrictEqual(told, [2, undefined, 5, 6, undefined])
  })

  describe("takes no answer from a result that", () => {
    const base = { type: "result", subtype: "success", is_error: false, result: "yes", usage: { output_tokens: 1 } }
    const readOne = (fields: Record<string, unknown>, before: ReadonlyArray<string> = []) =>
      fold(ClaudeEvents.make(undefined), [...before, JSON.stringify({ ...base, ...fields })])

    it("is an error although its subtype is success", () => {
      assert.strictEqual(readOne({ is_error: true }).problem?.reason, "Unknown")
    })
    it("says in no form that can be read whether it is an error", () => {
      for (const is_error of ["true", "false", 1, 0, null, {}]) assert.isDefined(readOne({ is_error }).problem)
      assert.isUndefined(readOne({ is_error: undefined }).problem)
      assert.isDefined(readOne({ is_error: undefined, subtype: "error_during_execution" }).problem)
    })
    it("is the text of an API error for which nothing was used", () => {
      const result = "API Error: 529 {\"type\":\"error\"}"
      assert.strictEqual(readOne({ result, usage: { output_tokens: 0 } }).problem?.reason, "Overloaded")
      assert.isUndefined(readOne({ result, usage: { output_tokens: 30 } }).problem)
    })
    it("stands for a message the program wrote itself", () => {
      const event = JSON.stringify({ type: "assistant", message: { id: "x", model: "<synthetic>" } })
      assert.isDefined(readOne({}, [event]).problem)
    })
    it("was stopped by the model's safeguards or by the bound on output", () => {
      assert.strictEqual(readOne({ stop_reason: "refusal" }).problem?.reason, "Refused")
      assert.strictEqual(readOne({ stop_reason: "max_tokens" }).problem?.reason, "Truncated")
    })
    it("has neither a text nor a structured answer", () => {
      for (const result of [undefined, 42, null, ["yes"]]) {
        assert.strictEqual(readOne({ result }).problem?.reason, "Malformed")
      }
    })
  })

  it("waits until the text's time where no event gave one", () => {
    const limit = (result: string) =>
      fold(ClaudeEvents.make(undefined), [JSON.stringify({ type: "result", is_error: true, result })]).problem
    for (
      const text of ["You've hit your limit · resets 11:08pm (UTC)", "You've hit your weekly limit · resets 11:08pm"]
    ) {
      assert.strictEqual(limit(text)?.reason, "UsageLimit")
      assert.strictEqual(limit(text)?.retryAfterMs, 3_600_000 - 12_000)
    }
    assert.isUndefined(limit("You've hit your limit")?.retryAfterMs)
  })

  describe("bears whatever a line holds", () => {
    const goldens = ["stream", "429a", "oauth-sub429", "schema", "refusal", "stream-resume"].map((name) =>
      fixture(name).out.split("\n").filter((line) => line !== "")
    )

    const odd = FastCheck.oneof(
      FastCheck.constantFrom(null, -1, 1e308, "12", "", true, [], {}, "NaN", 0.5),
      FastCheck.jsonValue() as FastCheck.Arbitrary<unknown>
    )

    /** Changes one field, at any depth. */
    const change = (value: unknown, path: ReadonlyArray<number>, to: unknown): unknown => {
      if (typeof value !== "object" || value === null || path.length === 0) return to
      const keys = Object.keys(value)
      const key = keys[(path[0] ?? 0) % Math.max(1, keys.length)]
      if (key === undefined) return to
      const copy: Record<string, unknown> = { ...value as Record<string, unknown> }
      copy[key] = change(copy[key], path.slice(1), to)
      return Array.isArray(value) ? Object.values(copy) : copy
    }

    const mutation = FastCheck.oneof(
      FastCheck.record({ kind: FastCheck.constant("drop" as const), at: FastCheck.nat(20) }),
      FastCheck.record({ kind: FastCheck.constant("repeat" as const), at: FastCheck.nat(20) }),
      FastCheck.record({ kind: FastCheck.constant("first" as const), at: FastCheck.nat(20) }),
      FastCheck.record({
        kind: FastCheck.constant("cut" as const),
        at: FastCheck.nat(20),
        length: FastCheck.nat(3_000)
      }),
      FastCheck.record({
        kind: FastCheck.constant("insert" as const),
        at: FastCheck.nat(20),
        text: FastCheck.string()
      }),
      FastCheck.record({ kind: FastCheck.constant("event" as const), at: FastCheck.nat(20), value: odd }),
      FastCheck.record({
        kind: FastCheck.constant("field" as const),
        at: FastCheck.nat(20),
        path: FastCheck.array(FastCheck.nat(40), { minLength: 1, maxLength: 4 }),
        to: odd
      })
    )
    type Mutation = typeof mutation extends FastCheck.Arbitrary<infer A> ? A : never

    const mutate = (lines: ReadonlyArray<string>, mutation: Mutation): ReadonlyArray<string> => {
      const at = mutation.at % Math.max(1, lines.length)
      const line = lines[at] ?? ""
      switch (mutation.kind) {
        case "drop":
          return lines.toSpliced(at, 1)
        case "repeat":
          return lines.toSpliced(at, 0, line)
        case "first":
          return [line, ...lines.toSpliced(at, 1)]
        case "cut":
          return lines.toSpliced(at, 1, line.slice(0, mutation.length))
        case "insert":
          return lines.toSpliced(at, 0, mutation.text.replaceAll("\n", " "))
        case "event":
          return lines.toSpliced(at, 0, JSON.stringify({ type: mutation.value, session_id: mutation.value }))
        case "field":
          try {
            return lines.toSpliced(at, 1, JSON.stringify(change(JSON.parse(line), mutation.path, mutation.to)))
          } catch {
            return lines
          }
      }
    }

    /** Whether a line is a result that may be an answer, judged apart from the parser. */
    const mayAnswer = (line: string): boolean => {
      try {
        const value = JSON.parse(line) as Record<string, unknown>
        return value["type"] === "result" && (value["is_error"] === false || !("is_error" in value)) &&
          (typeof value["result"] === "string" || (value["structured_output"] ?? undefined) !== undefined)
      } catch {
        return false
      }
    }

    it("and answers only by a result that is no error", () => {
      let answers = 0
      let failures = 0
      FastCheck.assert(
        FastCheck.property(
          FastCheck.constantFrom(...goldens),
          FastCheck.array(mutation, { maxLength: 4 }),
          (golden, mutations) => {
            const lines = mutations.reduce(mutate, golden as ReadonlyArray<string>)
            const { completion, problem, session } = fold(ClaudeEvents.make(started), lines)
            if (session !== undefined) assert.isString(session)
            if (completion === undefined) return
            if (completion.usage !== undefined) {
              assert.isTrue(Schema.is(Schema.typeSchema(Usage.Usage))(completion.usage))
            }
            if (problem === undefined) {
              answers += 1
              assert.isTrue(lines.some(mayAnswer))
            } else {
              failures += 1
              assert.isString(problem.detail)
            }
          }
        ),
        { numRuns: 2_000 }
      )
      assert.isAbove(answers, 100)
      assert.isAbove(failures, 100)
    })
  })
})
