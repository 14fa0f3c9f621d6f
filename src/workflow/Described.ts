/**
 * Steps 1 and 2 of a call: applies defaults, checks what was asked for against what the provider can do, and makes the
 * call's key.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Policy from "../cache/Policy.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import * as CallKey from "../domain/CallKey.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Provider, Providers, ProviderUnavailable } from "../provider/Provider.ts"
import type { Defaults } from "./EngineConfig.ts"
import * as Options from "./Options.ts"
import type { Policy as Recovery } from "./RecoveryPolicy.ts"

/**
 * A call with every default applied.
 * @category models
 * @since 0.1.0
 */
export interface Described<A> {
  readonly prompt: string
  readonly options: Options.CallOptions<unknown>
  readonly provider: Provider
  readonly model: string
  readonly answer: AnswerSchema.AnswerSchema<A> | undefined
  readonly isolation: "none" | "worktree"
  readonly mutating: boolean
  readonly cachePolicy: NonNullable<Options.CallOptions<unknown>["cachePolicy"]>
  readonly access: Policy.Access
  readonly timeout: Duration.Duration
  /** Undefined where the run's retries and corrections are all there is. */
  readonly recover: Recovery<unknown> | undefined
  readonly optsJson: string
  readonly settingsJson: string | null
  readonly callKey: string
}

/**
 * What a run says where its calls do not.
 * @category models
 * @since 0.1.0
 */
export type RunDefaults = Pick<Defaults, "provider" | "model" | "cachePolicy" | "timeout" | "recover">

/**
 * Applies the defaults and makes the key; fails with the option at fault, before anything is sent or stored.
 *
 * It is an Either, so that it costs no step of the runtime, once the provider and the schema are known.
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  prompt: string,
  options: AgentOptions<A>,
  defaults: RunDefaults,
  providers: KnownProviders
): Effect.Effect<Described<A>, Options.Problem> => {
  const problem = Options.problem(prompt, options)
  if (problem !== undefined) return Either.left(problem)
  const asked = providers.get(options.provider ?? defaults.provider)
  const compiled = options.schema === undefined ? noSchema : AnswerSchema.make(options.schema)
  const known = ready(asked)
  const schema = ready(compiled)
  if (known !== undefined && schema !== undefined) {
    return Either.flatMap(
      Either.mapLeft(known, unavailable),
      (provider) =>
        Either.flatMap(Either.mapLeft(schema, unfit), (answer) => complete(prompt, options, defaults, provider, answer))
    )
  }
  const provider = Effect.mapError(asked, unavailable)
  const answer = Effect.mapError(compiled, unfit)
  return Effect.flatMap(
    provider,
    (provider) => Effect.flatMap(answer, (answer) => complete(prompt, options, defaults, provider, answer))
  )
}

/**
 * The Either an effect is, where it is one.
 * @category converting
 * @since 0.1.0
 */
export const ready = <A, E>(effect: Effect.Effect<A, E>): Either.Either<A, E> | undefined =>
  // an Either is an Effect of the same types, so an Effect that is an Either has them
  Either.isEither(effect) ? effect as Either.Either<A, E> : undefined

/**
 * Options of a call with its schema.
 * @category models
 * @since 0.1.0
 */
export type AgentOptions<A> = Options.CallOptions<unknown> & { readonly schema?: AnswerSchema.Input<A> | undefined }

/**
 * Providers a run has asked for, which it need not look up again.
 * @category models
 * @since 0.1.0
 */
export interface KnownProviders {
  /** An Either when the provider is known already. */
  readonly get: (name: string) => Effect.Effect<Provider, ProviderUnavailable>
}

/**
 * Remembers the providers that were found.
 * @category constructors
 * @since 0.1.0
 */
