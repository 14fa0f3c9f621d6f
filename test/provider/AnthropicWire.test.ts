import type { StopReason } from "@anthropic-ai/sdk/resources/messages/messages"
import type { ErrorType } from "@anthropic-ai/sdk/resources/shared"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as AnthropicWire from "../../src/provider/AnthropicWire.ts"
import type { SchemaForm, Shape, StreamState } from "../../src/provider/HttpWire.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"

type Json = Record<string, unknown>

const start = (usage: Json = { input_tokens: 20, output_tokens: 1 }): Json => ({
  type: "message_start",
  message: {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-m-1",
    content: [],
    stop_reason: null,
    usage
  }
})
const block = (index: number, content_block: Json): Json => ({ type: "content_block_start", index, content_block })
const text = (index: number, text: string): Json => ({
  type: "content_block_delta",
  index,
  delta: { type: "text_delta", text }
})
const json = (index: number, partial_json: string): Json => ({
  type: "content_block_delta",
  index,
  delta: { type: "input_json_delta", partial_json }
})
const close = (index: number): Json => ({ type: "content_block_stop", index })
const ending = (stop_reason: string | null, more: Json = {}, usage: Json = { output_tokens: 5 }): Json => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null, ...more },
  usage
})
const stop: Json = { type: "message_stop" }

const textBlock = { type: "text", text: "" }
const toolBlock = { type: "tool_use", id: "toolu_1", name: "answer", input: {} }

const said = (events: ReadonlyArray<Json>) => [start(), block(0, textBlock), ...events]
const hello = said([text(0, "hel"), text(0, "lo"), close(0), ending("end_turn"), stop])

/** Feeds events to a reader and gives the last state and what there was at the end. */
const read = (events: ReadonlyArray<Json>, form: SchemaForm = "none") => {
  const reader = AnthropicWire.reader(form)
  const states = events.map((event): StreamState =>
    reader.next({ event: String(event["type"]), data: JSON.stringify(event) })
  )
  return { states, last: states.at(-1), end: reader.end() }
}

const completed = (events: ReadonlyArray<Json>, form: SchemaForm = "none") => {
  const { last } = read(events, form)
  if (last?._tag !== "Complete") throw new Error(`the stream is ${last?._tag}`)
  return last.completion
}

const whole = (content: ReadonlyArray<Json>, stop_reason: unknown = "end_turn", more: Json = {}): Json => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-m-1",
  content,
  stop_reason,
  usage: { input_tokens: 20, output_tokens: 5 },
  ...more
})

const completionOf = (body: unknown, form: SchemaForm = "none") =>
  Option.getOrThrow(AnthropicWire.completionOf(body, form))

const label = {
  type: "object",
  properties: { label: { type: "string" } },
  required: ["label"],
  additionalProperties: false
}
const numbers = { type: "array", items: { type: "number" } }

const shape = (fields: Partial<Shape> = {}): Shape => ({
  form: "none",
  delivery: "stream",
  maxOutputTokens: undefined,
  ...fields
})
const bodyOf = (fields: Parameters<typeof ProviderContract.request>[0], how: Partial<Shape> = {}) => {
  const body = AnthropicWire.bodyOf(ProviderContract.request({ model: "m", ...fields }), shape(how), 1_000)
  return Schema.decodeUnknownSync(AnthropicWire.MessagesRequest)(JSON.parse(JSON.stringify(body)))
}

