/**
 * A panel of models, and a judge.
 *
 * Several models answer one question at the same time; a judge reads the answers and decides.
 * A model that fails does not stop the others: the judge gets the answers there are.
 *
 *     owf run examples/05-panel.ts --args-json '{"question":"Is a monorepo worth it?","models":["small","large"]}'
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

const Verdict = Schema.Struct({ best: Schema.String, because: Schema.String })

export class NoAnswers extends Schema.TaggedError<NoAnswers>()("NoAnswers", { models: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `None of ${this.models.join(", ")} answered.`
  }
}

export default Workflow.make({
  name: "panel",
  description: "Ask several models and let a judge decide",
  phases: ["ask", "judge"],
  args: Schema.Struct({
    question: Schema.optionalWith(Schema.String, { default: () => "Which tests should a small library have?" }),
    models: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["small", "medium", "large"] })
  }),
  output: Schema.Struct({
    answers: Schema.Array(Schema.Struct({ model: Schema.String, text: Schema.String })),
    verdict: Verdict
  })
}, function*({ models, question }) {
  yield* phase("ask")
  const panel = yield* parallel(models.map((model) => agent(question, { label: model, model, readScope: [] })))
  const answers = panel.flatMap((result) => result.ok ? [{ model: result.model, text: result.text }] : [])
  // an error of your own: it is part of the workflow's type and ends the run as failed
  if (answers.length === 0) return yield* Effect.fail(new NoAnswers({ models }))

  yield* phase("judge")
  const list = answers.map(({ model, text }) => `## ${model}\n\n${text}`).join("\n\n")
  const verdict = yield* agent(`Question: ${question}\n\nName the best of these answers and say why.\n\n${list}`, {
    label: "judge",
    schema: Verdict,
    readScope: []
  })
  return { answers, verdict: verdict.value }
})
