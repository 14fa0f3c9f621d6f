/**
 * `owf status RUN_ID`: shows where a run stands.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import { RunFiles } from "../../store/RunFiles.ts"
import { RunStore } from "../../store/RunStore.ts"
import { Host } from "../Host.ts"
import { print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import { encode, findRun, loadReport, reading, runId, withStore } from "./shared.ts"

/**
 * Shows where a run stands.
 * @category constructors
 * @since 0.1.0
 */
export const status = Spec.make({
  name: "status",
  summary: "Show where a run stands",
  positional: runId,
  examples: ["owf status latest", "owf status latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      if (!json) return yield* print(RunView.render(yield* loadReport(id, home)))
      const { home: at, shown } = yield* Host
      const run = yield* findRun(id)
      const store = yield* RunStore
      const calls = yield* store.calls(run.id)
      const children = yield* store.children(run.id)
      const approvals = (yield* store.approvals(run.rootRunId)).filter(({ decision, runId }) =>
        decision === null && (run.parentRunId === null || runId === run.id)
      )
      const message = yield* RunView.messageOf(run.id)
      const directory = (yield* RunFiles).directory(run.id)
      const resume = RunView.resumeCommand(run, home === undefined ? undefined : shown(at(home)))
      yield* printJson({
        run: encode(Records.Run, run),
        run_dir: directory,
        calls: calls.map((call) => encode(Records.Call, call)),
        children: children.map((child) => encode(Records.Run, child)),
        ...(approvals.length === 0
          ? {}
          : { approvals: approvals.map((approval) => encode(Records.Approval, approval)) }),
        ...(message === undefined ? {} : { message }),
        resume: resume ?? null
      })
    })
  ))