describe("AnthropicWire: the request", () => {
  it("asks one question as a stream, with the bound on output that the API wants", () => {
    assert.deepStrictEqual(bodyOf({ prompt: "Is it?" }), {
      model: "m",
      max_tokens: 1_000,
      messages: [{ role: "user", content: "Is it?" }],
      stream: true
    })
    assert.strictEqual(bodyOf({}, { maxOutputTokens: 50 }).max_tokens, 50)
    assert.notProperty(bodyOf({}, { delivery: "whole" }), "stream")
  })

  it("puts the system text at the top, and what was wrong before into turns of their own", () => {
    const body = bodyOf({
      system: "Be brief.",
      prompt: "Is it?",
      correction: { answer: "perhaps", problem: "not yes or no" }
    })
    assert.strictEqual(body.system, "Be brief.")
    assert.deepStrictEqual(body.messages.map(({ role }) => role), ["user", "assistant", "user"])
    assert.strictEqual(body.messages[1]?.content, "perhaps")
    assert.include(body.messages[2]?.content, "not yes or no")
  })

  it("sends no empty turn and no empty system text, which the API refuses", () => {
    const body = bodyOf({ system: " ", prompt: "Is it?", correction: { answer: "\n", problem: "it is empty" } })
    assert.notProperty(body, "system")
    assert.deepStrictEqual(body.messages.map(({ role }) => role), ["user"])
    assert.include(body.messages[0]?.content, "Is it?")
    assert.include(body.messages[0]?.content, "it is empty")
  })

  it("never sends a temperature", () => {
    assert.notInclude(JSON.stringify(bodyOf({ temperature: 0.5 })), "temperature")
  })

  it("puts a schema into the format, the only tool, or words", () => {
    const strict = bodyOf({ schema: label, prompt: "Label." }, { form: "strict" })
    assert.deepStrictEqual(strict.output_config, { format: { type: "json_schema", schema: label } })
    assert.strictEqual(strict.messages[0]?.content, "Label.")
    assert.notProperty(strict, "tools")

    const tool = bodyOf({ schema: numbers, prompt: "Label." }, { form: "object" })
    assert.notProperty(tool, "output_config")
    assert.deepStrictEqual(tool.tool_choice, { type: "tool", name: "answer", disable_parallel_tool_use: true })
    assert.strictEqual(tool.tools?.length, 1)
    assert.strictEqual(tool.tools?.[0]?.input_schema.type, "object")
    assert.include(JSON.stringify(tool.tools?.[0]?.input_schema), JSON.stringify(numbers))

    const words = bodyOf({ schema: label, prompt: "Label." }, { form: "words" })
    for (const name of ["output_config", "tools", "tool_choice"]) assert.notProperty(words, name)
    assert.include(words.messages[0]?.content, JSON.stringify(label))
  })

  it("tries the forms that a schema has", () => {
    const record = { type: "object", additionalProperties: { type: "number" } }
    assert.deepStrictEqual(AnthropicWire.formsOf(undefined), ["none"])
    assert.deepStrictEqual(AnthropicWire.formsOf(label), ["strict", "object", "words"])
    assert.deepStrictEqual(AnthropicWire.formsOf(numbers), ["strict", "object", "words"])
    assert.deepStrictEqual(AnthropicWire.formsOf(record), ["object", "words"])
    assert.deepStrictEqual(AnthropicWire.formsOf({ type: "array", items: { $ref: "#" } }), ["words"])
  })
})

