/**
 * What `claude -p --output-format stream-json` prints, and what it means.
 *
 * - E1. Only a result that says it is no error is an answer. Texts the program wrote in a model's place, such as API
 *   errors that older versions give as a success, are none.
 * - E2. Usage and cost are of this request alone. They come from `model_usage_since_last_result`, which counts every
 *   model and subagent; without it, from `usage`, which leaves subagents out, and `total_cost_usd`, which adds up over a
 *   session, less what the session had cost before.
 * - E3. Reasons come from fields. Texts decide only what the program says in no field: a missing login, used-up credit.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as ResetTime from "../internal/resetTime.ts"
import type { Completion, End, Events, Problem } from "./CliFormat.ts"
import * as CliJson from "./CliJson.ts"
import type { Session } from "./Provider.ts"

/**
 * Reads the output of one request; `session` is the one that was continued, `unwrap` takes a structured answer out of
 * what was put around its schema.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  session: Session | undefined,
  unwrap: (structured: unknown) => unknown = (structured) => structured
): Events => {
  const state: State = {
    session,
    id: undefined,
    model: undefined,
    turns: new Map(),
    used: Usage.zero,
    resetsAt: undefined,
    isSynthetic: false,
    results: []
  }
  return {
    next: (line) => {
      const value = CliJson.parse(line)
      const type = Predicate.isRecord(value) ? value["type"] : undefined
      const before = state.used
      const isComplete = type === undefined ? false : take(state, type, value)
      return { session: state.id, usage: state.used === before ? undefined : state.used, isComplete }
    },
    completion: (end) => {
      const found = completion(state, end)
      if (found?.structured === undefined) return found
      const structured = unwrap(found.structured)
      return structured === found.structured ? found : { ...found, structured, text: JSON.stringify(structured) }
    }
  }
}

/**
 * Reads the output of a request that asks for nothing but a shorter session: it was answered when the program says that
 * it shortened it, whatever its result says.
 * @category constructors
 * @since 0.1.0
 */
