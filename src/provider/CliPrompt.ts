/**
 * The one text a program is given that takes nothing but a prompt: system prompt, request, schema and correction.
 */
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"

/**
 * What a request says, the system prompt at its head; in a session that has seen the answer before, only what was wrong
 * with it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { correction, prompt, schema, session, system }: Pick<
    Request,
    "correction" | "prompt" | "schema" | "session" | "system"
  >
): string => {
  if (session !== undefined && correction !== undefined) return SchemaWords.correctionText(correction.problem)
  const text = SchemaWords.withCorrection(SchemaWords.withSchema(prompt, schema), correction)
  return system === undefined ? text : `${system}\n\n${text}`
}
