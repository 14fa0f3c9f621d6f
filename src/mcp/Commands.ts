/**
 * Commands of `owf` as the tools use them: given as words, answered as JSON, and refused in the command's own words.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Ran } from "./Host.ts"
import { Host } from "./Host.ts"
import * as Problem from "./Problem.ts"

/**
 * An object, as commands print it.
 * @category models
 * @since 0.1.0
 */
export type Json = Readonly<Record<string, unknown>>

/**
 * Options as words: undefined and false are left out, and a value is never taken for an option.
 * @category converting
 * @since 0.1.0
 */
export const options = (
  values: Readonly<Record<string, string | number | boolean | undefined>>
): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [value === true ? `--${name}` : `--${name}=${value}`]
  )

/**
 * What a command that only reads prints as JSON.
 * @category running
 * @since 0.1.0
 */
export const json = (name: string, flags: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { command } = yield* Host
    const ran = yield* command([name, ...flags, "--json", "--", ...args])
    return yield* documentOf(ran)
  })

/**
 * What a command prints as JSON when that is an object.
 * @category running
 * @since 0.1.0
 */
export const object = (name: string, flags: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(json(name, flags, ...args), (value) =>
    Either.match(toObject(value), {
      onLeft: () => Effect.fail(unreadable(name)),
      onRight: Effect.succeed
    }))

/**
 * What a command prints as JSON when that is a list of objects.
 * @category running
 * @since 0.1.0
 */
export const list = (name: string, flags: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(json(name, flags, ...args), (value) =>
    Either.match(toList(value), {
      onLeft: () => Effect.fail(unreadable(name)),
      onRight: Effect.succeed
    }))

/**
 * What a command prints as text.
 * @category running
 * @since 0.1.0
 */
export const text = (name: string, flags: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { command } = yield* Host
    const ran = yield* command([name, ...flags, "--", ...args])
    return ran.code === 0 ? ran.stdout : yield* refused(ran)
  })

/**
 * The document a command printed: the last one, because a script may have printed before it.
 * @category converting
 * @since 0.1.0
 */
export const documentOf = (ran: Ran): Effect.Effect<unknown, Problem.Problem> =>
  Effect.suspend(() => {
    const document = lastDocument(ran.stdout)
    const problem = Option.flatMap(document, toRefusal)
    if (Option.isSome(problem)) return Effect.fail(problem.value)
    return Option.isSome(document) ? Effect.succeed(document.value) : Effect.fail(refused(ran))
  })

/**
 * What a command that printed no document said, in its own words.
 * @category converting
 * @since 0.1.0
 */
export const refused = ({ code, stderr }: Ran): Problem.Problem => {
  // what a script wrote to the same stream stands before it
  const at = stderr.startsWith("owf: ") ? 0 : stderr.lastIndexOf("\nowf: ") + 1
  const said = stderr.slice(at).trim().slice(0, 20_000)
  return Problem.make("CommandFailed", said === "" ? `It ended with exit code ${code}.` : said.replace(/^owf: /, ""))
}

/**
 * Whether a value is an object.
 * @category predicates
 * @since 0.1.0
 */
export const objectOf = (value: unknown): Json | undefined => Option.getOrUndefined(Either.getRight(toObject(value)))

/**
 * The objects of a list; none for anything else.
 * @category converting
 * @since 0.1.0
 */
export const listOf = (value: unknown): ReadonlyArray<Json> => Either.getOrElse(toList(value), () => [])

/**
 * A text that is JSON.
 * @category converting
 * @since 0.1.0
 */
export const parse = (text: string): Option.Option<unknown> => fromText(text)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const AnObject = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const toObject = Schema.decodeUnknownEither(AnObject)
const toList = Schema.decodeUnknownEither(Schema.Array(AnObject))
const fromText = Schema.decodeUnknownOption(Schema.parseJson())

const unreadable = (name: string): Problem.Problem =>
  Problem.make("InternalError", `This is a bug in owf: owf ${name} printed something else than was expected.`)

const Refusal = Schema.Struct({
  status: Schema.Literal("error"),
  error: Schema.Struct({
    kind: Schema.String,
    message: Schema.String,
    advice: Schema.optional(Schema.String)
  })
})

const toRefusal = (document: unknown): Option.Option<Problem.Problem> =>
  Option.map(
    Schema.decodeUnknownOption(Refusal)(document),
    ({ error: { advice, kind, message } }) => Problem.make(kind, message, ...(advice === undefined ? [] : [advice]))
  )

const attempts = 100

/** Documents are printed with an indentation of two, so a line of one that starts like this starts the document. */
const lastDocument = (stdout: string): Option.Option<unknown> => {
  const whole = fromText(stdout)
  if (Option.isSome(whole)) return whole
  let at = stdout.length
  for (let attempt = 0; attempt < attempts && at > 0; attempt++) {
    at = stdout.lastIndexOf("{\n  \"", at - 1)
    if (at === -1) break
    const found = fromText(stdout.slice(at))
    if (Option.isSome(found)) return found
  }
  return Option.none()
}
