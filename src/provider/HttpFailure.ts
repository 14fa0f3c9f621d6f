/**
 * What a failed HTTP exchange means, from its status, its headers and the codes in its body, never from prose.
 *
 * - H1. Only what may succeed later without a change is given a transient reason.
 * - H2. A time to wait is taken from every form in which servers give one; what cannot be read gives none.
 * - H3. Nothing of the client's own error leaves, because it holds the headers of the request.
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Predicate from "effect/Predicate"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { ServerError } from "./OpenAiWire.ts"

/**
 * Headers of an answer, by lower-case name.
 * @category models
 * @since 0.1.0
 */
export type Headers = Readonly<Record<string, string | undefined>>

/**
 * The reason a status and the codes beside it stand for.
 * @category converting
 * @since 0.1.0
 */
export const reasonOf = (status: number, error: ServerError | undefined, headers: Headers): ProviderReason => {
  const reason = byCode(error) ?? byStatus(status, error)
  const advice = headers["x-should-retry"]
  if (advice === "true" && !transient.has(reason)) return "Unavailable"
  if (advice === "false" && transient.has(reason)) return reason === "RateLimited" ? "UsageLimit" : "Unknown"
  return reason
}

/**
 * Least milliseconds to wait before asking again, as the headers say.
 * @category converting
 * @since 0.1.0
 */
export const retryAfterMs = (headers: Headers, nowMillis: number): number | undefined =>
  millisOf(headers["retry-after-ms"]) ??
    secondsOf(headers["retry-after"]) ??
    untilDate(headers["retry-after"], nowMillis) ??
    untilReset(headers, "requests") ??
    untilReset(headers, "tokens")

/**
 * What went wrong before an answer was complete: the reason and a sentence without address, headers or key.
 * @category converting
 * @since 0.1.0
 */
export const ofTransport = (
  error: HttpClientError.HttpClientError
): { readonly reason: ProviderReason; readonly detail: string } => {
  if (error._tag === "RequestError" && error.reason === "InvalidUrl") {
    return { reason: "Misconfigured", detail: "its address is not valid" }
  }
  if (error._tag === "RequestError" && error.reason === "Encode") {
    return { reason: "InvalidRequest", detail: "the request cannot be encoded" }
  }
  const code = codeOf(error.cause)
  if (error._tag === "ResponseError") {
    const what = `the connection broke before the answer was complete${code === undefined ? "" : ` (${code})`}`
    return { reason: "Transport", detail: `${what}; the request may have been billed` }
  }
  if (code !== undefined && certificateCode.test(code)) {
    return { reason: "Misconfigured", detail: `the server's certificate is not accepted (${code})` }
  }
  return { reason: "Transport", detail: explanations.get(code ?? "") ?? `no answer came${code ? ` (${code})` : ""}` }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const transient: ReadonlySet<ProviderReason> = new Set(["RateLimited", "Overloaded", "Unavailable", "Transport"])

const codes: ReadonlyMap<string, ProviderReason> = new Map([
  ["billing_error", "Billing"],
  ["billing_hard_limit_reached", "Billing"],
  ["content_filter", "Refused"],
  ["content_policy_violation", "Refused"],
  ["context_length_exceeded", "ContextOverflow"],
  ["insufficient_quota", "Billing"],
  ["invalid_api_key", "Authentication"],
  ["model_not_found", "UnknownModel"],
  ["rate_limit_exceeded", "RateLimited"],
  ["string_above_max_length", "ContextOverflow"]
])

const statuses: ReadonlyMap<number, ProviderReason> = new Map([
  [401, "Authentication"],
  [402, "Billing"],
  [403, "Permission"],
  [407, "Misconfigured"],
  [408, "Transport"],
  [409, "Transport"],
  [425, "Transport"],
  [429, "RateLimited"],
  [451, "Refused"],
  [501, "InvalidRequest"],
  [503, "Overloaded"],
  [529, "Overloaded"]
])

const byCode = (error: ServerError | undefined): ProviderReason | undefined =>
  codes.get(String(error?.code)) ?? codes.get(String(error?.type))

const byStatus = (status: number, error: ServerError | undefined): ProviderReason => {
  const known = statuses.get(status)
  if (known !== undefined) return known
  // an address that no such server answers at has no error of the server's own
  if (status === 404) return error === undefined ? "Misconfigured" : "UnknownModel"
  if (status >= 500) return "Unavailable"
  if (status >= 400) return "InvalidRequest"
  return status >= 300 ? "Misconfigured" : "Unknown"
}

const decimal = /^\s*(\d+(?:\.\d+)?)\s*$/

const millisOf = (value: string | undefined): number | undefined => {
  const digits = decimal.exec(value ?? "")?.[1]
  return digits === undefined ? undefined : finite(Math.ceil(Number(digits)))
}

const secondsOf = (value: string | undefined): number | undefined => {
  const digits = decimal.exec(value ?? "")?.[1]
  return digits === undefined ? undefined : finite(Math.ceil(Number(digits) * 1_000))
}

const finite = (value: number): number | undefined => Number.isSafeInteger(value) ? value : undefined

const dateForm = /^\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /

const untilDate = (value: string | undefined, nowMillis: number): number | undefined => {
  if (value === undefined || !dateForm.test(value)) return undefined
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis)
}

const lengths: ReadonlyMap<string, number> = new Map([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  [
    "ms",
    1
  ]
])
const duration = /^(?:\d+(?:\.\d+)?(?:ms|[dhms]))+$/
const durationPart = /(\d+(?:\.\d+)?)(ms|[dhms])/g

/** OpenAI's `6m0s`, which counts only for the limit that is used up. */
const untilReset = (headers: Headers, limit: string): number | undefined => {
  const reset = headers[`x-ratelimit-reset-${limit}`] ?? ""
  if (headers[`x-ratelimit-remaining-${limit}`] !== "0" || !duration.test(reset)) return undefined
  let millis = 0
  for (const [, amount, unit] of reset.matchAll(durationPart)) millis += Number(amount) * (lengths.get(unit ?? "") ?? 0)
  return finite(Math.ceil(millis))
}

const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/

const explanations: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing answers at its address (ECONNREFUSED)"],
  ["ECONNRESET", "the connection was closed before an answer came (ECONNRESET)"],
  ["ENOTFOUND", "its host name cannot be resolved (ENOTFOUND)"],
  ["EAI_AGAIN", "its host name cannot be resolved now (EAI_AGAIN)"],
  ["UND_ERR_CONNECT_TIMEOUT", "no connection could be made in time (UND_ERR_CONNECT_TIMEOUT)"],
  ["UND_ERR_SOCKET", "the connection was closed before an answer came (UND_ERR_SOCKET)"]
])

/** The system's code for an error, which is below the client's own when several addresses were tried. */
const codeOf = (cause: unknown): string | undefined => {
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^[A-Z0-9_]{1,60}$/.test(cause.code)) {
    return cause.code
  }
  if (Predicate.hasProperty(cause, "cause") && cause.cause !== cause) return codeOf(cause.cause)
  return undefined
}
