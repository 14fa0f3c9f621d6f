/**
 * What the commands that show a run have in common.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Records from "../../domain/Records.ts"
import type { RunFiles } from "../../store/RunFiles.ts"
import type { RunNotFound, StoreError } from "../../store/RunStore.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import type { Positional } from "../Spec.ts"

/**
 * The argument that names a run.
 * @category models
 * @since 0.1.0
 */
export const runId: Positional = { name: "run_id", description: "Id of a run, its unique beginning, or latest" }

/**
 * The options of a command that only reads.
 * @category models
 * @since 0.1.0
 */
export const reading = { json: Flag.json, home: Flag.home, debug: Flag.debug } as const

/**
 * Runs an effect over the store of a home, which has to exist.
 * @category combinators
 * @since 0.1.0
 */
export const withStore = <A, E, R>(
  home: string | undefined,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, Exclude<R, RunStore | RunFiles> | Host> =>
  Effect.flatMap(Host, (host) => Effect.provide(effect, host.store(host.home(home), "read")))

/**
 * The run an argument names.
 * @category running
 * @since 0.1.0
 */
export const findRun = (id: string): Effect.Effect<Records.Run, StoreError | RunNotFound, RunStore> =>
  Effect.flatMap(RunStore, (store) => store.run(id))

/**
 * A record with the field names of the command line's contract; records come from the store, so they always encode.
 * @category converting
 * @since 0.1.0
 */
export const encode = <A, I>(schema: Schema.Schema<A, I>, value: A): I => Schema.encodeSync(schema)(value)
