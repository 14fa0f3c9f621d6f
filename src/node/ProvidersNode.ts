/**
 * The providers of a process and the prices of their models, on Node.
 *
 * What asks a provider is loaded when the first one of its sort is asked for, so that offline runs and listings start
 * without HTTP, price tables and the code that starts programs.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PricesError, Pricing } from "../provider/Pricing.ts"
import type { Provider, Providers } from "../provider/Provider.ts"
import * as Registry from "../provider/Registry.ts"
import type { Settings } from "../settings/Settings.ts"
import * as Loader from "./Loader.ts"

/**
 * The built-in providers, those that are configured, and more, which win.
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  more?: ReadonlyArray<Provider | Registry.Entry>
): Layer.Layer<Providers, never, Settings> => layerWith(pricing, more)

/**
 * The same providers without prices, to look at them; a file of prices that is broken does not keep them from it.
 * @category layers
 * @since 0.1.0
 */
export const layerUnpriced: Layer.Layer<Providers, never, Settings> = Layer.suspend(() =>
  layerWith(async () => (await import("../provider/Pricing.ts")).layerNoop, undefined)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const files = async () => (await import("@effect/platform-node/NodeFileSystem")).layer

const pricing = async () => Layer.provide((await import("../provider/Pricing.ts")).layer, await files())

const layerWith = (
  pricing: () => Promise<Layer.Layer<Pricing, PricesError, Settings>>,
  more: ReadonlyArray<Provider | Registry.Entry> | undefined
): Layer.Layer<Providers, never, Settings> =>
  Registry.layerBuiltIn({
    http: Layer.unwrapEffect(Effect.map(
      Effect.promise(() => Promise.all([pricing(), import("./HttpClientNode.ts")])),
      ([prices, client]) => Layer.merge(prices, client.layer)
    )),
    programs: Layer.unwrapEffect(Effect.map(
      Effect.promise(() => Promise.all([pricing(), files(), import("../internal/subprocess/Supervisor.ts")])),
      ([prices, files, supervisor]) => Layer.mergeAll(prices, files, supervisor.layer)
    )),
    scripts: { typescript: Loader.nodeArguments },
    more
  })
