/**
 * What codex's account of a failure means.
 *
 * Codex prints sentences, not codes. A body of the API that it prints whole is read by its fields, a status it names by
 * its number; only what has neither is told apart by the sentences that codex 0.169 prints.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { Moment } from "../internal/resetTime.ts"
import * as ResetTime from "../internal/resetTime.ts"
import type { End, Problem } from "./CliFormat.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { ServerError } from "./HttpWire.ts"
import * as WireJson from "./WireJson.ts"

/**
 * What the message of a failed turn means.
 * @category converting
 * @since 0.1.0
 */
export const ofMessage = (message: string, moment: Moment): Problem => {
  const text = message.trim().slice(0, longestMessage)
  const status = statusOf(text)
  const body = bodyOf(text)
  const said = body?.message ?? text
  const byFields = body === undefined && status === undefined ? undefined : byStatus(body, status)
  const isVague = byFields === undefined || vague.has(byFields)
  const reason = (isVague ? byWords(said) : undefined) ?? byFields ?? "Unknown"
  const retryAfterMs = waiting.has(reason)
    ? body?.retryAfterMs(moment) ?? ResetTime.waitOf(said, { ...moment, wholeMinutes: true })
    : undefined
  const advice = advices.get(reason)
  const detail = `${said === "" ? "the turn failed without a reason" : said}${
    advice === undefined ? "" : `; ${advice}`
  }`
  return { reason, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/**
 * What an end without a turn means, from the error output.
 * @category converting
 * @since 0.1.0
 */
export const ofEnd = ({ code, endedBy, stderr }: End, moment: Moment): Problem | undefined => {
  if (endedBy !== "itself" || code === 0 || code === null) return undefined
  const text = stderr.split("\n").filter((line) => !line.startsWith("WARNING:")).join("\n").trim()
  const said = text.slice(-longestMessage)
  if (/no rollout found for thread id/.test(said)) {
    // the next request starts a session of its own
    return { reason: "Unavailable", detail: "the session to continue does not exist any more", isSessionLost: true }
  }
  if (code === 2 && /^error: /m.test(said)) {
    const line = /^error: .*/m.exec(said)?.[0]
    return {
      reason: "Misconfigured",
      detail: `codex does not take its arguments, it may be too old or too new: ${line}`
    }
  }
  const sentence = starts.find(({ pattern }) => pattern.test(said))
  if (sentence !== undefined) return { reason: sentence.reason, detail: plain(said) }
  // codex's last word, as opposed to what it logs on the way
  const error = /(?:^|\n)Error: ([^]+)$/.exec(said)?.[1]
  return error === undefined ? undefined : ofMessage(plain(error), moment)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const longestMessage = 16_384

const waiting: ReadonlySet<ProviderReason> = new Set(["RateLimited", "UsageLimit", "Overloaded", "Unavailable"])
/** Reasons that say no more than that there was an error. */
const vague: ReadonlySet<ProviderReason> = new Set(["InvalidRequest", "Unknown", "RateLimited", "Unavailable"])

const advices: ReadonlyMap<ProviderReason, string> = new Map([
  ["Authentication", "run `codex login`, or set the key that codex's configuration names"]
])

const statusOf = (text: string): number | undefined => {
  const digits = /(?:unexpected status|last status:|\(status) (\d{3})\b/.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

interface Body extends Pick<ServerError, "message"> {
  readonly error: ServerError
  readonly status: number | undefined
  readonly retryAfterMs: (moment: Moment) => number | undefined
}

/** The body of an answer, which is the whole message or stands behind the status. */
const bodyOf = (text: string): Body | undefined => {
  const from = text.indexOf("{")
  const to = text.lastIndexOf("}")
  if (from < 0 || to < from || (from > 0 && statusOf(text) === undefined)) return undefined
  const parsed = Option.getOrUndefined(WireJson.parse(text.slice(from, to + 1)))
  if (!Predicate.isRecord(parsed)) return undefined
  const nested = parsed["error"]
  const fields = Predicate.isRecord(nested) ? nested : parsed
  const message = textOf(fields["message"]) ?? textOf(fields["detail"]) ?? textOf(nested)
  const type = textOf(fields["type"])?.toLowerCase()
  const code = textOf(fields["code"])?.toLowerCase()
  if (message === undefined && type === undefined && code === undefined) return undefined
  const error = { message, type, code, param: textOf(fields["param"]), retryAfterMs: undefined }
  const status = parsed["status"] ?? fields["status"]
  return {
    error,
    message,
    status: typeof status === "number" ? status : undefined,
    retryAfterMs: (moment) => untilOf(fields, moment)
  }
}

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const untilOf = (fields: { readonly [name: string]: unknown }, moment: Moment): number | undefined => {
  const { resets_at: at, resets_in_seconds: seconds } = fields
  if (typeof at === "number") return ResetTime.until(at * 1_000, moment.nowMillis)
  return typeof seconds === "number" ? ResetTime.until(moment.nowMillis + seconds * 1_000, moment.nowMillis) : undefined
}

/** Codes of the service behind codex that the API does not have. */
const codes: ReadonlyMap<string, ProviderReason> = new Map([
  ["usage_limit_reached", "UsageLimit"],
  ["usage_not_included", "Billing"],
  ["quota_exceeded", "Billing"],
  ["invalid_prompt", "Refused"],
  ["cyber_policy", "Refused"],
  ["server_is_overloaded", "Overloaded"],
  ["slow_down", "Overloaded"]
])

/** Codex prints the body alone, without its status, for status 400 only. */
const byStatus = (body: Body | undefined, status: number | undefined): ProviderReason =>
  codes.get(String(body?.error.code)) ?? codes.get(String(body?.error.type)) ??
    HttpFailure.reasonOf(status ?? body?.status ?? 400, body?.error, {})

interface Sentence {
  readonly pattern: RegExp
  readonly reason: ProviderReason
}

const sentence = (reason: ProviderReason, pattern: RegExp): Sentence => ({ pattern, reason })

/** Before a turn begins. */
const starts: ReadonlyArray<Sentence> = [
  sentence("Misconfigured", /Error loading config|--profile `|Not inside a trusted directory/),
  sentence("Misconfigured", /Missing optional dependency @openai\/codex|codex-linux-sandbox/),
  sentence("ContextOverflow", /input_too_large/),
  sentence("InvalidRequest", /No prompt provided via stdin|Failed to read prompt from stdin/)
]

/** In a turn; the first that fits counts. */
const sentences: ReadonlyArray<Sentence> = [
  sentence("UsageLimit", /hit your usage limit|usage limit (?:has been )?reached/i),
  sentence("Billing", /^Quota exceeded|out of credits|spend cap|your ChatGPT plan, upgrade/i),
  sentence("ContextOverflow", /context window|context length|prompt is too long|exceeds the maximum length/i),
  sentence("Overloaded", /experiencing high demand|experiencing high load|model is at capacity|overloaded/i),
  sentence("Authentication", /^Missing environment variable|log out and sign in|not logged in|refresh token/i),
  sentence(
    "Refused",
    /flagged for possible|flagged as potentially violating|limited access to this content for safety/i
  ),
  sentence("UnknownModel", /model\b.{0,120}?(?:does not exist|is not supported|not found)/i),
  sentence("RateLimited", /rate limit/i),
  sentence("Permission", /Access blocked by Cloudflare/i),
  sentence("Transport", /stream disconnected|connection failed|error sending request|reading the server response/i),
  sentence("Transport", /request timed out|timeout waiting|connection (?:closed|reset|refused)/i),
  sentence("Unavailable", /agent loop died unexpectedly/)
]

const byWords = (text: string): ProviderReason | undefined =>
  sentences.find(({ pattern }) => pattern.test(text))?.reason

const plain = (text: string): string => text.replace(/\s+/g, " ").trim()
