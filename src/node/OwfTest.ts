/**
 * One Layer for tests of workflows: a home of its own that is removed with the Layer, and answers from a script.
 *
 * The store is the real one, so that a test sees what a run records; nothing is read from the environment. Worktrees are
 * made, and the checkout is watched, only where a test gives the directory agents work in: nothing happens to the
 * repository the tests themselves are in.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Provider } from "../provider/Provider.ts"
import type { SettingsError } from "../settings/Settings.ts"
import type { StoreError } from "../store/RunStore.ts"
import type { EngineConfig } from "../workflow/EngineConfig.ts"
import * as Worktree from "../worktree/Worktree.ts"
import * as Owf from "./Owf.ts"

/**
 * How the runs of a test behave; the provider is theirs unless they name another.
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Owf.Options, "provider" | "environment"> {
  /** Defaults to the fake provider. */
  readonly provider?: Provider | undefined
}

/**
 * Everything a workflow needs to run, in a temporary home, with the given provider as the run's own.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Owf.Owf, StoreError | SettingsError> =>
  layerWith(Layer.empty, options)

/**
 * The same with some of the services replaced before the engine is built over them.
 * @category layers
 * @since 0.1.0
 */
export const layerWith = <ROut, E, RIn>(
  replacements: Layer.Layer<ROut, E, RIn>,
  options: Options = {}
): Layer.Layer<Owf.Owf | ROut, E | StoreError | SettingsError, Exclude<Exclude<RIn, Owf.Services>, EngineConfig>> => {
  const { provider, ...rest } = options
  return Layer.unwrapScoped(
    Effect.map(temporary(options.home), (home) =>
      Owf.layerWith(
        options.cwd === undefined ? Layer.provideMerge(replacements, Worktree.layerUnavailable) : replacements,
        {
          ...rest,
          home,
          environment: {},
          ...(provider === undefined ? {} : { provider: provider.name, providers: [provider, ...rest.providers ?? []] })
        }
      ))
  )
}

/**
 * Moves the `TestClock` on, once everything that does not wait for it has happened, and again lets what follows happen.
 *
 * A run writes to a real store between the moments that a script of answers sets, so `TestClock.adjust` alone may move
 * the clock before a call has begun to wait for it.
 * @category running
 * @since 0.1.0
 */
export const adjust = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.zipRight(Effect.zipRight(settled, TestClock.adjust(duration)), settled)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// every step of a call that does not wait for the clock takes a few turns of the event loop; a turn with nothing to do
// costs microseconds, so there are enough of them for hundreds of calls in a row
const turns = 2_000

const settled: Effect.Effect<void> = Effect.async((resume) => {
  let left = turns
  const turn = (): unknown => left-- > 0 ? setImmediate(turn) : resume(Effect.void)
  turn()
})

const temporary = (home: string | undefined) =>
  home === undefined
    ? Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-test-"))),
      (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
    )
    : Effect.succeed(home)
