/**
 * Wait and workflow nodes: what a graph waits for that is none of its own calls.
 *
 * - O1. With an `output` a wait says there how it ended; without one a wait that ended badly (a time that passed, a person
 *   that said no) fails the node. A run that is resumed after that waits again, for all of its time, and asks again: what
 *   was answered before is no answer to that.
 * - O2. Times without a zone are UTC.
 * - O3. A child that ends as failed fails the node and not the run with it. A run that is resumed after that begins the
 *   child anew; one that failed in any other way goes on.
 */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isResumable, kindOf, messageOf } from "../workflow/Ending.ts"
import type { Engine } from "../workflow/Engine.ts"
import * as Position from "../workflow/Position.ts"
import { Run } from "../workflow/Run.ts"
import * as Wait from "../workflow/Wait.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { FlowContext, Json, Template, WaitNode, WorkflowNode } from "./Flow.ts"
import type { Done, FlowEnv, Visit } from "./FlowEnv.ts"
import { failed, goOn, inNode, placeOf } from "./FlowEnv.ts"
import type { Passed } from "./FlowFailure.ts"
import { isPassed } from "./FlowFailure.ts"
import type { NodeFailed } from "./FlowRunError.ts"
import { ChildFailed } from "./FlowRunError.ts"
import * as FlowTexts from "./FlowTexts.ts"

/**
 * Waits until a time, for a file, or for a person.
 * @category running
 * @since 0.1.0
 */
export const wait = (env: FlowEnv, { context, name, node }: Visit<WaitNode>): Done => {
  const { until } = node
  const text = (template: Template) => inNode(node, FlowTexts.render(env, template, context))
  const timeout = node.timeoutMs === null ? undefined : Duration.millis(node.timeoutMs)
  switch (until._tag) {
    case "Duration":
      return Effect.as(Wait.duration(name, until.millis), ended(node, { waited_ms: until.millis }))
    case "Time":
      return Effect.gen(function*() {
        const written = (yield* text(until.at)).trim()
        const moment = momentOf(written)
        if (Option.isNone(moment)) {
          return yield* failed(
            node,
            `waits until '${written.slice(0, 80)}', which is no time such as 2026-08-01T09:00:00Z`
          )
        }
        yield* Wait.moment(name, moment.value)
        return ended(node, { until: new Date(moment.value).toISOString() })
      })
    case "File":
      return Effect.gen(function*() {
        const path = within(env.directory, yield* text(until.path))
        const again = yield* round(env.run, name)
        const found = yield* Wait.condition(again, env.options.exists(path), { what: path, timeout })
        if (!found && node.output === null) {
          return yield* endedBadly(env.run, node, name, `${path} did not appear in time`)
        }
        return ended(node, { found, path, timed_out: !found })
      })
    case "Approval":
      return Effect.gen(function*() {
        const question = until.prompt === null ? undefined : yield* text(until.prompt)
        const again = yield* round(env.run, name)
        const answer = yield* Wait.approval(again, { question, timeout })
        if (node.output === null && answer?.approved !== true) {
          const said = answer?.message === null || answer === null ? "" : `: ${answer.message}`
          const detail = answer === null ? "nobody approved in time" : `it was rejected${said}`
          return yield* endedBadly(env.run, node, name, detail)
        }
        return ended(node, {
          approved: answer?.approved === true,
          message: answer?.message ?? null,
          timed_out: answer === null
        })
      })
  }
}

/**
 * Runs another workflow as a child of the run.
 * @category running
 * @since 0.1.0
 */
export const child = (env: FlowEnv, { context, name, node }: Visit<WorkflowNode>): Done =>
  Effect.gen(function*() {
    const args: Record<string, Json> = {}
    for (const [name, value] of node.args) args[name] = yield* argument(env, node, value, context)
    const loaded = yield* Effect.mapError(
      env.options.load(node.workflow),
      ({ message }) => failed(node, `the workflow cannot be loaded: ${message}`)
    )
    // what a workflow of a file requires beside the engine only an application has; it then fails by its name
    const run = below(node, name, loaded, args) as Effect.Effect<Json, Passed, Engine | Run>
    const output = yield* run
    return goOn(node.next, node.output === null ? {} : { [node.output]: output })
  })

