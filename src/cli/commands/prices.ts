/**
 * `owf prices`: shows what models cost and where that is known from, and fetches newer prices.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import type { PriceTableView, PriceView } from "../Inspection.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { reading } from "./shared.ts"

/**
 * Shows what models cost and where that is known from, and fetches newer prices.
 * @category constructors
 * @since 0.1.0
 */
export const prices = Spec.make({
  name: "prices",
  summary: "Show what models cost per million tokens, and fetch newer prices",
  details:
    "A price that is not known is not shown as 0. Your own prices stand in ~/.workflows/prices.json; those fetched with " +
    "--refresh are kept beside it, in price-table.json. Tables of genai-prices, LiteLLM, models.dev and OpenRouter are " +
    "understood.",
  positional: { name: "model", description: "Models, as in gpt-5.5 or openai/gpt-5.5", repeated: true },
  examples: ["owf prices", "owf prices openai/gpt-5.5 claude-sonnet-4-6", "owf prices --refresh"],
  flags: {
    refresh: Flag.flag("refresh", "Fetch a table of prices first"),
    url: Flag.text("url", "URL", "Where from (default: OWF_PRICES_URL, else genai-prices); https: only"),
    ...reading
  }
}, ({ json, refresh, url }, _, models) =>
  Effect.gen(function*() {
    const { inspector } = yield* Host
    if (url !== undefined && !refresh) {
      return yield* Usage.make("--url is where --refresh fetches from.", "Give --refresh too.")
    }
    const refreshed = refresh ? yield* inspector.refreshPrices(url) : undefined
    const view = yield* inspector.prices(models)
    if (json) return yield* printJson(refreshed === undefined ? view : { refreshed, ...view })
    if (refreshed !== undefined) {
      const { models, path, skipped, source, unchanged } = refreshed
      const left = skipped === 0 ? "" : `; ${skipped} were left out, whose prices are no prices`
      yield* note(
        unchanged
          ? `Nothing changed at ${source}.`
          : `Wrote the prices of ${Format.count(models, "model")} to ${path}${left}.`
      )
    }
    yield* print(Format.table([header, ...view.prices.map(row)]))
    for (const table of view.tables) yield* note(describe(table))
    const unknown = view.prices.filter(({ input }) => input === null).map(({ model }) => model)
    if (unknown.length > 0) {
      yield* note(
        `No price is known of ${
          unknown.join(", ")
        }: \`owf prices --refresh\` fetches newer prices, and your own stand in ` +
          "~/.workflows/prices.json."
      )
    }
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const header = ["model", "provider", "input", "output", "cache read", "cache write", "source"]

const row = (price: PriceView): ReadonlyArray<string> => [
  price.model,
  price.provider ?? "-",
  rate(price.input, price.tiers.map(({ above, input }) => [above, input])),
  rate(price.output, price.tiers.map(({ above, output }) => [above, output])),
  rate(price.cache_read),
  rate(price.cache_write),
  price.source ?? "not known"
]

const rate = (base: number | null, tiers: ReadonlyArray<readonly [above: number, price: number]> = []): string =>
  base === null
    ? "-"
    : [`$${base}`, ...tiers.map(([above, price]) => `$${price} above ${Math.round(above / 1000)}k`)].join(", ")

const describe = ({ age_days: age, models, path, problem, source, table }: PriceTableView): string => {
  const facts = [
    models === null ? [] : [Format.count(models, "model")],
    age === null ? [] : [`fetched ${age === 0 ? "today" : `${Format.count(age, "day")} ago`}`],
    path === null ? [] : [path]
  ].flat()
  return `${table}: ${source}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}${
    problem === null ? "" : `: ${problem}`
  }`
}
