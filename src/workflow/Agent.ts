/**
 * The verb `agent`: one prompt, one typed answer.
 *
 * The steps of a call are in `Call` (describe, identify, recall) and `Attempts` (reserve, isolate, attempt, decode,
 * settle); this module is what a program sees of them.
 */
import * as Effect from "effect/Effect"
import type { AgentError } from "../domain/AgentError.ts"
import type { Degraded, Done } from "../domain/AgentResult.ts"
import type { EffectSchema } from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { FallbackOptions } from "./Fallback.ts"
import * as Fallback from "./Fallback.ts"
import type { CallOptions } from "./Options.ts"
import { Run } from "./Run.ts"

export type { FallbackOptions } from "./Fallback.ts"
export type { CallOptions } from "./Options.ts"

/**
 * What a call gives: with a fallback in its `recover`, the result of one a value stands in for as well.
 * @category models
 * @since 0.1.0
 */
export type Answered<A, F> = [F] extends [never] ? Done<A> : Done<A> | Degraded<F>

/**
 * Asks an agent, and gives its answer once it is complete, valid and recorded.
 *
 * With an Effect Schema the value is of its type, with a JSON Schema it is `unknown`, without either it is the text. A
 * call that was completed by an earlier attempt of the run, or by another run under the same key, sends nothing.
 * @category running
 * @since 0.1.0
 */
export const agent: {
  <A, F = never>(
    prompt: string,
    options: CallOptions<F> & { readonly schema: EffectSchema<A> }
  ): Effect.Effect<Answered<A, F>, AgentError, Run>
  <F = never>(
    prompt: string,
    options: CallOptions<F> & { readonly schema: JsonSchemaObject }
  ): Effect.Effect<Answered<unknown, F>, AgentError, Run>
  <F = never>(
    prompt: string,
    options?: CallOptions<F> & { readonly schema?: undefined }
  ): Effect.Effect<Answered<string, F>, AgentError, Run>
} = (
  prompt: string,
  options?: CallOptions<unknown> & { readonly schema?: EffectSchema<unknown> | JsonSchemaObject | undefined }
  // never stands for the answer's type, which the overloads derive from the schema that decodes it
): Effect.Effect<never, AgentError, Run> => {
  const call = Effect.flatMap(Run, (run) => run.call(prompt, options ?? {}))
  const fallback = options?.recover?.fallback
  return (fallback === undefined ? call : Fallback.orValue(call, fallback)) as Effect.Effect<never, AgentError, Run>
}

/**
 * Lets a value stand in for the answer of a call that failed for good: marked as degraded in the type, in the record and
 * in how the run ends, and never shared with other runs.
 *
 * Without `when` it stands in for calls that were asked as often as they may be, not for what a person has to put right,
 * such as a wrong key, an unknown model or a budget. In a strict run the call fails.
 * @category combinators
 * @since 0.1.0
 */
export const withFallback = <A, E, R, const F>(
  call: Effect.Effect<Done<A>, E, R>,
  value: F,
  { when = Fallback.isExhausted }: FallbackOptions = {}
): Effect.Effect<Done<A> | Degraded<F>, E, R | Run> =>
  Fallback.orValue(call, (error) => when(error) ? { value } : undefined)
