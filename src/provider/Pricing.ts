/**
 * What tokens of a model cost: from the `genai-prices` table, or a newer one that was fetched, overridden by the user's own
 * file of prices.
 *
 * - P1. A price that is not known stays unknown; it is never 0.
 * - P2. Costs are exact sums, rounded up once to a billionth of a dollar.
 * - P3. Of an override and the tables, the longer name that the model starts with wins; of equals, the override. A table
 *   that knows a model between the two (`gpt-5.4-mini` of `gpt-5.4-mini-x`) keeps the override's price off it.
 * - P4. Every price says which table of which version it is from.
 * - P5. A model that names its vendor (`openai/gpt-5.5`) is priced as the vendor's, where the provider passes requests on.
 *
 * The table is large, so the module that holds it is loaded when the layer is built and not before. Prices that depend
 * on the date or the hour are those of the time asked about.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as GenaiPrices from "@pydantic/genai-prices"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { NanoUsd } from "../domain/Money.ts"
import type { Usage } from "../domain/Usage.ts"
import { Settings } from "../settings/Settings.ts"
import * as PriceFile from "./PriceFile.ts"
import type { PricesError } from "./PriceFile.ts"
import * as PriceTable from "./PriceTable.ts"

export { PricesError } from "./PriceFile.ts"

/**
 * Dollars per million tokens; a tier replaces the base for all tokens of a request whose input is above its start.
 * @category models
 * @since 0.1.0
 */
export interface Rate {
  readonly base: number
  readonly tiers: ReadonlyArray<{ readonly start: number; readonly price: number }>
}

/**
 * What the tokens of a model cost, bucket by bucket.
 * @category models
 * @since 0.1.0
 */
export interface Price {
  readonly input: Rate
  readonly output: Rate
  readonly cacheRead: Rate
  readonly cacheWrite: Rate
  /** Of requests in batches, where the table says. */
  readonly batch?: { readonly input: Rate; readonly output: Rate } | undefined
  /** The table the price is from, with its version. */
  readonly source: string
}

/**
 * Prices of models.
 * @category services
 * @since 0.1.0
 */
export class Pricing extends Context.Tag("owf/Provider/Pricing")<Pricing, {
  /** The price now of a model of a provider, given by its name or, for a custom one, by its address. */
  readonly price: (provider: string, model: string) => Effect.Effect<Option.Option<Price>>
  /** The price at a time in milliseconds, without waiting. */
  readonly priceAt: (provider: string, model: string, millis: number) => Option.Option<Price>
}>() {}

/**
 * The exact cost of tokens, rounded up.
 * @category converting
 * @since 0.1.0
 */
export const cost = (price: Price, usage: Usage): NanoUsd => {
  const input = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return sum([
    [usage.inputTokens, at(price.input, input)],
    [usage.cacheReadTokens, at(price.cacheRead, input)],
    [usage.cacheWriteTokens, at(price.cacheWrite, input)],
    [usage.outputTokens, at(price.output, input)]
  ])
}

/**
 * The most that so many tokens can cost, whichever input bucket they are counted in.
 * @category converting
 * @since 0.1.0
 */
export const bound = (price: Price, inputTokens: number, outputTokens: number): NanoUsd => {
  const highest = (rate: Rate) =>
    Math.max(rate.base, ...rate.tiers.filter(({ start }) => inputTokens > start).map((tier) => tier.price))
  const input = Math.max(highest(price.input), highest(price.cacheRead), highest(price.cacheWrite))
  return sum([[inputTokens, input], [outputTokens, highest(price.output)]])
}

/**
 * The price of a request in a batch: the table's own where it has one, else this part of the list price.
 * @category converting
 * @since 0.1.0
 */
export const forBatch = (price: Price, part: number): Price => {
  const scaled = ({ base, tiers }: Rate): Rate => ({
    base: times(base, part),
    tiers: tiers.map(({ price, start }) => ({ start, price: times(price, part) }))
  })
  return {
    input: price.batch?.input ?? scaled(price.input),
    output: price.batch?.output ?? scaled(price.output),
    cacheRead: scaled(price.cacheRead),
    cacheWrite: scaled(price.cacheWrite),
    source: `${price.source}, ${price.batch === undefined ? `batch at ${part}` : "batch"}`
  }
}

/**
 * The tables that prices are looked up in.
 * @category models
 * @since 0.1.0
 */
