/**
 * Runs a graph: interprets its nodes over the same engine as every other workflow.
 *
 * - G1. What a node puts in the context is kept before the next node begins, and a resumed run goes on with the node
 *   that had not finished (see `FlowState`).
 * - G2. Values keep their types: the context is JSON, and only texts are texts.
 * - G3. Bodies that run at the same time have contexts of their own; what they set is merged in the order they are
 *   written, or becomes a list in the order of the items.
 * - G4. Everything is bounded: the transitions of a body, the turns of a loop, the time of a run over its resumes, the
 *   size of a context, and what a run spends with all that is below it. A bound that is reached stops the run, which can
 *   go on once it is raised.
 */
import * as Effect from "effect/Effect"
import { Providers } from "../provider/Provider.ts"
import { Settings } from "../settings/Settings.ts"
import { kindOf } from "../workflow/Ending.ts"
import * as Position from "../workflow/Position.ts"
import { Run } from "../workflow/Run.ts"
import * as Wait from "../workflow/Wait.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { Body, EndNode, Flow, FlowContext, Node } from "./Flow.ts"
import { end } from "./Flow.ts"
import * as FlowArgs from "./FlowArgs.ts"
import type { FlowEnv, Frame, Options, Services } from "./FlowEnv.ts"
import * as FlowEnvs from "./FlowEnv.ts"
import type { FlowFailure } from "./FlowFailure.ts"
import * as FlowNodes from "./FlowNodes.ts"
import * as FlowRewind from "./FlowRewind.ts"
import { FlowDiverged, FlowFailed, FlowStopped } from "./FlowRunError.ts"
import * as FlowSize from "./FlowSize.ts"
import * as FlowState from "./FlowState.ts"
import * as FlowTexts from "./FlowTexts.ts"

export type { Options, Services } from "./FlowEnv.ts"

/**
 * A graph as a workflow: its variables are the arguments, the context it ends with is the output.
 * @category constructors
 * @since 0.1.0
 */