/**
 * Runs a workflow below a node, which fails where it ends as failed (O3); gives its output as JSON.
 * @category running
 * @since 0.1.0
 */
export const below = <Out, E, R>(
  node: Pick<WorkflowNode, "at" | "id">,
  name: string,
  workflow: Workflow.Workflow<never, Out, E, R>,
  args: FlowContext
): Effect.Effect<Json, Passed, Exclude<R, Run> | Engine | Run> =>
  Effect.gen(function*() {
    const run = yield* Run
    const now = yield* round(run, name, childEnd)
    const start = Workflow.start(workflow, args)
    // by another name it is another child, which finds nothing of the one before it
    const { exit, outputJson, runId } = yield* (now === name ? start : Position.named(now, start))
    if (Exit.isSuccess(exit)) return outputJson === null ? null : yield* Effect.orDie(decodeJson(outputJson))
    const error = Cause.failureOrCause(exit.cause)
    if (Either.isRight(error)) return yield* Effect.failCause(error.right)
    const cause: unknown = error.left
    if (isPassed(cause)) return yield* cause
    const child = Workflow.definitionOf(workflow).name
    const facts = { node: node.id, at: placeOf(node.at), child, runId, cause, isResumable: isResumable(cause) }
    if (kindOf(cause) !== "FlowFailed") {
      return yield* new ChildFailed({ ...facts, detail: `the workflow '${child}' failed: ${messageOf(cause)}` })
    }
    const said = messageOf(cause).replace(/[.\s]+$/, "")
    yield* run.event(childEnd, `${name}: workflow '${child}' ended as failed: ${said}`, { name, run_id: runId })
    return yield* new ChildFailed({
      ...facts,
      detail: `the workflow '${child}' ended as failed: ${said}. Put that right and resume the run: it begins ` +
        `'${child}' anew and keeps what had finished before it.`
    })
  })

/**
 * The name of a wait in this attempt of the run, which tells it from those that ended badly before, as events of a type
 * say.
 * @category running
 * @since 0.1.0
 */
export const round = (run: Run["Type"], name: string, type = badEnd): Effect.Effect<string> =>
  Effect.suspend(() => {
    let before = 0
    const count = run.history(type, ({ dataJson }) => {
      if (Option.contains(decodeBadEnd(dataJson), name)) before++
    })
    return Effect.map(count, () => before === 0 ? name : `${name}@${before + 1}`)
  })

/**
 * Fails a node whose wait ended badly, and keeps that it did (O1).
 * @category running
 * @since 0.1.0
 */
export const endedBadly = (
  run: Run["Type"],
  node: Pick<WaitNode, "at" | "id">,
  name: string,
  detail: string
): Effect.Effect<never, NodeFailed> =>
  Effect.zipRight(run.event(badEnd, `${name}: ${detail}`, { name }), failed(node, detail))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The type of the events that say that a wait ended badly. */
const badEnd = "wait_failed"

/** The type of the events that say that a child ended as failed. */
const childEnd = "child_failed"

const decodeBadEnd = (dataJson: string | null): Option.Option<string> =>
  Option.map(Schema.decodeUnknownOption(BadEnd)(dataJson), ({ name }) => name)

const BadEnd = Schema.parseJson(Schema.Struct({ name: Schema.String }))

const ended = ({ next, output }: WaitNode, value: FlowContext) => goOn(next, output === null ? {} : { [output]: value })

/** Canonical JSON of our own. */
const decodeJson = Schema.decode(
  Schema.parseJson(Schema.declare((value: unknown): value is Json => value !== undefined))
)

const momentOf = (text: string): Option.Option<number> => {
  const zoned = /(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text) || !/\d:\d/.test(text) ? text : `${text}Z`
  return /^\d{4}-\d\d-\d\d/.test(text) ? Option.map(DateTime.make(zoned), DateTime.toEpochMillis) : Option.none()
}

const within = (directory: string, path: string): string =>
  path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path) ? path : `${directory}/${path}`

/** A template gives text, an expression any value. */
const argument = (env: FlowEnv, node: WorkflowNode, value: Template, context: FlowContext) =>
  /\{[{%#]/.test(value.source)
    ? inNode(node, FlowTexts.render(env, value, context))
    : inNode(node, Either.mapLeft(FlowTexts.evaluate(value, context), (problem) => problem))
