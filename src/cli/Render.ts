/**
 * What people and programs are told about an error: what happened, why, and what to do. Never a stack trace unless asked.
 *
 * - N1. Every error is one {@link Problem}, whatever it was before; advice is given here and nowhere else.
 * - N2. With `--json` a problem is the one document on stdout, and stderr stays free for people.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { ExitCode, ofError } from "./ExitCode.ts"
import type { Output } from "./Output.ts"
import { note, printJson } from "./Output.ts"
import * as ThrownAt from "./ThrownAt.ts"

/**
 * An error as it is reported.
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly kind: string
  readonly message: string
  /** Further facts, a line each. */
  readonly facts: ReadonlyArray<string>
  /** What to do, a sentence each. */
  readonly advice: ReadonlyArray<string>
  readonly code: number
  /** For `--debug`. */
  readonly trace: string | undefined
}

/**
 * An expected error as it is reported.
 * @category converting
 * @since 0.1.0
 */
export const ofFailure = (error: unknown): Problem => {
  const kind = kindOf(error)
  const reason = textAt(error, "reason")
  const facts = kind === "FlowErrors"
    ? messageOf(error).split("\n")
    : issuesOf(error, kind === "OutputInvalid" ? "the output" : "the arguments")
  return {
    kind,
    message: misfit(kind, error) ?? messageOf(error),
    facts,
    advice: adviceOf(kind, reason, error),
    code: ofError(kind, reason),
    trace: traceOf(error)
  }
}

/**
 * What a program failed with as it is reported: its error, or the bug it met.
 * @category converting
 * @since 0.1.0
 */
export const ofCause = (cause: Cause.Cause<unknown>): Problem => {
  if (Cause.isInterruptedOnly(cause)) return interrupted
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return ofFailure(failure.value)
  const defect = Cause.squash(cause)
  return {
    kind: "InternalError",
    message: `This is a bug in owf: ${messageOf(defect)}`,
    facts: [],
    advice: ["Run the command again with --debug and report what it prints."],
    code: ExitCode.internal,
    trace: Cause.pretty(cause, { renderErrorCause: true })
  }
}

/**
 * What a workflow's run failed with as it is reported: what its body throws is the workflow's failure, not a bug of ours.
 * @category converting
 * @since 0.1.0
 */
export const ofRun = (cause: Cause.Cause<unknown>): Problem => {
  if (Cause.isInterruptedOnly(cause) || Option.isSome(Cause.failureOption(cause))) return ofCause(cause)
  const defect = Cause.squash(cause)
  const problem = ofFailure(defect)
  const place = ThrownAt.placeOf(defect)
  return {
    ...problem,
    kind: "Defect",
    facts: place === undefined ? problem.facts : [...problem.facts, place],
    advice: problem.message.startsWith("Service not found: ") ? [provideAdvice, ...problem.advice] : problem.advice,
    code: ExitCode.failed,
    trace: Cause.pretty(cause, { renderErrorCause: true })
  }
}

/**
 * Something a script threw where no program could catch it.
 * @category converting
 * @since 0.1.0
 */
export const ofThrown = (error: unknown): Problem => ({
  ...ofFailure(error),
  kind: "Uncaught",
  message: `The script threw where its workflow could not catch it: ${messageOf(error)}`,
  advice: ["Await promises with Effect.tryPromise, so that what they throw is an error of the workflow."],
  code: ExitCode.failed
})

/**
 * Reports a problem where it belongs (N2) and gives its exit code.
 * @category running
 * @since 0.1.0
 */
export const report = (
  problem: Problem,
  options: { readonly json: boolean; readonly debug: boolean }
): Effect.Effect<number, never, Output> =>
  Effect.as(
    Effect.zipRight(
      options.json ? printJson({ status: "error", error: toJson(problem) }) : note(toText(problem)),
      options.debug && problem.trace !== undefined ? note(problem.trace) : Effect.void
    ),
    problem.code
  )

/**
 * A problem as lines for people.
 * @category converting
 * @since 0.1.0
 */
export const toText = ({ advice, facts, message }: Problem): string =>
  [`owf: ${message}`, ...[...facts, ...advice].map((line) => `  ${line.replaceAll("\n", "\n  ")}`)].join("\n")

/**
 * A problem as the `error` field of a JSON document.
 * @category converting
 * @since 0.1.0
 */
