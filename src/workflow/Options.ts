/**
 * The options of a call: what may be written, and the check of what was.
 *
 * The types refuse a wrong value where TypeScript looks; the check says the same at run time, for scripts that are
 * loaded without it, so that a misspelt isolation never runs un-isolated.
 */
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import { CachePolicy, Isolation } from "../domain/Status.ts"
import { suggestion } from "../internal/nearest.ts"
import type { Policy } from "./RecoveryPolicy.ts"
import { isPolicy } from "./RecoveryPolicy.ts"

/**
 * Options of a call beside its schema; `F` is the type of the values that may stand in for its answer.
 * @category models
 * @since 0.1.0
 */
export interface CallOptions<out F = never> {
  /** Name of the call for people: in listings, reports and errors. Not part of its identity. */
  readonly label?: string | undefined
  /** Phase the call belongs to. Defaults to the phase the program is in. */
  readonly phase?: string | undefined
  /** Provider to ask. Defaults to the run's. */
  readonly provider?: string | undefined
  /** Model to ask for. Defaults to the run's, else to the provider's own. */
  readonly model?: string | undefined
  /** System prompt. */
  readonly system?: string | undefined
  /** Sampling temperature, from 0 to 2. Defaults to the provider's own. */
  readonly temperature?: number | undefined
  /** Most tokens of an answer. Defaults to the model's own limit. */
  readonly maxOutputTokens?: number | undefined
  /** Kind of agent, for providers that have several. */
  readonly agentType?: string | undefined
  /** Where the agent works. Defaults to `none`: the current directory. */
  readonly isolation?: Isolation | undefined
  /**
   * What an isolated call begins from: `HEAD`, the commit that is checked out; `dirty`, that commit with what is not
   * committed yet; or the name of another commit, such as a branch. Defaults to `HEAD`.
   */
  readonly worktreeBase?: WorktreeBase | undefined
  /** What the call may do with answers of other runs. Defaults to the run's policy. */
  readonly cachePolicy?: CachePolicy | undefined
  /** Keeps this call's cached answers apart from those of other namespaces. */
  readonly cacheNamespace?: string | undefined
  /** Paths the agent reads; a cached answer is not used after they changed. `[]` says that it reads none. */
  readonly readScope?: ReadonlyArray<string> | undefined
  /**
   * Paths and patterns the agent may change, relative to the working directory; a non-empty list makes the call mutating.
   * A call that changes anything else fails with `WriteScopeViolated`.
   */
  readonly writeScope?: ReadonlyArray<string> | undefined
  /** Permissions to give the agent, in the provider's own words. */
  readonly permissions?: ReadonlyArray<string> | undefined
  /**
   * Deadline of the whole call, retries included; what `recover` waits does not count. Defaults to the run's, 10 minutes.
   */
  readonly timeout?: Duration.DurationInput | undefined
  /** How the call goes on after a failure, such as `Recovery.standard`. Defaults to the run's, else to a few retries. */
  readonly recover?: Policy<F> | undefined
  /** Longest silence of the provider to bear before the request is given up and sent again. Defaults to any. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** Most this call may spend, within the run's budget: all its requests together, over all resumes. */
  readonly budget?: { readonly tokens?: number | undefined; readonly costUsd?: number | undefined } | undefined
  /** Facts to store with the call; they do not decide its answer. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What an isolated call may begin from.
 * @category models
 * @since 0.1.0
 */
export type WorktreeBase = "HEAD" | "dirty" | (string & {})

/**
 * What is wrong with an option.
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly option: string
  readonly detail: string
}

/**
 * The first thing wrong with the options of a call, or undefined.
 * @category predicates
 * @since 0.1.0
 */
export const problem = (
  prompt: unknown,
  options: CallOptions<unknown> & { readonly schema?: unknown }
): Problem | undefined => {
  if (typeof prompt !== "string" || prompt.length === 0) {
    return { option: "prompt", detail: "must be a non-empty string" }
  }
  for (const option in options) {
    const value = options[option as keyof CallOptions]
    if (value === undefined) continue
    const check = checks.get(option)
    if (check === undefined) {
      const detail = `is not an option of agent().${suggestion(option, [...checks.keys()])} Known: ${known}`
      return { option, detail }
    }
    const detail = check(value)
    if (detail !== undefined) return { option, detail: `${detail}, not ${show(value)}` }
  }
  return undefined
}

/**
 * Whether a call changes something beside giving an answer.
 * @category predicates
 * @since 0.1.0
 */
export const isMutating = (options: CallOptions<unknown>): boolean =>
  options.isolation === "worktree" || (options.writeScope !== undefined && options.writeScope.length > 0)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Check = (value: unknown) => string | undefined

const text: Check = (value) => typeof value === "string" ? undefined : "must be text"

const paths: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? undefined : "must be a list of strings"

const writablePaths: Check = (value) => {
  const problem = paths(value)
  if (problem !== undefined) return problem
  return Array.isArray(value) && value.every((path) => path !== "" && !/^(?:[/\\]|[a-z]:)/i.test(String(path)))
    ? undefined
    : "must be paths relative to the working directory"
}

const oneOf = (values: ReadonlyArray<string>): Check => (value) =>
  typeof value === "string" && values.includes(value) ? undefined : `must be one of ${values.join(", ")}`

const duration: Check = (value) =>
  isPositiveDuration(value)
    ? undefined
    : "must be a positive duration such as \"90 seconds\" or a number of milliseconds"

const object: Check = (value) => typeof value === "object" && value !== null ? undefined : "must be an object"

const isAmount = (value: unknown): boolean =>
  value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0)

const budget: Check = (value) =>
  Predicate.isReadonlyRecord(value) && isAmount(value["tokens"]) && isAmount(value["costUsd"])
    ? undefined
    : "must hold tokens, costUsd or both, as numbers of at least 0"

const checks: ReadonlyMap<string, Check> = new Map(
  [
    ["label", text],
    ["phase", text],
    ["provider", text],
    ["model", text],
    ["system", text],
    [
      "temperature",
      (value) => typeof value === "number" && value >= 0 && value <= 2 ? undefined : "must be a number from 0 to 2"
    ],
    ["maxOutputTokens", (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value > 0
        ? undefined
        : "must be a positive whole number"],
    ["agentType", text],
    ["isolation", oneOf(Isolation.literals)],
    ["cachePolicy", oneOf(CachePolicy.literals)],
    ["cacheNamespace", text],
    ["readScope", paths],
    ["worktreeBase", (value) => typeof value === "string" && value !== "" ? undefined : "must name a commit"],
    ["writeScope", writablePaths],
    ["permissions", paths],
    ["timeout", duration],
    ["idleTimeout", duration],
    ["recover", (value) => isPolicy(value) ? undefined : "must be a recovery such as Recovery.standard"],
    ["budget", budget],
    ["metadata", object],
    [
      "schema",
      (value) =>
        (typeof value === "object" && value !== null) || typeof value === "function" ? undefined : "must be a schema"
    ]
  ] satisfies ReadonlyArray<readonly [string, Check]>
)

const known = [...checks.keys()].join(", ")

const isPositiveDuration = (value: unknown): boolean => {
  // decodeUnknown gives none for what is not a duration, whatever its type
  const decoded = Duration.decodeUnknown(value)
  return decoded._tag === "Some" && Duration.toMillis(decoded.value) > 0
}

const show = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : Inspectable.toStringUnknown(value, 0)
