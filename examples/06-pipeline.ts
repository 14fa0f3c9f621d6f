/**
 * A pipeline of stages without a barrier.
 *
 * Items pass through stages without a barrier: one topic is edited while the next is still being drafted.
 * Each stage is typed by the one before it; an item that fails leaves the line and the others go on.
 *
 *     owf run examples/06-pipeline.ts --args-json '{"topics":["tides","glaciers"]}'
 */
import * as Schema from "effect/Schema"
import { agent, AgentResult, pipeline, Workflow } from "open-agent-workflows"

const Draft = Schema.Struct({ headline: Schema.String, body: Schema.String })
const Review = Schema.Struct({ publish: Schema.Boolean, remarks: Schema.Array(Schema.String) })

export default Workflow.make({
  name: "newsroom",
  description: "Draft, review and edit short articles",
  phases: ["draft", "review", "edit"],
  args: Schema.Struct({
    topics: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["tides", "glaciers", "dunes"] })
  }),
  output: Schema.Array(Schema.String)
}, function*({ topics }) {
  const articles = yield* pipeline(
    topics,
    (topic) => agent(`Draft a short article about ${topic}.`, { label: topic, phase: "draft", schema: Draft }),
    (draft, _index, topic) =>
      agent(`Review this article:\n\n${draft.value.body}`, { label: topic, phase: "review", schema: Review }),
    (review, _index, topic) =>
      agent(`Edit the article about ${topic} after these remarks:\n\n${review.value.remarks.join("\n")}`, {
        label: topic,
        phase: "edit"
      }),
    { concurrency: 2 }
  )
  return articles.filter((article) => !AgentResult.isFailed(article)).map((article) => article.text)
})