export const toJson = ({ advice, facts, kind, message }: Problem): Readonly<Record<string, unknown>> => ({
  kind,
  message: [message, ...facts].join("\n"),
  ...(advice.length === 0 ? {} : { advice: advice.join("\n") })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const interrupted: Problem = {
  kind: "Interrupted",
  message: "Interrupted.",
  facts: [],
  advice: [],
  code: ExitCode.interrupted,
  trace: undefined
}

const adviceOf = (kind: string, reason: string | undefined, error: unknown): ReadonlyArray<string> => {
  if (Predicate.hasProperty(error, "advice") && Array.isArray(error.advice)) return error.advice.map(String)
  switch (kind) {
    case "WorkflowFileError":
      return reason === "NotFound" ? ["Check the path; `owf new PATH` writes a workflow to start from."] : []
    case "ArgsInvalid":
      return ["`owf validate FILE` prints the arguments the workflow takes; give them with --arg or --args-json."]
    case "OutputInvalid":
      return reason === "NotJson"
        ? ["Return what JSON can hold, or declare an `output` schema that encodes the rest."]
        : []
    case "RunNotFound":
      return [`\`owf runs --home ${textAt(error, "home")}\` lists the runs; --home names another home.`]
    case "RunOwned":
      return ["Wait until it has ended, or stop that process, then resume."]
    case "OwnershipLost":
      return ["The other process goes on with it; `owf status` shows how far it is."]
    case "StoreError":
      return reason === "Missing" ? ["`owf run` and `owf init` make a home; --home names another one."] : []
    case "RefreshError":
      return ["The prices there were are still used; `--url` names another address."]
    case "ProvidersFileError":
    case "SettingsError":
    case "PricesError":
      return ["`owf doctor` shows everything that is configured, and what is wrong with it."]
    case "ProviderUnavailable":
      return [
        "`owf providers` lists them and says what each needs.",
        "`--provider fake` works offline and without a key."
      ]
    case "ProviderFailed":
      return reason === undefined ? [] : providerAdvice[reason] ?? []
    case "BudgetExceeded":
    case "BudgetRefused":
      return ["What was done is kept. Resume with a larger --budget-tokens or --budget-cost-usd."]
    default:
      return []
  }
}

const provideAdvice =
  "A run provides an engine and nothing else: give the body what it needs in its file, where it is used, " +
  "such as `yield* files.pipe(Effect.provide(NodeContext.layer))`."

const providerAdvice: Readonly<Record<string, ReadonlyArray<string>>> = {
  Authentication: ["Set a valid key for the provider and resume the run."],
  Permission: ["The key may not use this model; choose another with --model and resume the run."],
  Billing: ["The provider's account needs attention; then resume the run."],
  Misconfigured: ["Correct the provider's settings and resume the run."],
  UnknownModel: ["Choose another model with --model and resume the run."],
  RateLimited: ["The provider asks to slow down; resume the run later."],
  UsageLimit: ["The provider's limit is used up; resume the run after it was reset."]
}

/** What has facts of its own, a line for each place, is said without them. */
const misfit = (kind: string, error: unknown): string | undefined => {
  switch (kind) {
    case "ArgsInvalid":
      return `The arguments do not fit workflow ${textAt(error, "workflow")}.`
    case "OutputInvalid":
      return `The output of workflow ${textAt(error, "workflow")} ${
        textAt(error, "reason") === "NotJson" ? "is not JSON" : "does not fit its schema"
      }.`
    case "FlowErrors":
      return `${textAt(error, "file")} is not a valid graph.`
    default:
      return undefined
  }
}

/** One line for each place something is wrong, with all that it may be instead. */
const issuesOf = (error: unknown, whole: string): ReadonlyArray<string> => {
  if (!Predicate.hasProperty(error, "issues") || !Array.isArray(error.issues)) return []
  const places = new Map<string, Array<string>>()
  for (const issue of error.issues) {
    const field = fieldOf(textAt(issue, "path") ?? "$", whole)
    places.set(field, [...places.get(field) ?? [], textAt(issue, "message") ?? ""])
  }
  return [...places].map(([field, messages]) => `${field}: ${together(messages)}`)
}

/** The members of a union are reported one by one; that a field may be left out helps nobody who gave it. */
const together = (messages: ReadonlyArray<string>): string => {
  const alternatives = messages.map((message) => /^Expected (.+), actual (.+)$/s.exec(message))
  const wanted = alternatives.flatMap((found) => found?.[1] === undefined || found[1] === "undefined" ? [] : [found[1]])
  const actual = alternatives[0]?.[2]
  return actual === undefined || wanted.length === 0 || alternatives.some((found) => found?.[2] !== actual)
    ? messages.join("; ")
    : `Expected ${[...new Set(wanted)].join(" or ")}, actual ${actual}`
}

const fieldOf = (path: string, whole: string): string => path === "$" ? whole : path.replace(/^\$\.?/, "")

const textAt = (value: unknown, key: string): string | undefined =>
  Predicate.hasProperty(value, key) && typeof value[key] === "string" ? value[key] : undefined

const kindOf = (error: unknown): string => textAt(error, "_tag") ?? (error instanceof Error ? error.name : "Error")

const messageOf = (error: unknown): string => {
  const message = textAt(error, "message")
  if (message !== undefined && message !== "") return message
  return typeof error === "string" ? error : kindOf(error)
}

const traceOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  const cause = error.cause instanceof Error ? `\ncaused by: ${error.cause.stack ?? error.cause.message}` : ""
  return `${error.stack ?? error.message}${cause}`
}
