/**
 * `owf cancel RUN_ID`: stops a run of another process, so that it can be resumed.
 */
import * as Effect from "effect/Effect"
import * as LoadSlice from "../../report/LoadSlice.ts"
import type { RunState } from "../../report/RunReport.ts"
import { RunStore } from "../../store/RunStore.ts"
import { ExitCode } from "../ExitCode.ts"
import { Exited, Host } from "../Host.ts"
import type { Stopped } from "../Host.ts"
import * as Follow from "../live/Follow.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { named, reading, runId, withStore } from "./shared.ts"

/**
 * Stops a run of another process, so that it can be resumed.
 * @category constructors
 * @since 0.1.0
 */
export const cancel = Spec.make({
  name: "cancel",
  summary: "Stop a run of another process",
  details:
    "Its process is asked to stop, as with Ctrl-C, and records where the run stands; `owf resume` goes on with " +
    "it. Only a process that is still the one at work on the run is asked, and only an `owf` command: an application " +
    "that runs a workflow is not ended.",
  positional: runId,
  examples: ["owf cancel latest", "owf cancel latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const { stop } = yield* Host
      const store = yield* RunStore
      const options = yield* named(home)
      const found = yield* LoadSlice.run(id, options)
      const root = found.parentRunId === null ? found : yield* LoadSlice.run(found.rootRunId, options)
      const { owner } = yield* store.pulse(root.id)
      const asked: Stopped | "over" = Follow.isOver(root) ? "over" : owner === null ? "gone" : yield* stop(owner)
      const run = asked === "asked" ? yield* untilStopped(root, options) : root
      const detail = detailOf(asked, run, owner?.pid)
      if (json) {
        yield* printJson({
          run_id: run.id,
          status: run.status,
          stopped: asked === "asked",
          detail,
          resume: run.resumeCommand
        })
      } else {
        yield* print(`run ${run.id} is ${run.status}: ${detail}`)
        if (run.resumeCommand !== null) yield* note(`resume with: ${run.resumeCommand}`)
      }
      if (asked === "elsewhere" || asked === "foreign") return yield* new Exited({ code: ExitCode.owned })
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The run once its process has stored how it ended, or as it stands when that takes too long. */
const untilStopped = (run: RunState, options: LoadSlice.Options) =>
  Follow.events(run.id, { ...options, after: undefined, type: "none" }, () => Effect.void).pipe(
    Effect.timeout("20 seconds"),
    Effect.catchTag("TimeoutException", () => LoadSlice.run(run.id, options))
  )

const detailOf = (asked: Stopped | "over", { status }: RunState, pid: number | undefined): string => {
  switch (asked) {
    case "over":
      return "nobody is at work on it, and nothing was done"
    case "gone":
      return "the process that was at work on it has ended"
    case "asked":
      return status === "running" || status === "waiting"
        ? `process ${pid} was asked to stop, and has not yet`
        : `process ${pid} was asked to stop, and has`
    case "elsewhere":
      return `process ${pid} of another machine or container is at work on it; stop it there`
    case "foreign":
      return `process ${pid} is no owf command, and was not asked; stop the run where it was started`
  }
}
