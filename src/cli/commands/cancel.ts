/**
 * `owf cancel RUN_ID`: stops a run of another process, so that it can be resumed.
 */
import * as Effect from "effect/Effect"
import type * as Records from "../../domain/Records.ts"
import { RunStore } from "../../store/RunStore.ts"
import { ExitCode } from "../ExitCode.ts"
import { Exited, Host } from "../Host.ts"
import type { Stopped } from "../Host.ts"
import * as Follow from "../live/Follow.ts"
import { note, print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import { findRun, reading, runId, withStore } from "./shared.ts"

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
      const { home: at, shown, stop } = yield* Host
      const store = yield* RunStore
      const found = yield* findRun(id)
      const root = found.parentRunId === null ? found : yield* store.run(found.rootRunId)
      const { owner } = yield* store.pulse(root.id)
      const asked: Stopped | "over" = Follow.isOver(root) ? "over" : owner === null ? "gone" : yield* stop(owner)
      const run = asked === "asked" ? yield* untilStopped(root) : root
      const detail = detailOf(asked, run, owner?.pid)
      const resume = RunView.resumeCommand(run, home === undefined ? undefined : shown(at(home)))
      if (json) {
        yield* printJson({
          run_id: run.id,
          status: run.status,
          stopped: asked === "asked",
          detail,
          resume: resume ?? null
        })
      } else {
        yield* print(`run ${run.id} is ${run.status}: ${detail}`)
        if (resume !== undefined) yield* note(`resume with: ${resume}`)
      }
      if (asked === "elsewhere" || asked === "foreign") return yield* new Exited({ code: ExitCode.owned })
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The run once its process has stored how it ended, or as it stands when that takes too long. */
const untilStopped = (run: Records.Run) =>
  Effect.flatMap(RunStore, (store) =>
    Follow.events(run.id, { after: undefined, type: "none" }, () => Effect.void).pipe(
      Effect.timeout("20 seconds"),
      Effect.catchTag("TimeoutException", () => store.run(run.id))
    ))

const detailOf = (asked: Stopped | "over", { status }: Records.Run, pid: number | undefined): string => {
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