export const makeCompaction = (session: Session | undefined): Events => {
  const events = make(session)
  let isShortened = false
  let hasFailed = false
  return {
    next: (line) => {
      const event = Option.getOrUndefined(decodeCompaction(CliJson.parse(line)))
      if (event?.subtype === "compact_boundary" || event?.compact_result === "success") isShortened = true
      if (event?.compact_result === "failed") hasFailed = true
      return events.next(line)
    },
    completion: (end) => {
      const found = events.completion(end)
      if (isShortened && !hasFailed) {
        return { ...(found ?? nothingSaid), text: "shortened", structured: undefined, problem: undefined }
      }
      const problem: Problem = found?.problem ??
        { reason: "ContextOverflow", detail: "claude did not shorten the session that has outgrown its model" }
      return found === undefined ? undefined : { ...found, problem }
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothingSaid: Completion = {
  text: "",
  structured: undefined,
  problem: undefined,
  usage: undefined,
  costUsd: undefined,
  model: undefined
}

const { Count, loose } = CliJson

const ApiUsage = Schema.Struct({
  input_tokens: Count,
  output_tokens: Count,
  cache_read_input_tokens: Count,
  cache_creation_input_tokens: Count
})

const ModelUsage = Schema.Record({
  key: Schema.String,
  value: Schema.Struct({
    inputTokens: Count,
    outputTokens: Count,
    cacheReadInputTokens: Count,
    cacheCreationInputTokens: Count,
    costUSD: loose(Schema.Number)
  })
})

const Init = Schema.Struct({ session_id: loose(Schema.String), model: loose(Schema.String) })

const Assistant = Schema.Struct({
  session_id: loose(Schema.String),
  parent_tool_use_id: loose(Schema.String),
  message: loose(Schema.Struct({
    id: loose(Schema.String),
    model: loose(Schema.String),
    usage: loose(ApiUsage)
  }))
})

const RateLimit = Schema.Struct({
  rate_limit_info: loose(Schema.Struct({ status: loose(Schema.String), resetsAt: loose(Schema.Number) }))
})

const Result = Schema.Struct({
  session_id: loose(Schema.String),
  subtype: loose(Schema.String),
  is_error: Schema.optional(Schema.Unknown),
  result: loose(Schema.String),
  structured_output: Schema.optional(Schema.Unknown),
  errors: loose(Schema.Array(Schema.String)),
  stop_reason: loose(Schema.String),
  terminal_reason: loose(Schema.String),
  api_error: loose(Schema.String),
  api_error_status: loose(Schema.Number),
  total_cost_usd: loose(Schema.Number),
  usage: loose(ApiUsage),
  modelUsage: loose(ModelUsage),
  model_usage_since_last_result: loose(ModelUsage),
  queued_turn_count: loose(Schema.Number)
})
type Result = typeof Result.Type

const decodeCompaction = Schema.decodeUnknownOption(Schema.Struct({
  type: Schema.Literal("system"),
  subtype: loose(Schema.String),
  compact_result: loose(Schema.String)
}))
const decodeInit = Schema.decodeUnknownOption(Init)
const decodeAssistant = Schema.decodeUnknownOption(Assistant)
const decodeRateLimit = Schema.decodeUnknownOption(RateLimit)
const decodeResult = Schema.decodeUnknownOption(Result)

interface State {
  readonly session: Session | undefined
  id: string | undefined
  model: string | undefined
  /** Usage by message, since each part of a message repeats it. */
  readonly turns: Map<string, Usage.Usage>
  used: Usage.Usage
  /** Second at which the limit that stopped the request ends. */
  resetsAt: number | undefined
  /** Whether the last text is the program's own. */
  isSynthetic: boolean
  readonly results: Array<Result>
}

/** Takes an event; true when no other will matter. */
const take = (state: State, type: unknown, value: unknown): boolean => {
  switch (type) {
    case "system":
      Option.map(decodeInit(value), ({ model, session_id }) => {
        state.id ??= session_id
        state.model ??= model
      })
      return false
    case "assistant":
      Option.map(decodeAssistant(value), (event) => takeTurn(state, event))
      return false
    case "rate_limit_event":
      Option.map(decodeRateLimit(value), ({ rate_limit_info: info }) => {
        if (info?.status === "rejected") state.resetsAt = info.resetsAt
      })
      return false
    case "result": {
      const result = Option.getOrUndefined(decodeResult(value))
      if (result === undefined) return false
      // a session that is not there is not the one the request runs in
      if (result.errors?.some(isLost) !== true) state.id ??= result.session_id
      state.results.push(result)
      return (result.queued_turn_count ?? 0) <= 0
    }
    default:
      return false
  }
}

const isLost = (said: string) => said.startsWith("No conversation found")

const takeTurn = (state: State, { message, parent_tool_use_id, session_id }: typeof Assistant.Type): void => {
  state.id ??= session_id
  if (parent_tool_use_id === undefined && message?.model !== undefined) {
    state.isSynthetic = message.model === synthetic
    if (!state.isSynthetic) state.model = message.model
  }
  if (message?.id === undefined || message.usage === undefined) return
  const before = state.turns.get(message.id) ?? Usage.zero
  const now = usageOf(message.usage)
  state.turns.set(message.id, now)
  if (Usage.total(now) !== Usage.total(before)) state.used = Usage.add(minus(state.used, before), now)
}

const synthetic = "<synthetic>"

const usageOf = (usage: typeof ApiUsage.Type): Usage.Usage =>
  Usage.make({
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    cacheWriteTokens: usage.cache_creation_input_tokens ?? 0
  })

const usageOfModels = (models: typeof ModelUsage.Type): Usage.Usage =>
  Object.values(models).map((model) =>
    Usage.make({
      inputTokens: model.inputTokens ?? 0,
      outputTokens: model.outputTokens ?? 0,
      cacheReadTokens: model.cacheReadInputTokens ?? 0,
      cacheWriteTokens: model.cacheCreationInputTokens ?? 0
    })
  ).reduce(Usage.add, Usage.zero)

const minus = (left: Usage.Usage, right: Usage.Usage): Usage.Usage => ({
  inputTokens: Math.max(0, left.inputTokens - right.inputTokens),
  outputTokens: Math.max(0, left.outputTokens - right.outputTokens),
  cacheReadTokens: Math.max(0, left.cacheReadTokens - right.cacheReadTokens),
  cacheWriteTokens: Math.max(0, left.cacheWriteTokens - right.cacheWriteTokens)
})

const completion = (state: State, end: End): Completion | undefined => {
  const result = state.results.at(-1)
  if (result === undefined) return undefined
  const usage = usageOfResults(state, result)
  return {
    text: result.result ?? "",
    structured: result.structured_output ?? undefined,
    problem: problemOf(state, result, usage, end.nowMillis),
    usage,
    costUsd: costOf(state, result),
    model: state.model ?? largest(result.modelUsage ?? {})
  }
}

/** What of E2 there is; undefined where nothing was counted in a form that can be read. */
const usageOfResults = (state: State, last: Result): Usage.Usage | undefined => {
  const since = sinceLast(state)
  if (since !== undefined) return since.map(usageOfModels).reduce(Usage.add, Usage.zero)
  const own = last.usage === undefined ? undefined : usageOf(last.usage)
  if (last.modelUsage === undefined) return own
  // a request that a limit of its own stopped has counted nothing there, and everything here
  const whole = minus(usageOfModels(last.modelUsage), state.session?.used ?? Usage.zero)
  return own === undefined || (Usage.total(own) === 0 && Usage.total(whole) > 0) ||
      (state.session === undefined && Usage.total(whole) > Usage.total(own))
    ? whole
    : own
}

/** What each result added, where every one says it. */
const sinceLast = ({ results }: State): ReadonlyArray<typeof ModelUsage.Type> | undefined => {
  const since = results.map((result) => result.model_usage_since_last_result).filter(Predicate.isNotUndefined)
  return since.length === results.length ? since : undefined
}

const costOf = (state: State, last: Result): number | undefined => {
  const costs = sinceLast(state)?.flatMap((models) => Object.values(models).map(({ costUSD }) => costUSD))
  if (costs?.every(Predicate.isNotUndefined) === true) {
    // one that is below zero is not made up for by others
    return costs.some((cost) => !(cost >= 0)) ? undefined : costs.reduce((sum, cost) => sum + cost, 0)
  }
  const total = last.total_cost_usd
  if (total === undefined || state.session === undefined) return total
  const before = state.session.cost
  return before === undefined ? undefined : total - Money.toUsd(before)
}

const largest = (models: typeof ModelUsage.Type): string | undefined =>
  Object.entries(models).toSorted(([, a], [, b]) => (b.outputTokens ?? 0) - (a.outputTokens ?? 0))[0]?.[0]

const problemOf = (
  state: State,
  result: Result,
  usage: Usage.Usage | undefined,
  nowMillis: number
): Problem | undefined => {
  const said = result.result ?? result.errors?.join("; ") ?? ""
  if (isAnswer(state, result, usage)) {
    const reason = stops.get(result.stop_reason ?? "")
    if (reason !== undefined) return { reason, detail: `the model stopped early (${result.stop_reason})` }
    return result.result === undefined && result.structured_output === undefined
      ? { reason: "Malformed", detail: "the result of claude has no text" }
      : undefined
  }
  if (isLost(said)) return lostSession
  const reason = reasonOf(state, result, said)
  const detail = said === "" ? `claude ended with ${result.terminal_reason ?? result.subtype ?? "an error"}` : said
  const wait = reason === "UsageLimit" || reason === "RateLimited" ? waitOf(state, said, nowMillis) : undefined
  return { reason, detail: advised(reason, detail), retryAfterMs: wait }
}

/**
 * The session that was to be continued is not on this machine any more.
 * @category models
 * @since 0.1.0
 */
export const lostSession: Problem = {
  reason: "Unavailable",
  detail: "claude does not know the session that was to be continued; asking again starts a new one",
  isSessionLost: true
}

/** E1. Older versions give an API error as a success, in a message that no model wrote and nothing was used for. */
const isAnswer = (state: State, { is_error, result, subtype }: Result, usage: Usage.Usage | undefined): boolean => {
  // what is neither true nor false is not believed
  const isError = is_error === undefined ? subtype !== "success" : is_error !== false
  const isUsed = usage === undefined || Usage.total(usage) > 0
  return !isError && !state.isSynthetic && (isUsed || !/^API Error\b/.test(result ?? ""))
}

const stops: ReadonlyMap<string, ProviderReason> = new Map([["refusal", "Refused"], ["max_tokens", "Truncated"]])

const byApiError: ReadonlyMap<string, ProviderReason> = new Map([
  ["usage_limit_reached", "UsageLimit"],
  ["max_output_tokens", "Truncated"],
  ["connection_failed", "Transport"]
])

const byTerminal: ReadonlyMap<string, ProviderReason> = new Map([
  ["prompt_too_long", "ContextOverflow"],
  ["max_turns", "Truncated"],
  ["budget_exhausted", "Billing"]
])

const bySubtype: ReadonlyMap<string, ProviderReason> = new Map([
  ["error_max_turns", "Truncated"],
  ["error_max_budget_usd", "Billing"],
  ["error_max_structured_output_retries", "Malformed"]
])

const byStatus: ReadonlyMap<number, ProviderReason> = new Map([
  [400, "InvalidRequest"],
  [401, "Authentication"],
  [402, "Billing"],
  [403, "Permission"],
  [404, "UnknownModel"],
  [408, "Transport"],
  [409, "Transport"],
  [413, "ContextOverflow"],
  [422, "InvalidRequest"],
  [429, "RateLimited"],
  [503, "Overloaded"],
  [529, "Overloaded"]
])

const usageLimit = /^(?:You've|You have|Claude) .{0,60}\blimit\b|\busage limit reached\b/i
const noCredit = /credit balance/i
const noLogin = /\/login\b|not logged in/i

const reasonOf = (state: State, result: Result, said: string): ProviderReason => {
  const status = result.api_error_status ?? statusIn(said)
  const named = byApiError.get(result.api_error ?? "") ?? byTerminal.get(result.terminal_reason ?? "") ??
    bySubtype.get(result.subtype ?? "") ?? stops.get(result.stop_reason ?? "")
  if (named !== undefined) return named
  if (noCredit.test(said)) return "Billing"
  if ((status === undefined || status === 429) && (state.resetsAt !== undefined || usageLimit.test(said))) {
    return "UsageLimit"
  }
  if (status !== undefined) return byStatus.get(status) ?? (status >= 500 ? "Unavailable" : "InvalidRequest")
  if (noLogin.test(said)) return "Authentication"
  return result.terminal_reason === "api_error" ? "Transport" : "Unknown"
}

/** Versions that have no field for it write the status into the text. */
const statusIn = (said: string): number | undefined => {
  const digits = /^API Error: (?:[A-Za-z ]{0,40}\()?(\d{3})\b/.exec(said)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const waitOf = ({ resetsAt }: State, said: string, nowMillis: number): number | undefined =>
  resetsAt === undefined ? ResetTime.waitOf(said, { nowMillis }) : ResetTime.until(resetsAt * 1_000, nowMillis)

const advised = (reason: ProviderReason, detail: string): string =>
  reason === "Authentication" || reason === "Permission"
    ? `${detail}; log in with 'claude auth login', or check $ANTHROPIC_API_KEY`
    : detail
