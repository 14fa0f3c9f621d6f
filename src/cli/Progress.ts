/**
 * Shows a run while it works: an engine that tells what its runs do, child runs included.
 *
 * It listens where the bodies of the runs call in, so nothing is read from the store and nothing is missed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Facts, Failed } from "../domain/Outcome.ts"
import type * as Records from "../domain/Records.ts"
import type * as Engine from "../workflow/Engine.ts"
import { Run } from "../workflow/Run.ts"
import * as Format from "./Format.ts"

/**
 * Told what the runs of an engine do.
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** A root run began, or was taken up again. */
  readonly started: (run: Records.Run, directory: string) => void
  /** A line for people. */
  readonly line: (text: string) => void
  /** Ends when the root run is to be stopped; its end is stored and given back like every other. */
  readonly stop: Effect.Effect<void>
}

/**
 * An engine that tells a listener what its runs do.
 * @category combinators
 * @since 0.1.0
 */
export const observe = (engine: Engine.Engine["Type"], listener: Listener): Engine.Engine["Type"] => ({
  start: (program, options, parent) => {
    const watched = observed(program, listener)
    return engine.start(Option.isNone(parent) ? root(watched, listener) : watched, options, parent)
  },
  resume: (id, program, options) => engine.resume(id, root(observed(program, listener), listener), options)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const root = <A, E>(program: Engine.Program<A, E>, { started, stop }: Listener): Engine.Program<A, E> => ({
  ...program,
  body: Effect.flatMap(Run, (run) => {
    started(run.inheritance.journal.run, run.directory)
    return Effect.raceFirst(program.body, Effect.zipRight(stop, Effect.interrupt))
  })
})

const observed = <A, E>(program: Engine.Program<A, E>, listener: Listener): Engine.Program<A, E> => ({
  ...program,
  body: Effect.flatMap(Run, (run) => {
    const { depth } = run.inheritance.journal.run
    const tell = (text: string) => Effect.sync(() => listener.line(`${"  ".repeat(depth)}${text}`))
    const call: typeof run.call = (prompt, options) =>
      Effect.tapBoth(run.call(prompt, options), {
        onFailure: ({ result }) => tell(failed(result)),
        onSuccess: (result) => tell(done(result))
      })
    const event: typeof run.event = (type, message, data) =>
      Effect.zipRight(
        run.event(type, message, data),
        shown(type) ? tell(`${type}: ${Format.clip(message, 200)}`) : Effect.void
      )
    return Effect.provideService(program.body, Run, { ...run, call, event })
  })
})

const shown = (type: string): boolean => type === "phase" || type === "log" || type === "waiting"

const done = (result: Facts): string => {
  const name = nameOf(result)
  if (result.cacheStatus === "replayed") return `↺ ${name} replayed`
  if (result.cacheStatus === "hit") return `= ${name} hit`
  const { inputTokens, outputTokens } = result.usage
  return [
    `✓ ${name}`,
    `${result.provider}:${result.model}`,
    Format.tokens(inputTokens + outputTokens),
    Format.usd(result.estimatedCostUsd),
    Format.duration(result.durationMs)
  ].join("  ")
}

const failed = (result: Failed): string => `✗ ${nameOf(result)} ${result.status}: ${Format.clip(result.error, 300)}`

const nameOf = (result: Facts): string => result.label ?? result.callId?.replace(/^.*_call_/, "call ") ?? "call"
