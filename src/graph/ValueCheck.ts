/**
 * Whether values are what the graph says they are. Values keep their types: nothing is turned into what is expected.
 */
import * as Effect from "effect/Effect"
import type { UnsupportedSchema, ValidationIssue } from "../domain/AnswerSchema.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Json } from "./Flow.ts"

/**
 * The faults of a value, with paths from its root; none where anything will do.
 * @category converting
 * @since 0.1.0
 */
export const issues = (
  value: Json,
  schema: JsonSchemaObject | null
): Effect.Effect<ReadonlyArray<ValidationIssue>, UnsupportedSchema> =>
  schema === null
    ? Effect.succeed([])
    : Effect.map(AnswerSchema.make(schema), ({ decode }) => {
      const decoded = decode(value)
      return decoded._tag === "Left" ? decoded.left : []
    })

/**
 * Faults in one sentence each; `name` stands for the root.
 * @category converting
 * @since 0.1.0
 */
export const describe = (name: string, found: ReadonlyArray<ValidationIssue>): string =>
  found.map(({ message, path }) => `${name}${path.slice(1)} ${message}`).join("; ")
