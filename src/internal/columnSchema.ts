/**
 * Schemas of the columns that rows of the store have in common.
 */
import * as Schema from "effect/Schema"

/**
 * A text.
 * @category schemas
 * @since 0.1.0
 */
export const text = Schema.String

/**
 * A text, where there is one.
 * @category schemas
 * @since 0.1.0
 */
export const textOrNull = Schema.NullOr(Schema.String)

/**
 * How many there are.
 * @category schemas
 * @since 0.1.0
 */
export const count = Schema.NonNegativeInt

/**
 * How many there are, where that is known.
 * @category schemas
 * @since 0.1.0
 */
export const countOrNull = Schema.NullOr(Schema.NonNegativeInt)

/**
 * A cost in dollars, where it is known.
 * @category schemas
 * @since 0.1.0
 */
export const usdOrNull = Schema.NullOr(Schema.Number)

/**
 * A column that programs know by another name.
 * @category combinators
 * @since 0.1.0
 */
export const key = <A, I>(schema: Schema.Schema<A, I>, name: string) =>
  Schema.propertySignature(schema).pipe(Schema.fromKey(name))
