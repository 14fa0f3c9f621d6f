/**
 * The variables that graphs have been tuned with since their first engine: `AGENT_*` and `CODEX_PROFILE`.
 *
 * They are read when a graph is run, and a value that is none is an error that names the variable.
 */
import * as Either from "effect/Either"

/**
 * What the variables say; undefined for what they leave to the defaults of whoever uses it.
 * @category models
 * @since 0.1.0
 */
export interface AgentSettings {
  /** `AGENT_CLI`: the provider of graphs whose nodes name none. */
  readonly cli: string | undefined
  /** `AGENT_MODEL`: the model of nodes that name none. */
  readonly model: string | undefined
  /** `AGENT_CLAUDE_MODEL`: the same, for claude alone. */
  readonly claudeModel: string | undefined
  /** `CODEX_PROFILE`: the profile of models of codex that name none. */
  readonly codexProfile: string | undefined
  /** `AGENT_USE_DEFAULT_OUTPUTS`: whether declared values may stand in for answers. */
  readonly useDefaultOutputs: boolean | undefined
  /** `AGENT_MAX_OUTPUT_RETRIES`: times an answer that does not fit is asked for again in its session. */
  readonly maxOutputRetries: number | undefined
  /** `AGENT_MAX_INVOKE_RETRIES`: times a request that failed for a passing reason is sent again. */
  readonly maxInvokeRetries: number | undefined
  /** `AGENT_MAX_REPHRASE_ATTEMPTS`: times a task is put to a fresh session in other words. */
  readonly maxRephraseAttempts: number | undefined
  /** `AGENT_MAX_COMPACT_ATTEMPTS`: times a session that outgrew its model is shortened. */
  readonly maxCompactAttempts: number | undefined
  /** `AGENT_MAX_CAP_WAITS`: times a used-up limit is waited for. */
  readonly maxCapWaits: number | undefined
  /** `AGENT_RESULT_TIMEOUT_S`: time of a node that has none of its own. */
  readonly resultTimeoutSeconds: number | undefined
  /** `AGENT_INVOKE_BACKOFF_BASE_S`: wait before the second request. */
  readonly invokeBackoffBaseSeconds: number | undefined
  /** `AGENT_INVOKE_BACKOFF_CAP_S`: longest wait between requests. */
  readonly invokeBackoffCapSeconds: number | undefined
  /** `AGENT_CAP_DEFAULT_WAIT_S`: wait for a limit of which nobody says when it ends. */
  readonly capDefaultWaitSeconds: number | undefined
  /** `AGENT_CAP_WAIT_MARGIN_S`: added to when a limit is said to end. */
  readonly capWaitMarginSeconds: number | undefined
  /** `AGENT_CAP_TICK_S`: time between two events that say that it still waits. */
  readonly capTickSeconds: number | undefined
  /** `AGENT_CAP_MAX_WAIT_S`: longest time to wait for limits in all. */
  readonly capMaxWaitSeconds: number | undefined
}

/**
 * A value that is none, and what there has to be instead.
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly variable: string
  readonly value: string
  readonly accepted: string
}

/**
 * Reads the variables through a function that gives the trimmed value of one that is set.
 * @category constructors
 * @since 0.1.0
 */
export const make = (read: (variable: string) => string | undefined): Either.Either<AgentSettings, Refusal> =>
  Either.gen(function*() {
    const decode = <A>(variable: string, accepted: string, of: (value: string) => A | undefined) => {
      const value = read(variable)
      if (value === undefined) return Either.right(undefined)
      const found = of(value)
      return found === undefined ? Either.left<Refusal>({ variable, value, accepted }) : Either.right(found)
    }
    const count = (variable: string) => decode(variable, "a whole number of at least 0", countOf)
    const seconds = (variable: string) => decode(variable, "a number of seconds, of at least 0", secondsOf)
    return {
      cli: read("AGENT_CLI"),
      model: read("AGENT_MODEL"),
      claudeModel: read("AGENT_CLAUDE_MODEL"),
      codexProfile: read("CODEX_PROFILE"),
      useDefaultOutputs: yield* decode("AGENT_USE_DEFAULT_OUTPUTS", "true or false", truthOf),
      maxOutputRetries: yield* count("AGENT_MAX_OUTPUT_RETRIES"),
      maxInvokeRetries: yield* count("AGENT_MAX_INVOKE_RETRIES"),
      maxRephraseAttempts: yield* count("AGENT_MAX_REPHRASE_ATTEMPTS"),
      maxCompactAttempts: yield* count("AGENT_MAX_COMPACT_ATTEMPTS"),
      maxCapWaits: yield* count("AGENT_MAX_CAP_WAITS"),
      resultTimeoutSeconds: yield* decode("AGENT_RESULT_TIMEOUT_S", "a number of seconds above 0", positiveOf),
      invokeBackoffBaseSeconds: yield* seconds("AGENT_INVOKE_BACKOFF_BASE_S"),
      invokeBackoffCapSeconds: yield* seconds("AGENT_INVOKE_BACKOFF_CAP_S"),
      capDefaultWaitSeconds: yield* seconds("AGENT_CAP_DEFAULT_WAIT_S"),
      capWaitMarginSeconds: yield* seconds("AGENT_CAP_WAIT_MARGIN_S"),
      capTickSeconds: yield* decode("AGENT_CAP_TICK_S", "a number of seconds above 0", positiveOf),
      capMaxWaitSeconds: yield* seconds("AGENT_CAP_MAX_WAIT_S")
    }
  })

/**
 * The names in a list such as `REPO_URL,REPO_BRANCH`.
 * @category converting
 * @since 0.1.0
 */
export const namesOf = (text: string | undefined): ReadonlySet<string> =>
  new Set((text ?? "").split(/[\s,]+/).filter((name) => name !== ""))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const countOf = (value: string): number | undefined => {
  const number = /^\d+$/.test(value) ? Number(value) : undefined
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined
}

/** A hundred years, which no wait outlasts. */
const mostSeconds = 3_155_760_000

const secondsOf = (value: string): number | undefined => {
  const number = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : undefined
  return number !== undefined && number <= mostSeconds ? number : undefined
}

const positiveOf = (value: string): number | undefined => {
  const number = secondsOf(value)
  return number === 0 ? undefined : number
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  false: false,
  "0": false,
  no: false
}

const truthOf = (value: string): boolean | undefined =>
  Object.hasOwn(truths, value.toLowerCase()) ? truths[value.toLowerCase()] : undefined
