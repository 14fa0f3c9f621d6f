/**
 * The HTTP client of providers on Node: undici, without time limits of its own.
 *
 * - N1. How long an answer may take is the call's deadline and its bound on silence alone; only connecting has a limit.
 * - N2. Proxies are those that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, in upper or lower case.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"

import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"
import { Settings } from "../settings/Settings.ts"

/**
 * A dispatcher whose requests wait for as long as they are let.
 * @category constructors
 * @since 0.1.0
 */
export const makeDispatcher: Effect.Effect<Undici.Dispatcher, never, Settings | Scope.Scope> = Effect.gen(function*() {
  const { variables } = yield* Settings
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => makeAgent(variables((name) => proxyVariable.test(name)))),
    (agent) => Effect.promise(() => agent.destroy())
  )
  return agent.compose((dispatch) => (options, handler) =>
    dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
  )
})

/**
 * The HTTP client of providers.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, Settings> = Layer.provide(
  NodeHttpClient.layerUndiciWithoutDispatcher,
  Layer.scoped(NodeHttpClient.Dispatcher, makeDispatcher)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const proxyVariable = /^(?:https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/
const connectTimeout = 15_000

const makeAgent = (variables: Readonly<Record<string, string>>): Undici.Dispatcher => {
  const of = (name: string) => variables[name] ?? variables[name.toLowerCase()]
  const httpProxy = of("HTTP_PROXY")
  const httpsProxy = of("HTTPS_PROXY")
  const options = { connect: { timeout: connectTimeout } }
  return httpProxy === undefined && httpsProxy === undefined
    ? new Undici.Agent(options)
    : new Undici.EnvHttpProxyAgent({
      ...options,
      noProxy: of("NO_PROXY") ?? "",
      ...(httpProxy === undefined ? {} : { httpProxy }),
      ...(httpsProxy === undefined ? {} : { httpsProxy })
    })
}
