import * as Schema from "effect/Schema"
import { agent, Workflow } from "open-agent-workflows"

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })

export default Workflow.make({
  name: "real-program",
  description: "Asks one question, for a text, a value that fits a schema, or a change",
  args: Schema.Struct({
    prompt: Schema.String,
    kind: Schema.optionalWith(Schema.Literal("text", "value", "change"), { default: () => "text" as const }),
    permissions: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
  }),
  output: Schema.Unknown
}, function*({ kind, permissions, prompt }) {
  if (kind === "value") return (yield* agent(prompt, { schema: Label })).value
  const options = kind === "change" ? { writeScope: ["**"], permissions } : {}
  return (yield* agent(prompt, options)).text
})
