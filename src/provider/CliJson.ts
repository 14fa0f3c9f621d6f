/**
 * JSON as programs print it, a value to a line: what is not as expected is left out, so that it costs nothing else.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as WireJson from "./WireJson.ts"

/**
 * The value of a line, if it is JSON.
 * @category converting
 * @since 0.1.0
 */
export const parse = (line: string): unknown => {
  const first = line.trimStart()[0]
  return first === "{" || first === "[" ? Option.getOrUndefined(WireJson.parse(line)) : undefined
}

/**
 * A field that is undefined where it is missing or of another form.
 * @category combinators
 * @since 0.1.0
 */
export const loose = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownOption(schema)
  return Schema.optional(Schema.transform(Schema.Unknown, Schema.UndefinedOr(Schema.typeSchema(schema)), {
    strict: true,
    decode: (value) => Option.getOrUndefined(decode(value)),
    encode: (value) => value
  }))
}

/**
 * A count of tokens; one that is missing or null is none.
 * @category schemas
 * @since 0.1.0
 */
export const Count = Schema.optional(Schema.NullOr(Schema.NonNegativeInt))
