/**
 * The variables of a graph as the arguments of its workflow: what may be given, of what type, and what stands where
 * nothing is.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as JsonPath from "../internal/jsonPath.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchemaValidator from "../internal/jsonSchemaValidator.ts"
import type { FlowContext, Json, Variable } from "./Flow.ts"

/**
 * The schema of a graph's arguments; defaults are part of what a run keeps, so that a resumed run has the same.
 * @category constructors
 * @since 0.1.0
 */
export const schema = (variables: ReadonlyArray<Variable>): Schema.Schema<FlowContext, FlowContext> => {
  const fields: Record<string, Schema.Struct.Field> = {}
  for (const variable of variables) {
    const field = fieldOf(variable)
    fields[variable.name] = variable.isRequired
      ? field
      : Schema.optionalWith(field, { default: () => variable.value })
  }
  // each field takes JSON and gives it as it is
  return Schema.Struct(fields) as unknown as Schema.Schema<FlowContext, FlowContext>
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fieldOf = ({ schema }: Variable): Schema.Schema<Json, Json> => {
  if (schema === null) return Schema.Unknown as unknown as Schema.Schema<Json, Json>
  const validator = Effect.cached(JsonSchemaValidator.compile(schema))
  const checked = Effect.runSync(validator)
  return baseOf(schema).pipe(
    Schema.filterEffect((value) =>
      Effect.match(checked, {
        onFailure: (problem) => problem,
        onSuccess: (faultsOf) => {
          const [fault] = faultsOf(value)
          return fault === undefined ? true : `${JsonPath.format(fault.path)}: ${fault.message}`
        }
      })
    )
  )
}

/** The type, as far as it decides how a text of the command line is read. */
const baseOf = ({ type }: JsonSchemaObject): Schema.Schema<Json, Json> => {
  switch (type) {
    case "string":
      return Schema.String as unknown as Schema.Schema<Json, Json>
    case "number":
    case "integer":
      return Schema.Number as unknown as Schema.Schema<Json, Json>
    case "boolean":
      return Schema.Boolean as unknown as Schema.Schema<Json, Json>
    default:
      return Schema.Unknown as unknown as Schema.Schema<Json, Json>
  }
}
