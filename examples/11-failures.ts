/**
 * Failures as errors and as values.
 *
 * `agent` fails with a closed union of errors: handle one by its tag, or turn any of them into a value with `settle`.
 * `parallel` gives failures as values by itself; with `failFast` the first failure stops what has not finished.
 *
 *     owf run examples/11-failures.ts
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, AgentResult, parallel, Workflow } from "open-agent-workflows"

const Score = Schema.Struct({ score: Schema.Number })

export default Workflow.make({
  name: "failures",
  description: "Four ways to meet a failure",
  // a provider that does not exist makes a call fail offline, before anything is sent
  args: Schema.Struct({ broken: Schema.optionalWith(Schema.String, { default: () => "no-such-provider" }) })
}, function*({ broken }) {
  // 1. settled: a value with `ok`, `status`, `error`, and the text the provider gave if it gave any
  const settled = yield* AgentResult.settle(agent("Greet the reader.", { label: "settled", provider: broken }))

  // 2. by tag: another provider where this one does not work, and the raw text where it does not fit the schema
  const scored = yield* agent("Score this sentence.", { label: "scored", provider: broken, schema: Score }).pipe(
    Effect.catchTag(
      "ProviderFailed",
      "InvalidCall",
      () => agent("Score this sentence.", { label: "scored elsewhere", schema: Score })
    ),
    Effect.map(({ value }) => JSON.stringify(value)),
    Effect.catchTag("SchemaFailed", ({ result }) => Effect.succeed(result.text ?? ""))
  )

  // 3. a fan-out: the failed item is a value between the others
  const all = yield* parallel([
    agent("First.", { label: "first" }),
    agent("Second.", { label: "second", provider: broken }),
    agent("Third.", { label: "third" })
  ])

  // 4. failFast: what had not finished is `cancelled`
  const fast = yield* parallel([
    agent("Fourth.", { label: "fourth" }),
    agent("Fifth.", { label: "fifth", provider: broken }),
    agent("Sixth.", { label: "sixth" })
  ], { concurrency: 1, failFast: true })

  return {
    settled: { ok: settled.ok, status: settled.status, error: settled.error },
    scored,
    all: all.map(({ status }) => status),
    fast: fast.map(({ status }) => status)
  }
})