export const toWorkflow = (
  flow: Flow,
  options: Options
): Workflow.Workflow<FlowContext, FlowContext, FlowFailure, Services | Run> =>
  Workflow.make({
    name: flow.name,
    description: flow.description === "" ? undefined : flow.description,
    phases: [...flow.nodes.values()].filter(({ type }) => working.has(type)).map(({ id }) => id),
    budget: { tokens: flow.limits.tokens, costUsd: flow.limits.costUsd },
    args: FlowArgs.schema(flow.variables)
  }, (variables: FlowContext) => bounded(flow, run(flow, variables, options)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const working: ReadonlySet<Node["type"]> = new Set(["agent", "script", "for_each", "while", "parallel", "workflow"])

const maxTransitions = 1_000

const run = Effect.fnUntraced(function*(flow: Flow, variables: FlowContext, options: Options) {
  const current = yield* Run
  const env: FlowEnv = {
    flow,
    directory: flow.file.slice(0, Math.max(flow.file.lastIndexOf("/"), flow.file.lastIndexOf("\\"))),
    run: current,
    providers: yield* Providers,
    agents: yield* (yield* Settings).agents,
    state: yield* FlowState.make(current),
    options
  }
  yield* FlowState.keepLimits(current, flow.limits)
  if (options.from !== undefined) yield* FlowRewind.go(env, options.from)
  const frame = FlowEnvs.frame(variables)
  yield* walk(env, flow, frame)
  return frame.context
})

/** Stops a graph whose time is over, whatever it is doing; the time counts from its first start (G4). */
const bounded = <A, E, R>(flow: Flow, program: Effect.Effect<A, E, R>): Effect.Effect<A, E | FlowStopped, R | Run> => {
  const { wallClockMs } = flow.limits
  if (wallClockMs === undefined) return program
  return Effect.flatMap(Run, ({ createdAt }) =>
    Effect.raceFirst(
      program,
      Effect.zipRight(
        Wait.until(createdAt + wallClockMs),
        new FlowStopped({
          workflow: flow.name,
          node: "",
          limit: "wall_clock",
          detail: `The run of ${flow.name} has taken the ${wallClockMs / 1000} seconds it may take; ` +
            "raise limits.wall_clock and resume it to go on."
        })
      )
    ))
}

/** Walks a body from its start, or from where an earlier attempt of the run had come to, to its end. */
const walk = (env: FlowEnv, body: Body, frame: Frame): Effect.Effect<void, FlowFailure, Run | Services> =>
  Effect.gen(function*() {
    for (let id: string | null = body.start; id !== null && id !== end;) {
      const recorded = env.state.recorded(frame.path, frame.seq)
      if (recorded !== undefined) {
        id = follow(env, recorded, frame)
        continue
      }
      const node: Node | undefined = body.nodes.get(id)
      if (node === undefined) return yield* gone(env, id)
      if (node.type === "fail") return yield* fail(env, node, frame)
      if (node.type === "terminal") return yield* finish(env, node, frame)
      id = yield* advance(env, node, frame)
    }
  })

const gone = ({ flow }: FlowEnv, id: string): FlowDiverged =>
  new FlowDiverged({
    workflow: flow.name,
    node: id,
    detail: `The run stands at node '${id}', which ${flow.file} does not have any more. ` +
      "Put it back and resume the run, go back to another node with `owf resume <run_id> --from <node>`, or start " +
      "anew with --fresh."
  })

const fail = (env: FlowEnv, node: EndNode, frame: Frame) =>
  Effect.gen(function*() {
    const said = yield* messageOf(env, node, frame)
    const detail = said === "" ? `The run came to node '${node.id}', which ends it as failed.` : said
    return yield* new FlowFailed({ workflow: env.flow.name, node: node.id, detail })
  })

/** Keeps what the node says, for whoever looks at how the run ended. */
const finish = (env: FlowEnv, node: EndNode, frame: Frame) =>
  Effect.flatMap(
    messageOf(env, node, frame),
    (said) => said === "" ? Effect.void : env.run.event("end", said, { node: node.id })
  )

const messageOf = (env: FlowEnv, node: EndNode, frame: Frame) =>
  node.message === null
    ? Effect.succeed("")
    : Effect.map(
      FlowEnvs.inNode(node, FlowTexts.render(env, node.message, frame.context)),
      (said) => said.trim()
    )

/** Takes what was kept of a node, whether the graph still has it or not; gives the next one. */
const follow = (env: FlowEnv, recorded: FlowState.Recorded, frame: Frame): string | null => {
  visit(frame, recorded.node)
  if (recorded.isDegraded) env.run.inheritance.degraded()
  put(frame, recorded.set)
  return recorded.next
}

/** Notes that a node was come to, and gives how often it was before. */
const visit = (frame: Frame, id: string): number => {
  const visits = frame.visits.get(id) ?? 0
  frame.visits.set(id, visits + 1)
  frame.seq++
  return visits
}

/** Runs a node and keeps what it did; gives the next node. */
const advance = (env: FlowEnv, node: Node, frame: Frame): Effect.Effect<string | null, FlowFailure, Run | Services> =>
  Effect.gen(function*() {
    const { seq } = frame
    const visits = visit(frame, node.id)
    yield* withinTransitions(env, node, seq)
    const name = nameOf(env, frame, node, { seq, visits })
    const outcome = yield* tried(env, node, frame, seq, name)
    yield* FlowSize.within(env.flow.name, node.id, FlowSize.of({ ...frame.context, ...outcome.set }))
    yield* env.state.record(frame.path, seq, node.id, outcome, frame.context)
    put(frame, outcome.set)
    return outcome.next
  })

const put = (frame: Frame, set: FlowContext): void => {
  frame.context = { ...frame.context, ...set }
  frame.set = { ...frame.set, ...set }
}

/** What is done after a run went back has other names than what was done before, which so stays what it was. */
const nameOf = (
  env: FlowEnv,
  { path }: Frame,
  { id }: Node,
  { seq, visits }: { readonly seq: number; readonly visits: number }
): string => {
  const generation = path === "" ? env.state.generation(seq) : 0
  return `${path === "" ? "" : `${path}/`}${id}${visits === 0 ? "" : `#${visits + 1}`}` +
    (generation === 0 ? "" : `~${generation + 1}`)
}

const withinTransitions = ({ flow }: FlowEnv, node: Node, seq: number): Effect.Effect<void, FlowStopped> => {
  const most = flow.limits.transitions ?? maxTransitions
  return seq < most ? Effect.void : new FlowStopped({
    workflow: flow.name,
    node: node.id,
    limit: "transitions",
    detail: `The run of ${flow.name} has made ${most} transitions and stopped before node '${node.id}'. ` +
      "If it is not stuck, raise limits.transitions and resume it."
  })
}

/** Runs a node, again as often as it says when it fails; tries are counted over all attempts of the run. */
const tried = (
  env: FlowEnv,
  node: Node,
  frame: Frame,
  seq: number,
  name: string
): Effect.Effect<FlowState.Outcome, FlowFailure, Run | Services> => {
  const retry = "retry" in node ? node.retry : null
  const once = (times: number) => {
    const context: FlowContext = retry === null ? frame.context : { ...frame.context, retry: times }
    const isLastTry = retry === null || times >= retry.attempts
    const hasOverrun = env.state.failures(frame.path, seq).last === "CallTimeout"
    const visit = { node, frame, context, name, isLastTry, hasOverrun }
    return Position.named(
      times === 0 ? name : `${name}, try ${times + 1}`,
      FlowNodes.run(env, visit, (body, frame) => walk(env, body, frame))
    )
  }
  if (retry === null) return once(0)
  const attempt = (times: number): Effect.Effect<FlowState.Outcome, FlowFailure, Run | Services> =>
    Effect.catchAll(once(times), (error) =>
      times >= retry.attempts || !FlowNodes.isWorthAnotherTry(error)
        ? Effect.fail(error)
        : Effect.zipRight(
          env.state.fail(frame.path, seq, node.id, { kind: kindOf(error), detail: FlowNodes.describe(error) }),
          // what is told of the failure is known only after it was kept
          Effect.suspend(() => next(times + 1))
        ))
  const next = (times: number) =>
    Effect.zipRight(
      times === 0 || retry.delayMs === 0 ? Effect.void : Wait.duration(`${name}:retry${times}`, retry.delayMs),
      attempt(times)
    )
  return Effect.suspend(() => next(Math.min(env.state.failures(frame.path, seq).times, retry.attempts)))
}
