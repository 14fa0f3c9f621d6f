/**
 * What programs that were made of graphs are written with, beside the verbs: values, texts and calls as a graph
 * has them. What it does beside calls is in `FlowSteps`.
 *
 * - P1. A call made with these is the call the graph made: the same prompt, schema, model and scopes, so the same key.
 * - P2. Texts and expressions mean what they mean in graphs: the same interpreter reads them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { AgentError } from "../domain/AgentError.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import type { Isolation } from "../domain/Status.ts"
import * as canonicalJson from "../internal/canonicalJson.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchemaValidator from "../internal/jsonSchemaValidator.ts"
import { Providers } from "../provider/Provider.ts"
import * as Recovery from "../recovery/Recovery.ts"
import type { SettingsError } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import { agent } from "../workflow/Agent.ts"
import { Run } from "../workflow/Run.ts"
import * as Condition from "./Condition.ts"
import * as DotPath from "./DotPath.ts"
import type {
  BranchNode,
  Condition as Comparison,
  FlowContext,
  Json,
  Prompt,
  Template as TemplateText
} from "./Flow.ts"
import * as FlowAgents from "./FlowAgents.ts"
import { NodeFailed } from "./FlowRunError.ts"
import * as FlowTexts from "./FlowTexts.ts"

export type { Json } from "./Flow.ts"

/**
 * Names and values for a text; what is undefined is not there.
 * @category models
 * @since 0.1.0
 */
export type Names = Readonly<Record<string, unknown>>

// -----------------------------------------------------------------------------
// values
// -----------------------------------------------------------------------------

/**
 * A schema that is a JSON Schema, word for word, with the type of what fits it.
 *
 * **Gotchas**
 *
 * Whoever names `A` asserts that it is the type of what the JSON Schema accepts.
 * @category schemas
 * @since 0.1.0
 */
export const json = <A = Json>(schema: JsonSchemaObject): Schema.Schema<A> => {
  const validate = Effect.runSync(Effect.cached(JsonSchemaValidator.compile(schema)))
  const decode = (value: unknown, _: unknown, ast: ParseResult.Type["ast"]) =>
    Effect.matchEffect(validate, {
      onFailure: (problem) => Effect.fail(new ParseResult.Type(ast, value, problem)),
      onSuccess: (faultsOf): Effect.Effect<A, ParseResult.ParseIssue> => {
        const [first, ...rest] = faultsOf(value).map(({ message, path: [head, ...tail] }): ParseResult.ParseIssue => {
          const issue = new ParseResult.Type(ast, value, message)
          return head === undefined ? issue : new ParseResult.Pointer([head, ...tail], value, issue)
        })
        // valid, and A is what the caller says such a value is
        return first === undefined
          ? Effect.succeed(value as A)
          : Effect.fail(new ParseResult.Composite(ast, value, [first, ...rest]))
      }
    })
  return Schema.declare([], { decode: () => decode, encode: () => decode }, {
    jsonSchema: schema,
    [AnswerSchema.JsonSchemaId]: schema
  })
}

/**
 * Any JSON.
 * @category schemas
 * @since 0.1.0
 */
export const anything: Schema.Schema<Json> = Schema.make<Json>(AST.unknownKeyword)

/**
 * The value at a path such as `review.findings.0`; undefined where it leads nowhere.
 * @category getters
 * @since 0.1.0
 */
export const at = (names: Names, path: string): Json | undefined =>
  Option.getOrUndefined(DotPath.resolve(contextOf(names), path))

/**
 * Whether a value is the one a case names, where everything is text: `true` meets `true`, `"true"` and `"True"`.
 * @category predicates
 * @since 0.1.0
 */
export const isCase = (value: Json | undefined, text: string): boolean =>
  value !== undefined &&
  Either.match(Condition.choose({ ...aCase, cases: new Map([[text, "met"]]) }, { value }), {
    onLeft: () => false,
    onRight: ({ next }) => next === "met"
  })

/**
 * Whether a value meets a condition of a branch; what has no order meets none.
 * @category predicates
 * @since 0.1.0
 */
