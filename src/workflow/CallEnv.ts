/**
 * What a call needs of its run, and the rows it writes.
 */
import type * as Effect from "effect/Effect"
import type * as Budget from "../budget/Budget.ts"
import type * as Fingerprint from "../cache/Fingerprint.ts"
import type { CallId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { CacheStatus } from "../domain/Status.ts"
import type { Permits } from "../internal/permits.ts"
import type * as Provider from "../provider/Provider.ts"
import type { FailPoint } from "../store/FailPoint.ts"
import type { NewCall, Ownership, RunStore, WriteError } from "../store/RunStore.ts"
import type * as Worktree from "../worktree/Worktree.ts"
import type * as CallResult from "./CallResult.ts"
import type { Deadlines } from "./Deadlines.ts"
import type { Described, KnownProviders, RunDefaults } from "./Described.ts"
import type { Defaults } from "./EngineConfig.ts"
import type { Lines } from "./Lines.ts"
import type { Observer } from "./Observer.ts"
import type { Place, Replay } from "./Replay.ts"

/**
 * What a call needs of its run.
 * @category models
 * @since 0.1.0
 */
export interface CallEnv {
  readonly run: Records.Run
  readonly ownership: Ownership
  readonly store: RunStore["Type"]
  readonly providers: KnownProviders
  readonly fingerprint: Fingerprint.Fingerprint["Type"]
  readonly worktree: Worktree.Worktree["Type"]
  readonly failPoint: FailPoint["Type"]
  readonly budget: Budget.Budget
  readonly replay: Replay
  readonly defaults: RunDefaults & Pick<Defaults, "retry" | "corrections" | "sessions">
  readonly callDirectory: (id: CallId) => string
  /** Epoch milliseconds, by the clock of the run. */
  readonly now: () => number
  /** Milliseconds by a clock that nobody sets; only differences say anything. */
  readonly elapsed: () => number
  readonly deadlines: Deadlines
  /** Room for requests at a provider at the same time, shared by everything in the process that uses the same provider. */
  readonly permits: (provider: Provider.Provider) => Permits | undefined
  /** Requests of the engine that wait for room under a limit per minute. */
  readonly lines: Lines
  /** Whether completed calls that may change files are made again when the run is resumed. */
  readonly rerunsMutating: boolean
  /** What earlier attempts of the run made of a write scope that had this digest. */
  readonly rewritten: (digest: string) => ReadonlySet<string>
  /** What was said once and need not be said again. */
  readonly told: Set<string>
  /** Notes that a call was answered from the journal. */
  readonly replayed: (index: number) => void
  /** Told what the run's calls do; undefined when nobody watches. */
  readonly observer: Observer | undefined
  /** Ends the run: the store cannot be written any more. Never returns. */
  readonly abort: (error: WriteError) => Effect.Effect<never>
}

/**
 * A call that has its place in the run.
 * @category models
 * @since 0.1.0
 */
export interface Identified<A> {
  readonly described: Described<A>
  readonly place: Place
  readonly position: string
  readonly identity: CallResult.Identity
  /** Whether the shared cache may be read and written; neither when what the agent could read is not known. */
  readonly reads: boolean
  readonly writes: boolean
  /** What the call is recorded with when a provider answers it. */
  readonly cacheStatus: CacheStatus
}

/**
 * The row of a call's intent.
 * @category constructors
 * @since 0.1.0
 */
export const row = <A>(env: CallEnv, call: Identified<A>, cacheStatus: CacheStatus, at: number): NewCall => ({
  runId: env.run.id,
  index: call.place.index,
  replaces: call.place.recorded !== undefined,
  callKey: call.described.callKey,
  cacheKey: call.identity.cacheKey,
  ordinal: call.place.ordinal,
  position: call.position,
  label: call.identity.label,
  phase: call.identity.phase,
  prompt: call.identity.prompt,
  promptSha256: call.identity.promptSha256,
  optsJson: call.described.optsJson,
  settingsJson: call.described.settingsJson,
  provider: call.identity.provider,
  model: call.identity.model,
  agentType: call.identity.agentType,
  isolation: call.identity.isolation,
  cacheStatus,
  cachePolicy: call.described.cachePolicy,
  schemaHash: call.identity.schemaHash,
  schema: call.described.answer?.json,
  runAttempt: env.run.attempt,
  at
})
