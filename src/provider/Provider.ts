/**
 * The port to whatever answers a prompt: a command line, an HTTP API, a script of answers in a test.
 *
 * - P1. `ask` sends at most one request. Retries, re-prompts and deadlines belong to the caller, which records each
 *   request as an attempt of its own.
 * - P2. An answer is complete or it is a `ProviderError`: a truncated, refused or empty answer never succeeds.
 * - P3. Interrupting `ask` ends the request and everything started for it before the interruption returns.
 * - P4. No error, answer or event holds a key, a header or a command line.
 *
 * A custom provider is one object of type `Provider` and one line in `Providers.layer`.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ProviderReason } from "../domain/AgentError.ts"
import type { NanoUsd } from "../domain/Money.ts"
import { Usage } from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"

/**
 * What a provider can be relied on for; asking for more is a typed error before any request.
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  /** `native`: the provider enforces the schema; `prompt`: it is asked in words; `none`: a call with a schema is refused. */
  readonly schema: "native" | "prompt" | "none"
  /** Whether an agent of this provider can read files of the working directory. */
  readonly readsFiles: boolean
  /** Whether an agent of this provider can change files, so that mutating calls make sense. */
  readonly writesFiles: boolean
  /** Whether `maxOutputTokens` is a hard bound, so that a budget can be held exactly. */
  readonly boundsOutput: boolean
  /** Whether `temperature` is passed on. */
  readonly temperature: boolean
  /** Whether a later request can continue the session of an earlier one, with all that was said in it. */
  readonly sessions: boolean
  /** Whether a request can ask for a session to be shortened, so that it fits its model again. Defaults to false. */
  readonly compacts?: boolean | undefined
  /** Who knows what a request cost: the provider says so, a price table does, or nobody. */
  readonly cost: "reported" | "priced" | "unknown"
  /** What keeps an agent from writing in a call that may only read; `none` where it has no hands at all. */
  readonly readOnly: "enforced" | "asked" | "none"
  /** Bytes of prompt, system prompt and schema a request may have; undefined where only the model limits them. */
  readonly maxPromptBytes: number | undefined
  /** Requests this provider should serve at the same time; undefined for no limit of its own. */
  readonly concurrency: number | undefined
  /** What all processes of a home may ask of it per minute; undefined for no limit. */
  readonly limits: RateLimits | undefined
}

/**
 * What may be asked of a provider in any minute.
 * @category models
 * @since 0.1.0
 */
export interface RateLimits {
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
}

/**
 * Capabilities of a provider that answers text and promises nothing else, with the given ones in their place.
 * @category constructors
 * @since 0.1.0
 */
export const capabilities = (own: Partial<Capabilities> = {}): Capabilities => ({ ...answersText, ...own })

/**
 * A session of a provider, and what the journal knows of its use.
 *
 * Providers that count over a whole session report what a request added to `used` and `cost`.
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly id: string
  /** Tokens of the requests made in it so far. */
  readonly used: Usage
  /** Cost of the requests made in it so far, as the provider reported it; undefined where it did not. */
  readonly cost: NanoUsd | undefined
}

/**
 * One request, with every default applied.
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly callId: string
  /** Counts the requests of a call, from 1. */
  readonly attempt: number
  readonly prompt: string
  readonly system: string | undefined
  readonly schema: JsonSchemaObject | undefined
  readonly model: string
  readonly temperature: number | undefined
  readonly maxOutputTokens: number | undefined
  readonly agentType: string | undefined
  readonly permissions: ReadonlyArray<string> | undefined
  readonly readScope: ReadonlyArray<string> | undefined
  readonly writeScope: ReadonlyArray<string> | undefined
  /** Whether the agent may change files; false keeps it to reading. */
  readonly mutates: boolean
  /** Directory the agent works in; undefined for the process's own. */
  readonly cwd: string | undefined
  /** What is left of the call's deadline. */
  readonly timeout: Duration.Duration
  /** Longest silence to bear before the request is given up as `Silent`; undefined for any. */
  readonly idleTimeout: Duration.Duration | undefined
  /** The answer that was not accepted and why, when this request asks again. */
  readonly correction: { readonly answer: string; readonly problem: string } | undefined
  /** Session of an earlier attempt to continue, for providers that have sessions. */
  readonly session: Session | undefined
  /**
   * Asks for nothing but that the session be shortened; only for providers that can, and only with a session. The answer
   * says that it was; its text is of no use.
   */
  readonly compact?: boolean | undefined
  readonly metadata: Readonly<Record<string, unknown>>
}

/**
 * A first request that asks for an answer and leaves out all that can be.
 * @category constructors
 * @since 0.1.0
 */
