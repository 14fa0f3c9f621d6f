/**
 * One Layer for an application: `Owf.layer({ home, provider, budget })` and everything below it, on Node.
 *
 * Every service in it can be replaced with `layerWith`, and a provider of your own is one object in `providers`. Nothing
 * outside this folder picks an implementation.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import type { Fingerprint } from "../cache/Fingerprint.ts"
import * as Money from "../domain/Money.ts"
import type { CachePolicy } from "../domain/Status.ts"
import type { Provider, Providers } from "../provider/Provider.ts"
import type * as Registry from "../provider/Registry.ts"
import type * as Settings from "../settings/Settings.ts"
import type { RunFiles } from "../store/RunFiles.ts"
import type { RunStore, StoreError } from "../store/RunStore.ts"
import * as SqlRunStore from "../store/SqlRunStore.ts"
import * as Engine from "../workflow/Engine.ts"
import type { Retry } from "../workflow/EngineConfig.ts"
import { defaults, EngineConfig } from "../workflow/EngineConfig.ts"
import type { Policy } from "../workflow/RecoveryPolicy.ts"
import type * as Worktree from "../worktree/Worktree.ts"
import * as FingerprintNode from "./FingerprintNode.ts"
import * as Home from "./Home.ts"
import * as Origin from "./Origin.ts"
import * as ProcessOwner from "./ProcessOwner.ts"
import * as ProvidersNode from "./ProvidersNode.ts"
import * as RunFilesNode from "./RunFilesNode.ts"
import * as SettingsNode from "./SettingsNode.ts"
import * as WorktreeNode from "./WorktreeNode.ts"

/**
 * How runs behave where neither they nor their calls say otherwise.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Directory of the store and the run directories. Defaults to `OWF_HOME`, else the nearest `.workflows`. */
  readonly home?: string | undefined
  /** Defaults to `fake`, which is offline and free. */
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly cachePolicy?: CachePolicy | undefined
  /** Most a run and its children may spend, over all resumes. Defaults to no limit. */
  readonly budget?: { readonly tokens?: number | undefined; readonly costUsd?: number | undefined } | undefined
  /** Deadline of a call. Defaults to 10 minutes. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Levels of workflows below a root run. Defaults to 16. */
  readonly maxDepth?: number | undefined
  /** How requests that fail for a passing reason are sent again. Defaults to 5 requests, from 500 ms to 30 s apart. */
  readonly retry?: Partial<Retry> | undefined
  /** Times an answer that does not fit its schema is asked for again. Defaults to 2. */
  readonly corrections?: number | undefined
  /**
   * Whether a call that an interrupted run left open goes on in its provider's session when the run is resumed. Defaults
   * to a new one.
   */
  readonly sessions?: "new" | "continue" | undefined
  /** How calls go on after a failure, such as `Recovery.standard`. Defaults to `retry` and `corrections`. */
  readonly recover?: Policy | undefined
  /** Providers of your own; they win over built-in ones of the same name. */
  readonly providers?: ReadonlyArray<Provider | Registry.Entry> | undefined
  /** Variables that configure providers. Defaults to the process's environment. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Directory agents work in and paths are relative to. Defaults to the process's. */
  readonly cwd?: string | undefined
}

/**
 * The services of a running application.
 * @category models
 * @since 0.1.0
 */
export type Owf = Engine.Engine | Services

/**
 * The services an engine is built over, each of which can be replaced.
 * @category models
 * @since 0.1.0
 */
export type Services = RunStore | RunFiles | Providers | Fingerprint | Worktree.Worktree | Settings.Settings

/**
 * Everything a workflow needs to run, over the store of a home.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Owf, StoreError | Settings.SettingsError> =>
  layerWith(Layer.empty, options)

/**
 * The same with some of the services replaced before the engine is built over them.
 *
 * A replacement may require the service it stands for, so that one can be wrapped: a `RunStore` that counts its writes,
 * a `Worktree` that makes one, a `Fingerprint` of something else than files.
 * @category layers
 * @since 0.1.0
 */
export const layerWith = <ROut, E, RIn>(
  replacements: Layer.Layer<ROut, E, RIn>,
  options: Options = {}
): Layer.Layer<Owf | ROut, E | StoreError | Settings.SettingsError, Exclude<Exclude<RIn, Services>, EngineConfig>> => {
  const environment = options.environment ?? process.env
  const cwd = options.cwd === undefined ? process.cwd() : Path.resolve(options.cwd)
  const home = Home.resolve(options.home, environment["OWF_HOME"], cwd)
  return Engine.layer.pipe(
    Layer.provideMerge(replacements),
    Layer.provideMerge(services({ providers: options.providers, environment, cwd, home })),
    Layer.provide(Layer.succeed(EngineConfig, { ...configOf(options), origin: Origin.make(cwd) }))
  )
}

/**
 * The store of a home and its run directories; `read` makes nothing and works beside a run of another process.
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (options: {
  readonly home: string
  readonly mode: "write" | "read"
}): Layer.Layer<RunStore | RunFiles, StoreError> =>
  RunFilesNode.layer({ home: options.home }).pipe(
    Layer.provideMerge(SqlRunStore.layer(options)),
    Layer.provide(ProcessOwner.layer)
  )

/**
 * The home that a command or an application started in `cwd` uses.
 * @category constructors
 * @since 0.1.0
 */
export const resolveHome = (asked?: string): Effect.Effect<string> =>
  Effect.sync(() => Home.resolve(asked, process.env["OWF_HOME"], process.cwd()))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const services = (
  options: Pick<Options, "providers"> & {
    readonly environment: NonNullable<Options["environment"]>
    readonly cwd: string
    readonly home: string
  }
): Layer.Layer<Services, StoreError | Settings.SettingsError> =>
  Layer.mergeAll(
    layerStore({ home: options.home, mode: "write" }),
    FingerprintNode.layer({ cwd: options.cwd }),
    WorktreeNode.layer({ cwd: options.cwd, home: options.home }),
    Layer.provideMerge(ProvidersNode.layer(options.providers), SettingsNode.layer(options.environment))
  )

const configOf = (options: Options): EngineConfig["Type"] => ({
  provider: options.provider ?? defaults.provider,
  model: options.model,
  cachePolicy: options.cachePolicy ?? defaults.cachePolicy,
  budget: {
    tokens: options.budget?.tokens ?? null,
    cost: options.budget?.costUsd === undefined ? null : Money.fromUsd(options.budget.costUsd)
  },
  timeout: options.timeout === undefined ? defaults.timeout : Duration.decode(options.timeout),
  maxDepth: options.maxDepth ?? defaults.maxDepth,
  retry: { ...defaults.retry, ...options.retry },
  corrections: options.corrections ?? defaults.corrections,
  sessions: options.sessions ?? defaults.sessions,
  recover: options.recover
})