export interface Tables {
  readonly overrides: ReadonlyArray<PriceFile.Override>
  /** The table that was fetched last, if there is one that can be used. */
  readonly fetched: PriceTable.PriceTable | undefined
  /** Why the table that was fetched cannot be used. */
  readonly problem: string | undefined
  readonly bundled: typeof GenaiPrices
}

/**
 * The table that comes with the package, with its version.
 * @category models
 * @since 0.1.0
 */
export const bundledSource = "genai-prices 0.1.8"

/**
 * What a price from the user's own file says it is from.
 * @category models
 * @since 0.1.0
 */
export const overrideSource = "prices file"

/**
 * Reads the files of prices that the settings name, and loads the table that comes with the package.
 * @category constructors
 * @since 0.1.0
 */
export const load: Effect.Effect<Tables, PricesError, Settings | FileSystem.FileSystem> = Effect.gen(function*() {
  const { priceTableFile, pricesFile } = yield* Settings
  const overrides = pricesFile === undefined ? [] : yield* PriceFile.read(pricesFile)
  const fetched = priceTableFile === undefined
    ? Either.right(undefined)
    : yield* Effect.either(readTable(priceTableFile))
  return {
    overrides,
    fetched: Either.getOrUndefined(fetched),
    problem: Option.getOrUndefined(Option.map(Either.getLeft(fetched), ({ message }) => message)),
    bundled: yield* Effect.promise(() => import("@pydantic/genai-prices"))
  }
})

/**
 * Prices from tables.
 * @category constructors
 * @since 0.1.0
 */
export const make = (tables: Tables): Pricing["Type"] => ({
  priceAt: (provider, model, millis) => priceAt(tables, provider, model, millis),
  price: (provider, model) => Effect.map(Clock.currentTimeMillis, (millis) => priceAt(tables, provider, model, millis))
})

/**
 * Prices from the tables and the file that the settings name.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Pricing, PricesError, Settings | FileSystem.FileSystem> = Layer.effect(
  Pricing,
  Effect.map(load, make)
)

/**
 * Prices that are all unknown.
 * @category layers
 * @since 0.1.0
 */
