/**
 * A loopback server that speaks the APIs the agents' command lines ask: Anthropic Messages, OpenAI Responses and chat
 * completions, each streamed.
 *
 * What it answers is written in the prompt, as `[[answer TEXT]]`, `[[json VALUE]]`, `[[fail STATUS]]`, `[[limit]]`,
 * `[[hang]]`, `[[shell COMMAND]]` or `[[tool NAME INPUT]]`, so that one workflow file serves every program. Whatever else a program asks on its own is answered with a
 * short text.
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** A request the server saw. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly order: Order | undefined
}

/** What a prompt asks the server for. */
export interface Order {
  readonly verb: string
  readonly rest: string
}

export interface AgentServer {
  readonly address: string
  readonly seen: ReadonlyArray<Seen>
  /** Second at which a limit that is used up ends. */
  readonly resetsAt: number
  /** Requests that are open: asked and not yet answered or closed. */
  readonly open: () => number
  readonly close: () => Promise<void>
}

interface Answer {
  readonly text: string
  /** A call of a tool in place of a text. */
  readonly tool?: { readonly name: string; readonly input: unknown } | undefined
}

type Json = Readonly<Record<string, unknown>>

/** Starts a server on a port of its own. */
export const start = async (): Promise<AgentServer> => {
  const seen: Array<Seen> = []
  const resetsAt = Math.floor(Date.now() / 1_000) + 3_600
  let open = 0
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8")
      const path = (request.url ?? "").replace(/\?.*$/, "")
      const order = orderOf(body)
      seen.push({ method: request.method ?? "", path, body, order })
      open += 1
      response.on("close", () => {
        open -= 1
      })
      answer(path, body, order, resetsAt, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    resetsAt,
    open: () => open,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

// the last order counts: a session that goes on holds the earlier ones as well
const orderOf = (body: string): Order | undefined => {
  const found = [...body.matchAll(/\[\[(answer|json|fail|limit|hang|shell|tool)(?: ((?:(?!\]\]).)*))?\]\]/g)].at(-1)
  return found === undefined ? undefined : { verb: found[1] ?? "", rest: found[2] ?? "" }
}

const answer = (
  path: string,
  text: string,
  order: Order | undefined,
  resetsAt: number,
  response: Http.ServerResponse
): void => {
  const api = apis.find(({ suffix }) => path.endsWith(suffix))
  if (api === undefined) {
    respond(response, 404, { error: { type: "not_found_error", message: `nothing is at ${path}` } })
    return
  }
  const body = JSON.parse(text) as Json
  switch (order?.verb) {
    case "hang":
      return
    case "fail":
      respond(response, Number(order.rest), api.error(Number(order.rest)))
      return
    case "limit":
      respond(response, 429, api.limit(resetsAt), api.limitHeaders(resetsAt))
      return
    default:
      stream(response, api.events(body, answerOf(body, text, order)))
  }
}

const answerOf = (body: Json, text: string, order: Order | undefined): Answer => {
  if (order === undefined) return { text: "fine" }
  if (order.verb === "json") {
    const value = JSON.parse(order.rest.replaceAll("\\\"", "\"")) as unknown
    // claude has its structured answers given as the input of a tool; once it was called the turn is over
    const hasTool = (body["tools"] as ReadonlyArray<Json> | undefined)?.some(({ name }) => name === "StructuredOutput")
    const isCalled = text.includes("tool_result")
    return hasTool === true && !isCalled
      ? { text: "", tool: { name: "StructuredOutput", input: value } }
      : { text: JSON.stringify(value) }
  }
  const isCalled = /"tool_result"|"function_call_output"|"role":"tool"/.test(text)
  if (order.verb === "shell" && !isCalled) return { text: "", tool: shellOf(text, order.rest) }
  if (order.verb === "tool") return isCalled ? { text: "it was used" } : { text: "", tool: toolOf(order.rest) }
  return { text: order.rest }
}

/** A call of a tool that a prompt names with its input. */
const toolOf = (rest: string): Answer["tool"] => {
  const at = rest.indexOf(" ")
  return { name: rest.slice(0, at), input: JSON.parse(rest.slice(at + 1).replaceAll("\\\"", "\"")) as unknown }
}

/** A call of the program's own tool that runs a command. */
const shellOf = (text: string, command: string): Answer["tool"] =>
  text.includes("\"exec_command\"")
    ? { name: "exec_command", input: { cmd: command } }
    : { name: text.includes("\"Bash\"") ? "Bash" : "bash", input: { command, description: "runs a command" } }

