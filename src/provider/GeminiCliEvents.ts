/**
 * What `gemini --output-format stream-json` prints, and what it means.
 *
 * - E1. Only a result that says it is a success is one; some failures end with exit code 0.
 * - E2. The answer is what the model said after its last use of a tool.
 * - E3. Input counts what was read from the cache; output leaves reasoning out, which only the total counts.
 * - E4. An exit code above 53 is the rest of an HTTP status divided by 256, which no status can be told from. Statuses
 *   are read from the server's error, which the program puts into its own, and from what it prints of the exception.
 *
 * The program does not say that an answer was cut at the bound on output or stopped by a filter: it passes such a one
 * off as whole.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import type * as Usage from "../domain/Usage.ts"
import type { Completion, End, Events, Problem } from "./CliFormat.ts"
import * as CliJson from "./CliJson.ts"
import * as HttpFailure from "./HttpFailure.ts"

/**
 * Reads the output of one request.
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Events => {
  const state: State = { id: undefined, model: undefined, text: "", said: undefined, result: undefined }
  return {
    next: (line) => {
      const event = Option.getOrUndefined(decodeEvent(CliJson.parse(line)))
      if (event !== undefined) take(state, event)
      return { session: state.id, usage: undefined, isComplete: state.result !== undefined }
    },
    completion: (end) => state.result === undefined ? undefined : completion(state, state.result, end)
  }
}

/**
 * What an end without a result means.
 * @category converting
 * @since 0.1.0
 */
export const failure = (end: End): Problem | undefined => {
  const { code, stderr } = end
  if (/^Error resuming session: Invalid session identifier/m.test(stderr)) {
    return { reason: "Unavailable", detail: "the session to be continued is gone", isSessionLost: true }
  }
  const fatal = fatalOf(stderr)
  const reason = exitCodes.get(code ?? 0)
  if (reason !== undefined) return { reason, detail: fatal?.message ?? (lastLine(stderr) || `exit code ${code}`) }
  return fatal?.message === undefined ? undefined : described(fatal.message, stderr)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const { Count, loose } = CliJson

const Stats = Schema.Struct({
  total_tokens: Count,
  input_tokens: Count,
  output_tokens: Count,
  cached: Count,
  models: loose(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})

const decodeEvent = Schema.decodeUnknownOption(Schema.Struct({
  type: Schema.String,
  session_id: loose(Schema.String),
  model: loose(Schema.String),
  role: loose(Schema.String),
  content: loose(Schema.String),
  delta: loose(Schema.Boolean),
  severity: loose(Schema.String),
  message: loose(Schema.String),
  status: loose(Schema.String),
  error: loose(Schema.Struct({ type: loose(Schema.String), message: loose(Schema.String) })),
  stats: loose(Stats)
}))
type Event = Option.Option.Value<ReturnType<typeof decodeEvent>>

interface State {
  id: string | undefined
  model: string | undefined
  text: string
  /** The error the program told of before its result. */
  said: string | undefined
  result: Event | undefined
}

const take = (state: State, event: Event): void => {
  switch (event.type) {
    case "init":
      state.id = event.session_id
      state.model = event.model
      break
    case "message":
      if (event.role === "assistant") state.text = `${event.delta === true ? state.text : ""}${event.content ?? ""}`
      break
    case "tool_use":
      state.text = ""
      break
    case "error":
      if (event.severity === "error") state.said = event.message
      break
    case "result":
      state.result = event
      break
    default:
  }
}

const completion = (state: State, { error, stats, status }: Event, { stderr }: End): Completion => {
  const isSuccess = status === "success"
  const message = error?.message ?? state.said ?? "gemini reports an error without a text"
  const models = Object.keys(stats?.models ?? {})
  return {
    text: isSuccess ? state.text : "",
    structured: undefined,
    problem: isSuccess ? undefined : described(message, stderr),
    usage: stats === undefined ? undefined : usageOf(stats),
    costUsd: undefined,
    model: models.length === 1 ? models[0] : state.model
  }
}

const usageOf = (stats: typeof Stats.Type): Usage.Usage => {
  const input = stats.input_tokens ?? 0
  const cached = Math.min(stats.cached ?? 0, input)
  return {
    inputTokens: input - cached,
    outputTokens: Math.max(stats.output_tokens ?? 0, (stats.total_tokens ?? 0) - input),
    cacheReadTokens: cached,
    cacheWriteTokens: 0
  }
}

const exitCodes: ReadonlyMap<number, ProviderReason> = new Map([
  [41, "Authentication"],
  [42, "InvalidRequest"],
  [44, "Misconfigured"],
  [52, "Misconfigured"],
  [53, "Truncated"]
])

const described = (message: string, stderr: string): Problem => {
  const sent = serverError(message)
  const status = sent?.code ?? thrown(stderr)
  const detail = sent?.message ?? message
  if (status === undefined) return { reason: "Unknown", detail }
  return { ...meaning(status, sent), detail }
}

const meaning = (status: number, sent: ServerError | undefined): Omit<Problem, "detail"> => {
  const details = sent?.details ?? []
  if (details.some(({ reason }) => reason === "API_KEY_INVALID")) return { reason: "Authentication" }
  const isDaily = details.flatMap(({ violations = [] }) => violations).some(({ quotaId = "" }) =>
    quotaId.includes("PerDay")
  )
  if (status === 429 && isDaily) return { reason: "UsageLimit" }
  const delay = details.flatMap(({ retryDelay }) => retryDelay ?? [])[0]
  const error = { message: sent?.message, code: undefined, type: sent?.status, param: undefined }
  return {
    reason: HttpFailure.reasonOf(status, { ...error, retryAfterMs: undefined }, {}),
    retryAfterMs: delay === undefined ? undefined : secondsOf(delay)
  }
}

const ServerError = Schema.Struct({
  code: loose(Schema.Int.pipe(Schema.between(400, 599))),
  message: loose(Schema.String),
  status: loose(Schema.String),
  details: loose(Schema.Array(Schema.Struct({
    reason: loose(Schema.String),
    retryDelay: loose(Schema.String),
    violations: loose(Schema.Array(Schema.Struct({ quotaId: loose(Schema.String) })))
  })))
})
type ServerError = typeof ServerError.Type

const decodeServerError = Schema.decodeUnknownOption(Schema.Struct({ error: ServerError }))

/** The error the server sent, which the program puts into its message as it came. */
const serverError = (message: string): ServerError | undefined => {
  const sent = CliJson.parse(message.slice(message.indexOf("{"), message.lastIndexOf("}") + 1))
  return Option.getOrUndefined(Option.map(decodeServerError(sent), ({ error }) => error))
}

/** The status of the exception that was printed last. */
const thrown = (stderr: string): number | undefined => {
  const found = [...stderr.matchAll(/^ {2}(?:status|code): ([45]\d\d),?$/gm)].at(-1)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** A whole duration in seconds, as `13s` or `1.5s`. */
const secondsOf = (delay: string): number | undefined => {
  const digits = /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1]
  return digits === undefined ? undefined : Math.ceil(Number(digits) * 1_000)
}

/** The error object that is printed over several lines, after those of a log. */
const fatalOf = (stderr: string): { readonly message: string | undefined } | undefined => {
  const from = stderr.search(/^\{$/m)
  if (from < 0) return undefined
  const printed = CliJson.parse(stderr.slice(from, stderr.lastIndexOf("}") + 1))
  const error = Predicate.isRecord(printed) ? printed["error"] : undefined
  if (!Predicate.isRecord(error)) return undefined
  const { message } = error
  return { message: typeof message === "string" ? message : undefined }
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim().slice(0, 500) ?? ""
