/**
 * Defines workflows: a name, typed arguments and output, and a body that is an Effect program.
 *
 * A workflow is a function of its arguments: `classify({ issues })` is an Effect, which starts a run where an `Engine` is
 * provided. Called inside another workflow's body it is a child run. Arguments are given in their encoded form, because
 * a resumed run reads them back from the store.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { YieldWrap } from "effect/Utils"
import type { RunId } from "../domain/Ids.ts"
import * as Money from "../domain/Money.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import * as JsonPath from "../internal/jsonPath.ts"
import type { Body } from "../internal/programBody.ts"
import { toEffect } from "../internal/programBody.ts"
import type { RunOptions, RunResult } from "./Engine.ts"
import { Engine } from "./Engine.ts"
import { Run } from "./Run.ts"
import type { WorkflowError } from "./WorkflowError.ts"
import { ArgsInvalid, OutputInvalid } from "./WorkflowError.ts"

/**
 * Marks a value as a workflow, also across copies of this module.
 * @category models
 * @since 0.1.0
 */
export const TypeId: unique symbol = Symbol.for("owf/Workflow")

/**
 * What is said about a workflow beside its body.
 * @category models
 * @since 0.1.0
 */
export interface Definition<A, I> {
  readonly name: string
  readonly description?: string | undefined
  /** Phases in the order they are expected, for reports. */
  readonly phases?: ReadonlyArray<string> | undefined
  /** Schema of the arguments, with defaults where they may be left out. Without one a workflow takes none. */
  readonly args?: Schema.Schema<A, I> | undefined
  /**
   * Most a run of it and those below it may spend, over all resumes; what a run is started with wins. As a child it
   * keeps within what its parent has left.
   */
  readonly budget?: { readonly tokens?: number | undefined; readonly costUsd?: number | undefined } | undefined
  /** Says that the workflow changes files, for people and for tools that ask before running it. */
  readonly mutatesFiles?: boolean | undefined
  /** Says that a person should agree before it is run. */
  readonly approvalRequired?: boolean | undefined
}

/**
 * A named program with typed arguments, output, errors and requirements.
 * @category models
 * @since 0.1.0
 */
export interface Workflow<I, Out, E, R> {
  (...args: Arguments<I>): Effect.Effect<Out, E | WorkflowError, Exclude<R, Run> | Engine>
  readonly [TypeId]: {
    readonly definition: AnyDefinition
    readonly output: Schema.Schema.AnyNoContext | undefined
    readonly body: (args: never) => Effect.Effect<Out, E, R>
  }
}

/**
 * The arguments of a workflow; left out where every one of them has a default.
 * @category models
 * @since 0.1.0
 */
export type Arguments<I> = {} extends I ? [args?: I] : [args: I]

/**
 * What a workflow is started with: its arguments, or `undefined` where every one of them has a default; anything where
 * the types are not known, as those of a workflow from a file.
 * @category models
 * @since 0.1.0
 */
export type StartArguments<I> = [I] extends [never] ? unknown : Arguments<I>[0]

/**
 * The arguments of a workflow that takes none.
 * @category models
 * @since 0.1.0
 */
export interface NoArguments {
  readonly [key: string]: never
}

/**
 * A workflow of any type, such as one loaded from a file.
 * @category models
 * @since 0.1.0
 */
export type Any = Workflow<never, unknown, unknown, unknown>

