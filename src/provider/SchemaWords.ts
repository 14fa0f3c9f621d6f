/**
 * What a model is told in words where it is not told in another way: the schema of its answer, and what was wrong with
 * the answer before.
 */
import * as Usage from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Request } from "./Provider.ts"

/**
 * The prompt with the schema its answer has to fit.
 * @category combinators
 * @since 0.1.0
 */
export const withSchema = (prompt: string, schema: JsonSchemaObject | undefined): string =>
  schema === undefined ? prompt : `${prompt}\n\n${instruction}\n\n${JSON.stringify(schema)}`

/**
 * Asks again, after an answer that was not accepted.
 * @category constructors
 * @since 0.1.0
 */
export const correctionText = (problem: string): string =>
  `That answer was not accepted: ${problem}\n\nAnswer the request again, in full and in the form it asks for.`

/**
 * Asks for the rest, in a session whose last answer did not come to its end.
 * @category constructors
 * @since 0.1.0
 */
export const continuation =
  "The answer to the request above was cut off. Go on from there, and give the whole answer " +
  "in the form the request asks for."

/**
 * Everything in one text, for a model that remembers nothing: the prompt, the answer before and what was wrong with it.
 * @category constructors
 * @since 0.1.0
 */
export const withCorrection = (
  prompt: string,
  correction: { readonly answer: string; readonly problem: string } | undefined
): string =>
  correction === undefined
    ? prompt
    : `${prompt}\n\n${previous}\n\n${correction.answer}\n\n${correctionText(correction.problem)}`

/**
 * What is said next: in a session in which the request was made before only what is new, else all of it. `inWords` says
 * whether the schema is told in words.
 * @category constructors
 * @since 0.1.0
 */
export const next = (
  { correction, prompt, schema, session }: Pick<Request, "correction" | "prompt" | "schema" | "session">,
  inWords: boolean
): string => {
  if (session !== undefined && correction !== undefined) return correctionText(correction.problem)
  if (session !== undefined && Usage.total(session.used) > 0) return continuation
  return withCorrection(withSchema(prompt, inWords ? schema : undefined), correction)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const instruction = "Answer with one JSON value that fits the following JSON Schema, without prose or code fences:"
const previous = "To this you have already given the following answer:"
