/**
 * Steps 1 and 2 of a call: applies defaults, checks what was asked for against what the provider can do, and makes the
 * call's key.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Policy from "../cache/Policy.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import * as CallKey from "../domain/CallKey.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import type { Provider, Providers } from "../provider/Provider.ts"
import type { Defaults } from "./EngineConfig.ts"
import * as Options from "./Options.ts"

/**
 * A call with every default applied.
 * @category models
 * @since 0.1.0
 */
export interface Described<A> {
  readonly prompt: string
  readonly options: Options.CallOptions
  readonly provider: Provider
  readonly model: string
  readonly answer: AnswerSchema.AnswerSchema<A> | undefined
  readonly isolation: "none" | "worktree"
  readonly mutating: boolean
  readonly cachePolicy: NonNullable<Options.CallOptions["cachePolicy"]>
  readonly access: Policy.Access
  readonly timeout: Duration.Duration
  readonly optsJson: string
  readonly settingsJson: string | null
  readonly callKey: string
}

/**
 * What a run says where its calls do not.
 * @category models
 * @since 0.1.0
 */
export type RunDefaults = Pick<Defaults, "provider" | "model" | "cachePolicy" | "timeout">

/**
 * Applies the defaults and makes the key; fails with the option at fault, before anything is sent or stored.
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  prompt: string,
  options: Options.CallOptions & { readonly schema?: AnswerSchema.Input<A> | undefined },
  defaults: RunDefaults,
  providers: Providers["Type"]
): Effect.Effect<Described<A>, Options.Problem> =>
  Effect.gen(function*() {
    const problem = Options.problem(prompt, options)
    if (problem !== undefined) return yield* Effect.fail(problem)
    const provider = yield* Effect.mapError(
      providers.get(options.provider ?? defaults.provider),
      (error): Options.Problem => ({ option: "provider", detail: error.detail })
    )
    const answer = options.schema === undefined ? undefined : yield* Effect.mapError(
      AnswerSchema.make(options.schema),
      (error): Options.Problem => ({ option: "schema", detail: error.message })
    )
    const lacking = unsupported(provider, options)
    if (lacking !== undefined) return yield* Effect.fail(lacking)
    const mutating = Options.isMutating(options)
    const cachePolicy = options.cachePolicy ?? defaults.cachePolicy
    // the run's model belongs to the run's provider; a call that names another provider gets that one's default
    const model = provider.resolveModel(
      options.model ?? (options.provider === undefined ? defaults.model : undefined)
    )
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
      writeScope: options.writeScope
    })
    return {
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
      optsJson,
      settingsJson: settingsOf(options),
      callKey: CallKey.make(optsJson, prompt)
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const unsupported = (
  { capabilities, name }: Provider,
  options: Options.CallOptions & { readonly schema?: unknown }
): Options.Problem | undefined => {
  if (options.schema !== undefined && capabilities.schema === "none") {
    return { option: "schema", detail: `provider ${name} cannot give answers that fit a schema` }
  }
  if (options.temperature !== undefined && !capabilities.temperature) {
    return { option: "temperature", detail: `provider ${name} has no temperature` }
  }
  if (options.writeScope !== undefined && options.writeScope.length > 0 && !capabilities.writesFiles) {
    return { option: "writeScope", detail: `provider ${name} cannot change files` }
  }
  return undefined
}

const settingsOf = (options: Options.CallOptions): string | null =>
  options.metadata === undefined && options.timeout === undefined
    ? null
    : JSON.stringify(canonicalJson.toJson({
      metadata: options.metadata,
      timeoutMs: options.timeout === undefined ? undefined : Duration.toMillis(options.timeout)
    }))
