/**
 * Workflows that call workflows.
 *
 * A workflow called from another one is a child run: rows of its own in the store, the parent's home and budget.
 * On resume each child finds its own run again, by its name and arguments.
 *
 *     owf run examples/07-nested.ts --args-json '{"topics":["tides","dunes"]}'
 */
import * as Schema from "effect/Schema"
import { agent, AgentResult, parallel, phase, Workflow, workflow } from "open-agent-workflows"

/** One topic: facts first, then a paragraph made of them. It can be run on its own as well. */
export const research = Workflow.make({
  name: "research",
  description: "Research one topic",
  phases: ["facts", "write"],
  args: Schema.Struct({ topic: Schema.String }),
  output: Schema.Struct({ topic: Schema.String, text: Schema.String })
}, function*({ topic }) {
  yield* phase("facts")
  const facts = yield* agent(`List facts about ${topic}.`, { schema: Schema.Array(Schema.String) })
  yield* phase("write")
  const text = yield* agent(`Write one paragraph about ${topic} from these facts:\n\n${facts.value.join("\n")}`)
  return { topic, text: text.text }
})

export default Workflow.make({
  name: "report",
  description: "Research several topics and introduce them",
  phases: ["research", "introduce"],
  args: Schema.Struct({
    topics: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["tides", "dunes"] })
  }),
  output: Schema.Struct({
    introduction: Schema.String,
    chapters: Schema.Array(Schema.Struct({ topic: Schema.String, text: Schema.String }))
  })
}, function*({ topics }) {
  yield* phase("research")
  const children = yield* parallel(topics.map((topic) => workflow(research, { topic })), { concurrency: 4 })
  const chapters = children.flatMap((child) => AgentResult.isFailed(child) ? [] : [child])

  yield* phase("introduce")
  const list = chapters.map(({ topic }) => topic).join(", ")
  const introduction = yield* agent(`Introduce a report about ${list}.`, { label: "introduction" })
  return { introduction: introduction.text, chapters }
})
