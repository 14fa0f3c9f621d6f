/**
 * The port to programs that are started for a while: agents' command lines, scripts of a graph, git.
 *
 * - B1. What the program prints is read while its input is written, so neither side can block the other.
 * - B2. Interrupting `run` ends the program and everything it started before the interruption returns.
 * - B3. Nothing of the program outlives the call, nor this process: not after its own end, not after ours by `kill -9`.
 * - B4. Memory is bounded by the sink, whatever is printed; of the error output only the end is kept.
 * - B5. Arguments, input and environment are in no error.
 *
 * What the output means is decided by the caller, from the output: an exit code is one fact among others, and after
 * `endedBy` other than `itself` it is none at all.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * A program to start.
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /** A path, or a name that is looked up in the `PATH` of `environment`. */
  readonly program: string
  /** Never a prompt or a key: every user of the machine can read them, and one may have 128 KiB at most. */
  readonly args: ReadonlyArray<string>
  /** Undefined for the process's own; `PWD` is set to it. */
  readonly cwd: string | undefined
  /** The whole environment; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  /** Written to its input, which is closed after it. */
  readonly input: string | Uint8Array
  /** Longest silence on both outputs; undefined for any. */
  readonly idleTimeout?: Duration.Duration | undefined
  /** Bytes of output after which it is ended. Defaults to 1 GiB. */
  readonly maxOutputBytes?: number | undefined
  /** Time between asking it to end and ending it. Defaults to 5 seconds. */
  readonly grace?: Duration.Duration | undefined
  /** Time it has to end by itself after the sink said `complete`. Defaults to 10 seconds. */
  readonly linger?: Duration.Duration | undefined
}

/**
 * What a sink says of a piece of output: there has to be more, or the result has come.
 * @category models
 * @since 0.1.0
 */
export type Verdict = "more" | "complete"

/**
 * Takes the output piece by piece; nothing more is read until it is done with one. A piece is the sink's only until
 * then: what is to be kept of it is copied.
 * @category models
 * @since 0.1.0
 */
export type Sink = (chunk: Uint8Array) => Effect.Effect<Verdict>

/**
 * How a program ended.
 * @category models
 * @since 0.1.0
 */
export interface Ended {
  /** Null after a signal. */
  readonly code: number | null
  readonly signal: string | null
  /** `silence`, `output`: a bound was passed; `linger`: it did not end after its result. */
  readonly endedBy: "itself" | "silence" | "output" | "linger"
  /** The last 64 KiB of its error output. */
  readonly stderr: string
  /** Bytes of output. */
  readonly outputBytes: number
}

/**
 * A program that could not be started.
 * @category errors
 * @since 0.1.0
 */
export class SubprocessError extends Schema.TaggedError<SubprocessError>("owf/Subprocess/SubprocessError")(
  "SubprocessError",
  {
    program: Schema.String,
    /** `Busy` may pass: the file is being replaced. */
    reason: Schema.Literal("NotFound", "NotExecutable", "Busy", "InvalidArgument", "InvalidDirectory", "Failed"),
    /** The system's reason, without arguments. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `${this.program} cannot be started: ${this.detail}`
  }
}

/**
 * Starts programs and ends them.
 * @category services
 * @since 0.1.0
 */
export class Subprocess extends Context.Tag("owf/Subprocess")<Subprocess, {
  /** Runs a program to its end. */
  readonly run: (command: Command, sink: Sink) => Effect.Effect<Ended, SubprocessError>
  /** The file a program's name stands for in the environment's `PATH`; undefined when there is none. */
  readonly find: (
    program: string,
    environment: Readonly<Record<string, string>>
  ) => Effect.Effect<string | undefined>
}>() {}
