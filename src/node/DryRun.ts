/**
 * What a run would come to: the program is executed with answers that are made up, and nothing is left behind.
 *
 * - R1. The program, its calls, budgets and checks are those of a run; `DryRunPlayed` says what is played.
 * - R2. Waits are passed over: a time has come, a condition is so, a person says yes.
 * - R3. It ends: after so many requests, and after so long, the program is stopped, and what it did until then is shown.
 *
 * What the workflow does by itself it does here too: only what goes through the verbs is played.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Plan, PlannedCall, PlannedRun } from "../cli/DryRunView.ts"
import * as DryRunView from "../cli/DryRunView.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import type { DryRunRequest } from "../cli/Host.ts"
import * as Render from "../cli/Render.ts"
import * as WorkflowView from "../cli/WorkflowView.ts"
import type { NanoUsd } from "../domain/Money.ts"
import * as Money from "../domain/Money.ts"
import type * as Records from "../domain/Records.ts"
import * as BuiltIns from "../provider/BuiltIn.ts"
import * as Fake from "../provider/Fake.ts"
import { Settings } from "../settings/Settings.ts"
import { RunStore } from "../store/RunStore.ts"
import type * as Engine from "../workflow/Engine.ts"
import { Waiting } from "../workflow/Wait.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { Loaded } from "./CliRunFile.ts"
import { argsOf, askedOf, load } from "./CliRunFile.ts"
import * as Session from "./CliRunSession.ts"
import * as Played from "./DryRunPlayed.ts"
import * as Owf from "./Owf.ts"
import * as TemporaryDirectory from "./TemporaryDirectory.ts"

/**
 * What is to be tried, and how far.
 * @category models
 * @since 0.1.0
 */
export interface Request
  extends Pick<DryRunRequest, "file">, Partial<Omit<DryRunRequest, "file" | "home" | "json" | "debug">>
{
  /** Directory agents would work in. Defaults to the process's. */
  readonly cwd?: string | undefined
}

/**
 * Executes a workflow file without leaving anything, and says what a run of it would come to.
 *
 * It fails where a run could not be started: the file, its arguments, the provider. A program that fails is part of the
 * plan.
 * @category running
 * @since 0.1.0
 */
export const plan = Effect.fn("DryRun.plan")(function*(asking: Request) {
  const request = { ...nothing, ...asking }
  const loaded = yield* load(request.file)
  const args = yield* argsOf(loaded, request)
  const decoded = yield* Workflow.decodeArgs(loaded.workflow, args)
  const asked = yield* askedOf(loaded, { ...request, cachePolicy: undefined })
  const tried = yield* attempt(loaded, args, asked, request)
  return yield* planOf(loaded, decoded.json, tried, request)
}, Effect.scoped)

/**
 * Shows what a run would come to, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const dryRun = (request: DryRunRequest): Promise<number> =>
  Session.watch(request, (session) =>
    Effect.gen(function*() {
      const made = yield* plan(request)
      yield* session.print(request.json ? JSON.stringify(made, null, 2) : DryRunView.render(made))
      return made.error === null ? ExitCode.done : ExitCode.failed
    }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Omit<Required<Request>, "file"> = {
  cwd: undefined,
  provider: undefined,
  cli: undefined,
  model: undefined,
  budgetTokens: undefined,
  budgetCostUsd: undefined,
  args: [],
  argsJson: undefined,
  params: undefined,
  paramsFile: undefined,
  strict: false,
  outputTokens: undefined,
  maxRequests: undefined,
  maxSeconds: undefined
}

const defaultOutputTokens = 500
const defaultMaxRequests = 10_000
const defaultMaxSeconds = 300

/** What came of executing the program. */
interface Tried {
  readonly tree: PlannedRun
  readonly status: string
  readonly error: Plan["error"]
  readonly provider: string
  readonly model: string | null
  readonly notes: ReadonlyArray<string>
}

const attempt = (loaded: Loaded, args: unknown, asked: Engine.RunOptions, request: Request) =>
  Effect.gen(function*() {
    const cwd = request.cwd ?? process.cwd()
    const most = request.maxRequests ?? defaultMaxRequests
    const seconds = request.maxSeconds ?? defaultMaxSeconds
    const recorder = yield* Played.makeRecorder(most)
    const home = yield* TemporaryDirectory.make("owf-dry-run-")
    const replacements = Layer.mergeAll(
      Played.layerProviders(recorder, request.outputTokens ?? defaultOutputTokens),
      Played.layerRunFiles(home),
      Played.layerFingerprint,
      Played.layerWorktree(cwd)
    )
    const script = { path: loaded.path, hash: loaded.sha256 }
    // a file's workflow can require what only an application provides; it then fails by the name of what is missing
    const started = Workflow.start(loaded.workflow, args, { ...asked, script }) as Effect.Effect<
      Engine.RunResult<unknown, unknown>,
      Effect.Effect.Error<ReturnType<typeof Workflow.start>>,
      Owf.Owf
    >
    return yield* Effect.gen(function*() {
      const ended = yield* Effect.raceFirst(
        Effect.map(started, ({ exit, status }): Ended => endOf(status, exit)),
        Effect.raceFirst(
          Effect.as(recorder.tooMany, stopped(`it made more than ${most} requests; --max-requests lets it make more`)),
          Effect.delay(
            Effect.succeed(stopped(`it took longer than ${seconds} seconds; --max-seconds lets it take longer`)),
            Duration.seconds(seconds)
          )
        )
      )
      const [root] = yield* (yield* RunStore).runs({ limit: 1 })
      if (root === undefined) return yield* Effect.dieMessage("DryRun.attempt: the run left no row")
      return {
        ...ended,
        tree: yield* treeOf(root, recorder),
        provider: root.provider,
        model: root.model,
        notes: yield* notesOf(recorder)
      } satisfies Tried
    }).pipe(
      Effect.provideService(Waiting, "skipped"),
      Effect.provide(Owf.layerWith(replacements, { home, cwd }))
    )
  })

