/**
 * Reads a command line before it is parsed: which command it is, and whether every word of it means something.
 *
 * - A1. Every mistake is one sentence that names the word at fault and what is accepted instead.
 * - A2. What is handed on has one form: the command, its options each with their value as a word of its own, `--`, and
 *   its argument. The parser below never meets anything it would misread.
 * - A3. `--home`, `--debug` and `--json` mean the same before and after the command.
 */
import * as Either from "effect/Either"
import * as Nearest from "../internal/nearest.ts"
import type { Flag } from "./Flag.ts"
import * as Flags from "./Flag.ts"
import type { Spec } from "./Spec.ts"
import type { UsageError } from "./UsageError.ts"
import * as Usage from "./UsageError.ts"

/**
 * What a command line asks for.
 * @category models
 * @since 0.1.0
 */
export type Request =
  | { readonly _tag: "Version" }
  /** `spec` is undefined for the help of `owf` itself; `asked` is false when it is shown for want of a command. */
  | { readonly _tag: "Help"; readonly spec: Spec | undefined; readonly asked: boolean }
  /** The help of commands that share their first word. */
  | {
    readonly _tag: "GroupHelp"
    readonly name: string
    readonly members: ReadonlyArray<Spec>
    readonly asked: boolean
  }
  | { readonly _tag: "Command"; readonly spec: Spec; readonly words: ReadonlyArray<string> }

/**
 * Reads the words after `owf`.
 * @category converting
 * @since 0.1.0
 */
export const read = (specs: ReadonlyArray<Spec>, words: ReadonlyArray<string>): Either.Either<Request, UsageError> =>
  Either.gen(function*() {
    const leading = yield* takeLeading(specs, words)
    if ("_tag" in leading) return leading
    const [name, ...rest] = leading.rest
    if (name === undefined) return { _tag: "Help", spec: undefined, asked: false }
    if (name === "help") return yield* help(specs, rest)
    const found = yield* commandOf(specs, name, rest)
    if ("_tag" in found) return found
    const { spec } = found
    const taken = yield* takeOptions(spec, [...leading.options, ...found.rest])
    if (taken === "help") return { _tag: "Help", spec, asked: true }
    const argument = yield* positionalOf(spec, taken.positionals)
    const options = taken.options.flatMap(([flag, value]) => value === undefined ? [`--${flag}`] : [`--${flag}`, value])
    return { _tag: "Command", spec, words: [spec.name, ...options, ...argument] }
  })

/**
 * Whether a command line asks for this switch, as far as that can be told of one that is not valid.
 * @category predicates
 * @since 0.1.0
 */
