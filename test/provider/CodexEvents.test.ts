import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as FastCheck from "effect/FastCheck"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Usage from "../../src/domain/Usage.ts"
import type { Completion, End, Problem } from "../../src/provider/CliFormat.ts"
import * as Codex from "../../src/provider/Codex.ts"
import * as CodexEvents from "../../src/provider/CodexEvents.ts"
import type { Request } from "../../src/provider/Provider.ts"
import { request } from "../contract/ProviderContract.ts"
import { root } from "../lib/node.ts"

const folder = Path.join(root, "test/fixtures/cli")
const recorded = (name: string, kind: "out" | "err" | "rc") =>
  Fs.readFileSync(Path.join(folder, `codex-${name}.${kind}`), "utf8")

const noon = Date.parse("2026-11-21T12:00:00Z")
const empty = { model: undefined, modelProvider: undefined, keyVariables: [] }
const format = Codex.format(
  () => ({ home: undefined, base: empty, profiles: new Map() }),
  DateTime.zoneMakeOffset(0)
)

const end = (fields: Partial<End> = {}): End => ({
  code: 0,
  signal: null,
  endedBy: "itself",
  stderr: "",
  outputBytes: 1,
  nowMillis: noon,
  ...fields
})

interface Read {
  readonly completion: Completion | undefined
  readonly problem: Problem | undefined
  readonly session: string | undefined
  /** Number of the line, from 1, after which nothing else matters. */
  readonly completeAt: number | undefined
}

const readLines = (lines: ReadonlyArray<string>, ended: End, asked: Request = request()): Read => {
  const events = format.events(asked)
  let session: string | undefined
  let completeAt: number | undefined
  for (const [index, line] of lines.entries()) {
    const told = events.next(line)
    session = told.session ?? session
    if (told.isComplete) completeAt = index + 1
    if (told.isComplete) break
  }
  const completion = events.completion(ended)
  const problem = completion === undefined ? format.failure(ended) : completion.problem
  return { completion, problem, session, completeAt }
}

const readFixture = (name: string, asked?: Request): Read => {
  const code = Number(/ rc=(\d+)/.exec(recorded(name, "rc"))?.[1])
  const lines = recorded(name, "out").split("\n").filter((line) => line !== "")
  return readLines(lines, end({ code, stderr: recorded(name, "err") }), asked)
}

const once = Usage.make({ inputTokens: 12, outputTokens: 7, cacheReadTokens: 1_000 })
const twice = Usage.make({ inputTokens: 24, outputTokens: 14, cacheReadTokens: 2_000 })

const answers: Readonly<Record<string, { readonly text: string; readonly usage: Usage.Usage }>> = {
  json: { text: "PONG {\"answer\":42}", usage: once },
  schema: { text: "{\"answer\":42}", usage: once },
  shell: { text: "PONG {\"answer\":42}", usage: twice },
  resume: { text: "PONG {\"answer\":42}", usage: twice },
  itemerror: { text: "hi", usage: Usage.make({ inputTokens: 12, outputTokens: 7, cacheReadTokens: 8 }) }
}

const failures: Readonly<Record<string, Partial<Problem> & Pick<Problem, "reason">>> = {
  "400": { reason: "InvalidRequest", detail: "refused" },
  "400big": { reason: "ContextOverflow", detail: "prompt is too long: 210000 tokens > 200000 maximum" },
  "401": { reason: "Authentication" },
  "403": { reason: "Permission" },
  "404": { reason: "Unknown", detail: "refused" },
  "429": { reason: "RateLimited" },
  "500": { reason: "Overloaded" },
  "503": { reason: "Overloaded" },
  quota: { reason: "Billing", detail: "Quota exceeded. Check your plan and billing details." },
  // 11:09 PM is 11 hours and 10 minutes from noon, its minute included
  usage: { reason: "UsageLimit", retryAfterMs: (11 * 60 + 10) * 60_000 },
  limitdate: { reason: "UsageLimit", retryAfterMs: Date.parse("2026-11-24T04:34:00Z") - noon },
  nokey: { reason: "Authentication" },
  lostsession: { reason: "Unavailable", isSessionLost: true },
  toolong: { reason: "ContextOverflow" },
  noprompt: { reason: "InvalidRequest" },
  badflag: { reason: "Misconfigured" },
  badconfig: { reason: "Misconfigured" },
  oldprofile: { reason: "Misconfigured" },
  nogit: { reason: "Misconfigured" }
}

describe("what codex printed", () => {
  it("is known of every recording", () => {
    const names = Fs.readdirSync(folder).flatMap((file) => /^codex-(.+)\.out$/.exec(file)?.[1] ?? [])
    assert.deepStrictEqual(names.toSorted(), [...Object.keys(answers), ...Object.keys(failures)].toSorted())
  })

  it.each(Object.entries(answers))("is an answer in %s", (name, { text, usage }) => {
    const { completeAt, completion, problem, session } = readFixture(name)
    assert.strictEqual(problem, undefined)
    assert.strictEqual(completion?.text, text)
    assert.deepStrictEqual(completion?.usage, usage)
    assert.strictEqual(completion?.costUsd, undefined)
    assert.match(session ?? "", /^[\da-f]{8}-[\da-f]{4}-7/)
    assert.strictEqual(completeAt, recorded(name, "out").trim().split("\n").length)
  })

  it.each(Object.entries(failures))("is no answer in %s", (name, expected) => {
    const { problem } = readFixture(name)
    assert.deepInclude(problem, expected)
    assert.notStrictEqual(problem?.detail, "")
    assert.notInclude(problem?.detail ?? "", "could not create PATH aliases")
    if (!("retryAfterMs" in expected)) assert.strictEqual(problem?.retryAfterMs, undefined)
  })
})

