/**
 * What the commands that show a run have in common.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { RunId } from "../../domain/Ids.ts"
import { CallId, callId as callIdOf, splitCallId } from "../../domain/Ids.ts"
import type * as Records from "../../domain/Records.ts"
import * as Nearest from "../../internal/nearest.ts"
import * as LoadReport from "../../report/LoadReport.ts"
import * as LoadSlice from "../../report/LoadSlice.ts"
import type { RunReport, WholeCall } from "../../report/RunReport.ts"
import type { RunFiles } from "../../store/RunFiles.ts"
import type { RunNotFound, StoreError } from "../../store/RunStore.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import type { Positional } from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { version } from "../Version.ts"

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
 * How the commands a text names find the home: undefined where it is the one they find without being told.
 * @category running
 * @since 0.1.0
 */
export const named = (home: string | undefined): Effect.Effect<{ readonly home: string | undefined }, never, Host> =>
  Effect.map(Host, (host) => ({ home: home === undefined ? undefined : host.shown(host.home(home)) }))

/**
 * Everything about the run an argument names, for the commands that render it.
 * @category running
 * @since 0.1.0
 */
export const loadReport = (
  id: string,
  home: string | undefined
): Effect.Effect<RunReport, StoreError | RunNotFound, RunStore | Host> =>
  Effect.flatMap(named(home), (options) => LoadReport.load(id, { owfVersion: version, ...options }))

/**
 * The argument that names a call.
 * @category models
 * @since 0.1.0
 */
export const callId: Positional = {
  name: "call_id",
  description: "Id of a call, as `owf calls --json` prints it; latest_call_0001 works too"
}

/**
 * The call an argument names: by its id, or by its number in a run that is named.
 * @category running
 * @since 0.1.0
 */
export const findCall = (
  id: string
): Effect.Effect<Records.Call, StoreError | RunNotFound | Usage.UsageError, RunStore> =>
  Effect.flatMap(RunStore, (store) => callNamed(id, (run, index) => store.call(callIdOf(run, index))))

/**
 * The call an argument names, with all that is recorded of it.
 * @category running
 * @since 0.1.0
 */
export const loadCall = (
  id: string
): Effect.Effect<WholeCall, StoreError | RunNotFound | Usage.UsageError, RunStore> => callNamed(id, LoadSlice.call)

/**
 * A record with the field names of the command line's contract; records come from the store, so they always encode.
 * @category converting
 * @since 0.1.0
 */
export const encode = <A, I>(schema: Schema.Schema<A, I>, value: A): I => Schema.encodeSync(schema)(value)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Reads the call an argument names; the run of a whole id need not be looked up. */
const callNamed = <A>(
  id: string,
  read: (run: RunId, index: number) => Effect.Effect<Option.Option<A>, StoreError, RunStore>
): Effect.Effect<A, StoreError | RunNotFound | Usage.UsageError, RunStore> =>
  Effect.gen(function*() {
    const exact = isCallId(id) ? splitCallId(id) : undefined
    const found = exact === undefined ? Option.none() : yield* read(exact.runId, exact.index)
    if (Option.isSome(found)) return found.value
    const at = id.lastIndexOf("_call_")
    if (at === -1) {
      const examples = "20260528-143201-0sj04k7m2x9q_call_0001 or latest_call_0001"
      return yield* Usage.make(
        `'${Format.clip(id, 80)}' is not the id of a call; one looks like ${examples}.`,
        "`owf calls RUN_ID` lists the calls of a run."
      )
    }
    const run = yield* LoadSlice.run(id.slice(0, at))
    const index = Number(id.slice(at + "_call_".length))
    const named = Number.isSafeInteger(index) ? yield* read(run.id, index) : Option.none()
    if (Option.isSome(named)) return named.value
    const { calls } = yield* LoadSlice.standing(run.id)
    return yield* unknownCall(id, calls.flatMap((call) => call.runId === run.id ? [call.id] : []))
  })

const isCallId = Schema.is(CallId)

const unknownCall = (id: string, calls: ReadonlyArray<string>): Usage.UsageError => {
  const near = Nearest.nearest(id, calls)
  const candidates = near.length > 0 ? near : calls.slice(0, 3)
  return Usage.make(
    `There is no call ${Format.clip(id, 80)}.${
      candidates.length === 0 ? "" : ` Did you mean ${candidates.join(" or ")}?`
    }`,
    "`owf calls RUN_ID` lists the calls of a run."
  )
}
