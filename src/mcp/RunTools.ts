/**
 * The tools that run workflows, and stop them.
 *
 * - R1. A run is a process of its own. In the foreground it is interrupted with the request, and stays resumable; in the
 *   background it goes on whatever becomes of the server.
 * - R2. Without being told otherwise nothing is asked of a provider that costs something.
 * - R3. A run is resumed with the file it was started from only where that file may be named by the client.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CachePolicy } from "../domain/Status.ts"
import * as Commands from "./Commands.ts"
import * as Fields from "./Fields.ts"
import type { Ran } from "./Host.ts"
import { Host } from "./Host.ts"
import * as Links from "./Links.ts"
import * as Problem from "./Problem.ts"
import * as Status from "./Status.ts"
import * as Tool from "./Tool.ts"

const running: Tool.Hints = {
  readOnlyHint: false,
  // a workflow is a program, and its agents may change files
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true
}

const shared = {
  model: Fields.text("Model of the calls that name none"),
  budget_tokens: Fields.whole("Tokens the run may use, over all resumes"),
  budget_cost_usd: Fields.amount("Dollars the run may cost, over all resumes"),
  strict: Fields.flag("Fail where a declared fallback would stand in for an answer"),
  background: Fields.flag("Return the run's id at once and let it work; follow it with owf_status and wait_ms"),
  home: Fields.home
}

const started = {
  run_id: Schema.String,
  status: Schema.String,
  output: Schema.optional(Schema.Unknown),
  run_dir: Schema.optional(Schema.String),
  error: Schema.optional(Schema.Unknown),
  calls_by_status: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Number }))
}

const run = Tool.make({
  name: "owf_run_workflow",
  title: "Run a workflow",
  description:
    "Runs a workflow file and gives its output. Without provider the offline one answers, for nothing: the " +
    "shape of a run can be seen before it costs something. Give a budget to a provider that costs. A run that may take " +
    "longer than a minute belongs in the background.",
  hints: running,
  input: Schema.Struct({
    path: Fields.needed("The workflow file (.ts, .mts, .js, .mjs) or graph (.yaml), inside a root"),
    args: Fields.args,
    provider: Fields.text("Who answers the calls that name nobody (default: fake); owf_providers lists them"),
    cache_policy: Fields.choice(CachePolicy.literals, "Use of earlier runs' answers (default: auto)"),
    ...shared
  }),
  output: started
}, (input, telling) =>
  Effect.gen(function*() {
    const host = yield* Host
    const { args = {}, budget_cost_usd, budget_tokens, cache_policy, model, provider = "fake", strict } = input
    const file = yield* host.file(input.path)
    const home = yield* host.home(input.home)
    const flags = Commands.options({
      provider,
      model,
      "budget-tokens": budget_tokens,
      "budget-cost-usd": budget_cost_usd,
      "cache-policy": cache_policy,
      "args-json": "-",
      strict,
      home
    })
    return yield* perform({
      words: ["run", ...flags, ...quietly, "--", file],
      input: JSON.stringify(args),
      given: undefined,
      background: input.background ?? false,
      home,
      asked: input.home,
      telling
    })
  }))

const resume = Tool.make({
  name: "owf_resume",
  title: "Resume a run",
  description: "Goes on with a run that was interrupted, failed or ran out of budget. Calls that were completed are " +
    "answered from the record and sent to nobody. The file may have been corrected since.",
  hints: running,
  input: Schema.Struct({
    run_id: Fields.run,
    provider: Fields.text("Who answers the calls that name nobody (default: the run's)"),
    script: Fields.text("Where the workflow file is now, when it was moved; inside a root"),
    from_node: Fields.text("Run a graph again from this node on"),
    rerun_mutating: Fields.flag("Make calls that may change files again, also where what they left still stands"),
    ...shared
  }),
  output: started
}, (input, telling) =>
  Effect.gen(function*() {
    const host = yield* Host
    const home = yield* host.home(input.home)
    const found = yield* Status.find(input.run_id ?? "latest", Commands.options({ home }))
    yield* host.runDirectory(found.directory)
    const script = input.script ?? found.script
    const flags = Commands.options({
      provider: input.provider,
      model: input.model,
      "budget-tokens": input.budget_tokens,
      "budget-cost-usd": input.budget_cost_usd,
      script: script === undefined ? undefined : yield* host.file(script),
      from: input.from_node,
      "rerun-mutating": input.rerun_mutating,
      strict: input.strict,
      home
    })
    return yield* perform({
      words: ["resume", ...flags, ...quietly, "--", found.id],
      input: "",
      given: found.id,
      background: input.background ?? false,
      home,
      asked: input.home,
      telling
    })
  }))

const cancel = Tool.make({
  name: "owf_cancel",
  title: "Stop a run",
  description:
    "Asks the process that is at work on a run to stop. What was done is kept, and owf_resume goes on with it.",
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: Schema.Struct({ run_id: Fields.run, home: Fields.home }),
  output: {
    run_id: Schema.String,
    status: Schema.String,
    stopped: Schema.Boolean.annotations({ description: "Whether a process was asked to stop" }),
    detail: Schema.String
  }
}, ({ home: asked, run_id = "latest" }) =>
  Effect.gen(function*() {
    const { command, home } = yield* Host
    const words = Commands.options({ home: yield* home(asked) })
    const ran = yield* command(["cancel", ...words, "--json", "--", run_id])
    const value = Commands.objectOf(yield* Commands.documentOf(ran)) ?? {}
    return { value, isError: ran.code !== 0 }
  }))

/**
 * The tools that run workflows.
 * @category models
 * @since 0.1.0
 */
