/**
 * What an agent or a script answered, as the outputs of its node.
 *
 * - Y1. The answer is the object with the declared keys, wherever it stands: in fences or in prose, between other values,
 *   or wrapped in an envelope. Of several, the one that is valid; of those, the last.
 * - Y2. Every declared key is there and its value is what its schema says; what else the object holds is dropped.
 * - Y3. A value that is cut off is never completed, and no earlier draft stands in for it.
 * - Y4. A problem says what is wrong with the best candidate, in words that a corrective question can quote.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { UnsupportedSchema } from "../domain/AnswerSchema.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as JsonText from "../internal/jsonText.ts"
import type { FlowContext, Json, Output } from "./Flow.ts"

/**
 * Why an answer does not give the outputs.
 * @category errors
 * @since 0.1.0
 */
export class ReplyProblem extends Schema.TaggedError<ReplyProblem>("owf/Reply/ReplyProblem")("ReplyProblem", {
  reason: Schema.Literal("NoJson", "Truncated", "NoObject", "Invalid"),
  detail: Schema.String,
  issues: Schema.Array(AnswerSchema.ValidationIssue)
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The shape an answer must have, as a provider can be asked for it.
 *
 * **Details**
 *
 * Further keys are allowed, so that an answer is not sent back for them.
 * @category converting
 * @since 0.1.0
 */
export const schemaOf = (outputs: ReadonlyArray<Output>): JsonSchemaObject => {
  const known = schemas.get(outputs)
  if (known !== undefined) return known
  const schema = {
    type: "object",
    properties: Object.fromEntries(outputs.map((output) => [output.key, propertyOf(output)])),
    required: outputs.map(({ key }) => key)
  }
  schemas.set(outputs, schema)
  return schema
}

/**
 * The outputs that a text gives; none where none are declared, whatever the text.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  text: string,
  outputs: ReadonlyArray<Output>
): Effect.Effect<FlowContext, ReplyProblem | UnsupportedSchema> =>
  Effect.gen(function*() {
    if (outputs.length === 0) return {}
    const values = yield* Either.mapLeft(JsonText.candidates(text), unreadable)
    const keys = outputs.map(({ key }) => key)
    const objects = byKeys(objectsIn(values.map(({ value }) => value)), keys)
    const [best] = objects
    if (best === undefined) return yield* problem("NoObject", `the answer is no object with the keys ${list(keys)}`)
    const { decode } = yield* AnswerSchema.make(schemaOf(outputs))
    const decoded = objects.slice(0, maxTried).map((object) => decode(object))
    const valid = decoded.find(Either.isRight)
    // the schema asks for an object, and JSON is all there is in one that was read from a text
    if (valid !== undefined) return pick(valid.right as FlowContext, keys)
    const issues = decoded[0] !== undefined && Either.isLeft(decoded[0]) ? decoded[0].left : []
    const detail = issues.map(({ message, path }) => `${path} ${message}`).join("; ")
    return yield* new ReplyProblem({
      reason: "Invalid",
      detail: `the answer is not what was asked for: ${detail}`,
      issues
    })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Objects that are looked at, and checked, of one answer. */
const maxObjects = 10_000
const maxTried = 20

/** One schema per list, since schemas are compiled once per object. */
const schemas = new WeakMap<ReadonlyArray<Output>, JsonSchemaObject>()

const problem = (reason: ReplyProblem["reason"], detail: string) => new ReplyProblem({ reason, detail, issues: [] })

const unreadable = ({ detail, reason }: JsonText.JsonTextError): ReplyProblem =>
  problem(reason === "Truncated" ? "Truncated" : "NoJson", detail)

const list = (keys: ReadonlyArray<string>) => keys.map((key) => `'${key}'`).join(", ")

const pick = (object: FlowContext, keys: ReadonlyArray<string>): FlowContext =>
  Object.fromEntries(keys.map((key): [string, Json] => [key, object[key] ?? null]))

/** The objects, those on the outside first, then what is inside of them and of lists. */
const objectsIn = (values: ReadonlyArray<unknown>): ReadonlyArray<JsonSchemaObject> => {
  const queue = [...values]
  const found: Array<JsonSchemaObject> = []
  for (let index = 0; index < queue.length && index < maxObjects; index++) {
    const value = queue[index]
    if (JsonSchema.isObject(value)) found.push(value)
    if (typeof value !== "object" || value === null) continue
    const room = maxObjects - queue.length
    if (room > 0) queue.push(...Object.values(value).slice(0, room))
  }
  return found
}

/** The objects with the most declared keys, in the order they were found. */
const byKeys = (
  objects: ReadonlyArray<JsonSchemaObject>,
  keys: ReadonlyArray<string>
): ReadonlyArray<JsonSchemaObject> => {
  const counted = objects.map((object) => ({ object, count: keys.filter((key) => Object.hasOwn(object, key)).length }))
  const most = counted.reduce((count, { count: other }) => Math.max(count, other), 0)
  return counted.filter(({ count }) => count === most).map(({ object }) => object)
}

const propertyOf = ({ key, schema }: Output): JsonSchemaObject => {
  if (schema === null) return {}
  const { $schema: _, ...property } = rebase(schema, `#/properties/${escapeKey(key)}`)
  return property
}

const escapeKey = (key: string) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))

/** References from the root of a schema that is no root any more; one with an `$id` stays its own root. */
const rebase = (schema: JsonSchemaObject, root: string): JsonSchemaObject => {
  if ("$id" in schema) return schema
  const moved = JsonSchema.mapSubschemas(schema, (subschema) => rebase(subschema, root))
  const { $ref } = moved
  if (typeof $ref !== "string" || $ref !== "#" && !$ref.startsWith("#/")) return moved
  return { ...moved, $ref: `${root}${$ref.slice(1)}` }
}
