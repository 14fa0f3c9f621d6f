/**
 * What `copilot --output-format json` prints, and what it means.
 *
 * - E1. Only a message that asks for no tool, comes in the last turn and is followed by no error is an answer. The exit
 *   code says nothing: after SIGTERM the program ends with 0 and writes so into its result.
 * - E2. A message that began and never came was cut at the bound on output; the program has the model go on in another
 *   message, so that one alone is no answer.
 * - E3. What a subagent says is the main agent's business, and no part of the answer.
 * - E4. The program takes the values of secrets out of its own output, in the middle of its JSON too. A line that cannot
 *   be read is passed over; whether it mattered shows at the end.
 * - E5. Reasons come from fields: the error's code, its type, the status of the call to the model.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Usage from "../domain/Usage.ts"
import type { Completion, End, Events, Problem } from "./CliFormat.ts"
import * as CliJson from "./CliJson.ts"
import * as CopilotUsage from "./CopilotUsage.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Session } from "./Provider.ts"

/**
 * Name of the file the program writes its counts to.
 * @category models
 * @since 0.1.0
 */
export const usageFile = "usage.json"

/**
 * Reads the output of one request; `session` is the one that was continued, `newId` that of a new one.
 * @category constructors
 * @since 0.1.0
 */
export const make = (session: Session | undefined, newId: string | undefined): Events => {
  const state: State = {
    session,
    id: undefined,
    model: undefined,
    turn: newTurn(),
    isAborted: false,
    isCut: false,
    isTooLong: false,
    error: undefined,
    call: undefined,
    retryAfterMs: undefined
  }
  return {
    next: (line) => ({
      isComplete: take(state, line, session?.id ?? newId),
      session: state.id,
      usage: undefined
    }),
    completion: (end) => completion(state, end)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const { loose } = CliJson

const Data = Schema.Struct({
  content: loose(Schema.String),
  model: loose(Schema.String),
  toolRequests: loose(Schema.Array(Schema.Unknown)),
  reason: loose(Schema.String),
  aborted: loose(Schema.Boolean),
  retryAfterSeconds: loose(Schema.NonNegative),
  errorType: loose(Schema.String),
  errorCode: loose(Schema.String),
  errorMessage: loose(Schema.String),
  message: loose(Schema.String),
  statusCode: loose(Schema.Int)
})
type Data = typeof Data.Type

const decodeEvent = Schema.decodeUnknownOption(Schema.Struct({
  type: Schema.String,
  agentId: loose(Schema.String),
  sessionId: loose(Schema.String),
  data: loose(Data)
}))

interface Turn {
  /** The message that asks for no tool. */
  answer: string | undefined
  /** Whether the program said that no more comes in this turn. */
  isOver: boolean
  /** Whether a message has begun and not come whole. */
  isOpen: boolean
  /** Lines that could not be read. */
  unreadable: number
}

interface State {
  readonly session: Session | undefined
  id: string | undefined
  model: string | undefined
  turn: Turn
  isAborted: boolean
  isCut: boolean
  isTooLong: boolean
  error: Data | undefined
  /** The last call to the model that failed. */
  call: Data | undefined
  retryAfterMs: number | undefined
}

const newTurn = (): Turn => ({ answer: undefined, isOver: false, isOpen: false, unreadable: 0 })

/** Takes a line; true for the last one that matters. */
const take = (state: State, line: string, id: string | undefined): boolean => {
  const value = CliJson.parse(line)
  const event = Option.getOrUndefined(decodeEvent(value))
  if (event === undefined) {
    if (line.trim() !== "") state.turn.unreadable += 1
    return false
  }
  // the session is there to be continued once it holds a message
  if (event.type === "user.message" || event.type === "assistant.turn_start") state.id = id
  if (event.type === "result") {
    state.id = event.sessionId ?? state.id
    if (state.turn.answer !== undefined) state.turn.isOver = true
    return true
  }
  if (event.agentId === undefined) events[event.type]?.(state, event.data ?? {})
  return false
}

const events: Readonly<Record<string, (state: State, data: Data) => void>> = {
  "assistant.turn_start": (state) => {
    state.turn = newTurn()
    // an error after which the program goes on was not the end
    state.error = undefined
  },
  "assistant.message_start": ({ turn }) => {
    turn.isOpen = true
  },
  "assistant.message_delta": ({ turn }) => {
    turn.isOpen = true
  },
  "assistant.message": (state, { content = "", model, toolRequests = [] }) => {
    state.turn.isOpen = false
    state.turn.answer = toolRequests.length === 0 ? content : undefined
    state.model = model ?? state.model
    if (toolRequests.length > 0) state.isCut = false
  },
  "assistant.turn_retry": (state, { reason }) => {
    state.turn.isOpen = false
    if (reason === "forced_compaction") state.isTooLong = true
  },
  "assistant.turn_end": (state) => {
    const { turn } = state
    if (turn.isOpen && turn.unreadable === 0) state.isCut = true
    turn.isOpen = false
    turn.isOver = true
  },
  "assistant.idle": (state, { aborted }) => {
    if (aborted === true) state.isAborted = true
    state.turn.isOver = true
  },
  "abort": (state) => {
    state.isAborted = true
  },
  "model.call_failure": (state, data) => {
    state.turn.isOpen = false
    state.call = data
  },
  "auto_mode_switch.requested": (state, { retryAfterSeconds }) => {
    if (retryAfterSeconds !== undefined) state.retryAfterMs = Math.ceil(retryAfterSeconds * 1_000)
  },
  "session.error": (state, data) => {
    state.error = data
  }
}

const completion = (state: State, end: End): Completion | undefined => {
  const spent = CopilotUsage.read(end.reports?.[usageFile], state.session)
  const { answer, isOver } = state.turn
  const problem = problemOf(state, end)
  const isAnswered = answer !== undefined && isOver && problem === undefined
  const isUsed = spent !== undefined && Usage.total(spent.usage) > 0
  if (!isAnswered && problem === undefined && !isUsed) return undefined
  return {
    text: isAnswered ? answer : "",
    structured: undefined,
    problem: isAnswered ? undefined : problem ?? unfinished(end),
    usage: spent?.usage,
    costUsd: spent?.costUsd,
    model: state.model
  }
}

const problemOf = (state: State, end: End): Problem | undefined => {
  if (state.error !== undefined) return described(state, state.error)
  if (state.isAborted) return unfinished(end)
  const { answer, isOver, unreadable } = state.turn
  if (answer === undefined && isOver && unreadable > 0) {
    return { reason: "Malformed", detail: "copilot printed a line that cannot be read in place of its answer" }
  }
  if (answer !== undefined && state.isCut) {
    return { reason: "Truncated", detail: "the answer was cut at the bound on output tokens and went on in another" }
  }
  return undefined
}

/** The program was ended, or ended by itself, before there was an answer; what it used is known all the same. */
const unfinished = ({ code, endedBy, signal }: End): Problem => {
  switch (endedBy) {
    case "silence":
      return { reason: "Silent", detail: "copilot printed nothing for longer than it may" }
    case "output":
      return { reason: "Malformed", detail: "copilot printed more than it may, and no result" }
    case "linger":
    case "itself": {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      return { reason: "Unavailable", detail: `copilot ended ${how} before its answer was complete` }
    }
  }
}

const described = (state: State, error: Data): Problem => {
  const { errorCode, errorType = "", message = "" } = error
  const what = [errorType, errorCode].filter((name) => name !== undefined && name !== "").join(", ")
  return {
    reason: reasonOf(state, error),
    detail: message === "" ? `copilot reports an error without a text (${what})` : message,
    retryAfterMs: state.retryAfterMs
  }
}

const codes: ReadonlyMap<string, ProviderReason> = new Map([
  ["billing_not_configured", "Billing"],
  ["model_max_prompt_tokens_exceeded", "ContextOverflow"],
  ["quota_exceeded", "UsageLimit"],
  ["session_quota_exceeded", "UsageLimit"],
  ["user_global_rate_limited", "UsageLimit"],
  ["user_weekly_rate_limited", "UsageLimit"]
])

const types: ReadonlyMap<string, ProviderReason> = new Map([
  ["authentication", "Authentication"],
  ["authorization", "Permission"],
  ["context_limit", "ContextOverflow"],
  ["quota", "UsageLimit"]
])

const reasonOf = (state: State, { errorCode, errorType = "", statusCode }: Data): ProviderReason => {
  const known = codes.get(errorCode ?? "") ?? types.get(errorType) ?? codes.get(state.call?.errorCode ?? "")
  if (known !== undefined) return known
  if (state.isTooLong) return "ContextOverflow"
  const status = statusCode ?? state.call?.statusCode
  if (status !== undefined) return HttpFailure.reasonOf(status, serverError(state.call), {})
  return errorType === "rate_limit" ? "RateLimited" : "Unknown"
}

/** The error of the server behind the program, which it hands on as it came. */
const serverError = (call: Data | undefined): Parameters<typeof HttpFailure.reasonOf>[1] => {
  const sent = CliJson.parse(call?.errorMessage ?? "")
  const field = (name: string) => {
    const value = Predicate.isRecord(sent) ? sent[name] : undefined
    return typeof value === "string" ? value : undefined
  }
  return {
    message: field("message"),
    code: call?.errorCode ?? field("code"),
    type: call?.errorType ?? field("type"),
    param: field("param"),
    retryAfterMs: undefined
  }
}