/**
 * Defines a workflow. The body is a generator function, or any function that returns an Effect.
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <Out, OutI, Eff extends YieldWrap<Effect.Effect<unknown, unknown, unknown>>, A = {}, I = NoArguments>(
    definition: Definition<A, I> & { readonly output: Schema.Schema<Out, OutI> },
    body: (args: NoInfer<A>) => Generator<Eff, NoInfer<Out>, never>
  ): Workflow<I, Out, ErrorOf<Eff>, RequirementsOf<Eff>>
  <Out, OutI, E, R, A = {}, I = NoArguments>(
    definition: Definition<A, I> & { readonly output: Schema.Schema<Out, OutI> },
    body: (args: NoInfer<A>) => Effect.Effect<NoInfer<Out>, E, R>
  ): Workflow<I, Out, E, R>
  <Out, Eff extends YieldWrap<Effect.Effect<unknown, unknown, unknown>>, A = {}, I = NoArguments>(
    definition: Definition<A, I>,
    body: (args: NoInfer<A>) => Generator<Eff, Out, never>
  ): Workflow<I, Out, ErrorOf<Eff>, RequirementsOf<Eff>>
  <Out, E, R, A = {}, I = NoArguments>(
    definition: Definition<A, I>,
    body: (args: NoInfer<A>) => Effect.Effect<Out, E, R>
  ): Workflow<I, Out, E, R>
} = (
  definition: AnyDefinition & { readonly output?: Schema.Schema.AnyNoContext | undefined },
  body: (args: never) => Body
): never => {
  // a script's types are not checked when it is loaded, and a run has to have a name
  if (!Predicate.isString(definition.name) || definition.name === "") {
    throw new TypeError("Workflow.make: `name` is missing; it has to be a text, such as { name: \"review\" }")
  }
  const parts: Any[typeof TypeId] = {
    definition,
    output: definition.output,
    body: (args) => Effect.suspend(() => toEffect(`The body of workflow ${definition.name}`, body(args)))
  }
  const workflow = (args?: unknown): Effect.Effect<unknown, unknown, unknown> =>
    Effect.flatMap(start(workflow, args), ({ exit }) => exit)
  // a function's own name cannot be assigned, so it is defined: what a stack trace or a log calls the workflow
  Object.defineProperty(workflow, "name", { value: definition.name })
  workflow[TypeId] = parts
  // the overloads give the types of what the body takes, yields and returns
  return workflow as never
}

/**
 * Whether a value is a workflow.
 * @category predicates
 * @since 0.1.0
 */
export const isWorkflow = (value: unknown): value is Any => Predicate.isFunction(value) && TypeId in value

/**
 * What was said about a workflow when it was defined.
 * @category converting
 * @since 0.1.0
 */
export const definitionOf = <I, Out, E, R>(workflow: Workflow<I, Out, E, R>): AnyDefinition =>
  workflow[TypeId].definition

/**
 * Starts a run and gives how it ended as a value, so that a failed run's id and directory are known too.
 * @category running
 * @since 0.1.0
 */
export const start = <I, Out, E, R>(
  workflow: Workflow<I, Out, E, R>,
  args: StartArguments<NoInfer<I>>,
  options: RunOptions = {}
): Effect.Effect<RunResult<Out, E>, WorkflowError, Exclude<R, Run> | Engine> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const context = yield* Effect.context<Exclude<R, Run>>()
    const decoded = yield* decodeArgs(workflow, args)
    return yield* engine.start(programOf(workflow, decoded, context), options, Context.getOption(context, Run))
  })

/**
 * Takes a run of this workflow up again: what it completed is not done again, what failed or was not reached is.
 * @category running
 * @since 0.1.0
 */
export const resume = <I, Out, E, R>(
  workflow: Workflow<I, Out, E, R>,
  run: { readonly id: RunId; readonly argsJson: string },
  options: RunOptions = {}
): Effect.Effect<RunResult<Out, E>, WorkflowError, Exclude<R, Run> | Engine> =>
  Effect.gen(function*() {
    const engine = yield* Engine
    const context = yield* Effect.context<Exclude<R, Run>>()
    const stored = yield* Effect.mapError(
      Schema.decode(Schema.parseJson())(run.argsJson),
      (error) => new ArgsInvalid({ workflow: nameOf(workflow), issues: [{ path: "$", message: error.message }] })
    )
    const decoded = yield* decodeArgs(workflow, stored)
    return yield* engine.resume(run.id, programOf(workflow, decoded, context), options)
  })

/**
 * Runs a workflow as a child of the run this is part of: rows of its own, the parent's home and budget.
 * @category running
 * @since 0.1.0
 */
export const workflow = <I, Out, E, R>(
  child: Workflow<I, Out, E, R>,
  ...args: Arguments<I>
): Effect.Effect<Out, E | WorkflowError, Exclude<R, Run> | Engine | Run> => Effect.zipRight(Run, child(...args))

/**
 * Arguments as a workflow's body takes them, with their canonical JSON; defaults are filled in, every fault is reported.
 * @category converting
 * @since 0.1.0
 */