describe("AnthropicWire: a stream", () => {
  it("is an answer with its final event, and with the pieces joined", () => {
    assert.deepStrictEqual(completed(hello), {
      text: "hello",
      structured: undefined,
      problem: undefined,
      usage: Usage.make({ inputTokens: 20, outputTokens: 5 }),
      costUsd: undefined,
      model: "claude-m-1"
    })
  })

  it("is no answer when it is cut after any of its events", () => {
    for (let count = 0; count < hello.length; count++) {
      const { end, states } = read(hello.slice(0, count))
      assert.isTrue(states.every(({ _tag }) => _tag === "Open"), `after ${count} events`)
      assert.isFalse(end.isComplete, `after ${count} events`)
    }
    assert.strictEqual(read(hello.slice(0, 4)).end.completion.text, "hello")
  })

  it("says the tokens used when they come, each count in place of the one before", () => {
    const usage = { input_tokens: 9, cache_creation_input_tokens: 7, cache_read_input_tokens: 30, output_tokens: 1 }
    const { states } = read([
      start({ ...usage, cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 0 } }),
      block(0, textBlock),
      text(0, "a"),
      close(0),
      ending("end_turn", {}, { input_tokens: null, cache_read_input_tokens: 31, output_tokens: 250 }),
      stop
    ])
    const counted = states.flatMap((state) => state._tag === "Open" && state.usage ? [state.usage] : [])
    const first = { inputTokens: 9, outputTokens: 1, cacheReadTokens: 30, cacheWriteTokens: 7 }
    assert.deepStrictEqual(counted, [first, { ...first, outputTokens: 250, cacheReadTokens: 31 }])
  })

  it("keeps an answer whose counts cannot be read", () => {
    const events = [
      start({ input_tokens: "many" }),
      block(0, textBlock),
      text(0, "a"),
      ending("end_turn", {}, {}),
      stop
    ]
    const { problem, text: answer, usage } = completed(events)
    assert.deepStrictEqual({ answer, problem, usage }, { answer: "a", problem: undefined, usage: undefined })
  })

  it("leaves out thoughts and whatever else is no text, and passes over events it does not know", () => {
    const events = [
      start(),
      { type: "ping" },
      block(0, { type: "thinking", thinking: "", signature: "" }),
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "x" } },
      close(0),
      { type: "content_block_news", index: 0 },
      block(1, { type: "text", text: "a" }),
      text(1, "b"),
      close(1),
      block(2, textBlock),
      text(2, "c"),
      ending("end_turn"),
      stop
    ]
    assert.strictEqual(completed(events).text, "abc")
  })

  it("counts a ping as silence", () => {
    assert.deepStrictEqual(read([{ type: "ping" }]).last, { _tag: "Open", isKeepAlive: true })
  })

  it("is malformed with an event that cannot be read, or a piece of nothing", () => {
    const reader = AnthropicWire.reader("none")
    const states = [
      reader.next({ event: "content_block_delta", data: "{\"type\":\"content_block_del" }),
      read(said([{ type: "content_block_delta", index: 0, delta: {} }])).last,
      read([start(), text(3, "lost")]).last
    ]
    for (const state of states) {
      assert.strictEqual(state?._tag === "Complete" ? state.completion.problem?.reason : state?._tag, "Malformed")
    }
  })

  it("fails with an error event, with what it says", () => {
    const { end, last } = read(said([
      text(0, "half"),
      { type: "error", error: { type: "overloaded_error", message: "Overloaded" }, request_id: "req_1" }
    ]))
    assert.deepInclude(last?._tag === "Failed" ? last.error : {}, { message: "Overloaded", reason: "Overloaded" })
    assert.strictEqual(end.completion.text, "half")
    assert.strictEqual(read([{ type: "error" }]).last?._tag, "Failed")
  })

  it("gives the input of the answer's tool as the answer", () => {
    const events = [start(), block(0, toolBlock), json(0, ""), json(0, "{\"label\":"), json(0, "\"bug\"}"), close(0)]
    const { problem, text: answer } = completed([...events, ending("tool_use"), stop], "object")
    assert.deepStrictEqual({ answer, problem }, { answer: "{\"label\":\"bug\"}", problem: undefined })
    const empty = completed([start(), block(0, toolBlock), close(0), ending("tool_use"), stop], "object")
    assert.strictEqual(empty.text, "{}")
  })

  it("takes an answer out of the object around it, in both forms", () => {
    const inTool = [
      start(),
      block(0, toolBlock),
      json(0, "{\"wrapped_answer\":[1,2]}"),
      close(0),
      ending("tool_use"),
      stop
    ]
    assert.strictEqual(completed(inTool, "object").text, "[1,2]")
    const inText = said([text(0, "{\"wrapped_answer\":"), text(0, "[1,2]}"), close(0), ending("end_turn"), stop])
    assert.strictEqual(completed(inText, "strict").text, "[1,2]")
    assert.strictEqual(completed(inText, "words").text, "{\"wrapped_answer\":[1,2]}")
  })

  it("leaves a text that answers without the tool to the caller", () => {
    const events = said([text(0, "{\"label\":\"bug\"}"), close(0), ending("end_turn"), stop])
    assert.strictEqual(completed(events, "object").text, "{\"label\":\"bug\"}")
  })
})

describe("AnthropicWire: reasons to stop", () => {
  const known: Record<StopReason, ProviderReason | undefined> = {
    end_turn: undefined,
    stop_sequence: undefined,
    max_tokens: "Truncated",
    model_context_window_exceeded: "ContextOverflow",
    refusal: "Refused",
    pause_turn: "Malformed",
    tool_use: "Malformed"
  }
  const cases: ReadonlyArray<readonly [reason: string | null, problem: string | undefined]> = [
    ...Object.entries(known),
    ["something_new", "Unknown"],
    [null, "Malformed"]
  ]
  it.each(cases)("%s, streamed and in one piece", (reason, problem) => {
    const streamed = completed(said([text(0, "a"), close(0), ending(reason), stop]))
    const atOnce = completionOf(whole([{ type: "text", text: "a" }], reason))
    assert.strictEqual(streamed.problem?.reason, problem)
    assert.strictEqual(atOnce.problem?.reason, problem)
    assert.deepStrictEqual(streamed.usage, Usage.make({ inputTokens: 20, outputTokens: 5 }))
  })

  it("says why the model refuses", () => {
    const details = { type: "refusal", category: "cyber", explanation: "It may harm." }
    const refusal = completed(said([close(0), ending("refusal", { stop_details: details }), stop]))
    assert.include(refusal.problem?.detail, "It may harm.")
    const unexplained = { stop_details: { ...details, explanation: null } }
    assert.include(completionOf(whole([], "refusal", unexplained)).problem?.detail, "cyber")
  })

  it("the answer's tool cut short is truncated, and broken otherwise malformed", () => {
    const half = [start(), block(0, toolBlock), json(0, "{\"label\":"), close(0)]
    assert.strictEqual(completed([...half, ending("max_tokens"), stop], "object").problem?.reason, "Truncated")
    assert.strictEqual(completed([...half, ending("tool_use"), stop], "object").problem?.reason, "Malformed")
  })
})

