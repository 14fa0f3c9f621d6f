/**
 * A tool: its name, its schemas, its hints and what it does, declared in one place.
 *
 * - T1. Arguments are decoded before anything is done; what is wrong with them is a text that names the field.
 * - T2. Whatever goes wrong is a result the model can read and act on, never an error of the protocol.
 * - T3. A result is an object, given as such and as the same text, and fits (`Bounds`).
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { visible } from "../internal/visible.ts"
import * as Bounds from "./Bounds.ts"
import type { Host } from "./Host.ts"
import * as JsonSchema from "./JsonSchema.ts"
import * as Problem from "./Problem.ts"

/**
 * What a client is told of a tool before it is used.
 * @category models
 * @since 0.1.0
 */
export interface Hints {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  /** Whether it may reach what is outside of this machine. */
  readonly openWorldHint: boolean
}

/**
 * A resource a result points to.
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly uri: string
  readonly name: string
  readonly mimeType: string
}

/**
 * What a tool did.
 * @category models
 * @since 0.1.0
 */
export interface Done {
  readonly value: Readonly<Record<string, unknown>>
  /** Said in place of the value as text. */
  readonly text?: string | undefined
  readonly links?: ReadonlyArray<Link> | undefined
  /** Whether what was asked for did not come about. */
  readonly isError?: boolean | undefined
}

/**
 * What a tool can say while it works.
 * @category models
 * @since 0.1.0
 */
export interface Telling {
  readonly progress: (message: string) => Effect.Effect<void>
}

/**
 * A result as a client gets it.
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly text: string
  readonly value: Readonly<Record<string, unknown>> | undefined
  readonly links: ReadonlyArray<Link>
  readonly isError: boolean
}

/**
 * A tool.
 * @category models
 * @since 0.1.0
 */
export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly hints: Hints
  readonly inputSchema: JsonSchema.ObjectSchema
  readonly outputSchema: JsonSchema.ObjectSchema
  readonly call: (given: unknown, telling: Telling) => Effect.Effect<Result, never, Host>
}

/**
 * Hints of a tool that changes nothing.
 * @category models
 * @since 0.1.0
 */
export const reading: Hints = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false
}

/**
 * Declares a tool.
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, I>(
  definition: {
    readonly name: string
    readonly title: string
    readonly description: string
    readonly hints: Hints
    readonly input: Schema.Schema<A, I>
    /** Fields every result has; there may be more. */
    readonly output: Schema.Struct.Fields
  },
  run: (input: A, telling: Telling) => Effect.Effect<Done, Problem.Problem, Host>
): Tool => {
  const { description, hints, input, name, output, title } = definition
  const decode = Schema.decodeUnknownEither(isEmpty(input) ? closed(input) : input, {
    errors: "all",
    onExcessProperty: "error"
  })
  return {
    name,
    title,
    description,
    hints,
    inputSchema: JsonSchema.ofInput(input),
    outputSchema: JsonSchema.ofOutput(Schema.Struct({ ...cutFields, ...output })),
    call: (given, telling) =>
      Effect.suspend(() => {
        const decoded = decode(withoutNulls(given ?? {}))
        return Either.isLeft(decoded)
          ? Effect.fail(unfit(name, decoded.left))
          : Effect.map(run(decoded.right, telling), finish)
      }).pipe(
        Effect.catchTag("Problem", (problem) => Effect.succeed(ofProblem(problem))),
        Effect.catchAllDefect((defect) =>
          Effect.as(
            Effect.logError(`owf mcp: ${name} died`, defect),
            ofProblem(Problem.make(
              "InternalError",
              `This is a bug in owf: ${defect instanceof Error ? defect.message : String(defect)}`,
              "What the server wrote to its error output says more."
            ))
          )
        )
      )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const cutFields = {
  truncated: Schema.optional(Schema.Boolean.annotations({ description: "Whether texts or lists were cut to fit" })),
  note: Schema.optional(Schema.String)
}

/** A struct without fields accepts everything; this one nothing more. */
const closed = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, I> =>
  schema.pipe(Schema.filter((value) => {
    const [first] = Object.keys(Object(value))
    return first === undefined ? undefined : { path: [first], message: "is unexpected, there are no arguments" }
  }))

const isEmpty = (schema: object): boolean =>
  Predicate.hasProperty(schema, "fields") && Predicate.isRecord(schema.fields) &&
  Object.keys(schema.fields).length === 0

/** Models give null for what they leave out. */
const withoutNulls = (given: unknown): unknown =>
  Predicate.isRecord(given) && !Array.isArray(given)
    ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
    : given

const unfit = (name: string, error: ParseResult.ParseError): Problem.Problem =>
  Problem.make(
    "ArgumentsInvalid",
    [
      `The arguments do not fit ${name}.`,
      ...ParseResult.ArrayFormatter.formatErrorSync(error).slice(0, 20).map(({ message, path }) =>
        `${path.length === 0 ? "the arguments" : path.map(String).join(".").slice(0, 200)}: ${message.slice(0, 500)}`
      )
    ].join("\n"),
    "The tool's inputSchema says what it takes."
  )

const ofProblem = (problem: Problem.Problem): Result => ({
  text: visible(Problem.toText(problem).slice(0, Bounds.mostCharacters)),
  value: undefined,
  links: [],
  isError: true
})

const howToReadOn = "Something was cut. Read on with the tool's offset and limit where it has them, or with " +
  "owf_read_artifact, which gives files of a run piece by piece."

const finish = ({ isError = false, links = [], text, value }: Done): Result => {
  const bounded = Bounds.fit(value)
  const whole = bounded.isCut ? { ...bounded.value, truncated: true, note: howToReadOn } : bounded.value
  return {
    text: text === undefined
      ? JSON.stringify(whole, null, 2)
      : String(Bounds.fit({ text }).value["text"] ?? ""),
    value: whole,
    links,
    isError
  }
}
