/**
 * What tokens of a model cost: from the `genai-prices` table, overridden by the user's own file of prices.
 *
 * - P1. A price that is not known stays unknown; it is never 0.
 * - P2. Costs are exact sums, rounded up once to a billionth of a dollar.
 * - P3. Of an override and the table, the longer name that the model starts with wins; of equals, the override.
 * - P4. Every price says which table of which version it is from.
 *
 * The table is large, so the module that holds it is loaded when the layer is built and not before. Prices that depend
 * on the date or the hour are those of the time asked about.
 */
import * as FileSystem from "@effect/platform/FileSystem"
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
import type { SettingsFile } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"

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
  /** The table the price is from, with its version. */
  readonly source: string
}

/**
 * A file of prices that cannot be used, with everything that is wrong with it.
 * @category errors
 * @since 0.1.0
 */
export class PricesError extends Schema.TaggedError<PricesError>("owf/Provider/Pricing/PricesError")("PricesError", {
  file: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the prices in ${this.file} cannot be used: ${this.problems.join("; ")}`
  }
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
 * Prices from the table and the file that the settings name.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Pricing, PricesError, Settings | FileSystem.FileSystem> = Layer.effect(
  Pricing,
  Effect.gen(function*() {
    const { pricesFile } = yield* Settings
    const overrides = pricesFile === undefined ? [] : yield* readFile(pricesFile)
    const table = yield* Effect.promise(() => import("@pydantic/genai-prices"))
    return make(overrides, table)
  })
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

/** The package does not say its version at run time; a test compares this with the one installed. */
const tableSource = "genai-prices 0.1.8"
const fileSource = "prices file"
const maxFileSize = 4_194_304n

/** Command lines have the prices of the API behind them. */
const tableNames: ReadonlyMap<string, string> = new Map([["claude", "anthropic"], ["codex", "openai"]])

interface Override {
  readonly prefix: string
  readonly price: Price
}

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

const File = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const decodeFile = Schema.decodeUnknownEither(File)
const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const isPair = Schema.is(Schema.Tuple(Dollars, Dollars))

const make = (overrides: ReadonlyArray<Override>, table: typeof GenaiPrices): Pricing["Type"] => {
  const priceAt = (provider: string, model: string, millis: number): Option.Option<Price> => {
    const name = model.toLowerCase().trim()
    const override = overrides.find(({ prefix }) => name.startsWith(prefix))
    const found = lookUp(table, provider.toLowerCase(), name, millis)
    if (override === undefined) return Option.map(found, ({ price }) => price)
    const specific = Option.filter(found, ({ id }) => name.startsWith(id) && id.length > override.prefix.length)
    return Option.some(Option.match(specific, { onNone: () => override.price, onSome: ({ price }) => price }))
  }
  return {
    priceAt,
    price: (provider, model) => Effect.map(Clock.currentTimeMillis, (millis) => priceAt(provider, model, millis))
  }
}

const lookUp = (
  table: typeof GenaiPrices,
  provider: string,
  model: string,
  millis: number
): Option.Option<{ readonly id: string; readonly price: Price }> => {
  const where = provider.includes("://")
    ? { providerApiUrl: provider }
    : { providerId: tableNames.get(provider) ?? provider }
  // it throws for price rules that a newer table has and this version of the package does not know
  return Either.try(() =>
    table.calcPrice({ input_tokens: 0, output_tokens: 0 }, model, { ...where, timestamp: new Date(millis) })
  ).pipe(
    Option.getRight,
    Option.flatMap(Option.fromNullable),
    Option.flatMap((found) =>
      Option.map(decodeTablePrice(found.model_price), (price) => ({
        id: found.model.id.toLowerCase(),
        price: fromTable(price)
      }))
    )
  )
}

const flat = (base: number): Rate => ({ base, tiers: [] })
const rate = (value: typeof TableRate.Type): Rate => typeof value === "number" ? flat(value) : value

const fromTable = (price: typeof TablePrice.Type): Price => ({
  input: rate(price.input_mtok),
  output: rate(price.output_mtok),
  // a bucket without a price of its own is billed as input
  cacheRead: rate(price.cache_read_mtok ?? price.input_mtok),
  cacheWrite: rate(price.cache_write_mtok ?? price.input_mtok),
  source: tableSource
})

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

const readFile = Effect.fnUntraced(function*({ isNamed, path }: SettingsFile) {
  const fs = yield* FileSystem.FileSystem
  const refuse = (...problems: ReadonlyArray<string>) => new PricesError({ file: path, problems })
  const readable = Effect.gen(function*() {
    const { size } = yield* fs.stat(path)
    if (size > maxFileSize) return yield* refuse(`it has ${size} bytes, more than ${maxFileSize}`)
    return yield* fs.readFileString(path)
  })
  const text = yield* Effect.catchTags(readable, {
    SystemError: ({ reason }) => reason === "NotFound" && !isNamed ? Effect.succeed("{}") : refuse(describe(reason)),
    BadArgument: () => refuse("it cannot be read")
  })
  const content = yield* Either.mapLeft(
    decodeFile(text.replace(/^\uFEFF/, "")),
    () => refuse("it is not a JSON object")
  )
  const entries = Object.entries(isRecord(content["prices"]) ? content["prices"] : content)
  const problems = entries.flatMap(([model, pair]) =>
    isPair(pair) && model.trim() !== "" ? [] : [`'${model}' is not [dollars per million input, per million output]`]
  )
  if (problems.length > 0) return yield* refuse(...problems.slice(0, 20))
  return entries.flatMap(([model, pair]) => isPair(pair) ? [override(model, pair)] : [])
    .toSorted((left, right) => right.prefix.length - left.prefix.length)
})

const describe = (reason: string) => reason === "NotFound" ? "it does not exist" : `it cannot be read (${reason})`

const override = (model: string, [input, output]: readonly [number, number]): Override => ({
  prefix: model.toLowerCase().trim(),
  price: {
    input: flat(input),
    output: flat(output),
    cacheRead: flat(input),
    cacheWrite: flat(input),
    source: fileSource
  }
})
