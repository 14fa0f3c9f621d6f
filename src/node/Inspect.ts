/**
 * What `owf providers`, `owf doctor` and `owf prices` show, gathered on Node; nothing is asked of a provider.
 *
 * They take and give plain data, because whoever calls them may have another copy of Effect. What fails is thrown as it is.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { Finding, PricesView, ProviderView, RefreshedView } from "../cli/Inspection.ts"
import * as Supervisor from "../internal/subprocess/Supervisor.ts"
import * as Doctor from "./Doctor.ts"
import * as InspectPrices from "./InspectPrices.ts"
import * as InspectProviders from "./InspectProviders.ts"
import * as ProvidersNode from "./ProvidersNode.ts"
import * as SettingsNode from "./SettingsNode.ts"

/**
 * Every provider, built in or configured.
 * @category running
 * @since 0.1.0
 */
export const providers = (): Promise<ReadonlyArray<ProviderView>> =>
  promised(Effect.provide(InspectProviders.all, services()))

/**
 * What is right and wrong with the installation, the configuration and a home.
 * @category running
 * @since 0.1.0
 */
export const doctor = (home: string): Promise<ReadonlyArray<Finding>> =>
  promised(Effect.provide(Doctor.examine(home, process.env), services()))

/**
 * The tables of prices, and the prices of some models.
 * @category running
 * @since 0.1.0
 */
export const prices = (models: ReadonlyArray<string>): Promise<PricesView> =>
  promised(Effect.provide(InspectPrices.show(models), services()))

/**
 * Fetches a table of prices and keeps it.
 * @category running
 * @since 0.1.0
 */
export const refreshPrices = (url: string | undefined): Promise<RefreshedView> =>
  promised(Effect.gen(function*() {
    const client = yield* Effect.promise(() => import("./HttpClientNode.ts"))
    return yield* Effect.provide(
      InspectPrices.refresh(url ?? process.env["OWF_PRICES_URL"]),
      Layer.provideMerge(client.layer, services())
    )
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const services = () =>
  Layer.mergeAll(
    NodeFileSystem.layer,
    Supervisor.layer,
    Layer.provideMerge(ProvidersNode.layerUnpriced, SettingsNode.layer(process.env))
  )

const promised = async <A>(effect: Effect.Effect<A, unknown>): Promise<A> => {
  // what is said on the way is part of what is shown
  const exit = await Effect.runPromiseExit(Logger.withMinimumLogLevel(effect, LogLevel.None))
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}