export const bareRequest: Omit<Request, "callId" | "prompt" | "model" | "timeout"> = {
  attempt: 1,
  system: undefined,
  schema: undefined,
  temperature: undefined,
  maxOutputTokens: undefined,
  agentType: undefined,
  permissions: undefined,
  readScope: undefined,
  writeScope: undefined,
  mutates: false,
  cwd: undefined,
  idleTimeout: undefined,
  correction: undefined,
  session: undefined,
  metadata: {}
}

/**
 * Who said what a request cost.
 * @category models
 * @since 0.1.0
 */
export interface Cost {
  readonly amount: NanoUsd
  /** `provider`, or the name and version of the price table. */
  readonly source: string
}

/**
 * A complete answer.
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly text: string
  /** The structured answer, for providers that return one apart from the text. */
  readonly structured: unknown
  /** Exactly what the provider sent, as far as it was kept. */
  readonly raw: string
  /** Undefined when the provider does not count. */
  readonly usage: Usage | undefined
  /** Undefined when the price is not known. */
  readonly cost: Cost | undefined
  /** The model that answered, when the provider names it. */
  readonly model: string | undefined
  readonly session: string | undefined
}

/**
 * What a request may use at most, as far as that is known before it is sent.
 * @category models
 * @since 0.1.0
 */
export interface Estimate {
  readonly inputTokens: number
  /** Bound on output when the caller sets none. */
  readonly outputTokens: number
  /** Cost of such a request; undefined when the model's price is not known. */
  readonly cost: (inputTokens: number, outputTokens: number) => NanoUsd | undefined
}

/**
 * Facts a provider learns before its answer is complete; each is stored when it arrives.
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** The session the request runs in: from now on it can be continued. */
  readonly session: (id: string) => Effect.Effect<void>
  /** Tokens the request used up to now: what is known of it when it is lost. */
  readonly usage: (usage: Usage) => Effect.Effect<void>
}

/**
 * Something that answers prompts.
 * @category models
 * @since 0.1.0
 */
export interface Provider {
  readonly name: string
  readonly capabilities: Capabilities
  /** The model that will be asked for when a call names this one, or none. */
  readonly resolveModel: (requested: string | undefined) => string
  readonly estimate: (request: Omit<Request, "timeout">) => Estimate
  /** Sends one request (P1). */
  readonly ask: (request: Request, listener: Listener) => Effect.Effect<Answer, ProviderError>
}

/**
 * A request that was not answered.
 * @category errors
 * @since 0.1.0
 */
export class ProviderError extends Schema.TaggedError<ProviderError>("owf/Provider/ProviderError")("ProviderError", {
  provider: Schema.String,
  reason: ProviderReason,
  /** What happened and what to do about it, in a sentence, without keys. */
  detail: Schema.String,
  /** Least time to wait before asking again, when the provider says so. */
  retryAfterMs: Schema.optional(Schema.Number),
  /** What came back, as far as it was kept. */
  raw: Schema.optional(Schema.String),
  /** Tokens used all the same. */
  usage: Schema.optional(Usage),
  /** Cost in billionths of a dollar all the same, and who said so. */
  cost: Schema.optional(Schema.Struct({ amount: Schema.Number, source: Schema.String })),
  session: Schema.optional(Schema.String),
  /** Whether the provider learned how to ask: asked again at once, it asks in another way. */
  isAdapted: Schema.optional(Schema.Boolean),
  /** Whether the request may have been carried out and paid for, beyond what `usage` says. */
  mayBeBilled: Schema.optional(Schema.Boolean)
}) {
  override get message(): string {
    return `${this.provider}: ${this.detail}`
  }

  /** Whether the same request may succeed later without a change. */
  get isTransient(): boolean {
    return transient.has(this.reason)
  }
}

/**
 * A provider name nothing is registered under, or one whose configuration is incomplete.
 * @category errors
 * @since 0.1.0
 */
export class ProviderUnavailable
  extends Schema.TaggedError<ProviderUnavailable>("owf/Provider/ProviderUnavailable")("ProviderUnavailable", {
    provider: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return this.detail
  }
}

/**
 * Finds the provider a call names.
 * @category services
 * @since 0.1.0
 */
export class Providers extends Context.Tag("owf/Provider/Providers")<Providers, {
  /** Names that can be asked for, aliases left out, sorted. */
  readonly names: Effect.Effect<ReadonlyArray<string>>
  /** The provider of a name or alias, in any case; its one instance per process holds its limits. */
  readonly get: (name: string) => Effect.Effect<Provider, ProviderUnavailable>
}>() {}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answersText: Capabilities = {
  schema: "prompt",
  readsFiles: false,
  writesFiles: false,
  boundsOutput: false,
  temperature: false,
  sessions: false,
  cost: "unknown",
  readOnly: "none",
  maxPromptBytes: undefined,
  concurrency: undefined,
  limits: undefined
}

const transient: ReadonlySet<typeof ProviderReason.Type> = new Set([
  "RateLimited",
  "Overloaded",
  "Unavailable",
  "Transport",
  "Silent"
])
