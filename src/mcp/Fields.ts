/**
 * Arguments and fields of results that several tools share, each described once.
 */
import * as Schema from "effect/Schema"

const described = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optional(schema.annotations({ description }))

const count = (least: number) =>
  Schema.Number.pipe(Schema.int({ jsonSchema: { type: "integer" } }), Schema.greaterThanOrEqualTo(least))

/**
 * A text that may be left out.
 * @category constructors
 * @since 0.1.0
 */
export const text = (description: string) => described(Schema.String, description)

/**
 * A text that has to be given.
 * @category constructors
 * @since 0.1.0
 */
export const needed = (description: string) => Schema.String.annotations({ description })

/**
 * A switch that may be left out.
 * @category constructors
 * @since 0.1.0
 */
export const flag = (description: string) => described(Schema.Boolean, description)

/**
 * A whole number that may be left out.
 * @category constructors
 * @since 0.1.0
 */
export const whole = (description: string, least = 0) => described(count(least), description)

/**
 * A number of at least 0 that may be left out.
 * @category constructors
 * @since 0.1.0
 */
export const amount = (description: string) =>
  described(Schema.Number.pipe(Schema.finite(), Schema.greaterThanOrEqualTo(0)), description)

/**
 * One of a few words, which may be left out.
 * @category constructors
 * @since 0.1.0
 */
export const choice = <const L extends readonly [string, ...Array<string>]>(words: L, description: string) =>
  described(Schema.Literal(...words), description)

/**
 * The directory of the runs.
 * @category constructors
 * @since 0.1.0
 */
export const home = text("Directory of the runs, inside what the server allows; its own by default")

/**
 * The run a tool is about.
 * @category constructors
 * @since 0.1.0
 */
export const run = text("Id of a run, its unique beginning, or latest (the default)")

/**
 * Where in a list to begin, and how much of it to give.
 * @category constructors
 * @since 0.1.0
 */
export const paging = {
  offset: whole("Items to leave out from the start (default: 0)"),
  limit: whole("Items to give (default: 50, at most 500)", 1)
}

/**
 * The arguments of a workflow.
 * @category constructors
 * @since 0.1.0
 */
export const args = described(
  Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  "Arguments of the workflow; owf_validate_workflow shows which it takes"
)

/**
 * A page of a list in a result.
 * @category constructors
 * @since 0.1.0
 */
export const items = {
  items: Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  total: Schema.Number,
  offset: Schema.Number,
  next_offset: Schema.NullOr(Schema.Number).annotations({ description: "Where to read on; null at the end" })
}

/**
 * A page of a list.
 * @category converting
 * @since 0.1.0
 */
export const page = <A>(
  all: ReadonlyArray<A>,
  { limit = 50, offset = 0 }: { readonly limit?: number | undefined; readonly offset?: number | undefined }
) => {
  const end = offset + Math.min(limit, 500)
  return { items: all.slice(offset, end), total: all.length, offset, next_offset: end < all.length ? end : null }
}