export const decodeArgs = <I, Out, E, R>(
  workflow: Workflow<I, Out, E, R>,
  args: unknown
): Effect.Effect<DecodedArgs, ArgsInvalid> => {
  const schema: Schema.Schema.AnyNoContext = definitionOf(workflow).args ?? noArgs
  const invalid = (issues: ArgsInvalid["issues"]) => new ArgsInvalid({ workflow: nameOf(workflow), issues })
  return Effect.gen(function*() {
    const value: unknown = yield* Schema.decodeUnknown(schema, strict)(args ?? {})
    const encoded: unknown = yield* Schema.encode(schema)(value)
    // a resumed run reads its arguments back, so what JSON would change is refused before the run exists
    const json = yield* Effect.mapError(
      canonicalJson.encode(encoded),
      ({ pointer, reason }) => invalid([{ path: pointer, message: `cannot be stored as JSON: ${reason}` }])
    )
    return { value, json }
  }).pipe(Effect.catchTag("ParseError", (error) => Effect.fail(invalid(issuesOf(error)))))
}

/**
 * Arguments as a workflow's body takes them, and their canonical JSON.
 * @category models
 * @since 0.1.0
 */
export interface DecodedArgs {
  readonly value: unknown
  readonly json: string
}

/**
 * A definition whose types are not known any more.
 * @category models
 * @since 0.1.0
 */
export interface AnyDefinition extends Omit<Definition<never, never>, "args"> {
  readonly args?: Schema.Schema.AnyNoContext | undefined
}

/**
 * The errors of what a generator body yields.
 * @category models
 * @since 0.1.0
 */
export type ErrorOf<Eff> = [Eff] extends [never] ? never
  : [Eff] extends [YieldWrap<Effect.Effect<infer _A, infer E, infer _R>>] ? E
  : never

/**
 * The requirements of what a generator body yields.
 * @category models
 * @since 0.1.0
 */
export type RequirementsOf<Eff> = [Eff] extends [never] ? never
  : [Eff] extends [YieldWrap<Effect.Effect<infer _A, infer _E, infer R>>] ? R
  : never

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const strict = { errors: "all", onExcessProperty: "error" } as const

// an empty struct would take anything
const noArgs = Schema.Record({
  key: Schema.String,
  value: Schema.Never.annotations({ message: () => "the workflow takes no arguments" })
})

const nameOf = <I, Out, E, R>(workflow: Workflow<I, Out, E, R>): string => definitionOf(workflow).name

const issuesOf = (error: ParseResult.ParseError) =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
    path: JsonPath.format(path),
    message
  }))

const programOf = <I, Out, E, R>(
  workflow: Workflow<I, Out, E, R>,
  args: DecodedArgs,
  context: Context.Context<Exclude<R, Run>>
) => {
  const { body, definition, output } = workflow[TypeId]
  return {
    name: definition.name,
    description: definition.description,
    budget: {
      tokens: definition.budget?.tokens ?? null,
      cost: definition.budget?.costUsd === undefined ? null : Money.fromUsd(definition.budget.costUsd)
    },
    argsJson: args.json,
    // the arguments were decoded by the schema whose type the body was checked against, and the context holds all the
    // body requires but its run, which the engine adds
    body: Effect.mapInputContext(
      body(args.value as never),
      (run: Context.Context<Run>) => Context.merge(context, run) as Context.Context<R | Run>
    ) as Effect.Effect<Out, E, Run>,
    encode: (value: Out) => encodeOutput(definition.name, output, value)
  }
}

const encodeOutput = (
  name: string,
  schema: Schema.Schema.AnyNoContext | undefined,
  value: unknown
): Either.Either<string, OutputInvalid> => {
  const encoded = schema === undefined
    ? Either.right(value)
    : Either.mapLeft(
      Schema.encodeUnknownEither(schema, { errors: "all" })(value),
      (error) => new OutputInvalid({ workflow: name, issues: issuesOf(error) })
    )
  // a schema can take anything for granted
  return Either.flatMap(
    encoded,
    (encoded) =>
      Either.mapLeft(canonicalJson.encodeNear(encoded), (lost) =>
        new OutputInvalid({
          workflow: name,
          reason: "NotJson",
          issues: lost.map(({ path, reason }) => ({ path: JsonPath.format(path), message: reason }))
        }))
  )
}
