/**
 * A table of prices that was fetched: what it holds, how it is kept in a file, how a model is found in it.
 *
 * - T1. A price is that of a model's own name, or of the name without the date it was released at. A model is never
 *   priced as another one whose name begins alike.
 * - T2. A price of nothing at all is not kept: tables say 0 for models whose price they do not know.
 */
import type * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

const Dollars = Schema.NonNegative.pipe(Schema.finite())

/**
 * Dollars per million tokens; a tier replaces the base for all tokens of a request whose input is above its start.
 * @category schemas
 * @since 0.1.0
 */
export const Rate = Schema.Struct({
  base: Dollars,
  tiers: Schema.Array(Schema.Struct({ start: Dollars, price: Dollars }))
})

/**
 * Dollars per million tokens; a tier replaces the base for all tokens of a request whose input is above its start.
 * @category models
 * @since 0.1.0
 */
export type Rate = typeof Rate.Type

/**
 * What the tokens of a model cost; a bucket of the cache without a price of its own is billed as input.
 * @category schemas
 * @since 0.1.0
 */
export const Rates = Schema.Struct({
  input: Rate,
  output: Rate,
  cacheRead: Schema.optional(Rate),
  cacheWrite: Schema.optional(Rate),
  /** Of requests in batches, where the table says; else they cost the vendor's part of these. */
  batch: Schema.optional(Schema.Struct({ input: Rate, output: Rate }))
})

/**
 * What the tokens of a model cost.
 * @category models
 * @since 0.1.0
 */
export type Rates = typeof Rates.Type

/**
 * A table with where it is from.
 * @category schemas
 * @since 0.1.0
 */
export const PriceTable = Schema.Struct({
  version: Schema.Literal(1),
  /** Address it was fetched from. */
  source: Schema.String,
  /** Whose form it had. */
  form: Schema.String,
  fetchedAt: Schema.String,
  etag: Schema.NullOr(Schema.String),
  /** Rates by provider, `*` for any, and by model, both in lower case. */
  models: Schema.Record({
    key: Schema.String,
    value: Schema.Record({ key: Schema.String, value: Rates })
  })
})

/**
 * A table with where it is from.
 * @category models
 * @since 0.1.0
 */
export type PriceTable = typeof PriceTable.Type

/**
 * The table a file holds.
 * @category converting
 * @since 0.1.0
 */
export const decode: (text: string) => Either.Either<PriceTable, ParseResult.ParseError> = Schema.decodeEither(
  Schema.parseJson(PriceTable)
)

/**
 * The text of a table's file.
 * @category converting
 * @since 0.1.0
 */
export const encode: (table: PriceTable) => string = Schema.encodeSync(Schema.parseJson(PriceTable))

/**
 * How many models a table prices.
 * @category converting
 * @since 0.1.0
 */
export const size = ({ models }: PriceTable): number =>
  Object.values(models).reduce((sum, provider) => sum + Object.keys(provider).length, 0)

/**
 * The rates of a model and the name it was found by (T1).
 * @category converting
 * @since 0.1.0
 */
export const find = (
  table: PriceTable,
  provider: string,
  model: string
): { readonly name: string; readonly rates: Rates } | undefined => {
  for (const models of [own(table.models, provider), own(table.models, "*")]) {
    if (models === undefined) continue
    const short = withoutDate(model)
    const name = [model, short].find((name) => Object.hasOwn(models, name)) ?? dated(models, short)
    const rates = name === undefined ? undefined : own(models, name)
    if (name !== undefined && rates !== undefined) return { name, rates }
  }
  return undefined
}

/**
 * Whether rates say anything (T2).
 * @category predicates
 * @since 0.1.0
 */
export const isPriced = ({ input, output }: Rates): boolean =>
  [input, output].some(({ base, tiers }) => base > 0 || tiers.some(({ price }) => price > 0))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const own = <A>(record: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

const release = /[-@](?:latest|\d{4}-\d{2}-\d{2}|\d{8})$/

const withoutDate = (model: string): string => model.replace(release, "")

/** The newest release of a model in a table that has only releases. */
const dated = (models: Readonly<Record<string, unknown>>, model: string): string | undefined =>
  Object.keys(models).filter((name) => name !== model && withoutDate(name) === model).toSorted().at(-1)
