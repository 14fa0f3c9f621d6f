/**
 * A schema in the form `--json-schema` takes: an object at its root, as one argument.
 *
 * The program ignores schemas whose root is not an object, so these are put into one; what comes back is taken out of
 * it again. A schema that is too long for an argument, or that refers to its own root and so cannot be put anywhere, is
 * left to be told in words.
 */
import * as Predicate from "effect/Predicate"
import * as JsonSchema from "../internal/jsonSchema.ts"

/**
 * A schema as an argument, undefined where it has to be told in words, and the way back for a structured answer.
 * @category models
 * @since 0.1.0
 */
export interface ClaudeSchema {
  readonly argument: string | undefined
  readonly unwrap: (structured: unknown) => unknown
}

/**
 * The form of a schema.
 * @category constructors
 * @since 0.1.0
 */
export const make = (schema: JsonSchema.JsonSchemaObject): ClaudeSchema => {
  const { $schema: _, ...plain } = schema
  const isWrapped = plain["type"] !== "object"
  if (isWrapped && refersToRoot(plain)) return { argument: undefined, unwrap: asItIs }
  const argument = JSON.stringify(isWrapped ? wrap(plain) : plain)
  return {
    argument: encoder.encode(argument).length > maxBytes ? undefined : argument,
    unwrap: isWrapped ? unwrap : asItIs
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** One argument may have 128 KiB. */
const maxBytes = 102_400
const encoder = new TextEncoder()
const property = "value"

const asItIs = (structured: unknown) => structured

/** Definitions stay at the root, where references look for them. */
const wrap = ({ $defs, definitions, ...schema }: JsonSchema.JsonSchemaObject): JsonSchema.JsonSchemaObject => ({
  type: "object",
  properties: { [property]: schema },
  required: [property],
  additionalProperties: false,
  ...($defs === undefined ? {} : { $defs }),
  ...(definitions === undefined ? {} : { definitions })
})

const unwrap = (structured: unknown): unknown =>
  Predicate.isRecord(structured) && Object.keys(structured).length === 1 && property in structured
    ? structured[property]
    : structured

const refersToRoot = (schema: JsonSchema.JsonSchemaObject): boolean => {
  for (const { $ref } of JsonSchema.subschemas(schema)) {
    if (typeof $ref === "string" && !/^#\/(?:\$defs|definitions)\//.test($ref)) return true
  }
  return false
}