export const tools: ReadonlyArray<Tool.Tool> = [run, resume, cancel]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const quietly = ["--events", "--quiet"]

interface Work {
  readonly words: ReadonlyArray<string>
  readonly input: string
  /** The run, where it is known before. */
  readonly given: string | undefined
  readonly background: boolean
  readonly home: string
  /** The home as the client named it. */
  readonly asked: string | undefined
  readonly telling: Tool.Telling
}

const perform = (work: Work) => work.background ? inBackground(work) : inForeground(work)

const inBackground = ({ asked, given, home, input, words }: Work) =>
  Effect.gen(function*() {
    const { background } = yield* Host
    const begun = yield* background(words, input, (line) => Option.isSome(eventOf(line)))
    if ("code" in begun) {
      // it was over before anything happened: a run that is done already, or a mistake
      if (given === undefined || !isDone(begun)) return yield* Commands.refused(begun)
      return yield* ended(given, begun, home, asked)
    }
    const id = given ?? Option.getOrUndefined(eventOf(begun.event))?.run_id
    if (id === undefined) return yield* lost
    return {
      value: { run_id: id, status: "running", pid: begun.pid },
      text: `Run ${id} is at work in the background. Follow it with owf_status and wait_ms; stop it with owf_cancel.`,
      links: Links.ofRun(id, asked)
    }
  })

const inForeground = ({ asked, given, home, input, telling, words }: Work) =>
  Effect.gen(function*() {
    const { child } = yield* Host
    let id = given
    let hasBegun = false
    const line = (text: string) =>
      Option.match(eventOf(text), {
        onNone: () => Effect.void,
        onSome: (event) => {
          id ??= event.run_id
          hasBegun = true
          return told.has(event.type) ? telling.progress(`${event.type}: ${event.message}`) : Effect.void
        }
      })
    const ran = yield* child(words, { input, line })
    // the record says how the run went, and nothing of what was refused before
    if (id === undefined || (!hasBegun && !isDone(ran))) return yield* Commands.refused(ran)
    return yield* ended(id, ran, home, asked)
  })

const ended = (id: string, ran: Ran, home: string, asked: string | undefined) =>
  Effect.gen(function*() {
    const found = yield* Status.read(id, Commands.options({ home }), { limit: 1 })
    const { error_kind, error_message } = found.run
    const problem = isDone(ran) ? undefined : Commands.refused(ran)
    const value = {
      run_id: found.run_id,
      status: found.status,
      output: found.output,
      run_dir: found.run_dir,
      attempt: found.attempt,
      calls_by_status: found.calls_by_status,
      error: problem === undefined
        ? null
        : { kind: error_kind ?? problem.kind, message: error_message ?? problem.detail }
    }
    const links = Links.ofRun(found.run_id, asked)
    if (problem === undefined) return { value, links }
    const text = `${Problem.toText(problem)}\n\nrun_id: ${found.run_id}\nstatus: ${found.status}`
    return { value, links, text, isError: true }
  })

const done = new Set([0, 10])

const isDone = ({ code }: Ran): boolean => done.has(code)

const lost = Problem.make(
  "InternalError",
  "The run began, and its id could not be read from what its process printed.",
  "owf_list_runs shows it."
)

/** Events that are worth a word to who waits. */
const told: ReadonlySet<string> = new Set(["run_started", "run_resumed", "phase", "log", "call_settled", "waiting"])

const Event = Schema.parseJson(Schema.Struct({ run_id: Schema.String, type: Schema.String, message: Schema.String }))

/** A line of the run's process as an event; what a script printed before it on the same line is left out. */
const eventOf = (line: string): Option.Option<typeof Event.Type> => {
  for (let at = line.indexOf(eventStart), tries = 0; at !== -1 && tries < mostTries; tries++) {
    const event = decodeEvent(line.slice(at))
    if (Option.isSome(event)) return event
    at = line.indexOf(eventStart, at + 1)
  }
  return Option.none()
}

const eventStart = "{\"id\":"
/** What a script prints before an event may look like one. */
const mostTries = 20
const decodeEvent = Schema.decodeUnknownOption(Event)
