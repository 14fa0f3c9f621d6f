/**
 * The template `worktree-fixers`.
 */

/**
 * Agents that change one repository at the same time, each in a worktree of its own.
 * @category constructors
 * @since 0.1.0
 */
export const worktreeFixers = (name: string): string =>
  `/**
 * Has each task done in a git worktree of its own, then the patches reviewed. Your checkout stays as it is.
 *
 * \`owf worktrees\` lists what was left, \`owf diff CALL\` shows a patch, \`owf apply CALL\` brings it into your files.
 */
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: ${JSON.stringify(name)},
  description: "Have each task done in a worktree of its own, then review the patches",
  phases: ["fix", "review"],
  mutatesFiles: true,
  args: Schema.Struct({
    tasks: Schema.optionalWith(Schema.Array(Schema.String), {
      default: () => ["Correct the spelling in the README.", "Add a missing unit test."]
    }),
    // what the agents may change; anything else makes their call fail, with the patch kept
    writeScope: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["**"] })
  })
}, function*({ tasks, writeScope }) {
  yield* phase("fix")
  const results = yield* parallel(
    tasks.map((task) => agent(task, { label: task, isolation: "worktree", writeScope })),
    { concurrency: 4 }
  )
  const fixes = results.flatMap((result) =>
    result.ok && result.patch !== null ? [{ call: result.callId, patch: result.patch }] : []
  )
  const failed = results.flatMap((result) => result.ok ? [] : [{ task: result.label, error: result.error }])

  yield* phase("review")
  const review = fixes.length === 0 ? null : yield* agent(
    \`In which order should these patches be applied, and which should not?\\n\\n\${
      fixes.map(({ call, patch }) => \`## \${call}\\n\\n\${patch}\`).join("\\n\\n")
    }\`,
    { label: "review", readScope: [] }
  )
  return { calls: fixes.map(({ call }) => call), failed, review: review?.text ?? null }
})
`
