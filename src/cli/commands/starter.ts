/**
 * The workflow `owf new` writes: short, typed, and of use without a key.
 */

/**
 * The text of a new workflow file.
 * @category constructors
 * @since 0.1.0
 */
export const starter = (file: string): string => {
  const name = file.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "").toLowerCase()
  return `/**
 * Asks about each topic in parallel, then for a summary.
 */
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

const Finding = Schema.Struct({ topic: Schema.String, risks: Schema.Array(Schema.String) })

export default Workflow.make({
  name: ${JSON.stringify(name === "" ? "workflow" : name)},
  description: "Collect the risks of a few topics and summarize them",
  phases: ["collect", "summarize"],
  args: Schema.Struct({
    topics: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["tests", "security", "docs"] })
  }),
  output: Schema.Struct({ findings: Schema.Array(Finding), summary: Schema.String })
}, function*({ topics }) {
  yield* phase("collect")
  const results = yield* parallel(
    topics.map((topic) => agent(\`What are the risks in our \${topic}?\`, { label: topic, schema: Finding })),
    { concurrency: 4 }
  )
  const findings = results.flatMap((result) => result.ok ? [result.value] : [])

  yield* phase("summarize")
  const summary = yield* agent(\`Summarize in a sentence: \${JSON.stringify(findings)}\`, { label: "summary" })
  return { findings, summary: summary.value }
})
`
}
