/**
 * A budget that holds, and a last step that is paid for.
 *
 * A run's budget is reserved before each request and settled after it, so that parallel calls together stay inside it.
 * This program keeps tokens back for its last step, stops early where money runs out, and says how far it got.
 *
 *     owf run examples/08-budget.ts --budget-tokens 20000
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, budget, log, parallel, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "chapters",
  description: "Write as many chapters as the budget allows, and always a summary",
  phases: ["chapters", "summary"],
  args: Schema.Struct({
    titles: Schema.optionalWith(Schema.Array(Schema.String), {
      default: () => ["Spring", "Summer", "Autumn", "Winter"]
    }),
    summaryTokens: Schema.optionalWith(Schema.Number, { default: () => 1_000 })
  }),
  output: Schema.Struct({
    chapters: Schema.Array(Schema.String),
    missing: Schema.Array(Schema.String),
    summary: Schema.NullOr(Schema.String),
    spentTokens: Schema.Number
  })
}, function*({ summaryTokens, titles }) {
  yield* phase("chapters")
  // held back from every other call until the scope closes, which is before the summary is asked for
  const results = yield* Effect.scoped(Effect.gen(function*() {
    yield* budget.reserve({ tokens: summaryTokens })
    return yield* parallel(titles.map((title) => agent(`Write the chapter "${title}".`, { label: title })), {
      concurrency: 4
    })
  }))
  const chapters = results.flatMap((result) => result.ok ? [result.text] : [])
  const missing = titles.filter((_, index) => results[index]?.status === "budget_exceeded")
  if (missing.length > 0) yield* log("the budget did not reach for every chapter", { missing })

  yield* phase("summary")
  // where nobody handles it, BudgetExceeded ends the run as interrupted: resume it with a larger budget
  const summary = (yield* budget.canSpend({ tokens: summaryTokens }))
    ? yield* agent(`Summarise these chapters:\n\n${chapters.join("\n\n")}`, { label: "summary" }).pipe(
      Effect.map(({ text }) => text),
      Effect.catchTag("BudgetExceeded", () => Effect.succeed(null))
    )
    : null
  const { spentTokens } = yield* budget.status
  return { chapters, missing, summary, spentTokens }
})
