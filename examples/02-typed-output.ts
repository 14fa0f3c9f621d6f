/**
 * Typed answers from an Effect Schema.
 *
 * An Effect Schema says what an answer must be; `result.value` has its type, and an answer that does not fit is asked for
 * again with what was wrong. Arguments and output have schemas too, so a caller's mistakes show before anything is sent.
 *
 *     owf run examples/02-typed-output.ts --args-json '{"issues":["It crashes on start","Add a dark theme"]}'
 */
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

export const Label = Schema.Struct({
  label: Schema.Literal("bug", "feature", "question"),
  confidence: Schema.Number.pipe(Schema.between(0, 1)),
  reasons: Schema.Array(Schema.String)
})

export default Workflow.make({
  name: "classify",
  description: "Label issues",
  phases: ["label"],
  args: Schema.Struct({
    issues: Schema.optionalWith(Schema.Array(Schema.String), { default: () => ["It crashes on start"] })
  }),
  output: Schema.Array(Schema.Struct({ issue: Schema.String, label: Label.fields.label }))
}, function*({ issues }) {
  yield* phase("label")
  const results = yield* parallel(
    issues.map((issue) => agent(`Label this issue: ${issue}`, { label: issue, schema: Label, readScope: [] })),
    { concurrency: 12 }
  )
  // results stand in the order of the issues; one that failed is `ok: false` and leaves its issue without a label
  return results.flatMap((result, index) =>
    result.ok ? [{ issue: issues[index] ?? "", label: result.value.label }] : []
  )
})
