/**
 * The verb `agent`: one prompt, one typed answer.
 *
 * The steps of a call are in `Call` (describe, identify, recall) and `Attempts` (reserve, isolate, attempt, decode,
 * settle); this module is what a program sees of them.
 */
import * as Effect from "effect/Effect"
import type { AgentError } from "../domain/AgentError.ts"
import type { Done } from "../domain/AgentResult.ts"
import type { EffectSchema } from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { CallOptions } from "./Options.ts"
import { Run } from "./Run.ts"

export type { CallOptions } from "./Options.ts"

/**
 * Asks an agent, and gives its answer once it is complete, valid and recorded.
 *
 * With an Effect Schema the value is of its type, with a JSON Schema it is `unknown`, without either it is the text. A
 * call that was completed by an earlier attempt of the run, or by another run under the same key, sends nothing.
 * @category running
 * @since 0.1.0
 */
export const agent: {
  <A>(
    prompt: string,
    options: CallOptions & { readonly schema: EffectSchema<A> }
  ): Effect.Effect<Done<A>, AgentError, Run>
  (
    prompt: string,
    options: CallOptions & { readonly schema: JsonSchemaObject }
  ): Effect.Effect<Done<unknown>, AgentError, Run>
  (
    prompt: string,
    options?: CallOptions & { readonly schema?: undefined }
  ): Effect.Effect<Done<string>, AgentError, Run>
} = (
  prompt: string,
  options?: CallOptions & { readonly schema?: EffectSchema<unknown> | JsonSchemaObject | undefined }
  // never stands for the answer's type, which the overloads derive from the schema that decodes it
): Effect.Effect<Done<never>, AgentError, Run> =>
  Effect.flatMap(Run, (run) => run.call(prompt, options ?? {})) as Effect.Effect<Done<never>, AgentError, Run>
