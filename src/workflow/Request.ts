/**
 * The request a call makes of its provider.
 */
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type * as Provider from "../provider/Provider.ts"
import type { CallOptions } from "./Options.ts"

/**
 * What makes a request beside its deadline: a call, and where its attempts have come to.
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly callId: string
  readonly attempt: number
  readonly prompt: string
  readonly options: CallOptions
  readonly schema: JsonSchemaObject | undefined
  readonly model: string
  readonly maxOutputTokens: number | undefined
  readonly cwd: string | undefined
  readonly correction: Provider.Request["correction"]
  readonly session: string | undefined
}

/**
 * The request for these parts, as far as an estimate needs it.
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ options, ...parts }: Parts): Omit<Provider.Request, "timeout"> => ({
  ...parts,
  system: options.system,
  temperature: options.temperature,
  agentType: options.agentType,
  permissions: options.permissions,
  readScope: options.readScope,
  writeScope: options.writeScope,
  metadata: options.metadata ?? {}
})

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
