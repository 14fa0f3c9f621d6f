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
import type { ServerError } from "./HttpWire.ts"

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
  const reason = error?.reason ?? byCode(error) ?? byStatus(status, error)
  const advice = headers["x-should-retry"]
  if (advice === "true" && !transient.has(reason)) return "Unavailable"
  if (advice === "false" && transient.has(reason)) return reason === "RateLimited" ? "UsageLimit" : "Unknown"
  return reason
}

/**
 * The reason an error in the middle of an answer stands for. The server had taken the request, so that it is broken off
 * where nothing else is said.
 * @category converting
 * @since 0.1.0
 */
export const reasonWithin = (error: ServerError, headers: Headers): ProviderReason => {
  if (error.reason !== undefined) return error.reason
  const code = Number(error.code)
  const status = Number.isInteger(code) && code >= 400 && code < 600 ? code : undefined
  return status === undefined ? byCode(error) ?? byType(error) ?? "Unavailable" : reasonOf(status, error, headers)
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
    longest([
      ...openAiLimits.map((limit) => untilReset(headers, limit)),
      ...anthropicLimits.map((limit) => untilInstant(headers, limit, nowMillis)),
      untilUnified(headers, nowMillis)
    ])

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
  if (code !== undefined && protocolCode.test(code)) {
    return { reason: "Misconfigured", detail: `the server does not speak TLS as it has to (${code})` }
  }
  return { reason: "Transport", detail: explanations.get(code ?? "") ?? `no answer came${code ? ` (${code})` : ""}` }
}

/**
 * Whether a request cannot have reached the server: it was never sent, or nothing took it.
 * @category predicates
 * @since 0.1.0
 */
export const isUnsent = (error: HttpClientError.HttpClientError): boolean => {
  if (error._tag === "ResponseError") return false
  if (error.reason !== "Transport") return true
  const code = codeOf(error.cause) ?? ""
  return unsentCodes.has(code) || certificateCode.test(code)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const unsentCodes: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"])

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
  error?.reason ?? codes.get(String(error?.code)) ?? codes.get(String(error?.type))

/** Kinds that servers give beside a status; they speak for themselves only where there is none. */
const types: ReadonlyMap<string, ProviderReason> = new Map([
  ["api_error", "Unavailable"],
  ["authentication_error", "Authentication"],
  ["deadline_exceeded", "Unavailable"],
  ["failed_precondition", "InvalidRequest"],
  ["internal", "Unavailable"],
  ["internal_server_error", "Unavailable"],
  ["invalid_argument", "InvalidRequest"],
  ["invalid_request_error", "InvalidRequest"],
  ["not_found", "UnknownModel"],
  ["not_found_error", "UnknownModel"],
  ["overloaded", "Overloaded"],
  ["overloaded_error", "Overloaded"],
  ["permission_denied", "Permission"],
  ["permission_error", "Permission"],
  ["rate_limit_error", "RateLimited"],
  ["request_too_large", "InvalidRequest"],
  ["resource_exhausted", "RateLimited"],
  ["server_error", "Unavailable"],
  ["timeout_error", "Unavailable"],
  ["unauthenticated", "Authentication"],
  ["unavailable", "Overloaded"]
])

const byType = (error: ServerError): ProviderReason | undefined =>
  types.get(String(error.type).toLowerCase()) ?? types.get(String(error.code).toLowerCase())

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

const zone = /(?:GMT|UTC|Z|[+-]\d{4})\s*$/

const untilDate = (value: string | undefined, nowMillis: number): number | undefined => {
  if (value === undefined || !dateForm.test(value)) return undefined
  // the oldest of the three forms names no zone, and none is meant but this one
  const date = Date.parse(zone.test(value) ? value : `${value.trim()} GMT`)
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

const openAiLimits = ["requests", "tokens"]
const anthropicLimits = ["requests", "tokens", "input-tokens", "output-tokens"]

/** The wait after which no limit is used up any more. */
const longest = (waits: ReadonlyArray<number | undefined>): number | undefined => {
  const known = waits.flatMap((wait) => wait ?? [])
  return known.length === 0 ? undefined : Math.max(...known)
}

const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** Anthropic's instants, which count only for the limit that is used up. */
const untilInstant = (headers: Headers, limit: string, nowMillis: number): number | undefined => {
  const reset = headers[`anthropic-ratelimit-${limit}-reset`] ?? ""
  if (headers[`anthropic-ratelimit-${limit}-remaining`] !== "0" || !instantForm.test(reset)) return undefined
  const instant = Date.parse(reset)
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - nowMillis)
}

/** The limit of a subscription, in seconds since 1970. */
const untilUnified = (headers: Headers, nowMillis: number): number | undefined => {
  const millis = secondsOf(headers["anthropic-ratelimit-unified-reset"])
  return headers["anthropic-ratelimit-unified-status"] !== "rejected" || millis === undefined
    ? undefined
    : Math.max(0, millis - nowMillis)
}

const certificateCode = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/
const protocolCode = /^(?:EPROTO$|ERR_SSL_)/

const explanations: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing answers at its address (ECONNREFUSED)"],
  ["ECONNRESET", "the connection was closed before an answer came (ECONNRESET)"],
  ["ENOTFOUND", "its host name cannot be resolved (ENOTFOUND)"],
  ["EAI_AGAIN", "its host name cannot be resolved now (EAI_AGAIN)"],
  ["UND_ERR_ABORTED", "the connection was refused on the way, perhaps by a proxy (UND_ERR_ABORTED)"],
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
