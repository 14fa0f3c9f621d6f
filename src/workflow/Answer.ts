/**
 * Step 7 of a call: reads a provider's answer as what was asked for, or says what is wrong with it.
 */
import * as Either from "effect/Either"
import type { AnswerSchema, ValidationIssue } from "../domain/AnswerSchema.ts"
import * as jsonText from "../internal/jsonText.ts"
import type * as Provider from "../provider/Provider.ts"

/**
 * The value of an answer, or every fault of it.
 * @category converting
 * @since 0.1.0
 */
export const read = <A>(
  answer: Provider.Answer,
  schema: AnswerSchema<A> | undefined
): Either.Either<A | string, ReadonlyArray<ValidationIssue>> =>
  schema === undefined ? Either.right(answer.text) : Either.flatMap(json(answer), schema.decode)

/**
 * What to tell the provider about an answer that was not accepted.
 * @category converting
 * @since 0.1.0
 */
export const problem = (issues: ReadonlyArray<ValidationIssue>): string =>
  issues.slice(0, 20).map(({ message, path }) => `${path}: ${message}`).join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const json = (answer: Provider.Answer): Either.Either<unknown, ReadonlyArray<ValidationIssue>> =>
  answer.structured !== undefined
    ? Either.right(answer.structured)
    : Either.mapBoth(jsonText.extract(answer.text), {
      onLeft: (error): ReadonlyArray<ValidationIssue> => [{ path: "$", message: error.message }],
      onRight: (extracted) => extracted.value
    })