const respond = (response: Http.ServerResponse, status: number, body: unknown, headers: Json = {}): void => {
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", ...headers })
    .end(JSON.stringify(body))
}

const stream = (response: Http.ServerResponse, events: ReadonlyArray<Json | string>): void => {
  response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req-1" })
  for (const event of events) {
    const data = typeof event === "string" ? event : JSON.stringify(event)
    const name = typeof event === "string" || event["type"] === undefined ? "" : `event: ${String(event["type"])}\n`
    response.write(`${name}data: ${data}\n\n`)
  }
  response.end()
}

interface Api {
  readonly suffix: string
  readonly events: (body: Json, answer: Answer) => ReadonlyArray<Json | string>
  readonly error: (status: number) => unknown
  readonly limit: (resetsAt: number) => unknown
  readonly limitHeaders: (resetsAt: number) => Json
}

const messages: Api = {
  suffix: "/v1/messages",
  events: (body, { text, tool }) => {
    const usage = { input_tokens: 12, cache_creation_input_tokens: 3, cache_read_input_tokens: 5, output_tokens: 1 }
    const block = tool === undefined
      ? { type: "text", text: "" }
      : { type: "tool_use", id: "toolu_1", name: tool.name, input: {} }
    const delta = tool === undefined
      ? { type: "text_delta", text }
      : { type: "input_json_delta", partial_json: JSON.stringify(tool.input) }
    const message = { id: "msg_1", type: "message", role: "assistant", model: body["model"], content: [] }
    return [
      { type: "message_start", message: { ...message, stop_reason: null, stop_sequence: null, usage } },
      { type: "content_block_start", index: 0, content_block: block },
      { type: "content_block_delta", index: 0, delta },
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: tool === undefined ? "end_turn" : "tool_use", stop_sequence: null },
        usage: { output_tokens: 7 }
      },
      { type: "message_stop" }
    ]
  },
  error: (status) => ({ type: "error", error: { type: messageErrors.get(status) ?? "api_error", message: "refused" } }),
  limit: () => ({
    type: "error",
    error: { type: "rate_limit_error", message: "This would exceed the account's limit." }
  }),
  limitHeaders: (resetsAt) => ({
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-reset": String(resetsAt),
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
    "anthropic-ratelimit-unified-overage-status": "rejected"
  })
}

const messageErrors: ReadonlyMap<number, string> = new Map([
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [404, "not_found_error"],
  [529, "overloaded_error"]
])

const responses: Api = {
  suffix: "/responses",
  events: (body, { text, tool }) => {
    const item = tool === undefined
      ? {
        type: "message",
        id: "msg_1",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text, annotations: [] }]
      }
      : {
        type: "function_call",
        id: "fc_1",
        call_id: "call_1",
        name: tool.name,
        arguments: JSON.stringify(tool.input)
      }
    const response = {
      id: "resp_1",
      object: "response",
      model: body["model"],
      status: "completed",
      output: [item],
      usage: {
        input_tokens: 20,
        input_tokens_details: { cached_tokens: 8 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 27
      }
    }
    return [
      { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item },
      ...(tool === undefined
        ? [{ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: text }]
        : []),
      { type: "response.output_item.done", output_index: 0, item },
      { type: "response.completed", response }
    ]
  },
  error: (status) => ({ error: { type: "invalid_request_error", code: openAiCodes.get(status), message: "refused" } }),
  limit: (resetsAt) => ({
    error: {
      type: "usage_limit_reached",
      message: "The usage limit has been reached",
      plan_type: "plus",
      resets_at: resetsAt
    }
  }),
  limitHeaders: () => ({})
}

const openAiCodes: ReadonlyMap<number, string> = new Map([[401, "invalid_api_key"], [404, "model_not_found"]])

const completions: Api = {
  ...responses,
  suffix: "/chat/completions",
  events: (body, { text, tool }) => {
    const called = tool === undefined ? [] : [{
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: tool.name, arguments: JSON.stringify(tool.input) }
    }]
    const delta = tool === undefined ? { content: text } : { tool_calls: called }
    const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: body["model"] }
    const usage = {
      prompt_tokens: 20,
      completion_tokens: 7,
      total_tokens: 27,
      prompt_tokens_details: { cached_tokens: 8 }
    }
    return [
      { ...chunk, choices: [{ index: 0, delta: { role: "assistant", ...delta }, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: tool === undefined ? "stop" : "tool_calls" }] },
      { ...chunk, choices: [], usage },
      "[DONE]"
    ]
  }
}

const apis: ReadonlyArray<Api> = [messages, completions, responses]
