/**
 * The offline provider: no key, no network, no cost, the same answer every time.
 *
 * Without a schema it answers with the prompt; with one, with the smallest value that fits, whose texts are made from
 * the prompt. It changes no files, so calls that may change files are answered too. There is no delay and no limit of
 * its own, which makes it the floor of what a run costs besides its requests.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as JsonSchemaSample from "../internal/jsonSchemaSample.ts"
import type { Answer, Cost, Estimate, Provider, Request } from "./Provider.ts"
import { capabilities, ProviderError } from "./Provider.ts"

/**
 * The name it is registered under.
 * @category models
 * @since 0.1.0
 */
export const name = "fake"

/**
 * The offline provider.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: { readonly concurrency?: number | undefined } = {}): Provider => {
  const own = capabilities({
    schema: "native",
    writesFiles: true,
    boundsOutput: true,
    temperature: true,
    cost: "reported",
    concurrency: options.concurrency
  })
  return { name, capabilities: own, resolveModel, estimate: () => nothing, ask }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const free: Cost = { amount: Money.zero, source: name }
const nothing: Estimate = { inputTokens: 0, outputTokens: 0, cost: () => Money.zero }

const resolveModel = (requested: string | undefined) => requested === undefined || requested === "" ? name : requested

const ask = (request: Request): Effect.Effect<Answer, ProviderError> =>
  Effect.suspend(() => {
    if (request.schema === undefined) return Effect.succeed(answer(request, request.prompt, undefined))
    const sample = JsonSchemaSample.sample(request.schema, { text: request.prompt })
    if (Option.isNone(sample)) {
      return Effect.fail(new ProviderError({ provider: name, reason: "Malformed", detail: noSample }))
    }
    return Effect.succeed(answer(request, JSON.stringify(sample.value), sample.value))
  })

const noSample = "no value that fits the schema could be made up; use Scripted to say what the answer is"

const answer = (request: Request, text: string, structured: unknown): Answer => ({
  text,
  structured,
  raw: text,
  usage: Usage.zero,
  cost: free,
  model: request.model,
  session: undefined
})
