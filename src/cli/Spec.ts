/**
 * A command: its name, its options, its help and what it does, declared in one place.
 *
 * The declaration is a `@effect/cli` command and, beside it, the plain facts from which the command line is checked
 * (`Argv`) and documented (`Help`).
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import type * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type { Flag } from "./Flag.ts"
import type { Host } from "./Host.ts"
import type { Output } from "./Output.ts"

/**
 * What every command may use.
 * @category models
 * @since 0.1.0
 */
export type Env = Host | Output | FileSystem.FileSystem | Path.Path

/**
 * The one argument of a command.
 * @category models
 * @since 0.1.0
 */
export interface Positional {
  readonly name: string
  readonly description: string
  /** Whether it may be left out; the command is then given an empty text. */
  readonly optional?: boolean | undefined
  /** Whether any number may be given, also none. */
  readonly repeated?: boolean | undefined
}

/**
 * A command as `Argv` and `Help` see it.
 * @category models
 * @since 0.1.0
 */
export interface Spec {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What else there is to know, in paragraphs. */
  readonly details: string
  readonly examples: ReadonlyArray<string>
  readonly positional: Positional | undefined
  readonly flags: ReadonlyArray<Flag<unknown>>
  readonly command: Command.Command<string, Env, unknown, Input>
}

/**
 * What the parser makes of a command line.
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly options: Readonly<Record<string, unknown>>
  readonly args: ReadonlyArray<string>
}

/**
 * Values of options by the names they are declared under.
 * @category models
 * @since 0.1.0
 */
export type Values<F> = { readonly [K in keyof F]: F[K] extends Flag<infer A> ? A : never }

/**
 * Declares a command.
 * @category constructors
 * @since 0.1.0
 */
export const make = <const F extends Readonly<Record<string, Flag<unknown>>>>(
  definition: {
    readonly name: string
    readonly summary: string
    readonly details?: string | undefined
    readonly examples: ReadonlyArray<string>
    readonly positional?: Positional | undefined
    readonly flags: F
  },
  run: (options: Values<F>, argument: string, all: ReadonlyArray<string>) => Effect.Effect<void, unknown, Env>
): Spec => {
  const { details = "", examples, flags, name, positional, summary } = definition
  const options: Record<string, Options.Options<unknown>> = Record.map(flags, (flag) => flag.options)
  const args = positional === undefined ? noArgument : argumentsOf(positional)
  return {
    name,
    summary,
    details,
    examples,
    positional,
    flags: Object.values(flags),
    // every field of `options` was made from the flag of the same name, so the values have the types of `Values<F>`
    command: Command.make(
      name,
      { options, args },
      (input) => run(input.options as Values<F>, input.args[0] ?? "", input.args)
    )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const noArgument: Args.Args<ReadonlyArray<string>> = Args.map(Args.none, () => [])

const argumentsOf = ({ name, optional = false, repeated = false }: Positional): Args.Args<ReadonlyArray<string>> => {
  const text = Args.text({ name })
  if (repeated) return Args.repeated(text)
  return Args.map(optional ? Args.withDefault(text, "") : text, (value) => [value])
}