export const layerNoop: Layer.Layer<Pricing> = Layer.succeed(Pricing, {
  price: () => Effect.succeedNone,
  priceAt: () => Option.none()
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Other names of the vendors in the tables; command lines have the prices of the API behind them. */
const vendors: ReadonlyMap<string, string> = new Map([
  ["claude", "anthropic"],
  ["codex", "openai"],
  ["gemini", "google"],
  ["gemini-cli", "google"]
])

/** Providers that pass requests on to the vendor whom the model's name begins with, at the vendor's price. */
const forwarders: ReadonlySet<string> = new Set(["openrouter", "opencode"])

const Dollars = Schema.NonNegative.pipe(Schema.finite())
const TableRate = Schema.Union(
  Dollars,
  Schema.Struct({ base: Dollars, tiers: Schema.Array(Schema.Struct({ start: Schema.Number, price: Dollars })) })
)
const TablePrice = Schema.Struct({
  input_mtok: TableRate,
  output_mtok: TableRate,
  cache_read_mtok: Schema.optional(TableRate),
  cache_write_mtok: Schema.optional(TableRate)
})
const decodeTablePrice = Schema.decodeUnknownOption(TablePrice)

/** A price and the name it was found by. */
interface Found {
  readonly name: string
  readonly price: Price
}

const readTable = Effect.fnUntraced(function*(path: string) {
  const text = yield* PriceFile.readText({ path, isNamed: false })
  if (text === undefined) return undefined
  return yield* Either.mapLeft(
    PriceTable.decode(text),
    () => new PriceFile.PricesError({ file: path, problems: ["it is not a table that `owf prices --refresh` wrote"] })
  )
})

const priceAt = (tables: Tables, provider: string, model: string, millis: number): Option.Option<Price> => {
  const asked = { provider: vendorOf(tables, provider.toLowerCase().trim()), model: model.toLowerCase().trim() }
  const inTables = (model: string) => ways({ ...asked, model }).map((way) => lookUp(tables, way, millis)).find(isFound)
  const override = PriceFile.find(tables.overrides, asked.model, [provider.toLowerCase().trim(), asked.provider])
  const found = inTables(asked.model)
  if (override === undefined) return Option.fromNullable(found?.price)
  const isLonger = (name: string) => asked.model.startsWith(name) && name.length > override.prefix.length
  if (found !== undefined && isLonger(found.name)) return Option.some(found.price)
  // between the two names there may be a model of its own, of which this one is a variant that nobody knows (P3)
  const isOther = found === undefined && !override.isOpen &&
    shortened(asked.model).some((name) => isLonger(name) && inTables(name) !== undefined)
  return isOther ? Option.none() : Option.some(fromRates(override.rates, overrideSource))
}

const isFound = (found: Found | undefined): found is Found => found !== undefined

/** The vendor a provider's models are priced under; an address stays one unless a table knows whose it is. */
const vendorOf = ({ bundled }: Tables, provider: string): string =>
  provider.includes("://")
    ? bundled.findProvider({ providerApiUrl: provider })?.id ?? provider
    : vendors.get(provider) ?? provider

interface Way {
  readonly provider: string
  readonly model: string
}

/** As the provider's own model first, then as the vendor's that the name begins with (P5). */
const ways = ({ model, provider }: Way): ReadonlyArray<Way> => {
  const slash = model.indexOf("/")
  const vendor = model.slice(0, Math.max(slash, 0))
  const rest = model.slice(slash + 1)
  const isForwarded = slash > 0 && (forwarders.has(provider) || vendor === provider || vendors.get(vendor) === provider)
  return isForwarded
    ? [{ provider, model }, { provider: vendors.get(vendor) ?? vendor, model: rest }]
    : [{ provider, model }]
}

/** `a-b-c` without its last parts, the longest first. */
const shortened = (model: string): ReadonlyArray<string> => {
  const parts = model.split("-").slice(0, 12)
  return parts.slice(1).map((_, index) => parts.slice(0, parts.length - 1 - index).join("-"))
}

const lookUp = (tables: Tables, way: Way, millis: number): Found | undefined =>
  inFetched(tables, way) ?? inBundled(tables, way, millis)

const inFetched = ({ fetched }: Tables, { model, provider }: Way): Found | undefined => {
  const found = fetched === undefined ? undefined : PriceTable.find(fetched, provider, model)
  return found === undefined || fetched === undefined
    ? undefined
    : { name: found.name, price: fromRates(found.rates, sourceOf(fetched)) }
}

/** Where a table that was fetched is from, and of which day. */
const sourceOf = ({ fetchedAt, source }: PriceTable.PriceTable): string =>
  `${/^[a-z]+:\/\/([^/]+)/.exec(source)?.[1] ?? source} ${fetchedAt.slice(0, 10)}`

const inBundled = ({ bundled }: Tables, { model, provider }: Way, millis: number): Found | undefined =>
  // it throws for price rules that a newer table has and this version of the package does not know
  Either.try(() =>
    bundled.calcPrice({ input_tokens: 0, output_tokens: 0 }, model, {
      providerId: provider,
      timestamp: new Date(millis)
    })
  ).pipe(
    Option.getRight,
    Option.flatMap(Option.fromNullable),
    Option.flatMap((found) =>
      Option.map(decodeTablePrice(found.model_price), (price) => ({
        name: found.model.id.toLowerCase(),
        price: fromTable(price)
      }))
    ),
    Option.getOrUndefined
  )

const flat = (base: number): Rate => ({ base, tiers: [] })
const rate = (value: typeof TableRate.Type): Rate => typeof value === "number" ? flat(value) : value

const fromTable = (price: typeof TablePrice.Type): Price => ({
  input: rate(price.input_mtok),
  output: rate(price.output_mtok),
  // a bucket without a price of its own is billed as input
  cacheRead: rate(price.cache_read_mtok ?? price.input_mtok),
  cacheWrite: rate(price.cache_write_mtok ?? price.input_mtok),
  source: bundledSource
})

const fromRates = (
  { batch, cacheRead, cacheWrite, input, output }: PriceTable.Rates,
  source: string
): Price => ({
  ...(batch === undefined ? {} : { batch }),
  input,
  output,
  cacheRead: cacheRead ?? input,
  cacheWrite: cacheWrite ?? input,
  source
})

/** Without the digits that binary fractions add. */
const times = (dollars: number, part: number): number => Number((dollars * part).toPrecision(15))

const at = ({ base, tiers }: Rate, inputTokens: number): number => {
  let price = base
  for (const tier of tiers) if (inputTokens > tier.start) price = tier.price
  return price
}

/** Adds in billionths of a dollar per million tokens, which are whole numbers, and rounds up once. */
const sum = (parts: ReadonlyArray<readonly [tokens: number, dollars: number]>): NanoUsd => {
  let total = 0n
  for (const [tokens, dollars] of parts) {
    total += BigInt(tokens) * BigInt(Math.ceil(Number((dollars * 1e9).toPrecision(15))))
  }
  return Number((total + 999_999n) / 1_000_000n) as NanoUsd
}