describe("AnthropicWire: an answer in one piece", () => {
  it("is read like a stream", () => {
    const content = [{ type: "thinking", thinking: "hm", signature: "" }, { type: "text", text: "hel" }, {
      type: "text",
      text: "lo"
    }]
    assert.deepStrictEqual(completionOf(whole(content)), completed(hello))
  })

  it("gives the input of the answer's tool as text", () => {
    const input = { wrapped_answer: { a: null } }
    assert.strictEqual(completionOf(whole([{ ...toolBlock, input }], "tool_use"), "object").text, "{\"a\":null}")
  })

  it("is none for bodies of another form", () => {
    for (const body of [null, [], {}, "text", { content: "text" }, { choices: [] }, { content: [{}] }]) {
      assert.isTrue(Option.isNone(AnthropicWire.completionOf(body, "none")), JSON.stringify(body))
    }
  })
})

describe("AnthropicWire: errors", () => {
  const error = (type: unknown, message: unknown = "no", details?: unknown) =>
    Option.getOrThrow(AnthropicWire.errorOf({ type: "error", error: { type, message, details }, request_id: null }))

  const known: Record<ErrorType, ProviderReason | undefined> = {
    authentication_error: "Authentication",
    permission_error: "Permission",
    billing_error: "Billing",
    not_found_error: "UnknownModel",
    rate_limit_error: "RateLimited",
    overloaded_error: "Overloaded",
    api_error: "Unavailable",
    timeout_error: "Unavailable",
    // the status says more
    invalid_request_error: undefined,
    // of other parts of the API
    conflict_error: undefined,
    memory_path_conflict_error: undefined,
    memory_precondition_failed_error: undefined
  }
  const types: ReadonlyArray<readonly [type: string, reason: string | undefined]> = [
    ...Object.entries(known),
    ["request_too_large", "ContextOverflow"],
    ["news_error", undefined]
  ]
  it.each(types)("%s", (type, reason) => {
    assert.strictEqual(error(type).reason, reason)
    assert.strictEqual(error(type).type, type)
  })

  it("a code says more than a type", () => {
    const codes = [
      ["rate_limit_error", "enforced_spend_limit_reached", "UsageLimit"],
      ["rate_limit_error", "contract_spend_limit_reached", "UsageLimit"],
      ["rate_limit_error", "ramp_limit_exceeded", "RateLimited"],
      ["rate_limit_error", "news", "RateLimited"],
      ["invalid_request_error", "organization_on_hold", "Permission"],
      ["invalid_request_error", "request_body_too_large_after_decoding", "ContextOverflow"]
    ] as const
    for (const [type, error_code, reason] of codes) {
      assert.deepInclude(error(type, "no", { error_code }), { reason, code: error_code })
    }
  })

  it("a prompt that does not fit is known by how the API begins to say so, and by nothing else of a text", () => {
    const fits = "prompt is too long: 208656 tokens > 200000 maximum"
    const both = "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000"
    assert.strictEqual(error("invalid_request_error", fits).reason, "ContextOverflow")
    assert.strictEqual(error("invalid_request_error", both).reason, "ContextOverflow")
    assert.isUndefined(error("invalid_request_error", `the note '${fits}' is odd`).reason)
    assert.strictEqual(error("api_error", fits).reason, "Unavailable")
    assert.isUndefined(error("invalid_request_error", fits, { error_code: "tool_name_conflict" }).reason)
  })

  it("bodies without one have none", () => {
    for (const body of [null, [], {}, { error: null }, { error: "text" }, whole([])]) {
      assert.isTrue(Option.isNone(AnthropicWire.errorOf(body)), JSON.stringify(body))
    }
    assert.deepInclude(Option.getOrThrow(AnthropicWire.errorOf({ error: {} })), { message: undefined, type: undefined })
  })

  it("are about the form or the delivery when they name it", () => {
    const about = (message: string) => error("invalid_request_error", message)
    const forms = [
      "output_config.format: Extra inputs are not permitted",
      "output_config.format.schema: Schema is too complex",
      "claude-x does not support structured outputs",
      "Thinking may not be enabled when tool_choice forces tool use.",
      "tools.0.custom.input_schema: JSON schema is invalid"
    ]
    for (const message of forms) assert.isTrue(AnthropicWire.refusesForm(400, about(message)), message)
    assert.isFalse(AnthropicWire.refusesForm(400, about("max_tokens: 999 > 500")))
    assert.isFalse(AnthropicWire.refusesForm(500, about("output_config")))
    assert.isTrue(AnthropicWire.refusesDelivery(400, about("stream: Extra inputs are not permitted")))
    assert.isFalse(AnthropicWire.refusesDelivery(400, about("model: a stream of consciousness")))
  })
})