export const meets = (value: Json | undefined, op: Comparison["op"], text: string): boolean =>
  value !== undefined && Either.getOrElse(Condition.isMet({ op, value: text, next: "" }, value), () => false)

// -----------------------------------------------------------------------------
// texts
// -----------------------------------------------------------------------------

/**
 * A Jinja text.
 * @category models
 * @since 0.1.0
 */
export interface Template extends Prompt {
  /** How values that are no texts are spelled, where it is not JSON. */
  readonly values: "python" | undefined
}

/**
 * Where a text comes from, and what it includes.
 * @category models
 * @since 0.1.0
 */
export interface TemplateOptions {
  readonly from?: string | undefined
  readonly includes?: Readonly<Record<string, string>> | undefined
  readonly values?: "python" | undefined
}

/**
 * A Jinja text, and the texts it includes by their names.
 *
 * The newline at its end is part of the text where `from` says that it was a file.
 * @category constructors
 * @since 0.1.0
 */
export const template = (
  source: string,
  { from, includes = {}, values }: TemplateOptions = {}
): Template => ({
  values,
  template: placed(source, from),
  file: from ?? null,
  includes: new Map(Object.entries(includes).map(([name, text]) => [name, placed(text, name)]))
})

/**
 * Renders a text; names that are not there render as nothing, and the run notes them.
 * @category running
 * @since 0.1.0
 */
export const render = (text: Template, names: Names): Effect.Effect<string, NodeFailed, Run> =>
  Effect.flatMap(Run, (run) => Effect.mapError(FlowTexts.prompt({ run, flow: text }, text, contextOf(names)), failure))

/**
 * Renders a prompt, which must not be empty.
 * @category running
 * @since 0.1.0
 */
export const prompt = (node: string, text: Template, names: Names): Effect.Effect<string, NodeFailed, Run> =>
  Effect.filterOrFail(
    render(text, names),
    (rendered) => rendered.trim() !== "",
    () => failedNode(node, "its prompt is empty")
  )

/**
 * The value of an expression.
 * @category running
 * @since 0.1.0
 */
export const evaluate = (source: string, names: Names): Effect.Effect<Json, NodeFailed> =>
  Either.mapLeft(FlowTexts.evaluate(expression(source), contextOf(names)), failure)

/**
 * The list an expression gives.
 * @category running
 * @since 0.1.0
 */
export const items = (node: string, source: string, names: Names): Effect.Effect<ReadonlyArray<Json>, NodeFailed> =>
  Effect.filterOrFail(
    evaluate(source, names),
    (value): value is ReadonlyArray<Json> => Array.isArray(value),
    () => failedNode(node, "its items have to be a list")
  )

/**
 * Whether an expression holds.
 * @category running
 * @since 0.1.0
 */
export const test = (source: string, names: Names): Effect.Effect<boolean, NodeFailed> =>
  Either.mapLeft(FlowTexts.test(expression(source), contextOf(names)), failure)

// -----------------------------------------------------------------------------
// calls
// -----------------------------------------------------------------------------

/**
 * What a node says of who answers and where.
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly isolation?: Isolation | undefined
  readonly readScope?: ReadonlyArray<string> | undefined
  readonly writeScope?: ReadonlyArray<string> | undefined
  readonly permissions?: ReadonlyArray<string> | undefined
  /** Rungs by name; the ladder for runs nobody watches, as the environment sizes it, where there are none. */
  readonly recover?: ReadonlyArray<(typeof Recovery.names)[number]> | undefined
}

/**
 * The options of a call as a graph makes it: the model of the run or of the environment where none is named, leave to
 * change files where the provider works on files and nothing else is said, and a ladder for runs nobody watches.
 *
 * `fallback` stands in for an answer, unless `standsIn` is false or the environment allows none.
 * @category running
 * @since 0.1.0
 */
export const options = <const F = never>(
  place: Place & { readonly fallback?: F; readonly standsIn?: boolean | undefined } = {}
): Effect.Effect<
  Omit<Place, "recover"> & { readonly recover: Recovery.Recovery<F>; readonly timeout: Duration.Duration },
  NodeFailed | SettingsError,
  Run | Providers | Settings
