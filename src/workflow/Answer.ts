/**
 * Step 7 of a call: reads a provider's answer as what was asked for, or says what is wrong with it.
 *
 * An object that was asked for is found wherever it stands in a text: in fences or in prose, among other objects, or
 * wrapped in one. The last that has some of the keys that were asked for is the answer, and its faults are told: nothing
 * else stands in for it, no draft either.
 */
import * as Either from "effect/Either"
import type { AnswerSchema, ValidationIssue } from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as JsonText from "../internal/jsonText.ts"
import type * as Provider from "../provider/Provider.ts"

/**
 * What of an answer is read.
 * @category models
 * @since 0.1.0
 */
export type Said = Pick<Provider.Answer, "text" | "structured">

/**
 * The value of an answer, or every fault of it.
 * @category converting
 * @since 0.1.0
 */
export const read = <A>(
  answer: Said,
  schema: AnswerSchema<A> | undefined
): Either.Either<A | string, ReadonlyArray<ValidationIssue>> =>
  schema === undefined
    ? Either.right(answer.text)
    : Either.flatMap(Either.mapLeft(sourceOf(answer, schema), unreadable), schema.decode)

/**
 * The JSON to store for an answer that was read, from which it is read again: the value as its schema writes it, or what
 * it was read from where that schema knows no way back.
 * @category converting
 * @since 0.1.0
 */
export const stored = <A>(answer: Said, value: A, schema: AnswerSchema<A>): string =>
  Either.try(() => JSON.stringify(schema.encode(value)) ?? "null").pipe(
    Either.getOrElse(() => JSON.stringify(Either.getOrElse(sourceOf(answer, schema), () => null)))
  )

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

/** What an answer holds of what was asked for, as it came. */
const sourceOf = <A>(
  answer: Said,
  schema: AnswerSchema<A>
): Either.Either<unknown, JsonText.JsonTextError> =>
  answer.structured === undefined ? valueIn(answer.text, keysOf(schema.json)) : Either.right(answer.structured)

const unreadable = ({ message }: JsonText.JsonTextError): ReadonlyArray<ValidationIssue> => [{ path: "$", message }]

/** The keys an object has to have; those it may have, where none is demanded. */
const keysOf = ({ properties, required }: JsonSchemaObject): ReadonlyArray<string> =>
  Array.isArray(required) && required.length > 0
    ? required.map(String)
    : JsonSchema.isObject(properties)
    ? Object.keys(properties)
    : []

/** The value in a text that is the answer; what is cut off at its end leaves none, for what stands before it is a draft. */
const valueIn = (text: string, keys: ReadonlyArray<string>): Either.Either<unknown, JsonText.JsonTextError> =>
  Either.flatMap(JsonText.candidates(text), (candidates) => {
    const objects = candidates.flatMap(({ value }) => JsonSchema.isObject(value) ? [value] : [])
    const asked = objects.flatMap((object) => firstWith(keys, [object, ...inside(object)]))[0]
    return asked === undefined ? Either.map(JsonText.extract(text), ({ value }) => value) : Either.right(asked)
  })

const inside = (object: JsonSchemaObject) => Object.values(object).filter(JsonSchema.isObject)

const firstWith = (keys: ReadonlyArray<string>, objects: ReadonlyArray<JsonSchemaObject>) =>
  objects.filter((object) => keys.some((key) => Object.hasOwn(object, key))).slice(0, 1)
