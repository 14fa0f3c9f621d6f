/**
 * What `opencode run --format json` prints, and what it means.
 *
 * - E1. The answer is the text of the last step, when that ended because the model had nothing more to do. A step that
 *   was cut or filtered ends with exit code 0 as well.
 * - E2. Tokens and dollars are counted by step and add up; they are of this request alone, also in a session that goes
 *   on. Input leaves out what the cache had a part in; reasoning is counted apart from output.
 * - E3. Reasons come from fields: the name of an error, the status and the body a server sent.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { Completion, End, Events, Problem } from "./CliFormat.ts"
import * as CliJson from "./CliJson.ts"
import * as HttpFailure from "./HttpFailure.ts"

/**
 * Reads the output of one request.
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Events => {
  const state: State = {
    id: undefined,
    text: "",
    end: undefined,
    usage: undefined,
    costUsd: undefined,
    error: undefined
  }
  return {
    next: (line) => {
      const event = Option.getOrUndefined(decodeEvent(CliJson.parse(line)))
      const before = state.usage
      if (event !== undefined) take(state, event)
      return {
        session: state.id,
        usage: state.usage === before ? undefined : state.usage,
        isComplete: state.end === "stop"
      }
    },
    completion: (end) => completion(state, end)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const { Count, loose } = CliJson

const Tokens = Schema.Struct({
  input: Count,
  output: Count,
  reasoning: Count,
  cache: loose(Schema.Struct({ read: Count, write: Count }))
})

const SentError = Schema.Struct({
  name: loose(Schema.String),
  data: loose(Schema.Struct({
    message: loose(Schema.String),
    statusCode: loose(Schema.Int),
    responseHeaders: loose(Schema.Record({ key: Schema.String, value: Schema.String })),
    responseBody: loose(Schema.String)
  }))
})
type SentError = typeof SentError.Type

const decodeEvent = Schema.decodeUnknownOption(Schema.Struct({
  type: Schema.String,
  sessionID: loose(Schema.String),
  part: loose(Schema.Struct({
    text: loose(Schema.String),
    reason: loose(Schema.String),
    tokens: loose(Tokens),
    cost: loose(Schema.NonNegative.pipe(Schema.finite()))
  })),
  error: loose(SentError)
}))
type Event = Option.Option.Value<ReturnType<typeof decodeEvent>>

interface State {
  id: string | undefined
  text: string
  /** Why the last step ended. */
  end: string | undefined
  usage: Usage.Usage | undefined
  costUsd: number | undefined
  error: SentError | undefined
}

const take = (state: State, { error, part = {}, sessionID, type }: Event): void => {
  state.id = sessionID ?? state.id
  switch (type) {
    case "step_start":
      state.text = ""
      state.end = undefined
      // an error after which the program goes on was not the end
      state.error = undefined
      break
    case "text":
      state.text = [state.text, part.text ?? ""].filter((text) => text !== "").join("\n")
      break
    case "step_finish":
      state.end = part.reason ?? "unknown"
      if (part.tokens !== undefined) state.usage = Usage.add(state.usage ?? Usage.zero, usageOf(part.tokens))
      if (part.cost !== undefined) state.costUsd = (state.costUsd ?? 0) + part.cost
      break
    case "error":
      state.error = error ?? {}
      break
    default:
  }
}

const usageOf = ({ cache, input, output, reasoning }: typeof Tokens.Type): Usage.Usage => ({
  inputTokens: input ?? 0,
  outputTokens: (output ?? 0) + (reasoning ?? 0),
  cacheReadTokens: cache?.read ?? 0,
  cacheWriteTokens: cache?.write ?? 0
})

const completion = (state: State, { nowMillis }: End): Completion | undefined => {
  const problem = state.error === undefined ? ends.get(state.end ?? "") : described(state.error, nowMillis)
  const isAnswered = problem === undefined && state.end === "stop"
  if (!isAnswered && problem === undefined) return undefined
  return {
    text: isAnswered ? state.text : "",
    structured: undefined,
    problem,
    usage: state.usage,
    costUsd: state.costUsd,
    model: undefined
  }
}

const ends: ReadonlyMap<string, Problem> = new Map([
  ["length", { reason: "Truncated", detail: "the answer was cut at the bound on output tokens" }],
  ["content-filter", { reason: "Refused", detail: "the answer was stopped by a content filter" }],
  ["error", { reason: "Unavailable", detail: "the model's server broke the answer off" }]
])

const names: ReadonlyMap<string, ProviderReason> = new Map([
  ["ContentFilterError", "Refused"],
  ["ContextOverflowError", "ContextOverflow"],
  ["MessageAbortedError", "Unavailable"],
  ["MessageOutputLengthError", "Truncated"],
  ["ProviderAuthError", "Authentication"],
  ["ProviderModelNotFoundError", "UnknownModel"]
])

const described = ({ data = {}, name = "" }: SentError, nowMillis: number): Problem => {
  const { message, responseBody = "", responseHeaders = {}, statusCode } = data
  const detail = message ?? `opencode reports an error without a text (${name})`
  const known = names.get(name)
  if (known !== undefined) return { reason: known, detail }
  if (statusCode === undefined) return { reason: "Unknown", detail }
  return {
    reason: HttpFailure.reasonOf(statusCode, serverError(responseBody), responseHeaders),
    detail,
    retryAfterMs: HttpFailure.retryAfterMs(responseHeaders, nowMillis)
  }
}

/** The error in a server's answer, which the program hands on as it came. */
const serverError = (body: string): Parameters<typeof HttpFailure.reasonOf>[1] => {
  const sent = CliJson.parse(body)
  const error = Predicate.isRecord(sent) ? sent["error"] : undefined
  if (!Predicate.isRecord(error)) return undefined
  const field = (name: string) => {
    const value = error[name]
    return typeof value === "string" ? value : undefined
  }
  return {
    message: field("message"),
    code: field("code"),
    type: field("type"),
    param: field("param"),
    retryAfterMs: undefined
  }
}
