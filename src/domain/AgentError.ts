/**
 * Why a call failed: the closed union `agent()` fails with. Every member carries the facts a program decides by, and the
 * failed result with the raw text, so that nothing paid for is lost when it is turned into a value.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Outcome from "./Outcome.ts"

/**
 * Why a provider did not answer, from its structured fields.
 * @category schemas
 * @since 0.1.0
 */
export const ProviderReason = Schema.Literal(
  "RateLimited",
  "UsageLimit",
  "Overloaded",
  "Unavailable",
  "Transport",
  "Silent",
  "Authentication",
  "Permission",
  "Billing",
  "UnknownModel",
  "InvalidRequest",
  "ContextOverflow",
  "Refused",
  "Truncated",
  "EmptyAnswer",
  "Malformed",
  "Misconfigured",
  "Unknown"
)

/**
 * Why a provider did not answer.
 * @category models
 * @since 0.1.0
 */
export type ProviderReason = typeof ProviderReason.Type

/**
 * The provider refused, broke or could not be reached, after the retries its reason allows.
 * @category errors
 * @since 0.1.0
 */
export class ProviderFailed extends Schema.TaggedError<ProviderFailed>("owf/AgentError/ProviderFailed")(
  "ProviderFailed",
  {
    reason: ProviderReason,
    /** Requests sent, retries included. */
    attempts: Schema.Int,
    result: failedResult()
  }
) {
  override get message(): string {
    return this.result.error
  }
}

/**
 * The answers did not fit the schema, the re-prompts included.
 * @category errors
 * @since 0.1.0
 */
export class SchemaFailed extends Schema.TaggedError<SchemaFailed>("owf/AgentError/SchemaFailed")("SchemaFailed", {
  result: failedResult()
}) {
  override get message(): string {
    return this.result.error
  }
}

/**
 * The call's deadline passed before an answer was complete.
 * @category errors
 * @since 0.1.0
 */
export class CallTimeout extends Schema.TaggedError<CallTimeout>("owf/AgentError/CallTimeout")("CallTimeout", {
  timeoutMs: Schema.Number,
  result: failedResult()
}) {
  override get message(): string {
    return this.result.error
  }
}

/**
 * A worktree was asked for and could not be had, so that the provider was not asked; or what a call changed could not be
 * found out afterwards, so that its answer is not taken for done.
 * @category errors
 * @since 0.1.0
 */
export class WorktreeFailed
  extends Schema.TaggedError<WorktreeFailed>("owf/AgentError/WorktreeFailed")("WorktreeFailed", {
    result: failedResult()
  })
{
  override get message(): string {
    return this.result.error
  }
}

/**
 * The call changed files it was not allowed to change; what it answered and changed is kept.
 * @category errors
 * @since 0.1.0
 */
export class WriteScopeViolated
  extends Schema.TaggedError<WriteScopeViolated>("owf/AgentError/WriteScopeViolated")("WriteScopeViolated", {
    /** Paths that were changed outside of the write scope, relative to the top of the repository. */
    outside: Schema.Array(Schema.String),
    result: failedResult()
  })
{
  override get message(): string {
    return this.result.error
  }
}

/**
 * The run's budget does not allow the call; nothing was sent.
 * @category errors
 * @since 0.1.0
 */
export class BudgetExceeded
  extends Schema.TaggedError<BudgetExceeded>("owf/AgentError/BudgetExceeded")("BudgetExceeded", {
    unit: Schema.Literal("tokens", "usd"),
    total: Schema.Number,
    spent: Schema.Number,
    requested: Schema.Number,
    result: failedResult()
  })
{
  override get message(): string {
    return this.result.error
  }
}

/**
 * The call asks for something that does not exist or that its provider cannot give; nothing was sent.
 * @category errors
 * @since 0.1.0
 */
export class InvalidCall extends Schema.TaggedError<InvalidCall>("owf/AgentError/InvalidCall")("InvalidCall", {
  /** The option at fault, such as `provider` or `schema`. */
  option: Schema.String,
  result: failedResult()
}) {
  override get message(): string {
    return this.result.error
  }
}

/**
 * A settled result that was required to be ok and is not.
 * @category errors
 * @since 0.1.0
 */
export class NotOk extends Schema.TaggedError<NotOk>("owf/AgentError/NotOk")("NotOk", { result: failedResult() }) {
  override get message(): string {
    return `${this.result.label ?? this.result.callId} is ${this.result.status}: ${this.result.error}`
  }
}

/**
 * Why a call failed.
 * @category errors
 * @since 0.1.0
 */
export type AgentError =
  | ProviderFailed
  | SchemaFailed
  | CallTimeout
  | WorktreeFailed
  | WriteScopeViolated
  | BudgetExceeded
  | InvalidCall

/**
 * Whether a value is one of the errors `agent()` fails with.
 * @category predicates
 * @since 0.1.0
 */
export const isAgentError = (value: unknown): value is AgentError =>
  Predicate.hasProperty(value, "_tag") && Outcome.failedOf(value) !== undefined && typeof value._tag === "string" &&
  tags.has(value._tag)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tags: ReadonlySet<string> = new Set([
  "ProviderFailed",
  "SchemaFailed",
  "CallTimeout",
  "WorktreeFailed",
  "WriteScopeViolated",
  "BudgetExceeded",
  "InvalidCall"
])

// a function declaration, because the classes above are built before a constant below them would be
function failedResult(): Schema.Schema<Outcome.Failed> {
  return Schema.declare(Outcome.isFailed, { identifier: "FailedResult" })
}