const session = "01a1fb01-1271-7c12-87d3-3dc11a49efe3"
const continued = (id: string, used: Usage.Usage) => request({ session: { id, used, cost: undefined } })

describe("tokens of a session", () => {
  it("are what the request added to it", () => {
    assert.deepStrictEqual(readFixture("resume", continued(session, once)).completion?.usage, once)
  })
  it("are counted anew in a thread that is not the one to be continued", () => {
    assert.deepStrictEqual(readFixture("resume", continued("another", once)).completion?.usage, twice)
  })
  it("are the request's own when they are fewer than those already known", () => {
    const used = Usage.make({ inputTokens: 5_000 })
    assert.deepStrictEqual(readFixture("resume", continued(session, used)).completion?.usage, twice)
  })
  it("are told with the line that counts them", () => {
    const events = format.events(continued(session, once))
    const told = recorded("resume", "out").trim().split("\n").map(events.next)
    assert.deepStrictEqual(told.map(({ usage }) => usage), [undefined, undefined, undefined, once])
  })
})

const line = (value: object) => JSON.stringify(value)
const message = (text: string) => line({ type: "item.completed", item: { type: "agent_message", text } })
const completed = (usage: unknown = { input_tokens: 1, output_tokens: 1 }) => line({ type: "turn.completed", usage })

describe("the events of a turn", () => {
  it("give the last message", () => {
    const { completion } = readLines([message("one"), message("two"), completed()], end())
    assert.strictEqual(completion?.text, "two")
  })

  it("give no answer before the turn is completed, whatever the exit code", () => {
    for (const code of [0, 1]) {
      const { completeAt, completion } = readLines([message("half of it")], end({ code }))
      assert.strictEqual(completion, undefined)
      assert.strictEqual(completeAt, undefined)
    }
  })

  it("count although the program fails after them", () => {
    const { completion, problem } = readLines([message("done"), completed()], end({ code: 1, stderr: "Error: late" }))
    assert.strictEqual(completion?.text, "done")
    assert.strictEqual(problem, undefined)
  })

  it("fail the turn also where it had a message", () => {
    const failed = line({ type: "turn.failed", error: { message: "stream disconnected before completion" } })
    assert.strictEqual(readLines([message("half"), failed], end({ code: 1 })).problem?.reason, "Transport")
  })

  it("take the answer from the file where no line has it", () => {
    const { completion } = readLines([completed()], end({ reports: { "last-message.txt": "from the file" } }))
    assert.strictEqual(completion?.text, "from the file")
  })

  it("say why the program gave up without failing the turn", () => {
    const error = line({ type: "error", message: "unexpected status 401 Unauthorized: no" })
    assert.strictEqual(readLines([error], end({ code: 1 })).problem?.reason, "Authentication")
    assert.strictEqual(readLines([error], end({ code: null, endedBy: "silence" })).completion, undefined)
  })

  it("are not disturbed by errors while codex connects again", () => {
    const again = line({ type: "error", message: "Reconnecting... 1/5 (stream closed)" })
    const item = line({ type: "item.completed", item: { type: "error", message: "no metadata" } })
    const { completeAt, completion, problem } = readLines([again, item, message("fine"), again, completed()], end())
    assert.strictEqual(problem, undefined)
    assert.strictEqual(completion?.text, "fine")
    assert.strictEqual(completeAt, 5)
  })

  it.each([
    ["strings for numbers", { input_tokens: "12", output_tokens: 7 }],
    ["a negative count", { input_tokens: -1, output_tokens: 7 }],
    ["a count that is not whole", { input_tokens: 1.5, output_tokens: 7 }],
    ["nothing", null]
  ])("keep the answer when the usage is %s", (_, usage) => {
    const { completion } = readLines([message("kept"), completed(usage)], end())
    assert.strictEqual(completion?.text, "kept")
    assert.strictEqual(completion?.usage, undefined)
  })

  it("never count more cached tokens than there were", () => {
    const usage = { input_tokens: 10, output_tokens: 1, cached_input_tokens: 8, cache_write_input_tokens: 9 }
    const counted = { inputTokens: 0, outputTokens: 1, cacheReadTokens: 8, cacheWriteTokens: 2 }
    assert.deepStrictEqual(readLines([completed(usage)], end()).completion?.usage, counted)
  })

  it("are found after a byte order mark and among lines that are none", () => {
    const lines = [
      `\uFEFF${line({ type: "thread.started", thread_id: "t" })}`,
      "",
      "{",
      "null",
      "[1]",
      message("a"),
      "x"
    ]
    const { completion, session } = readLines([...lines, completed()], end())
    assert.strictEqual(completion?.text, "a")
    assert.strictEqual(session, "t")
  })

  it("never throw and never become an answer without a completed turn", () => {
    const lines = Object.keys(answers).flatMap((name) => recorded(name, "out").trim().split("\n"))
    const mutated = FastCheck.tuple(FastCheck.constantFrom(...lines), FastCheck.nat(400), FastCheck.string()).map(
      ([text, at, inserted]) => text.slice(0, at) + inserted + text.slice(at + inserted.length)
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(mutated), (lines) => {
        const { completion } = readLines(lines, end())
        const isTold = lines.some((line) => CodexEvents.next(CodexEvents.empty, line).turn._tag !== "Open")
        assert.strictEqual(completion !== undefined, isTold)
      }),
      { numRuns: 300 }
    )
  })
})