export const remember = (providers: Providers["Type"]): KnownProviders => {
  const known = new Map<string, Either.Either<Provider>>()
  return {
    get: (name) =>
      known.get(name) ??
        Effect.tap(providers.get(name), (provider) => Effect.sync(() => known.set(name, Either.right(provider))))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const noSchema: Either.Either<undefined> = Either.right(undefined)

const unavailable = (error: ProviderUnavailable): Options.Problem => ({ option: "provider", detail: error.detail })

const unfit = (error: AnswerSchema.UnsupportedSchema): Options.Problem => ({ option: "schema", detail: error.message })

const complete = <A>(
  prompt: string,
  options: Options.CallOptions<unknown>,
  defaults: RunDefaults,
  provider: Provider,
  answer: AnswerSchema.AnswerSchema<A> | undefined
): Either.Either<Described<A>, Options.Problem> => {
  const lacking = unsupported(provider, prompt, options, answer)
  if (lacking !== undefined) return Either.left(lacking)
  const mutating = Options.isMutating(options)
  const cachePolicy = options.cachePolicy ?? defaults.cachePolicy
  // the run's model belongs to the run's provider; a call that names another provider gets that one's default
  const own = options.provider === undefined || provider.name === defaults.provider
  const model = provider.resolveModel(options.model ?? (own ? defaults.model : undefined))
  const isolation = options.isolation ?? "none"
  const optsJson = CallKey.encode({
    agentType: options.agentType,
    isolation,
    maxOutputTokens: options.maxOutputTokens,
    model,
    namespace: options.cacheNamespace,
    permissions: options.permissions,
    provider: provider.name,
    readScope: options.readScope,
    schema: answer?.hash,
    system: options.system,
    temperature: options.temperature,
    // said or not, it is the same, so both have one key
    worktreeBase: options.worktreeBase === "HEAD" ? undefined : options.worktreeBase,
    writeScope: options.writeScope
  })
  return Either.right({
    prompt,
    options,
    provider,
    model,
    answer,
    isolation,
    mutating,
    cachePolicy,
    access: Policy.access(cachePolicy, mutating),
    timeout: options.timeout === undefined ? defaults.timeout : Duration.decode(options.timeout),
    recover: options.recover ?? defaults.recover,
    optsJson,
    settingsJson: settingsOf(options),
    callKey: CallKey.make(optsJson, prompt)
  })
}

const unsupported = (
  { capabilities, name }: Provider,
  prompt: string,
  options: Options.CallOptions<unknown>,
  answer: { readonly json: JsonSchemaObject } | undefined
): Options.Problem | undefined => {
  if (answer !== undefined && capabilities.schema === "none") {
    return { option: "schema", detail: `provider ${name} cannot give answers that fit a schema` }
  }
  if (options.worktreeBase !== undefined && options.isolation !== "worktree") {
    return { option: "worktreeBase", detail: "is for calls with isolation: \"worktree\"" }
  }
  if (options.temperature !== undefined && !capabilities.temperature) {
    return { option: "temperature", detail: `provider ${name} has no temperature` }
  }
  if (Options.isMutating(options) && !capabilities.writesFiles) {
    const option = options.isolation === "worktree" ? "isolation" : "writeScope"
    return { option, detail: `provider ${name} cannot change files` }
  }
  const { maxPromptBytes } = capabilities
  if (maxPromptBytes === undefined) return undefined
  const bytes = sizeOf(prompt) + sizeOf(options.system ?? "") +
    (answer === undefined ? 0 : sizeOf(JSON.stringify(answer.json)))
  return bytes <= maxPromptBytes
    ? undefined
    : {
      option: "prompt",
      detail: `with system and schema it has ${bytes} bytes; provider ${name} takes ${maxPromptBytes}`
    }
}

const encoder = new TextEncoder()
const sizeOf = (text: string): number => encoder.encode(text).length

const settingsOf = (options: Options.CallOptions<unknown>): string | null =>
  options.metadata === undefined && options.timeout === undefined && options.idleTimeout === undefined &&
    options.recover === undefined
    ? null
    : JSON.stringify(canonicalJson.toJson({
      metadata: options.metadata,
      recover: options.recover?.names,
      timeoutMs: options.timeout === undefined ? undefined : Duration.toMillis(options.timeout),
      idleTimeoutMs: options.idleTimeout === undefined ? undefined : Duration.toMillis(options.idleTimeout)
    }))
