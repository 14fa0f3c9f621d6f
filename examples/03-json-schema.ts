/**
 * Checked answers from a JSON Schema.
 *
 * A call takes a plain JSON Schema as well; the answer is validated the same way and `result.value` is `unknown`.
 * All of draft 2020-12 is checked, formats included; a schema that is not valid is refused before anything is sent.
 *
 *     owf run examples/03-json-schema.ts --arg topic=tides
 */
import * as Schema from "effect/Schema"
import { agent, Workflow } from "open-agent-workflows"

const quiz = {
  type: "object",
  properties: {
    question: { type: "string", minLength: 1 },
    choices: { type: "array", items: { type: "string" }, minItems: 2, maxItems: 4 },
    answer: { type: "integer", minimum: 0, maximum: 3 }
  },
  required: ["question", "choices", "answer"],
  additionalProperties: false
} as const

export default Workflow.make({
  name: "quiz",
  description: "Write one multiple-choice question",
  args: Schema.Struct({ topic: Schema.optionalWith(Schema.String, { default: () => "tides" }) })
}, function*({ topic }) {
  const result = yield* agent(`Write one multiple-choice question about ${topic}.`, { label: "question", schema: quiz })
  return { quiz: result.value, checked: result.validationAttempts }
})
