/**
 * The tables of prices and what they say of models.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PriceTableView, PriceView, RefreshedView } from "../cli/Inspection.ts"
import * as BuiltIns from "../provider/BuiltIn.ts"
import * as PriceRefresh from "../provider/PriceRefresh.ts"
import * as PriceTable from "../provider/PriceTable.ts"
import * as Pricing from "../provider/Pricing.ts"
import { Settings } from "../settings/Settings.ts"

/**
 * The tables in use, and the prices of models, or of the built-in providers' own when none are named.
 * @category running
 * @since 0.1.0
 */
export const show = Effect.fnUntraced(function*(models: ReadonlyArray<string>) {
  const tables = yield* Pricing.load
  const now = yield* Clock.currentTimeMillis
  const asked = models.length === 0 ? yield* defaults : models.flatMap(waysToAsk)
  const pricing = Pricing.make(tables)
  const prices = asked.map(({ model, provider, shown }) =>
    priceView(shown, provider, Option.getOrUndefined(pricing.priceAt(provider ?? "", model, now)))
  )
  return {
    tables: yield* tableViews(tables),
    prices: models.length === 0
      ? prices
      : models.flatMap((model) => best(prices.filter((price) => price.model === model)))
  }
})

/**
 * The tables in use.
 * @category running
 * @since 0.1.0
 */
export const tableViews = Effect.fnUntraced(function*({ fetched, overrides, problem }: Pricing.Tables) {
  const { priceTableFile, pricesFile } = yield* Settings
  const now = yield* Clock.currentTimeMillis
  const views: Array<PriceTableView> = []
  if (overrides.length > 0 && pricesFile !== undefined) {
    views.push({ ...noTable, table: "overrides", source: "your own", path: pricesFile.path, models: overrides.length })
  }
  if (fetched !== undefined) {
    views.push({
      ...noTable,
      table: "fetched",
      source: fetched.source,
      path: priceTableFile ?? null,
      models: PriceTable.size(fetched),
      fetched_at: fetched.fetchedAt,
      age_days: Math.max(0, Math.floor((now - Date.parse(fetched.fetchedAt)) / 86_400_000))
    })
  } else if (problem !== undefined) {
    views.push({ ...noTable, table: "fetched", source: "unusable", path: priceTableFile ?? null, problem })
  }
  views.push({ ...noTable, table: "bundled", source: Pricing.bundledSource })
  return views
})

/**
 * Fetches a table and keeps it below the user's own home.
 * @category running
 * @since 0.1.0
 */
export const refresh = Effect.fnUntraced(function*(url: string | undefined) {
  const { priceTableFile } = yield* Settings
  const address = url ?? PriceRefresh.defaultUrl
  if (priceTableFile === undefined) {
    return yield* new PriceRefresh.RefreshError({
      url: address,
      detail: "HOME is not set, so there is no place for it"
    })
  }
  const { isUnchanged, skipped, table } = yield* PriceRefresh.refresh({ url: address, file: priceTableFile })
  const view: RefreshedView = {
    path: priceTableFile,
    source: table.source,
    form: table.form,
    models: PriceTable.size(table),
    skipped,
    unchanged: isUnchanged
  }
  return view
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const noTable = { path: null, models: null, fetched_at: null, age_days: null, problem: null }

interface Asked {
  readonly shown: string
  readonly provider: string | undefined
  readonly model: string
}

const defaults = Effect.gen(function*() {
  const settings = yield* Settings
  return yield* Effect.forEach(
    BuiltIns.all.filter((builtIn) => builtIn._tag === "Server"),
    ({ model, name }) =>
      Effect.map(
        Effect.orElseSucceed(settings.configured(name), () => ({ model: undefined })),
        (said): Asked => ({ shown: said.model ?? model, provider: name, model: said.model ?? model })
      )
  )
})

/** `openai/gpt-5.5` names its provider; a bare model is looked for at every vendor. */
const waysToAsk = (shown: string): ReadonlyArray<Asked> => {
  const slash = shown.indexOf("/")
  const qualified = slash > 0 ? [{ shown, provider: shown.slice(0, slash), model: shown.slice(slash + 1) }] : []
  return [...qualified, ...vendors.map((provider) => ({ shown, provider, model: shown })), {
    shown,
    provider: undefined,
    model: shown
  }]
}

const vendors = ["openai", "anthropic", "google", "deepseek", "openrouter"]

/** The first price that is known, else that it is not. */
const best = (prices: ReadonlyArray<PriceView>): ReadonlyArray<PriceView> => {
  const [first] = prices
  const known = prices.find(({ source }) => source !== null)
  if (known !== undefined && (known.source !== Pricing.overrideSource || known.model.includes("/"))) return [known]
  // a price of the user's own is everybody's, and one that is not known nobody's
  const found = known ?? first
  return found === undefined ? [] : [{ ...found, provider: null }]
}

const priceView = (model: string, provider: string | undefined, price: Pricing.Price | undefined): PriceView => ({
  model,
  provider: provider ?? null,
  input: price?.input.base ?? null,
  output: price?.output.base ?? null,
  cache_read: price?.cacheRead.base ?? null,
  cache_write: price?.cacheWrite.base ?? null,
  tiers: price === undefined ? [] : tiersOf(price),
  source: price?.source ?? null
})

const tiersOf = ({ input, output }: Pricing.Price): PriceView["tiers"] => {
  const starts = [...new Set([...input.tiers, ...output.tiers].map(({ start }) => start))].toSorted((a, b) => a - b)
  const at = (rate: Pricing.Rate, above: number) =>
    rate.tiers.findLast(({ start }) => start <= above)?.price ?? rate.base
  return starts.map((above) => ({ above, input: at(input, above), output: at(output, above) }))
}