type Ended = Pick<Tried, "status" | "error">

const endOf = (status: string, exit: Exit.Exit<unknown, unknown>): Ended => {
  if (Exit.isSuccess(exit)) return { status, error: null }
  const { facts, kind, message } = Render.ofRun(exit.cause)
  return { status: "failed", error: { kind, message: [message, ...facts].join("\n") } }
}

const stopped = (message: string): Ended => ({ status: "stopped", error: { kind: "DryRunStopped", message } })

const treeOf = (run: Records.Run, recorder: Played.Recorder): Effect.Effect<PlannedRun, unknown, RunStore> =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const calls = yield* store.calls(run.id)
    const children = yield* store.children(run.id)
    return {
      workflow: run.workflowName,
      status: run.status,
      calls: calls.map((call) => callOf(call, recorder.of(call.id))),
      children: yield* Effect.forEach(children, (child) => treeOf(child, recorder))
    }
  })

const callOf = (call: Records.Call, asked: ReadonlyArray<Played.Asked>): PlannedCall => ({
  index: call.index,
  label: call.label,
  phase: call.phase,
  provider: call.provider,
  model: call.model,
  isolation: call.isolation,
  status: call.status,
  cache_status: call.cacheStatus,
  error: call.error,
  requests: asked.length,
  input_tokens: total(asked, ({ inputTokens }) => inputTokens),
  output_tokens: total(asked, ({ outputTokens }) => outputTokens),
  cost_usd: totalUsd(asked.map(({ cost }) => cost)),
  cost_usd_at_most: totalUsd(asked.map(({ costAtMost }) => costAtMost))
})

const total = <A>(items: ReadonlyArray<A>, of: (item: A) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0)

const totalUsd = (costs: ReadonlyArray<NanoUsd | undefined>): number | null => {
  let sum = Money.zero
  for (const cost of costs) {
    if (cost === undefined) return null
    sum = Money.add(sum, cost)
  }
  return Money.toUsd(sum)
}

const planOf = (loaded: Loaded, argsJson: string, tried: Tried, request: Request) =>
  Effect.map(Effect.orDie(decodeJson(argsJson)), (args): Plan => {
    const declared = WorkflowView.toJson(loaded, Workflow.definitionOf(loaded.workflow))
    const calls = DryRunView.callsOf(tried.tree)
    const phases = DryRunView.groupBy(calls, ({ phase }) => phase)
    const models = DryRunView.groupBy(calls, ({ model, provider }) => JSON.stringify([provider, model]))
    const totals = DryRunView.sum(calls)
    const assumed = request.outputTokens ?? defaultOutputTokens
    return {
      script_path: loaded.path,
      script_hash: loaded.sha256,
      workflow: declared.workflow,
      args,
      provider: tried.provider,
      model: tried.model,
      status: tried.status,
      error: tried.error,
      phases: [...phases].map(([phase, calls]) => Object.assign({ phase }, DryRunView.sum(calls))),
      models: [...models.values()].flatMap((calls) =>
        calls.slice(0, 1).map(({ model, provider }) => Object.assign({ provider, model }, DryRunView.sum(calls)))
      ),
      totals,
      tree: tried.tree,
      assumed_output_tokens: assumed,
      notes: [
        ...loaded.warnings,
        madeUp(assumed),
        ...(totals.cost_usd_at_most ?? 0) > 0 ? [atMost] : [],
        ...tried.notes
      ]
    }
  })

/** Canonical JSON of our own. */
const decodeJson = Schema.decode(Schema.parseJson())

const madeUp = (tokens: number): string =>
  `Answers were made up and taken to have ${tokens} tokens (--output-tokens): a program that decides by its answers may ` +
  "make other calls in a run, and calls that earlier runs have answered may cost nothing."

const atMost = "At most is what a budget sets aside: a token for each byte of a prompt, and an answer as long as its " +
  "maxOutputTokens, or as its provider reckons with where it has none. A request that is sent again comes on top."

/** What is missing for the run, as far as it can be told without asking anybody. */
const notesOf = (recorder: Played.Recorder) =>
  Effect.gen(function*() {
    const settings = yield* Settings
    const notes: Array<string> = []
    for (const name of recorder.providers) {
      if (name === Fake.name) {
        notes.push("The provider fake is free; --provider and --model say what another one costs.")
      }
      if (name === "script") notes.push("The programs of the graph were not run; what they print was made up.")
      const builtIn = BuiltIns.all.find((one) => one.name === name)
      if (builtIn?._tag !== "Server") continue
      const said = yield* Effect.option(settings.configured(name))
      const own = Option.getOrUndefined(Option.flatMapNullable(said, ({ keyVariable }) => keyVariable))
      const variables = own === undefined ? builtIn.keyVariables : [own]
      if (variables.every((variable) => Option.isNone(settings.secret(variable)))) {
        notes.push(`The provider ${name} needs a key in ${variables.join(" or ")}, which is not set.`)
      }
    }
    return notes
  })
