/**
 * What programs that were made of graphs do beside calls: fan out, try again, wait, and end.
 *
 * - Q1. What fails here fails as the graph does: `FlowFailed` at a `fail` node, `FlowStopped` at a bound, `NodeFailed`
 *   for a node that could not do what it says, `ChildFailed` for one whose workflow did.
 * - Q2. Waits have the names they have in graphs, so that `owf approve` answers them.
 * - Q3. What nodes give is bounded as a context is.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { kindOf } from "../workflow/Ending.ts"
import type { Engine } from "../workflow/Engine.ts"
import * as Position from "../workflow/Position.ts"
import { Run } from "../workflow/Run.ts"
import * as Wait from "../workflow/Wait.ts"
import type * as Workflow from "../workflow/Workflow.ts"
import type { BranchNode, Condition, FlowContext, Json } from "./Flow.ts"
import * as FlowAgents from "./FlowAgents.ts"
import type { Passed } from "./FlowFailure.ts"
import type { Names } from "./FlowKit.ts"
import * as FlowNodes from "./FlowNodes.ts"
import { FlowFailed, FlowStopped, NodeFailed } from "./FlowRunError.ts"
import * as FlowSize from "./FlowSize.ts"
import * as FlowState from "./FlowState.ts"
import * as FlowWaits from "./FlowWaits.ts"

/**
 * Runs another workflow as a child, with arguments that are checked when it starts; gives its output as JSON. The name
 * tells it from the other children of the run.
 * @category running
 * @since 0.1.0
 */
export const child = <Out, E, R>(
  name: string,
  // any workflow: its arguments are checked when it starts
  workflow: Workflow.Workflow<never, Out, E, R>,
  args: Names
): Effect.Effect<Json, Passed, Exclude<R, Run> | Engine | Run> =>
  FlowWaits.below({ id: name, at: nowhere }, name, workflow, present(args))

/**
 * The fields that have a value.
 * @category converting
 * @since 0.1.0
 */
export const present = (fields: Names): { readonly [key: string]: Json } =>
  // what a program puts in a field is JSON, as its types say; what is undefined is not there
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as FlowContext

/**
 * Does something for each item, so many at a time; the first failure stops the others. Gives what each of them gave.
 * @category running
 * @since 0.1.0
 */
export const each = <A, B, E, R>(
  items: ReadonlyArray<A>,
  body: (item: A, index: number) => Effect.Effect<B, E, R>,
  options: { readonly concurrency: number }
): Effect.Effect<Array<B>, E, R | Run> =>
  Effect.flatMap(Position.fanOut, (pathOf) =>
    Effect.forEach(items, (item, index) =>
      Position.within((position) => {
        position.path = pathOf(index)
        return FlowSize.apart(body(item, index))
      }), options))

/**
 * What a node gives, unless the context would become larger with it than a run's may be (Q3).
 * @category running
 * @since 0.1.0
 */
export const bounded = <A extends object>(node: string, given: A): Effect.Effect<A, FlowStopped, Run> =>
  Effect.as(FlowSize.count(node, given), given)

/**
 * What a node gives under a name of its own, within the same bound.
 * @category running
 * @since 0.1.0
 */
export const boundedAs = <A>(node: string, name: string, given: A): Effect.Effect<A, FlowStopped, Run> =>
  Effect.as(FlowSize.count(node, { [name]: given }), given)

/**
 * Decides a branch by a value that may be anything, as graphs decide; what could not be compared is kept with the run.
 * @category running
 * @since 0.1.0
 */
export const branch = <const Next extends string>(
  node: string,
  names: Names,
  ways: {
    readonly when?: ReadonlyArray<{ readonly if: string; readonly next: Next }>
    readonly path: string
    readonly cases?: Readonly<Record<string, Next>>
    readonly conditions?: ReadonlyArray<Condition & { readonly next: Next }>
    readonly default?: Next
  }
): Effect.Effect<Next, NodeFailed, Run> =>
  Effect.flatMap(Run, (run) => {
    const asked: BranchNode = {
      id: node,
      at: nowhere,
      type: "branch",
      path: ways.path,
      cases: new Map(Object.entries(ways.cases ?? {})),
      conditions: ways.conditions ?? [],
      when: (ways.when ?? []).map((when) => ({
        if: { source: when.if, at: { ...nowhere, file: "expression" } },
        next: when.next
      })),
      default: ways.default ?? null
    }
    // every way of the node is one of these
    return FlowNodes.decide(run, asked, present(names)) as Effect.Effect<Next, NodeFailed>
  })

