/**
 * The template `fan-out`.
 */

/**
 * A call for each item at the same time, then a synthesis of the answers there are.
 * @category constructors
 * @since 0.1.0
 */
export const fanOut = (name: string): string =>
  `/**
 * Asks about each topic at the same time, then for a synthesis of the answers there are.
 */
import * as Schema from "effect/Schema"
import { agent, log, parallel, phase, Workflow } from "open-agent-workflows"

const Finding = Schema.Struct({ summary: Schema.String, risks: Schema.Array(Schema.String) })
const Found = Schema.Struct({ topic: Schema.String, ...Finding.fields })

export default Workflow.make({
  name: ${JSON.stringify(name)},
  description: "Collect what there is to say about each topic, then put it together",
  phases: ["collect", "synthesise"],
  args: Schema.Struct({
    topics: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["tests", "security", "docs"] })
  }),
  output: Schema.Struct({ findings: Schema.Array(Found), synthesis: Schema.String })
}, function*({ topics }) {
  yield* phase("collect")
  const results = yield* parallel(
    topics.map((topic) =>
      agent(\`What are the risks in our \${topic}?\`, { label: topic, schema: Finding, readScope: [] })
    ),
    { concurrency: 8 }
  )
  // a call that failed is a value here: the others are used all the same, and the record says what is missing
  const findings = results.flatMap((result, index) => result.ok ? [{ topic: topics[index] ?? "", ...result.value }] : [])
  yield* log("collected", { asked: topics.length, answered: findings.length })

  yield* phase("synthesise")
  const list = findings.map(({ risks, summary, topic }) => \`## \${topic}\\n\\n\${summary}\\n\\n- \${risks.join("\\n- ")}\`)
  const synthesis = yield* agent(
    \`Put these findings together in one page, the most important first.\\n\\n\${list.join("\\n\\n")}\`,
    { label: "synthesis", readScope: [] }
  )
  return { findings, synthesis: synthesis.text }
})
`
