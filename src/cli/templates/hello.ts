/**
 * The template `hello`.
 */

/**
 * One call, with an argument and a typed answer.
 * @category constructors
 * @since 0.1.0
 */
export const hello = (name: string): string =>
  `/**
 * Greets a subject: one call with an argument and a typed answer.
 */
import * as Schema from "effect/Schema"
import { agent, phase, Workflow } from "open-agent-workflows"

const Greeting = Schema.Struct({ greeting: Schema.String, language: Schema.String })

export default Workflow.make({
  name: ${JSON.stringify(name)},
  description: "Greet a subject",
  phases: ["greet"],
  args: Schema.Struct({ subject: Schema.optionalWith(Schema.String, { default: () => "the reader" }) }),
  output: Greeting
}, function*({ subject }) {
  yield* phase("greet")
  // readScope [] says that the answer depends on no files, so that it can be answered from the cache
  const result = yield* agent(\`Greet \${subject} in one sentence.\`, {
    label: "greeting",
    schema: Greeting,
    readScope: []
  })
  return result.value
})
`
