/**
 * The process around a command: its streams, its signals, and how it ends.
 *
 * - K1. The first SIGINT, SIGTERM or SIGHUP asks the work to stop, which records where it stands; a second one ends the
 *   process within two seconds whatever the work does, and all programs it started at once.
 * - K2. A script that ends the process, or throws where no program catches it, never looks like success.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import { ExitCode } from "../cli/ExitCode.ts"
import * as Output from "../cli/Output.ts"
import * as Supervisor from "../internal/subprocess/Supervisor.ts"
import * as CliScreen from "./CliScreen.ts"

/**
 * The process's streams.
 * @category constructors
 * @since 0.1.0
 */
export const output = (): Output.Output["Type"] => {
  const { NO_COLOR, TERM } = process.env
  const noColor = (NO_COLOR !== undefined && NO_COLOR !== "") || TERM === "dumb"
  return Output.make(process.stdout, process.stderr, noColor, CliScreen.make(process.env))
}

/**
 * Ends the process; everything was printed before (O1 of `Output`), and what a script left open does not keep it.
 * @category running
 * @since 0.1.0
 */
export const end = (code: number): never => process.exit(code === 0 ? process.exitCode ?? 0 : code)

/**
 * How work in a process ended: its value, or the exit code of the signal that stopped it.
 * @category models
 * @since 0.1.0
 */
export interface Ended<A> {
  readonly exit: Exit.Exit<A, unknown>
  /** The exit code of a signal, when one came. */
  readonly signal: number | undefined
  /** What was thrown where no program could catch it. */
  readonly thrown: unknown
}

/**
 * Runs work that may load a user's script, watching for signals (K1) and for scripts that end the process (K2).
 *
 * `stop` asks the work to stop by itself and says whether it will; work that cannot be asked is interrupted. `ended` is
 * told when the process ends before the work does, by the script or by a second signal.
 * @category running
 * @since 0.1.0
 */
export const watch = async <A>(
  work: Effect.Effect<A, unknown>,
  told: { readonly stop: (signal: boolean) => boolean; readonly ended: (code: number, bySignal: boolean) => void }
): Promise<Ended<A>> => {
  let signal: number | undefined
  let thrown: unknown
  const fiber = Effect.runFork(work)
  const stop = () => {
    if (!told.stop(signal !== undefined)) Effect.runFork(Fiber.interruptFork(fiber))
  }
  const onSignal = (name: NodeJS.Signals) => {
    const code = signals[name] ?? ExitCode.interrupted
    if (signal !== undefined) {
      Supervisor.killAll()
      setTimeout(() => process.exit(code), grace)
      return
    }
    signal = code
    stop()
  }
  const onThrown = (error: unknown) => {
    thrown ??= error ?? new Error("nothing was thrown")
    stop()
  }
  const onExit = (code: number) => {
    if (signal !== undefined) return told.ended(code, true)
    // what the script asked for stands, unless it looks like success, or like Node giving up on a wait that never ends
    if (code === 0 || code === unsettled) process.exitCode = ExitCode.failed
    told.ended(code, false)
  }
  const release = [listenToSignals(onSignal), listen(onThrown, onExit)] as const
  const exit = await Effect.runPromise(Fiber.await(fiber))
  // an impatient user's next signal shall not keep a stopped run from being reported
  if (signal === undefined) release[0]()
  release[1]()
  return { exit, signal, thrown }
}

/**
 * Writes to a stream before the process ends, when nothing can be waited for any more.
 * @category running
 * @since 0.1.0
 */
export const lastWords = (stream: "stdout" | "stderr", text: string): void => {
  try {
    Fs.writeSync(stream === "stdout" ? 1 : 2, `${text}\n`)
  } catch {
    // nobody reads it any more
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const signals: Partial<Record<NodeJS.Signals, number>> = {
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
  SIGHUP: ExitCode.hangup
}

/** Milliseconds a process may take to end after a second signal. */
const grace = 1500

/** Node's exit code for a top-level await that never settles. */
const unsettled = 13

const listenToSignals = (onSignal: (name: NodeJS.Signals) => void): () => void => {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const name of names) process.on(name, onSignal)
  return () => {
    for (const name of names) process.off(name, onSignal)
  }
}

const listen = (onThrown: (error: unknown) => void, onExit: (code: number) => void): () => void => {
  process.on("uncaughtException", onThrown)
  process.on("unhandledRejection", onThrown)
  process.on("exit", onExit)
  return () => {
    process.off("uncaughtException", onThrown)
    process.off("unhandledRejection", onThrown)
    process.off("exit", onExit)
  }
}
