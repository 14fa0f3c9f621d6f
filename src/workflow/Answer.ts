/**
 * Step 7 of a call: reads a provider's answer as what was asked for, or says what is wrong with it.
 *
 * An object that was asked for is found wherever it stands in a text: among other objects, or wrapped in one. What has some
 * of the keys that were asked for is the answer, and its faults are told: nothing else stands in for it, no draft either.
 */
import * as Either from "effect/Either"
import type { AnswerSchema, ValidationIssue } from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
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
  schema === undefined
    ? Either.right(answer.text)
    : Either.flatMap(json(answer), (value) => {
      const read = schema.decode(value)
      return Either.isRight(read) || answer.structured !== undefined
        ? read
        : Either.orElse(elsewhere(answer.text, value, schema), () => read)
    })

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

/** Objects of one text that are tried. */
const maxTried = 20

const elsewhere = <A>(text: string, value: unknown, schema: AnswerSchema<A>): Either.Either<A, unknown> => {
  const { required } = schema.json
  const keys: ReadonlyArray<unknown> = Array.isArray(required) ? required : []
  const has = (object: JsonSchemaObject) => (key: unknown) => Object.hasOwn(object, String(key))
  if (keys.length === 0 || (JsonSchema.isObject(value) && keys.some(has(value)))) return Either.left(value)
  const values = Either.getOrElse(jsonText.candidates(text), () => []).map((candidate) => candidate.value)
  const objects = values.filter(JsonSchema.isObject)
    .flatMap((object) => [object].concat(Object.values(object).filter(JsonSchema.isObject)))
  const found = objects.filter((object) => keys.every(has(object))).slice(0, maxTried).map(schema.decode)
  return found.find(Either.isRight) ?? Either.left(value)
}

const json = (answer: Provider.Answer): Either.Either<unknown, ReadonlyArray<ValidationIssue>> =>
  answer.structured !== undefined
    ? Either.right(answer.structured)
    : Either.mapBoth(jsonText.extract(answer.text), {
      onLeft: (error): ReadonlyArray<ValidationIssue> => [{ path: "$", message: error.message }],
      onRight: (extracted) => extracted.value
    })