export const has = (words: ReadonlyArray<string>, name: "json" | "debug"): boolean => {
  const end = words.indexOf("--")
  return (end === -1 ? words : words.slice(0, end)).includes(`--${name}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const leadingFlags: ReadonlyArray<Flag<unknown>> = [Flags.home, Flags.debug, Flags.json]

/** Options before the command; they are read again with its own (A3). */
const takeLeading = (
  specs: ReadonlyArray<Spec>,
  words: ReadonlyArray<string>
): Either.Either<
  Request | { readonly options: ReadonlyArray<string>; readonly rest: ReadonlyArray<string> },
  UsageError
> => {
  let at = 0
  for (let word = words[at]; word?.startsWith("-") === true && word !== "--"; word = words[at]) {
    if (word === "--help" || word === "-h") {
      return help(
        specs,
        words.slice(at + 1).filter((word) => !word.startsWith("-"))
      )
    }
    if (word === "--version" || word === "-v") return Either.right({ _tag: "Version" })
    const { name, value } = split(word)
    const flag = leadingFlags.find((flag) => flag.name === name)
    if (flag === undefined) return Either.left(misplaced(specs, name, word))
    at += flag.placeholder === undefined || value !== undefined ? 1 : 2
  }
  return Either.right({ options: words.slice(0, at), rest: words.slice(at) })
}

/** Commands whose names go on after this word. */
const membersOf = (specs: ReadonlyArray<Spec>, name: string): ReadonlyArray<Spec> =>
  specs.filter((spec) => spec.name.startsWith(`${name} `))

/** The command a word names, or two words with options in between (A3). */
const commandOf = (
  specs: ReadonlyArray<Spec>,
  name: string,
  rest: ReadonlyArray<string>
): Either.Either<Request | { readonly spec: Spec; readonly rest: ReadonlyArray<string> }, UsageError> =>
  Either.gen(function*() {
    const spec = specs.find((spec) => spec.name === name)
    if (spec !== undefined) return { spec, rest }
    const members = membersOf(specs, name)
    if (members.length === 0) return yield* Either.left(unknownCommand(specs, name))
    const leading = yield* takeLeading(members, rest)
    if ("_tag" in leading) return { _tag: "GroupHelp", name, members, asked: true }
    const [verb, ...more] = leading.rest
    if (verb === undefined) return { _tag: "GroupHelp", name, members, asked: false }
    const member = members.find((spec) => spec.name === `${name} ${verb}`)
    return member === undefined
      ? yield* Either.left(unknownMember(name, verb, members))
      : { spec: member, rest: [...leading.options, ...more] }
  })

const unknownMember = (name: string, verb: string, members: ReadonlyArray<Spec>): UsageError => {
  const verbs = members.map((spec) => spec.name.slice(name.length + 1))
  return Usage.make(
    `There is no command 'owf ${name} ${clip(verb)}'.${Nearest.suggestion(verb, verbs)}`,
    `After owf ${name} stands one of ${verbs.join(", ")}.`
  )
}

const help = (specs: ReadonlyArray<Spec>, [first, ...more]: ReadonlyArray<string>): Either.Either<
  Request,
  UsageError
> => {
  const members = first === undefined ? [] : membersOf(specs, first)
  if (first !== undefined && members.length > 0 && more.length === 0) {
    return Either.right({ _tag: "GroupHelp", name: first, members, asked: true })
  }
  const name = members.length > 0 ? `${first} ${more[0]}` : first
  const spec = specs.find((spec) => spec.name === name)
  return name === undefined || spec !== undefined
    ? Either.right({ _tag: "Help", spec, asked: true })
    : Either.left(unknownCommand(specs, name))
}

interface Taken {
  readonly options: ReadonlyArray<readonly [name: string, value: string | undefined]>
  readonly positionals: ReadonlyArray<string>
}

const takeOptions = (spec: Spec, words: ReadonlyArray<string>): Either.Either<Taken | "help", UsageError> =>
  Either.gen(function*() {
    const options: Array<readonly [string, string | undefined]> = []
    const positionals: Array<string> = []
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ""
      if (word === "--") return { options, positionals: [...positionals, ...words.slice(at + 1)] }
      if (word === "--help" || word === "-h") return "help"
      if (!isOption(word)) {
        positionals.push(word)
        continue
      }
      const { name, value } = split(word)
      const flag = spec.flags.find((flag) => flag.name === name || word === `-${flag.short}`)
      if (flag === undefined) return yield* Either.left(unknownOption(spec, name, word))
      if (!flag.repeatable && flag.placeholder !== undefined && options.some(([known]) => known === name)) {
        return yield* Either.left(Usage.make(`--${name} is given twice.`, "Give it once."))
      }
      options.push([flag.name, yield* valueOf(spec, flag, value, words[at + 1])])
      if (flag.placeholder !== undefined && value === undefined) at++
    }
    return { options: unique(options), positionals }
  })

/** A switch that is given twice says no more than once. */
const unique = (options: Taken["options"]): Taken["options"] =>
  options.filter(([name, value], index) =>
    value !== undefined || options.findIndex(([first]) => first === name) === index
  )

const valueOf = (
  spec: Spec,
  flag: Flag<unknown>,
  attached: string | undefined,
  next: string | undefined
): Either.Either<string | undefined, UsageError> => {
  if (flag.placeholder === undefined) {
    return attached === undefined
      ? Either.right(undefined)
      : Either.left(
        Usage.make(`--${flag.name} takes no value, but is given '${clip(attached)}'.`, `Write --${flag.name} alone.`)
      )
  }
  const value = attached ?? next
  const isMissing = value === undefined || value === "" || (attached === undefined && isFlagOf(spec, value))
  return isMissing
    ? Either.left(Usage.make(
      `--${flag.name} needs a value.`,
      `Write --${flag.name} ${flag.placeholder} or --${flag.name}=${flag.placeholder}.`
    ))
    : Either.right(value)
}

const isFlagOf = (spec: Spec, word: string): boolean =>
  isOption(word) && (word === "--" || word === "-h" || split(word).name === "help" ||
    spec.flags.some((flag) => flag.name === split(word).name))

const isOption = (word: string): boolean => word.startsWith("-") && word !== "-" && !/^-\d/.test(word)

const split = (word: string): { readonly name: string; readonly value: string | undefined } => {
  const bare = word.replace(/^-+/, "")
  const at = bare.indexOf("=")
  return at === -1 ? { name: bare, value: undefined } : { name: bare.slice(0, at), value: bare.slice(at + 1) }
}

const positionalOf = (
  { name, positional }: Spec,
  words: ReadonlyArray<string>
): Either.Either<ReadonlyArray<string>, UsageError> => {
  const [first, second] = words
  if (positional?.repeated === true) return Either.right(first === undefined ? [] : ["--", ...words])
  const see = `See owf ${name} --help.`
  const extra = positional === undefined ? first : second
  if (extra !== undefined) {
    const takes = positional === undefined ? "no argument" : `one argument, <${positional.name}>`
    return Either.left(Usage.make(`owf ${name} takes ${takes}; '${clip(extra)}' is one too many.`, see))
  }
  if (positional === undefined) return Either.right([])
  if (first === undefined && positional.optional === true) return Either.right([])
  return first === undefined || first === ""
    ? Either.left(Usage.make(`owf ${name} needs <${positional.name}>: ${lower(positional.description)}.`, see))
    : Either.right(["--", first])
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const clip = (text: string): string => text.length > 80 ? `${text.slice(0, 80)}…` : text

const unknownCommand = (specs: ReadonlyArray<Spec>, name: string): UsageError =>
  Usage.make(
    `There is no command '${clip(name)}'.${Nearest.suggestion(name, [...specs.map((spec) => spec.name), "help"])}`,
    "See owf --help for the commands."
  )

const unknownOption = (spec: Spec, name: string, word: string): UsageError =>
  Usage.make(
    `owf ${spec.name} has no option '${clip(word)}'.${suggestion(name, spec.flags)}`,
    `See owf ${spec.name} --help.`
  )

const misplaced = (specs: ReadonlyArray<Spec>, name: string, word: string): UsageError => {
  const owner = specs.find((spec) => spec.flags.some((flag) => flag.name === name))
  return owner === undefined
    ? Usage.make(`There is no option '${clip(word)}'.${suggestion(name, leadingFlags)}`, "See owf --help.")
    : Usage.make(`--${name} is an option of a command and stands after it, as in owf ${owner.name} … --${name}.`)
}

const suggestion = (name: string, flags: ReadonlyArray<Flag<unknown>>): string =>
  Nearest.suggestion(`--${name}`, [...flags.map((flag) => `--${flag.name}`), "--help"])
