/**
 * Several agents that change one repository at the same time, each in a git worktree of its own.
 *
 * Your checkout stays as it is. The last step collects the patches and has them reviewed; `owf diff` shows one,
 * `owf apply` brings it into your files. Run it inside a git repository; the fake provider changes no files.
 *
 *     owf run examples/12-worktrees.ts --provider claude
 */
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "worktrees",
  description: "Have each task done in a worktree of its own, then review the patches",
  phases: ["change", "review"],
  args: Schema.Struct({
    tasks: Schema.optionalWith(Schema.Array(Schema.String), {
      default: () => ["Fix typing errors in the README.", "Add a missing unit test.", "Remove dead code."]
    }),
    // paths and patterns the agents may change; anything else makes their call fail, with the patch kept
    writeScope: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["**"] })
  })
}, function*({ tasks, writeScope }) {
  yield* phase("change")
  const results = yield* parallel(
    tasks.map((task) => agent(task, { label: task, isolation: "worktree", writeScope })),
    { concurrency: 4 }
  )
  const changes = results.flatMap((result) =>
    result.ok && result.patch !== null
      ? [{ callId: result.callId, branch: result.worktreeBranch, files: result.changedFiles, patch: result.patch }]
      : []
  )
  const failed = results.flatMap((result) => result.ok ? [] : [{ task: result.label, error: result.error }])

  yield* phase("review")
  const review = changes.length === 0 ? null : yield* agent(
    ["Which of these patches should be applied, and in which order?", ...changes.map(({ patch }) => patch)].join(
      "\n\n"
    ),
    { label: "review", readScope: [] }
  )

  return {
    changed: changes.map(({ branch, callId, files }) => ({ callId, branch, files: files.map(({ path }) => path) })),
    failed,
    review: review?.text ?? null
  }
})
