/**
 * The JSON Schema (draft 2020-12) that says what an Effect Schema decodes.
 *
 * - E1. It describes the encoded side: for `Schema.Date` a string, for an optional field a field that may be absent.
 * - E2. It holds nothing but standard keywords, and its root is a schema, not a reference.
 * - E3. It never accepts more than the schema decodes as far as shape goes; what cannot be said is an error with its path.
 */
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import type * as Schema from "effect/Schema"
import type { JsonSchemaObject } from "./jsonSchema.ts"
import * as JsonSchema from "./jsonSchema.ts"

/**
 * The JSON Schema of what a schema decodes from, or why there is none.
 * @category converting
 * @since 0.1.0
 */
export const make = <A, I>(schema: Schema.Schema<A, I>): Either.Either<JsonSchemaObject, string> =>
  Either.gen(function*() {
    const generated: unknown = yield* Either.try({
      try: () => JSONSchema.make(schema, { target: "jsonSchema2020-12" }),
      catch: (cause) => cause instanceof Error ? onOneLine(cause.message) : String(cause)
    })
    if (!JsonSchema.isObject(generated)) return yield* Either.left("it has no JSON Schema that is an object")
    const { $schema: _, ...advertised } = generated
    const root = yield* JsonSchema.inlineRoot(advertised)
    for (const { $id } of JsonSchema.subschemas(root)) {
      if ($id === "/schemas/void") return yield* Either.left("it expects undefined somewhere, which is not JSON")
    }
    if (root["$id"] === "/schemas/never") return yield* Either.left("it accepts nothing")
    return standard(root)
  })

/**
 * Whether a JSON Schema closes every object whose properties it lists.
 * @category predicates
 * @since 0.1.0
 */
export const isClosed = (schema: JsonSchemaObject): boolean => {
  for (const { additionalProperties, properties, propertyNames } of JsonSchema.subschemas(schema)) {
    const isOpen = additionalProperties === undefined || additionalProperties === true
    if (properties !== undefined && propertyNames === undefined && isOpen) return false
  }
  return true
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const onOneLine = (message: string) => message.replace(/^Missing annotation\n/, "").replaceAll("\n", "; ")

/** The markers that Effect leaves resolve nowhere, and their titles only repeat a TypeScript type. */
const standard = (schema: JsonSchemaObject): JsonSchemaObject => {
  const { $comment, $id, ...content } = JsonSchema.mapSubschemas(schema, standard)
  if (typeof $id === "string" && $id.startsWith("/schemas/")) return withoutMarker($id, content)
  return {
    ...($id === undefined ? {} : { $id }),
    ...($comment === undefined || $comment === "/schemas/enums" ? {} : { $comment }),
    ...content
  }
}

const emptyStruct = "/schemas/%7B%7D"

const withoutMarker = (marker: string, content: JsonSchemaObject): JsonSchemaObject => {
  const { title, ...rest } = content
  const kept = title === undefined || marker === `/schemas/${String(title)}` ? rest : content
  if (marker !== emptyStruct) return kept
  const { anyOf: _, ...annotations } = kept
  return { type: "object", ...annotations }
}
