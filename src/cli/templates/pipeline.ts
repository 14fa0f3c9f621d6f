/**
 * The template `pipeline`.
 */

/**
 * Items through stages without a barrier.
 * @category constructors
 * @since 0.1.0
 */
export const pipeline = (name: string): string =>
  `/**
 * Sends each topic through three stages without a barrier: one is edited while the next is still being drafted.
 */
import * as Schema from "effect/Schema"
import { agent, AgentResult, pipeline, Workflow } from "open-agent-workflows"

const Draft = Schema.Struct({ headline: Schema.String, body: Schema.String })
const Review = Schema.Struct({ publish: Schema.Boolean, remarks: Schema.Array(Schema.String) })

export default Workflow.make({
  name: ${JSON.stringify(name)},
  description: "Draft, review and edit a text about each topic",
  phases: ["draft", "review", "edit"],
  args: Schema.Struct({
    topics: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["tides", "glaciers", "dunes"] })
  }),
  output: Schema.Array(Schema.String)
}, function*({ topics }) {
  const texts = yield* pipeline(
    topics,
    (topic) =>
      agent(\`Draft a short text about \${topic}.\`, { label: topic, phase: "draft", schema: Draft, readScope: [] }),
    (draft, _index, topic) =>
      agent(\`Review this text.\\n\\n# \${draft.value.headline}\\n\\n\${draft.value.body}\`, {
        label: topic,
        phase: "review",
        schema: Review,
        readScope: []
      }),
    (review, _index, topic) =>
      agent(\`Edit the text about \${topic} after these remarks.\\n\\n\${review.value.remarks.join("\\n")}\`, {
        label: topic,
        phase: "edit",
        readScope: []
      }),
    { concurrency: 4 }
  )
  // an item that failed in a stage leaves the line there, and the others go on
  return texts.filter((text) => !AgentResult.isFailed(text)).map((text) => text.text)
})
`
