/**
 * The request a call makes of its provider.
 */
import * as Duration from "effect/Duration"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type * as Provider from "../provider/Provider.ts"
import type { Identified } from "./CallEnv.ts"
import type { CallOptions } from "./Options.ts"
import { isMutating } from "./Options.ts"

/**
 * What makes a request beside its deadline: a call, and where its attempts have come to.
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly callId: string
  readonly attempt: number
  readonly prompt: string
  readonly options: CallOptions<unknown>
  readonly schema: JsonSchemaObject | undefined
  readonly model: string
  readonly maxOutputTokens: number | undefined
  readonly cwd: string | undefined
  readonly correction: Provider.Request["correction"]
  readonly session: Provider.Session | undefined
  readonly compact?: boolean | undefined
}

/**
 * The request for these parts, as far as an estimate needs it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (parts: Parts): Omit<Provider.Request, "timeout"> => complete(parts)

/**
 * What a request continues: the answer it is to correct, and the session, which is sent again with it.
 * @category models
 * @since 0.1.0
 */
export type Continued = Pick<Parts, "correction" | "session">

/**
 * What a provider expects a request of a call to use.
 * @category converting
 * @since 0.1.0
 */
export const estimate = <A>(
  { described, identity }: Identified<A>,
  { correction, session }: Continued
): Provider.Estimate =>
  described.provider.estimate(make({
    callId: identity.callId,
    attempt: 1,
    prompt: described.prompt,
    options: described.options,
    schema: described.answer?.json,
    model: described.model,
    maxOutputTokens: described.options.maxOutputTokens,
    cwd: undefined,
    correction,
    session: described.provider.capabilities.sessions ? session : undefined
  }))

/**
 * The request for these parts with what is left of their deadline.
 * @category constructors
 * @since 0.1.0
 */
export const within = (parts: Parts, timeout: Duration.Duration): Provider.Request => complete(parts, timeout)

/**
 * The least a model could be asked for: whether it has a price can be told from it.
 * @category constructors
 * @since 0.1.0
 */
export const least = (model: string): Omit<Provider.Request, "timeout"> =>
  make({
    callId: "",
    attempt: 1,
    prompt: "",
    options: {},
    schema: undefined,
    model,
    maxOutputTokens: 1,
    cwd: undefined,
    correction: undefined,
    session: undefined
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// written out, because it is made for every request and copying with the rest of an object costs several times as much
const complete = (parts: Parts, timeout: Duration.Duration = Duration.zero): Provider.Request => ({
  callId: parts.callId,
  attempt: parts.attempt,
  prompt: parts.prompt,
  system: parts.options.system,
  schema: parts.schema,
  model: parts.model,
  temperature: parts.options.temperature,
  maxOutputTokens: parts.maxOutputTokens,
  agentType: parts.options.agentType,
  permissions: parts.options.permissions,
  readScope: parts.options.readScope,
  writeScope: parts.options.writeScope,
  mutates: isMutating(parts.options),
  cwd: parts.cwd,
  timeout,
  idleTimeout: parts.options.idleTimeout === undefined ? undefined : Duration.decode(parts.options.idleTimeout),
  correction: parts.correction,
  session: parts.session,
  compact: parts.compact,
  metadata: parts.options.metadata ?? noMetadata
})

const noMetadata: Provider.Request["metadata"] = {}