/**
 * Whether a loop that would go on may do so; the run keeps that it may not.
 * @category running
 * @since 0.1.0
 */
export const mayTurn = (node: string, turn: number, most: number): Effect.Effect<boolean, never, Run> =>
  Effect.flatMap(Run, (run) => FlowNodes.mayTurn(run, node, turn, most))

/**
 * Does different things at the same time, so many at once; the first failure stops the others. Gives what each of them
 * gave.
 * @category running
 * @since 0.1.0
 */
export const together = <const Branches extends ReadonlyArray<Effect.Effect<unknown, unknown, unknown>>>(
  branches: Branches,
  options: { readonly concurrency: number }
): Effect.Effect<
  { readonly [Index in keyof Branches]: Effect.Effect.Success<Branches[Index]> },
  Effect.Effect.Error<Branches[number]>,
  Effect.Effect.Context<Branches[number]> | Run
> =>
  // one result for each branch, in their order; what is common to the branches is all that `each` knows of them
  each(branches, (branch) => branch, options) as ReturnType<typeof together<Branches>>

/**
 * A try of a node that is tried again when it fails.
 * @category models
 * @since 0.1.0
 */
export interface Try {
  /** 0 for the first. */
  readonly retry: number
  readonly isLast: boolean
  /** The prompt, after word of the try before where that one took too long. */
  readonly prompt: (text: string, timeoutMs: number) => string
}

/**
 * Tries again what failed, unless a person has to put it right; tries are counted over all attempts of the run. The name
 * tells it from what else the run tries again.
 * @category running
 * @since 0.1.0
 */
