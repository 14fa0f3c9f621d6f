/**
 * What a node with outputs is asked for: an object with every declared key, whose values are what their schemas say. How it
 * is found in an answer is `workflow/Answer`'s.
 */
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import type { Output } from "./Flow.ts"

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

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** One schema per list, since schemas are compiled once per object. */
const schemas = new WeakMap<ReadonlyArray<Output>, JsonSchemaObject>()

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