> =>
  Effect.gen(function*() {
    const agents = yield* (yield* Settings).agents
    const env = { run: yield* Run, providers: yield* Providers, agents }
    const node = {
      id: "",
      at: nowhere,
      provider: place.provider ?? null,
      model: place.model ?? null,
      isolation: place.isolation ?? "none",
      readScope: place.readScope ?? null,
      writeScope: place.writeScope ?? null,
      permissions: place.permissions ?? null,
      recover: place.recover ?? null
    }
    const ladder: Recovery.Recovery<F> = yield* FlowAgents.ladderOf(agents, node)
    const { useDefaultOutputs = true } = agents
    return {
      ...(yield* FlowAgents.whoAndWhere(env, node)),
      recover: place.fallback !== undefined && place.standsIn !== false && useDefaultOutputs
        ? Recovery.orElse(ladder, Recovery.fallback(place.fallback))
        : ladder,
      timeout: Duration.millis(FlowAgents.timeoutOf(agents, null))
    }
  })

/**
 * How long a call may take that says nothing of its time, for prompts that tell it.
 * @category running
 * @since 0.1.0
 */
export const times: Effect.Effect<
  { readonly node_timeout_s: number; readonly node_timeout_min: number },
  SettingsError,
  Settings
> = Effect.gen(function*() {
  return FlowAgents.timesOf(FlowAgents.timeoutOf(yield* (yield* Settings).agents, null))
})

/**
 * A program to run.
 * @category models
 * @since 0.1.0
 */
export interface Program {
  readonly script: string
  readonly args?: ReadonlyArray<string> | undefined
  readonly cwd: string
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly input?: string | undefined
}

/**
 * Options of a program's call.
 * @category models
 * @since 0.1.0
 */
export interface ScriptOptions {
  readonly label?: string | undefined
  readonly phase?: string | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/**
 * Runs a program as a call; with a schema it prints JSON that fits it. The path is absolute.
 * @category running
 * @since 0.1.0
 */
export const script: {
  <A>(
    program: Program,
    options: ScriptOptions & { readonly schema: Schema.Schema<A> }
  ): Effect.Effect<A, AgentError, Run>
  (program: Program, options?: ScriptOptions): Effect.Effect<unknown, AgentError, Run>
} = <A>(
  { args = [], cwd, environment = {}, input = "", script }: Program,
  options: ScriptOptions & { readonly schema?: Schema.Schema<A> } = {}
): Effect.Effect<never, AgentError, Run> => {
  const { schema, ...rest } = options
  const job = canonicalJson.encodeUnsafe({ script, args, cwd, environment, input })
  const call = { ...FlowAgents.scriptOptions, timeout: Duration.millis(FlowAgents.defaultScriptMs), ...rest }
  const result: Effect.Effect<{ readonly value: unknown }, AgentError, Run> = schema === undefined
    ? agent(job, call)
    : agent(job, { ...call, schema })
  // the overloads give the type, which is the schema's
  return Effect.map(result, ({ value }) => value) as Effect.Effect<never, AgentError, Run>
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const aCase: Omit<BranchNode, "cases"> = {
  id: "",
  at: { file: "", line: 1, column: 1 },
  type: "branch",
  path: "value",
  conditions: [],
  when: [],
  default: "other"
}

const nowhere = { file: "", line: 1, column: 1 }

const placed = (source: string, file = "text"): TemplateText => ({ source, at: { ...nowhere, file } })

const expressions = new Map<string, TemplateText>()

/** One object per expression, since they are read once per object. */
const expression = (source: string): TemplateText => {
  const known = expressions.get(source) ?? placed(source, "expression")
  expressions.set(source, known)
  return known
}

const failedNode = (node: string, detail: string): NodeFailed => new NodeFailed({ node, at: "", detail })

const failure = ({ detail }: FlowTexts.TextProblem): NodeFailed => failedNode("", detail)

// what a program gives is JSON, as its types say; what is undefined is not there
const contextOf = (names: Names): FlowContext =>
  Object.fromEntries(Object.entries(names).filter(([, value]) => value !== undefined)) as FlowContext
