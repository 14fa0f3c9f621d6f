/**
 * The two streams of a command: results on stdout, everything else on stderr.
 *
 * - O1. `print` succeeds when the text has left the process, so that ending it afterwards loses nothing.
 * - O2. A reader that went away (`| head -1`) is no error: what is left to print is dropped and the command goes on.
 * - O3. Terminal codes are removed unless the stream is a terminal and `NO_COLOR` is not set.
 * - O4. A terminal is given colours and nothing else that steers it: what an agent said moves no cursor, sets no title and
 *   turns no text around. A pipe or a file is given what was said as it is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { visible } from "../internal/visible.ts"
import type { Screen } from "./live/Screen.ts"

/**
 * The two streams of a command.
 * @category services
 * @since 0.1.0
 */
export class Output extends Context.Tag("owf/cli/Output")<Output, {
  /** Writes a result and a line break to stdout (O1). */
  readonly print: (text: string) => Effect.Effect<void>
  /** Writes a message and a line break to stderr. */
  readonly note: (text: string) => Effect.Effect<void>
  /** The terminal behind stderr; left out where there is none, or it is not to be drawn on. */
  readonly screen?: Screen | undefined
}>() {}

/**
 * The streams of a process.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  noColor: boolean,
  screen?: Screen
): Output["Type"] => ({ print: writer(stdout, noColor), note: writer(stderr, noColor), screen })

/**
 * Writes a result to stdout.
 * @category running
 * @since 0.1.0
 */
export const print = (text: string): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, (output) => output.print(text))

/**
 * Writes a value to stdout as one JSON document.
 * @category running
 * @since 0.1.0
 */
export const printJson = (value: unknown): Effect.Effect<void, never, Output> => print(JSON.stringify(value, null, 2))

/**
 * Writes a message to stderr.
 * @category running
 * @since 0.1.0
 */
export const note = (text: string): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, (output) => output.note(text))

/**
 * A text without terminal codes.
 * @category converting
 * @since 0.1.0
 */
export const plain = (text: string): string => text.replaceAll(/\u001B\[[0-9;]*m/g, "")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Colours are left, the rest is made visible (O4). */
const unsteered = (text: string): string =>
  text.split(/(\u001B\[[0-9;]*m)/).map((part, index) => index % 2 === 1 ? part : visible(part)).join("")

const writer = (stream: NodeJS.WriteStream, noColor: boolean) => {
  let gone = false
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // a full disk behind a redirection is worth a word; a reader that left is not (O2)
    if (error.code !== "EPIPE" && !gone && stream !== process.stderr) process.stderr.write(`owf: ${error.message}\n`)
    if (error.code !== "EPIPE") process.exitCode = 1
    gone = true
  })
  return (text: string): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      if (gone) return resume(Effect.void)
      const line = `${stream.isTTY ? unsteered(noColor ? plain(text) : text) : plain(text)}\n`
      stream.write(line, () => resume(Effect.void))
    })
}
