/**
 * Options of the commands: each is declared once, and that one declaration parses it, checks it and documents it.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Nearest from "../internal/nearest.ts"

/**
 * An option of a command.
 * @category models
 * @since 0.1.0
 */
export interface Flag<out A> {
  readonly name: string
  /** What its value is called in help; undefined for a switch, which takes none. */
  readonly placeholder: string | undefined
  readonly description: string
  readonly repeatable: boolean
  /** One letter that means the same after a single dash. */
  readonly short?: string | undefined
  readonly options: Options.Options<A>
}

/**
 * An option without a value.
 * @category constructors
 * @since 0.1.0
 */
export const flag = (name: string, description: string, short?: string): Flag<boolean> => ({
  name,
  placeholder: undefined,
  description,
  repeatable: false,
  short,
  options: Options.boolean(name)
})

/**
 * An option whose value is a text.
 * @category constructors
 * @since 0.1.0
 */
export const text = (name: string, placeholder: string, description: string): Flag<string | undefined> =>
  parsed(name, placeholder, description, "a text", (value) => value === "" ? undefined : value)

/**
 * An option whose value is a number of at least `least`; `whole` refuses fractions.
 * @category constructors
 * @since 0.1.0
 */
export const number = (
  name: string,
  placeholder: string,
  description: string,
  { least, whole }: { readonly least: number; readonly whole: boolean }
): Flag<number | undefined> =>
  parsed(name, placeholder, description, `a ${whole ? "whole " : ""}number of at least ${least}`, (value) => {
    const pattern = whole ? /^\d+$/ : /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i
    const result = pattern.test(value) ? Number(value) : Number.NaN
    return result >= least && (!whole || Number.isSafeInteger(result)) && Number.isFinite(result) ? result : undefined
  })

/**
 * An option whose value is one of a few words.
 * @category constructors
 * @since 0.1.0
 */
export const choice = <const A extends string>(
  name: string,
  description: string,
  words: ReadonlyArray<A>,
  placeholder = "POLICY"
): Flag<A | undefined> =>
  parsed(
    name,
    placeholder,
    description,
    `one of ${words.join(", ")}`,
    (value) => words.find((word) => word === value),
    words
  )

/**
 * An option that may be given several times; its values in the order they were given.
 * @category constructors
 * @since 0.1.0
 */
export const repeated = (name: string, placeholder: string, description: string): Flag<ReadonlyArray<string>> => ({
  name,
  placeholder,
  description,
  repeatable: true,
  options: Options.repeated(Options.text(name))
})

// -----------------------------------------------------------------------------
// the options several commands share
// -----------------------------------------------------------------------------

/**
 * The directory of the runs, for every command that reads or writes it.
 * @category constructors
 * @since 0.1.0
 */
export const home: Flag<string | undefined> = text(
  "home",
  "DIR",
  "Directory of the runs (default: OWF_HOME, else the nearest .workflows, else ./.workflows)"
)

/**
 * JSON instead of text.
 * @category constructors
 * @since 0.1.0
 */
export const json: Flag<boolean> = flag("json", "Print one JSON document instead of text")

/**
 * Lines instead of a live region.
 * @category constructors
 * @since 0.1.0
 */
export const noColor: Flag<boolean> = flag("no-color", "Print progress as plain lines, also on a terminal")

/**
 * The events of a run in place of its result.
 * @category constructors
 * @since 0.1.0
 */
export const events: Flag<boolean> = flag("events", "Print what happens as JSON lines in place of the result")

/**
 * Details of errors.
 * @category constructors
 * @since 0.1.0
 */
export const debug: Flag<boolean> = flag("debug", "Show stack traces of errors")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// a function declaration, because the shared options above are built before a constant below them would be
function parsed<A>(
  name: string,
  placeholder: string,
  description: string,
  accepted: string,
  parse: (value: string) => A | undefined,
  words: ReadonlyArray<string> = []
): Flag<A | undefined> {
  const options = Options.text(name).pipe(
    Options.mapEffect((value) => {
      const result = parse(value)
      return result === undefined
        ? Effect.fail(invalid(`--${name} is '${value}'; it has to be ${accepted}.${Nearest.suggestion(value, words)}`))
        : Effect.succeed(result)
    }),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )
  return { name, placeholder, description, repeatable: false, options }
}

const invalid = (message: string) => ValidationError.invalidValue(HelpDoc.p(message))
