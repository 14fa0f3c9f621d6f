/**
 * The template `review-panel`.
 */

/**
 * Reviewers with different eyes, then a judge who decides.
 * @category constructors
 * @since 0.1.0
 */
export const reviewPanel = (name: string): string =>
  `/**
 * Has reviewers look at one file with different eyes, then a judge decide.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, parallel, phase, Workflow } from "open-agent-workflows"

const Review = Schema.Struct({
  verdict: Schema.Literal("approve", "revise"),
  findings: Schema.Array(Schema.Struct({ severity: Schema.Literal("high", "medium", "low"), text: Schema.String }))
})
const Decision = Schema.Struct({ verdict: Schema.Literal("approve", "revise"), reasons: Schema.Array(Schema.String) })

export class NoReviews extends Schema.TaggedError<NoReviews>()("NoReviews", { file: Schema.String }) {
  override get message(): string {
    return \`Nobody reviewed \${this.file}.\`
  }
}

export default Workflow.make({
  name: ${JSON.stringify(name)},
  description: "Review a file with several pairs of eyes, then decide",
  phases: ["review", "decide"],
  args: Schema.Struct({
    file: Schema.optionalWith(Schema.String, { default: () => "README.md" }),
    eyes: Schema.optionalWith(Schema.Array(Schema.String), {
      default: () => ["correctness", "security", "readability"]
    })
  }),
  output: Schema.Struct({ reviews: Schema.Array(Review), decision: Decision })
}, function*({ eyes, file }) {
  yield* phase("review")
  // the answer depends on the file alone: it is asked for again when the file has changed
  const results = yield* parallel(
    eyes.map((eye) =>
      agent(\`Review the file \${file} for \${eye}.\`, { label: eye, schema: Review, readScope: [file] })
    ),
    { concurrency: 4 }
  )
  const reviews = results.flatMap((result) => result.ok ? [result.value] : [])
  if (reviews.length === 0) return yield* Effect.fail(new NoReviews({ file }))

  yield* phase("decide")
  const decision = yield* agent(
    \`Decide from these reviews whether \${file} can stay as it is.\\n\\n\${JSON.stringify(reviews, null, 2)}\`,
    { label: "judge", schema: Decision, readScope: [] }
  )
  return { reviews, decision: decision.value }
})
`
