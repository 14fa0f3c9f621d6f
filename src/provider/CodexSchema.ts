/**
 * A schema in the form in which codex enforces it: OpenAI's strict one, around an object.
 *
 * Codex passes a schema on as it is and checks nothing itself, so one without a strict form is told in words instead.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as SchemaReduction from "./SchemaReduction.ts"
import * as StrictSchema from "./StrictSchema.ts"
import * as WireJson from "./WireJson.ts"

/**
 * A schema that is enforced.
 * @category models
 * @since 0.1.0
 */
export interface CodexSchema {
  readonly schema: JsonSchemaObject
  /** The answer's text as the caller's schema has it. */
  readonly unwrap: (text: string) => string
}

/**
 * The enforced form of a schema, if it has one; a schema whose root is no plain object is put inside of one.
 * @category converting
 * @since 0.1.0
 */
export const make = (schema: JsonSchemaObject): Option.Option<CodexSchema> =>
  Option.orElse(
    Option.map(StrictSchema.make(schema), (strict): CodexSchema => ({ schema: strict, unwrap: (text) => text })),
    () =>
      SchemaReduction.normal(schema).pipe(
        Option.map(wrapped),
        Option.flatMap(StrictSchema.make),
        Option.map((strict): CodexSchema => ({ schema: strict, unwrap }))
      )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const field = "answer"

const wrapped = ({ $defs, ...root }: JsonSchemaObject): JsonSchemaObject => ({
  type: "object",
  properties: { [field]: root },
  required: [field],
  additionalProperties: false,
  ...($defs === undefined ? {} : { $defs })
})

const unwrap = (text: string): string => {
  const value = Option.getOrUndefined(WireJson.parse(text))
  const answer = Predicate.isRecord(value) ? value[field] : undefined
  return answer === undefined ? text : JSON.stringify(answer)
}
