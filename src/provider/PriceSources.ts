/**
 * Reads price tables as others publish them: genai-prices, LiteLLM, models.dev, OpenRouter, and plain prefix pairs.
 *
 * - W1. The form is recognised by what the document holds, not by where it is from.
 * - W2. What is not a price (text, negative, not finite, beyond reason) is skipped and counted; a document in which that
 *   is the larger part is refused as a whole.
 * - W3. Prices per token become prices per million tokens, exactly.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Rate, Rates } from "./PriceTable.ts"
import * as PriceTable from "./PriceTable.ts"

/**
 * What a document holds.
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly form: Form
  readonly models: PriceTable.PriceTable["models"]
  /** Models whose prices are no prices. */
  readonly skipped: number
}

/**
 * Whose form a document has.
 * @category models
 * @since 0.1.0
 */
export type Form = "genai-prices" | "LiteLLM" | "models.dev" | "OpenRouter" | "prefix pairs"

/**
 * The prices in a document; the reason in a sentence when there are none.
 *
 * `nowMillis` decides which of several prices by date is meant.
 * @category converting
 * @since 0.1.0
 */
export const read = (text: string, nowMillis: number): Either.Either<Reading, string> =>
  Either.flatMap(
    Either.mapLeft(parse(text.replace(/^\uFEFF/, "")), () => "it is not JSON"),
    (document) => {
      for (const [form, reader] of readers) {
        const found = reader(document, nowMillis)
        if (found.length > 0) return collect(form, found)
      }
      return Either.left(
        `it holds no prices in a form that is known: ${readers.map(([form]) => form).join(", ")}`
      )
    }
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A model of a document; without rates, its prices are no prices. */
interface Found {
  readonly provider: string
  readonly models: ReadonlyArray<string>
  readonly rates: Rates | undefined
}

type Fields = Readonly<Record<string, unknown>>

const parse = Schema.decodeEither(Schema.parseJson())
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const listOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []
const at = (value: unknown, key: string): unknown =>
  isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined
const textAt = (value: unknown, key: string): string | undefined => {
  const found = at(value, key)
  return typeof found === "string" && found !== "" ? found : undefined
}

/** More than any model costs: what is above it has another unit. */
const mostDollars = 100_000

const dollars = (value: unknown, factor: number): Option.Option<number> => {
  const number = typeof value === "string" && /^\d+(?:\.\d+)?(?:e-?\d+)?$/i.test(value.trim()) ? Number(value) : value
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return Option.none()
  // fifteen digits are exact; what multiplication adds behind them is not part of the price
  const perMillion = Number((number * factor).toPrecision(15))
  return perMillion <= mostDollars ? Option.some(perMillion) : Option.none()
}

const flat = (base: number): Rate => ({ base, tiers: [] })

/** A rate from a document; undefined where none is given, which only buckets of the cache may have. */
const rateOf = (value: unknown, factor: number): Option.Option<Rate> | undefined =>
  value === undefined || value === null ? undefined : Option.map(dollars(value, factor), flat)

const ratesOf = (parts: {
  readonly input: Option.Option<Rate> | undefined
  readonly output: Option.Option<Rate> | undefined
  readonly cacheRead: Option.Option<Rate> | undefined
  readonly cacheWrite: Option.Option<Rate> | undefined
  readonly batchInput?: Option.Option<Rate> | undefined
  readonly batchOutput?: Option.Option<Rate> | undefined
}): Rates | undefined => {
  const { batchInput = Option.none(), batchOutput = Option.none(), cacheRead, cacheWrite, input, output } = parts
  if (input === undefined || output === undefined || Option.isNone(input) || Option.isNone(output)) return undefined
  if ([cacheRead, cacheWrite].some((rate) => rate !== undefined && Option.isNone(rate))) return undefined
  const read = cacheRead === undefined ? undefined : Option.getOrUndefined(cacheRead)
  const write = cacheWrite === undefined ? undefined : Option.getOrUndefined(cacheWrite)
  return {
    input: input.value,
    output: output.value,
    ...(read === undefined ? {} : { cacheRead: read }),
    ...(write === undefined ? {} : { cacheWrite: write }),
    // prices of batches that cannot be read, or only of one side, leave the vendor's part of the others
    ...Option.match(Option.all({ input: batchInput, output: batchOutput }), {
      onNone: () => ({}),
      onSome: (batch) => ({ batch })
    })
  }
}

const collect = (form: Form, found: ReadonlyArray<Found>): Either.Either<Reading, string> => {
  const models = new Map<string, Map<string, Rates>>()
  let skipped = 0
  let priced = 0
  for (const { models: names, provider, rates } of found) {
    if (rates === undefined) {
      skipped++
      continue
    }
    if (!PriceTable.isPriced(rates)) continue
    priced++
    const known = models.get(provider.toLowerCase()) ?? new Map<string, Rates>()
    models.set(provider.toLowerCase(), known)
    for (const name of names) if (!known.has(name.toLowerCase())) known.set(name.toLowerCase(), rates)
  }
  if (priced === 0) return Either.left(`it has the form of ${form}, but no model in it has a price`)
  return skipped > priced
    ? Either.left(`it has the form of ${form}, but ${skipped} of ${skipped + priced} prices in it are no prices`)
    : Either.right({ form, models: plain(models), skipped })
}

const plain = (models: ReadonlyMap<string, ReadonlyMap<string, Rates>>): Reading["models"] =>
  Object.fromEntries([...models].map(([provider, models]) => [provider, Object.fromEntries(models)]))

// ---- genai-prices: [{ id, models: [{ id, match, prices }] }], dollars per million ----

const genai = (document: unknown, nowMillis: number): ReadonlyArray<Found> =>
  listOf(Array.isArray(document) ? document : at(document, "providers")).flatMap((provider) => {
    const id = textAt(provider, "id")
    if (id === undefined) return []
    return listOf(at(provider, "models")).flatMap((model): ReadonlyArray<Found> => {
      const name = textAt(model, "id")
      const prices = activePrices(at(model, "prices"), nowMillis)
      if (name === undefined || prices === undefined || !isPerToken(prices)) return []
      return [{ provider: id, models: [name, ...equals(at(model, "match"))], rates: genaiRates(prices) }]
    })
  })

const isPerToken = (prices: ReadonlyArray<Fields>) =>
  prices.every((price) => at(price, "input_mtok") !== undefined && at(price, "output_mtok") !== undefined)

/** Names that mean a model exactly; rules by parts of names are left out, because they price what they do not know. */
const equals = (match: unknown): ReadonlyArray<string> => {
  const name = textAt(match, "equals")
  return name === undefined ? listOf(at(match, "or")).flatMap(equals) : [name]
}

/** The prices of today: of those by date, the last that began; by hour, all of them. */
const activePrices = (prices: unknown, nowMillis: number): ReadonlyArray<Fields> | undefined => {
  if (isFields(prices)) return [prices]
  let active: ReadonlyArray<Fields> | undefined
  for (const one of listOf(prices)) {
    const found = at(one, "prices")
    if (!isFields(found)) return undefined
    const constraint = at(one, "constraint")
    const start = textAt(constraint, "start_date")
    if (start !== undefined && !(Date.parse(start) <= nowMillis)) continue
    active = isFields(constraint) && start === undefined ? [...active ?? [], found] : [found]
  }
  return active
}

/** Where the price depends on the hour, the dearest, so that no budget is passed. */
const genaiRates = (prices: ReadonlyArray<Fields>): Rates | undefined => {
  const rates = (key: string) => {
    const found = prices.flatMap((price) => at(price, key) === undefined ? [] : [genaiRate(at(price, key))])
    if (found.length === 0) return undefined
    const known = Option.all(found)
    return Option.map(known, (rates) => rates.reduce((a, b) => b.base > a.base ? b : a))
  }
  return ratesOf({
    input: rates("input_mtok"),
    output: rates("output_mtok"),
    cacheRead: rates("cache_read_mtok"),
    cacheWrite: rates("cache_write_mtok")
  })
}

const genaiRate = (value: unknown): Option.Option<Rate> => {
  if (!isFields(value)) return Option.map(dollars(value, 1), flat)
  const tiers = listOf(at(value, "tiers")).map((tier) =>
    Option.all({ start: numberOf(at(tier, "start")), price: dollars(at(tier, "price"), 1) })
  )
  return Option.all({ base: dollars(at(value, "base"), 1), tiers: Option.all(tiers) })
}

const numberOf = (value: unknown): Option.Option<number> =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? Option.some(value) : Option.none()

// ---- LiteLLM: { "<provider/model>": { litellm_provider, input_cost_per_token, … } }, dollars per token ----

const litellm = (document: unknown): ReadonlyArray<Found> =>
  Object.entries(isFields(document) ? document : {}).flatMap(([key, value]): ReadonlyArray<Found> => {
    const provider = textAt(value, "litellm_provider")
    if (provider === undefined || key === "sample_spec" || at(value, "input_cost_per_token") === undefined) return []
    if (at(value, "output_cost_per_token") === undefined) return []
    const model = key.startsWith(`${provider}/`) ? key.slice(provider.length + 1) : key
    return [{ provider: provider === "gemini" ? "google" : provider, models: [model], rates: litellmRates(value) }]
  })

const litellmRates = (value: unknown): Rates | undefined => {
  const rate = (key: string) => {
    const base = rateOf(at(value, key), perToken)
    return base === undefined ? undefined : Option.flatMap(base, (rate) => withTiers(value, key, rate))
  }
  return ratesOf({
    input: rate("input_cost_per_token"),
    output: rate("output_cost_per_token"),
    cacheRead: rate("cache_read_input_token_cost"),
    cacheWrite: rate("cache_creation_input_token_cost"),
    batchInput: rate("input_cost_per_token_batches"),
    batchOutput: rate("output_cost_per_token_batches")
  })
}

const perToken = 1_000_000

/** Prices of long inputs are fields of their own: `input_cost_per_token_above_200k_tokens`. */
const withTiers = (value: unknown, key: string, { base }: Rate): Option.Option<Rate> => {
  const tiers = Object.keys(isFields(value) ? value : {}).flatMap((name) => {
    const above = name.startsWith(`${key}_above_`) ? /^_above_(\d+)k_tokens$/.exec(name.slice(key.length)) : null
    return above?.[1] === undefined
      ? []
      : [Option.map(dollars(at(value, name), perToken), (price) => ({ start: Number(above[1]) * 1000, price }))]
  })
  return Option.map(
    Option.all(tiers),
    (tiers) => ({ base, tiers: tiers.toSorted((a, b) => a.start - b.start) })
  )
}

// ---- models.dev: { "<provider>": { models: { "<model>": { cost } } } }, dollars per million ----

const modelsDev = (document: unknown): ReadonlyArray<Found> =>
  Object.entries(isFields(document) ? document : {}).flatMap(([provider, value]) => {
    const models = at(value, "models")
    return Object.entries(isFields(models) ? models : {}).flatMap(([model, value]): ReadonlyArray<Found> => {
      const cost = at(value, "cost")
      return isFields(cost) ? [{ provider, models: [model], rates: modelsDevRates(cost) }] : []
    })
  })

const modelsDevRates = (cost: Fields): Rates | undefined => {
  const long = at(cost, "context_over_200k")
  const rate = (key: string) => {
    const base = rateOf(at(cost, key), 1)
    const above = rateOf(at(long, key), 1)
    return base === undefined || above === undefined
      ? base
      : Option.map(Option.all({ base, above }), ({ above, base }) => ({
        base: base.base,
        tiers: [{ start: 200_000, price: above.base }]
      }))
  }
  return ratesOf({
    input: rate("input"),
    output: rate("output"),
    cacheRead: rate("cache_read"),
    cacheWrite: rate("cache_write")
  })
}

// ---- OpenRouter: { data: [{ id, pricing: { prompt, completion } }] }, dollars per token as texts ----

const openRouter = (document: unknown): ReadonlyArray<Found> =>
  listOf(at(document, "data")).flatMap((model): ReadonlyArray<Found> => {
    const id = textAt(model, "id")
    const pricing = at(model, "pricing")
    if (id === undefined || !isFields(pricing)) return []
    const rate = (key: string) => rateOf(at(pricing, key), perToken)
    const rates = ratesOf({
      input: rate("prompt"),
      output: rate("completion"),
      cacheRead: rate("input_cache_read"),
      cacheWrite: rate("input_cache_write")
    })
    return [{ provider: "openrouter", models: [id], rates }]
  })

// ---- { "<model>": [input, output] }, dollars per million, with or without an outer "prices" ----

const pairs = (document: unknown): ReadonlyArray<Found> => {
  const prices = at(document, "prices")
  const entries = Object.entries(isFields(prices) ? prices : isFields(document) ? document : {})
  return entries.flatMap(([model, pair]): ReadonlyArray<Found> => {
    if (!Array.isArray(pair) || pair.length !== 2 || model.trim() === "") return []
    const [input, output] = pair.map((value: unknown) => rateOf(value, 1) ?? Option.none())
    const rates = ratesOf({ input, output, cacheRead: undefined, cacheWrite: undefined })
    return [{ provider: "*", models: [model.trim()], rates }]
  })
}

const readers: ReadonlyArray<readonly [Form, (document: unknown, nowMillis: number) => ReadonlyArray<Found>]> = [
  ["genai-prices", genai],
  ["OpenRouter", openRouter],
  ["LiteLLM", litellm],
  ["models.dev", modelsDev],
  ["prefix pairs", pairs]
]
