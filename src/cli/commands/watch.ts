/**
 * `owf watch RUN_ID`: shows a run of another process while it works.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ProviderReason } from "../../domain/AgentError.ts"
import * as LoadSlice from "../../report/LoadSlice.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { RunState } from "../../report/RunReport.ts"
import type { RunNotFound, RunStore, StoreError } from "../../store/RunStore.ts"
import { ExitCode, ofError } from "../ExitCode.ts"
import * as Flag from "../Flag.ts"
import { Exited } from "../Host.ts"
import * as Follow from "../live/Follow.ts"
import * as Live from "../live/Live.ts"
import { note, Output, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import { named, reading, runId, withStore } from "./shared.ts"

/**
 * Shows a run of another process while it works.
 * @category constructors
 * @since 0.1.0
 */
export const watch = Spec.make({
  name: "watch",
  summary: "Show a run of another process while it works",
  details: "It ends when the run does, with the run's exit code. Ctrl-C ends watching and not the run.",
  positional: runId,
  examples: ["owf watch latest", "owf watch latest --no-color"],
  flags: { noColor: Flag.noColor, ...reading }
}, ({ home, json, noColor }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const options = { ...yield* named(home), isWhole: json }
      const asked = yield* LoadSlice.run(id)
      if (asked.id !== asked.rootRunId) {
        yield* note(`run ${asked.id} is part of run ${asked.rootRunId}, which is watched`)
      }
      if (!json) yield* note(`watching run ${asked.rootRunId}`)
      const output = yield* Output
      const { rootRunId } = asked
      let budget = Follow.budgetOf(asked)
      const print = (text: string): void => void Effect.runFork(output.note(text))
      const live = Live.make({
        screen: json || noColor ? undefined : output.screen,
        line: json ? () => undefined : print,
        budget: () => budget,
        flags: RunView.homeFlag(home)
      })
      const run = yield* Effect.ensuring(
        Follow.signals(rootRunId, {
          before: live.before,
          signal: live.signal,
          run: (run) => budget = Follow.budgetOf(run)
        }, options),
        Effect.sync(live.close)
      )
      const summary = live.summary(yield* Clock.currentTimeMillis, RunView.homeFlag(home))
      if (json) yield* printJson({ run: ReportJson.run(run) })
      else {yield* note(
          [`run ${run.id} is ${run.status}${why(run)}`, ...(summary === undefined ? [] : [summary])].join("\n")
        )}
      if (isDead(run)) yield* note(`the process that was at work on it has ended without saying so`)
      if (run.resumeCommand !== null) yield* note(`resume with: ${run.resumeCommand}`)
      const code = yield* codeOf(run)
      if (code !== ExitCode.done) return yield* new Exited({ code })
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const why = ({ error }: RunState): string => error === null ? "" : `: ${error.message}`

/** An owner that stops a run stores why; one that died could not. */
const isDead = ({ errorKind, status }: RunState): boolean => status === "interrupted" && errorKind === null

/** The exit code the run's own command ends with, unless a signal other than Ctrl-C stopped it. */
const codeOf = (run: RunState): Effect.Effect<number, StoreError | RunNotFound, RunStore> => {
  const { errorKind, status } = run
  if (status === "done") return Effect.succeed(ExitCode.done)
  if (status === "degraded") return Effect.succeed(ExitCode.degraded)
  if (errorKind === null || errorKind === "Interrupted") return Effect.succeed(ExitCode.interrupted)
  return Effect.map(reasonOf(run), (reason) => ofError(errorKind, reason))
}

/** Why the provider refused the call that failed last, where that is what the run failed with. */
const reasonOf = (
  { errorKind, id }: RunState
): Effect.Effect<string | undefined, StoreError | RunNotFound, RunStore> =>
  errorKind !== "ProviderFailed"
    ? Effect.succeed(undefined)
    : Effect.map(LoadSlice.standing(id), ({ calls }) => {
      const failed = calls.findLast(({ runId, status }) => runId === id && status === "provider_failed")
      return Option.getOrUndefined(Schema.decodeUnknownOption(ProviderReason)(failed?.errorKind))
    })
