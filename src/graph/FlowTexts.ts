/**
 * The texts of a graph against the context of a run: templates, prompts, expressions.
 *
 * A text is compiled once in a process. What renders as nothing because a name is not there is noted with the run.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Run } from "../workflow/Run.ts"
import * as Expression from "./Expression.ts"
import type { ExpressionText, Flow, FlowContext, Json, Prompt, Template } from "./Flow.ts"
import * as Templates from "./Template.ts"

/**
 * What is wrong with a text, and where.
 * @category models
 * @since 0.1.0
 */
export interface TextProblem {
  readonly detail: string
}

/**
 * The graph whose texts they are, and the run they are rendered for.
 * @category models
 * @since 0.1.0
 */
export interface Rendering {
  readonly run: Run["Type"]
  readonly flow: Pick<Flow, "values">
}

/**
 * Renders a template.
 * @category running
 * @since 0.1.0
 */
export const render = (
  rendering: Rendering,
  template: Template,
  context: FlowContext
): Effect.Effect<string, TextProblem> =>
  Effect.flatMap(
    compiled(template, () => Templates.compile(template)),
    (text) => rendered(rendering, text, context)
  )

/**
 * Renders a prompt.
 * @category running
 * @since 0.1.0
 */
export const prompt = (
  rendering: Rendering,
  prompt: Prompt,
  context: FlowContext
): Effect.Effect<string, TextProblem> =>
  Effect.gen(function*() {
    const text = yield* compiled(prompt, () => Templates.compilePrompt(prompt))
    const includes = new Map<string, Templates.Compiled>()
    for (const [name, included] of prompt.includes ?? []) {
      includes.set(name, yield* compiled(included, () => Templates.compile(included, { trailingNewline: "keep" })))
    }
    return yield* rendered(rendering, text, context, includes)
  })

/**
 * The value of an expression.
 * @category running
 * @since 0.1.0
 */
export const evaluate = (text: ExpressionText, context: FlowContext): Either.Either<Json, TextProblem> =>
  Either.mapLeft(
    Either.flatMap(parsed(text), (expression) => Expression.evaluate(expression, context)),
    problemOf
  )

/**
 * Whether an expression holds.
 * @category running
 * @since 0.1.0
 */
export const test = (text: ExpressionText, context: FlowContext): Either.Either<boolean, TextProblem> =>
  Either.mapLeft(
    Either.flatMap(parsed(text), (expression) => Expression.test(expression, context)),
    problemOf
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const templates = new WeakMap<object, Either.Either<Templates.Compiled, Templates.TemplateProblem>>()
const expressions = new WeakMap<ExpressionText, ReturnType<typeof Expression.parse>>()

const compiled = (
  key: object,
  compile: () => Either.Either<Templates.Compiled, Templates.TemplateProblem>
): Either.Either<Templates.Compiled, TextProblem> => {
  const known = templates.get(key) ?? compile()
  templates.set(key, known)
  return Either.mapLeft(known, problemOf)
}

const parsed = (text: ExpressionText): ReturnType<typeof Expression.parse> => {
  const known = expressions.get(text) ?? Expression.parse(text)
  expressions.set(text, known)
  return known
}

const rendered = (
  { flow, run }: Rendering,
  text: Templates.Compiled,
  context: FlowContext,
  includes?: ReadonlyMap<string, Templates.Compiled>
): Effect.Effect<string, TextProblem> =>
  Effect.flatMap(
    Effect.mapError(Templates.render(text, context, { includes, values: flow.values }), problemOf),
    ({ text, warnings }) =>
      Effect.as(Effect.forEach(warnings, (warning) => warn(run, warning), { discard: true }), text)
  )

const warn = (run: Run["Type"], { at, name }: Templates.Mention): Effect.Effect<void> =>
  run.event(
    "template_warning",
    `'${name}' is not defined (${at.file}:${at.line}:${at.column}); it renders as nothing`,
    {
      name,
      line: at.line,
      column: at.column
    }
  )

const problemOf = ({ column, detail, file, line }: {
  readonly detail: string
  readonly file: string
  readonly line: number
  readonly column: number
}): TextProblem => ({ detail: `${file}:${line}:${column}: ${detail}` })
