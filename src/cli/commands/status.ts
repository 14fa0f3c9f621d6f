/**
 * `owf status RUN_ID`: shows where a run stands.
 */
import * as Effect from "effect/Effect"
import * as LoadSlice from "../../report/LoadSlice.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { ApprovalReport, RunStanding } from "../../report/RunReport.ts"
import { print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import { named, reading, runId, withStore } from "./shared.ts"

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
      const options = yield* named(home)
      const standing = yield* LoadSlice.standing(id, { ...options, isWhole: json })
      if (!json) return yield* print(RunView.render(standing, home))
      const calls = yield* LoadSlice.calls(standing.run.id)
      yield* printJson(documentOf(standing, calls.map(ReportJson.call)))
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const documentOf = (
  { approvals, directory, own, run, runs }: RunStanding,
  calls: ReadonlyArray<ReturnType<typeof ReportJson.call>>
) => {
  const asked = approvals.filter(({ decision }) => decision === null)
  const answered = approvals.filter(({ decision }) => decision !== null)
  const list = (name: string, approvals: ReadonlyArray<ApprovalReport>) =>
    approvals.length === 0 ? {} : { [name]: approvals.map(ReportJson.approval) }
  return {
    run: ReportJson.run(run),
    run_dir: directory,
    own: ReportJson.encode(own),
    calls,
    children: runs.filter(({ parentRunId }) => parentRunId === run.id).map(ReportJson.run),
    ...list("approvals", asked),
    ...list("answered", answered),
    ...(run.message === null ? {} : { message: run.message }),
    resume: run.resumeCommand
  }
}
