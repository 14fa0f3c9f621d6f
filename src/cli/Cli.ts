/**
 * The `owf` command line, unrun: reads the words, does what they ask for, and gives the exit code.
 *
 * Nothing leaves here but an exit code: every error was reported, once, where it belongs.
 */
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import type * as Terminal from "@effect/platform/Terminal"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Argv from "./Argv.ts"
import { apply } from "./commands/apply.ts"
import { approve } from "./commands/approve.ts"
import { artifacts } from "./commands/artifacts.ts"
import { batchCancel } from "./commands/batchCancel.ts"
import { batchFetch } from "./commands/batchFetch.ts"
import { batchList } from "./commands/batchList.ts"
import { batchStatus } from "./commands/batchStatus.ts"
import { batchSubmit } from "./commands/batchSubmit.ts"
import { batchWait } from "./commands/batchWait.ts"
import { calls } from "./commands/calls.ts"
import { cancel } from "./commands/cancel.ts"
import { cat } from "./commands/cat.ts"
import { diff } from "./commands/diff.ts"
import { diffRuns } from "./commands/diffRuns.ts"
import { doctor } from "./commands/doctor.ts"
import { dryRun } from "./commands/dryRun.ts"
import { eject } from "./commands/eject.ts"
import { events } from "./commands/events.ts"
import { examples } from "./commands/examples.ts"
import { explainCache } from "./commands/explainCache.ts"
import { gc } from "./commands/gc.ts"
import { graph } from "./commands/graph.ts"
import { health } from "./commands/health.ts"
import { init } from "./commands/init.ts"
import { mcp } from "./commands/mcp.ts"
import { newCommand } from "./commands/new.ts"
import { output } from "./commands/output.ts"
import { prices } from "./commands/prices.ts"
import { providers } from "./commands/providers.ts"
import { report } from "./commands/report.ts"
import { resume } from "./commands/resume.ts"
import { run } from "./commands/run.ts"
import { runs } from "./commands/runs.ts"
import { status } from "./commands/status.ts"
import { usage } from "./commands/usage.ts"
import { validate } from "./commands/validate.ts"
import { watch } from "./commands/watch.ts"
import { worktrees } from "./commands/worktrees.ts"
import { ExitCode } from "./ExitCode.ts"
import * as Help from "./Help.ts"
import { Exited } from "./Host.ts"
import { note, plain, print } from "./Output.ts"
import * as Render from "./Render.ts"
import type { Env, Spec } from "./Spec.ts"
import * as Usage from "./UsageError.ts"
import { version } from "./Version.ts"

/**
 * Every command, in the order of the help.
 * @category models
 * @since 0.1.0
 */
export const specs: ReadonlyArray<Spec> = [
  run,
  resume,
  cancel,
  approve,
  runs,
  status,
  health,
  output,
  calls,
  events,
  watch,
  usage,
  report,
  diffRuns,
  explainCache,
  artifacts,
  cat,
  worktrees,
  diff,
  apply,
  gc,
  batchSubmit,
  batchStatus,
  batchWait,
  batchFetch,
  batchList,
  batchCancel,
  validate,
  graph,
  eject,
  dryRun,
  providers,
  prices,
  doctor,
  init,
  newCommand,
  examples,
  mcp
]

/**
 * Does what the words after `owf` ask for and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const main = (words: ReadonlyArray<string>): Effect.Effect<number, never, Env | Terminal.Terminal> => {
  const options = { json: Argv.has(words, "json"), debug: Argv.has(words, "debug") }
  return Either.match(Argv.read(specs, words), {
    onLeft: (error) => Render.report(Render.ofFailure(error), options),
    onRight: (request) => {
      switch (request._tag) {
        case "Version":
          return Effect.as(print(version), ExitCode.done)
        case "Help": {
          const text = request.spec === undefined ? Help.root(specs) : Help.command(request.spec)
          return request.asked ? Effect.as(print(text), ExitCode.done) : Effect.as(note(text), ExitCode.usage)
        }
        case "GroupHelp": {
          const text = Help.group(request.name, request.members)
          return request.asked ? Effect.as(print(text), ExitCode.done) : Effect.as(note(text), ExitCode.usage)
        }
        case "Command":
          return Effect.catchAllCause(
            Effect.as(parse(request.words), ExitCode.done),
            (cause) =>
              Option.match(exited(cause), {
                onNone: () => Render.report(Render.ofCause(cause), options),
                onSome: ({ code }) => Effect.succeed(code)
              })
          )
      }
    }
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tree = Command.make("owf").pipe(Command.withSubcommands(subcommands(specs)))

// what the parser has to say comes back as an error, which is reported like every other; it prints nothing itself
const parse = (words: ReadonlyArray<string>): Effect.Effect<void, unknown, Env | Terminal.Terminal> =>
  Effect.flatMap(
    silent,
    (console) => Effect.withConsole(Command.run(tree, { name: "owf", version })(["node", "owf", ...words]), console)
  ).pipe(
    Effect.mapError((error) =>
      ValidationError.isValidationError(error) ? Usage.make(plain(HelpDoc.toAnsiText(error.error)).trim()) : error
    )
  )

const silent = Effect.map(Console.consoleWith(Effect.succeed), (console): Console.Console => ({
  ...console,
  error: () => Effect.void,
  log: () => Effect.void
}))

function subcommands(specs: ReadonlyArray<Spec>) {
  const [first, ...rest] = specs.map((spec) => spec.command)
  if (first === undefined) throw new Error("Cli.subcommands: there are no commands")
  return [first, ...rest] as const
}

const exited = (cause: Cause.Cause<unknown>): Option.Option<Exited> =>
  Option.filter(Cause.failureOption(cause), (error): error is Exited => error instanceof Exited)
