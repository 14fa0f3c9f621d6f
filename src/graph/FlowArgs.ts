/**
 * The variables of a graph as the arguments of its workflow: what may be given, of what type, and what stands where
 * nothing is.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as JsonPath from "../internal/jsonPath.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import * as JsonSchemaValidator from "../internal/jsonSchemaValidator.ts"
import type { FlowContext, Json, Variable } from "./Flow.ts"

/**
 * The schema of a graph's arguments; defaults are part of what a run keeps, so that a resumed run has the same.
 * @category constructors
 * @since 0.1.0
 */
export const schema = (variables: ReadonlyArray<Variable>): Schema.Schema<FlowContext> => {
  const fields: Record<string, Schema.Struct.Field> = {}
  for (const variable of variables) {
    const field = fieldOf(variable)
    fields[variable.name] = variable.isRequired
      ? field
      : Schema.optionalWith(field, { default: () => variable.value })
  }
  // each field takes JSON and gives it as it is
  return Schema.make(Schema.Struct(fields).ast)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fieldOf = ({ isRequired, schema, value }: Variable): Schema.Schema<Json> => {
  const told = isRequired ? {} : { default: value }
  if (schema === null) return Schema.make<Json>(AST.unknownKeyword).annotations({ jsonSchema: told })
  const checked = Effect.runSync(Effect.cached(JsonSchemaValidator.compile(schema)))
  return Schema.make<Json>(typeOf(schema)).pipe(
    Schema.filterEffect((value) =>
      Effect.match(checked, {
        onFailure: (problem) => problem,
        onSuccess: (faultsOf) => {
          const [fault] = faultsOf(value)
          return fault === undefined ? true : `${JsonPath.format(fault.path)}: ${fault.message}`
        }
      })
    ),
    // what the filter checks is what is shown: the schema as it is written
    (field) => Schema.make<Json>(AST.annotations(field.ast, { [AST.JSONSchemaAnnotationId]: { ...schema, ...told } }))
  )
}

/** The type, as far as it decides how a text of the command line is read; the rest is for the whole schema to check. */
const typeOf = (schema: JsonSchemaObject): AST.AST => {
  const { anyOf, const: only, enum: choices, type } = schema
  if (isList(choices)) return oneOf(choices)
  if (only !== undefined) return literalOf(only)
  if (isList(anyOf)) return eitherOf(anyOf.map((member) => JsonSchema.isObject(member) ? typeOf(member) : anything))
  return isList(type) ? eitherOf(type.map(kindOf)) : kindOf(type)
}

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const anything = AST.unknownKeyword

/** One of several types; anything at all where one of them is. */
const eitherOf = (types: ReadonlyArray<AST.AST>): AST.AST =>
  types.length === 0 || types.some(AST.isUnknownKeyword) ? anything : AST.Union.make(types)

/** One of a few values, in one sentence where it is none of them. */
const oneOf = (choices: ReadonlyArray<unknown>): AST.AST => {
  const words = choices.map((choice) => JSON.stringify(choice)).join(", ")
  return AST.annotations(eitherOf(choices.map(literalOf)), {
    [AST.MessageAnnotationId]: () => ({ message: `must be one of ${words}`, override: true })
  })
}

const literalOf = (value: unknown): AST.AST => {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return new AST.Literal(value)
    default:
      return value === null ? AST.null : anything
  }
}

const kindOf = (type: unknown): AST.AST => {
  switch (type) {
    case "string":
      return AST.stringKeyword
    case "number":
    case "integer":
      return AST.numberKeyword
    case "boolean":
      return AST.booleanKeyword
    case "null":
      return AST.null
    case "array":
      return Schema.Array(Schema.Unknown).ast
    case "object":
      return Schema.Record({ key: Schema.String, value: Schema.Unknown }).ast
    default:
      return anything
  }
}