export const retrying = <A, E, R>(
  name: string,
  retry: { readonly attempts: number; readonly delay?: Duration.DurationInput | undefined },
  body: (current: Try) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Run> => {
  const once = (times: number, hasOverrun: boolean): Effect.Effect<A, E, R> => {
    const prompt: Try["prompt"] = (text, timeoutMs) => hasOverrun ? `${FlowAgents.overran(timeoutMs)}\n\n${text}` : text
    const tried = body({ retry: times, isLast: times >= retry.attempts, prompt })
    // a resumed run begins with a later try, whose calls are not to be taken for those of an earlier one
    return times === 0 ? tried : Position.named(`${name}, try ${times + 1}`, tried)
  }
  const attempt = (times: number, hasOverrun: boolean): Effect.Effect<A, E, R | Run> =>
    Effect.catchAll(
      Effect.suspend(() => once(times, hasOverrun)),
      (error) =>
        times >= retry.attempts || !FlowNodes.isWorthAnotherTry(error)
          ? Effect.fail(error)
          : Effect.flatMap(Run, (run) => {
            const failure = { kind: kindOf(error), detail: FlowNodes.describe(error) }
            return Effect.zipRight(FlowState.failTry(run, name, times + 1, failure), next(times + 1, failure.kind))
          })
    )
  const next = (times: number, last: string): Effect.Effect<A, E, R | Run> =>
    Effect.zipRight(
      times === 0 || retry.delay === undefined ? Effect.void : Wait.duration(`${name}:retry${times}`, retry.delay),
      attempt(times, last === "CallTimeout")
    )
  return Effect.flatMap(
    Effect.flatMap(Run, (run) => FlowState.failedTries(run, name)),
    ({ last, times }) => next(Math.min(times, retry.attempts), last)
  )
}

// -----------------------------------------------------------------------------
// waits and ends
// -----------------------------------------------------------------------------

/**
 * Waits for a person; gives the answer, or that nobody gave one in time.
 * @category running
 * @since 0.1.0
 */
export const approval = (
  name: string,
  options: { readonly question?: string | undefined; readonly timeout?: Duration.DurationInput | undefined } = {}
) =>
  Effect.map(Wait.approval(name, options), (answer) => ({
    approved: answer?.approved === true,
    message: answer?.message ?? null,
    timed_out: answer === null
  }))

/**
 * Waits for a person to agree, and fails when nobody does; a run that is resumed after that asks again.
 * @category running
 * @since 0.1.0
 */
export const approved = (name: string, options?: Parameters<typeof approval>[1]) =>
  again(name, (round) => approval(round, options), ({ approved, message, timed_out }) => {
    if (approved) return undefined
    return timed_out ? "nobody approved in time" : `it was rejected${message === null ? "" : `: ${message}`}`
  })

/**
 * Waits for something to be there, such as a file; gives whether it was in time.
 * @category running
 * @since 0.1.0
 */
export const file = (
  name: string,
  path: string,
  exists: Effect.Effect<boolean>,
  options: { readonly timeout?: Duration.DurationInput | undefined } = {}
) =>
  Effect.map(Wait.condition(name, exists, { what: path, ...options }), (found) => ({ found, path, timed_out: !found }))

/**
 * Waits for something to be there, and fails when it is not in time; a run that is resumed after that waits again.
 * @category running
 * @since 0.1.0
 */
export const fileInTime = (name: string, ...rest: Rest<Parameters<typeof file>>) =>
  again(
    name,
    (round) => file(round, ...rest),
    ({ found, path }) => found ? undefined : `${path} did not appear in time`
  )

/**
 * Waits until a time that is written as text, in UTC where it has no zone.
 * @category running
 * @since 0.1.0
 */
export const until = (name: string, time: string): Effect.Effect<{ readonly until: string }, NodeFailed, Run> => {
  const text = time.trim()
  const zoned = /(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text) || !/\d:\d/.test(text) ? text : `${text}Z`
  const moment = /^\d{4}-\d\d-\d\d/.test(text) ? DateTime.make(zoned) : Option.none()
  return Option.match(moment, {
    onNone: () => Effect.fail(nodeFailed(name, `waits until '${text.slice(0, 80)}', which is no time`)),
    onSome: (utc) => Effect.as(Wait.moment(name, utc.epochMillis), { until: new Date(utc.epochMillis).toISOString() })
  })
}

/**
 * Ends the run as failed; an empty message says at which node.
 * @category running
 * @since 0.1.0
 */
export const fail = (workflow: string, node: string, message = ""): FlowFailed =>
  new FlowFailed({
    workflow,
    node,
    detail: message.trim() === "" ? `The run came to node '${node}', which ends it as failed.` : message
  })

/**
 * Keeps what the run says at its end.
 * @category running
 * @since 0.1.0
 */
export const finish = (node: string, message: string): Effect.Effect<void, never, Run> =>
  message.trim() === "" ? Effect.void : Effect.flatMap(Run, (run) => run.event("end", message.trim(), { node }))

/**
 * The failure of a node that cannot do what it says.
 * @category constructors
 * @since 0.1.0
 */
export const nodeFailed = (node: string, detail: string): NodeFailed => new NodeFailed({ node, at: "", detail })

/**
 * Counts the nodes a program comes to, and stops it where there are too many; each visit has a name of its own.
 * @category constructors
 * @since 0.1.0
 */
export const transitions = (workflow: string, most = 1_000, path = "") => {
  const visits = new Map<string, number>()
  let made = 0
  return (node: string): Effect.Effect<string, FlowStopped> =>
    Effect.suspend(() => {
      if (made >= most) {
        return Effect.fail(
          new FlowStopped({
            workflow,
            node,
            limit: "transitions",
            detail: `The run of ${workflow} has made ${most} transitions and stopped before node '${node}'.`
          })
        )
      }
      made++
      const times = (visits.get(node) ?? 0) + 1
      visits.set(node, times)
      return Effect.succeed(`${path === "" ? "" : `${path}/`}${node}${times === 1 ? "" : `#${times}`}`)
    })
}

/**
 * Stops a program that takes longer than it may, over all resumes.
 * @category combinators
 * @since 0.1.0
 */
export const within =
  (workflow: string, wallClock: Duration.DurationInput) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | FlowStopped, R | Run> =>
    Effect.flatMap(Run, ({ createdAt }) =>
      Effect.raceFirst(
        program,
        Effect.zipRight(
          Wait.until(createdAt + Duration.toMillis(wallClock)),
          new FlowStopped({
            workflow,
            node: "",
            limit: "wall_clock",
            detail: `The run of ${workflow} has taken the ${Duration.toSeconds(wallClock)} seconds it may take.`
          })
        )
      ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nowhere = { file: "", line: 1, column: 1 }

type Rest<Parameters extends ReadonlyArray<unknown>> = Parameters extends readonly [unknown, ...infer R] ? R : never

/** A wait that fails where it ended badly, and has another name when the run is resumed after that. */
const again = <A, E, R>(
  name: string,
  wait: (round: string) => Effect.Effect<A, E, R>,
  fault: (ended: A) => string | undefined
): Effect.Effect<A, E | NodeFailed, R | Run> =>
  Effect.gen(function*() {
    const run = yield* Run
    const ended = yield* wait(yield* FlowWaits.round(run, name))
    const detail = fault(ended)
    return detail === undefined ? ended : yield* FlowWaits.endedBadly(run, { id: name, at: nowhere }, name, detail)
  })
