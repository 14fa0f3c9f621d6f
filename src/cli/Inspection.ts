/**
 * What the commands about the installation show: plain data, because it is gathered in the unbundled library.
 */

/**
 * A program as it was found.
 * @category models
 * @since 0.1.0
 */
export interface ProgramView {
  /** What is started: a path, or a name that is looked up in `PATH`. */
  readonly command: string
  /** Null when it was not found. */
  readonly path: string | null
  /** Null when it did not say one. */
  readonly version: string | null
  /** Why it cannot be used; null when it can. */
  readonly problem: string | null
}

/**
 * Where a provider's key is looked for; the key itself is nowhere.
 * @category models
 * @since 0.1.0
 */
export interface KeyView {
  readonly variables: ReadonlyArray<string>
  /** The variable that is set. */
  readonly set: string | null
}

/**
 * A provider as `owf providers` shows it.
 * @category models
 * @since 0.1.0
 */
export interface ProviderView {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly source: "built-in" | "configured"
  readonly kind: string
  readonly default_model: string | null
  readonly base_url: string | null
  /** Null where none is needed. */
  readonly key: KeyView | null
  readonly program: ProgramView | null
  /** Whether requests can be sent, as far as that can be told without sending one. */
  readonly ready: boolean
  /** Why not. */
  readonly problem: string | null
  /** Null when it cannot be built. */
  readonly capabilities: CapabilitiesView | null
  readonly limits: LimitsView
}

/**
 * What a provider can do.
 * @category models
 * @since 0.1.0
 */
export interface CapabilitiesView {
  readonly schema: string
  readonly reads_files: boolean
  readonly writes_files: boolean
  readonly bounds_output: boolean
  readonly temperature: boolean
  readonly sessions: boolean
  readonly cost: string
  readonly read_only: string
  readonly max_prompt_bytes: number | null
}

/**
 * What may be asked of a provider; null for no limit.
 * @category models
 * @since 0.1.0
 */
export interface LimitsView {
  readonly concurrency: number | null
  readonly requests_per_minute: number | null
  readonly tokens_per_minute: number | null
}

/**
 * What `owf doctor` found; `broken` is for what is configured or there, and does not work.
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  readonly check: string
  readonly status: "ok" | "info" | "warning" | "broken"
  readonly detail: string
  /** What to do; null when nothing is. */
  readonly advice: string | null
}

/**
 * A table of prices.
 * @category models
 * @since 0.1.0
 */
export interface PriceTableView {
  readonly table: "overrides" | "fetched" | "bundled"
  readonly source: string
  readonly path: string | null
  /** Models it prices; null where that is not counted. */
  readonly models: number | null
  readonly fetched_at: string | null
  readonly age_days: number | null
  readonly problem: string | null
}

/**
 * The price of a model in dollars per million tokens; null where it is not known.
 * @category models
 * @since 0.1.0
 */
export interface PriceView {
  readonly model: string
  readonly provider: string | null
  readonly input: number | null
  readonly output: number | null
  readonly cache_read: number | null
  readonly cache_write: number | null
  /** Rates of requests with more input tokens than this. */
  readonly tiers: ReadonlyArray<{ readonly above: number; readonly input: number; readonly output: number }>
  readonly source: string | null
}

/**
 * Prices as `owf prices` shows them.
 * @category models
 * @since 0.1.0
 */
export interface PricesView {
  readonly tables: ReadonlyArray<PriceTableView>
  readonly prices: ReadonlyArray<PriceView>
}

/**
 * A table that was fetched.
 * @category models
 * @since 0.1.0
 */
export interface RefreshedView {
  readonly path: string
  readonly source: string
  readonly form: string
  readonly models: number
  readonly skipped: number
  readonly unchanged: boolean
}
