/**
 * The texts of a graph: Jinja, interpreted here.
 *
 * - T1. A template reaches the values it is given and nothing else: no code, no files, no prototypes. What it renders is
 *   never rendered again.
 * - T2. What is undefined renders as nothing and is reported by name; arithmetic, order and calls with it are errors.
 * - T3. Every template ends: steps, nesting and the size of what is made are bounded.
 * - T4. Objects and lists render as JSON in one line, with `true`, `false` and `null`; `values: "python"` renders the
 *   spelling of Jinja in Python, for programs that expect it.
 * - T5. Of a text inside of a graph one newline at the end is dropped, as Jinja does; a file's text keeps it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Block } from "../internal/jinja/ast.ts"
import * as Calls from "../internal/jinja/calls.ts"
import * as Fault from "../internal/jinja/fault.ts"
import { render as renderBlock } from "../internal/jinja/render.ts"
import type { Missing, Spelling } from "../internal/jinja/runtime.ts"
import * as Runtime from "../internal/jinja/runtime.ts"
import * as Survey from "../internal/jinja/survey.ts"
import * as TemplateParser from "../internal/jinja/templateParser.ts"
import type { FlowContext, Position, Prompt, Template } from "./Flow.ts"
import * as TextPlace from "./TextPlace.ts"

/**
 * A text that is no template, and where.
 * @category errors
 * @since 0.1.0
 */
export class TemplateProblem extends Schema.TaggedError<TemplateProblem>("owf/Template/TemplateProblem")(
  "TemplateProblem",
  TextPlace.problemFields
) {
  override get message(): string {
    return TextPlace.describe(this)
  }
}

/**
 * A template that cannot be rendered with the values it was given, and where.
 * @category errors
 * @since 0.1.0
 */
export class TemplateError
  extends Schema.TaggedError<TemplateError>("owf/Template/TemplateError")("TemplateError", TextPlace.errorFields)
{
  override get message(): string {
    return TextPlace.describe(this)
  }
}

/**
 * A name, or the name of a text, where a template mentions it first.
 * @category models
 * @since 0.1.0
 */
export interface Mention {
  readonly name: string
  readonly at: Position
}

/**
 * Something that was undefined where its value was rendered.
 * @category models
 * @since 0.1.0
 */
export type Warning = Mention

/**
 * A template that has been read.
 * @category models
 * @since 0.1.0
 */
export class Compiled extends Data.Class<{
  readonly template: Template
  /** Names it expects in the context and does not guard with `default` or `is defined`. */
  readonly names: ReadonlyArray<Mention>
  /** Texts it includes, to be given to {@link render}. */
  readonly includes: ReadonlyArray<Mention>
  /** What it calls, for {@link problemsOf}. */
  readonly calls: Calls.Calls
  /** The text that was read, line ends and its own end made one form. */
  readonly source: string
  readonly block: Block
}> {}

/**
 * A text and what was undefined in it.
 * @category models
 * @since 0.1.0
 */
export interface Rendered {
  readonly text: string
  readonly warnings: ReadonlyArray<Warning>
}

/**
 * How a template is read.
 * @category models
 * @since 0.1.0
 */
export interface CompileOptions {
  /** Whether the newline at the end is part of the text. Defaults to "drop". */
  readonly trailingNewline?: "keep" | "drop" | undefined
}

/**
 * How a template is rendered.
 * @category models
 * @since 0.1.0
 */
export interface RenderOptions {
  /** The texts that can be included, by the names they are included by. Defaults to none. */
  readonly includes?: ReadonlyMap<string, Compiled> | undefined
  /** How values other than texts are spelled. Defaults to "json". */
  readonly values?: Spelling | undefined
}

/**
 * Reads a template.
 * @category constructors
 * @since 0.1.0
 */
export const compile = (template: Template, options?: CompileOptions): Either.Either<Compiled, TemplateProblem> => {
  const lines = template.source.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n")
  const source = options?.trailingNewline === "keep" || !lines.endsWith("\n") ? lines : lines.slice(0, -1)
  const mention = ({ at, name }: Survey.Mention): Mention => ({ name, at: TextPlace.placeIn(template.at, source, at) })
  const read = () => {
    if (source.length > maxLength) Fault.raiseSyntax(0, `a template has at most ${maxLength} characters`)
    const block = TemplateParser.parse(source)
    const { calls, includes, names } = Survey.ofBlock(block)
    return new Compiled({ template, source, block, calls, names: names.map(mention), includes: includes.map(mention) })
  }
  return Either.mapLeft(
    Fault.attempt(read),
    (fault) => new TemplateProblem(TextPlace.problemOf(template.at, source, fault))
  )
}

/**
 * Reads a prompt, whose end depends on where it is written (T5).
 * @category constructors
 * @since 0.1.0
 */
export const compilePrompt = ({ file, template }: Prompt): Either.Either<Compiled, TemplateProblem> =>
  compile(template, { trailingNewline: file === null ? "drop" : "keep" })

/**
 * What a template that can be read calls in vain, where it is rendered with others.
 * @category converting
 * @since 0.1.0
 */
export const problemsOf = (
  { calls, source, template }: Compiled,
  others: ReadonlyArray<Compiled> = []
): ReadonlyArray<{ readonly detail: string; readonly at: Position }> =>
  Calls.wrongIn(calls, others.map((other) => other.calls)).map(({ at, detail }) => ({
    detail,
    at: TextPlace.placeIn(template.at, source, at)
  }))

/**
 * Renders a template.
 * @category running
 * @since 0.1.0
 */
export const render = (
  compiled: Compiled,
  context: FlowContext,
  options?: RenderOptions
): Effect.Effect<Rendered, TemplateError> =>
  Effect.suspend(() => {
    const runtime = Runtime.make(options?.values ?? "json")
    const includes = options?.includes ?? new Map<string, Compiled>()
    const origin = (name: string | null) => name === null ? compiled : includes.get(name) ?? compiled
    const warning = ({ at, name, origin: text }: Missing): Warning => ({
      name,
      at: TextPlace.placeIn(origin(text).template.at, origin(text).source, at)
    })
    return Either.mapBoth(
      Fault.attempt(() => renderBlock(runtime, compiled.block, context, (name) => includes.get(name)?.block)),
      {
        onLeft: (fault) => {
          const { source, template } = origin(fault.origin)
          return new TemplateError(TextPlace.errorOf(template.at, source, fault))
        },
        onRight: (text) => ({ text, warnings: [...runtime.missing.values()].map(warning) })
      }
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxLength = 1_048_576
